"""The hand-offs of the courses that are tied to a system, as it may ask for them: how far each has come, and who accepted it.

Asking is a look of its own, written before it is answered. What was asked, answered or given as a reason is free text and stays here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.clients import Caller
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.people import scope
from handrail.people.models import Organisation, User
from handrail.records import wire
from handrail.records.models import Course, HandoffPerson, PacketVersion
from handrail.rules.handoff_loop import Loop, loops
from handrail.rules.history import History
from handrail.rules.terms import UnusableInput

SEARCH: Final = "fhir_task_search"
READ: Final = "fhir_task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a hand-off. `name` empty: the organisation is not known here."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A person. `account`: somebody who signs in; else who came through a link or was heard by phone. `name` empty: not known."""

    id: str
    name: str
    account: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTask:
    """One hand-off. `reader` and `accepted_by` None: nobody has. `changed_at`: when the last of its facts happened."""

    loop: Loop
    patient_id: UUID
    sender: Party | None
    receiver: Party | None
    reader: Named | None
    accepted_by: Named | None
    packet: UUID | None
    said_by: Mapping[str, Named]
    """Who said what left as not known, by the id of their word."""
    changed_at: datetime

    def __repr__(self) -> str:
        return f"HandoffTask({self.loop.id})"  # no name reaches a log


def tasks_of(caller: Caller, courses: Sequence[Course], *, now: datetime | None = None) -> list[HandoffTask]:
    """The hand-offs of these courses, the latest offer first.

    The courses are those that were tied to the system (`reading_out.courses_of`).

    Raises:
        RefusedError: the facts of a course cannot be read, so that nothing can be vouched for.
    """
    now = now or clock.now()
    with scope.acting_for(caller.client.organisation_id):
        found = [task for course in courses for task in _told(course, now)]
    for course in courses:
        log_look(course, SEARCH, client=caller.client, now=now)
    return sorted(found, key=lambda each: (each.loop.offered.at, each.loop.id), reverse=True)


def task_named(caller: Caller, name: UUID, *, now: datetime | None = None) -> HandoffTask:
    """One hand-off by the id of its offer.

    Raises:
        NotVisibleError: there is none, or none of a course that is tied to the system. RefusedError: as `tasks_of`.
    """
    now = now or clock.now()
    organisation = caller.client.organisation_id
    with scope.acting_for(organisation):
        tied = caller.client.links.filter(ended_at__isnull=True).values("course")
        mine = Course.objects.filter(organisation_id=organisation, pk__in=tied)
        course = mine.filter(events__id=name, events__kind="handoff_offered").first()
        found = [] if course is None else [each for each in _told(course, now) if each.loop.id == str(name)]
    if course is None or not found:
        raise NotVisibleError("There is no such task.")
    log_look(course, READ, client=caller.client, now=now)
    return found[0]


def _told(course: Course, now: datetime) -> list[HandoffTask]:
    try:
        history = History.build(wire.header(course), wire.facts_of(course, with_pages=False)).until(now)
    except UnusableInput as error:
        raise RefusedError(f"The facts of the course cannot be read: {error.message}", code="unreadable") from error
    found = loops(history)
    parties = _parties(each for loop in found for each in (loop.offered.body.from_party, loop.offered.body.to_party))
    people = _people(course, found)
    sealed = {str(each) for each in PacketVersion.objects.filter(course=course).values_list("pk", flat=True)}
    return [
        HandoffTask(
            loop=loop,
            patient_id=course.patient_id,
            sender=_party(loop.offered.body.from_party, parties),
            receiver=_party(loop.offered.body.to_party, parties),
            reader=_person(loop.read.body.reader if loop.read else None, people),
            accepted_by=_person(loop.accepted.body.accepted_by if loop.accepted else None, people),
            packet=UUID(loop.offered.body.packet) if loop.offered.body.packet in sealed else None,
            said_by={
                each.id: Named(
                    id=each.by.id, name=people[each.by.id].name if each.by.id in people else "", account=True
                )
                for each in loop.not_known
                if each.by is not None and each.by.id
            },
            changed_at=_changed(loop),
        )
        for loop in found
    ]


def _changed(loop: Loop) -> datetime:
    facts = (loop.offered, loop.delivered, loop.read, loop.accepted, loop.ended)
    asked = (fact for question in loop.questions for fact in (question.asked, question.answer))
    times = [fact.at for fact in (*facts, *asked, *loop.not_known) if fact is not None]
    return max([*times, *([loop.first_dose_at] if loop.first_dose_at is not None else [])])


def _parties(ids: Iterable[str | None]) -> dict[str, str]:
    return {str(each.pk): each.name for each in Organisation.objects.filter(pk__in=_uuids(ids))}


def _party(name: str | None, known: dict[str, str]) -> Party | None:
    return None if name is None else Party(id=name, name=known.get(name, ""))


def _people(course: Course, found: Sequence[Loop]) -> dict[str, Named]:
    """Who read, who accepted and who said what is not known: somebody with an account, or who came without one."""
    ids = [loop.read.body.reader for loop in found if loop.read is not None]
    ids += [loop.accepted.body.accepted_by for loop in found if loop.accepted is not None]
    ids += [each.by.id for loop in found for each in loop.not_known if each.by is not None]
    keys = _uuids(ids)
    without = HandoffPerson.objects.filter(course=course, pk__in=keys)
    people = {str(each.pk): Named(id=str(each.pk), name=each.name, account=False) for each in without}
    users = User.objects.filter(pk__in=keys)
    return {**people, **{str(each.pk): Named(id=str(each.pk), name=each.name, account=True) for each in users}}


def _person(name: str | None, known: dict[str, Named]) -> Named | None:
    return None if name is None else known.get(name, Named(id=name, name="", account=False))


def _uuids(ids: Iterable[str | None]) -> list[UUID]:
    found = []
    for each in ids:
        try:
            found.append(UUID(each or ""))
        except ValueError:
            continue
    return found
