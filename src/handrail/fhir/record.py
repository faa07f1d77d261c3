"""What a FHIR record says, as frozen values: nothing here reads JSON, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from handrail.fhir.times import When
from handrail.rules.foreign import UnreadableDocument

PRELIMINARY = "preliminary"


class FhirReadError(UnreadableDocument):
    """A bundle that cannot be read."""


class Listing(StrEnum):
    """What a record says about a whole list: absent, empty and unreadable are different facts."""

    LISTED = "listed"
    NONE_KNOWN = "none known"
    NOT_STATED = "not known"
    UNREADABLE = "there, but not readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A code as sent: system, code and display, or only a text (then system and code are empty)."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One name as sent."""

    use: str | None
    given: str
    family: str
    text: str

    @property
    def full(self) -> str:
        """The name in one line."""
        return f"{self.given} {self.family}".strip() or self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the record is about.

    `birth_date` is as sent: a day, a month (`1957-03`) or a year. `gender` is `male`, `female` or `other`.
    `deceased` is None when the record does not say; `deceased_on` is the date as sent.
    """

    reference: str
    names: tuple[Name, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    birth_date: str | None = None
    gender: str | None = None
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    language: str | None = None
    deceased: bool | None = None
    deceased_on: str | None = None

    @property
    def given_name(self) -> str:
        """The given names of the first name."""
        return self.names[0].given if self.names else ""

    @property
    def family_name(self) -> str:
        """The family name of the first name; its text when only that was sent."""
        return (self.names[0].family or ("" if self.names[0].given else self.names[0].text)) if self.names else ""

    @property
    def birth_year(self) -> int | None:
        """The year of birth, None when it is not known."""
        return int(self.birth_date[:4]) if self.birth_date else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One reading of a fact that Handrail understands.

    `value` and `unit` (UCUM) are what is used: weights in kg, laboratory values as sent. `as_sent` is the value with its
    unit before conversion. `problem` says why a reading is kept and not used; it is None for a usable one. `effective`
    is the time as sent, `when` the same, parsed. `reference` is the same for the same resource in every export.
    """

    fact: str
    value: Decimal | None
    unit: str
    effective: str | None
    when: When | None
    status: str
    reference: str
    as_sent: str
    low: Decimal | None = None
    high: Decimal | None = None
    problem: str | None = None
    implausible: bool = False
    result: str | None = None
    """`positive`, `negative` or `indeterminate` instead of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """Vital signs of one Observation, by their names in the event: whole numbers, temperatures in degrees Celsius.

    `as_sent` holds each with its unit before conversion. `problem` says why they are kept and not used.
    """

    values: Mapping[str, Decimal]
    when: When | None
    status: str
    reference: str
    as_sent: Mapping[str, str]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on the record. `onset`, `recorded` and `severity` are as sent; `clinical_status` None means not said."""

    what: Coded
    clinical_status: str | None
    verification: str | None
    onset: When | None
    recorded: When | None
    reference: str
    severity: str = ""
    about_patient: bool = True
    """False: the entry names nobody; it is not known to be about the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy:
    """An allergy or intolerance on the record."""

    what: Coded
    clinical_status: str | None
    verification: str | None
    criticality: str | None
    reference: str = ""
    recorded: When | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Medicine:
    """A medicine on the record, by its text. `kind` is `ordered`, `stated` or `given`.

    `when` is when it was given, taken or ordered, the start of a period; `ended` its end. `mg` is the amount in milligrams, `amount`
    the same as sent; None and empty when another unit or none was sent. `dosage` is the words beside it.
    """

    what: Coded
    kind: str
    status: str | None
    reference: str = ""
    when: When | None = None
    ended: When | None = None
    mg: Decimal | None = None
    amount: str = ""
    dosage: str = ""
    route: str = ""
    lot: str = ""
    about_patient: bool = True
    """False: the entry names nobody; it is not known to be about the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecord:
    """What a bundle says.

    `weights_kg` (kg) and `labs` hold usable readings, oldest first; `unused` holds readings of the same facts that are
    kept and not used, each with its `problem`. `not_known` names what the record does not say. `not_understood` holds
    observations by code, with how often each was met. `incomplete` is true when the sender said that more exists.
    """

    identity: Identity
    weights_kg: tuple[Measured, ...]
    labs: tuple[Measured, ...]
    unused: tuple[Measured, ...]
    conditions: tuple[Condition, ...]
    conditions_state: Listing
    allergies: tuple[Allergy, ...]
    allergies_state: Listing
    medicines: tuple[Medicine, ...]
    medicines_state: Listing
    not_known: tuple[str, ...]
    not_understood: tuple[tuple[Coded, int], ...]
    notes: tuple[str, ...]
    incomplete: bool
    bundle_type: str
    resources: Mapping[str, int]
    vitals: tuple[Vital, ...] = ()
    performance: tuple[Measured, ...] = ()
    """ECOG performance status, as it came; the day may be missing."""
    unread: tuple[tuple[str, Coded, int], ...] = ()
    """Resources of kinds that are not read: the kind, the first code, and how often each was met."""

    @property
    def weight(self) -> Measured | None:
        """The newest usable weight in kg, None when the record has none. Always show its date."""
        return self.weights_kg[-1] if self.weights_kg else None
