"""One Observation of a device as one event: mapping only. What is implausible or urgent is judged where check-ins are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from handrail.fhir.codes import LOINC, UCUM, code_table
from handrail.fhir.device_codes import PANEL, DeviceRow, device_codes
from handrail.fhir.events import NAMESPACE
from handrail.fhir.measured import HUNDREDTH
from handrail.fhir.record import FhirReadError
from handrail.fhir.times import Precision, parse_when
from handrail.fhir.values import codings, number, objects, text
from handrail.fhir.vitals import TEMPERATURE, celsius

STATUSES: Final = ("final", "amended", "corrected")
WEIGHT: Final = "weight_kg"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReading:
    """What one Observation says, and by which identifier it calls the patient."""

    subject: tuple[str, str]
    event: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"DeviceReading({self.event['id']})"  # no reading and no identifier reaches a log


def read_observation(resource: Mapping[str, Any], sender: UUID) -> DeviceReading:
    """The event that an Observation stands for.

    The id of the event is made of the sender and of the Observation's identifier, or of its content when it has none, so that the
    same sent twice is one event.

    Raises:
        FhirReadError: what cannot be used, and what to send instead.
    """
    if resource.get("resourceType") != "Observation":
        raise FhirReadError("Only an Observation is taken here.", "resourceType")
    if resource.get("status") not in STATUSES:
        message = f"The status is one of {', '.join(STATUSES)}; withdraw a wrong reading in Handrail itself."
        raise FhirReadError(message, "Observation.status")
    if resource.get("modifierExtension"):
        raise FhirReadError("A modifierExtension may change what is said; send it without one.", "Observation")
    subject = _pair(
        resource.get("subject", {}).get("identifier") if isinstance(resource.get("subject"), dict) else None
    )
    if subject is None:
        message = (
            "Name the patient by subject.identifier, with system and value, as the clinic entered it for this course; a name, "
            "a birth date or a reference finds nobody."
        )
        raise FhirReadError(message, "Observation.subject.identifier")
    when = parse_when(resource.get("effectiveDateTime"))
    if when is None or when.precision is not Precision.INSTANT:
        message = "Send effectiveDateTime with its time and offset, such as 2026-03-02T21:14:00-06:00."
        raise FhirReadError(message, "Observation.effectiveDateTime")
    readings = _readings(resource)
    kind = "weight_measured" if WEIGHT in readings else "vitals_measured"
    named = next((pair for item in objects(resource.get("identifier")) if (pair := _pair(item))), None)
    return DeviceReading(
        subject=subject,
        event={
            "id": str(uuid5(NAMESPACE, json.dumps([str(sender), "Observation", named or _content(resource)]))),
            "kind": kind,
            "at": when.earliest.isoformat(),
            **readings,
        },
    )


def _pair(identifier: Any) -> tuple[str, str] | None:
    if not isinstance(identifier, dict):
        return None
    system, value = text(identifier.get("system")), text(identifier.get("value"))
    return (system, value) if system and value else None


def _content(resource: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(resource, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def _readings(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their names in the event, those of the components too."""
    row = _row(resource, "Observation.code")
    if row.id != PANEL:
        return _value(row, resource, "Observation.valueQuantity")
    found: dict[str, Any] = {}
    for part in objects(resource.get("component")):
        known = _row(part, "Observation.component.code")
        if known.id in (PANEL, WEIGHT) or known.id in found:
            raise FhirReadError("A panel holds each of its readings once.", "Observation.component")
        found |= _value(known, part, "Observation.component.valueQuantity")
    if not found:
        raise FhirReadError("The panel holds no reading: send its components.", "Observation.component")
    return found


def _row(holder: Mapping[str, Any], path: str) -> DeviceRow:
    row = device_codes().row_of(code.code for code in codings(holder.get("code")) if code.system == LOINC)
    if row is None:
        known = ", ".join(f"{each.id} {' or '.join(each.loinc)}" for each in device_codes().reading)
        raise FhirReadError(f"The code is none that is taken here. By LOINC: {known}.", path)
    return row


def _value(row: DeviceRow, holder: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A value in the unit of the event. One outside what is believable is kept here; it is marked where it is recorded."""
    quantity = holder.get("valueQuantity")
    if not isinstance(quantity, dict):
        raise FhirReadError("Send the value as valueQuantity; a reading that was not taken is not sent.", path)
    unit = text(quantity.get("code"))
    if quantity.get("system") != UCUM or unit not in row.units:
        raise FhirReadError(f"The unit of {row.id} is UCUM ({UCUM}), as code: {' or '.join(row.units)}.", path)
    value = number(quantity.get("value"))
    if value is None or quantity.get("comparator") is not None:
        raise FhirReadError("The value is a number without comparator.", path)
    if row.id == TEMPERATURE:
        as_sent = {} if unit == "Cel" else {"x_temperature_as_sent": f"{value} {unit}"}
        return {TEMPERATURE: str(celsius(value, unit)), **as_sent}
    if row.id == WEIGHT:
        kilograms = code_table().kilograms_in(unit)
        if kilograms is None:
            raise FhirReadError("Send the weight in kg.", path)
        return {WEIGHT: str(value if kilograms == 1 else (value * kilograms).quantize(HUNDREDTH))}
    if value != value.to_integral_value():
        raise FhirReadError(f"Send {row.id} as a whole number.", path)
    return {row.id: int(value)}
