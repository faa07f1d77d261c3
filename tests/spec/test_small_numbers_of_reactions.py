"""Small numbers about reactions that other tables do not look at one by one: grades, and what a hand-off or a return asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.events import OnePoint
from handrail.rules.handoff_kind import handoff_kind, must_return
from handrail.rules.policy import load_policy
from handrail.rules.policy_handoff import HandoffPolicy
from handrail.rules.strict import ProtocolDataError
from tests.support.courses import TEC, Told
from tests.support.grading import crs as graded_crs
from tests.support.grading import icans as graded_icans
from tests.support.handoffs import OFFERED, latest, offered, stepped_up
from tests.support.reactions import crs, icans, resolved

POLICY = load_policy()


# --- grades -------------------------------------------------------------------------------------------------------


def test_a_grade_0_while_the_episode_is_open_is_the_grade_that_stands():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    crs(told, "2026-03-03 02:00", 2)
    crs(told, "2026-03-03 12:00", 0)
    state = told.assess("2026-03-03 13:00").toxicity.crs
    assert (state.open, state.grade) == (True, 0)
    resolved(told, "crs", "2026-03-03 14:00")
    over = told.assess("2026-03-03 14:00").toxicity.crs
    assert (over.open, over.grade) == (False, 0)


@pytest.mark.parametrize(
    # grades, each four hours after the one before | hours of grade 1 or worse, 24 hours after the first
    ("grades", "hours"),
    [((1, 0), 4), ((1, 1), 24), ((2, 1, 0), 8), ((0, 1), 24)],
)
def test_a_grade_0_ends_how_long_a_grade_lasted(grades: tuple[int, ...], hours: int):
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    for number, grade in enumerate(grades):
        crs(told, f"2026-03-03 {4 * number:02}:00", grade)
    history = told.history()
    (episode,) = episodes(history, given_doses(history), POLICY).crs.episodes
    assert episode.lasted_hours(1, episode.opened_at + timedelta(hours=24)) == hours


@pytest.mark.parametrize(
    # a clinician's grades of a condition that is there | the grade that counts
    ("grades", "counts"),
    [((None,), 1), ((2,), 2), ((3, None), 3), ((None, 2), 2), ((2, 3), 3), ((3, 2), 3)],
)
def test_a_condition_that_nobody_graded_counts_as_grade_1(grades: tuple[int | None, ...], counts: int):
    told = Told(TEC)
    for number, grade in enumerate(grades):
        told.tell("condition_noted", f"2026-03-03 0{number}:00", what="infection", active=True, grade=grade)
    history = told.history()
    (episode,) = episodes(history, given_doses(history), POLICY).infection.episodes
    assert (episode.grade, episode.grade_unknown) == (counts, None in grades)


@pytest.mark.parametrize(
    # inputs of CRS | at least | words of the reason
    ("changes", "at_least", "words"),
    [
        ({"hypotension": True, "premed_masking": True}, 0, "CRS is suspected and has no grade"),
        ({"hypotension": True}, 0, "which in CRS would be grade 2"),
        ({"tmax_c": "38.5", "hypotension": True}, 2, "hypotension without a vasopressor, grade 2"),
        ({"episode_open": True, "o2": "nasal_cannula", "flow": "2", "hypoxia_other": True}, 0, "CRS grade 0"),
        ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": None}, 2, "the flow is not known"),
        ({"tmax_c": "38.5", "pressors": None, "hypotension": True}, 2, "it may be 2, 3 or 4"),
        ({"tmax_c": None, "hypotension": None, "pressors": None, "o2": None}, 0, "it may be 0, 1, 2, 3 or 4"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["noradrenaline", "norepinephrine"]}, 3, "CRS grade 3"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["adrenaline", "noradrenaline"]}, 4, "CRS grade 4"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["argipressin", "vasopressin"]}, 3, "CRS grade 3"),
    ],
)
def test_the_least_grade_and_the_words_of_crs(changes: dict[str, Any], at_least: int, words: str):
    found = graded_crs(**changes)
    assert found.at_least == at_least
    assert words in found.because, found.because


def test_the_words_and_rows_of_icans():
    assert "lies from" not in graded_icans(ice=None).because
    (band,) = [row for row in graded_icans(ice=8).rows if "ICE" in row]
    assert graded_icans(ice=4).rows != graded_icans(ice=8).rows
    assert band not in graded_icans(ice=None).rows


def test_one_point_is_none_or_one():
    assert get_args(OnePoint) == (0, 1)


# --- hand-offs ----------------------------------------------------------------------------------------------------


def returning(told: Told, at: str, **row: Any) -> list[str]:
    """The reasons to return, where the row of that id is another."""
    assert POLICY.handoff is not None
    rows = tuple(replace(each, **row) if each.id == row["id"] else each for each in POLICY.handoff.returns)
    policy = replace(POLICY, handoff=replace(POLICY.handoff, returns=rows))
    history = told.history()
    doses = given_doses(history)
    found = must_return(history, episodes(history, doses, policy), told.assess(at).next_dose, policy)
    return [each.id for each in found if each.id == row["id"]]


def suspected(told: Told, at: str) -> None:
    told.tell("checkin_received", at, temperature_c="38.4", symptoms=["confused"])


def some_infection(told: Told, at: str) -> None:
    told.tell("checkin_received", at, temperature_c="36.8", symptoms=["cough"])


@pytest.mark.parametrize(
    # what happened | the reason | at least | it is met
    ("happens", "reason", "least", "met"),
    [
        (suspected, "crs", "1", False),  # nobody has graded it
        (suspected, "crs", None, True),  # any at all
        (suspected, "icans", "1", False),
        (suspected, "icans", None, True),
        (lambda told, at: crs(told, at, 1), "crs", "1", True),
        (lambda told, at: crs(told, at, 1), "crs", "2", False),
        (lambda told, at: icans(told, at, 1), "icans", "1", True),
        (some_infection, "infection", "1", False),
        (some_infection, "infection", None, True),
    ],
)
def test_a_reason_to_return_without_a_limit_is_met_by_any_grade(
    happens: Any, reason: str, least: str | None, met: bool
):
    told = stepped_up()
    happens(told, "2026-03-17 12:00")
    limit = Decimal(least) if least is not None else None
    assert bool(returning(told, "2026-03-17 14:00", id=reason, least=limit)) is met


def test_without_crs_a_policy_that_allows_none_finds_none():
    assert POLICY.handoff is not None
    policy = replace(POLICY, handoff=replace(POLICY.handoff, simple_crs_grade=0))
    told, offer = offered(stepped_up())
    history = told.history()
    doses = given_doses(history)
    event = next(each for each in history.of("handoff_offered") if each.id == offer)
    found = handoff_kind(
        history, doses, episodes(history, doses, policy), told.assess(OFFERED).next_dose, policy, event.at, event
    )
    assert (found.kind, found.because) == ("simple", ())


def test_what_only_a_person_knows_is_asked_in_whole_sentences():
    told, _ = offered(
        stepped_up(), caregiver_or_access_problem=None, more_than_two_organisations=None, second_product_planned=None
    )
    assert latest(told.assess(OFFERED)).missing == (
        "whether there is a problem with the caregiver or the way to the clinic",
        "whether the care is split over more than two organisations",
        "whether a second product is planned",
    )


@pytest.mark.parametrize(("hours", "fits"), [(3600, True), (3601, False)])
def test_a_wait_ends_within_400_days(hours: int, fits: bool):
    """Nine hours a day, every day of the week."""
    assert POLICY.handoff is not None
    every_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    rules: HandoffPolicy = replace(POLICY.handoff, days=every_day, starts="08:00", ends="17:00")
    begins = datetime(2026, 3, 2, 8, tzinfo=UTC)
    if fits:
        assert rules.working_after(begins, hours, "UTC") == begins + timedelta(days=399, hours=9)
    else:
        with pytest.raises(ProtocolDataError):
            rules.working_after(begins, hours, "UTC")
