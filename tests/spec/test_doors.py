"""Which doors are open at an instant: both sides of every minute, nights, holidays, clock changes, and what nobody wrote down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.doors import (
    ALWAYS,
    DoorState,
    Hours,
    Span,
    alike,
    door_at,
    hours_from,
    hours_text,
)
from handrail.rules.terms import UnusableInput, zone_named

ZONE = "America/Chicago"
OPEN, CLOSED, NOT_KNOWN = DoorState.OPEN, DoorState.CLOSED, DoorState.NOT_KNOWN
HOLIDAY = date(2026, 3, 4)  # a Wednesday
CLINIC = ("08:00-12:00, 13:00-17:00", *["08:00-17:00"] * 4, "closed", "")
"""Monday first. Nobody knows about Sunday."""
EVENINGS = ("closed", "closed", "closed", "closed", "20:00-02:00", "20:00-02:00", "closed")


def hours(
    week: tuple[str, ...] = CLINIC, *, holiday: str = "closed", days: dict[date, str] | None = None, **more: Any
) -> Hours:
    return Hours(
        zone=more.pop("zone", ZONE),
        week=tuple(map(hours_from, week)),
        holiday=hours_from(holiday),
        days={day: hours_from(text) for day, text in (days or {}).items()},
        **more,
    )


def at(text: str, zone: str = ZONE, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone_named(zone), fold=fold)


def seen(hours: Hours | None, now: datetime, holidays: frozenset[date] = frozenset()) -> tuple[DoorState, str, str]:
    """State, until and next opening by the clock of the place."""
    door = door_at(hours, now, holidays)
    zone = zone_named(hours.zone if hours else ZONE)
    until, opens = (each.astimezone(zone).strftime("%a %H:%M") if each else "" for each in (door.until, door.opens_at))
    return door.state, until, opens


WEEK = [
    # now                | state    | until      | opens
    ("2026-03-02 07:59", CLOSED, "", "Mon 08:00"),
    ("2026-03-02 08:00", OPEN, "Mon 12:00", ""),
    ("2026-03-02 11:59", OPEN, "Mon 12:00", ""),
    ("2026-03-02 12:00", CLOSED, "", "Mon 13:00"),
    ("2026-03-02 13:00", OPEN, "Mon 17:00", ""),
    ("2026-03-02 17:00", CLOSED, "", "Tue 08:00"),
    ("2026-03-06 17:00", CLOSED, "", "Mon 08:00"),  # the next opening that is known
    ("2026-03-07 23:59", CLOSED, "", "Mon 08:00"),
    ("2026-03-08 00:00", NOT_KNOWN, "", "Mon 08:00"),
    ("2026-03-08 12:00", NOT_KNOWN, "", "Mon 08:00"),
    ("2026-03-09 00:00", CLOSED, "", "Mon 08:00"),
]


@pytest.mark.parametrize(("now", "state", "until", "opens"), WEEK)
def test_both_sides_of_every_minute(now, state, until, opens):
    assert seen(hours(), at(now)) == (state, until, opens)


NIGHT = [
    ("2026-03-06 19:59", CLOSED, "", "Fri 20:00"),
    ("2026-03-06 20:00", OPEN, "Sat 02:00", ""),
    ("2026-03-07 01:59", OPEN, "Sat 02:00", ""),
    ("2026-03-07 02:00", CLOSED, "", "Sat 20:00"),
    ("2026-03-09 00:30", CLOSED, "", "Fri 20:00"),
]


@pytest.mark.parametrize(("now", "state", "until", "opens"), NIGHT)
def test_a_night_belongs_to_the_evening_it_begins_on(now, state, until, opens):
    assert seen(hours(EVENINGS), at(now)) == (state, until, opens)


APART = [
    # holiday     | now                | state    | until     | opens
    ("closed", "2026-03-04 10:00", CLOSED, "", "Thu 08:00"),
    ("", "2026-03-04 10:00", NOT_KNOWN, "", "Thu 08:00"),
    ("10:00-12:00", "2026-03-04 09:59", CLOSED, "", "Wed 10:00"),
    ("10:00-12:00", "2026-03-04 11:59", OPEN, "Wed 12:00", ""),
    ("closed", "2026-03-03 17:00", CLOSED, "", "Thu 08:00"),
]


@pytest.mark.parametrize(("holiday", "now", "state", "until", "opens"), APART)
def test_a_holiday_has_its_own_hours(holiday, now, state, until, opens):
    assert seen(hours(holiday=holiday), at(now), frozenset({HOLIDAY})) == (state, until, opens)


def test_a_holiday_as_usual_is_a_day_like_any_other():
    usual = hours(holiday="closed", holidays_as_usual=True)
    assert seen(usual, at("2026-03-04 10:00"), frozenset({HOLIDAY})) == (OPEN, "Wed 17:00", "")
    one_day = hours(holiday="closed", usual_days=frozenset({HOLIDAY}))
    assert seen(one_day, at("2026-03-04 10:00"), frozenset({HOLIDAY})) == (OPEN, "Wed 17:00", "")


DATED = [
    ("closed", CLOSED, "", "Thu 08:00"),
    ("09:00-11:00", OPEN, "Wed 11:00", ""),
    ("", NOT_KNOWN, "", "Thu 08:00"),
]


@pytest.mark.parametrize("holidays", [frozenset(), frozenset({HOLIDAY})])
@pytest.mark.parametrize(("text", "state", "until", "opens"), DATED)
def test_a_day_of_its_own_wins_over_the_week_and_the_holiday(text, state, until, opens, holidays):
    assert seen(hours(holiday="10:00-16:00", days={HOLIDAY: text}), at("2026-03-04 10:30"), holidays) == (
        state,
        until,
        opens,
    )


@pytest.mark.parametrize(("text", "after_midnight"), [("closed", CLOSED), ("", NOT_KNOWN), ("00:00-01:00", OPEN)])
def test_an_evening_before_a_day_apart_ends_at_its_midnight(text, after_midnight):
    apart = hours(EVENINGS, days={date(2026, 3, 7): text})
    last = at("2026-03-06 23:59")
    assert door_at(apart, last, frozenset()).state is OPEN
    assert door_at(apart, last + timedelta(minutes=1), frozenset()).state is after_midnight


@pytest.mark.parametrize(
    # a Saturday that is a holiday, after an evening until 02:00; its hours | just after midnight
    ("holiday", "as_usual", "after_midnight"),
    [("closed", False, CLOSED), ("", False, NOT_KNOWN), ("closed", True, OPEN)],
)
def test_an_evening_before_a_holiday_ends_at_its_midnight(holiday, as_usual, after_midnight):
    door, saturday = hours(EVENINGS, holiday=holiday, holidays_as_usual=as_usual), frozenset({date(2026, 3, 7)})
    assert seen(door, at("2026-03-06 23:59"), saturday)[0] is OPEN
    assert seen(door, at("2026-03-07 00:00"), saturday)[0] is after_midnight


def test_what_nobody_wrote_down_is_not_known_and_never_open():
    nothing = hours(("",) * 7)
    for door in (None, nothing):
        for hour in range(7 * 24):
            assert seen(door, at("2026-03-02 00:00") + timedelta(hours=hour)) == (NOT_KNOWN, "", "")


def test_an_emergency_department_is_open_always_only_if_it_says_so():
    always = hours((ALWAYS,) * 7, holidays_as_usual=True)
    for hour in range(30 * 24):
        now = at("2026-03-02 00:00") + timedelta(hours=hour)
        door = door_at(always, now, frozenset({HOLIDAY}))
        assert (door.state, door.until, door.opens_at) == (OPEN, None, None), now
    but_holidays = hours((ALWAYS,) * 7, holiday="")
    assert seen(but_holidays, at("2026-03-03 23:59"), frozenset({HOLIDAY})) == (OPEN, "Wed 00:00", "")
    assert seen(but_holidays, at("2026-03-04 00:00"), frozenset({HOLIDAY})) == (NOT_KNOWN, "", "Thu 00:00")


def test_an_opening_after_an_unknown_day_is_the_next_one_that_is_known():
    gap = hours(("08:00-12:00", "", "08:00-12:00", *["closed"] * 4))
    assert seen(gap, at("2026-03-02 12:00")) == (CLOSED, "", "Wed 08:00")


def test_the_next_opening_is_looked_for_so_far_and_no_further():
    closed = hours(("closed",) * 7, days={date(2026, 3, 16): "08:00-09:00"})
    assert seen(closed, at("2026-03-01 10:00")) == (CLOSED, "", "")
    assert seen(closed, at("2026-03-02 10:00")) == (CLOSED, "", "Mon 08:00")


# --- clock changes: forward on 8 March 2026 at 02:00, back on 1 November 2026 at 02:00 ---------------------------------

CHANGES = [
    # week on Sunday | UTC instant          | state
    ("01:30-05:00", "2026-03-08T10:00", CLOSED),  # 05:00 by the summer clock: an hour earlier than the day before
    ("01:30-05:00", "2026-03-08T09:59", OPEN),
    ("02:30-05:00", "2026-03-08T08:00", CLOSED),  # 03:00, where 02:30 would have been: the later reading, 03:30
    ("02:30-05:00", "2026-03-08T08:29", CLOSED),
    ("02:30-05:00", "2026-03-08T08:30", OPEN),
    ("00:30-02:30", "2026-03-08T07:29", OPEN),  # closes at an hour that is left out: the earlier reading, 01:30
    ("00:30-02:30", "2026-03-08T07:30", CLOSED),
    ("01:30-05:00", "2026-11-01T06:30", CLOSED),  # 01:30 for the first time
    ("01:30-05:00", "2026-11-01T07:29", CLOSED),
    ("01:30-05:00", "2026-11-01T07:30", OPEN),  # 01:30 for the second time
    ("00:00-01:30", "2026-11-01T06:29", OPEN),
    ("00:00-01:30", "2026-11-01T06:30", CLOSED),
    ("02:10-02:50", "2026-03-08T08:20", CLOSED),  # no minute of it exists
    ("08:00-17:00", "2026-11-01T14:00", OPEN),  # 08:00 by the winter clock
    ("08:00-17:00", "2026-11-01T13:59", CLOSED),
]


@pytest.mark.parametrize(("sunday", "now", "state"), CHANGES)
def test_on_the_night_of_a_clock_change_the_shorter_reading_counts(sunday, now, state):
    week = (*["closed"] * 6, sunday)
    assert door_at(hours(week), datetime.fromisoformat(now).replace(tzinfo=UTC), frozenset()).state is state


def test_hours_of_which_a_clock_change_leaves_nothing_are_no_opening():
    sunday = hours((*["closed"] * 6, "02:30-03:30"))  # on 8 March both ends are 03:30 by the summer clock
    assert seen(sunday, at("2026-03-08 00:30")) == (CLOSED, "", "Sun 02:30")
    assert door_at(sunday, at("2026-03-08 00:30"), frozenset()).opens_at == at("2026-03-15 02:30")


@pytest.mark.parametrize(
    # the first closed day of a door that is open day and night; asked on 2 March | until
    ("closed", "until"),
    [(date(2026, 3, 15), "Sun 00:00"), (date(2026, 3, 16), "")],  # 14 days are looked at
)
def test_a_door_that_is_open_all_the_days_that_are_looked_at_says_no_end(closed, until):
    door = hours((ALWAYS,) * 7, days={closed: "closed"})
    assert seen(door, at("2026-03-02 10:00")) == (OPEN, until, "")


@pytest.mark.parametrize("zone", [ZONE, "Africa/Cairo", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_a_door_that_never_closes_is_open_in_every_hour_of_the_year_in_every_zone(zone):
    always = hours((ALWAYS,) * 7, holidays_as_usual=True, zone=zone)
    for hour in range(0, 365 * 24, 23):
        door = door_at(always, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour), frozenset())
        assert (door.state, door.until) == (OPEN, None)


@pytest.mark.parametrize("week", [CLINIC, EVENINGS, (ALWAYS,) * 7, ("02:30-01:30",) * 7])
@pytest.mark.parametrize("first", ["2026-03-06T00:00", "2026-10-30T00:00"])
def test_until_and_the_next_opening_are_the_minutes_at_which_the_state_changes(week, first):
    """Asked at every quarter of an hour over a clock change: what it foretells is what it says then."""
    door = hours(week)
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    for quarter in range(4 * 24 * 4):
        now = begin + timedelta(minutes=15 * quarter)
        found = door_at(door, now, frozenset())
        if found.until is not None:
            assert door_at(door, found.until, frozenset()).state is not OPEN
            assert door_at(door, found.until - timedelta(minutes=1), frozenset()).state is OPEN
        if found.opens_at is not None:
            assert door_at(door, found.opens_at, frozenset()).state is OPEN
            assert door_at(door, found.opens_at - timedelta(minutes=1), frozenset()).state is not OPEN


# --- the rota -----------------------------------------------------------------------------------------------------------


def span(first: str, last: str) -> Span:
    return Span(starts=at(first).astimezone(UTC), ends=at(last).astimezone(UTC))


DUTY = [
    ((), "2026-03-03 10:00", CLOSED, "", "", True),
    ((("2026-03-03 09:00", "2026-03-03 11:00"),), "2026-03-03 07:59", CLOSED, "", "Tue 09:00", False),
    ((("2026-03-03 09:00", "2026-03-03 11:00"),), "2026-03-03 08:00", CLOSED, "", "Tue 09:00", True),
    ((("2026-03-03 09:00", "2026-03-03 11:00"),), "2026-03-03 09:00", OPEN, "Tue 11:00", "", False),
    ((("2026-03-03 09:00", "2026-03-03 11:00"),), "2026-03-03 11:00", CLOSED, "", "", True),
    ((("2026-03-03 09:00", "2026-03-03 11:00"),), "2026-03-03 18:00", CLOSED, "", "", False),
    # Two people one after the other are one stretch; duty outside the hours opens nothing.
    (
        (("2026-03-03 10:00", "2026-03-04 06:00"), ("2026-03-03 06:00", "2026-03-03 10:00")),
        "2026-03-03 09:00",
        OPEN,
        "Tue 17:00",
        "",
        False,
    ),
    ((("2026-03-03 17:00", "2026-03-04 09:00"),), "2026-03-03 20:00", CLOSED, "", "Wed 08:00", False),
    # Somebody comes on at the minute in which the hours end: that opens nothing.
    ((("2026-03-03 17:00", "2026-03-04 09:00"),), "2026-03-03 16:00", CLOSED, "", "Wed 08:00", True),
    ((("2026-03-08 08:00", "2026-03-08 20:00"),), "2026-03-08 12:00", NOT_KNOWN, "", "", False),
]


@pytest.mark.parametrize(("shifts", "now", "state", "until", "opens", "nobody_on"), DUTY)
def test_a_door_that_follows_the_rota_is_open_only_while_somebody_is_on(shifts, now, state, until, opens, nobody_on):
    door = hours(duty=tuple(span(*each) for each in shifts))
    assert seen(door, at(now)) == (state, until, opens)
    assert door_at(door, at(now), frozenset()).nobody_on is nobody_on


# --- as it is written ---------------------------------------------------------------------------------------------------

WRITTEN = [
    ("", ""),
    ("  ", ""),
    ("Closed", "closed"),
    ("8:00-17:00", "08:00-17:00"),
    ("08:00 – 12:00,13:00-17:00", "08:00-12:00, 13:00-17:00"),
    ("13:00-17:00, 08:00-12:00", "08:00-12:00, 13:00-17:00"),
    ("20:00-02:00", "20:00-02:00"),
    ("08:59-17:59", "08:59-17:59"),
    ("20:00-00:00", "20:00-24:00"),
    ("00:00-24:00", ALWAYS),
]


@pytest.mark.parametrize(("typed", "kept"), WRITTEN)
def test_hours_are_kept_in_one_way_and_read_again_as_the_same(typed, kept):
    day = hours_from(typed)
    assert hours_text(day) == kept
    assert hours_from(kept) == day


REFUSED = [
    "8-17",
    "open",
    "24 h",
    "08:00-17:00-18:00",
    "08:60-09:00",
    "08:60-17:00",
    "08:00-17:60",
    "24:00-25:00",
    "24:00-08:00",
    "08:00-24:01",
    "08:00-08:00",
    "00:00-00:00x",
    "08:00-12:00, 11:00-13:00",
    "08:00-12:00, 12:00-13:00",
    "08:00-09:00, 20:00-08:30",
    "closed, 08:00-09:00",
    "08:00-12:00,",
]


@pytest.mark.parametrize("typed", REFUSED)
def test_what_cannot_be_read_is_refused_and_never_guessed(typed):
    with pytest.raises(UnusableInput):
        hours_from(typed)


def test_from_midnight_to_midnight_is_the_whole_day():
    with pytest.raises(UnusableInput):
        hours_from("00:00-00:00")
    (spell,) = hours_from(ALWAYS) or ()
    assert (spell.opens, spell.closes) == (0, 24 * 60)


def test_a_week_has_seven_days():
    with pytest.raises(UnusableInput):
        Hours(zone=ZONE, week=(None,) * 6)


def test_days_that_are_alike_are_one_row_on_paper():
    rows = [(first, last, hours_text(day)) for first, last, day in alike(hours().week)]
    assert rows == [
        (0, 0, "08:00-12:00, 13:00-17:00"),
        (1, 4, "08:00-17:00"),
        (5, 5, "closed"),
        (6, 6, ""),
    ]
