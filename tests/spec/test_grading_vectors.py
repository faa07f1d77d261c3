"""The 60 worked cases of the ASTCT 2019 scale: each has a CRS grade and an ICANS grade."""

import json
from typing import Any

import pytest

from handrail.cli.grade import run
from tests.support.grading import NORMAL, crs, icans, vectors

VECTORS = vectors()
SUSPECTED = "S"

# What a reader must notice beside the grade, where a case has something.
CRS_FLAGS = {
    "CRS09": ("VASOPRESSIN_ALONE",),
    "CRS11": ("FLOW_AT_LIMIT",),
    "CRS23": ("MASKED", "RESOLVING"),
    "CRS24": ("MASKED",),
    "CRS25": ("MASKED",),
    "CRS26": ("PREMED_MASKING",),
    "CRS27": ("SAME_DAY_REVIEW",),
    "MIX02": ("FLOW_AT_LIMIT",),
    "MIX03": ("MASKED", "RESOLVING"),
}
ICANS_FLAGS = {"ICA23": ("HAEMORRHAGE",)}


def test_all_sixty_cases_are_here():
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS) == 60


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_crs_grade(vector: dict[str, Any]):
    answer = crs(**vector["in"])
    suspected = vector["crs"] == SUSPECTED
    assert (answer.grade, answer.suspected) == (None if suspected else vector["crs"], suspected), vector["why"]
    assert answer.flags == CRS_FLAGS.get(vector["id"], ())
    assert bool(answer.cannot_say) == suspected


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_icans_grade(vector: dict[str, Any]):
    answer = icans(**vector["in"])
    assert (answer.grade, answer.suspected) == (vector["icans"], False), vector["why"]
    assert answer.flags == ICANS_FLAGS.get(vector["id"], ())
    assert answer.cannot_say == ()


@pytest.mark.parametrize("kind", ["crs", "icans"])
def test_the_command_gives_the_same_grades(kind: str):
    lines = [json.dumps({"id": v["id"], "in": {**NORMAL, **v["in"]}}, default=str) for v in VECTORS]
    answers = [json.loads(line) for line in run(kind, lines)]
    assert [(a["id"], a["grade"], a["suspected"]) for a in answers] == [
        (v["id"], None if v[kind] == SUSPECTED else v[kind], v[kind] == SUSPECTED) for v in VECTORS
    ]
