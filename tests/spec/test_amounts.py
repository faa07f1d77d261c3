"""How many milligrams: flat doses as sourced; weight bands only as rows, and not acted on until somebody signs them.

X01 to X07 are the worked cases. The weight tables of teclistamab were not read in the label: the amount is "ask", with the
band's row under `would_be`; milligrams per kilogram are never multiplied by the weight.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from handrail.rules.amount import AmountAnswer, amount_for, check_given, mixing_refused, split, unverified
from handrail.rules.answer import Amount
from handrail.rules.protocol import Protocol, load
from handrail.rules.terms import Status, Urgency
from tests.support.courses import ELRA, TEC, TEC_COMBO, TEC_OLD, Told, well

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"
TECLISTAMAB = [TEC, TEC_COMBO, TEC_OLD]


def asked(key: str, step: str, weight_kg: str | None, schedule: str = QW) -> AmountAnswer:
    weight = Decimal(weight_kg) if weight_kg is not None else None
    return amount_for(load(key), step=step, schedule=schedule, weight_kg=weight)


def say(amount: Amount | None) -> tuple[str, str, int | None, int | None] | None:
    return amount and (str(amount.mg), str(amount.ml), amount.vials, amount.syringes)


@pytest.mark.parametrize("key", TECLISTAMAB)
@pytest.mark.parametrize(
    # case | step | kg    | mg, mL, vials, syringes of the band's row
    ("case", "step", "weight_kg", "row"),
    [
        ("X01", SUD1, "72", ("4.5", "0.45", 1, 1)),
        ("X02", SUD2, "72", ("22", "2.2", 1, 2)),
        ("X03", FTD, "72", ("108", "1.2", 1, 1)),
        ("X03", TD, "72", ("108", "1.2", 1, 1)),
        ("X04", FTD, "60", ("99", "1.1", 1, 1)),  # 60 x 1.5 = 90 is not what the table says
        ("X04", TD, "69", ("99", "1.1", 1, 1)),
    ],
)
def test_the_band_is_shown_and_not_acted_on(
    key: str, case: str, step: str, weight_kg: str, row: tuple[str, str, int, int]
):
    answer = asked(key, step, weight_kg)
    assert answer.amount is None, case
    assert say(answer.would_be) == row, case
    assert answer.would_be is not None and unverified(answer.would_be)
    assert "not verified" in answer.because
    assert [item.missing for item in answer.cannot_say] == ["amount"]


def test_x02_a_volume_over_the_limit_of_one_injection_is_split_equally():
    band = asked(TEC, SUD2, "72").would_be
    assert band is not None
    assert say(split(band)) == ("22", "1.1", 1, 2)


@pytest.mark.parametrize(
    # case | kg | answer of the table
    ("case", "weight_kg", "found", "why"),
    [
        ("X05", "34", False, "outside"),
        ("-", "34.9", False, "outside"),
        ("-", "35", True, "not verified"),
        ("-", "59", True, "not verified"),
        ("X06", "59.6", False, "between two"),
        ("-", "60", True, "not verified"),
        ("-", "160", True, "not verified"),
        ("-", "160.1", False, "outside"),
        ("X05", "161", False, "outside"),
    ],
)
def test_x05_x06_no_band_no_amount(case: str, weight_kg: str, found: bool, why: str):
    for key in TECLISTAMAB:
        for step in (SUD1, SUD2, FTD):
            answer = asked(key, step, weight_kg)
            assert answer.amount is None
            assert (answer.would_be is not None) == found, (key, step)
            assert why in answer.because


@pytest.mark.parametrize("key", TECLISTAMAB)
def test_every_whole_kilogram_has_one_row_a_step(key: str):
    protocol = load(key)
    for step in (SUD1, SUD2, FTD):
        per_kg = protocol.step_row(step, QW).mg_per_kg
        rows = [row for row in protocol.band if row.mg_per_kg == per_kg]
        for weight in range(35, 161):
            assert sum(row.from_kg <= weight <= row.to_kg for row in rows) == 1, (step, weight)


@pytest.mark.parametrize("key", TECLISTAMAB)
def test_no_weight_no_row(key: str):
    answer = asked(key, SUD1, None)
    assert (answer.amount, answer.would_be) == (None, None)
    assert [item.missing for item in answer.cannot_say] == ["weight_kg"]


def test_the_combination_has_no_table_for_3_mg_per_kg():
    for schedule in (Q2W, Q4W):
        answer = asked(TEC_COMBO, TD, "72", schedule)
        assert (answer.amount, answer.would_be) == (None, None)
        assert "3 mg/kg" in answer.because


@pytest.mark.parametrize(
    "strengths", [("vial_153", "vial_30"), ("vial_30", "vial_153"), ("vial_153", "vial_30", "vial_30")]
)
def test_x07_one_dose_is_never_made_from_two_concentrations(strengths: tuple[str, ...]):
    finding = mixing_refused(load(TEC), strengths)
    assert finding is not None and finding.urgency is Urgency.NOW and finding.source is not None


@pytest.mark.parametrize("strengths", [(), ("vial_30",), ("vial_153", "vial_153")])
def test_x07_several_vials_of_one_concentration_are_one_dose(strengths: tuple[str, ...]):
    assert mixing_refused(load(TEC), strengths) is None


@pytest.mark.parametrize(
    # step | mg, mL        (flat, whatever the weight)
    ("step", "mg", "ml"),
    [(SUD1, "12", "0.3"), (SUD2, "32", "0.8"), (FTD, "76", "1.9"), (TD, "76", "1.9")],
)
@pytest.mark.parametrize("key", ["elranatamab/US/2023-08", ELRA])
@pytest.mark.parametrize("weight_kg", [None, "34", "72", "161"])
def test_elranatamab_is_flat(key: str, step: str, mg: str, ml: str, weight_kg: str | None):
    answer = asked(key, step, weight_kg)
    assert answer.amount is not None and answer.would_be is None and answer.cannot_say == ()
    assert (str(answer.amount.mg), str(answer.amount.ml), answer.amount.syringes) == (mg, ml, 1)


def test_a_band_signed_by_an_organisation_is_acted_on():
    protocol = load(TEC)
    signed = tuple(replace(band, signed_by="synthetic pharmacist") for band in protocol.band)
    answer = amount_for(replace(protocol, band=signed), step=SUD1, schedule=QW, weight_kg=Decimal(72))
    assert say(answer.amount) == ("4.5", "0.45", 1, 1) and answer.would_be is None
    assert answer.amount is not None and answer.amount.status is Status.UNVERIFIED, "its source stays as weak as it was"


# --- in the answer of the course ----------------------------------------------------------------------------------


def test_the_course_answer_says_give_and_asks_for_the_amount():
    told = Told(TEC)
    well(told, "2026-03-02 08:00", weight_kg="72")
    dose = told.assess("2026-03-02 08:30").next_dose
    assert (dose.action.value, dose.step, dose.amount) == ("give", SUD1, None)
    assert "amount: ask the prescriber" in dose.flags
    assert dose.would_be is not None and say(dose.would_be.amount) == ("4.5", "0.45", 1, 1)


@pytest.mark.parametrize("weight_kg", ["7", "300"])
def test_an_implausible_weight_gives_no_row(weight_kg: str):
    told = Told(TEC)
    well(told, "2026-03-02 08:00", weight_kg=weight_kg)
    answer = told.assess("2026-03-02 08:30")
    assert answer.next_dose.amount is None
    assert answer.next_dose.would_be is None or answer.next_dose.would_be.amount is None
    assert {"weight_kg", "weight_measured.weight_kg"} <= {item.missing for item in answer.cannot_say}


def test_the_flat_amount_stands_in_the_course_answer():
    told = Told(ELRA)
    well(told, "2026-03-02 08:00", weight_kg="72")
    dose = told.assess("2026-03-02 08:30").next_dose
    assert say(dose.amount) == ("12", "0.3", None, 1) and dose.would_be is None


# --- what was really given ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # protocol, step, mg given, mg/kg given, weight, differs?
    ("key", "step", "mg", "per_kg", "weight_kg", "differs"),
    [
        (ELRA, SUD1, "12", None, None, False),
        (ELRA, SUD1, "12.0", None, None, False),
        (ELRA, SUD1, "32", None, None, True),
        (ELRA, SUD1, None, None, None, False),
        (TEC, SUD1, None, "0.06", None, False),
        (TEC, SUD1, None, "0.3", None, True),
        (TEC, SUD1, "4.5", None, "72", False),
        (TEC, SUD1, "4.32", None, "72", True),  # 72 x 0.06: the formula is not the table
        (TEC, FTD, "99", "1.5", "60", False),
        (TEC, FTD, "90", "1.5", "60", True),
        (TEC, FTD, "90", "1.5", None, False),
        (TEC, FTD, "90", None, "161", False),
    ],
)
def test_an_amount_given_is_compared_with_the_row(
    key: str, step: str, mg: str | None, per_kg: str | None, weight_kg: str | None, differs: bool
):
    def number(text: str | None) -> Decimal | None:
        return Decimal(text) if text is not None else None

    protocol: Protocol = load(key)
    said = check_given(
        protocol,
        step=step,
        schedule=QW,
        dose_mg=number(mg),
        dose_mg_per_kg=number(per_kg),
        weight_kg=number(weight_kg),
    )
    assert (said is not None) == differs


def test_a_wrong_amount_is_recorded_and_the_next_dose_is_asked():
    told = Told(ELRA)
    well(told, "2026-03-02 08:00")
    dose = told.dose(SUD1, "2026-03-02 09:00", dose_mg="32")
    well(told, "2026-03-05 08:00")
    answer = told.assess("2026-03-05 09:00")
    assert (answer.next_dose.action.value, answer.next_dose.withheld) == ("ask", True)
    (finding,) = [f for f in answer.findings if "differs from the protocol" in f.what]
    assert finding.urgency is Urgency.NOW
    signed = {"advised": "12 mg", "done": "32 mg", "reason": "vial chosen in error", "approver": "synthetic"}
    told.tell("departure_signed", "2026-03-05 08:30", rule=f"dose_given:{dose}", **signed)
    assert told.assess("2026-03-05 09:00").next_dose.action.gives
