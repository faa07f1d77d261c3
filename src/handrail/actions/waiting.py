"""Who waits for a start: put on the list with the cause, taken off it by the first dose, the end of the course, or a word with a reason.

Every course that begins with a step-up and has no dose is in the report of those who are not started, also where nobody wrote down why,
where it was taken off the list, and for some days where it ended: nobody is left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.people import scope
from handrail.people.models import Patient, User, WaitEntry
from handrail.records.models import Course, Event
from handrail.records.reach import courses_of
from handrail.rules.terms import civil_date

VERB: Final = "keep_waiting_list"
LONGEST: Final = 300
ENDED_SHOWN: Final = timedelta(days=90)
"""For so long a course that ended without a dose stands in the report of those who were not started."""
Cause = WaitEntry.Cause
OWNERS: Final[dict[str, str]] = {
    Cause.CAPACITY: "site manager",
    Cause.CAREGIVER: "nurse",
    Cause.TRAVEL: "coordinator",
    Cause.PAYER: "PA specialist",
    Cause.REMS: "REMS authorised representative",
    Cause.OTHER: "coordinator",
    "": "coordinator",
}
"""Who mends each cause; one that nobody wrote down is asked by the coordinator."""
NOT_ASKED: Final = ("assessment", "context", "facts", "overlays", "policy_document")
"""What the list of those who are not started says nothing of: it is not read."""
NOT_RECORDED: Final = "nobody has written down why"
TAKEN_OFF: Final = "taken off the list, and not started"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """A course without a dose: why it waits, since when, and for which day. `cause` empty: nobody has written that down."""

    course: Course
    cause: str
    since: datetime
    wanted_on: date | None
    reason: str
    by: User | None

    @property
    def ended(self) -> bool:
        """Whether the course is over: this patient was never started."""
        return self.course.ended_at is not None

    @property
    def words(self) -> str:
        """The cause in words."""
        if self.cause:
            return Cause(self.cause).label
        return TAKEN_OFF if self.by is not None else NOT_RECORDED

    @property
    def owner(self) -> str:
        """Who mends it."""
        return OWNERS[self.cause]

    @property
    def zone(self) -> str:
        """Of the site, else of the course."""
        return self.course.site.time_zone if self.course.site else self.course.time_zone

    @property
    def since_on(self) -> date:
        """The civil day since which it waits."""
        return civil_date(self.since, self.zone)

    def days(self, now: datetime) -> int:
        """Civil days since it waits, until now or the end of the course."""
        return (civil_date(self.course.ended_at or now, self.zone) - self.since_on).days


def not_started(user: User, now: datetime, *, site_id: UUID | None = None, named: bool = True) -> list[NotStarted]:
    """The courses of this person that begin with a step-up and have no dose, those that wait longest first. Constant number of queries.

    Args:
        site_id: of one site alone, and only those that are not over.
        named: read with their patients; `name_patients` reads those of some of them alone.
    """
    rows = courses_of(user, now).filter(~_given(), intent=Course.Intent.STEP_UP)
    if site_id is not None:
        rows = rows.filter(site=site_id, ended_at__isnull=True)
    else:
        rows = rows.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now - ENDED_SHOWN))
    return sorted(
        map(_standing, _with_entries(rows, named)), key=lambda each: (each.ended, each.since, str(each.course.pk))
    )


def _given() -> Exists:
    """Whether a course has a dose that nobody withdrew."""
    replaced = Event.objects.filter(organisation=OuterRef("organisation"), supersedes=OuterRef("id"))
    return Exists(Event.objects.filter(~Exists(replaced), course=OuterRef("pk"), kind="dose_given"))


def name_patients(rows: Iterable[NotStarted]) -> None:
    """Read the names of the patients of these courses, and nothing else of them. One query."""
    named = Patient.objects.defer("birth_date_text", "phone", "mrn")
    prefetch_related_objects([each.course for each in rows], Prefetch("patient", named))


def _with_entries(rows: QuerySet[Course], named: bool) -> Iterable[Course]:
    entries = WaitEntry.objects.select_related("by").order_by("at", "id")
    around = ("patient", "site", "organisation") if named else ("site", "organisation")
    return rows.select_related(*around).defer(*NOT_ASKED).prefetch_related(Prefetch("waits", entries))


def _standing(course: Course) -> NotStarted:
    """As the last entry says; it waits since the first entry of the same cause that nothing else came after."""
    entries: Sequence[WaitEntry] = list(course.waits.all())
    last = entries[-1] if entries else None
    if last is None or not last.cause:
        return NotStarted(
            course=course,
            cause="",
            since=last.at if last is not None else course.started_at,
            wanted_on=None,
            reason=last.reason if last is not None else "",
            by=last.by if last is not None else None,
        )
    since = last.at
    for entry in reversed(entries):
        if entry.cause != last.cause:
            break
        since = entry.at
    return NotStarted(
        course=course, cause=last.cause, since=since, wanted_on=last.wanted_on, reason=last.reason, by=last.by
    )


def put_on_list(
    course_id: UUID,
    *,
    cause: str,
    by: Actor,
    wanted_on: date | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> WaitEntry:
    """Write down why a course is not started, and for which day the first dose was wanted.

    Raises:
        RefusedError: an unknown cause, another cause without words, a course that is over or has a dose;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    text = " ".join(reason.split())
    if cause not in Cause.values:
        raise RefusedError("Choose the cause.", code="unknown_word", path="cause")
    if cause == Cause.OTHER and not text:
        raise RefusedError("Say in a few words which cause.", code="missing_key", path="reason")
    return _write(course_id, {"cause": cause, "wanted_on": wanted_on, "reason": text}, by, now)


def take_off_list(course_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> WaitEntry:
    """Write down that a course waits no more, and why.

    Raises:
        RefusedError: no reason, or it does not wait; NotAllowedError, NotVisibleError: not for this actor.
    """
    text = " ".join(reason.split())
    if not text:
        raise RefusedError("Say why the patient waits no more.", code="missing_key", path="reason")
    return _write(course_id, {"cause": "", "reason": text}, by, now)


def _write(course_id: UUID, fields: dict[str, object], by: Actor, now: datetime | None) -> WaitEntry:
    now = now or clock.now()
    if len(str(fields["reason"])) > LONGEST:
        raise RefusedError(f"At most {LONGEST} signs.", code="too_long", path="reason")
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        course = Course.objects.filter(pk=course_id).prefetch_related("waits").first()
        if course is None or by.user is None:
            raise NotVisibleError("There is no such course.")
        role = by.role_for(VERB, course, now)
        if course.ended_at is not None:
            raise RefusedError("That course is over.", code="course_over", path="course")
        if fields["cause"] and Course.objects.filter(_given(), pk=course.pk).exists():
            raise RefusedError(
                "That patient has had a dose, and does not wait for a start.", code="started", path="course"
            )
        entries = sorted(course.waits.all(), key=lambda each: each.at)
        if not fields["cause"] and not (entries and entries[-1].cause):
            raise RefusedError("That patient is not on the list.", code="not_waiting", path="course")
        return WaitEntry.objects.create(
            organisation_id=course.organisation_id, course=course, by=by.user, role=role, at=now, **fields
        )
