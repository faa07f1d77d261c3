"""What a policy says of hand-offs: how long one may wait, who is called then, what makes it complicated, and when a patient returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from handrail.rules.responsibility import DAYS, Day, minutes_of
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder, Status, civil_instant, zone_named

LONGEST_SEARCH = 400
"""Days: a wait that ends later than that is a mistake in the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRow:
    """A reason for which a patient returns to the centre. `found`: the rules see it themselves, else a person says it."""

    id: str
    words: str
    source: tuple[str, ...]
    status: Status
    found: Literal["crs", "icans", "restart", "progression", "infection", "neutrophils"] | None = None
    least: Decimal | None = None
    """The grade from which on, or the value under which, it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPolicy:
    """Waits in working hours (of `days`, from `starts` to `ends`), counted from the offer, unless the name says otherwise.

    A holiday counts as the working day that it is not: somebody is called sooner by that, never later.
    """

    days: tuple[Day, ...]
    starts: str
    ends: str
    chase_after_working_hours: int
    phone_after_working_hours: int
    escalate_after_working_hours: int
    accept_within_working_hours: int
    call_within_working_hours: int
    return_within_working_hours: int
    urgent_return_within_hours: int
    escalate_hours_before_give_by: int
    warn_days_before_give_by: int
    chase_ladder: Ladder
    escalate_ladder: Ladder
    simple_crs_grade: int
    simple_crs_episodes: int
    cytopenia_grade: int
    simple_anc_least: Decimal
    co_owned_visits: int
    source: tuple[str, ...]
    status: Status
    returns: tuple[ReturnRow, ...] = ()

    def working_after(self, at: datetime, hours: int, zone: str) -> datetime:
        """The instant at which so many working hours have passed since `at`; elapsed time inside the hours of each civil day."""
        left = timedelta(hours=hours)
        day = at.astimezone(zone_named(zone)).date()
        for _ in range(LONGEST_SEARCH):
            if DAYS[day.weekday()] in self.days:
                begins, ends = _at(day, self.starts, zone), _at(day, self.ends, zone)
                begins = max(begins, at.astimezone(UTC))
                if begins < ends:
                    if begins + left <= ends:
                        return begins + left
                    left -= ends - begins
            day += timedelta(days=1)
        raise ProtocolDataError("wrong_value", "No working hour is ever reached.", "handoff.days")

    def opens_on(self, day: date, zone: str) -> datetime:
        """When work begins on a civil day, also on one that is free: what a day's limit is counted back from."""
        return _at(day, self.starts, zone)


def _at(day: date, text: str, zone: str) -> datetime:
    minutes = minutes_of(text)
    return civil_instant(day, time(minutes // 60, minutes % 60), zone)


def check_handoff(rules: HandoffPolicy) -> None:
    """Refuse waits that never end, or that come in another order than chase, phone, escalate, accept.

    Raises:
        ProtocolDataError: with the path of what is wrong.
    """
    try:
        first, last = minutes_of(rules.starts), minutes_of(rules.ends)
    except ValueError as error:
        raise ProtocolDataError("wrong_value", "A civil time reads like 08:00.", "handoff.starts") from error
    if not rules.days or not first < last < 24 * 60:
        raise ProtocolDataError("wrong_value", "Somebody works on some days, by day.", "handoff.days")
    waits = (
        rules.chase_after_working_hours,
        rules.phone_after_working_hours,
        rules.escalate_after_working_hours,
        rules.accept_within_working_hours,
    )
    if list(waits) != sorted(waits) or waits[0] <= 0:
        raise ProtocolDataError("wrong_value", "Chase, phone, escalate and accept follow one another.", "handoff")
    others = (
        rules.call_within_working_hours,
        rules.return_within_working_hours,
        rules.urgent_return_within_hours,
        rules.escalate_hours_before_give_by,
        rules.warn_days_before_give_by,
    )
    if min(others) <= 0:
        raise ProtocolDataError("wrong_value", "Waits are positive numbers.", "handoff")
    if rules.warn_days_before_give_by * 24 < rules.escalate_hours_before_give_by:
        raise ProtocolDataError(
            "wrong_value", "It is warned of before it is escalated.", "handoff.warn_days_before_give_by"
        )
    ids = [row.id for row in rules.returns]
    if len(ids) != len(set(ids)):
        raise ProtocolDataError("duplicate_id", "Two reasons to return share an id.", "handoff.returns")
