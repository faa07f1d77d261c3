"""What a patient or caregiver answered, what is worth asking once more, and how it is written down.

A question is asked once more at the most: "send it anyway" is always possible, and what was answered is kept as it was.
Nothing is asked again when a box is ticked that means the emergency department: the team is called first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from handrail.rules.alarm import UNNAMED
from handrail.rules.history import Limits
from handrail.rules.home_medicines import NEURO_QUESTIONS
from handrail.rules.policy import Policy

NEURO_ITEMS: Final = NEURO_QUESTIONS
NEURO_ANSWERS: Final = ("right", "wrong", "not_done")
ANTIPYRETIC: Final = {"yes": True, "no": False, "not_sure": None}
VITALS: Final = ("systolic_mmhg", "pulse_per_min", "spo2_percent")
UNITS: Final = ("F", "C")
_NUMBER: Final = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?")

QUESTIONS: Final[dict[str, Promise]] = {
    "temperature.missing": _("The temperature is empty. If you cannot measure it, send the check anyway."),
    "temperature.unreadable": _("This is not a temperature we can read. Write it like 98.6."),
    "temperature.implausible": _("This temperature does not look right. Please look at the thermometer again."),
    "temperature.looks_celsius": _("This looks like °C, but °F is chosen. Please check the unit."),
    "temperature.looks_fahrenheit": _("This looks like °F, but °C is chosen. Please check the unit."),
    "antipyretic.missing": _("Please say whether any fever medicine was taken."),
    "symptoms.missing": _("Please tick what you feel, or “none of these”."),
    "symptoms.contradiction": _("You ticked something you feel and also “none of these”. Which is right?"),
    "home_neuro.missing": _("Please finish the confusion check. A question left open counts as “could not do it”."),
    "caregiver_present.missing": _("Please say whether somebody is with you."),
    "vitals.implausible": _("One of these numbers does not look right. Please check it."),
}
"""Every question that may be asked once more, by field and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something to ask once more: the field, and the key of the question in `QUESTIONS`."""

    field: str
    code: str

    @property
    def message(self) -> str:
        """The question in the language in use."""
        return str(QUESTIONS[self.code])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of one check, as given. Empty text and None: not answered."""

    id: UUID
    temperature: str = ""
    unit: str = ""
    antipyretic: str = ""
    symptoms: tuple[str, ...] = ()
    none_of_these: bool = False
    home_neuro: Mapping[str, str] = field(default_factory=dict)
    judged_by: str = ""
    caregiver_present: bool | None = None
    vitals: Mapping[str, int] = field(default_factory=dict)
    vitals_unread: Mapping[str, str] = field(default_factory=dict)
    """What was typed for a vital sign and is no whole number."""
    medicine_pack_at_hand: bool | None = None
    alarm: bool = False
    """Raised as an alarm: only signs and a temperature were asked for, and nothing is asked once more."""

    def __repr__(self) -> str:
        return f"Answers(id={self.id})"  # no reading reaches a log

    @property
    def temperature_c(self) -> Decimal | None:
        """The reading in °C, from the unit that was chosen; None when it cannot be read."""
        value = number(self.temperature)
        if value is None or self.unit not in UNITS:
            return None
        if self.unit == "C":
            return value
        return ((value - 32) * 5 / 9).quantize(Decimal("0.1"), ROUND_HALF_UP)

    def needs_help_at_once(self, policy: Policy) -> bool:
        """Whether a box is ticked that means 911 or the emergency department."""
        rows = (policy.sign_named(word) for word in self.symptoms)
        return any(row is not None and row.ladder.help_first for row in rows)

    def is_quiet(self, policy: Policy) -> bool:
        """Whether nothing in it may be urgent: no sign ticked, nothing wrong in the confusion check, no number out of the way.

        A temperature counts in either unit, because the wrong one may be chosen; one that cannot be read is not quiet.
        """
        if (
            self.alarm
            or self.symptoms
            or self.vitals
            or self.vitals_unread
            or any(answer != "right" for answer in self.home_neuro.values())
        ):
            return False
        value, celsius = number(self.temperature), self.temperature_c
        if value is None or celsius is None:
            return not self.temperature
        readings = (celsius, value, (value - 32) * 5 / 9)
        limits = policy.plausible.get("temperature_c")
        likely = [each for each in readings if limits is None or within(each, limits)]
        return bool(likely) and max(likely) < policy.triage.fever_c

    def doubts(self, policy: Policy) -> tuple[Doubt, ...]:
        """What is worth asking once more, in the order of the form."""
        if self.alarm or self.needs_help_at_once(policy):
            return ()
        return tuple(self._doubts(policy))

    def _doubts(self, policy: Policy) -> Iterator[Doubt]:
        if code := self._temperature_doubt(policy.plausible.get("temperature_c")):
            yield Doubt(field="temperature", code=code)
        if self.antipyretic not in ANTIPYRETIC:
            yield Doubt(field="antipyretic", code="antipyretic.missing")
        if self.symptoms and self.none_of_these:
            yield Doubt(field="symptoms", code="symptoms.contradiction")
        elif not self.symptoms and not self.none_of_these:
            yield Doubt(field="symptoms", code="symptoms.missing")
        if self.caregiver_present is None:
            yield Doubt(field="caregiver_present", code="caregiver_present.missing")
        if any(item not in self.home_neuro for item in NEURO_ITEMS):
            yield Doubt(field="home_neuro", code="home_neuro.missing")
        limits = policy.plausible
        if self.vitals_unread or any(
            name in limits and not within(Decimal(value), limits[name]) for name, value in self.vitals.items()
        ):
            yield Doubt(field="vitals", code="vitals.implausible")

    def _temperature_doubt(self, limits: Limits | None) -> str:
        if not self.temperature:
            return "temperature.missing"
        value, celsius = number(self.temperature), self.temperature_c
        if value is None or celsius is None:
            return "temperature.unreadable"
        if limits is None or within(celsius, limits):
            return ""
        if self.unit == "F" and within(value, limits):
            return "temperature.looks_celsius"
        if self.unit == "C" and within((value - 32) * 5 / 9, limits):
            return "temperature.looks_fahrenheit"
        return "temperature.implausible"

    def to_wire(self) -> dict[str, Any]:
        """The fields of the event: what was asked and not answered is null, a confusion question left open is `not_done`."""
        if self.alarm:
            return self._alarm_to_wire()
        celsius = self.temperature_c
        asked = dict.fromkeys(NEURO_ITEMS, "not_done")
        wire: dict[str, Any] = {
            "id": str(self.id),
            "temperature_c": None if celsius is None else str(celsius),
            "antipyretic_last_6_h": ANTIPYRETIC.get(self.antipyretic),
            "symptoms": list(self.symptoms) if self.symptoms or self.none_of_these else None,
            "none_of_these": self.none_of_these,
            "home_neuro": {**asked, **self.home_neuro},
            "caregiver_present": self.caregiver_present,
            **self.vitals,
        }
        for name, typed in self.vitals_unread.items():
            wire[name], wire[f"x_{name}_as_typed"] = None, typed
        wire |= self._as_typed()
        if self.medicine_pack_at_hand is not None:
            wire["medicine_pack_at_hand"] = self.medicine_pack_at_hand
        if self.judged_by:
            wire["x_home_neuro_judged_by"] = self.judged_by
        return wire

    def _alarm_to_wire(self) -> dict[str, Any]:
        """The fields of an alarm. What it never asked for stays absent: nothing in it says that the patient is well."""
        celsius = self.temperature_c
        return {
            "id": str(self.id),
            "alarm": True,
            "symptoms": list(self.symptoms or (UNNAMED,)),
            "temperature_c": None if celsius is None else str(celsius),
            **self._as_typed(),
        }

    def _as_typed(self) -> dict[str, Any]:
        """The reading as it was typed, where there was one."""
        return (
            {"temperature_as_typed": self.temperature, "unit_as_typed": self.unit or None} if self.temperature else {}
        )


def number(text: str) -> Decimal | None:
    """A number as people type it, with a point or a comma; None when it is something else."""
    plain = text.strip()
    return Decimal(plain.replace(",", ".")) if _NUMBER.fullmatch(plain) else None


def within(value: Decimal, limits: Limits) -> bool:
    """Whether a value is plausible."""
    return limits.low <= value <= limits.high
