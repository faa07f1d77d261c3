"""A synthetic course between two doses, of which nobody wants anything: each thing that a test adds makes somebody needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from handrail.rules.protocol import load
from tests.support.courses import TEC, Told, well

AT: Final = "2026-02-03 10:00"
"""A Tuesday; the dose before was yesterday, the next is due on Monday the ninth."""
NEAR: Final = "2026-02-06 00:00"
"""Three days before that."""
DOSES: Final = (
    ("step_up_1", "2026-01-05"),
    ("step_up_2", "2026-01-07"),
    ("first_treatment", "2026-01-12"),
    ("treatment", "2026-01-19"),
    ("treatment", "2026-01-26"),
    ("treatment", "2026-02-02"),
)
"""The treatment doses are a week apart."""


def resting() -> Told:
    """Its doses were given elsewhere and came with a record, so that nobody here had to assess; all else is known and normal."""
    doses = [(step, f"{day} 09:00") for step, day in DOSES]
    return between_doses(doses, looked_at="2026-02-03 09:00", before="2026-01-03 09:00")


def between_doses(doses: Iterable[tuple[str, str]], *, looked_at: str, before: str) -> Told:
    """The same with other doses.

    Args:
        looked_at: when somebody last saw the patient; before: when what is asked before the first dose was written down.
    """
    told = Told(TEC, facts={"sex": "male", "birth_year": 1950, "lines_prior": 5})
    for code in ("hbsag", "anti_hbc", "pregnancy_test"):
        told.tell("lab_resulted", before, code=code, result="negative")
    for row in load(TEC).rems:
        told.tell("rems_met", before, requirement=row.requirement, met=True, valid_until="2026-12-31")
    for step, at in doses:
        told.dose(step, at, source="import", weight_kg="70")
    well(told, looked_at)
    return told
