"""What goes with a dose beside its amount: how long it runs in, what else is given with it, and where the label ends treatment.

Rows that nobody has verified are listed with that status, because leaving them out would loosen; none of them lets a dose go ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.rules.answer import Companion, Infusion
from handrail.rules.doses import Given
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.terms import STEP_UP_STEPS, Missing

INFUSION_REACTION = "infusion_reaction"


def infusion_for(protocol: Protocol, *, step: str, crs_after_last: bool) -> Infusion | None:
    """How long the infusion of a step lasts; None where the label's data says nothing of it."""
    rows = [row for row in protocol.infusion if step in row.steps and (crs_after_last or not row.after_crs)]
    row = max(rows, key=lambda row: row.after_crs, default=None)
    if row is None:
        return None
    return Infusion(minutes=row.minutes, up_to=row.after_crs, row=row.id, status=row.status)


def companions_for(protocol: Protocol, *, step: str) -> tuple[Companion, ...]:
    """The other medicines and fluids that the label gives with a step."""
    return tuple(
        Companion(
            agent=row.agent,
            dose=row.dose,
            route=row.route,
            from_day=row.from_day,
            to_day=row.to_day,
            row=row.id,
            status=row.status,
        )
        for row in protocol.companion
        if step in row.steps
    )


def infusion_reaction(history: History) -> bool:
    """An infusion reaction was noted since the latest dose and not taken back."""
    last = history.last("dose_given")
    noted = [e for e in history.of("condition_noted") if last is None or e.at >= last.at]
    said = [e for e in noted if (e.body.what or "").strip().lower().replace(" ", "_") == INFUSION_REACTION]
    return any(event.body.active is not False for event in said)


def counted(steps: Sequence[str | None], doses_of: Sequence[str]) -> int | None:
    """How many doses of some steps a course has had; None when that is not settled.

    A step that is not known is not counted as any, and no label says whether full doses before a restart count.
    """
    if any(step is None for step in steps):
        return None
    first = next((n for n, step in enumerate(steps) if step in doses_of), len(steps))
    if any(step in STEP_UP_STEPS for step in steps[first:]):
        return None
    return sum(1 for step in steps if step in doses_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Why no further dose is planned by the label, or what must be known to say so."""

    because: str
    missing: Missing | None = None


def treatment_over(protocol: Protocol, history: History, doses: Sequence[Given]) -> Ended | None:
    """Whether the label's treatment is over after the doses given.

    Every dose counts, also those before a restart, so that a course never runs on unasked.
    """
    said = [
        e
        for e in history.of("response_assessed", "schedule_changed")
        if e.body.response is not None or "response" in e.nulls
    ]
    response = said[-1].body.response if said else None
    for row in protocol.duration:
        given = sum(1 for dose in doses if dose.step in row.doses_of)
        if given < row.doses:
            continue
        verified = "" if row.acts else " (a row not verified)"
        if not row.responses or response in row.responses:
            return Ended(because=f"{row.words}{verified}: {given} such doses have been given")
        if response is None:
            missing = Missing(missing="response", why_it_matters=row.words)
            return Ended(because=f"{row.words}{verified}: the response is not known", missing=missing)
    return None
