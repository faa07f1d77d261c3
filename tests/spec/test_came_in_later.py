"""A report that was written without a signal and came in after a call: nobody has seen it, so no call before that answers it."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder
from handrail.rules.triage import triage
from tests.support.courses import Told, instant
from tests.support.triage import LATER, graded, stepping_up

CALL = "2026-03-06 15:10"
"""Ten minutes after the report of `LATER`."""
WRITTEN = "2026-03-06 15:08"
"""Before the call, by the clock of a phone that has no signal."""


def call(told: Told, at: str = CALL, outcome: str = "coming_in") -> None:
    told.tell("contact_made", at, **{"with": "patient", "reached": True, "outcome": outcome})


def held_back(source: str, came_in: str, **fields: Any) -> Told:
    """A report of shaking chills; a call; and a report of a faint that was written before the call."""
    told = stepping_up()
    told.tell("checkin_received", LATER, symptoms=["shaking_chills"])
    call(told, **fields)
    told.tell("checkin_received", WRITTEN, symptoms=["fainted"], source=source, recorded_at=came_in)
    return told


@pytest.mark.parametrize(
    # who wrote it | when it came in | whether the call at 15:10 can have been about it
    ("source", "came_in", "answered"),
    [
        ("patient", "2026-03-06 15:30", False),
        ("caregiver", "2026-03-06 15:30", False),
        ("device", "2026-03-06 15:30", False),
        ("patient", "2026-03-06 15:10", False),
        ("patient", "2026-03-06 15:09", True),
        ("staff", "2026-03-06 15:30", True),  # whoever writes it down knows of the call
    ],
)
@pytest.mark.parametrize("outcome", ["coming_in", "sent_to_ed", "handed_over"])
def test_no_call_answers_a_report_that_came_in_after_it(source: str, came_in: str, answered: bool, outcome: str):
    answer = held_back(source, came_in, outcome=outcome).assess("2026-03-06 15:31")
    assert answer.triage.ladder == (None if answered else Ladder.RED_1)
    assert ([page.key for page in answer.pages if page.key.startswith("report:RED-1:")] == []) is answered


def test_the_next_call_answers_it_and_so_does_an_assessment_of_the_patient_after_it_was_written():
    told = held_back("patient", "2026-03-06 15:30")
    call(told, "2026-03-06 15:32", outcome="sent_to_ed")
    assert told.assess("2026-03-06 15:33").triage.ladder is None
    told = held_back("patient", "2026-03-06 15:30")
    graded(told, "2026-03-06 15:20", tmax_c="38.4")
    assert told.assess("2026-03-06 15:31").triage.ladder is None


@pytest.mark.parametrize(("came_in", "answered"), [("2026-03-06 15:30", False), ("2026-03-06 15:08", True)])
def test_a_correction_makes_a_report_neither_older_nor_newer(came_in: str, answered: bool):
    told = held_back("patient", came_in)
    mended = {
        "symptoms": ["fainted", "rash"],
        "source": "staff",
        "recorded_at": "2026-03-06 15:40",
        "reason": "asked again",
    }
    told.tell("checkin_received", WRITTEN, supersedes=told.events[-1]["id"], **mended)
    assert told.assess("2026-03-06 15:41").triage.ladder == (None if answered else Ladder.RED_1)


@pytest.mark.parametrize(("came_in", "open_"), [("2026-03-06 15:30", True), ("2026-03-06 15:08", False)])
def test_a_signed_departure_is_about_no_fever_that_came_in_later(came_in: str, open_: bool):
    told = stepping_up()
    call(told, outcome="staying_home")
    told.tell("departure_signed", CALL, rule="staying_home", approver="Synthetic", reason="seen by video")
    told.tell("checkin_received", WRITTEN, temperature_c="38.4", source="patient", recorded_at=came_in)
    assert told.assess("2026-03-06 15:31").triage.ladder == (Ladder.RED_3 if open_ else None)


@pytest.mark.parametrize(("came_in", "asked"), [("2026-03-06 15:30", True), ("2026-03-06 15:08", False)])
def test_nobody_has_reached_the_patient_about_what_came_in_later(came_in: str, asked: bool):
    told = stepping_up()
    call(told, outcome="none")
    told.tell("checkin_received", WRITTEN, symptoms=["fainted"], source="patient", recorded_at=came_in)
    keys = [page.key.split(":")[0] for page in told.assess("2026-03-06 15:31").pages]
    assert ("contact" in keys) is asked


@pytest.mark.parametrize(("came_in", "doubted"), [("2026-03-06 15:30", True), ("2026-03-06 15:08", False)])
def test_what_was_not_known_in_a_report_that_came_in_later_stays_in_doubt(came_in: str, doubted: bool):
    told = stepping_up()
    call(told)
    told.tell("checkin_received", WRITTEN, temperature_c=None, source="patient", recorded_at=came_in)
    now = "2026-03-06 15:31"
    policy = load_policy()
    history = told.history(policy).until(instant(now))
    assert bool(triage(history, given_doses(history), policy, instant(now)).in_doubt) is doubted
