"""What was understood of a record, as a table of plain strings for a screen or a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.fhir.record import PRELIMINARY, Condition, Listing, Measured, ReadRecord
from handrail.fhir.times import When

NOT_KNOWN = "not known"


def summary_table(record: ReadRecord, *, identity: bool = False) -> list[tuple[str, str]]:
    """Rows of (label, words), what matters most first.

    Args:
        record: what was read.
        identity: also names, identifiers, phones and addresses. Without it no row tells who the person is, and the
            birth date is given as a year.
    """
    return [
        *_warnings(record),
        *(_identity(record) if identity else ()),
        *_person(record),
        *_weight(record),
        *_lists(record),
        *_labs(record),
        *_left_over(record),
    ]


def _warnings(record: ReadRecord) -> Iterator[tuple[str, str]]:
    if record.identity.deceased:
        yield "death", f"recorded, {record.identity.deceased_on or 'date not known'}"
    for note in record.notes:
        yield "note", note


def _identity(record: ReadRecord) -> Iterator[tuple[str, str]]:
    person = record.identity
    yield "name", "; ".join(name.full for name in person.names) or NOT_KNOWN
    yield "birth date", person.birth_date or NOT_KNOWN
    for system, value in person.identifiers:
        yield "identifier", f"{value} ({system or 'issuer not known'})"
    yield "phone", "; ".join(person.phones) or NOT_KNOWN
    yield "address", "; ".join(person.addresses) or NOT_KNOWN


def _person(record: ReadRecord) -> Iterator[tuple[str, str]]:
    person = record.identity
    yield "birth year", str(person.birth_year or NOT_KNOWN)
    yield "sex", person.gender or NOT_KNOWN
    yield "language", person.language or NOT_KNOWN


def _weight(record: ReadRecord) -> Iterator[tuple[str, str]]:
    if record.weight is None:
        yield "weight", NOT_KNOWN
        return
    yield "weight", _reading(record.weight)


def _lists(record: ReadRecord) -> Iterator[tuple[str, str]]:
    yield "conditions", _state(record.conditions_state, len(record.conditions))
    for condition in record.conditions:
        yield "condition", _with(condition.what.display, condition.clinical_status, _since(condition))
    yield "allergies", _state(record.allergies_state, len(record.allergies))
    for allergy in record.allergies:
        criticality = f"criticality {allergy.criticality}" if allergy.criticality else None
        yield "allergy", _with(allergy.what.display, allergy.clinical_status, criticality)
    yield "medicines", _state(record.medicines_state, len(record.medicines))
    for medicine in record.medicines:
        yield "medicine", _with(medicine.what.display, medicine.kind, medicine.status)


def _labs(record: ReadRecord) -> Iterator[tuple[str, str]]:
    yield "laboratory values", str(len(record.labs)) if record.labs else NOT_KNOWN
    newest = {item.fact: item for item in record.labs}
    for fact in sorted(newest):
        yield fact, _reading(newest[fact])


def _left_over(record: ReadRecord) -> Iterator[tuple[str, str]]:
    for item in record.unused:
        on = item.when.day if item.when else "no date"
        yield "not used", f"{item.fact} {item.as_sent}, {on}: {item.problem}"
    count = sum(times for _, times in record.not_understood)
    yield "not understood", f"{count} observations of {len(record.not_understood)} codes"
    for what, times in record.not_understood:
        yield (
            "code",
            f"{times} x {what.display or what.code} ({what.system or 'no system'} {what.code})".rstrip(" )") + ")",
        )
    if record.not_known:
        yield "not known", ", ".join(record.not_known)


def _reading(item: Measured) -> str:
    words = f"{item.value:f} {item.unit}"
    sent = f"sent as {item.as_sent}" if words != item.as_sent else None
    return f"{_with(words, sent, PRELIMINARY if item.status == PRELIMINARY else None)} on {_day(item.when)}"


def _since(condition: Condition) -> str | None:
    return f"since {condition.onset.day}" if condition.onset else None


def _day(when: When | None) -> str:
    return when.day if when else NOT_KNOWN


def _state(state: Listing, count: int) -> str:
    return str(count) if state is Listing.LISTED else state.value


def _with(words: str, *more: str | None) -> str:
    added = ", ".join(item for item in more if item)
    return f"{words} ({added})" if added else words
