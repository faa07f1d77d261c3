"""What the figures count of one course, as tables: yes at once, no only of a window that closed and was watched, else not known."""

from decimal import Decimal
from typing import Any

import pytest

from handrail.measures.data import definitions
from handrail.measures.outcomes import quarter_of, quarters_to
from tests.support.courses import Told, instant
from tests.support.figures import CLOSED, GRADE_0, HOUR, LATER, QUIET, became, counted, grade, stepped_up, watched


def crs(told: Told, **kw: Any) -> tuple[bool | None, bool | None, bool | None]:
    answers = counted(told, **kw).answers
    return answers["crs_any"], answers["crs_2"], answers["crs_3"]


NOTHING, UNKNOWN = (False, False, False), (None, None, None)


def test_a_closed_window_that_was_watched_and_quiet_is_no():
    found = counted(watched(stepped_up()))
    assert found.closed
    assert found.watched
    assert set(found.answers.values()) == {False}
    assert found.onset_hours is None


def test_silence_is_not_the_absence_of_a_reaction():
    found = counted(stepped_up())
    assert found.closed
    assert not found.watched
    assert set(found.answers.values()) == {None}


def test_a_course_without_a_step_up_dose_is_not_counted():
    assert became(watched(Told())) is None
    continued = Told(intent="continuation")
    continued.dose("treatment", "2026-03-02 09:00")
    assert became(continued) is None


def test_the_window_closes_48_hours_after_the_first_treatment_dose_to_the_minute():
    told = watched(stepped_up())
    assert crs(told, now=CLOSED) == NOTHING
    assert crs(told, now=CLOSED - HOUR / 60) == UNKNOWN
    assert not counted(told, CLOSED - HOUR / 60).closed


@pytest.mark.parametrize(
    ("last_at", "expected"),
    [
        # the last temperature before the window closes on Sunday at ten, an hour having been skipped; no stretch may be longer than 24 h
        ("2026-03-07 09:00", NOTHING),
        ("2026-03-07 08:59", UNKNOWN),
    ],
)
def test_a_stretch_of_more_than_24_hours_without_a_temperature_is_not_watched(last_at, expected):
    told = watched(stepped_up(), days=range(2, 7), hours=(9, 20))
    told.tell("checkin_received", last_at, **QUIET)
    assert crs(told) == expected


def test_each_dose_has_its_own_stretch():
    """Nobody looked after dose 2: the other two windows do not make up for it."""
    told = watched(watched(stepped_up(), days=range(2, 4)), days=range(6, 9))
    assert crs(told) == UNKNOWN


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        # what was recorded each day at 10:00                       | CRS
        ("checkin_received", {"temperature_c": "36.8"}, False),
        ("vitals_measured", {"temperature_c": "36.8"}, False),
        ("vitals_measured", {"pulse_per_min": 70}, None),
        ("crs_assessed", GRADE_0, False),
        ("crs_assessed", {"clinician_grade": None}, None),
        ("checkin_received", {"temperature_c": None}, None),
        ("contact_made", {"with": "patient", "reached": True, "outcome": "staying_home"}, None),
        ("visit_done", {"on": "2026-03-03"}, None),
    ],
)
def test_what_counts_as_a_look(kind, fields, expected):
    told = stepped_up()
    for day in range(2, 9):
        told.tell(kind, f"2026-03-{day:02d} 08:30", **fields)
        told.tell(kind, f"2026-03-{day:02d} 20:00", **fields)
    assert counted(told).answers["crs_any"] is expected


@pytest.mark.parametrize(
    ("number", "resolved", "expected"),
    [
        # worst grade, said to be over | any, 2 or more, 3 or more
        (1, "2026-03-04 08:00", (True, False, False)),
        (2, "2026-03-04 08:00", (True, True, False)),
        (1, None, (True, None, None)),
        (2, None, (True, True, None)),
    ],
)
def test_the_worst_grade_counts_and_an_open_episode_may_still_become_worse(number, resolved, expected):
    told = grade(watched(stepped_up()), "2026-03-03 15:00", number, resolved=resolved)
    assert crs(told) == expected


def test_yes_is_said_at_once_also_of_a_window_that_nobody_watched():
    told = grade(stepped_up(doses=1), "2026-03-03 15:00", 1, resolved="2026-03-04 08:00")
    assert crs(told, now=instant("2026-03-04 09:00")) == (True, None, None)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, UNKNOWN),
        ({"crs_assessed": GRADE_0}, NOTHING),
        ({"toxicity_resolved": {"toxicity": "crs", "confirmed_by": "nurse"}}, UNKNOWN),
    ],
    ids=["nobody graded it", "assessed as none", "over, never graded"],
)
def test_a_fever_that_nobody_graded_is_not_known(after, expected):
    told = watched(stepped_up())
    told.tell("checkin_received", "2026-03-03 15:00", **{**QUIET, "temperature_c": "38.4"})
    for kind, fields in after.items():
        told.tell(kind, "2026-03-03 20:30", **fields)
    assert crs(told) == expected


@pytest.mark.parametrize(
    ("at", "expected", "late"),
    [
        ("2026-03-08 09:59", True, False),
        ("2026-03-08 10:00", False, True),
    ],
)
def test_what_began_after_the_window_is_counted_apart(at, expected, late):
    told = grade(watched(stepped_up()), at, 1, resolved="2026-03-09 08:00")
    found = counted(told)
    assert (found.answers["crs_any"], found.late_crs) == (expected, late)


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        ("2026-03-02 09:00", "0.0"),
        ("2026-03-03 15:00", "30.0"),
        ("2026-03-04 08:59", "48.0"),
        ("2026-03-04 10:30", "1.5"),
    ],
)
def test_onset_is_counted_from_the_last_dose_before_it(at, hours):
    found = counted(grade(watched(stepped_up()), at, 1, resolved="2026-03-05 08:00"))
    assert found.onset_hours == Decimal(hours)


def test_onset_is_that_of_the_first_sign_and_not_of_the_grade():
    told = watched(stepped_up())
    told.tell("checkin_received", "2026-03-03 03:00", **{**QUIET, "temperature_c": "38.4"})
    assert counted(grade(told, "2026-03-03 15:00", 1, resolved="2026-03-04 08:00")).onset_hours == Decimal("18.0")


def test_a_dose_at_an_unknown_time_leaves_every_no_not_known():
    told = watched(stepped_up(doses=2))
    told.dose("first_treatment", "2026-03-06 09:00", started_at=None)
    assert set(counted(told).answers.values()) == {None}


def test_a_dose_of_an_unknown_step_may_have_been_one_of_the_step_up():
    told = Told()
    told.dose(None, "2026-03-02 09:00")
    assert crs(told) == UNKNOWN


def test_a_course_that_ended_before_its_treatment_dose_closes_48_hours_after_its_last_dose():
    told = watched(stepped_up(doses=2))
    assert crs(told) == UNKNOWN
    told.tell("course_ended", "2026-03-05 12:00", because="progression")
    assert crs(told) == NOTHING


def test_a_step_up_that_is_repeated_later_is_not_counted_again():
    told = watched(stepped_up())
    told.dose("step_up_1", "2026-03-20 09:00")
    assert crs(grade(told, "2026-03-20 20:00", 2), now=instant("2026-03-30 09:00")) == NOTHING


def test_corrections_that_contradict_each_other_leave_all_of_it_not_known():
    told = watched(stepped_up())
    first = told.tell("crs_assessed", "2026-03-03 15:00", **GRADE_0)
    told.tell("crs_assessed", "2026-03-03 15:00", **GRADE_0, supersedes=first, reason="a slip")
    told.tell("crs_assessed", "2026-03-03 15:00", tmax_c="38.9", clinician_grade=2, supersedes=first, reason="a slip")
    found = counted(told)
    assert found.contested
    assert set(found.answers.values()) == {None}
    assert found.prevention == "not_known"
    assert {dose.setting for dose in found.doses} == {None}


# --- ICANS --------------------------------------------------------------------------------------------------------------------


def test_icans_has_a_watch_of_its_own():
    told = watched(stepped_up(), home_neuro={})
    found = counted(told).answers
    assert (found["crs_any"], found["icans_any"]) == (False, None)
    for day in range(2, 9):
        told.tell("ice_assessed", f"2026-03-{day:02d} 10:00", total_0_10=10)
    assert counted(told).answers["icans_any"] is False


@pytest.mark.parametrize(("number", "expected"), [(1, (True, False)), (3, (True, True))])
def test_icans_by_its_worst_grade(number, expected):
    told = watched(stepped_up())
    told.tell("icans_assessed", "2026-03-03 15:00", clinician_grade=number)
    told.tell("toxicity_resolved", "2026-03-04 08:00", toxicity="icans", confirmed_by="nurse")
    found = counted(told).answers
    assert (found["icans_any"], found["icans_3"]) == expected


# --- places -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([("home_status", {"location": "ed"})], True),
        ([("home_status", {"location": "home"})], False),
        ([("home_status", {"location": None})], None),
        ([("contact_made", {"outcome": "sent_to_ed"})], None),
        ([("contact_made", {"outcome": "sent_to_ed"}), ("home_status", {"location": "ed"})], True),
        ([("contact_made", {"outcome": None})], None),
        ([("contact_made", {"outcome": "staying_home"})], False),
    ],
)
def test_an_emergency_department(facts, expected):
    told = watched(stepped_up())
    for number, (kind, fields) in enumerate(facts):
        told.tell(kind, f"2026-03-03 1{number}:00", **fields)
    assert counted(told).answers["ed"] is expected


@pytest.mark.parametrize(
    ("setting", "at", "expected"),
    [
        # the settings of the doses, when the patient came to hospital | unplanned
        ("outpatient", "2026-03-03 10:00", True),
        ("inpatient", "2026-03-02 08:00", False),
        ("inpatient", "2026-03-03 09:00", False),
        ("inpatient", "2026-03-03 09:01", False),  # the next dose in hospital is within 24 hours
        ("inpatient", "2026-03-07 09:01", None),  # whether the patient had gone home is not known
        ("hybrid", "2026-03-02 12:00", None),
        (None, "2026-03-02 12:00", None),
        ("outpatient", "2026-03-08 10:00", False),
    ],
)
def test_an_admission_that_no_plan_explains(setting, at, expected):
    told = watched(stepped_up(setting=setting))
    told.tell("home_status", at, location="hospital")
    assert counted(told).answers["admitted"] is expected


def test_a_stay_that_goes_on_is_one_admission_and_going_home_ends_it():
    told = watched(stepped_up(setting="inpatient"))
    told.tell("home_status", "2026-03-02 08:00", location="hospital")
    told.tell("admission_noted", "2026-03-07 20:00", place="another ward")
    assert counted(told).answers["admitted"] is False
    told.tell("discharge_noted", "2026-03-07 10:00", to="home")
    assert counted(told).answers["admitted"] is True


# --- tocilizumab --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("medicine", "waiver", "waived", "expected"),
    [
        # a medicine                                               | word of the gate | of the desk | counted as
        ({"agent": "Actemra", "purpose": "prophylaxis"}, None, False, "with"),
        ({"agent": "tocilizumab-aazg", "purpose": "prophylaxis"}, True, True, "with"),
        ({"agent": "tocilizumab", "purpose": "premedication"}, None, False, "not_known"),
        ({"agent": "tocilizumab", "purpose": "treatment"}, None, False, "not_known"),
        ({"agent": "tocilizumab", "purpose": "treatment"}, True, False, "without"),
        ({"agent": "aciclovir", "purpose": "prophylaxis"}, True, False, "without"),
        (None, True, False, "without"),
        (None, False, False, "not_known"),
        (None, None, True, "without"),
        (None, None, False, "not_known"),
        ({"agent": "tocilizumab", "purpose": None}, True, False, "not_known"),
        ({"agent": None, "purpose": "prophylaxis"}, True, False, "not_known"),
    ],
)
def test_prevention_is_the_definition_of_the_gate(medicine, waiver, waived, expected):
    told = stepped_up()
    if medicine is not None:
        told.tell("medicine_given", "2026-03-02 08:00", **medicine)
    if waiver is not None:
        told.tell("readiness_confirmed", "2026-03-01 12:00", item="prophylaxis_waived", confirmed=waiver)
    assert counted(told, waived=waived).prevention == expected


@pytest.mark.parametrize(
    ("medicine", "expected"),
    [
        ({"agent": "tocilizumab", "purpose": "treatment"}, True),
        ({"agent": "tocilizumab", "purpose": "prophylaxis"}, False),
        ({"agent": "tocilizumab", "purpose": None}, None),
        ({"agent": None, "purpose": "treatment"}, None),
        ({"agent": "dexamethasone", "purpose": "treatment"}, False),
    ],
)
def test_tocilizumab_to_treat(medicine, expected):
    told = watched(stepped_up())
    told.tell("medicine_given", "2026-03-03 12:00", **medicine)
    assert counted(told).answers["treated"] is expected


# --- settings and quarters ----------------------------------------------------------------------------------------------------


def test_each_dose_has_the_setting_of_its_latest_plan():
    told = stepped_up(doses=1, setting=None)
    assert [dose.setting for dose in counted(told).doses] == [None]
    told.tell("setting_decided", "2026-03-01 12:00", step="step_up_1", recommendation="INPATIENT")
    assert [dose.setting for dose in counted(told).doses] == ["inpatient"]
    told.tell("dose_planned", "2026-03-01 13:00", step="step_up_1", on="2026-03-02", setting="hybrid")
    told.tell("dose_planned", "2026-03-02 09:01", step="step_up_1", on="2026-03-02", setting="outpatient")
    assert [dose.setting for dose in counted(told).doses] == ["hybrid"]
    told.tell("dose_planned", "2026-03-02 08:30", step="step_up_1", on="2026-03-02", setting=None)
    assert [dose.setting for dose in counted(told).doses] == [None]


@pytest.mark.parametrize(
    ("day", "name"),
    [("2026-01-01", "2026 Q1"), ("2026-03-31", "2026 Q1"), ("2026-04-01", "2026 Q2"), ("2026-12-31", "2026 Q4")],
)
def test_a_quarter_is_a_calendar_quarter(day, name):
    assert quarter_of(instant(f"{day} 12:00").date()) == name


def test_the_quarters_up_to_a_day():
    assert quarters_to(LATER.date(), 5) == ["2025 Q1", "2025 Q2", "2025 Q3", "2025 Q4", "2026 Q1"]
    assert len(quarters_to(LATER.date(), definitions().look_back.quarters)) == 8
