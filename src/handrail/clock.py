"""THE TIME: the only place of the programme that reads the machine's clock.

Everything else asks `clock.now()`, so that a test can stop time, a demonstration can hurry it, and the rules never read it.

Four clocks, one question (`now`):

- `SystemClock`  the machine's clock;
- `FrozenClock`  stands still until it is told to move (tests);
- `FastClock`    runs faster than the machine's clock (the demonstration);
- `SteppedClock` is the machine's clock and as many seconds as a file says (drills, in which clocks are set wrong and right again).

Several processes share one clock through the environment variable `HANDRAIL_CLOCK`:

    HANDRAIL_CLOCK="fast:60|2026-03-02T22:00:00+00:00|2026-11-23T09:00:00+00:00"
                    fast:<factor>|<simulated start>|<real instant of that start>
    HANDRAIL_CLOCK="stepped:/path/of/a/file"

The parts are separated by "|" because the instants themselves hold colons. Empty, absent or "system" means the machine's clock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

ENVIRONMENT_VARIABLE = "HANDRAIL_CLOCK"


class ClockError(ValueError):
    """A clock that cannot be built or moved as asked."""


class Clock(Protocol):
    """What the programme needs from a clock."""

    def now(self) -> datetime:
        """The instant it is, aware and in UTC."""
        ...

    def real_seconds_until(self, instant: datetime) -> float:
        """Seconds of a person's life until this clock shows `instant`; 0 when it is past, infinity when it never will."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def real_seconds_until(self, instant: datetime) -> float:
        return max(0.0, (_utc(instant) - self.now()).total_seconds())


class FrozenClock:
    """A clock that stands still until `set` or `advance` moves it. It may be moved back: clocks of machines are, too."""

    def __init__(self, at: datetime) -> None:
        self._now = _utc(at)

    def now(self) -> datetime:
        return self._now

    def real_seconds_until(self, instant: datetime) -> float:
        return 0.0 if _utc(instant) <= self._now else float("inf")

    def set(self, at: datetime) -> None:
        """Move to an aware instant."""
        self._now = _utc(at)

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        """Move by a duration, given whole or in the words of `timedelta` (`advance(minutes=5)`), and return the new instant."""
        self._now += (by if by is not None else timedelta()) + timedelta(**parts)
        return self._now


@dataclass(frozen=True, slots=True)
class FastClock:
    """A clock that runs `factor` times as fast as the machine's.

    `sim_start` is what it shows when the machine's clock shows `wall_anchor`, so two processes that are given the same
    three values show the same time.
    """

    factor: float
    sim_start: datetime
    wall_anchor: datetime
    _wall: Clock = field(default_factory=SystemClock, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.factor < float("inf"):
            raise ClockError(f"a fast clock needs a factor above 0, not {self.factor}")
        object.__setattr__(self, "sim_start", _utc(self.sim_start))
        object.__setattr__(self, "wall_anchor", _utc(self.wall_anchor))

    def now(self) -> datetime:
        return self.sim_start + (self._wall.now() - self.wall_anchor) * self.factor

    def real_seconds_until(self, instant: datetime) -> float:
        return max(0.0, (_utc(instant) - self.now()).total_seconds() / self.factor)

    def to_environment(self) -> str:
        """The value of `HANDRAIL_CLOCK` that gives another process this clock."""
        return f"fast:{self.factor!r}|{self.sim_start.isoformat()}|{self.wall_anchor.isoformat()}"


class SteppedClock:
    """The machine's clock and as many seconds as a file says: whoever writes the file sets the clocks of all its readers at once."""

    WIDTH = 16
    """The file holds a whole number of seconds, written in one go in so many signs; an empty file is no step."""

    def __init__(self, file: str) -> None:
        self.file = file
        try:
            self._open = os.open(file, os.O_RDONLY)
        except OSError as error:
            raise ClockError(f"the file of the stepped clock cannot be read: {error.strerror}") from error

    def now(self) -> datetime:
        text = os.pread(self._open, self.WIDTH, 0).strip()
        return datetime.now(UTC) + timedelta(seconds=int(text or b"0"))

    def real_seconds_until(self, instant: datetime) -> float:
        return max(0.0, (_utc(instant) - self.now()).total_seconds())

    @classmethod
    def set(cls, file: str, seconds: int) -> None:
        """Step the clocks of everybody who reads this file."""
        handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(handle, f"{seconds:>{cls.WIDTH}d}".encode(), 0)
        finally:
            os.close(handle)


C = TypeVar("C", bound=Clock)

# The one deliberate global of the programme: every thread shares the clock. None until somebody asks, so that a value of the
# environment that cannot be read is an error where it is used, not a traceback while the module is imported.
_current: Clock | None = None


def now() -> datetime:
    """The instant it is, aware and in UTC, by the clock in use."""
    return current().now()


def real_seconds_until(instant: datetime) -> float:
    """Seconds to sleep until the clock in use shows `instant`; 0 when it is past, infinity when that clock stands still."""
    return current().real_seconds_until(instant)


def speed() -> float:
    """How many times as fast as a person's life the clock in use runs: spans of real time are multiplied by it."""
    chosen = current()
    return chosen.factor if isinstance(chosen, FastClock) else 1.0


def current() -> Clock:
    """The clock in use: the one installed or lent by `use`, at first the one that the environment describes."""
    global _current  # noqa: PLW0603
    if _current is None:
        _current = from_environment()
    return _current


def install(clock: Clock) -> None:
    """Make this the clock of the whole process, for good. For start-up; a test wants `use`."""
    global _current  # noqa: PLW0603
    _current = clock


@contextmanager
def use(clock: C) -> Iterator[C]:
    """Use a clock inside a `with` block and go back to the former one after it.

    The whole process sees it, other threads too: a web server that a test runs in a thread must show the test's time.
    """
    former = current()
    install(clock)
    try:
        yield clock
    finally:
        install(former)


def from_environment(value: str | None = None) -> Clock:
    """The clock that `HANDRAIL_CLOCK` (or the given value) describes.

    Raises `ClockError`, in one sentence, on a value that it cannot read: a wrong clock must not be guessed.
    """
    text = (os.environ.get(ENVIRONMENT_VARIABLE, "") if value is None else value).strip()
    if text in ("", "system"):
        return SystemClock()
    kind, _, rest = text.partition(":")
    if kind == "stepped":
        return SteppedClock(rest)
    parts = rest.split("|")
    if kind != "fast" or len(parts) != 3:
        raise ClockError(
            f"{ENVIRONMENT_VARIABLE} must be 'system', 'stepped:<file>' or 'fast:<factor>|<simulated start>|<real anchor>', not {text!r}"
        )
    try:
        return FastClock(float(parts[0]), datetime.fromisoformat(parts[1]), datetime.fromisoformat(parts[2]))
    except ClockError:
        raise
    except (ValueError, OverflowError) as error:
        raise ClockError(f"{ENVIRONMENT_VARIABLE} cannot be read: {error}") from error


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ClockError(f"an instant needs a time zone, and {instant.isoformat()} has none")
    return instant.astimezone(UTC)
