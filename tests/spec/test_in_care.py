"""A patient in hospital or in an emergency department: whether somebody is asked when nobody looks after the patient there any more."""

from typing import Any

import pytest

from tests.support.courses import Told, instant


@pytest.mark.parametrize(
    # the word of the hospital comes | discharged | at 9:00, within the window, somebody is asked where the patient is
    ("there", "discharged", "asked"),
    [
        ("2026-03-02 22:00", None, False),
        ("2026-03-02 22:00", {"to": "facility"}, True),
        ("2026-03-02 22:00", {}, True),  # nobody said where to
        ("2026-03-02 22:00", {"to": "facility", "discharged_at": instant("2026-03-03 07:59").isoformat()}, True),
        ("2026-03-03 08:01", {"to": "facility"}, False),  # in hospital again
        ("2026-03-02 22:00", {"to": "facility", "discharged_at": None}, False),  # the stay goes on, and so do its calls
    ],
)
def test_checks_that_pause_after_a_discharge_are_asked_after_at_once(there: str, discharged: Any, asked: bool):
    """The calls of the stay have ended and the checks at home have not begun: nobody else would look after the patient."""
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("admission_noted", "2026-03-02 22:00", place="County Hospital")
    told.tell("home_status", there, location="hospital", site="County Hospital")
    if discharged is not None:
        told.tell("discharge_noted", "2026-03-03 08:00", **discharged)
    said = told.assess("2026-03-03 09:00")
    assert said.watch.phase == "in_care"
    assert any("where the patient is since then is not noted" in each.what for each in said.findings) is asked


@pytest.mark.parametrize(
    # what is written down after the discharge to a facility | still asked
    ("then", "asked"),
    [
        ({"location": "home"}, False),
        ({"location": None}, False),  # nobody knows: the checks at home go on
        ({"caregiver_count": 1}, True),  # no word on the place
    ],
)
def test_a_word_on_the_place_is_the_answer(then: dict[str, Any], asked: bool):
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("admission_noted", "2026-03-02 22:00", place="County Hospital")
    told.tell("home_status", "2026-03-02 22:00", location="hospital", site="County Hospital")
    told.tell("discharge_noted", "2026-03-03 08:00", to="facility")
    told.tell("home_status", "2026-03-03 08:30", **then)
    said = told.assess("2026-03-03 09:00")
    assert any("where the patient is since then is not noted" in each.what for each in said.findings) is asked
    assert (said.watch.phase == "in_care") is asked


@pytest.mark.parametrize(
    # the word of the hospital comes, beside a discharge to a facility at 8:00 | what is said of the stay
    ("at", "said"),
    [
        ("2026-03-03 07:00", ["today nurse"]),
        ("2026-03-03 08:00", ["today nurse"]),
        ("2026-03-03 08:01", ["routine prescriber"]),  # in hospital, and no admission is noted
    ],
)
def test_what_was_said_before_the_discharge_is_no_new_stay(at: str, said: list[str]):
    told = Told()
    told.tell("admission_noted", "2026-03-02 22:00", place="County Hospital")
    told.tell("home_status", at, location="hospital", site="County Hospital")
    told.tell("discharge_noted", "2026-03-03 08:00", to="facility")
    found = [each for each in told.assess("2026-03-03 09:00").findings if each.rule == "inpatient"]
    assert [f"{each.urgency.value} {each.owner}" for each in found] == said
