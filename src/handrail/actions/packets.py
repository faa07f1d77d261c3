"""The packet of a course: made from its facts whenever somebody reads it, and sealed as a numbered version when it is to be sent.

A version that was sealed is kept as it was, encrypted; the same facts sealed again are the same version, so that a repeated transfer is
no second one. What changed is told against a version by its number: which one somebody opened last is known from the log of looks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.packet_around import around_of, who_of
from handrail.actions.recording import locked
from handrail.people import scope
from handrail.people.models import LinkToken
from handrail.people.secrets import UndecryptableError, decrypt, encrypt
from handrail.records import wire
from handrail.records.accountability import context_of
from handrail.records.content import TEXT
from handrail.records.models import Course, Document, PacketVersion
from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.history import History
from handrail.rules.not_known import unfilled
from handrail.rules.packet import packet
from handrail.rules.packet_parts import Change, Field, Packet, packet_changes
from handrail.rules.pinned import protocol_for
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.terms import UnusableInput

SEAL: Final = "offer_handoff"
READ: Final = "view_identity"
READ_THROUGH_LINK: Final = {
    LinkToken.Purpose.HANDOFF.value: "take_part_in_handoff",
    LinkToken.Purpose.HEALTH_LINK.value: "read_packet",
}
"""By the purpose of the link; no other one reads a packet."""
READ_BY_SYSTEM: Final = "read_packet"
KIND: Final = "packet"
LOOK: Final = "packet version "
"""A look at a sealed version, followed by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A sealed version with what it says, as it was written out."""

    row: PacketVersion
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"Sealed({self.row!r})"  # what it says never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A course with what the rules say of it at an instant."""

    protocol: Protocol
    policy: Policy
    history: History
    answer: Assessment


def judged(course: Course, now: datetime) -> Judged:
    """What the rules say of a course. The caller has asked who may read it.

    Raises:
        RefusedError: they cannot judge it, so that nothing of it can be vouched for.
    """
    try:
        history, policy = wire.history_of(course, now)
        protocol = protocol_for(history, now)
        answer = assess(protocol, policy, history, now, context=context_of(course, now))
    except UnusableInput as error:
        raise RefusedError(f"No packet can be made of this course: {error.message}", code=error.code) from error
    return Judged(protocol=protocol, policy=policy, history=history, answer=answer)


def packet_of(course: Course, now: datetime) -> Packet:
    """The packet of a course at an instant. The caller has asked who may read it.

    Raises:
        RefusedError: the rules cannot judge the course, so that nothing of it can be vouched for.
    """
    said = judged(course, now)
    who, around = who_of(course), around_of(course, now)
    return packet(said.protocol, said.policy, said.history, said.answer, who=who, around=around)


def unfilled_of(course: Course, now: datetime) -> tuple[Field, ...]:
    """What no receiving side can do without and nobody has filled in; nothing of a course that the rules cannot judge: it has no packet."""
    try:
        return unfilled(packet_of(course, now))
    except RefusedError:
        return ()


def seal(course_id: UUID, *, by: Actor, now: datetime | None = None) -> PacketVersion:
    """Keep the packet as it is now as a version with a number. With nothing changed since the last one: that one again.

    Raises:
        RefusedError: the rules cannot judge the course; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(SEAL, course, now)
        made = packet_of(course, now)
        last = course.packets.order_by("-number").first()
        if last is not None and last.sha256 == made.sha256:
            return last
        return PacketVersion.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            number=last.number + 1 if last is not None else 1,
            sha256=made.sha256,
            content=_keep(course, made, by, now),
            made_at=now,
            made_by=by.user,
        )


def versions(course: Course) -> list[PacketVersion]:
    """The sealed versions of a course, the newest first. The caller has asked who may read them."""
    return list(course.packets.select_related("made_by").order_by("-number"))


def open_version(course_id: UUID, number: int, *, by: Actor, now: datetime | None = None) -> Sealed:
    """A sealed version with what it says; the look is logged.

    Raises:
        NotVisibleError: no such version for this actor; RefusedError: the stored content is not what was sealed.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        course = Course.objects.filter(pk=course_id).first()
        if course is None:
            raise NotVisibleError("There is no such packet.")
        by.role_for(_verb(by), course, now)
        row = course.packets.select_related("content", "made_by").filter(number=number).first()
        if row is None:
            raise NotVisibleError("There is no such packet.")
        sealed = Sealed(row=row, body=body_of(row))
    log_look(course, f"{LOOK}{number}", user=by.user, link=by.link, client=by.client, now=now)
    return sealed


def rendering(
    version_id: UUID, form: str, make: Callable[[Sealed], bytes], *, by: Actor, now: datetime | None = None
) -> tuple[Sealed, bytes]:
    """A sealed version in another form, byte for byte as it was made first; the look is logged.

    Args:
        form: the name of the form; make: writes it, when nobody has asked for it before.

    Raises:
        NotVisibleError: no such version for this actor; RefusedError: the stored content is not what was sealed.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        found = PacketVersion.objects.filter(pk=version_id).values_list("course", "number").first()
    if found is None:
        raise NotVisibleError("There is no such packet.")
    sealed = open_version(found[0], found[1], by=by, now=now)
    kind, title = f"{KIND}_{form}", str(version_id)
    with scope.acting_for(*by.organisations(now)):
        kept = Document.objects.filter(course_id=found[0], kind=kind, title=title).first()
    if kept is not None:  # read most of the time, and nobody who records waits for a reader
        return sealed, unseal(kept)
    with locked(found[0], by, now) as course:
        former = course.documents.filter(kind=kind, title=title).first()
        kept = former or keep(course, make(sealed), kind=kind, title=title, by=by, now=now)
        return sealed, unseal(kept)


def last_opened(course: Course, *, by: Actor, before: int | None = None) -> int | None:
    """The newest version that this reader has opened, before a number if one is given; None for none."""
    mine = Q(user=by.user) if by.user is not None else Q(user__isnull=True, link=by.link.pk if by.link else None)
    looks = course.looks.filter(mine, what__startswith=LOOK).values_list("what", flat=True).distinct()
    numbers = {int(what.removeprefix(LOOK)) for what in looks}
    return max((number for number in numbers if before is None or number < before), default=None)


def changes_since(course: Course, number: int, now_body: dict[str, Any]) -> tuple[Change, ...]:
    """What changed since a version, by its number. The caller has asked who may read it.

    Raises:
        NotVisibleError: there is no such version; RefusedError: its content is not what was sealed.
    """
    row = course.packets.select_related("content").filter(number=number).first()
    if row is None:
        raise NotVisibleError("There is no such packet.")
    return packet_changes(body_of(row), now_body)


def _verb(by: Actor) -> str:
    """What a reader of this kind must be allowed to do."""
    if by.client is not None:
        return READ_BY_SYSTEM
    return READ if by.link is None else READ_THROUGH_LINK.get(by.link.purpose, READ)


def _keep(course: Course, made: Packet, by: Actor, now: datetime) -> Document:
    content = json.dumps(made.to_json(), ensure_ascii=False, sort_keys=True).encode()
    return keep(course, content, kind=KIND, title=made.sha256, by=by, now=now)


def keep(course: Course, content: bytes, *, kind: str, title: str, by: Actor, now: datetime) -> Document:
    """Keep bytes of a packet with its course, encrypted; the same bytes again are the same document."""
    sha256 = hashlib.sha256(content).hexdigest()
    former = course.documents.filter(sha256=sha256).first()
    return former or Document.objects.create(
        organisation_id=course.organisation_id,
        course=course,
        title=title,
        kind=kind,
        content_type=TEXT,
        size_bytes=len(content),
        sha256=sha256,
        sealed=encrypt(content),
        stored_at=now,
        stored_by=by.user,
    )


def unseal(document: Document) -> bytes:
    """The bytes that were kept.

    Raises:
        RefusedError: they are not what was kept, or no key of this installation opens them.
    """
    try:
        content = decrypt(bytes(document.sealed))
    except UndecryptableError:  # changed in its sealed form, or its key is gone: nobody can say which
        raise RefusedError("The stored packet cannot be decrypted.", code="document_unreadable") from None
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise RefusedError("The stored packet was changed.", code="document_changed")
    return content


def body_of(row: PacketVersion) -> dict[str, Any]:
    """What a sealed version says. The caller has asked who may read it, and writes the look.

    Raises:
        RefusedError: the stored content is not what was sealed.
    """
    body: dict[str, Any] = json.loads(unseal(row.content))
    return body
