"""Bringing a document of another system into a course: kept as it came, read for review, and applied fact by fact by a person.

Nothing in a document counts until somebody has said that it is about the same person and has chosen its facts. Whoever looks later sees
the document, what was taken from it, and what was not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.packets import keep, unseal
from handrail.actions.recording import locked
from handrail.people import permissions, scope
from handrail.people.permissions import VERB_FOR_KIND
from handrail.records import wire
from handrail.records.models import Course, ImportBatch, ImportDecision
from handrail.rules.foreign import (
    ForeignDocument,
    ForeignPerson,
    Placed,
    Review,
    UnreadableDocument,
    beside,
    compared,
    harms,
)
from handrail.rules.pinned import protocol_for
from handrail.rules.terms import UnusableInput

BRING: Final = "store_document"
READ: Final = "view_identity"
KIND: Final = "import"
LOOK: Final = "import "
"""A look at a document under review, followed by its id."""
MOST_AT_ONCE: Final = 200
"""Facts taken in one step: each is recorded, judged and may call somebody, one after the other."""

NOT_SAME: Final = (
    "Say that the document is about this patient: tick the sentence above the button. Nothing was changed."
)
WHY_SAME: Final = (
    "The document and the course differ about the person: write why it is the same person. Nothing was changed."
)
NONE_CHOSEN: Final = "Choose at least one fact, or dismiss the document. Nothing was changed."
TOO_MANY: Final = f"More than {MOST_AT_ONCE} facts are chosen: take fewer at once. Nothing was changed."
GONE: Final = "The record has changed since this page was opened: look at the document again. Nothing was changed."
NO_REASON: Final = "Write why the document is dismissed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A document that was brought. `new` False: the same bytes were there before, and this is that document again."""

    batch: ImportBatch
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was taken from a document: how many facts are new, how many were on record, and the sentence to show."""

    new: int
    known: int
    truth: str


def bring(course_id: UUID, content: bytes, *, title: str, by: Actor, now: datetime | None = None) -> Brought:
    """Keep a document with a course, encrypted, for review. The same bytes again are the same document; nothing is applied.

    Raises:
        RefusedError: it cannot be read, in one sentence, and nothing was kept; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(BRING, course, now)
        document = _read(course, content, now)
        sha256 = hashlib.sha256(content).hexdigest()
        former = course.imports.filter(sha256=sha256).first()
        if former is not None:
            return Brought(batch=former, new=False)
        kept = keep(course, content, kind=KIND, title=title.strip()[:200] or "document", by=by, now=now)
        batch = ImportBatch.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            content=kept,
            sha256=sha256,
            sender=document.sender[:300],
            received_at=now,
            received_by=by.user,
        )
        return Brought(batch=batch, new=True)


def batches(course: Course) -> list[ImportBatch]:
    """The documents that were brought, the newest first. The caller has asked who may read them."""
    related = ("content", "received_by")
    return list(course.imports.select_related(*related).order_by("-received_at", "id"))


def decisions(batch: ImportBatch) -> list[ImportDecision]:
    """What was decided about a document, the first first. The caller has asked who may read it."""
    return list(batch.decisions.select_related("decided_by").order_by("decided_at", "id"))


def review(course_id: UUID, batch_id: UUID, *, by: Actor, now: datetime | None = None) -> tuple[ImportBatch, Review]:
    """A document beside the record as it is now; the look is logged.

    Raises:
        NotVisibleError: the course has no such document; RefusedError: the stored bytes are not what was kept.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        course = Course.objects.select_related("patient").filter(pk=course_id).first()
        if course is None:
            raise NotVisibleError("There is no such document.")
        by.role_for(READ, course, now)
        batch = _batch(course, batch_id)
        found = _review(course, batch, now)
    log_look(course, f"{LOOK}{batch.pk}", user=by.user, link=by.link, now=now)
    return batch, found


def apply(
    course_id: UUID,
    batch_id: UUID,
    chosen: Collection[str],
    *,
    same_person: bool,
    by: Actor,
    reason: str = "",
    now: datetime | None = None,
) -> Applied:
    """Record the chosen facts of a document, all of them or none, each with where it came from.

    Args:
        chosen: ids of facts, as the review names them; one that is on record already is left as it is.
        same_person: the person who acts says that the document is about this patient.
        reason: why it is the same person although the two differ.

    Raises:
        RefusedError: with a sentence to show; nothing was changed.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(BRING, course, now)
        batch = _batch(course, batch_id)
        found = _review(course, batch, now)
        differs = list(found.differences)
        if not same_person:
            raise RefusedError(NOT_SAME, code="not_same", path="same_person")
        if differs and not reason.strip():
            raise RefusedError(WHY_SAME, code="missing_key", path="reason")
        wanted, known = _wanted(found, set(chosen))
        roles = {each.fact.kind: may_record(course, each.fact.kind, by, now) for each in wanted}
        marks = {"x_import": str(batch.pk), "x_from": batch.sender or None}
        truth = ""
        for each in sorted(wanted, key=lambda one: (one.fact.at, one.offer.id)):
            if not roles[each.fact.kind]:
                raise RefusedError(f"{_NOT_YOURS}: {each.offer.group}. Nothing was changed.", code="not_allowed")
            fact = {
                **each.offer.event,
                **{name: value for name, value in marks.items() if value},
                "x_entry": each.offer.entry,
            }
            truth = record_event(course.pk, fact, by=by, now=now).truth
        if wanted:
            _decide(
                batch,
                ImportDecision.Kind.APPLIED,
                by,
                now,
                events=sorted(each.offer.id for each in wanted),
                differs=differs,
                reason=reason.strip()[:500],
            )
        return Applied(new=len(wanted), known=known, truth=truth)


_NOT_YOURS: Final = "Your role may not record one of the chosen facts"


def dismiss(course_id: UUID, batch_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> ImportDecision:
    """Say, with a reason, that nothing (more) is taken from a document. It stays where it is.

    Raises:
        RefusedError: no reason.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(BRING, course, now)
        batch = _batch(course, batch_id)
        if not reason.strip():
            raise RefusedError(NO_REASON, code="missing_key", path="reason")
        return _decide(batch, ImportDecision.Kind.DISMISSED, by, now, reason=reason.strip()[:500])


def may_record(course: Course, kind: str, by: Actor, now: datetime) -> bool:
    """Whether an actor may record a kind of fact in a course: what the review lets them choose."""
    return by.user is None or permissions.may(by.user, VERB_FOR_KIND[kind], course, now)


def _wanted(found: Review, chosen: set[str]) -> tuple[list[Placed], int]:
    """The chosen facts that are not on record, and how many are."""
    by_id = {each.offer.id: each for each in found.placed}
    if not chosen:
        raise RefusedError(NONE_CHOSEN, code="missing_key", path="fact")
    if not chosen <= set(by_id):
        raise RefusedError(GONE, code="changed", path="fact")
    wanted = [by_id[each] for each in chosen if by_id[each].may]
    if len(wanted) > MOST_AT_ONCE:
        raise RefusedError(TOO_MANY, code="too_many", path="fact")
    return wanted, len(chosen) - len(wanted)


def _decide(batch: ImportBatch, kind: str, by: Actor, now: datetime, **more: Any) -> ImportDecision:
    return ImportDecision.objects.create(
        organisation_id=batch.organisation_id,
        course_id=batch.course_id,
        batch=batch,
        kind=kind,
        decided_at=now,
        decided_by=by.user,
        **more,
    )


def _batch(course: Course, batch_id: UUID) -> ImportBatch:
    batch = course.imports.select_related("content", "received_by").filter(pk=batch_id).first()
    if batch is None:
        raise NotVisibleError("There is no such document.")
    return batch


def _read(course: Course, content: bytes, now: datetime) -> ForeignDocument:
    read: Callable[..., ForeignDocument] = import_string(settings.HANDRAIL_DOCUMENT_READER)
    try:
        return read(content, course_id=str(course.pk), zone=course.time_zone, now=now, product=course.product)
    except UnreadableDocument as error:
        message = f"{error.message} Nothing was kept."
        raise RefusedError(message, code="unreadable", path=error.path) from error


def _review(course: Course, batch: ImportBatch, now: datetime) -> Review:
    """The document, read as when it came, beside the record of this moment."""
    document = _read(course, unseal(batch.content), batch.received_at)
    try:
        history, _ = wire.history_of(course, now)
        label = protocol_for(history, now)
    except UnusableInput as error:
        raise RefusedError(f"The record cannot be judged: {error.message}", code=error.code) from error
    placed = beside(document.offers, history, course.time_zone)
    given = {row.agent for row in label.premedication}
    return Review(
        document=document,
        compared=compared(document.person, person_of(course)),
        placed=placed,
        harms=tuple(harms(document, placed, course.product, given)),
        read_at=now,
    )


def person_of(course: Course) -> ForeignPerson:
    """Who the course is about, to lay beside who a document is about."""
    patient = course.patient
    name = f"{patient.given_name} {patient.family_name}".strip()
    return ForeignPerson(
        names=(name,) if name else (),
        birth_date=patient.birth_date_text,
        sex=patient.sex,
        record_numbers=((patient.mrn_system, patient.mrn),) if patient.mrn else (),
    )
