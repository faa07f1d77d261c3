"""Reports that may have been urgent because a value was asked and is not known, and what a fever worksheet makes of such values."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules import protocol as protocols
from handrail.rules.amount import amount_for, check_given
from handrail.rules.doses import given_doses
from handrail.rules.nextdose import latest_weight
from handrail.rules.overlays import row_sha256
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.responsibility import MatrixSource
from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.switching import larger_dose_left_open, schedule_at
from handrail.rules.triage import triage
from handrail.rules.upcoming import open_plan, upcoming
from tests.spec.test_worksheet import feature
from tests.support.courses import TEC, Told, instant, well
from tests.support.reactions import crs
from tests.support.triage import stepping_up

AT, NOW = "2026-03-06 15:00", "2026-03-06 15:20"


def doubt(told: Told, at: str = NOW) -> str | None:
    history = told.history()
    return triage(history, given_doses(history), load_policy(), instant(at)).in_doubt


@pytest.mark.parametrize(
    # an ICE score | may hide a loss
    ("fields", "hides"),
    [
        ({"total_0_10": 10}, False),
        ({"total_0_10": None}, True),
        ({"total_0_10": None, "baseline": True}, False),  # the score at the start of the course
        ({"total_0_10": None, "baseline": False}, True),
        ({"total_0_10": 10, "baseline": None}, False),  # the score itself is known
    ],
)
def test_an_ice_score_that_was_asked_and_is_not_known(fields: dict[str, Any], hides: bool):
    told = stepping_up()
    told.tell("ice_assessed", AT, **fields)
    assert (doubt(told) is not None) is hides


@pytest.mark.parametrize(
    # asked in vain | a stay at home that is signed for ends the doubt
    ("asked", "ends"),
    [({"temperature_c": None}, True), ({"temperature_c": None, "symptoms": None}, False), ({"symptoms": None}, False)],
)
def test_a_signed_stay_answers_a_temperature_that_nobody_knows_and_nothing_else(asked: dict[str, Any], ends: bool):
    told = stepping_up()
    told.tell("checkin_received", AT, caregiver_present=True, **{"symptoms": [], "temperature_c": "36.8", **asked})
    assert doubt(told) is not None
    told.tell("contact_made", "2026-03-06 15:10", reached=True, outcome="staying_home", **{"with": "patient"})
    told.tell("departure_signed", "2026-03-06 15:10", rule="staying_home", reason="a reason", approver="somebody")
    assert (doubt(told) is None) is ends


@pytest.mark.parametrize(
    # a temperature that nobody knows, and a fever | words of the doubt
    ("first", "then", "words"),
    [
        (
            {"temperature_c": None},
            {"temperature_c": "38.4"},
            "asked at Fri 6 Mar 2026 15:00 CST, temperature not known",
        ),
        ({"temperature_c": "38.4"}, {"temperature_c": "38.5"}, "not recorded since the report of Fri 6 Mar 2026 15:05"),
    ],
)
def test_what_nobody_knows_is_said_before_what_nobody_has_assessed(first: dict, then: dict, words: str):
    told = stepping_up()
    for at, fields in ((AT, first), ("2026-03-06 15:05", then)):
        told.tell("checkin_received", at, symptoms=[], caregiver_present=True, **fields)
    assert words in str(doubt(told))


@pytest.mark.parametrize(
    # an ICE score in items | words
    ("fields", "words"),
    [
        ({"total_0_10": 6}, "ICE score 6 of 10"),
        ({"year": 0, "month": 0, "city": 0, "hospital": None}, "ICE score at most 7 of 10"),
    ],
)
def test_points_that_were_not_tested_are_told_as_at_most(fields: dict[str, Any], words: str):
    told = stepping_up()
    told.tell("ice_assessed", AT, **fields)
    assert words in told.assess(NOW).triage.because


# --- the worksheet of a fever ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # check-ins, one after the other | what is known of a focus of infection, and what it speaks for
    ("said", "found"),
    [
        ([{"symptoms": ["cough"]}], "infection"),
        ([{"symptoms": ["cough"]}, {"temperature_c": "38.4"}], "infection"),  # not asked again
        ([{"symptoms": ["cough"]}, {"symptoms": None}], None),  # asked, and not known
        ([{"none_of_these": True}], "crs"),
        ([{"temperature_c": "38.4"}], None),
    ],
)
def test_what_the_last_report_says_of_a_focus(said: list[dict[str, Any]], found: str | None):
    told = stepping_up()
    for number, fields in enumerate(said):
        told.tell("checkin_received", f"2026-03-06 15:0{number}", **fields)
    assert feature(told, "focal_symptoms", NOW)[1] == found


@pytest.mark.parametrize(
    # results of CRP | the one that is shown
    ("results", "words"),
    [
        ([("crp", "12")], "12 mg/L"),
        ([("crp", "12"), ("crp", None)], "12 mg/L"),
        ([("crp", "12"), ("crp", "80")], "80 mg/L"),
        ([("crp", "12"), ("ferritin", "900")], "12 mg/L"),
        ([("ferritin", "900")], None),
    ],
)
def test_the_latest_known_value_of_a_test(results: list[tuple[str, str | None]], words: str | None):
    told = stepping_up()
    for number, (code, value) in enumerate(results):
        told.tell("lab_resulted", f"2026-03-06 14:0{number}", code=code, value=value, unit="mg/L")
    known = feature(told, "crp", NOW)[0]
    assert (known is None) if words is None else (known is not None and known.startswith(words))


# --- the dose that comes next ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "open_"), [("2026-03-20", True), (None, False)])
def test_a_plan_without_a_day_is_none(on: str | None, open_: bool):
    told = Told(TEC)
    told.tell("dose_planned", "2026-03-01 09:00", step="step_up_1", on=on)
    assert (open_plan(told.history(), ()) is not None) is open_


@pytest.mark.parametrize(
    # a dose of an unknown step: no day is known for the next one | the checks of today are about a dose
    ("step", "about"),
    [("step_up_1", True), (None, False)],
)
def test_without_a_day_and_without_a_dose_that_could_be_given_nothing_is_checked(step: str | None, about: bool):
    told = Told(TEC)
    well(told, "2026-03-02 08:00")
    told.dose(step, "2026-03-02 09:00")
    history = told.history()
    dose = told.assess("2026-03-02 10:00").next_dose
    found = upcoming(history, given_doses(history), dose, instant("2026-03-02 10:00"))
    assert (found.dose is not None) is about


def test_crs_before_is_told_by_its_worst_grade():
    told = stepping_up()
    assert feature(told, "crs_before", NOW) == ("none recorded", None)
    told.tell("checkin_received", "2026-03-03 01:00", temperature_c="38.4", symptoms=[])
    assert feature(told, "crs_before", NOW) == ("suspected, never graded", "crs")
    crs(told, "2026-03-03 02:00", 2)
    crs(told, "2026-03-03 08:00", 1)
    assert feature(told, "crs_before", NOW) == ("worst grade 2", "crs")


@pytest.mark.parametrize(
    # the next dose is due on 16 March | the checks of today are about it
    ("at", "about"),
    [("2026-03-08 23:59", False), ("2026-03-09 00:00", True), ("2026-03-09 00:01", True)],
)
def test_upcoming_is_what_lies_a_week_ahead(at: str, about: bool):
    told = Told(TEC, schedule="every_2_weeks", intent="continuation")
    told.dose("treatment", "2026-03-02 09:00", schedule="every_2_weeks")
    history = told.history()
    found = upcoming(history, given_doses(history), told.assess(at).next_dose, instant(at))
    assert (found.dose is not None) is about


def test_of_several_reports_that_nobody_has_assessed_one_is_said():
    told = stepping_up()
    for minute in (0, 5):
        told.tell(
            "checkin_received", f"2026-03-06 15:0{minute}", temperature_c="38.4", symptoms=[], caregiver_present=True
        )
    later = told.assess("2026-03-06 18:00")
    assert [each.what for each in later.findings].count(
        "CRS grade and ICE score have not been recorded since the report"
    ) == 1


@pytest.mark.parametrize("value", ["80", "12"])
def test_of_two_results_the_later_one_is_shown(value: str):
    told = stepping_up()
    told.tell("lab_resulted", "2026-03-06 14:00", code="igg", value="5", unit="g/L")
    told.tell("lab_resulted", "2026-03-06 14:30", code="igg", value=value, unit="g/L")
    known, _ = feature(told, "igg", NOW)
    assert known is not None and known.startswith(f"{value} g/L at Fri 6 Mar 2026 14:30")


def test_a_course_without_a_schedule_starts_on_the_first_one_of_its_label():
    protocol = load(TEC)
    assert protocol.schedules[0] == "weekly" and len(protocol.schedules) > 1
    assert schedule_at(Told(TEC, schedule=None).history(), protocol) == "weekly"


def test_one_regimen_is_taken_whatever_it_is_called(monkeypatch: pytest.MonkeyPatch):
    only = load("teclistamab/US/2026-03/combo")
    monkeypatch.setattr(protocols, "catalogue", lambda: (only,))
    assert protocols.newest_active("teclistamab", "US") is only


@pytest.mark.parametrize(
    # mg given at 72 kg and 0.06 mg/kg | words
    ("mg", "words"),
    [("4.2", "names another amount (a row not verified)"), ("108", "another amount")],
)
def test_an_amount_that_differs_names_how_well_the_row_is_known(mg: str, words: str):
    protocol = load(TEC)
    given = {"dose_mg": Decimal(mg), "dose_mg_per_kg": None, "weight_kg": Decimal(72)}
    said = check_given(protocol, step="step_up_1", schedule="weekly", **given)
    assert said is not None and words in said
    band = next(row for row in protocol.band if row.from_kg <= 72 <= row.to_kg)
    signed = protocol.with_overlays(
        [
            {
                "protocol_key": TEC,
                "signed_by": "Synthetic Centre",
                "rows": [
                    {"id": row.id, "citation": "c", "sha256": row_sha256(row)}
                    for row in protocol.band
                    if row.from_kg <= 72 <= row.to_kg
                ],
            }
        ]
    )
    said = check_given(signed, step="step_up_1", schedule="weekly", **given)
    assert said is not None and "not verified" not in said
    amount = amount_for(signed, step="step_up_1", schedule="weekly", weight_kg=Decimal(72)).amount
    strength = next(row for row in protocol.strength if row.id == band.strength)
    assert amount is not None and f"{strength.mg_per_ml} mg/mL" in str(amount.basis)


def test_a_fall_under_the_own_baseline_counts_from_its_percentage():
    policy = load_policy()
    row = next(row for row in policy.triage.reading if row.under_baseline_percent is not None)
    assert row.under_baseline_percent is not None
    limit = 200 * (100 - row.under_baseline_percent) // 100
    for value, fallen in ((limit, True), (limit + 1, False)):
        told = Told(TEC)
        told.tell("vitals_measured", "2026-03-02 08:00", **{row.reading: 200})
        told.dose("step_up_1", "2026-03-02 09:00")
        told.tell("vitals_measured", "2026-03-02 20:00", **{row.reading: value})
        said = told.assess("2026-03-02 20:00").triage.because
        assert ("under the baseline of 200" in said) is fallen, said


@pytest.mark.parametrize(
    # the doses that the label itself names for phases of treatment | how 3 mg/kg every two weeks follows 1.5 mg/kg
    ("schedules", "open_"),
    [(("weekly", "every_2_weeks"), False), (("weekly",), True), ((), True)],
)
def test_a_larger_dose_is_open_unless_the_label_names_it_for_that_phase(schedules: tuple[str, ...], open_: bool):
    whole = load("teclistamab/US/2026-03/combo")
    protocol = replace(whole, phase_dose=tuple(row for row in whole.phase_dose if row.schedule in schedules))
    told = Told(whole.key)
    told.dose("treatment", "2026-03-02 09:00", dose_mg_per_kg="1.5", schedule="weekly")
    last = given_doses(told.history())[-1]
    assert (larger_dose_left_open(protocol, last, "weekly", "every_2_weeks") is not None) is open_


@pytest.mark.parametrize("missing", [True, False])
def test_a_key_without_a_default_is_asked_for(missing: bool):
    data = {"document": "a label"} if not missing else {}
    if missing:
        with pytest.raises(ProtocolDataError) as refused:
            read_table(MatrixSource, data, "here")
        assert (refused.value.code, refused.value.path) == ("missing_key", "here")
    else:
        assert read_table(MatrixSource, data, "here").address is None


@pytest.mark.parametrize(
    # what was told of the weight, one after the other | the weight that counts
    ("said", "counts"),
    [
        ([("weight_measured", {"weight_kg": "70"})], "70"),
        ([("weight_measured", {"weight_kg": "70"}), ("weight_measured", {"weight_kg": None})], None),
        ([("weight_measured", {"weight_kg": "70"}), ("dose_given", {})], "70"),  # not asked again
        ([("weight_measured", {"weight_kg": "70"}), ("dose_given", {"weight_kg": "72"})], "72"),
        ([("weight_measured", {"weight_kg": None}), ("weight_measured", {"weight_kg": "71"})], "71"),
        ([], None),
    ],
)
def test_the_latest_word_on_the_weight_counts(said: list[tuple[str, dict[str, Any]]], counts: str | None):
    told = Told(TEC)
    for number, (kind, fields) in enumerate(said):
        told.tell(kind, f"2026-03-02 08:0{number}", **fields)
    found = latest_weight(told.history())
    assert (str(found) if found is not None else None) == counts


def test_only_a_reading_that_is_compared_with_a_baseline_misses_one():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    signs = {
        "temperature_c": "36.8",
        "systolic_mmhg": 120,
        "pulse_per_min": 80,
        "breaths_per_min": 16,
        "spo2_percent": 97,
    }
    told.tell("vitals_measured", "2026-03-02 20:00", **signs)
    compared = {row.reading for row in load_policy().triage.reading if row.under_baseline_percent is not None}
    missing = {each.missing for each in told.assess("2026-03-02 20:00").cannot_say}
    assert {name for name in missing if name.startswith("baseline_")} == {f"baseline_{name}" for name in compared}
