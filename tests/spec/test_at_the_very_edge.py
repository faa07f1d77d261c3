"""On the very edge: no minutes at all, the very minute of a dose, the dose before instead of the dose after, a file of another name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.rules import scales
from handrail.rules.coursefile import course_from_json
from handrail.rules.planned import departed
from handrail.rules.scales import FOLDER, load_scale
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge
from tests.support.courses import TEC, Told, instant
from tests.support.settings import at, decided, facts


@pytest.mark.parametrize(("minutes", "refused"), [(-1, True), (0, False), (1, False)])
def test_a_lodging_in_the_hospital_itself_is_no_minutes_away(minutes, refused):
    told = facts(lodging={"accepted": True, "from_at": at(1, 9), "until_at": at(11, 0), "worst_minutes": minutes})
    if refused:
        with pytest.raises(UnusableInput, match="Minutes are not below zero"):
            decided(told)
    else:
        assert decided(told).recommendation == "OUTPATIENT"


@pytest.mark.parametrize(("minutes", "counts"), [(-1, True), (0, True), (1, False)])
def test_who_signed_in_the_very_minute_of_a_dose_knew_of_it(minutes, counts):
    signed = "2026-03-10 10:00"
    told = Told(TEC)
    told.tell("departure_signed", signed, rule="setting", reason="caregiver at home", approver="synthetic")
    history = judge(course_from_json(told.file()), instant("2026-03-11 09:00")).history
    assert departed(history, "setting", instant(signed) + timedelta(minutes=minutes)) is counts


REPEATED = [
    # the dose that is decided | HS-7 | what it says; teclistamab, 14 days after step-up dose 2: the label repeats that dose
    ("step_up_1", "fires", "repeat at step-up dose 2"),
    ("step_up_2", "clear", ""),
    ("first_treatment", "fires", "repeat at step-up dose 2"),
]


@pytest.mark.parametrize(("step", "state", "words"), REPEATED)
def test_a_dose_that_is_to_be_repeated_is_neither_passed_over_nor_begun_before(step, state, words):
    last = {"given": True, "step": "step_up_2", "on": "2026-06-22", "schedule": "weekly"}
    answer = decided(facts(doses=[{"step": step, "at": at(1)}], step=step, last_dose=last))
    assert next(line.state for line in answer.lines if line.rule == "HS-7") == state
    found = [reason.because for reason in answer.blocking if reason.rule == "HS-7"]
    assert [words in each for each in found] == ([True] if state == "fires" else [])


def test_a_scale_that_calls_itself_otherwise_is_refused(monkeypatch, tmp_path):
    (tmp_path / "other-1.toml").write_bytes((FOLDER / "astct-2019.toml").read_bytes())
    monkeypatch.setattr(scales, "FOLDER", tmp_path)
    with pytest.raises(ProtocolDataError, match=r"other-1\.toml calls itself 'astct-2019'"):
        load_scale("other-1")
