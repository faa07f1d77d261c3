"""A partner's document brought at a desk, reviewed, taken in part, and looked at by a second person on a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.records.models import Event
from tests.support.factories import World
from tests.support.foreign import BROUGHT_AT, document
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any) -> Iterator[World]:
    with clock.use(clock.FrozenClock(BROUGHT_AT)) as frozen:
        made = World()
        made.time = frozen
        assert made.course.events.count() == 1  # it has started
        yield made


def test_it_is_reviewed_at_a_desk_and_seen_later_on_a_phone(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    tmp_path: Path,
):
    file = tmp_path / "summary.json"
    file.write_bytes(document(person={"birthDate": "1950-04-06"}))
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.nurse, live_server.url)
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/")
    desk.get_by_role("link", name="Import a document of another site").click()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "import-bring")
    desk.get_by_label("File").set_input_files(file)
    desk.get_by_role("button", name="Read it for review").click()
    expect(desk.get_by_text("do not say the same: birth date")).to_be_visible()
    expect(desk.get_by_text("a dose of teclistamab that the record does not have")).to_be_visible()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "import-review-desk")

    expect(desk.get_by_role("checkbox", name="weight: 71.4 kg")).to_be_checked()
    expect(desk.get_by_role("checkbox", name="dose given")).not_to_be_checked()
    desk.get_by_role("checkbox", name="dose given").check()
    desk.get_by_role("button", name="Record the ticked facts").click()
    expect(desk.get_by_role("alert")).to_contain_text("tick the sentence above the button")
    expect(desk.get_by_role("checkbox", name="dose given")).to_be_checked()
    desk.get_by_role("checkbox", name="I have checked").check()
    desk.get_by_label("Why it is the same person").fill("the practice typed the day wrongly; called them")
    desk.get_by_role("button", name="Record the ticked facts").click()
    expect(desk.get_by_text("5 facts recorded, 0 were here already.")).to_be_visible()
    expect(desk.get_by_text("Although these differ: birth date")).to_be_visible()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "import-taken-desk")
    assert Event.objects.filter(source="import").count() == 5

    options = ON_PHONE
    world.time.advance(minutes=10)
    phone = sign_in(open_context(**options), world.alice.oncologist, live_server.url)
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/imports/")
    expect(phone.get_by_text("5 facts taken")).to_be_visible()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "import-list-phone")
    phone.get_by_role("link", name="Review").click()
    expect(phone.get_by_text("already in the record").first).to_be_visible()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "import-review-phone")
    phone.emulate_media(color_scheme="dark")
    phone.reload()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "import-review-phone-dark")
    phone.locator("#why").fill("the rest we have ourselves")
    phone.get_by_role("button", name="Dismiss the document").click()
    expect(phone.get_by_text("dismissed, 5 facts taken before")).to_be_visible()
    desk.emulate_media(color_scheme="dark")
    desk.reload()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "import-decided-desk-dark")
