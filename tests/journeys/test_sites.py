"""The pages of sites in a real browser: a practice by itself climbs from level 2 to 3, and a patient reads what it gives."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.site_levels import record_way
from handrail.people.scope import everything
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, World
from tests.support.screens import two_looks
from tests.support.seeing import enter, give_password, judged
from tests.support.site_rows import ready, signs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    """A practice by itself that shows level 3 but for one item, and a hub with a partner at maintenance."""
    with clock.use(clock.FrozenClock(MONDAY_0900)), everything():
        world = World()
        give_password(world.charlie.director)
        ready(world.charlie, "3", but=("SITE-16",))
        signs(world.charlie, "2")
        agreed_between(world.alice, world.bob)
        ready(world.alice, "H")
        ready(world.bob, "1", signed_by=world.alice.director)
        record_way(world.bob.site.pk, other=world.alice.site.pk, minutes=55, by=world.actor("bob", "director"))
        yield world


@two_looks
def test_a_practice_by_itself_reaches_the_next_level_on_its_own_pages(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: str,
    request: pytest.FixtureRequest,
) -> None:
    look = request.node.callspec.id
    page = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    enter(page, world.charlie.director, f"{live_server.url}/programme/sites/")
    expect(page.get_by_role("heading", name="Sites and levels")).to_be_visible()
    judged(page, axe, f"{look}-list")
    page.get_by_role("link", name="Synthetic Site, teclistamab").click()
    expect(page.get_by_text("This item separates you from level 3.")).to_be_visible()
    judged(page, axe, f"{look}-site")
    page.get_by_role("link", name="Record SITE-16").click()
    record = page.get_by_role("region", name="Record an item")
    expect(record.get_by_label("Item")).to_have_value("SITE-16")
    record.get_by_label("Yes", exact=True).check()
    record.get_by_label("What shows it").fill("agreement 12")
    record.get_by_label("It has no last day").check()
    press_in(page, record, "Save")
    expect(page.get_by_text("Every item of level 3 is shown")).to_be_visible()
    sign = page.get_by_role("region", name="Sign a level")
    sign.get_by_label("Level 3: hybrid").check()
    press_in(page, sign, "Sign")
    expect(page.get_by_text("A level rests on evidence")).to_be_visible()
    judged(page, axe, f"{look}-refused")
    sign.get_by_label("What you looked at").fill("visit of today")
    sign.get_by_label("Why, if a condition is not met").fill("the team ran it elsewhere")
    press_in(page, sign, "Sign")
    expect(page.get_by_text("is signed until")).to_be_visible()
    stranger = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    stranger.goto(f"{live_server.url}/where/{world.bob.site.code}/")
    expect(stranger.get_by_text("up to 55 minutes away").first).to_be_visible()
    judged(stranger, axe, f"{look}-where")
    stranger.get_by_role("link", name="Español").click()
    expect(stranger.get_by_text("Aquí no").first).to_be_visible()
    judged(stranger, axe, f"{look}-where-es")


def press_in(page: Page, region: Any, name: str) -> None:
    """The same, of one of several forms."""
    with page.expect_event("load"):
        region.get_by_role("button", name=name, exact=True).click()
