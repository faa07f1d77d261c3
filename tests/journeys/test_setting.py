"""The same patient in July and in November on the page of a setting, with lodging and without, on a phone and at a desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from handrail.people.scope import everything
from tests.support.seeing import enter, give_password, picture, wide
from tests.support.setting_courses import SEASONS
from tests.support.setting_world import JULY, NOVEMBER, v1_on_the_desk
from tests.support.settings import at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BY_SEASON = {"worst": SEASONS, "typical_minutes": 28, "told_by": "the patient", "as_of": "2026-06-01"}


def opened(page: Page, world: Any, course: Any, live_server: Any) -> None:
    """Sign in as the oncologist and go to the setting by the page of the course."""
    with everything():
        user = world.alice.oncologist
        give_password(user)
    enter(page, user, f"{live_server.url}/courses/{course.pk}/")
    page.get_by_role("link", name="Setting of the next dose").click()
    expect(page.get_by_role("heading", name="Setting of the next dose", exact=False)).to_be_visible()


def well(page: Page, axe: Callable[[Page], list[str]], name: str) -> None:
    """Nothing scrolls sideways and axe finds nothing, by day and by night."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two words that it takes
        page.reload()
        assert axe(page) == []
        assert not wide(page)
        picture(page, f"{name}-{scheme}")


@pytest.mark.parametrize("first", [JULY, NOVEMBER], ids=["july", "november"])
def test_v4_in_july_and_in_november_with_lodging_and_without(
    first: date, phone: Page, live_server: Any, settings: Any, axe: Callable[[Page], list[str]]
):
    with v1_on_the_desk(first, [("travel_noted", at(0, 9, first), BY_SEASON)]) as (world, course):
        opened(phone, world, course, live_server)
        head = phone.get_by_role("status").first
        if first == JULY:
            expect(head).to_contain_text("Outside hospital: step-up dose 1 on Mon 6 Jul 2026")
            well(phone, axe, "july")
            return
        expect(head).to_contain_text("In hospital: step-up dose 1 on Mon 16 Nov 2026")
        expect(phone.get_by_text("75 min in November (limit 60 min)").first).to_be_visible()
        well(phone, axe, "november")
        phone.locator("summary", has_text="Lodging near the hospital").click()
        phone.get_by_role("group", name="Does the patient accept lodging?").get_by_label("Yes").check()
        form = phone.locator("form[action$='/note/lodging']")
        form.get_by_label("From", exact=True).fill("2026-11-16T08:00")
        form.get_by_label("Until").fill("2026-11-27T08:00")
        form.get_by_label("From there to the hospital").fill("10")
        with phone.expect_event("load"):
            form.get_by_role("button", name="Save").click()
        expect(phone.locator(".care .big")).to_have_text("Outside hospital: step-up dose 1 on Mon 16 Nov 2026")
        phone.get_by_role("group", name="Where is this dose given").get_by_label("Outside hospital").check()
        with phone.expect_event("load"):
            phone.get_by_role("button", name="Decide").click()
        expect(phone.get_by_text("decided Sun 15 Nov 2026 10:00 CST by Alice Oncologist")).to_be_visible()
        phone.set_viewport_size({"width": 1280, "height": 900})
        well(phone, axe, "november-lodging-desk")
