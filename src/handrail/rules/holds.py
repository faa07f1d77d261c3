"""What withholds the next dose whatever the schedule and the delay table say.

No give, continue, repeat or restart while fever, CRS or ICANS is unresolved, an infection is active, a clinician holds
the drug, or any of these is not known. The delay clock keeps running during a hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from handrail.rules.doses import Given
from handrail.rules.episodes import Episodes
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.home_medicines import hidden_at
from handrail.rules.policy import Policy
from handrail.rules.protocol import AfterToxicityRow, Protocol
from handrail.rules.terms import Action, Missing, say_instant
from handrail.rules.triage import ANC_FACTORS

MASKING_FIELD = "antipyretic_last_6_h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One reason to withhold: known (`hold`) or not known (`ask`)."""

    action: Action
    what: str
    because: str


UNIT_FACTORS: Final[Mapping[str, Mapping[str, Decimal]]] = {
    "10*9/L": ANC_FACTORS,
    "g/dL": {"g/dL": Decimal(1), "g/L": Decimal("0.1")},
}
"""For the unit of a row: the UCUM units of a result and their factors to it (exact conversions)."""


ANALYTE_WORDS: Final = {"anc": "neutrophil count", "hemoglobin": "haemoglobin", "platelets": "platelet count"}


def cytopenias(history: History, protocol: Protocol, policy: Policy) -> tuple[Hold, ...]:
    """Blood counts as low as the label's rows say: withheld, or asked where the row or the value is not known.

    A count that was never taken is not asked for here, but where a noted condition makes the row depend on it; the latest one
    stands until there is a newer one.
    """
    found = []
    for row in protocol.after_toxicity:
        if row.analyte is None:
            continue
        results = [e for e in history.of("lab_resulted") if e.body.code == row.analyte or "code" in e.nulls]
        beside = _beside(history, row, results, policy)
        if beside is False or (not results and row.together_with in (None, FEVER)):
            continue
        count = _count(row, results[-1]) if results else None
        if count is not None and not row.holds_at(count):
            continue
        verified = "" if row.acts else " (a row not verified)"
        because, action = f"{row.words}{verified}", Action.HOLD if row.acts else Action.ASK
        if count is None:
            because = f"the latest {ANALYTE_WORDS.get(row.analyte, row.analyte)} is not known: repeat it; {row.words}"
            action = Action.ASK
        elif beside is None:
            because, action = f"whether there was {row.together_with} is not known: {because}", Action.ASK
        found.append(Hold(action=action, what=row.analyte, because=because))
    return tuple(found)


def _count(row: AfterToxicityRow, event: Event) -> Decimal | None:
    """A result in the unit of the row; None when it is not known."""
    factor = UNIT_FACTORS.get(row.unit or "", {}).get(event.body.unit or "")
    if event.body.code is None or event.body.value is None or factor is None:
        return None
    value: Decimal = event.body.value * factor
    return value


def _beside(history: History, row: AfterToxicityRow, results: Sequence[Event], policy: Policy) -> bool | None:
    """Whether the condition that the row names beside its count is there; None: not known.

    Until both are over it counts from the latest count that was high enough: what has been since then has not ended.
    """
    if row.together_with is None:
        return True
    enough = [e.at for e in results if (count := _count(row, e)) is not None and not row.holds_at(count)]
    since = enough[-1] if enough else None
    said = _fevers(history, policy) if row.together_with == FEVER else _said_of(history, row.together_with)
    if not row.until_both:
        return said[-1][1] if said else False
    there = [present for at, present in said if since is None or at >= since]
    return True if True in there else None if None in there else False


def _fevers(history: History, policy: Policy) -> list[tuple[datetime, bool | None]]:
    """Every temperature that was asked: fever, none, or not known."""
    return [
        (e.at, None if e.body.temperature_c is None else e.body.temperature_c >= policy.triage.fever_c)
        for e in history.of("checkin_received", "vitals_measured")
        if e.body.temperature_c is not None or "temperature_c" in e.nulls
    ]


def _said_of(history: History, what: str) -> list[tuple[datetime, bool | None]]:
    """Every word on a condition: there, over, or not known; one that names no condition may be about any."""
    return [
        (e.at, e.body.active if e.body.what is not None else None)
        for e in history.of("condition_noted")
        if _about(e, what)
    ]


def noted(history: History, protocol: Protocol) -> tuple[Hold, ...]:
    """Conditions by name for which the label has a row: withheld, or asked where the row or the grade is not known.

    Where the label considers stopping for good, the prescriber is asked.

    A condition nobody noted is not asked for here. A word that does not say which condition it was may be any of them, and
    never clears one.
    """
    found = []
    for row in protocol.after_toxicity:
        if row.toxicity in (*FOLLOWED, CYTOPENIA):
            continue
        told = [e for e in history.of("condition_noted") if _about(e, row.toxicity)]
        if not told or told[-1].body.active is False:
            continue
        body = told[-1].body
        known = body.what is not None and body.active is True and (body.grade is not None or not row.grades)
        if known and row.grades and body.grade not in row.grades:
            continue
        action = Action.HOLD if known and row.acts and row.action != "consider_stop" else Action.ASK
        verified = "" if row.acts else " (a row not verified)"
        unsure = "" if known else "what was noted, or its grade, is not known: "
        found.append(Hold(action=action, what=row.toxicity, because=f"{unsure}{row.words}{verified}"))
    return tuple(found)


FEVER: Final = "fever"
CYTOPENIA: Final = "cytopenia"
"""The name of a row that is about nothing but a count."""
FOLLOWED: Final = ("crs", "icans", "infection", "neurotoxicity")
"""Reactions that are followed as episodes; every other name in a row is that of a condition."""


def _about(event: Event, what: str) -> bool:
    if event.body.what is None:
        return "what" in event.nulls and event.body.active is not False
    return bool(event.body.what.strip().lower().replace(" ", "_") == what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """The facts a dose needs and does not have, and when the ones it has grow old."""

    missing: tuple[Missing, ...]
    changes_at: tuple[datetime, ...]


def holds(history: History, episodes: Episodes, policy: Policy, protocol: Protocol) -> tuple[Hold, ...]:
    """Every reason to withhold, known ones first."""
    found = [*_fever(history, policy), *_episodes(episodes), *_clinician(history)]
    found += [*cytopenias(history, protocol, policy), *noted(history, protocol)]
    return tuple(sorted(found, key=lambda hold: hold.action is not Action.HOLD))


def _fever(history: History, policy: Policy) -> list[Hold]:
    latest = _latest_temperature(history)
    if latest is None:
        return []
    temperature = latest.body.temperature_c
    when = say_instant(latest.at, history.course.time_zone)
    if temperature is None:
        return [Hold(action=Action.ASK, what="temperature", because=f"the temperature asked at {when} is not known")]
    if temperature >= policy.triage.fever_c:
        return [Hold(action=Action.HOLD, what="fever", because=f"fever {temperature} °C at {when}, not normal since")]
    if _masked(latest):
        because = f"a fever-reducing medicine may hide a fever at {when}"
        return [Hold(action=Action.ASK, what="temperature", because=because)]
    hiding = hidden_at(history, policy, latest.at)
    if hiding is not None:
        agent = hiding.body.agent or "a medicine that nobody named"
        because = f"{agent}, taken at home, may hide a fever at {when}"
        return [Hold(action=Action.ASK, what="temperature", because=because)]
    return []


def _latest_temperature(history: History) -> Event | None:
    asked = (
        event
        for event in reversed(history.of("checkin_received", "vitals_measured"))
        if event.body.temperature_c is not None or "temperature_c" in event.nulls
    )
    return next(asked, None)


def _last_fever(history: History, policy: Policy) -> datetime | None:
    return max(
        (
            event.at
            for event in history.of("checkin_received", "vitals_measured")
            if event.body.temperature_c is not None and event.body.temperature_c >= policy.triage.fever_c
        ),
        default=None,
    )


def _masked(event: Event) -> bool:
    return event.kind == "checkin_received" and (
        event.body.antipyretic_last_6_h is True or MASKING_FIELD in event.nulls
    )


def _episodes(episodes: Episodes) -> list[Hold]:
    found = []
    followed = (
        ("CRS", episodes.crs),
        ("ICANS", episodes.icans),
        ("infection", episodes.infection),
        ("neurotoxicity", episodes.neurotoxicity),
    )
    for name, course in followed:
        if course.current is None:
            continue
        known = course.state.open is True
        found.append(Hold(action=Action.HOLD if known else Action.ASK, what=name, because=course.state.because))
    return found


def _clinician(history: History) -> list[Hold]:
    started, ended = history.last("hold_started"), history.last("hold_ended")
    if started is None or (ended is not None and ended.at >= started.at):
        return []
    why = started.body.because or "reason not known"
    because = f"a clinician holds the drug: {why}; only a clinician lifts it"
    return [Hold(action=Action.HOLD, what="clinician", because=because)]


CLEARANCE_WORDS: Final = {"temperature_c": "temperature", "infection": "infection", "crs": "CRS", "icans": "ICANS"}
"""What must be known before a dose, as a person says it."""


def clearance(history: History, doses: Sequence[Given], episodes: Episodes, policy: Policy, now: datetime) -> Clearance:
    """What must be known before a dose at `now`: temperature and infection always, CRS and ICANS after any dose.

    Each counts for the hours that the policy allows; a fact that was never recorded is missing, not normal.
    """
    fresh = timedelta(hours=policy.before_dose.assessed_within_hours)
    free, fever = episodes.infection.absent_at, _last_fever(history, policy)
    if free is not None and fever is not None and free <= fever:
        free = None  # said before the fever: it does not speak for the time after it
    checks = [("infection", "no active infection", free, fresh)]
    if doses:
        checks.append(("crs", "CRS absent or resolved", episodes.crs.absent_at, fresh))
        checks.append(("icans", "ICANS absent or resolved", episodes.icans.absent_at, fresh))
    measured = _latest_temperature(history)
    at = measured.at if measured is not None and measured.body.temperature_c is not None else None
    warm = timedelta(hours=policy.before_dose.temperature_within_hours)
    checks.insert(0, ("temperature_c", "temperature of today", at, warm))
    missing: list[Missing] = []
    changes: list[datetime] = []
    for name, words, known_at, lasts in checks:
        if known_at is None or known_at + lasts <= now:
            missing.append(
                Missing(missing=name, why_it_matters=f"a dose needs: {words}, recorded within {_hours(lasts)} h before")
            )
        else:
            changes.append(known_at + lasts)
    return Clearance(missing=tuple(missing), changes_at=tuple(changes))


def _hours(span: timedelta) -> int:
    return int(span.total_seconds() // 3600)
