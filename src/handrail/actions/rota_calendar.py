"""Shifts as iCalendar (RFC 5545): written for a person's or a site's calendar, and read from one with a review first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from icalendar import Calendar, Event, vCalAddress

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.rota import managed, member_for, put_on_rota, site_of
from handrail.people import coverage, scope
from handrail.people.models import Membership, Organisation, Shift, Site, Step, User
from handrail.rules.rota import clock_note
from handrail.rules.telling import role_words
from handrail.rules.terms import zone_named

LARGEST: Final = 1_000_000
"""Bytes of a calendar that is read."""
MOST: Final = 1000
"""Events of a calendar that is read."""
LONGEST: Final = timedelta(days=31)
INSTEAD: Final = "instead"
"""The category of a shift whose person answers instead of whoever is planned."""
OURS: Final = "@handrail"
"""How the name of an event ends that was written from a shift: before it stands the shift's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of a calendar: what was understood, or why it is not used. `line` is where it begins in the file."""

    line: int
    words: str
    step: str = ""
    user: User | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: str = ""
    problem: str = ""
    instead: bool = False
    uid: str = ""
    """The name of the event: one of two that bear the same is out of date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a calendar would put on the rota. Nothing is applied yet; `sha256` names what was reviewed."""

    rows: tuple[Row, ...]
    sha256: str

    @property
    def good(self) -> list[Row]:
        """The rows that would be put on."""
        return [row for row in self.rows if not row.problem]


def calendar_of(shifts: Iterable[Shift], now: datetime) -> bytes:
    """The shifts as one calendar, in the time zone of their sites. It names staff and steps, and nothing of any patient.

    A civil time that occurs twice means the first in a calendar: the second is written in UTC.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Handrail//rota//EN")
    calendar.add("version", "2.0")
    for shift in shifts:
        zone = zone_named(coverage.zone_of(shift.organisation, shift.site))
        event = Event()
        event.add("uid", f"{shift.pk}{OURS}")
        event.add("dtstamp", now.astimezone(UTC))
        for name, at in (("dtstart", shift.starts_at), ("dtend", shift.ends_at)):
            local = at.astimezone(zone)
            event.add(name, at.astimezone(UTC) if local.fold else local)
        event.add("summary", f"{role_words(shift.step)}: {shift.user.name}")
        event.add("categories", [shift.step, *([INSTEAD] if shift.is_override else [])])
        attendee = vCalAddress(f"mailto:{shift.user.email}")
        attendee.params["CN"] = shift.user.name
        event.add("attendee", attendee)
        event.add("location", shift.site.code if shift.site else shift.organisation.name)
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def review_calendar(
    organisation_id: UUID, data: bytes, *, by: Actor, site_id: UUID | None = None, now: datetime | None = None
) -> Review:
    """Read a calendar and say, line by line, what would be put on the rota and what is not understood. Changes nothing.

    Args:
        data: the file.
        site_id: for which site the shifts are; None for every site of the organisation.

    Raises:
        RefusedError: no calendar at all, or one that is too large; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now)
        site = site_of(organisation, site_id)
        rows = tuple(_each_once([_row(event, line, organisation, site, now) for event, line in _events(data)]))
        return Review(rows=rows, sha256=hashlib.sha256(data).hexdigest())


def apply_calendar(
    organisation_id: UUID,
    data: bytes,
    *,
    reviewed: str,
    by: Actor,
    site_id: UUID | None = None,
    now: datetime | None = None,
) -> list[Shift]:
    """Put on the rota what a person reviewed: every row that was understood, all or none.

    Args:
        reviewed: the `sha256` of the review.

    Raises:
        RefusedError: another file than the one that was reviewed, or one of which nothing can be used any more.
    """
    now = now or clock.now()
    with transaction.atomic():
        review = review_calendar(organisation_id, data, by=by, site_id=site_id, now=now)
        if review.sha256 != reviewed:
            raise RefusedError("This is not the calendar that was reviewed.", code="other_file", path="calendar")
        if not review.good:
            raise RefusedError("Nothing in this calendar can be put on the rota.", code="empty", path="calendar")
        made = []
        for row in review.good:
            assert row.user is not None and row.starts_at is not None and row.ends_at is not None
            made.append(
                put_on_rota(
                    organisation_id,
                    step=row.step,
                    user_id=row.user.pk,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    site_id=site_id,
                    instead=row.instead,
                    by=by,
                    now=now,
                )
            )
        return made


def _each_once(rows: list[Row]) -> Iterator[Row]:
    """Of several events of one name nobody knows which counts; what is said twice in the same words is put on once."""
    named = Counter(row.uid for row in rows if row.uid)
    said = {row.uid: {_said(each) for each in rows if each.uid == row.uid} for row in rows if named[row.uid] > 1}
    seen = set()
    for row in rows:
        problem = row.problem
        if not problem and len(said.get(row.uid, ())) > 1:
            problem = "the calendar holds this event more than once, and not the same: leave in the one that counts"
        elif not problem and _said(row) in seen:
            problem = "it stands in this calendar twice"
        seen.add(_said(row))
        yield replace(row, problem=problem)


def _said(row: Row) -> tuple[object, ...]:
    return row.step, row.user, row.starts_at, row.ends_at, row.instead, row.problem


def _events(data: bytes) -> Iterator[tuple[Any, int]]:
    if len(data) > LARGEST:
        raise RefusedError("The calendar is too large.", code="too_large", path="calendar")
    try:
        calendars = Calendar.from_ical(data, multiple=True)
        found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, IndexError, KeyError) as error:
        raise RefusedError(
            "This is no calendar (iCalendar, RFC 5545).", code="not_a_calendar", path="calendar"
        ) from error
    if any(str(calendar.get("METHOD", "")).strip().upper() == "CANCEL" for calendar in calendars):
        raise RefusedError(
            "This calendar takes events back: take them off the rota here.", code="not_a_calendar", path="calendar"
        )
    if not found or len(found) > MOST:
        words = "has no events" if not found else f"has more than {MOST} events"
        raise RefusedError(f"The calendar {words}.", code="not_a_calendar", path="calendar")
    text = data.decode("utf-8", errors="replace").splitlines()
    lines = [number for number, line in enumerate(text, start=1) if line.strip().upper() == "BEGIN:VEVENT"]
    yield from zip(found, [*lines, *[0] * len(found)], strict=False)


def _row(event: Any, line: int, organisation: Organisation, site: Site | None, now: datetime) -> Row:
    words = str(event.get("SUMMARY", "") or "no title")[:120]
    uid = str(event.get("UID", "")).strip()
    try:
        zone = coverage.zone_of(organisation, site)
        starts_at, ends_at, note = _span(event, zone)
        step, instead = _step(event)
        user = _person(event, organisation)
        if ends_at <= now:
            raise _NotUsed("it is over already")
        _refuse_other_place(event, organisation, site)
        member_for(organisation, site, step, user.pk, (starts_at, ends_at))
        here = Shift.objects.filter(Q(site__isnull=True) | Q(site=site), organisation=organisation)
        if here.filter(step=step, user=user, starts_at=starts_at, ends_at=ends_at).exists():
            raise _NotUsed("it is on the rota already")
        if _is_on_otherwise(uid, organisation):
            raise _NotUsed(
                "it is on the rota with another person or other hours: change it there, or take it off first"
            )
    except (_NotUsed, RefusedError) as error:
        return Row(line=line, words=words, problem=str(getattr(error, "message", error)), uid=uid)
    notes = [*([note] if note else []), *(["instead of whoever is planned"] if instead else [])]
    return Row(
        line=line,
        words=words,
        step=step,
        user=user,
        starts_at=starts_at,
        ends_at=ends_at,
        note="; ".join(notes),
        instead=instead,
        uid=uid,
    )


def _refuse_other_place(event: Any, organisation: Organisation, site: Site | None) -> None:
    """The place of an event may be the code of a site: then it is read for that site only."""
    place = str(event.get("LOCATION", "")).strip()
    if (site is None or place != site.code) and Site.objects.filter(organisation=organisation, code=place).exists():
        raise _NotUsed(f"its place is {place}: read the calendar for that site")


def _is_on_otherwise(uid: str, organisation: Organisation) -> bool:
    """Whether the event was written from a shift that is still on the rota."""
    try:
        shift = UUID(uid.removesuffix(OURS)) if uid.endswith(OURS) else None
    except ValueError:
        return False
    return shift is not None and Shift.objects.filter(organisation=organisation, pk=shift).exists()


class _NotUsed(Exception):
    """Why one event of a calendar is not used."""


def _span(event: Any, zone: str) -> tuple[datetime, datetime, str]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        raise _NotUsed("it is cancelled in the calendar")
    if any(name in event for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        raise _NotUsed("it repeats: make a repeating plan of it here")
    try:
        start, end = event.get("DTSTART").dt, event.get("DTEND").dt if "DTEND" in event else None
        lasts = event.get("DURATION").dt if end is None else None
    except (AttributeError, TypeError, ValueError):
        raise _NotUsed("it has no beginning and end") from None
    if not isinstance(start, datetime) or not isinstance(end, datetime | None):
        raise _NotUsed("it is a whole day: a shift has a time from which and until which somebody answers")
    notes = []
    if start.tzinfo is None or (end is not None and end.tzinfo is None):
        if any("TZID" in event.get(name).params for name in ("DTSTART", "DTEND") if name in event):
            raise _NotUsed("its time zone is not known here")
        notes.append(f"no time zone in the file: read by the clock of {zone}")
    start = start if start.tzinfo is not None else start.replace(tzinfo=zone_named(zone))
    if end is None:
        end = _end_after(start, lasts)
    end = end if end.tzinfo is not None else end.replace(tzinfo=zone_named(zone))
    ends = {"beginning": start, "end": end}
    notes += [f"the clock changes that night: its {name} {odd}" for name, at in ends.items() if (odd := _odd(at))]
    starts_at, ends_at = start.astimezone(UTC), end.astimezone(UTC)
    if ends_at <= starts_at:
        raise _NotUsed("it ends before it begins")
    if ends_at - starts_at > LONGEST:
        raise _NotUsed(f"it is longer than {LONGEST.days} days")
    changed = clock_note(starts_at, ends_at, zone)
    return starts_at, ends_at, "; ".join([*notes, *([changed] if changed else [])])


def _end_after(start: datetime, lasts: Any) -> datetime:
    """The end of an event that says how long it lasts: hours are hours, also in a night in which the clock changes."""
    if not isinstance(lasts, timedelta):
        raise _NotUsed("it has no beginning and end")
    exact: datetime = start.astimezone(UTC) + lasts
    if lasts >= timedelta(days=1) and exact != (start + lasts).astimezone(UTC):
        raise _NotUsed("it lasts days, and the clock changes in them: write down when it ends")
    return exact


def _odd(at: datetime) -> str:
    """What a clock change does to a civil time, by its own zone."""
    if at.replace(fold=0).utcoffset() == at.replace(fold=1).utcoffset():
        return ""
    back = at.astimezone(UTC).astimezone(at.tzinfo).replace(tzinfo=None, fold=0)
    return "occurs twice, the first is meant" if back == at.replace(tzinfo=None, fold=0) else "does not exist"


def _step(event: Any) -> tuple[str, bool]:
    """The step that a category or the title names, and whether the person answers instead of whoever is planned."""
    named = event.get("CATEGORIES")
    listed = named if isinstance(named, list) else [named]
    words = [str(word) for each in listed if each is not None for word in getattr(each, "cats", [each])]
    said = {word.strip().lower() for word in words}
    steps = sorted(said & set(Step.values))
    if len(steps) > 1:
        raise _NotUsed("its categories name several steps of the ladder")
    if steps:
        return steps[0], INSTEAD in said
    title = str(event.get("SUMMARY", "")).strip().lower()
    for step in Step.values:
        if title.startswith((role_words(step), step)):
            return step, INSTEAD in said
    raise _NotUsed("neither its category nor its title names a step of the ladder (for example first_on_call)")


def _person(event: Any, organisation: Organisation) -> User:
    """The member whose address stands in the event."""
    named = event.get("ATTENDEE")
    addresses = [str(each) for each in (named if isinstance(named, list) else [named]) if each is not None]
    mails = [each.split(":", 1)[1].strip().lower() for each in addresses if each.lower().startswith("mailto:")]
    if len(set(mails)) != 1:
        raise _NotUsed("it names no person by address" if not mails else "it names several people")
    member = (
        Membership.objects.filter(organisation=organisation, user__email__iexact=mails[0])
        .select_related("user")
        .first()
    )
    if member is None:
        raise _NotUsed(f"nobody here has the address {mails[0]}")
    return member.user
