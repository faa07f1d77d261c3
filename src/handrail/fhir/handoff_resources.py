"""The facts of a packet as FHIR R4 resources, one for each: mapping only, nothing is decided here.

No verified code: text only. What is not known has the extension `data-absent-reason`, never a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from handrail.fhir.codes import LOINC, UCUM, code_table
from handrail.fhir.document_codes import document_codes
from handrail.rules.telling import LAB_WORDS
from handrail.rules.terms import STEP_WORDS

Resource = dict[str, Any]

ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ABSENT_CODES: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
FLAG_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/flag-category"
GENDERS: Final = ("male", "female", "other")
CHRONIC: Final = ("prophylaxis", "home")


def address(version: str, *parts: str) -> str:
    """The fullUrl of a resource of one version: the same for the same version."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, ':'.join(('urn:handrail:packet', version, *parts)))}"


def absent(reason: str = "unknown") -> Resource:
    """What stands for an element that is required and not known."""
    return {"extension": [{"url": ABSENT, "valueCode": reason}]}


def patient(body: Resource) -> Resource:
    """The person. A name, a birth date or a sex that is not known is said to be absent."""
    who = body["who"]
    names = {"family": who["family_name"], "given": [who["given_name"]] if who["given_name"] else None}
    known = {key: value for key, value in names.items() if value}
    found: Resource = {"resourceType": "Patient", "name": [known or {**absent(), "text": "not known"}]}
    if who["record_number"]:
        system = who["record_system"]
        found["identifier"] = [{**({"system": system} if ":" in system else {}), "value": who["record_number"]}]
    if who["phone"]:
        found["telecom"] = [{"system": "phone", "value": who["phone"]}]
    found["gender"] = who["sex"].lower() if who["sex"].lower() in GENDERS else "unknown"
    if _is_date(who["birth_date"]):
        found["birthDate"] = who["birth_date"]
    else:
        found["_birthDate"] = absent()
    found["contact"] = [
        {
            "name": {"text": each["name"]} if each["name"] else absent(),
            "relationship": [{"text": each["relationship"] or ("caregiver" if each["caregiver"] else "contact")}],
            **({"telecom": [{"system": "phone", "value": each["phone"]}]} if each["phone"] else {}),
        }
        for each in who["contacts"]
    ]
    if not found["contact"]:
        del found["contact"]
    if who["language"]:
        tag = {"system": "urn:ietf:bcp:47", "code": who["language"]}
        found["communication"] = [{"language": {"coding": [tag]}, "preferred": True}]
    return found


def organisation(name: str) -> Resource:
    """A party by its name."""
    return {"resourceType": "Organization", "name": name}


def conditions(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """Conditions as last noted, and the episodes of the toxicities."""
    for each in body["conditions"]:
        code: Resource = {"text": each["what"].replace("_", " ")}
        if each["system"] and each["code"]:
            code["coding"] = [{"system": each["system"], "code": each["code"]}]
        yield each["event"], _condition(subject, code, each["active"], {"recordedDate": each["at"]}, each["grade"])
    for number, each in enumerate(body["episodes"], start=1):
        words = f"{_toxicity(each['toxicity'])}{' (suspected)' if each['suspected'] else ''}"
        when = {"onsetDateTime": each["opened_at"]}
        if each["closed_at"]:
            when["abatementDateTime"] = each["closed_at"]
        found = _condition(subject, {"text": words}, each["closed_at"] is None, when, each["grade"])
        if each["suspected"]:
            status = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
            found["verificationStatus"] = {"coding": [{"system": status, "code": "provisional"}]}
        yield f"episode:{number}", found


def _condition(
    subject: Resource, code: Resource, active: bool | None, when: dict[str, str], grade: int | None
) -> Resource:
    found: Resource = {
        "resourceType": "Condition",
        "category": [{"coding": [{"system": CONDITION_CATEGORY, "code": "problem-list-item"}]}],
        "code": code,
        "subject": subject,
        **when,
    }
    if active is None:
        found["clinicalStatus"] = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
    else:
        state = "active" if active else "inactive" if "abatementDateTime" not in when else "resolved"
        found["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": state}]}
    found["severity"] = {"text": f"grade {grade}" if grade is not None else "grade not known"}
    return found


def administrations(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """Every dose of the drug, and every other medicine that was given."""
    for each in body["doses"]:
        step = STEP_WORDS.get(each["step"] or "", "which dose is not known")
        found = _given(body["product_words"], subject, each["at"], each["mg"], each["route"], step)
        if each["lot"]:
            found["note"] = [{"text": f"lot {each['lot']}"}]
        yield each["event"], found
    for each in body["medicines"]:
        if each["purpose"] not in CHRONIC:
            words = (each["purpose"] or "purpose not known").replace("_", " ")
            yield each["event"], _given(each["agent"], subject, each["at"], each["mg"], each["route"], words)


def _given(medicine: str, subject: Resource, at: str | None, mg: str | None, route: str | None, words: str) -> Resource:
    found: Resource = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": medicine},
        "subject": subject,
        **_at(at),
        "dosage": {"text": f"{words}, {f'{mg} mg' if mg is not None else 'amount not known'}"},
    }
    if route:
        found["dosage"]["route"] = {"text": route}
    if mg is not None:
        found["dosage"]["dose"] = quantity(mg, "mg")
    return found


def statements(body: Resource, subject: Resource, next_dose: str) -> Iterator[tuple[str, Resource]]:
    """The bispecific with what is next, and what is taken in the long run; no order is among them."""
    yield (
        "bispecific",
        {
            "resourceType": "MedicationStatement",
            "status": "unknown",
            "medicationCodeableConcept": {"text": body["product_words"]},
            "subject": subject,
            **_at(body["doses"][-1]["at"] if body["doses"] else None),
            "dosage": [{"text": f"Next dose: {next_dose}"}],
        },
    )
    latest = {each["agent"]: each for each in body["medicines"] if each["purpose"] in CHRONIC}
    for agent, each in latest.items():
        amount = f"{each['mg']} mg" if each["mg"] is not None else "amount not known"
        yield (
            each["event"],
            {
                "resourceType": "MedicationStatement",
                "status": "unknown",
                "medicationCodeableConcept": {"text": agent},
                "subject": subject,
                **_at(each["at"]),
                "dosage": [{"text": f"{amount}, {each['purpose']}"}],
            },
        )


def laboratory(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """Every laboratory value. A code only where one LOINC code alone means the test, and its unit is one in which that is measured."""
    for each in body["labs"]:
        row = next((row for row in code_table().fact if row.code == each["what"]), None)
        code: Resource = {"text": LAB_WORDS.get(each["what"], each["what"].upper())}
        fits = row is not None and (each["value"] is None or each["unit"] in row.units)
        if row is not None and fits and len(row.loinc) == 1:
            code["coding"] = [{"system": LOINC, "code": row.loinc[0]}]
        found = _observation("laboratory", code, subject, each["at"])
        if each["result"] is not None:
            found["valueString"] = each["result"]
        elif each["value"] is not None and each["unit"]:
            found["valueQuantity"] = _as_recorded(each["value"], each["unit"])
        elif each["value"] is not None:
            found["valueString"] = f"{each['value']} (unit not known)"
        else:
            found["dataAbsentReason"] = _absent_code()
        limits = {end: _as_recorded(each[end], each["unit"]) for end in ("low", "high") if each[end] and each["unit"]}
        if limits:
            found["referenceRange"] = [limits]
        yield f"{each['event']}:{each['what']}", found


def vital_signs(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """The last reading of each vital sign, and the weight."""
    for each in body["vitals"]:
        found = _observation("vital-signs", reading_code(each["what"]), subject, each["at"])
        found["valueQuantity"] = quantity(each["value"], each["unit"])
        yield f"{each['event']}:{each['what']}", found


def functional(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """The ECOG performance status; on which day it was judged is not on record."""
    if body["ecog"] is not None:
        found = _observation("survey", reading_code("ecog"), subject, None)
        found["valueInteger"] = body["ecog"]
        yield "ecog", found


def flags(body: Resource, subject: Resource) -> Iterator[tuple[str, Resource]]:
    """The window in which the patient is watched after a dose."""
    if not body["in_window"]:
        return
    last = body["doses"][-1] if body["doses"] else None
    step = STEP_WORDS.get((last or {}).get("step") or "", "a dose")
    period = {
        **({"start": last["at"]} if last and last["at"] else {}),
        **({"end": body["window_ends"]} if body["window_ends"] else {}),
    }
    found: Resource = {
        "resourceType": "Flag",
        "status": "active",
        "category": [{"coding": [{"system": FLAG_CATEGORY, "code": "clinical"}]}],
        "code": {"text": f"In the watched window of {body['product_words']} after {step}"},
        "subject": subject,
    }
    if period:
        found["period"] = period
    yield "window", found


def reading_code(name: str) -> Resource:
    """The code of a reading, or its name as text when it has none."""
    row = document_codes().reading_of(name)
    if row is None:
        return {"text": name.replace("_", " ")}
    return {"coding": [{"system": LOINC, "code": row.loinc}], "text": row.words}


def quantity(value: str, unit: str) -> Resource:
    """A quantity in a UCUM unit. The number keeps its digits."""
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit}


def _as_recorded(value: str, unit: str) -> Resource:
    """A quantity in the unit that somebody wrote: called UCUM only when it is one that the code tables know."""
    known = {each for row in (*code_table().fact, *code_table().vital) for each in row.units}
    return quantity(value, unit) if unit in known else {"value": Decimal(value), "unit": unit}


def _observation(category: str, code: Resource, subject: Resource, at: str | None) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": category}]}],
        "code": code,
        "subject": subject,
        **_at(at),
        "performer": [absent()],
    }


def _at(at: str | None) -> Resource:
    return {"effectiveDateTime": at} if at is not None else {"_effectiveDateTime": absent()}


def _absent_code() -> Resource:
    return {"coding": [{"system": ABSENT_CODES, "code": "unknown"}]}


def _is_date(text: str) -> bool:
    """A FHIR date: a day, a month or a year."""
    return len(text) in (4, 7, 10) and text.replace("-", "").isdigit()


def _toxicity(name: str) -> str:
    return name.upper() if name in ("crs", "icans") else name
