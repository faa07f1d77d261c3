"""The numbers of the default policy, each with the value on either side: what is believed, when a check is due, when who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.history import implausible_fields
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder
from tests.support.courses import Told, civil, instant

STEP_UP, FIRST = "step_up_1", "first_treatment"

# reading | fact | lowest and highest that are believed | just below and just above
BELIEVED = """
temperature_c  | checkin_received | 30 43   | 29.9 43.1
temperature_c  | vitals_measured  | 30 43   | 29.9 43.1
tmax_c         | crs_assessed     | 30 43   | 29.9 43.1
weight_kg      | weight_measured  | 30 250  | 29.9 250.1
systolic_mmhg  | vitals_measured  | 30 300  | 29 301
diastolic_mmhg | vitals_measured  | 10 200  | 9 201
pulse_per_min  | vitals_measured  | 20 300  | 19 301
breaths_per_min| vitals_measured  | 2 80    | 1 81
spo2_percent   | vitals_measured  | 30 100  | 29 101
flow_l_per_min | vitals_measured  | 0 100   | -0.1 100.1
"""


@pytest.mark.parametrize("line", BELIEVED.strip().splitlines())
def test_what_is_believed(line: str):
    reading, kind, believed, beyond = (cell.strip() for cell in line.split("|"))
    for values, marked in ((believed, ()), (beyond, (reading,))):
        for value in values.split():
            told = Told()
            told.tell(
                kind,
                "2026-03-02 08:00",
                **{reading: value if "." in value or reading.endswith("c") else number(value, reading)},
            )
            event = told.course().events[-1]
            assert tuple(implausible_fields(event, load_policy().plausible)) == marked, value


def number(value: str, reading: str) -> Any:
    """As the course file has it: a whole number, or a decimal in words."""
    return value if reading in ("weight_kg", "flow_l_per_min") else int(value)


def dues(step: str, days: int) -> list[str]:
    """When each check after a dose at 09:00 is due, every check being made on time."""
    told = Told()
    told.dose(step, "2026-03-02 09:00")
    found, now = [], "2026-03-02 09:30"
    while True:
        due = civil(told.assess(now).watch.next_check_due)
        if due is None or due > f"2026-03-{2 + days:02} 23:59":
            return found
        found.append(due)
        told.tell("checkin_received", due, temperature_c="36.7", symptoms=[], none_of_these=True)
        now = due


def test_checks_in_the_first_48_hours_and_between_the_step_up_doses():
    hours = [f"{due[8:10]} {due[11:]}" for due in dues(STEP_UP, 3)]
    assert hours == [
        "02 12:00",
        "02 16:00",
        "02 20:00",
        "03 02:00",
        "03 08:00",
        "03 12:00",
        "03 16:00",
        "03 20:00",
        "04 02:00",
        "04 08:00",
        "04 16:00",
        "04 22:00",
        "05 08:00",
        "05 16:00",
        "05 22:00",
    ]


def test_checks_after_the_first_treatment_dose_are_daily_from_48_hours_on():
    hours = [f"{due[8:10]} {due[11:]}" for due in dues(FIRST, 15) if due >= "2026-03-04"]
    assert hours == ["04 02:00", "04 08:00", *(f"{day:02} 08:00" for day in range(5, 17))]


@pytest.mark.parametrize(("at", "due"), [("2026-03-02 11:00", "16:00"), ("2026-03-02 10:59", "12:00")])
def test_a_check_up_to_an_hour_early_counts(at: str, due: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.tell("checkin_received", at, temperature_c="36.7", symptoms=[], none_of_these=True)
    assert str(civil(told.assess(at).watch.next_check_due)).endswith(due)


@pytest.mark.parametrize(
    # the check that is missed, after a dose on 2 March at 09:00 | minutes: reminder, call, page, welfare check
    ("step", "missed", "minutes"),
    [
        (STEP_UP, "2026-03-02 12:00", (15, 30, 60, 120)),
        (FIRST, "2026-03-02 12:00", (15, 30, 60, 120)),
        (STEP_UP, "2026-03-04 16:00", (30, 60, 90, 120)),
        (FIRST, "2026-03-05 08:00", (30, 60, 90, 120)),
    ],
)
def test_who_is_told_of_a_missed_check_and_after_how_many_minutes(step: str, missed: str, minutes: tuple[int, ...]):
    told = Told()
    told.dose(step, "2026-03-02 09:00")
    told.tell(
        "checkin_received", str(civil(instant(missed) - timedelta(minutes=61))), temperature_c="36.7", symptoms=[]
    )
    before = "due"
    for after, stage in zip(minutes, ("reminded", "called", "paged", "welfare"), strict=True):
        for minute, said in ((after - 1, before), (after, stage)):
            now = str(civil(instant(missed) + timedelta(minutes=minute)))
            watch = told.assess(now).watch
            assert (civil(watch.next_check_due), watch.overdue_stage) == (missed, said), minute
        before = stage


@pytest.mark.parametrize(
    # temperature | measured again after 60 minutes
    ("temperature", "again"),
    [("37.7", None), ("37.8", "10:31"), ("37.9", "10:31")],
)
def test_a_warm_reading_is_measured_again_after_an_hour(temperature: str, again: str | None):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.tell("checkin_received", "2026-03-02 09:31", temperature_c=temperature, symptoms=[])
    due = str(civil(told.assess("2026-03-02 09:40").watch.next_check_due))
    assert due.endswith(again or "12:00")


# --- the watch at its own edges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # a check at | the next one is due, after a dose at 11:30
    ("at", "due"),
    [("2026-03-02 11:30", "16:00"), ("2026-03-02 11:29", "12:00")],
)
def test_a_check_at_the_minute_of_the_dose_counts(at: str, due: str):
    told = Told()
    told.tell("checkin_received", at, temperature_c="36.7", symptoms=[], none_of_these=True)
    told.dose(STEP_UP, "2026-03-02 11:30")
    assert str(civil(told.assess("2026-03-02 11:31").watch.next_check_due)).endswith(due)


@pytest.mark.parametrize(
    # now | phase | why no check is due
    ("now", "phase", "because"),
    [
        ("2026-03-16 09:59", "after_first_treatment", "every check of this phase is done"),
        ("2026-03-16 10:00", "none", "no check is due any more"),
    ],
)
def test_the_watch_ends_336_hours_after_the_dose_on_a_day_after_the_clocks_went_forward(
    now: str, phase: str, because: str
):
    told = Told()
    told.dose(FIRST, "2026-03-02 09:00")
    told.tell("checkin_received", "2026-03-16 08:00", temperature_c="36.7", symptoms=[], none_of_these=True)
    watch = told.assess(now).watch
    assert (watch.phase, watch.because) == (phase, because)


@pytest.mark.parametrize(
    # admitted | asked at 10:00 whether the patient is still there (the window of the first dose ends on 4 March at 09:00)
    ("admitted", "asked"),
    [("2026-03-04 08:59", True), ("2026-03-04 09:00", False)],
)
def test_a_window_that_ends_with_the_admission_is_not_the_one_to_ask_after(admitted: str, asked: bool):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.dose("step_up_2", "2026-03-04 08:00")
    told.tell("home_status", admitted, location="hospital", site="general-hospital")
    said = [f for f in told.assess("2026-03-04 10:00").findings if "is the patient still there" in f.what]
    assert bool(said) is asked


@pytest.mark.parametrize(
    # the patient is called at | the next check agreed for | next due
    ("called", "agreed", "due"),
    [
        ("2026-03-02 12:00", "2026-03-02 20:00", "2026-03-02 20:00"),  # the check of 12:00 is this call: 16:00 is moved
        ("2026-03-02 12:00", "2026-03-02 20:01", "2026-03-02 16:00"),  # two checks would be skipped
        ("2026-03-02 11:59", "2026-03-02 20:00", "2026-03-02 12:00"),
        ("2026-03-04 09:00", "2026-03-04 20:00", "2026-03-04 20:00"),  # the first 48 hours are over: the next phase
        ("2026-03-04 08:59", "2026-03-04 20:00", "2026-03-04 16:00"),
        ("2026-03-04 02:30", "2026-03-04 08:59", "2026-03-04 08:59"),
        ("2026-03-04 02:30", "2026-03-04 09:00", "2026-03-04 08:00"),  # not within this phase any more
    ],
)
def test_a_check_agreed_in_a_call_on_the_minute_of_a_check_or_of_a_phase(called: str, agreed: str, due: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.tell("contact_made", called, reached=True, outcome="staying_home", next_check_at=instant(agreed).isoformat())
    assert civil(told.assess(called).watch.next_check_due) == due


@pytest.mark.parametrize(
    # warm at | missed for so many minutes | stage (first 48 hours: a reminder after 15 min; then: after 30)
    ("warm", "minutes", "stage"),
    [
        ("2026-03-04 07:59", 15, "reminded"),
        ("2026-03-04 08:00", 15, "due"),
        ("2026-03-04 08:00", 30, "reminded"),
    ],
)
def test_a_second_measurement_due_as_the_48_hours_end_belongs_to_the_next_phase(warm: str, minutes: int, stage: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.tell("checkin_received", warm, temperature_c="37.9", symptoms=[])
    now = civil(instant(warm) + timedelta(minutes=60 + minutes))
    assert told.assess(str(now)).watch.overdue_stage == stage


@pytest.mark.parametrize(
    # dose at | with every check made until then, the first one at or after the 48th hour
    ("step", "dose", "due"),
    [
        (FIRST, "08:00", "2026-03-04 08:00"),  # not a day later
        (FIRST, "08:01", "2026-03-04 08:00"),
        (FIRST, "07:59", "2026-03-04 08:00"),
        (STEP_UP, "16:00", "2026-03-04 16:00"),
        (STEP_UP, "12:00", "2026-03-04 16:00"),  # 12:00 is no check of the next phase
    ],
)
def test_the_check_at_the_48th_hour_itself_is_due(step: str, dose: str, due: str):
    told = Told()
    told.dose(step, f"2026-03-02 {dose}")
    before = "2026-03-04 06:59" if dose < "12" else "2026-03-04 11:00"
    told.tell("checkin_received", before, temperature_c="36.7", symptoms=[])
    assert civil(told.assess(before).watch.next_check_due) == due


@pytest.mark.parametrize(("minutes", "stage"), [(15, "due"), (29, "due"), (30, "reminded")])
def test_the_check_at_the_48th_hour_has_the_clock_of_the_next_phase(minutes: int, stage: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 16:00")
    told.tell("checkin_received", "2026-03-04 11:00", temperature_c="36.7", symptoms=[])
    now = str(civil(instant("2026-03-04 16:00") + timedelta(minutes=minutes)))
    assert told.assess(now).watch.overdue_stage == stage


@pytest.mark.parametrize(("minutes", "stage"), [(15, "due"), (30, "reminded")])
def test_a_second_measurement_after_the_last_day_keeps_the_clock_of_the_last_phase(minutes: int, stage: str):
    told = Told()
    told.dose(FIRST, "2026-03-02 09:00")
    told.tell("checkin_received", "2026-03-16 09:30", temperature_c="37.9", symptoms=[])
    now = str(civil(instant("2026-03-16 10:30") + timedelta(minutes=minutes)))
    assert told.assess(now).watch.overdue_stage == stage


@pytest.mark.parametrize(("location", "words"), [("ed", "the emergency department"), ("hospital", "hospital")])
def test_where_the_patient_is_stands_in_the_reason(location: str, words: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    told.tell("home_status", "2026-03-02 10:00", location=location, site="general-hospital")
    assert told.assess("2026-03-02 11:00").watch.because.startswith(f"in {words}: the home clocks pause")


@pytest.mark.parametrize(
    # minutes after a missed check | whose finding, and how urgent
    ("minutes", "owner", "urgency"),
    [
        (15, "nurse", "today"),
        (59, "nurse", "today"),
        (60, "on_call", "soon"),
        (119, "on_call", "soon"),
        (120, "on_call", "now"),
    ],
)
def test_a_missed_check_is_the_nurses_until_it_is_paged(minutes: int, owner: str, urgency: str):
    told = Told()
    told.dose(STEP_UP, "2026-03-02 09:00")
    now = str(civil(instant("2026-03-02 12:00") + timedelta(minutes=minutes)))
    (said,) = [finding for finding in told.assess(now).findings if "Check-in overdue" in finding.what]
    assert (said.owner, said.urgency.value) == (owner, urgency)


# --- the clocks of every ladder ---------------------------------------------------------------------------------------

# minutes within which: the patient is reached by voice | seen face to face | arrives | the ED calls back | is assessed | put off at most
CLOCKS = """
RED-1 |  5 | 60 | 60 | 30 | 60 | -
RED-2 | 10 | 60 | 60 | 30 | 60 | -
RED-3 | 15 | 60 | 60 | 30 | 60 | -
RED-4 | 15 | 60 | 60 | 30 | 60 | -
AMBER | 30 | -  | -  | -  | -  | 30
GREEN | -  | -  | -  | -  | -  | 240
"""


@pytest.mark.parametrize("line", CLOCKS.strip().splitlines())
def test_the_clocks_of_a_ladder(line: str):
    name, *wanted = (cell.strip() for cell in line.split("|"))
    row = load_policy().ladders[Ladder(name)]
    clocks = (
        row.confirm_within_minutes,
        row.seen_within_minutes,
        row.arrival_within_minutes,
        row.ed_call_back_within_minutes,
        row.assess_within_minutes,
        row.snooze_minutes,
    )
    assert [str(minutes or "-") for minutes in clocks] == wanted


def test_who_may_stay_at_home_after_a_call():
    """CRS of grade 1 at most, the next check within four hours; a call is handed over within ten minutes."""
    contact = load_policy().contact
    assert contact is not None
    assert (contact.stay_most_grade, contact.stay_next_check_within_minutes) == (1, 240)
    assert (contact.hand_over_within_minutes, contact.belongs_within_hours) == (10, 24)
