"""Days and amounts of what surrounds the drug: codes from their day on, tocilizumab's labels, vials and prophylaxis, laboratory limits."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.fhir.codes import code_table
from handrail.rules.billing import units_of
from handrail.rules.caredata import billing, tocilizumab
from handrail.rules.interchange import label_on
from handrail.rules.terms import Status


@pytest.mark.parametrize(
    # agent | the first day of its row | mg in one unit (- : recalled and not read, so that it bills nothing)
    ("agent", "since", "mg"),
    [
        ("teclistamab", "2023-07-01", "0.5"),
        ("talquetamab", "2024-04-01", "0.25"),
        ("elranatamab", "2024-04-01", "1"),
        ("tocilizumab", "2011-01-01", "1"),
        ("tocilizumab-bavi", "2024-04-01", "1"),
        ("tocilizumab-aazg", "2024-10-01", "-"),
        ("tocilizumab-anoh", "2025-10-01", "1"),
    ],
)
def test_a_code_from_its_first_day_on(agent: str, since: str, mg: str):
    first = date.fromisoformat(since)
    before, on = (units_of(agent, Decimal(100), day) for day in (first - timedelta(days=1), first))
    assert before.row is None and on.row == agent
    assert on.units == (None if mg == "-" else int(100 / Decimal(mg)))


@pytest.mark.parametrize(
    # row | product | its first day
    ("row", "product", "since"),
    [
        ("actemra-2017", "actemra", "2017-08-30"),
        ("tofidence-2023", "tofidence", "2023-09-29"),
        ("tofidence-2025", "tofidence", "2025-02-28"),
        ("tyenne-2024", "tyenne", "2024-03-05"),
        ("tyenne-2025", "tyenne", "2025-02-28"),
        ("avtozma-2025-01", "avtozma", "2025-01-24"),
        ("avtozma-2025-08", "avtozma", "2025-08-06"),
    ],
)
def test_the_label_row_of_tocilizumab_from_its_first_day_on(row: str, product: str, since: str):
    first = date.fromisoformat(since)
    assert label_on(product, "iv", first).row == row
    assert label_on(product, "iv", first - timedelta(days=1)).row != row


# table | first day | codes: the start of ICD-10-CM in the United States or an October; a January for procedures
CODES = """
diagnosis | 2015-10-01 | C90.00 C90.01 C90.02 T45.1X5A Z51.12 D70.1 R50.81 D80.1 D76.1 D76.2
diagnosis | 2020-10-01 | D89.831 D89.832 D89.833 D89.834 D89.835 D89.839 D84.821
diagnosis | 2021-10-01 | G92.00 G92.01 G92.02 G92.03 G92.04 G92.05 T80.82XA
diagnosis | 2024-10-01 | T45.AX5A
procedure | 2006-01-01 | 96401 96413 96415 G0378
procedure | 2009-01-01 | 96372 96365 96366 96360 96361
procedure | 2019-01-01 | 99453 99454 99457
procedure | 2020-01-01 | 99458
procedure | 2026-01-01 | 99445 99470
"""


@pytest.mark.parametrize("line", CODES.strip().splitlines())
def test_the_first_day_of_every_code(line: str):
    table, since, codes = (cell.strip() for cell in line.split("|"))
    rows = {row.id: row.since for row in getattr(billing(), table)}
    assert {code: str(rows[code]) for code in codes.split()} == dict.fromkeys(codes.split(), since)
    listed = {
        code for other in CODES.strip().splitlines() for code in other.split("|")[2].split() if other.startswith(table)
    }
    assert listed == set(rows)


def test_the_milligrams_of_a_unit_also_where_the_row_was_not_read():
    assert {row.id: row.mg for row in billing().unit if row.status is Status.UNVERIFIED} == {"tocilizumab-aazg": 1}


def test_every_vial_of_tocilizumab_holds_20_mg_in_a_millilitre():
    assert {(row.mg, row.ml) for row in tocilizumab().vial} == {(80, 4), (200, 10), (400, 20)}


@pytest.mark.parametrize(
    # row | step | hours before it
    ("row", "step", "hours"),
    [("before-dose-1", "step_up_1", (1, 4)), ("before-dose-2", "step_up_2", (4, 4))],
)
def test_prophylaxis_is_8_mg_per_kg_up_to_800_mg_over_one_hour(row: str, step: str, hours: tuple[int, int]):
    (way,) = [item for item in tocilizumab().prophylaxis if item.id == row]
    assert (way.before_step, (way.hours_before_min, way.hours_before_max)) == (step, hours)
    assert (way.mg_per_kg, way.cap_mg, way.infusion_minutes) == (8, 800, 60)
    assert way.ask_again_after_days == 21  # three weeks, by then the dose no longer covers a restart


@pytest.mark.parametrize(
    # looked at before prophylaxis | of what | below | in | above so many times the upper limit
    ("row", "analyte", "below", "unit", "times"),
    [
        ("infection", None, None, None, None),
        ("tuberculosis", None, None, None, None),
        ("hepatitis-b", None, None, None, None),
        ("neutrophils", "anc", "2.0", "10*9/L", None),
        ("platelets", "platelets", "100", "10*9/L", None),
        ("liver", "alt or ast", None, None, "1.5"),
        ("perforation", None, None, None, None),
        ("allergy", None, None, None, None),
    ],
)
def test_what_is_looked_at_before_tocilizumab_prevents_crs_was_recalled_and_decides_nothing(
    row: str, analyte: str | None, below: str | None, unit: str | None, times: str | None
):
    (check,) = [item for item in tocilizumab().check if item.id == row]
    limits = [None if text is None else Decimal(text) for text in (below, times)]
    assert [check.below, check.above_upper_limit_times] == limits
    assert (check.analyte, check.unit) == (analyte, unit)
    assert check.status is Status.UNVERIFIED


def test_two_treatment_doses_lie_ready_for_each_patient_within_two_hours():
    (stock,) = tocilizumab().stock
    assert (stock.doses_per_patient, stock.within_hours) == (2, 2)
    assert stock.status is Status.SITE_CHOICE  # the programme that asked for it was ended


@pytest.mark.parametrize(
    # fact | unit | no body gives less | or more
    ("fact", "unit", "low", "high"),
    [
        ("anc", "10*9/L", "0", "500"),
        ("anc", "/uL", "20", "500000"),
        ("leukocytes", "10*9/L", "0", "1000"),
        ("platelets", "10*9/L", "0", "5000"),
    ],
)
def test_counts_that_no_body_gives_are_the_sign_of_a_wrong_unit(fact: str, unit: str, low: str, high: str):
    row = code_table().limits_of(fact, unit)
    assert row is not None and (row.low, row.high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(("unit", "kilograms"), [("kg", "1"), ("[lb_av]", "0.45359237")])
def test_a_pound_is_what_its_definition_says(unit: str, kilograms: str):
    assert code_table().kilograms_in(unit) == Decimal(kilograms)
