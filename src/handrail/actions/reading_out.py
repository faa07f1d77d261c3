"""What a system may read of the courses that were tied to it. Every read is a look that names the system, written before it is answered.

A patient whom nobody tied to the system is answered like one that does not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from handrail import __version__, clock
from handrail.actions.access import log_look
from handrail.actions.clients import Caller, course_behind
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.packet_around import who_of
from handrail.actions.packets import packet_of
from handrail.people import scope
from handrail.records.models import Course
from handrail.rules.packet_parts import Packet, Who

PATIENT: Final = "fhir_patient"
FOUND: Final = "fhir_patient_search"
SUMMARY: Final = "fhir_summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a patient is."""

    id: UUID
    who: Who

    def __repr__(self) -> str:
        return f"Person({self.id})"  # no name reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A course as it stands. `tag` is the same as long as all that is said is: also the number to call at this hour."""

    course_id: UUID
    packet: Packet
    tag: str

    def __repr__(self) -> str:
        return f"Standing({self.course_id})"  # what it says never reaches a log


def courses_of(caller: Caller, patient_id: UUID) -> list[Course]:
    """The courses of a patient that are tied to a system, the first first.

    Raises:
        NotVisibleError: there is none, whether the patient exists or not.
    """
    organisation = caller.client.organisation_id
    with scope.acting_for(organisation):
        tied = caller.client.links.filter(ended_at__isnull=True).values("course")
        mine = Course.objects.filter(organisation_id=organisation, patient_id=patient_id, pk__in=tied)
        found = list(mine.select_related("patient", "organisation", "site").order_by("started_at", "pk"))
    if not found:
        raise NotVisibleError("There is no such patient.")
    return found


def read_person(caller: Caller, patient_id: UUID, *, now: datetime | None = None) -> Person:
    """Who a patient is.

    Raises:
        NotVisibleError: no course of this patient is tied to the system.
    """
    return _person(caller, courses_of(caller, patient_id), PATIENT, now or clock.now())


def find_person(caller: Caller, system: str, value: str, *, now: datetime | None = None) -> Person | None:
    """Whom a system means by an identifier; None when nobody tied it."""
    course_id = course_behind(caller.client, system, value)
    if course_id is None:
        return None
    with scope.acting_for(caller.client.organisation_id):
        course = Course.objects.select_related("patient", "organisation").get(pk=course_id)
    return _person(caller, [course], FOUND, now or clock.now())


def read_standing(
    caller: Caller, patient_id: UUID, *, identifier: tuple[str, str] | None = None, now: datetime | None = None
) -> Standing:
    """The course of a patient as it stands.

    Args:
        identifier: which of several courses, by the identifier (system, value) that was tied to it.

    Raises:
        NotVisibleError: no course of this patient is tied to the system, or not by that identifier. RefusedError: several are, and
            none was named; or the rules cannot judge the course, so that nothing of it can be vouched for.
    """
    now = now or clock.now()
    found = courses_of(caller, patient_id)
    if identifier is not None:
        behind = course_behind(caller.client, *identifier)
        found = [course for course in found if course.pk == behind]
    if not found:
        raise NotVisibleError("There is no such patient.")
    if len(found) > 1:
        message = "Several courses of this patient are tied to this client: say which with POST and `identifier` (system|value)."
        raise RefusedError(message, code="several_courses")
    [course] = found
    with scope.acting_for(course.organisation_id):
        made = packet_of(course, now)
    log_look(course, SUMMARY, client=caller.client, now=now)
    return Standing(course_id=course.pk, packet=made, tag=_tag(made))


def _person(caller: Caller, courses: Sequence[Course], what: str, now: datetime) -> Person:
    with scope.acting_for(caller.client.organisation_id):
        who = who_of(courses[0])
    for course in courses:
        log_look(course, what, client=caller.client, now=now)
    return Person(id=courses[0].patient_id, who=who)


def _tag(made: Packet) -> str:
    """The digest of the packet leaves out what follows the hour; whoever is told "unchanged" keeps also the number to call."""
    around = made.around
    calls = [(each.party, each.number) for each in around.calls]
    begins = [each.from_at.isoformat() for each in around.calls[1:]]  # the first begins now, and the last slides along
    by_the_hour = [around.number, around.answers, calls, begins]
    said = json.dumps([made.sha256, __version__, by_the_hour])
    return hashlib.sha256(said.encode()).hexdigest()
