"""Who looked, read by the director at a desk and by the patient on a phone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.links import issue_checkin_link
from tests.support.factories import World
from tests.support.packets import NOW, told
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import picture, sideways, sign_in
from tests.web.test_looks import everybody_looks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        everybody_looks(world)
        yield world


def test_the_director_reads_who_looked_at_a_desk_and_on_a_phone(
    world: World, live_server: Any, open_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]]
):
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.director, live_server.url)
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/")
    desk.get_by_role("link", name="Who looked").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Who looked: Synthia Example")
    expect(desk.get_by_text("Thermometers")).to_be_visible()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "looks-desk")
    options = {**ON_PHONE, "color_scheme": "dark"}
    phone = sign_in(open_context(**options), world.alice.director, live_server.url)
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/looks/")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "looks-phone-dark")


def test_the_patient_reads_who_else_has_read_it(
    world: World, live_server: Any, phone: Page, axe: Callable[[Page], list[str]]
):
    phone.goto(f"{live_server.url}/c/{issue_checkin_link(world.course.pk, by=world.actor('alice')).token}")
    phone.get_by_role("link", name="My plan").click()
    expect(phone.get_by_role("heading", name="Who else has read this")).to_be_visible()
    expect(phone.get_by_text("a computer system (Thermometers)")).to_be_visible()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "looks-plan-phone")
