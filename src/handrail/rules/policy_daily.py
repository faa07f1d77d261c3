"""What a policy says of the daily assessments: who, how, and what belongs to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

Contact = Literal["in_person", "call", "video"]
ASSESSORS: Final = {
    "app": "APP",
    "oncologist": "physician",
    "prescriber": "physician",
    "nurse": "nurse",
    "on_call": "clinician on call",
}
"""The roles that may assess, each as a person says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyRow:
    """Who assesses on a day of the window, and how. Without `days_after` the row is for every other day."""

    id: str
    who: str
    roles: tuple[str, ...]
    owner: str
    contact: Contact
    source: tuple[str, ...]
    status: Status
    days_after: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyPolicy:
    """The daily assessments. `complete` names the kinds of assessment that make one whole."""

    complete: tuple[Literal["vitals_measured", "crs_assessed", "ice_assessed", "icans_assessed"], ...]
    missed_owner: str
    content: tuple[str, ...]
    source: tuple[str, ...]
    status: Status
    day: tuple[DailyRow, ...]

    def row(self, after: int) -> DailyRow:
        """The row of a day so many days after the dose."""
        every_other_day = next(row for row in self.day if not row.days_after)
        return next((row for row in self.day if after in row.days_after), every_other_day)


def words_of(roles: Iterable[str]) -> str:
    """Who assesses, as the pages say it: `APP or physician`."""
    return " or ".join(dict.fromkeys(ASSESSORS.get(role, role) for role in roles))


def check_daily(daily: DailyPolicy) -> None:
    """Refuse rows that leave a day to nobody, or to two.

    Raises:
        ProtocolDataError: with the path of what is wrong.
    """
    if sum(not row.days_after for row in daily.day) != 1:
        raise ProtocolDataError("hole", "One row, and only one, is for every other day.", "daily.day")
    named = [after for row in daily.day for after in row.days_after]
    if len(named) != len(set(named)) or any(after < 0 for after in named):
        raise ProtocolDataError("overlap", "A day after the dose stands in one row.", "daily.day")
    if not daily.complete:
        raise ProtocolDataError("hole", "An assessment is made of something.", "daily.complete")
    for row in daily.day:
        if not row.roles:
            raise ProtocolDataError("hole", "Somebody assesses on every day.", f"daily.day.{row.id}.roles")
        if not set(row.roles) <= set(ASSESSORS):
            raise ProtocolDataError(
                "unknown_word", f"Each is one of: {', '.join(ASSESSORS)}.", f"daily.day.{row.id}.roles"
            )
