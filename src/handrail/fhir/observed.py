"""What every Observation has: a status that counts or not, its time, a number with its unit, and why a reading is not used."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from handrail.fhir.record import PRELIMINARY
from handrail.fhir.times import When, parse_when
from handrail.fhir.values import text

USED_STATUSES: Final = ("final", "amended", "corrected", PRELIMINARY)
NO_NUMBER: Final = "it has no number"
NOT_EXACT: Final = "it is a bound, not a value"
UNKNOWN_UNIT: Final = "its unit is not understood"
NO_DAY: Final = "its day is not known"
IMPLAUSIBLE: Final = "it is outside what is believable"
SOMETHING_ELSE: Final = "it is not said to be about the patient"


def when_of(resource: Mapping[str, Any]) -> When | None:
    """When it was measured. Of a period the start: it never makes a value look newer. `issued` is another fact."""
    period = resource.get("effectivePeriod")
    start = period.get("start") if isinstance(period, dict) else None
    for value in (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), start):
        if value is not None:
            return parse_when(value)
    return None


def as_sent(quantity: Mapping[str, Any], sent: Decimal | None) -> str:
    """The number and unit of a Quantity as they came."""
    unit = text(quantity.get("code")) or text(quantity.get("unit")) or "without unit"
    comparator = text(quantity.get("comparator")) or ""
    return f"{comparator}{sent} {unit}" if sent is not None else "no number"
