"""Access and safety of the same groups, always together: how many were referred, began and wait, beside what became of those who began.

A line of access cannot be made without its line of safety: wider access is never shown alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from statistics import median
from typing import Final, Literal

from handrail.measures.data import Definitions, MeasureId
from handrail.measures.figures import ALL, NOT_KNOWN, rate_of
from handrail.measures.intervals import Rate
from handrail.measures.outcomes import Outcome
from handrail.measures.withholding import cells, withheld

GROUPINGS: Final = ("site", "language", "distance")
"""By what access and safety are shown."""
SAFETY: Final[tuple[MeasureId, ...]] = ("crs_any", "crs_2", "icans_any", "ed", "admitted")
State = Literal["began", "waiting", "closed", "not_known"]
HIGH: Final = 90
"""The centile of the wait that is shown beside the median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """One referral: its groups, and how far it came. `days` from its receipt to the first step-up dose; None: none yet, or not known."""

    groups: Mapping[str, str]
    state: State
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """One course that began, and its groups."""

    groups: Mapping[str, str]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Referrals of a group by how far they came, and the days of those that began."""

    referred: int
    began: int
    waiting: int
    closed: int
    not_known: int
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What became of the courses of a group."""

    courses: int
    rates: Mapping[MeasureId, Rate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One group, its safety and its access."""

    group: str
    safety: Safety
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The days from referral to first dose: median and 90th centile, or None of too few."""

    known: int
    median: Decimal | None
    high: int | None


def together(referred: Iterable[Referred], began: Iterable[Began], by: str) -> tuple[Line, ...]:
    """A line for everybody and for each group, that of those whose group is not known last.

    Args:
        by: one of `GROUPINGS`.
    """
    asked: dict[str, list[Referred]] = defaultdict(list)
    courses: dict[str, list[Outcome]] = defaultdict(list)
    for each in referred:
        asked[_name(each.groups, by)].append(each)
    for course in began:
        courses[_name(course.groups, by)].append(course.outcome)
    names = asked.keys() | courses.keys()
    ordered = [*sorted(names - {NOT_KNOWN}), *([NOT_KNOWN] if NOT_KNOWN in names else [])]
    everybody = Line(
        group=ALL,
        safety=_safety([each for held in courses.values() for each in held]),
        access=_access([each for held in asked.values() for each in held]),
    )
    lines = (
        everybody  # also where a site has that name
        if name == ALL
        else Line(group=name, safety=_safety(courses.get(name, [])), access=_access(asked.get(name, [])))
        for name in ordered
    )
    return (everybody, *lines)


def _name(groups: Mapping[str, str], by: str) -> str:
    return groups.get(by) or NOT_KNOWN


def _safety(outcomes: Sequence[Outcome]) -> Safety:
    return Safety(courses=len(outcomes), rates={measure: rate_of(outcomes, measure) for measure in SAFETY})


def _access(referred: Sequence[Referred]) -> Access:
    told = Counter(each.state for each in referred)
    counts = {state: told[state] for state in ("began", "waiting", "closed", NOT_KNOWN)}
    return Access(
        referred=len(referred), **counts, days=tuple(sorted(e.days for e in referred if e.days is not None))
    )  # fmt: skip


def wait(access: Access, least: int) -> Wait:
    """Median and nearest-rank centile; of fewer than `least` neither, for a single wait would be somebody's."""
    days = access.days
    if len(days) < least:
        return Wait(known=len(days), median=None, high=None)
    rank = int((Decimal(HIGH) * len(days) / 100).to_integral_value(rounding=ROUND_CEILING))
    return Wait(known=len(days), median=Decimal(median(days)), high=days[rank - 1])


def band(minutes: int | None, rules: Definitions) -> str:
    """`up to 30 minutes`, or `more than 60 minutes`, or not known."""
    if minutes is None:
        return NOT_KNOWN
    ends = rules.distance.minutes
    end = next((each for each in ends if minutes <= each), None)
    return f"more than {ends[-1]} minutes" if end is None else f"up to {end} minutes"


def withheld_lines(lines: Sequence[Line], least: int) -> frozenset[str]:
    """The groups that do not leave the programme: a line is withheld whole, access and safety together.

    Never one group alone, also beside everybody: the safety of everybody stands in the file of the figures, too.
    """
    counts = {each.group: _cells(each) for each in lines}
    parts = [each.group for each in lines if each.group != ALL]
    hidden = withheld(counts, [(ALL, parts)], least)
    if len(hidden.intersection(parts)) == 1:
        hidden |= set(sorted((each for each in parts if each not in hidden), key=lambda each: sum(counts[each]))[:1])
    return hidden


def _cells(line: Line) -> tuple[int, ...]:
    """Every count of people that the line shows, or that follows from two of them."""
    access = line.access
    safe = [count for measure in SAFETY for count in cells(line.safety.rates[measure])]
    timed = len(access.days)
    return (timed, access.began - timed, access.waiting, access.closed, access.not_known, *safe)


def days_between(received_on: date, began_on: date) -> int | None:
    """Civil days from referral to first dose; a dose before the referral says nothing of a wait."""
    days = (began_on - received_on).days
    return days if days >= 0 else None
