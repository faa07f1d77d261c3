"""What a transfer packet is made of, and what changed between two of them.

A field is never left out: what is not known is said to be not known. Every field carries where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from handrail.rules.answer import NextDose, plain
from handrail.rules.terms import Status

FORMAT: Final = "handrail-packet/1"
NOT_KNOWN: Final = "not known"
BY_THE_HOUR: Final = ("fever.number", "fever.calls", "duties.now")
"""Fields that follow the hour in which the packet was made: no change of what it says."""
Kind = Literal["event", "rule", "label", "policy", "course", "people", "agreement", "data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a field comes from. `event` and `at`: the fact it rests on and when that happened; `row`: a row of label or policy."""

    kind: Kind
    event: str | None = None
    at: datetime | None = None
    by: str | None = None
    row: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `words` None: not known; `why` then says what is missing. `key` stays the same from version to version."""

    key: str
    label: str
    words: str | None = None
    why: str = ""
    origin: Origin | None = None
    identity: bool = False

    @property
    def said(self) -> str:
        """The value, or that it is not known."""
        if self.words is not None:
            return self.words
        return f"{NOT_KNOWN} ({self.why})" if self.why else NOT_KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table: a cell for each column, None where it is not known."""

    key: str
    cells: tuple[str | None, ...]
    origin: Origin | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """The cells, with "not known" where one is."""
        return tuple(NOT_KNOWN if cell is None else cell for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Lines under one heading. `none` is what an empty table says: "none recorded" is never "none"."""

    key: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    none: str = NOT_KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One of the twenty sections, always there."""

    number: int
    key: str
    title: str
    fields: tuple[Field, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseGivenPart:
    """A given dose, for machines."""

    event: str
    step: str | None
    at: datetime | None
    on: date | None
    mg: Decimal | None
    mg_per_kg: Decimal | None
    weight_kg: Decimal | None
    volume_ml: Decimal | None
    route: str | None
    lot: str | None
    site: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicinePart:
    """Another medicine that was given, for machines."""

    event: str
    agent: str
    at: datetime
    mg: Decimal | None
    route: str | None
    purpose: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodePart:
    """An episode of a toxicity, for machines. `grade` None: not known; `closed_at` None: open."""

    toxicity: str
    grade: int | None
    suspected: bool
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionPart:
    """A condition as last noted, for machines. `active` None: not known."""

    event: str
    what: str
    grade: int | None
    active: bool | None
    at: datetime
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPart:
    """A laboratory value or a vital sign, for machines. `value` and `result` None: not known."""

    event: str
    what: str
    at: datetime
    value: Decimal | None
    unit: str | None
    result: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPart:
    """Somebody to call for the patient."""

    name: str
    relationship: str
    phone: str
    caregiver: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who the patient is: joined at the edge from where identity is kept, never from events. Empty: not known."""

    given_name: str = ""
    family_name: str = ""
    birth_date: str = ""
    sex: str = ""
    phone: str = ""
    record_number: str = ""
    record_system: str = ""
    language: str = ""
    contacts: tuple[ContactPart, ...] = ()

    @property
    def name(self) -> str:
        """The name in one line."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPart:
    """Whom to call from an instant on."""

    from_at: datetime
    until: datetime
    party: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the site knows beyond the course: parties, numbers by the hour, the agreement's table. Empty: not known."""

    from_party: str = ""
    """Who has accepted the patient; `answers` is who is called at this hour."""
    answers: str = ""
    to_party: str = ""
    offer_waits: bool | None = None
    """Whether an offer of the patient waits; None: not known."""
    number: str = ""
    calls: tuple[CallPart, ...] = ()
    emergency_department: str = ""
    agreement: str = ""
    duties: tuple[tuple[str, str], ...] = ()
    """Task and the party that answers for it."""
    duties_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Everything that one site tells another about a course at one instant: twenty sections, and the same facts for machines."""

    course: str
    product: str
    product_words: str
    protocol_key: str
    time_zone: str
    synthetic: bool
    made_at: datetime
    sections: tuple[Section, ...]
    next_dose: NextDose
    doses: tuple[DoseGivenPart, ...] = ()
    medicines: tuple[MedicinePart, ...] = ()
    episodes: tuple[EpisodePart, ...] = ()
    conditions: tuple[ConditionPart, ...] = ()
    labs: tuple[MeasuredPart, ...] = ()
    vitals: tuple[MeasuredPart, ...] = ()
    window_ends: datetime | None = None
    in_window: bool = False
    ecog: int | None = None
    who: Who = Who()
    around: Around = Around()
    notes: tuple[str, ...] = ()
    """What the reader must know before anything else."""
    format: str = field(default=FORMAT)

    def section(self, key: str) -> Section:
        """The section of that key."""
        return next(each for each in self.sections if each.key == key)

    def field(self, key: str) -> Field:
        """The field of that key."""
        return next(each for section in self.sections for each in section.fields if each.key == key)

    @property
    def sha256(self) -> str:
        """The digest of what it says: the same facts made again give the same one, whatever hour it is."""
        body = self.to_json()
        del body["made_at"], body["around"]["calls"], body["around"]["number"], body["around"]["answers"]
        body["sections"] = [
            {**each, "fields": [one for one in each["fields"] if one["key"] not in BY_THE_HOUR]}
            for each in body["sections"]
        ]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, which `packet_changes` compares."""
        body = plain(self)
        assert isinstance(body, dict)
        return {"format": body.pop("format"), **body}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from a former version. `before` None: it was not there; `after` None: it is there no more."""

    section: int
    title: str
    label: str
    before: str | None
    after: str | None


def packet_changes(former: dict[str, Any] | None, now: dict[str, Any]) -> tuple[Change, ...]:
    """What changed from one version, as written out, to another; everything when there was none before.

    A line or field that only moved is no change; one that became not known is.
    """
    before = {} if former is None else dict(_said(former))
    after = dict(_said(now))
    found = []
    for key in [*after, *(key for key in before if key not in after)]:
        one, other = before.get(key), after.get(key)
        if (one and one[3]) == (other and other[3]):
            continue
        known = other or one
        assert known is not None
        section, title, label, _ = known
        found.append(
            Change(
                section=section,
                title=title,
                label=label,
                before=one[3] if one else None,
                after=other[3] if other else None,
            )
        )
    return tuple(sorted(found, key=lambda change: change.section))


def _said(packet: dict[str, Any]) -> Iterator[tuple[str, tuple[int, str, str, str]]]:
    """Every field and line as (key, (section, its title, label, words))."""
    for section in packet["sections"]:
        number, title = section["number"], section["title"]
        for each in section["fields"]:
            if each["key"] in BY_THE_HOUR:
                continue
            yield each["key"], (number, title, each["label"], each["words"] or NOT_KNOWN)
        for table in section["tables"]:
            for line in table["lines"]:
                cells = (
                    f"{name} {cell or NOT_KNOWN}" for name, cell in zip(table["columns"], line["cells"], strict=True)
                )
                yield line["key"], (number, title, table["title"], "; ".join(cells))
