"""Urgency against waiting: how long a payer took before, against the day on which the dose is planned, and what can be done meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final

from handrail.rules.access_data import TOCILIZUMAB, AccessRules, OptionRow
from handrail.rules.terms import civil_date, say_date

_DAY: Final = Decimal(24 * 60 * 60)
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long a payer took, by one's own answered requests. Days from submission to the first answer.

    `median` and `high` are None when there are too few answers to say anything, or when so many wait longer that it cannot be said.
    """

    payer: str
    answered: int
    median: Decimal | None
    high: Decimal | None
    centile: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The planned day against the wait.

    `in_time` True: nine of ten earlier answers would have come before the planned day; False: half of them would not;
    None: between the two, it has waited longer than nine of ten, or it cannot be said. `options` each with its consequence.
    """

    in_time: bool | None
    words: str
    options: tuple[OptionRow, ...]
    expected_on: date | None = None
    late_on: date | None = None


def waits(
    payer: str, answered: Iterable[tuple[datetime, datetime]], rules: AccessRules, waiting: Iterable[timedelta] = ()
) -> Waits:
    """One's own history with a payer.

    Args:
        answered: when each request was submitted, and when it was first answered.
        waiting: how long each one waits that has no answer yet. One that waits longer than the half of the answered took is counted among
            the long ones: a history of the answers alone would call a payer quick that leaves the others lying.
    """
    took = sorted(max(end - start, timedelta(0)) for start, end in answered)
    least, centile = rules.clocks.least_answers, rules.clocks.high_centile
    if len(took) < least:
        few = "no answered request" if not took else f"{len(took)} answered request{'' if len(took) == 1 else 's'}"
        words = f"{few} with {payer}: fewer than {least}, too few to say how long it takes"
        return Waits(payer=payer, answered=len(took), median=None, high=None, centile=centile, words=words)
    longer = sorted(each for each in waiting if each > took[_rank(len(took), 50)])
    median, high = _ranked(took, longer, 50), _ranked(took, longer, centile)
    said = ["not known" if each is None else f"{each} days" for each in (median, high)]
    words = f"{payer}, {len(took)} answered requests: median {said[0]}, {centile}th centile {said[1]}"
    if longer:
        words = f"{words}; {len(longer)} not answered yet, the longest after {_days(longer[-1])} days"
    return Waits(payer=payer, answered=len(took), median=median, high=high, centile=centile, words=words)


def _rank(count: int, centile: int) -> int:
    """The place of the nearest rank among so many in order, from 0."""
    return max(int((Decimal(centile) * count / 100).to_integral_value(rounding=ROUND_CEILING)), 1) - 1


def _ranked(took: Sequence[timedelta], longer: Sequence[timedelta], centile: int) -> Decimal | None:
    """The nearest rank, in days to one decimal: a wait that really happened, never one between two. None: one that is not over yet."""
    every = sorted([*((each, True) for each in took), *((each, False) for each in longer)])
    wait, over = every[_rank(len(every), centile)]
    return _days(wait) if over else None


def _days(wait: timedelta) -> Decimal:
    return (Decimal(wait.total_seconds()) / _DAY).quantize(_TENTH, rounding=ROUND_HALF_UP)


def outlook(
    history: Waits, *, drug: str, planned_on: date | None, submitted_at: datetime | None, now: datetime, zone: str, rules: AccessRules,
    answered_at: datetime | None = None,
) -> Outlook:  # fmt: skip
    """Whether the answer is to be expected before the planned day, and what can be done.

    Args:
        planned_on: the day of the first dose that waits for it; None: not known.
        submitted_at: when it was submitted; None: not yet, and it counts from now.
        answered_at: when it was first answered; None: not yet. The history is one of first answers and says nothing of what follows.
    """
    options = tuple(row for row in rules.option if drug == TOCILIZUMAB or not row.prophylaxis_only)
    if answered_at is not None:
        words = f"it was first answered on {say_date(civil_date(answered_at, zone))}; how long anything after that takes is not known"
        return Outlook(in_time=None, words=words, options=options)
    if history.median is None or history.high is None:
        planned = "" if planned_on is None else f"; the dose is planned for {say_date(planned_on)}"
        return Outlook(in_time=None, words=f"{history.words}{planned}", options=options)
    start = submitted_at or now
    expected = civil_date(start + timedelta(days=float(history.median)), zone)
    late = civil_date(start + timedelta(days=float(history.high)), zone)
    said = f"half of the answers came by {say_date(expected)}, nine of ten by {say_date(late)}"
    if history.centile != 90:
        said = f"half of the answers came by {say_date(expected)}, {history.centile} of 100 by {say_date(late)}"
    if planned_on is None:
        in_time, words = None, f"counted like the earlier ones, {said}; the day of the dose is not known"
    else:
        in_time = True if late < planned_on else False if expected >= planned_on else None
        words = f"the dose is planned for {say_date(planned_on)}; counted like the earlier ones, {said}"
    if late < civil_date(now, zone):
        # Earlier waits no longer tell anything of this one: it is one of the few that take longer.
        in_time = None if in_time else in_time
        words = f"{words}; it already waits longer than that: ask the payer"
    return Outlook(in_time=in_time, words=words, options=options, expected_on=expected, late_on=late)
