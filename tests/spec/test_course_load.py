"""What one course takes of its site: the planned day, the days of the label, the windows, and on whom each review falls."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from handrail.rules.capacity_data import Span
from handrail.rules.course_load import CourseLoad, Seen, course_load, either, falls_on, not_judged, wanted_by_start
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.terms import civil_date
from tests.support.courses import CHICAGO, ELRA, TEC, TEC_COMBO, Told, civil, instant

POLICY = load_policy()
DAY = timedelta(days=1)
MONDAY = date(2026, 3, 2)
UNTIL = date(2026, 3, 23)
NOW = "2026-03-02 08:00"
LINVO = "linvoseltamab/US/2025-07"


def load_of(told: Told, at: str = NOW, until: date = UNTIL) -> CourseLoad:
    history = History.build(course_from_json(told.file()))
    return course_load(history, load(told.key), POLICY, instant(at), until, zone=CHICAGO)


def days(load: CourseLoad) -> list[tuple[int, str]]:
    """The days of an assessment, counted in March, and who."""
    return [(each.on.day, each.who) for each in load.seen]


def spans(load: CourseLoad) -> list[tuple[str | None, str | None]]:
    return [(civil(each.begins), civil(each.ends)) for each in load.watched]


def planned(key: str = TEC, step: str | None = "step_up_1", on: str = "2026-03-03", **fields: Any) -> Told:
    told = Told(key)
    told.tell("dose_planned", "2026-03-01 09:00", step=step, on=on, **fields)
    return told


def test_a_planned_start_is_watched_to_48_hours_after_the_first_treatment_dose_and_then_needs_a_chair_a_week():
    load = load_of(planned())
    assert [each.day for each in load.doses] == [3, 6, 9, 16]
    assert spans(load) == [("2026-03-03 00:00", "2026-03-12 00:00")]
    dosing, others = {(3, "app"), (6, "app"), (9, "app")}, {(day, "nurse") for day in (4, 5, 7, 8, 10, 11)}
    assert set(days(load)) == dosing | others
    assert (load.start, load.started, load.because, load.no_day) == (date(2026, 3, 3), False, "", False)


def test_weekly_step_up_doses_leave_days_between_on_which_nobody_is_watched():
    load = load_of(planned(LINVO))
    assert spans(load) == [
        ("2026-03-03 00:00", "2026-03-06 00:00"),
        ("2026-03-10 00:00", "2026-03-13 00:00"),
        ("2026-03-17 00:00", "2026-03-20 00:00"),
    ]
    assert {day for day, _ in days(load)} == {3, 4, 5, 10, 11, 12, 17, 18, 19}


@pytest.mark.parametrize(
    ("not_given", "start"),
    [
        (["2026-03-02 15:00"], 4),  # that of Monday, for which it was planned first
        (["2026-03-02 08:30"], 4),  # and so it is where it was written down first
        (["2026-03-02 08:30", "2026-03-02 15:00"], None),  # the second is that of Wednesday
        (["2026-03-03 15:00"], None),  # nothing was planned for Tuesday
        (["2026-03-04 08:00"], None),
    ],
)
def test_a_dose_that_was_not_given_leaves_the_day_to_which_it_was_moved(not_given: list[str], start: int | None):
    """Planned for Monday; at ten on Monday it is planned for Wednesday."""
    told = Told(TEC)
    told.tell("dose_planned", "2026-02-27 09:00", step="step_up_1", on="2026-03-02")
    told.tell("dose_planned", "2026-03-02 10:00", step="step_up_1", on="2026-03-04")
    for at in not_given:
        told.tell("dose_not_given", at, step="step_up_1", because="patient")
    load = load_of(told, at="2026-03-04 09:00")
    assert load.start == (date(2026, 3, start) if start else None)


def test_a_course_that_nobody_planned_takes_nothing_before_its_first_dose():
    load = load_of(Told(TEC))
    assert load == CourseLoad()


def test_a_dose_that_was_given_is_watched_from_its_hour_and_the_next_ones_on_the_days_of_the_label():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-01 10:00")
    load = load_of(told)
    assert [each.day for each in load.doses] == [4, 7, 14, 21]
    assert spans(load)[0] == ("2026-03-01 10:00", "2026-03-03 10:00")
    assert spans(load)[1] == ("2026-03-04 00:00", "2026-03-10 00:00")
    assert days(load)[:3] == [(2, "nurse"), (3, "nurse"), (4, "app")]
    assert (load.start, load.started) == (None, True)


def test_a_given_dose_that_came_with_an_import_is_watched_by_nobody_here():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-01 10:00", source="import")
    assert spans(load_of(told)) == [("2026-03-04 00:00", "2026-03-10 00:00")]


def test_maintenance_needs_chairs_alone_and_an_overdue_dose_counts_today():
    told = Told(TEC)
    for step, at in (("step_up_1", "01"), ("step_up_2", "04"), ("first_treatment", "07"), ("treatment", "14")):
        told.dose(step, f"2026-02-{at} 10:00")
    load = load_of(told)
    assert ([each.day for each in load.doses], load.watched, load.seen) == ([2, 9, 16], (), ())


def test_in_hospital_no_chair_and_no_slot_is_needed_and_the_window_is_watched():
    load = load_of(planned(setting="inpatient"))
    assert [each.day for each in load.doses] == [6, 9, 16]
    assert spans(load) == [("2026-03-03 00:00", "2026-03-12 00:00")]
    assert {day for day, _ in days(load)} == {6, 7, 8, 9, 10, 11}


def test_a_patient_in_hospital_is_counted_until_somebody_writes_the_discharge():
    told = Told(TEC)
    for step, at in (("step_up_1", "01"), ("step_up_2", "04"), ("first_treatment", "07")):
        told.dose(step, f"2026-02-{at} 10:00")
    told.tell(
        "admission_noted", "2026-03-01 20:00", place="Synthetic Hospital", admitted_at="2026-03-01T20:00:00-06:00"
    )
    assert spans(load_of(told)) == [("2026-03-02 00:00", "2026-03-23 00:00")]
    told.tell("discharge_noted", "2026-03-02 07:00", discharged_at="2026-03-02T07:00:00-06:00", to="home")
    assert load_of(told).watched == ()


WHOLE = [("2026-03-02 00:00", "2026-03-23 00:00")]


@pytest.mark.parametrize("step", [None, "step_up_1"])
def test_what_nobody_can_say_counts_as_needed_on_every_day(step: str | None):
    told = Told(TEC_COMBO if step else TEC)
    told.dose(step, "2026-03-01 10:00")
    load = load_of(told)
    assert spans(load) == WHOLE
    assert [who for _, who in days(load)] == ["not_known"] * 21
    assert load.because


def test_a_start_after_whose_first_dose_the_label_names_no_day_is_counted_on_every_day_from_then_on():
    load = load_of(planned(TEC_COMBO))
    assert spans(load) == [("2026-03-03 00:00", "2026-03-23 00:00")]
    assert days(load)[:4] == [(3, "app"), (4, "nurse"), (5, "nurse"), (6, "not_known")]
    assert len(load.seen) == 20
    assert load.because == "no day is known after step-up dose 1"
    assert load.start == date(2026, 3, 3)


def test_a_planned_dose_of_which_nobody_wrote_the_step_has_no_end_in_a_step_up_and_one_in_maintenance():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-01 10:00")
    told.tell("dose_planned", "2026-03-01 12:00", step=None, on="2026-03-04")
    assert load_of(told).because == "which step is planned is not known"
    assert load_of(told).seen[-1] == Seen(on=UNTIL - DAY, who="not_known")
    late = Told(TEC)
    for step, at in (("step_up_1", "01"), ("step_up_2", "04"), ("first_treatment", "07")):
        late.dose(step, f"2026-02-{at} 10:00")
    late.tell("dose_planned", "2026-03-01 12:00", step=None, on="2026-03-04")
    assert spans(load_of(late)) == [("2026-03-04 00:00", "2026-03-07 00:00")]
    assert load_of(late).because == ""


def test_not_judged_stands_on_every_day_until_the_last():
    load = not_judged(MONDAY, MONDAY + 3 * DAY, CHICAGO, "why")
    assert load.seen == tuple(Seen(on=MONDAY + number * DAY, who="not_known") for number in range(3))
    assert load.watched == (Span(begins=instant("2026-03-02 00:00"), ends=instant("2026-03-05 00:00")),)


def test_a_start_whose_step_nobody_wrote_is_the_first_step_of_the_label():
    assert load_of(planned(step=None)).doses == load_of(planned()).doses


def test_maintenance_without_a_day_of_the_label_is_said_and_not_counted():
    told = Told(TEC)
    for step, at in (("step_up_1", "01"), ("step_up_2", "04"), ("first_treatment", "07")):
        told.dose(step, f"2025-09-{at} 10:00")
    load = load_of(told)
    assert (load.no_day, load.doses, load.watched) == (True, (), ())


def test_a_course_that_is_over_takes_nothing():
    told = planned()
    told.tell("course_ended", "2026-03-01 12:00", because="patient")
    assert load_of(told) == CourseLoad()


@pytest.mark.parametrize(
    ("ended", "watched"),
    [({"because": "toxicity"}, [("2026-03-01 10:00", "2026-03-03 10:00")]), ({"because": "patient", "died": True}, [])],
)
def test_the_end_of_a_course_ends_no_window_of_a_dose_that_was_given_but_a_death_does(
    ended: dict[str, Any], watched: Any
):
    """A bed, rescue doses and somebody on call are for whoever had a dose yesterday, also where no other follows."""
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-01 10:00")
    told.tell("course_ended", "2026-03-02 07:00", **ended)
    load = load_of(told)
    assert (spans(load), load.seen, load.doses, load.started) == (watched, (), (), True)


def test_who_is_in_hospital_when_the_course_ends_is_counted_until_the_discharge():
    told = Told(TEC)
    told.dose("treatment", "2026-02-01 10:00")
    told.tell(
        "admission_noted", "2026-03-01 20:00", place="Synthetic Hospital", admitted_at="2026-03-01T20:00:00-06:00"
    )
    told.tell("course_ended", "2026-03-02 07:00", because="toxicity")
    assert spans(load_of(told)) == [("2026-03-02 00:00", "2026-03-23 00:00")]


# --- T-55: on whom a review falls ----------------------------------------------------------------------------------------------


def test_t55_by_default_no_review_falls_on_a_physician_of_the_panel():
    assert POLICY.daily is not None
    assert {row.id: falls_on(row) for row in POLICY.daily.day} == {"dosing_day": "app", "other_day": "nurse"}


@pytest.mark.parametrize(
    ("roles", "who"),
    [
        (("nurse", "oncologist"), "nurse"),
        (("app", "oncologist"), "app"),
        (("oncologist", "prescriber"), "physician"),
        (("on_call",), "physician"),
    ],
)
def test_only_where_nobody_else_may_does_it_fall_on_the_physician(roles: tuple[str, ...], who: str):
    assert POLICY.daily is not None
    assert falls_on(replace(POLICY.daily.day[0], roles=roles)) == who


# --- what a start asks -----------------------------------------------------------------------------------------------------------


def wanted(told: Told, on: date = MONDAY, setting: str | None = None) -> Any:
    history = History.build(course_from_json(told.file()))
    return wanted_by_start(history, load(told.key), POLICY, on, setting)


@pytest.mark.parametrize(
    ("key", "dosing", "watched"),
    [
        (TEC, (0, 3, 6), tuple(range(9))),
        (ELRA, (0, 3, 7), (0, 1, 2, 3, 4, 5, 7, 8, 9)),
        (LINVO, (0, 7, 14), (0, 1, 2, 7, 8, 9, 14, 15, 16)),
    ],
)
def test_the_days_of_the_label_to_the_first_treatment_dose_and_48_hours_after_each(
    key: str, dosing: tuple[int, ...], watched: tuple[int, ...]
):
    asked = wanted(Told(key))
    assert (asked.dosing, asked.watched, asked.in_hospital) == (dosing, watched, False)
    assert wanted(Told(key), setting="inpatient").in_hospital is True


def test_a_label_whose_days_nobody_signed_says_how_long_the_window_lasts_to_nobody():
    asked = wanted(Told(TEC_COMBO))
    assert asked.watched is None
    assert asked.because == "the label names no day after step-up dose 1, so nobody knows how long the window lasts"


def calendar(told: Told, **days: int) -> Told:
    """The calendar of a step-up in March, by its steps."""
    doses = [{"step": step, "at": instant(f"2026-03-{day:02} 09:00").isoformat()} for step, day in days.items()]
    told.tell("step_up_planned", "2026-03-01 09:00", doses=doses)
    return told


def test_a_calendar_that_begins_on_that_day_counts_before_the_table():
    told = calendar(Told(TEC), step_up_1=2, step_up_2=4, first_treatment=6)
    assert wanted(told).dosing == (0, 2, 4)
    assert wanted(told, MONDAY + DAY).dosing == (0, 3, 6)
    assert civil_date(instant(NOW), CHICAGO) == MONDAY


def test_a_calendar_that_leaves_out_a_step_shortens_no_window():
    assert wanted(calendar(Told(TEC), step_up_1=2, first_treatment=5)).dosing == (0, 3, 6)


def test_a_calendar_that_is_longer_than_the_table_is_watched_to_its_end():
    load = load_of(calendar(planned(), step_up_1=3, step_up_2=8, first_treatment=12))
    assert [each.day for each in load.doses] == [3, 8, 12, 19]
    assert spans(load)[-1] == ("2026-03-12 00:00", "2026-03-15 00:00")


def test_after_a_dose_that_was_given_on_its_day_the_calendar_names_the_next_ones():
    given = calendar(Told(TEC), step_up_1=1, step_up_2=6, first_treatment=11)
    given.dose("step_up_1", "2026-03-01 10:00")
    assert [each.day for each in load_of(given).doses] == [6, 11, 18]
    other = calendar(Told(TEC), step_up_1=2, step_up_2=6, first_treatment=11)
    other.dose("step_up_1", "2026-03-01 10:00")
    assert [each.day for each in load_of(other).doses] == [4, 7, 14, 21]  # of another plan


def test_what_nobody_can_tell_apart_takes_everything_that_either_takes():
    early, late = load_of(planned()), load_of(planned(on="2026-03-10"))
    both = either([late, early])
    assert (both.start, both.starts, both.wanted) == (early.start, (date(2026, 3, 3), date(2026, 3, 10)), early.wanted)
    assert spans(both) == [("2026-03-03 00:00", "2026-03-19 00:00")]
    assert [each.day for each in both.doses] == [3, 6, 9, 10, 13, 16]
    assert {day for day, _ in days(both)} == set(range(3, 19))
    assert (10, "not_known") in days(both) and (4, "nurse") in days(both)
    assert either([early, early]) == early
    assert either([CourseLoad(), early]) == early
