"""A start is taken only when every day and hour of its window is covered; else the hours are named, and the first day that works."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from handrail.rules.capacity import FILE, SiteCan, Span, StartAnswer, ahead, capacity_from_toml, load_capacity, start
from handrail.rules.strict import ProtocolDataError
from tests.support.courses import CHICAGO, instant

RULES = load_capacity()
TODAY = date(2026, 11, 16)
DAY = timedelta(days=1)
WINDOW = 9
"""Teclistamab on days 1, 4 and 7, and 48 hours."""


def span(begins: str, ends: str) -> Span:
    return Span(begins=instant(begins), ends=instant(ends))


ALWAYS = span("2026-11-01 00:00", "2027-02-01 00:00")
SITE = SiteCan(
    zone=CHICAGO,
    on_call=(ALWAYS,),
    assessments=(3, 3, 3, 3, 3, 1, 1),
    beds=2,
    rescue_doses=4,
    starts_a_day=1,
)


def asked(on: date = TODAY, days: int = WINDOW, **changes: Any) -> StartAnswer:
    return start(replace(SITE, **changes), on, days, TODAY, RULES)


def needs(answer: StartAnswer) -> set[str]:
    return {each.need for each in answer.against}


def test_a_site_that_covers_the_whole_window_takes_the_start():
    answer = asked()
    assert (answer.covered, answer.against, answer.first_on) == (True, (), TODAY)
    assert answer.because == "a start on Mon 16 Nov 2026 is covered to the end of its window"


# --- T-51: who assesses on Thanksgiving ------------------------------------------------------------------------------------

GAP = (span("2026-11-01 00:00", "2026-11-26 07:00"), span("2026-11-27 07:00", "2027-02-01 00:00"))
MONDAY = date(2026, 11, 23)


def test_t51_a_gap_in_the_week_of_thanksgiving_blocks_the_start_names_its_hours_and_the_first_day_that_works():
    answer = asked(MONDAY, on_call=GAP)
    assert answer.covered is False
    assert [(each.need, each.begins, each.ends) for each in answer.against] == [
        ("rota", instant("2026-11-26 07:00"), instant("2026-11-27 07:00"))
    ]
    assert answer.because == (
        "a start on Mon 23 Nov 2026 is not covered: nobody is on call from Thu 26 Nov 2026 07:00 CST until "
        "Fri 27 Nov 2026 07:00 CST; the first day that works is Sat 28 Nov 2026"
    )
    assert answer.first_on == date(2026, 11, 28)
    assert answer.against[0].owner == "site manager"


def test_a_holiday_on_which_nobody_assesses_blocks_the_start_even_with_somebody_on_call():
    answer = asked(MONDAY, closed=frozenset({date(2026, 11, 26)}))
    assert [each.because for each in answer.against] == ["1 to assess on Thu 26 Nov 2026: nobody assesses on that day"]
    assert answer.first_on == date(2026, 11, 27)


@pytest.mark.parametrize(
    # the last day of the window | covered
    ("on", "covered"),
    [("2026-11-17", True), ("2026-11-18", False), ("2026-11-26", False), ("2026-11-27", True)],
)
def test_both_sides_of_the_holiday(on: str, covered: bool):
    assert asked(date.fromisoformat(on), closed=frozenset({date(2026, 11, 26)})).covered is covered


# --- each of the limits ------------------------------------------------------------------------------------------------------


def watched(count: int, on: date = TODAY, days: int = 3) -> tuple[Span, ...]:
    begins = f"{on} 09:00"
    return (span(begins, f"{on + days * DAY} 09:00"),) * count


@pytest.mark.parametrize(
    ("changes", "need", "covered"),
    [
        ({"watched": watched(1)}, "", True),
        ({"watched": watched(2), "rescue_doses": 99}, "beds", False),
        ({"watched": watched(2), "beds": 9}, "tocilizumab", False),
        ({"watched": watched(2), "beds": 9, "rescue_doses": 6}, "", True),
        ({"watched": watched(3), "beds": 9, "rescue_doses": 99}, "assessments", False),
        ({"watched": watched(1, TODAY + 5 * DAY)}, "assessments", False),
        ({"starts": (TODAY,)}, "starts", False),
        ({"starts": (TODAY + DAY,)}, "", True),
        ({"starts": (TODAY,), "starts_a_day": 2}, "", True),
        ({"rescue_doses": 1}, "tocilizumab", False),
        ({"beds": 0}, "beds", False),
    ],
)
def test_each_limit_is_kept_for_one_more(changes: dict[str, Any], need: str, covered: bool):
    answer = asked(**changes)
    assert answer.covered is covered
    assert needs(answer) == ({need} if need else set())


@pytest.mark.parametrize(("count", "people", "covered"), [(11, 1, True), (12, 1, False), (23, 2, True), (24, 2, False)])
def test_twelve_patients_for_one_person_on_call(count: int, people: int, covered: bool):
    plenty = {"beds": 99, "rescue_doses": 999, "assessments": (99,) * 7}
    answer = asked(watched=watched(count), on_call=(ALWAYS,) * people, **plenty)
    assert answer.covered is covered
    if not covered:
        assert needs(answer) == {"on_call"}
        assert f"{count + 1} watched patients for {people} on call" in answer.because


def test_those_who_follow_one_another_need_one_bed_and_two_assessments():
    one_after_another = (span("2026-11-15 09:00", "2026-11-17 09:00"), span("2026-11-17 09:00", "2026-11-19 09:00"))
    assert asked(watched=one_after_another, beds=2).covered is True
    answer = asked(watched=one_after_another, assessments=(2,) * 7)
    assert [each.begins for each in answer.against] == [instant("2026-11-17 00:00")]


@pytest.mark.parametrize(
    ("unknown", "need"),
    [
        ({"on_call": None}, "rota"),
        ({"assessments": (3, 3, 3, None, 3, 1, 1)}, "assessments"),
        ({"beds": None}, "beds"),
        ({"rescue_doses": None}, "tocilizumab"),
        ({"starts_a_day": None}, "starts"),
    ],
)
def test_what_a_site_has_not_said_covers_nothing_and_is_named(unknown: dict[str, Any], need: str):
    answer = asked(**unknown)
    assert (answer.covered, answer.first_on) == (None, None)
    assert needs(answer) == {need}
    assert "not known" in answer.because
    assert "no day that is looked at works" in answer.because


def test_a_day_that_is_over_is_never_offered_and_a_later_one_is():
    answer = asked(TODAY - DAY)
    assert (answer.covered, answer.first_on) == (False, TODAY)


def test_no_day_beyond_those_that_are_looked_at_is_offered():
    edge = TODAY + 14 * DAY
    assert asked(on_call=(span(f"{edge} 00:00", "2027-02-01 00:00"),)).first_on == edge
    assert asked(on_call=(span(f"{edge + DAY} 00:00", "2027-02-01 00:00"),)).first_on is None


def test_the_hour_that_the_clocks_go_back_is_covered_too():
    on = date(2026, 10, 31)
    site = replace(SITE, on_call=(span("2026-10-31 00:00", "2026-11-02 00:00"),))
    assert start(site, on, 2, on, RULES).covered is True


def test_a_window_has_some_days():
    with pytest.raises(ValueError, match="some days"):
        asked(days=0)


# --- the days ahead ------------------------------------------------------------------------------------------------------------


def test_every_day_ahead_says_how_many_are_watched_and_whether_there_is_room():
    days = ahead(replace(SITE, watched=watched(2, TODAY + DAY), on_call=GAP), TODAY, RULES)
    assert len(days) == 14
    assert [(each.watched, each.room) for each in days[:5]] == [
        (0, True),
        (2, False),
        (2, False),
        (2, False),
        (2, False),
    ]
    assert [each.on for each in days if any(one.need == "rota" for one in each.against)] == [
        date(2026, 11, 26),
        date(2026, 11, 27),
    ]
    assert ahead(replace(SITE, beds=None), TODAY, RULES)[0].room is None


TEXT = FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("handrail-capacity/1", "handrail-capacity/2", "unknown_format"),
        ('source = ["HANDRAIL"]', "source = []", "missing_source"),
        ("patients_each = 12", "patients_each = 0", "bad_number"),
        ("doses_each = 2", "doses_each = 0", "bad_number"),
        ("days = 14", "days = 0", "bad_number"),
    ],
)
def test_limits_that_make_no_sense_are_refused(before: str, after: str, code: str):
    assert before in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        capacity_from_toml(TEXT.replace(before, after, 1))
    assert refused.value.code == code
