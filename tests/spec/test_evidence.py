"""What a line of the gate rests on: not known is never met, and one that is not met decides for all."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from handrail.rules.evidence import Evidence, all_met

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def one(met: bool | None, name: str = "it", until: datetime | None = None) -> Evidence:
    step = None if met else f"mend {name}"
    return Evidence(
        met=met, because=f"{name} says {met}", owner=f"owner of {name}", next_step=step, evidence=name, until=until
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((True,), True),
        ((True, True), True),
        ((True, None), None),
        ((None, None), None),
        ((True, False), False),
        ((None, False), False),
        ((False, False), False),
    ],
)
def test_one_that_is_not_met_decides_and_one_that_is_not_known_withholds(parts, expected):
    assert all_met(one(met, str(n)) for n, met in enumerate(parts)).met is expected


@pytest.mark.parametrize("parts", list(product((True, False, None), repeat=3)))
def test_making_a_part_not_known_never_makes_the_whole_met(parts):
    order = {False: 0, None: 1, True: 2}
    for place in range(len(parts)):
        less = [None if n == place else met for n, met in enumerate(parts)]
        if parts[place] is True:
            before, after = (all_met(one(met, str(n)) for n, met in enumerate(row)).met for row in (parts, less))
            assert order[after] <= order[before]


def test_what_stands_open_names_its_owner_its_step_and_nothing_that_is_met():
    found = all_met([one(True, "a"), one(None, "b"), one(False, "c"), one(False, "d")])
    assert (found.owner, found.next_step) == ("owner of c", "mend c")
    assert found.because == "c says False; d says False; b says None", "what is not met first"
    assert found.evidence == "a; b; c; d"


def test_it_holds_until_the_first_part_ends():
    ends = [NOON + timedelta(hours=hours) for hours in (9, 3, 5)]
    assert all_met(one(True, str(n), until) for n, until in enumerate(ends)).until == ends[1]
    assert all_met([one(True)]).until is None


@pytest.mark.parametrize(("minutes", "met"), [(-1, True), (0, False), (1, False)])
def test_from_its_end_on_it_is_not_met(minutes, met):
    then = one(True, until=NOON).at(NOON + timedelta(minutes=minutes))
    assert then.met is met
    assert then.owner == "owner of it"
    assert (then.next_step is None) is met


@pytest.mark.parametrize("met", [False, None])
def test_an_end_makes_nothing_known_that_was_not(met):
    open_ = one(met, until=NOON)
    assert open_.at(NOON + timedelta(days=1)) == open_


@pytest.mark.parametrize(
    "lacking",
    [
        {"owner": ""},
        {"because": ""},
        {"met": None},
        {"met": False},
    ],
)
def test_a_line_that_nobody_can_act_on_is_refused(lacking):
    with pytest.raises(ValueError, match=r"evidence names|names its next step"):
        Evidence(**{"met": True, "because": "shown", "owner": "pharmacist", **lacking})


def test_an_answer_of_no_parts_is_refused():
    with pytest.raises(ValueError, match="no parts"):
        all_met([])
