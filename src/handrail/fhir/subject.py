"""Who a file is about, and which of its resources mean that person. Nobody is matched by name and birth date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from handrail.fhir.bundle import Bundle, Entry, contained, reference_text
from handrail.fhir.record import FhirReadError
from handrail.fhir.values import objects

SEVERAL: Final = "The bundle holds several patients; export one patient at a time."
BY_PATIENT: Final = ("AllergyIntolerance", "Immunization")
"""Kinds that call their subject `patient`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The person of a bundle: its Patient, or only the reference by which every resource names the same absent one."""

    bundle: Bundle
    patient: Entry | None = None
    claimed: str = ""

    @property
    def reference(self) -> str:
        """How the file names the person; empty when it names nobody."""
        return self.patient.reference if self.patient is not None else self.claimed

    def means(self, reference: Any, referrer: Entry) -> bool | None:
        """True: a reference names this person; False: somebody else; None: nobody."""
        if not isinstance(reference, dict):
            return None
        if self.patient is None:
            named = _claim(reference, referrer)
            return None if named is None else named == self.claimed
        named = reference_text(reference)
        if named is not None:
            return self.bundle.resolve(named, referrer) is self.patient
        identifier = reference.get("identifier")
        if not isinstance(identifier, dict):
            return None
        return any(
            (item.get("system"), item.get("value")) == (identifier.get("system"), identifier.get("value"))
            for item in objects(self.patient.resource.get("identifier"))
        )


def subject_of(entry: Entry) -> Any:
    """The reference to whom a resource is about, as it came."""
    return entry.resource.get("patient" if entry.kind in BY_PATIENT else "subject")


def the_patient(bundle: Bundle) -> Subject:
    """The one Patient of a bundle; of a document with several, the one that its Composition is about.

    Raises:
        FhirReadError: there is none, or several.
    """
    patients = bundle.of("Patient")
    if not patients:
        message = "The bundle names no patient; export the record together with its Patient resource."
        raise FhirReadError(message, "entry")
    for cover in bundle.of("Composition")[:1]:
        named = reference_text(cover.resource.get("subject"))
        target = bundle.resolve(named, cover) if named is not None else None
        if target is not None and target.kind == "Patient":
            return Subject(bundle=bundle, patient=target)
    if len(patients) > 1:
        raise FhirReadError(SEVERAL, "entry")
    return Subject(bundle=bundle, patient=patients[0])


def the_person(bundle: Bundle) -> Subject:
    """The person of a file that a human being reviews: its Patient, or the one that all of its resources name.

    Raises:
        FhirReadError: resources about several people.
    """
    if bundle.of("Patient"):
        return the_patient(bundle)
    claims = {claim for entry in bundle.entries if (claim := _claim(subject_of(entry), entry)) is not None}
    if len(claims) > 1:
        raise FhirReadError(SEVERAL, "entry")
    return Subject(bundle=bundle, claimed=next(iter(claims), ""))


def _claim(reference: Any, referrer: Entry) -> str | None:
    """How a resource names its person when no Patient is in the file; one that it contains counts by its content."""
    if not isinstance(reference, dict):
        return None
    named = reference_text(reference)
    if named is not None and named.startswith("#"):
        return _content(contained(referrer.resource, named) or {})
    if named is not None:
        return named
    identifier = reference.get("identifier")
    return _content(identifier) if isinstance(identifier, dict) else None


def _content(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, default=str)[:300]
