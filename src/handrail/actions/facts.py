"""Recording, correcting and withdrawing facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.recording import Recorded, counted, locked, record, record_together
from handrail.people.permissions import VERB_FOR_KIND
from handrail.records.models import Event
from handrail.rules.handoff_events import HANDOFF

NEVER_CHANGED: Final = ("course_started", "fact_withdrawn", "call_back_asked", "not_known_said")
"""Kinds that nobody corrects or withdraws. An ask for a call back is settled by the call alone: asked by mistake, it is called too.
What was said to leave as not known has left."""


def record_event(course_id: UUID, data: Mapping[str, Any], *, by: Actor, now: datetime | None = None) -> Recorded:
    """Record what happened, in the wire form of the course file (`id`, `kind`, `at`, the fields of the kind, …).

    The id comes from the sender: the same event again is answered like the first time, other content under it is refused.

    Raises:
        RefusedError, ConflictError, NotVisibleError, NotAllowedError: with a sentence to show; nothing was changed.
    """
    return record(course_id, data, by=by, verbs=_verbs(data), now=now or clock.now())


def record_events(
    course_id: UUID, events: Sequence[Mapping[str, Any]], *, by: Actor, now: datetime | None = None
) -> list[Recorded]:
    """Record several events of a course, all or none, each like `record_event`; the course is judged once, with all of them.

    Raises:
        ActionError: as `record_event`; `fact` says which of them. Nothing was changed.
    """
    facts = []
    for number, data in enumerate(events):
        with counted(number):
            facts.append((data, _verbs(data)))
    return record_together(course_id, facts, by=by, now=now or clock.now())


def _verbs(data: Mapping[str, Any]) -> tuple[str, ...]:
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in VERB_FOR_KIND:
        raise RefusedError("There is no event kind of that name.", code="unknown_kind", path="event.kind")
    if kind == "course_started":
        raise RefusedError("A course starts once.", code="unknown_kind", path="event.kind")
    if kind in HANDOFF and (kind != "accountability_moved" or data.get("handoff") is not None):
        raise RefusedError("A hand-off has a page of its own for that.", code="unknown_kind", path="event.kind")
    return (VERB_FOR_KIND[kind],)


def receive_checkin(course_id: UUID, data: Mapping[str, Any], *, by: Actor, now: datetime | None = None) -> Recorded:
    """Record what a patient or caregiver reports; `id` is made by the phone, so a repeated Send is harmless.

    Implausible readings are kept, marked in the event and count as not known.
    """
    return record_event(course_id, {**data, "kind": "checkin_received"}, by=by, now=now)


def correct_event(
    course_id: UUID,
    event_id: UUID,
    data: Mapping[str, Any],
    *,
    reason: str,
    by: Actor,
    now: datetime | None = None,
) -> Recorded:
    """Replace a fact by a whole new one of the same kind, with a reason; the old one stays on record.

    Raises:
        RefusedError: no reason, another kind, or no such event in this course.
    """
    at = now or clock.now()
    former = _former(course_id, event_id, by, at)
    if data.get("kind", former.kind) != former.kind:
        raise RefusedError("A correction is of the same kind.", code="unknown_kind", path="event.kind")
    body = {**data, "kind": former.kind, "supersedes": str(event_id), "reason": _reason(reason)}
    if former.kind == "departure_signed":
        body["reason"] = data.get("reason", former.payload.get("reason"))  # this kind has a reason of its own
    return record(course_id, body, by=by, verbs=(VERB_FOR_KIND[former.kind], "correct_event"), now=at)


def withdraw_event(
    course_id: UUID,
    event_id: UUID,
    *,
    reason: str,
    by: Actor,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Say, with a reason, that a fact never was; it stays on record, crossed out."""
    at = now or clock.now()
    former = _former(course_id, event_id, by, at)
    body = {
        "id": str(id or uuid4()),
        "kind": "fact_withdrawn",
        "at": at.isoformat(),
        "supersedes": str(event_id),
        "reason": _reason(reason),
    }
    return record(course_id, body, by=by, verbs=(VERB_FOR_KIND[former.kind], "correct_event"), now=at)


def _former(course_id: UUID, event_id: UUID, by: Actor, now: datetime) -> Event:
    with locked(course_id, by, now) as course:
        by.role_for("correct_event", course, now)
        former = course.events.filter(id=event_id).first()
    if former is None:
        raise NotVisibleError("There is no such event in this course.")
    if former.kind not in VERB_FOR_KIND or former.kind in NEVER_CHANGED:
        raise RefusedError("That kind of event cannot be corrected or withdrawn.", code="unknown_kind")
    return former


def _reason(text: str) -> str:
    if not text.strip():
        raise RefusedError("A correction needs a reason.", code="missing_key", path="event.reason")
    return text.strip()
