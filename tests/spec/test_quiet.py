"""Until when a course asks nobody for anything: what keeps it among those that every page of the board shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.quiet import quiet_until
from handrail.rules.terms import Urgency
from tests.support.courses import TEC, Told, civil
from tests.support.resting import AT, NEAR, resting


def until(told: Told, at: str = AT) -> str | None:
    return civil(quiet_until(told.assess(at), told.history(load_policy())))


def test_between_two_doses_it_is_quiet_until_three_days_before_the_next():
    assert until(resting()) == NEAR


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2026-02-05 23:59", NEAR), ("2026-02-06 00:00", None), ("2026-02-09 09:00", None), ("2026-02-20 09:00", None)],
)
def test_near_begins_with_the_day_and_never_ends_by_itself(at: str, expected: str | None):
    assert until(resting(), at) == expected


Change = Callable[[Told], Any]
ASKS: dict[str, Change] = {
    "a fever": lambda told: told.tell("vitals_measured", "2026-02-03 09:30", temperature_c="38.6"),
    "a symptom of a check-in": lambda told: told.tell(
        "checkin_received", "2026-02-03 09:30", temperature_c="36.8", symptoms=["cough"], none_of_these=False
    ),
    "a hold": lambda told: told.tell("hold_started", "2026-02-03 09:30", because="synthetic"),
    "a reaction that is not graded": lambda told: told.tell("crs_assessed", "2026-02-03 09:30", fever_other=None),
    "an infection": lambda told: told.tell("condition_noted", "2026-02-03 09:30", what="infection", active=True),
    "an infection that is not known": lambda told: told.tell(
        "condition_noted", "2026-02-03 09:30", what="infection", active=None
    ),
    "a dose of an unknown step": lambda told: told.dose(None, "2026-02-03 09:30", source="import"),
    "a weight that is not known": lambda told: told.tell("weight_measured", "2026-02-03 09:30", weight_kg=None),
    "a schedule that is not known": lambda told: told.tell("schedule_changed", "2026-02-03 09:30", schedule=None),
    "a plan without a day": lambda told: told.tell("dose_planned", "2026-02-03 09:30", step="treatment", on=None),
    "a plan for tomorrow": lambda told: told.tell(
        "dose_planned", "2026-02-03 09:30", step="treatment", on="2026-02-04", setting="outpatient"
    ),
    "a plan for today": lambda told: told.tell(
        "dose_planned", "2026-01-30 09:30", step="treatment", on="2026-02-03", setting="outpatient"
    ),
    "a call of the night": lambda told: told.tell(
        "contact_made", "2026-02-03 02:30", **{"with": "patient"}, channel="phone", reached=True, outcome="none"
    ),
    "hepatitis B": lambda told: told.tell("lab_resulted", "2026-02-03 09:30", code="hbsag", result="positive"),
    "hepatitis B, not known": lambda told: told.tell("lab_resulted", "2026-02-03 09:30", code="hbsag", result=None),
    "the end of the course": lambda told: told.tell("course_ended", "2026-02-03 09:30", because="done", died=False),
}


@pytest.mark.parametrize("change", ASKS.values(), ids=ASKS)
def test_whatever_asks_for_somebody_or_is_not_known_is_not_quiet(change: Change):
    told = resting()
    change(told)
    assert until(told) is None


def test_a_plan_before_the_day_of_the_label_brings_it_nearer():
    told = resting()
    told.tell("dose_planned", "2026-02-03 09:30", step="treatment", on="2026-02-08", setting="outpatient")
    assert until(told) == "2026-02-05 00:00"


BEFORE_THE_DOSE: dict[str, Change] = {
    "a requirement of the REMS that is not met": lambda told: [
        told.tell("rems_met", "2026-02-03 09:30", requirement=row.requirement, met=False) for row in load(TEC).rems
    ],
}


@pytest.mark.parametrize("change", BEFORE_THE_DOSE.values(), ids=BEFORE_THE_DOSE)
def test_what_only_the_next_dose_asks_for_waits_until_its_day_is_near(change: Change):
    told = resting()
    change(told)
    assert any(f.urgency in (Urgency.NOW, Urgency.TODAY) for f in told.assess(AT).findings)
    assert until(told) == NEAR
    assert until(told, "2026-02-06 00:00") is None


def test_a_pregnancy_does_not_wait_for_the_day_of_the_dose():
    told = resting()
    told.tell("condition_noted", "2026-02-03 09:30", what="pregnancy", active=True)
    assert until(told) is None


def test_a_correction_that_contradicts_another_is_not_quiet():
    told = resting()
    first = told.tell("weight_measured", "2026-02-03 09:10", weight_kg="70")
    told.tell("weight_measured", "2026-02-03 09:10", weight_kg="71", supersedes=first, reason="typed wrongly")
    told.tell("weight_measured", "2026-02-03 09:10", weight_kg="72", supersedes=first, reason="typed wrongly")
    assert until(told) is None


def test_it_is_never_later_than_the_answer_says_to_look_again():
    told = resting()
    answer = told.assess(AT)
    found = quiet_until(answer, told.history(load_policy()))
    assert found is not None and answer.look_again_at is not None
    assert answer.at < found <= answer.look_again_at
    assert quiet_until(told.assess(AT), told.history(load_policy())) == found
    assert found - answer.at > timedelta(days=1)
