"""Which door is open: hours typed in by whoever manages the site, read by the patient on the phone; seen on a phone and at a desk, light and dark."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.ed_packets import choose_destination
from handrail.actions.emergency import issue_card
from tests.support.checkins import EVENING, Home, make_home
from tests.support.doors import door
from tests.support.ed import make_place
from tests.support.screens import ON_PHONE
from tests.support.seeing import fine, picture, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NEURO = ("year", "month", "city", "sentence")


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home(live_server: Any) -> Home:
    home = make_home()
    door(home.world, "clinic", "Hub clinic")
    department = make_place(home.world)
    choose_destination(home.course.pk, department.pk, by=home.world.actor("alice"))
    return home


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def test_hours_that_are_typed_in_stand_on_the_patients_phone(
    home: Home,
    live_server: Any,
    phone: Page,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    chief = sign_in(open_context(**ON_PHONE), home.world.alice.director, live_server.url)
    chief.goto(f"{live_server.url}/places/")
    chief.get_by_label("Urgent care").check()
    chief.get_by_label("Name").fill("Evening care")
    chief.get_by_label("Number").fill("555-0177")
    chief.get_by_label("Address", exact=True).fill("3 Example Street")
    press(chief, "Save")
    expect(chief.get_by_role("heading", level=1)).to_have_text("Hours of Evening care")
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        chief.get_by_label(day).fill("17:00-21:00")
    chief.get_by_label("On holidays of the rota").fill("five")
    chief.get_by_label("Time zone of the place").fill("America/Chicago")
    press(chief, "Save these hours")
    expect(chief.locator("main")).to_contain_text("Write hours such as 08:00-17:00")
    fine(chief, axe, "hours-wrong-phone")
    chief.get_by_label("On holidays of the rota").fill("closed")
    press(chief, "Save these hours")
    expect(chief.locator("main")).to_contain_text("Open now, until 21:00.")
    chief.locator("#f-on").fill("2026-03-05")
    chief.get_by_label("Hours on that day").fill("closed")
    press(chief, "Save this day")
    expect(chief.locator("main")).to_contain_text("Thu 5 Mar 2026: closed")
    fine(chief, axe, "hours-phone")
    chief.set_viewport_size({"width": 1280, "height": 900})
    fine(chief, axe, "hours-desk")
    chief.goto(f"{live_server.url}/places/")
    fine(chief, axe, "places-hours-desk")
    chief.set_viewport_size({"width": 390, "height": 844})
    fine(chief, axe, "places-hours-phone")

    phone.goto(f"{live_server.url}/c/{home.token}")
    doors = phone.locator("section.doors")
    expect(doors).to_contain_text("open now, until 9:00 PM")
    expect(doors).to_contain_text("whether it is open now is not known here")
    fine(phone, axe, "doors-form-phone")
    phone.goto(f"{live_server.url}/c/plan")
    expect(phone.locator("section.doors")).to_contain_text("Monday to Friday: 5:00 PM–9:00 PM")
    fine(phone, axe, "doors-plan-phone")
    phone.emulate_media(media="print")
    expect(phone.get_by_text("open now, until 9:00 PM")).to_be_hidden()
    expect(phone.get_by_text("Monday to Friday: 5:00 PM–9:00 PM")).to_be_visible()
    picture(phone, "doors-plan-paper")
    phone.emulate_media(media="screen")
    phone.goto(f"{live_server.url}/c/?language=es")
    expect(phone.locator("section.doors")).to_contain_text("abierta ahora, hasta: 9:00 PM")
    phone.goto(f"{live_server.url}/c/?language=en")

    # A fever: from the answer on, the department and no other door, also on the form that is opened again.
    phone.get_by_label("Temperature").fill("101.1")
    for name, value in (
        ("unit", "F"), ("antipyretic", "no"), ("none_of_these", "yes"), ("caregiver_present", "yes"),
        *((f"neuro_{item}", "right") for item in NEURO),
    ):  # fmt: skip
        phone.locator(f'input[name="{name}"][value="{value}"]').check()
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-doors")).to_contain_text("The emergency department of your plan: County ED, 1 Example")
    expect(phone.get_by_text("Evening care")).to_have_count(1)  # in the form, which is put away
    expect(phone.get_by_text("Evening care")).to_be_hidden()
    fine(phone, axe, "doors-fever-phone")
    phone.reload()
    expect(phone.locator("#sent-doors")).to_contain_text("County ED")
    expect(phone.get_by_text("Evening care")).to_have_count(0)


def test_the_printed_card_carries_the_hours(
    home: Home,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    made = issue_card(home.course.pk, by=home.world.actor("alice"))
    desk = sign_in(open_context(viewport={"width": 1280, "height": 900}), home.world.alice.nurse, live_server.url)
    desk.goto(f"{live_server.url}/courses/{home.course.pk}/cards/{made.pk}/")
    expect(desk.locator(".doors-paper")).to_contain_text("County ED")
    fine(desk, axe, "card-doors-desk")
    desk.emulate_media(media="print")
    expect(desk.locator(".doors-paper")).to_be_visible()
    picture(desk, "card-doors-paper")
    desk.emulate_media(media="screen")
    desk.set_viewport_size({"width": 390, "height": 844})
    fine(desk, axe, "card-doors-phone")
