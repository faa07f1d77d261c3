"""A dose in its turn, and how long a decision on it stands: no step is skipped, and no fact of a day is used on the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support.settings import EVER, LABEL, at, decided, eve, facts

GIVEN_1 = {"given": True, "step": "step_up_1", "on": "2026-07-03", "schedule": "weekly"}
GIVEN_2 = {**GIVEN_1, "step": "step_up_2"}
GIVEN_NONE = {"given": False}
LINVOSELTAMAB = "linvoseltamab/US/2025-07"
GLOFITAMAB = "glofitamab/US/2023-06"

SKIPPED: list[tuple[str, dict[str, Any], list[str], str, str]] = [
    # label | the last dose | the steps of the plan, the first of them decided | HS-7 | which step comes first
    (LABEL, GIVEN_1, ["step_up_2", "first_treatment"], "clear", ""),
    (LABEL, GIVEN_1, ["first_treatment"], "fires", "step-up dose 2 comes first"),
    (LABEL, GIVEN_1, ["treatment"], "fires", "step-up dose 2 comes first"),
    (LABEL, GIVEN_2, ["first_treatment"], "clear", ""),
    (LABEL, GIVEN_2, ["treatment"], "fires", "first treatment dose comes first"),
    (LABEL, {**GIVEN_1, "on": "2026-07-05"}, ["first_treatment"], "fires", "wait"),
    (LABEL, {**GIVEN_2, "step": "treatment", "on": "2026-06-29"}, ["treatment"], "clear", ""),
    (LABEL, {**GIVEN_2, "step": "treatment", "on": "2026-06-29"}, ["step_up_2", "first_treatment"], "clear", ""),  # no step skipped
    (LINVOSELTAMAB, {**GIVEN_2, "step": "first_treatment", "on": "2026-06-29"}, ["treatment_2"], "clear", ""),
    (LINVOSELTAMAB, {**GIVEN_2, "step": "first_treatment", "on": "2026-06-29"}, ["treatment"], "fires", "treatment dose 2 comes first"),
    (LABEL, GIVEN_NONE, ["step_up_1", "first_treatment"], "clear", ""),
    (LABEL, GIVEN_NONE, ["pretreatment", "step_up_1"], "fires", "the label begins with step-up dose 1"),
    (GLOFITAMAB, GIVEN_NONE, ["pretreatment", "step_up_1"], "clear", ""),
    (GLOFITAMAB, GIVEN_NONE, ["step_up_1"], "fires", "the label begins with pretreatment"),
]  # fmt: skip


@pytest.mark.parametrize(("label", "last", "steps", "state", "words"), SKIPPED)
def test_no_step_is_skipped_though_the_plan_leaves_it_out(label, last, steps, state, words):
    doses = [{"step": step, "at": at(1 + 7 * number)} for number, step in enumerate(steps)]
    answer = decided(facts(doses=doses, step=steps[0], last_dose=last), label=label)
    assert next(line.state for line in answer.lines if line.rule == "HS-7") == state
    found = [reason for reason in answer.blocking if reason.rule == "HS-7"]
    assert [(reason.known, words in reason.because) for reason in found] == ([(True, True)] if state == "fires" else [])
    if state == "fires":
        assert (answer.recommendation, answer.scheduling.allowed) == ("DEFER", False)


def test_without_a_label_nobody_knows_what_a_course_begins_with():
    answer = decided(facts(), label=None)
    assert next(line.state for line in answer.lines if line.rule == "HS-7") == "not_known"


# --- how long it stands ----------------------------------------------------------------------------------------------------------

ON_THE_DAY = at(1, 8)
STANDS: list[tuple[str, dict[str, Any], str, str, str]] = [
    # decided at | what differs | until | because
    (at(0, 10), {}, at(1, 0), "the temperature is of the day of the decision", "the eve: it is measured again"),
    (ON_THE_DAY, {"temperature_at": at(1, 7)}, at(2, 0), "judged by the day of the dose", "the day itself"),
    (at(0, 10), {"temperature_c": None}, at(2, 0), "judged by the day of the dose", "no temperature"),
    (at(0, 10), {"temperature_at": at(-1, 8)}, at(2, 0), "judged by the day of the dose", "yesterday's temperature"),
    (at(-5, 10), {"temperature_at": at(-5, 9)}, at(-4, 0), "the temperature is of the day of the decision", "long before"),
    (at(-5, 10), {"temperature_c": None}, at(-2, 10), "a decision stands 72 h", "long before, no temperature"),
    (at(-1, 10), {"temperature_c": None}, at(2, 0), "judged by the day of the dose", "72 h would outlast the day of the dose"),
    (at(-2, 10), {"temperature_c": None}, at(1, 10), "a decision stands 72 h", "72 h after it"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "changes", "until", "because"), [row[:4] for row in STANDS], ids=[row[4] for row in STANDS])  # fmt: skip
def test_how_long_a_decision_stands(now, changes, until, because):
    answer = decided(facts(**changes), now=datetime.fromisoformat(now))
    assert answer.valid_until == datetime.fromisoformat(until)
    assert because in answer.valid_because


PAPERS = ["rems_prescriber", "rems_dispenser", "rems_setting", "authorisation", "site__level_paper", "site__hospital_agreement", "departure__paper"]  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_no_decision_outlives_a_paper_that_it_rests_on(name):
    now = datetime.fromisoformat(ON_THE_DAY)
    for ends in ("2026-07-06", "2026-07-07"):  # the day of the dose, and the day after it
        answer = decided(facts(temperature_at=at(1, 7), **{name: {"held": True, "until": ends}}), now=now)
        assert answer.recommendation == "OUTPATIENT"
        assert answer.valid_until == datetime.fromisoformat(at(2, 0))
    assert decided(facts(**{name: EVER})).valid_until == decided(facts(**{name: {"held": True, "until": "2026-07-06"}})).valid_until  # fmt: skip


def test_a_day_of_23_hours_ends_at_midnight_by_the_clock_of_the_site():
    # clocks go forward on 14 March 2027, 02:00
    from datetime import date

    first = date(2027, 3, 14)
    morning = datetime.fromisoformat("2027-03-14T08:00:00-05:00")
    doses = [{"step": "step_up_1", "at": "2027-03-14T09:00:00-05:00"}]
    answer = decided(facts(first, doses=doses, temperature_at="2027-03-14T07:00:00-05:00"), now=morning)
    assert answer.valid_until == datetime.fromisoformat("2027-03-15T00:00:00-05:00")
    assert decided(facts(), now=eve()).valid_until == datetime.fromisoformat(at(1, 0))
