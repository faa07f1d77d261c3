"""Facts on a limit: at the very minute of a dose, of an assessment, or of the last hour that counts. The more cautious side wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.episodes import Episode
from handrail.rules.management import another_tocilizumab
from handrail.rules.nextdose import planned_zone
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.redosing import BENEFIT_RISK, BENEFIT_RISK_UNKNOWN
from handrail.rules.switching import schedule_before
from handrail.rules.terms import Action
from handrail.rules.triage import triage
from tests.support.courses import CHICAGO, ELRA, TEC, Told, civil, instant, well
from tests.support.reactions import crs, resolved

SUD1, SUD2, FTD = "step_up_1", "step_up_2", "first_treatment"
DOSE, OVER, VISIT = "2026-03-09 09:00", "2026-03-11 09:00", "2026-03-16 09:00"
NORMAL = {"loc_other": False, "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
T0 = datetime(2026, 3, 3, tzinfo=UTC)


def treated(key: str = ELRA) -> Told:
    """A course up to its first treatment dose on 9 March at 09:00."""
    told = Told(key)
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09")):
        told.dose(step, f"2026-03-{day} 09:00")
    return told


@pytest.mark.parametrize(
    # CRS of grade 2 graded at | premedication before the next dose, and 48 h near the facility after it
    ("graded", "counts"),
    [("2026-03-09 09:01", True), ("2026-03-09 09:00", True), ("2026-03-09 08:59", False)],
)
def test_crs_graded_at_the_minute_of_the_last_dose_counts_for_the_next(graded: str, counts: bool):
    told = treated()
    crs(told, graded, 2)
    resolved(told, "crs", graded if not counts else OVER)
    well(told, "2026-03-16 08:00")
    dose = told.assess(VISIT).next_dose
    assert (dose.action, len(dose.premedication)) == (Action.CONTINUE, 3 if counts else 0)
    assert dose.monitoring is not None
    assert (dose.monitoring.setting, dose.monitoring.hours) == (
        ("near_facility", 48) if counts else ("none_stated", None)
    )


@pytest.mark.parametrize(("noted", "asked"), [("2026-03-09 09:00", True), ("2026-03-09 08:59", False)])
def test_a_grade_4_infection_from_the_minute_of_the_last_dose_is_the_prescribers_question(noted: str, asked: bool):
    told = treated(TEC)
    told.tell("condition_noted", noted, what="infection", grade=4, active=True)
    told.tell("condition_noted", OVER if asked else noted, what="infection", active=False)
    well(told, "2026-03-16 08:00")
    dose = told.assess(VISIT).next_dose
    assert (dose.action is Action.ASK and "stop" in dose.because) == asked, dose.because


def test_a_grade_3_that_still_lasts_is_looked_at_again_at_its_48th_hour():
    """From then on the label stops the drug for good."""
    told = Told(TEC)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, "2026-03-02 09:00")
    crs(told, "2026-03-03 02:00", 3)
    assert civil(told.assess("2026-03-05 01:59").look_again_at) == "2026-03-05 02:00"


@pytest.mark.parametrize(
    # hours after the first assessment: grade | hours at grade 3 or worse, 50 hours after it
    ("graded", "hours"),
    [
        ([(0, 3)], 50),
        ([(0, 3), (10, 3)], 50),
        ([(0, 3), (10, 4)], 50),
        ([(0, 3), (10, 2)], 10),
        ([(0, 3), (0, 1)], 50),
        ([(0, 2), (5, 3), (10, 1)], 5),
        ([(0, 2)], None),
    ],
)
def test_how_long_a_grade_lasted(graded: list[tuple[int, int]], hours: int | None):
    episode = Episode(
        toxicity="crs", opened_at=T0, graded=[(T0 + timedelta(hours=hour), grade) for hour, grade in graded]
    )
    assert episode.lasted_hours(3, T0 + timedelta(hours=50)) == hours


@pytest.mark.parametrize(
    # the end is dated | still open
    ("ended", "still"),
    [("2026-03-10 02:00", False), ("2026-03-10 01:59", True)],
)
def test_an_end_at_the_minute_of_the_last_evidence_ends_it(ended: str, still: bool):
    told = treated()
    crs(told, "2026-03-10 02:00", 1)
    resolved(told, "crs", "2026-03-10 02:00")
    told.events[-1]["resolved_at"] = instant(ended).isoformat()
    assert told.assess("2026-03-10 02:30").toxicity.crs.open is still


@pytest.mark.parametrize(("fever_at", "suspected"), [("2026-03-02 09:00", True), ("2026-03-02 08:59", False)])
def test_fever_from_the_minute_of_the_first_dose_on_may_be_crs(fever_at: str, suspected: bool):
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("checkin_received", fever_at, temperature_c="38.4", symptoms=[])
    assert told.assess("2026-03-02 09:30").toxicity.crs.suspected is suspected


@pytest.mark.parametrize(
    # the ICE score was taken | grade of the ICANS assessment at 12:00 that names none
    ("taken", "grade"),
    [("2026-03-10 08:00", 2), ("2026-03-10 07:59", None), ("2026-03-10 12:00", 2), ("2026-03-10 12:01", None)],
)
def test_an_ice_score_counts_for_an_assessment_up_to_four_hours_later(taken: str, grade: int | None):
    told = treated()
    told.tell("ice_assessed", taken, total_0_10=4)
    told.tell("icans_assessed", "2026-03-10 12:00", loc="alert", **NORMAL)
    found = told.assess("2026-03-10 12:05").toxicity.icans
    assert found.grade == grade


@pytest.mark.parametrize(("noted", "mg"), [("2026-03-16 09:00", "40 mg"), ("2026-03-16 08:59", "10 mg")])
def test_an_infusion_reaction_from_the_minute_of_the_last_dose_keeps_the_full_premedication(noted: str, mg: str):
    told = Told("linvoseltamab/EU/2025")
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "09"), (FTD, "16")):
        told.dose(step, f"2026-03-{day} 09:00")
    told.tell("condition_noted", noted, what="infusion reaction", active=True, grade=1)
    well(told, "2026-03-23 08:00")
    found = [
        item.dose for item in told.assess("2026-03-23 09:00").next_dose.premedication if item.agent == "dexamethasone"
    ]
    assert found == [mg]


# --- tocilizumab: the minute of the dose itself, and the minute in which the event began ------------------------------


def another(given: list[str], now: str, since: str | None = None) -> list[str]:
    told = Told(TEC)
    for at in given:
        told.tell("medicine_given", at, agent="tocilizumab", dose_mg="560", purpose="treatment")
    begun = instant(since) if since else None
    answer = another_tocilizumab(told.history(), load_policy(), instant(now), None, begun)
    return [finding.what.split(":")[0] for finding in answer.warnings]


@pytest.mark.parametrize(
    # now | warned
    ("now", "warned"),
    [
        ("2026-03-03 01:59", []),
        ("2026-03-03 02:00", ["Less than 8 h since the last tocilizumab"]),
        ("2026-03-03 09:59", ["Less than 8 h since the last tocilizumab"]),
        ("2026-03-03 10:00", []),
    ],
)
def test_tocilizumab_counts_from_its_own_minute_for_eight_hours(now: str, warned: list[str]):
    assert another(["2026-03-03 02:00"], now) == warned


@pytest.mark.parametrize(
    # the event began | warned of the number
    ("since", "warned"),
    [("2026-03-03 02:00", True), ("2026-03-03 02:01", False)],
)
def test_tocilizumab_at_the_minute_in_which_the_event_began_is_one_of_the_four(since: str, warned: bool):
    given = [f"2026-03-0{day} {hour}" for day, hour in ((3, "02:00"), (3, "12:00"), (3, "22:00"), (4, "08:00"))]
    said = another(given, "2026-03-05 08:00", since)
    assert said == (["4 tocilizumab doses in this event"] if warned else [])


# --- the cause of a delay, and the site of a plan ---------------------------------------------------------------------


@pytest.mark.parametrize(
    # the dose was not given, for an adverse reaction: recorded at | benefit and risk
    ("recorded", "flags"),
    [("2026-03-09 09:00", (BENEFIT_RISK,)), ("2026-03-09 08:59", (BENEFIT_RISK_UNKNOWN,))],
)
def test_the_cause_of_a_delay_counts_from_the_minute_of_the_last_dose(recorded: str, flags: tuple[str, ...]):
    told = treated(TEC)
    told.tell("dose_not_given", recorded, step="treatment", because="adverse_reaction")
    well(told, "2026-04-10 08:00")
    assert told.assess("2026-04-10 09:00").next_dose.flags[:1] == flags


@pytest.mark.parametrize(
    # planned for | the zone in which the next dose is counted
    ("on", "zone"),
    [("2026-03-10", "America/New_York"), ("2026-03-09", CHICAGO), ("2026-03-08", CHICAGO)],
)
def test_a_plan_is_carried_out_by_a_dose_on_its_day(on: str, zone: str):
    told = treated()
    told.tell("dose_planned", "2026-03-01 09:00", zone="America/New_York", step=FTD, on=on)
    assert planned_zone(told.history()) == zone


@pytest.mark.parametrize(
    # every two weeks, chosen again | the interval after the restart is asked for
    ("chosen", "asked"),
    [("2026-06-19 08:59", True), ("2026-06-19 09:00", False), ("2026-06-19 09:01", False)],
)
def test_an_interval_chosen_at_the_minute_of_the_last_step_up_dose_is_chosen_after_the_restart(
    chosen: str, asked: bool
):
    told = treated("elranatamab/US/2023-08")
    told.tell(
        "schedule_changed", "2026-03-10 09:00", schedule="every_2_weeks", response="PR", response_since="2026-01-01"
    )
    told.dose("treatment", "2026-03-23 09:00")
    told.dose(SUD1, "2026-06-16 09:00")
    told.tell("schedule_changed", chosen, schedule="every_2_weeks", response="PR", response_since="2026-01-01")
    for step, day in ((SUD2, "06-19"), (FTD, "06-23")):
        told.dose(step, f"2026-{day} 09:00")
    well(told, "2026-07-07 08:00")
    dose = told.assess("2026-07-07 09:00").next_dose
    assert ("which interval follows" in dose.because) is asked


# --- what answers a report --------------------------------------------------------------------------------------------

REPORTED = "2026-03-10 02:00"


def pages(told: Told) -> list[str]:
    """Which reports are still paged half an hour later."""
    return [page.key.split(":")[0] for page in told.assess("2026-03-10 02:30").pages if page.key.startswith("report:")]


@pytest.mark.parametrize(
    # CRS inputs and ICE score after a fever, at | the report is answered
    ("crs_at", "ice_at", "answered"),
    [
        ("2026-03-10 02:00", "2026-03-10 02:00", True),
        ("2026-03-10 01:59", "2026-03-10 02:00", False),
        ("2026-03-10 02:00", "2026-03-10 01:59", False),
    ],
)
def test_a_fever_is_answered_by_what_is_assessed_from_its_minute_on(crs_at: str, ice_at: str, answered: bool):
    told = treated()
    told.tell("checkin_received", REPORTED, temperature_c="38.4", symptoms=[], caregiver_present=True)
    crs(told, crs_at, 1)
    told.tell("ice_assessed", ice_at, total_0_10=10)
    assert (pages(told) == []) is answered


@pytest.mark.parametrize(("at", "answered"), [("2026-03-10 02:00", True), ("2026-03-10 01:59", False)])
def test_a_lost_ice_score_is_answered_by_the_icans_inputs_from_its_minute_on(at: str, answered: bool):
    told = treated()
    told.tell("ice_assessed", "2026-03-02 07:00", total_0_10=10, baseline=True)
    told.tell("ice_assessed", REPORTED, total_0_10=6)
    told.tell("icans_assessed", at, loc="alert", **NORMAL)
    assert (pages(told) == []) is answered


@pytest.mark.parametrize(
    # report | outcome of a call at its very minute, and a minute later | answered
    ("temperature", "outcome", "at", "answered"),
    [
        ("38.4", "sent_to_ed", "2026-03-10 02:00", False),
        ("38.4", "sent_to_ed", "2026-03-10 02:01", True),
        ("37.9", "staying_home", "2026-03-10 02:00", False),
        ("37.9", "staying_home", "2026-03-10 02:01", True),
    ],
)
def test_a_call_at_the_minute_of_a_report_may_have_been_about_something_else(
    temperature: str, outcome: str, at: str, answered: bool
):
    told = treated()
    told.tell("checkin_received", REPORTED, temperature_c=temperature, symptoms=[], caregiver_present=True)
    told.tell("contact_made", at, reached=True, outcome=outcome, channel="phone", **{"with": "patient"})
    said = told.assess("2026-03-10 02:30")
    assert (not [f for f in said.findings if f.rule == "triage"]) is answered


@pytest.mark.parametrize(
    # a call that sent the patient to the ED | the doubt is gone
    ("at", "gone"),
    [("2026-03-10 02:00", False), ("2026-03-10 02:01", True)],
)
def test_a_call_at_the_minute_of_a_report_whose_temperature_nobody_knows_leaves_the_doubt(at: str, gone: bool):
    told = treated()
    told.tell("checkin_received", REPORTED, temperature_c=None, symptoms=[], caregiver_present=True)
    told.tell("contact_made", at, reached=True, outcome="sent_to_ed", channel="phone", **{"with": "patient"})
    history = told.history()
    found = triage(history, given_doses(history), load_policy(), instant("2026-03-10 02:30"))
    assert (found.in_doubt is None) is gone


@pytest.mark.parametrize(
    # a departure that lets the patient stay at home is signed at | answered
    ("signed", "answered"),
    [("2026-03-10 01:59", False), ("2026-03-10 02:00", True), ("2026-03-10 02:10", True)],
)
def test_a_departure_signed_at_the_minute_of_a_fever_lets_the_patient_stay(signed: str, answered: bool):
    told = treated()
    told.tell("checkin_received", REPORTED, temperature_c="38.4", symptoms=[], caregiver_present=True)
    told.tell(
        "contact_made", "2026-03-10 02:05", reached=True, outcome="staying_home", channel="phone", **{"with": "patient"}
    )
    told.tell("departure_signed", signed, rule="staying_home", reason="known cause", approver="attending")
    assert (pages(told) == []) is answered


@pytest.mark.parametrize(
    # every two weeks chosen at | the interval on which the dose of 09:00 was given
    ("chosen", "interval"),
    [("2026-03-09 08:59", "every_2_weeks"), ("2026-03-09 09:00", "every_2_weeks"), ("2026-03-09 09:01", "weekly")],
)
def test_an_interval_chosen_with_a_dose_is_the_one_of_that_dose(chosen: str, interval: str):
    told = treated()
    told.tell("schedule_changed", chosen, schedule="every_2_weeks", response="PR", response_since="2026-01-01")
    history = told.history()
    assert schedule_before(history, given_doses(history)[-1], load(ELRA)) == interval
