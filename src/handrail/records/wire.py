"""Between the rows and the course file: what the rules read, and what an export writes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from handrail.records.models import Course, Event
from handrail.rules import coursefile
from handrail.rules.coursefile import Facts
from handrail.rules.events import SHELL_KINDS
from handrail.rules.events import Event as Fact
from handrail.rules.history import History
from handrail.rules.pinned import pinned_policy, policy_for
from handrail.rules.policy import Policy

HEADER: Final = (
    "product",
    "jurisdiction",
    "time_zone",
    "protocol_key",
    "schedule",
    "policy_id",
    "policy_sha256",
    "policy_document",
    "synthetic",
    "overlays",
    "facts",
    "context",
)
"""The columns of a course that `header` reads, beside its id."""
FACT: Final = (
    "id",
    "kind",
    "version",
    "payload",
    "occurred_at",
    "recorded_at",
    "zone",
    "role",
    "by",
    "source",
    "site",
    "reason",
    "supersedes",
)
"""The columns of an event that `to_fact` reads: a row of these by name is read as an event is."""


def to_wire(row: Event) -> dict[str, Any]:
    """A stored event in the wire form of the course file."""
    wire: dict[str, Any] = {
        "id": str(row.id),
        "kind": row.kind,
        "version": row.version,
        "at": row.occurred_at.isoformat(),
        "recorded_at": row.recorded_at.isoformat(),
        "zone": row.zone,
    }
    if row.role:
        wire["by"] = {"role": row.role, "id": row.by or None}
    for name in ("source", "site", "reason"):
        if value := getattr(row, name):
            wire[name] = value
    if row.supersedes:
        wire["supersedes"] = str(row.supersedes)
    return wire | row.payload


def to_fact(row: Event) -> Fact:
    """A stored event as the rules read it."""
    return coursefile.event_from_json(to_wire(row), zone=row.zone)


def to_row(fact: Fact, course: Course, *, on_behalf_of: str = "") -> Event:
    """An unsaved row for a fact of a course."""
    return Event(
        id=UUID(fact.id),
        organisation_id=course.organisation_id,
        course=course,
        kind=fact.kind,
        version=fact.version,
        payload=coursefile.payload_to_json(fact),
        occurred_at=fact.at,
        recorded_at=fact.recorded_at,
        zone=fact.zone,
        site=fact.site or "",
        role=fact.by.role if fact.by else "",
        by=(fact.by.id or "") if fact.by else "",
        on_behalf_of=on_behalf_of,
        source=fact.source or "",
        supersedes=UUID(fact.supersedes) if fact.supersedes else None,
        reason=fact.reason or "",
    )


def header(course: Course) -> coursefile.Course:
    """The course as the rules know it, without its events."""
    policy: Any = course.policy_document or {"id": course.policy_id, "sha256": course.policy_sha256}
    return coursefile.Course(
        id=str(course.pk),
        product=course.product,
        jurisdiction=course.jurisdiction,
        time_zone=course.time_zone,
        protocol_key=course.protocol_key,
        schedule=course.schedule or None,
        policy=policy,
        synthetic=course.synthetic,
        overlays=tuple(course.overlays),
        facts=Facts(**course.facts),
        context=course.context,
    )


def facts_of(course: Course, *, with_pages: bool = True) -> tuple[Fact, ...]:
    """Every event of a course, oldest first; without what the shell wrote about its pages when the rules ask."""
    rows = course.events.order_by(*Event.ORDER)
    if not with_pages:
        rows = rows.exclude(kind__in=SHELL_KINDS)
    return tuple(to_fact(row) for row in rows)


def history_of(course: Course, now: datetime) -> tuple[History, Policy]:
    """The history of a course with the limits of the policy in force at `now`, and that policy.

    Raises:
        UnusableInput: corrections in a circle, or a policy that is not here.
    """
    first = History.build(header(course), facts_of(course, with_pages=False))
    policy = policy_for(first, now)
    return History.build(first.course, first.recorded, policy.plausible), policy


def policy_of(course: Course, now: datetime) -> Policy:
    """The policy in force for a course at `now`, read without the rest of its events."""
    return policy_for(_policy_history(course), now)


def policy_document_of(course: Course, now: datetime) -> Any:
    """What names the policy in force for a course: `{id, sha256}` of a shipped one, or the whole document."""
    return pinned_policy(_policy_history(course), now)[0]


def _policy_history(course: Course) -> History:
    rows = course.events.filter(kind__in=("policy_changed", "fact_withdrawn"))
    return History.build(header(course), [to_fact(row) for row in rows])


def course_file(course: Course) -> dict[str, Any]:
    """The whole course as a course file (`handrail-course/1`): no identity, replays anywhere."""
    return course_file_of(course, course.events.order_by(*Event.ORDER))


def course_file_of(course: Course, rows: Iterable[Event]) -> dict[str, Any]:
    """The same from events that were read already."""
    return coursefile.course_to_json(replace(header(course), events=tuple(to_fact(row) for row in rows)))
