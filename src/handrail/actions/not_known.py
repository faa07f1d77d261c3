"""Before a packet leaves on purpose, somebody who treats the patient looks at what is empty in it, and says so.

The word is a fact of the course (`not_known_said`): who, when, and of which fields. It is asked with a hand-off, when a version is sealed,
for a health link, and before a person takes the file or the paper of a version along. It is never asked in an emergency, of whoever
reads what was shared with them, and of a system: those read the fields as not known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from handrail import clock
from handrail.actions import packets
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import locked, record
from handrail.people import permissions, scope
from handrail.records import wire
from handrail.records.models import Course, CourseAccess, PacketVersion
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.not_known import said_of_version, unfilled_in, unsaid
from handrail.rules.packet_parts import Field
from handrail.rules.terms import UnusableInput

SAY: Final = packets.READ
SAY_SO: Final = "Fill these in, or say that they go out as not known."
PATH: Final = "not_known"
CODE: Final = "not_known_unsaid"
TREATS: Final = ("membership", CourseAccess.Purpose.CO_MANAGEMENT.value)
"""The ways to a course of those who send it on, and do not only read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is empty in a sealed version, and what was said of it, the oldest word first."""

    empty: tuple[Field, ...] = ()
    said: tuple[Event, ...] = ()

    @property
    def unsaid(self) -> tuple[Field, ...]:
        """What is empty and nobody has said so."""
        return unsaid(self.empty, self.said)


def standing_of(row: PacketVersion, now: datetime) -> Standing:
    """What stands of a version. The caller has asked who may read it.

    Raises:
        RefusedError: its content is not what was sealed.
    """
    empty = unfilled_in(packets.body_of(row))
    if not empty:
        return Standing()
    course = row.course
    try:
        history = History.build(wire.header(course), wire.facts_of(course, with_pages=False)).until(now)
    except UnusableInput:  # what cannot be read was said by nobody
        return Standing(empty=empty)
    return Standing(empty=empty, said=said_of_version(history, str(row.pk), row.made_at))


def asked(by: Actor, course: Course, now: datetime) -> bool:
    """Whether this actor is asked: a person of an organisation that treats the patient, not one with whom the course was only shared."""
    ways = permissions.reach(by.user, course, now) if by.user is not None else []
    return any(way.through in TREATS for way in ways)


def word(
    fields: Sequence[Field], now: datetime, *, handoff: UUID | None = None, packet: UUID | None = None
) -> dict[str, Any]:
    """The fact that somebody says of these fields that they leave as not known, in wire form."""
    about = {"handoff": handoff, "packet": packet}
    return {
        "id": str(uuid4()),
        "kind": "not_known_said",
        "at": now.isoformat(),
        "fields": [each.key for each in fields],
        "labels": [each.label for each in fields],
        **{name: str(value) for name, value in about.items() if value is not None},
    }


def refuse_unsaid(missing: Sequence[Field]) -> None:
    """Refuse what would leave while nobody has said of each of these that it is not known.

    Raises:
        RefusedError: there is one.
    """
    if missing:
        raise RefusedError(SAY_SO, code=CODE, path=PATH)


def say(course_id: UUID, number: int, keys: Collection[str], *, by: Actor, now: datetime | None = None) -> Standing:
    """Say of a sealed version that what is empty in it leaves as not known; nothing is written where it was said before.

    Args:
        keys: the fields as they were shown.

    Raises:
        NotVisibleError: no such version for this actor; NotAllowedError: the course was only shared with them.
        RefusedError: a field is empty that is not among these, or the content is not what was sealed.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(SAY, course, now)
        row = course.packets.select_related("content").filter(number=number).first()
        if row is None:
            raise NotVisibleError("There is no such packet.")
        say_of(row, keys, by=by, now=now)
        return standing_of(row, now)


def seal_looked(course_id: UUID, keys: Collection[str], *, by: Actor, now: datetime | None = None) -> PacketVersion:
    """Seal the packet as it stands, for whoever looked at what is empty in it; all or nothing.

    Raises:
        RefusedError: a field is empty that is not among these, or as `packets.seal`.
    """
    now = now or clock.now()
    with locked(course_id, by, now):
        row = packets.seal(course_id, by=by, now=now)
        say_of(row, keys, by=by, now=now)
        return row


def say_of(row: PacketVersion, keys: Collection[str], *, by: Actor, now: datetime) -> None:
    """As `say`, of a version of a course that is locked, and whose caller has asked what this actor may do."""
    missing = standing_of(row, now).unsaid
    if not missing:
        return
    if not asked(by, row.course, now):
        raise NotAllowedError("That is for those who treat the patient.")
    refuse_unsaid([each for each in missing if each.key not in keys])
    record(row.course_id, word(missing, now, packet=row.pk), by=by, verbs=(SAY,), now=now)


def hold_back(version_id: UUID, *, by: Actor, now: datetime | None = None) -> None:
    """Refuse a person who would take a version along of which nobody has said what leaves as not known.

    A version that is not there for this actor is passed over: whoever opens it refuses it.

    Raises:
        RefusedError: it has not been said, and this actor is asked.
    """
    now = now or clock.now()
    if by.user is None:
        return
    with scope.acting_for(*by.organisations(now)):
        row = PacketVersion.objects.select_related("course", "content").filter(pk=version_id).first()
        if row is not None and permissions.may(by.user, SAY, row.course, now) and asked(by, row.course, now):
            refuse_unsaid(standing_of(row, now).unsaid)
