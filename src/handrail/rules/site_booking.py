"""May a dose be put on a site's calendar, and what does the gate hear of its level?

A booking ahead looks at two days. On the day of the dose the signature, the exceptions and the papers must still hold; what is checked
again and again (a count of stock, a rota) counts as it stands today, and the gate asks for it once more. A site of whose organisation
nobody ever signed a level is not refused: the answer says that nobody looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from handrail.rules.evidence import Evidence
from handrail.rules.handoff_kind import HandoffKind, Kind
from handrail.rules.site_levels import SIGNED, SiteFacts, SiteLevel, SiteLevels, site_level
from handrail.rules.terms import day_start, say_date

PhaseName = Literal["maintenance", "complicated_maintenance", "hybrid_step_up", "inpatient_step_up", "step_up"]
STEP_UP: Final[Mapping[str, PhaseName]] = {"inpatient": "inpatient_step_up", "hybrid": "hybrid_step_up"}
"""The phase of a step-up dose by its setting; outside hospital, and where that is not known, it is the whole one."""
MAINTENANCE: Final = "treatment"
"""The step that is maintenance; every other, and one that is not known, is watched like a step-up."""
NAMED: Final = 3
"""So many of the items that are lacking are said in a sentence; the page of the site has all."""


def phase_of(step: str | None, setting: str | None, kind: Kind = "not_known") -> PhaseName:
    """The phase of a dose: a step or a setting that is not known asks for the most.

    Args:
        kind: of the patient. Maintenance of one who is complicated is a phase of its own; whoever books for one of whom that is not
            known is told so (`not_known_words`), and the gate does not let it pass.
    """
    if step == MAINTENANCE:
        return "complicated_maintenance" if kind == "complicated" else "maintenance"
    return STEP_UP.get(setting or "", "step_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Whether a site may take a dose of a phase on a day, and why not; `level` as that day was judged."""

    allowed: bool
    phase: str
    because: str
    lacking: tuple[str, ...]
    level: SiteLevel


def booking(facts: SiteFacts, levels: SiteLevels, product: str, phase: str, *, today: date, on: date) -> Booking:
    """Whether a dose for a day may be booked today.

    Raises:
        UnusableInput: facts that contradict themselves; KeyError: there is no such phase.
    """
    level = site_level(facts, levels, product, on, booked=today if today <= on else None)
    return _booking(level, levels, phase)


def _booking(level: SiteLevel, levels: SiteLevels, phase: str) -> Booking:
    answer = {each.phase: each for each in level.phases}[phase]
    row = next(row for row in levels.phase if row.id == phase)
    if answer.allowed:
        because = f"level {level.level} on {say_date(level.on)}; {row.words} needs level {row.from_level}"
    else:
        because = (
            f"on {say_date(level.on)} it is at level {level.level} ({level.words}); {row.words} needs level "
            f"{row.from_level}: {_why_not(level, answer.lacking)}"
        )
    return Booking(allowed=answer.allowed, phase=phase, because=because, lacking=answer.lacking, level=level)


def _why_not(level: SiteLevel, lacking: tuple[str, ...]) -> str:
    lines = {line.item: line for line in level.lines}
    said = [f"{item} {lines[item].because}" for item in lacking if item in lines]
    if SIGNED in lacking:
        said.insert(0, "no director has signed it for that day")
    more = f", and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return "; ".join(said[:NAMED]) + more


def gate_evidence(facts: SiteFacts, levels: SiteLevels, product: str, phase: str, on: date, *, zone: str) -> Evidence:
    """What the readiness gate hears of a site on the day of a dose: everything counts as of that day.

    Not known where nothing was ever signed, and where only words are missing that nobody has said yet.

    Args:
        zone: of the site, in which its days end.
    """
    answer = _booking(site_level(facts, levels, product, on), levels, phase)
    level = answer.level
    if answer.allowed:
        return Evidence(
            met=True,
            because=f"{facts.name}: {answer.because}",
            owner="site_manager",
            evidence=f"signed by {_signed_by(facts, product, on)}",
            until=day_start(level.until + timedelta(days=1), zone) if level.until is not None else None,
        )
    lines = {line.item: line for line in level.lines}
    open_lines = [lines[item] for item in answer.lacking if item in lines]
    refused = any(line.state in ("not_met", "ended") for line in open_lines)
    too_low = level.granted is not None and SIGNED in answer.lacking
    first = open_lines[0] if open_lines else None
    return Evidence(
        met=False if refused or too_low else None,
        because=f"{facts.name}: {answer.because}",
        owner=first.owner if first else "director",
        next_step=(first.next_step if first else None) or "a director signs the level, or the dose is booked at a site that can",
        evidence=None,
    )  # fmt: skip


def maintenance_evidence(
    facts: SiteFacts, levels: SiteLevels, product: str, patient: HandoffKind, on: date, *, zone: str
) -> Evidence:
    """What the gate hears of a site that gives maintenance: asked by what is known of the patient.

    A site that may look after everybody needs no answer; one that takes uncomplicated patients alone does.
    """
    plain = gate_evidence(facts, levels, product, "maintenance", on, zone=zone)
    if patient.kind == "simple" or plain.met is not True:
        return plain
    every = gate_evidence(facts, levels, product, "complicated_maintenance", on, zone=zone)
    if every.met is True:
        return every
    if patient.kind == "complicated":
        return replace(every, because=f"{every.because}; complicated: {'; '.join(patient.because)}")
    return Evidence(
        met=None,
        because=f"{facts.name}: {not_known_words(patient)}",
        owner="coordinator",
        next_step="record what is not known, or book the dose at a site that takes complicated patients",
    )


def not_known_words(patient: HandoffKind) -> str:
    """Why nobody can say whether a site that takes uncomplicated patients alone may take this one."""
    missing = "; ".join(patient.missing[:NAMED])
    more = f"; and {len(patient.missing) - NAMED} more" if len(patient.missing) > NAMED else ""
    return f"it takes uncomplicated patients alone, and whether this one is complicated is not known: {missing}{more}"


def _signed_by(facts: SiteFacts, product: str, on: date) -> str:
    found = [each for each in facts.granted if each.product == product and each.from_on <= on <= each.until_on]
    return max(found, key=lambda each: each.from_on).by


def why_not_yet(level: SiteLevel) -> str:
    """`these 3 items separate you from level 2`, as the page of a site says it."""
    if level.next_level is None:
        return "There is no higher level."
    number = len(level.separates)
    if number == 0:
        return f"Every item of level {level.next_level} is shown: what is left is a director's signature."
    words = "This item separates" if number == 1 else f"These {number} items separate"
    return f"{words} you from level {level.next_level}."
