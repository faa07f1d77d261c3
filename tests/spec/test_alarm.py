"""A caregiver's alarm: the same rows as the patient's own report, and never less than urgent, whatever it leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handrail.rules.alarm import check_alarm, red_boxes, unnamed_alarm
from handrail.rules.policy import canonical, load_policy, policy_from_document, shipped_document
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Disposition, Ladder, Urgency
from tests.support.courses import Told
from tests.support.triage import LATER, RED_1, RED_2, RED_3, RED_4_ED, graded, reported, said, stepping_up

WORRIED = ("RED-4", "clinician_call")

ALARMS = [
    # symptoms            | temperature | answer
    (["hard_to_wake"], None, RED_1),
    (["short_of_breath"], None, RED_1),
    (["confused"], None, RED_2),
    (["shaking_chills"], None, RED_3),
    (["fever"], None, RED_3),
    (["fever"], "36.8", RED_3),  # the caregiver's word stands beside the reading
    ([], "38.0", RED_3),
    (["worried"], "38.0", RED_3),
    (["worried"], None, WORRIED),
    (["something_else"], None, WORRIED),
    (["worried"], "36.8", WORRIED),
    ([], None, WORRIED),  # nothing ticked is not "nothing is wrong"
    (None, None, WORRIED),
    ([], "37.8", ("RED-4", "clinician_call")),  # a reading that a check would only measure again
    (["dizzy"], None, WORRIED),  # AMBER in a check
    (["no_such_sign"], None, WORRIED),
    (["worried", "confused"], None, RED_2),
]


def alarm(told: Told, symptoms: list[str] | None, temperature: str | None, **fields: Any) -> Any:
    more = {"alarm": True, "source": "caregiver", "symptoms": symptoms, "temperature_c": temperature, **fields}
    return reported(told, kind="checkin_received", **more)


@pytest.mark.parametrize(("symptoms", "temperature", "wanted"), ALARMS)
def test_each_alarm_and_what_it_counts_as(symptoms, temperature, wanted):
    assert said(alarm(stepping_up(), symptoms, temperature)) == wanted


@pytest.mark.parametrize("symptom", [row.symptom for row in red_boxes(load_policy())])
def test_a_sign_means_the_same_from_the_caregiver_as_from_the_patient(symptom):
    by_patient = reported(stepping_up(), kind="checkin_received", symptoms=[symptom], source="patient")
    by_caregiver = alarm(stepping_up(), [symptom], None)
    assert said(by_caregiver) == said(by_patient)
    assert [(page.ladder, page.urgency) for page in by_caregiver.pages] == [
        (page.ladder, page.urgency) for page in by_patient.pages
    ]


def test_the_page_says_that_the_caregiver_raised_it():
    [page] = [each for each in alarm(stepping_up(), ["worried"], None).pages if each.key.startswith("report:")]
    assert (page.what, page.urgency) == ("alarm raised by the caregiver", Urgency.NOW)
    [other] = [each for each in alarm(stepping_up(), [], None, source="patient").pages if "report:" in each.key]
    assert other.what == "alarm raised from home"


def test_outside_the_window_a_measured_fever_is_infection_first_and_a_reported_one_is_seen_within_the_hour():
    told = stepping_up(anc=None)
    for at in ("2026-03-20 15:00",):
        answer = reported(told, at, kind="checkin_received", alarm=True, symptoms=["worried"], temperature_c="38.4")
        assert said(answer) == RED_4_ED
        answer = reported(told, at, kind="checkin_received", alarm=True, symptoms=["fever"], temperature_c=None)
        assert answer.triage.ladder is Ladder.RED_3


def test_an_alarm_is_no_check_and_the_overdue_clock_runs_on():
    silent = stepping_up().assess(LATER)
    raised = alarm(stepping_up(), ["worried"], None)
    assert silent.watch.next_check_due is not None
    assert raised.watch.next_check_due == silent.watch.next_check_due
    assert raised.watch.overdue_stage == silent.watch.overdue_stage


def test_an_alarm_is_answered_like_any_report():
    told = stepping_up()
    assert said(alarm(told, ["worried"], None)) == WORRIED
    told.tell("contact_made", "2026-03-06 15:05", reached=True, outcome="coming_in", channel="phone")
    assert told.assess("2026-03-06 15:06").triage.ladder is None
    assert any(task.what == "record CRS grade and ICE score" for task in told.assess("2026-03-06 15:06").tasks)
    graded(told, "2026-03-06 15:30", tmax_c="36.8")
    assert not any(page.key.startswith("assess:") for page in told.assess("2026-03-06 17:00").pages)


def test_an_alarm_offers_every_urgent_box_of_the_policy_and_no_other():
    policy = load_policy()
    offered = {row.symptom for row in red_boxes(policy)}
    for row in policy.triage.symptom:
        assert (row.symptom in offered) is (row.ladder.urgency is Urgency.NOW), row.symptom
    assert {row.symptom for row in policy.alarm_signs} == {"fever", "something_else", "worried"}
    assert unnamed_alarm(policy).ladder.urgency is Urgency.NOW


def test_a_policy_from_before_alarms_takes_the_signs_of_the_shipped_one():
    document = shipped_document()
    del document["triage"]["alarm"]
    for key in [key for key in document["caution"] if key.startswith("triage.alarm")]:
        del document["caution"][key]
    older = policy_from_document(document, "0" * 64)
    assert older.triage.alarm == ()
    assert older.alarm_signs == load_policy().alarm_signs
    assert older.sign_named("fever") == load_policy().sign_named("fever")
    told = stepping_up()
    told.header["policy"] = document
    assert said(alarm(told, ["worried"], None)) == WORRIED


def test_a_policy_whose_alarm_would_page_nobody_at_once_is_refused():
    rows = load_policy().triage.alarm
    quiet = [replace(row, ladder=Ladder.AMBER, disposition=Disposition.CLINICIAN_CALL) for row in rows]
    with pytest.raises(ProtocolDataError) as refused:
        check_alarm(quiet)
    assert (refused.value.code, refused.value.path) == ("quiet_alarm", "triage.alarm[0].ladder")
    with pytest.raises(ProtocolDataError) as refused:
        check_alarm([row for row in rows if row.symptom != "worried"])
    assert refused.value.code == "missing_key"
    document = shipped_document()
    document["triage"]["alarm"][2]["ladder"] = "GREEN"
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(document, str(hash(canonical(document))))
    assert refused.value.code == "quiet_alarm"
