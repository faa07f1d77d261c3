"""What a policy asks of the hours before a dose: how fresh the facts are, and how exact the time after tocilizumab."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeDose:
    """How fresh the facts of the pre-dose assessment are, in hours.

    `tocilizumab_tolerance_minutes`: so far outside its hours the dose may lie after tocilizumab without a warning. None in a policy
    written before there was a choice: that of the shipped policy.
    """

    temperature_within_hours: int
    assessed_within_hours: int
    ice_same_visit_hours: int
    source: tuple[str, ...]
    status: Status
    tocilizumab_tolerance_minutes: int | None = None


def check_before_dose(rules: BeforeDose) -> None:
    """Refuse a tolerance that is less than none.

    Raises:
        ProtocolDataError: with the path of what is wrong.
    """
    if (rules.tocilizumab_tolerance_minutes or 0) < 0:
        path = "before_dose.tocilizumab_tolerance_minutes"
        raise ProtocolDataError("bad_number", "A tolerance is not less than none.", path)
