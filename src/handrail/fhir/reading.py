"""Read a FHIR R4 Bundle: who it is about, weight, conditions, allergies, medicines and the laboratory values we understand.

Mapping only: no rule lives here, nothing is written, nobody is matched. What is absent stays "not known", what is there and
not understood is counted and kept by its code, and a bundle that cannot be read is one clear sentence.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from handrail.fhir.codes import KILOGRAMS, LOINC, WEIGHT, fact_of

MOST_BYTES = 5 * 1024 * 1024
MOST_ENTRIES = 5_000
MOST_DEPTH = 64
"""Limits of one import: far above a real patient's record, far below what would hurt the server."""

USED_STATUSES = ("final", "amended", "corrected", "preliminary")
NO_INFORMATION = ("no-allergy-info", "no-problem-info")
NONE_KNOWN = ("no-known-allergies", "no-known-problems")
"""Codes of the patient summary guide: "nobody asked" and "asked, none" are different facts."""

IGNORED_STATUSES = ("entered-in-error", "cancelled", "registered", "unknown")


class FhirReadError(ValueError):
    """A bundle that cannot be read. `message` is one clear sentence without a name or a reading; `path` the place."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A code as sent: system, code and display, or only a text."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the record is about. `birth_date` may be a year or a month only, as sent."""

    reference: str
    given_name: str
    family_name: str
    birth_date: str | None
    gender: str | None
    phones: tuple[str, ...]
    language: str | None
    identifiers: tuple[tuple[str, str], ...]
    deceased: bool

    @property
    def birth_year(self) -> int | None:
        """The year of birth, None when it is not known."""
        return int(self.birth_date[:4]) if self.birth_date and self.birth_date[:4].isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value with its unit (UCUM, as sent) and when it was taken, as sent (a date is never made into an instant)."""

    fact: str
    value: Decimal
    unit: str
    effective: str | None
    status: str
    reference: str
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on the record."""

    what: Coded
    clinical_status: str | None
    onset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecord:
    """What a bundle says. `not_known` names what it does not say; an empty tuple elsewhere means "none on this record"."""

    identity: Identity
    weights_kg: tuple[Measured, ...]
    labs: tuple[Measured, ...]
    conditions: tuple[Condition, ...]
    allergies: tuple[Coded, ...] | None
    medicines: tuple[str, ...]
    not_known: tuple[str, ...]
    not_understood: tuple[tuple[Coded, int], ...]
    notes: tuple[str, ...]
    resources: Mapping[str, int]

    @property
    def weight(self) -> Measured | None:
        """The latest dated weight in kg."""
        return self.weights_kg[-1] if self.weights_kg else None


def read_bundle(data: bytes) -> ReadRecord:
    """Read one bundle about one patient.

    Raises:
        FhirReadError: too large, not JSON, not a Bundle, no patient or several, or broken where it must not be.
    """
    bundle = _parse(data)
    resources, notes = _resources(bundle)
    patients = [(url, res) for url, res in resources if res.get("resourceType") == "Patient"]
    if not patients:
        raise FhirReadError("The bundle names no patient.", "entry")
    if len({_key(url, res) for url, res in patients}) > 1:
        raise FhirReadError("The bundle holds several patients; import one patient at a time.", "entry")
    identity = _identity(*patients[0])
    understood = _Reader()
    for url, resource in resources:
        understood.take(url, resource)
    allergies = tuple(understood.allergies) if understood.saw_allergies else None
    weights = tuple(sorted(understood.weights, key=lambda m: (m.effective or "", m.reference)))
    missing = [
        name
        for name, known in (
            ("birth date", identity.birth_date),
            ("sex", identity.gender),
            ("weight", weights),
            ("conditions", understood.conditions),
            ("allergies", allergies is not None),
            ("laboratory values", understood.labs),
        )
        if not known
    ]
    return ReadRecord(
        identity=identity,
        weights_kg=weights,
        labs=tuple(sorted(understood.labs, key=lambda m: (m.effective or "", m.fact, m.reference))),
        conditions=tuple(understood.conditions),
        allergies=allergies,
        medicines=tuple(understood.medicines),
        not_known=tuple(missing),
        not_understood=tuple(sorted(understood.unknown.items(), key=lambda item: (-item[1], item[0].code))),
        notes=tuple(dict.fromkeys((*notes, *understood.notes))),
        resources=dict(Counter(str(res.get("resourceType")) for _, res in resources)),
    )


# --- the bundle ----------------------------------------------------------------------------------------------------


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise FhirReadError(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB; export a smaller bundle.")
    try:
        bundle = json.loads(data.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FhirReadError("The file is not readable JSON; export the bundle again as FHIR JSON.") from error
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise FhirReadError("The file is not a FHIR Bundle.", "resourceType")
    if _deeper_than(bundle, MOST_DEPTH):
        raise FhirReadError(f"The bundle is nested deeper than {MOST_DEPTH} levels.")
    return bundle


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ())
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _resources(bundle: dict[str, Any]) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise FhirReadError("The entries of the bundle are not a list.", "entry")
    if len(entries) > MOST_ENTRIES:
        raise FhirReadError(f"The bundle has more than {MOST_ENTRIES} entries.", "entry")
    notes: list[str] = []
    if any(isinstance(link, dict) and link.get("relation") == "next" for link in _list(bundle.get("link"))):
        notes.append("incomplete: the bundle says that more pages follow")
    found = []
    for number, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            notes.append("incomplete: an entry without a readable resource was left out")
            continue
        if resource["resourceType"] == "OperationOutcome":
            notes.append("incomplete: the sending system reported a problem inside the bundle")
            continue
        url = entry.get("fullUrl")
        found.append((url if isinstance(url, str) else f"entry/{number}", resource))
    return found, notes


def _key(url: str, resource: Mapping[str, Any]) -> str:
    return str(resource.get("id") or url)


# --- one resource each -----------------------------------------------------------------------------------------------


def _identity(url: str, patient: Mapping[str, Any]) -> Identity:
    names = [name for name in _list(patient.get("name")) if isinstance(name, dict)]
    chosen = next((n for n in names if n.get("use") == "official"), names[0] if names else {})
    given = " ".join(part for part in _list(chosen.get("given")) if isinstance(part, str))
    telecom = [t for t in _list(patient.get("telecom")) if isinstance(t, dict)]
    phones = tuple(str(t["value"]) for t in telecom if t.get("system") == "phone" and isinstance(t.get("value"), str))
    identifiers = tuple(
        (str(i.get("system", "")), str(i["value"]))
        for i in _list(patient.get("identifier"))
        if isinstance(i, dict) and isinstance(i.get("value"), str)
    )
    spoken = [c.get("language") for c in _list(patient.get("communication")) if isinstance(c, dict)]
    language = next((c.code for item in spoken for c in _codings(item) if c.code), None)
    return Identity(
        reference=_key(url, patient),
        given_name=given,
        family_name=chosen["family"] if isinstance(chosen.get("family"), str) else "",
        birth_date=_text(patient.get("birthDate")),
        gender=_text(patient.get("gender")),
        phones=phones,
        language=language,
        identifiers=identifiers,
        deceased=patient.get("deceasedBoolean") is True or isinstance(patient.get("deceasedDateTime"), str),
    )


class _Reader:
    """Takes resources one by one and keeps what it understood."""

    def __init__(self) -> None:
        self.weights: list[Measured] = []
        self.labs: list[Measured] = []
        self.conditions: list[Condition] = []
        self.allergies: list[Coded] = []
        self.saw_allergies = False
        self.medicines: list[str] = []
        self.unknown: Counter[Coded] = Counter()
        self.notes: list[str] = []

    def take(self, url: str, resource: Mapping[str, Any]) -> None:
        """Read one resource, if it is of a kind that we read."""
        kind = resource["resourceType"]
        if kind == "Observation":
            self._observation(url, resource)
        elif kind == "Condition":
            self._condition(resource)
        elif kind == "AllergyIntolerance":
            self._allergy(resource)
        elif kind in ("MedicationRequest", "MedicationStatement"):
            coded = _first_code(resource.get("medicationCodeableConcept"))
            if coded is not None:
                self.medicines.append(coded.display or coded.code)

    def _observation(self, url: str, resource: Mapping[str, Any]) -> None:
        status = _text(resource.get("status")) or "unknown"
        if status in IGNORED_STATUSES or status not in USED_STATUSES:
            return
        codings = list(_codings(resource.get("code")))
        row = next((r for c in codings if c.system == LOINC and (r := fact_of(c.code)) is not None), None)
        if row is None:
            if codings:
                self.unknown[codings[0]] += 1
            return
        quantity = resource.get("valueQuantity")
        value = _decimal(quantity.get("value")) if isinstance(quantity, dict) else None
        unit = _unit(quantity) if isinstance(quantity, dict) else ""
        if value is None or unit not in row.units:
            self.unknown[codings[0]] += 1
            self.notes.append(f"{row.code}: a value without a number or in an unknown unit was kept out")
            return
        low, high = _range(resource)
        measured = Measured(
            fact=row.code,
            value=value,
            unit=unit,
            effective=_text(resource.get("effectiveDateTime")) or _text(resource.get("effectiveInstant")),
            status=status,
            reference=_key(url, resource),
            low=low,
            high=high,
        )
        if row.code == WEIGHT:
            self._weight(measured)
        else:
            self.labs.append(measured)

    def _weight(self, measured: Measured) -> None:
        if measured.effective is None:
            self.notes.append("weight: a value without a date was kept out")
            return
        kilograms = (measured.value * KILOGRAMS[measured.unit]).quantize(Decimal("0.1"))
        self.weights.append(
            Measured(
                fact=WEIGHT,
                value=kilograms,
                unit="kg",
                effective=measured.effective,
                status=measured.status,
                reference=measured.reference,
            )
        )

    def _condition(self, resource: Mapping[str, Any]) -> None:
        verification = _first_code(resource.get("verificationStatus"))
        if verification is not None and verification.code in ("entered-in-error", "refuted"):
            return
        what = _first_code(resource.get("code"))
        if what is None:
            self.notes.append("a condition without a code or text was left out")
            return
        if what.code in NO_INFORMATION or what.code in NONE_KNOWN:
            return
        status = _first_code(resource.get("clinicalStatus"))
        self.conditions.append(
            Condition(
                what=what,
                clinical_status=status.code if status else None,
                onset=_text(resource.get("onsetDateTime")),
            )
        )

    def _allergy(self, resource: Mapping[str, Any]) -> None:
        verification = _first_code(resource.get("verificationStatus"))
        if verification is not None and verification.code in ("entered-in-error", "refuted"):
            return
        what = _first_code(resource.get("code"))
        if what is not None and what.code in NO_INFORMATION:
            return
        self.saw_allergies = True
        if what is not None and what.code not in NONE_KNOWN:
            self.allergies.append(what)


# --- small readers -----------------------------------------------------------------------------------------------


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _codings(concept: Any) -> Iterator[Coded]:
    if not isinstance(concept, dict):
        return
    text = _text(concept.get("text")) or ""
    for item in _list(concept.get("coding")):
        if isinstance(item, dict) and isinstance(item.get("code"), str):
            yield Coded(
                system=_text(item.get("system")) or "",
                code=item["code"],
                display=_text(item.get("display")) or text,
            )
    if not _list(concept.get("coding")) and text:
        yield Coded(system="", code="", display=text)


def _first_code(concept: Any) -> Coded | None:
    return next(_codings(concept), None)


def _unit(quantity: Mapping[str, Any]) -> str:
    return _text(quantity.get("code")) or _text(quantity.get("unit")) or ""


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 12 else None


def _range(resource: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    for item in _list(resource.get("referenceRange")):
        if isinstance(item, dict):
            low, high = item.get("low"), item.get("high")
            return (
                _decimal(low.get("value")) if isinstance(low, dict) else None,
                _decimal(high.get("value")) if isinstance(high, dict) else None,
            )
    return None, None
