"""A drill is passed within every limit and with the right grade; a site has passed the two that SITE-23 asks for, not too long ago."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.curriculum import FOLDER
from handrail.rules.drills import Run, drills_from_toml, judge, leaves_to_words, load_drills, site_evidence
from handrail.rules.strict import ProtocolDataError
from tests.support.courses import CHICAGO, civil

BOOK = load_drills()
TODAY = date(2026, 7, 6)
GOOD = {"call_answered": Decimal(5), "packet_opened": Decimal(10), "tocilizumab_at_bedside": Decimal(60)}
RUN = Run(kind="phone_after_hours", on=TODAY, minutes=GOOD, correct_grade=True)
BOTH = (RUN, replace(RUN, kind="ed_without_record"))


@pytest.mark.parametrize(
    # milestone              | minutes | passed
    ("name", "minutes", "passed"),
    [
        ("call_answered", "5", True),
        ("call_answered", "5.1", False),
        ("call_answered", "0", True),
        ("call_answered", "-1", None),
        ("call_answered", None, None),
        ("packet_opened", "10", True),
        ("packet_opened", "10.5", False),
        ("packet_opened", None, None),
        ("tocilizumab_at_bedside", "60", True),
        ("tocilizumab_at_bedside", "61", False),
        ("tocilizumab_at_bedside", None, None),
    ],
)
def test_both_sides_of_every_limit(name: str, minutes: str | None, passed: bool | None):
    run = replace(RUN, minutes={**GOOD, name: Decimal(minutes) if minutes is not None else None})
    result = judge(run, BOOK)
    assert result.passed is passed
    assert [each.kept for each in result.limits if each.id == name] == [passed]


@pytest.mark.parametrize(("grade", "words"), [(True, "right"), (False, "wrong"), (None, "not known")])
def test_a_wrong_grade_never_passes(grade: bool | None, words: str):
    result = judge(replace(RUN, correct_grade=grade), BOOK)
    assert result.passed is grade
    assert f"grade {words}" in result.because


def test_not_kept_is_said_before_not_known_and_what_kept_it_is_named():
    result = judge(replace(RUN, minutes={"call_answered": Decimal("7.50")}), BOOK)
    assert result.passed is False
    assert result.because == (
        "call answered after 7.5 min, at most 5; packet opened: time not known; tocilizumab at the bedside: time not known"
    )


def holds(*runs: Run, on: date = TODAY, product: str | None = None) -> Any:
    return site_evidence(runs, BOOK, product, on, CHICAGO)


def test_a_site_has_passed_one_after_hours_and_one_with_the_emergency_department():
    found = holds(*BOTH)
    assert found.met is True
    assert civil(found.until) == "2027-01-05 00:00", "182 days after it, the last day included"
    assert holds(RUN).met is None
    assert "drill in an emergency department without the record: none is recorded" in holds(RUN).because
    assert holds(*BOTH[1:], replace(RUN, kind="clinic")).met is None
    assert holds().next_step == "hold one, and write down its times"


NOT_TIMED = {"call_answered": None}
LEFT = [
    # the drills on record | whether what people say of the item counts
    ((), True), ((BOTH[0],), True), ((BOTH[1],), True), (BOTH, False),
    ((replace(RUN, kind="clinic"),), True),  # a kind that the item does not ask for
    ((replace(BOTH[0], minutes=NOT_TIMED),), False), ((replace(BOTH[0], correct_grade=None),), False),
    ((replace(BOTH[0], correct_grade=False),), False), ((replace(BOTH[0], on=None),), False),
    ((BOTH[0], replace(BOTH[1], minutes=NOT_TIMED)), False),
]  # fmt: skip


@pytest.mark.parametrize(("runs", "left"), LEFT)
def test_words_count_only_of_what_was_never_held(runs: tuple[Run, ...], left: bool):
    assert leaves_to_words(runs, BOOK, None, TODAY, CHICAGO) is left


@pytest.mark.parametrize(("days", "met"), [(0, True), (182, True), (183, False), (-1, None)])
def test_it_counts_half_a_year(days: int, met: bool | None):
    assert holds(*BOTH, on=TODAY + timedelta(days=days)).met is met


def test_the_last_one_of_its_kind_decides():
    failed = replace(RUN, on=TODAY + timedelta(days=1), correct_grade=False)
    assert holds(*BOTH, failed, on=failed.on or TODAY).met is False
    assert holds(*BOTH, failed, on=TODAY).met is True
    assert holds(*BOTH, replace(failed, on=TODAY)).met is False, "of one day the worse"
    assert holds(*BOTH, replace(RUN, correct_grade=None)).met is None
    assert holds(*BOTH, replace(RUN, on=None)).met is None, "one without a day may be the last"


def test_a_drill_about_another_product_says_nothing():
    own = tuple(replace(each, product="teclistamab") for each in BOTH)
    assert holds(*own, product="teclistamab").met is True
    assert holds(*own, product="talquetamab").met is None
    assert holds(*BOTH, product="talquetamab").met is True
    assert holds(*own).met is True


TEXT = (FOLDER / "drills-1.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("handrail-drills/1", "handrail-drills/2", "unknown_format"),
        ('source = ["HANDRAIL"]', "source = []", "missing_source"),
        ('id = "clinic"', 'id = "winter_transport"', "duplicate_id"),
        ("minutes = 5", "minutes = 0", "bad_number"),
        ("valid_days = 182", "valid_days = 0", "bad_number"),
        ("required = true", "required = false", "missing_key"),
    ],
)
def test_drills_that_make_no_sense_are_refused(before: str, after: str, code: str):
    assert before in TEXT
    text = TEXT.replace(before, after) if code == "missing_key" else TEXT.replace(before, after, 1)
    with pytest.raises(ProtocolDataError) as refused:
        drills_from_toml(text)
    assert refused.value.code == code
