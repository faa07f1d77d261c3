"""Doses that were given otherwise than the protocol says, until a named person signs each with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.rules.amount import VialsAnswer, check_given, vials_of
from handrail.rules.answer import Finding
from handrail.rules.doses import Given
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.redosing import redosing
from handrail.rules.switching import schedule_before
from handrail.rules.terms import STEP_WORDS, Action, Urgency, say_date


def departures(history: History, doses: Sequence[Given], protocol: Protocol) -> tuple[list[str], list[Finding]]:
    """Doses that differ from the protocol and that no named person has signed as a departure: in words, and as findings."""
    signed = {e.body.rule for e in history.of("departure_signed") if e.body.rule and e.body.reason and e.body.approver}
    said: list[str] = []
    found: list[Finding] = []
    for number, dose in enumerate(doses):
        differs = _differs(history, doses[:number], dose, protocol)
        vials = _vials(history, dose, protocol)
        differs = differs or vials.differs
        if differs is None or f"dose_given:{dose.event.id}" in signed:
            continue
        words = f"{dose.words()} differs from the protocol: {differs}"
        said.append(words)
        found += [vials.finding] if vials.finding is not None else []
        found.append(
            Finding(
                rule="nextdose",
                what=words,
                urgency=Urgency.NOW,
                owner="prescriber",
                because="what was done is always recorded; the next dose waits for a named person's departure and reason",
            )
        )
    return said, found


def _differs(history: History, before: Sequence[Given], dose: Given, protocol: Protocol) -> str | None:
    if dose.step is None or dose.on is None or any(d.step is None or d.on is None for d in before):
        return None  # already "ask": the step or day is not known
    schedule = dose.body.schedule or schedule_before(history, dose, protocol)
    if schedule is None or "schedule" in dose.event.nulls:
        return "the schedule was asked and is not known"
    if schedule not in protocol.schedules or dose.step not in protocol.steps_of(schedule):
        return "this label has no such step on this schedule"
    if _amount_forgotten(protocol, dose, dose.step, schedule):
        return "the amount was asked and is not known"
    amount = check_given(
        protocol,
        step=dose.step,
        schedule=schedule,
        dose_mg=dose.body.dose_mg,
        dose_mg_per_kg=dose.body.dose_mg_per_kg,
        weight_kg=dose.body.weight_kg,
    )
    if amount is not None:
        return amount
    if not before:
        first = protocol.steps_of(schedule)[0]
        started = history.last("course_started")
        continued = started is not None and started.body.intent == "continuation"
        return None if dose.step == first or continued else f"the label starts with {STEP_WORDS[first]}"
    last = before[-1]
    assert last.step is not None and last.on is not None
    row = redosing(
        protocol,
        last_step=last.step,
        schedule=last.body.schedule or schedule,
        last_on=last.on,
        today=dose.on,
        cause=None,
    )
    if row.action is Action.WAIT:
        return f"given before {say_date(row.until or dose.on)}, the earliest day"
    meant = row.would_be if row.action is Action.ASK else row
    if meant is None or meant.action is Action.ASK:
        return "no rule of this label covers that day"
    verified = "" if meant is row else " (a row not verified)"
    if meant.action is Action.WAIT:
        return f"on that day the label's answer was to wait{verified}"
    if meant.action is not None and meant.action.gives and meant.step != dose.step:
        wanted = STEP_WORDS[meant.step] if meant.step else "another step"
        return f"on that day the label's answer was {meant.action.value}: {wanted}{verified}"
    return None


def _vials(history: History, dose: Given, protocol: Protocol) -> VialsAnswer:
    """Whether the vials that the dose was made from are those of the label; without a word on them nothing is judged."""
    if "strengths_mg_per_ml" in dose.event.nulls:
        return VialsAnswer(differs="the vials were asked and are not known")
    schedule = dose.body.schedule or schedule_before(history, dose, protocol)
    strengths = dose.body.strengths_mg_per_ml
    if not strengths or dose.step is None or schedule is None:
        return VialsAnswer(differs=None)
    if schedule not in protocol.schedules or dose.step not in protocol.steps_of(schedule):
        return VialsAnswer(differs=None)
    return vials_of(protocol, dose.step, schedule, strengths)


def _amount_forgotten(protocol: Protocol, dose: Given, step: str, schedule: str) -> bool:
    """What the amount is compared with was asked and is not known: it may have been another amount."""
    nulls = dose.event.nulls
    if protocol.step_row(step, schedule).mg is not None:
        return "dose_mg" in nulls
    by_weight = dose.body.dose_mg is not None and "weight_kg" in nulls
    return by_weight or "dose_mg" in nulls or "dose_mg_per_kg" in nulls
