"""The doses that were really given, as the other rules need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from handrail.rules.answer import Monitoring
from handrail.rules.events import DoseGiven, Event
from handrail.rules.history import History, not_before
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, TREATMENT_STEPS, civil_date, say_date, step_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One administered dose. `at` and `on` are None when the day is not known; `step` None when that is not known.

    `stays`: what the label wants after this dose because of a reaction before it; `reaction_unknown`: why nobody can say
    which (`stays` are then all that the label knows). Both come from `stays.with_stays`, which needs the label.
    """

    event: Event
    body: DoseGiven
    step: str | None
    at: datetime | None
    on: date | None
    stays: tuple[Monitoring, ...] = ()
    reaction_unknown: str | None = None

    @property
    def watched_by_step(self) -> bool:
        """True for a step-up dose or the first treatment dose: they have a risk window whatever came before."""
        return self.step in STEP_UP_STEPS or self.step == FIRST_TREATMENT

    @property
    def watched(self) -> bool:
        """True for a dose with a risk window: by its step, or for a stay that the label wants, or may want, after a reaction."""
        return self.watched_by_step or bool(self.stays) or self.reaction_unknown is not None

    @property
    def may_be_watched(self) -> bool:
        """True for a watched dose, and for one of an unknown step: it may have been one of those."""
        return self.watched or self.step is None

    @property
    def watch_begins(self) -> datetime:
        """When the watch after it begins: its time; the time it was recorded for when that is not known, or a later one."""
        return min(self.at or self.event.at, self.event.at)

    @property
    def is_treatment(self) -> bool:
        """True for the first and every later treatment dose."""
        return self.step in TREATMENT_STEPS

    def words(self) -> str:
        """`step-up dose 2 on Mon 2 Mar 2026`."""
        step = step_words(self.step)
        return f"{step} on {say_date(self.on)}" if self.on else f"{step} on an unknown day"


def given_doses(history: History) -> tuple[Given, ...]:
    """Every administered dose in the order of giving, whenever it was charted; the civil day is that of the site that gave it."""
    given = (_given(event) for event in history.of("dose_given"))
    return tuple(sorted(given, key=lambda dose: (dose.at or dose.event.at, dose.event.recorded_at, dose.event.id)))


def _given(event: Event) -> Given:
    body: DoseGiven = event.body
    known = "started_at" not in event.nulls
    at = (body.started_at or event.at) if known else None
    return Given(
        event=event,
        body=body,
        step=body.step,
        at=at,
        on=civil_date(at, event.zone) if at else None,
    )


def called_off(history: History, planned: Event, doses: Sequence[Given]) -> bool:
    """Whether the dose of a plan was recorded as not given, after the plan was made."""
    said = history.of("dose_not_given")
    return any(not_before(event, planned) and not _of_an_earlier(event, history, planned, doses) for event in said)


def _of_an_earlier(event: Event, history: History, planned: Event, doses: Sequence[Given]) -> bool:
    """Whether a dose that was not given is that of an earlier plan: of its very day, of which nothing else was said before the new one.

    Who moves a dose may plan it anew first, and write down afterwards that it was not given.
    """
    day = civil_date(event.at, planned.zone)
    if planned.body.on is None or day >= planned.body.on:
        return False
    was_planned = any(each.body.on == day for each in history.of("dose_planned") if not_before(planned, each))
    given = any(each.at is not None and civil_date(each.at, planned.zone) == day for each in doses)
    said = [each for each in history.of("dose_not_given") if civil_date(each.at, planned.zone) == day]
    return was_planned and not given and said[0].id == event.id
