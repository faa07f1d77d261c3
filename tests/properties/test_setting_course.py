"""What the record of a course says of a setting: forgetting a value of it, or the whole event, never makes the setting greener."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from handrail.rules.setting import Setting
from tests.support.setting_courses import SEASONS, facts_of_v1, looked
from tests.support.settings import DAY_1, at

Told = list[tuple[str, str, dict[str, Any]]]
HOME = {"DEFER": 0, "INPATIENT": 0, None: 0, "HYBRID": 1, "OUTPATIENT": 2}
AFTER_DOSE_1 = datetime.fromisoformat(at(2, 10))

PLAIN = facts_of_v1()
OTHER_WORDS: Told = [
    ("checkin_received", at(0, 9), {"temperature_c": "36.9", "antipyretic_last_6_h": True, "caregiver_present": True}),
    ("condition_noted", at(0, 9), {"what": "infection", "active": False}),
    ("vaccine_noted", at(0, 9), {"vaccine": "a vaccine", "live": True, "on": "2026-01-05", "given": True}),
    ("home_status", at(0, 9), {"caregiver_from": at(1, 8), "caregiver_until": at(12, 8), "caregiver_count": 1, "lodging": False,
                               "travel_min_worst": 25, "travel_min_typical": 21, "travel_min_night": 20}),
]  # fmt: skip
GRADED: Told = [
    ("dose_given", at(1, 9), {"step": "step_up_1", "started_at": at(1, 9), "schedule": "weekly"}),
    ("crs_assessed", at(1, 20), {"tmax_c": "38.4", "hypotension": False, "o2": "none", "clinician_grade": 1}),
    ("toxicity_resolved", at(2, 6), {"toxicity": "crs", "resolved_at": at(2, 6)}),
    ("vitals_measured", at(2, 9), {"temperature_c": "36.7"}),
]

COURSES = {
    "V1": (PLAIN, {}),
    "other words": ([*PLAIN, *OTHER_WORDS], {}),
    "lodging": ([*PLAIN, ("travel_noted", at(0, 9), {"worst": [{"months": [7], "minutes": 75}], "told_by": "the patient"}),
                 ("lodging_noted", at(0, 9), {"accepted": True, "from_at": at(1, 8), "until_at": at(12, 8), "worst_minutes": 5})], {}),
    "points": (facts_of_v1(ecog=2, caregiver_unwell=True), {}),
    "no caregiver": ([*PLAIN, ("caregivers_rostered", at(0, 9), {"hours": []})], {}),
    "fever": ([*PLAIN, ("vitals_measured", at(0, 9), {"temperature_c": "38.1"})], {}),
    "nothing": ([], {}),
    "after a reaction": ([*PLAIN, *GRADED], {"step": "step_up_2", "on": DAY_1 + timedelta(days=3), "now": AFTER_DOSE_1}),
}  # fmt: skip
"""Courses, each with the dose and the instant that are asked about."""
KEPT = {"course_started", "dose_given"}
"""Without a dose another dose is next: that is another question."""
BAD_NEWS = {"crs_assessed", "checkin_received"}
"""A reaction, and a temperature that a medicine may have lowered."""


def answered(told: Told, how: dict[str, Any]) -> Setting:
    return looked(told, **how).answer


def never_greener(before: Setting, after: Setting, what: str) -> None:
    assert HOME[after.recommendation] <= HOME[before.recommendation], what
    states = {line.rule: line.state for line in after.lines}
    for line in before.lines:
        assert line.state == "clear" or states[line.rule] != "clear", (what, line)


@pytest.mark.parametrize("name", COURSES)
def test_a_value_that_becomes_not_known_never_makes_a_setting_greener(name: str):
    told, how = COURSES[name]
    before = answered(told, how)
    for number, (kind, when, body) in enumerate(told):
        if kind in KEPT:
            continue
        for field in body:
            changed = [*told]
            changed[number] = (kind, when, {**body, field: None})
            never_greener(before, answered(changed, how), f"{kind}.{field}")


@pytest.mark.parametrize("name", COURSES)
def test_a_word_that_was_never_said_never_makes_a_setting_greener(name: str):
    """A kind of event taken out whole, unless what it says is itself bad news."""
    told, how = COURSES[name]
    before = answered(told, how)
    for kind in sorted({each[0] for each in told} - KEPT - BAD_NEWS):
        never_greener(before, answered([each for each in told if each[0] != kind], how), kind)


RESTART = {"step": "step_up_1", "on": DAY_1 + timedelta(days=80), "now": datetime.fromisoformat(at(80, 9))}
LONG_AGO: Told = [
    ("vaccine_noted", at(-200), {"vaccine": "a vaccine", "live": True, "on": "2025-12-01", "given": True}),
    ("vaccine_noted", at(-200), {"vaccine": "a vaccine", "live": False, "on": "2025-12-01", "given": True}),
    ("condition_noted", at(-4), {"what": "infection", "active": False}),
    ("toxicity_resolved", at(-4), {"toxicity": "infection", "resolved_at": at(-4)}),
    ("vitals_measured", at(-1), {"temperature_c": "36.6"}),
    ("setting_facts_noted", at(-4), {"infection_active": False, "live_vaccine": False, "weather_expected": ["clear"]}),
    ("medicine_given", at(1, 7), {"agent": "tocilizumab", "purpose": "prophylaxis"}),
    ("setting_facts_noted", at(0), {"tocilizumab_planned": True}),
    ("setting_decided", at(-1), {"recommendation": "OUTPATIENT", "step": "step_up_1", "on": DAY_1.isoformat(), "valid_until": at(0, 9)}),
]  # fmt: skip
"""Words that were good for their own day, or for a step-up that is over: nobody who reads them now knows more than without them."""
ONE_WAY = ("travel_noted", at(0, 9), {"worst": [{"months": [7, 9, 10], "minutes": 22}, {"months": [7, 9, 10], "minutes": 75, "weather": "snow"}]})  # fmt: skip


@pytest.mark.parametrize("old", LONG_AGO, ids=lambda each: f"{each[0]}:{next(iter(each[2]))}")
@pytest.mark.parametrize("how", [{}, RESTART], ids=["start", "restart"])
def test_a_word_of_long_ago_makes_nothing_greener_than_silence(old: Any, how: dict[str, Any]):
    asked = {"infection_active", "live_vaccine", "weather_expected", "tocilizumab_planned", "infection_resolved"}
    silent = [
        (kind, when, {name: value for name, value in body.items() if name not in asked})
        for kind, when, body in PLAIN
        if kind != "vitals_measured"
    ]
    given = [GRADED[0]] if how else []
    told = [*silent, ONE_WAY, *given]
    if not how and old[1] >= at(0):
        return  # before the first step-up it is of today
    never_greener(answered(told, how), answered([*told, old], how), str(old))


def test_the_courses_are_not_all_withheld_already():
    said = {name: answered(*course).recommendation for name, course in COURSES.items()}
    assert said == {
        "V1": "OUTPATIENT", "other words": None, "lodging": "OUTPATIENT", "points": "HYBRID", "no caregiver": "INPATIENT",
        "fever": "DEFER", "nothing": None, "after a reaction": None,
    }  # fmt: skip


def test_nothing_on_record_says_what_everybody_has_to_find_out():
    answer = answered([], {})
    assert {"caregivers", "travel", "temperature_c", "ecog", "screening", "site_level", "payer"} <= {each.fact for each in answer.missing}  # fmt: skip
    assert not [line for line in answer.lines if line.state == "fires" and line.rule != "LD-1"]


def test_the_season_of_the_way_is_that_of_the_dose():
    way = ("travel_noted", at(0, 9), {"worst": SEASONS, "typical_minutes": 28})
    assert answered([*PLAIN, way], {}).recommendation == "OUTPATIENT"
