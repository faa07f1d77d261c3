"""The figures of a programme and the profile of a site in a real browser: read on a phone and at a desk, and taken along as CSV."""

import csv
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from handrail import clock
from handrail.people.models import ReferralEntry
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World
from tests.support.figure_courses import BEGINS, stepped_up
from tests.support.referrals import referred
from tests.support.screens import two_looks
from tests.support.seeing import enter, give_password, judged
from tests.support.site_rows import ready

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    """Six courses given tocilizumab and watched, one of them with a reaction; one waived; one that nobody watched; two referrals."""
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=40))), everything():
        world = World()
        give_password(world.alice.director)
        for number in range(6):
            course = stepped_up(world, tocilizumab="given", crs=int(number == 0))
        stepped_up(world, tocilizumab="waived", crs=2)
        stepped_up(world, watched=False, settings=("inpatient", "", "hybrid"))
        with clock.use(clock.FrozenClock(BEGINS - timedelta(days=20))):
            seen, _ = referred(world.alice, language="Spanish"), referred(world.alice)
        ReferralEntry.objects.create(
            organisation=seen.organisation, referral=seen, course=course, number=2, kind="course_started", at=BEGINS
        )
        ready(world.alice)
        yield world


def taken(page: Page, link: Locator) -> list[dict[str, str]]:
    """The rows of the CSV that a link gives."""
    with page.expect_download() as download:
        link.click()
    return list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))


@two_looks
def test_the_figures_are_read_beside_their_safety_and_taken_along_without_small_counts(
    world: World,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: str,
    request: pytest.FixtureRequest,
) -> None:
    look = request.node.callspec.id
    page = open_context(viewport=size, color_scheme=scheme, locale="en-US", accept_downloads=True).new_page()
    enter(page, world.alice.director, f"{live_server.url}/programme/")
    page.get_by_role("link", name="Figures", exact=True).first.click()
    page.get_by_label("Product", exact=True).select_option("teclistamab")
    page.get_by_label("Tocilizumab to prevent", exact=True).select_option("with")
    page.get_by_role("button", name="Show").click()
    own = page.get_by_role("row", name="This programme, teclistamab, tocilizumab to prevent: given")
    expect(own).to_contain_text("1 of 6")
    expect(page.get_by_role("link", name="Everything as CSV")).to_be_visible()
    judged(page, axe, f"{look}-figures")

    rows = taken(page, page.get_by_role("link", name="Everything as CSV"))
    own_rows = [row for row in rows if row["part"] == "own"]
    assert not {"1", "2", "3", "4"} & {row[name] for row in own_rows for name in ("yes", "no", "not_known")}
    assert "withheld" in {row["yes"] for row in own_rows}

    page.get_by_role("link", name="Access and safety").click()
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert headings.index("Safety of those who began") < headings.index("Access: referred, begun, waiting")
    expect(page.get_by_role("row", name="Spanish").first).to_be_visible()
    judged(page, axe, f"{look}-access")
    both = taken(page, page.get_by_role("link", name="Both as CSV"))
    assert {"waiting", "crs_any_yes"} <= set(both[0])

    page.goto(f"{live_server.url}/programme/sites/{world.alice.site.pk}/profile/")
    expect(page.get_by_role("heading", name="What a payer asks: Synthetic Site")).to_be_visible()
    judged(page, axe, f"{look}-profile")
    expect(page.get_by_text("Does not hold").first).to_be_visible()
    answers = taken(page, page.get_by_role("link", name="CSV"))
    assert {row["state"] for row in answers} == {"known", "not known"}
    assert all(row["ask"] for row in answers if row["state"] == "not known")
