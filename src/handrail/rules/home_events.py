"""The facts about medicines that a patient keeps at home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal


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
