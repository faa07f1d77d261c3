"""A small storm of faults; `make drills` runs the large one. The figures are printed with their seed.

Six seeds in a row were good on each database before this went into `make test`, with others at work on the same two cores: there the recovery
is given as much longer as the machine was overbooked when the storm began.
"""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.drills.judging import Figures, Judge
from tests.drills.storm import WEIGHTS, Storm, stormy

FAULTS = 60
SEED = 20


@pytest.mark.drill
@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_nothing_is_lost_and_nobody_waits_in_a_small_storm(prepared, database, tmp_path):
    with stormy(database, tmp_path, 12, SEED, prepared=prepared if database == "sqlite" else None) as storm:
        storm.begin()
        seconds = storm.run(FAULTS)
        storm.end()
        left = storm.left()
        figures = Judge(storm).figures(seconds)
    print(f"\nseed {SEED}\n{figures}")
    assert figures.good, str(figures)
    assert left[0].startswith("0 of "), "what a run that does not settle would say can be asked"
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
        {"mails": 200, "doubled": 6},
        {"mails": 1000, "doubled": 21},
        {"claimed": 1},
        {"complaints": ["the nurse ended"]},
    ],
)
def test_every_broken_promise_fails_a_run(worse):
    broken = replace(GOOD, **worse)
    assert not broken.good
    assert "A PROMISE WAS BROKEN" in str(broken)


@pytest.mark.parametrize(
    ("unwatched", "outages", "late"),
    [
        ([], [], 12.0),
        ([], [(101.0, 104.0)], 9.0),  # the time that the database was down is not counted
        ([105.0], [], 7.0),  # nobody watched from there: that is what has to be recovered from
        ([105.0, 109.0], [], 3.0),
        ([99.0], [], 12.0),  # it was due while one was starting
        ([113.0], [], 12.0),  # it had come
        ([105.0], [(104.0, 106.0)], 6.0),
    ],
)
def test_a_page_is_late_from_its_clock_or_from_when_the_last_watcher_fell(unwatched, outages, late):
    alert, page = uuid4().hex, uuid4().hex
    log = [("alert", alert, 100.0), ("page", page, 112.0)]
    place = SimpleNamespace(rows=lambda _sql: log)
    storm = SimpleNamespace(place=place, unwatched=unwatched, outages=outages, said=[], began=0.0)
    judge = Judge(storm)
    assert judge._late({alert: [300.0]}, [(page, alert, 0, "on_screen", "sent", "key")]) == [late]
    assert judge.by_clock == 12.0 - sum(up - down for down, up in outages)


def test_a_page_counts_as_taken_by_whatever_name_the_provider_gave_its_message():
    """A message left twice, as two messages: its own page remembers the second, and the one that came along the first."""
    own, along, invented, nameless = (str(uuid4()) for _ in range(4))
    taken = [SimpleNamespace(sid="SM1"), SimpleNamespace(sid="SM2")]
    provider = SimpleNamespace(rows=lambda: Counter({own: 2}), phone=SimpleNamespace(taken=taken))
    judge = Judge(SimpleNamespace(place=SimpleNamespace(rows=lambda _sql: []), provider=provider))
    told = [(own, "a", "SM2"), (along, "a", "SM1"), (invented, "a", "SM9"), (nameless, "a", "")]
    assert [row[0] for row in judge._unheard(told)] == [invented, nameless]


def test_every_fault_has_its_act():
    for name in (*WEIGHTS, "database"):
        assert callable(getattr(Storm, f"_{name.replace(' ', '_')}_fault"))
