"""The grade of one assessment: of its inputs in an open episode and outside one, and beside the clinician's own grade."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.assessed import clinical_grade, crs_grade, has_crs_grade
from handrail.rules.events import Event
from tests.support.courses import Told

WELL: dict[str, Any] = {
    "tmax_c": "36.8",
    "fever_other": False,
    "masked": False,
    "premed_masking": False,
    "hypotension": False,
    "hypotension_other": False,
    "pressors": [],
    "o2": "none",
    "flow_l_per_min": "0",
    "hypoxia_other": False,
}


def assessed(**changes: Any) -> Event:
    """A patient with nothing wrong, but `changes`; `...` leaves a fact out."""
    told = Told()
    told.tell("crs_assessed", "2026-03-03 09:00", **{k: v for k, v in (WELL | changes).items() if v is not ...})
    return told.history().of("crs_assessed")[-1]


@pytest.mark.parametrize(
    # what differs from a patient with nothing wrong | grade in an open episode | outside one | some grade is known
    ("changes", "inside", "outside", "known"),
    [
        ({}, 0, 0, True),
        ({"tmax_c": "38.4"}, 1, 1, True),
        ({"hypotension": True}, 2, 0, True),  # without fever it counts in an open episode alone
        ({"hypotension": None}, None, 0, True),
        ({"hypotension": True, "premed_masking": True}, 2, None, True),  # suspected outside one
        ({"tmax_c": None}, None, None, False),
        ({"hypotension": True, "episode_open": True}, 2, 2, True),  # the assessment says it itself
        ({"hypotension": True, "episode_open": False}, 0, 0, True),
        ({"hypotension": True, "episode_open": None}, None, None, False),  # asked, and not known
        ({"died_of_crs": True}, 5, 5, True),
        ({"died_of_crs": False}, 0, 0, True),
        ({"died_of_crs": None}, None, None, False),  # asked, and not known
    ],
)
def test_the_grade_of_an_assessment(changes: dict[str, Any], inside: int | None, outside: int | None, known: bool):
    event = assessed(**changes)
    assert (crs_grade(event, True).grade, crs_grade(event, False).grade) == (inside, outside)
    assert has_crs_grade(event) is known


@pytest.mark.parametrize(
    # what differs | the clinician's own grade | what stands
    ("changes", "own", "stands"),
    [
        ({}, ..., 0),
        ({}, 2, 2),
        ({"tmax_c": "38.4", "hypotension": True}, 1, 2),  # the worse of the two
        ({}, None, None),  # asked, and not known
        ({"tmax_c": None}, 2, None),  # asked, and nobody's own grade speaks for it
        ({"tmax_c": ...}, 2, 2),  # never asked
        ({"tmax_c": "38.4", "pressors": ["norepinephrine"], "hypotension": True, "o2": ...}, 1, 3),  # 3 at least
        ({"tmax_c": "38.4", "pressors": ["norepinephrine"], "hypotension": True, "o2": ...}, 4, 4),
    ],
)
def test_the_grade_that_stands_beside_the_clinicians_own(changes: dict[str, Any], own: Any, stands: int | None):
    event = assessed(clinician_grade=own, **changes)
    assert clinical_grade(event, crs_grade(event, False)) == stands
