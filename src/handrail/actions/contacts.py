"""What a call decided, and what the morning learns of it: the verbs of the page of an alert and of the course.

`record_event` keeps any call as it was. Here a decision is taken: "stays at home" where the policy does not allow it needs a departure
with a reason, signed by whoever takes it, and is never taken after RED-1 or RED-2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.recording import Recorded, locked
from handrail.rules.answer import PageWanted
from handrail.rules.triage import NEVER_STAYING_HOME, STAYING_HOME, stays_only_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was said on the phone. `reason`: why the patient stays at home although the policy does not allow it."""

    with_: str
    reached: bool
    outcome: str
    next_check_at: datetime | None = None
    reason: str = ""


def record_call(course_id: UUID, call: Call, *, event_id: UUID, by: Actor, now: datetime | None = None) -> Recorded:
    """Record a call and what was decided in it; a call that reached nobody lets the pages go on.

    Raises:
        RefusedError: the patient would stay at home after RED-1 or RED-2 (`never_at_home`), or against the policy and without a reason
        (`departure_needed`: the sentence says what is missing); NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    stays = call.reached and call.outcome == STAYING_HOME
    with transaction.atomic():
        if stays and call.reason.strip():
            record_event(course_id, _departure(call, event_id, by, now), by=by, now=now)
        recorded = record_event(course_id, _contact(call, event_id, now), by=by, now=now)
        refused = _refused_to_stay(recorded, event_id) if stays else None
        if refused is not None and refused.ladder in NEVER_STAYING_HOME:
            raise RefusedError(f"{refused.because.capitalize()}.", code="never_at_home", path="outcome")
        if refused is not None or (stays and not call.reason.strip() and _urgent(recorded)):
            because = refused.because if refused is not None else "the report stays open without a signed departure"
            message = f"Staying at home is not what the policy allows: {because}."
            raise RefusedError(message, code="departure_needed", path="reason")
        return recorded


def hand_back(
    course_id: UUID, call_id: UUID, what: str, *, event_id: UUID, by: Actor, now: datetime | None = None
) -> Recorded:
    """Write down what was handed back to the day team about one call of the night.

    Raises:
        RefusedError: nothing was written; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    if not what.strip():
        raise RefusedError("Write what was handed back.", code="missing_key", path="what")
    with locked(course_id, by, now) as course:
        if not course.events.filter(id=call_id, kind="contact_made").exists():
            raise RefusedError("This course has no such call.", code="unknown_call", path="contact")
    data = {
        "id": str(event_id),
        "kind": "handed_back",
        "at": now.isoformat(),
        "contact": str(call_id),
        "what": what.strip(),
    }
    return record_event(course_id, data, by=by, now=now)


def _contact(call: Call, event_id: UUID, now: datetime) -> Mapping[str, Any]:
    data: dict[str, Any] = {"id": str(event_id), "kind": "contact_made", "at": now.isoformat(), "channel": "phone"}
    data |= {"with": call.with_, "reached": call.reached, "outcome": call.outcome if call.reached else "none"}
    if call.reached and call.next_check_at is not None:
        data["next_check_at"] = call.next_check_at.isoformat()
    return data


def _departure(call: Call, event_id: UUID, by: Actor, now: datetime) -> Mapping[str, Any]:
    name = by.user.name if by.user is not None else ""
    return {
        "id": str(uuid5(event_id, "departure")),
        "kind": "departure_signed",
        "at": now.isoformat(),
        "rule": STAYING_HOME,
        "advised": "come in, or be admitted",
        "done": "stays at home",
        "reason": call.reason.strip(),
        "approver": name,
    }


def _refused_to_stay(recorded: Recorded, event_id: UUID) -> PageWanted | None:
    pages = recorded.assessment.pages if recorded.assessment is not None else ()
    return next((page for page in pages if page.key == f"staying_home:{event_id}"), None)


def _urgent(recorded: Recorded) -> bool:
    """Whether a report is still open after the call that staying at home answers only with a signature."""
    return recorded.assessment is not None and stays_only_signed(recorded.assessment.triage.ladder)
