"""Elranatamab: the American delay table of 2023-08, the silence of 2025-07 on delays, and the European text of 2024."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from handrail.rules.protocol import load
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.schedule import monitoring_for, planned_setting_findings, premedication_for
from handrail.rules.terms import Action, Status

OLD, NEW = "elranatamab/US/2023-08", "elranatamab/US/2025-07"
EU = "elranatamab/EU/2024"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"
FIRST, SECOND, NONE = ("hospital", 48), ("hospital", 24), ("none_stated", None)
NEAR = ("near_facility", 48)

# case, protocol, schedule, last step, given on, visit on, action, step, then (step and its date), premedication,
# monitoring, row, status
CASES = """
W096|OLD|QW|SUD1|2026-01-05|2026-01-07|give|SUD2|-|yes|SECOND|SUD1-WINDOW|sourced
W097|OLD|QW|SUD1|2026-01-05|2026-01-08|give|SUD2|-|yes|SECOND|SUD1-WINDOW|sourced
W098|OLD|QW|SUD1|2026-01-05|2026-01-12|give|SUD2|FTD 2026-01-16|yes|SECOND|L1|sourced
W099|OLD|QW|SUD1|2026-01-05|2026-01-19|give|SUD2|FTD 2026-01-23|yes|SECOND|L1|sourced
W100|OLD|QW|SUD1|2026-01-05|2026-01-20|restart|SUD1|-|yes|FIRST|L2|sourced
W102|OLD|QW|SUD2|2026-01-08|2026-01-11|give|FTD|-|yes|NONE|SUD2-WINDOW|sourced
W103|OLD|QW|SUD2|2026-01-08|2026-01-12|give|FTD|-|yes|NONE|SUD2-WINDOW|sourced
W104|OLD|QW|SUD2|2026-01-08|2026-01-22|give|FTD|-|yes|NONE|L3|sourced
W105|OLD|QW|SUD2|2026-01-08|2026-01-23|repeat|SUD2|FTD 2026-01-30|yes|SECOND|L4|sourced
W106|OLD|QW|SUD2|2026-01-08|2026-02-05|repeat|SUD2|FTD 2026-02-12|yes|SECOND|L4|sourced
W107|OLD|QW|SUD2|2026-01-08|2026-02-06|restart|SUD1|-|yes|FIRST|L5|sourced
W109|OLD|QW|TD|2026-02-02|2026-02-08|continue|TD|-|if_crs|NONE|TD-QW-WINDOW|sourced
W110|OLD|QW|TD|2026-02-02|2026-03-16|give|TD|-|yes|NONE|L6|sourced
W111|OLD|QW|TD|2026-02-02|2026-03-17|restart|SUD2|FTD 2026-03-24|yes|SECOND|L7|sourced
W112|OLD|QW|TD|2026-02-02|2026-04-27|restart|SUD2|FTD 2026-05-04|yes|SECOND|L7|sourced
W113|OLD|QW|TD|2026-02-02|2026-04-28|restart|SUD1|-|yes|FIRST|L8|sourced
W114|NEW|Q4W|TD|2026-02-02|2026-03-02|continue|TD|-|if_crs|NONE|TD-Q4W-WINDOW|sourced
B114|EU|QW|SUD1|2026-01-05|2026-01-08|give|SUD2|-|yes|NEAR|SUD1-NOMINAL|sourced
B115|EU|QW|SUD2|2026-01-08|2026-01-12|give|FTD|-|yes|NONE|SUD2-NOMINAL|sourced
B116|EU|QW|TD|2026-01-12|2026-01-19|continue|TD|-|if_crs|NONE|TD-QW-NOMINAL|sourced
B117|EU|Q2W|TD|2026-07-06|2026-07-20|continue|TD|-|if_crs|NONE|TD-Q2W-NOMINAL|sourced
"""
ROWS = [line.split("|") for line in CASES.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_next_dose(row: list[str]) -> None:
    _, key, schedule, last, given, visit, action, step, then, premed, monitoring, row_id, status = row
    names = globals()
    protocol, today = load(names[key]), date.fromisoformat(visit)
    answer = redosing(
        protocol,
        last_step=names[last],
        schedule=names[schedule],
        last_on=date.fromisoformat(given),
        today=today,
        cause="logistics",
    )
    assert (answer.action, answer.step) == (Action(action), names[step])
    assert (answer.row and answer.row.id, answer.status) == (row_id, Status(status))
    if then == "-":
        assert answer.then is None
    else:
        follows, on = then.split()
        assert answer.then is not None and answer.then.step == names[follows]
        assert today + timedelta(days=answer.then.after_days) == date.fromisoformat(on)
    assert answer.confirm is None and answer.flags == () and not answer.withheld
    delayed = answer.premedicate == "yes"
    agents = premedication_for(protocol, step=names[step], crs_after_last=False, after_delay=delayed)
    assert [item.dose for item in agents] == (["650 mg", "20 mg", "25 mg"] if premed == "yes" else [])
    after = monitoring_for(protocol, step=names[step], carried=())
    assert after is not None and (after.setting, after.hours) == names[monitoring]


@pytest.mark.parametrize(
    ("case", "last", "given", "visit", "earliest", "step"),
    [
        ("W095", SUD1, "2026-01-05", "2026-01-06", "2026-01-07", SUD2),
        ("W101", SUD2, "2026-01-08", "2026-01-10", "2026-01-11", FTD),
        ("W108", TD, "2026-02-02", "2026-02-07", "2026-02-08", TD),
    ],
)
@pytest.mark.parametrize("key", [OLD, NEW])
def test_too_early_names_the_earliest_day(
    case: str, last: str, given: str, visit: str, earliest: str, step: str, key: str
) -> None:
    answer = redosing(
        load(key),
        last_step=last,
        schedule=QW,
        last_on=date.fromisoformat(given),
        today=date.fromisoformat(visit),
        cause=None,
    )
    assert (answer.action, answer.step, answer.until) == (Action.WAIT, step, date.fromisoformat(earliest)), case


@pytest.mark.parametrize(
    ("case", "last", "schedule", "given", "visit"),
    [("W115", TD, Q4W, "2026-02-02", "2026-03-16"), ("W116", SUD2, QW, "2026-01-08", "2026-01-28")],
)
def test_the_delay_rule_of_2025_was_not_read_and_is_not_inherited(
    case: str, last: str, schedule: str, given: str, visit: str
) -> None:
    answer = redosing(
        load(NEW),
        last_step=last,
        schedule=schedule,
        last_on=date.fromisoformat(given),
        today=date.fromisoformat(visit),
        cause=None,
    )
    assert answer.action is Action.ASK and answer.step is None and answer.status is Status.UNVERIFIED, case
    assert answer.would_be is not None and answer.would_be.step is None


# Last step and schedule: first day of every row and its answer.
OLD_EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 15 restart SUD1",
    (SUD2, QW): "0 wait FTD, 3 give FTD, 15 repeat SUD2, 29 restart SUD1",
    (FTD, QW): "0 wait TD, 6 continue TD, 8 give TD, 43 restart SUD2, 85 restart SUD1",
    (TD, QW): "0 wait TD, 6 continue TD, 8 give TD, 43 restart SUD2, 85 restart SUD1",
    (TD, Q2W): "0 ask -, 14 continue TD, 15 give TD, 43 restart SUD2, 85 restart SUD1",
}
NEW_EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 4 ask -",
    (SUD2, QW): "0 wait FTD, 3 give FTD, 5 ask -",
    (FTD, QW): "0 wait TD, 6 continue TD, 8 ask -",
    (TD, QW): "0 wait TD, 6 continue TD, 8 ask -",
    (TD, Q2W): "0 ask -, 14 continue TD, 15 ask -",
    (TD, Q4W): "0 ask -, 28 continue TD, 29 ask -",
}
EU_EDGES = {
    (SUD1, QW): "0 ask -, 3 give SUD2, 4 ask -",
    (SUD2, QW): "0 ask -, 4 give FTD, 5 ask -",
    (FTD, QW): "0 ask -, 7 continue TD, 8 ask -",
    (TD, QW): "0 ask -, 7 continue TD, 8 ask -",
    (TD, Q2W): "0 ask -, 14 continue TD, 15 ask -",
}
ALL_EDGES = [
    (key, place, words)
    for key, edges in ((OLD, OLD_EDGES), (NEW, NEW_EDGES), (EU, EU_EDGES))
    for place, words in edges.items()
]


@pytest.mark.parametrize(("key", "place", "words"), ALL_EDGES)
def test_every_edge_has_its_own_answer_on_both_sides(key: str, place: tuple[str, str], words: str) -> None:
    names, said = globals(), ("", "")
    for item in words.split(", "):
        first, action, step = item.split()
        now = (action, names.get(step, ""))
        for day, wanted in ((int(first) - 1, said), (int(first), now)):
            if day >= 0:
                answer = _after(key, place, day)
                assert (answer.action.value, answer.step or "") == wanted, day
        said = now
    assert (_after(key, place, 4000).action.value, _after(key, place, 4000).step or "") == said


@pytest.mark.parametrize(("days", "row"), [(3, "SUD1-WINDOW"), (4, "L1"), (14, "L1"), (15, "L2")])
def test_the_four_days_to_the_first_treatment_dose_belong_to_a_late_second_step(days: int, row: str) -> None:
    answer = _after(OLD, (SUD1, QW), days)
    assert answer.row is not None and answer.row.id == row
    assert (answer.then is not None) == (row == "L1")


@pytest.mark.parametrize(
    # last step | day | row | what it would be
    ("last", "day", "row", "would_be"),
    [
        (SUD1, 1, "SUD1-EARLY", "wait"),
        (SUD1, 2, "SUD1-BEFORE", "give"),
        (SUD1, 4, "SUD1-LATE", "ask"),
        (SUD2, 2, "SUD2-EARLY", "wait"),
        (SUD2, 3, "SUD2-BEFORE", "give"),
        (SUD2, 5, "SUD2-LATE", "ask"),
        (TD, 5, "TD-QW-EARLY", "wait"),
        (TD, 6, "TD-QW-BEFORE", "continue"),
        (TD, 8, "TD-QW-LATE", "ask"),
    ],
)
def test_the_european_text_borrows_no_interval_from_the_american_one(
    last: str, day: int, row: str, would_be: str
) -> None:
    answer = _after(EU, (last, QW), day)
    assert (answer.action, answer.step, answer.status) == (Action.ASK, None, Status.UNVERIFIED)
    assert answer.row is not None and answer.row.id == row
    assert answer.would_be is not None and answer.would_be.action == Action(would_be)


@pytest.mark.parametrize(("case", "step"), [("X17", SUD1), ("-", SUD2), ("-", FTD), ("-", TD)])
def test_x17_in_europe_an_outpatient_step_near_the_facility_is_no_departure(case: str, step: str) -> None:
    assert planned_setting_findings(load(EU), step=step, setting="outpatient") == (), case


@pytest.mark.parametrize(
    # toxicity | grade | occurrence | row | acts
    ("toxicity", "grade", "occurrence", "row", "acts"),
    [
        ("crs", 1, "first", "CRS-1", False),
        ("crs", 2, "first", "CRS-2", False),
        ("crs", 3, "first", "CRS-3-FIRST", False),
        ("crs", 3, "recurrent", "CRS-3-AGAIN", True),
        ("crs", 4, "first", "CRS-4", True),
        ("icans", 2, "first", "ICANS-2", True),
        ("icans", 3, "first", "ICANS-3-FIRST", True),
        ("icans", 3, "recurrent", "ICANS-3-AGAIN", False),
        ("icans", 4, "first", "ICANS-4", False),
    ],
)
def test_after_a_reaction_in_europe(toxicity: str, grade: int, occurrence: str, row: str, acts: bool) -> None:
    found = load(EU).after_toxicity_rows(toxicity, grade, occurrence=occurrence, lasted_hours=10)
    assert [(item.id, item.acts) for item in found] == [(row, acts)]


@pytest.mark.parametrize("cause", ["adverse_reaction", None])
@pytest.mark.parametrize("days", [29, 60, 200])
def test_this_label_prints_no_benefit_risk_note(days: int, cause: str | None) -> None:
    assert _after(OLD, (TD, QW), days, cause).flags == ()


def _after(key: str, place: tuple[str, str], days: int, cause: str | None = "logistics") -> GapAnswer:
    given = date(2026, 1, 5)
    return redosing(
        load(key),
        last_step=place[0],
        schedule=place[1],
        last_on=given,
        today=given + timedelta(days=days),
        cause=cause,
    )
