"""The hours of places, written down by whoever manages the site; and which doors a patient is told of at an instant.

Nothing is altered: new hours are a new row, and so is every word about a single day; the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.alerts import ed_packets
from handrail.people import permissions, rota, scope
from handrail.people.models import CarePlace, Holiday, PlaceDay, PlaceHours, Step
from handrail.records.accountability import responsible_for
from handrail.records.models import Course
from handrail.rules.doors import AS_USUAL, LOOKED_AHEAD_DAYS, DoorNow, Hours, Span, door_at, hours_from, hours_text
from handrail.rules.terms import UnusableInput, civil_date, zone_named

DUTIES: Final = (Step.FIRST_ON_CALL, Step.SECOND_ON_CALL, Step.ATTENDING, Step.NURSE)
"""Steps that a shift fills: whether somebody is on is known of them."""
KINDS: Final = (CarePlace.Kind.CLINIC, CarePlace.Kind.URGENT_CARE, CarePlace.Kind.ED)
"""In the order in which they are shown."""
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursDraft:
    """Weekly hours as they are typed in: Monday first; nothing is not known."""

    zone: str
    week: tuple[str, ...]
    holiday: str = ""
    duty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One place, its hours (None: nobody wrote any down), the days on which its hours of holidays hold, and how it is now."""

    place: CarePlace
    hours: Hours | None
    holidays: frozenset[date]
    now: DoorNow
    written_at: datetime | None = None


def set_hours(place_id: UUID, draft: HoursDraft, *, by: Actor, now: datetime | None = None) -> PlaceHours:
    """Write the weekly hours of a place down; those before them hold no more.

    Raises:
        RefusedError: hours that cannot be read, with the field in `path`; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with _managed(place_id, by, now) as place:
        try:
            zone_named(draft.zone)
        except UnusableInput as error:
            raise RefusedError(error.message, code=error.code, path="zone") from None
        if draft.duty and draft.duty not in DUTIES:
            raise RefusedError("The rota has no such step.", code="no_such_step", path="duty")
        week = [_text(text, f"day_{number}") for number, text in enumerate(draft.week)]
        if len(week) != 7:
            raise RefusedError("A week has seven days.", code="not_a_week", path="day_0")
        holiday = AS_USUAL if draft.holiday == AS_USUAL else _text(draft.holiday, "holiday")
        return PlaceHours.objects.create(
            organisation_id=place.organisation_id,
            place=place,
            zone=draft.zone,
            week=week,
            holiday=holiday,
            duty=draft.duty,
            set_at=_after(place.hours.all(), now),
            set_by=by.user,
        )


def set_day(place_id: UUID, *, on: date, hours: str, by: Actor, why: str = "", now: datetime | None = None) -> PlaceDay:
    """Write down the hours of one day: they win over the week and over a holiday.

    Args:
        hours: as in a week; `as_usual`: the week holds on that day, a holiday or not; nothing: not known.

    Raises:
        RefusedError: hours that cannot be read, a day that is over; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with _managed(place_id, by, now) as place:
        text = AS_USUAL if hours == AS_USUAL else _text(hours, "hours")
        last = place.hours.order_by("-set_at", "-id").first()
        # Yesterday by a clock east of here may be today there.
        today = civil_date(now, last.zone) if last is not None else now.date() - timedelta(days=1)
        if on < today:
            raise RefusedError("That day is over.", code="not_a_time", path="on")
        return _day(place, on, now, by, hours=text, why=why.strip()[:80])


def take_day_back(place_id: UUID, *, on: date, by: Actor, now: datetime | None = None) -> PlaceDay:
    """Make a day like any other again.

    Raises:
        NotVisibleError: there is no such place, or that day has no hours of its own; NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with _managed(place_id, by, now) as place:
        if on not in days_apart(place):
            raise NotVisibleError("That day has no hours of its own.")
        return _day(place, on, now, by, taken_back=True)


def days_apart(place: CarePlace) -> dict[date, PlaceDay]:
    """The days of a place that have hours of their own, in order."""
    return _last_words(place.days.all()).get(place.pk, {})


def door_of(place: CarePlace, now: datetime) -> Door:
    """One place at `now`."""
    return doors_at([place], now)[0]


def doors_of(course: Course, now: datetime, *, only_ed: bool = False) -> list[Door]:
    """The doors that the patient of a course is told of, at `now`; the caller sees the course.

    Clinic and urgent care of whoever answers for the patient, and of emergency departments the one that the plan names: none is
    guessed. `only_ed`: nothing else, for a patient whom nothing may lead elsewhere.
    """
    found = [] if only_ed else list(_places_of(course, now))
    department = ed_packets.destination(course)
    return doors_at([*found, *([department] if department is not None else [])], now)


def doors_at(places: list[CarePlace], now: datetime) -> list[Door]:
    """These places at `now`, in the order given, with one question each for hours, days, holidays and rota."""
    if not places:
        return []
    weeks: dict[UUID, PlaceHours] = {}
    for row in PlaceHours.objects.filter(place__in=places).order_by("set_at", "id"):
        weeks[row.place_id] = row
    days = _last_words(PlaceDay.objects.filter(place__in=places)) if weeks else {}
    first = now.date() - timedelta(days=2)
    owners = {place.organisation_id for place in places}
    holidays = list(Holiday.objects.filter(organisation__in=owners, on__gte=first)) if weeks else []
    found = []
    for place in places:
        written = weeks.get(place.pk)
        # A place of every site is closed when one of its sites may be: who goes there calls first.
        own = frozenset(
            each.on
            for each in holidays
            if each.organisation_id == place.organisation_id
            and (each.site_id is None or place.site_id is None or each.site_id == place.site_id)
        )
        hours = _hours(place, written, days.get(place.pk, {}), now) if written is not None else None
        set_at = written.set_at if written is not None else None
        found.append(Door(place=place, hours=hours, holidays=own, now=door_at(hours, now, own), written_at=set_at))
    return found


@contextmanager
def _managed(place_id: UUID, by: Actor, now: datetime) -> Iterator[CarePlace]:
    """The place, locked, for somebody who manages it."""
    mine = permissions.organisations_of(by.user, now) if by.user is not None else []
    with transaction.atomic(), scope.acting_for(*mine):
        rows = CarePlace.objects.select_for_update(of=("self",)).filter(organisation__in=mine, ended_at__isnull=True)
        place = rows.filter(pk=place_id).first()
        if place is None:
            raise NotVisibleError("There is no such place.")
        if not permissions.may(by.user, "manage_places", None, now, organisation_id=place.organisation_id):
            raise NotAllowedError("Your role does not allow that here.")
        yield place


def _places_of(course: Course, now: datetime) -> QuerySet[CarePlace]:
    team = responsible_for(course, now)
    here = Q(site__isnull=True)
    if team == course.organisation_id and course.site_id is not None:
        here |= Q(site_id=course.site_id)
    rows = CarePlace.objects.filter(here, organisation_id=team, ended_at__isnull=True)
    return rows.exclude(kind=CarePlace.Kind.ED).order_by("kind", "name", "id")


def _hours(place: CarePlace, row: PlaceHours, days: dict[date, PlaceDay], now: datetime) -> Hours | None:
    """As the rules read them. What cannot be read any more, a zone that is gone for example, is not known."""
    try:
        zone_named(row.zone)
        return Hours(
            zone=row.zone,
            week=tuple(hours_from(text) for text in row.week),
            holiday=None if row.holiday == AS_USUAL else hours_from(row.holiday),
            holidays_as_usual=row.holiday == AS_USUAL,
            days={on: hours_from(day.hours) for on, day in days.items() if day.hours != AS_USUAL},
            usual_days=frozenset(on for on, day in days.items() if day.hours == AS_USUAL),
            duty=tuple(_duty(place, row.duty, now)) if row.duty else None,
        )
    except UnusableInput:
        return None


def _duty(place: CarePlace, step: str, now: datetime) -> Iterable[Span]:
    shifts = rota.of_members(now).filter(
        Q(site__isnull=True) | Q(site_id=place.site_id),
        organisation_id=place.organisation_id,
        step=step,
        ends_at__gt=now - timedelta(days=2),
        starts_at__lt=now + timedelta(days=LOOKED_AHEAD_DAYS + 2),
    )
    for starts_at, ends_at in shifts.order_by("starts_at", "id").values_list("starts_at", "ends_at"):
        yield Span(starts=starts_at, ends=ends_at)


def _last_words(rows: QuerySet[PlaceDay]) -> dict[UUID, dict[date, PlaceDay]]:
    found: dict[UUID, dict[date, PlaceDay]] = {}
    for row in rows.order_by("on", "set_at", "id"):
        of_place = found.setdefault(row.place_id, {})
        of_place.pop(row.on, None)
        if not row.taken_back:
            of_place[row.on] = row
    return found


def _day(place: CarePlace, on: date, now: datetime, by: Actor, **fields: Any) -> PlaceDay:
    return PlaceDay.objects.create(
        organisation_id=place.organisation_id,
        place=place,
        on=on,
        set_at=_after(place.days.filter(on=on), now),
        set_by=by.user,
        **fields,
    )


def _after(rows: QuerySet[Any], now: datetime) -> datetime:
    """The last word counts, also by a clock that was set back."""
    last = rows.order_by("-set_at").values_list("set_at", flat=True).first()
    return now if last is None or last < now else last + timedelta(microseconds=1)


def _text(typed: str, path: str) -> str:
    try:
        text = hours_text(hours_from(typed))
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path=path) from None
    if len(text) > _LONGEST:
        raise RefusedError("So many hours in one day cannot be kept.", code="too_long", path=path)
    return text
