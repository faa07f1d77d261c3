"""Where a label says nothing, or may be read in two ways: the careful answer, on the day and on the day beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.spec.test_worked_cases import STEPS, course, day, said
from tests.support.courses import Told, well

TEC, COMBO = "teclistamab/US/2026-03/mono", "teclistamab/US/2026-03/combo"
TAL_EU, ELR, LIN = "talquetamab/EU/2025-09/mono", "elranatamab/US/2025-07", "linvoseltamab/US/2025-07"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"

# case | protocol | schedule | what happened (as in the worked cases) | day of the visit | answer | row | words of the reason
STORIES = """
A01|TEC|QW|2 SUD1|9|give SUD2 confirm|SUD1-EXTENDED|up to 7 days
A01|TEC|QW|2 SUD1|10|restart SUD1|R1|more than 7 days
A02|TEC|QW|2 SUD1|6|give SUD2|SUD1-WINDOW|2 to 4 days
A02|TEC|QW|2 SUD1|7|give SUD2 confirm|SUD1-EXTENDED|up to 7 days
A05|TEC|Q2W|2 TD; 68 SUD2; 71 FTD|78|ask|-|which interval follows
A05|TEC|QW|2 TD; 40 SUD2; 43 FTD|50|continue TD|R4|28 days or less
A06|COMBO|Q4W|2 TD; 68 SUD2; 71 FTD|78|ask|-|which interval follows
A09|TEC|QW|2 SUD1; 5 SUD2; 13 SUD2; 21 SUD2|29|repeat SUD2|R2|8 to 28 days
A15|TAL_EU|Q2W|2 TD|13|ask withheld (ask TD)|TD-Q2W-EARLY|not found
A15|TAL_EU|Q2W|2 TD|14|ask (continue TD)|TD-Q2W-BEFORE|not verified
A15|TAL_EU|Q2W|2 TD|16|continue TD|TD-Q2W-NOMINAL|on its day
A17|ELR|QW|2 SUD1|6|ask withheld (ask)|SUD1-LATE|ask the prescriber
A22|LIN|QW|2 SUD1|10|ask withheld (ask)|SUD1-LATE|ask the prescriber
A29|TEC|QW|2 TD|8|ask withheld (ask TD)|TD-QW-EARLY|ask the prescriber
A29|TEC|QW|2 TD|9|continue TD|R4|28 days or less
A32|TEC|QW|2 TD; 9 missed logistics; 16 missed logistics|23|continue TD|R4|28 days or less
"""
ROWS = [line.split("|") for line in STORIES.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[1]}-{row[4]}" for row in ROWS])
def test_the_careful_answer(row: list[str]):
    _, key, schedule, story, visit, wanted, delay_row, words = row
    answer = course(globals()[key], globals()[schedule], story, int(visit))
    assert (said(answer), answer.next_dose.row or "-") == (wanted, delay_row)
    assert words in answer.next_dose.because


@pytest.mark.parametrize(
    # case | protocol | what is written of the amount | differs from the label
    ("case", "key", "amount", "differs"),
    [
        ("A10", ELR, {"dose_mg": "6"}, True),
        ("A10", ELR, {"dose_mg": "12"}, False),
        ("A10", ELR, {"dose_mg": None}, True),
        ("A10", TEC, {"dose_mg_per_kg": "0.03"}, True),
        ("A10", TEC, {"dose_mg": "2.2", "weight_kg": "72"}, True),
        ("A10", TEC, {"dose_mg_per_kg": "0.06"}, False),
    ],
)
def test_a_part_of_a_dose_is_not_a_dose(case: str, key: str, amount: dict[str, str | None], differs: bool):
    told = Told(key)
    told.dose("step_up_1", day(2), **amount)
    well(told, day(5, 8))
    answer = told.assess(day(5))
    assert (answer.next_dose.action.value == "ask") == differs, case
    assert any("differs from the protocol" in finding.what for finding in answer.findings) == differs


def test_a32_a_dose_left_out_is_never_made_up_for():
    """The interval from the last dose counts; the amount stays that of one dose."""
    answer = course(ELR, QW, "2 SUD1; 5 SUD2; 9 FTD; 15 missed logistics", 16)
    assert answer.next_dose.amount is not None and answer.next_dose.amount.mg == Decimal(76)


def test_a35_after_the_step_up_there_is_no_premedication_without_a_rule():
    answer = course(TEC, QW, "2 SUD1; 5 SUD2; 8 FTD", 15)
    assert (said(answer), answer.next_dose.premedication) == ("continue TD", ())


def test_the_stories_use_the_steps_of_the_worked_cases():
    assert {word for row in ROWS for word in row[3].replace(";", "").split() if word in STEPS} >= {"SUD1", "FTD", "TD"}
