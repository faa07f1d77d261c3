"""What an alarm means that a caregiver raises: never less than urgent, whatever it names and whatever it leaves open.

An alarm asks for less than a check: nothing in it says that the patient is well, and what was asked and left open is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Urgency

if TYPE_CHECKING:
    from handrail.rules.policy import Policy, SymptomRow

UNNAMED: Final = "worried"
"""The sign that an alarm counts as which names nothing urgent."""


def check_alarm(rows: Sequence[SymptomRow]) -> None:
    """Refuse signs of an alarm that would page nobody at once.

    Raises:
        ProtocolDataError: a sign that is not urgent (`quiet_alarm`), or no row for an alarm that names nothing (`missing_key`).
    """
    for number, row in enumerate(rows):
        if row.ladder.urgency is not Urgency.NOW:
            raise ProtocolDataError("quiet_alarm", "An alarm is always urgent.", f"triage.alarm[{number}].ladder")
    if rows and all(row.symptom != UNNAMED for row in rows):
        raise ProtocolDataError("missing_key", f"An alarm that names nothing needs {UNNAMED!r}.", "triage.alarm")


def red_boxes(policy: Policy) -> tuple[SymptomRow, ...]:
    """The boxes of the check-in that are urgent, in the order of the policy: an alarm offers them by the same rows."""
    return tuple(row for row in policy.triage.symptom if row.ladder.urgency is Urgency.NOW)


def unnamed_alarm(policy: Policy) -> SymptomRow:
    """The row that an alarm counts as which names nothing urgent."""
    return next(row for row in policy.alarm_signs if row.symptom == UNNAMED)
