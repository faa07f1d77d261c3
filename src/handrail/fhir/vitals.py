"""Vital signs: one Observation, or a panel of them, as the readings that the record keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from handrail.fhir.bundle import Entry
from handrail.fhir.codes import LOINC, CodeTable
from handrail.fhir.document_codes import document_codes
from handrail.fhir.observed import (
    NO_DAY,
    NO_NUMBER,
    NOT_EXACT,
    SOMETHING_ELSE,
    UNKNOWN_UNIT,
    USED_STATUSES,
    as_sent,
    when_of,
)
from handrail.fhir.record import Coded, Measured, Vital
from handrail.fhir.times import Precision
from handrail.fhir.values import codings, number, objects, unit_of

TEMPERATURE: Final = "temperature_c"
FAHRENHEIT: Final = "[degF]"
TENTH: Final = Decimal("0.1")
ECOG: Final = "ecog"
ECOG_SCORES: Final = range(6)
NOT_WHOLE: Final = "it is not a whole number, and the record keeps whole ones"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One reading: its name in the event, its value in the unit of the record, and why it cannot be used."""

    name: str
    value: Decimal | None
    sent: str
    problem: str | None


def celsius(value: Decimal, unit: str) -> Decimal:
    """A temperature in degrees Celsius; one in Fahrenheit keeps one decimal."""
    return value if unit != FAHRENHEIT else ((value - 32) * 5 / 9).quantize(TENTH, ROUND_HALF_UP)


def read_vitals(entry: Entry, table: CodeTable, *, about_patient: bool) -> list[Vital] | None:
    """The vital signs of an Observation: those that can be used as one, each of the others for itself.

    None: it is none. A status that does not count (entered in error, cancelled, registered) says nothing.
    """
    resource = entry.resource
    parts = list(_parts(resource, table))
    if not parts:
        return None
    status = str(resource.get("status"))
    if status not in USED_STATUSES:
        return []
    when = when_of(resource)
    dated = when is not None and when.precision in (Precision.DAY, Precision.INSTANT)
    around = None if dated and about_patient else NO_DAY if about_patient else SOMETHING_ELSE

    def vital(found: list[_Part], problem: str | None) -> Vital:
        return Vital(
            values={part.name: part.value for part in found if part.value is not None},
            when=when,
            status=status,
            reference=entry.reference,
            as_sent={part.name: part.sent for part in found},
            problem=problem,
        )

    good = [part for part in parts if part.problem is None and around is None]
    bad = [part for part in parts if part not in good]
    return [*([vital(good, None)] if good else []), *(vital([part], part.problem or around) for part in bad)]


def _parts(resource: Mapping[str, Any], table: CodeTable) -> Iterator[_Part]:
    """The readings of an observation and of its components, each name once."""
    seen: set[str] = set()
    for holder in (resource, *objects(resource.get("component"))):
        row = table.vital_of(code.code for code in codings(holder.get("code")) if code.system == LOINC)
        if row is None or row.code in seen:
            continue
        seen.add(row.code)
        found = holder.get("valueQuantity")
        quantity: Mapping[str, Any] = found if isinstance(found, dict) else {}
        sent, unit = number(quantity.get("value")), unit_of(quantity, row.units)
        value = celsius(sent, unit) if sent is not None and unit is not None and row.code == TEMPERATURE else sent
        broken = value is not None and row.code != TEMPERATURE and value != value.to_integral_value()
        problems = (
            (sent is None, NO_NUMBER),
            (quantity.get("comparator") is not None, NOT_EXACT),
            (unit is None, UNKNOWN_UNIT),
            (broken, NOT_WHOLE),
        )
        problem = next((words for is_so, words in problems if is_so), None)
        yield _Part(name=row.code, value=None if problem else value, sent=as_sent(quantity, sent), problem=problem)


def read_performance(entry: Entry, codes: list[Coded]) -> Measured | None:
    """An ECOG performance status, by its LOINC code and as a whole number from 0 to 5; None: it is none, or not dated."""
    row = document_codes().reading_of(ECOG)
    value, when = entry.resource.get("valueInteger"), when_of(entry.resource)
    meant = row is not None and any((code.system, code.code) == (LOINC, row.loinc) for code in codes)
    if not meant or isinstance(value, bool) or not isinstance(value, int) or value not in ECOG_SCORES:
        return None
    return Measured(
        fact=ECOG,
        value=Decimal(value),
        unit="",
        effective=when.text if when else None,
        when=when,
        status=str(entry.resource.get("status")),
        reference=entry.reference,
        as_sent=str(value),
    )
