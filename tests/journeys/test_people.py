"""The desk of people and the worklist of a new organisation, on a phone and at a desk: read by everybody, nothing runs over the edge."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from tests.support.factories import MONDAY_0900, make_house
from tests.support.screens import two_looks
from tests.support.seeing import picture, sideways, sign_in
from tests.support.walking import Walker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@two_looks
def test_a_director_adds_a_colleague_on_pages_that_everybody_can_read(
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
    size: dict[str, int],
    scheme: Any,
) -> None:
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        house = make_house("Alice")
        context = open_context(viewport=size, color_scheme=scheme, locale="en-US")
        walker = Walker(sign_in(context, house.director, live_server.url))
        page = walker.page
        page.goto(live_server.url)
        found: dict[str, Any] = {}

        def judged(name: str) -> None:
            picture(page, f"{name}-{scheme}")
            found[name] = (axe(page), sideways(page))

        walker.follow("Programme")
        expect(page.get_by_role("heading", name="Before the first green gate")).to_be_visible()
        judged("programme-worklist")
        walker.follow("People and sites")
        judged("people")
        page.get_by_role("region", name="Add a person", exact=True).get_by_role("button").click()
        expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
        judged("people-refused")
        colleague = {"Name": "New Nurse", "E-mail": "new@example.org", "Roles": "Nurse"}
        walker.send(walker.region("Add a person"), colleague)
        judged("people-invitation")
        page.goto(page.get_by_label("The link").input_value())
        judged("choose-password")
        assert found == dict.fromkeys(found, ([], 0))
