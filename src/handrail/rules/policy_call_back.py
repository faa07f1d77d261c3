"""What a policy promises those who ask for a call back: within how many minutes, who is paged at once, and who when it is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from handrail.rules.paging import Step
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackPolicy:
    """The promise, counted from the ask. `steps` page from then on; once it is broken, `late_steps` page beside them.

    `again_minutes`: still nobody called so long after that, and so on: the late steps begin anew, whoever had said "I have it".
    `late_owner`: who answers for the incident. `ladder`: as what the page is shown and which phones ring for it.
    """

    promise_minutes: int
    again_minutes: int
    ladder: Ladder
    late_owner: str
    steps: tuple[Step, ...]
    late_steps: tuple[Step, ...]
    source: tuple[str, ...]
    status: Status

    @property
    def promise(self) -> timedelta:
        """From the ask on."""
        return timedelta(minutes=self.promise_minutes)

    @property
    def again(self) -> timedelta:
        """From one round of the late pages to the next."""
        return timedelta(minutes=self.again_minutes)


def check_call_back(rules: CallBackPolicy) -> None:
    """Refuse waits that are none, steps that would go quiet or tell a patient, and a first step that outlasts the promise.

    Raises:
        ProtocolDataError: with the path of what is wrong.
    """
    if min(rules.promise_minutes, rules.again_minutes) <= 0:
        raise ProtocolDataError("wrong_value", "Waits are positive numbers.", "call_back")
    _check_steps(rules.steps, "call_back.steps")
    _check_steps(rules.late_steps, "call_back.late_steps")
    if rules.steps[0].wait_minutes >= rules.promise_minutes:
        said = "The second step begins before the promise is broken."
        raise ProtocolDataError("wrong_value", said, "call_back.steps")


def _check_steps(steps: Sequence[Step], path: str) -> None:
    if not steps:
        raise ProtocolDataError("quiet_ladder", "It pages nobody.", path)
    if not all(step.pages_a_person for step in steps):
        raise ProtocolDataError("wrong_value", "No patient is sent anywhere because a call back is late.", path)
    if any(step.wait_minutes <= 0 for step in steps):
        raise ProtocolDataError("wrong_value", "A step waits a positive number of minutes.", path)
