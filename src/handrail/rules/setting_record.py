"""The record of a course as a setting reads it: the latest answer to each question, the home, the laboratory.

What contradicts itself (a roster that ends before it begins, a worst case shorter than the typical time) counts as not known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from handrail.rules.events import Event
from handrail.rules.history import History, in_order, not_before
from handrail.rules.setting_events import SettingFactsNoted
from handrail.rules.setting_facts import MONTHS, Lodging, Shift, Travel, WorstTime
from handrail.rules.setting_rules import SettingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseWanted:
    """The dose whose setting is asked: its step, its civil day, and the zone of the site that gives it."""

    step: str
    on: date
    zone: str


class Record:
    """One reading of the record of a course for one dose."""

    def __init__(self, history: History, rules: SettingRules, dose: DoseWanted, now: datetime) -> None:
        self.history, self.rules, self.dose, self.now = history, rules, dose, now
        self.noted = _noted(history)

    # --- answers ---------------------------------------------------------------------------------------------------------

    def answer(self, name: str) -> Any:
        """The latest answer to a question; None: never asked, or not known."""
        event = self.noted.get(name)
        return getattr(event.body, name) if event is not None else None

    def fresh(self, at: datetime) -> bool:
        """Whether an answer is no older than a decision of a setting may be."""
        return self.now - at <= timedelta(hours=self.rules.valid.hours)

    def against(self, fact: str) -> Decimal | None:
        """The value from which on a fact counts against leaving hospital: the lowest that any rule names."""
        limits = [each.at_least for rule in self.rules.rule for each in rule.any if each.fact == fact]
        return min((limit for limit in limits if limit is not None), default=None)

    # --- at home ---------------------------------------------------------------------------------------------------------

    def home(self, name: str) -> Any:
        """The latest word of the home status on one question."""
        event = self.asked("home_status", name)
        return getattr(event.body, name) if event is not None else None

    def asked(self, kind: str, *names: str) -> Event | None:
        """The latest event of a kind that asked any of these."""
        for event in reversed(self.history.of(kind)):
            if any(getattr(event.body, name) is not None or name in event.nulls for name in names):
                return event
        return None

    def caregivers(self) -> tuple[Shift, ...] | None:
        """The roster; the latest word of it, be it in hours or as one span. Who says later that nobody is there puts it in doubt."""
        roster = self.history.last("caregivers_rostered")
        home = self.asked("home_status", "caregiver_from", "caregiver_until", "caregiver_count")
        latest = max((e for e in (roster, home) if e is not None), key=in_order, default=None)
        if latest is None:
            return None
        alone = [e for e in self.history.of("checkin_received") if not_before(e, latest) and _says_alone(e)]
        if alone:
            return None
        if latest.kind == "home_status":
            return _one_span(latest)
        hours = latest.body.hours
        if hours is None:
            return None
        return tuple(
            Shift(who=each.who, from_at=each.from_at, until_at=each.until_at)
            for each in hours
            if each.until_at > each.from_at
        )

    def travel(self) -> Travel:
        noted = self.history.last("travel_noted")
        home = self.asked("home_status", "travel_min_worst", "travel_min_typical", "travel_min_night")
        latest = max((e for e in (noted, home) if e is not None), key=in_order, default=None)
        if latest is None:
            return Travel()
        body = latest.body
        if latest.kind == "travel_noted":
            way = Travel(
                worst=body.worst, typical_minutes=body.typical_minutes, night_minutes=body.night_minutes,
                to=body.to, source=body.told_by, as_of=body.as_of,
            )  # fmt: skip
        else:
            every_month = tuple(range(1, len(MONTHS) + 1))
            worst = (
                None
                if body.travel_min_worst is None
                else (WorstTime(months=every_month, minutes=body.travel_min_worst),)
            )
            way = Travel(worst=worst, typical_minutes=body.travel_min_typical, night_minutes=body.travel_min_night)
        return way if _sensible(way) else Travel()

    def lodging(self) -> Lodging:
        noted = self.history.last("lodging_noted")
        home = self.asked("home_status", "lodging")
        latest = max((e for e in (noted, home) if e is not None), key=in_order, default=None)
        if latest is None:
            return Lodging()
        body = latest.body
        if latest.kind == "home_status":
            return Lodging(accepted=body.lodging)
        from_at, until_at = body.from_at, body.until_at
        if from_at is not None and until_at is not None and until_at <= from_at:
            from_at = until_at = None
        minutes = body.worst_minutes if body.worst_minutes is None or body.worst_minutes >= 0 else None
        return Lodging(accepted=body.accepted, from_at=from_at, until_at=until_at, worst_minutes=minutes)

    # --- the laboratory --------------------------------------------------------------------------------------------------

    def latest_lab(self, code: str) -> Event | None:
        return next((e for e in reversed(self.history.of("lab_resulted")) if (e.body.code or "").lower() == code), None)

    def lab(self, code: str, unit: str) -> Decimal | None:
        """The latest value, in the unit that the rules count in; in another it is not known."""
        latest = self.latest_lab(code)
        value: Decimal | None = latest.body.value if latest is not None and latest.body.unit == unit else None
        return value

    def times_upper(self, code: str) -> Decimal | None:
        latest = self.latest_lab(code)
        if latest is None or latest.body.value is None or not latest.body.high or latest.body.high <= 0:
            return None
        value: Decimal = latest.body.value / latest.body.high
        return value

    def raised(self, code: str) -> bool | None:
        times = self.times_upper(code)
        return None if times is None else times > 1


def _noted(history: History) -> dict[str, Event]:
    """For each question the latest event that asked it."""
    found: dict[str, Event] = {}
    for event in history.of("setting_facts_noted"):
        for item in fields(SettingFactsNoted):
            if getattr(event.body, item.name) is not None or item.name in event.nulls:
                found[item.name] = event
    return found


def _says_alone(event: Event) -> bool:
    return event.body.caregiver_present is False or "caregiver_present" in event.nulls


def _one_span(event: Event) -> tuple[Shift, ...] | None:
    """One caregiver's span. A count of nobody is nobody; half a span is not known, and so are several people of whom one span is told."""
    body = event.body
    if body.caregiver_count == 0:
        return ()
    begins, ends = body.caregiver_from, body.caregiver_until
    if begins is None or ends is None or "caregiver_count" in event.nulls or body.caregiver_count not in (None, 1):
        return None
    return (Shift(who="caregiver_1", from_at=begins, until_at=ends),) if ends > begins else ()


def _sensible(way: Travel) -> bool:
    """Whether a way can be: months that exist, no minutes below zero, no worst case shorter than the usual time."""
    usual = [each for each in (way.typical_minutes, way.night_minutes) if each is not None]
    return all(
        row.months and set(row.months) <= set(range(1, len(MONTHS) + 1)) and row.minutes >= max(usual, default=0)
        for row in way.worst or ()
    )
