"""Histories to which a careful pharmacist objected: what was answered too kindly once, and must never be again."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.terms import Action
from tests.support.courses import Told, instant, well

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
DOSE, FEVER, VISIT, LATER = "2026-03-02 09:00", "2026-03-03 02:00", "2026-03-05 08:00", "2026-03-05 09:00"


def started(**header: Any) -> Told:
    told = Told(**header)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, DOSE)
    return told


# --- which dose was the last one, and on which schedule ----------------------------------------------------------


def test_the_last_dose_is_the_one_given_last_and_not_the_one_written_down_last():
    told = Told()
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, "2026-03-06 10:00", started_at=instant(DOSE).isoformat())
    told.dose(SUD2, "2026-03-05 09:30")
    well(told, "2026-03-08 08:00")
    answer = told.assess("2026-03-08 09:00").next_dose
    assert (answer.action, answer.step) == (Action.GIVE, FTD)
    assert str(answer.due_on) == "2026-03-08"


@pytest.mark.parametrize(
    # last dose | longer interval chosen | visit | answer | row
    ("visit", "action", "row"),
    [
        ("2026-03-30", Action.CONTINUE, "R7"),  # 28 days: both rows continue
        ("2026-03-31", Action.RESTART, "R5"),  # 29 days after a weekly dose
        ("2026-04-27", Action.RESTART, "R5"),  # 56
        ("2026-04-28", Action.RESTART, "R6"),  # 57
    ],
)
def test_a_longer_interval_chosen_after_a_weekly_dose_does_not_stretch_its_delay(visit: str, action: Action, row: str):
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell(
        "schedule_changed",
        "2026-03-20 09:00",
        schedule="every_2_weeks",
        response="CR",
        response_since="2025-01-01",
    )
    well(told, f"{visit} 08:00")
    answer = told.assess(f"{visit} 09:00").next_dose
    assert (answer.action, answer.row) == (action, row)


def test_the_last_days_shown_are_those_of_the_stricter_schedule():
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell("schedule_changed", "2026-03-20 09:00", schedule="every_2_weeks")
    dose = told.assess("2026-03-22 09:00").next_dose
    assert str(dose.due_on) == "2026-03-16", "the interval that was chosen"
    assert (str(dose.give_by), str(dose.restart_if_after)) == ("2026-03-30", "2026-04-27")
    assert [(str(later.from_day), later.row) for later in dose.after_that] == [
        ("2026-03-31", "R5"),
        ("2026-04-28", "R6"),
    ]
