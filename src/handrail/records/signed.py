"""What an organisation has signed, and which of its courses carry something else."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from handrail.people import scope
from handrail.records import wire
from handrail.records.models import Course, Event, ProtocolSignature
from handrail.rules.history import History
from handrail.rules.pinned import key_for, overlays_for

_KINDS = ("protocol_changed", "fact_withdrawn")


def in_force(organisation_id: UUID, protocol_key: str) -> ProtocolSignature | None:
    """The signature of an organisation for a protocol, also for somebody of another one who works on its course."""
    with scope.everything():
        return ProtocolSignature.objects.filter(
            organisation_id=organisation_id, protocol_key=protocol_key, revoked_at__isnull=True
        ).first()


def pinned_history(course: Course) -> History:
    """Only what pins the course: its header and the events that move it."""
    return _history(course, course.events.filter(kind__in=_KINDS))


def _history(course: Course, rows: Iterable[Event]) -> History:
    return History.build(wire.header(course), [wire.to_fact(row) for row in rows])


def not_on(signature: ProtocolSignature, courses: Iterable[Course], now: datetime) -> Iterator[Course]:
    """The running courses of the signature's protocol that carry another set of signed rows, or none."""
    running = [course for course in courses if course.ended_at is None]
    moved: dict[UUID, list[Event]] = {course.pk: [] for course in running}
    for row in Event.objects.filter(course__in=running, kind__in=_KINDS):
        moved[row.course_id].append(row)
    for course in running:
        history = _history(course, moved[course.pk])
        if key_for(history, now) == signature.protocol_key:
            carried = [each for each in overlays_for(history, now) if _is_for(each, signature)]
            if not any(each == signature.document for each in carried):
                yield course


def _is_for(overlay: object, signature: ProtocolSignature) -> bool:
    return isinstance(overlay, dict) and overlay.get("protocol_key") == signature.protocol_key
