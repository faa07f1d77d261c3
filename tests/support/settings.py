"""A patient of whom everything is known and nothing stands out (case V1), and what is changed in one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from handrail.rules.coursefile import read_plain
from handrail.rules.protocol import Protocol, load
from handrail.rules.setting import Setting, setting
from handrail.rules.setting_facts import SettingFacts
from handrail.rules.setting_rules import SettingRules, load_setting_rules

ZONE = "America/Chicago"
LABEL = "teclistamab/US/2026-03/mono"
DAY_1 = date(2026, 7, 6)
"""A Monday in July."""
EVER = {"held": True, "no_end": True}
NEVER = {"held": False}


def at(day: int, hour: int = 9, first: date = DAY_1) -> str:
    """An instant on a day of the plan, which begins with day 1, by the clock of the site (in summer and winter)."""
    on = first + timedelta(days=day - 1)
    offset = "-05:00" if date(2026, 3, 8) <= on < date(2026, 11, 1) else "-06:00"
    return f"{on.isoformat()}T{hour:02}:00:00{offset}"


def plan(first: date = DAY_1, days: tuple[int, int, int] = (1, 4, 8)) -> list[dict[str, str]]:
    """Two step-up doses and the first treatment dose."""
    steps = ("step_up_1", "step_up_2", "first_treatment")
    return [{"step": step, "at": at(day, first=first)} for step, day in zip(steps, days, strict=True)]


def unremarkable(first: date = DAY_1) -> dict[str, Any]:
    """Facts of case V1, decided on the eve of dose 1: every value is known, none stands out."""
    no = dict.fromkeys(
        (
            "infection_active", "decided_to_proceed_without", "frail", "self_report_unreliable", "cns_disease", "uncontrolled_seizures",
            "explosive_progression", "extramedullary_disease", "plasma_cell_leukaemia", "ferritin_raised", "crp_raised", "cytopenia",
            "oxygen_need", "decompensated_cirrhosis", "dialysis", "anticoagulated", "caregiver_unwell", "teach_back_low",
            "first_patient_at_site", "needs_interpreter",
        ),
        False,
    )  # fmt: skip
    yes = dict.fromkeys(
        ("consent", "phone_works", "measures_temperature", "tocilizumab_planned", "interpreter_at_all_hours", "thermometer_at_hand", "transport_at_hand"),
        True,
    )  # fmt: skip
    never = {name: {"happened": False} for name in ("live_vaccine", "heart_attack_or_stroke", "infection_resolved")}
    papers = dict.fromkeys(("rems_prescriber", "rems_dispenser", "rems_setting", "authorisation"), EVER)
    return {
        "zone": ZONE,
        "step": "step_up_1",
        "doses": plan(first),
        "last_dose": {"given": False},
        "carried_rows": [],
        "temperature_c": "36.6",
        "temperature_at": at(0, 8, first),
        "screening": dict.fromkeys(("hepatitis_b", "counts", "chemistry", "immunoglobulins", "pregnancy"), "resulted"),
        **no,
        **yes,
        **never,
        **papers,
        "caregivers": [{"who": "partner", "from_at": at(1, 8, first), "until_at": at(12, 8, first)}],
        "travel": {"worst": [{"months": list(range(1, 13)), "minutes": 22}], "typical_minutes": 20},
        "weather_expected": [],
        "lodging": {"accepted": False},
        "age_years": 66,
        "ecog": 1,
        "worst_earlier_reaction": 0,
        "marrow_plasma_percent": "20",
        "m_protein_g_dl": "2.1",
        "involved_flc_mg_l": "300",
        "ldh_times_upper_limit": "0.9",
        "nyha": 0,
        "creatinine_clearance_ml_min": "80",
        "significant_comorbidities": 0,
        "site": {
            "name": "River Clinic",
            "level": "4",
            "level_paper": EVER,
            "hospital_agreement": EVER,
            "follows_label_strictly": False,
            "suspensions": [],
        },
        "payer": {"inpatient_steps": [], "waiver": NEVER, "policy": "policy 12"},
        "departure": {
            "steps": ["step_up_1", "step_up_2"],
            "because": "the programme watches at home",
            "signed_by": "the medical lead",
            "paper": EVER,
        },
    }


def minutes(number: int) -> dict[str, Any]:
    """A way of so many minutes in every month and weather."""
    return {"worst": [{"months": list(range(1, 13)), "minutes": number}]}


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same with some values changed; `site__level` is the level within the site."""
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        body = {**body, outer: {**body[outer], inner: value} if inner else value}
    return body


def facts(first: date = DAY_1, **changes: Any) -> SettingFacts:
    """V1 with some values changed; None: not known."""
    return read_plain(SettingFacts, changed(unremarkable(first), **changes), "in")


def eve(first: date = DAY_1) -> datetime:
    """Ten o'clock on the day before dose 1."""
    return datetime.fromisoformat(at(0, 10, first)).astimezone(UTC)


def decided(
    known: SettingFacts, *, now: datetime | None = None, rules: SettingRules | None = None, label: str | None = LABEL
) -> Setting:
    """What the shipped rules say of them, on the eve of dose 1."""
    protocol: Protocol | None = load(label) if label is not None else None
    return setting(known, rules or load_setting_rules(), protocol, now or eve(known.doses[0].at.date()))


def fired(answer: Setting) -> list[str]:
    """The rules that fire, in their order."""
    return [line.rule for line in answer.lines if line.state == "fires"]


def missing(answer: Setting) -> list[str]:
    """The facts that are missing, by their names in a line."""
    return [item.fact for item in answer.missing]
