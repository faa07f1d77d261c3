"""The doors as a patient reads them, in the language in use: on a screen which is open at this hour, on paper the hours.

Nothing here sends anybody away from an emergency department, whatever its hours are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail.actions.doors import Door
from handrail.people.models import CarePlace
from handrail.rules.doors import ALWAYS, DAY_MINUTES, Day, DoorState, alike, hours_text
from handrail.rules.terms import civil_date, zone_named

KINDS: Final[dict[str, Promise]] = {
    CarePlace.Kind.CLINIC: gettext_lazy("clinic"),
    CarePlace.Kind.URGENT_CARE: gettext_lazy("urgent care"),
    CarePlace.Kind.ED: gettext_lazy("emergency department of your plan"),
}
PAPER_DAYS: Final = 60
"""Holidays and single days of so long ahead stand on paper."""
_A_WEEK: Final = 6
"""Days ahead for which the name of the weekday says which day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorWords:
    """One door. `tone` is `good` when it is open; `paper`: its hours, line by line."""

    name: str
    kind: str
    state: str
    tone: str
    address: str
    number: str
    paper: tuple[str, ...]

    @property
    def line(self) -> str:
        """All of it but the hours, as one line."""
        where = ", ".join(part for part in (self.address, self.number) if part)
        return f"{self.name} ({self.kind}): {self.state}. {where}."


def door_words(door: Door, now: datetime, zone: str, *, clock_24h: bool) -> DoorWords:
    """One door at `now`, read by somebody in that time zone."""
    ed = door.place.kind == CarePlace.Kind.ED
    return DoorWords(
        name=door.place.name,
        kind=str(KINDS[door.place.kind]),
        state=_ed_state(door, now, zone, clock_24h) if ed else _state(door, now, zone, clock_24h),
        tone="good" if door.now.state is DoorState.OPEN else "soon",
        address=door.place.address,
        number=door.place.number,
        paper=tuple(_paper(door, now, clock_24h=clock_24h)),
    )


def department_lines(doors: Iterable[Door]) -> tuple[str, ...]:
    """Where the emergency department is, for somebody who may have to go there now: no hours, which could only hold them back."""
    found = []
    for door in doors:
        place = ", ".join(part for part in (door.place.name, door.place.address, door.place.number) if part)
        found.append(_("The emergency department of your plan: %(place)s.") % {"place": place})
        if door.now.state is DoorState.CLOSED:
            found.append(_("By the hours written down it may be closed now. Do not wait: call 911."))
    return tuple(found)


def door_lines(doors: Sequence[Door], now: datetime, zone: str, *, clock_24h: bool) -> tuple[str, ...]:
    """Every door in one line each, and first that nobody goes without a call; nothing when there is no door."""
    if not doors:
        return ()
    lines = (door_words(door, now, zone, clock_24h=clock_24h).line for door in doors)
    return (_("No emergency? Call us before you go to one of these."), *lines)


def _state(door: Door, now: datetime, zone: str, clock_24h: bool) -> str:
    seen = door.now
    if seen.state is DoorState.OPEN:
        return _open(door, now, zone, clock_24h)
    if seen.state is DoorState.NOT_KNOWN:
        return _("whether it is open now is not known here: call before you go")
    if seen.nobody_on:
        return _("closed now: nobody is on duty there")
    if seen.opens_at is None:
        return _("closed now; when it opens is not known here")
    return _("closed now; opens %(time)s") % {"time": _when(door, seen.opens_at, now, zone, clock_24h)}


def _ed_state(door: Door, now: datetime, zone: str, clock_24h: bool) -> str:
    if door.now.state is DoorState.OPEN:
        return _open(door, now, zone, clock_24h)
    if door.now.state is DoorState.NOT_KNOWN:
        return _("its hours are not known here. In an emergency do not wait: go, or call 911")
    return _("by its hours it may be closed now. In an emergency do not wait: call 911")


def _open(door: Door, now: datetime, zone: str, clock_24h: bool) -> str:
    if door.now.until is None:
        return _("open now, day and night")
    return _("open now, until %(time)s") % {"time": _when(door, door.now.until, now, zone, clock_24h)}


def _when(door: Door, at: datetime, now: datetime, zone: str, clock_24h: bool) -> str:
    """`5:00 PM`, `Monday 8:00 AM` or `Monday, March 16, 2026, 8:00 AM`, by the clock of the place."""
    assert door.hours is not None
    local, today = at.astimezone(zone_named(door.hours.zone)), civil_date(now, door.hours.zone)
    text, ahead = _clock(local.time(), clock_24h), (local.date() - today).days
    if ahead == 1 and local.time() == time(0):
        text = _("midnight")
    elif ahead > _A_WEEK:
        text = f"{_day(local.date())}, {text}"
    elif ahead != 0:
        text = f"{date_format(local.date(), 'l')} {text}"
    if local.utcoffset() != at.astimezone(zone_named(zone)).utcoffset():
        text = _("%(time)s by the clock there") % {"time": text}
    return text


def _paper(door: Door, now: datetime, *, clock_24h: bool) -> Iterator[str]:
    """What holds for as long as nobody writes new hours down: nothing of "now"."""
    hours = door.hours
    if door.place.kind == CarePlace.Kind.ED:
        yield _("In an emergency do not wait: go, or call 911.")
    else:
        yield _("Call before you go.")
    if hours is None or door.written_at is None:
        yield _("Its hours are not known here.")
        return
    for first, last, day in alike(hours.week):
        if (first, last) == (0, 6):
            name = _("Every day")
        elif first == last:
            name = str(WEEKDAYS[first]).capitalize()
        else:
            name = _("%(first)s to %(last)s") % {"first": WEEKDAYS[first], "last": WEEKDAYS[last]}
            name = name[:1].upper() + name[1:]
        yield f"{name}: {_hours(day, clock_24h)}"
    if not hours.holidays_as_usual:
        yield _("On holidays: %(hours)s") % {"hours": _hours(hours.holiday, clock_24h)}
    today = civil_date(now, hours.zone)
    for on in sorted({*hours.days, *hours.usual_days, *(() if hours.holidays_as_usual else door.holidays)}):
        if today <= on <= today + timedelta(days=PAPER_DAYS):
            yield f"{_day(on)}: {_hours(hours.of(on, door.holidays)[0], clock_24h)}"
    if hours.duty is not None:
        yield _("Only while somebody is on duty there.")
    written = civil_date(door.written_at, hours.zone)
    yield _("Written down on %(day)s; it may have changed.") % {"day": _day(written)}


def _hours(day: Day, clock_24h: bool) -> str:
    if day is None:
        return _("not known")
    if not day:
        return _("closed")
    if hours_text(day) == ALWAYS:
        return _("day and night")
    return ", ".join(f"{_minutes(each.opens, clock_24h)}–{_minutes(each.closes, clock_24h)}" for each in day)


def _minutes(minutes: int, clock_24h: bool) -> str:
    if minutes == DAY_MINUTES:
        return _("midnight")
    return _clock(time(*divmod(minutes % DAY_MINUTES, 60)), clock_24h)


def _clock(at: time, clock_24h: bool) -> str:
    return time_format(at, "H:i" if clock_24h else "g:i A")


def _day(day: date) -> str:
    return f"{date_format(day, 'l')}, {date_format(day, 'DATE_FORMAT')}"
