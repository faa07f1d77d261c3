"""Synthetic courses for the figures: a step-up told dose by dose, watched as much as a test wants, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from handrail.measures.data import definitions
from handrail.measures.outcomes import Outcome, outcome
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from tests.support.courses import Told, instant

DOSES = (("step_up_1", "2026-03-02"), ("step_up_2", "2026-03-04"), ("first_treatment", "2026-03-06"))
"""A Monday, a Wednesday and a Friday at nine in Chicago; the window closes 48 hours later, on Sunday at ten: the clock goes forward."""
CLOSED = instant("2026-03-08 10:00")
LATER = instant("2026-03-09 12:00")
QUIET: dict[str, Any] = {
    "temperature_c": "36.8",
    "antipyretic_last_6_h": False,
    "symptoms": [],
    "none_of_these": True,
    "home_neuro": {"year": "right"},
}
GRADE_0 = {"tmax_c": "36.8", "clinician_grade": 0}
GRADE_1 = {"tmax_c": "38.6", "fever_other": False, "hypotension": False, "o2": "none", "clinician_grade": 1}


def stepped_up(*, doses: int = 3, setting: str | None = "outpatient", **header: Any) -> Told:
    """A course with its first doses planned and given, and nobody who looked."""
    told = Told(**header)
    for step, day in DOSES[:doses]:
        if setting is not None:
            told.tell("dose_planned", f"{day} 08:00", step=step, on=day, setting=setting)
        told.dose(step, f"{day} 09:00")
    return told


def watched(told: Told, *, days: range = range(2, 9), hours: tuple[int, ...] = (8, 20), **fields: Any) -> Told:
    """A quiet check-in at these hours of each of these days of March."""
    for day in days:
        for hour in hours:
            told.tell("checkin_received", f"2026-03-{day:02d} {hour:02d}:00", **{**QUIET, **fields})
    return told


def became(told: Told, now: datetime = LATER, *, waived: bool = False) -> Outcome | None:
    """What the figures count of it."""
    policy = load_policy()
    return outcome(
        History.build(course_from_json(told.file()), plausible=policy.plausible), policy, definitions(), now, waived=waived
    )  # fmt: skip


def counted(told: Told, now: datetime = LATER, *, waived: bool = False) -> Outcome:
    """The same, of a course that is counted."""
    found = became(told, now, waived=waived)
    assert found is not None
    return found


def grade(told: Told, at: str, number: int, *, resolved: str | None = None) -> Told:
    """CRS was graded by a clinician, and said to be over."""
    inputs = {**GRADE_1, "clinician_grade": number, "hypotension": number >= 2, "pressors": [] if number >= 2 else None}
    told.tell("crs_assessed", at, **{name: value for name, value in inputs.items() if value is not None})
    if resolved is not None:
        told.tell("toxicity_resolved", resolved, toxicity="crs", confirmed_by="nurse")
    return told


HOUR = timedelta(hours=1)
