"""What stands beside "I have it": the form of the call, putting off, handing over, and the calls of the night to hand back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from handrail.actions.holding import who_may_have
from handrail.alerts.models import Alert
from handrail.people.models import User
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules import handback
from handrail.rules.policy import load_policy
from handrail.rules.telling import sentence
from handrail.rules.terms import Ladder, UnusableInput, Urgency
from handrail.rules.triage import NEVER_STAYING_HOME
from handrail.web.forms import YES_NO, Field, Filled, Form, one
from handrail.web.words import local_time

STAYS: Final = ("staying_home", "Stays at home")
CALL: Final = Form(
    key="answer",
    title="What the call decided",
    verb="record_contact",
    events=one("contact_made"),
    fields=(
        Field(
            name="with",
            label="With",
            kind="choice",
            required=True,
            choices=(("patient", "Patient"), ("caregiver", "Caregiver"), ("ed", "Emergency department")),
        ),
        Field(name="reached", label="Reached?", kind="yes_no", choices=YES_NO[:2], required=True),
        Field(
            name="outcome",
            label="Decided",
            kind="choice",
            hint="Only when somebody was reached. A call that reached nobody lets the pages go on.",
            choices=(
                ("coming_in", "Comes in"),
                ("sent_to_ed", "Sent to the emergency department"),
                STAYS,
                ("none", "Nothing yet"),
            ),
        ),
        Field(
            name="next_check_at", label="Next check agreed for", kind="moment", hint="Clock time where the patient is."
        ),
        Field(
            name="reason",
            label="Why at home, although the policy does not allow it",
            kind="text",
            hint="Left empty unless you sign this departure. It carries your name and is counted.",
        ),
    ),
)


def call_form(alert: Alert, filled: Filled | None = None) -> dict[str, Any]:
    """The form of the call on the page of an alert; after RED-1 and RED-2 "stays at home" is no choice."""
    never = alert.ladder in NEVER_STAYING_HOME
    rows = (filled or Filled(form=CALL, typed={})).rows()
    if never:
        rows = [_without_staying(row) for row in rows if row["field"].name != "reason"]
    return {"call_rows": rows, "call_id": _id(filled), "call_bound": filled is not None}


def _id(filled: Filled | None) -> str:
    """The id that the form was sent with, so that the second try is the same call; else a new one."""
    typed = (filled.typed.get("id") or [""])[0] if filled is not None else ""
    return typed or str(uuid4())


def _without_staying(row: dict[str, Any]) -> dict[str, Any]:
    field: Field = row["field"]
    return {**row, "field": replace(field, choices=tuple(choice for choice in field.choices if choice != STAYS))}


def holding(alert: Alert, user: User, now: datetime, zone: str) -> dict[str, Any]:
    """What whoever looks may do with an alert beyond answering it."""
    mine = alert.acknowledged_by_id == user.pk
    free = alert.acknowledged_by_id is None
    most = _snooze(alert, now)
    asked = alert.handed_to
    return {
        "mine": mine,
        "put_off": most if most is not None and (mine or free) and alert.closed_at is None else None,
        "people": who_may_have(alert, now, besides=user) if mine and alert.closed_at is None else [],
        "asked": asked.name if asked is not None else "",
        "asked_me": asked is not None and asked.pk == user.pk,
        "until": local_time(alert.resume_at, zone) if alert.resume_at is not None else "",
    }


def _snooze(alert: Alert, now: datetime) -> int | None:
    if alert.course is None or Ladder(alert.ladder).urgency is Urgency.NOW:
        return None
    try:
        policy = wire.policy_of(alert.course, now)
    except UnusableInput:
        policy = load_policy()
    return policy.ladders[Ladder(alert.ladder)].snooze_minutes


def night_calls(course: Course, now: datetime) -> list[dict[str, Any]]:
    """The calls of the night that nobody has handed back, oldest first."""
    try:
        history, policy = wire.history_of(course, now)
    except UnusableInput:
        return []
    if policy.night is None or course.ended_at is not None:
        return []
    return [
        {
            "id": each.event.id,
            "at": local_time(each.event.at, course.time_zone),
            "words": sentence(each.event),
            "by": local_time(each.by, course.time_zone),
            "late": each.by <= now,
        }
        for each in handback.waiting(history.until(now), policy.night)
    ]
