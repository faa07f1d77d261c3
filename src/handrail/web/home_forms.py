"""The forms for medicines that a patient keeps at home: authorised by a prescriber, ended, and what was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from handrail.rules.home_medicines import AGENT_WORDS, TRIGGER_WORDS
from handrail.web.forms import AT, YES_NO, Field, Form, one

AGENTS: Final = tuple((agent, words.capitalize()) for agent, words in AGENT_WORDS.items())
TRIGGERS: Final = tuple((trigger, words.capitalize()) for trigger, words in TRIGGER_WORDS.items())


NONE_SEEN: Final = "none"
AT_HAND: Final = Field(
    name="home_medicines_at_hand",
    label="Medicines seen in the patient's hands",
    kind="choices",
    choices=(*AGENTS, (NONE_SEEN, "None of these")),
    hint="Tick every one that was seen; one that is not ticked was not there. Leave all open where nobody looked.",
)
"""A look at the packs themselves: for a nurse too, who authorises none."""


def home_status(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The event of the form on home and location. "None of these" and a medicine contradict each other: then it is not known."""
    said = dict(values)
    seen = said.get(AT_HAND.name)
    if seen is not None and NONE_SEEN in seen:
        said[AT_HAND.name] = [] if seen == [NONE_SEEN] else None
    return [{"kind": "home_status", **said}]


def _asked(name: str, label: str, hint: str = "") -> Field:
    return Field(name=name, label=label, kind="yes_no", choices=YES_NO, required=True, hint=hint)


HOME_FORMS: Final = (
    Form(
        key="home-medicine",
        title="Authorise a medicine at home",
        verb="authorise_home_medicine",
        intro="For this patient only. The patient is told of it after a fever only while every answer here is yes and in date, "
        "and always as: take, call, then come in.",
        events=one("home_medicine_authorised"),
        fields=(
            AT,
            Field(name="agent", label="What kind", kind="choice", choices=AGENTS, required=True),
            Field(name="medicine", label="Medicine", kind="text", required=True, hint="The name on the pack."),
            Field(name="dose_mg", label="One dose", kind="decimal", unit="mg", required=True),
            Field(name="route", label="Route", kind="text", start="oral"),
            Field(name="trigger", label="When to take it", kind="choice", choices=TRIGGERS, required=True),
            _asked("allergy_checked", "Allergies checked, and none against it?"),
            _asked("interaction_checked", "Other medicines checked, and none against it?"),
            _asked(
                "teach_back_passed",
                "Teach-back passed?",
                "The patient said in their own words when, how much, and then call.",
            ),
            Field(name="valid_until", label="Authorised until", kind="date", required=True),
            _asked("pack_at_hand", "Is the pack in the patient's hands?"),
            Field(name="pack_expires_on", label="The pack is good until", kind="date", required=True),
        ),
    ),
    Form(
        key="home-medicine-ended",
        title="End a medicine at home",
        verb="record_medicine",
        events=one("home_medicine_stopped"),
        fields=(
            AT,
            Field(name="agent", label="What kind", kind="choice", choices=AGENTS, required=True),
            Field(name="because", label="Why", kind="text", required=True),
        ),
    ),
)
"""In the order of the list on the page of a course."""
