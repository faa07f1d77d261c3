"""Documents of a partner, for tests of the import: one with something in every part, about the patient of the test's course."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.support.bundles import UCUM, bundle, condition, observation, weight
from tests.support.factories import MONDAY_0900

DAY_BEFORE = MONDAY_0900 - timedelta(days=1)
BROUGHT_AT = MONDAY_0900 + timedelta(hours=3)
PARTNER = "Synthetic Community Practice"


def stamp(at: datetime = DAY_BEFORE) -> str:
    return at.isoformat().replace("+00:00", "Z")


def administration(words: str, mg: Any, at: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": words},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at or stamp(),
        "dosage": {"dose": {"value": mg, "unit": "mg", "system": UCUM, "code": "mg"}},
        **fields,
    }


def allergy(words: str = "Penicillin", **fields: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "code": {"text": words},
        "patient": {"reference": "Patient/p1"},
        "criticality": "high",
        **fields,
    }


def cover(**fields: Any) -> list[dict[str, Any]]:
    """A Composition and its custodian: what makes a bundle a document."""
    return [
        {
            "resourceType": "Composition",
            "id": "c1",
            "status": "final",
            "subject": {"reference": "Patient/p1"},
            "date": "2026-03-01",
            "title": "Summary",
            "custodian": {"reference": "Organization/o1"},
            **fields,
        },
        {"resourceType": "Organization", "id": "o1", "name": PARTNER},
    ]


def everything() -> list[dict[str, Any]]:
    return [
        *cover(),
        weight(71.4, at=stamp(), id="w1"),
        weight(73, at="2025-11-02", id="w0"),
        observation("26499-4", 1.1, "10*3/uL", stamp(), id="l1"),
        observation("8310-5", 100.4, "[degF]", stamp(), id="t1"),
        observation("8867-4", 88, "/min", stamp(), id="h1"),
        observation("12345-6", 4, "mg", stamp(), id="u1"),
        administration("Tecvayli (teclistamab)", 4.3, id="d1"),
        administration("dexamethasone", 16, id="m1"),
        condition(id="k1"),
        allergy(),
        {"resourceType": "Immunization", "id": "i1", "status": "completed", "vaccineCode": {"text": "Influenza"}},
    ]


def document(*resources: dict[str, Any], person: dict[str, Any] | None = None) -> bytes:
    """The bytes of a document about the patient; `person` changes the Patient resource."""
    body = bundle(*(resources or everything()))
    body["entry"][0]["resource"] |= {
        "name": [{"given": ["Synthia"], "family": "Example"}],
        **({} if person is None else person),
    }
    return json.dumps(body).encode()
