"""What is empty in a packet, on a phone: asked at each planned exit, read by both sides, and never in the way of an emergency."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions import handoff_doors, handoffs
from handrail.actions.handoffs import Offer
from handrail.records.models import Course
from tests.journeys.test_handoffs import looked_at
from tests.support.factories import World
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import KNOWN, LOOKED
from tests.support.screens import PHONE
from tests.support.seeing import press, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SAID = re.compile("Alice Nurse, nurse looked Wed 11 Mar 09:00 CDT")


@pytest.fixture
def world(live_server: Any) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def course(world: World) -> Course:
    return stepped_up_course(world)


@pytest.fixture
def seat(open_context: Callable[..., BrowserContext], live_server: Any) -> Callable[[Any], Page]:
    return lambda user: sign_in(open_context(viewport=PHONE), user, live_server.url)


def test_sealing_paper_file_and_a_health_link_ask_on_a_phone(
    world: World, course: Course, live_server: Any, seat: Callable[[Any], Page], axe: Any
):
    desk, packet = seat(world.alice.nurse), f"{live_server.url}/courses/{course.pk}/packet/"
    desk.goto(packet)
    press(desk, desk.get_by_role("button", name="Seal this as a version"))
    expect(desk.get_by_text("Fill these in, or say that they go out as not known.")).to_be_visible()
    looked_at(desk, axe, "seal-empty")
    press(desk, desk.get_by_role("button", name="Emergency: seal it as it is"))
    expect(desk.get_by_text("Nobody has said that they looked")).to_be_visible()
    expect(desk.get_by_role("link", name=re.compile("PDF|FHIR"))).to_have_count(0)
    expect(desk.get_by_role("link", name="send the packet for the emergency department")).to_be_visible()
    looked_at(desk, axe, "version-unsaid")

    desk.goto(f"{packet}links/new")
    desk.get_by_label("the practice that takes the patient over").check()
    press(desk, desk.get_by_role("button", name="Make the link"))
    expect(desk.get_by_role("alert")).to_contain_text("No link was made")
    looked_at(desk, axe, "health-link-empty")
    desk.get_by_label("an emergency department").check()
    press(desk, desk.get_by_role("button", name="Make the link"))
    expect(desk.get_by_text("Passcode:")).to_be_visible()

    desk.goto(f"{packet}1/")
    desk.get_by_text("Look at them, and say so").click()
    desk.get_by_label("out as not known").check()
    press(desk, desk.get_by_role("button", name="Say so, then take the paper or the file along"))
    expect(desk.get_by_text(SAID)).to_be_visible()
    expect(desk.get_by_role("link", name="File for other systems (FHIR R4)")).to_be_visible()
    looked_at(desk, axe, "version-said")


def test_both_sides_read_on_a_phone_who_looked(
    world: World, course: Course, live_server: Any, seat: Callable[[Any], Page], axe: Any, phone: Page
):
    by, what = world.actor("alice"), Offer(to=world.bob.organisation, not_known=LOOKED, **KNOWN)
    loop = handoffs.offer(course.pk, what, by=by, now=NOW).event.id
    for name, user in (("sender", world.alice.nurse), ("receiver", world.bob.oncologist)):
        there = seat(user)
        there.goto(f"{live_server.url}/courses/{course.pk}/handoffs/{loop}/")
        expect(there.get_by_text(SAID)).to_be_visible()
        looked_at(there, axe, f"handoff-not-known-{name}")
    handoffs.withdraw(course.pk, loop, "the practice has no account", by=by, now=NOW)
    what = Offer(to=fax_practice(), not_known=LOOKED, **KNOWN)
    loop = handoffs.offer(course.pk, what, by=by, now=NOW).event.id
    made = handoff_doors.make_link(course.pk, loop, by=by, now=NOW)
    phone.goto(f"{live_server.url}/h/{made.token}")
    phone.get_by_label("The short code").fill(made.door.read_code)
    press(phone, phone.get_by_role("button", name="Open the hand-off"))
    expect(phone.get_by_text(SAID)).to_be_visible()
    looked_at(phone, axe, "link-not-known")
