"""The gate of a dose: the prescriber signs at a desk, a second clinician on a phone, and the chair list shows the day."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.records.models import Course
from tests.support.factories import World
from tests.support.gate_world import NOW, far_away, ready_course
from tests.support.gates import DOSE_ON
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def course(live_server: Any) -> Iterator[tuple[World, Course]]:
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = far_away(world)
        ready_course(world, ed=False, card=False)
        yield world, course


def test_two_persons_sign_and_the_gate_stays_not_ready(
    course: tuple[World, Course],
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    world, found = course
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.oncologist, live_server.url)
    desk.goto(f"{live_server.url}/courses/{found.pk}/")
    desk.get_by_role("link", name="Gate: may the next dose go ahead?").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Gate: Synthia Example")
    line = desk.locator("#line-travel")
    line.get_by_text("Override for this dose").click()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "gate-desk")
    line.get_by_label("Why this dose cannot wait").fill("her sister drives")
    line.get_by_role("button", name="Sign as the prescriber").click()
    expect(desk.get_by_text("It counts once a second clinician has signed too")).to_be_visible()
    phone = sign_in(open_context(**ON_PHONE, color_scheme="dark"), world.alice.nurse, live_server.url)
    phone.goto(f"{live_server.url}/courses/{found.pk}/gate/")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "gate-phone-dark")
    phone.locator("#line-travel").get_by_role("button", name="Sign as the second clinician").click()
    expect(phone.locator("#line-travel").get_by_text("given under override")).to_be_visible()
    expect(phone.get_by_text("Not ready").first).to_be_visible()
    phone.goto(f"{live_server.url}/programme/today/?on={DOSE_ON}")
    expect(phone.get_by_text("tocilizumab over 60 min").first).to_be_visible()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "today-phone-dark")
    desk.goto(f"{live_server.url}/programme/today/?on={DOSE_ON}")
    picture(desk, "today-desk")
    desk.get_by_role("link", name="Doses given under override, by month").click()
    expect(desk.get_by_text("her sister drives")).to_be_visible()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "gate-overrides-desk")
