"""Days of the next dose, premedication, where the patient is watched, and longer intervals: worked cases X08 to X34."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.answer import Assessment, Finding
from handrail.rules.protocol import load
from handrail.rules.schedule import (
    dose_dates,
    early_discharge_finding,
    interval_change_findings,
    monitoring_for,
    phase_dose_findings,
    planned_setting_findings,
    premedication_findings,
)
from handrail.rules.terms import Urgency
from tests.support.courses import ELRA, TEC, TEC_COMBO, TEC_OLD, Told, civil, instant

ELRA_OLD = "elranatamab/US/2023-08"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"
FIRST = date(2026, 1, 5)


# --- X08 to X11: premedication ------------------------------------------------------------------------------------

PREMEDICATION = [
    # case | protocol | agent       | mg   | minutes before | what differs
    ("X08", TEC, "dexamethasone", "16", 30, "30 min before"),
    ("X08", TEC, "dexamethasone", "16", 59, "59 min before"),
    ("-", TEC, "dexamethasone", "16", 60, None),
    ("-", TEC, "dexamethasone", "16", 180, None),
    ("X09", TEC, "dexamethasone", "16", 181, "ask whether to repeat"),
    ("X09", TEC, "Diphenhydramine", "50", 200, "ask whether to repeat"),
    ("X10", ELRA, "dexamethasone", "20", 60, None),
    ("X10", ELRA, "acetaminophen", "650", 60, None),
    ("X11", ELRA, "dexamethasone", "16", 60, "names 20 mg"),
    ("-", TEC, "dexamethasone", "20", 60, "names 16 mg"),
    ("-", TEC, "acetaminophen", "1000", 60, None),
]


@pytest.mark.parametrize(("case", "key", "agent", "dose_mg", "minutes", "words"), PREMEDICATION)
@pytest.mark.parametrize("step", [SUD1, SUD2, FTD])
def test_premedication_given(case: str, key: str, agent: str, dose_mg: str, minutes: int, words: str | None, step: str):
    found = premedication_findings(load(key), step=step, agent=agent, dose_mg=Decimal(dose_mg), minutes_before=minutes)
    assert [f.urgency for f in found] == ([Urgency.TODAY] if words else []), case
    assert all(words in f.what for f in found if words), case


@pytest.mark.parametrize(("case", "key", "agent", "dose_mg", "minutes", "words"), PREMEDICATION)
def test_premedication_in_the_course_answer(
    case: str, key: str, agent: str, dose_mg: str, minutes: int, words: str | None
):
    told = Told(key)
    at = civil(instant("2026-03-02 12:00") - timedelta(minutes=minutes))
    told.tell("medicine_given", str(at), agent=agent, dose_mg=dose_mg, purpose="premedication", for_step=SUD1)
    told.dose(SUD1, "2026-03-02 12:00")
    found = [f for f in told.assess("2026-03-02 12:00").findings if agent.lower() in f.what]
    assert len(found) == (1 if words else 0), case


def test_premedication_for_a_dose_that_was_put_off_is_not_held_against_the_next():
    told = Told()
    told.tell("medicine_given", "2026-03-02 08:00", agent="dexamethasone", dose_mg="16", purpose="premedication")
    told.tell("dose_not_given", "2026-03-02 10:00", step=SUD1, because="logistics")
    told.dose(SUD1, "2026-03-04 09:00")
    assert not [f for f in told.assess("2026-03-04 09:00").findings if "dexamethasone" in f.what]


def test_a_medicine_that_is_no_premedication_is_not_judged_as_one():
    told = Told()
    told.tell("medicine_given", "2026-03-02 08:40", agent="dexamethasone", dose_mg="20", purpose="treatment")
    told.dose(SUD1, "2026-03-02 09:00")
    assert not [f for f in told.assess("2026-03-02 09:00").findings if "dexamethasone" in f.what]


# --- X14 to X18: where the patient is watched ---------------------------------------------------------------------


@pytest.mark.parametrize(
    # case | protocol | step | planned      | warned
    ("case", "key", "step", "setting", "warned"),
    [
        ("X14", TEC, FTD, "outpatient", False),
        ("X15", TEC_OLD, FTD, "outpatient", True),
        ("X15", TEC_OLD, FTD, "inpatient", False),
        ("X16", TEC, SUD1, "outpatient", True),
        ("X16", TEC, SUD1, "hybrid", True),
        ("X16", TEC, SUD2, "outpatient", True),
        ("-", TEC, SUD1, "inpatient", False),
        ("-", TEC_COMBO, FTD, "outpatient", False),
        ("-", ELRA, SUD2, "outpatient", True),
        ("-", ELRA, FTD, "outpatient", False),
        ("-", TEC, TD, "outpatient", False),
    ],
)
def test_a_planned_setting_that_differs_from_the_label(case: str, key: str, step: str, setting: str, warned: bool):
    found = planned_setting_findings(load(key), step=step, setting=setting)
    assert [f.urgency for f in found] == ([Urgency.TODAY] if warned else []), case
    told = Told(key)
    told.tell("dose_planned", "2026-03-02 09:00", step=step, on="2026-03-05", setting=setting)
    said = [f for f in told.assess("2026-03-02 09:00").findings if "is planned" in f.what]
    assert [f.what for f in said] == [f.what for f in found], case
    told.tell("departure_signed", "2026-03-02 10:00", rule="setting", reason="caregiver at home", approver="synthetic")
    assert not [f for f in told.assess("2026-03-02 10:00").findings if "is planned" in f.what]


@pytest.mark.parametrize(
    # case | protocol | step | hours | warned
    ("case", "key", "step", "hours", "warned"),
    [
        ("X18", ELRA, SUD2, "24", False),
        ("X18", ELRA, SUD2, "23.9", True),
        ("X18", ELRA, SUD2, "20", True),
        ("-", ELRA, SUD1, "47", True),
        ("-", ELRA, SUD1, "48", False),
        ("-", ELRA, FTD, "0", False),
        ("-", TEC, SUD1, "47.9", True),
        ("-", TEC, TD, "0", False),
    ],
)
def test_leaving_before_the_labels_hours(case: str, key: str, step: str, hours: str, warned: bool):
    found = early_discharge_finding(load(key), step=step, hours_observed=Decimal(hours))
    assert (found is not None) == warned, case


@pytest.mark.parametrize(
    ("at", "warned"), [("2026-03-03 05:00", True), ("2026-03-03 08:59", True), ("2026-03-03 09:00", False)]
)
def test_x18_at_home_too_early_is_said_now(at: str, warned: bool):
    told = Told(ELRA)
    told.dose(SUD2, "2026-03-02 09:00")
    told.tell("home_status", at, location="home")
    found = [f for f in told.assess(at).findings if "in hospital" in f.what and f.what.startswith("At home")]
    assert [f.urgency for f in found] == ([Urgency.NOW] if warned else [])


@pytest.mark.parametrize(
    # protocol | step | setting, hours
    ("key", "step", "setting", "hours"),
    [
        *[(key, step, "hospital", 48) for key in (TEC, TEC_COMBO, TEC_OLD) for step in (SUD1, SUD2)],
        (TEC, FTD, "near_facility", 48),
        (TEC_COMBO, FTD, "near_facility", 48),
        (TEC_OLD, FTD, "hospital", 48),
        (TEC, TD, "none_stated", None),
        *[(key, SUD1, "hospital", 48) for key in (ELRA, ELRA_OLD)],
        *[(key, SUD2, "hospital", 24) for key in (ELRA, ELRA_OLD)],
        *[(key, step, "none_stated", None) for key in (ELRA, ELRA_OLD) for step in (FTD, TD)],
    ],
)
def test_where_the_label_wants_the_patient(key: str, step: str, setting: str, hours: int | None):
    wanted = monitoring_for(load(key), step=step, carried=())
    assert wanted is not None
    assert (wanted.setting, wanted.hours, wanted.anchor) == (setting, hours, "administration")


# --- X28 to X34: longer intervals ---------------------------------------------------------------------------------


def change(key: str, wanted: str, on: date, **given: Any) -> tuple[Finding, ...]:
    """Findings on the day a longer interval was chosen, first dose on 5 January 2026."""
    known: dict[str, Any] = {
        "current": QW,
        "response": "CR",
        "response_since": FIRST,
        "first_dose_on": FIRST,
        "on_schedule_since": FIRST,
    }
    return interval_change_findings(load(key), wanted=wanted, on=on, **{**known, **given})


def week(number: int) -> date:
    """The first day of a week of treatment, week 1 being the first dose's."""
    return FIRST + timedelta(weeks=number - 1)


@pytest.mark.parametrize("key", [TEC, TEC_OLD])
@pytest.mark.parametrize(
    # case | response | since        | words of the finding (today), or None
    ("case", "response", "since", "words"),
    [
        ("X28", "CR", date(2026, 2, 1), "held for 6 months"),
        ("X28", "CR", date(2026, 1, 2), "held for 6 months"),
        ("-", "CR", date(2026, 1, 1), None),
        ("-", "sCR", date(2026, 1, 1), None),
        ("X29", "VGPR", date(2025, 10, 1), "CR or better is needed, VGPR"),
        ("-", "PD", date(2025, 10, 1), "CR or better is needed, PD"),
        ("-", None, date(2025, 10, 1), "the response is not known"),
        ("-", "CR", None, "how long the response has held is not known"),
    ],
)
def test_x28_x29_teclistamab_every_two_weeks(
    key: str, case: str, response: str | None, since: date | None, words: str | None
):
    found = change(key, Q2W, date(2026, 7, 1), response=response, response_since=since)
    assert [f.urgency for f in found] == ([Urgency.TODAY] if words else []), case
    assert all(words in f.what for f in found if words)


@pytest.mark.parametrize("key", [ELRA, ELRA_OLD])
@pytest.mark.parametrize(
    # case | week | response | held days | words of the finding (routine), or None
    ("case", "number", "response", "held", "words"),
    [
        ("X32", 25, "PR", 49, "held for 2 months"),
        ("-", 25, "PR", 62, None),
        ("-", 24, "PR", 62, "at least 24 weeks"),
        ("-", 25, "MR", 62, "PR or better is needed, MR"),
        ("-", 25, "VGPR", 62, None),
    ],
)
def test_x32_elranatamab_every_two_weeks(key: str, case: str, number: int, response: str, held: int, words: str | None):
    since = week(number) - timedelta(days=held)
    found = change(key, Q2W, week(number), response=response, response_since=since)
    assert [f.urgency for f in found] == ([Urgency.ROUTINE] if words else []), case
    assert all(words in f.what for f in found if words), case


@pytest.mark.parametrize(
    # case | every two weeks since week | words
    ("case", "since", "words"),
    [("X33", 25, None), ("X34", 33, "16 of at least 24 weeks"), ("-", 26, "23 of at least 24 weeks")],
)
def test_x33_x34_elranatamab_every_four_weeks_from_week_49(case: str, since: int, words: str | None):
    found = change(ELRA, Q4W, week(49), current=Q2W, on_schedule_since=week(since), response="PR")
    assert [f.urgency for f in found] == ([Urgency.ROUTINE] if words else []), case
    assert all(words in f.what for f in found if words), case


@pytest.mark.parametrize(
    # case | protocol | schedule | mg/kg | warned
    ("case", "key", "schedule", "per_kg", "warned"),
    [
        ("X30", TEC_COMBO, Q2W, "1.5", True),
        ("-", TEC_COMBO, Q2W, "3", False),
        ("-", TEC_COMBO, Q4W, "3.0", False),
        ("-", TEC_COMBO, QW, "1.5", False),
        ("-", TEC_COMBO, QW, "3", True),
        ("X31", TEC, Q2W, "3", True),
        ("-", TEC, Q2W, "1.5", False),
        ("-", TEC, Q2W, None, False),
        ("-", ELRA, Q2W, "1.5", False),
    ],
)
def test_x30_x31_the_dose_of_the_phase(case: str, key: str, schedule: str, per_kg: str | None, warned: bool):
    found = phase_dose_findings(load(key), schedule=schedule, mg_per_kg=Decimal(per_kg) if per_kg else None)
    assert [f.urgency for f in found] == ([Urgency.TODAY] if warned else []), case


@pytest.mark.parametrize(
    ("case", "key", "schedule", "per_kg"), [("X30", TEC_COMBO, Q2W, "1.5"), ("X31", TEC, Q2W, "3")]
)
def test_x30_x31_given_so_the_next_dose_is_asked(case: str, key: str, schedule: str, per_kg: str):
    told = Told(key, schedule=schedule)
    told.dose(TD, "2026-03-02 09:00", dose_mg_per_kg=per_kg, schedule=schedule)
    answer = told.assess("2026-03-16 09:00")
    assert answer.next_dose.action.value == "ask", case
    assert [f.urgency for f in answer.findings if "differs from the protocol" in f.what] == [Urgency.NOW], case


def test_an_interval_chosen_too_soon_is_a_finding_of_the_course():
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    fields = {"schedule": Q2W, "response": "VGPR", "response_since": "2026-03-20"}
    told.tell("schedule_changed", "2026-04-01 09:00", **fields)
    found = about_interval(told.assess("2026-04-01 09:00"))
    assert [f.urgency for f in found] == [Urgency.TODAY] and "CR or better" in found[0].what


def about_interval(answer: Assessment) -> list[Finding]:
    return [f for f in answer.findings if f.rule == "schedule" and "is not yet what this label asks for" in f.what]


# --- the dates of the next dose -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # protocol, last step, schedule | earliest, due, usual until, give by, restart if after (days after the last dose)
    ("key", "last", "schedule", "days"),
    [
        (TEC, SUD1, QW, (2, 3, 4, 7, 7)),
        (TEC, SUD2, QW, (2, 3, 4, 7, 28)),
        (TEC, TD, QW, (7, 7, 28, 28, 56)),
        (TEC, TD, Q2W, (14, 14, 63, 63, 112)),
        (ELRA_OLD, SUD1, QW, (2, 3, 3, 14, 14)),
        (ELRA_OLD, SUD2, QW, (3, 4, 4, 14, 28)),
        (ELRA_OLD, TD, QW, (6, 7, 7, 42, 84)),
    ],
)
def test_dates_of_the_next_dose(key: str, last: str, schedule: str, days: tuple[int | None, ...]):
    given = date(2026, 3, 2)
    dates = dose_dates(load(key), last_step=last, schedule=schedule, last_on=given)
    found = (dates.earliest_on, dates.due_on, dates.usual_until, dates.give_by, dates.restart_if_after)
    assert tuple((day - given).days if day else None for day in found) == days


@pytest.mark.parametrize("last", [SUD1, SUD2, TD])
def test_the_label_of_2025_says_nothing_on_delays_and_so_names_no_last_day(last: str):
    dates = dose_dates(load(ELRA), last_step=last, schedule=QW, last_on=date(2026, 3, 2))
    assert (dates.give_by, dates.restart_if_after, dates.after_that) == (None, None, ())
