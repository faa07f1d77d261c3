"""The patient in hospital: the clock of the daily call, who decides the next dose, and the days as they went."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.inpatient import StayDay, day_by_day, stay_of
from handrail.rules.policy import inpatient_rules, load_policy, policy_from_document, shipped_document
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Urgency, zone_named
from tests.support.courses import CHICAGO, Told, civil, instant

ADMITTED = "2026-03-02 22:00"
"""A Monday evening: the first call is due on Tuesday at 2:00, then one at 10:00 every day."""


def admitted(at: str = ADMITTED, **fields: Any) -> Told:
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("admission_noted", at, place="County Hospital", service="medicine", **fields)
    return told


def call(told: Told, at: str, **fields: Any) -> str:
    return told.tell("hub_call_made", at, **{"reached": True, "with": "hospitalist", "outcome": "stays", **fields})


def decides(told: Told, at: str, **fields: Any) -> str:
    return told.tell("admission_plan_written", at, **{"for_day": at[:10], "decides_role": "hematologist", **fields})


def due(said: Assessment) -> list[str | None]:
    return [civil(task.by) for task in said.tasks if task.what.startswith("call those who have")]


def pages(said: Assessment) -> list[str]:
    return sorted(
        page.key.removeprefix("inpatient:hub_call:") for page in said.pages if page.key.startswith("inpatient:")
    )


def found(said: Assessment) -> list[tuple[str, str]]:
    return [(each.urgency.value, each.owner) for each in said.findings if each.rule == "inpatient"]


# --- the clock ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the admission   | the first call
    ("fields", "first"),
    [
        ({}, "2026-03-03 02:00"),
        ({"admitted_at": instant("2026-03-02 20:30").isoformat()}, "2026-03-03 00:30"),
        ({"admitted_at": None}, "2026-03-03 02:00"),
        (
            {"admitted_at": instant("2026-03-04 08:00").isoformat()},
            "2026-03-03 02:00",
        ),  # nobody is admitted in the future
    ],
)
def test_the_first_call_is_due_some_hours_after_the_admission(fields: dict[str, Any], first: str):
    assert due(admitted(**fields).assess("2026-03-02 22:30")) == [first]


@pytest.mark.parametrize(
    # now              | urgency and owner of the finding      | pages
    ("now", "finding", "paged"),
    [
        ("2026-03-03 01:59", [], []),
        ("2026-03-03 02:00", [("today", "prescriber")], []),
        ("2026-03-03 02:59", [("today", "prescriber")], []),
        ("2026-03-03 03:00", [("soon", "on_call")], ["2026-03-03"]),
        ("2026-03-03 11:00", [("soon", "on_call")], ["2026-03-03"]),  # that of 10:00 on the same day has the same page
        ("2026-03-04 10:59", [("soon", "on_call")], ["2026-03-03"]),
        ("2026-03-04 11:00", [("soon", "on_call")], ["2026-03-03", "2026-03-04"]),
        ("2026-03-09 11:00", [("soon", "on_call")], ["2026-03-03", "2026-03-09"]),
    ],
)
def test_both_sides_of_due_and_of_the_grace(now: str, finding: list[tuple[str, str]], paged: list[str]):
    told = admitted()
    decides(told, "2026-03-02 22:10")
    said = told.assess(now)
    assert (found(said), pages(said)) == (finding, paged)


def test_a_further_day_pages_beside_the_first_only_once_somebody_had_that():
    later = {page.key[-10:]: page for page in admitted().assess("2026-03-04 11:00").pages}
    assert later["2026-03-03"].follows is None
    assert later["2026-03-04"].follows == later["2026-03-03"].key
    assert civil(later["2026-03-04"].since) == "2026-03-04 11:00"
    assert {page.ladder.value for page in later.values()} == {"AMBER"}


@pytest.mark.parametrize(
    # a call that reached somebody | the next is due
    ("at", "following"),
    [
        ("2026-03-02 22:59", "2026-03-03 02:00"),  # more than three hours before its time: it does not count for it
        ("2026-03-02 23:00", "2026-03-03 10:00"),
        ("2026-03-03 01:59", "2026-03-03 10:00"),
        ("2026-03-03 06:59", "2026-03-03 10:00"),
        ("2026-03-03 07:00", "2026-03-04 10:00"),
        ("2026-03-03 10:00", "2026-03-04 10:00"),
        ("2026-03-03 23:00", "2026-03-04 10:00"),
    ],
)
def test_the_next_call_after_one_that_reached_somebody(at: str, following: str):
    told = admitted()
    call(told, at)
    assert due(told.assess("2026-03-03 23:30")) == [following]


@pytest.mark.parametrize(
    # what was written of the call | it counts
    ("fields", "counts"),
    [
        ({}, True),
        ({"with": None}, False),
        ({"reached": False}, False),
        ({"reached": None}, False),
        ({"outcome": None}, True),
    ],
)
def test_only_a_call_that_reached_somebody_ends_a_missed_one(fields: dict[str, Any], counts: bool):
    told = admitted()
    call(told, "2026-03-03 12:00", **fields)
    assert pages(told.assess("2026-03-03 12:00")) == ([] if counts else ["2026-03-03"])


def test_a_call_before_the_admission_counts_for_nothing():
    told = admitted()
    call(told, "2026-03-02 21:59")
    assert due(told.assess("2026-03-02 22:30")) == ["2026-03-03 02:00"]


@pytest.mark.parametrize(
    # the night of the clock change | a call the day before | the next
    ("admission", "made", "following"),
    [
        ("2026-03-07 08:00", "2026-03-07 12:00", "2026-03-08 10:00"),  # 22 hours after it, 21 of them elapsed
        ("2026-03-07 22:30", None, "2026-03-08 03:30"),  # four elapsed hours
        ("2026-10-31 08:00", "2026-10-31 12:00", "2026-11-01 10:00"),
        ("2026-10-31 22:30", None, "2026-11-01 01:30"),
    ],
)
def test_a_night_in_which_the_clock_changes(admission: str, made: str | None, following: str):
    told = admitted(admission)
    if made is not None:
        call(told, made)
    assert due(told.assess(admission[:10] + " 23:00")) == [following]


@pytest.mark.parametrize(
    # a daily time that the clock leaves out, or has twice | the call of that day
    ("before", "day", "said"),
    [("2026-03-07 12:00", "2026-03-08", "03:30 CDT"), ("2026-10-31 12:00", "2026-11-01", "01:30 CDT")],
)
def test_a_daily_time_that_does_not_exist_or_occurs_twice(before: str, day: str, said: str):
    document = shipped_document()
    document["inpatient"]["daily_call_at"] = "02:30" if "03-07" in before else "01:30"
    told = admitted(before[:10] + " 08:00")
    call(told, before)
    (task,) = [each for each in told.assess(before, policy=load_policy(document)).tasks if "in hospital" in each.what]
    assert task.by is not None and f"{task.by.astimezone(zone_named(CHICAGO)):%Y-%m-%d %H:%M %Z}" == f"{day} {said}"


def test_a_move_to_another_unit_asks_for_a_call_there_too():
    told = admitted()
    call(told, "2026-03-03 10:00")
    told.tell("admission_noted", "2026-03-03 12:00", place="County Hospital", service="intensive care")
    assert due(told.assess("2026-03-03 12:00")) == ["2026-03-03 16:00"]
    call(told, "2026-03-03 12:59")
    assert due(told.assess("2026-03-03 12:59")) == ["2026-03-03 16:00"], "too early for it"
    call(told, "2026-03-03 13:00")
    assert due(told.assess("2026-03-03 13:00")) == ["2026-03-04 10:00"]


# --- what is agreed may bring a call forward ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    # agreed in the call of Tuesday 10:00 | the next
    ("agreed", "following"),
    [
        ("2026-03-03 15:00", "2026-03-03 15:00"),
        ("2026-03-04 09:59", "2026-03-04 09:59"),
        ("2026-03-04 15:00", "2026-03-04 10:00"),  # it is never put off
        ("2026-03-03 09:00", "2026-03-04 10:00"),  # before the call itself: a slip of the pen
        (None, "2026-03-04 10:00"),
    ],
)
def test_a_time_agreed_in_a_call(agreed: str | None, following: str):
    told = admitted()
    call(told, "2026-03-03 10:00", next_call_at=instant(agreed).isoformat() if agreed else None)
    assert due(told.assess("2026-03-03 10:30")) == [following]
    call(told, "2026-03-03 16:00")
    assert due(told.assess("2026-03-03 16:00")) == ["2026-03-04 10:00"], "the last call decides"


@pytest.mark.parametrize(
    # a call    | the time of the plan of 8:00 stands
    ("made", "stands"),
    [(None, True), ("2026-03-03 07:30", True), ("2026-03-03 10:59", True), ("2026-03-03 11:00", False)],
)
def test_a_time_in_a_plan(made: str | None, stands: bool):
    told = admitted()
    call(told, "2026-03-03 07:10")
    decides(told, "2026-03-03 08:00", next_hub_call_at=instant("2026-03-03 14:00").isoformat())
    if made is not None:
        call(told, made)
    assert due(told.assess("2026-03-03 11:30")) == ["2026-03-03 14:00" if stands else "2026-03-04 10:00"]


# --- what ends it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "over"),
    [
        ("discharge_noted", {"to": "home"}, True),
        ("discharge_noted", {"discharged_at": instant("2026-03-03 07:00").isoformat(), "to": None}, True),
        ("discharge_noted", {"discharged_at": None, "to": "home"}, False),
        ("discharge_noted", {"discharged_at": instant("2026-03-05 07:00").isoformat()}, False),  # planned
        ("home_status", {"location": "home"}, True),
        ("home_status", {"location": "lodging"}, True),
        ("home_status", {"location": "hospital"}, False),
        ("home_status", {"location": None}, False),
        ("home_status", {"caregiver_count": 1}, False),
        ("course_ended", {"died": True, "because": "died"}, True),
        ("course_ended", {"died": False, "because": "another drug"}, False),
        ("course_ended", {"died": None}, False),
        ("admission_noted", {"place": "Another Hospital", "service": "intensive care"}, False),  # a move
    ],
)
def test_only_discharge_or_death_ends_a_stay(kind: str, fields: dict[str, Any], over: bool):
    told = admitted()
    told.tell(kind, "2026-03-03 08:00", **fields)
    said = told.assess("2026-03-03 11:30")
    assert (pages(said) == []) == over == (due(said) == [])


def test_after_a_discharge_a_new_stay_has_a_clock_of_its_own():
    told = admitted()
    told.tell("discharge_noted", "2026-03-03 08:00", to="home")
    told.tell("admission_noted", "2026-03-05 08:00", place="County Hospital")
    assert due(told.assess("2026-03-05 09:00")) == ["2026-03-05 12:00"]
    assert pages(told.assess("2026-03-05 13:00")) == ["2026-03-05"]
    stay = stay_of(told.history())
    assert stay is not None and civil(stay.begins) == "2026-03-05 08:00" and stay.ended_at is None


def test_in_hospital_without_an_admission_is_said_and_asks_nobody():
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("home_status", "2026-03-02 12:00", location="hospital", site="hub-ward")
    assert found(told.assess("2026-03-02 13:00")) == [("routine", "prescriber")]
    told.tell("home_status", "2026-03-04 12:00", location="home")
    assert found(told.assess("2026-03-04 13:00")) == []


def test_a_course_that_has_ended_asks_for_no_admission():
    told = Told()
    told.tell("home_status", "2026-03-02 12:00", location="hospital", site="hub-ward")
    told.tell("course_ended", "2026-03-02 13:00", because="done", died=False)
    assert found(told.assess("2026-03-02 14:00")) == []


# --- who decides the next dose ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the last plan | known
    ("fields", "known"),
    [
        ({}, True),
        ({"decides_role": None, "decides_person": "a"}, True),
        ({"decides_role": None}, False),
        ({"decides_role": "", "decides_person": None}, False),
    ],
)
def test_who_decides_the_next_dose_is_known_or_asked_for(fields: dict[str, Any], known: bool):
    told = admitted()
    decides(told, "2026-03-02 22:10")
    decides(told, "2026-03-02 22:20", **fields)
    said = told.assess("2026-03-02 22:30")
    assert found(said) == ([] if known else [("today", "prescriber")])
    assert found(admitted().assess("2026-03-02 22:30")) == [("today", "prescriber")], "no plan at all"


# --- day by day ---------------------------------------------------------------------------------------------------------


def days(told: Told, now: str) -> tuple[StayDay, ...]:
    history = told.history().until(instant(now))
    stay = stay_of(history)
    assert stay is not None
    return day_by_day(history, stay, load_policy(), instant(now))


CALM = {
    "fever_other": False,
    "hypotension": False,
    "hypotension_other": False,
    "hypoxia_other": False,
    "pressors": [],
    "o2": "none",
}


def test_one_row_a_calendar_day_with_plan_grade_and_what_was_given():
    told = admitted()
    told.tell("crs_assessed", "2026-03-02 22:30", tmax_c="38.9", **CALM)
    told.tell("crs_assessed", "2026-03-02 23:50", tmax_c="38.9", **CALM | {"hypotension": True})
    decides(told, "2026-03-02 23:00", for_day="2026-03-03", lines=["second dose of tocilizumab if fever stays"])
    for at, agent, mg in (
        ("2026-03-02 23:00", "tocilizumab", "560"),
        ("2026-03-03 07:00", "Tocilizumab-aazg", "900"),
        ("2026-03-03 08:00", "Dexamethasone", "10"),
        ("2026-03-03 09:00", "methylprednisolone", None),
        ("2026-03-03 09:30", None, "5"),
        ("2026-03-03 09:45", "acetaminophen", "650"),
        ("2026-03-03 23:30", "tocilizumab", "560"),
    ):
        told.tell("medicine_given", at, agent=agent, dose_mg=mg, purpose="treatment")
    call(told, "2026-03-03 10:00")
    monday, tuesday, wednesday = days(told, "2026-03-04 00:30")
    assert [f"{day.on:%a}" for day in (monday, tuesday, wednesday)] == ["Mon", "Tue", "Wed"]
    assert (monday.plan, monday.crs.words) == (None, "2")
    assert tuesday.plan is not None and tuesday.plan.body.lines == ("second dose of tocilizumab if fever stays",)
    assert [(str(e.mg), e.in_24_h, e.above_cap) for e in monday.tocilizumab] == [("560", 1, False)]
    assert [(str(e.mg), e.in_24_h, e.above_cap) for e in tuesday.tocilizumab] == [("900", 2, True), ("560", 2, False)]
    assert [(e.event.body.agent, e.mg and str(e.mg)) for e in tuesday.steroids] == [
        ("Dexamethasone", "10"),
        ("methylprednisolone", None),
    ]
    assert (len(tuesday.unnamed), len(tuesday.calls), tuesday.crs.words) == (1, 1, "not known")
    assert (wednesday.tocilizumab, wednesday.steroids, wednesday.icans.words) == ((), (), "not known")


@pytest.mark.parametrize(
    # assessments of one day, each with what is not known | the day
    ("assessments", "words"),
    [
        ([], "not known"),
        ([{}], "1"),
        ([{"hypotension": True}], "2"),
        ([{}, {"hypotension": None}], "not known, at least 1"),
        ([{"hypotension": None}], "not known"),
        ([{"tmax_c": "36.8"}], "0"),
    ],
)
def test_the_grade_of_a_day_is_known_only_when_every_assessment_is(assessments: list[dict[str, Any]], words: str):
    told = admitted("2026-03-02 20:00")
    for number, fields in enumerate(assessments):
        told.tell("crs_assessed", f"2026-03-02 21:0{number}", **{"tmax_c": "38.9", **CALM, **fields})
    assert [day.crs.words for day in days(told, "2026-03-02 23:00")] == [words]


@pytest.mark.parametrize(
    # the day of the plan | the day under which it stands
    ("fields", "on"),
    [({"for_day": "2026-03-03"}, "Tue"), ({"for_day": None}, None), ({}, "Mon"), ({"for_day": "2026-03-09"}, None)],
)
def test_the_day_of_a_plan(fields: dict[str, Any], on: str | None):
    told = admitted()
    told.tell("admission_plan_written", "2026-03-02 23:00", lines=["watch"], **fields)
    assert [f"{day.on:%a}" for day in days(told, "2026-03-03 12:00") if day.plan] == ([on] if on else [])


def test_the_days_end_with_the_discharge():
    told = admitted()
    told.tell("discharge_noted", "2026-03-03 08:00", to="home")
    assert [f"{day.on:%a}" for day in days(told, "2026-03-06 12:00")] == ["Mon", "Tue"]


# --- the policy ---------------------------------------------------------------------------------------------------------


def test_a_policy_from_before_has_the_waits_of_the_shipped_one():
    document = shipped_document()
    del document["inpatient"]
    older = policy_from_document(document, "0" * 64)
    assert inpatient_rules(older) == inpatient_rules(load_policy())
    said = admitted().assess("2026-03-03 03:00", policy=load_policy(document))
    assert pages(said) == ["2026-03-03"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"daily_call_at": "ten"}, "inpatient.daily_call_at"),
        ({"first_call_within_hours": 0}, "inpatient"),
        ({"grace_minutes": 0}, "inpatient"),
        ({"early_credit_minutes": -1}, "inpatient"),
        ({"early_credit_minutes": 720}, "inpatient.early_credit_minutes"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(change: dict[str, Any], path: str):
    document = shipped_document()
    document["inpatient"] |= change
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(document, "0" * 64)
    assert refused.value.path == path


@pytest.mark.parametrize("change", [{"early_credit_minutes": 719}, {"early_credit_minutes": 0}, {"grace_minutes": 1}])
def test_the_edges_of_what_a_policy_may_say(change: dict[str, int]):
    document = shipped_document()
    document["inpatient"] |= change
    rules = policy_from_document(document, "0" * 64).inpatient
    assert rules is not None and rules.ladder.urgency is Urgency.SOON


# --- at the very edge ---------------------------------------------------------------------------------------------------


def test_the_minute_of_the_admission_itself():
    told = admitted()
    told.tell("home_status", ADMITTED, location="home")
    decides(told, ADMITTED)
    call(told, ADMITTED)
    stay = stay_of(told.history())
    assert stay is not None and stay.ended_at is None, "who is admitted in that minute is not at home"
    assert (len(stay.plans), len(stay.calls)) == (1, 1)


def test_admitted_again_in_the_minute_of_the_discharge_is_a_new_stay():
    told = admitted()
    told.tell("discharge_noted", "2026-03-03 08:00", to="home")
    told.tell("admission_noted", "2026-03-03 08:00", place="County Hospital")
    stay = stay_of(told.history())
    assert stay is not None and civil(stay.begins) == "2026-03-03 08:00" and stay.ended_at is None


def test_a_plan_and_a_call_in_the_minute_of_the_discharge_belong_to_the_stay():
    told = admitted()
    decides(told, "2026-03-03 08:00")
    call(told, "2026-03-03 08:00")
    told.tell("discharge_noted", "2026-03-03 08:00", to="home")
    decides(told, "2026-03-03 08:01")
    call(told, "2026-03-03 08:01")
    stay = stay_of(told.history())
    assert stay is not None and (len(stay.plans), len(stay.calls)) == (1, 1)


@pytest.mark.parametrize(
    # mg | given so long after the one before | in 24 h | above one dose
    ("mg", "at", "count", "above"),
    [
        ("800", "2026-03-03 22:30", 1, False),
        ("800.1", "2026-03-03 22:29", 2, True),
        (None, "2026-03-03 22:29", 2, False),
    ],
)
def test_the_count_in_24_hours_and_the_cap(mg: str | None, at: str, count: int, above: bool):
    told = admitted()
    told.tell("medicine_given", "2026-03-02 22:30", agent="tocilizumab", dose_mg="560")
    told.tell("medicine_given", at, agent="tocilizumab", dose_mg=mg)
    last = days(told, "2026-03-03 23:00")[-1].tocilizumab[-1]
    assert (last.in_24_h, last.above_cap) == (count, above)


@pytest.mark.parametrize(
    ("agreed", "following"), [("2026-03-03 10:00", "2026-03-04 10:00"), ("2026-03-03 10:01", "2026-03-03 10:01")]
)
def test_a_time_agreed_for_the_minute_of_the_call_is_none(agreed: str, following: str):
    told = admitted()
    call(told, "2026-03-03 10:00", next_call_at=instant(agreed).isoformat())
    assert due(told.assess("2026-03-03 10:00")) == [following]


@pytest.mark.parametrize(
    ("agreed", "following"), [("2026-03-03 10:00", "2026-03-04 10:00"), ("2026-03-03 10:01", "2026-03-03 10:01")]
)
def test_a_plan_written_in_the_minute_of_the_call(agreed: str, following: str):
    told = admitted()
    call(told, "2026-03-03 10:00")
    decides(told, "2026-03-03 10:00", next_hub_call_at=instant(agreed).isoformat())
    assert due(told.assess("2026-03-03 10:00")) == [following]


def test_an_open_episode_of_crs_counts_for_the_grade_of_a_day_without_fever():
    """The grade of an assessment depends on whether CRS was open then: without a fever of its own it stays CRS."""
    told = admitted("2026-03-02 20:00")
    told.tell("crs_assessed", "2026-03-02 21:00", tmax_c="38.9", **CALM)
    told.tell("crs_assessed", "2026-03-03 08:00", tmax_c="36.8", **CALM | {"hypotension": True, "masked": True})
    assert [day.crs.words for day in days(told, "2026-03-03 12:00")] == ["1", "2"]
