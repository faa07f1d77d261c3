"""FHIR dates and times as sent: a date has no time zone, so it is never made into an instant."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

_FORM: Final = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(?P<time>T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?)?)?",
    re.ASCII,
)
_FAR_EAST: Final = timedelta(hours=14)
_FAR_WEST: Final = timedelta(hours=12)
"""The offsets between which a calendar day begins and ends somewhere on earth."""


class Precision(StrEnum):
    """How much of a time was sent."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A date or time: the text as sent, and the earliest and latest instant (UTC) that it can mean."""

    text: str
    precision: Precision
    earliest: datetime
    latest: datetime

    @property
    def day(self) -> str:
        """The date part as sent, in the sender's zone: all that is known of it."""
        return self.text[:10]

    @property
    def civil_date(self) -> date | None:
        """The calendar day as sent, None when only a month or a year was sent."""
        return date.fromisoformat(self.day) if self.precision in (Precision.DAY, Precision.INSTANT) else None


def parse_when(value: Any) -> When | None:
    """A FHIR `date`, `dateTime` or `instant`; None for everything else, a time without its offset included."""
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        if found["time"]:
            at = datetime.fromisoformat(_microseconds(value)).astimezone(UTC)
            return When(text=value, precision=Precision.INSTANT, earliest=at, latest=at)
        return _span(value, found["year"], found["month"], found["day"])
    except (ValueError, OverflowError):
        return None


def _span(text: str, year: str, month: str | None, day: str | None) -> When:
    first = date(int(year), int(month or 1), int(day or 1))
    if day:
        last, precision = first, Precision.DAY
    elif month:
        last, precision = first.replace(day=calendar.monthrange(first.year, first.month)[1]), Precision.MONTH
    else:
        last, precision = first.replace(month=12, day=31), Precision.YEAR
    begins = datetime(first.year, first.month, first.day, tzinfo=UTC) - _FAR_EAST
    ends = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1) + _FAR_WEST
    return When(text=text, precision=precision, earliest=begins, latest=ends)


def _microseconds(text: str) -> str:
    """FHIR allows nanoseconds; Python keeps six digits."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)
