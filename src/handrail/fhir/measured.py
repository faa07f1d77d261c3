"""Observations: weight and the laboratory values whose codes and units are understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from handrail.fhir.bundle import Entry
from handrail.fhir.codes import LOINC, WEIGHT, CodeRow, CodeTable
from handrail.fhir.observed import (
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    NOT_EXACT,
    SOMETHING_ELSE,
    UNKNOWN_UNIT,
    USED_STATUSES,
    as_sent,
    when_of,
)
from handrail.fhir.record import PRELIMINARY, Coded, Measured, Vital
from handrail.fhir.times import Precision
from handrail.fhir.values import codings, number, objects, text, unit_of
from handrail.fhir.vitals import read_performance, read_vitals
from handrail.rules.history import Limits
from handrail.rules.telling import LAB_WORDS
from handrail.rules.terms import Status

HUNDREDTH: Final = Decimal("0.01")
"""Converted weights keep 10 g: finer than any scale, coarse enough to read."""
OUR_TESTS: Final = {words: code for code, words in LAB_WORDS.items()}
RESULTS: Final = ("positive", "negative", "indeterminate")


@dataclass(slots=True, kw_only=True)
class Observations:
    """Takes observations one by one and keeps what it understood."""

    table: CodeTable
    weight_limits: Limits
    ours: bool = False
    """In a document of Handrail a test without a code of its own is known by its name, and a result may be a word."""
    usable: list[Measured] = field(default_factory=list)
    unused: list[Measured] = field(default_factory=list)
    unknown: Counter[Coded] = field(default_factory=Counter)
    vitals: list[Vital] = field(default_factory=list)
    performance: list[Measured] = field(default_factory=list)

    def take(self, entry: Entry, *, about_patient: bool) -> None:
        """Read one observation; one without a value that counts (entered in error, cancelled, registered) says nothing."""
        status = entry.resource.get("status")
        if status not in USED_STATUSES:
            return
        codes = list(codings(entry.resource.get("code")))
        row = self._row(entry.resource, codes)
        if row is None:
            found = read_vitals(entry, self.table, about_patient=about_patient)
            scored = read_performance(entry, codes) if about_patient else None
            if scored is not None:
                self.performance.append(scored)
            elif found is not None:
                self.vitals += found
            else:
                self.unknown[codes[0] if codes else Coded(system="", code="", display="no code")] += 1
            return
        measured = self._measured(entry, row, str(status), about_patient=about_patient)
        (self.usable if measured.problem is None else self.unused).append(measured)

    def _row(self, resource: Mapping[str, Any], codes: list[Coded]) -> CodeRow | None:
        """What the observation measures: by its LOINC codes; in a document of Handrail also by the name that it gives a test."""
        row = self.table.fact_of(code.code for code in codes if code.system == LOINC)
        if row is not None or not self.ours or len(codes) != 1 or codes[0].code or not _of_laboratory(resource):
            return row
        fact = OUR_TESTS.get(codes[0].display, codes[0].display.lower().replace(" ", "_"))
        known = next((each for each in self.table.fact if each.code == fact), None)
        quantity = resource.get("valueQuantity")
        unit = text(quantity.get("code")) if isinstance(quantity, dict) else None
        return known or CodeRow(code=fact, loinc=(), units=(unit,) if unit else (), source=(), status=Status.SECONDARY)

    def _measured(self, entry: Entry, row: CodeRow, status: str, *, about_patient: bool) -> Measured:
        found = entry.resource.get("valueQuantity")
        quantity: Mapping[str, Any] = found if isinstance(found, dict) else {}
        sent = number(quantity.get("value"))
        unit = unit_of(quantity, row.units)
        when = when_of(entry.resource)
        value = self._converted(row, sent, unit)
        implausible = value is not None and not self._plausible(row, value, unit or "")
        low, high = _range(entry.resource, unit)
        said = entry.resource.get("valueString")
        result = said if self.ours and said in RESULTS else None
        problems = (
            (sent is None and result is None, NO_NUMBER),
            (quantity.get("comparator") is not None, NOT_EXACT),
            (unit is None and result is None, UNKNOWN_UNIT),
            (implausible, IMPLAUSIBLE),
            (when is None or when.precision not in (Precision.DAY, Precision.INSTANT), NO_DAY),
            (not about_patient, SOMETHING_ELSE),
        )
        return Measured(
            fact=row.code,
            value=value,
            unit="kg" if row.code == WEIGHT and unit else unit or "",
            effective=when.text if when else None,
            when=when,
            status=status,
            reference=entry.reference,
            as_sent=result or as_sent(quantity, sent),
            result=result,
            low=low if row.code != WEIGHT else None,
            high=high if row.code != WEIGHT else None,
            problem=next((words for is_so, words in problems if is_so), None),
            implausible=implausible,
        )

    def _converted(self, row: CodeRow, sent: Decimal | None, unit: str | None) -> Decimal | None:
        if sent is None or unit is None or row.code != WEIGHT:
            return sent if unit is not None else None
        kilograms = self.table.kilograms_in(unit)
        if kilograms is None or kilograms == 1:
            return sent
        return (sent * kilograms).quantize(HUNDREDTH)

    def _plausible(self, row: CodeRow, value: Decimal, unit: str) -> bool:
        if row.code == WEIGHT:
            return self.weight_limits.low <= value <= self.weight_limits.high
        limits = self.table.limits_of(row.code, unit)
        return value >= 0 if limits is None else limits.low <= value <= limits.high


def _of_laboratory(resource: Mapping[str, Any]) -> bool:
    return any(code.code == "laboratory" for item in objects(resource.get("category")) for code in codings(item))


def newest_last(readings: list[Measured]) -> tuple[Measured, ...]:
    """Oldest first by the time they were taken.

    Where times cannot be told apart the order is: preliminary before final, then the higher value before the lower, so
    that the one used is final and, of two weights, the more cautious. A plain date counts from its middle.
    """

    def order(item: Measured) -> tuple[Any, ...]:
        assert item.when is not None
        middle = item.when.earliest + (item.when.latest - item.when.earliest) / 2
        return (middle, item.status != PRELIMINARY, -(item.value or 0), item.reference)

    return tuple(sorted(readings, key=order))


def rivals(readings: tuple[Measured, ...]) -> tuple[Measured, ...]:
    """Readings with another value that may be as new as the last one: their times overlap."""
    if not readings or (newest := readings[-1].when) is None:
        return ()
    last = readings[-1]
    return tuple(r for r in readings[:-1] if r.when and r.when.latest >= newest.earliest and r.value != last.value)


def _range(resource: Mapping[str, Any], unit: str | None) -> tuple[Decimal | None, Decimal | None]:
    """Lowest and highest normal value in the unit of the value, of the first range that has one."""
    for item in objects(resource.get("referenceRange")):
        low, high = (_limit(item.get(end), unit) for end in ("low", "high"))
        if low is not None or high is not None:
            return low, high
    return None, None


def _limit(value: Any, unit: str | None) -> Decimal | None:
    if not isinstance(value, dict) or unit is None:
        return None
    sent = text(value.get("code")) or text(value.get("unit"))
    return number(value.get("value")) if sent in (None, unit) else None
