"""FHIR bundles for tests: the three that are shipped, and small ones built resource by resource."""

import gzip
import json
from pathlib import Path
from typing import Any

import handrail
from handrail.fhir.reading import ReadRecord, read_bundle

SHIPPED = ("clint_champlin", "darin_skiles", "cancer-patient-jenny-m")
FOLDER = Path(handrail.__file__).parent / "jobs" / "demo" / "bundles"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def shipped(name: str) -> bytes:
    return gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes())


def patient(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p1", "birthDate": "1950-04-05", "gender": "female", **fields}


def observation(
    code: str, value: Any, unit: str, at: str | None = "2026-02-01T10:00:00Z", **fields: Any
) -> dict[str, Any]:
    """A final observation about the patient; `unit` is the UCUM code."""
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }
    if at is not None:
        body["effectiveDateTime"] = at
    return {**body, **fields}


def weight(value: Any, unit: str = "kg", at: str | None = "2026-02-01T10:00:00Z", **fields: Any) -> dict[str, Any]:
    return observation("29463-7", value, unit, at, **fields)


def condition(words: str = "Multiple myeloma", status: str | None = "active", **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "resourceType": "Condition",
        "code": {"text": words},
        "subject": {"reference": "Patient/p1"},
        "onsetDateTime": "2024-05-06",
    }
    if status is not None:
        body["clinicalStatus"] = {"coding": [{"code": status}]}
    return {**body, **fields}


def bundle(*resources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A collection of the patient and these resources."""
    entries = [{"resource": resource} for resource in (patient(), *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **fields}


def read(*resources: dict[str, Any], **fields: Any) -> ReadRecord:
    return read_bundle(json.dumps(bundle(*resources, **fields)).encode())
