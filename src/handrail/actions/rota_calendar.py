"""Shifts as iCalendar (RFC 5545): written for a person's or a site's calendar, and read from one with a review first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
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
    """The shifts as one calendar, in the time zone of their sites. It names staff and steps, and nothing of any patient."""
    calendar = Calendar()
    calendar.add("prodid", "-//Handrail//rota//EN")
    calendar.add("version", "2.0")
    for shift in shifts:
        zone = zone_named(coverage.zone_of(shift.organisation, shift.site))
        event = Event()
        event.add("uid", f"{shift.pk}@handrail")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", shift.starts_at.astimezone(zone))
        event.add("dtend", shift.ends_at.astimezone(zone))
        event.add("summary", f"{role_words(shift.step)}: {shift.user.name}")
        event.add("categories", [shift.step])
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
        rows = tuple(_row(event, line, organisation, site, now) for event, line in _events(data))
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
                    by=by,
                    now=now,
                )
            )
        return made


def _events(data: bytes) -> Iterator[tuple[Any, int]]:
    if len(data) > LARGEST:
        raise RefusedError("The calendar is too large.", code="too_large", path="calendar")
    try:
        found = [event for calendar in Calendar.from_ical(data, multiple=True) for event in calendar.walk("VEVENT")]
    except (ValueError, IndexError, KeyError) as error:
        raise RefusedError(
            "This is no calendar (iCalendar, RFC 5545).", code="not_a_calendar", path="calendar"
        ) from error
    if not found or len(found) > MOST:
        words = "has no events" if not found else f"has more than {MOST} events"
        raise RefusedError(f"The calendar {words}.", code="not_a_calendar", path="calendar")
    text = data.decode("utf-8", errors="replace").splitlines()
    lines = [number for number, line in enumerate(text, start=1) if line.strip().upper() == "BEGIN:VEVENT"]
    yield from zip(found, [*lines, *[0] * len(found)], strict=False)


def _row(event: Any, line: int, organisation: Organisation, site: Site | None, now: datetime) -> Row:
    words = str(event.get("SUMMARY", "") or "no title")[:120]
    try:
        zone = coverage.zone_of(organisation, site)
        starts_at, ends_at, note = _span(event, zone)
        step = _step(event)
        user = _person(event, organisation)
        if ends_at <= now:
            raise _NotUsed("it is over already")
        member_for(organisation, site, step, user.pk, (starts_at, ends_at))
        same = {"organisation": organisation, "site": site, "step": step, "user": user}
        if Shift.objects.filter(**same, starts_at=starts_at, ends_at=ends_at).exists():
            raise _NotUsed("it is on the rota already")
    except (_NotUsed, RefusedError) as error:
        return Row(line=line, words=words, problem=str(getattr(error, "message", error)))
    return Row(line=line, words=words, step=step, user=user, starts_at=starts_at, ends_at=ends_at, note=note)


class _NotUsed(Exception):
    """Why one event of a calendar is not used."""


def _span(event: Any, zone: str) -> tuple[datetime, datetime, str]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        raise _NotUsed("it is cancelled in the calendar")
    if any(name in event for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        raise _NotUsed("it repeats: make a repeating plan of it here")
    try:
        start, end = event.get("DTSTART").dt, event.get("DTEND").dt if "DTEND" in event else None
        end = end if end is not None else start + event.get("DURATION").dt
    except (AttributeError, TypeError, ValueError):
        raise _NotUsed("it has no beginning and end") from None
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        assert isinstance(start, date)
        raise _NotUsed("it is a whole day: a shift has a time from which and until which somebody answers")
    notes = []
    if start.tzinfo is None or end.tzinfo is None:
        if any("TZID" in event.get(name).params for name in ("DTSTART", "DTEND") if name in event):
            raise _NotUsed("its time zone is not known here")
        start, end = (at.replace(tzinfo=at.tzinfo or zone_named(zone)) for at in (start, end))
        notes.append(f"no time zone in the file: read by the clock of {zone}")
    starts_at, ends_at = start.astimezone(UTC), end.astimezone(UTC)
    if ends_at <= starts_at:
        raise _NotUsed("it ends before it begins")
    if ends_at - starts_at > LONGEST:
        raise _NotUsed(f"it is longer than {LONGEST.days} days")
    changed = clock_note(starts_at, ends_at, zone)
    return starts_at, ends_at, "; ".join([*notes, *([changed] if changed else [])])


def _step(event: Any) -> str:
    """The step that a category or the title names."""
    named = event.get("CATEGORIES")
    listed = named if isinstance(named, list) else [named]
    words = [str(word) for each in listed if each is not None for word in getattr(each, "cats", [each])]
    for word in words:
        if word.strip().lower() in Step.values:
            return word.strip().lower()
    title = str(event.get("SUMMARY", "")).strip().lower()
    for step in Step.values:
        if title.startswith((role_words(step), step)):
            return step
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
