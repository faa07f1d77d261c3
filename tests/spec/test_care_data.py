"""Tocilizumab products over time, exchange, and billing units from milligrams given."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from handrail.rules import caredata
from handrail.rules.billing import diagnosis_of, units_of
from handrail.rules.caredata import billing_from_toml, care_from_toml, is_tocilizumab
from handrail.rules.interchange import exchange, label_on
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput

CARE = (Path(caredata.FOLDER) / "care" / "tocilizumab.toml").read_text(encoding="utf-8")
BILLING = (Path(caredata.FOLDER) / "codes" / "billing.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    # product    | day         | label says
    ("product", "day", "says"),
    [
        ("actemra", "2017-08-29", "ask"),
        ("actemra", "2026-01-01", "ask"),  # recalled, not read: nobody acts on it
        ("tofidence", "2023-09-28", "ask"),
        ("tofidence", "2023-09-29", "no_crs"),
        ("tofidence", "2025-02-27", "no_crs"),
        ("tofidence", "2025-02-28", "ask"),
        ("tyenne", "2024-03-04", "ask"),
        ("tyenne", "2024-03-05", "no_crs"),
        ("tyenne", "2025-02-27", "no_crs"),
        ("tyenne", "2025-02-28", "crs"),
        ("avtozma", "2025-08-05", "ask"),
        ("avtozma", "2025-08-06", "crs"),
    ],
)
def test_what_the_label_said_on_a_day(product: str, day: str, says: str):
    assert label_on(product, "iv", date.fromisoformat(day)).says == says


def test_the_subcutaneous_label_is_not_the_intravenous_one():
    assert label_on("tyenne", "sc", date(2026, 1, 1)).says == "ask"


IV, SC = "iv", "sc"


@pytest.mark.parametrize(
    # ordered | offered | emergency | protocol signed | allowed
    ("ordered", "offered", "emergency", "signed", "allowed"),
    [
        (("actemra", IV), ("actemra", IV), False, False, True),
        (("actemra", IV), ("tyenne", IV), False, False, False),
        (("actemra", IV), ("tyenne", IV), False, True, True),
        (("actemra", IV), ("tyenne", IV), True, False, True),  # the shelf decides, never the payer
        (("actemra", IV), ("tyenne", SC), True, True, False),  # never, in an emergency neither
        (("actemra", SC), ("actemra", IV), True, True, False),
        (
            ("actemra", SC),
            ("tyenne", SC),
            True,
            False,
            True,
        ),  # both subcutaneous: the shelf decides as for both intravenous
        (("actemra", SC), ("tyenne", SC), False, False, False),
        (("actemra", IV), ("tofidence", SC), False, True, False),
        (("actemra", IV), ("unheard-of", IV), True, True, False),
    ],
)
def test_exchange(ordered, offered, emergency: bool, signed: bool, allowed: bool):
    answer = exchange(ordered, offered, emergency=emergency, protocol_signed=signed)
    assert answer.allowed is allowed
    assert answer.because


def test_an_exchange_without_a_protocol_says_what_it_needs():
    answer = exchange(("actemra", IV), ("tyenne", IV), emergency=False, protocol_signed=False)
    assert answer.needs == "the site's signed therapeutic interchange protocol, or a new order"


ON = date(2026, 11, 23)


@pytest.mark.parametrize(
    # agent | mg given | units
    ("agent", "mg", "units"),
    [
        ("teclistamab", "3.0", 6), ("teclistamab", "15", 30), ("teclistamab", "75", 150),
        ("teclistamab", "3.6", 8),  # a public table says 7
        ("teclistamab", "4.2", 9),  # and 8
        ("teclistamab", "105", 210), ("teclistamab", "108", 216), ("teclistamab", "0.5", 1), ("teclistamab", "0.51", 2),
        ("talquetamab", "0.7", 3), ("talquetamab", "4.2", 17), ("talquetamab", "21", 84), ("talquetamab", "28", 112),
        ("talquetamab", "56", 224),
        ("elranatamab", "12", 12), ("elranatamab", "32", 32), ("elranatamab", "76", 76),
        ("tocilizumab", "560", 560), ("tocilizumab", "800", 800), ("tocilizumab-anoh", "560", 560),
    ],
)  # fmt: skip
def test_units_follow_the_milligrams_given(agent: str, mg: str, units: int):
    assert units_of(agent, Decimal(mg), ON).units == units


@pytest.mark.parametrize(
    ("agent", "on", "code"),
    [
        ("teclistamab", "2026-11-23", "J9380"),
        ("teclistamab", "2023-06-30", None),
        ("elranatamab", "2024-03-31", None),
        ("elranatamab", "2024-04-01", "J1323"),
        ("tocilizumab-bavi", "2024-04-01", "Q5133"),
        ("tocilizumab-aazg", "2026-11-23", None),  # recalled, not read
        ("linvoseltamab", "2026-11-23", None),  # not found
    ],
)
def test_a_code_counts_from_its_day_and_only_when_it_was_read(agent: str, on: str, code: str | None):
    answer = units_of(agent, Decimal(10), date.fromisoformat(on))
    assert answer.code == code
    assert (answer.units is None) == (code is None)
    if code is None:
        assert "check the payer's table" in answer.because


@pytest.mark.parametrize(
    ("opened", "discarded", "modifier"),
    [("153", 90, "JW"), ("108", 0, "JZ"), ("108.4", 0, "JZ"), ("108.5", 1, "JW"), (None, None, None)],
)
def test_what_was_thrown_away_stands_apart(opened: str | None, discarded: int | None, modifier: str | None):
    answer = units_of("teclistamab", Decimal(108), ON, mg_opened=None if opened is None else Decimal(opened))
    assert (answer.units, answer.discarded_units, answer.modifier) == (216, discarded, modifier)


@pytest.mark.parametrize(("given", "opened"), [("0", None), ("-1", None), ("10", "9")])
def test_milligrams_that_make_no_sense_are_refused(given: str, opened: str | None):
    with pytest.raises(UnusableInput):
        units_of("teclistamab", Decimal(given), ON, mg_opened=None if opened is None else Decimal(opened))


@pytest.mark.parametrize(
    # toxicity | grade | day | code
    ("toxicity", "grade", "on", "code"),
    [
        ("crs", 1, "2026-11-23", "D89.831"),
        ("crs", 2, "2026-11-23", "D89.832"),
        ("crs", 3, "2026-11-23", "D89.833"),
        ("crs", 4, "2026-11-23", "D89.834"),
        ("crs", 5, "2026-11-23", "D89.835"),
        ("crs", None, "2026-11-23", "D89.839"),
        ("crs", 1, "2020-10-01", "D89.831"),
        ("crs", 1, "2020-09-30", None),
        ("crs", 6, "2026-11-23", None),
        ("icans", None, "2026-11-23", "G92.00"),
        ("icans", 1, "2026-11-23", "G92.01"),
        ("icans", 2, "2026-11-23", None),  # by the pattern of the others: nobody read it
        ("icans", 3, "2026-11-23", "G92.03"),
        ("icans", 4, "2026-11-23", None),
        ("icans", 5, "2026-11-23", None),
    ],
)
def test_the_code_of_a_grade_that_a_clinician_documented(toxicity, grade, on: str, code: str | None):
    answer = diagnosis_of(toxicity, grade, date.fromisoformat(on), documented=True)
    assert answer.code == code
    assert code is not None or "ask the coder" in answer.because
    computed = diagnosis_of(toxicity, grade, date.fromisoformat(on), documented=False)
    assert computed.code is None and "a clinician documented" in computed.because


def test_what_was_recalled_codes_nothing():
    rows = [*caredata.billing().diagnosis, *caredata.billing().procedure]
    assert {row.code for row in rows if row.status.value != "unverified"} == {
        "C90.00", "C90.02", "D89.831", "D89.832", "D89.833", "D89.834", "D89.835", "D89.839",
        "G92.00", "G92.01", "G92.03", "96401",
    }  # fmt: skip
    assert all(row.source == ("RECALLED",) for row in rows if row.status.value == "unverified")


def test_the_wrong_code_of_a_public_page_stands_for_nothing():
    assert "J1304" not in {row.code for row in caredata.billing().unit}
    assert [row.code for row in caredata.billing().not_this] == ["J1304"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('format = "handrail-care/1"', 'format = "handrail-care/2"', "unknown_format"),
        ('source = ["JDS", "NDC-TOF"]', "source = []", "missing_source"),
        ('source = ["JDS", "NDC-TOF"]', 'source = ["NOBODY"]', "missing_source"),
        ('brand = "Tyenne"', 'brand = "Tyenne"\ncolour = "blue"', "unknown_key"),
        ('product = "tyenne"\nform = "iv"', 'product = "tyenn"\nform = "iv"', "unknown_product"),
        ('since = 2025-02-28\nsays = "crs"', 'since = 2024-03-05\nsays = "crs"', "overlap"),
        ('id = "vial-80"', 'id = "vial-200"', "duplicate_id"),
        ('mg = "80"', 'mg = "0"', "bad_number"),
        ("hours_before_min = 1", "hours_before_min = 5", "bad_number"),
        ("hours_before_min = 1", "hours_before_min = 0", "bad_number"),
        ('mg_per_kg = "8"', 'mg_per_kg = "0"', "bad_number"),
        ('cap_mg = "800"', 'cap_mg = "0"', "bad_number"),
        ('ml = "4"', 'ml = "0"', "bad_number"),
        ('says = "no_crs"', 'says = "perhaps"', "unknown_word"),
        ('below = "2.0"', 'below = "0"', "bad_number"),
        ('below = "2.0"\n', "", "bad_number"),
        ('below = "2.0"\nunit = "10*9/L"\n', 'below = "2.0"\n', "bad_number"),
        ('analyte = "anc"\n', "", "bad_number"),
        ('above_upper_limit_times = "1.5"\n', "", "bad_number"),
        ('above_upper_limit_times = "1.5"', 'above_upper_limit_times = "0"', "bad_number"),
        ("doses_per_patient = 2", "doses_per_patient = 0", "bad_number"),
        ("within_hours = 2", "within_hours = 0", "bad_number"),
    ],
)
def test_a_planted_fault_in_the_care_data_is_refused(old: str, new: str, code: str):
    assert old in CARE
    with pytest.raises(ProtocolDataError) as refused:
        care_from_toml(CARE.replace(old, new, 1))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('mg = "0.5"', 'mg = "0"', "bad_number"),
        ('code = "J1323"', 'code = "J9380"', "duplicate_id"),
        ('source = ["OPAY"]', 'source = ["PAY"]', "missing_source"),
        ('code = "D89.831"', 'code = "D89.831"\nuntil = 2019-01-01', "bad_number"),
        ('id = "D89.831"', 'id = "D89.832"', "duplicate_id"),
        ("since = 2023-07-01", "since = 2023-07-01\nuntil = 2023-06-01", "bad_number"),
        ('status = "unverified"', 'status = "surely"', "unknown_word"),
    ],
)
def test_a_planted_fault_in_the_billing_units_is_refused(old: str, new: str, code: str):
    assert old in BILLING
    with pytest.raises(ProtocolDataError) as refused:
        billing_from_toml(BILLING.replace(old, new, 1))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("agent", "counts"),
    [
        ("tocilizumab", True),
        ("Tocilizumab", True),
        ("tocilizumab-aazg", True),
        ("Actemra", True),
        ("ACTEMRA IV 400 mg", True),
        ("Tyenne", True),
        ("tofidence", True),
        ("Avtozma", True),
        ("anakinra", False),
        ("siltuximab", False),
        ("actem", False),
        ("", False),
        (None, False),
    ],
)
def test_tocilizumab_counts_under_each_of_its_names(agent, counts):
    assert is_tocilizumab(agent) is counts
