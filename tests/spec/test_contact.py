"""What a call decides: reached in time, stays at home, comes in, sent to the emergency department; each with its own clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.policy import Policy, load_policy
from handrail.rules.terms import Urgency
from tests.support.courses import Told, civil
from tests.support.triage import LATER, graded, stepping_up

POLICY = load_policy()
assert POLICY.contact is not None
MAY_STAY = replace(POLICY, contact=replace(POLICY.contact, admission="grade_1_may_stay"))
"""The same policy, with the admission policy that a site may sign."""
SYMPTOMS = {"RED-1": "fainted", "RED-2": "confused", "RED-3": "shaking_chills", "AMBER": "rash"}
CALL = "2026-03-06 15:10"
"""Ten minutes after the report of `LATER`."""
OWN_CLOCKS = ("contact", "seen", "arrival", "ed_call_back", "staying_home")


def report(ladder: str = "RED-3", **fields: Any) -> Told:
    told = stepping_up()
    told.tell("checkin_received", LATER, symptoms=[SYMPTOMS[ladder]], caregiver_present=True, **fields)
    return told


def call(told: Told, at: str = CALL, outcome: str | None = "coming_in", **fields: Any) -> str:
    return told.tell("contact_made", at, **{"with": "patient", "reached": True, "outcome": outcome, **fields})


def own(told: Told, at: str, policy: Policy = POLICY) -> list[str]:
    """The pages that this rule wants, by the first word of their keys."""
    keys = [page.key.split(":")[0] for page in told.assess(at, policy=policy).pages]
    return [key for key in keys if key in OWN_CLOCKS]


def found(answer: Assessment, rule: str = "contact") -> list[tuple[str, str]]:
    return [(each.urgency.value, each.what) for each in answer.findings if each.rule == rule]


# --- reached in time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # ladder | the last minute without a page | the first with one
    ("ladder", "before", "due"),
    [
        ("RED-1", "2026-03-06 15:04", "2026-03-06 15:05"),
        ("RED-2", "2026-03-06 15:09", "2026-03-06 15:10"),
        ("RED-3", "2026-03-06 15:14", "2026-03-06 15:15"),
        ("AMBER", "2026-03-06 15:29", "2026-03-06 15:30"),
    ],
)
def test_somebody_reaches_the_patient_by_voice_in_time(ladder: str, before: str, due: str):
    told = report(ladder)
    early, late = told.assess(before), told.assess(due)
    assert own(told, before) == [] and early.look_again_at == late.at
    assert [civil(task.by) for task in early.tasks if "by voice" in task.what] == [due]
    (page,) = [page for page in late.pages if page.key.startswith("contact:")]
    assert (page.ladder.value, civil(page.since)) == (ladder, due)
    assert page.follows in [each.key for each in late.pages if each.key.startswith("report:")]
    assert "Nobody has reached the patient since the report" in [what for _, what in found(late)]


@pytest.mark.parametrize(
    # what somebody did at 15:04    | the clock of the contact goes on
    ("done", "goes_on"),
    [
        ({"kind": "page_acknowledged"}, True),
        ({"kind": "contact_made", "with": "patient", "reached": False}, True),
        ({"kind": "contact_made", "with": "patient", "reached": None}, True),
        ({"kind": "contact_made", "with": "ed", "reached": True, "outcome": "none"}, True),
        ({"kind": "contact_made", "with": None, "reached": True, "outcome": "none"}, True),
        ({"kind": "contact_made", "with": "patient", "reached": True, "outcome": "none"}, False),
        ({"kind": "contact_made", "with": "caregiver", "reached": True, "outcome": "none"}, False),
        ({"kind": "contact_made", "reached": True, "outcome": "none"}, False),
    ],
)
def test_only_a_call_that_reached_the_patient_stops_it(done: dict[str, Any], goes_on: bool):
    told = report("RED-1")
    told.tell(at="2026-03-06 15:04", **done)
    assert own(told, "2026-03-06 15:06") == (["contact"] if goes_on else [])


def test_a_call_before_the_report_is_no_answer_to_it():
    told = stepping_up()
    call(told, "2026-03-06 14:59", "none")
    told.tell("checkin_received", LATER, symptoms=["fainted"])
    assert own(told, "2026-03-06 15:06") == ["contact"]


# --- comes in -----------------------------------------------------------------------------------------------------


def test_the_patient_who_comes_in_is_seen_within_an_hour_of_the_call():
    told = report()
    call(told)
    assert own(told, "2026-03-06 16:09") == []
    assert "2026-03-06 16:10" in [civil(task.by) for task in told.assess("2026-03-06 15:30").tasks]
    assert own(told, "2026-03-06 16:10") == ["seen"]
    assert (("now", "The patient who comes in has not been seen")) in found(told.assess("2026-03-06 16:10"))


@pytest.mark.parametrize(
    # what happened at 15:50, or later           | still waiting for the patient at 16:20
    ("kind", "fields", "waits"),
    [
        ("page_acknowledged", {}, True),
        ("home_status", {"location": "home"}, True),
        ("home_status", {"location": None}, True),
        ("home_status", {"location": "ed", "site": "unit-7"}, False),
        ("home_status", {"location": "hospital", "site": "unit-7"}, False),
        ("contact_made", {"reached": True, "outcome": "none"}, True),
        ("contact_made", {"reached": False, "outcome": "none"}, True),
        ("contact_made", {"reached": True, "outcome": "coming_in"}, True),  # said again: no new hour
        ("contact_made", {"reached": True, "outcome": "handed_over"}, False),
        ("ice_assessed", {"total_0_10": 10}, True),  # half an assessment
    ],
)
def test_what_ends_the_wait_for_the_patient(kind: str, fields: dict[str, Any], waits: bool):
    told = report()
    call(told)
    told.tell(kind, "2026-03-06 15:50", **fields)
    assert own(told, "2026-03-06 16:20") == (["seen"] if waits else [])


def test_the_clinical_assessment_ends_every_clock_and_one_before_the_call_does_not():
    told = report()
    graded(told, "2026-03-06 15:05", tmax_c="38.4")
    call(told)
    assert own(told, "2026-03-06 16:10") == ["seen"]  # graded on the phone, and then never seen
    graded(told, "2026-03-06 16:20", tmax_c="38.4")
    assert own(told, "2026-03-06 16:20") == []


@pytest.mark.parametrize(
    # hours from the report to the call | the call belongs to the report
    ("at", "belongs"),
    [("2026-03-07 15:00", True), ("2026-03-07 15:01", False)],
)
def test_a_call_belongs_to_a_report_that_was_assessed_not_long_before_it(at: str, belongs: bool):
    told = report()
    graded(told, "2026-03-06 15:05", tmax_c="38.4")
    call(told, at)
    assert (own(told, "2026-03-07 16:30") == ["seen"]) == belongs


def test_a_call_about_no_urgent_report_opens_no_clock():
    told = report("AMBER")
    call(told)
    assert own(told, "2026-03-06 18:00") == []


# --- sent to the emergency department ------------------------------------------------------------------------------


def test_arrival_and_the_call_back_are_confirmed_each_on_its_own_clock():
    told = report("RED-2")
    call(told, outcome="sent_to_ed")
    assert own(told, "2026-03-06 16:09") == []
    assert own(told, "2026-03-06 16:10") == ["arrival"]
    assert own(told, "2026-03-06 16:40") == ["arrival", "ed_call_back"]
    told.tell("home_status", "2026-03-06 16:45", location="ed", site="unit-7")
    assert own(told, "2026-03-06 16:45") == ["ed_call_back"]
    call(told, "2026-03-06 16:50", "none", **{"with": "ed"})
    assert own(told, "2026-03-06 16:50") == []


def test_who_has_arrived_is_called_back_about_within_half_an_hour():
    told = report("RED-2")
    call(told, outcome="sent_to_ed")
    told.tell("home_status", "2026-03-06 15:30", location="ed", site="unit-7")
    assert own(told, "2026-03-06 15:59") == []
    assert own(told, "2026-03-06 16:00") == ["ed_call_back"]


@pytest.mark.parametrize(
    ("fields", "goes_on"),
    [
        ({"with": "patient", "reached": True}, True),
        ({"with": "ed", "reached": False}, True),
        ({"with": "ed", "reached": None}, True),
        ({"with": None, "reached": True}, True),
        ({"with": "ed", "reached": True}, False),
    ],
)
def test_only_the_department_itself_is_a_call_back(fields: dict[str, Any], goes_on: bool):
    told = report("RED-2")
    call(told, outcome="sent_to_ed")
    told.tell("home_status", "2026-03-06 15:30", location="ed", site="unit-7")
    told.tell("contact_made", "2026-03-06 15:50", outcome="none", **fields)
    assert own(told, "2026-03-06 16:30") == (["ed_call_back"] if goes_on else [])


# --- stays at home -------------------------------------------------------------------------------------------------


def stays(told: Told, at: str = "2026-03-06 15:30", **fields: Any) -> str:
    return call(told, at, "staying_home", **{"next_check_at": "2026-03-06T17:30:00-06:00", **fields})


def known(told: Told, *, grade: int = 1, vitals: dict[str, Any] | None = None, ice: int | None = 10) -> Told:
    """Everything that staying at home rests on, at 15:20."""
    at = "2026-03-06 15:20"
    inputs = {"tmax_c": "38.4"} if grade == 1 else {"tmax_c": "38.4", "o2": "nasal_cannula", "flow_l_per_min": "2"}
    graded(told, at, **inputs)
    told.events.pop()  # the ICE score that comes with it
    told.tell("ice_assessed", at, total_0_10=ice)
    signs = {"temperature_c": "38.4", "systolic_mmhg": 124, "pulse_per_min": 96, "spo2_percent": 97}
    told.tell("vitals_measured", at, **signs | (vitals or {}))
    return told


@pytest.mark.parametrize("policy", [POLICY, MAY_STAY], ids=["admit_all", "grade_1_may_stay"])
@pytest.mark.parametrize("ladder", ["RED-1", "RED-2"])
def test_nobody_stays_at_home_after_red_1_or_red_2(ladder: str, policy: Policy):
    told = known(report(ladder))
    stays(told)
    told.tell("departure_signed", "2026-03-06 15:30", rule="staying_home", reason="wishes so", approver="lead")
    assert own(told, "2026-03-06 15:30", policy) == ["staying_home"]
    unsure = report(ladder)
    stays(unsure)
    answer = unsure.assess("2026-03-06 15:31", policy=policy)
    assert answer.triage.ladder is not None, "the report stays open as well"


def test_under_admit_all_staying_at_home_is_a_signed_departure_or_nothing():
    told = known(report())
    stays(told)
    assert own(told, "2026-03-06 15:30") == ["staying_home"]
    (page,) = told.assess("2026-03-06 15:30").pages
    assert "admits everybody" in page.because and page.ladder.value == "RED-3"
    told.tell("departure_signed", "2026-03-06 15:40", rule="staying_home", reason="reviewed by phone", approver="lead")
    assert own(told, "2026-03-06 15:40") == []


@pytest.mark.parametrize(
    # what is not known or not right       | what is said
    ("change", "said"),
    [
        ({}, None),
        ({"grade": 2}, "the CRS grade is 2"),
        ({"ice": None}, "the ICE score is not known"),
        ({"ice": 9}, "under the baseline"),
        ({"vitals": {"spo2_percent": None}}, "vital signs are not known since the report: spo2 percent"),
        ({"vitals": {"systolic_mmhg": None, "pulse_per_min": None}}, "systolic mmhg, pulse per min"),
        ({"anc": None}, "neutrophil count is not known"),
        ({"anc": "0.99"}, "neutrophil count is 0.99"),
        ({"anc": "1.0"}, None),
        ({"caregiver": False}, "nobody is known to stay with the patient"),
        ({"caregiver": None}, "nobody is known to stay with the patient"),
        ({"check": None}, "no next check is agreed"),
        ({"check": "2026-03-06T19:30:00-06:00"}, None),  # four hours after the call
        ({"check": "2026-03-06T19:31:00-06:00"}, "no next check is agreed within 240 minutes"),
        ({"check": "2026-03-06T15:30:00-06:00"}, "no next check is agreed"),
    ],
)
def test_grade_1_may_stay_only_when_everything_about_it_is_known(change: dict[str, Any], said: str | None):
    told = stepping_up(anc=change.pop("anc", "2.1"))
    caregiver = change.pop("caregiver", True)
    told.tell("checkin_received", LATER, symptoms=["shaking_chills"], caregiver_present=caregiver)
    check = change.pop("check", "2026-03-06T17:30:00-06:00")
    known(told, **change)
    stays(told, next_check_at=check)
    answer = told.assess("2026-03-06 15:30", policy=MAY_STAY)
    pages = [page for page in answer.pages if page.key.startswith("staying_home:")]
    assert bool(pages) == (said is not None)
    if said is not None:
        assert said in pages[0].because
        assert any(item.missing.startswith("staying_home_") for item in answer.cannot_say)


@pytest.mark.parametrize(
    # the departure                                                                          | the report is answered
    ("at", "fields", "answered"),
    [
        ("2026-03-06 15:30", {"rule": "staying_home", "reason": "agreed", "approver": "lead"}, True),
        ("2026-03-06 14:59", {"rule": "staying_home", "reason": "agreed", "approver": "lead"}, False),
        ("2026-03-06 15:30", {"rule": "staying_home", "reason": "agreed", "approver": None}, False),
        ("2026-03-06 15:30", {"rule": "setting", "reason": "agreed", "approver": "lead"}, False),
    ],
)
def test_a_red_3_report_is_answered_by_staying_home_only_with_a_departure(
    at: str, fields: dict[str, Any], answered: bool
):
    told = report()
    told.tell("departure_signed", at, **fields)
    stays(told)
    answer = told.assess("2026-03-06 15:31", policy=MAY_STAY)
    assert (answer.triage.ladder is None) == answered
    assert ("staying_home" in [page.key.split(":")[0] for page in answer.pages]) == (not answered)


def test_a_later_call_that_brings_the_patient_in_ends_the_page_about_staying():
    told = report()
    stays(told)
    assert "staying_home" in own(told, "2026-03-06 15:31")
    call(told, "2026-03-06 15:40")
    assert own(told, "2026-03-06 15:41") == []


def test_a_caregiver_written_down_for_the_whole_time_counts_and_a_shorter_one_does_not():
    for until, enough in (("2026-03-06T17:30:00-06:00", True), ("2026-03-06T17:29:00-06:00", False)):
        told = stepping_up()
        told.tell("checkin_received", LATER, symptoms=["shaking_chills"])
        told.tell("home_status", "2026-03-06 15:10", caregiver_from="2026-03-06T12:00:00-06:00", caregiver_until=until)
        known(told)
        stays(told)
        assert (own(told, "2026-03-06 15:30", MAY_STAY) == []) == enough


# --- the admission policy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # policy, where the patient is | a finding that asks for admission
    ("policy", "location", "asked"),
    [
        (POLICY, None, True),
        (POLICY, "home", True),
        (POLICY, "hospital", False),
        (POLICY, "ed", False),
        (MAY_STAY, "home", True),  # nobody has agreed a next check
    ],
)
def test_crs_of_grade_1_asks_for_admission(policy: Policy, location: str | None, asked: bool):
    told = known(report())
    if location is not None:
        told.tell("home_status", "2026-03-06 15:25", location=location, site="unit-7")
    answer = told.assess("2026-03-06 15:30", policy=policy)
    admit = [each for each in answer.findings if each.rule == "contact"]
    assert bool(admit) == asked == any("admit the patient" in task.what for task in answer.tasks)
    assert all((each.urgency, each.owner) == (Urgency.NOW, "prescriber") for each in admit)


def test_grade_1_at_home_with_everything_known_asks_for_nothing():
    told = known(report())
    stays(told)
    assert found(told.assess("2026-03-06 15:30", policy=MAY_STAY)) == []


def test_a_policy_without_an_admission_policy_lets_nobody_stay():
    old = replace(POLICY, contact=None, night=None)
    told = report()
    stays(told)
    assert own(told, "2026-03-06 15:30", old) == ["staying_home"]


# --- the same minute ------------------------------------------------------------------------------------------------


def test_a_call_written_for_the_minute_of_the_report_is_no_answer_to_it():
    told = report("RED-1")
    call(told, LATER, "none")
    assert own(told, "2026-03-06 15:06") == ["contact"]


def test_a_call_of_the_minute_of_a_report_decides_about_what_came_before_it_only():
    told = report("RED-3")
    told.tell("checkin_received", CALL, symptoms=["confused"], caregiver_present=True)
    stays(told, CALL)
    pages = [page for page in told.assess("2026-03-06 15:11").pages if page.key.startswith("staying_home:")]
    assert [page.ladder.value for page in pages] == ["RED-3"], "not the RED-2 that nobody knew of when it was said"


def test_of_two_reports_before_a_call_the_worse_one_counts_in_either_order():
    for first, second in (("shaking_chills", "confused"), ("confused", "shaking_chills")):
        told = stepping_up()
        told.tell("checkin_received", LATER, symptoms=[first], caregiver_present=True)
        told.tell("checkin_received", "2026-03-06 15:05", symptoms=[second], caregiver_present=True)
        stays(told)
        (page,) = [each for each in told.assess("2026-03-06 15:30").pages if each.key.startswith("staying_home:")]
        assert page.ladder.value == "RED-2"


@pytest.mark.parametrize(
    # what was recorded in the minute of the call | the wait for the patient goes on
    ("facts", "waits"),
    [
        (("crs", "ice"), False),
        (("crs",), True),
        (("ice",), True),
        (("hospital",), False),
    ],
)
def test_what_is_recorded_in_the_minute_of_the_call_counts_for_it(facts: tuple[str, ...], waits: bool):
    told = report()
    call(told)
    if "hospital" in facts:
        told.tell("home_status", CALL, location="hospital", site="unit-7")
    graded(told, CALL, tmax_c="38.4")
    inputs, score = told.events[-2:]
    told.events[-2:] = [event for name, event in (("crs", inputs), ("ice", score)) if name in facts]
    assert own(told, "2026-03-06 16:20") == (["seen"] if waits else [])


@pytest.mark.parametrize(("at", "called"), [(CALL, False), ("2026-03-06 15:11", True)])
def test_a_call_to_the_department_in_the_minute_of_the_decision_is_no_call_back(at: str, called: bool):
    told = report("RED-2")
    call(told, outcome="sent_to_ed")
    told.tell("home_status", "2026-03-06 15:30", location="ed", site="unit-7")
    told.tell("contact_made", at, outcome="none", reached=True, **{"with": "ed"})
    assert ("ed_call_back" not in own(told, "2026-03-06 16:30")) == called


def test_what_was_found_in_the_minute_of_the_report_is_known_since_it():
    told = stepping_up()
    told.tell("checkin_received", LATER, symptoms=["shaking_chills"], caregiver_present=True)
    known(told)
    early = [e for e in told.events if e["kind"] in ("crs_assessed", "ice_assessed", "vitals_measured")][-3:]
    for event in early:
        event["at"] = next(e["at"] for e in told.events if e["kind"] == "checkin_received")
    stays(told)
    assert own(told, "2026-03-06 15:30", MAY_STAY) == []


@pytest.mark.parametrize(("at", "signed"), [(LATER, True), ("2026-03-06 14:59", False)])
def test_a_departure_of_the_minute_of_the_report_speaks_for_it(at: str, signed: bool):
    told = known(report())
    told.tell("departure_signed", at, rule="staying_home", reason="reviewed by phone", approver="lead")
    stays(told)
    assert (own(told, "2026-03-06 15:30") == []) == signed


@pytest.mark.parametrize(
    # said about the caregiver                                                  | counts
    ("at", "begins", "enough"),
    [
        ("2026-03-06 15:30", "2026-03-06T12:00:00-06:00", True),  # in the minute of the call
        ("2026-03-06 15:31", "2026-03-06T12:00:00-06:00", False),  # after it
        ("2026-03-06 15:10", "2026-03-06T15:30:00-06:00", True),  # begins with the call
        ("2026-03-06 15:10", "2026-03-06T15:31:00-06:00", False),
    ],
)
def test_a_caregiver_counts_from_the_minute_of_the_call(at: str, begins: str, enough: bool):
    told = stepping_up()
    told.tell("checkin_received", LATER, symptoms=["shaking_chills"])
    until = "2026-03-06T20:00:00-06:00"
    told.tell("home_status", at, caregiver_from=begins, caregiver_until=until)
    known(told)
    stays(told)
    lacking = [
        page.because for page in told.assess("2026-03-06 15:31", policy=MAY_STAY).pages if "staying_home" in page.key
    ]
    assert ("nobody is known to stay" not in " ".join(lacking)) == enough
