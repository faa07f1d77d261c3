"""Who of the staff lacks which module and by when, what is unsigned, who is certified and not trained, what experience amounts to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from handrail.rules.curriculum import (
    FOLDER,
    Completed,
    Member,
    ReadSigned,
    Standing,
    certified_not_trained,
    curriculum_from_toml,
    experience,
    lacking,
    load_curriculum,
    staff_standings,
    standing,
    unsigned,
)
from handrail.rules.strict import ProtocolDataError
from tests.support.training import TAL, TEC, TODAY, everything, newer, passed, staff

BOOK = load_curriculum()
DAY = timedelta(days=1)


def of(module: str, *completed: Completed, on: date = TODAY, product: str | None = TEC, **changes: Any) -> Standing:
    row = BOOK.of(module)
    assert row is not None
    return standing(row, "a", product, staff(*completed, **changes), on)


@pytest.mark.parametrize(
    # passed on           | asked on            | state
    ("on", "asked", "state", "until"),
    [
        ("2026-07-06", "2026-07-06", "current", "2027-07-06"),
        ("2026-07-06", "2026-07-05", "not_yet", None),
        ("2026-07-06", "2027-07-06", "current", "2027-07-06"),
        ("2026-07-06", "2027-07-07", "ended", "2027-07-06"),
        ("2026-02-28", "2027-02-28", "current", "2027-02-28"),
        ("2026-02-28", "2027-03-01", "ended", "2027-02-28"),
    ],
)
def test_a_module_counts_for_its_months_both_days_included(on: str, asked: str, state: str, until: str | None):
    found = of("ice", passed("ice", on=date.fromisoformat(on)), on=date.fromisoformat(asked))
    assert found.state == ("never" if state == "not_yet" else state)
    assert found.until == (date.fromisoformat(until) if until else None)
    assert found.current is (state == "current")


def test_a_module_with_a_drill_counts_half_a_year_and_one_on_rules_until_they_change():
    assert of("stop_and_call", passed("stop_and_call")).until == date(2027, 1, 6)
    rules = of("rems_rules", passed("rems_rules"), on=TODAY + 4000 * DAY)
    assert (rules.state, rules.until) == ("current", None)
    assert rules.because == "version 1, until its version changes"


@pytest.mark.parametrize(
    # day after it came out | state        | counts
    ("days", "state", "current"),
    [(-1, "current", True), (0, "opened_again", True), (13, "opened_again", True), (14, "old_version", False)],
)
def test_a_newer_version_opens_a_module_again_for_whoever_holds_an_older_one(days: int, state: str, current: bool):
    out = newer("ice", "2", TODAY + 10 * DAY, TODAY + 24 * DAY)
    found = of("ice", passed("ice"), on=TODAY + (10 + days) * DAY, brought_out=(out,))
    assert (found.state, found.current, found.ever) == (state, current, True)
    if state == "opened_again":
        assert found.until == TODAY + 23 * DAY, "the last day on which the older one counts"
    again = of("ice", passed("ice"), passed("ice", version="2", on=TODAY + 12 * DAY), on=TODAY + 30 * DAY, brought_out=(out,))  # fmt: skip
    assert again.state == "current"


def test_a_newer_version_that_counts_at_once_leaves_no_days():
    found = of("ice", passed("ice", on=TODAY - DAY), brought_out=(newer("ice", "2", TODAY),))
    assert found.state == "old_version"
    assert found.because == "version 2 came out on Mon 6 Jul 2026, and an older one was passed"


def test_an_older_version_does_not_count_longer_than_it_would_have():
    out = newer("ice", "2", TODAY, TODAY + 14 * DAY)
    old = passed("ice", on=date(2025, 7, 8))
    assert of("ice", old, on=TODAY, brought_out=(out,)).until == date(2026, 7, 8)
    assert of("ice", old, on=date(2026, 7, 9), brought_out=(out,)).state == "old_version"


def test_of_two_versions_of_one_day_the_one_recorded_later_is_in_force():
    both = (newer("ice", "2", TODAY), newer("ice", "3", TODAY))
    assert of("ice", passed("ice", version="2"), brought_out=both).state == "old_version"
    assert of("ice", passed("ice", version="3"), brought_out=both).state == "current"


def test_a_newer_version_for_one_product_opens_nothing_of_another():
    out = (newer("administration", "2", TODAY, product=TAL),)
    assert of("administration", passed("administration"), brought_out=out).state == "current"
    held = passed("administration", product=TAL)
    assert of("administration", held, product=TAL, brought_out=out).state == "old_version"


def test_a_module_of_each_product_is_passed_for_that_product_alone():
    assert of("administration", passed("administration"), product=TAL).state == "never"
    assert of("administration", passed("administration", product=None)).state == "never"
    assert of("ice", passed("ice", product=TAL)).state == "current", "one that is about every product"


@pytest.mark.parametrize("gone", [{"on": None}, {"version": None}])
def test_a_record_without_a_day_or_a_version_is_not_known(gone: dict[str, Any]):
    found = of("ice", passed("ice", **gone))
    assert (found.state, found.current, found.ever) == ("not_known", None, True)
    assert of("ice", passed("ice", **gone), passed("ice")).state == "current"


def test_once_trained_is_not_trained_now():
    found = of("ice", passed("ice", on=date(2024, 1, 1)))
    assert (found.ever, found.current) == (True, False)
    assert of("ice").ever is False


def test_nobody_else_is_trained_by_it():
    assert of("ice", passed("ice", person="b")).state == "never"


# --- the list -----------------------------------------------------------------------------------------------------------


def test_everything_that_a_role_is_asked_for_and_nothing_else_stands_on_the_list():
    asked = [(each.module, each.product) for each in staff_standings(staff(), BOOK, TODAY)]
    assert asked == [("administration", TEC), ("ice", None), ("stop_and_call", None)]
    two = staff_standings(staff(products=(TAL, TEC)), BOOK, TODAY)
    assert [each.product for each in two if each.module == "administration"] == [TAL, TEC]
    assert staff_standings(staff(role="viewer"), BOOK, TODAY) == ()


def test_on_the_list_everybody_stands_as_if_asked_alone():
    """The version in force is looked up once for each module and product, not for each person."""
    outs = (newer("ice", "2", on=TODAY - 9 * DAY), newer("administration", "9", on=TODAY - 3 * DAY, product=TAL))
    for out in (outs, outs[:1], ()):
        known = staff(*everything(), products=(TAL, TEC), brought_out=out)
        found = staff_standings(known, BOOK, TODAY)
        alone = [standing(BOOK.of(each.module), each.person, each.product, known, TODAY) for each in found]
        assert list(found) == alone
    assert {each.product for each in found} == {TAL, TEC, None}


def test_the_list_says_who_lacks_what_and_by_when():
    known = staff(*everything()[:2], passed("stop_and_call", on=date(2026, 1, 20)))
    rows = lacking(staff_standings(known, BOOK, TODAY), BOOK, TODAY)
    assert [(each.module, each.state, each.until) for each in rows] == [("stop_and_call", "current", date(2026, 7, 20))]
    later = lacking(staff_standings(known, BOOK, date(2026, 7, 21)), BOOK, date(2026, 7, 21))
    assert [(each.module, each.state) for each in later] == [("stop_and_call", "ended")]
    assert lacking(staff_standings(staff(*everything()), BOOK, TODAY), BOOK, TODAY) == ()


@pytest.mark.parametrize(("days", "listed"), [(30, True), (31, False)])
def test_what_ends_within_a_month_stands_on_the_list(days: int, listed: bool):
    on = date(2027, 7, 6) - days * DAY
    rows = lacking([of("ice", passed("ice"), on=on)], BOOK, on)
    assert bool(rows) is listed


def test_what_does_not_count_now_comes_first():
    known = staff(passed("stop_and_call", on=date(2026, 1, 20)))
    assert [each.module for each in lacking(staff_standings(known, BOOK, TODAY), BOOK, TODAY)][-1] == "stop_and_call"


# --- certified and not trained ---------------------------------------------------------------------------------------------


def test_a_certified_prescriber_who_is_not_trained_is_named_with_what_is_missing():
    def only(*completed: Completed) -> list[tuple[str, ...]]:
        known = staff(*completed, role="oncologist")
        found = certified_not_trained(staff_standings(known, BOOK, TODAY), {"a": [TEC]})
        return [each.modules for each in found]

    whole = everything("oncologist")
    assert only(*whole) == []
    assert only(*(each for each in whole if each.module != "step_up")) == [("step_up",)]
    assert only(*(replace(each, on=None) for each in whole)) == [tuple(each.module for each in whole)]
    known = staff(*whole, role="oncologist", products=(TEC, TAL))
    assert certified_not_trained(staff_standings(known, BOOK, TODAY), {"a": [TEC]}) == ()
    assert [each.product for each in certified_not_trained(staff_standings(known, BOOK, TODAY), {"a": [TAL, TEC]})] == [
        TAL
    ]


# --- read and sign ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "flagged"), [(0, False), (14, False), (15, True)])
def test_a_document_is_flagged_after_fourteen_days_without_a_signature(days: int, flagged: bool):
    document = newer("policy", "3", TODAY, title="Policy of the house")
    found = unsigned(staff().members, [document], [], BOOK, TODAY + days * DAY)
    assert [(each.title, each.days, each.flagged) for each in found] == [("Policy of the house", days, flagged)]
    assert unsigned(staff().members, [document], [], BOOK, TODAY - DAY) == ()


def test_signing_an_older_version_is_not_signing_the_newer_one():
    documents = [newer("policy", "3", TODAY), newer("policy", "4", TODAY + DAY)]
    old, new = (ReadSigned(person="a", document="policy", version=number) for number in "34")
    assert [each.version for each in unsigned(staff().members, documents, [old], BOOK, TODAY + DAY)] == ["4"]
    assert unsigned(staff().members, documents, [new], BOOK, TODAY + DAY) == ()
    assert unsigned(staff().members, documents, [old], BOOK, TODAY) == ()
    assert unsigned(staff().members, documents, [replace(new, person="b")], BOOK, TODAY + DAY)


def test_who_came_later_has_the_days_from_then_on():
    late = Member(person="a", roles=frozenset({"nurse"}), since=TODAY + 20 * DAY)
    assert unsigned([late], [newer("p", "1", TODAY)], [], BOOK, TODAY + 21 * DAY)[0].days == 1
    assert unsigned([replace(late, since=None)], [newer("p", "1", TODAY)], [], BOOK, TODAY + 21 * DAY)[0].flagged


# --- experience ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_", "courses", "reached", "following", "left"),
    [
        ("person", 0, "person_beside", "person_alone", 3),
        ("person", 2, "person_beside", "person_alone", 1),
        ("person", 3, "person_alone", "person_teaches", 7),
        ("person", 10, "person_teaches", None, None),
        ("site", 4, "site_supported", "site_own", 1),
        ("site", 5, "site_own", "site_mentor", 15),
    ],
)
def test_courses_amount_to_a_privilege_and_the_next_is_named(of_: Any, courses: int, reached: str, following: str | None, left: int | None):  # fmt: skip
    found = experience(of_, courses, None, BOOK)
    assert (found.reached.id, found.following.id if found.following else None) == (reached, following)
    assert found.courses_left == left


# --- what the loader refuses ------------------------------------------------------------------------------------------------------

TEXT = (FOLDER / "modules-1.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("handrail-training/1", "handrail-training/2", "unknown_format"),
        ('source = ["HANDRAIL"]', 'source = ["NOBODY"]', "missing_source"),
        ('id = "grading"', 'id = "step_up"', "duplicate_id"),
        ("valid_months = 12\n", "valid_months = 0\n", "bad_number"),
        ("valid_months = 12\n", "", "missing_key"),
        ("unsigned_days = 14", "unsigned_days = 0", "bad_number"),
        ("grace_days = 14", "grace_days = -1", "bad_number"),
        ("from_courses = 3", "from_courses = 0", "wrong_order"),
        ("since = 2026-01-01", 'since = "soon"', "wrong_type"),
    ],
)
def test_a_curriculum_that_makes_no_sense_is_refused(before: str, after: str, code: str):
    assert before in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        curriculum_from_toml(TEXT.replace(before, after, 1))
    assert refused.value.code == code
