"""The forms of the page of a site's capacity: its numbers, a start that goes on, the list of those who wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from handrail.actions.capacity import Capacity
from handrail.people.models import WaitEntry
from handrail.rules.capacity_data import NUMBERS, load_capacity
from handrail.web.forms import Field, Form

Choices = tuple[tuple[str, str], ...]
SHORT: Final = "0 is none. Left empty: nothing new is said."
NAMES: Final[dict[str, dict[str, str]]] = {
    "numbers": {},
    "decide": {"course": "start", "reason": "start_reason"},
    "wait": {"course": "waits", "reason": "wait_reason"},
    "off": {"course": "off", "reason": "off_reason"},
}
"""By form, what a field is called here where its verb's own word would stand twice on the page."""


def numbers_form(capacity: Capacity) -> Form:
    """Say the numbers of the site from a day on."""
    limit = load_capacity().on_call.patients_each
    fields = [
        Field(
            name=what,
            label=f"{words[0].upper()}{words[1:]}",
            kind="text",
            hint=f"Until the site says its own: {limit}, a default that the medical lead signs." if what == "patients_each" else "",
        )
        for what, words in NUMBERS.items()
    ]  # fmt: skip
    fields += [
        Field(name="from_on", label="From this day on", kind="date", required=True, start=capacity.today.isoformat()),
        Field(name="evidence", label="From where you know it", kind="text"),
    ]
    intro = (
        f"{SHORT} Write ? for a number that was asked and is not known. From the first number on, a start that these do not "
        "cover is refused. Rescue tocilizumab is counted at the access desk, and who is on call stands on the rota."
    )
    return _form("numbers", "Say what this site can take", fields, intro)


def decide_form(courses: Sequence[tuple[str, str]]) -> Form:
    """Let a start go on beside the count."""
    fields = [
        Field(name="start", label="Whose start", kind="choice", required=True, choices=tuple(courses)),
        Field(name="on", label="Day of the first dose", kind="date", required=True),
        Field(name="start_reason", label="Why it goes on", kind="text", required=True, hint="No name."),
    ]
    intro = (
        "Over what is not covered a director of the site decides; over what nobody has counted, whoever may plan the dose. "
        "It holds for this patient, this day and what stands against it now."
    )
    return _form("decide", "Let a start go on", fields, intro)


def wait_form(courses: Sequence[tuple[str, str]]) -> Form:
    """Put a patient on the list of those who wait."""
    causes: Choices = tuple((each.value, f"{each.label[0].upper()}{each.label[1:]}") for each in WaitEntry.Cause)
    fields = [
        Field(name="waits", label="Who waits", kind="choice", required=True, choices=tuple(courses)),
        Field(name="cause", label="Why", kind="choice", required=True, choices=causes),
        Field(name="wanted_on", label="Day that was wanted for the first dose", kind="date"),
        Field(name="wait_reason", label="In a few words", kind="text", hint="No name. Needed for another cause."),
    ]
    intro = "The first dose takes a patient off the list, and so does the end of the course."
    return _form("wait", "Write down who waits, and why", fields, intro)


def off_form(courses: Sequence[tuple[str, str]]) -> Form:
    """Take a patient off the list."""
    fields = [
        Field(name="off", label="Who waits no more", kind="choice", required=True, choices=tuple(courses)),
        Field(name="off_reason", label="Why", kind="text", required=True, hint="No name."),
    ]
    return _form("off", "Take somebody off the list", fields, "What was written before stays on record.")


def read_numbers(values: dict[str, Any]) -> dict[str, int | None]:
    """The numbers that were typed; `?` is not known.

    Raises:
        ValueError: something else was typed; its argument is the name of the field.
    """
    found: dict[str, int | None] = {}
    for what in NUMBERS:
        text = str(values.get(what, "")).strip()
        if text == "?":
            found[what] = None
        elif text.isascii() and text.isdigit() and len(text) < 5:
            found[what] = int(text)
        elif text:
            raise ValueError(what)
    return found


def day(values: dict[str, Any], name: str) -> date | None:
    """A day that was typed."""
    return date.fromisoformat(values[name]) if name in values else None


def _form(key: str, title: str, fields: Sequence[Field], intro: str) -> Form:
    return Form(key=key, title=title, verb="", fields=tuple(fields), intro=intro, events=lambda values: [dict(values)])
