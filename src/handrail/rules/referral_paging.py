"""Whom a referral pages: somebody who reads it, and the director once a clock of it has run out.

Paging begins in the hours of a working day: no clock of a referral runs by the night, and the form is open to everybody. Begun, it goes
round until somebody says "I have it". The words name neither the patient nor the practice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from handrail.rules.paging import Step
from handrail.rules.referral import (
    ROUTINE,
    SATURDAY,
    URGENT,
    Clock,
    HoursRow,
    Progress,
    ReferralData,
    Stage,
    Standing,
    State,
)
from handrail.rules.terms import Ladder, civil_date, civil_instant, day_start, say_date, say_instant

WORDS: Final[Mapping[str | None, str]] = {URGENT: "An urgent referral", ROUTINE: "A routine referral"}
NOT_KNOWN: Final = "A referral whose urgency is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One page that is wanted. `about` tells it from the other pages of the same referral."""

    about: str
    ladder: Ladder
    what: str
    because: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What is wanted at an instant, and the next instant at which that changes by itself."""

    wanted: tuple[Call, ...] = ()
    look_again_at: datetime | None = None


def calls(
    data: ReferralData,
    code: str,
    urgency: str | None,
    progress: Progress,
    standing: Standing,
    now: datetime,
    *,
    zone: str,
    holidays: Collection[date] = frozenset(),
) -> Calls:
    """Whom a referral pages at `now`.

    Args:
        code: what the referral is called, on the screen.
        urgency: as the practice said it; None is not known, and is said so.
        zone: of the place that received it, by whose working days everything is counted.
    """
    if progress.closed_at is not None:
        return Calls()
    wanted, ahead = [], [standing.look_again_at] if standing.look_again_at is not None else []
    for since, call in _reasons(data, code, urgency, progress, standing, zone):
        begins = working_moment(since, data.hours, zone, holidays)
        if begins <= now:
            wanted.append(call)
        else:
            ahead.append(begins)
    return Calls(wanted=tuple(wanted), look_again_at=min(ahead, default=None))


def _reasons(
    data: ReferralData, code: str, urgency: str | None, progress: Progress, standing: Standing, zone: str
) -> Iterator[tuple[datetime, Call]]:
    """Each reason to page, and since when it holds."""
    ladder = Ladder.AMBER if progress.urgent else Ladder.GREEN
    if standing.stage is Stage.RECEIVED:
        because = f"received {say_instant(progress.received_at, zone)}; {_ahead(standing)}"
        yield (
            progress.received_at,
            Call(
                about="unread",
                ladder=ladder,
                what=f"{WORDS.get(urgency, NOT_KNOWN)} has been read by nobody: {code}",
                because=because,
                steps=_steps(data, "unread"),
            ),
        )
    for clock in standing.clocks:
        if clock.state is State.LATE and clock.last_day is not None:
            yield (
                day_start(clock.last_day + timedelta(days=1), zone),
                Call(
                    about=f"late:{clock.row.kind}",
                    ladder=Ladder.AMBER if clock.red else ladder,
                    what=f"Referral {code} is late: {clock.row.words}",
                    because=f"it was due by {say_date(clock.last_day)}; {clock.row.owner}: {clock.row.next_step}",
                    steps=_steps(data, "late"),
                ),
            )


def _ahead(standing: Standing) -> str:
    """The clocks that run: who does what until when."""
    running: list[Clock] = [each for each in standing.clocks if each.state in (State.OPEN, State.LATE)]
    return "; ".join(
        f"{each.row.words} until {say_date(each.last_day)} ({each.row.owner})" for each in running if each.last_day
    )


def _steps(data: ReferralData, about: str) -> tuple[Step, ...]:
    return tuple(Step(who=row.who, wait_minutes=row.wait_minutes) for row in data.page if row.about == about)


def working_moment(after: datetime, hours: HoursRow, zone: str, holidays: Collection[date]) -> datetime:
    """The first instant, not before `after`, that lies in the hours of a working day."""
    day = civil_date(after, zone)
    while True:
        if day.weekday() < SATURDAY and day not in holidays:
            opens, closes = (civil_instant(day, time(hour), zone) for hour in (hours.opens, hours.closes))
            if after < closes:
                return max(after, opens)
        day += timedelta(days=1)
