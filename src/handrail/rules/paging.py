"""Who is paged next: a pure decision over the steps of a ladder.

An unanswered alert goes round again and never falls silent. Steps are pinned when the alert opens; people are looked
up at the moment of paging, by the shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PATIENT = "patient_to_ed"
"""The step of a ladder that pages nobody: the patient is told to wait no longer."""

NAMED_PERSON = "named_person"
"""Who is paged because somebody hands the alert over: no step of a ladder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Whom a step pages (a role on the rota, or `PATIENT`) and the minutes left to acknowledge.

    `second_device`: the page goes to the person's second device as well.
    """

    who: str
    wait_minutes: int
    second_device: bool = False

    @property
    def pages_a_person(self) -> bool:
        """False for the step that tells the patient."""
        return self.who != PATIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPage:
    """Page `who` now. `step` is the place in the ladder, `attempt` counts every step taken of this alert from 0."""

    who: str
    step: int
    attempt: int
    wait_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPatient:
    """Nobody has answered, or nobody is on: tell the patient now where to go, and go on paging.

    `nobody_on`: no person was found, or could be reached, in this round, so that nobody can have answered.
    """

    step: int
    attempt: int
    nobody_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to send before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No more pages for this alert."""

    because: str


Decision = SendPage | TellPatient | Wait | Stop


def next_page(
    steps: Sequence[Step],
    sent: Sequence[datetime],
    acknowledged: datetime | None,
    now: datetime,
    nobody_on: Sequence[int] = (),
) -> Decision:
    """The next step of an alert.

    After a step that found nobody the next one follows at once; so does the patient, when the whole ladder found nobody. A round
    that found nobody is not run through again at once: from then on each step waits for its minutes.

    Args:
        steps: the pinned ladder, at least one step that pages a person.
        sent: when each attempt so far was made, oldest first (one entry an attempt, not one a channel).
        acknowledged: when a person said "I have it".
        now: the instant to decide for.
        nobody_on: indices into `sent` of attempts that found nobody, or nobody who could be reached.

    Raises:
        ValueError: a ladder without a step that pages a person.
    """
    if not any(step.pages_a_person for step in steps):
        raise ValueError("a ladder has at least one step that pages a person")
    if acknowledged is not None and acknowledged <= now:
        return Stop(because="acknowledged")
    attempt, empty = len(sent), frozenset(nobody_on)
    if attempt:
        due = _due(steps, sent, empty)
        if now < due:
            return Wait(until=due)
    place = attempt % len(steps)
    step = steps[place]
    if not step.pages_a_person:
        return TellPatient(step=place, attempt=attempt, nobody_on=_nobody_in_round(steps, attempt, empty))
    return SendPage(who=step.who, step=place, attempt=attempt, wait_until=now + timedelta(minutes=step.wait_minutes))


def _due(steps: Sequence[Step], sent: Sequence[datetime], empty: frozenset[int]) -> datetime:
    """When the step after the last attempt is due."""
    attempt = len(sent)
    previous = steps[(attempt - 1) % len(steps)]
    if attempt >= len(steps) and _nobody_in_round(steps, attempt, empty):
        longest = max(step.wait_minutes for step in steps)
        return sent[-1] + timedelta(minutes=previous.wait_minutes or longest)
    if attempt - 1 in empty:
        return sent[-1]
    return sent[-1] + timedelta(minutes=previous.wait_minutes)


def _nobody_in_round(steps: Sequence[Step], attempt: int, empty: frozenset[int]) -> bool:
    """Whether the latest attempts, one a step of the ladder at most, found nobody at all."""
    latest = range(max(0, attempt - len(steps)), attempt)
    return all(n in empty for n in latest if steps[n % len(steps)].pages_a_person)
