"""Triage: who is paged (`ladder`) and what the patient does (`disposition`), on both sides of every limit."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder, Urgency
from handrail.rules.triage import stays_only_signed
from tests.support.courses import Told, civil, well
from tests.support.triage import (
    AMBER,
    DOSE_1,
    GREEN,
    LATER,
    NOTHING,
    RED_1,
    RED_2,
    RED_3,
    RED_3_ED,
    RED_4,
    RED_4_ED,
    graded,
    reported,
    said,
    stepping_up,
)

# --- readings -----------------------------------------------------------------------------------------------------

READINGS = [
    # reading         | value | answer       (each limit, and just beyond it)
    ("spo2_percent", 94, NOTHING),
    ("spo2_percent", 93, AMBER),
    ("spo2_percent", 90, AMBER),
    ("spo2_percent", 89, RED_1),
    ("systolic_mmhg", 101, NOTHING),
    ("systolic_mmhg", 100, AMBER),
    ("systolic_mmhg", 90, AMBER),
    ("systolic_mmhg", 89, RED_1),
    ("pulse_per_min", 110, NOTHING),
    ("pulse_per_min", 111, AMBER),
    ("pulse_per_min", 130, AMBER),
    ("pulse_per_min", 131, RED_1),
    ("breaths_per_min", 20, NOTHING),
    ("breaths_per_min", 21, AMBER),
    ("breaths_per_min", 24, AMBER),
    ("breaths_per_min", 25, RED_1),
    ("temperature_c", "37.7", NOTHING),
    ("temperature_c", "37.79", NOTHING),
    ("temperature_c", "37.8", GREEN),
    ("temperature_c", "37.99", GREEN),
    ("temperature_c", "38.0", RED_3),
    ("temperature_c", "43", RED_3),
]


@pytest.mark.parametrize(("reading", "value", "wanted"), READINGS)
def test_each_reading_at_its_limit_and_just_beyond(reading: str, value: int | str, wanted: tuple[str | None, str]):
    assert said(reported(stepping_up(), **{reading: value})) == wanted


@pytest.mark.parametrize(
    # the last reading by the first dose | reading | answer
    ("before", "systolic", "wanted"),
    [
        ([150], 121, NOTHING),
        ([150], 120, AMBER),  # 20 % under it
        ([128], 103, NOTHING),
        ([128], 102, AMBER),
        ([110], 101, NOTHING),  # 20 % under it is 88: the fixed limits say enough
        ([110], 100, AMBER),
        ([150], 89, RED_1),
        ([150, 130], 105, NOTHING),  # the last one counts
        ([130, 150], 105, AMBER),
        ([150, None], 120, AMBER),  # asked again and not known: the one before stands
        ([], 101, NOTHING),
    ],
)
def test_a_systolic_pressure_far_under_the_patients_own_baseline(
    before: list[int | None], systolic: int, wanted: tuple[str | None, str]
):
    told = Told()
    for number, value in enumerate(before):
        told.tell("vitals_measured", f"2026-03-02 08:0{number}", systolic_mmhg=value)
    told.dose("step_up_1", DOSE_1)
    answer = reported(told, "2026-03-02 18:00", systolic_mmhg=systolic)
    assert said(answer) == wanted
    assert ("baseline_systolic_mmhg" in [item.missing for item in answer.cannot_say]) == (not before)


@pytest.mark.parametrize(("at", "wanted"), [("2026-03-02 09:00", AMBER), ("2026-03-02 09:01", NOTHING)])
def test_a_reading_after_the_first_dose_is_no_baseline(at: str, wanted: tuple[str | None, str]):
    told = Told()
    told.dose("step_up_1", DOSE_1)
    told.tell("vitals_measured", at, systolic_mmhg=180)
    assert said(reported(told, "2026-03-02 18:00", systolic_mmhg=120)) == wanted


def test_of_two_rows_that_are_equally_urgent_the_first_gives_the_words():
    """95 is below the fixed limit, and more than 20 % under 150 as well."""
    told = Told()
    told.tell("vitals_measured", "2026-03-02 08:00", systolic_mmhg=150)
    told.dose("step_up_1", DOSE_1)
    because = reported(told, "2026-03-02 18:00", systolic_mmhg=95).triage.because
    assert "(mmHg) 95 is below 101" in because and "under the baseline" not in because


def test_the_table_above_meets_every_reading_row_of_the_policy():
    rows = {(row.reading, row.ladder.value) for row in load_policy().triage.reading}
    assert rows <= {(reading, wanted[0]) for reading, _, wanted in READINGS}


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        ("spo2_percent", 29),
        ("systolic_mmhg", 29),
        ("pulse_per_min", 301),
        ("breaths_per_min", 81),
        ("temperature_c", "44"),
    ],
)
def test_an_implausible_reading_meets_no_row_and_is_said(reading: str, value: int | str):
    answer = reported(stepping_up(), **{reading: value, "implausible": [reading]})
    assert said(answer) == NOTHING
    assert f"vitals_measured.{reading}" in [item.missing for item in answer.cannot_say]


# --- symptom boxes ------------------------------------------------------------------------------------------------

SYMPTOMS = {
    "short_of_breath": RED_1,
    "chest_pain": RED_1,
    "fainted": RED_1,
    "seizure": RED_1,
    "hard_to_wake": RED_1,
    "confused": RED_2,
    "new_weakness": RED_2,
    "bad_headache": RED_2,
    "cannot_drink": RED_2,
    "shaking_chills": RED_3,
    "dizzy": AMBER,
    "vomiting": AMBER,
    "rash": AMBER,
    "mild_headache": AMBER,
    "cough": AMBER,
    "burning_urine": AMBER,
    "diarrhoea": AMBER,
    "a_box_of_a_newer_phone": AMBER,
}
NEUROLOGICAL = {"seizure", "hard_to_wake", "confused", "new_weakness", "bad_headache"}
INFECTION = {"cough", "burning_urine", "diarrhoea"}


@pytest.mark.parametrize(("symptom", "wanted"), SYMPTOMS.items())
@pytest.mark.parametrize("day", [LATER, "2026-03-20 10:00"])
def test_each_symptom_box(symptom: str, wanted: tuple[str, str], day: str):
    answer = reported(stepping_up(), day, kind="checkin_received", temperature_c="36.8", symptoms=[symptom])
    assert said(answer) == wanted
    assert (answer.toxicity.icans.open is True) == (symptom in NEUROLOGICAL)
    assert (answer.toxicity.infection.open is True) == (symptom in INFECTION)
    assert (answer.toxicity.crs.open is True) == (symptom == "shaking_chills")


def test_the_table_above_has_every_box_of_the_policy():
    assert {row.symptom for row in load_policy().triage.symptom} == set(SYMPTOMS) - {"a_box_of_a_newer_phone"}


def test_no_box_and_a_normal_temperature_is_nothing():
    answer = reported(stepping_up(), kind="checkin_received", temperature_c="36.8", symptoms=[], none_of_these=True)
    assert said(answer) == NOTHING and answer.pages == ()


# --- fever: how long after which dose -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    # last dose         | fever at           | answer       (the window is 7 x 24 h after the dose, end included)
    ("step", "at", "wanted"),
    [
        ("step_up_1", "2026-03-02 09:00", RED_3),  # in the minute of the dose
        ("step_up_1", "2026-03-02 09:01", RED_3),
        ("step_up_1", "2026-03-09 10:00", RED_3),  # 168 h: the clocks went forward on 8 March
        ("step_up_1", "2026-03-09 10:01", RED_4),
        ("step_up_2", "2026-03-09 10:00", RED_3),
        ("step_up_2", "2026-03-09 10:01", RED_4),
        ("first_treatment", "2026-03-09 10:00", RED_3),
        ("first_treatment", "2026-03-09 10:01", RED_4),
        ("treatment", "2026-03-02 09:01", RED_4),
        (None, "2026-03-02 09:01", RED_3),  # a dose of an unknown step could be a step-up dose
    ],
)
def test_fever_within_7_days_of_a_step_up_or_first_treatment_dose(step: str | None, at: str, wanted: tuple[str, str]):
    told = Told()
    told.dose(step, DOSE_1)
    told.tell("lab_resulted", "2026-03-02 08:00", code="anc", value="2.1", unit="10*9/L")
    assert said(reported(told, at, temperature_c="38.0")) == wanted


def test_fever_with_a_dose_on_an_unknown_day_counts_as_within_the_window():
    told = Told()
    told.dose("treatment", DOSE_1, started_at=None)
    assert said(reported(told, "2026-06-01 10:00", temperature_c="38.0"))[0] == "RED-3"


def test_fever_before_any_dose_is_infection_first():
    told = Told()
    assert said(reported(told, "2026-03-02 08:00", temperature_c="38.0")) == RED_4_ED


@pytest.mark.parametrize(
    # neutrophils, unit          | within 7 days | later     | infection path first
    ("value", "unit", "within", "later", "first"),
    [
        ("1.0", "10*9/L", RED_3, RED_4, False),
        ("0.99", "10*9/L", RED_3, RED_4_ED, True),
        ("0.5", "10*9/L", RED_3, RED_4_ED, True),
        ("0.49", "10*9/L", RED_3_ED, RED_4_ED, True),
        ("499", "/uL", RED_3_ED, RED_4_ED, True),
        ("1000", "{cells}/uL", RED_3, RED_4, False),
        ("1.0", "10*3/uL", RED_3, RED_4, False),
        ("1.0", "%", RED_3, RED_4_ED, True),
        ("1.0", None, RED_3, RED_4_ED, True),
        (None, "10*9/L", RED_3, RED_4_ED, True),
        ("never", None, RED_3, RED_4_ED, True),
    ],
)
def test_fever_and_neutrophils(
    value: str | None, unit: str | None, within: tuple[str, str], later: tuple[str, str], first: bool
):
    for at, wanted in ((LATER, within), ("2026-03-16 15:00", later)):
        told = stepping_up(anc=None)
        if value != "never":
            told.tell("lab_resulted", "2026-03-05 08:00", code="anc", value=value, unit=unit)
        answer = reported(told, at, temperature_c="38.0")
        assert said(answer) == wanted
        assert ("infection path first" in answer.triage.because) == first


@pytest.mark.parametrize(("counted", "wanted"), [(LATER, RED_3_ED), ("2026-03-02 08:00", RED_3)])
def test_a_neutrophil_count_from_the_minute_of_the_fever_is_known(counted: str, wanted: tuple[str, str]):
    told = stepping_up(anc=None)
    told.tell("lab_resulted", counted, code="anc", value="0.49" if counted == LATER else "2.1", unit="10*9/L")
    assert said(reported(told, LATER, temperature_c="38.0")) == wanted


@pytest.mark.parametrize(("at", "wanted"), [("2026-03-19 09:00", RED_4), ("2026-03-19 09:01", RED_4_ED)])
def test_a_neutrophil_count_older_than_14_days_is_not_known(at: str, wanted: tuple[str, str]):
    told = stepping_up()
    assert civil(told.history().last("lab_resulted").at) == "2026-03-05 08:00"
    assert said(reported(told, at, temperature_c="38.0")) == wanted  # 14 x 24 h, one of them lost on 8 March


def test_the_latest_neutrophil_count_is_the_one_even_when_its_value_is_not_known():
    told = stepping_up()
    told.tell("lab_resulted", "2026-03-06 08:00", code="anc", value=None, unit="10*9/L")
    assert "neutrophil count not known" in reported(told, temperature_c="38.0").triage.because


# --- the confusion check at home, and the ICE score ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("home_neuro", "wanted"),
    [
        ({"year": "right", "place": "right", "writing": "right"}, NOTHING),
        ({"year": "right", "place": "wrong", "writing": "right"}, RED_2),
        ({"year": "right", "place": "not_done", "writing": "right"}, RED_2),
        ({"year": "wrong", "place": "not_done"}, RED_2),
        (None, RED_2),
        ({}, NOTHING),
    ],
)
def test_a_wrong_or_unanswered_item_of_the_home_check_is_red_2(home_neuro: Any, wanted: tuple[str | None, str]):
    answer = reported(stepping_up(), kind="checkin_received", temperature_c="36.8", home_neuro=home_neuro)
    assert said(answer) == wanted
    assert answer.watch.last_ice_0_10 == 10, "the home check is a screen, never an ICE score"


@pytest.mark.parametrize(
    # baseline | score | answer
    ("baseline", "total", "wanted"),
    [
        (10, 10, NOTHING),
        (10, 9, AMBER),
        (10, 8, AMBER),
        (10, 7, RED_2),
        (8, 8, NOTHING),
        (8, 7, AMBER),
        (8, 6, RED_2),  # below 7
        (6, 6, NOTHING),  # below 7 at baseline already, nothing lost
        (6, 5, RED_2),
        (None, 9, AMBER),  # no baseline stored: counted from 10
        (None, 7, RED_2),
    ],
)
def test_an_ice_score_below_the_baseline(baseline: int | None, total: int, wanted: tuple[str | None, str]):
    told = Told()
    if baseline is not None:
        told.tell("ice_assessed", "2026-03-02 08:00", total_0_10=baseline, baseline=True)
    told.dose("step_up_1", DOSE_1)
    assert said(reported(told, "2026-03-03 09:00", kind="ice_assessed", total_0_10=total)) == wanted


# --- a medicine that hides fever ----------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [True, None])
def test_a_normal_temperature_after_an_antipyretic_is_no_clearance(taken: bool | None):
    told = stepping_up()
    well(told, "2026-03-08 08:00")
    clear = told.assess("2026-03-08 08:30").next_dose
    assert clear.action.gives
    told.tell("checkin_received", "2026-03-08 09:00", temperature_c="36.8", antipyretic_last_6_h=taken)
    masked = told.assess("2026-03-08 09:00")
    assert (masked.next_dose.action.value, masked.next_dose.withheld) == ("ask", True)
    assert "temperature" in [item.missing for item in masked.cannot_say]


def test_an_antipyretic_does_not_soften_a_fever_or_a_symptom():
    fields = {"temperature_c": "38.0", "antipyretic_last_6_h": True, "symptoms": ["confused"]}
    assert said(reported(stepping_up(), kind="checkin_received", **fields)) == RED_2


# --- two answers, never mixed; and what closes a report -----------------------------------------------------------


def test_the_worst_ladder_and_the_worst_disposition_may_come_from_two_reports():
    told = stepping_up(anc="0.3")
    told.tell("checkin_received", "2026-03-17 09:00", temperature_c="38.0")  # RED-4, emergency department
    answer = reported(told, "2026-03-17 09:10", kind="checkin_received", symptoms=["shaking_chills"])
    assert said(answer) == RED_3_ED
    assert {page.ladder.value for page in answer.pages} == {"RED-3", "RED-4"}


@pytest.mark.parametrize(
    # what somebody did          | RED: still open? | AMBER: still open?
    ("done", "red", "amber"),
    [
        ({"kind": "page_acknowledged"}, True, True),
        ({"kind": "contact_made", "reached": False, "outcome": "coming_in"}, True, True),
        ({"kind": "contact_made", "reached": None, "outcome": "coming_in"}, True, True),
        ({"kind": "contact_made", "reached": True, "outcome": "none"}, True, True),
        ({"kind": "contact_made", "reached": True, "outcome": "staying_home"}, True, False),
        ({"kind": "contact_made", "reached": True, "outcome": "coming_in"}, False, False),
        ({"kind": "contact_made", "reached": True, "outcome": "sent_to_ed"}, False, False),
        ({"kind": "contact_made", "reached": True, "outcome": "handed_over"}, False, False),
    ],
)
def test_only_a_reached_contact_that_moves_the_patient_on_closes_a_report(done: dict[str, Any], red: bool, amber: bool):
    fields = {key: value for key, value in done.items() if key != "kind"}
    for symptom, still_open in (("fainted", red), ("confused", red), ("shaking_chills", red), ("rash", amber)):
        told = stepping_up()
        told.tell("checkin_received", LATER, symptoms=[symptom])
        told.tell(done["kind"], "2026-03-06 15:20", **fields)
        assert (said(told.assess("2026-03-06 15:20")) != NOTHING) == still_open, symptom


def test_a_call_before_the_report_does_not_close_it():
    told = stepping_up()
    told.tell("contact_made", "2026-03-06 14:59", reached=True, outcome="coming_in")
    assert said(reported(told, temperature_c="38.0")) == RED_3


def test_a_new_normal_reading_answers_a_green_report_and_no_other():
    told = stepping_up()
    told.tell("vitals_measured", LATER, temperature_c="37.9")
    told.tell("vitals_measured", "2026-03-06 16:00", temperature_c="36.9")
    assert said(told.assess("2026-03-06 16:00")) == NOTHING
    told.tell("vitals_measured", "2026-03-06 17:00", temperature_c="38.0")
    told.tell("vitals_measured", "2026-03-06 17:30", temperature_c="36.9")
    assert said(told.assess("2026-03-06 17:30")) == RED_3


def test_crs_grade_and_ice_score_are_due_within_60_minutes_of_a_red_report():
    told = stepping_up()
    told.tell("vitals_measured", LATER, temperature_c="38.0")
    told.tell("contact_made", "2026-03-06 15:05", reached=True, outcome="coming_in")
    before, after = told.assess("2026-03-06 15:59"), told.assess("2026-03-06 16:00")
    assert [civil(task.by) for task in before.tasks if "ICE" in task.what] == ["2026-03-06 16:00"]
    assert before.pages == () and civil(before.look_again_at) == "2026-03-06 16:00"
    assert [(page.ladder, page.what) for page in after.pages] == [
        (Ladder.RED_3, "CRS grade and ICE score not recorded")
    ]
    graded(told, "2026-03-06 16:10", tmax_c="38.0")
    assert told.assess("2026-03-06 16:10").pages == ()


@pytest.mark.parametrize("ladder", list(Ladder))
def test_red_is_now_amber_soon_green_today(ladder: Ladder):
    wanted = {"AMBER": Urgency.SOON, "GREEN": Urgency.TODAY}.get(ladder.value, Urgency.NOW)
    assert ladder.urgency is wanted


@pytest.mark.parametrize(
    ("ladder", "calls_911", "help_first", "stays_only_signed_"),
    [
        ("RED-1", True, True, False),  # nobody stays at home after RED-1 or RED-2, signed or not
        ("RED-2", False, True, False),
        ("RED-3", False, False, True),
        ("RED-4", False, False, True),
        ("AMBER", False, False, False),
        ("GREEN", False, False, False),
    ],
)
def test_what_a_ladder_asks_of_whoever_reports(
    ladder: str, calls_911: bool, help_first: bool, stays_only_signed_: bool
):
    asked = Ladder(ladder)
    assert (asked.calls_911, asked.help_first, stays_only_signed(asked)) == (calls_911, help_first, stays_only_signed_)
    assert not stays_only_signed(None)
