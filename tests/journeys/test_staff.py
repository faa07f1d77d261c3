"""A nurse's night in a real browser: sign in, see who needs her, say "I have it", write down what she found."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert, Heartbeat
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, checkin, dose
from tests.support.screens import PHONE, each_scheme, each_size, size_word
from tests.support.seeing import enter_board, fill_sign_in, give_password, picture, wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GIVEN = MONDAY_0900 + timedelta(hours=1)
NIGHT = GIVEN + timedelta(hours=16, minutes=14)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(NIGHT)) as stopped:
        yield stopped


@pytest.fixture
def world(live_server: Any, settings: Any) -> World:
    """A course 16 hours after step-up dose 1, whose patient has just reported 38.4 °C at 02:14."""
    world = World()
    record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
    receive_checkin(world.course.pk, checkin(at=NIGHT, temperature_c="38.4"), by=world.actor("alice"), now=NIGHT)
    with everything():
        Watcher().look()
        give_password(world.alice.on_call)
    return world


def test_from_sign_in_to_i_have_it(phone: Page, world: World, live_server: Any):
    enter_board(phone, world.alice.on_call, live_server.url)
    expect(phone.get_by_text("fever in the window")).to_be_visible()
    phone.get_by_role("link", name="Open the page about Synthia Example").click()
    expect(phone.get_by_role("heading", name="Synthia Example: fever in the window")).to_be_visible()
    expect(phone.get_by_text("38.4 °C (101.1 °F)").first).to_be_visible()
    with everything():
        assert Alert.objects.get(course=world.course, ladder="RED-3").acknowledged_at is None
    phone.get_by_role("button", name="I have it").click()
    expect(phone.get_by_text("You have it since Tue 3 Mar 02:14 CST")).to_be_visible()
    picture(phone, "page-after-i-have-it")
    phone.goto(live_server.url)
    expect(phone.get_by_text("Alice On-Call has it since Tue 3 Mar 02:14 CST")).to_be_visible()
    expect(phone.get_by_role("button", name="I have it")).to_have_count(0)


def test_at_night_what_has_to_be_done_is_on_the_first_screen_of_a_phone(phone: Page, world: World, live_server: Any):
    enter_board(phone, world.alice.on_call, live_server.url)
    phone.get_by_role("link", name="Open the page about Synthia Example").click()
    expect(phone.get_by_role("heading", name="Synthia Example: fever in the window")).to_be_visible()
    have = phone.get_by_role("button", name="I have it").bounding_box()
    assert have is not None and have["y"] + have["height"] < PHONE["height"] - 120, "above the browser's own bars"
    phone.get_by_role("button", name="I have it").click()
    expect(phone.get_by_text("You have it since Tue 3 Mar 02:14 CST")).to_be_visible()
    phone.get_by_role("link", name="Write down the call").click()
    expect(phone.get_by_role("button", name="Save the call")).to_be_visible()


def test_an_assessment_is_written_by_keyboard_and_changes_the_answer(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    desktop.goto(f"{live_server.url}/courses/{world.course.pk}/record/assessment/")
    desktop.get_by_label("Temperature (°C)", exact=True).focus()
    desktop.keyboard.type("38.6")
    desktop.keyboard.press("Tab")
    desktop.keyboard.type("84")
    for question in ("Hypotension?", "Is a CRS episode still open?"):
        desktop.get_by_role("group", name=question).get_by_label("Yes").focus()
        desktop.keyboard.press("Space")
    desktop.get_by_role("group", name="Vasopressors running").get_by_label("None").check()
    desktop.get_by_role("button", name="Save").press("Enter")
    expect(desktop.get_by_text("Saved Tuesday, March 3, 2:14 AM CST.")).to_be_visible()
    expect(desktop.locator("#tox").locator("xpath=../..")).to_contain_text("CRS")
    expect(desktop.locator("#findings").locator("xpath=../..")).to_contain_text("84")
    picture(desktop, "course-after-assessment")


def test_what_was_typed_survives_a_reload_and_is_gone_after_saving(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    form = f"{live_server.url}/courses/{world.course.pk}/record/call/"
    desktop.goto(form)
    desktop.get_by_role("group", name="With").get_by_label("Patient").check()
    desktop.get_by_role("group", name="Reached?").get_by_label("Yes").check()
    desktop.reload()
    expect(desktop.get_by_role("group", name="With").get_by_label("Patient")).to_be_checked()
    desktop.get_by_role("button", name="Save").click()
    expect(desktop.get_by_text("Saved Tuesday, March 3, 2:14 AM CST.")).to_be_visible()
    desktop.goto(form)
    expect(desktop.get_by_role("group", name="With").get_by_label("Patient")).not_to_be_checked()


def test_a_half_typed_note_outlives_the_session_and_is_saved_once(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    form = f"{live_server.url}/courses/{world.course.pk}/record/call/"
    desktop.goto(form)
    desktop.get_by_role("group", name="With").get_by_label("Patient").check()
    desktop.get_by_role("group", name="Reached?").get_by_label("Yes").check()
    with everything():
        Session.objects.all().delete()  # it stood idle for too long
    desktop.get_by_role("button", name="Save").click()
    fill_sign_in(desktop, world.alice.on_call)
    expect(desktop.get_by_role("group", name="With").get_by_label("Patient")).to_be_checked()
    desktop.get_by_role("button", name="Save").click()
    expect(desktop.get_by_text("Saved Tuesday, March 3, 2:14 AM CST.")).to_be_visible()
    desktop.goto(form)
    expect(desktop.get_by_role("group", name="With").get_by_label("Patient")).not_to_be_checked()
    with everything():
        assert world.course.events.filter(kind="contact_made").count() == 1


def test_what_somebody_else_typed_is_not_shown(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    form = f"{live_server.url}/courses/{world.course.pk}/record/call/"
    desktop.goto(form)
    desktop.get_by_role("group", name="With").get_by_label("Patient").check()
    desktop.get_by_role("button", name="Sign out").click()
    with everything():
        give_password(world.alice.nurse)
    desktop.goto(form)
    fill_sign_in(desktop, world.alice.nurse)
    expect(desktop.get_by_role("group", name="With").get_by_label("Patient")).not_to_be_checked()
    assert desktop.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('draft'))") == []


def test_the_board_of_a_session_that_is_over_asks_to_sign_in(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    with everything():
        Session.objects.all().delete()
    expect(desktop.get_by_role("heading", name="Who needs me now?")).to_have_count(0)
    expect(desktop.get_by_label("Password")).to_be_visible()
    expect(desktop.get_by_text("Synthia")).to_have_count(0)


def test_a_wrong_number_is_said_where_it_is_and_nothing_is_lost(phone: Page, world: World, live_server: Any):
    enter_board(phone, world.alice.on_call, live_server.url)
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/record/weight/")
    phone.get_by_label("Weight").fill("eighty")
    phone.get_by_role("button", name="Save").click()
    expect(phone.get_by_text("Weight: type a number, in kg.")).to_be_visible()
    expect(phone.get_by_label("Weight")).to_have_value("eighty")


def test_why_opens_in_place_and_closes_with_escape(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    desktop.goto(f"{live_server.url}/courses/{world.course.pk}/")
    why = desktop.locator("details.why").first
    why.locator("summary").focus()
    desktop.keyboard.press("Enter")
    expect(why.get_by_text("Source:")).to_be_visible()
    desktop.keyboard.press("Escape")
    expect(why.get_by_text("Source:")).not_to_be_visible()
    expect(why.locator("summary")).to_be_focused()


def test_the_board_brings_a_new_page_by_itself(desktop: Page, world: World, live_server: Any, frozen: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    expect(desktop.get_by_text("confused").first).not_to_be_visible()
    later = NIGHT + timedelta(minutes=2)
    with clock.use(clock.FrozenClock(later)):
        report = checkin(at=later, symptoms=["confused"], none_of_these=False)
        receive_checkin(world.course.pk, report, by=world.actor("alice"), now=later)
        expect(
            desktop.locator("#lists").get_by_text("RED-2").or_(desktop.get_by_text("Needs you now (2)"))
        ).to_be_visible(timeout=15_000)


def test_it_works_without_javascript(open_context: Callable[..., BrowserContext], world: World, live_server: Any):
    page = open_context(java_script_enabled=False, viewport=PHONE).new_page()
    enter_board(page, world.alice.on_call, live_server.url)
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text("You have it since Tue 3 Mar 02:14 CST")).to_be_visible()
    page.goto(f"{live_server.url}/courses/{world.course.pk}/record/weight/")
    page.get_by_label("Weight").fill("80")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved Tuesday, March 3, 2:14 AM CST.")).to_be_visible()


def test_nobody_watching_is_shouted(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    Heartbeat.objects.update(looked_at=NIGHT)
    with clock.use(clock.FrozenClock(NIGHT + timedelta(minutes=5))):
        desktop.goto(live_server.url)
        expect(desktop.get_by_role("alert")).to_contain_text("Nobody is watching")


def addresses(world: World) -> dict[str, str]:
    """Every kind of staff page."""
    course = f"/courses/{world.course.pk}/"
    with everything():
        alert = Alert.objects.get(course=world.course, ladder="RED-3").pk
        given = world.course.events.get(kind="dose_given").id
    return {
        "board": "/",
        "course": course,
        "course-then": f"{course}?as_of=2026-03-02T20:00",
        "assessment": f"{course}record/assessment/",
        "dose": f"{course}record/dose/",
        "withdraw": f"{course}events/{given}/withdraw",
        "home-medicine": f"{course}record/home-medicine/",
        "ed-sheet": f"{course}ed-sheet",
        "pages": "/pages/",
        "page": f"/pages/{alert}/",
        "patients": "/courses/",
        "rota": "/rota/",
        "protocols": "/protocols/",
        "missing": "/courses/00000000-0000-4000-8000-000000000000/",
        "second-factor": "/accounts/2fa/",
    }


@each_scheme
@each_size
def test_every_page_is_accessible_and_fits(
    open_context: Callable[..., BrowserContext],
    world: World,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    scheme: Any,
    size: Any,
):
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    found = {"sign-in": axe(page)}
    enter_board(page, world.alice.on_call, live_server.url)
    for name, address in addresses(world).items():
        page.goto(live_server.url + address)
        picture(page, f"{name}-{size_word(size)}-{scheme}")
        page.evaluate("for (const folded of document.querySelectorAll('main details')) folded.open = true")
        found[name] = axe(page) + (["scrolls sideways"] if wide(page) else [])
        if name == "board":
            cut = ".scroll:has(table)", "all => all.map(each => each.scrollWidth > each.clientWidth)"
            assert page.locator(cut[0]).evaluate_all(cut[1]) == [False, False], (
                "no column of window and doses is cut off"
            )
    assert {name: problems for name, problems in found.items() if problems} == {}
