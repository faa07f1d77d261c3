"""On a phone and at a desk: say how one is reached, and say "I have it" from a message. Pages, judged by axe, with no sideways scroll."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.texts import agree, receive_text
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, dose
from tests.support.reaching import make_point
from tests.support.screens import PHONE, each_size
from tests.support.seeing import enter, give_password, picture, press
from tests.support.twilio import phone_provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOON = MONDAY_0900 + timedelta(hours=3)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(NOON)) as stopped:
        yield stopped


@pytest.fixture
def provider(live_server: Any, settings: Any) -> Iterator[Any]:
    with phone_provider() as server:
        settings.HANDRAIL_PHONE = server.settings
        settings.HANDRAIL_BASE_URL = live_server.url
        yield server


@pytest.fixture
def world(provider: Any, settings: Any) -> World:
    world = World()
    record_event(world.course.pk, dose("step_up_1", mg="4.2", at=MONDAY_0900), by=world.actor("alice"), now=MONDAY_0900)
    agree(world.course.pk, by=world.actor("alice"), agreed=True, now=MONDAY_0900)
    with everything():
        give_password(world.alice.on_call)
    return world


def look(page: Page, axe: Callable[[Page], list[str]], name: str) -> None:
    """No sideways scroll, nothing for axe to find, in light and in dark."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
        assert axe(page) == [], f"{name}, {theme}"
        picture(page, f"{name}-{theme}")


@each_size
def test_a_phone_is_added_and_proved(world, provider, live_server, open_context, axe, size):
    page = open_context(viewport=size).new_page()
    enter(page, world.alice.on_call, f"{live_server.url}/me/reached")
    expect(page.get_by_text("Nothing here is switched on.")).to_be_visible()
    press(page, page.get_by_role("button", name="Add and send a code"))
    expect(page.get_by_role("alert")).to_contain_text("Write the number with +")
    page.get_by_label("Number or address").fill("+1 555 010 0199")
    press(page, page.get_by_role("button", name="Add and send a code"))
    look(page, axe, f"reached-code-{size['width']}")
    Watcher().look()
    code = re.search(r"\d{6}", provider.messages[-1].body)
    assert code
    page.get_by_label("The code that arrived there").fill(code[0])
    press(page, page.get_by_role("button", name="Switch on"))
    expect(page.get_by_text("Switched on", exact=True)).to_be_visible()
    press(page, page.get_by_role("button", name="Send me a test page"))
    Watcher().look()
    page.reload()
    look(page, axe, f"reached-{size['width']}")


@each_size
def test_i_have_it_from_the_message_and_what_the_nurse_sees_of_it(
    world, provider, live_server, open_context, axe, size
):
    with everything():
        make_point(world.alice.on_call)
    receive_text(provider_id="SM1", sender="+15550100123", body="38.4", now=NOON)
    receive_text(provider_id="SM2", sender="+15550100123", body="I feel weird", now=NOON)
    Watcher().look()
    link = next(found[0] for each in provider.messages if (found := re.search(r"http\S+/a/\S+", each.body)))
    page = open_context(viewport=size).new_page()
    page.goto(link)
    assert page.url == f"{live_server.url}/a/"
    look(page, axe, f"answer-{size['width']}")
    press(page, page.get_by_role("button", name="I have it"))
    expect(page.get_by_text("You have it since")).to_be_visible()
    look(page, axe, f"answered-{size['width']}")
    with everything():
        assert Alert.objects.filter(acknowledged_by=world.alice.on_call).count() == 1
    page.goto(link)
    expect(page.get_by_role("heading", name="This link answers nothing any more.")).to_be_visible()
    look(page, axe, f"over-{size['width']}")
    enter(page, world.alice.on_call, f"{live_server.url}/courses/{world.course.pk}/")
    expect(page.get_by_text("“I feel weird”")).to_be_visible()
    look(page, axe, f"course-texts-{size['width']}")


def test_a_push_message_shows_and_leads_to_the_page(world, live_server, open_context, axe, settings):
    """The service worker is given a push message by the browser's own tools: subscribing itself needs the network."""
    settings.HANDRAIL_PUSH_KEY = "c3ludGhldGljLWtleS1vZi10aGUtdGVzdHMtMDEyMzQ="
    context = open_context(viewport=PHONE, permissions=["notifications"])
    page = context.new_page()
    enter(page, world.alice.on_call, f"{live_server.url}/me/reached")
    expect(page.get_by_role("button", name="Switch on push messages here")).to_be_visible()
    look(page, axe, "reached-push")
    tools = context.new_cdp_session(page)
    registered: list[str] = []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registered.extend(each["registrationId"] for each in event["registrations"]),
    )
    tools.send("ServiceWorker.enable")
    page.evaluate(
        """async () => {
            const registration = await navigator.serviceWorker.register("/me/push-sw.js");
            const worker = registration.installing || registration.waiting || registration.active;
            while (worker.state !== "activated") await new Promise((go) => worker.addEventListener("statechange", go, {once: true}));
        }"""
    )
    data = '{"title": "Handrail: CALL NOW, site hub", "text": "Code ABC234", "link": "/a/x"}'
    message = {"origin": live_server.url, "registrationId": registered[-1], "data": data}
    tools.send("ServiceWorker.deliverPushMessage", message)
    shown = page.evaluate(
        """async () => {
            const registration = await navigator.serviceWorker.getRegistration("/me/");
            for (;;) {
                const all = await registration.getNotifications();
                if (all.length) return [all[0].title, all[0].body, all[0].data.link];
                await new Promise((go) => setTimeout(go, 20));
            }
        }"""
    )
    assert shown == ["Handrail: CALL NOW, site hub", "Code ABC234", "/a/x"]
