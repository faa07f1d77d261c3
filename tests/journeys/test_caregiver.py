"""The caregiver's phone raises an alarm while the patient's is silent, and the person on call reads who raised it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.caregivers import give_link
from handrail.actions.links import IssuedLink
from handrail.alerts.models import Alert
from handrail.people.models import Contact, Membership, Patient
from handrail.people.scope import everything
from tests.support.checkins import EVENING, Home, make_home
from tests.support.factories import make_member
from tests.support.screens import PHONE
from tests.support.seeing import enter_board, give_password, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home(live_server: Any) -> Home:
    return make_home()


@pytest.fixture
def issued(home: Home) -> IssuedLink:
    with everything():
        contact = home.course.patient.contacts.get()
        Contact.objects.filter(pk=contact.pk).update(relationship="sister")
    return give_link(home.course.pk, contact.pk, by=home.world.actor("alice"))


def test_the_caregivers_phone_raises_red_and_the_person_on_call_reads_who(
    phone: Page,
    desktop: Page,
    home: Home,
    issued: IssuedLink,
    live_server: Any,
    axe: Callable[[Page], list[str]],
):
    phone.goto(f"{live_server.url}/c/{issued.token}")
    expect(phone).to_have_url(f"{live_server.url}/c/alarm")
    expect(phone.get_by_text("Next check: Monday, March 2, 8:00 PM CST.")).to_be_visible()
    picture(phone, "caregiver")
    assert axe(phone) == []
    wide = phone.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, "the page fits a phone"
    phone.get_by_label("hard to wake").check()
    phone.get_by_role("button", name="Raise the alarm now").click()
    truth = phone.locator("#sent-truth")
    expect(truth).to_have_text("Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called.")
    expect(phone.locator("#sent-what")).to_contain_text("Call 911 now.")
    expect(phone.locator("#sent-call a")).to_have_attribute("href", "tel:5550111")
    picture(phone, "caregiver-sent")
    assert axe(phone) == []
    with everything():
        assert [row.source for row in home.checks()] == ["caregiver"]
        alert = Alert.objects.get(course=home.course, key__startswith="report:")
    assert alert.ladder == "RED-1"

    give_password(home.world.alice.on_call)
    enter_board(desktop, home.world.alice.on_call, live_server.url)
    desktop.goto(f"{live_server.url}/pages/{alert.pk}/")
    expect(desktop.get_by_text("Alarm raised by the caregiver", exact=True)).to_be_visible()
    expect(desktop.get_by_text("Synthetic Caregiver (sister)").first).to_be_visible()
    expect(desktop.get_by_role("link", name="+15550100124").first).to_have_attribute("href", "tel:+15550100124")
    picture(desktop, "caregiver-on-call")
    assert axe(desktop) == []
    desktop.get_by_role("button", name="I have it").first.click()
    phone.reload()
    expect(truth).to_contain_text("The team has it.")


def test_without_a_connection_the_alarm_waits_says_so_and_is_sent_once(
    phone: Page, home: Home, issued: IssuedLink, live_server: Any
):
    phone.goto(f"{live_server.url}/c/{issued.token}")
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    phone.wait_for_function("navigator.serviceWorker.controller !== null")
    phone.wait_for_function("caches.match('/c/alarm').then((found) => Boolean(found))")
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.get_by_role("heading", name="Raise an alarm")).to_be_visible()
    phone.get_by_label("new weakness").check()
    phone.get_by_role("button", name="Raise the alarm now").click()
    expect(phone.locator("#waiting")).to_contain_text("Not sent yet.")
    expect(phone.locator("#waiting")).to_contain_text("Go to the emergency department now.")
    expect(phone.locator("#waiting")).to_contain_text("Nobody has seen it yet: call.")
    expect(phone.locator("#waiting")).to_contain_text("Do not wait for it. Call now: 555-0111")
    picture(phone, "caregiver-offline")
    assert home.checks() == []
    phone.context.set_offline(False)
    expect(phone.locator("#sent-truth")).to_contain_text("The clinician on call is being called.", timeout=40_000)
    [row] = home.checks()
    assert row.payload["symptoms"] == ["new_weakness"] and row.payload["alarm"] is True


def test_an_alarm_without_an_answer_is_said_not_to_be_sent_while_it_is_tried(
    phone: Page, home: Home, issued: IssuedLink, live_server: Any
):
    held: list[Route] = []
    phone.route("**/api/checkins", lambda route: held.append(route))
    phone.goto(f"{live_server.url}/c/{issued.token}")
    phone.get_by_label("new weakness").check()
    phone.get_by_role("button", name="Raise the alarm now").click()
    expect(phone.locator("#waiting")).to_contain_text("Do not wait for it. Call now: 555-0111", timeout=6000)
    expect(phone.locator("#waiting")).to_be_visible(timeout=6000)
    picture(phone, "caregiver-slow")
    assert home.checks() == []
    held[0].continue_()
    expect(phone.locator("#sent-truth")).to_contain_text("The clinician on call is being called.")
    assert [row.payload["symptoms"] for row in home.checks()] == [["new_weakness"]]


def test_without_javascript_in_spanish(
    open_context: Callable[..., BrowserContext], home: Home, issued: IssuedLink, live_server: Any
):
    with everything():
        Contact.objects.filter(pk=issued.link.contact_id).update(language="es")
    page = open_context(viewport=PHONE, java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/c/{issued.token}")
    picture(page, "caregiver-es")
    page.get_by_label("fiebre, o está muy caliente").check()
    page.get_by_role("button", name="Dar la alarma ahora").click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text("7:30 PM CST")
    assert "RED-3" in home.alerts()
    with everything():
        acknowledge(
            Alert.objects.get(course=home.course, key__startswith="report:").pk, by=home.world.actor("alice", "on_call")
        )
    page.goto(f"{live_server.url}/c/alarm")
    expect(page.get_by_role("heading", level=1).first).to_contain_text("El equipo")


def test_a_caregiver_who_was_written_down_wrongly_is_ended_and_written_down_anew(
    desktop: Page, phone: Page, home: Home, issued: IssuedLink, live_server: Any, axe: Callable[[Page], list[str]]
):
    give_password(home.world.alice.nurse)
    enter_board(desktop, home.world.alice.nurse, live_server.url)
    desktop.goto(f"{live_server.url}/courses/{home.course.pk}/contacts")
    desktop.get_by_text("Wrong, or no caregiver any more: Synthetic Caregiver").click()
    picture(desktop, "caregiver-end")
    assert axe(desktop) == []
    desktop.get_by_role("button", name="End as a caregiver: Synthetic Caregiver").click()
    expect(
        desktop.get_by_text("No caregiver is written down: nobody but the patient can raise an alarm.")
    ).to_be_visible()
    phone.goto(f"{live_server.url}/c/{issued.token}")
    expect(phone.get_by_text("Fever, or feeling unwell? Call now:")).to_be_visible()
    picture(phone, "caregiver-over")
    assert axe(phone) == []
    desktop.get_by_text("Write down a caregiver").click()
    desktop.get_by_label("Name").fill("Synthetic Sister")
    desktop.get_by_label("Phone to call back").fill("555-0177")
    desktop.get_by_role("button", name="Write down").click()
    expect(desktop.get_by_role("button", name="Give a link of their own: Synthetic Sister")).to_be_visible()
    picture(desktop, "caregiver-anew")


def test_a_nurse_names_the_nurse_and_the_deputy_and_the_patient_reads_them(
    desktop: Page, phone: Page, home: Home, live_server: Any, axe: Callable[[Page], list[str]]
):
    with everything():
        house = home.world.alice.organisation
        ana, _ben = (make_member(house, "nurse", name) for name in ("Ana Nurse", "Ben Nurse"))
        make_member(house, "nurse", "Cleo Nurse", trained=False)
        Patient.objects.filter(pk=home.course.patient_id).update(language="es")
    give_password(home.world.alice.nurse)
    enter_board(desktop, home.world.alice.nurse, live_server.url)
    desktop.goto(f"{live_server.url}/courses/{home.course.pk}/")
    desktop.get_by_role("link", name="Name the nurse and the deputy").first.click()
    expect(desktop.get_by_label("Nurse", exact=True).locator("option", has_text="Cleo Nurse")).to_be_disabled()
    desktop.get_by_label("Nurse", exact=True).select_option(label="Ana Nurse")
    desktop.get_by_label("Deputy").select_option(label="Ana Nurse")
    desktop.get_by_role("button", name="Write down").click()
    expect(desktop.get_by_role("alert")).to_have_text("Nothing is saved. The deputy is somebody else.")
    picture(desktop, "nurses-refused")
    assert axe(desktop) == []
    desktop.get_by_label("Deputy").select_option(label="Ben Nurse")
    desktop.get_by_role("button", name="Write down").click()
    expect(desktop.get_by_text("Deputy: Ben Nurse").first).to_be_visible()
    picture(desktop, "nurses-named")
    phone.goto(f"{live_server.url}/c/{home.issued.token}")
    expect(phone.get_by_text("Su enfermera o enfermero: Ana Nurse")).to_contain_text("Cuando no esté: Ben Nurse.")
    picture(phone, "nurses-es")
    with everything():
        Membership.objects.filter(user=ana).update(valid_until=EVENING)
    desktop.goto(f"{live_server.url}/courses/{home.course.pk}/nurses")
    expect(desktop.get_by_text("Ana Nurse does not work here as a nurse any more: name another")).to_be_visible()
    picture(desktop, "nurses-gap")
    phone.reload()
    expect(phone.get_by_text("Por ahora, la enfermera o el enfermero es: Ben Nurse")).to_be_visible()
    picture(phone, "nurses-es-gap")
