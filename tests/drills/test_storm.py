"""A small storm of faults; `make drills` runs the large one. The figures are printed with their seed.

Small storms of the last count: six of six seeds good on PostgreSQL (the latest page 4.7 s after its clock), three of four on SQLite, where one
page came 12 s late for a reason not yet found. Until ten seeds in a row pass on both databases the storm is no part of `make test`; every other
drill is.
"""

from collections import Counter
from dataclasses import replace

import pytest

from tests.drills.judging import Figures, Judge
from tests.drills.storm import WEIGHTS, Storm, stormy

FAULTS = 60
SEED = 20


@pytest.mark.drill
@pytest.mark.storm
@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_nothing_is_lost_and_nobody_waits_in_a_small_storm(database, tmp_path):
    with stormy(database, tmp_path, 12, SEED) as storm:
        storm.begin()
        seconds = storm.run(FAULTS)
        storm.end()
        figures = Judge(storm).figures(seconds)
    print(f"\nseed {SEED}\n{figures}")
    assert figures.good, str(figures)
    assert figures.answered > 20 and figures.alerts > 10 and figures.mails > 10, "the storm did something"


GOOD = Figures(
    seed_line="", seconds=1, faults=Counter(), answered=100, lost=0, alerts=10, unpaged=0, over=0, pages=10, climbed=0,
    late=[0.1, 5.0], mails=100, doubled=2, claimed=0, down=0,
)  # fmt: skip


def test_the_best_that_may_be_is_good():
    assert GOOD.good


@pytest.mark.parametrize(
    "worse",
    [
        {"lost": 1},
        {"unpaged": 1},
        {"late": [0.1, 5.01]},
        {"mails": 200, "doubled": 5},
        {"claimed": 1},
        {"complaints": ["the nurse ended"]},
    ],
)
def test_every_broken_promise_fails_a_run(worse):
    broken = replace(GOOD, **worse)
    assert not broken.good
    assert "A PROMISE WAS BROKEN" in str(broken)


def test_every_fault_has_its_act():
    for name in (*WEIGHTS, "database"):
        assert callable(getattr(Storm, f"_{name.replace(' ', '_')}_fault"))
