"""Which REMS requirements are not recorded as met for the dose that comes next.

A REMS is a safety programme that an authority requires for a product in one country: a protocol without rows asks nothing.
A requirement that nobody recorded is not met. A programme that has ended asks nothing either, and says who confirmed that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handrail.rules.answer import Finding
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.protocol_rows import RemsRow
from handrail.rules.terms import Urgency, day_start, say_date
from handrail.rules.upcoming import Upcoming

BLOCK, WARN = "block", "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsAnswer:
    """What is open before the next dose, and when time alone changes that."""

    findings: tuple[Finding, ...] = ()
    changes_at: tuple[datetime, ...] = ()


def rems(
    protocol: Protocol, policy: Policy, history: History, dose: Upcoming | None, last_dose_at: datetime | None
) -> RemsAnswer:
    """Every requirement in force on the day of the next dose that is not recorded as met.

    Args:
        dose: the dose that comes next; without one nothing is asked.
        last_dose_at: a requirement of every dose without an end date is met for one dose only.
    """
    if dose is None:
        return RemsAnswer()
    findings: list[Finding] = []
    changes: list[datetime] = []
    ended: dict[tuple[object, ...], list[RemsRow]] = {}
    for row in protocol.rems:
        changes += [day_start(day, dose.zone) for day in _edges(row)]
        if row.in_force_from is not None and dose.on < row.in_force_from:
            continue
        if row.in_force_to is not None and dose.on > row.in_force_to:
            ended.setdefault((row.in_force_to, row.confirmed_by, row.confirmed_on), []).append(row)
            continue
        met, doubted = _latest(history, row.requirement)
        if met is not None and met.body.valid_until is not None:
            changes.append(day_start(met.body.valid_until + timedelta(days=1), dose.zone))
        open_because = _open_because(row, met, dose.on, last_dose_at) or doubted
        if open_because is not None:
            findings.append(_finding(protocol, policy, row, open_because))
    findings += [_ended(protocol, rows) for rows in ended.values()]
    return RemsAnswer(findings=tuple(findings), changes_at=tuple(changes))


def _edges(row: RemsRow) -> tuple[date, ...]:
    """The first day of a requirement, and the first day without it."""
    after = row.in_force_to + timedelta(days=1) if row.in_force_to is not None else None
    return tuple(day for day in (row.in_force_from, after) if day is not None)


def _latest(history: History, requirement: str) -> tuple[Event | None, str | None]:
    """The latest word on a requirement, and why it is doubted: a later word without its requirement may have been about this one."""
    found = [e for e in history.of("rems_met") if e.body.requirement in (requirement, None)]
    known = [e for e in found if e.body.requirement is not None]
    doubted = bool(known) and found[-1].body.requirement is None
    return known[-1] if known else None, "what was recorded last names no requirement" if doubted else None


def _open_because(row: RemsRow, met: Event | None, on: date, last_dose_at: datetime | None) -> str | None:
    """Why a requirement is not met on that day, or None."""
    if met is None:
        return "nothing is recorded"
    if met.body.met is None:
        return "whether it is met is not known"
    if not met.body.met:
        return "it is recorded as not met"
    until: date | None = met.body.valid_until
    if "valid_until" in met.nulls:
        return "until when it holds is not known"
    if until is not None:
        return None if until >= on else f"it was met until {say_date(until)}"
    if row.before == "first_dose":
        return None
    if last_dose_at is not None and met.at <= last_dose_at:
        return "it was last recorded before the last dose and has no end date"
    return None


def _finding(protocol: Protocol, policy: Policy, row: RemsRow, because: str) -> Finding:
    blocks = BLOCK in (row.effect, policy.rems_effects.get(row.requirement))
    verified = "" if row.acts else " (a row not verified)"
    return Finding(
        rule="rems",
        what=f"REMS: {row.words}{verified}",
        urgency=Urgency.NOW if blocks else Urgency.TODAY,
        owner=row.owner,
        because=f"on the gate: {because}" if blocks else because,
        source=protocol.source_of(row),
    )


def _ended(protocol: Protocol, rows: list[RemsRow]) -> Finding:
    """One word about all that ended together: the programme, or those of its requirements."""
    row = rows[0]
    whole = len(rows) == len(protocol.rems)
    what = "The REMS ended" if whole else f"REMS: {'; '.join(each.words for each in rows)}: ended"
    assert row.in_force_to is not None and row.confirmed_on is not None
    return Finding(
        rule="rems",
        what=f"{what} on {say_date(row.in_force_to)}: {'its requirements are' if whole else 'this is'} not checked",
        urgency=Urgency.ROUTINE,
        owner="pharmacist",
        because=f"confirmed by {row.confirmed_by} on {say_date(row.confirmed_on)}",
        source=protocol.source_of(row),
    )
