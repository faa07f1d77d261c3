"""Courses in the database for the figures: a whole step-up with its readings, written as rows at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.coursefile import event_from_json
from tests.support.factories import CHICAGO, MONDAY_0900, World, checkin, dose, event

BEGINS: Final = MONDAY_0900 + timedelta(hours=1)
"""When the first dose is given, unless told otherwise."""
STEPS: Final = ("step_up_1", "step_up_2", "first_treatment")
MG: Final = ("4.3", "21", "108")
GRADE_1: Final = {"tmax_c": "38.6", "fever_other": False, "o2": "none"}


def write_rows(course: Course, told: Iterable[dict[str, Any]]) -> None:
    """Facts of a course, as rows."""
    with everything():
        facts = [event_from_json({**each, "zone": CHICAGO}, zone=CHICAGO) for each in told]
        Event.objects.bulk_create(wire.to_row(fact, course) for fact in facts)


def stepped_up(
    world: World,
    *,
    begins: datetime = BEGINS,
    tocilizumab: str = "",
    settings: tuple[str, ...] = ("outpatient",) * 3,
    crs: int = 0,
    watched: bool = True,
    told: Iterable[dict[str, Any]] = (),
    **fields: Any,
) -> Course:
    """A synthetic course with its step-up of three doses in five days: planned, given, watched twice a day until it is over.

    Args:
        tocilizumab: `given` to prevent, `waived`, or nothing on record.
        settings: of the three doses; an empty word: never planned.
        crs: the grade of a reaction 30 hours after the first dose, over ten hours later; 0: none.
        told: more facts.
    """
    course = world.make_course(now=begins - timedelta(minutes=50), **fields)
    found = list(told)

    def tell(kind: str, hours: float, **said: Any) -> None:
        found.append(event(kind, at=begins + timedelta(hours=hours), **said))

    if tocilizumab == "given":
        tell("medicine_given", -0.5, agent="tocilizumab", dose_mg="560", route="intravenous", purpose="prophylaxis")
    elif tocilizumab == "waived":
        tell("readiness_confirmed", -0.5, item="prophylaxis_waived", confirmed=True, evidence="synthetic")
    for number, (step, mg, setting) in enumerate(zip(STEPS, MG, settings, strict=True)):
        at = begins + timedelta(days=2 * number)
        if setting:
            tell("dose_planned", 48 * number - 0.25, step=step, on=at.date().isoformat(), setting=setting)
        found.append(dose(step, at=at, mg=mg))
    if crs:
        tell("crs_assessed", 30, **GRADE_1, hypotension=crs > 1, clinician_grade=crs)
        tell("toxicity_resolved", 40, toxicity="crs", confirmed_by="synthetic")
    for hours in range(6, 150, 12) if watched else ():
        found.append(checkin(at=begins + timedelta(hours=hours), home_neuro={"year": "right"}))
    write_rows(course, found)
    return course
