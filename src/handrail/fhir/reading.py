"""Read a FHIR R4 Bundle about one patient: identity, weight, conditions, allergies, medicines, laboratory values.

Mapping only: no rule lives here, nothing is written, nobody is matched. What is absent stays "not known", what is there and
not understood is kept by its code, and a bundle that cannot be read is one clear sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from handrail.fhir.bundle import Bundle, Entry, contained, parse_bundle, reference_text, section_lists
from handrail.fhir.codes import EMPTY_REASON, LISTS, LOINC, WEIGHT, CodeTable, code_table
from handrail.fhir.measured import Observations, newest_last, rivals
from handrail.fhir.medicines import MEDICINE_KINDS, read_medicine
from handrail.fhir.origin import is_ours
from handrail.fhir.person import read_identity
from handrail.fhir.record import (
    Allergy,
    Coded,
    Condition,
    FhirReadError,
    Identity,
    Listing,
    Measured,
    Medicine,
    Name,
    ReadRecord,
)
from handrail.fhir.subject import Subject, subject_of, the_patient
from handrail.fhir.times import parse_when
from handrail.fhir.values import codings, first_coding, objects, status_code, text
from handrail.rules.policy import load_policy

__all__ = [
    "Allergy",
    "Coded",
    "Condition",
    "FhirReadError",
    "Identity",
    "Listing",
    "Measured",
    "Medicine",
    "Name",
    "ReadRecord",
    "read_bundle",
]

WRONG: Final = ("entered-in-error", "refuted")
STRUCTURE: Final = (
    "Patient",
    "Composition",
    "Medication",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Device",
    "Provenance",
    "RelatedPerson",
)
"""Kinds that say who and where, or belong to another resource."""
DIED: Final = "the record says that this person has died"
SOMEONE_ELSE: Final = "resources about somebody else were left out"
BOTH: Final = "the list of {} has entries and also says that there are none; the entries are kept"
RIVAL_WEIGHTS: Final = "several different weights may be the newest; compare them before one is used"
NEWER_UNUSED: Final = "a newer weight is on the record and cannot be used; see what is not used"


def read_bundle(data: bytes) -> ReadRecord:
    """Read one bundle about one patient.

    Args:
        data: the file as it came, UTF-8 JSON of at most 5 MB.

    Raises:
        FhirReadError: too large, not JSON, no Bundle of an accepted type, no patient or several.
    """
    bundle = parse_bundle(data)
    return read_record(bundle, the_patient(bundle))


def read_record(bundle: Bundle, subject: Subject) -> ReadRecord:
    """Read what a bundle says about one person, who may not be in it: then nothing is known of the person."""
    unreadable: list[str] = []
    identity = Identity(reference=subject.reference)
    if subject.patient is not None:
        identity, unreadable = read_identity(subject.patient)
    reader = _Reader(bundle=bundle, subject=subject, table=code_table())
    for entry in bundle.entries:
        reader.take(entry)
    return reader.record(identity, unreadable)


@dataclass(slots=True, kw_only=True)
class _List:
    """What was met of one list: entries, a statement about the whole list, something unreadable."""

    entries: list[Any] = field(default_factory=list)
    none_known: bool = False
    unreadable: bool = False

    @property
    def state(self) -> Listing:
        if self.entries:
            return Listing.LISTED
        if self.unreadable:
            return Listing.UNREADABLE
        return Listing.NONE_KNOWN if self.none_known else Listing.NOT_STATED


class _Reader:
    """Takes the entries one by one and keeps what it understood."""

    def __init__(self, *, bundle: Bundle, subject: Subject, table: CodeTable) -> None:
        self.bundle = bundle
        self.subject = subject
        self.table = table
        self.observations = Observations(
            table=table, weight_limits=load_policy().plausible["weight_kg"], ours=is_ours(bundle)
        )
        self.lists: dict[str, _List] = {name: _List() for name in LISTS}
        self.others = 0
        self.unread: Counter[tuple[str, Coded]] = Counter()

    def take(self, entry: Entry) -> None:
        """Read one entry, if it is of a kind that we read."""
        readers = {
            "Observation": self._observation,
            "Condition": self._condition,
            "AllergyIntolerance": self._allergy,
            "Composition": self._composition,
            **dict.fromkeys(MEDICINE_KINDS, self._medicine),
        }
        read = readers.get(entry.kind)
        if read is None:
            if entry.kind not in STRUCTURE:
                self.unread[entry.kind, _named(entry.resource)] += 1
            return
        about = self.subject.means(subject_of(entry), entry)
        if about is False:
            self.others += 1
            return
        read(entry, about is True)

    def _observation(self, entry: Entry, about_patient: bool) -> None:
        focus = [self.subject.means(item, entry) for item in objects(entry.resource.get("focus"))]
        self.observations.take(entry, about_patient=about_patient and False not in focus)

    def _condition(self, entry: Entry, about: bool) -> None:
        resource = entry.resource
        what = self._entry_of("conditions", resource)
        if what is not None:
            self.lists["conditions"].entries.append(
                Condition(
                    what=what,
                    clinical_status=status_code(resource.get("clinicalStatus")),
                    verification=status_code(resource.get("verificationStatus")),
                    onset=parse_when(resource.get("onsetDateTime")),
                    recorded=parse_when(resource.get("recordedDate")),
                    reference=entry.reference,
                    severity=_words(resource.get("severity")),
                    about_patient=about,
                )
            )

    def _allergy(self, entry: Entry, _about: bool) -> None:
        resource = entry.resource
        what = self._entry_of("allergies", resource)
        if what is not None:
            self.lists["allergies"].entries.append(
                Allergy(
                    what=what,
                    clinical_status=status_code(resource.get("clinicalStatus")),
                    verification=status_code(resource.get("verificationStatus")),
                    criticality=text(resource.get("criticality")),
                    reference=entry.reference,
                    recorded=parse_when(resource.get("recordedDate")),
                )
            )

    def _entry_of(self, name: str, resource: Mapping[str, Any]) -> Coded | None:
        """What a condition or allergy is; None when it is wrong, speaks about the whole list, or cannot be read."""
        if status_code(resource.get("verificationStatus")) in WRONG:
            return None
        return self._named(name, first_coding(resource.get("code")), resource.get("code"))

    def _named(self, name: str, what: Coded | None, concept: Any) -> Coded | None:
        found = self.lists[name]
        said = {self.table.statement_of(name, code.system, code.code) for code in codings(concept)} - {None}
        if said:
            found.none_known = found.none_known or said == {"none_known"}
            return None
        if what is None:
            found.unreadable = True
        return what

    def _medicine(self, entry: Entry, about: bool) -> None:
        resource = entry.resource
        if text(resource.get("status")) == "entered-in-error" or resource.get("doNotPerform") is True:
            return
        concept, lot = self._medication(entry)
        what = self._named("medicines", first_coding(concept), concept)
        if what is not None:
            self.lists["medicines"].entries.append(read_medicine(entry, what, lot, about_patient=about))

    def _medication(self, entry: Entry) -> tuple[Any, str]:
        """What medicine it is, with its lot: said itself, by a Medication (contained or in the bundle), or beside the reference."""
        concept, reference = (entry.resource.get(f"medication{way}") for way in ("CodeableConcept", "Reference"))
        if concept is not None or reference is None:
            return concept, ""
        named = reference_text(reference) or ""
        if named.startswith("#"):
            medication = contained(entry.resource, named)
        else:
            target = self.bundle.resolve(named, entry)
            medication = target.resource if target is not None and target.kind == "Medication" else None
        if medication is not None and first_coding(medication.get("code")) is not None:
            batch = medication.get("batch")
            return medication.get("code"), (text(batch.get("lotNumber")) or "") if isinstance(batch, dict) else ""
        return ({"text": reference.get("display")} if isinstance(reference, dict) else None), ""

    def _composition(self, entry: Entry, _about: bool) -> None:
        for section in section_lists(entry.resource):
            codes = {c.code for c in codings(section.get("code")) if c.system == LOINC}
            reasons = {c.code for c in codings(section.get("emptyReason")) if c.system == EMPTY_REASON}
            for row in self.table.section:
                if row.loinc in codes and row.none_known in reasons:
                    self.lists[row.fact].none_known = True

    def record(self, identity: Identity, unreadable: list[str]) -> ReadRecord:
        """Everything that was read."""
        weights = newest_last([m for m in self.observations.usable if m.fact == WEIGHT])
        labs = newest_last([m for m in self.observations.usable if m.fact != WEIGHT])
        unused = tuple(sorted(self.observations.unused, key=lambda m: (m.fact, m.effective or "", m.reference)))
        lists = self.lists
        known = {
            "birth date": identity.birth_date,
            "sex": identity.gender,
            "language": identity.language,
            "weight": weights,
            "conditions": lists["conditions"].state in (Listing.LISTED, Listing.NONE_KNOWN),
            "allergies": lists["allergies"].state in (Listing.LISTED, Listing.NONE_KNOWN),
            "medicines": lists["medicines"].state in (Listing.LISTED, Listing.NONE_KNOWN),
            "laboratory values": labs,
        }
        return ReadRecord(
            identity=identity,
            weights_kg=weights,
            labs=labs,
            unused=unused,
            conditions=tuple(lists["conditions"].entries),
            conditions_state=lists["conditions"].state,
            allergies=tuple(lists["allergies"].entries),
            allergies_state=lists["allergies"].state,
            medicines=tuple(lists["medicines"].entries),
            medicines_state=lists["medicines"].state,
            not_known=tuple(name for name, found in known.items() if not found),
            not_understood=_by_count(self.observations.unknown),
            notes=self._notes(identity, unreadable, weights, unused),
            incomplete=bool(self.bundle.notes),
            bundle_type=self.bundle.type,
            resources=dict(Counter(entry.kind for entry in self.bundle.entries)),
            vitals=tuple(self.observations.vitals),
            performance=tuple(self.observations.performance),
            unread=tuple((kind, what, times) for (kind, what), times in sorted(self.unread.items(), key=_by_name)),
        )

    def _notes(
        self,
        identity: Identity,
        unreadable: list[str],
        weights: tuple[Measured, ...],
        unused: tuple[Measured, ...],
    ) -> tuple[str, ...]:
        notes = [DIED] if identity.deceased else []
        notes += self.bundle.notes
        notes += [f"{name}: there, but not readable" for name in unreadable]
        for name, found in self.lists.items():
            if found.unreadable:
                notes.append(f"{name}: an entry without code and text was left out")
            if found.entries and found.none_known:
                notes.append(BOTH.format(name))
        if self.others:
            notes.append(f"{self.others} {SOMEONE_ELSE}")
        if rivals(weights):
            notes.append(RIVAL_WEIGHTS)
        if newer_unused(unused, weights, WEIGHT):
            notes.append(NEWER_UNUSED)
        return tuple(notes)


def newer_unused(unused: tuple[Measured, ...], usable: tuple[Measured, ...], fact: str) -> tuple[Measured, ...]:
    """Dated readings of a fact that cannot be used and may be newer than its newest usable one."""
    latest = [m.when for m in usable if m.fact == fact and m.when is not None][-1:]
    return tuple(
        m for m in unused if m.fact == fact and m.when and all(m.when.latest >= when.earliest for when in latest)
    )


def _named(resource: Mapping[str, Any]) -> Coded:
    """What a resource that is not read calls itself."""
    concepts = (resource.get(name) for name in ("code", "vaccineCode", "type"))
    nothing = Coded(system="", code="", display="")
    return next((found for concept in concepts if (found := first_coding(concept)) is not None), nothing)


def _by_name(item: tuple[tuple[str, Coded], int]) -> tuple[str, ...]:
    (kind, what), _ = item
    return kind, what.system, what.code, what.display


def _words(concept: Any) -> str:
    """The text of a CodeableConcept, else what its first code is called."""
    if not isinstance(concept, dict):
        return ""
    found = first_coding(concept)
    return text(concept.get("text")) or (found.display if found else "")


def _by_count(unknown: Counter[Coded]) -> tuple[tuple[Coded, int], ...]:
    return tuple(sorted(unknown.items(), key=lambda item: (-item[1], item[0].system, item[0].code, item[0].display)))
