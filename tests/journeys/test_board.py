"""The board of many patients in a real browser: one needs somebody, the others follow page by page and by site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.upkeep import reassess
from handrail.people.models import Site
from handrail.people.scope import everything
from handrail.web import board_page
from tests.support.courses import instant
from tests.support.factories import CHICAGO, World, event
from tests.support.gate_world import write
from tests.support.resting import AT, resting
from tests.support.screens import each_size
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = instant(AT)


@pytest.fixture
def world(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Seven patients at two sites between two doses, and one of them has a fever."""
    monkeypatch.setattr(board_page, "PER_PAGE", 3)
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        with everything():
            branch = Site.objects.create(
                organisation=world.alice.organisation, name="Synthetic Branch", code="branch", time_zone=CHICAGO
            )
        courses = [
            world.make_course(now=NOW - timedelta(days=40), prior_doses_known=True, site=site)
            for site in (*[world.alice.site] * 5, branch, branch)
        ]
        for course in courses:
            write(course, resting())
            with everything():
                reassess(course.pk, now=NOW)
        fever = event("vitals_measured", at=NOW, temperature_c="38.6")
        record_event(courses[0].pk, fever, by=world.actor("alice"), now=NOW)
        yield world


@each_size
def test_whoever_needs_somebody_stands_above_while_the_others_are_looked_through(
    open_context: Callable[..., BrowserContext],
    world: World,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    size: Any,
):
    context = open_context(viewport=size)
    page = sign_in(context, world.alice.nurse, live_server.url)
    page.goto(live_server.url)
    now, quiet = page.locator("section", has=page.locator("#b-now")), page.locator("#b-quiet")
    expect(now).to_contain_text("fever")
    quiet.get_by_text("Later, nothing needed now (6)").click()
    expect(quiet).to_contain_text("Rows 1 to 3 of 6")
    picture(page, f"board-{size['width']}-first")
    quiet.get_by_role("link", name="The next page").first.click()
    expect(quiet).to_contain_text("Rows 4 to 6 of 6")
    expect(now).to_contain_text("fever")
    page.wait_for_timeout(3500)  # the page asks again by itself, and stays where it is
    expect(quiet).to_contain_text("Rows 4 to 6 of 6")
    assert axe(page) == []
    assert sideways(page) == 0
    picture(page, f"board-{size['width']}-second")
    quiet.get_by_text("By site").click()
    quiet.get_by_role("link", name="Synthetic Branch (2)").click()
    expect(quiet).to_contain_text("Only Synthetic Branch; 4 elsewhere.")
    expect(now).to_contain_text("fever")
    assert axe(page) == []
    assert sideways(page) == 0
    picture(page, f"board-{size['width']}-site")
