"""The words the rules share: urgencies, actions, ladders, statuses, and a few helpers for civil time.

Every enum compares by *caution*, never by spelling, so that "the more cautious of two answers" is one
expression everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PRETREATMENT = "pretreatment"
STEP_UP_STEPS = tuple(f"step_up_{number}" for number in range(1, 7))
FIRST_TREATMENT = "first_treatment"
NUMBERED_TREATMENTS = tuple(f"treatment_{number}" for number in range(2, 13))
TREATMENT = "treatment"
TREATMENT_STEPS = (FIRST_TREATMENT, *NUMBERED_TREATMENTS, TREATMENT)
STEPS = (PRETREATMENT, *STEP_UP_STEPS, *TREATMENT_STEPS)
"""Every name that a label's step may have, in order; a protocol uses those it needs. The name says what kind of dose it is:

another drug before the first dose, a step-up dose, a treatment dose that the label tells apart by its number, any later one.
"""
DRUG_CLASSES = {
    "proteasome_inhibitor": "proteasome inhibitor",
    "immunomodulatory_agent": "immunomodulatory agent",
    "anti_cd38_antibody": "anti-CD38 antibody",
}
"""The classes of earlier drugs that an indication may ask for, and how each is said to a person."""
SCHEDULES = ("weekly", *(f"every_{number}_weeks" for number in range(2, 9)))

STEP_WORDS = {
    PRETREATMENT: "pretreatment",
    **{step: f"step-up dose {number}" for number, step in enumerate(STEP_UP_STEPS, start=1)},
    FIRST_TREATMENT: "first treatment dose",
    **{step: f"treatment dose {number}" for number, step in enumerate(NUMBERED_TREATMENTS, start=2)},
    TREATMENT: "treatment dose",
}
"""How each step is said to a person."""


def step_words(step: str | None) -> str:
    """`step-up dose 2`, also for a dose of which nobody knows the step."""
    return STEP_WORDS[step] if step else "a dose of an unknown step"


class Urgency(StrEnum):
    """How soon a finding needs a person. Highest first."""

    NOW = "now"
    SOON = "soon"
    TODAY = "today"
    ROUTINE = "routine"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Urgency).index(self)


class Action(StrEnum):
    """What the next dose answer says. Listed from withholding to giving."""

    STOP = "stop"
    ASK = "ask"
    HOLD = "hold"
    WAIT = "wait"
    RESTART = "restart"
    REPEAT = "repeat"
    CONTINUE = "continue"
    GIVE = "give"

    @property
    def caution(self) -> int:
        """Higher withholds more: stop > ask = hold > wait > restart > repeat > continue = give."""
        return _CAUTION[self]

    @property
    def gives(self) -> bool:
        """True when the answer lets a dose go ahead (give, continue, repeat, restart)."""
        return self in (Action.GIVE, Action.CONTINUE, Action.REPEAT, Action.RESTART)


_CAUTION = {
    Action.STOP: 5,
    Action.ASK: 4,
    Action.HOLD: 4,
    Action.WAIT: 3,
    Action.RESTART: 2,
    Action.REPEAT: 1,
    Action.CONTINUE: 0,
    Action.GIVE: 0,
}


class Ladder(StrEnum):
    """Who is paged and how fast. Listed from the most to the least urgent."""

    RED_1 = "RED-1"
    RED_2 = "RED-2"
    RED_3 = "RED-3"
    RED_4 = "RED-4"
    AMBER = "AMBER"
    GREEN = "GREEN"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return _LADDER_RANK[self]

    @property
    def urgency(self) -> Urgency:
        """RED is now, AMBER is soon, GREEN is today."""
        if self is Ladder.GREEN:
            return Urgency.TODAY
        return Urgency.SOON if self is Ladder.AMBER else Urgency.NOW

    @property
    def calls_911(self) -> bool:
        """Life in danger: the patient calls the emergency number and drives nowhere."""
        return self is Ladder.RED_1

    @property
    def help_first(self) -> bool:
        """Nothing is asked once more of whoever names such a sign: what was sent is taken as it is, and help is called."""
        return self in (Ladder.RED_1, Ladder.RED_2)


_LADDER_RANK = {ladder: place for place, ladder in enumerate(Ladder)}


class Disposition(StrEnum):
    """What the patient does. Listed from the most to the least urgent."""

    ED_NOW = "ed_now"
    CALL_AND_COME_IN = "call_and_come_in"
    CLINICIAN_CALL = "clinician_call"
    RECHECK = "recheck"
    NONE = "none"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return _DISPOSITION_RANK[self]


_DISPOSITION_RANK = {disposition: place for place, disposition in enumerate(Disposition)}


class Status(StrEnum):
    """How well a number is known. `unverified` never permits anything until it is signed."""

    SOURCED = "sourced"
    SITE_CHOICE = "site-choice"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"

    @property
    def rank(self) -> int:
        """0 is the strongest."""
        return _STATUS_RANK[self]


_STATUS_RANK = {status: place for place, status in enumerate(Status)}


def weakest(*statuses: Status) -> Status:
    """A derived number takes the weakest status of its inputs."""
    return max(statuses, key=lambda status: status.rank, default=Status.SOURCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A fact that is not known, and why that matters."""

    missing: str
    why_it_matters: str


class UnusableInput(ValueError):
    """Input that cannot be used: `code` for machines, `message` for people, `path` to the place.

    The message is one clear sentence and never repeats a reading or a name.
    """

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


@lru_cache(maxsize=512)
def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        UnusableInput: `unknown_zone` when there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnusableInput("unknown_zone", f"There is no time zone called {name!r}.") from error


def civil_date(at: datetime, zone: str) -> date:
    """The calendar date at that instant in that zone: labels count these, never hours."""
    return at.astimezone(zone_named(zone)).date()


def civil_instant(day: date, clock_time: time, zone: str) -> datetime:
    """The instant (UTC) of a civil time.

    On a clock-change night a time that does not exist moves forward by the length of the gap, and a time that
    occurs twice is the first of the two. `civil_time_trouble` says when that happened.
    """
    return datetime.combine(day, clock_time, tzinfo=zone_named(zone)).astimezone(UTC)


def civil_time_trouble(day: date, clock_time: time, zone: str) -> str | None:
    """`"does not exist"`, `"occurs twice"` or None: what a clock change does to a civil time."""
    tz = zone_named(zone)
    naive = datetime.combine(day, clock_time)
    early = naive.replace(tzinfo=tz, fold=0)
    late = naive.replace(tzinfo=tz, fold=1)
    if early.utcoffset() == late.utcoffset():
        return None
    existing = early.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == naive
    return "occurs twice" if existing else "does not exist"


def day_start(day: date, zone: str) -> datetime:
    """The instant at which that calendar day begins in that zone."""
    return civil_instant(day, time(0, 0), zone)


def say_instant(at: datetime, zone: str) -> str:
    """`Mon 23 Nov 2026 02:14 CST`: an instant by the clock of that zone."""
    local = at.astimezone(zone_named(zone))
    return f"{say_date(local.date())} {local:%H:%M %Z}"


@lru_cache(maxsize=2048)
def say_date(day: date) -> str:
    """`Fri 27 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"
