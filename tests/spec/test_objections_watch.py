"""Silence that was once taken for an answer: nights on which nobody would have been called, and must be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.test_watch import check, dosed, due, pages
from tests.support.courses import Told, civil, instant

DOSE = "2026-03-02 09:00"


@pytest.mark.parametrize(
    # what is not known of the dose | first check due | overdue page
    ("fields", "when"),
    [
        ({"step": None}, "2026-03-02 12:00"),
        ({"step": "step_up_1", "started_at": None}, "2026-03-02 12:00"),
    ],
)
def test_a_dose_of_which_the_step_or_the_time_is_not_known_is_watched(fields: dict[str, Any], when: str):
    told = Told()
    told.tell("dose_given", DOSE, **fields)
    assert due(told, "2026-03-02 10:00") == when
    assert pages(told.assess("2026-03-02 13:00")) == ["overdue AMBER"]


@pytest.mark.parametrize("location", ["home", "lodging"])
def test_writing_down_again_that_the_patient_is_at_home_answers_no_check(location: str):
    told = dosed()
    told.tell("home_status", "2026-03-02 10:00", location="home")
    told.tell("home_status", "2026-03-02 12:50", location=location, caregiver_count=1)
    assert pages(told.assess("2026-03-02 13:00")) == ["overdue AMBER"]


@pytest.mark.parametrize(
    # with            | counts as hearing from the patient
    ("fields", "heard"),
    [
        ({}, True),
        ({"with": "patient"}, True),
        ({"with": "caregiver"}, True),
        ({"with": "ed"}, False),
        ({"with": "attending"}, False),
        ({"with": None}, False),
    ],
)
def test_only_a_call_with_the_patient_or_the_caregiver_answers_a_check(fields: dict[str, Any], heard: bool):
    told = dosed()
    told.tell("contact_made", "2026-03-02 12:50", reached=True, **fields)
    assert pages(told.assess("2026-03-02 13:00")) == ([] if heard else ["overdue AMBER"])


@pytest.mark.parametrize(
    # call at 12:50; scheduled then: 16:00, 20:00, 02:00
    # agreed             | next due
    ("agreed", "then"),
    [
        ("2026-03-01 14:00", "2026-03-02 16:00"),  # before the call: a slip of the pen
        ("2026-03-02 12:50", "2026-03-02 16:00"),
        ("2026-03-02 13:30", "2026-03-02 13:30"),
        ("2026-03-02 18:00", "2026-03-02 18:00"),  # one check moved
        ("2026-03-02 20:00", "2026-03-02 20:00"),
        ("2026-03-02 20:01", "2026-03-02 16:00"),  # never a second one skipped
        ("2026-03-03 18:00", "2026-03-02 16:00"),
        ("2026-03-04 08:59", "2026-03-02 16:00"),
    ],
)
def test_an_agreed_check_moves_one_check_and_never_skips_two(agreed: str, then: str):
    told = dosed()
    told.tell("contact_made", "2026-03-02 12:50", reached=True, next_check_at=instant(agreed).isoformat())
    assert due(told, "2026-03-02 12:50") == then


def test_sleeping_through_the_check_at_two_can_be_agreed():
    told = dosed()
    told.tell("contact_made", "2026-03-02 22:00", reached=True, next_check_at=instant("2026-03-03 08:00").isoformat())
    assert due(told, "2026-03-02 22:00") == "2026-03-03 08:00"


def admitted(at: str = "2026-03-02 12:20") -> Told:
    told = dosed()
    told.tell("home_status", at, location="hospital", site="synthetic-ward")
    return told


def test_a_stay_whose_discharge_nobody_recorded_is_asked_after_when_the_window_ends():
    told = admitted()
    asked = [f for f in told.assess("2026-03-04 08:59").findings if f.rule == "watch"]
    assert asked == []
    asked = [f for f in told.assess("2026-03-04 09:00").findings if f.rule == "watch"]
    assert [(f.urgency.value, f.owner) for f in asked] == [("today", "nurse")]
    assert "discharge" in asked[0].because


def test_a_stay_ends_at_the_discharge():
    told = admitted()
    told.tell("home_status", "2026-03-03 10:00", location="home")
    assert civil(told.assess("2026-03-03 10:00").watch.next_check_due) == "2026-03-03 12:00"
    check(told, "2026-03-03 12:00")
    assert [f for f in told.assess("2026-03-03 12:00").findings if f.rule == "watch"] == []


def test_a_dose_dated_later_than_its_record_is_watched_from_the_record():
    told = Told()
    told.tell("dose_given", DOSE, step="step_up_1", started_at=instant("2026-03-20 09:00").isoformat())
    assert due(told, "2026-03-02 10:00") == "2026-03-02 12:00"
