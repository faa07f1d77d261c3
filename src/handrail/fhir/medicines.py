"""A medicine of a record: ordered, stated or given; when, how much, and the words beside it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from handrail.fhir.bundle import Entry
from handrail.fhir.record import Coded, Medicine
from handrail.fhir.times import When, parse_when
from handrail.fhir.values import codings, number, objects, text, unit_of

MEDICINE_KINDS: Final = {
    "MedicationRequest": "ordered",
    "MedicationStatement": "stated",
    "MedicationAdministration": "given",
}
MILLIGRAMS: Final = ("mg",)


def read_medicine(entry: Entry, what: Coded, lot: str, *, about_patient: bool = True) -> Medicine:
    """The medicine of an entry. An amount counts in milligrams alone: another unit is kept as words, and never converted."""
    resource = entry.resource
    dosage = _dosage(resource)
    mg, amount = _amount(dosage)
    when, ended = _times(resource)
    notes = (text(note.get("text")) or "" for note in objects(resource.get("note")))
    lots = (words.removeprefix(LOT) for words in notes if words.startswith(LOT))
    return Medicine(
        what=what,
        kind=MEDICINE_KINDS[entry.kind],
        status=text(resource.get("status")),
        reference=entry.reference,
        when=when,
        ended=ended,
        mg=mg,
        amount=amount,
        dosage=text(dosage.get("text")) or "",
        route=_route(dosage.get("route")),
        lot=lot or next(lots, ""),
        about_patient=about_patient,
    )


LOT: Final = "lot "


def _dosage(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one dosage of an administration, the first of an order or statement."""
    one = resource.get("dosage")
    if isinstance(one, dict):
        return one
    return next(objects(resource.get("dosageInstruction") or one), {})


def _amount(dosage: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    rates = (item.get("doseQuantity") for item in objects(dosage.get("doseAndRate")))
    quantity = next((item for item in (dosage.get("dose"), *rates) if isinstance(item, dict)), None)
    if quantity is None:
        return None, ""
    sent = number(quantity.get("value"))
    unit = text(quantity.get("unit")) or text(quantity.get("code")) or ""
    exact = quantity.get("comparator") is None and unit_of(quantity, MILLIGRAMS) is not None
    return (sent if exact else None), (f"{sent} {unit}".strip() if sent is not None else "")


def _times(resource: Mapping[str, Any]) -> tuple[When | None, When | None]:
    period = resource.get("effectivePeriod")
    start, end = (period.get(name) if isinstance(period, dict) else None for name in ("start", "end"))
    named = (resource.get(name) for name in ("effectiveDateTime", "authoredOn", "dateAsserted"))
    when = next((found for value in (start, *named) if (found := parse_when(value)) is not None), None)
    return when, parse_when(end)


def _route(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    return text(concept.get("text")) or next((code.display for code in codings(concept)), "")
