"""The clocks: what they show, how long a watcher sleeps under them, and how processes share a fast one."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from handrail import clock
from handrail.clock import ClockError, FastClock, FrozenClock, SteppedClock, SystemClock

MONDAY_2200 = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
ANCHOR = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def fast(wall: FrozenClock, factor: float = 60.0) -> FastClock:
    """A fast clock over a wall clock that the test moves."""
    return FastClock(factor, MONDAY_2200, ANCHOR, wall)


def test_the_system_clock_is_aware_utc_and_moves_on():
    first = SystemClock().now()
    assert first.tzinfo is UTC
    assert SystemClock().now() >= first


def test_the_system_clock_sleeps_in_real_seconds():
    in_a_minute = SystemClock().now() + timedelta(minutes=1)
    assert 59 < SystemClock().real_seconds_until(in_a_minute) <= 60
    assert SystemClock().real_seconds_until(MONDAY_2200 - timedelta(days=9999)) == 0


def test_a_frozen_clock_moves_only_when_told():
    frozen = FrozenClock(MONDAY_2200)
    assert frozen.now() == frozen.now() == MONDAY_2200
    assert frozen.advance(minutes=5) == MONDAY_2200 + timedelta(minutes=5)
    assert frozen.advance(timedelta(hours=1), seconds=1) == MONDAY_2200 + timedelta(hours=1, minutes=5, seconds=1)
    frozen.set(ANCHOR)
    assert frozen.now() == ANCHOR


def test_a_frozen_clock_never_reaches_a_later_instant_by_waiting():
    frozen = FrozenClock(MONDAY_2200)
    assert frozen.real_seconds_until(MONDAY_2200) == 0
    assert frozen.real_seconds_until(MONDAY_2200 + timedelta(microseconds=1)) == float("inf")


def test_instants_are_shown_in_utc_wherever_they_came_from():
    in_chicago_winter = datetime(2026, 3, 2, 16, 0, tzinfo=timezone(timedelta(hours=-6)))
    assert FrozenClock(in_chicago_winter).now().isoformat() == "2026-03-02T22:00:00+00:00"


@pytest.mark.parametrize(
    "build",
    [
        lambda naive: FrozenClock(naive),
        lambda naive: FrozenClock(MONDAY_2200).set(naive),
        lambda naive: FrozenClock(MONDAY_2200).real_seconds_until(naive),
        lambda naive: SystemClock().real_seconds_until(naive),
        lambda naive: FastClock(2, naive, ANCHOR),
        lambda naive: FastClock(2, MONDAY_2200, naive),
    ],
)
def test_a_naive_instant_is_refused(build):
    with pytest.raises(ClockError, match="needs a time zone"):
        build(datetime(2026, 3, 2, 22, 0))


def test_a_fast_clock_shows_its_start_at_the_anchor_and_then_hurries():
    wall = FrozenClock(ANCHOR)
    assert fast(wall).now() == MONDAY_2200
    wall.advance(seconds=10)
    assert fast(wall).now() == MONDAY_2200 + timedelta(minutes=10)


def test_a_fast_clock_says_how_long_a_watcher_sleeps_in_real_seconds():
    hurried = fast(FrozenClock(ANCHOR))
    assert hurried.real_seconds_until(MONDAY_2200 + timedelta(minutes=10)) == 10
    assert hurried.real_seconds_until(MONDAY_2200 - timedelta(minutes=10)) == 0


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan")])
def test_a_fast_clock_refuses_a_factor_that_is_no_speed(factor):
    with pytest.raises(ClockError, match="factor above 0"):
        FastClock(factor, MONDAY_2200, ANCHOR)


@pytest.mark.parametrize("factor", [60.0, 0.1, 1234567.25])
def test_a_fast_clock_travels_through_the_environment_unchanged(factor):
    hurried = FastClock(factor, MONDAY_2200 + timedelta(microseconds=123), ANCHOR)
    assert clock.from_environment(hurried.to_environment()) == hurried


def test_the_documented_value_can_be_read():
    value = "fast:60|2026-03-02T22:00:00+00:00|2026-11-23T09:00:00Z"
    assert clock.from_environment(value) == FastClock(60, MONDAY_2200, ANCHOR)


@pytest.mark.parametrize("value", ["", "  ", "system"])
def test_no_wish_means_the_system_clock(value):
    assert isinstance(clock.from_environment(value), SystemClock)


@pytest.mark.parametrize(
    "value",
    [
        "fast",
        "slow:2|2026-03-02T22:00:00Z|2026-11-23T09:00:00Z",
        "fast:60",
        "fast:60|2026-03-02T22:00:00Z",
        "fast:sixty|2026-03-02T22:00:00Z|2026-11-23T09:00:00Z",
        "fast:60|yesterday|2026-11-23T09:00:00Z",
        "fast:60|2026-03-02T22:00:00|2026-11-23T09:00:00Z",
        "fast:0|2026-03-02T22:00:00Z|2026-11-23T09:00:00Z",
        "fast:60|2026-03-02T22:00:00Z|2026-11-23T09:00:00Z|more",
    ],
)
def test_a_clock_that_cannot_be_read_is_an_error_and_never_a_guess(value):
    with pytest.raises(ClockError):
        clock.from_environment(value)


def test_the_environment_variable_is_read(monkeypatch):
    hurried = FastClock(60, MONDAY_2200, ANCHOR)
    monkeypatch.setenv("HANDRAIL_CLOCK", hurried.to_environment())
    assert clock.from_environment() == hurried


def test_use_lends_a_clock_and_gives_the_former_one_back():
    before = clock.current()
    with clock.use(FrozenClock(MONDAY_2200)) as outer:
        assert clock.now() == MONDAY_2200
        assert clock.real_seconds_until(MONDAY_2200) == 0
        with clock.use(FrozenClock(ANCHOR)):
            assert clock.now() == ANCHOR
        assert clock.current() is outer
    assert clock.current() is before


def test_use_gives_the_clock_back_after_an_error():
    before = clock.current()
    with pytest.raises(RuntimeError), clock.use(FrozenClock(MONDAY_2200)):
        raise RuntimeError
    assert clock.current() is before


def test_other_threads_see_the_clock_in_use():
    seen: list[datetime] = []
    with clock.use(FrozenClock(MONDAY_2200)):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen == [MONDAY_2200]


def test_install_changes_the_clock_until_further_notice():
    before = clock.current()
    try:
        clock.install(FrozenClock(MONDAY_2200))
        assert clock.now() == MONDAY_2200
    finally:
        clock.install(before)


def in_a_new_process(value: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from handrail import clock; print(clock.now().isoformat())"],
        env={**os.environ, "HANDRAIL_CLOCK": value},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_processes_share_one_fast_clock():
    hurried = FastClock(1000, MONDAY_2200, SystemClock().now())
    shown = datetime.fromisoformat(in_a_new_process(hurried.to_environment()).stdout.strip())
    assert MONDAY_2200 < shown <= hurried.now()


def test_a_process_with_an_unreadable_clock_says_so_when_it_asks_for_the_time():
    finished = in_a_new_process("fast:now")
    assert finished.returncode != 0
    assert "HANDRAIL_CLOCK must be" in finished.stderr


# --- a clock that is set wrong -----------------------------------------------------------------------------------------


def test_a_stepped_clock_is_set_for_all_its_readers_at_once(tmp_path):
    file = str(tmp_path / "step")
    SteppedClock.set(file, 0)
    one, other = SteppedClock(file), clock.from_environment(f"stepped:{file}")
    for seconds in (0, 7200, -7200, 3, 0):
        SteppedClock.set(file, seconds)
        for each in (one, other):
            assert abs((each.now() - SystemClock().now()).total_seconds() - seconds) < 2
    assert one.real_seconds_until(one.now()) == 0
    assert one.now().tzinfo is UTC


def test_a_stepped_clock_without_its_file_is_an_error_and_never_a_guess(tmp_path):
    with pytest.raises(ClockError, match="cannot be read"):
        clock.from_environment(f"stepped:{tmp_path / 'none'}")
