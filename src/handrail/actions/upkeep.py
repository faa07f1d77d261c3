"""What the watcher and the nightly jobs do: look again, rebuild what is cached, compare, and renew encryption."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import service
from handrail.actions.recording import Settled, could_not_assess, locked, settle
from handrail.actions.written import A_MOMENT
from handrail.alerts.lines import renew_line
from handrail.alerts.models import Dispatch
from handrail.alerts.texts_models import TextReceived
from handrail.people import secrets
from handrail.people.models import (
    CarePlace,
    Contact,
    ContactPoint,
    DocumentKey,
    EmergencyCard,
    HealthLink,
    Patient,
    Referral,
)
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.accountability import context_of
from handrail.records.models import Course, Document, ExportFile, HandoffDoor, HandoffPerson, StayPerson
from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.history import History
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.quiet import quiet_until
from handrail.rules.terms import UnusableInput

log = logging.getLogger(__name__)
_BATCH = 50


def reassess(course_id: UUID, *, now: datetime | None = None, by: str = "watcher") -> Settled:
    """Assess a course again because time has passed: the alerts follow, and the next look is stored.

    Never raises for facts that cannot be assessed: somebody is called to look, and the watcher tries again.

    Raises:
        NotVisibleError: there is no such course.
    """
    now = now or clock.now()
    with locked(course_id, service(by), now) as course:
        try:
            with transaction.atomic():
                return settle(course, now)
        except UnusableInput as error:
            log.warning("course %s cannot be assessed: %s", course.pk, error.code)
            return could_not_assess(course, now)


def rebuild(course_id: UUID, *, now: datetime | None = None) -> Settled:
    """Recompute everything that is cached about a course from its events."""
    return reassess(course_id, now=now, by="rebuild")


@dataclass(frozen=True, slots=True)
class Difference:
    """A course whose stored answer is not what its events say."""

    course_id: UUID
    what: str


def verify_cache() -> Iterator[Difference]:
    """Compare the stored answer of every course with one computed anew for the same instant. Changes nothing."""
    with everything():
        ids = list(Course.objects.order_by("pk").values_list("pk", flat=True))
    for course_id in ids:
        with transaction.atomic(), everything():
            course = Course.objects.get(pk=course_id)
            difference = _difference(course)
        if difference:
            yield Difference(course_id, difference)


def _difference(course: Course) -> str:
    if course.assessed_at is None or course.assessment is None:
        return "was never assessed"
    try:
        answer, history = _answer_at(course, course.assessed_at)
    except UnusableInput as error:
        return f"cannot be assessed: {error.code}"
    anew: dict[str, Any] = answer.to_json()
    differs = sorted(k for k in anew if anew[k] != course.assessment.get(k))
    if course.quiet_until not in (None, quiet_until(answer, history)):
        differs.append("quiet_until")
    return f"differs in {', '.join(differs)}" if differs else ""


def _answer_at(course: Course, at: datetime) -> tuple[Assessment, History]:
    facts = [fact for fact in wire.facts_of(course, with_pages=False) if fact.recorded_at < at + A_MOMENT]
    first = History.build(wire.header(course), facts)
    policy = policy_for(first, at)
    history = History.build(first.course, first.recorded, policy.plausible)
    return assess(protocol_for(history, at), policy, history, at, context=context_of(course, at)), history


def rotate_keys() -> dict[str, int]:
    """Bring every encrypted value under the newest key and renew the look-up hashes. Returns how many rows of each kind.

    Small transactions with nothing locked in between, so that people can work meanwhile; it may be run again at any time.
    """
    kinds = (
        ("patients", Patient),
        ("contacts", Contact),
        ("contact points", ContactPoint),
        ("dispatches", Dispatch),
        ("texts", TextReceived),
        ("cards", EmergencyCard),
        ("health links", HealthLink),
        ("document keys", DocumentKey),
        ("hand-off doors", HandoffDoor),
        ("hand-off people", HandoffPerson),
        ("people at hospitals", StayPerson),
        ("care places", CarePlace),
        ("referrals", Referral),
    )
    sealed: tuple[tuple[str, type[Document | ExportFile]], ...] = (
        ("documents", Document),
        ("export files", ExportFile),
    )
    counts = dict.fromkeys([*(name for name, _ in kinds), "text lines", *(name for name, _ in sealed)], 0)
    with everything():
        for name, model in kinds:
            for chunk in _chunks(list(model.objects.order_by("pk").values_list("pk", flat=True))):
                with transaction.atomic():
                    for row in model.objects.select_for_update().filter(pk__in=chunk):
                        row.save()  # reads with any key, writes with the first
                        counts[name] += 1
                        if isinstance(row, Patient | Contact) and row.phone:
                            counts["text lines"] += renew_line(row.organisation_id, row.phone)
        for name, holder in sealed:
            for key in list(holder.objects.order_by("pk").values_list("pk", flat=True)):
                with transaction.atomic():  # one at a time: each is large
                    for each in holder.objects.select_for_update().filter(pk=key):
                        each.sealed = secrets.rotate(bytes(each.sealed))
                        each.save(update_fields=["sealed"])
                        counts[name] += 1
    return counts


def _chunks(ids: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
