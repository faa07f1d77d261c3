"""What the record says of each line of the gate, one fact taken away or turned at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from handrail.rules.protocol import load
from tests.support.courses import TEC, Told, civil, well
from tests.support.gates import ANSWERS, AT_DOSE, DAY_BEFORE, DOSE_AT, DOSE_ON, line, prepared, read, utc
from tests.support.triage import graded

MORNING = "2026-03-02 09:30"
LEFT_OUT = {
    "well": {"infection"},
    "counts": {"counts"},
    "plan": {"order", "consent"},
    "departure": {"consent"},
    "indication": {"rems"},
    "visits": {"visits"},
    "authorisation": {"authorisation", "tocilizumab"},
    "confirmed": {"tocilizumab", "consent"},
    "home": {"caregiver", "home", "medicines"},
    "travel": {"travel"},
    "taught_patient": {"home"},
    "taught_caregiver": {"caregiver"},
    "consent": {"consent"},
    "call": {"home"},
    "setting": {"consent"},
}


def open_lines(told: Told, at: str = DAY_BEFORE) -> set[str]:
    found = read(told, at)
    assert found is not None
    return {name for name, answer in ANSWERS.items() if answer(found).evidence.met is not True}


def test_a_course_of_which_everything_is_recorded_has_no_open_line():
    assert open_lines(prepared()) == set()
    assert open_lines(prepared(TEC)) == {"order"}  # nobody has signed its weight bands


SIGNED = replace(load(TEC), band=tuple(replace(band, signed_by="lead") for band in load(TEC).band))


@pytest.mark.parametrize(("group", "expected"), LEFT_OUT.items())
def test_what_was_never_recorded_opens_exactly_its_lines(group, expected):
    told = prepared(without=(group,))
    assert expected <= open_lines(told)
    spare = {"plan": {"caregiver", "visits"}}.get(group, set())
    assert open_lines(told) - expected <= spare
    found = read(told)
    for name in expected:
        evidence = ANSWERS[name](found).evidence
        assert evidence.owner
        assert evidence.next_step


TURNED: list[tuple[str, str, dict[str, Any], bool | None, str]] = [
    # line | fact | its fields | met | words
    ("order", "dose_planned", {"step": "step_up_2", "on": DOSE_ON, "setting": "outpatient"}, False, "the label names"),
    ("order", "protocol_changed", {"schedule": "weekly"}, None, "changed after this dose was planned"),
    ("infection", "vitals_measured", {"temperature_c": "38.4"}, False, "38.4 °C"),
    ("infection", "vitals_measured", {"temperature_c": None}, None, "not known"),
    ("infection", "condition_noted", {"what": "infection", "active": True}, False, "infection"),
    ("infection", "condition_noted", {"what": "infection", "active": None}, None, "infection"),
    ("counts", "lab_resulted", {"code": "anc", "value": "0.3", "unit": "10*9/L"}, None, "a row not verified"),
    ("counts", "lab_resulted", {"code": "anc", "value": None, "unit": "10*9/L"}, None, "not known"),
    ("reactions", "hold_started", {"because": "surgery"}, False, "surgery"),
    ("rems", "rems_met", {"requirement": "wallet_card", "met": False}, False, "not met"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "denied"}, False, "denied"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "asked"}, False, "asked"),
    ("authorisation", "authorisation_set", {"subject": None, "status": "approved"}, None, "nothing is recorded"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": None}, None, "not known"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "approved", "valid_until": None}, None, "until when"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "approved", "valid_until": "2026-03-02"}, False, "ends on Mon 2 Mar"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "approved", "valid_until": "2026-03-03"}, True, "authorised"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "approved", "valid_from": "2026-03-04", "valid_until": "2026-05-03"}, False, "begins on"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "granted", "valid_until": "2026-03-03"}, True, "authorised"),
    ("authorisation", "authorisation_set", {"subject": "bispecific", "status": "granted"}, None, "until when"),
    ("authorisation", "authorisation_set", {"subject": "elranatamab", "status": "not_required"}, True, "no authorisation is required"),
    ("tocilizumab", "authorisation_set", {"subject": "tocilizumab", "status": "denied"}, False, "denied"),
    ("tocilizumab", "readiness_confirmed", {"item": "rescue_tocilizumab", "confirmed": False}, False, "not so"),
    ("tocilizumab", "readiness_confirmed", {"item": "rescue_tocilizumab", "confirmed": True, "valid_until": "2026-03-04"}, False, "only until Wed 4 Mar"),
    ("tocilizumab", "readiness_confirmed", {"item": "rescue_tocilizumab", "confirmed": True, "valid_until": "2026-03-05"}, True, "in stock"),
    ("tocilizumab", "readiness_confirmed", {"item": None, "confirmed": True}, None, "not known"),
    ("caregiver", "home_status", {"caregiver_from": utc("2026-03-02 20:00"), "caregiver_until": utc("2026-03-05 12:00")}, False, "the window ends Thu 5 Mar 2026 13:00"),
    ("caregiver", "home_status", {"caregiver_from": utc("2026-03-02 20:00"), "caregiver_until": utc("2026-03-05 13:00")}, True, "somebody is with"),
    ("caregiver", "home_status", {"caregiver_from": utc("2026-03-03 09:01"), "caregiver_until": utc("2026-03-05 13:00")}, False, "nobody is rostered from Tue 3 Mar 2026 09:00"),
    ("caregiver", "home_status", {"caregiver_until": None}, None, "not known"),
    ("travel", "travel_noted", {"worst": [{"months": list(range(1, 13)), "minutes": 61}], "as_of": DOSE_ON}, False, "61"),
    ("travel", "travel_noted", {"worst": [{"months": list(range(1, 13)), "minutes": 60}], "as_of": DOSE_ON}, True, "within 60 min"),
    ("travel", "travel_noted", {"worst": None}, None, "not known"),
    ("home", "home_status", {"thermometer": False}, False, "the thermometer: no"),
    ("home", "home_status", {"thermometer": None}, None, "the thermometer: not known"),
    ("home", "home_status", {"phone_works": False}, False, "the phone: no"),
    ("home", "contact_made", {"with": "patient", "reached": False}, None, "nobody has confirmed"),
    ("medicines", "home_status", {"home_medicines_at_hand": []}, False, "not among"),
    ("medicines", "home_status", {"home_medicines_at_hand": None}, None, "not confirmed"),
    ("consent", "readiness_confirmed", {"item": "maintenance_site", "confirmed": None}, None, "not known"),
    ("consent", "setting_facts_noted", {"consent": False}, False, "has not consented"),
    ("consent", "setting_facts_noted", {"consent": None}, None, "consent: not known"),
    ("consent", "setting_decided", {"recommendation": "DEFER", "step": "step_up_1", "on": DOSE_ON, "valid_until": utc("2026-03-04 09:00")}, False, "defer"),
    ("consent", "setting_decided", {"recommendation": "DEFER", "step": "step_up_2", "on": DOSE_ON, "valid_until": utc("2026-03-04 09:00")}, True, "decided: outpatient"),
    ("consent", "setting_decided", {"recommendation": "INPATIENT", "step": "step_up_1", "on": DOSE_ON, "valid_until": None}, None, "not decided"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "fields", "met", "words"), TURNED)
def test_one_more_fact_turns_its_line(name, kind, fields, met, words):
    told = prepared()
    told.tell(kind, MORNING, **fields)
    evidence = line(told, name).evidence
    assert evidence.met is met, evidence.because
    assert words.lower() in evidence.because.lower()
    assert (evidence.next_step is not None) or met


@pytest.mark.parametrize(
    ("weighed", "ends"),
    [("2026-02-24 09:00", "2026-03-04 00:00"), ("2026-02-20 09:00", "2026-02-28 00:00")],
)
def test_a_weight_counts_seven_days(weighed, ends):
    told = prepared(TEC, without=("well",))
    told.tell("weight_measured", weighed, weight_kg="65")
    assert line(told, "order").evidence.met is None  # the band of this weight is not signed
    evidence = line(told, "order", protocol=SIGNED).evidence
    assert evidence.met is True
    assert civil(evidence.until) == ends


def test_a_flat_dose_asks_for_no_weight_and_bars_no_override():
    told = prepared(without=("well",))
    assert line(told, "order").evidence.met is True
    assert line(told, "order").bar is None
    by_weight = line(prepared(TEC, without=("well",)), "order")
    assert by_weight.bar == "the weight is not known, and the dose goes by weight"


def test_a_temperature_of_yesterday_ends_before_the_dose():
    evidence = line(prepared(), "infection").evidence
    assert civil(evidence.until) == DOSE_AT
    told = prepared()
    well(told, "2026-03-03 07:00", weight_kg="65")
    assert civil(line(told, "infection", AT_DOSE).evidence.until) == "2026-03-04 07:00"


def test_an_urgent_report_that_nobody_dealt_with_is_red():
    told = prepared()
    told.tell("checkin_received", MORNING, temperature_c="36.5", symptoms=["confused"], none_of_these=False)
    evidence = line(told, "infection").evidence
    assert evidence.met is False
    assert "report" in evidence.because


def test_the_hour_of_the_dose_is_the_visit_of_that_day_and_else_the_whole_day():
    found = read(prepared())
    assert (civil(found.dose.time.earliest), civil(found.dose.time.latest)) == (DOSE_AT, f"{DOSE_ON} 13:00")
    found = read(prepared(without=("visits",)))
    assert (civil(found.dose.time.earliest), civil(found.dose.time.latest)) == (f"{DOSE_ON} 00:00", f"{DOSE_ON} 23:59")
    late = read(prepared(), f"{DOSE_ON} 15:00")
    assert civil(late.dose.time.latest) == f"{DOSE_ON} 15:00"


def test_no_dose_is_ahead_of_a_course_that_is_over():
    told = prepared()
    told.tell("course_ended", MORNING, because="moved away", died=False)
    assert read(told) is None


def test_a_dose_in_hospital_needs_nobody_at_home_and_no_visits():
    told = prepared(without=("home", "visits", "plan"))
    told.tell("dose_planned", "2026-03-01 12:00", step="step_up_1", on=DOSE_ON, setting="inpatient")
    for name in ("caregiver", "travel", "visits"):
        assert line(told, name).evidence.because == "the dose is planned in hospital"


# --- after a dose ---------------------------------------------------------------------------------------------------------


def after_step_one(*, crs: bool = False, on: str = "2026-03-06", planned: str = "step_up_2", **more: Any) -> Told:
    told = prepared(TEC, **more)
    told.dose("step_up_1", DOSE_AT, dose_mg="3.9", weight_kg="65")
    if crs:
        told.tell("vitals_measured", "2026-03-04 06:00", temperature_c="38.6")
        told.tell(
            "crs_assessed",
            "2026-03-04 07:00",
            tmax_c="38.6",
            fever_other=False,
            hypotension=False,
            pressors=[],
            o2="none",
        )
    told.tell("dose_planned", "2026-03-05 09:00", step=planned, on=on, setting="outpatient")
    return told


def test_reactions_are_asked_again_before_the_next_dose():
    told = after_step_one()
    evidence = line(told, "reactions", "2026-03-05 10:00").evidence
    assert (evidence.met, "CRS" in evidence.because, "ICANS" in evidence.because) == (None, True, True)
    well(told, "2026-03-05 10:00", weight_kg="65")
    evidence = line(told, "reactions", "2026-03-05 11:00").evidence
    assert (evidence.met, civil(evidence.until)) == (True, "2026-03-06 10:00")


def test_after_a_stop_rule_no_dose_is_ahead_that_anybody_could_override():
    told = prepared()
    told.dose("step_up_1", DOSE_AT, dose_mg="12")
    told.tell("dose_planned", "2026-03-05 09:00", step="step_up_2", on="2026-03-06", setting="outpatient")
    assert read(told, "2026-03-05 10:00") is not None
    graded(told, "2026-03-04 07:00", tmax_c="39.0", o2="ventilator")
    assert read(told, "2026-03-05 10:00") is None


def test_a_step_of_which_nobody_can_say_whether_it_goes_by_weight_bars_an_override_while_the_weight_is_not_known():
    told = prepared(without=("well",))
    told.tell("dose_planned", MORNING, step=None, on=DOSE_ON, setting="outpatient")
    assert line(told, "order").bar == "the weight is not known, and the dose may go by it"
    well(told, "2026-03-02 09:40", weight_kg="65")
    assert line(told, "order").bar is None


def test_crs_that_goes_on_is_red():
    told = after_step_one(crs=True)
    evidence = line(told, "reactions", "2026-03-05 10:00").evidence
    assert evidence.met is False
    assert "CRS" in evidence.because


@pytest.mark.parametrize(
    ("on", "planned", "met", "words"),
    [
        ("2026-03-04", "step_up_2", False, "too early"),
        ("2026-03-06", "step_up_2", True, ""),
        ("2026-03-30", "step_up_2", False, "the restart table names step-up dose 1"),
        ("2026-03-30", "step_up_1", True, ""),
    ],
)
def test_the_interval_is_that_of_the_day_of_the_dose(on, planned, met, words):
    told = after_step_one(on=on, planned=planned)
    told.tell(
        "dose_not_given", "2026-03-03 09:30", step="step_up_2", because="logistics"
    ) if on == "2026-03-30" else None
    told.tell("dose_planned", "2026-03-03 10:00", step=planned, on=on, setting="outpatient")
    at = f"{on} 08:00" if on != "2026-03-04" else "2026-03-03 12:00"
    evidence = line(told, "interval", at).evidence
    assert evidence.met is met, evidence.because
    assert words in evidence.because


# --- tocilizumab before the first step-up dose ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "met", "words"),
    [
        ("2026-03-03 07:50", True, "within the interval"),
        ("2026-03-03 08:14", True, "within the interval"),
        ("2026-03-03 08:16", False, "the dose comes from Tue 3 Mar 2026 09:01"),
        ("2026-03-03 04:46", True, "within the interval"),
        ("2026-03-03 04:44", False, "outside the interval"),
    ],
)
def test_the_time_between_tocilizumab_and_the_dose_is_that_of_the_file(given, met, words):
    told = prepared()
    told.tell("medicine_given", given, agent="tocilizumab", purpose="prophylaxis", dose_mg="520")
    evidence = line(told, "tocilizumab", "2026-03-03 08:30").evidence
    assert evidence.met is met, evidence.because
    assert words in evidence.because


def test_a_waiver_stands_in_for_it_and_later_steps_ask_for_none():
    told = prepared(without=("authorisation",))
    assert line(told, "tocilizumab").evidence.met is None
    told.tell("readiness_confirmed", MORNING, item="prophylaxis_waived", confirmed=True, evidence="hepatitis B")
    assert line(told, "tocilizumab").evidence.met is True
    later = after_step_one(without=("authorisation",))
    assert line(later, "tocilizumab", "2026-03-05 10:00").evidence.because.startswith("rescue doses")


# --- REMS by its dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ends", "met"), [("2026-03-02", True), ("2026-03-03", None)])
def test_a_rems_that_has_ended_by_the_day_of_the_dose_asks_nothing(ends, met):
    protocol = load(TEC)
    rows = tuple(
        replace(row, in_force_to=date.fromisoformat(ends), confirmed_by="the authority", confirmed_on=date(2026, 2, 1))
        for row in protocol.rems
    )
    found = line(prepared(TEC, rems=False), "rems", protocol=replace(protocol, rems=rows))
    assert found.evidence.met is met, found.evidence.because
    assert (found.bar is None) is (met is True)


def test_making_any_value_not_known_never_makes_a_line_greener():
    for made in (prepared(), after_step_one(crs=True), after_step_one()):
        at = DAY_BEFORE if len(made.events) < 40 else "2026-03-05 10:00"
        before = open_lines(made, at)
        for event in made.events:
            for name in set(event) - {"id", "kind", "at", "recorded_at", "by", "zone", "source"}:
                kept, event[name] = event[name], None
                assert read(made, at) is None or before <= open_lines(made, at), (event, name)
                event[name] = kept
