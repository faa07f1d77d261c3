"""Two hand-offs in the browser: to a practice that only has a fax machine, from the offer to the end, and one through the link without an account."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions import handoffs
from handrail.actions.facts import record_event
from handrail.actions.handoff_doors import make_fax
from handrail.actions.handoffs import Offer
from handrail.actions.links import issue_checkin_link
from handrail.records.models import Course, HandoffDoor
from tests.support.factories import World, dose, event
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import LOOKED
from tests.support.screens import DESKTOP, PHONE
from tests.support.seeing import PICTURES, picture, press, sign_in, wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SAYS_NO = ("caregiver_or_access_problem", "more_than_two_organisations", "second_product_planned")


@pytest.fixture
def frozen(live_server: Any) -> Iterator[Any]:
    with clock.use(clock.FrozenClock(NOW)) as time:
        yield time


@pytest.fixture
def world(frozen: Any) -> World:
    return World()


@pytest.fixture
def course(world: World) -> Course:
    return stepped_up_course(world)


@pytest.fixture
def seat(open_context: Callable[..., BrowserContext], live_server: Any) -> Callable[..., Page]:
    """`seat(user, …)`: a page on which that person is signed in."""

    def sit(user: Any, **options: Any) -> Page:
        return sign_in(open_context(**options), user, live_server.url)

    return sit


def looked_at(page: Page, axe: Callable[[Page], list[str]], name: str) -> None:
    """Fine by axe, no wider than the screen, light and dark."""
    page.emulate_media(reduced_motion="reduce")  # no colour is judged on its way to another
    picture(page, name)
    assert axe(page) == [] and not wide(page), name
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    assert axe(page) == [], f"{name}, dark"
    picture(page, f"{name}-dark")
    page.evaluate("document.documentElement.dataset.bsTheme = 'light'")


def offer(page: Page, url: str, course: Course, to: str, channel: str, axe: Callable[[Page], list[str]]) -> None:
    """From the page of the patient: check, read how it is classed, offer."""
    page.goto(f"{url}/courses/{course.pk}/")
    press(page, page.get_by_role("link", name="Hand over care"))
    expect(page.get_by_role("heading", name="Dose clock")).to_be_visible()
    looked_at(page, axe, f"offer-{channel}")
    page.get_by_role("radio", name=to).check()
    page.locator(f"input[name=channel][value={channel}]").check()
    page.get_by_label("They take over on").fill("2026-03-13")
    for name in SAYS_NO:
        page.locator(f"input[name={name}][value=no]").check()
    press(page, page.get_by_role("button", name="Check before offering"))
    expect(page.get_by_text("Simple", exact=True)).to_be_visible()
    looked_at(page, axe, f"offer-checked-{channel}")
    press(page, page.get_by_role("button", name=re.compile("^Offer to")))
    expect(page.get_by_text("Fill these in, or say that they go out as not known.")).to_be_visible()
    looked_at(page, axe, f"offer-empty-{channel}")
    page.get_by_label("out as not known").check()
    press(page, page.get_by_role("button", name=re.compile("^Offer to")))


def test_a_hand_off_to_a_fax_only_practice_runs_to_its_end(
    world: World, course: Course, live_server: Any, seat: Callable[..., Page], frozen: Any, axe: Any, phone: Page
):
    practice, url = fax_practice(), live_server.url
    patient = issue_checkin_link(course.pk, by=world.actor("alice"))
    desk = seat(world.alice.nurse, viewport=DESKTOP)
    offer(desk, url, course, practice.name, "fax", axe)

    door = HandoffDoor.objects.get(course=course)
    expect(desk.locator(".fax-sheet")).to_contain_text(f"{door.read_code[:3]} {door.read_code[3:]}")
    looked_at(desk, axe, "fax-sheet")
    for size in ("A4", "Letter"):
        paper = desk.pdf(format=size, margin=dict.fromkeys(("top", "bottom", "left", "right"), "10mm"))
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, f"one sheet of {size}"
        if PICTURES:
            (Path(PICTURES) / f"fax-{size}.pdf").write_bytes(paper)
    press(desk, desk.get_by_role("link", name="Back to the hand-off"))
    press(desk, desk.get_by_role("button", name="The fax went through"))
    expect(desk.get_by_text("Delivered by a machine: nobody has read it").first).to_be_visible()
    phone.goto(f"{url}/c/{patient.token}")
    expect(phone.locator(".looked-after")).to_contain_text(world.alice.organisation.name)
    expect(phone.locator(".looked-after")).not_to_contain_text(practice.name)

    press(desk, desk.get_by_role("link", name="They are on the phone: type the code"))
    looked_at(desk, axe, "call")
    desk.get_by_label("Their name").fill("Synthetic Reader")
    desk.get_by_label("Their role").fill("nurse")
    desk.get_by_label("The code that they read").fill("WRONG")
    press(desk, desk.get_by_role("button", name="Write it down"))
    expect(desk.get_by_role("alert")).to_contain_text("That code is not right")
    desk.get_by_label("The code that they read").fill(door.read_code.lower())
    press(desk, desk.get_by_role("button", name="Write it down"))
    expect(desk.locator(".loop")).to_contain_text("Synthetic Reader, nurse")
    looked_at(desk, axe, "handoff-read")

    press(desk, desk.get_by_role("link", name="They are on the phone: type the code"))
    desk.get_by_label("Their name").fill("Synthetic Oncologist")
    desk.get_by_label("Their role").fill("oncologist")
    desk.get_by_label("We take the patient over").check()
    desk.get_by_label("The code that they read").fill(door.accept_code)
    desk.get_by_label("They answer from").fill("2026-03-13")
    press(desk, desk.get_by_role("button", name="Write it down"))
    expect(desk.get_by_text(re.compile("answers for the patient until Fri 13 Mar"))).to_be_visible()
    looked_at(desk, axe, "handoff-accepted")
    phone.reload()
    expect(phone.locator(".looked-after")).to_contain_text(f"From Friday 13 March 2026 on, {practice.name}")
    assert axe(phone) == [] and not wide(phone)
    picture(phone, "patient-before")

    frozen.advance(days=5)
    given = clock.now()
    record_event(course.pk, dose("treatment", mg="120", at=given), by=world.actor("alice"), now=given)
    phone.reload()
    expect(phone.locator(".looked-after")).to_contain_text(f"{practice.name} looks after you now")
    expect(phone.locator(".looked-after")).to_contain_text("555-0177")
    phone.get_by_role("link", name="Español").click()
    expect(phone.locator(".looked-after")).to_contain_text("cuida de usted")
    picture(phone, "patient-after-es")
    desk.reload()
    press(desk, desk.get_by_role("button", name="Close the hand-off"))
    expect(desk.locator(".loop li").last).to_contain_text("Closed")
    desk.goto(f"{url}/handoffs/")
    looked_at(desk, axe, "inbox-over")


def test_the_sheet_of_a_complicated_hand_off_is_one_page_too(world: World, live_server: Any, seat: Callable[..., Page]):
    course = stepped_up_course(world, assessed=False, anc=None)
    for number, code in enumerate(("igg", "crp", "ferritin", "creatinine", "platelets", "ldh", "alt", "bilirubin")):
        lab = event("lab_resulted", at=NOW, code=code, value=f"{number}.5", unit="mg/dL")
        record_event(course.pk, lab, by=world.actor("alice"), now=NOW)
    record_event(
        course.pk, event("hold_started", at=NOW, because="infection"), by=world.actor("alice", "oncologist"), now=NOW
    )
    known = dict.fromkeys(SAYS_NO, True)
    by = world.actor("alice")
    loop = handoffs.offer(
        course.pk, Offer(to=fax_practice(), take_over_on=NOW.date(), not_known=LOOKED, **known), by=by, now=NOW
    ).event.id
    make_fax(course.pk, loop, by=by, now=NOW)
    desk = seat(world.alice.nurse, viewport=DESKTOP)
    desk.goto(f"{live_server.url}/courses/{course.pk}/handoffs/{loop}/fax")
    expect(desk.get_by_text("the drug was withheld")).to_be_visible()
    picture(desk, "fax-complicated")
    for size in ("A4", "Letter"):
        paper = desk.pdf(format=size, margin=dict.fromkeys(("top", "bottom", "left", "right"), "10mm"))
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, f"one sheet of {size}"
        if PICTURES:
            (Path(PICTURES) / f"fax-complicated-{size}.pdf").write_bytes(paper)


def test_a_practice_without_an_account_reads_asks_and_accepts_through_the_link(
    world: World, course: Course, live_server: Any, seat: Callable[..., Page], phone: Page, axe: Any
):
    practice, url = fax_practice(), live_server.url
    desk = seat(world.alice.nurse, viewport=PHONE)
    offer(desk, url, course, practice.name, "link", axe)
    looked_at(desk, axe, "link-shown")
    address, code = desk.locator("code").inner_text(), desk.locator(".hand-code").inner_text()
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))

    phone.goto(address)
    expect(phone).to_have_url(f"{url}/h/")
    assert "Synthia" not in phone.content() and "teclistamab" not in phone.content()
    looked_at(phone, axe, "door-code")
    phone.get_by_label("The short code").fill("WRONG")
    press(phone, phone.get_by_role("button", name="Open the hand-off"))
    expect(phone.get_by_role("alert")).to_contain_text("not right")
    phone.get_by_label("The short code").fill(code)
    press(phone, phone.get_by_role("button", name="Open the hand-off"))
    expect(phone.get_by_role("heading", level=1)).to_contain_text("teclistamab")
    looked_at(phone, axe, "door-open")

    press(phone, phone.get_by_role("link", name=re.compile("^The packet")))
    expect(phone.get_by_role("heading", name="Sealed version 1")).to_be_visible()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Synthia")
    looked_at(phone, axe, "door-packet")
    with phone.expect_download() as coming:
        phone.get_by_role("link", name="PDF, Letter").click()
    assert coming.value.path().read_bytes().startswith(b"%PDF")
    press(phone, phone.get_by_role("link", name="Back to the hand-off"))

    press(phone, phone.get_by_role("button", name="I have read it"))
    expect(phone.get_by_role("alert")).to_contain_text("who is it?")
    phone.get_by_label("Your name").fill("Synthetic Reader")
    phone.get_by_label("Your role").fill("nurse")
    press(phone, phone.get_by_role("button", name="I have read it"))
    expect(phone.locator(".loop")).to_contain_text("Synthetic Reader, nurse")
    phone.get_by_label(re.compile("^A question to")).fill("Which premedication?")
    press(phone, phone.get_by_role("button", name="Ask"))

    desk.goto(f"{url}/handoffs/")
    looked_at(desk, axe, "inbox")
    press(desk, desk.get_by_role("link", name=re.compile("^Open the hand-off")))
    desk.get_by_label("Your answer").fill("None is needed.")
    press(desk, desk.get_by_role("button", name="Answer"))
    looked_at(desk, axe, "handoff-phone")

    phone.reload()
    expect(phone.get_by_text("None is needed.")).to_be_visible()
    phone.get_by_label("Your name").fill("Synthetic Oncologist")
    phone.get_by_label("Your role").fill("oncologist")
    expect(phone.get_by_label("We answer for the patient from")).to_have_value("2026-03-13")
    phone.get_by_label("We answer for the patient from").fill("2026-03-11")
    press(phone, phone.get_by_role("button", name="Accept: we take the patient over"))
    expect(phone.get_by_text(f"{practice.name} answers for the patient now.")).to_be_visible()
    looked_at(phone, axe, "door-accepted")
    assert {re.sub(r"^(https?://[^/]+).*", r"\1", each) for each in asked if not each.startswith("data:")} == {url}


def test_a_colleague_with_an_account_finds_it_in_the_list_and_accepts(
    world: World, course: Course, live_server: Any, seat: Callable[..., Page], axe: Any
):
    url = live_server.url
    desk = seat(world.alice.nurse, viewport=DESKTOP)
    offer(desk, url, course, world.bob.organisation.name, "account", axe)
    there = seat(world.bob.oncologist, viewport=PHONE)
    there.goto(f"{url}/handoffs/")
    expect(there.get_by_text("For you to accept (1)")).to_be_visible()
    press(there, there.get_by_role("link", name=re.compile("^Open the hand-off")))
    looked_at(there, axe, "receiver-handoff")
    there.get_by_label("Your team answers from").fill("2026-03-11")
    press(there, there.get_by_role("button", name="Accept: we take the patient over"))
    expect(there.get_by_text(f"{world.bob.organisation.name} answers for the patient now.")).to_be_visible()
    looked_at(there, axe, "receiver-accepted")
    record_event(
        course.pk,
        event("contact_made", at=NOW, channel="phone", reached=True, **{"with": "other_team"}),
        by=world.actor("alice"),
        now=NOW,
    )
    there.goto(f"{url}/courses/{course.pk}/")
    press(there, there.get_by_role("link", name="Hand over care"))
    expect(there.get_by_role("radio", name=re.compile("the patient returns"))).to_be_checked()
    looked_at(there, axe, "offer-return")
