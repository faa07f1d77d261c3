"""One referral in the browser: a practice without an account on a phone, the hub's desk, and back to the practice."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.jobs.watcher import Watcher
from handrail.people.models import Referral
from tests.journeys.test_handoffs import looked_at
from tests.support.factories import World
from tests.support.mail import MailServer, mail_server, use_port
from tests.support.referrals import MESSAGE, RATIONALE, door_of, to_the_practice
from tests.support.screens import DESKTOP
from tests.support.seeing import press, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MONDAY = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def world(live_server: Any, settings: Any, mail: MailServer) -> Iterator[World]:
    use_port(settings, mail.port)
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(MONDAY)) as frozen:
        world = World()
        world.time = frozen
        yield world


def test_a_practice_refers_on_a_phone_and_learns_that_it_was_decided(
    world: World, mail: MailServer, live_server: Any, phone: Page, open_context: Callable[..., BrowserContext], axe: Any
):
    url = live_server.url
    door = door_of(world.alice)
    phone.goto(f"{url}/refer/{door.code}/")
    phone.get_by_label("Practice (needed)").fill("Synthetic Practice")
    phone.get_by_label("E-mail", exact=True).fill("desk at practice")
    phone.get_by_label("Family name").fill("Referred")
    phone.get_by_label("Earlier lines of therapy").fill("2")
    phone.get_by_role("group", name="Is there a caregiver?").get_by_label("No", exact=True).check()
    press(phone, phone.get_by_role("button", name="Send the referral"))
    expect(phone.get_by_text("That is no e-mail address.")).to_be_visible()
    expect(phone.get_by_label("Family name")).to_have_value("Referred")
    looked_at(phone, axe, "refer-form")
    press(phone, phone.get_by_role("button", name="Español"))
    expect(phone.get_by_role("heading", name="Referir a un paciente a")).to_be_visible()
    expect(phone.get_by_label("Apellidos")).to_have_value("Referred")
    looked_at(phone, axe, "refer-form-es")
    press(phone, phone.get_by_role("button", name="English"))
    expect(phone.get_by_label("Earlier lines of therapy")).to_have_value("2")
    phone.get_by_label("E-mail", exact=True).fill("desk@practice.example")
    press(phone, phone.get_by_role("button", name="Send the referral"))
    expect(phone.get_by_role("heading", name="The referral has arrived")).to_be_visible()
    looked_at(phone, axe, "refer-sent")
    kept = Referral.objects.get()
    Watcher().look()
    (told,) = to_the_practice(mail)
    assert kept.code in told.body and "Referred" not in told.raw.decode()
    press(phone, phone.get_by_role("link", name="How far is it?"))
    expect(phone.get_by_text("Read by a named person: not yet")).to_be_visible()

    phone.goto(f"{url}/refer/{door.code}/sheet")
    looked_at(phone, axe, "refer-sheet")
    for language in ("en", "es"):
        phone.goto(f"{url}/refer/{door.code}/sheet?language={language}")
        for size in ("A4", "Letter"):
            assert len(re.findall(rb"/Type\s*/Page\b", phone.pdf(format=size))) == 1, f"one sheet of {size}"
    looked_at(phone, axe, "refer-sheet-es")

    paged = sign_in(open_context(viewport=DESKTOP), world.alice.nurse, url)
    paged.goto(f"{url}/pages/")
    expect(paged.locator("main")).to_contain_text(
        f"A referral whose urgency is not known has been read by nobody: {kept.code}"
    )
    press(paged, paged.get_by_role("link", name="Open the page about Synthetic Site"))
    expect(paged.locator("main")).not_to_contain_text("Referred")
    looked_at(paged, axe, "referral-page")
    press(paged, paged.get_by_role("link", name="Open the referral"))
    expect(paged.get_by_role("heading", name="Referred")).to_be_visible()

    desk = sign_in(open_context(viewport=DESKTOP), world.alice.oncologist, url)
    desk.goto(f"{url}/programme/referrals/")
    looked_at(desk, axe, "referrals-list")
    press(desk, desk.get_by_role("link", name="Referred"))
    expect(desk.get_by_text("No caregiver: CAR-T centres usually refuse")).to_be_visible()
    press(desk, desk.get_by_role("button", name="I have read it and take it on"))
    looked_at(desk, axe, "referral")
    desk.set_viewport_size({"width": 390, "height": 844})
    looked_at(desk, axe, "referral-phone")
    desk.set_viewport_size(DESKTOP)
    desk.get_by_role("radio", name="Bispecific antibody").check()
    desk.get_by_label("Why", exact=True).fill(RATIONALE)
    desk.get_by_label("What the practice is told, with the reasons").fill(MESSAGE)
    press(desk, desk.get_by_role("button", name="Decide", exact=True))
    press(desk, desk.get_by_role("link", name="Print the message to the practice"))
    looked_at(desk, axe, "referral-letter")
    press(desk, desk.get_by_role("link", name="Back to the referral"))
    went = desk.get_by_role("group", name="The message went")
    went.get_by_label("By fax").check()
    press(desk, desk.get_by_role("button", name="Write down that it went"))
    press(desk, desk.get_by_role("button", name="Close the referral"))

    answers = sign_in(open_context(viewport=DESKTOP), world.alice.director, url)
    answers.goto(f"{url}/programme/referrals/{kept.pk}/looks")
    expect(answers.locator("main")).to_contain_text("Alice Nurse · of the team")
    looked_at(answers, axe, "referral-looks")

    phone.goto(f"{url}/refer/status")
    expect(phone.get_by_text(re.compile("^Decided: Monday, June 1"))).to_be_visible()
    expect(phone.get_by_text("This referral is closed.")).to_be_visible()
    expect(phone.locator("main")).not_to_contain_text("Referred")
    looked_at(phone, axe, "refer-status")
