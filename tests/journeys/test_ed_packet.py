"""The packet from the page of somebody on call, and the department that opens it: seen on both screens, on a phone and at a desk."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.emergency import issue_card
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert, EdPacket
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from tests.support.ed import FAX, MAIL, named
from tests.support.factories import MONDAY_0900, World, checkin, dose, event
from tests.support.mail import MailServer, mail_server, use_port
from tests.support.screens import ON_PHONE
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=16, minutes=13)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def world(live_server: Any, settings: Any, mail: MailServer) -> Iterator[World]:
    use_port(settings, mail.port)
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        for fact in (dose("step_up_1", mg="4.8", at=GIVEN), event("weight_measured", at=GIVEN, weight_kg="70")):
            record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=GIVEN)
        fever = checkin(at=NOW, temperature_c="38.4", symptoms=["shaking_chills"], none_of_these=False)
        receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
        world.time = frozen
        yield world


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def test_sent_from_the_page_of_somebody_on_call_and_seen_when_it_is_opened(
    world: World,
    mail: MailServer,
    live_server: Any,
    phone: Page,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    card = issue_card(world.course.pk, by=world.actor("alice"))
    with everything():
        alert = Alert.objects.get(course=world.course, key__startswith="report:")
    page = sign_in(open_context(**ON_PHONE), world.alice.on_call, live_server.url)
    page.goto(f"{live_server.url}/pages/{alert.pk}/")
    expect(page.locator("#ed-packet")).to_contain_text("names no emergency department: nothing can be sent")
    picture(page, "packet-none")

    named(world, fax=FAX)
    page.reload()
    press(page, "Send packet to County ED")
    Watcher().look()
    (taken,) = [each for each in mail.arrived if each.to == (MAIL,)]
    link = next(word for word in taken.body.split() if word.startswith(live_server.url))
    # The page asks by itself: nobody has to reload it.
    expect(page.locator("#ed-packet")).to_contain_text(
        "sent Tue 3 Mar 02:13 CST by e-mail, not yet opened", timeout=15_000
    )
    assert axe(page) == [] and sideways(page) == 0
    picture(page, "packet-sent")

    # The department: the link of the mail, and the code on the card that the patient carries.
    world.time.advance(minutes=7)
    phone.goto(link)
    phone.get_by_label("The short code printed on the card").fill(card.code)
    phone.get_by_label("Your department").fill("County ED")
    press(phone, "Show the patient's facts")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("On a T-cell-engaging bispecific")
    picture(phone, "packet-opened-by-ed")
    expect(page.locator("#ed-packet")).to_contain_text("opened Tue 3 Mar 02:20 CST by “County ED”", timeout=15_000)
    assert axe(page) == [] and sideways(page) == 0
    picture(page, "packet-opened")
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert axe(page) == []
    picture(page, "packet-opened-dark")

    desk = sign_in(open_context(viewport={"width": 1280, "height": 900}), world.alice.on_call, live_server.url)
    desk.goto(f"{live_server.url}/pages/{alert.pk}/")
    expect(desk.locator("#ed-packet")).to_contain_text("opened Tue 3 Mar 02:20 CST")
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "packet-desk")
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/cards/")
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "packet-cards")


def test_the_fax_sheet_can_be_scanned_from_paper_and_the_departments_are_kept(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    named(world, email="", fax=FAX)
    with everything():
        alert = Alert.objects.get(course=world.course, key__startswith="report:")
    desk = sign_in(open_context(viewport={"width": 1280, "height": 900}), world.alice.on_call, live_server.url)
    desk.goto(f"{live_server.url}/pages/{alert.pk}/")
    press(desk, "Send packet to County ED")
    Watcher().look()
    expect(desk.locator("#ed-packet")).to_contain_text("NOT sent yet", timeout=15_000)
    picture(desk, "packet-fax-waits")
    desk.get_by_role("link", name="Fax sheet").click()
    expect(desk.locator(".fax-sheet h1")).to_contain_text("CALL NOW")
    assert axe(desk) == []
    desk.emulate_media(media="print")
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(desk.locator(".fax-sheet").screenshot())))
    with everything():
        assert found.text == f"{live_server.url}/e/{EdPacket.objects.get().card.key}"
    picture(desk, "packet-fax-sheet")

    chief = sign_in(open_context(**ON_PHONE), world.alice.director, live_server.url)
    chief.goto(f"{live_server.url}/places/")
    expect(chief.locator("main")).to_contain_text("County ED")
    assert axe(chief) == [] and sideways(chief) == 0
    inside = "row => { const box = row.closest('section').getBoundingClientRect(); return row.getBoundingClientRect().right <= box.right; }"
    button = chief.get_by_role("button", name="Out of use")
    expect(button).to_be_visible()
    assert button.evaluate(inside), "no column is cut"
    picture(chief, "places-phone")
    chief.emulate_media(color_scheme="dark")
    chief.reload()
    assert axe(chief) == []
    picture(chief, "places-phone-dark")
    chief.set_viewport_size({"width": 1280, "height": 900})
    assert axe(chief) == [] and sideways(chief) == 0
    picture(chief, "places-desk-dark")

    # The part of the page, opened as an address of its own, is no bare part: on a phone, and with its frame.
    nurse = sign_in(open_context(**ON_PHONE), world.alice.nurse, live_server.url)
    nurse.goto(f"{live_server.url}/courses/{world.course.pk}/ed-packet")
    expect(nurse.locator("header.bar, .bar").first).to_be_visible()
    expect(nurse.locator("#ed-packet")).to_contain_text("NOT sent yet")
    assert axe(nurse) == [] and sideways(nurse) == 0
    picture(nurse, "packet-cards-phone")
