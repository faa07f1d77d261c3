"""What a policy says of a patient in hospital: when the centre calls those who have the patient there, and who is paged when not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta

from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class InpatientPolicy:
    """The call of every day. `daily_call_at` is a civil time where the centre is; hours and minutes are elapsed.

    A call made so many minutes before its time (`early_credit_minutes`) counts for it; so many after it (`grace_minutes`) it is missed.
    """

    first_call_within_hours: int
    daily_call_at: str
    early_credit_minutes: int
    grace_minutes: int
    ladder: Ladder
    source: tuple[str, ...]
    status: Status

    @property
    def call_time(self) -> time:
        """The civil time of the daily call."""
        return time.fromisoformat(self.daily_call_at)

    @property
    def first_within(self) -> timedelta:
        """From the admission on."""
        return timedelta(hours=self.first_call_within_hours)

    @property
    def credit(self) -> timedelta:
        """How early a call counts."""
        return timedelta(minutes=self.early_credit_minutes)

    @property
    def grace(self) -> timedelta:
        """From the time of a call until it is missed."""
        return timedelta(minutes=self.grace_minutes)


def check_inpatient(rules: InpatientPolicy) -> None:
    """Refuse a time that is none, waits that are none, and a call that would count for two days.

    Raises:
        ProtocolDataError: with the path of what is wrong.
    """
    try:
        time.fromisoformat(rules.daily_call_at)
    except ValueError as error:
        raise ProtocolDataError("wrong_value", "A civil time reads like 10:00.", "inpatient.daily_call_at") from error
    if min(rules.first_call_within_hours, rules.grace_minutes) <= 0 or rules.early_credit_minutes < 0:
        raise ProtocolDataError("wrong_value", "Waits are positive numbers.", "inpatient")
    if rules.credit >= _HALF_A_DAY:
        place = "inpatient.early_credit_minutes"
        raise ProtocolDataError("wrong_value", "A call counts for the day of it, and for no other.", place)


_HALF_A_DAY = timedelta(hours=12)
