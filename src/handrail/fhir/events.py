"""What was read, as events of a course file: weight and laboratory values, dated as sent, each with a repeatable id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from uuid import UUID, uuid5

from handrail.fhir.reading import Measured, ReadRecord
from handrail.rules.terms import UnusableInput, civil_instant

NAMESPACE = UUID("6a1f3c52-0f0b-5a63-9c3f-3a6f6d1d6e11")
"""Namespace of the ids made here: the same resource of the same record gives the same event, so a second import is harmless."""

NOON = time(12, 0)


def facts_of(record: ReadRecord) -> dict[str, Any]:
    """The facts of the person that carry no identity."""
    found = {
        "birth_year": record.identity.birth_year,
        "sex": record.identity.gender,
        "language": record.identity.language,
    }
    return {name: value for name, value in found.items() if value is not None}


def to_events(
    record: ReadRecord, *, recorded_at: datetime, zone: str, course_id: str, labs: int = 40
) -> list[dict[str, Any]]:
    """Weight and the newest laboratory values in wire form.

    Args:
        record: what was read.
        recorded_at: when the import happens.
        zone: IANA zone for values dated by day only: they count from noon, marked `x_date_only`.
        course_id: the course they belong to; ids are derived from it.
        labs: how many laboratory values at the most, the newest first.
    """
    events = [_weight(item, recorded_at, zone, course_id) for item in record.weights_kg[-1:]]
    events += [_lab(item, recorded_at, zone, course_id) for item in record.labs[-labs:]]
    return [event for event in events if event is not None]


def _weight(item: Measured, recorded_at: datetime, zone: str, course_id: str) -> dict[str, Any] | None:
    head = _head(item, recorded_at, zone, course_id)
    return None if head is None else {**head, "kind": "weight_measured", "weight_kg": str(item.value)}


def _lab(item: Measured, recorded_at: datetime, zone: str, course_id: str) -> dict[str, Any] | None:
    head = _head(item, recorded_at, zone, course_id)
    if head is None:
        return None
    body = {"kind": "lab_resulted", "code": item.fact, "value": str(item.value), "unit": item.unit}
    limits = {"low": item.low, "high": item.high}
    return {**head, **body, **{name: str(value) for name, value in limits.items() if value is not None}}


def _head(item: Measured, recorded_at: datetime, zone: str, course_id: str) -> dict[str, Any] | None:
    when = _instant(item.effective, zone)
    if when is None or when > recorded_at:
        return None
    head: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE, f"{course_id}|{item.reference}|{item.fact}")),
        "version": 1,
        "at": when.isoformat(),
        "recorded_at": recorded_at.isoformat(),
        "source": "import",
        "x_status": item.status,
    }
    if item.effective is not None and len(item.effective) <= len("2026-01-01"):
        head["x_date_only"] = True
    return head


def _instant(text: str | None, zone: str) -> datetime | None:
    """An instant with an offset as sent; a full date counts from noon of that day; anything less is no instant."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is not None:
        return at
    if len(text) != len("2026-01-01"):
        return None
    try:
        return civil_instant(date.fromisoformat(text), NOON, zone)
    except UnusableInput:
        return None


def table_of(record: ReadRecord, *, identity: bool = False) -> Iterator[tuple[str, str]]:
    """What was understood, as rows for a screen or terminal; names only when asked for."""
    person = record.identity
    if identity:
        yield "name", f"{person.given_name} {person.family_name}".strip() or "not known"
        yield "birth date", person.birth_date or "not known"
    yield "birth year", str(person.birth_year or "not known")
    yield "sex", person.gender or "not known"
    yield "language", person.language or "not known"
    weight = record.weight
    yield "weight", f"{weight.value} kg on {(weight.effective or '')[:10]}" if weight else "not known"
    yield "conditions", str(len(record.conditions)) if record.conditions else "not known"
    yield "allergies", "not known" if record.allergies is None else str(len(record.allergies))
    yield "laboratory values", str(len(record.labs)) if record.labs else "not known"
    yield "not understood", f"{sum(n for _, n in record.not_understood)} values of {len(record.not_understood)} codes"
    if person.deceased:
        yield "deceased", "yes"
    for note in record.notes:
        yield "note", note
