"""The facts about what a patient keeps at home, and was taught to do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

TeachBackAnswer = Literal["passed", "repeat", "not_done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeMedicineAuthorised:
    """A prescriber authorises one medicine that this patient keeps at home: `agent` is its kind, `medicine` its name.

    `pack_at_hand`: the patient has it; `valid_until` and `pack_expires_on` are the last days that count.
    """

    agent: Literal["dexamethasone", "antipyretic", "antibiotic"] | None = None
    medicine: str | None = None
    dose_mg: Decimal | None = None
    route: str | None = None
    trigger: (
        Literal["fever", "fever_or_neurological_change", "fever_and_nobody_reached", "told_by_clinician"] | None
    ) = None
    allergy_checked: bool | None = None
    interaction_checked: bool | None = None
    teach_back_passed: bool | None = None
    valid_until: date | None = None
    pack_at_hand: bool | None = None
    pack_expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeMedicineStopped:
    """The authorisation of a medicine at home has ended."""

    agent: Literal["dexamethasone", "antipyretic", "antibiotic"] | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachBackDone:
    """What patient or caregiver said or showed in their own words, item by item; `own_language`: in it, or with an interpreter."""

    who: Literal["patient", "caregiver"] | None = None
    items: Mapping[str, TeachBackAnswer] | None = None
    own_language: bool | None = None


def taught_words(body: TeachBackDone, nulls: frozenset[str]) -> str:
    """`of the patient; passed: fever number, card; to be repeated: sentence; not in their own language`."""
    parts = [f"of the {body.who}" if body.who else "not known of whom"]
    for answer, words in (("passed", "passed"), ("repeat", "to be repeated"), ("not_done", "not done")):
        items = [name.replace("_", " ") for name, said in (body.items or {}).items() if said == answer]
        parts += [f"{words}: {', '.join(items)}"] if items else []
    if body.items is None:
        parts.append("answers not known")
    if body.own_language is False:
        parts.append("not in their own language")
    elif body.own_language is None and "own_language" in nulls:
        parts.append("whether in their own language is not known")
    return "; ".join(parts)
