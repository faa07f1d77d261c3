"""Is a dose the next thing, and for which day? The checks before a dose speak only then, so that nobody learns to overlook them.

A dose is the next thing when one is planned and not yet given, when the schedule's day has passed or is near (`upcoming_days` of the file
of the gate), or when the course waits for its first dose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handrail.rules.answer import NextDose
from handrail.rules.doses import Given, called_off
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.nextdose import planned_zone
from handrail.rules.readiness import gate_data
from handrail.rules.terms import Action, civil_date, day_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """The dose that comes next. `on`: its day, today when that has passed; `zone`: of the site that gives it."""

    on: date
    zone: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingAnswer:
    """The dose that comes next, None when none does, and when time alone changes that."""

    dose: Upcoming | None
    changes_at: tuple[datetime, ...] = ()


def upcoming(history: History, doses: Sequence[Given], dose: NextDose, now: datetime) -> UpcomingAnswer:
    """The dose that the checks of today are about.

    Args:
        dose: what the schedule says; its dates stand also while the dose is withheld.
    """
    zone = planned_zone(history)
    today = civil_date(now, zone)
    if dose.action is Action.STOP or history.last("course_started") is None:
        return UpcomingAnswer(dose=None)
    plan = open_plan(history, doses)
    if plan is not None:
        return _on(plan.body.on, today, zone, doses)
    meant = dose.would_be.action if dose.withheld and dose.would_be is not None else dose.action
    if not doses or (dose.due_on is None and meant is not None and meant.gives):
        return _on(today, today, zone, doses)
    if dose.due_on is None:
        return UpcomingAnswer(dose=None)
    speaks_from = dose.due_on - timedelta(days=gate_data().when.upcoming_days)
    if today < speaks_from:
        return UpcomingAnswer(dose=None, changes_at=(day_start(speaks_from, zone),))
    return _on(dose.due_on, today, zone, doses)


def open_plan(history: History, doses: Sequence[Given]) -> Event | None:
    """The latest plan, unless its dose was given, was recorded as not given, or has no day.

    A dose of which nobody knows the time is that of the plan where it was written down on the plan's day or later: before, it was another.
    """
    planned = history.last("dose_planned")
    if planned is None or planned.body.on is None:
        return None
    given_since = any(civil_date(d.at or d.event.recorded_at, planned.zone) >= planned.body.on for d in doses)
    return None if given_since or called_off(history, planned, doses) else planned


def _on(day: date, today: date, zone: str, doses: Sequence[Given]) -> UpcomingAnswer:
    return UpcomingAnswer(dose=Upcoming(on=max(day, today), zone=zone, first=not doses))
