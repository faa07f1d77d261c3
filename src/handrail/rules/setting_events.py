"""The facts that a setting is decided from and that no other event holds: the calendar of the step-up, the roster of caregivers, the way,
lodging, and the answers about the patient, the site and the payer.

Each event says the whole of what it is about: a roster takes the place of the roster before it. A caregiver is told by a number, never by
a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from handrail.rules.setting_facts import Dated, Level, Paper, Suspension, Weather, WorstTime
from handrail.rules.terms import STEPS

if TYPE_CHECKING:
    Step = str
else:
    Step = Literal[STEPS]
Recommendation = Literal["DEFER", "INPATIENT", "HYBRID", "OUTPATIENT"]
Caregiver = Literal["caregiver_1", "caregiver_2", "caregiver_3", "caregiver_4", "caregiver_5", "caregiver_6"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseSlot:
    """One dose of the calendar: its step, and when it begins."""

    step: Step
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpPlanned:
    """The calendar of a step-up, up to the first treatment dose."""

    doses: tuple[DoseSlot, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RosteredHours:
    """Hours in which a caregiver says to be with the patient."""

    who: Caregiver
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaregiversRostered:
    """Who is with the patient, hour by hour. An empty roster says: nobody."""

    hours: tuple[RosteredHours, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelNoted:
    """The way from home to the receiving hospital, in minutes: by the months and the weather, by whom it was told, and as of which day."""

    worst: tuple[WorstTime, ...] | None = None
    typical_minutes: int | None = None
    night_minutes: int | None = None
    to: str | None = None
    told_by: str | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LodgingNoted:
    """A place near the hospital for the watched days: whether the patient accepts it, from and until when, and minutes from there."""

    accepted: bool | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    worst_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFactsNoted:
    """Answers to what a setting is decided from. What was not asked is absent; the latest answer to each question counts.

    What the desk of the site, of the REMS or of access knows itself is taken from there, and the answer here is not read.
    """

    # may it start at all
    infection_active: bool | None = None
    consent: bool | None = None
    live_vaccine: bool | None = None
    decided_to_proceed_without: bool | None = None
    # the patient
    frail: bool | None = None
    ecog: int | None = None
    self_report_unreliable: bool | None = None
    cns_disease: bool | None = None
    uncontrolled_seizures: bool | None = None
    worst_earlier_reaction: int | None = None
    explosive_progression: bool | None = None
    extramedullary_disease: bool | None = None
    plasma_cell_leukaemia: bool | None = None
    cytopenia: bool | None = None
    nyha: int | None = None
    oxygen_need: bool | None = None
    heart_attack_or_stroke: Dated | None = None
    decompensated_cirrhosis: bool | None = None
    dialysis: bool | None = None
    significant_comorbidities: int | None = None
    infection_resolved: Dated | None = None
    anticoagulated: bool | None = None
    tocilizumab_planned: bool | None = None
    # at home
    measures_temperature: bool | None = None
    caregiver_unwell: bool | None = None
    teach_back_low: bool | None = None
    needs_interpreter: bool | None = None
    interpreter_at_all_hours: bool | None = None
    transport_at_hand: bool | None = None
    weather_expected: tuple[Weather, ...] | None = None
    # the site and the payer, as they were looked up for this course
    site_level: Level | None = None
    level_paper: Paper | None = None
    hospital_agreement: Paper | None = None
    follows_label_strictly: bool | None = None
    suspensions: tuple[Suspension, ...] | None = None
    first_patient_at_site: bool | None = None
    rems_prescriber: Paper | None = None
    rems_dispenser: Paper | None = None
    rems_setting: Paper | None = None
    payer_inpatient_steps: tuple[Step, ...] | None = None
    payer_waiver: Paper | None = None
    payer_policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDecided:
    """Where a dose will be given and watched: `recommendation` as a person decided it for the dose on that day.

    `advised` is what the rules recommended then (`withheld`: nothing), `because` why the decision differs from it.
    """

    recommendation: Recommendation | None = None
    step: Step | None = None
    valid_until: datetime | None = None
    on: date | None = None
    advised: Literal["DEFER", "INPATIENT", "HYBRID", "OUTPATIENT", "withheld"] | None = None
    because: str | None = None


SETTING: Final[dict[str, type[Any]]] = {
    "step_up_planned": StepUpPlanned,
    "caregivers_rostered": CaregiversRostered,
    "travel_noted": TravelNoted,
    "lodging_noted": LodgingNoted,
    "setting_facts_noted": SettingFactsNoted,
    "setting_decided": SettingDecided,
}
"""The kinds that only a setting reads."""
