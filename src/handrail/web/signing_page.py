"""What the pages of a signing set show: every row in words, with its source, its status and what was decided about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from django.urls import NoReverseMatch, reverse

from handrail.actions.signing import may_decide
from handrail.actions.signing_state import ROLES, Part, State
from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import SigningMark
from handrail.rules.overlays import TO_CONFIRM
from handrail.rules.protocol import Protocol, Row
from handrail.rules.terms import STEP_WORDS, Status, say_instant
from handrail.web.words import STATUS_WORDS

HEADINGS: Final = {
    "Product": "The product",
    "IndicationRow": "Whom the label is for",
    "StrengthRow": "Strengths",
    "StepRow": "Steps",
    "BandRow": "Weight bands",
    "GapRow": "Days since the last dose, and what then",
    "PremedicationRow": "Before a dose",
    "MonitoringRow": "After a dose",
    "AfterToxicityRow": "After a reaction",
    "IntervalChangeRow": "Longer intervals",
    "PhaseDoseRow": "Doses of a phase",
    "WarningRow": "Warnings",
    "RemsRow": "REMS requirements",
}
_COMMON: Final = {"id", "source", "status", "words", "note", "signed_by"}
UNITS: Final = {
    "mg": "mg",
    "ml": "mL",
    "mg_per_kg": "mg/kg",
    "mg_per_ml": "mg/mL",
    "from_kg": "from kg",
    "to_kg": "to kg",
    "vial_mg": "mg in a vial",
    "vial_ml": "mL in a vial",
    "syringe_limit_ml": "mL at most in one syringe",
}


def sections(state: State, zone: str) -> list[dict[str, Any]]:
    """Every row of the protocol by its table, those that wait for a decision counted."""
    protocol = state.protocol
    if protocol is None:
        return []
    found: dict[str, list[dict[str, Any]]] = {}
    for row in protocol.rows():
        found.setdefault(type(row).__name__, []).append(_row(row, protocol, state, zone))
    return [
        {
            "key": name.lower(),
            "heading": HEADINGS.get(name) or _spaced(name.removesuffix("Row")),
            "rows": rows,
            "open": sum(row["open"] for row in rows),
            "decidable": any(row["decidable"] for row in rows),
            "may_end": name == "RemsRow",
            "unverified": any(row["status"] == Status.UNVERIFIED.value for row in rows),
        }
        for name, rows in found.items()
    ]


def _row(row: Row, protocol: Protocol, state: State, zone: str) -> dict[str, Any]:
    entry = state.entries.get(row.id)
    decidable = may_decide(row)
    return {
        "id": row.id,
        "words": row.words,
        "note": row.note or "",
        "said": list(row_facts(row)),
        "status": row.status.value,
        "chip": STATUS_WORDS[row.status.value],
        "sources": [protocol.sources[key] for key in row.source],
        "decidable": decidable,
        "open": row.status in TO_CONFIRM and entry is None,
        "ended": entry.in_force_to if entry else None,
        "decision": entry.decision if entry else "",
        "citation": entry.citation if entry else "",
        "by": entry.by.name if entry else "",
        "at": say_instant(entry.at, zone) if entry else "",
        "carried": entry.carried_from if entry else None,
    }


def row_facts(row: Row) -> Iterable[tuple[str, str]]:
    """The columns of a row that say something, as name and value."""
    for item in fields(row):
        value = getattr(row, item.name)
        if item.name in _COMMON or value is None or value == () or value is False:
            continue
        yield UNITS.get(item.name, _spaced(item.name)), _said(value)


def _said(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, tuple):
        return ", ".join(_said(each) for each in value)
    if is_dataclass(value):
        return ", ".join(
            f"{_spaced(f.name)} {_said(getattr(value, f.name))}"
            for f in fields(value)
            if getattr(value, f.name) is not None
        )
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (int, Decimal)):
        return f"{value}"
    return STEP_WORDS[value] if value in STEP_WORDS else _spaced(str(value))


def _spaced(text: str) -> str:
    return text.replace("_", " ")


def progress(state: State) -> dict[str, int]:
    """How many rows there are, and how they stand."""
    rows = list(state.protocol.rows()) if state.protocol else []
    decisions = [entry.decision for entry in state.entries.values()]
    return {
        "rows": len(rows),
        "read": len(rows) - len(state.to_decide()),
        "to_decide": len(state.to_decide()),
        "open": len(state.open_rows()),
        "confirmed": decisions.count("confirmed"),
        "left": decisions.count("left"),
    }


def signatures(state: State, zone: str) -> list[dict[str, str]]:
    """Both parts: who signed when, or nobody yet."""
    return [{"part": Part(part).label, **_signed(state.marks.get(part), zone)} for part in ROLES]


def _signed(mark: SigningMark | None, zone: str) -> dict[str, str]:
    return {"who": mark.by.name, "at": say_instant(mark.at, zone)} if mark else {"who": "", "at": ""}


def ended(state: State, zone: str) -> list[dict[str, str]]:
    """Signatures that a later entry ended."""
    return [
        {"part": Part(mark.part).label, "who": mark.by.name, "at": say_instant(mark.at, zone)} for mark in state.ended
    ]


def parts_for(state: State, person: User, now: datetime) -> list[dict[str, str]]:
    """As what this person could sign now."""
    if state.closed or state.open_rows() or any(mark.by_id == person.pk for mark in state.marks.values()):
        return []
    roles = permissions.roles_at(person, state.signing_set.organisation_id, now)
    return [
        {"value": part, "label": Part(part).label}
        for part, allowed in ROLES.items()
        if part not in state.marks and roles & allowed
    ]


def protocol_address(key: str) -> str:
    """The page of a protocol; the list of all where it has none of its own."""
    try:
        return reverse("protocol", args=[key])
    except NoReverseMatch:
        return reverse("protocols")
