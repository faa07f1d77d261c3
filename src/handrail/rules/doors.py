"""Which doors are open at an instant, and when a closed one opens next: clinic, urgent care, emergency department.

Hours are civil times in the zone of the place. What nobody wrote down is not known, and what is not known is never open; what a
clock change makes doubtful is read as the shorter of the two. Pure: holidays and duty are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from handrail.rules.terms import UnusableInput, civil_date, day_start, zone_named

LOOKED_AHEAD_DAYS: Final = 14
"""So far ahead the next opening is looked for; a door that is open all that time is open day and night."""
CLOSED: Final = "closed"
AS_USUAL: Final = "as_usual"
ALWAYS: Final = "00:00-24:00"
DAY_MINUTES: Final = 24 * 60
_SPELL: Final = re.compile(r"([0-9]{1,2}):([0-9]{2}) ?[-–] ?([0-9]{1,2}):([0-9]{2})")


class DoorKind(StrEnum):
    """What a patient finds behind a door."""

    CLINIC = "clinic"
    URGENT_CARE = "urgent_care"
    ED = "ed"


class DoorState(StrEnum):
    """Whether somebody opens. Not known is never open."""

    OPEN = "open"
    CLOSED = "closed"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Spell:
    """Open from `opens` to before `closes`, in minutes since the midnight that begins the day; over 1440 it goes on into the next day."""

    opens: int
    closes: int

    def __str__(self) -> str:
        closes = self.closes - DAY_MINUTES if self.closes > DAY_MINUTES else self.closes
        return f"{_clock(self.opens)}-{_clock(closes)}"


Day = tuple[Spell, ...] | None
"""The spells of one day; empty is closed, None is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `starts` to before `ends`, both in UTC."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The hours of one place.

    `week`: Monday first. `holiday`: what holds on a holiday, unless `holidays_as_usual`. `days`: single days, which win over both.
    `usual_days`: single days on which the week holds, a holiday or not. `duty`: while somebody is on the rota; None: the rota is not
    asked.
    """

    zone: str
    week: tuple[Day, ...]
    holiday: Day = None
    holidays_as_usual: bool = False
    days: Mapping[date, Day] = field(default_factory=dict)
    usual_days: frozenset[date] = frozenset()
    duty: tuple[Span, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise UnusableInput("not_a_week", "A week has seven days.", "week")

    def of(self, day: date, holidays: Collection[date]) -> tuple[Day, bool]:
        """The hours that begin on that day, and whether it is a day apart, that has hours of its own."""
        if day in self.days:
            return self.days[day], True
        if day in holidays and not self.holidays_as_usual and day not in self.usual_days:
            return self.holiday, True
        return self.week[day.weekday()], False


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorNow:
    """One door at one instant.

    `until`: when it closes; None when it is not open, or open all the days that were looked at. `opens_at`: the next opening that is
    known; None when it is open, or none is known. `nobody_on`: its hours say open, and nobody is on the rota.
    """

    state: DoorState
    until: datetime | None = None
    opens_at: datetime | None = None
    nobody_on: bool = False


def hours_from(text: str) -> Day:
    """Read `08:00-12:00, 13:00-17:00`, `closed`, or nothing: not known. A spell that ends before it begins goes on into the next day.

    Raises:
        UnusableInput: not so written, hours that meet or overlap, or no length: a door that never closes is `00:00-24:00`.
    """
    text = " ".join(text.split())
    if not text:
        return None
    if text.casefold() == CLOSED:
        return ()
    spells = sorted(_spell(part.strip()) for part in text.split(","))
    for before, after in pairwise(spells):
        if after.opens <= before.closes:
            raise UnusableInput("hours_overlap", "These hours overlap: write them as one.", "hours")
    if spells[-1].closes - DAY_MINUTES > spells[0].opens:
        raise UnusableInput("hours_overlap", "These hours go on into the next day and meet themselves.", "hours")
    return tuple(spells)


def hours_text(day: Day) -> str:
    """The same as it is kept: what `hours_from` reads."""
    return "" if day is None else ", ".join(map(str, day)) or CLOSED


def door_at(hours: Hours | None, now: datetime, holidays: Collection[date]) -> DoorNow:
    """Whether a door is open at `now`, until when, and when it opens next.

    Args:
        hours: None when nobody has written any down.
        now: the instant; an opening minute is open, a closing minute is closed.
        holidays: the days on which the hours of holidays hold.
    """
    if hours is None:
        return DoorNow(state=DoorState.NOT_KNOWN)
    today = civil_date(now, hours.zone)
    written = list(_spans(hours, today, holidays))
    spans = written if hours.duty is None else _both(written, _merged(hours.duty))
    opens_at = next((span.starts for span in spans if span.starts > now), None)
    open_now = next((span for span in spans if span.starts <= now < span.ends), None)
    if open_now is not None:
        last = day_start(today + timedelta(days=LOOKED_AHEAD_DAYS), hours.zone)
        return DoorNow(state=DoorState.OPEN, until=open_now.ends if open_now.ends < last else None)
    if any(span.starts <= now < span.ends for span in written):
        return DoorNow(state=DoorState.CLOSED, opens_at=opens_at, nobody_on=True)
    unknown = hours.of(today, holidays)[0] is None
    return DoorNow(state=DoorState.NOT_KNOWN if unknown else DoorState.CLOSED, opens_at=opens_at)


def alike(week: tuple[Day, ...]) -> list[tuple[int, int, Day]]:
    """Neighbouring days with the same hours as one row, for paper: first and last weekday (0 is Monday) and the hours."""
    rows: list[tuple[int, int, Day]] = []
    for number, day in enumerate(week):
        if rows and rows[-1][2] == day:
            rows[-1] = (rows[-1][0], number, day)
        else:
            rows.append((number, number, day))
    return rows


def _spans(hours: Hours, today: date, holidays: Collection[date]) -> list[Span]:
    """What is written down as open, from what began yesterday on, in order; what meets is one."""
    found = []
    for ahead in range(-1, LOOKED_AHEAD_DAYS + 1):
        day = today + timedelta(days=ahead)
        tomorrow = day + timedelta(days=1)
        spells, _apart = hours.of(day, holidays)
        _next, cut = hours.of(
            tomorrow, holidays
        )  # a day apart says all of itself: what began the evening before ends at its midnight
        for spell in spells or ():
            closes = min(spell.closes, DAY_MINUTES) if cut else spell.closes
            starts, ends = (
                _instant(day, spell.opens, hours.zone, later=True),
                _instant(day, closes, hours.zone, later=False),
            )
            if starts < ends:
                found.append(Span(starts=starts, ends=ends))
    return _merged(found)


def _instant(day: date, minutes: int, zone: str, *, later: bool) -> datetime:
    """The instant of a civil time; midnight is where the day begins. Of two that a clock change may mean, the one that promises less."""
    over, minutes = divmod(minutes, DAY_MINUTES)
    day += timedelta(days=over)
    if minutes == 0:
        return day_start(day, zone)
    naive = datetime.combine(day, time(*divmod(minutes, 60)))
    both = [naive.replace(tzinfo=zone_named(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    return max(both) if later else min(both)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.starts):
        if merged and span.starts <= merged[-1].ends:
            merged[-1] = Span(starts=merged[-1].starts, ends=max(merged[-1].ends, span.ends))
        else:
            merged.append(span)
    return merged


def _both(these: Iterable[Span], those: Iterable[Span]) -> list[Span]:
    """Where both hold; each is in order and meets none of its own."""
    those = list(those)
    pairs = ((max(a.starts, b.starts), min(a.ends, b.ends)) for a in these for b in those)
    return [Span(starts=starts, ends=ends) for starts, ends in pairs if starts < ends]


def _spell(text: str) -> Spell:
    found = _SPELL.fullmatch(text)
    if found is None:
        raise UnusableInput(
            "no_hours", "Write hours such as 08:00-17:00, or closed, or nothing when they are not known.", "hours"
        )
    first, second, third, fourth = (int(part) for part in found.groups())
    opens, closes = first * 60 + second, third * 60 + fourth
    if second > 59 or fourth > 59 or opens >= DAY_MINUTES or closes > DAY_MINUTES:
        raise UnusableInput("no_hours", f"{text}: there is no such time of day.", "hours")
    if opens == closes:
        raise UnusableInput("no_hours", f"{text}: open for no time? A door that never closes is {ALWAYS}.", "hours")
    return Spell(opens=opens, closes=closes if closes > opens else closes + DAY_MINUTES)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
