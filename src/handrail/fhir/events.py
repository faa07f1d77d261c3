"""What was read, as events of a course file: weight, laboratory values, active conditions, each with a repeatable id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID, uuid5

from handrail.fhir.codes import WEIGHT
from handrail.fhir.reading import newer_unused
from handrail.fhir.record import PRELIMINARY, Condition, Measured, ReadRecord
from handrail.fhir.times import Precision, When
from handrail.rules.terms import civil_date, civil_instant

NAMESPACE: Final = UUID("6a1f3c52-0f0b-5a63-9c3f-3a6f6d1d6e11")
"""Namespace of the ids made here: the same fact of the same resource gives the same event, so a second import is harmless."""

NOON: Final = time(12, 0)
MIDNIGHT: Final = time(0, 0)
ACTIVE: Final = ("active", "recurrence", "relapse")
NOT_CERTAIN: Final = ("unconfirmed", "provisional", "differential")


def facts_of(record: ReadRecord) -> dict[str, Any]:
    """The facts of the person that carry no identity: `birth_year`, `sex`, `language`, those that are known."""
    found = {
        "birth_year": record.identity.birth_year,
        "sex": record.identity.gender,
        "language": record.identity.language,
    }
    return {name: value for name, value in found.items() if value is not None}


def to_events(
    record: ReadRecord,
    *,
    recorded_at: datetime,
    zone: str,
    course_id: str,
    by: Mapping[str, str] | None = None,
    labs: int | None = None,
) -> list[dict[str, Any]]:
    """The newest weight, the laboratory values and the active conditions in wire form, oldest first.

    A dated reading that is newer than every usable one of its kind and cannot be used becomes "asked, not known"
    (`null`), so that an older value does not pass for the latest; an implausible weight keeps its number and its mark.
    Resolved conditions, conditions without a day, and anything dated after `recorded_at` become no event: an import
    never says that a condition is absent. Nothing holds identity.

    Args:
        record: what was read.
        recorded_at: when the import happens, aware.
        zone: IANA zone for values dated by day only: they count from noon (from midnight while noon is still to come)
            and are marked `x_date_only`.
        course_id: the course they belong to; ids are derived from it and from the resource.
        by: who imports, `{"role", "id"}`; left out when None.
        labs: how many laboratory values at the most, the newest first; all when None.
    """
    weights = (*record.weights_kg[-1:], *newer_unused(record.unused, record.weights_kg, WEIGHT))
    values = record.labs[len(record.labs) - labs if labs is not None and labs < len(record.labs) else 0 :]
    writer = EventWriter(recorded_at=recorded_at, zone=zone, course_id=course_id, by=by)
    found = [
        *(writer.weight(item) for item in weights),
        *(writer.lab(item) for item in (*values, *_newest_unused_labs(record))),
        *(writer.condition(item) for item in record.conditions),
    ]
    once = {event["id"]: event for event in found if event is not None}
    return sorted(once.values(), key=lambda event: (datetime.fromisoformat(event["at"]), event["id"]))


def _newest_unused_labs(record: ReadRecord) -> Iterable[Measured]:
    facts = dict.fromkeys(item.fact for item in record.unused if item.fact != WEIGHT)
    for fact in facts:
        yield from newer_unused(record.unused, record.labs, fact)


class EventWriter:
    """Writes one event each; None for what has no usable time. Its id is made of the course, the resource and the content."""

    def __init__(self, *, recorded_at: datetime, zone: str, course_id: str, by: Mapping[str, str] | None) -> None:
        self.recorded_at = recorded_at
        self.zone = zone
        self.course_id = course_id
        self.by = by

    def weight(self, item: Measured) -> dict[str, Any] | None:
        """A weight; one that cannot be used is not known, and one that nobody can believe keeps its number and its mark."""
        body: dict[str, Any] = {"weight_kg": plain(item.value)}
        if item.problem is not None:
            body = {**body, "implausible": ["weight_kg"]} if item.implausible else {"weight_kg": None}
        return self.event("weight_measured", item.when, item.reference, body, _marks(item))

    def lab(self, item: Measured) -> dict[str, Any] | None:
        """A laboratory value, or a result in a word; one that cannot be used is not known."""
        body: dict[str, Any] = {"code": item.fact, "value": None}
        if item.problem is None and item.result is not None:
            body = {"code": item.fact, "result": item.result}
        elif item.problem is None:
            body = {"code": item.fact, "value": plain(item.value), "unit": item.unit}
            limits = {"low": item.low, "high": item.high}
            body |= {name: plain(value) for name, value in limits.items() if value is not None}
        return self.event("lab_resulted", item.when, item.reference, body, _marks(item))

    def condition(self, item: Condition) -> dict[str, Any] | None:
        """A condition that is there or may be; one that is over gives nothing."""
        if item.clinical_status is not None and item.clinical_status not in ACTIVE:
            return None
        certain = item.clinical_status is not None and item.verification not in NOT_CERTAIN
        body: dict[str, Any] = {"what": item.what.display, "active": True if certain else None}
        marks = {"x_system": item.what.system, "x_code": item.what.code}
        when = next((w for w in (item.onset, item.recorded) if w is not None and w.civil_date is not None), None)
        if when is not None and when is item.onset and when.precision is Precision.INSTANT:
            body["onset_at"] = when.earliest.isoformat()
        marks = {name: value for name, value in marks.items() if value}
        return self.event("condition_noted", when, item.reference, body, marks)

    def event(
        self, kind: str, when: When | None, reference: str, body: Mapping[str, Any], marks: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """An event of any kind; None when its day is not known or still to come."""
        at = self._instant(when)
        if at is None or when is None or at > self.recorded_at:
            return None
        content = {"kind": kind, "at": at.isoformat(), **body, **marks}
        if when.precision is not Precision.INSTANT:
            content["x_date_only"] = True
        return {**self._head(reference, content), **content}

    def note(self, words: str, when: When | None, reference: str, marks: Mapping[str, Any]) -> dict[str, Any]:
        """A note; without a usable day it is dated when it is recorded, and its id stays the same."""
        content = {"kind": "note_added", "text": words, **marks}
        at = self._instant(when)
        dated = at if at is not None and at <= self.recorded_at else self.recorded_at
        return {**self._head(reference, content), "at": dated.isoformat(), **content}

    def _head(self, reference: str, content: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{self.course_id}|{reference}|{json.dumps(content, sort_keys=True)}"
        head: dict[str, Any] = {
            "id": str(uuid5(NAMESPACE, name)),
            "version": 1,
            "recorded_at": self.recorded_at.isoformat(),
            "zone": self.zone,
            "source": "import",
        }
        if self.by is not None:
            head["by"] = dict(self.by)
        return head

    def _instant(self, when: When | None) -> datetime | None:
        if when is None or when.civil_date is None:
            return None
        if when.precision is Precision.INSTANT:
            return datetime.fromisoformat(when.text) if len(when.text) <= _MICROSECONDS else when.earliest
        noon = civil_instant(when.civil_date, NOON, self.zone)
        if noon > self.recorded_at and when.civil_date == civil_date(self.recorded_at, self.zone):
            return civil_instant(when.civil_date, MIDNIGHT, self.zone)
        return noon


_MICROSECONDS: Final = len("2026-01-01T00:00:00.000000+00:00")


def _marks(item: Measured) -> dict[str, Any]:
    """What an event keeps beside its fields: that a value is preliminary, and why one is not used."""
    marks = {"x_status": item.status} if item.status == PRELIMINARY else {}
    return marks if item.problem is None else {**marks, "x_as_sent": item.as_sent, "x_not_used": item.problem}


def plain(value: Any) -> str | None:
    """A decimal with its digits; None stays None."""
    return None if value is None else format(value, "f")
