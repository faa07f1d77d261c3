"""The doses that were really given, as the other rules need them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from handrail.rules.events import DoseGiven, Event
from handrail.rules.history import History
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, STEP_WORDS, TREATMENT_STEPS, civil_date, say_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One administered dose. `at` and `on` are None when the day is not known; `step` None when that is not known."""

    event: Event
    body: DoseGiven
    step: str | None
    at: datetime | None
    on: date | None

    @property
    def watched(self) -> bool:
        """True for a step-up dose or the first treatment dose: the doses with a risk window."""
        return self.step in STEP_UP_STEPS or self.step == FIRST_TREATMENT

    @property
    def is_treatment(self) -> bool:
        """True for the first and every later treatment dose."""
        return self.step in TREATMENT_STEPS

    def words(self) -> str:
        """`step-up dose 2 on Mon 2 Mar 2026`."""
        step = STEP_WORDS[self.step] if self.step else "a dose of an unknown step"
        return f"{step} on {say_date(self.on)}" if self.on else f"{step} on an unknown day"


def given_doses(history: History) -> tuple[Given, ...]:
    """Every administered dose in the order of giving, whenever it was charted; the civil day is that of the site that gave it."""
    given = (_given(event) for event in history.of("dose_given"))
    return tuple(sorted(given, key=lambda dose: (dose.at or dose.event.at, dose.event.id)))


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
