"""The line that is answered at every hour: how often it may be asked to call back, and whether dummy calls of it passed.

A dummy call passes when a human spoke within the limit. One that nobody answered, took longer, or whose seconds nobody counted does not; it
is an incident of the site until one passes. A site that has none, or whose last one that passed is too long ago, is overdue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.paging import Step
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status, civil_date, say_date

FORMAT: Final = "handrail-expert-line/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRow:
    """How many asks of one patient may be open, and how many may come within an hour."""

    most_open: int
    most_per_hour: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class DummyRow:
    """How often the line of a site is tried, within how many seconds a human speaks, and who does it."""

    every_days: int
    most_seconds: int
    owner: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """One step of the pages about a dummy call that did not pass."""

    who: str
    wait_minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresRow:
    """How many days the figures look back."""

    days: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertLine:
    """The file of the line."""

    format: str
    ask: AskRow
    dummy: DummyRow
    page: tuple[PageRow, ...]
    figures: FiguresRow

    @property
    def steps(self) -> tuple[Step, ...]:
        """The ladder of a dummy call that did not pass."""
        return tuple(Step(who=row.who, wait_minutes=row.wait_minutes) for row in self.page)


@cache
def expert_line() -> ExpertLine:
    """The shipped file."""
    return expert_line_from_toml((FOLDER / "care" / "expert_line.toml").read_text(encoding="utf-8"))


def expert_line_from_toml(text: str) -> ExpertLine:
    """The file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that is none, nobody to page.
    """
    found = read_care(ExpertLine, text, FORMAT)
    numbers = (
        *(found.ask.most_open, found.ask.most_per_hour, found.dummy.every_days, found.dummy.most_seconds),
        *(found.figures.days, *(row.wait_minutes for row in found.page)),
    )
    if min(numbers) <= 0:
        raise ProtocolDataError("bad_number", "Limits, days and waits are more than none.", "dummy")
    if not found.page:
        raise ProtocolDataError("quiet_ladder", "A dummy call that did not pass pages nobody.", "page")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DummyCall:
    """One dummy call. `seconds`: until a human spoke; None: nobody counted them."""

    at: datetime
    answered: bool
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStanding:
    """How the line of a site stands. `due_on`: the day by which the next dummy call is made; None: none has passed yet.

    `incident`: the last one did not pass. `overdue`: since `due_on`, or ever.
    """

    last: DummyCall | None
    passed: bool | None
    due_on: date | None
    overdue: bool
    incident: bool
    because: str

    @property
    def holds(self) -> bool:
        """The last one passed, not too long ago."""
        return not self.overdue and not self.incident


def passed(call: DummyCall, row: DummyRow) -> bool:
    """Whether a human spoke in time. Seconds that nobody counted never pass."""
    return call.answered and call.seconds is not None and call.seconds <= row.most_seconds


def said(call: DummyCall, row: DummyRow) -> str:
    """What came of one: `a human after 41 s, at most 120`."""
    if not call.answered:
        return "nobody answered"
    if call.seconds is None:
        return "answered, and nobody counted the seconds"
    return f"a human after {call.seconds} s, at most {row.most_seconds}"


def line_standing(calls: Iterable[DummyCall], row: DummyRow, now: datetime, zone: str) -> LineStanding:
    """How the line of a site stands at `now`, by the calendar days of its zone.

    `calls`: of two within one minute, the one that was written down later comes later, and counts as the last.
    """
    known = sorted((each for each in calls if each.at <= now), key=lambda each: each.at)
    last = known[-1] if known else None
    good = [each for each in known if passed(each, row)]
    due_on = civil_date(good[-1].at, zone) + timedelta(days=row.every_days) if good else None
    overdue = due_on is None or civil_date(now, zone) > due_on
    if last is None:
        because = "no dummy call is on record"
    else:
        because = f"the dummy call of {say_date(civil_date(last.at, zone))}: {said(last, row)}"
    return LineStanding(
        last=last,
        passed=passed(last, row) if last is not None else None,
        due_on=due_on,
        overdue=overdue,
        incident=last is not None and not passed(last, row),
        because=because,
    )
