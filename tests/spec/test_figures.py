"""The figures as tables: intervals computed by hand, rates with what is not known, what is withheld, and which published counts stand beside."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from handrail.measures.data import FOLDER as DATA
from handrail.measures.data import (
    MEASURES,
    MeasureId,
    PublishedRow,
    definitions,
    definitions_from_toml,
    published,
    published_from_toml,
    published_sources,
)
from handrail.measures.figures import (
    ALL,
    PREVENTED,
    Group,
    beside,
    chosen,
    in_period,
    onset,
    quarters,
    rate_of,
    table,
    withheld_quarters,
    withheld_rows,
)
from handrail.measures.intervals import Rate, rate, wilson
from handrail.measures.outcomes import DoseAt, Outcome
from handrail.measures.withholding import withheld
from handrail.rules.site_profile import few
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

TODAY = date(2026, 3, 31)


def ended(crs: bool | None = False, **fields: Any) -> Outcome:
    """One synthetic course as the figures read it; every measure like CRS unless told otherwise."""
    told: dict[str, Any] = {
        "product": "teclistamab",
        "began_on": date(2026, 3, 2),
        "prevention": "with",
        "closed": True,
        "watched": crs is not None,
        "answers": dict.fromkeys(MEASURES, crs),
        "doses": (DoseAt(step="step_up_1", on=date(2026, 3, 2), setting="outpatient"),),
    }
    return Outcome(**{**told, **fields})


# --- intervals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "of", "low", "high"),
    [
        # Wilson, 95%, computed by hand with z = 1.95996
        (18, 57, "21.0", "44.5"),
        (10, 52, "10.8", "31.9"),
        (0, 20, "0.0", "16.1"),
        (20, 20, "83.9", "100.0"),
        (1, 2, "9.5", "90.5"),
        (119, 165, "64.8", "78.4"),
        (0, 1, "0.0", "79.3"),
    ],
)
def test_the_wilson_interval(events, of, low, high):
    found = wilson(events, of)
    assert found is not None
    assert (f"{100 * found.low:.1f}", f"{100 * found.high:.1f}") == (low, high)


def test_of_nobody_there_is_no_interval_and_no_share():
    none = rate([None, None])
    assert wilson(0, 0) is None
    assert (none.share, none.interval, none.known, none.all) == (None, None, 0, 2)
    assert none.whole is not None
    assert (none.whole.low, none.whole.high) == (0.0, 1.0)
    assert rate([]).whole is None


def test_who_is_not_known_stands_in_no_denominator_and_widens_the_whole_interval():
    found = rate([True, False, False, None])
    assert found == Rate(yes=1, no=2, not_known=1)
    assert found.share == pytest.approx(1 / 3)
    assert found.interval == wilson(1, 3)
    assert found.whole is not None
    low, high = wilson(1, 4), wilson(2, 4)
    assert low is not None
    assert high is not None
    assert (found.whole.low, found.whole.high) == (low.low, high.high)


# --- withheld -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, True), (4, True), (5, False)])
def test_few_is_one_to_four(count, expected):
    assert few(count, 5) is expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # whole, and its parts a, b, c                                      | withheld
        ({"whole": (30,), "a": (10,), "b": (10,), "c": (10,)}, ""),
        ({"whole": (23,), "a": (3,), "b": (10,), "c": (10,)}, "ab"),
        ({"whole": (22,), "a": (3,), "b": (12,), "c": (7,)}, "ac"),
        ({"whole": (14,), "a": (3,), "b": (4,), "c": (7,)}, "ab"),
        ({"whole": (13,), "a": (3,), "b": (10,), "c": (0,)}, "ab"),
        ({"whole": (3,), "a": (3,), "b": (0,), "c": (0,)}, "a whole"),
        ({"whole": (0,), "a": (0,), "b": (0,), "c": (0,)}, ""),
    ],
)
def test_a_small_count_is_withheld_with_one_that_would_give_it_away(counts, expected):
    found = withheld(counts, [("whole", ["a", "b", "c"])], 5)
    assert found == {name for name in counts if name in expected.replace("whole", "") or (name == "whole" in expected)}


def test_a_sum_that_is_withheld_elsewhere_withholds_a_part():
    counts = {"whole": (20,), "a": (8,), "b": (12,)}
    assert withheld(counts, [("whole", ["a", "b"])], 5, already=["whole"]) == {"whole", "a"}


def test_what_is_withheld_of_a_sum_is_not_few_taken_together():
    """One of fifteen would be told by subtracting, though neither row of the two is."""
    counts = {"whole": (16, 44), "a": (10, 20), "b": (1, 6), "c": (0, 8), "d": (5, 10)}
    assert withheld(counts, [("whole", ["a", "b", "c", "d"])], 5) == {"b", "c", "d"}


@pytest.mark.parametrize(
    "told",
    [
        # product, tocilizumab, with CRS, without: the few of "b" of whom that is not known follow from the sums of "c" and "d"
        "a with 0 2, a without 0 2, a not_known 0 20, b with 0 3, b without 0 3, b not_known 0 3, c not_known 0 3, d not_known 0 4",
        "a without 2 5, b with 12 3, b without 0 19, b not_known 3 2, c without 2 3, c not_known 0 5, d with 2 13, d without 5 0",
    ],
)
def test_no_row_is_left_that_all_sums_together_give_away(told):
    """Two of each line and of each column are withheld, and still one of them follows from all lines and columns together."""
    courses = []
    for product, word, yes, no in (each.split() for each in told.split(", ")):
        courses += [ended(True, product=product, prevention=word) for _ in range(int(yes))]
        courses += [ended(False, product=product, prevention=word) for _ in range(int(no))]
    rows = table(courses)
    hidden = withheld_rows(rows, 5)
    assert hidden
    assert not found_by_elimination(rows, hidden)


def test_no_measure_tells_how_many_courses_a_group_of_few_has():
    """Where one measure withholds one group beside it and another measure another, both together would tell."""
    few_ = [ended(product="talquetamab", prevention="not_known") for _ in range(3)]
    more = [ended(product="teclistamab", prevention="not_known") for _ in range(20)]
    most = [ended(product="elranatamab", prevention="not_known", answers={**dict.fromkeys(MEASURES, False), "crs_3": n < 2}) for n in range(30)]  # fmt: skip
    rows = table([*few_, *more, *most])
    hidden = withheld_rows(rows, 5)
    shown = {(each.product, each.tocilizumab) for each in rows if each not in hidden}
    assert (ALL, ALL) in shown
    assert ("elranatamab", ALL) in shown
    assert ("teclistamab", ALL) not in shown, "with it the three of talquetamab are 53 - 30 - 20"


def test_in_the_whole_table_nothing_small_is_found_by_subtracting():
    """Of two products and three words: a small row hides another one in its line and one in its column."""
    told = [ended(bool(n % 2), product=name, prevention=word) for name in ("elranatamab", "teclistamab") for word in ("with", "without", "not_known") for n in range(20)]  # fmt: skip
    told += [ended(True, product="talquetamab", prevention="with") for _ in range(3)]
    rows = table(told)
    hidden = withheld_rows(rows, 5)
    few_ = Group(product="talquetamab", tocilizumab="with", measure="crs_any")
    assert few_ in hidden
    assert Group(product="talquetamab", tocilizumab=ALL, measure="crs_any") in hidden
    for word in ("with", ALL):
        line = [Group(product=name, tocilizumab=word, measure="crs_any") for name in (ALL, "elranatamab", "talquetamab", "teclistamab")]  # fmt: skip
        assert len(hidden.intersection(line)) != 1
    assert Group(product="elranatamab", tocilizumab="without", measure="crs_any") not in hidden


def found_by_elimination(rows: dict[Group, Rate], hidden: frozenset[Group]) -> set[Group]:
    """The withheld rows of CRS that follow from all the sums of the table: those on which every solution agrees."""
    mine = [each for each in rows if each.measure == "crs_any"]
    unknown = [each for each in mine if each in hidden]
    products = sorted({each.product for each in mine} - {ALL})
    lines = [[Group(product=name, tocilizumab=word, measure="crs_any") for word in (ALL, *PREVENTED)] for name in (ALL, *products)]  # fmt: skip
    lines += [[Group(product=name, tocilizumab=word, measure="crs_any") for name in (ALL, *products)] for word in (ALL, *PREVENTED)]  # fmt: skip
    sums = [[0 if each not in line else -1 if each == line[0] else 1 for each in unknown] for line in lines]
    whole = _rank(sums)
    return {
        each
        for place, each in enumerate(unknown)
        if _rank([*sums, [int(n == place) for n in range(len(unknown))]]) == whole
    }


def _rank(rows: list[list[int]]) -> int:
    left, rank = [[Fraction(each) for each in row] for row in rows], 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((row for row in left[rank:] if row[column]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        left.insert(rank, pivot)
        rank += 1
        for number in range(rank, len(left)):
            times = left[number][column] / pivot[column]
            left[number] = [a - times * b for a, b in zip(left[number], pivot, strict=True)]
    return rank


# --- rates, quarters, onset ---------------------------------------------------------------------------------------------------


def test_a_filter_counts_only_its_own():
    told = [ended(True), ended(False), ended(True, prevention="without"), ended(None, product="elranatamab")]
    assert rate_of(chosen(told), "crs_any") == Rate(yes=2, no=1, not_known=1)
    assert rate_of(chosen(told, "teclistamab", "with"), "crs_any") == Rate(yes=1, no=1, not_known=0)
    assert rate_of(chosen(told, tocilizumab="without"), "crs_any") == Rate(yes=1, no=0, not_known=0)
    assert rate_of(chosen(told, tocilizumab="not_known"), "crs_any") == Rate(yes=0, no=0, not_known=0)


def test_only_the_quarters_that_are_counted():
    told = [ended(began_on=day) for day in (date(2024, 3, 31), date(2024, 4, 1), date(2026, 3, 31), date(2026, 4, 1))]
    assert [each.began_on for each in in_period(told, definitions(), TODAY)] == [date(2024, 4, 1), date(2026, 3, 31)]


def test_a_dose_counts_in_its_own_quarter_and_a_course_in_that_of_its_first():
    doses = (
        DoseAt(step="step_up_1", on=date(2025, 12, 30), setting="inpatient"),
        DoseAt(step="step_up_2", on=date(2026, 1, 2), setting="outpatient"),
        DoseAt(step="first_treatment", on=None, setting=None),
    )
    found = quarters([ended(True, began_on=date(2025, 12, 30), doses=doses)], definitions(), TODAY)
    assert [each.name for each in found][-2:] == ["2025 Q4", "2026 Q1"]
    last, this = found[-2:]
    assert (last.courses, last.crs) == (1, Rate(yes=1, no=0, not_known=0))
    assert last.doses == {"outpatient": 0, "hybrid": 0, "inpatient": 1, "not_known": 1}
    assert (this.courses, this.given) == (0, 1)
    assert this.doses == {"outpatient": 1, "hybrid": 0, "inpatient": 0, "not_known": 0}


def test_a_quarter_of_few_hides_a_second_one():
    many = [ended(n < 8, began_on=date(2025, 11, 3), doses=()) for n in range(16)]
    some = [ended(n < 6, began_on=date(2025, 8, 3), doses=()) for n in range(12)]
    found = quarters([*many, *some, *(ended(True, doses=()) for _ in range(2))], definitions(), TODAY)
    assert withheld_quarters(found, 5, sum_withheld=False) == {"2026 Q1", "2025 Q3"}
    assert withheld_quarters(found[:-1], 5, sum_withheld=False) == frozenset()
    assert withheld_quarters(found[:-1], 5, sum_withheld=True) == {ALL, "2025 Q3"}


def test_a_quarter_is_not_found_from_the_row_of_all_courses_when_its_doses_are_few():
    """The sum of the doses is few as well, and is written nowhere: it hides nothing of the row of all courses, which is shown."""
    inside = (DoseAt(step="step_up_1", on=date(2026, 3, 2), setting="inpatient"),) * 2
    now = [ended(n < 1, doses=inside if n < 1 else ()) for n in range(10)]
    before = [ended(n < 10, began_on=day, doses=()) for day in (date(2025, 11, 3), date(2025, 8, 3)) for n in range(30)]
    found = quarters([*now, *before], definitions(), TODAY)
    assert withheld_quarters(found, 5, sum_withheld=False) == {"2026 Q1", "2025 Q3"}


def test_how_many_courses_a_quarter_of_few_has_is_not_found_either():
    """CRS of all courses is withheld, and how many they are is told by another measure."""
    now = [ended(True) for _ in range(3)]
    before = [ended(False, began_on=day, doses=()) for day in (date(2025, 11, 3), date(2025, 8, 3)) for n in range(30)]
    found = quarters([*now, *before], definitions(), TODAY)
    assert len(withheld_quarters(found, 5, sum_withheld=True) - {ALL}) == 2


def test_onset_is_median_and_range_of_those_known():
    told = [ended(True, onset_hours=Decimal(hours)) for hours in ("30.0", "12.5", "48.0", "20.0")]
    found = onset([*told, ended(None)])
    assert (found.known, found.median, found.shortest, found.longest) == (4, Decimal("25.0"), Decimal("12.5"), Decimal("48.0"))  # fmt: skip
    assert onset([ended(None)]).median is None


# --- published ----------------------------------------------------------------------------------------------------------------


def row(name: str) -> PublishedRow:
    return next(each for each in published().count if each.id == name)


def test_the_published_counts_as_they_were_read():
    assert (row("O20").events, row("O20").patients, row("O20").tocilizumab) == (18, 57, "not_known")
    assert (row("O30").events, row("O30").patients, row("O30").tocilizumab) == (10, 33, "with")
    assert (row("O01").events, row("O01").patients, row("O01").tocilizumab) == (119, 165, "without")
    assert row("O34").products == ("elranatamab", "linvoseltamab", "talquetamab", "teclistamab")
    assert row("O09").status is Status.UNVERIFIED
    sources = published_sources()
    assert all(sources[key].address for key in row("O31").source)


def test_what_was_not_found_has_no_row():
    assert not [each for each in published().count if each.measure in ("ed", "treated")]
    toci_talq = [each for each in published().count if each.products == ("talquetamab",) and each.tocilizumab == "with"]
    assert toci_talq == []


def names(measure: MeasureId, product: str = ALL, word: str = ALL) -> dict[str, tuple[str, ...]]:
    return {each.row.id: each.differs for each in beside(published().count, measure, product, word)}


def test_beside_ones_own_stand_the_counts_that_are_not_known_to_differ():
    every, given, waived = (names("crs_any", "teclistamab", word) for word in (ALL, "with", "without"))
    assert {"O01", "O09", "O20", "O29", "O30", "O31", "O34"} <= set(every)
    assert "O45" not in every
    assert {"O30", "O31", "O34"} <= set(given)
    assert not {"O01", "O29"} & set(given)
    assert not {"O30", "O31", "O34"} & set(waived)
    assert given["O30"] == ()
    assert given["O31"] == ("other products among them",)
    assert given["O11"] == ("tocilizumab mixed",)
    assert given["O20"] == ("tocilizumab not known",)
    assert every["O13"] == ("count rebuilt from a percentage",)
    assert every["O09"] == ("count recalled",)
    assert set(names("ed")) == set()


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ("events = 18\npatients = 57", "events = 58\npatients = 57", "bad_number"),
        ('products = ["teclistamab"]', "products = []", "missing_key"),
        ('overlaps = ["O11"]', 'overlaps = ["O99"]', "unknown_row"),
        ('status = "unverified"', 'status = "secondary"', "wrong_value"),
        ('source = ["MOR23"]', "source = []", "missing_source"),
        ('format = "handrail-published/1"', 'format = "other"', "unknown_format"),
    ],
)
def test_a_file_of_counts_that_cannot_be_right_is_refused(was, becomes, code):
    text = (DATA / "published-1.toml").read_text()
    assert was in text
    with pytest.raises(ProtocolDataError) as refused:
        published_from_toml(text.replace(was, becomes))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ("hours_after_dose = 48", "hours_after_dose = 72", "wrong_value"),
        ("crs_gap_hours = 24", "crs_gap_hours = 49", "bad_number"),
        ("crs_gap_hours = 24", "crs_gap_hours = 0", "bad_number"),
        ("icans_gap_hours = 36", "icans_gap_hours = 49", "bad_number"),
        ("icans_gap_hours = 36", "icans_gap_hours = 24", "wrong_value"),
        ("least = 5 ", "least = 1 ", "bad_number"),
        ("least = 5 ", "least = 6 ", "wrong_value"),
        ("quarters = 8", "quarters = 0", "bad_number"),
        ('id = "treated"', 'id = "ed"', "duplicate_id"),
        ("at_least = 3", "at_least = 6", "bad_number"),
        ('toxicity = "icans"\nat_least = 1\n', 'toxicity = "icans"\n', "bad_number"),
    ],
)
def test_a_file_of_definitions_that_cannot_be_right_is_refused(was, becomes, code):
    text = (DATA / "figures-1.toml").read_text()
    assert was in text
    with pytest.raises(ProtocolDataError) as refused:
        definitions_from_toml(text.replace(was, becomes, 1))
    assert refused.value.code == code


def test_a_definition_is_a_choice_and_never_a_fact_of_a_drug():
    rules = definitions()
    rows = [rules.window, rules.watched, rules.planned_stay, rules.published_tables, rules.look_back, *rules.measure]
    assert {each.status for each in rows} == {Status.SITE_CHOICE}
    assert rules.named("crs_2").at_least == 2
