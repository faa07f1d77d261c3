"""Capacity in a real browser: a start is refused, the numbers are said, a director lets it go on, and a patient waits, by forms alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from handrail import clock
from handrail.people.scope import everything
from tests.support.capacity import counted
from tests.support.factories import MONDAY_0900, World
from tests.support.screens import two_looks
from tests.support.seeing import cut_off, enter, give_password, judged, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    """A site that has said nothing yet, a counted shelf, and a course without a dose."""
    with clock.use(clock.FrozenClock(MONDAY_0900)), everything():
        world = World()
        give_password(world.alice.director, world.alice.nurse)
        counted(world.alice, 6)
        assert world.course
        yield world


def save(page: Page, region: Locator) -> None:
    """Send the form of a region, and wait for the page that comes back."""
    with page.expect_event("load"):
        region.get_by_role("button", name="Save", exact=True).click()


def plan(page: Page, address: str) -> None:
    """Plan the first dose for Tuesday."""
    page.goto(address)
    page.locator("input[name=step][value=step_up_1]").check()
    page.locator("input[name=on]").fill("2026-03-03")
    page.locator("input[name=setting][value=outpatient]").check()
    with page.expect_event("load"):
        page.locator("main form button").last.click()


NUMBERS = {
    "Watched patients who can be assessed on a day, Monday to Friday": "3",
    "Watched patients who can be assessed on a Saturday": "1",
    "Watched patients who can be assessed on a Sunday": "1",
    "Doses that can be given on a day, Monday to Friday": "4",
    "Doses that can be given on a Saturday": "4",
    "Doses that can be given on a Sunday": "4",
    "Watched patients for whom a bed is promised at once": "0",
    "First doses on one day": "1",
}


@two_looks
def test_a_start_that_a_site_cannot_cover_is_refused_let_go_on_or_put_on_the_list(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: str,
    request: pytest.FixtureRequest,
) -> None:
    look = request.node.callspec.id
    director = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    enter(director, world.alice.director, f"{live_server.url}/programme/sites/")
    director.get_by_role("link", name="Capacity of Synthetic Site").click()
    expect(director.get_by_text("This site has said no number yet: nothing is refused")).to_be_visible()
    judged(director, axe, f"{look}-empty")
    assert cut_off(director) == []
    director.get_by_role("link", name="Say what this site can take").click()
    form = director.get_by_role("region", name="Say what this site can take")
    expect(form.get_by_role("heading")).to_be_in_viewport()
    for label, number in NUMBERS.items():
        form.get_by_label(label, exact=True).fill(number)
    save(director, form)
    expect(director.get_by_text("Written down from Mon 2 Mar 2026 on: 8 numbers.")).to_be_visible()
    expect(director.get_by_text("no room for one more").first).to_be_visible()

    nurse = open_context(viewport=size, color_scheme=scheme, locale="en-US").new_page()
    course = f"{live_server.url}/courses/{world.course.pk}"
    enter(nurse, world.alice.nurse, f"{course}/record/plan/")
    plan(nurse, f"{course}/record/plan/")
    expect(nurse.get_by_text("Not planned: Synthetic Site cannot cover a start on Tue 3 Mar 2026")).to_be_visible()
    judged(nurse, axe, f"{look}-refused")

    nurse.goto(director.url)
    waits = nurse.get_by_role("region", name="Write down who waits, and why")
    save(nurse, waits)
    expect(waits.get_by_role("alert")).to_be_in_viewport()
    judged(nurse, axe, f"{look}-not-saved")
    waits.get_by_label("Synthia Example").check()
    waits.get_by_label("No capacity at the site").check()
    waits.get_by_label("Day that was wanted").fill("2026-03-03")
    save(nurse, waits)
    expect(nurse.get_by_text("On the list: no capacity at the site.")).to_be_visible()

    director.goto(f"{live_server.url}/programme/sites/waiting/")
    expect(director.get_by_text("wanted for Tue 3 Mar 2026")).to_be_visible()
    judged(director, axe, f"{look}-waiting")
    assert cut_off(director) == []
    director.get_by_role("link", name="Capacity of Synthetic Site").click()
    goes = director.get_by_role("region", name="Let a start go on")
    goes.get_by_label("Synthia Example").check()
    goes.get_by_label("Day of the first dose").fill("2026-03-03")
    goes.get_by_label("Why it goes on").fill("the ward next door has promised a bed")
    save(director, goes)
    plan(nurse, f"{course}/record/plan/")
    expect(nurse.get_by_text("a director let it go on")).to_be_visible()
    director.reload()
    expect(director.get_by_text("goes on by decision")).to_be_visible()
    director.locator("summary", has_text="against it").click()
    judged(director, axe, f"{look}-site")
    director.emulate_media(media="print")
    picture(director, f"{look}-print")
    expect(director.get_by_role("button", name="Save")).to_have_count(0)
