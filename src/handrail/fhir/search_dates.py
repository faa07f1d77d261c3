"""The dates of a search: `date=ge2026-03-02`. A day is a day where the patient lives; it has no zone of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from handrail.fhir.door import Refusal
from handrail.fhir.times import Precision, When, parse_when
from handrail.rules.terms import civil_instant

PREFIXES: Final = ("eq", "ge", "gt", "le", "lt")
MIDNIGHT: Final = time(0)
SECOND: Final = timedelta(seconds=1)
INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """From an instant on, and before another one. None: without an end there."""

    begins: datetime | None = None
    ends: datetime | None = None


def between(sent: Iterable[str], zone: str, name: str) -> Between:
    """What all of the dates leave.

    Args:
        sent: each with a prefix or without one, which means eq; zone: where the patient lives, by its IANA name.
        name: of the parameter, for the refusal.

    Raises:
        Refusal: a date that is none, another prefix, or one that nothing lies before or after.
    """
    begins: list[datetime] = []
    ends: list[datetime] = []
    for text in sent:
        prefix, rest = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
        when = parse_when(rest)
        if prefix not in PREFIXES or when is None:
            words = (
                f"Send {name} as a date, or as a time with its offset (2026-03-02T21:14:00-06:00, with + as %2B), "
                f"behind one of {', '.join(PREFIXES)}."
            )
            raise Refusal(400, "value", words, name)
        try:
            first, after = _span(when, zone)
        except (ValueError, OverflowError):
            raise Refusal(400, "value", f"That {name} lies outside of the calendar.", name) from None
        if prefix in ("eq", "ge"):
            begins.append(first)
        if prefix == "gt":
            begins.append(after)
        if prefix in ("eq", "le"):
            ends.append(after)
        if prefix == "lt":
            ends.append(first)
    return Between(begins=max(begins, default=None), ends=min(ends, default=None))


def _span(when: When, zone: str) -> tuple[datetime, datetime]:
    """The first instant that is meant, and the first that is meant no more."""
    if when.precision is Precision.INSTANT:
        return when.earliest, when.earliest + (INSTANT if "." in when.text else SECOND)
    parts = [int(part) for part in when.text.split("-")]
    first = date(parts[0], *[*parts[1:], 1, 1][:2])
    if when.precision is Precision.DAY:
        after = first + timedelta(days=1)
    else:
        months = 1 if when.precision is Precision.MONTH else 12
        years, month = divmod(first.month - 1 + months, 12)
        after = date(first.year + years, month + 1, 1)
    return civil_instant(first, MIDNIGHT, zone), civil_instant(after, MIDNIGHT, zone)
