"""Two facts of one minute: the one that was written down last holds, on every desk, and never the one whose random id is greater."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from handrail.actions.facts import receive_checkin, record_event, record_events, withdraw_event
from handrail.actions.rems_desk import desk_of
from handrail.actions.rems_look import _plan_of, day_of
from handrail.actions.site_bookings import _phase_on
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Event
from handrail.web.payers.reading import _planned
from tests.support.factories import MONDAY_0900, World, checkin, event

pytestmark = pytest.mark.django_db
AT = MONDAY_0900 + timedelta(hours=1)
LATER = AT + timedelta(minutes=5)
IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2)]
DAYS = (MONDAY_0900.date() + timedelta(days=3), MONDAY_0900.date() + timedelta(days=1))
"""The later word names the earlier day."""
WAYS = ("two instants", "one instant", "one request", "a clock that was set back")


def plan_twice(world: World, ids: tuple[str, ...], way: str) -> list[Event]:
    """Two plans that the nurse dates at the same minute; the one of `DAYS[1]` is written down last."""
    plans: list[dict[str, Any]] = [
        {**event("dose_planned", at=AT, step="step_up_1", on=on.isoformat(), setting="inpatient"), "id": name}
        for name, on in zip(ids, DAYS, strict=True)
    ]
    by = world.actor("alice", "oncologist")
    if way == "one request":
        return [each.event for each in record_events(world.course.pk, plans, by=by, now=LATER)]
    seconds = {"two instants": (0, 1), "one instant": (0, 0), "a clock that was set back": (20, 0)}[way]
    return [
        record_event(world.course.pk, plan, by=by, now=LATER + timedelta(seconds=second)).event
        for plan, second in zip(plans, seconds, strict=True)
    ]


def days_said(world: World) -> dict[str, Any]:
    """The day of the dose that each reader of the record takes for the planned one."""
    now = LATER + timedelta(minutes=1)
    course = world.course
    with everything():
        desk = desk_of(world.alice.director, world.alice.organisation, now)
        plan = wire.history_of(course, now)[0].last("dose_planned")
        assert plan is not None
        return {
            "rules": plan.body.on,
            "REMS desk": [each.on for each in desk.planned],
            "line 8": day_of(_plan_of(course).payload["on"]),
            "access desk": _planned([course.pk], now)[course.pk],
        }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ids", list(permutations(IDS)), ids=["ids rise", "ids fall"])
def test_of_two_plans_of_one_minute_the_one_written_down_last_holds_on_every_desk(ids, way):
    world = World()
    first, last = plan_twice(world, ids, way)
    assert last.recorded_at > first.recorded_at
    said = days_said(world)
    assert said == {"rules": DAYS[1], "REMS desk": [DAYS[1]], "line 8": DAYS[1], "access desk": DAYS[1]}


@pytest.mark.parametrize("ids", list(permutations(IDS)), ids=["ids rise", "ids fall"])
def test_the_phase_of_a_dose_is_that_of_the_plan_written_down_last_that_nobody_took_back(ids):
    world = World()
    by = world.actor("alice", "oncologist")
    day = date(2026, 3, 30)
    for name, step in zip(ids, ("step_up_1", "treatment"), strict=True):
        told = event("dose_planned", at=AT, step=step, on=day.isoformat(), setting="inpatient")
        record_event(world.course.pk, {**told, "id": name}, by=by, now=LATER)
    with everything():
        assert _phase_on(world.course, day) == "maintenance"
    withdraw_event(world.course.pk, ids[1], reason="wrong course", by=by, now=LATER + timedelta(minutes=1))
    with everything():
        assert _phase_on(world.course, day) != "maintenance"


def test_a_fact_that_is_sent_again_is_the_same_fact_and_keeps_its_place():
    world = World()
    plan_twice(world, tuple(IDS), "one instant")
    again = plan_twice(world, tuple(IDS), "two instants")
    with everything():
        assert world.course.events.filter(kind="dose_planned").count() == 2
        kept = dict(world.course.events.filter(kind="dose_planned").values_list("id", "recorded_at"))
    assert kept == {each.id: each.recorded_at for each in again}
    assert days_said(world)["rules"] == DAYS[1]


def test_a_report_that_is_sent_again_names_the_alerts_that_it_opened_though_another_stood_for_its_minute():
    """Looking for alerts of the very instant of `recorded_at` makes it fail."""
    world = World()
    by = world.actor("alice")
    fever = checkin(at=AT, temperature_c="39.4", symptoms=["confusion"], none_of_these=False)
    receive_checkin(world.course.pk, checkin(at=AT), by=by, now=LATER)
    opened = receive_checkin(world.course.pk, fever, by=by, now=LATER).opened
    again = receive_checkin(world.course.pk, fever, by=by, now=LATER + timedelta(seconds=3))
    assert again.again and opened
    assert {each.pk for each in again.opened} == {each.pk for each in opened}
