"""Which schedule is in force, and what a label leaves open when one follows another or nobody has said which was chosen.

A label may start in more than one way, and may know a schedule with larger treatment doses without saying how a patient on
smaller ones gets there. Neither is guessed: the answer is to ask the prescriber.
"""

from __future__ import annotations

from decimal import Decimal

from handrail.rules.doses import Given
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.redosing import GapAnswer
from handrail.rules.terms import TREATMENT


def starting_schedule(protocol: Protocol) -> str | None:
    """The schedule that a course starts on when it names none; None where the steps depend on the choice."""
    ways = [tuple(step for step in protocol.steps_of(name) if step != TREATMENT) for name in protocol.schedules]
    return protocol.schedules[0] if len({way for way in ways if way}) == 1 else None


def schedule_at(history: History, protocol: Protocol) -> str | None:
    """The schedule in force: the latest change, else the course's own, else the one that every course starts on."""
    for event in reversed(history.of("schedule_changed", "protocol_changed")):
        if event.body.schedule is not None:
            return str(event.body.schedule)
        if "schedule" in event.nulls:
            return None
    return history.course.schedule or starting_schedule(protocol)


def schedule_before(history: History, dose: Given, protocol: Protocol) -> str | None:
    """The schedule in force when a dose was given; None when it was asked and is not known."""
    for event in reversed(history.of("schedule_changed", "protocol_changed")):
        if dose.at is None or event.at > dose.at:
            continue
        if event.body.schedule is not None:
            return str(event.body.schedule)
        if "schedule" in event.nulls:
            return None
    return history.course.schedule or starting_schedule(protocol)


def on_its_own_day(protocol: Protocol, answer: GapAnswer, before: str, wanted: str, days: int) -> bool:
    """Whether a longer interval that the label foresees has come to its own nominal day, counted from the last dose before it.

    The first dose every 4 weeks is due 4 weeks after the last one given every 2 weeks: no delay of the interval before. Past
    that day the interval before still counts.
    """
    known = {(row.from_schedule, row.to_schedule) for row in protocol.interval_change if row.acts}
    row = answer.row
    on_time = row is not None and row.acts and row.kind == "window" and row.due_day == days
    return on_time and (before, wanted) in known


def larger_dose_left_open(protocol: Protocol, last: Given, before: str | None, wanted: str) -> str | None:
    """Why the next treatment dose may not simply be that of the schedule, in words, or None.

    Args:
        protocol: the label revision.
        last: the last dose given; before: the schedule it was given on, None when not known.
        wanted: the schedule in force now.
    """
    if not last.is_treatment or last.step is None or TREATMENT not in protocol.steps_of(wanted):
        return None
    given, now = last.body.dose_mg_per_kg, protocol.step_row(TREATMENT, wanted).mg_per_kg
    if given is None and before in protocol.schedules and last.step in protocol.steps_of(before):
        given = protocol.step_row(last.step, before).mg_per_kg
    if given is None or now is None or now <= given or _by_phase(protocol, wanted, now):
        return None
    return f"this label does not say how {now} mg/kg follows a treatment dose of {given} mg/kg: ask the prescriber"


def _by_phase(protocol: Protocol, schedule: str, mg_per_kg: Decimal) -> bool:
    """The label itself names the larger dose for this phase of treatment."""
    return any(row.acts and (row.schedule, row.mg_per_kg) == (schedule, mg_per_kg) for row in protocol.phase_dose)
