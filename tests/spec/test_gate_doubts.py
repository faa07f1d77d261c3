"""What casts doubt on a green line: corrections that contradict one another, a plan against its decision, a word that something later overtook."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.test_gate_lines import SIGNED
from tests.support.courses import TEC, Told, civil, instant
from tests.support.gates import DAY_BEFORE, DOSE_AT, DOSE_ON, line, prepared, read, utc

MORNING = "2026-03-02 09:30"
FAR = [{"months": list(range(1, 13)), "minutes": 90}]
DEFERRED = {"recommendation": "DEFER", "step": "step_up_1", "on": DOSE_ON, "valid_until": utc("2026-03-04 09:00")}
RIVALS: list[tuple[str, str, str, dict[str, Any]]] = [
    # line | fact | the field that tells which of them | what a second correction says instead
    ("order", "dose_planned", "step", {"step": "step_up_2", "on": DOSE_ON, "setting": "outpatient"}),
    ("infection", "vitals_measured", "temperature_c", {"temperature_c": "38.6"}),
    ("infection", "condition_noted", "what", {"what": "infection", "active": True}),
    ("counts", "lab_resulted", "code", {"code": "hemoglobin", "value": None, "unit": "g/dL"}),
    ("authorisation", "authorisation_set", "subject", {"subject": "bispecific", "status": "denied"}),
    ("tocilizumab", "readiness_confirmed", "item", {"item": "rescue_tocilizumab", "confirmed": False}),
    ("rems", "rems_met", "requirement", {"requirement": "wallet_card", "met": False}),
    ("caregiver", "home_status", "thermometer", {"caregiver_from": None, "caregiver_until": None}),
    ("travel", "travel_noted", "worst", {"worst": FAR, "as_of": DOSE_ON}),
    ("home", "home_status", "thermometer", {"thermometer": False, "phone_works": True}),
    ("home", "contact_made", "with", {"with": "patient", "reached": False, "outcome": "none"}),
    ("medicines", "home_status", "thermometer", {"home_medicines_at_hand": []}),
    ("consent", "setting_decided", "step", DEFERRED),
    ("consent", "setting_facts_noted", "consent", {"consent": False}),
]


def corrected_twice(kind: str, field: str, bad: dict[str, Any], *, bad_first: bool) -> Told:
    """A ready course of which one fact was corrected by two persons: to what it said before, and to something worse."""
    told = prepared()
    fitting = [e for e in told.events if e["kind"] == kind and field in e and (field not in bad or e[field] == bad[field] or field not in NAMES)]  # fmt: skip
    old = fitting[-1]
    good = {key: value for key, value in old.items() if key not in ("id", "kind", "at", "zone")}
    for body in (bad, good) if bad_first else (good, bad):
        told.tell(kind, str(civil(instant(old["at"]))), **{"reason": "typed wrong", **body}, supersedes=old["id"])
    return told


NAMES = ("what", "code", "subject", "item", "requirement")
"""Fields by which a fact of a kind says what it is about."""


@pytest.mark.parametrize("bad_first", [True, False])
@pytest.mark.parametrize(("name", "kind", "field", "bad"), RIVALS)
def test_of_two_corrections_that_contradict_one_another_the_more_cautious_counts(name, kind, field, bad, bad_first):
    assert line(prepared(), name).evidence.met is True
    assert line(corrected_twice(kind, field, bad, bad_first=bad_first), name).evidence.met is not True


@pytest.mark.parametrize("first", ["withdrawn", "corrected"])
def test_what_one_person_withdraws_and_another_corrects_is_not_green(first):
    told = prepared()
    old = next(e for e in told.events if e["kind"] == "authorisation_set" and e["subject"] == "bispecific")
    at = str(civil(instant(old["at"])))
    good = {key: value for key, value in old.items() if key not in ("id", "kind", "at", "zone")}
    tells = {
        "withdrawn": lambda: told.tell("fact_withdrawn", at, supersedes=old["id"], reason="of another patient"),
        "corrected": lambda: told.tell(
            "authorisation_set", at, **good | {"number": "7"}, supersedes=old["id"], reason="the number"
        ),
    }
    for name in (first, *(each for each in tells if each != first)):
        tells[name]()
    assert line(told, "authorisation").evidence.met is None


@pytest.mark.parametrize("missing", ["step", "on"])
@pytest.mark.parametrize("said", ["DEFER", "INPATIENT", None])
def test_a_later_decision_that_may_be_for_this_dose_overtakes_the_one_before_it(missing, said):
    told = prepared()
    told.tell("setting_decided", MORNING, **{**DEFERRED, "recommendation": said, missing: None})
    evidence = line(told, "consent").evidence
    assert (evidence.met, "not decided" in evidence.because) == (None, True)


def test_two_plans_that_stand_side_by_side_name_no_dose():
    bad = {"step": "step_up_1", "on": DOSE_ON, "setting": "outpatient", "at_site": "elsewhere"}
    evidence = line(corrected_twice("dose_planned", "step", bad, bad_first=True), "order").evidence
    assert (evidence.met, "not all of them name the same dose" in evidence.because) == (None, True)


@pytest.mark.parametrize(
    # what is decided | what is planned | met
    ("decided", "planned", "met"),
    [
        ("INPATIENT", "inpatient", True), ("INPATIENT", "hybrid", False), ("INPATIENT", "outpatient", False),
        ("HYBRID", "inpatient", True), ("HYBRID", "hybrid", True), ("HYBRID", "outpatient", False),
        ("OUTPATIENT", "inpatient", True), ("OUTPATIENT", "hybrid", True), ("OUTPATIENT", "outpatient", True),
    ],
)  # fmt: skip
def test_a_dose_that_is_planned_further_from_hospital_than_it_was_decided_is_red(decided, planned, met):
    told = prepared(without=("setting", "plan"))
    told.tell("dose_planned", "2026-03-01 12:00", step="step_up_1", on=DOSE_ON, setting=planned)
    told.tell("setting_decided", MORNING, **DEFERRED | {"recommendation": decided})
    evidence = line(told, "consent").evidence
    assert evidence.met is met, evidence.because
    assert met or f"the dose is planned {planned}" in evidence.because


def test_a_call_that_reached_nobody_overtakes_a_channel_that_was_tested_before():
    told = prepared(without=("call",))
    told.tell("readiness_confirmed", "2026-03-01 12:00", item="language_channel", confirmed=True)
    assert line(told, "home").evidence.met is True
    told.tell("contact_made", "2026-03-02 08:00", **{"with": "patient", "reached": False, "outcome": "none"})
    evidence = line(told, "home").evidence
    assert (evidence.met, "did not surely reach the patient" in evidence.because) == (None, True)
    told.tell("readiness_confirmed", MORNING, item="language_channel", confirmed=True)
    assert line(told, "home").evidence.met is True


@pytest.mark.parametrize("agent", ["dexamethasone", None])
def test_dexamethasone_that_was_taken_at_home_is_in_the_hands_again_when_somebody_has_seen_it(agent):
    told = prepared()
    told.tell("medicine_given", "2026-03-02 08:00", agent=agent, purpose="home", dose_mg="20")
    evidence = line(told, "medicines").evidence
    assert (evidence.met, "no pack was seen since" in evidence.because) == (None, True)
    told.tell("home_status", MORNING, home_medicines_at_hand=["dexamethasone"])
    assert line(told, "medicines").evidence.met is True


@pytest.mark.parametrize(("until", "met"), [("2026-03-03", True), ("2026-03-02", False), (None, False)])
def test_a_requirement_of_the_first_dose_that_was_recorded_until_a_day_ends_with_it(until, met):
    told = prepared()
    told.tell("rems_met", MORNING, requirement="wallet_card", met=True, valid_until=until)
    answer = line(told, "rems")
    assert (answer.evidence.met, answer.bar is None) == (met, met)


@pytest.mark.parametrize(
    ("weighed", "met", "ends"), [("2026-03-04 09:00", True, "2026-03-12 00:00"), ("2026-02-20 09:00", True, "2026-02-28 00:00"), (None, None, None)]
)  # fmt: skip
def test_the_weight_that_was_used_for_a_dose_makes_no_weighing_younger(weighed, met, ends):
    told = prepared(TEC, without=("well",))
    if weighed:
        told.tell("weight_measured", weighed, weight_kg="65")
    told.dose("step_up_1", DOSE_AT, dose_mg="3.9", weight_kg="65")
    told.tell("dose_planned", "2026-03-05 09:00", step="step_up_2", on="2026-03-06", setting="outpatient")
    evidence = line(told, "order", "2026-03-05 10:00", protocol=SIGNED).evidence
    assert (evidence.met, civil(evidence.until)) == (met, ends), evidence.because
    assert met or "when the patient was weighed is not known" in evidence.because


def test_what_is_said_of_low_counts_names_the_count_so_that_a_lower_one_is_another_sentence():
    said = []
    for value in ("20", "2"):
        told = prepared()
        told.tell("lab_resulted", MORNING, code="platelets", value=value, unit="10*9/L")
        said.append(line(told, "counts", DAY_BEFORE).evidence.because)
    assert "the latest: 20 10*9/L, Mon 2 Mar 2026 09:30" in said[0]
    assert said[0] != said[1]


@pytest.mark.parametrize(("planned", "met"), [("outpatient", False), ("hybrid", True)])
def test_a_patient_who_is_in_hospital_today_needs_assessments_after_a_dose_outside_it(planned, met):
    told = prepared(without=("visits", "plan"))
    told.tell("dose_planned", "2026-03-01 12:00", step="step_up_1", on=DOSE_ON, setting=planned)
    told.tell("home_status", MORNING, location="hospital", site="Synthetic ward")
    assert line(told, "visits").evidence.met is met


@pytest.mark.parametrize(("decided_at", "met"), [("2026-03-01 12:00", True), ("2026-02-28 12:00", False)])
def test_a_decision_of_the_setting_never_stands_longer_than_the_rules_let_one_stand(decided_at, met):
    told = prepared(without=("setting",))
    said = DEFERRED | {"recommendation": "OUTPATIENT", "valid_until": utc("2026-03-09 09:00")}
    told.tell("setting_decided", decided_at, **said)
    evidence = line(told, "consent").evidence
    dose = read(told).dose.time
    assert (evidence.met is True and evidence.until > dose.latest) is met, evidence.because


def test_a_report_that_may_have_been_urgent_keeps_the_line_of_infection_open_until_somebody_has_asked_again():
    told = prepared()
    told.tell("vitals_measured", MORNING, temperature_c=None)
    told.tell("checkin_received", MORNING, temperature_c="36.5", none_of_these=True)
    evidence = line(told, "infection").evidence
    assert (evidence.met, "a report may have been urgent" in evidence.because) == (None, True)


@pytest.mark.parametrize(("said_at", "met"), [("2026-02-24 12:00", True), ("2026-02-23 12:00", None)])
def test_a_yes_to_rescue_doses_holds_as_long_as_a_count_of_the_shelf(said_at, met):
    told = prepared(without=("confirmed",))
    told.tell("readiness_confirmed", said_at, item="rescue_tocilizumab", confirmed=True)
    evidence = line(told, "tocilizumab").evidence
    assert evidence.met is met, evidence.because
    assert met or "that holds 7 days, as a count does" in evidence.because


@pytest.mark.parametrize(("said_at", "met"), [("2026-02-11 12:00", True), ("2026-02-10 08:00", None)])
def test_a_waiver_of_another_start_is_none_for_this_one(said_at, met):
    told = prepared(without=("authorisation",))
    told.tell("readiness_confirmed", said_at, item="prophylaxis_waived", confirmed=True, evidence="hepatitis B")
    assert line(told, "tocilizumab").evidence.met is met
