"""The training desks in a real browser: patient and caregiver are taught on a phone, and every page is read by everybody."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.registry import bring_out, complete_module, record_drill
from handrail.people.models import Membership
from handrail.people.scope import everything
from handrail.records.models import Event
from tests.support.factories import MONDAY_0900, World, make_certificate, make_member
from tests.support.screens import each_look
from tests.support.seeing import enter_board, give_password, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = MONDAY_0900 + timedelta(hours=1)
TODAY = date(2026, 3, 2)


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    """A manager who also gives doses, a new version, a document to sign, a drill that was too slow, a certified prescriber."""
    with clock.use(clock.FrozenClock(NOW)), everything():
        world = World()
        hub, by = world.alice.organisation, person(world.alice.director)
        world.manager = make_member(hub, "nurse", "Nurse Flores")
        Membership.objects.create(organisation=hub, user=world.manager, role="site_manager", valid_from=MONDAY_0900)
        give_password(world.manager)
        make_certificate(hub, world.alice.oncologist, kind="rems:teclistamab")
        complete_module(hub.pk, user_id=world.alice.nurse.pk, module="ice", on=TODAY, by=by)
        bring_out(hub.pk, what="module", subject="ice", version="2", reason="new scale", by=by)
        bring_out(hub.pk, what="document", subject="CRS protocol", title="CRS protocol", version="4", reason="x", by=by)
        slow = {"call_answered": Decimal(7), "packet_opened": Decimal(9)}
        record_drill(
            hub.pk,
            site_id=world.alice.site.pk,
            kind="phone_after_hours",
            on=TODAY,
            minutes=slow,
            correct_grade=True,
            by=by,
            words={"action": "second number on the card", "action_owner": "coordinator"},
        )
        assert world.course
        yield world


@each_look
def test_every_page_of_training_is_read_by_everybody(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: str,
    request: pytest.FixtureRequest,
) -> None:
    page = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    enter_board(page, world.manager, live_server.url)
    paths = {
        "teach-back": f"/courses/{world.course.pk}/teach-back/",
        "modules": "/programme/modules/",
        "drills": "/programme/drills/",
        "training": "/rota/training/",
    }
    for name, path in paths.items():
        page.goto(f"{live_server.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} scrolls sideways"
        picture(page, f"{name}-{request.node.callspec.id}")
        assert axe(page) == [], name


def test_the_patient_is_taught_on_a_phone(world: World, live_server: Any, phone: Page) -> None:
    enter_board(phone, world.manager, live_server.url)
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/")
    phone.get_by_role("link", name="Teach-back of patient and caregiver").click()
    expect(phone.get_by_role("heading", name="Patient: 0 of 11 passed")).to_be_visible()
    for item in phone.get_by_label("Passed", exact=True).all():
        item.check()
    phone.get_by_role("group", name="Has the card with its code at hand").get_by_label("Repeat").check()
    phone.get_by_role("group", name="In their own language").get_by_label("Yes").check()
    phone.get_by_role("button", name="Save for the patient").click()
    expect(phone.get_by_role("heading", name="Patient: 10 of 11 passed")).to_be_visible()
    assert Event.objects.filter(kind="teach_back_done").count() == 1
    picture(phone, "taught-phone")
