"""A start is taken only when every day and hour of its window is covered; else the hours are named, and the first day that works."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from handrail.rules.capacity import StartAnswer, ahead, in_short, start
from handrail.rules.capacity_data import (
    FILE,
    Said,
    SiteCan,
    Span,
    Told,
    Uncovered,
    Wanted,
    capacity_from_toml,
    load_capacity,
)
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import zone_named
from tests.support.courses import CHICAGO, instant

RULES = load_capacity()
TODAY = date(2026, 11, 16)
DAY = timedelta(days=1)
DAY_ONE = date(2026, 11, 1)
ZONE = zone_named(CHICAGO)
WINDOW = 9
"""Teclistamab on days 1, 4 and 7, and 48 hours."""


def span(begins: str, ends: str) -> Span:
    return Span(begins=instant(begins), ends=instant(ends))


ALWAYS = span("2026-11-01 00:00", "2027-02-01 00:00")


def said(what: str, number: int | None, from_on: date = DAY_ONE) -> Said:
    return Said(what=what, number=number, from_on=from_on)  # type: ignore[arg-type]  # a keyword, which is a str to mypy


NUMBERS = {
    "slots_weekday": 3,
    "slots_saturday": 1,
    "slots_sunday": 1,
    "chairs_weekday": 4,
    "chairs_saturday": 4,
    "chairs_sunday": 4,
    "beds": 2,
    "starts_a_day": 1,
}
ALL_SAID = tuple(said(what, number) for what, number in NUMBERS.items())
SITE = SiteCan(zone=CHICAGO, said=ALL_SAID, on_call=(ALWAYS,), rescue=Told(there=4))


def changed(changes: dict[str, Any]) -> SiteCan:
    """The site with other numbers (by their names) or other fields."""
    words = tuple(said(what, changes.get(what, number)) for what, number in NUMBERS.items())
    words += tuple(said(what, number) for what, number in changes.items() if what in EXTRA)
    fields = {name: value for name, value in changes.items() if name not in NUMBERS and name not in EXTRA}
    if "watched" in fields:
        fields.setdefault("seen", days_of(fields["watched"]))
    if "rescue_doses" in fields:
        fields["rescue"] = Told(there=fields.pop("rescue_doses"))
    return replace(SITE, said=words, **fields)


EXTRA = ("slots_holiday", "chairs_holiday", "patients_each")


def days_of(spans: tuple[Span, ...]) -> tuple[date, ...]:
    """The civil days on which those who are watched are to be assessed, one for each."""
    found = []
    for each in spans:
        begins, ends = each.begins.astimezone(ZONE), each.ends.astimezone(ZONE)
        count = (ends - timedelta(microseconds=1)).date() - begins.date()
        found += [begins.date() + number * DAY for number in range(count.days + 1)]
    return tuple(found)


def asked(on: date = TODAY, days: int = WINDOW, dosing: tuple[int, ...] = (0, 3, 6), **changes: Any) -> StartAnswer:
    return start(changed(changes), Wanted.whole(days, dosing), on, TODAY, RULES)


def needs(answer: StartAnswer) -> set[str]:
    return {each.need for each in answer.against}


def test_a_site_that_covers_the_whole_window_takes_the_start():
    answer = asked()
    assert (answer.covered, answer.against, answer.first_on) == (True, (), TODAY)
    assert answer.because == "a start on Mon 16 Nov 2026 is covered to the end of its window"


# --- T-51: who assesses on Thanksgiving ------------------------------------------------------------------------------------

GAP = (span("2026-11-01 00:00", "2026-11-26 07:00"), span("2026-11-27 07:00", "2027-02-01 00:00"))
MONDAY = date(2026, 11, 23)
HOLIDAY = frozenset({date(2026, 11, 26)})


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
    answer = asked(MONDAY, holidays=HOLIDAY, slots_holiday=0, chairs_holiday=4)
    assert [each.because for each in answer.against] == ["1 to assess on Thu 26 Nov 2026: nobody assesses on that day"]
    assert answer.first_on == date(2026, 11, 27)


@pytest.mark.parametrize(
    # the last day of the window | covered
    ("on", "covered"),
    [("2026-11-17", True), ("2026-11-18", False), ("2026-11-26", False), ("2026-11-27", True)],
)
def test_both_sides_of_the_holiday(on: str, covered: bool):
    assert asked(date.fromisoformat(on), holidays=HOLIDAY, slots_holiday=0, chairs_holiday=4).covered is covered


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
    slots = {"slots_weekday": 99, "slots_saturday": 99, "slots_sunday": 99}
    plenty = {"beds": 99, "rescue_doses": 999, **slots}
    answer = asked(watched=watched(count), on_call=(ALWAYS,) * people, **plenty)
    assert answer.covered is covered
    if not covered:
        assert needs(answer) == {"on_call"}
        assert f"{count + 1} watched patients for {people} on call" in answer.because


def test_those_who_follow_one_another_need_one_bed_and_two_assessments():
    one_after_another = (span("2026-11-15 09:00", "2026-11-17 09:00"), span("2026-11-17 09:00", "2026-11-19 09:00"))
    assert asked(watched=one_after_another, beds=2).covered is True
    answer = asked(watched=one_after_another, slots_weekday=2)
    assert [each.begins for each in answer.against] == [instant("2026-11-17 00:00")]


@pytest.mark.parametrize(
    ("unknown", "need"),
    [
        ({"on_call": None}, "rota"),
        ({"slots_weekday": None}, "assessments"),
        ({"slots_sunday": None}, "assessments"),
        ({"chairs_weekday": None}, "chairs"),
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
    site = replace(changed({}), on_call=(span("2026-10-31 00:00", "2026-11-02 00:00"),))
    site = replace(site, said=tuple(replace(each, from_on=on) for each in site.said))
    assert start(site, Wanted.whole(2), on, on, RULES).covered is True


def test_a_window_has_some_days():
    with pytest.raises(ValueError, match="some days"):
        asked(days=0)


# --- the days ahead ------------------------------------------------------------------------------------------------------------


def test_every_day_ahead_says_how_many_are_watched_and_whether_there_is_room():
    days = ahead(changed({"watched": watched(2, TODAY + DAY), "on_call": GAP}), TODAY, RULES)
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
    assert ahead(changed({"beds": None}), TODAY, RULES)[0].room is None


def test_every_day_ahead_says_how_much_of_each_resource_is_used_and_how_much_there_is():
    site = changed({"watched": watched(2), "doses": (TODAY, TODAY), "starts": (TODAY,), "beds": None})
    first = ahead(site, TODAY, RULES)[0]
    assert {each.need: (each.used, each.there, each.state) for each in first.cells} == {
        "assessments": (2, 3, "room"),
        "chairs": (2, 4, "room"),
        "on_call": (2, 12, "room"),
        "beds": (2, None, "not_known"),
        "tocilizumab": (4, 4, "full"),
        "starts": (1, 1, "full"),
    }
    over = ahead(changed({"watched": watched(3), "rescue": Told(last=4)}), TODAY, RULES)[0].cells
    assert [(each.need, each.state) for each in over if each.need in ("beds", "tocilizumab")] == [
        ("beds", "over"),
        ("tocilizumab", "not_known"),
    ]
    nobody = ahead(changed({"on_call": GAP}), date(2026, 11, 26), RULES)[0].cells
    assert [(each.need, each.there) for each in nobody if each.need == "on_call"] == [("on_call", 0)]


# --- hours that are filled by nobody who is trained, windows with days between, hospital, and numbers by day ---------------------


def test_an_hour_that_somebody_has_to_fill_blocks_the_start_in_its_own_words():
    hole = Uncovered(begins=instant("2026-11-20 08:00"), ends=instant("2026-12-24 08:00"), because="nobody is trained")
    answer = asked(uncovered=(hole,))
    assert [(each.need, each.begins, each.ends, each.because) for each in answer.against] == [
        ("rota", instant("2026-11-20 08:00"), instant("2026-11-25 00:00"), "nobody is trained")
    ]
    assert (answer.covered, answer.first_on) == (False, None)
    assert answer.refused_by == answer.against and answer.not_known == ()


WEEKLY = Wanted(watched=(0, 1, 2, 7, 8, 9), dosing=(0, 7))


@pytest.mark.parametrize(
    # nobody assesses on this day of the window | covered
    ("closed", "covered"),
    [(2, False), (3, True), (6, True), (7, False), (9, False), (10, True)],
)
def test_the_days_between_two_windows_need_nobody(closed: int, covered: bool):
    shut = {"holidays": frozenset({TODAY + closed * DAY}), "slots_holiday": 0, "chairs_holiday": 9}
    assert start(changed(shut), WEEKLY, TODAY, TODAY, RULES).covered is covered
    hole = Uncovered(
        begins=instant(f"{TODAY + closed * DAY} 10:00"), ends=instant(f"{TODAY + closed * DAY} 11:00"), because="x"
    )
    assert start(changed({"uncovered": (hole,)}), WEEKLY, TODAY, TODAY, RULES).covered is covered


@pytest.mark.parametrize(("day", "covered"), [(0, False), (1, True), (3, False), (4, True), (6, False)])
def test_each_dose_needs_a_chair(day: int, covered: bool):
    full = (TODAY + day * DAY,) * 4
    answer = asked(doses=full)
    assert answer.covered is covered
    assert needs(answer) == (set() if covered else {"chairs"})
    assert asked(doses=full[:3]).covered is True


def test_in_hospital_a_bed_and_rescue_doses_are_needed_and_no_slot_or_chair():
    inside = replace(Wanted.whole(WINDOW, (0, 3, 6)), in_hospital=True)
    nothing = {"slots_weekday": 0, "slots_saturday": 0, "slots_sunday": 0, "chairs_weekday": 0}
    assert start(changed(nothing), inside, TODAY, TODAY, RULES).covered is True
    full = start(changed({**nothing, "beds": 0, "rescue_doses": 1}), inside, TODAY, TODAY, RULES)
    assert needs(full) == {"beds", "tocilizumab"}


def test_a_window_that_nobody_knows_is_covered_on_no_day_and_says_why():
    answer = start(SITE, Wanted(watched=None, because="the label names no day"), TODAY, TODAY, RULES)
    assert (answer.covered, answer.first_on, answer.first_open) == (None, None, TODAY)
    assert [(each.need, each.because, each.owner) for each in answer.against] == [
        ("window", "the label names no day", "prescriber")
    ]
    assert answer.because.startswith(
        "whether a start on Mon 16 Nov 2026 is covered is not known: the label names no day"
    )


def test_a_number_counts_from_its_day_and_of_one_day_the_later_word():
    later = replace(SITE, said=(*ALL_SAID, said("beds", 0, TODAY + 10 * DAY)))
    assert start(later, Wanted.whole(9), TODAY, TODAY, RULES).covered is True
    assert start(later, Wanted.whole(9), TODAY + 2 * DAY, TODAY, RULES).covered is False
    mended = replace(later, said=(*later.said, said("beds", 5, TODAY + 10 * DAY)))
    assert start(mended, Wanted.whole(9), TODAY + 2 * DAY, TODAY, RULES).covered is True
    assert SITE.told("beds", DAY_ONE - DAY) == Told()


@pytest.mark.parametrize(
    # what is said from the fourth day of the window on | covered | from when on it is too many
    ("number", "covered", "since"),
    [(2, True, None), (1, False, "Thu 19 Nov 2026 00:00 CST"), (None, None, None)],
)
def test_a_number_for_one_on_call_that_begins_within_the_window_counts_from_its_day(
    number: int | None, covered: bool | None, since: str | None
):
    words = (*ALL_SAID, said("patients_each", 2), said("patients_each", number, TODAY + 3 * DAY))
    answer = start(replace(SITE, said=words, watched=(ALWAYS,)), Wanted.whole(9), TODAY, TODAY, RULES)
    assert answer.covered is covered
    assert since is None or f"2 watched patients for 1 on call from {since}, at most 1 each" in answer.because


@pytest.mark.parametrize(
    # the word now | the word before | covered
    ("there", "last", "covered"),
    [(4, None, True), (None, None, None), (None, 4, None), (None, 1, False), (1, 9, False)],
)
def test_a_number_that_is_not_known_any_more_still_refuses_what_was_too_much_for_it(
    there: int | None, last: int | None, covered: bool | None
):
    answer = asked(rescue=Told(there=there, last=last))
    assert answer.covered is covered
    if there is None and covered is False:
        assert "in stock 1 when it was last known" in answer.because
    words = (said("beds", 0), said("beds", None, TODAY - DAY))
    assert start(replace(SITE, said=(*ALL_SAID, *words)), Wanted.whole(1), TODAY, TODAY, RULES).covered is False


def test_the_limit_for_one_person_on_call_is_the_shipped_one_until_the_site_says_its_own():
    assert SITE.patients_each(TODAY, RULES) == Told(there=12)
    assert changed({"patients_each": None}).patients_each(TODAY, RULES) == Told(there=12)
    own = changed({"patients_each": 2})
    assert own.patients_each(TODAY, RULES).there == 2
    assert needs(asked(patients_each=2, watched=watched(2), beds=9, rescue_doses=99)) == {"on_call"}
    unknown = replace(own, said=(*own.said, said("patients_each", None)))
    assert needs(start(unknown, Wanted.whole(1), TODAY, TODAY, RULES)) == {"on_call"}
    assert start(unknown, Wanted.whole(1), TODAY, TODAY, RULES).covered is None


def test_in_short_says_each_sentence_once_and_how_many_more_there_are():
    answer = asked(beds=None, starts_a_day=None)
    assert len(answer.against) == WINDOW + 1
    assert in_short(answer.against[:1] * 3, 2) == answer.against[0].because
    assert in_short(answer.against, 2).endswith("; and 8 more")


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
