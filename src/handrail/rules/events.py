"""What can happen in a course: one frozen dataclass per event kind, and the envelope that carries it.

A field that is None is *not known*. Whether it was asked (null in the file) or never asked (absent) is kept in
`Event.nulls`: an explicit "asked, not known" always shows up in what the answer cannot say. Decimals carry the unit in their name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from handrail.rules.call_back_events import CALL_BACK
from handrail.rules.handoff_events import HANDOFF
from handrail.rules.home_events import HomeMedicineAuthorised, HomeMedicineStopped, TeachBackDone
from handrail.rules.overlays import Overlay, PolicyDocument
from handrail.rules.page_events import SHELL
from handrail.rules.readiness_events import READINESS
from handrail.rules.setting_events import SETTING
from handrail.rules.stay_events import STAY
from handrail.rules.team_events import TEAM
from handrail.rules.terms import SCHEDULES, STEPS

if TYPE_CHECKING:
    Step = str
    Schedule = str
else:  # one of the names that a label may use; which of them a product has, its protocol says
    Step = Literal[STEPS]
    Schedule = Literal[SCHEDULES]
Role = str
HomeNeuroAnswer = Literal["right", "wrong", "not_done"]
Oxygen = Literal[
    "none", "blow_by", "nasal_cannula", "hfnc", "facemask", "nonrebreather", "venturi", "cpap", "bipap", "ventilator"
]
OnePoint = Literal[0, 1]
ThreePoints = Literal[0, 1, 2, 3]
TenPoints = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
GradeNumber = Literal[0, 1, 2, 3, 4, 5]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseStarted:
    """The course begins; without prior knowledge of doses a continuation cannot be judged."""

    intent: Literal["step_up", "continuation"] | None = None
    prior_doses_known: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolChanged:
    """The course moves to another pinned protocol revision, schedule, or set of rows that its organisation signed.

    `overlay` stands in place of every overlay that was in force before.
    """

    protocol_key: str | None = None
    schedule: Schedule | None = None
    overlay: Overlay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged:
    """The course moves to another site policy: a shipped one by its id, or an organisation's own as the whole document."""

    policy_id: str | None = None
    version: str | None = None
    sha256: str | None = None
    document: PolicyDocument | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanged:
    """The prescriber chooses another interval; the response is what the label asks for."""

    schedule: Schedule | None = None
    response: str | None = None
    response_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightMeasured:
    """Actual body weight."""

    weight_kg: Decimal | None = None
    implausible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResulted:
    """One laboratory result: a value with its unit in UCUM, or positive or negative (`hbsag`, `anti_hbc`, `pregnancy_test`)."""

    code: str | None = None
    value: Decimal | None = None
    unit: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    result: Literal["positive", "negative", "indeterminate"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePlanned:
    """A dose is on the calendar of a site."""

    step: Step | None = None
    on: date | None = None
    at_site: str | None = None
    setting: Literal["inpatient", "hybrid", "outpatient"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseGiven:
    """What was really given, whether or not it agrees with the protocol."""

    step: Step | None = None
    dose_mg: Decimal | None = None
    dose_mg_per_kg: Decimal | None = None
    weight_kg: Decimal | None = None
    volume_ml: Decimal | None = None
    lot: str | None = None
    route: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    schedule: Schedule | None = None
    strengths_mg_per_ml: tuple[Decimal, ...] | None = None
    implausible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseNotGiven:
    """A planned dose did not happen; the cause decides the benefit-risk flag later."""

    step: Step | None = None
    because: Literal["adverse_reaction", "infection", "logistics", "patient", "other"] | None = None
    related_to_drug: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicineGiven:
    """Any other medicine, at home or in the clinic."""

    agent: str | None = None
    dose_mg: Decimal | None = None
    route: str | None = None
    purpose: Literal["premedication", "prophylaxis", "treatment", "home", "other"] | None = None
    for_step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaccineNoted:
    """A vaccine was given (`given` true) or is planned for a day."""

    vaccine: str | None = None
    live: bool | None = None
    on: date | None = None
    given: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckinReceived:
    """What the patient or caregiver reported. `alarm`: raised as an alarm, which asks for less than a check and is always urgent."""

    temperature_c: Decimal | None = None
    temperature_as_typed: str | None = None
    unit_as_typed: Literal["C", "F"] | None = None
    antipyretic_last_6_h: bool | None = None
    symptoms: tuple[str, ...] | None = None
    none_of_these: bool | None = None
    home_neuro: Mapping[str, HomeNeuroAnswer] | None = None
    caregiver_present: bool | None = None
    systolic_mmhg: int | None = None
    pulse_per_min: int | None = None
    spo2_percent: int | None = None
    medicine_pack_at_hand: bool | None = None
    alarm: bool | None = None
    written_at: datetime | None = None
    implausible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsMeasured:
    """Vital signs, by staff or device. `oxygen` is the device word, `none` for room air."""

    temperature_c: Decimal | None = None
    systolic_mmhg: int | None = None
    diastolic_mmhg: int | None = None
    pulse_per_min: int | None = None
    breaths_per_min: int | None = None
    spo2_percent: int | None = None
    oxygen: Oxygen | None = None
    flow_l_per_min: Decimal | None = None
    method: str | None = None
    baseline: bool | None = None
    implausible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrsAssessed:
    """A clinician's CRS inputs, raw, so that any scale can be recomputed."""

    tmax_c: Decimal | None = None
    fever_other: bool | None = None
    episode_open: bool | None = None
    masked: bool | None = None
    premed_masking: bool | None = None
    hypotension: bool | None = None
    hypotension_other: bool | None = None
    pressors: tuple[str, ...] | None = None
    o2: Oxygen | None = None
    flow_l_per_min: Decimal | None = None
    hypoxia_other: bool | None = None
    died_of_crs: bool | None = None
    scale: str | None = None
    clinician_grade: GradeNumber | None = None
    disagreement_reason: str | None = None
    implausible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IceAssessed:
    """The ten ICE points item by item, by an observer. `baseline` marks the stored reference."""

    year: OnePoint | None = None
    month: OnePoint | None = None
    city: OnePoint | None = None
    hospital: OnePoint | None = None
    naming_0_3: ThreePoints | None = None
    command_0_1: OnePoint | None = None
    writing_0_1: OnePoint | None = None
    attention_0_1: OnePoint | None = None
    total_0_10: TenPoints | None = None
    baseline: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IcansAssessed:
    """A clinician's ICANS inputs. `ice_event` names the ICE assessment it rests on."""

    ice_event: str | None = None
    loc: Literal["alert", "spontaneous", "voice", "tactile", "vigorous", "unarousable"] | None = None
    loc_other: bool | None = None
    seizure: Literal["none", "brief", "prolonged", "repetitive"] | None = None
    motor: bool | None = None
    edema: Literal["none", "focal", "diffuse"] | None = None
    icp_signs: bool | None = None
    ich: bool | None = None
    scale: str | None = None
    clinician_grade: GradeNumber | None = None
    disagreement_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicityResolved:
    """A named person says that a toxicity is over."""

    toxicity: Literal["crs", "icans", "infection", "neurotoxicity", "cytopenia"] | None = None
    resolved_at: datetime | None = None
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionNoted:
    """A condition, present (`active` true), absent (false) or not known."""

    what: str | None = None
    grade: GradeNumber | None = None
    scale: str | None = None
    onset_at: datetime | None = None
    related_to_drug: bool | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseAssessed:
    """Response category, best first: sCR, CR, VGPR, PR, MR, SD, PD."""

    response: Literal["sCR", "CR", "VGPR", "PR", "MR", "SD", "PD"] | None = None
    criteria: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeStatus:
    """Who and what is at home."""

    caregiver_from: datetime | None = None
    caregiver_until: datetime | None = None
    caregiver_count: int | None = None
    lodging: bool | None = None
    travel_min_typical: int | None = None
    travel_min_night: int | None = None
    travel_min_worst: int | None = None
    phone_works: bool | None = None
    thermometer: bool | None = None
    home_medicines_at_hand: tuple[str, ...] | None = None
    location: Literal["home", "lodging", "hospital", "ed"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMade:
    """Somebody was called."""

    with_: str | None = None
    channel: str | None = None
    reached: bool | None = None
    outcome: Literal["staying_home", "coming_in", "sent_to_ed", "handed_over", "none"] | None = None
    next_check_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPlanned:
    """An assessment is booked for a day: by whom (a role), how, where, and perhaps at what time."""

    on: date | None = None
    starts_at: datetime | None = None
    who_role: str | None = None
    contact: Literal["in_person", "call", "video"] | None = None
    at_site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDone:
    """A whole daily assessment took place, as somebody says who has its record; without `on` on the day it is dated."""

    on: date | None = None
    who_role: str | None = None
    contact: Literal["in_person", "call", "video"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed:
    """A person looked at an incident and closes it with a reason; without one it stays open."""

    what: Literal["daily_assessment"] | None = None
    on: date | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """In the morning: what was handed back to the day team about one call of the night (`contact`: its id)."""

    contact: str | None = None
    what: str | None = None
    to_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationSet:
    """A payer's answer."""

    subject: str | None = None
    number: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsMet:
    """One REMS requirement, met or not."""

    requirement: str | None = None
    met: bool | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStarted:
    """A clinician withholds the drug."""

    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded:
    """The clinician lifts the hold."""

    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureSigned:
    """A named person departs from the label or protocol, with a reason.

    From the label's setting: for which steps (`steps`), and from which of its rows after a reaction (`carried_rows`).
    """

    rule: str | None = None
    advised: str | None = None
    done: str | None = None
    reason: str | None = None
    approver: str | None = None
    second: str | None = None
    review_on: date | None = None
    steps: tuple[Step, ...] | None = None
    carried_rows: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseEnded:
    """The course is over."""

    because: str | None = None
    died: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """Free text for people; no rule reads it."""

    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactWithdrawn:
    """The superseded fact never was."""


KINDS: dict[str, type[Any]] = {
    "course_started": CourseStarted,
    "protocol_changed": ProtocolChanged,
    "policy_changed": PolicyChanged,
    "schedule_changed": ScheduleChanged,
    "weight_measured": WeightMeasured,
    "lab_resulted": LabResulted,
    "dose_planned": DosePlanned,
    "dose_given": DoseGiven,
    "dose_not_given": DoseNotGiven,
    "medicine_given": MedicineGiven,
    "home_medicine_authorised": HomeMedicineAuthorised,
    "home_medicine_stopped": HomeMedicineStopped,
    "teach_back_done": TeachBackDone,
    "vaccine_noted": VaccineNoted,
    "checkin_received": CheckinReceived,
    "vitals_measured": VitalsMeasured,
    "crs_assessed": CrsAssessed,
    "ice_assessed": IceAssessed,
    "icans_assessed": IcansAssessed,
    "toxicity_resolved": ToxicityResolved,
    "condition_noted": ConditionNoted,
    "response_assessed": ResponseAssessed,
    "home_status": HomeStatus,
    "contact_made": ContactMade,
    "visit_planned": VisitPlanned,
    "visit_done": VisitDone,
    "incident_closed": IncidentClosed,
    "handed_back": HandedBack,
    **SETTING,
    "authorisation_set": AuthorisationSet,
    "rems_met": RemsMet,
    "hold_started": HoldStarted,
    "hold_ended": HoldEnded,
    "departure_signed": DepartureSigned,
    **READINESS,
    **HANDOFF,
    **STAY,
    **TEAM,
    **CALL_BACK,
    "course_ended": CourseEnded,
    "note_added": NoteAdded,
    "fact_withdrawn": FactWithdrawn,
    **SHELL,
}
"""Every event kind of version 1 and its payload."""

SHELL_KINDS = frozenset(SHELL)
"""Written by the shell and shown by replay; the rules answer the same with and without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who wrote the fact: a role, and an id that is no name."""

    role: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. `at` is when it happened, `recorded_at` when we learned it; both aware, in UTC."""

    id: str
    kind: str
    at: datetime
    recorded_at: datetime
    zone: str
    body: Any
    version: int = 1
    by: By | None = None
    source: Literal["staff", "patient", "caregiver", "device", "import"] | None = None
    site: str | None = None
    supersedes: str | None = None
    reason: str | None = None
    nulls: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
