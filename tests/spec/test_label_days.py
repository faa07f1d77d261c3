"""The days of every label: the row that holds from each day after each step, and the day on which the next dose is due.

Each boundary is looked at from both sides. A row named -EARLY, -BEFORE or -LATE says wait or ask where the label is silent.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.protocol import load
from handrail.rules.redosing import redosing
from handrail.rules.schedule import dose_dates
from tests.spec.test_label_reactions import ALL

# labels | schedules | last step | first day and name of each row | the day on which the label's own next dose is due (- : not read)
DAYS = """
TEC TEC-OLD | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 5 SUD1-EXTENDED, 8 R1 | 3
TEC TEC-OLD | weekly every_2_weeks | step_up_2 | 0 SUD2-EARLY, 2 SUD2-WINDOW, 5 SUD2-EXTENDED, 8 R2, 29 R3 | 3
TEC TEC-OLD TEC-COMBO | weekly | first_treatment treatment | 0 TD-QW-EARLY, 7 R4, 29 R5, 57 R6 | 7
TEC TEC-OLD TEC-COMBO | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 14 R7, 64 R8, 113 R9 | 14
TEC-COMBO | weekly every_2_weeks every_4_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 5 SUD1-EXTENDED, 8 R1 | -
TEC-COMBO | weekly every_2_weeks every_4_weeks | step_up_2 | 0 SUD2-EARLY, 2 SUD2-WINDOW, 5 SUD2-EXTENDED, 8 R2, 29 R3 | -
TEC-COMBO | every_4_weeks | first_treatment treatment | 0 TD-Q4W-EARLY, 28 R7-Q4W, 64 R8, 113 R9 | 28
TEC-EU | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 8 R1 | 2
TEC-EU | weekly every_2_weeks | step_up_2 | 0 SUD2-EARLY, 2 SUD2-WINDOW, 8 R2, 29 R3 | 2
TEC-EU | weekly | first_treatment treatment | 0 TD-QW-EARLY, 5 TD-QW-BEFORE, 7 TD-QW-NOMINAL, 8 TD-QW-LATE | 7
TEC-EU ELR-EU | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 14 TD-Q2W-NOMINAL, 15 TD-Q2W-LATE | 14
TAL | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 5 SUD1-EXTENDED, 8 U1 | 3
TAL | weekly | step_up_2 | 0 SUD2-QW-EARLY, 2 SUD2-QW-WINDOW, 5 SUD2-QW-EXTENDED, 8 U2, 29 U3 | 3
TAL | weekly | first_treatment treatment | 0 TD-QW-EARLY, 6 TD-QW-WINDOW, 8 U4, 29 U5, 57 U6 | 7
TAL | every_2_weeks | step_up_2 | 0 SUD2-Q2W-EARLY, 2 SUD2-Q2W-WINDOW, 5 SUD2-Q2W-EXTENDED, 8 U2, 29 U3 | 3
TAL | every_2_weeks | step_up_3 | 0 SUD3-EARLY, 2 SUD3-WINDOW, 8 U7, 29 U8, 57 U9 | 3
TAL | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 12 TD-Q2W-WINDOW, 15 U10, 29 U11, 57 U12 | 14
TAL-EU | weekly | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 5 SUD1-EXTENDED, 8 E1 | 2
TAL-EU | weekly | step_up_2 | 0 SUD2-QW-EARLY, 2 SUD2-QW-WINDOW, 5 SUD2-QW-EXTENDED, 8 E2, 29 E3 | 2
TAL-EU | weekly | first_treatment treatment | 0 TD-QW-EARLY, 7 TD-QW-NOMINAL, 8 E4, 36 E5, 57 E6 | 7
TAL-EU | every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 5 SUD1-EXTENDED, 8 E7 | 2
TAL-EU | every_2_weeks | step_up_2 | 0 SUD2-Q2W-EARLY, 2 SUD2-Q2W-WINDOW, 5 SUD2-Q2W-EXTENDED, 8 E8, 29 E9 | 2
TAL-EU | every_2_weeks | step_up_3 | 0 SUD3-EARLY, 2 SUD3-NOMINAL, 3 SUD3-WINDOW, 8 E10, 36 E11, 57 E12 | 2
TAL-EU | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 12 TD-Q2W-BEFORE, 14 TD-Q2W-NOMINAL, 15 E13, 36 E14, 57 E15 | 14
ELR | weekly every_2_weeks every_4_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 4 SUD1-LATE | 3
ELR | weekly every_2_weeks every_4_weeks | step_up_2 | 0 SUD2-EARLY, 3 SUD2-WINDOW, 5 SUD2-LATE | 4
ELR | weekly | first_treatment treatment | 0 TD-QW-EARLY, 6 TD-QW-WINDOW, 8 TD-QW-LATE | 7
ELR | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 14 TD-Q2W-WINDOW, 15 TD-Q2W-LATE | 14
LIN LIN-EU | every_2_weeks | first_treatment treatment_2 treatment | 0 TD-Q2W-EARLY, 14 TD-Q2W-WINDOW, 15 TD-Q2W-LATE | 14
ELR | every_4_weeks | first_treatment treatment | 0 TD-Q4W-EARLY, 28 TD-Q4W-WINDOW, 29 TD-Q4W-LATE | 28
LIN | every_4_weeks | first_treatment treatment_2 treatment | 0 TD-Q4W-EARLY, 28 TD-Q4W-WINDOW, 29 TD-Q4W-LATE | 28
ELR-OLD | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-WINDOW, 4 L1, 15 L2 | 3
ELR-OLD | weekly every_2_weeks | step_up_2 | 0 SUD2-EARLY, 3 SUD2-WINDOW, 5 L3, 15 L4, 29 L5 | 4
ELR-OLD | weekly | first_treatment treatment | 0 TD-QW-EARLY, 6 TD-QW-WINDOW, 8 L6, 43 L7, 85 L8 | 7
ELR-OLD | every_2_weeks | first_treatment treatment | 0 TD-Q2W-EARLY, 14 TD-Q2W-WINDOW, 15 L6-Q2W, 43 L7, 85 L8 | 14
ELR-EU | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 2 SUD1-BEFORE, 3 SUD1-NOMINAL, 4 SUD1-LATE | 3
ELR-EU | weekly every_2_weeks | step_up_2 | 0 SUD2-EARLY, 3 SUD2-BEFORE, 4 SUD2-NOMINAL, 5 SUD2-LATE | 4
ELR-EU | weekly | first_treatment treatment | 0 TD-QW-EARLY, 6 TD-QW-BEFORE, 7 TD-QW-NOMINAL, 8 TD-QW-LATE | 7
LIN | weekly every_2_weeks every_4_weeks | step_up_1 | 0 SUD1-EARLY, 5 SUD1-AHEAD, 7 SUD1-WINDOW, 8 SUD1-LATE | 7
LIN | weekly every_2_weeks every_4_weeks | step_up_2 | 0 SUD2-EARLY, 5 SUD2-AHEAD, 7 SUD2-WINDOW, 8 SUD2-LATE | 7
LIN | weekly | first_treatment treatment_2 treatment | 0 TD-QW-EARLY, 5 TD-QW-AHEAD, 7 TD-QW-WINDOW, 8 TD-QW-LATE | 7
LIN-EU | weekly every_2_weeks | step_up_1 | 0 SUD1-EARLY, 7 SUD1-WINDOW, 8 SUD1-LATE | -
LIN-EU | weekly every_2_weeks | step_up_2 | 0 SUD2-EARLY, 7 SUD2-WINDOW, 8 SUD2-LATE | -
LIN-EU | weekly | first_treatment treatment_2 treatment | 0 TD-QW-EARLY, 7 TD-QW-WINDOW, 8 TD-QW-LATE | 7
EPC-DLBCL EPC-FL | weekly every_2_weeks every_4_weeks | step_up_1 | 0 S1-EARLY, 7 S1-WINDOW, 9 S1-RESTART | 7
EPC-FL-R2 | weekly every_4_weeks | step_up_1 | 0 S1-EARLY, 7 S1-WINDOW, 9 S1-RESTART | 7
EPC-DLBCL EPC-FL | weekly every_2_weeks every_4_weeks | step_up_2 | 0 S2-EARLY, 7 S2-WINDOW, 8 S2-LATE, 15 S2-RESTART | 7
EPC-FL-R2 | weekly every_4_weeks | step_up_2 | 0 S2-EARLY, 7 S2-WINDOW, 8 S2-LATE, 15 S2-RESTART | 7
EPC-DLBCL | weekly | first_treatment treatment_2 treatment | 0 Q1W-EARLY, 7 Q1W-WINDOW, 8 Q1W-LATE, 43 TD-RESTART | 7
EPC-FL EPC-FL-R2 | weekly | first_treatment treatment | 0 Q1W-EARLY, 7 Q1W-WINDOW, 8 Q1W-LATE, 43 TD-RESTART | 7
EPC-DLBCL | every_2_weeks | first_treatment treatment_2 treatment | 0 Q2W-EARLY, 14 Q2W-WINDOW, 15 Q2W-LATE, 43 TD-RESTART | 14
EPC-FL | every_2_weeks | first_treatment treatment | 0 Q2W-EARLY, 14 Q2W-WINDOW, 15 Q2W-LATE, 43 TD-RESTART | 14
EPC-DLBCL | every_4_weeks | first_treatment treatment_2 treatment | 0 Q4W-EARLY, 28 Q4W-WINDOW, 29 Q4W-LATE, 43 TD-RESTART | 28
EPC-FL EPC-FL-R2 | every_4_weeks | first_treatment treatment | 0 Q4W-EARLY, 28 Q4W-WINDOW, 29 Q4W-LATE, 43 TD-RESTART | 28
EPC-FL | weekly every_2_weeks every_4_weeks | step_up_3 | 0 S3-EARLY, 7 S3-WINDOW, 8 S3-LATE, 15 S3-RESTART | 7
EPC-FL-R2 | weekly every_4_weeks | step_up_3 | 0 S3-EARLY, 7 S3-WINDOW, 8 S3-LATE, 15 S3-RESTART | 7
GLO | every_3_weeks | pretreatment | 0 PRE-EARLY, 7 PRE-WINDOW, 8 PRE-LATE, 15 PRE-REPEAT | 7
GLO | every_3_weeks | step_up_1 | 0 S1-EARLY, 7 S1-WINDOW, 8 S1-LATE, 14 S1-REPEAT, 43 S1-RESTART | 7
GLO | every_3_weeks | step_up_2 | 0 S2-EARLY, 7 S2-WINDOW, 8 S2-LATE, 14 S2-REPEAT, 43 S2-RESTART | 7
GLO | every_3_weeks | first_treatment treatment_2 treatment | 0 TD-EARLY, 21 TD-WINDOW, 22 TD-LATE | 21
MOS | every_3_weeks | step_up_1 | 0 S1-EARLY, 7 S1-WINDOW, 8 S1-LATE, 15 S1-REPEAT | 7
MOS | every_3_weeks | step_up_2 | 0 S2-EARLY, 7 S2-WINDOW, 8 S2-LATE, 15 S2-REPEAT, 42 S2-RESTART | 7
MOS | every_3_weeks | first_treatment | 0 F-EARLY, 7 F-WINDOW, 8 F-LATE, 42 TD-RESTART | 7
MOS | every_3_weeks | treatment_2 treatment | 0 TD-EARLY, 21 TD-WINDOW, 22 TD-LATE, 42 TD-RESTART | 21
TAR | every_2_weeks | step_up_1 | 0 D1-EARLY, 7 D1-WINDOW, 8 D1-LATE, 15 D1-REPEAT | 7
TAR | every_2_weeks | first_treatment | 0 D8-EARLY, 7 D8-WINDOW, 8 D8-LATE, 22 D8-RESTART | 7
TAR | every_2_weeks | treatment_2 treatment_3 treatment_4 treatment_5 treatment_6 treatment_7 treatment_8 treatment | 0 TD-EARLY, 14 TD-WINDOW, 15 TD-LATE, 29 TD-RESTART | 14
MOS-SC | every_3_weeks | step_up_1 | 0 S1-EARLY, 7 S1-WINDOW, 8 S1-LATE | -
MOS-SC | every_3_weeks | first_treatment | 0 F-EARLY, 7 F-WINDOW, 8 F-LATE | -
MOS-SC | every_3_weeks | treatment_2 treatment | 0 TD-EARLY, 21 TD-WINDOW, 22 TD-LATE | -
"""
PLACES = [
    (label, schedule, last, *(cell.strip() for cell in rest))
    for labels, schedules, steps, *rest in (line.split("|") for line in DAYS.strip().splitlines())
    for label in labels.split()
    for schedule in schedules.split()
    for last in steps.split()
]
LAST = date(2026, 1, 5)


@pytest.mark.parametrize(("label", "schedule", "last", "rows", "due"), PLACES)
def test_the_row_of_each_day(label: str, schedule: str, last: str, rows: str, due: str):
    protocol = load(ALL[label])

    def row_on(day: int) -> str | None:
        on = LAST + timedelta(days=day)
        answer = redosing(protocol, last_step=last, schedule=schedule, last_on=LAST, today=on, cause="logistics")
        return answer.row and answer.row.id

    before = None
    for cell in rows.split(", "):
        first, row = cell.split()
        assert row_on(int(first)) == row
        assert row_on(int(first) - 1) == before
        before = row
    assert row_on(4000) == before
    due_on = dose_dates(protocol, last_step=last, schedule=schedule, last_on=LAST).due_on
    assert due_on == (None if due == "-" else LAST + timedelta(days=int(due)))


def test_every_step_of_every_label_stands_in_the_table():
    wanted = {
        (label, schedule, step)
        for label, key in ALL.items()
        for schedule in load(key).schedules
        for step in load(key).steps_of(schedule)
    }
    assert {place[:3] for place in PLACES} == wanted


@pytest.mark.parametrize(
    # label | schedule | last step on Mon 5 January 2026 | day | words of the reason
    ("label", "schedule", "last", "day", "words"),
    [
        ("TEC", "weekly", "step_up_1", 8, "from Tue 13 Jan 2026 (day 8) on"),
        ("TEC", "weekly", "step_up_2", 20, "from Tue 13 Jan 2026 (day 8) to Mon 2 Feb 2026 (day 28)"),
        ("TAL-EU", "every_2_weeks", "step_up_3", 2, "on Wed 7 Jan 2026 (day 2)"),
        ("TAL-EU", "every_2_weeks", "step_up_3", 3, "from Thu 8 Jan 2026 (day 3) to Mon 12 Jan 2026 (day 7)"),
    ],
)
def test_the_reason_names_the_days_of_the_row(label: str, schedule: str, last: str, day: int, words: str):
    on = LAST + timedelta(days=day)
    answer = redosing(load(ALL[label]), last_step=last, schedule=schedule, last_on=LAST, today=on, cause="logistics")
    assert f"was given on Mon 5 Jan 2026; {words}: " in answer.because


@pytest.mark.parametrize(
    # last step | day | the cause of the delay matters (more than 28 days, and a row that weighs benefit and risk)
    ("last", "day", "matters"),
    [("step_up_2", 28, False), ("step_up_2", 29, True), ("treatment", 6, False), ("treatment", -1, False)],
)
def test_when_the_cause_of_a_delay_matters(last: str, day: int, matters: bool):
    on = LAST + timedelta(days=day)
    answer = redosing(load(ALL["TEC"]), last_step=last, schedule="weekly", last_on=LAST, today=on, cause=None)
    assert answer.needs_cause is matters


@pytest.mark.parametrize("label", ["TEC", "TEC-OLD", "TEC-COMBO"])
@pytest.mark.parametrize(
    # schedule | days after the last treatment dose | benefit and risk are weighed, after an adverse reaction
    ("schedule", "days", "weighed"),
    [("weekly", 28, False), ("weekly", 29, True), ("every_2_weeks", 28, False), ("every_2_weeks", 29, True)],
)
def test_benefit_and_risk_are_weighed_from_day_29_on(label: str, schedule: str, days: int, weighed: bool):
    last = date(2026, 3, 2)
    answer = redosing(
        load(ALL[label]),
        last_step="treatment",
        schedule=schedule,
        last_on=last,
        today=last + timedelta(days=days),
        cause="adverse_reaction",
    )
    assert answer.needs_cause is weighed, answer


@pytest.mark.parametrize("label", ["TEC", "TEC-OLD", "TEC-COMBO", "TEC-EU"])
def test_one_syringe_of_teclistamab_holds_2_millilitres(label: str):
    assert load(ALL[label]).product.syringe_limit_ml == Decimal("2.0")


@pytest.mark.parametrize(
    # label | row | earlier lines at least | in force from | to
    ("label", "row", "lines", "first", "last"),
    [
        ("TEC", "IND-2", 4, "2026-03-05", None),
        ("TEC-OLD", "IND-2", 4, None, "2026-03-04"),
        ("TEC-EU", "IND-1", 3, None, None),
        ("TEC-EU", "IND-2", 1, None, None),  # an opinion, not yet an indication: it decides nothing
    ],
)
def test_the_lines_and_days_of_an_indication(label: str, row: str, lines: int, first: str | None, last: str | None):
    (found,) = [item for item in load(ALL[label]).indication if item.id == row]
    assert found.min_prior_lines == lines
    assert [day and str(day) for day in (found.in_force_from, found.in_force_to)] == [first, last]
