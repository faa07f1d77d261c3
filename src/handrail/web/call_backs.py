"""A call back as pages show it: the form that asks, the one that writes the call down, and the truth of what happened since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID, uuid4

from handrail.actions.call_backs import ASK, CALLS, State, Wish
from handrail.rules.call_back_events import WHO_WORDS
from handrail.web.checkin.words import dialled
from handrail.web.forms import YES_NO, Field, Filled, Form, one
from handrail.web.words import instant_iso, local_time

ASK_FORM: Final = Form(
    key="call_back",
    title="Ask for a call back",
    verb=ASK,
    events=one("call_back_asked"),
    fields=(
        Field(
            name="who",
            label="Who asks?",
            kind="choice",
            choices=tuple((key, f"{words[0].upper()}{words[1:]}") for key, words in WHO_WORDS.items()),
            required=True,
        ),
        Field(
            name="number",
            label="Number to call",
            kind="text",
            required=True,
            hint="With its area code; an extension as x123. It stands in no message: whoever is paged signs in to see it.",
        ),
    ),
)
MADE_FORM: Final = Form(
    key="called_back",
    title="Called back",
    verb=CALLS,
    events=one("call_back_made"),
    fields=(
        Field(
            name="reached",
            label="Was somebody reached who has the patient?",
            kind="yes_no",
            choices=YES_NO[:2],
            required=True,
        ),
        Field(name="called_at", label="Called at", kind="moment", hint="Clock time at the site. Empty: now."),
    ),
)


def wish_of(values: Mapping[str, Any]) -> Wish:
    """What somebody asks, from a form that was filled in."""
    return Wish(who=values["who"], number=values["number"])


def batch_of(typed: str) -> UUID:
    """The id that a form was sent with, so that it counts once; a new one, when it is none."""
    try:
        return UUID(typed)
    except ValueError:
        return uuid4()


def ask_context(filled: Filled | None, batch: UUID | None = None) -> dict[str, Any]:
    """The form that asks, with what was typed."""
    return {
        "ask_rows": (filled or Filled(form=ASK_FORM, typed={})).rows(),
        "ask_errors": filled.errors if filled is not None else {},
        "ask_batch": batch or uuid4(),
    }


def made_context(filled: Filled | None = None, batch: UUID | None = None) -> dict[str, Any]:
    """The form that writes a call down, with what was typed."""
    return {
        "made_rows": (filled or Filled(form=MADE_FORM, typed={})).rows(),
        "made_errors": filled.errors if filled is not None else {},
        "made_batch": batch or uuid4(),
    }


def rows(states: Iterable[State], zone: str, *, call: str) -> list[dict[str, Any]]:
    """Every ask as a page shows it. `call`: the number of the line, for whoever waits."""
    return [_row(state, zone, call) for state in states]


def _row(state: State, zone: str, call: str) -> dict[str, Any]:
    ask = state.ask
    tried = ask.tries[-1] if ask.tries and ask.made is None else None
    mark, words = _truth(state, zone)
    return {
        "id": ask.id,
        "who": f"{ask.words[0].upper()}{ask.words[1:]}",
        "number": state.number,
        "digits": dialled(state.number),
        "asked": local_time(ask.at, zone),
        "asked_iso": instant_iso(ask.at),
        "due": local_time(ask.due, zone),
        "open": ask.made is None,
        "late": state.late,
        "mark": mark,
        "words": words,
        "tried": local_time(tried.at, zone) if tried is not None else "",
        "call_now": ask.made is None and (state.late or state.has_it is None),
        "call": call,
        "call_digits": dialled(call),
    }


def _truth(state: State, zone: str) -> tuple[str, str]:
    """The colour, and in one sentence what has become of it."""
    ask, due = state.ask, local_time(state.ask.due, zone)
    if ask.made is not None:
        kept = f", later than promised ({due})" if state.late else ""
        return "today" if state.late else "good", f"Called back {local_time(ask.made.at, zone)}{kept}."
    if state.late:
        held = f" {state.has_it[0]} has it since {local_time(state.has_it[1], zone)}." if state.has_it else ""
        pages = "the pages go on" if state.reaches else "NOBODY could be reached from here"
        return "now", f"NOT called back by {due}, as was promised: this is an incident, and {pages}.{held}"
    if state.has_it is not None:
        name, since = state.has_it
        return "soon", f"{name} has it since {local_time(since, zone)}. A call back is promised by {due}."
    if not state.reaches:
        return "now", "NOBODY could be reached from here."
    if state.paged:
        return "soon", f"Paged; nobody has said yet that they have it. A call back is promised by {due}."
    return "soon", f"The clinician on call is being paged. A call back is promised by {due}."
