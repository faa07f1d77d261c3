"""Until when a decision of a setting stands, and what ends it: it is decided again before every dose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from handrail.rules.setting_case import Case, of_today
from handrail.rules.terms import civil_date, day_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """The instant from which a decision no longer stands, and why."""

    until: datetime
    because: str


def validity(case: Case) -> Validity:
    """The first of: some hours, the end of the day that a temperature is of, the end of the day of the dose.

    Papers are judged by the day of the dose, and a caregiver or lodging that leaves before the span is over asks for hospital: none
    of them ends before that day does, so that no decision outlives one.
    """
    hours = case.rules.valid.hours
    ends = [
        Validity(until=case.now + timedelta(hours=hours), because=f"a decision stands {hours} h"),
        Validity(
            until=_end_of_day(case, case.facts.dose.at), because="papers and gap were judged by the day of the dose"
        ),
    ]
    if case.facts.temperature_c is not None and of_today(case):
        words = "the temperature is of the day of the decision: decide again on the day of the dose"
        ends.append(Validity(until=_end_of_day(case, case.now), because=words))
    return min(ends, key=lambda end: end.until)


def _end_of_day(case: Case, at: datetime) -> datetime:
    zone = case.facts.zone
    return day_start(civil_date(at, zone) + timedelta(days=1), zone)
