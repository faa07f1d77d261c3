"""Reports that were once taken as dealt with, or as harmless, and must be paged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.test_after_dose import crs
from tests.support.courses import Told

DOSE, SEEN = "2026-03-02 09:00", "2026-03-03 09:00"
ALL_RIGHT: dict[str, Any] = dict.fromkeys(("year", "month", "city", "hospital"), 1) | {
    "naming_0_3": 3,
    "command_0_1": 1,
    "writing_0_1": 1,
    "attention_0_1": 1,
}


def dosed() -> Told:
    told = Told()
    told.dose("step_up_1", DOSE)
    return told


def reports(told: Told, at: str) -> list[str]:
    return [page.ladder.value for page in told.assess(at).pages if page.key.startswith("report")]


@pytest.mark.parametrize(
    # points lost for certain, the rest not tested | page
    ("items", "page"),
    [
        ({"attention_0_1": None}, []),
        ({"naming_0_3": 2, "attention_0_1": None}, ["AMBER"]),
        ({"naming_0_3": 1, "attention_0_1": None}, ["AMBER"]),
        ({"naming_0_3": 0, "attention_0_1": None}, ["RED-2"]),
        ({"naming_0_3": 1, "writing_0_1": 0, "attention_0_1": None}, ["RED-2"]),
    ],
)
def test_points_that_are_lost_are_lost_although_others_were_not_tested(items: dict[str, Any], page: list[str]):
    told = dosed()
    told.tell("ice_assessed", SEEN, **{**ALL_RIGHT, **items})
    assert reports(told, "2026-03-03 09:05") == page


@pytest.mark.parametrize(
    # baselines before the dose | score after it | marked as a new baseline | page
    ("stored", "score", "marked", "page"),
    [
        ([10], 5, False, ["RED-2"]),
        ([10], 5, True, ["RED-2"]),  # a loss is not made the new normal
        ([10, 9], 9, False, ["AMBER"]),
        ([6], 6, False, []),
        ([6], 5, False, ["RED-2"]),
        ([6], 9, True, []),
        ([], 10, True, []),
    ],
)
def test_the_best_baseline_before_a_score_is_its_measure(stored: list[int], score: int, marked: bool, page: list[str]):
    told = Told()
    for number, total in enumerate(stored):
        told.tell("ice_assessed", f"2026-03-0{number + 1} 08:00", total_0_10=total, baseline=True)
    told.dose("step_up_1", DOSE)
    told.tell("ice_assessed", SEEN, total_0_10=score, **({"baseline": True} if marked else {}))
    assert reports(told, "2026-03-03 09:05") == page


@pytest.mark.parametrize(
    # neutrophils | stays home after the call | page
    ("anc", "page"),
    [("0.3", ["RED-4"]), ("0.9", ["RED-4"]), (None, ["RED-4"]), ("1.0", ["RED-4"])],
)
def test_nobody_whom_the_policy_sends_to_the_emergency_department_stays_home_unseen(anc: str | None, page: list[str]):
    told = Told(intent="continuation")
    told.dose("treatment", "2026-02-02 09:00")
    if anc is not None:
        told.tell("lab_resulted", "2026-03-01 09:00", code="anc", value=anc, unit="10*9/L")
    told.tell("checkin_received", "2026-03-03 02:00", temperature_c="38.6", caregiver_present=True)
    told.tell("contact_made", "2026-03-03 02:08", reached=True, outcome="staying_home")
    assert reports(told, "2026-03-03 02:15") == page


def fever(told: Told) -> Told:
    told.tell("checkin_received", "2026-03-03 02:00", temperature_c="38.6")
    told.tell("ice_assessed", "2026-03-03 02:30", total_0_10=10)
    return told


def test_an_assessment_with_a_grade_answers_a_report():
    told = fever(dosed())
    crs(told, "2026-03-03 02:30", 1)
    assert told.assess("2026-03-03 02:35").triage.ladder is None


@pytest.mark.parametrize("fields", [{}, {"tmax_c": None}, {"tmax_c": "38.6"}, {"clinician_grade": None}])
def test_an_assessment_without_a_grade_answers_no_report(fields: dict[str, Any]):
    told = fever(dosed())
    told.tell("crs_assessed", "2026-03-03 02:30", **fields)
    assert reports(told, "2026-03-03 02:35") == ["RED-3"]
    assert [p.key.split(":")[0] for p in told.assess("2026-03-03 03:00").pages if p.ladder.value == "RED-3"] == [
        "assess",
        "contact",
        "report",
    ]


def test_the_clinicians_own_grade_is_a_grade():
    told = fever(dosed())
    told.tell("crs_assessed", "2026-03-03 02:30", clinician_grade=1)
    assert told.assess("2026-03-03 02:35").triage.ladder is None


@pytest.mark.parametrize(("died", "paged"), [(True, False), (False, True), (None, True)])
def test_nobody_is_called_about_a_patient_who_has_died(died: bool | None, paged: bool):
    told = fever(dosed())
    assert told.assess("2026-03-03 02:35").pages
    told.tell("course_ended", "2026-03-03 02:40", because="synthetic", died=died)
    assert bool(told.assess("2026-03-03 03:00").pages) is paged
