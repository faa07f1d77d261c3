"""The rota on the clock: what a repeating plan means in instants, and what each step asks.

Plans are civil times in the zone of the site. A shift that crosses a clock change keeps its civil start and end, lasts an hour
more or less, and says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import Status, civil_instant, civil_time_trouble, zone_named

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "rota"
FORMAT: Final = "handrail-rota/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaSource:
    """Where a row of the rota rules comes from."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far and how often the rota is looked at: days, hours, minutes."""

    days_ahead: int
    soon_hours: int
    every_minutes: int
    plan_days_ahead: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How long before a certificate runs out the page of training says so: days, the nearest first; within that it is paged."""

    warn_days: tuple[int, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStep:
    """Whom a gap pages, and the minutes left to say "I have it"."""

    who: str
    wait_minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """What a step of the ladder asks: no hour without a person, and which certificate that person holds."""

    step: str
    must_be_filled: bool
    source: tuple[str, ...]
    status: Status
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaRules:
    """The shipped rota rules."""

    format: str
    id: str
    version: str
    look: Look
    training: Training
    page: tuple[PageStep, ...]
    step: tuple[StepRow, ...]

    def of_step(self, step: str) -> StepRow | None:
        """The row of a step; None: nothing is asked of it."""
        return next((row for row in self.step if row.step == step), None)


@cache
def load_rota_rules() -> RotaRules:
    """The shipped rota rules.

    Raises:
        ProtocolDataError: an unknown key, a missing source, or rules that would page nobody.
    """
    return rules_from_toml((FOLDER / "default-1.toml").read_text(encoding="utf-8"))


def rules_from_toml(text: str) -> RotaRules:
    """Rota rules from their text; see `load_rota_rules`."""
    body = tomllib.loads(text)
    sources = read_tables(RotaSource, body.pop("sources", None), "sources")
    rules = read_table(RotaRules, body, "")
    if rules.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'Rota rules start with format = "{FORMAT}".', "format")
    named = [
        ("look", rules.look.source),
        ("training", rules.training.source),
        *(("page", row.source) for row in rules.page),
    ]
    for path, keys in [*named, *(("step", row.source) for row in rules.step)]:
        if not keys or set(keys) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{path}.source")
    days = rules.training.warn_days
    if not days or min(days) <= 0 or list(days) != sorted(set(days)):
        raise ProtocolDataError("wrong_order", "Positive days, the nearest first.", "training.warn_days")
    if not rules.page or any(row.wait_minutes <= 0 for row in rules.page):
        raise ProtocolDataError("quiet_ladder", "A gap pages somebody, and waits a positive number of minutes.", "page")
    return rules


# --- repeating plans ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A repeating plan: weekdays (0 is Monday), or holidays only; civil times; every n weeks from the week of `first_day`."""

    weekdays: frozenset[int]
    starts: time
    ends: time
    first_day: date
    last_day: date | None = None
    every_weeks: int = 1
    on_holidays: bool = False

    def has(self, day: date, holidays: Collection[date]) -> bool:
        """Whether a shift begins on that day."""
        if day < self.first_day or (self.last_day is not None and day > self.last_day):
            return False
        if self.on_holidays or day in holidays:
            return self.on_holidays and day in holidays
        weeks = (_monday(day) - _monday(self.first_day)).days // 7
        return day.weekday() in self.weekdays and weeks % self.every_weeks == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One shift of a plan: its day, its instants (UTC), and what a clock change does to it."""

    day: date
    starts_at: datetime
    ends_at: datetime
    note: str | None


def planned_shifts(pattern: Pattern, zone: str, first: date, last: date, holidays: Collection[date]) -> list[Planned]:
    """The shifts that begin from `first` to `last`, both included."""
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    found = []
    for day in days:
        if pattern.has(day, holidays):
            over = day + timedelta(days=1) if pattern.ends <= pattern.starts else day
            starts_at, ends_at = civil_instant(day, pattern.starts, zone), civil_instant(over, pattern.ends, zone)
            if ends_at > starts_at:
                note = clock_note(starts_at, ends_at, zone) or _odd_time(day, pattern.starts, over, pattern.ends, zone)
                found.append(Planned(day=day, starts_at=starts_at, ends_at=ends_at, note=note))
    return found


def clock_note(starts_at: datetime, ends_at: datetime, zone: str) -> str | None:
    """What to say when the clock changes between two instants: how long the shift really lasts. None: it does not."""
    before, after = (at.astimezone(zone_named(zone)).utcoffset() for at in (starts_at, ends_at))
    assert before is not None and after is not None
    if before == after:
        return None
    hours = (ends_at - starts_at) / timedelta(hours=1)
    return f"the clock goes {'forward' if after > before else 'back'} in this shift: it lasts {hours:g} h"


def _odd_time(day: date, starts: time, over: date, ends: time, zone: str) -> str | None:
    for on, at in ((day, starts), (over, ends)):
        trouble = civil_time_trouble(on, at, zone)
        if trouble:
            return f"the clock changes that night: {at:%H:%M} {trouble}"
    return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
