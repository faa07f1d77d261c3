"""The rota on the clock: repeating plans in civil time, nights on which the clock changes; holidays; the shipped rules."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from handrail.rules.rota import FOLDER, Pattern, clock_note, load_rota_rules, planned_shifts, rules_from_toml
from handrail.rules.strict import ProtocolDataError

CHICAGO = "America/Chicago"
NIGHTS = {"starts": time(19), "ends": time(7)}
MONDAY = date(2026, 3, 2)


def pattern(**fields) -> Pattern:
    return Pattern(**{"weekdays": frozenset(range(7)), "first_day": MONDAY, **NIGHTS, **fields})


def days(found) -> list[str]:
    return [f"{each.day:%a %d %b}" for each in found]


@pytest.mark.parametrize(
    ("fields", "first", "last", "expected"),
    [
        ({"weekdays": frozenset({0, 4})}, "2026-03-02", "2026-03-10", ["Mon 02 Mar", "Fri 06 Mar", "Mon 09 Mar"]),
        ({"weekdays": frozenset({0}), "every_weeks": 2}, "2026-03-02", "2026-03-20", ["Mon 02 Mar", "Mon 16 Mar"]),
        ({"first_day": date(2026, 3, 5), "weekdays": frozenset({0, 3}), "every_weeks": 2}, "2026-03-02", "2026-03-16",
         ["Thu 05 Mar", "Mon 16 Mar"]),
        ({"last_day": date(2026, 3, 3)}, "2026-03-01", "2026-03-09", ["Mon 02 Mar", "Tue 03 Mar"]),
        ({"weekdays": frozenset()}, "2026-03-02", "2026-03-10", []),
    ],
)  # fmt: skip
def test_which_days(fields, first, last, expected):
    first, last = date.fromisoformat(first), date.fromisoformat(last)
    assert days(planned_shifts(pattern(**fields), CHICAGO, first, last, ())) == expected


@pytest.mark.parametrize(
    ("day", "zone", "starts", "ends", "hours", "words"),
    [
        ("2026-03-06", CHICAGO, "19:00", "07:00", 12, None),
        ("2026-03-07", CHICAGO, "19:00", "07:00", 11, "the clock goes forward in this shift: it lasts 11 h"),
        ("2026-10-31", CHICAGO, "19:00", "07:00", 13, "the clock goes back in this shift: it lasts 13 h"),
        ("2026-10-31", "Europe/Berlin", "19:00", "07:00", 12, None),
        ("2026-10-24", "Europe/Berlin", "19:00", "07:00", 13, "the clock goes back in this shift: it lasts 13 h"),
        ("2026-03-08", CHICAGO, "02:30", "08:00", 4.5, "the clock changes that night: 02:30 does not exist"),
        ("2026-11-01", CHICAGO, "01:30", "08:00", 7.5, "the clock goes back in this shift: it lasts 7.5 h"),
        ("2026-03-06", CHICAGO, "07:00", "07:00", 24, None),
        ("2026-03-06", CHICAGO, "07:00", "19:00", 12, None),
    ],
)  # fmt: skip
def test_a_night_on_which_the_clock_changes_keeps_its_civil_times_and_says_so(day, zone, starts, ends, hours, words):
    on = date.fromisoformat(day)
    plan = pattern(first_day=on, starts=time.fromisoformat(starts), ends=time.fromisoformat(ends))
    (found,) = planned_shifts(plan, zone, on, on, ())
    assert found.ends_at - found.starts_at == timedelta(hours=hours)
    assert found.note == words


def test_the_instants_are_those_of_the_site_whatever_the_season():
    (winter,) = planned_shifts(pattern(), CHICAGO, MONDAY, MONDAY, ())
    assert (winter.starts_at, winter.ends_at) == (
        datetime(2026, 3, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 3, 13, tzinfo=UTC),
    )
    summer_day = date(2026, 6, 1)
    (summer,) = planned_shifts(pattern(), CHICAGO, summer_day, summer_day, ())
    assert (summer.starts_at, summer.ends_at) == (
        datetime(2026, 6, 2, 0, tzinfo=UTC),
        datetime(2026, 6, 2, 12, tzinfo=UTC),
    )


THANKSGIVING = date(2026, 11, 26)


def test_a_weekly_plan_makes_no_shift_on_a_holiday_and_a_plan_for_holidays_only_then():
    week = (date(2026, 11, 24), date(2026, 11, 28))
    weekly, special = pattern(), pattern(weekdays=frozenset(), on_holidays=True)
    assert days(planned_shifts(weekly, CHICAGO, *week, {THANKSGIVING})) == [
        "Tue 24 Nov", "Wed 25 Nov", "Fri 27 Nov", "Sat 28 Nov",
    ]  # fmt: skip
    assert days(planned_shifts(special, CHICAGO, *week, {THANKSGIVING})) == ["Thu 26 Nov"]
    assert days(planned_shifts(special, CHICAGO, *week, ())) == []


def test_a_span_without_a_clock_change_says_nothing():
    assert clock_note(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC), CHICAGO) is None


def test_the_shipped_rules_ask_for_the_three_steps_of_every_urgent_ladder():
    rules = load_rota_rules()
    assert [row.step for row in rules.step if row.must_be_filled] == ["first_on_call", "second_on_call", "attending"]
    assert {row.certificate for row in rules.step} == {"on_call_ladder"}
    assert [step.who for step in rules.page] == ["site_manager", "director"]
    assert rules.of_step("janitor") is None


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('format = "handrail-rota/1"', 'format = "handrail-rota/9"', "unknown_format"),
        ("days_ahead = 14 ", "days_behind = 14 ", "unknown_key"),
        ('source = ["HANDRAIL"]', 'source = ["NOBODY"]', "missing_source"),
        ("wait_minutes = 60", "wait_minutes = 0", "quiet_ladder"),
    ],
)
def test_rules_that_say_too_little_are_refused(old, new, code):
    text = (FOLDER / "default-1.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ProtocolDataError) as refused:
        rules_from_toml(text.replace(old, new, 1))
    assert refused.value.code == code


def test_the_shipped_days_and_hours_of_looking_at_the_rota():
    """Two weeks without a hole; a gap within a day is AMBER; looked at every hour; planned two months ahead."""
    rules = load_rota_rules()
    look = rules.look
    assert (look.days_ahead, look.soon_hours, look.every_minutes, look.plan_days_ahead) == (14, 24, 60, 60)
    assert rules.training.warn_days == (30, 60, 90)
    assert [row.wait_minutes for row in rules.page] == [60, 60]
