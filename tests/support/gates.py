"""A course that is ready for its first dose, told fact by fact, so that a test can take one away."""

from __future__ import annotations

from typing import Any

from handrail.rules.gate_evidence import TREATMENT, Answered, Known, known
from handrail.rules.gate_home import HOME
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from tests.support.courses import ELRA, Told, instant, well
from tests.support.setting_courses import LABS, answers
from tests.support.training import say_back

DOSE_ON = "2026-03-03"
DOSE_AT = f"{DOSE_ON} 09:00"
DAY_BEFORE = "2026-03-02 10:00"
AT_DOSE = f"{DOSE_ON} 08:00"
WINDOW_DAYS = (DOSE_ON, "2026-03-04", "2026-03-05")
PLAN = (("step_up_1", DOSE_AT), ("step_up_2", "2026-03-06 09:00"), ("first_treatment", "2026-03-10 09:00"))
COUNTED = ("anc", "platelets", "hemoglobin")
ANSWERS = {**TREATMENT, **HOME}


def utc(text: str) -> str:
    return instant(text).isoformat()


def prepared(
    key: str = ELRA, *, step: str = "step_up_1", without: tuple[str, ...] = (), rems: bool = True, **more: Any
) -> Told:
    """Everything that the record can say before the dose of Tuesday at nine. `without`: groups of facts that are left out."""
    told = Told(key, facts={"lines_prior": 5}, **more)
    day, at = "2026-03-01 12:00", "2026-03-02 09:00"
    groups = {
        "well": lambda: well(told, at, weight_kg="65"),
        "counts": lambda: [
            told.tell("lab_resulted", at, code=code, value=value, unit=unit)
            for code, value, unit in (
                ("anc", "2.1", "10*9/L"),
                ("platelets", "160", "10*9/L"),
                ("hemoglobin", "11", "g/dL"),
            )
        ],
        "plan": lambda: told.tell("dose_planned", day, step=step, on=DOSE_ON, setting="outpatient"),
        "departure": lambda: told.tell(
            "departure_signed",
            day,
            rule="setting",
            steps=[step],
            reason="the programme watches at home",
            approver="lead",
            review_on="2026-12-31",
        ),
        "indication": lambda: told.tell(
            "departure_signed", day, rule="indication", reason="looked at by the board", approver="lead"
        ),
        "visits": lambda: [
            told.tell(
                "visit_planned",
                day,
                on=on,
                who_role="app" if on == DOSE_ON else "nurse",
                contact="in_person",
                **({"starts_at": utc(DOSE_AT)} if on == DOSE_ON else {}),
            )
            for on in WINDOW_DAYS
        ],
        "authorisation": lambda: [
            told.tell("authorisation_set", day, subject=subject, status="approved", valid_until="2026-04-30")
            for subject in ("bispecific", "tocilizumab")
        ],
        "confirmed": lambda: [
            told.tell("readiness_confirmed", day, item=item, confirmed=True, evidence="seen")
            for item in ("emergency_department", "maintenance_site", "rescue_tocilizumab")
        ],
        "home": lambda: told.tell(
            "home_status",
            day,
            caregiver_from=utc("2026-03-02 20:00"),
            caregiver_until=utc("2026-03-14 20:00"),
            phone_works=True,
            thermometer=True,
            home_medicines_at_hand=["dexamethasone"],
        ),
        "taught_patient": lambda: say_back(told, day, "patient"),
        "taught_caregiver": lambda: say_back(told, day, "caregiver"),
        "travel": lambda: [
            told.tell("travel_noted", day, worst=[{"months": list(range(1, 13)), "minutes": 40}], as_of="2026-03-01"),
            told.tell("lodging_noted", day, accepted=False),
        ],
        "consent": lambda: told.tell("setting_facts_noted", day, consent=True),
        "judged": lambda: [
            told.tell("step_up_planned", day, doses=[{"step": each, "at": utc(when)} for each, when in PLAN]),
            told.tell(
                "setting_facts_noted", at, **{name: value for name, value in answers().items() if name != "consent"}
            ),
            *[
                told.tell("lab_resulted", day, code=code, value=value, unit=unit, **({"high": high} if high else {}))
                for code, value, unit, high in LABS
                if code not in COUNTED
            ],
            *[
                told.tell("lab_resulted", day, code=code, result="negative")
                for code in ("hbsag", "anti_hbc", "pregnancy_test")
            ],
        ],
        "call": lambda: told.tell("contact_made", day, **{"with": "patient", "reached": True, "outcome": "none"}),
        "setting": lambda: told.tell(
            "setting_decided",
            day,
            recommendation="OUTPATIENT",
            step=step,
            on=DOSE_ON,
            valid_until=utc("2026-03-04 09:00"),
        ),
    }
    for name, tell in groups.items():
        if name not in without:
            tell()
    if rems:
        for row in load(key).rems:
            told.tell("rems_met", day, requirement=row.requirement, met=True, valid_until="2026-12-31")
    return told


def read(told: Told, at: str = DAY_BEFORE, **asked: Any) -> Known | None:
    """The course as the gate reads it."""
    protocol = asked.get("protocol") or load(told.key)
    policy = load_policy()
    answer = told.assess(at, protocol=protocol)
    return known(told.history(policy), protocol, policy, answer, instant(at))


def line(told: Told, name: str, at: str = DAY_BEFORE, **asked: Any) -> Answered:
    """What the record says of one line."""
    found = read(told, at, **asked)
    assert found is not None
    return ANSWERS[name](found)
