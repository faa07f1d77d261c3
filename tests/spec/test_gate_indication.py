"""Line 8 of the gate asks whether a label's indication covers the patient, from what was noted of earlier treatment."""

from typing import Any

import pytest

from handrail.rules.gate_evidence import indication
from tests.support.courses import ELRA, TEC, TEC_COMBO, Told
from tests.support.gates import prepared, read

CLASSES = {"proteasome_inhibitor": True, "immunomodulatory_agent": True, "anti_cd38_antibody": True}
MORNING = "2026-03-02 09:15"


def noted(key: str = ELRA, **fields: Any) -> Told:
    told = prepared(key, without=("indication",))
    told.tell("earlier_treatment_noted", MORNING, **fields)
    return told


def met(told: Told) -> bool | None:
    found = read(told)
    assert found is not None
    return indication(found).met


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lines": 4, **CLASSES, "progressed_on_last": True}, True),
        ({**CLASSES}, True),  # the lines are those with which the course began
        ({"lines": None, **CLASSES}, None),  # asked, and not known
        ({"lines": 1, **CLASSES}, False),
        ({"lines": 4, **CLASSES, "anti_cd38_antibody": False}, False),
        ({"lines": 4, **CLASSES, "anti_cd38_antibody": None}, None),
        ({"lines": 4}, None),
    ],
)
def test_the_indication_is_read_from_what_was_noted(fields, expected):
    assert met(noted(**fields)) is expected


def test_nothing_noted_is_not_known_and_the_last_note_counts():
    assert met(prepared(without=("indication",))) is None
    told = noted(lines=4, **CLASSES)
    told.tell("earlier_treatment_noted", "2026-03-02 09:20", lines=4, **CLASSES | {"anti_cd38_antibody": False})
    assert met(told) is False


@pytest.mark.parametrize(
    ("key", "on", "lines", "expected"),
    [
        (TEC, "2026-03-10", 2, False),  # the combination's text covers these, and the drug alone is not the combination
        (TEC, "2026-03-10", 4, True),
        (TEC_COMBO, "2026-03-10", 2, True),
        (TEC_COMBO, "2026-03-10", 0, False),
        (TEC_COMBO, "2026-03-04", 2, None),  # the day before its text is in force
    ],
)
def test_each_regimen_is_judged_by_its_own_text_of_that_day(key, on, lines, expected):
    told = noted(key, lines=lines, **CLASSES, progressed_on_last=True)
    told.tell("dose_planned", "2026-03-02 09:20", step="step_up_1", on=on, setting="outpatient")
    found = read(told, "2026-03-02 10:00")
    assert found is not None
    assert found.dose.on.isoformat() == on
    assert indication(found).met is expected
