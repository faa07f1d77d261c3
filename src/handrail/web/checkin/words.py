"""What the check-in page says, ready for its template: every string in the language in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail.actions.checkin_answers import QUESTIONS, VITALS, Answers, Doubt, number, within
from handrail.actions.checkins import said, what_to_do
from handrail.rules.alarm import red_boxes
from handrail.rules.history import Limits
from handrail.rules.policy import Policy
from handrail.rules.terms import Ladder, Urgency, zone_named

_DIALLED: Final = re.compile(r"[\d+][^A-Za-z#,;]*")
"""A number, up to the word or the sign before an extension; `checkin-follow.js` finds it in the same way."""
_NEURO: Final[dict[str, Promise]] = {
    "year": gettext_lazy("What year is it?"),
    "month": gettext_lazy("What month is it?"),
    "city": gettext_lazy("What city are you in?"),
    "sentence": gettext_lazy("Write on paper: “Our house has a green door.”"),
}
_VITALS: Final[dict[str, Promise]] = {
    "systolic_mmhg": gettext_lazy("Blood pressure, the upper number"),
    "pulse_per_min": gettext_lazy("Pulse in a minute"),
    "spo2_percent": gettext_lazy("Oxygen, percent"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One box or button: what it sends, what it says, and whether it is chosen."""

    value: str
    words: str
    chosen: bool = False
    first: str = ""
    """What the person does at once when this is ticked, before anything is sent."""
    at_once: bool = False
    """Nothing is asked once more when this is ticked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of the confusion check, or one number that may be given."""

    name: str
    words: str
    choices: tuple[Choice, ...] = ()
    value: int | str = ""
    limits: Limits | None = None


def boxes(policy: Policy, given: Answers) -> tuple[Choice, ...]:
    """The symptom boxes of the policy, in its order."""
    return tuple(
        Choice(
            value=row.symptom,
            words=said(row.words),
            chosen=row.symptom in given.symptoms,
            first=what_to_do(policy, row.ladder) if row.ladder.urgency is Urgency.NOW else "",
            at_once=row.ladder.help_first,
        )
        for row in policy.triage.symptom
    )


def alarm_signs(policy: Policy) -> tuple[Choice, ...]:
    """What an alarm may name: the urgent boxes of the check-in, the most urgent first, then what only an alarm says."""
    return tuple(
        Choice(value=row.symptom, words=said(row.words), first=what_to_do(policy, row.ladder))
        for row in (*red_boxes(policy), *policy.alarm_signs)
    )


def yes_no(chosen: bool | None) -> tuple[Choice, ...]:
    """Yes and no."""
    return (
        Choice(value="yes", words=_("Yes"), chosen=chosen is True),
        Choice(value="no", words=_("No"), chosen=chosen is False),
    )


def antipyretic(given: Answers) -> tuple[Choice, ...]:
    """Whether fever medicine was taken."""
    known = (("yes", _("Yes")), ("no", _("No")), ("not_sure", _("Not sure")))
    return tuple(Choice(value=value, words=text, chosen=given.antipyretic == value) for value, text in known)


def judges(given: Answers) -> tuple[Choice, ...]:
    """Who judges the confusion check."""
    known = (("caregiver", _("The person with me")), ("patient", _("I do, alone")))
    return tuple(Choice(value=value, words=text, chosen=given.judged_by == value) for value, text in known)


def neuro(given: Answers) -> tuple[Question, ...]:
    """The questions of the confusion check."""
    known = (("right", _("Right")), ("wrong", _("Wrong")), ("not_done", _("Could not do it")))
    return tuple(
        Question(
            name=item,
            words=str(text),
            choices=tuple(
                Choice(value=value, words=said_so, chosen=given.home_neuro.get(item) == value)
                for value, said_so in known
            ),
        )
        for item, text in _NEURO.items()
    )


def vitals(given: Answers, limits: Mapping[str, Limits]) -> tuple[Question, ...]:
    """The numbers that may be given where there is a device, with what was typed."""
    typed: dict[str, int | str] = {**given.vitals, **given.vitals_unread}
    return tuple(
        Question(name=name, words=str(_VITALS[name]), value=typed.get(name, ""), limits=limits.get(name))
        for name in VITALS
    )


def asks(doubts: Sequence[Doubt]) -> dict[str, list[tuple[str, str, bool]]]:
    """Every question that may be asked once more, by field: its key, its words, and whether it is asked now."""
    asked = {doubt.code for doubt in doubts}
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for code, text in QUESTIONS.items():
        found.setdefault(code.split(".")[0], []).append((code, str(text), code in asked))
    return found


def fever_words(policy: Policy) -> str:
    """What to do at a fever, before anything is sent."""
    return what_to_do(policy, Ladder.RED_4)


def call_first(given: Answers, policy: Policy) -> str:
    """What must not wait for a question: fever in either unit, or a sign that is like it. Empty: nothing."""
    for word in given.symptoms:
        row = policy.sign_named(word)
        if row is not None and row.fever_like:
            return what_to_do(policy, row.ladder)
    limits = policy.plausible.get("temperature_c")
    value = number(given.temperature)
    for celsius in (given.temperature_c, value, (value - 32) * 5 / 9 if value is not None else None):
        if celsius is not None and (limits is None or within(celsius, limits)) and celsius >= policy.triage.fever_c:
            return fever_words(policy)
    return ""


def greeting(now: datetime, zone: str) -> str:
    """Good morning, by the patient's clock."""
    hour = now.astimezone(zone_named(zone)).hour
    if 4 <= hour < 12:
        return _("Good morning.")
    return _("Good afternoon.") if 12 <= hour < 18 else _("Good evening.")


def dialled(number_to_call: str) -> str:
    """A number as a telephone link wants it: the longest run of digits, not the words about it and no extension."""
    runs = ("".join(sign for sign in run if sign.isdigit() or sign == "+") for run in _DIALLED.findall(number_to_call))
    return max(runs, key=len, default="")
