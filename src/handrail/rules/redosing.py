"""How long since the last dose, and what then: the label's own table, looked up and never interpolated.

A row that nobody has verified answers `ask` and is shown under `would_be`; where it would withhold, repeat or restart the
answer is also `withheld`. The reason names dates and never a duration up to today.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from handrail.rules.answer import SourceRef, WouldBe
from handrail.rules.protocol import GapRow, Protocol, ThenRow
from handrail.rules.terms import STEP_WORDS, Action, Status, say_date

ADVERSE_REACTION = "adverse_reaction"
BENEFIT_RISK = "benefit-risk: the delay was caused by an adverse reaction; the prescriber weighs benefit and risk"
BENEFIT_RISK_UNKNOWN = "benefit-risk: the cause of the delay is not known; weigh it if it was an adverse reaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapAnswer:
    """What the gap table says on a day. `until`: the day from which a `wait` ends."""

    action: Action
    because: str
    row: GapRow | None = None
    step: str | None = None
    confirm: str | None = None
    flags: tuple[str, ...] = ()
    then: ThenRow | None = None
    premedicate: str = "no"
    needs_cause: bool = False
    until: date | None = None
    withheld: bool = False
    would_be: WouldBe | None = None
    source: SourceRef | None = None
    status: Status | None = None


def redosing(
    protocol: Protocol, *, last_step: str, schedule: str, last_on: date, today: date, cause: str | None
) -> GapAnswer:
    """Look up the calendar days from the last dose to `today`.

    Args:
        protocol: the label revision.
        last_step: step of the last dose given; a repeated step counts as that step.
        schedule: the interval in force.
        last_on: civil date of the last dose, at the site that gave it; that day is day 0.
        today: civil date of the planned dose.
        cause: why the dose is late (`adverse_reaction`, `infection`, `logistics`, ...), None when not known.
    """
    days = (today - last_on).days
    if days < 0:
        return GapAnswer(action=Action.ASK, because=f"the last dose is dated {say_date(last_on)}, in the future")
    row = next((r for r in protocol.gap_rows(last_step, schedule) if _covers(r, days)), None)
    if row is None:
        words = STEP_WORDS.get(last_step, last_step)
        return GapAnswer(action=Action.ASK, because=f"this label has no row after {words} on this schedule")
    span = _span(row, last_on)
    because = f"{STEP_WORDS[last_step]} was given on {say_date(last_on)}; {span}: {row.words}"
    source = protocol.source_of(row)
    if not row.acts:
        return GapAnswer(
            action=Action.ASK,
            because=f"{because} (this row is not verified: ask the prescriber)",
            row=row,
            would_be=WouldBe(action=row.action, step=row.step, row=row.id, words=row.words, status=row.status),
            withheld=row.action not in (Action.GIVE, Action.CONTINUE),
            premedicate=row.premedicate,
            source=source,
            status=row.status,
        )
    limit = protocol.product.benefit_risk_over_days
    weighs = row.benefit_risk and limit is not None and days > limit
    flags = (BENEFIT_RISK,) if weighs and cause == ADVERSE_REACTION else ()
    if weighs and cause is None:
        flags = (BENEFIT_RISK_UNKNOWN,)
    return GapAnswer(
        action=row.action,
        because=because,
        row=row,
        step=row.step,
        confirm=row.confirm,
        flags=flags,
        then=row.then,
        premedicate=row.premedicate,
        needs_cause=weighs,
        until=last_on + timedelta(days=row.to_day + 1) if row.to_day is not None else None,
        source=source,
        status=row.status,
    )


def _covers(row: GapRow, days: int) -> bool:
    return row.from_day <= days and (row.to_day is None or days <= row.to_day)


def _span(row: GapRow, last_on: date) -> str:
    first = last_on + timedelta(days=row.from_day)
    if row.to_day is None:
        return f"from {say_date(first)} (day {row.from_day}) on"
    if row.to_day == row.from_day:
        return f"on {say_date(first)} (day {row.from_day})"
    last = last_on + timedelta(days=row.to_day)
    return f"from {say_date(first)} (day {row.from_day}) to {say_date(last)} (day {row.to_day})"
