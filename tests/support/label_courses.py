"""Courses that follow a label dose by dose, whichever label it is."""

from __future__ import annotations

from datetime import date, timedelta

from handrail.rules.protocol import Protocol
from tests.support.courses import Told

FIRST = date(2026, 1, 5)
"""The day of the first dose, a Monday."""


def on_their_days(protocol: Protocol, schedule: str, last: str) -> tuple[Told, date]:
    """A course with every dose up to `last` on the first day that its row allows, and the day of the last."""
    told, on = Told(protocol.key, schedule=schedule), FIRST
    steps = protocol.steps_of(schedule)
    for step in steps[: steps.index(last) + 1]:
        row = protocol.step_row(step, schedule)
        amount = {"dose_mg": str(row.mg)} if row.mg is not None else {"dose_mg_per_kg": str(row.mg_per_kg)}
        told.dose(step, f"{on} 09:00", schedule=schedule, **amount)
        if step != last:
            giving = [gap for gap in protocol.gap_rows(step, schedule) if gap.action.gives]
            on += timedelta(days=(giving[0].due_day or giving[0].from_day) if giving else 7)
    return told, on
