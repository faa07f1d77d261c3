"""Taking records out: one course as a course file or as a packet, and everything that an organisation owns.

Every one is a look by a named person, written down before anything is handed out. Nothing is changed, and nothing is left behind: an
organisation that leaves takes every event along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q

from handrail import clock
from handrail.actions.access import log_look, log_looks
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.packets import packet_of
from handrail.people import permissions, scope
from handrail.people.models import Organisation, Patient, User
from handrail.records import wire
from handrail.records.models import Course, Event, Export, ExportJob
from handrail.rules.packet_parts import Packet

ONE: Final = "export_course"
ALL: Final = "export_organisation"
IDENTITY: Final = "view_identity"
BATCH: Final = 25
"""So many courses are looked at, and held in memory, at a time."""


def course_file(course_id: UUID, *, by: Actor, now: datetime | None = None) -> dict[str, Any]:
    """A course as a course file, which holds no identity. The look is logged.

    Raises:
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        course = _opened(course_id, (ONE,), "course_file", by, now)
        return wire.course_file(course)


def standing_packet(course_id: UUID, *, by: Actor, now: datetime | None = None) -> Packet:
    """The packet of a course as it stands, with identity; no version is sealed. The look is logged.

    Raises:
        NotVisibleError, NotAllowedError: not for this actor. RefusedError: the rules cannot judge the course.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        return packet_of(_opened(course_id, (ONE, IDENTITY), "export fhir", by, now), now)


def _opened(course_id: UUID, verbs: Sequence[str], what: str, by: Actor, now: datetime) -> Course:
    user = _named(by)
    course = Course.objects.filter(pk=course_id).first()
    if course is None:
        raise NotVisibleError("There is no such course.")
    for verb in verbs:
        by.role_for(verb, course, now)
    log_look(course, what, user=user, now=now)
    return course


def _named(by: Actor) -> User:
    if by.user is None:
        raise NotAllowedError("An export names the person who asks for it.")
    return by.user


# --- everything that an organisation owns ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A course with all of its events as the log had them at one instant.

    `file` is its course file. `on_behalf_of` names, by the id of an event, for whom it was written down, which a course file does not say.
    """

    course: Course
    file: dict[str, Any]
    on_behalf_of: dict[str, str]


def begin_export(organisation: Organisation, *, by: Actor, now: datetime | None = None) -> Export:
    """Write down that a person takes out everything that an organisation owns; this comes before anything is read.

    Raises:
        NotAllowedError: only a director of the organisation may.
    """
    now = now or clock.now()
    user = _named(by)
    if not permissions.may(user, ALL, None, now, organisation_id=organisation.pk):
        raise NotAllowedError("Only a director of the organisation takes everything out that it owns.")
    with scope.acting_for(organisation.pk):
        return Export.objects.create(organisation=organisation, asked_by=user, asked_at=now)


def patients_of(export: Export) -> Iterator[Patient]:
    """Every patient of the organisation, those without a course too, by id. Some at a time are held in memory."""
    rows = Patient.objects.filter(organisation_id=export.organisation_id).order_by("pk")
    for batch in _batches(rows):
        yield from batch


def courses_of(export: Export) -> Iterator[Taken]:
    """Every course that the organisation owns, by id, each with all of its events. The looks of a batch are logged before it is read."""
    rows = Course.objects.filter(organisation_id=export.organisation_id).select_related(
        "organisation", "patient", "site"
    )
    for batch in _batches(rows.order_by("pk")):
        log_looks(batch, "export ndjson", user=export.asked_by, now=clock.now())
        for course in batch:
            yield taken(course)


def _batches(rows: Any) -> Iterator[list[Any]]:
    """Rows in order of their id, some at a time: no cursor stays open while others write."""
    batch = list(rows[:BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:BATCH])


def taken(course: Course) -> Taken:
    """A course with its log at one instant. The caller has asked who may see it, and has logged the look."""
    stored = list(course.events.order_by(*Event.ORDER))  # one query: the log of the course at one instant
    said = {str(row.id): row.on_behalf_of for row in stored if row.on_behalf_of}
    return Taken(course=course, file=wire.course_file_of(course, stored), on_behalf_of=said)


def reconcile(
    export: Export | ExportJob, counted: dict[str, int], *, courses: Collection[str] | None = None
) -> dict[str, int]:
    """Compare what was written with the log: events by kind of the organisation, recorded before the export began.

    Args:
        counted: events that were written, by kind.
        courses: the ids of the courses that were taken; None: all that the organisation owns.

    Returns:
        `written`, `in_the_log` (now) and `recorded_since` (the export began).

    Raises:
        RefusedError: an event that was there before is not among those that were written, or one is that is not in the log.
    """
    events = Event.objects.filter(organisation_id=export.organisation_id)
    if courses is not None:
        events = events.filter(course_id__in=courses)
    rows = events.values("kind").order_by("kind")
    since = Count("id", filter=Q(recorded_at__gte=export.asked_at))
    log = {row["kind"]: (row["all"], row["since"]) for row in rows.annotate(all=Count("id"), since=since)}
    for kind in {*log, *counted}:
        there, fresh = log.get(kind, (0, 0))
        if not there - fresh <= counted.get(kind, 0) <= there:
            message = (
                f"The events written ({kind}) are not those of the log: nothing was kept of this export. Run it again."
            )
            raise RefusedError(message, code="not_reconciled", path=kind)
    return {
        "written": sum(counted.values()),
        "in_the_log": sum(there for there, _ in log.values()),
        "recorded_since": sum(fresh for _, fresh in log.values()),
    }


def end_export(export: Export, *, patients: int, courses: int, events: int, now: datetime | None = None) -> Export:
    """Write down that an export is whole, and how much it holds."""
    export.ended_at = now or clock.now()
    export.patients, export.courses, export.events = patients, courses, events
    with scope.acting_for(export.organisation_id):
        export.save(update_fields=["ended_at", "patients", "courses", "events"])
    return export
