"""Every call of the night is handed back in the morning: a task, and a finding when the morning is over."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.strict import ProtocolDataError
from tests.support.courses import Told, civil
from tests.support.triage import stepping_up


def called(at: str, **fields: Any) -> tuple[Told, str]:
    told = stepping_up()
    return told, told.tell("contact_made", at, reached=True, outcome="none", **fields)


def due(told: Told, at: str) -> list[str | None]:
    return [civil(task.by) for task in told.assess(at).tasks if "hand back" in task.what]


def late(told: Told, at: str) -> list[str]:
    return [each.owner for each in told.assess(at).findings if each.rule == "handback"]


@pytest.mark.parametrize(
    # the call           | handed back by
    ("at", "by"),
    [
        ("2026-03-10 19:59", None),
        ("2026-03-10 20:00", "2026-03-11 10:00"),
        ("2026-03-10 23:59", "2026-03-11 10:00"),
        ("2026-03-11 00:00", "2026-03-11 10:00"),
        ("2026-03-11 06:59", "2026-03-11 10:00"),
        ("2026-03-11 07:00", None),
        ("2026-03-07 22:00", "2026-03-08 10:00"),  # the clocks go forward in that night
    ],
)
def test_which_calls_are_calls_of_the_night(at: str, by: str | None):
    told, _ = called(at)
    assert due(told, at) == ([] if by is None else [by])


def test_it_is_a_task_of_the_nurse_and_a_finding_once_the_morning_is_over():
    told, _ = called("2026-03-10 22:00")
    assert late(told, "2026-03-11 09:59") == []
    assert late(told, "2026-03-11 10:00") == ["nurse"]
    assert "2026-03-11 10:00" in [civil(task.by) for task in told.assess("2026-03-12 12:00").tasks], "it stays a task"


@pytest.mark.parametrize("reached", [True, False, None])
def test_a_call_that_reached_nobody_is_handed_back_too(reached: bool | None):
    told, _ = called("2026-03-10 22:00")
    told.tell("contact_made", "2026-03-10 22:10", reached=reached)
    assert len(due(told, "2026-03-10 22:10")) == 2


@pytest.mark.parametrize(
    # what was written in the morning | done
    ("fields", "done"),
    [
        ({"what": "told the nurse of the day", "to_role": "nurse"}, True),
        ({"what": "told the nurse of the day"}, True),
        ({"what": None}, False),
        ({}, False),
        ({"what": "told the nurse of the day", "contact": None}, False),
        ({"what": "told the nurse of the day", "contact": "00000000-0000-4000-8000-000000000099"}, False),
    ],
)
def test_it_is_done_by_writing_down_what_was_handed_back_about_that_call(fields: dict[str, Any], done: bool):
    told, call = called("2026-03-10 22:00")
    told.tell("handed_back", "2026-03-11 08:30", **{"contact": call, **fields})
    assert (due(told, "2026-03-11 11:00") == []) == done == (late(told, "2026-03-11 11:00") == [])


def test_a_course_that_has_ended_asks_for_nothing():
    told, _ = called("2026-03-10 22:00")
    told.tell("course_ended", "2026-03-11 09:00", because="done", died=False)
    assert due(told, "2026-03-11 11:00") == []


@pytest.mark.parametrize(
    ("begins", "ends", "by", "path"),
    [
        ("20:00", "07:00", "06:00", "night.hand_back_by"),
        ("20:00", "seven", "10:00", "night.ends"),
        ("25:00", "07:00", "10:00", "night.begins"),
    ],
)
def test_a_night_that_makes_no_sense_is_refused(begins: str, ends: str, by: str, path: str):
    document = shipped_document()
    document["night"] |= {"begins": begins, "ends": ends, "hand_back_by": by}
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(document, "0" * 64)
    assert refused.value.path == path


def test_a_night_within_one_day():
    document = shipped_document()
    document["night"] |= {"begins": "01:00", "ends": "05:00"}
    night = policy_from_document(document, "0" * 64).night
    shipped = load_policy().night
    assert night is not None and shipped is not None
    hours = [hour for hour in range(24) if night.covers(time(hour))]
    assert hours == [1, 2, 3, 4]
