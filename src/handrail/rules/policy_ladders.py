"""What a policy says about paging: the rungs with their words and clocks, who may stay at home after a call, and the night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

from handrail.rules.paging import Step
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder, Status, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderWords:
    """What the patient is told, in another language; what stands in none of these is looked for among the translations."""

    language: str
    patient_words: str
    nobody_words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRow:
    """One rung of urgency: its steps go round again, never silent. Every clock is in minutes; a clock left out does not run.

    Those of the contact run from the report (`confirm`: somebody reached the patient by voice; `assess`: CRS grade and ICE score)
    or from what the call decided (`seen`, `arrival`, `ed_call_back`). `snooze_minutes`: how long a page may be put off at most.
    """

    id: Ladder
    owner: str
    patient_words: str
    steps: tuple[Step, ...]
    source: tuple[str, ...]
    status: Status
    owner_words: str | None = None
    nobody_words: str | None = None
    """What the patient is told when nobody is on, or nobody has answered by the step that tells the patient."""
    confirm_within_minutes: int | None = None
    seen_within_minutes: int | None = None
    arrival_within_minutes: int | None = None
    ed_call_back_within_minutes: int | None = None
    assess_within_minutes: int | None = None
    snooze_minutes: int | None = None
    words_in: tuple[LadderWords, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPolicy:
    """After "I have it": what a call may decide.

    `admission`: every CRS is admitted, or grade 1 may stay at home when everything about it is known. `belongs_within_hours`: a call
    so long after a report still belongs to it. `hand_over_within_minutes`: a named person takes over by then, or the pages go on.
    """

    admission: Literal["admit_all", "grade_1_may_stay"]
    stay_most_grade: int
    stay_vitals: tuple[str, ...]
    stay_next_check_within_minutes: int
    belongs_within_hours: int
    hand_over_within_minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPolicy:
    """Civil times: a call from `begins` until `ends` is handed back in the morning, by `hand_back_by`."""

    begins: str
    ends: str
    hand_back_by: str
    source: tuple[str, ...]
    status: Status

    def covers(self, clock_time: time) -> bool:
        """Whether that civil time belongs to the night, which may pass midnight."""
        begins, ends = time.fromisoformat(self.begins), time.fromisoformat(self.ends)
        if begins <= ends:
            return begins <= clock_time < ends
        return clock_time >= begins or clock_time < ends


def check_ladder(row: LadderRow) -> None:
    """Refuse a ladder that would go quiet, or a clock that cannot run."""
    path = f"ladder.{row.id}"
    people = [step for step in row.steps if step.pages_a_person]
    if not people:
        raise ProtocolDataError("quiet_ladder", f"{row.id.value} pages nobody.", path)
    if any(step.wait_minutes <= 0 for step in people) or any(step.wait_minutes < 0 for step in row.steps):
        raise ProtocolDataError("wrong_value", "A step waits a positive number of minutes.", path)
    if row.snooze_minutes is not None and row.id.urgency is Urgency.NOW:
        raise ProtocolDataError("wrong_value", "A RED page is never put off.", f"{path}.snooze_minutes")
    for name in _CLOCKS:
        minutes = getattr(row, name)
        if minutes is not None and minutes <= 0:
            raise ProtocolDataError("wrong_value", "A clock runs for a positive number of minutes.", f"{path}.{name}")


_CLOCKS = (
    "confirm_within_minutes",
    "seen_within_minutes",
    "arrival_within_minutes",
    "ed_call_back_within_minutes",
    "assess_within_minutes",
    "snooze_minutes",
)


def check_night(night: NightPolicy) -> None:
    """Refuse times that are none, and a morning that is still night."""
    for name in ("begins", "ends", "hand_back_by"):
        try:
            time.fromisoformat(getattr(night, name))
        except ValueError as error:
            raise ProtocolDataError("wrong_value", "A civil time reads like 07:00.", f"night.{name}") from error
    if night.covers(time.fromisoformat(night.hand_back_by)):
        raise ProtocolDataError("wrong_value", "The hand-back is due when the night is over.", "night.hand_back_by")
