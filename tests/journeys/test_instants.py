"""The night in Chicago, read on a phone in New York after midnight: every time carries its day and zone, and nothing runs over the edge."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.facts import record_event
from tests.support.factories import event
from tests.support.nights import LATE, NEW_YORK, fever_at
from tests.support.seeing import cut_off, picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BARE = re.compile(r"(?<![-\d])(?:[01]\d|2[0-3]):[0-5]\d(?! (?:C[SD]T|E[SD]T))")


@pytest.mark.parametrize("width", [390, 320])
def test_board_pages_and_stay_on_a_phone(
    live_server: Any, open_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]], width: int
):
    night = fever_at(LATE)
    world, course = night.world, night.course
    by = world.actor("alice", "on_call")
    with clock.use(clock.FrozenClock(LATE)):
        acknowledge(night.alert.pk, by=by)
        for hours, agent, mg in ((2, "tocilizumab", "560"), (1, "dexamethasone", "10")):
            given = LATE - timedelta(hours=hours)
            fact = event("medicine_given", at=given, agent=agent, dose_mg=mg, purpose="treatment")
            record_event(course.pk, fact, by=world.actor("alice"), now=LATE)
        admitted = {"admitted_at": LATE.isoformat(), "place": "County Hospital", "service": "unit 4"}
        record_event(course.pk, event("admission_noted", at=LATE, **admitted), by=world.actor("alice"), now=LATE)
    with clock.use(clock.FrozenClock(LATE + timedelta(hours=2, minutes=30))):
        context = open_context(
            viewport={"width": width, "height": 844}, is_mobile=True, has_touch=True, timezone_id=NEW_YORK
        )
        page = sign_in(context, world.alice.nurse, live_server.url)
        for name, args, said in (
            ("board", (), "has it since Mon 2 Mar 23:40 CST"),
            ("pages", (), "has it since Mon 2 Mar 23:40 CST"),
            ("page", (night.alert.pk,), "has it since Mon 2 Mar 23:40 CST"),
            ("stay", (course.pk,), "dexamethasone 10 mg Mon 2 Mar 22:40 CST"),
        ):
            page.goto(live_server.url + reverse(name, args=args))
            expect(page.get_by_text(said).first).to_be_visible()
            picture(page, f"instants-{name}-{width}")
            assert (sideways(page), cut_off(page)) == (0, []), name
            found = BARE.findall(page.locator("main").inner_text())
            assert found == [], (name, found)
            if width == 390:
                assert axe(page) == [], name
