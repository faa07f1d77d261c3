"""A course whose record holds everything that case V1 knows, as events; and what the rules say of its next dose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.policy import Policy, load_policy
from handrail.rules.protocol import load
from handrail.rules.setting_course import Around
from handrail.rules.setting_evidence import SettingLook, look_at_setting
from handrail.rules.setting_record import DoseWanted
from handrail.rules.setting_rules import SettingRules, load_setting_rules
from tests.support.settings import DAY_1, EVER, LABEL, ZONE, at, eve, plan

NOBODY_SAYS = (
    "infection_active", "live_vaccine", "decided_to_proceed_without", "frail", "self_report_unreliable", "cns_disease",
    "uncontrolled_seizures", "explosive_progression", "extramedullary_disease", "plasma_cell_leukaemia", "cytopenia", "oxygen_need",
    "decompensated_cirrhosis", "dialysis", "anticoagulated", "caregiver_unwell", "teach_back_low", "needs_interpreter",
    "follows_label_strictly", "first_patient_at_site",
)  # fmt: skip
EVERYBODY_SAYS = (
    "consent",
    "tocilizumab_planned",
    "measures_temperature",
    "interpreter_at_all_hours",
    "transport_at_hand",
)
NEVER_HAPPENED = {"happened": False}
LABS = (
    ("plasma_cells", "20", "%", None), ("m_protein", "2.1", "g/dL", None), ("flc_involved", "300", "mg/L", None),
    ("crcl", "80", "mL/min", None), ("ldh", "180", "U/L", "200"), ("ferritin", "150", "ug/L", "300"), ("crp", "2", "mg/L", "5"),
    ("anc", "3.1", "10*9/L", None), ("platelets", "150", "10*9/L", None), ("hemoglobin", "11", "g/dL", None),
    ("creatinine", "0.9", "mg/dL", None), ("igg", "6", "g/L", None),
)  # fmt: skip
SEASONS = [{"months": [4, 5, 6, 7, 8, 9, 10], "minutes": 28}, {"months": [11, 12, 1, 2, 3], "minutes": 75}]


def answers(**changes: Any) -> dict[str, Any]:
    """The answers of V1, with some changed."""
    return {
        **dict.fromkeys(NOBODY_SAYS, False),
        **dict.fromkeys(EVERYBODY_SAYS, True),
        "ecog": 1,
        "worst_earlier_reaction": 0,
        "nyha": 0,
        "significant_comorbidities": 0,
        "heart_attack_or_stroke": NEVER_HAPPENED,
        "infection_resolved": NEVER_HAPPENED,
        "weather_expected": [],
        "site_level": "4",
        "level_paper": EVER,
        "hospital_agreement": EVER,
        "suspensions": [],
        **dict.fromkeys(("rems_dispenser", "rems_setting"), EVER),
        "payer_inpatient_steps": [],
        **changes,
    }


def facts_of_v1(first: date = DAY_1, **changes: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """(kind, instant, fields) of everything that V1 knows, but the start of the course. `changes` are of the answers."""
    day = at(0, 7, first)
    months = [{"months": list(range(1, 13)), "minutes": 22}]
    labs = [
        ("lab_resulted", day, {"code": code, "value": value, "unit": unit, **({"high": high} if high else {})})
        for code, value, unit, high in LABS
    ]
    tests = [("lab_resulted", day, {"code": code, "result": "negative"}) for code in ("hbsag", "anti_hbc", "pregnancy_test")]  # fmt: skip
    return [
        ("step_up_planned", day, {"doses": plan(first)}),
        *labs,
        *tests,
        ("home_status", day, {"phone_works": True, "thermometer": True}),
        ("caregivers_rostered", day, {"hours": [{"who": "caregiver_1", "from_at": at(1, 8, first), "until_at": at(12, 8, first)}]}),
        ("travel_noted", day, {"worst": months, "typical_minutes": 20, "told_by": "the patient", "as_of": first.isoformat()}),
        ("lodging_noted", day, {"accepted": False}),
        ("rems_met", day, {"requirement": "prescriber_certified", "met": True, "valid_until": "2027-12-31"}),
        ("authorisation_set", day, {"subject": "bispecific", "status": "approved", "valid_from": "2026-01-01", "valid_until": "2027-12-31"}),
        ("departure_signed", day, {
            "rule": "setting", "steps": ["step_up_1", "step_up_2"], "reason": "the programme watches at home",
            "approver": "the medical lead", "review_on": "2027-12-31",
        }),
        ("setting_facts_noted", day, answers(**changes)),
        ("vitals_measured", at(0, 8, first), {"temperature_c": "36.6"}),
    ]  # fmt: skip


def course_of(told: Sequence[tuple[str, str, dict[str, Any]]], first: date = DAY_1) -> History:
    """The history of a course that started a week before day 1."""
    start = ("course_started", at(-7, 9, first), {"intent": "step_up", "prior_doses_known": True})
    events = [
        {"id": body.get("id", str(UUID(int=number + 1))), "kind": kind, "at": when, **body}
        for number, (kind, when, body) in enumerate([start, *told])
    ]
    course = course_from_json(
        {
            "format": "handrail-course/1",
            "id": str(UUID(int=9999)),
            "product": "teclistamab",
            "jurisdiction": "US",
            "protocol_key": LABEL,
            "schedule": "weekly",
            "time_zone": ZONE,
            "synthetic": True,
            "facts": {"birth_year": 1960, "sex": "female"},
            "events": events,
        }
    )
    return History.build(course, plausible=load_policy().plausible)


def looked(
    told: Sequence[tuple[str, str, dict[str, Any]]],
    *,
    first: date = DAY_1,
    now: datetime | None = None,
    step: str = "step_up_1",
    on: date | None = None,
    around: Around | None = None,
    rules: SettingRules | None = None,
    policy: Policy | None = None,
) -> SettingLook:
    """What the rules say of a dose of such a course, on the eve of day 1."""
    return look_at_setting(
        course_of(told, first),
        load(LABEL),
        policy or load_policy(),
        rules or load_setting_rules(),
        DoseWanted(step=step, on=on or first, zone=ZONE),
        now or eve(first),
        around,
    )


def later(when: str, hours: int) -> str:
    """So many hours after an instant."""
    return (datetime.fromisoformat(when).astimezone(UTC) + timedelta(hours=hours)).isoformat()
