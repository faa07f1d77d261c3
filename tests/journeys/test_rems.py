"""The REMS desk in a real browser: every page of it is read on a phone and at a desk, and a paper that ends turns a dose red."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, expect

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.people.scope import everything
from tests.support.factories import World, dose, event, make_site
from tests.support.rems_pages import NOW, TODAY, Desk
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(live_server: Any) -> Iterator[Desk]:
    """A site with one paper that runs out, a planned dose, a dose without a code, and a reaction to report."""
    frozen = clock.FrozenClock(NOW)
    with clock.use(frozen):
        with everything():
            desk = Desk(World(), frozen)
            make_site(desk.house.organisation, name="Second Site")
        soon = (TODAY + timedelta(days=25)).isoformat()
        desk.papers(setting={"sites": str(desk.site.pk), "ends": "on", "until": soon, "reference": "S-1"})
        by = person(desk.house.nurse)
        course, other = desk.world.course, desk.world.make_course()
        desk.dispense(course, desk.plan(course))
        record_event(other.pk, dose("step_up_1", at=NOW - timedelta(minutes=30), mg="4.2"), by=by, now=NOW)
        reaction = event("crs_assessed", at=NOW, tmax_c="39.0", hypotension=True, o2="none", clinician_grade=2)
        record_event(other.pk, reaction, by=by, now=NOW)
        desk.other = other  # type: ignore[attr-defined]
        yield desk


def test_every_page_is_read_on_a_phone_and_at_a_desk_and_a_representative_that_ended_is_seen(
    desk: Desk, live_server: Any, open_context: Callable[..., BrowserContext], axe: Callable[[Any], list[str]]
):
    names = {"rems": (), "rems_desk": (), "rems_papers": (), "rems_modes": (), "rems_binder": ()}
    paths = {name: reverse(name, args=args) for name, args in names.items()}
    paths["rems_setup"] = reverse("rems_setup", args=[desk.site.pk, "talquetamab"])
    paths["rems_course"] = reverse("rems_course", args=[desk.other.pk])  # type: ignore[attr-defined]
    wrong: dict[str, list[str]] = {}
    looks: dict[str, dict[str, Any]] = {
        "desk": {"viewport": DESKTOP},
        "phone-dark": {**ON_PHONE, "color_scheme": "dark"},
    }
    for look, options in looks.items():
        page = sign_in(open_context(**options), desk.manager, live_server.url)
        for name, path in paths.items():
            page.goto(live_server.url + path)
            picture(page, f"{name}-{look}")
            if found := axe(page) + (["scrolls sideways"] if sideways(page) else []):
                wrong[f"{name} {look}"] = found
    assert not wrong
    page = sign_in(open_context(viewport=DESKTOP), desk.manager, live_server.url)
    page.goto(live_server.url + paths["rems_papers"])
    row = page.locator("li", has=page.get_by_text("Authorised representative", exact=True))
    row.get_by_text("End", exact=False).first.click()
    row.get_by_label("Last day").fill((TODAY - timedelta(days=1)).isoformat())
    row.get_by_label("Why").fill("left the practice")
    row.get_by_role("button", name="End it").click()
    expect(page.get_by_text("It ends on")).to_be_visible()
    page.goto(live_server.url + paths["rems_desk"])
    expect(page.get_by_text("Pharmacist Reed: ended on")).to_be_visible()
    picture(page, "rems-ended-desk")
