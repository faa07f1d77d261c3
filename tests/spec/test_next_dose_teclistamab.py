"""Teclistamab in the United States and Europe: what the next dose is on every boundary day, both sides of each row."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.amount import amount_for
from handrail.rules.protocol import Protocol, load
from handrail.rules.redosing import BENEFIT_RISK, BENEFIT_RISK_UNKNOWN, GapAnswer, redosing
from handrail.rules.schedule import monitoring_for, premedication_for
from handrail.rules.terms import Action, Status

MONO = "teclistamab/US/2026-03/mono"
COMBO = "teclistamab/US/2026-03/combo"
OLD = "teclistamab/US/2025-03/mono"
EU = "teclistamab/EU/2022/mono"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"
HOSPITAL, NEAR, NONE = ("hospital", 48), ("near_facility", 48), ("none_stated", None)

# case, protocol, schedule, last step, given on, visit on, action, step, confirmed?, premedication, monitoring, row, status
CASES = """
W002|MONO|QW|SUD1|2026-03-02|2026-03-04|give|SUD2|-|yes|HOSPITAL|SUD1-WINDOW|sourced
W003|MONO|QW|SUD1|2026-03-02|2026-03-05|give|SUD2|-|yes|HOSPITAL|SUD1-WINDOW|sourced
W004|MONO|QW|SUD1|2026-03-02|2026-03-06|give|SUD2|-|yes|HOSPITAL|SUD1-WINDOW|sourced
W005|MONO|QW|SUD1|2026-03-02|2026-03-07|give|SUD2|confirm|yes|HOSPITAL|SUD1-EXTENDED|sourced
W006|MONO|QW|SUD1|2026-03-02|2026-03-09|give|SUD2|confirm|yes|HOSPITAL|SUD1-EXTENDED|sourced
W007|MONO|QW|SUD1|2026-03-02|2026-03-10|restart|SUD1|-|yes|HOSPITAL|R1|secondary
W008|MONO|QW|SUD1|2026-03-02|2026-03-11|restart|SUD1|-|yes|HOSPITAL|R1|secondary
W009|MONO|QW|SUD1|2026-03-02|2026-05-01|restart|SUD1|-|yes|HOSPITAL|R1|secondary
W011|MONO|QW|SUD2|2026-03-02|2026-03-04|give|FTD|-|yes|NEAR|SUD2-WINDOW|sourced
W012|MONO|QW|SUD2|2026-03-02|2026-03-06|give|FTD|-|yes|NEAR|SUD2-WINDOW|sourced
B012|MONO|QW|SUD2|2026-03-02|2026-03-07|give|FTD|confirm|yes|NEAR|SUD2-EXTENDED|sourced
W013|MONO|QW|SUD2|2026-03-02|2026-03-09|give|FTD|confirm|yes|NEAR|SUD2-EXTENDED|sourced
X43|MONO|QW|SUD2|2026-03-11|2026-03-17|give|FTD|confirm|yes|NEAR|SUD2-EXTENDED|sourced
W014|MONO|QW|SUD2|2026-03-02|2026-03-10|repeat|SUD2|-|yes|HOSPITAL|R2|secondary
W015|MONO|QW|SUD2|2026-03-02|2026-03-11|repeat|SUD2|-|yes|HOSPITAL|R2|secondary
W016|MONO|QW|SUD2|2026-03-02|2026-03-16|repeat|SUD2|-|yes|HOSPITAL|R2|secondary
W017|MONO|QW|SUD2|2026-03-02|2026-03-30|repeat|SUD2|-|yes|HOSPITAL|R2|secondary
W018|MONO|QW|SUD2|2026-03-02|2026-03-31|restart|SUD1|-|yes|HOSPITAL|R3|secondary
W019|MONO|QW|FTD|2026-04-06|2026-04-13|continue|TD|-|if_crs|NONE|R4|secondary
W020|MONO|QW|TD|2026-04-06|2026-04-14|continue|TD|-|if_crs|NONE|R4|secondary
W021|MONO|QW|TD|2026-04-06|2026-05-04|continue|TD|-|if_crs|NONE|R4|secondary
W022|MONO|QW|TD|2026-04-06|2026-05-05|restart|SUD2|-|yes|HOSPITAL|R5|secondary
W023|MONO|QW|TD|2026-04-06|2026-05-11|restart|SUD2|-|yes|HOSPITAL|R5|secondary
W024|MONO|QW|TD|2026-04-06|2026-06-01|restart|SUD2|-|yes|HOSPITAL|R5|secondary
W025|MONO|QW|TD|2026-04-06|2026-06-02|restart|SUD1|-|yes|HOSPITAL|R6|secondary
W026|MONO|QW|TD|2026-04-06|2026-06-05|restart|SUD1|-|yes|HOSPITAL|R6|secondary
W027|MONO|Q2W|TD|2026-05-04|2026-05-18|continue|TD|-|if_crs|NONE|R7|secondary
W028|MONO|Q2W|TD|2026-05-04|2026-06-02|continue|TD|-|if_crs|NONE|R7|secondary
W029|MONO|Q2W|TD|2026-05-04|2026-07-06|continue|TD|-|if_crs|NONE|R7|secondary
W030|MONO|Q2W|TD|2026-05-04|2026-07-07|restart|SUD2|-|yes|HOSPITAL|R8|secondary
W031|MONO|Q2W|TD|2026-05-04|2026-08-24|restart|SUD2|-|yes|HOSPITAL|R8|secondary
W032|MONO|Q2W|TD|2026-05-04|2026-08-25|restart|SUD1|-|yes|HOSPITAL|R9|secondary
W033|COMBO|Q4W|TD|2026-06-01|2026-06-29|continue|TD|-|if_crs|NONE|R7-Q4W|secondary
W034|COMBO|Q4W|TD|2026-06-01|2026-08-03|continue|TD|-|if_crs|NONE|R7-Q4W|secondary
W035|COMBO|Q4W|TD|2026-06-01|2026-08-04|restart|SUD2|-|yes|HOSPITAL|R8|secondary
W036|COMBO|Q4W|TD|2026-06-01|2026-08-20|restart|SUD2|-|yes|HOSPITAL|R8|secondary
W037|COMBO|Q4W|TD|2026-06-01|2026-09-21|restart|SUD2|-|yes|HOSPITAL|R8|secondary
W038|COMBO|Q4W|TD|2026-06-01|2026-09-22|restart|SUD1|-|yes|HOSPITAL|R9|secondary
W039|OLD|QW|SUD2|2025-11-03|2025-11-07|give|FTD|-|yes|HOSPITAL|SUD2-WINDOW|sourced
W040|OLD|QW|SUD2|2028-02-20|2028-02-29|repeat|SUD2|-|yes|HOSPITAL|R2|sourced
W041|EU|QW|SUD2|2026-03-02|2026-03-08|give|FTD|-|yes|NEAR|SUD2-WINDOW|sourced
B041|EU|QW|SUD1|2026-03-02|2026-03-04|give|SUD2|-|yes|NEAR|SUD1-WINDOW|sourced
B042|EU|QW|SUD1|2026-03-02|2026-03-09|give|SUD2|-|yes|NEAR|SUD1-WINDOW|sourced
B043|EU|QW|TD|2026-03-02|2026-03-09|continue|TD|-|if_crs|NONE|TD-QW-NOMINAL|sourced
B044|EU|Q2W|TD|2026-03-02|2026-03-16|continue|TD|-|if_crs|NONE|TD-Q2W-NOMINAL|sourced
"""
ROWS = [line.split("|") for line in CASES.split()]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_next_dose(row: list[str]) -> None:
    _, key, schedule, last, given, visit, action, step, confirm, premed, monitoring, row_id, status = row
    names = globals()
    protocol = load(names[key])
    answer = redosing(
        protocol,
        last_step=names[last],
        schedule=names[schedule],
        last_on=date.fromisoformat(given),
        today=date.fromisoformat(visit),
        cause="logistics",
    )
    assert (answer.action, answer.step) == (Action(action), names[step])
    assert (answer.row and answer.row.id, answer.status) == (row_id, Status(status))
    assert (answer.confirm is not None) == (confirm == "confirm")
    assert answer.would_be is None and not answer.withheld
    assert answer.flags == ()
    assert answer.then is None
    assert answer.premedicate == {"yes": "yes", "if_crs": "if_crs_after_last"}[premed]
    delayed = answer.premedicate == "yes"
    agents = premedication_for(protocol, step=names[step], crs_after_last=False, after_delay=delayed)
    assert bool(agents) == (premed == "yes")
    assert len(premedication_for(protocol, step=names[step], crs_after_last=True, after_delay=delayed)) == 3
    after = monitoring_for(protocol, step=names[step], carried=())
    assert after is not None and (after.setting, after.hours) == names[monitoring]


@pytest.mark.parametrize(("case", "last", "step"), [("W001", SUD1, SUD2), ("W010", SUD2, FTD)])
@pytest.mark.parametrize("key", [MONO, OLD])
def test_too_early_names_the_earliest_day(case: str, last: str, step: str, key: str) -> None:
    answer = redosing(
        load(key), last_step=last, schedule=QW, last_on=date(2026, 3, 2), today=date(2026, 3, 3), cause=None
    )
    assert (answer.action, answer.step, answer.until) == (Action.WAIT, step, date(2026, 3, 4)), case


# last step, schedule, the first day of each row, and what it says; the day before belongs to the row before.
EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 5 give SUD2, 8 restart SUD1",
    (SUD2, QW): "0 wait FTD, 2 give FTD, 5 give FTD, 8 repeat SUD2, 29 restart SUD1",
    (FTD, QW): "0 ask -, 7 continue TD, 29 restart SUD2, 57 restart SUD1",
    (TD, QW): "0 ask -, 7 continue TD, 29 restart SUD2, 57 restart SUD1",
    (TD, Q2W): "0 ask -, 14 continue TD, 64 restart SUD2, 113 restart SUD1",
}


@pytest.mark.parametrize("key", [MONO, OLD])
@pytest.mark.parametrize(("place", "words"), EDGES.items())
def test_every_edge_has_its_own_answer_on_both_sides(key: str, place: tuple[str, str], words: str) -> None:
    names, said = globals(), ("", "")
    for item in words.split(", "):
        first, action, step = item.split()
        now = (action, names.get(step, ""))
        for day, wanted in ((int(first) - 1, said), (int(first), now)):
            if day < 0:
                continue
            answer = _after(load(key), place, day)
            assert (answer.action.value, answer.step or "") == wanted, day
        said = now
    assert (_after(load(key), place, 4000).action.value, _after(load(key), place, 4000).step) == said


# Europe: `?` marks a row that was recalled or not found; the answer is `ask`, and the words are what would be.
EU_EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 8 ?restart SUD1",
    (SUD2, QW): "0 wait FTD, 2 give FTD, 8 ?repeat SUD2, 29 ?restart SUD1",
    (FTD, QW): "0 ?wait TD, 5 ?continue TD, 7 continue TD, 8 ?ask -",
    (TD, QW): "0 ?wait TD, 5 ?continue TD, 7 continue TD, 8 ?ask -",
    (TD, Q2W): "0 ?ask TD, 14 continue TD, 15 ?ask -",
}


@pytest.mark.parametrize(("place", "words"), EU_EDGES.items())
def test_every_european_edge_has_its_own_answer_on_both_sides(place: tuple[str, str], words: str) -> None:
    names, said = globals(), ("", "")
    for item in words.split(", "):
        first, action, step = item.split()
        now = (action, names.get(step, ""))
        for day, wanted in ((int(first) - 1, said), (int(first), now)):
            if day < 0:
                continue
            answer = _after(load(EU), place, day)
            shown = answer.would_be or answer
            mark = "?" if answer.would_be is not None else ""
            assert answer.action is Action.ASK or not mark
            assert answer.confirm is None, "the European window needs no reason"
            assert shown.action is not None and (mark + shown.action.value, shown.step or "") == wanted, day
        said = now


def test_the_european_label_is_not_given_the_weight_bands_of_the_american_one() -> None:
    answer = amount_for(load(EU), step=SUD1, schedule=QW, weight_kg=Decimal(72))
    assert answer.amount is None and answer.would_be is None and "no weight table" in answer.because


def test_after_crs_grade_2_the_european_label_wants_the_patient_near_a_facility() -> None:
    rows = load(EU).after_toxicity_rows("crs", 2, occurrence="first", lasted_hours=10)
    assert {row.id: row.acts for row in rows} == {"CRS-NEAR": True, "CRS-2": False}
    near = next(row.monitoring_next for row in rows if row.acts)
    assert near is not None and (near.setting, near.hours) == NEAR


def test_x39_x40_the_european_warnings_on_vaccines_and_hepatitis_b_were_read() -> None:
    known = {row.check: row.status for row in load(EU).warning}
    assert known["live_vaccine"] is known["hepatitis_b"] is Status.SOURCED


@pytest.mark.parametrize(("last", "schedule", "first", "last_day"), [(TD, Q4W, 64, 112), (TD, Q2W, 64, 112)])
def test_combination_delay_rows(last: str, schedule: str, first: int, last_day: int) -> None:
    combo = load(COMBO)
    asked = [_after(combo, (last, schedule), day) for day in (first - 1, first, last_day, last_day + 1)]
    assert [(a.action, a.step) for a in asked] == [
        (Action.CONTINUE, TD),
        (Action.RESTART, SUD2),
        (Action.RESTART, SUD2),
        (Action.RESTART, SUD1),
    ]


@pytest.mark.parametrize("day", [0, 1, 2, 4, 5, 7])
@pytest.mark.parametrize("last", [SUD1, SUD2])
def test_combination_step_up_windows_are_not_verified(last: str, day: int) -> None:
    answer = _after(load(COMBO), (last, QW), day)
    assert answer.action is Action.ASK and answer.step is None and answer.status is Status.UNVERIFIED
    assert answer.would_be is not None and answer.would_be.step == {SUD1: SUD2, SUD2: FTD}[last]


@pytest.mark.parametrize(
    ("cause", "flags"), [("adverse_reaction", (BENEFIT_RISK,)), ("logistics", ()), (None, (BENEFIT_RISK_UNKNOWN,))]
)
@pytest.mark.parametrize(
    ("last", "schedule", "days", "action"),
    [(TD, QW, 40, "restart"), (SUD2, QW, 29, "restart"), (TD, Q2W, 29, "continue"), (TD, Q2W, 113, "restart")],
)
def test_benefit_and_risk_after_28_days(
    last: str, schedule: str, days: int, action: str, cause: str | None, flags: tuple[str, ...]
) -> None:
    """A delay for an adverse reaction (X44), for travel (X45) and for a reason nobody recorded."""
    answer = _after(load(MONO), (last, schedule), days, cause)
    assert (answer.action.value, answer.flags, answer.needs_cause) == (action, flags, True)


@pytest.mark.parametrize(("last", "schedule", "days"), [(TD, QW, 28), (TD, Q2W, 28), (SUD2, QW, 28), (SUD1, QW, 60)])
def test_no_benefit_risk_flag_up_to_28_days_or_without_one_on_the_row(last: str, schedule: str, days: int) -> None:
    answer = _after(load(MONO), (last, schedule), days, "adverse_reaction")
    assert answer.flags == () and not answer.needs_cause


def test_a_last_dose_in_the_future_is_asked_about() -> None:
    assert _after(load(MONO), (SUD1, QW), -1).action is Action.ASK


def test_monotherapy_has_no_schedule_every_four_weeks() -> None:
    answer = _after(load(MONO), (TD, Q4W), 28)
    assert answer.action is Action.ASK and answer.row is None


def _after(protocol: Protocol, place: tuple[str, str], days: int, cause: str | None = "logistics") -> GapAnswer:
    given = date(2026, 1, 5)
    return redosing(
        protocol,
        last_step=place[0],
        schedule=place[1],
        last_on=given,
        today=given + timedelta(days=days),
        cause=cause,
    )
