"""A patient in hospital: admitted, planned, a call that is missed and made; seen on a phone and at a desk, light and dark, and on paper."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.facts import record_event
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from tests.support.factories import MONDAY_0900, World, dose, event
from tests.support.screens import AT_DESK, ON_PHONE
from tests.support.seeing import fine, picture, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BEGINS = MONDAY_0900 + timedelta(hours=13)
"""Monday 22:00 by the patient's clock."""


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(BEGINS)) as stopped:
        yield stopped


@pytest.fixture
def world(live_server: Any) -> World:
    world = World()
    by = world.actor("alice")
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=by, now=MONDAY_0900)
    for hours, agent, mg in ((9, "tocilizumab", "560"), (12, "dexamethasone", "10")):
        at = MONDAY_0900 + timedelta(hours=hours)
        fact = event("medicine_given", at=at, agent=agent, dose_mg=mg, purpose="treatment")
        record_event(world.course.pk, fact, by=by, now=at)
    return world


def save(page: Page) -> None:
    with page.expect_event("load"):
        page.get_by_role("button", name="Save", exact=True).click()


def test_admitted_planned_missed_and_called(
    world: World,
    live_server: Any,
    frozen: clock.FrozenClock,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    page = sign_in(open_context(**ON_PHONE), world.alice.nurse, live_server.url)
    stay = f"{live_server.url}/courses/{world.course.pk}/stay/"
    page.goto(f"{live_server.url}/courses/{world.course.pk}/")
    page.get_by_role("link", name="In hospital: plan").click()
    expect(page.get_by_text("No admission is on record.")).to_be_visible()

    page.get_by_role("link", name="Admitted to hospital").click()
    page.get_by_label("Admitted (needed)").fill("2026-03-02T18:00")
    page.get_by_label("Hospital (needed)").fill("County Hospital")
    page.get_by_label("Admitting service or unit").fill("medicine, unit 4")
    page.get_by_label("Hospitalist").fill("Synthetic Hospitalist")
    page.get_by_label("Number of the unit").fill("+1 555 010 0177")
    fine(page, axe, "stay-admission-phone")
    save(page)
    expect(page.get_by_text("not known: do NOT give it; call the centre")).to_be_visible()
    expect(page.get_by_text("due now")).to_be_visible()
    expect(page.get_by_role("link", name="+1 555 010 0177")).to_have_attribute("href", "tel:+15550100177")

    page.get_by_role("link", name="Plan of a day in hospital").click()
    page.get_by_label("For the day (needed)").fill("2026-03-02")
    page.get_by_label("Plan, one line for each thing").fill(
        "CRS and ICE every 4 h\nno third tocilizumab without the centre"
    )
    page.get_by_label("Specialist of the centre").check()
    save(page)
    expect(page.get_by_text("CRS and ICE every 4 h")).to_be_visible()

    frozen.set(MONDAY_0900 + timedelta(hours=14))  # 23:00: the first call was due at 22:00
    Watcher().look()
    assert Alert.objects.filter(key="inpatient:hub_call:2026-03-02", closed_at__isnull=True).exists()
    page.goto(stay)
    expect(page.get_by_text("MISSED")).to_be_visible()
    fine(page, axe, "stay-missed-phone")
    desk = sign_in(open_context(**AT_DESK), world.alice.nurse, live_server.url)
    desk.goto(stay)
    fine(desk, axe, "stay-missed-desk")

    page.get_by_role("link", name="Call with the hospital").click()
    page.get_by_label("Yes", exact=True).check()
    save(page)
    expect(page.get_by_text("Write who was reached: the role is enough.")).to_be_visible()
    page.get_by_label("Who: the role").fill("hospitalist")
    page.get_by_label("What was said").fill("fever is gone, stays one more night")
    fine(page, axe, "stay-call-phone")
    save(page)
    expect(page.get_by_text("hospitalist: fever is gone, stays one more night")).to_be_visible()
    assert not Alert.objects.filter(key__startswith="inpatient:", closed_at__isnull=True).exists()
    desk.reload()
    desk.emulate_media(media="print")
    expect(desk.get_by_role("navigation", name="Record the stay")).to_be_hidden()
    expect(desk.get_by_text("What happened since then is not on this page.")).to_be_visible()
    picture(desk, "stay-paper")
