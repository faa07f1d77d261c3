"""Who is paged next: a pure decision over the steps of a ladder.

An unanswered alert goes round again and never falls silent. Steps are pinned when the alert opens; people are looked
up at the moment of paging, by the shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Whom a step pages (a role on the rota) and the minutes left to acknowledge."""

    who: str
    wait_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPage:
    """Page `who` now. `step` is the place in the ladder, `attempt` counts every page of this alert from 0."""

    who: str
    step: int
    attempt: int
    wait_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to send before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No more pages for this alert."""

    because: str


Decision = SendPage | Wait | Stop


def next_page(
    steps: Sequence[Step],
    sent: Sequence[datetime],
    acknowledged: datetime | None,
    now: datetime,
    nobody_on: Sequence[int] = (),
) -> Decision:
    """The next page of an alert.

    Args:
        steps: the pinned ladder, at least one step.
        sent: when each attempt so far was made, oldest first (one entry an attempt, not one a channel).
        acknowledged: when a person said "I have it".
        now: the instant to decide for.
        nobody_on: indices into `sent` of attempts that found nobody; the next step then follows at once.

    Raises:
        ValueError: a ladder without steps.
    """
    if not steps:
        raise ValueError("a ladder has at least one step")
    if acknowledged is not None and acknowledged <= now:
        return Stop(because="acknowledged")
    attempt = len(sent)
    step = steps[attempt % len(steps)]
    if attempt:
        previous = steps[(attempt - 1) % len(steps)]
        whole_round_empty = len(nobody_on) >= len(steps) and set(range(attempt - len(steps), attempt)) <= set(nobody_on)
        skip = (attempt - 1) in nobody_on and not whole_round_empty
        due = sent[-1] if skip else sent[-1] + timedelta(minutes=previous.wait_minutes)
        if now < due:
            return Wait(until=due)
    return SendPage(
        who=step.who,
        step=attempt % len(steps),
        attempt=attempt,
        wait_until=now + timedelta(minutes=step.wait_minutes),
    )
