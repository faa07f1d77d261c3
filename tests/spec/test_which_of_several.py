"""Of several facts, readings or rows: the first, the last, the worst, the strictest. Each with two that differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.answer import Monitoring
from handrail.rules.contact import stay_lacks
from handrail.rules.daily import daily
from handrail.rules.doses import given_doses
from handrail.rules.episodes import Episode, episodes
from handrail.rules.giving import counted
from handrail.rules.holds import clearance
from handrail.rules.home_medicines import home_medicines
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.schedule import monitoring_for
from handrail.rules.terms import Action, Status
from handrail.rules.upcoming import upcoming
from tests.support.courses import ELRA, TEC, Told, civil, instant, well
from tests.support.reactions import crs

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
POLICY = load_policy()
assert POLICY.contact is not None
MAY_STAY = replace(POLICY, contact=replace(POLICY.contact, admission="grade_1_may_stay"))


def treated(key: str = TEC, doses: int = 4, **header: Any) -> Told:
    told = Told(key, **header)
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), (TD, "16"))[:doses]:
        told.dose(step, f"2026-03-{day} 09:00")
    return told


# --- the next dose ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # interval chosen the day after the last weekly dose | what is said a week after it
    ("chosen", "action"),
    [("weekly", Action.CONTINUE), ("every_2_weeks", Action.ASK)],
)
def test_of_the_two_intervals_the_more_cautious_one_answers(chosen: str, action: Action):
    told = treated("elranatamab/US/2023-08")
    told.tell("schedule_changed", "2026-03-17 09:00", schedule=chosen, response="PR")
    well(told, "2026-03-23 08:00")
    assert told.assess("2026-03-23 09:00").next_dose.action is action


@pytest.mark.parametrize(
    # rows of the premedication that nobody has verified | said
    ("unverified", "said"),
    [(0, False), (1, True), (9, True)],
)
def test_one_row_of_the_premedication_that_is_not_verified_is_said(unverified: int, said: bool):
    label = load("elranatamab/US/2023-08")
    rows = [
        replace(row, status=Status.UNVERIFIED) if number < unverified else row
        for number, row in enumerate(label.premedication)
    ]
    told = Told(label.key)
    well(told, "2026-03-02 08:00")
    flags = told.assess("2026-03-02 09:00", protocol=replace(label, premedication=tuple(rows))).next_dose.flags
    assert any("a row is not verified" in flag for flag in flags) is said


@pytest.mark.parametrize(
    # "no infection" was said | infection must be asked again
    ("said", "again"),
    [("08:30", True), ("09:00", True), ("09:01", False)],
)
def test_the_last_of_two_fevers_decides_whether_an_infection_was_asked_for(said: str, again: bool):
    told = Told()
    told.tell("vitals_measured", "2026-03-02 08:00", temperature_c="38.4")
    told.tell("vitals_measured", "2026-03-02 09:00", temperature_c="38.4")
    told.tell("condition_noted", f"2026-03-02 {said}", what="infection", active=False)
    told.tell("vitals_measured", "2026-03-02 09:30", temperature_c="36.8")
    history = told.history()
    found = clearance(history, (), episodes(history, (), POLICY), POLICY, instant("2026-03-02 10:00"))
    assert ("infection" in [each.missing for each in found.missing]) is again


@pytest.mark.parametrize(
    # doses in their order | how many full doses
    ("steps", "full"),
    [
        ([SUD1, SUD2, FTD, TD, TD], 3),
        ([SUD1, SUD2, FTD, None, TD], None),  # one of them is not known
        ([SUD1, FTD, TD, SUD1, FTD, TD], None),  # no label says whether those before a restart count
        ([SUD1, SUD2], 0),
        ([], 0),
    ],
)
def test_doses_are_counted_where_every_one_is_settled(steps: list[str | None], full: int | None):
    assert counted(steps, (FTD, TD)) == full


@pytest.mark.parametrize(
    # what an earlier reaction asks for rests on a row of | the whole rests on
    ("carried", "whole"),
    [(Status.SOURCED, Status.SECONDARY), (Status.SECONDARY, Status.SECONDARY), (Status.UNVERIFIED, Status.UNVERIFIED)],
)
def test_a_stay_made_of_two_rows_is_as_sure_as_the_weaker_one(carried: Status, whole: Status):
    label = load("elranatamab/US/2023-08")
    rows = tuple(replace(row, status=Status.SECONDARY) for row in label.monitoring)
    asked = Monitoring(setting="hospital", hours=48, anchor="dose", row="X", status=carried, because="after CRS")
    found = monitoring_for(replace(label, monitoring=rows), step=SUD1, carried=(asked,))
    assert found is not None and found.status is whole


def test_a_longer_interval_is_not_asked_about_before_its_weeks_have_passed():
    told = treated(ELRA)
    well(told, "2026-03-23 08:00")
    assert [each for each in told.assess("2026-03-23 09:00").findings if each.rule == "interval"] == []


def test_a_plan_of_a_day_that_has_passed_is_about_today():
    told = treated(doses=1)
    told.tell("dose_planned", "2026-03-03 09:00", step=SUD2, on="2026-03-05")
    history, now = told.history(), "2026-03-07 09:00"
    answer = upcoming(history, given_doses(history), told.assess(now).next_dose, instant(now))
    assert answer.dose is not None and str(answer.dose.on) == "2026-03-07"


def test_an_answer_that_only_asks_withholds_nothing():
    told = Told()
    told.events.clear()
    dose = told.assess("2026-03-02 09:00").next_dose
    assert (dose.action, dose.withheld) == (Action.ASK, False)


# --- reports and calls --------------------------------------------------------------------------------------------

REPORT = "2026-03-03 10:00"
WITH: dict[str, Any] = {"with": "patient", "reached": True}


def pages(told: Told, at: str) -> list[str]:
    return [page.key.split(":")[0] for page in told.assess(at).pages]


@pytest.mark.parametrize("outcome", ["handed_over", "none"])
@pytest.mark.parametrize(
    # calls, beside a fever reported at 10:00
    ("calls", "after"),
    [(["09:00"], False), (["09:00", "10:05"], True), (["10:05", "10:06"], True)],
)
def test_the_latest_call_answers_a_report(outcome: str, calls: list[str], after: bool):
    told = treated(doses=1)
    for at in calls:
        told.tell("contact_made", f"2026-03-03 {at}", outcome=outcome, **WITH)
    told.tell("checkin_received", REPORT, temperature_c="38.4", symptoms=[], caregiver_present=True)
    told.events.sort(key=lambda event: event["at"])
    found = pages(told, "2026-03-03 10:30")
    assert ("contact" not in found) is after
    assert ("report" not in found) is (after and outcome == "handed_over")


@pytest.mark.parametrize(
    # "stays at home" decided | a departure for it signed | beside the report at 10:00 | it is answered
    ("stays", "signed", "answered"),
    [
        (["09:00", "10:05"], ["09:00", "10:10"], True),
        (["09:00"], ["09:00", "10:10"], False),
        (["09:00", "10:05"], ["09:00"], False),
    ],
)
def test_the_latest_word_on_staying_at_home_is_the_one_after_the_report(
    stays: list[str], signed: list[str], answered: bool
):
    told = treated(doses=1)
    for at in stays:
        told.tell("contact_made", f"2026-03-03 {at}", outcome="staying_home", **WITH)
    for at in signed:
        told.tell("departure_signed", f"2026-03-03 {at}", rule="staying_home", reason="by phone", approver="lead")
    told.tell("checkin_received", REPORT, temperature_c="38.4", symptoms=[], caregiver_present=True)
    told.events.sort(key=lambda event: event["at"])
    assert ("report" not in pages(told, "2026-03-03 10:30")) is answered


@pytest.mark.parametrize(
    # the first dose was charted at noon; pressures were taken | the baseline is missing
    ("taken", "missing"),
    [(["08:00"], False), (["09:00"], False), (["10:00"], True), (["12:30"], True)],
)
def test_a_baseline_is_taken_before_the_first_dose_began(taken: list[str], missing: bool):
    told = Told()
    told.dose(SUD1, "2026-03-02 12:00", started_at=instant("2026-03-02 09:00").isoformat())
    told.dose(SUD2, "2026-03-05 09:00")
    for at in (*taken, "13:00"):
        told.tell("vitals_measured", f"2026-03-02 {at}", systolic_mmhg=124, temperature_c="36.8")
    said = {each.missing for each in told.assess("2026-03-06 09:00").cannot_say}
    assert any(name.startswith("baseline_systolic") for name in said) is missing


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("vitals_measured", {}, False),  # nobody asks a device who is there
        ("checkin_received", {"symptoms": []}, True),
        ("checkin_received", {"symptoms": [], "caregiver_present": True}, False),
    ],
)
def test_who_is_with_the_patient_is_asked_of_a_check(kind: str, fields: dict[str, Any], said: bool):
    told = treated(doses=1)
    told.tell(kind, REPORT, temperature_c="38.4", **fields)
    assert ("no home watch" in told.assess(REPORT).triage.because) is said


@pytest.mark.parametrize(
    # an ICE score half taken, with five points lost | stored as baseline | it is urgent, and ICANS in question
    ("baseline", "urgent"),
    [(False, True), (None, True), (True, False)],
)
def test_points_that_are_lost_count_although_the_score_was_not_finished(baseline: bool | None, urgent: bool):
    told = Told()
    told.tell("ice_assessed", "2026-03-02 08:00", total_0_10=10, baseline=True)
    told.dose(SUD1, "2026-03-02 09:00")
    lost = {"year": 0, "month": 0, "city": 0, "hospital": 0, "command_0_1": 0, "writing_0_1": None}
    told.tell("ice_assessed", REPORT, **lost, **({} if baseline is None else {"baseline": baseline}))
    answer = told.assess(REPORT)
    assert (answer.triage.ladder is not None) is urgent
    assert (answer.toxicity is not None and answer.toxicity.icans.open is True) is urgent


@pytest.mark.parametrize(
    # CRS inputs since the report | why the patient may not stay at home
    ("changes", "words"),
    [
        ({"hypotension": True}, "the CRS grade is 2, above 1"),  # in an episode it counts without fever
        ({"hypotension": True, "premed_masking": True}, "the CRS grade is not known"),  # outside one it has none
        ({"hypotension": None}, "the CRS grade is not known"),
        ({}, None),
    ],
)
def test_the_worse_of_both_grades_decides_about_staying(changes: dict[str, Any], words: str | None):
    told = treated(doses=1)
    crs(told, "2026-03-03 10:10", 0, **changes)
    history = told.history()
    said = [why for name, why in stay_lacks(history, MAY_STAY, None, instant(REPORT)) if name == "grade"]
    assert (said == []) if words is None else said[0].startswith(words)


# --- reactions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # grade 3 at 08:00; lower at, over at | hours at grade 3 by 20:00
    ("lower", "over", "hours"),
    [("10:00", "14:00", 2), (None, "14:00", 6), ("10:00", None, 2), (None, None, 12)],
)
def test_how_long_a_grade_lasted(lower: str | None, over: str | None, hours: int):
    begun = instant("2026-03-03 08:00")
    episode = Episode(toxicity="icans", opened_at=begun, unknown=False)
    episode.graded.append((begun, 3))
    if lower is not None:
        episode.graded.append((instant(f"2026-03-03 {lower}"), 1))
    episode.closed_at = instant(f"2026-03-03 {over}") if over is not None else None
    assert episode.lasted_hours(3, begun + timedelta(hours=12)) == hours


def test_a_lower_grade_of_ones_own_does_not_take_the_worst_one_back():
    told = treated(doses=1)
    crs(told, "2026-03-03 10:00", 3)
    crs(told, "2026-03-03 12:00", 1, tmax_c=None, clinician_grade=2)  # the computed one is not known
    history = told.history()
    assert [each.grade for each in episodes(history, given_doses(history), POLICY).crs.episodes] == [3]


@pytest.mark.parametrize("symptoms", [["confused"], ["rash", "confused"], ["confused", "rash"]])
def test_one_sign_among_others_is_enough(symptoms: list[str]):
    told = treated(doses=1)
    told.tell("checkin_received", REPORT, temperature_c="36.8", symptoms=symptoms)
    history = told.history()
    assert episodes(history, given_doses(history), POLICY).icans.current is not None


@pytest.mark.parametrize("assessed", [False, True])
def test_what_is_absent_or_never_assessed_is_not_suspected(assessed: bool):
    told = Told()
    if assessed:
        well(told, "2026-03-02 08:00")
    history = told.history()
    found = episodes(history, (), POLICY)
    assert [found.crs.state.suspected, found.icans.state.suspected, found.infection.state.suspected] == [False] * 3


# --- the days and the checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # charted | the dose began | the days of its window
    ("charted", "started", "days"),
    [
        ("2026-03-02 09:00", "2026-03-02 09:00", ["02", "03", "04"]),
        ("2026-03-03 10:00", "2026-03-02 09:00", ["02", "03", "04"]),  # charted the day after: the window does not move
    ],
)
def test_the_window_is_counted_from_the_dose(charted: str, started: str, days: list[str]):
    told = Told()
    told.dose(SUD1, charted, started_at=instant(started).isoformat())
    history = told.history()
    found = daily(history, given_doses(history), POLICY, instant("2026-03-03 12:00"))
    assert [f"{each.on:%d}" for each in found.days] == days


def test_nobody_is_in_a_window_before_the_first_dose_and_after_the_course():
    assert Told().assess("2026-03-02 09:00").watch.in_window is False
    told = treated(doses=1)
    assert told.assess("2026-03-02 10:00").watch.in_window is True
    told.tell("course_ended", "2026-03-02 11:00", because="wish", died=False)
    assert told.assess("2026-03-02 12:00").watch.in_window is False


def test_that_the_patient_is_at_home_answers_no_check():
    told = treated(doses=1)
    before = told.assess("2026-03-02 13:30").watch.next_check_due
    told.tell("home_status", "2026-03-02 13:00", location="home")
    assert told.assess("2026-03-02 13:30").watch.next_check_due == before


def test_what_hides_a_fever_longest_is_named_first():
    told = treated(doses=1)
    for agent, at in (("acetaminophen", "2026-03-03 02:00"), ("dexamethasone", "2026-03-03 02:05")):
        told.tell("medicine_given", at, agent=agent, purpose="home")
    found = home_medicines(told.history(), POLICY, instant("2026-03-03 03:00")).masking
    assert [each.agent for each in found] == ["dexamethasone", "acetaminophen"]
    assert civil(found[0].until) > civil(found[1].until)
