"""The pages of the rota in a real browser: a gap is seen, read aloud, printed and mended, on a phone and at a desk, by day and by night."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from handrail import clock
from handrail.actions.facts import record_event
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.models import Shift, Site
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, dose, make_member, make_shift
from tests.support.screens import each_look
from tests.support.seeing import enter_board, give_password, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = MONDAY_0900 + timedelta(hours=26)
GIVEN = MONDAY_0900 + timedelta(hours=1)


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    """A course in the window, an untrained person on the rota, and next Sunday without anybody first on call."""
    with clock.use(clock.FrozenClock(NOW)), everything():
        world = World()
        hub = world.alice.organisation
        world.manager = make_member(hub, "site_manager", "Manager Flores")
        give_password(world.manager)
        Shift.objects.filter(organisation=hub, step="first_on_call").update(ends_at=NOW + timedelta(days=4))
        make_shift(hub, "first_on_call", world.alice.on_call, starts_at=NOW + timedelta(days=6))
        untrained = make_member(hub, "on_call", "RN Untrained", trained=False)
        make_shift(hub, "second_on_call", untrained, is_override=True, ends_at=NOW + timedelta(days=2))
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
        Site.objects.filter(pk=world.alice.site.pk).update(rota_look_at=NOW)
        Watcher().look()
        yield world


@each_look
def test_every_page_of_the_rota_is_read_by_everybody(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: str,
    request: pytest.FixtureRequest,
) -> None:
    page = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    enter_board(page, world.manager, live_server.url)
    paths = {
        "board": "/",
        "rota": "/rota/",
        "plans": "/rota/plans/",
        "holidays": "/rota/holidays/",
        "swaps": "/rota/swaps/",
        "calendar": "/rota/calendar/",
        "training": "/rota/training/",
        "pages": "/pages/",
        "contacts": f"/courses/{world.course.pk}/contacts",
        "course": f"/courses/{world.course.pk}/",
    }
    found: dict[str, list[str]] = {}
    for name, path in paths.items():
        page.goto(live_server.url + path)
        picture(page, f"{name}-{request.node.callspec.id}")
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        if problems := axe(page) + (["scrolls sideways"] if wide else []):
            found[name] = problems
    assert found == {}


def test_the_manager_opens_the_page_about_the_gap_and_has_it(world: World, live_server: Any, phone: Page) -> None:
    enter_board(phone, world.manager, live_server.url)
    phone.goto(f"{live_server.url}/pages/")
    gap = "Nobody is first on call from Sat 7 Mar 2026"
    row = phone.get_by_role("listitem").filter(has_text=gap)
    with phone.expect_navigation():
        row.get_by_role("link").first.click()
    assert gap in phone.get_by_role("heading", level=1).inner_text()
    with phone.expect_navigation():
        phone.get_by_role("button", name="I have it").click()
    assert "You have it since" in phone.locator("main").inner_text()


def test_the_gap_closes_on_a_phone_once_the_certificate_is_typed(world: World, live_server: Any, phone: Page) -> None:
    enter_board(phone, world.manager, live_server.url)
    phone.goto(f"{live_server.url}/rota/")
    with phone.expect_navigation():
        phone.get_by_role("link", name="Training and certificates").click()
    main = phone.locator("main")
    lacking = "RN Untrained is second on call without a current certificate on_call_ladder"
    assert lacking in main.inner_text()
    assert Alert.objects.filter(what__startswith=lacking, closed_at=None).exists()
    form = phone.locator("section").filter(has=phone.get_by_role("heading", name="Add a certificate"))
    form.get_by_label("RN Untrained").check()
    form.get_by_label("Certificate").fill("on_call_ladder")
    form.get_by_label("First day").fill("2026-03-01")
    form.get_by_label("Number or place of the paper").fill("card 12")
    with phone.expect_navigation():
        form.get_by_role("button", name="Save").click()
    assert "Saved for RN Untrained" in phone.locator("body").inner_text()
    assert lacking not in main.inner_text()
    assert "card 12" in main.inner_text()
    Watcher().look()
    assert not Alert.objects.filter(what__startswith=lacking, closed_at=None).exists()
    assert Alert.objects.filter(what__startswith="Nobody is first on call", closed_at=None).exists()
