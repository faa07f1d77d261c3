"""Which of the label's warnings apply to this patient before the next dose: pregnancy, hepatitis B, live vaccines.

Each answers one `[[warning]]` row of the protocol; without the row nothing is asked. A status that nobody recorded is not
known, never normal. A departure that a named person signed under the name of the check leaves a routine finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handrail.rules.answer import Finding
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.protocol_rows import WarningRow
from handrail.rules.terms import Urgency, day_start, say_date
from handrail.rules.upcoming import Upcoming

BLOCK, WARN, ROUTINE = "block", "warn", "routine"
URGENCIES: Final = {BLOCK: Urgency.NOW, WARN: Urgency.TODAY, ROUTINE: Urgency.ROUTINE}
MALE: Final = ("male", "m")
FEMALE: Final = ("female", "f")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksAnswer:
    """What must be looked at before the next dose, and when time alone changes that."""

    findings: tuple[Finding, ...] = ()
    changes_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One thing to say: `effect` is block or warn."""

    what: str
    because: str
    effect: str


def checks(protocol: Protocol, history: History, dose: Upcoming | None) -> ChecksAnswer:
    """Every warning of the label that applies, while a dose is the next thing."""
    if dose is None:
        return ChecksAnswer()
    findings: list[Finding] = []
    changes: list[datetime] = []
    for row in protocol.warning:
        asked = CHECKS.get(row.check)
        said = asked(row, history, dose, changes) if asked else []
        findings += [_finding(protocol, history, row, one) for one in said]
    return ChecksAnswer(findings=tuple(findings), changes_at=tuple(changes))


def _finding(protocol: Protocol, history: History, row: WarningRow, said: _Said) -> Finding:
    signed = documented(history, row.check)
    effect = ROUTINE if signed is not None else said.effect
    because = f"{'on the gate: ' if effect == BLOCK else ''}{said.because}; {row.words}"
    if signed is not None:
        because = f"documented by {signed.body.approver}: {signed.body.reason}; {because}"
    return Finding(
        rule="checks",
        what=said.what,
        urgency=URGENCIES[effect],
        owner=row.owner,
        because=because,
        source=protocol.source_of(row),
    )


def documented(history: History, check: str) -> Event | None:
    """The signed departure under that name, with its approver and reason."""
    signed = history.of("departure_signed")
    return next((e for e in reversed(signed) if e.body.rule == check and e.body.reason and e.body.approver), None)


# --- pregnancy ----------------------------------------------------------------------------------------------------


def _pregnancy(row: WarningRow, history: History, _dose: Upcoming, _changes: list[datetime]) -> list[_Said]:
    """Pregnancy is ruled out since the course began, or the patient cannot be pregnant; else the dose waits for it."""
    sex = (history.course.facts.sex or "").lower()
    potential = _condition(history, "childbearing_potential")
    cannot = potential is not None and potential.body.active is False
    status = _pregnancy_status(history)
    if status == "pregnant":
        return [_Said(what="Pregnancy is on record", because="the prescriber decides with the patient", effect=BLOCK)]
    if sex in MALE or cannot or status == "not pregnant":
        return []
    if sex not in FEMALE and (potential is None or potential.body.active is None):
        because = "the sex of the patient is not on record; record it, a test, or that pregnancy is not possible"
        return [_Said(what="Whether pregnancy must be ruled out is not known", because=because, effect=WARN)]
    because = "no test or statement since the course began; record one, or that pregnancy is not possible"
    return [_Said(what="Pregnancy status is not verified", because=because, effect=row.effect)]


def _pregnancy_status(history: History) -> str | None:
    """`pregnant`, `not pregnant`, or None: the latest word since the course began, and a later doubt undoes it."""
    started = history.last("course_started")
    words = [
        e
        for e in history.of("lab_resulted", "condition_noted")
        if (started is None or e.at >= started.at)
        and ((e.kind == "lab_resulted" and e.body.code == "pregnancy_test") or _is(e, "pregnancy"))
    ]
    if not words:
        return None
    latest = words[-1]
    value = latest.body.result if latest.kind == "lab_resulted" else latest.body.active
    return {"positive": "pregnant", "negative": "not pregnant", True: "pregnant", False: "not pregnant"}.get(value)


# --- hepatitis B --------------------------------------------------------------------------------------------------

SEROLOGY: Final = {"hbsag": "HBsAg", "anti_hbc": "anti-HBc"}


def _hepatitis_b(row: WarningRow, history: History, _dose: Upcoming, _changes: list[datetime]) -> list[_Said]:
    """Any positive marker: watch for reactivation. A marker that was asked and is not known may be positive."""
    found = []
    for code, words in SEROLOGY.items():
        results = [e for e in history.of("lab_resulted") if e.body.code == code]
        if not results:
            continue
        latest = results[-1]
        if latest.body.result == "positive":
            found.append(f"{words} positive")
        elif latest.body.result is None:
            found.append(f"{words} not known")
    if not found:
        return []
    what = f"Watch for hepatitis B reactivation: {', '.join(found)}"
    return [_Said(what=what, because="the prescriber plans the monitoring and signs it", effect=row.effect)]


# --- live vaccines ------------------------------------------------------------------------------------------------


def _live_vaccine(row: WarningRow, history: History, dose: Upcoming, changes: list[datetime]) -> list[_Said]:
    """A live vaccine, given or planned, nearer to the next dose than the row allows, or after it."""
    near = timedelta(days=row.within_days or 0)
    found = []
    for event in history.of("vaccine_noted"):
        body = event.body
        if body.live is False or body.on is None:
            continue
        free_on = body.on + near
        changes.append(day_start(free_on, dose.zone))
        if free_on <= dose.on:
            continue
        live = "live vaccine" if body.live else "vaccine, not known whether live"
        when = "was given on" if body.given else "is planned for"
        found.append(
            _Said(
                what=f"{body.vaccine or 'A vaccine'} ({live}) {when} {say_date(body.on)}",
                because=f"the next dose is not given before {say_date(free_on)}, or the vaccine waits until after treatment",
                effect=row.effect,
            )
        )
    return found


# --- reading conditions -------------------------------------------------------------------------------------------


def _is(event: Event, what: str) -> bool:
    return event.kind == "condition_noted" and (event.body.what or "").lower().replace(" ", "_") == what


def _condition(history: History, what: str) -> Event | None:
    """The latest word on a condition."""
    return next((e for e in reversed(history.of("condition_noted")) if _is(e, what)), None)


Check = Callable[[WarningRow, History, Upcoming, list[datetime]], list[_Said]]
CHECKS: Final[Mapping[str, Check]] = {
    "pregnancy": _pregnancy,
    "hepatitis_b": _hepatitis_b,
    "live_vaccine": _live_vaccine,
}
"""The check behind each name that a `[[warning]]` row may have."""
