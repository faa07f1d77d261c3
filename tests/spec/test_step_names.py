"""The names of steps and schedules say what kind of dose it is, for every label; which of them a product has, its data says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handrail.rules.coursefile import CourseFileError, event_from_json, event_to_json
from handrail.rules.doses import Given
from handrail.rules.schema import schema_of
from handrail.rules.terms import SCHEDULES, STEP_WORDS, STEPS

# step, how it is said, watched afterwards, a treatment dose
NAMES = """
pretreatment    | pretreatment         | no  | no
step_up_1       | step-up dose 1       | yes | no
step_up_6       | step-up dose 6       | yes | no
first_treatment | first treatment dose | yes | yes
treatment_2     | treatment dose 2     | no  | yes
treatment_12    | treatment dose 12    | no  | yes
treatment       | treatment dose       | no  | yes
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in NAMES.strip().splitlines()]


def event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "00000000-0000-4000-8000-000000000001",
        "kind": "dose_given",
        "at": "2026-03-02T15:00:00Z",
        **fields,
    }


@pytest.mark.parametrize(("step", "words", "watched", "treatment"), ROWS)
def test_the_name_says_what_kind_of_dose_it_is(step: str, words: str, watched: str, treatment: str) -> None:
    read = event_from_json(event(step=step), zone="UTC")
    given = Given(event=read, body=read.body, step=read.body.step, at=read.at, on=read.at.date())
    assert event_to_json(read)["step"] == step
    assert STEP_WORDS[step] == words
    assert given.words() == f"{words} on Mon 2 Mar 2026"
    assert (given.watched, given.is_treatment) == (watched == "yes", treatment == "yes")


@pytest.mark.parametrize("name", ["step_up_0", "step_up_7", "treatment_1", "treatment_13", "treatment_02", "C1D8", ""])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(CourseFileError) as refused:
        event_from_json(event(step=name), zone="UTC")
    assert refused.value.path == "event.step"


@pytest.mark.parametrize("name", ["every_1_weeks", "every_9_weeks", "monthly"])
def test_another_schedule_is_refused(name: str) -> None:
    with pytest.raises(CourseFileError) as refused:
        event_from_json(event(step="treatment", schedule=name), zone="UTC")
    assert refused.value.path == "event.schedule"


def test_every_schedule_is_read_and_every_name_is_published() -> None:
    for schedule in SCHEDULES:
        assert event_from_json(event(schedule=schedule), zone="UTC").body.schedule == schedule
    published = json.dumps(schema_of("course"))
    assert all(json.dumps(name) in published for name in (*STEPS, *SCHEDULES))
