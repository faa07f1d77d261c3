"""The worked cases of triage, TRI01 to TRI14, in the words of the two answers.

RED is `ed_now`; AMBER is `call_and_come_in` or `clinician_call`; AMBER with 38.0 °C or more is RED-3 within 7 days of a
step-up or first treatment dose, else RED-4.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.management import tocilizumab_amount
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder, Urgency
from tests.support.courses import Told, civil, well
from tests.support.triage import (
    AMBER,
    GREEN,
    LATER,
    RED_1,
    RED_3,
    RED_3_ED,
    RED_4_ED,
    graded,
    reported,
    said,
    stepping_up,
)


def test_tri01_fever_alone_is_a_call_and_grade_1():
    told = stepping_up()
    told.tell("vitals_measured", "2026-03-02 08:00", systolic_mmhg=122, baseline=True)
    answer = reported(told, temperature_c="38.0", systolic_mmhg=118, spo2_percent=97)
    assert said(answer) == RED_3
    assert answer.toxicity.crs.suspected and answer.toxicity.crs.open
    graded(told, "2026-03-06 15:10", tmax_c="38.0")
    assert told.assess("2026-03-06 15:10").toxicity.crs.grade == 1


def test_tri02_neutropenic_fever_goes_to_the_emergency_department():
    answer = reported(stepping_up(anc="0.4"), temperature_c="38.0", systolic_mmhg=118, spo2_percent=97)
    assert said(answer) == RED_3_ED
    assert "antibiotics before results" in answer.triage.because
    assert "infection path first: neutrophil count 0.4" in answer.triage.because


@pytest.mark.parametrize(
    # case | what was measured                             | answer
    ("case", "fields", "wanted"),
    [
        ("TRI03", {"temperature_c": "38.3", "systolic_mmhg": 88}, RED_1),
        ("TRI04", {"temperature_c": "38.3", "systolic_mmhg": 95}, RED_3),
        ("TRI05", {"temperature_c": "37.4", "spo2_percent": 89}, RED_1),
        ("TRI08", {"temperature_c": "38.0", "method": "oral"}, RED_3),
    ],
)
def test_tri_vital_signs(case: str, fields: dict[str, Any], wanted: tuple[str, str]):
    assert said(reported(stepping_up(), **fields)) == wanted, case


def test_tri05_low_oxygen_after_dexamethasone_is_suspected_crs():
    told = stepping_up()
    told.tell("medicine_given", "2026-03-06 09:00", agent="dexamethasone", dose_mg="16", purpose="home")
    answer = reported(told, temperature_c="37.4", spo2_percent=89)
    assert said(answer) == RED_1
    assert (answer.toxicity.crs.grade, answer.toxicity.crs.suspected, answer.toxicity.crs.open) == (None, True, True)
    graded(told, "2026-03-06 15:10", tmax_c="37.4", premed_masking=True, o2="nasal_cannula", flow_l_per_min="2")
    assert told.assess("2026-03-06 15:10").toxicity.crs.suspected


@pytest.mark.parametrize(
    # reading         | value | CRS open: yes, no, or not known | next dose
    ("reading", "value", "is_open", "action"),
    [
        ("spo2_percent", 90, False, "give"),
        ("spo2_percent", 89, True, "hold"),
        ("spo2_percent", None, None, "ask"),
        ("systolic_mmhg", 90, False, "give"),
        ("systolic_mmhg", 89, True, "hold"),
        ("systolic_mmhg", None, None, "ask"),
        ("pulse_per_min", 130, False, "give"),
        ("pulse_per_min", 131, False, "hold"),  # no CRS, and an emergency all the same
    ],
)
def test_low_oxygen_or_pressure_without_fever_withholds_the_next_dose(
    reading: str, value: int, is_open: bool | None, action: str
):
    told = stepping_up()
    well(told, "2026-03-08 08:00")
    answer = reported(told, "2026-03-08 09:00", temperature_c="36.8", **{reading: value})
    assert answer.toxicity.crs.open is is_open
    assert answer.next_dose.action.value == action


def test_low_oxygen_before_any_dose_is_no_crs():
    assert reported(Told(), spo2_percent=89).toxicity.crs.open is None


def test_tri06_fever_and_cough_12_days_after_the_dose_is_infection_first():
    told = stepping_up(anc=None)
    answer = reported(
        told,
        "2026-03-17 10:00",
        kind="checkin_received",
        temperature_c="38.2",
        symptoms=["cough"],
        caregiver_present=True,
    )
    assert said(answer) == RED_4_ED, "the neutrophil count is not known: the stricter of the two references"
    assert "infection path first" in answer.triage.because and answer.toxicity.infection.open


def test_tri07_warm_twice_is_one_recheck_in_an_hour_and_no_crs():
    told = stepping_up()
    told.tell("vitals_measured", "2026-03-06 14:50", temperature_c="37.9")
    answer = reported(told, temperature_c="37.9")
    assert said(answer) == GREEN and answer.pages == ()
    assert civil(answer.watch.next_check_due) == "2026-03-06 16:00"
    assert answer.toxicity.crs.open is False


def test_tri09_a_check_60_minutes_late_20_hours_after_dose_1_pages_the_nurse_on_call():
    told = Told()
    well(told, "2026-03-02 11:00")
    told.dose("step_up_1", "2026-03-02 12:00")
    told.tell("checkin_received", "2026-03-03 02:00", temperature_c="36.8", none_of_these=True)
    assert told.assess("2026-03-03 08:59").pages == ()
    (page,) = told.assess("2026-03-03 09:00").pages
    assert (page.ladder, page.what) == (Ladder.AMBER, "check-in overdue")


def test_tri10_ice_8_of_10_without_fever_is_a_clinicians_call_and_grade_1():
    told = stepping_up()
    told.tell("ice_assessed", "2026-03-02 08:00", total_0_10=10, baseline=True)
    score = told.tell("ice_assessed", LATER, total_0_10=8)
    assert said(told.assess(LATER)) == AMBER
    (page,) = [page for page in told.assess(LATER).pages if page.key.startswith("report:")]
    assert page.urgency is Urgency.SOON
    normal = {"loc_other": False, "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
    told.tell("icans_assessed", "2026-03-06 15:20", ice_event=score, loc="alert", **normal)
    assert told.assess("2026-03-06 15:20").toxicity.icans.grade == 1


@pytest.mark.parametrize(("given", "warned"), [("2026-03-06 07:01", True), ("2026-03-06 07:00", False)])
def test_tri11_a_second_tocilizumab_within_8_hours_is_warned_about(given: str, warned: bool):
    told = stepping_up()
    told.tell("vitals_measured", "2026-03-06 06:00", temperature_c="38.5")
    told.tell("medicine_given", given, agent="Tocilizumab", dose_mg="560", purpose="treatment")
    findings = rescue(reported(told, temperature_c="38.5"))
    assert [f.urgency for f in findings] == ([Urgency.NOW] if warned else [])
    assert all("steroid path" in f.what and "can always be recorded" in f.because for f in findings)


@pytest.mark.parametrize(("doses", "warned"), [(3, False), (4, True)])
def test_tri12_a_fifth_tocilizumab_of_one_event_is_warned_about(doses: int, warned: bool):
    told = stepping_up()
    told.tell("medicine_given", "2026-03-05 08:00", agent="tocilizumab", dose_mg="560", purpose="prophylaxis")
    told.tell("vitals_measured", "2026-03-06 01:00", temperature_c="38.5")
    for hour in range(doses):
        told.tell("medicine_given", f"2026-03-06 0{2 + hour}:00", agent="tocilizumab", purpose="treatment")
    findings = rescue(told.assess("2026-03-06 20:00"))
    assert [f.what for f in findings] == (["4 tocilizumab doses in this event: the limit is 4"] if warned else [])


@pytest.mark.parametrize(
    ("weight_kg", "mg", "capped"),
    [
        ("112", "800", True),
        ("100", "800", False),
        ("100.1", "800", True),
        ("99.9", "799.2", False),
        ("70", "560", False),
    ],
)
def test_tri13_tocilizumab_is_capped_at_800_mg(weight_kg: str, mg: str, capped: bool):
    assert tocilizumab_amount(Decimal(weight_kg), load_policy()) == (Decimal(mg), capped)


def test_tri13_no_weight_no_amount():
    assert tocilizumab_amount(None, load_policy()) == (None, False)


@pytest.mark.parametrize("alone", [{"caregiver_present": False}, {"caregiver_present": None}, {}])
def test_tri14_fever_without_a_caregiver_is_no_home_watch(alone: dict[str, Any]):
    answer = reported(stepping_up(), kind="checkin_received", temperature_c="38.1", **alone)
    assert said(answer) == RED_3
    assert "no home watch" in answer.triage.because


def rescue(answer: Assessment) -> list[Any]:
    return [finding for finding in answer.findings if finding.rule == "management"]
