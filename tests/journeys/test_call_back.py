"""An emergency department asks to be called; the phone of whoever is on call sees it and writes the call down; the department sees that."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.emergency import issue_card
from handrail.actions.facts import record_event
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, event
from tests.support.screens import DESKTOP, PHONE
from tests.support.seeing import cut_off, picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        world = World()
        weight = event(
            "weight_measured", at=MONDAY_0900, weight_kg="70"
        )  # a weight that is not known is wider than a phone
        record_event(world.course.pk, weight, by=world.actor("alice", "oncologist"), now=MONDAY_0900)
        yield world


def test_a_department_asks_and_is_called_back(
    world: World,
    live_server: Any,
    phone: Page,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    card = issue_card(world.course.pk, by=world.actor("alice"))
    phone.goto(f"{live_server.url}/e/{card.key}")
    phone.get_by_label("The short code printed on the card").fill(card.code)
    phone.get_by_role("button", name="Show the patient's facts").click()
    phone.get_by_text("Leave your number", exact=True).click()
    phone.get_by_label("Emergency physician").check()
    phone.get_by_label("Number to call").fill("555 010 0142")
    picture(phone, "call-back-form")
    phone.get_by_role("button", name="Ask for a call back").click()
    expect(phone.get_by_role("status")).to_contain_text("A call back is promised by Mon 2 Mar 09:10 CST")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "call-back-asked")
    phone.emulate_media(media="print")
    expect(phone.locator("#call-back")).to_be_hidden()
    phone.emulate_media(media="screen")

    on_call = sign_in(open_context(viewport=PHONE, is_mobile=True), world.alice.on_call, live_server.url)
    with everything():
        alert = Alert.objects.get(key__startswith="call_back:")
    on_call.goto(f"{live_server.url}/pages/{alert.pk}/")
    on_call.get_by_role("button", name="I have it").click()
    expect(on_call.get_by_role("link", name="Call back 555 010 0142")).to_be_visible()
    assert axe(on_call) == [] and sideways(on_call) == 0
    picture(on_call, "call-back-page")
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text(f"{world.alice.on_call.name} has it since Mon 2 Mar 09:00 CST")
    picture(phone, "call-back-held")
    on_call.get_by_role("group", name="Was somebody reached who has the patient?").get_by_label("Yes").check()
    on_call.get_by_role("button", name="Write down the call back").click()
    expect(on_call.get_by_text("Called back Mon 2 Mar 09:00 CST.")).to_be_visible()
    assert axe(on_call) == [] and sideways(on_call) == 0
    picture(on_call, "call-back-written")
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text("Called back Mon 2 Mar 09:00 CST.")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "call-back-done")

    for viewport, name in ((DESKTOP, "expert-line"), (PHONE, "expert-line-phone")):
        desk = sign_in(open_context(viewport=viewport), world.alice.director, live_server.url)
        desk.goto(f"{live_server.url}/programme/expert-line/")
        expect(desk.get_by_role("heading", level=1)).to_have_text("Expert line")
        assert axe(desk) == [] and sideways(desk) == 0 and cut_off(desk) == []
        picture(desk, name)
