"""The facts of a stay in hospital: admission, the plan of a day, the call with the centre, discharge.

People are ids and roles, never names or numbers: those are kept elsewhere, encrypted. Grades, and what was given, are facts of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionNoted:
    """The patient was admitted, or moved to another unit. `place`: the hospital; `hospitalist`: the id of a named person there."""

    place: str | None = None
    service: str | None = None
    hospitalist: str | None = None
    admitted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPlanWritten:
    """The plan of one day in hospital, and who decides the next dose of the drug: a role, and the id of a named person."""

    for_day: date | None = None
    lines: tuple[str, ...] | None = None
    decides_role: str | None = None
    decides_person: str | None = None
    next_hub_call_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCallMade:
    """The centre called those who have the patient in hospital, or tried to. `with`: a role there; `person`: an id."""

    reached: bool | None = None
    with_: str | None = None
    person: str | None = None
    outcome: str | None = None
    next_call_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeNoted:
    """The patient left hospital. A move to another unit or hospital is an admission there, and no discharge."""

    discharged_at: datetime | None = None
    to: Literal["home", "lodging", "facility"] | None = None


STAY: Final[dict[str, type[Any]]] = {
    "admission_noted": AdmissionNoted,
    "admission_plan_written": AdmissionPlanWritten,
    "hub_call_made": HubCallMade,
    "discharge_noted": DischargeNoted,
}
"""The payload of each such kind."""

STAY_WORDS: Final = {
    "admission_noted": "admitted",
    "admission_plan_written": "plan of the day in hospital",
    "hub_call_made": "call with the hospital",
    "discharge_noted": "discharged",
}
"""Each such kind as a person says it."""
