"""What is empty in a packet that no receiving side can do without, and has a person said that it leaves as not known?

The packet says "not known" in any case. What is asked here is whether somebody looked before it left on purpose; nothing of it decides
about a patient, and nothing of it holds up an emergency.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from handrail.rules.events import Event
from handrail.rules.handoff_loop import SAID, loops
from handrail.rules.history import History
from handrail.rules.packet_data import packet_data
from handrail.rules.packet_parts import Field, Packet


def unfilled(made: Packet) -> tuple[Field, ...]:
    """The fields that no receiving side can do without and that are not known, in the order of the packet."""
    return _unfilled(each for section in made.sections for each in section.fields)


def unfilled_in(body: Mapping[str, Any]) -> tuple[Field, ...]:
    """The same of a packet as it was written out (`Packet.to_json`)."""
    every = (each for section in body["sections"] for each in section["fields"])
    return _unfilled(
        Field(key=each["key"], label=each["label"], words=each["words"], why=each["why"]) for each in every
    )


def _unfilled(every: Iterable[Field]) -> tuple[Field, ...]:
    """Those that are empty, each with a label that says what it is about away from its section too."""
    must = frozenset(packet_data().must.fields)
    return tuple(
        replace(each, label=f"Next dose: {each.label.lower()}") if each.key.startswith("next_dose.") else each
        for each in every
        if each.key in must and each.words is None
    )


def said_of_version(history: History, packet: str, sealed_at: datetime) -> tuple[Event, ...]:
    """What was said of a sealed version, the oldest first: of itself, and with a hand-off that waited when it was sealed."""
    named = [event for event in history.of(SAID) if event.body.packet == packet]
    waited = [
        loop
        for loop in loops(history)
        if loop.offered.at <= sealed_at and (loop.ends is None or sealed_at <= loop.ends)
    ]
    found = {event.id: event for event in [*named, *(event for loop in waited for event in loop.not_known)]}
    return tuple(sorted(found.values(), key=lambda event: (event.at, event.id)))


def unsaid(empty: Sequence[Field], said: Iterable[Event], *, now: Collection[str] = ()) -> tuple[Field, ...]:
    """The empty fields of which nobody has said that they leave as not known; `now`: the keys that are said at this moment."""
    known = {key for event in said for key in event.body.fields or ()} | set(now)
    return tuple(each for each in empty if each.key not in known)


def labelled(word: Event) -> tuple[tuple[str, str], ...]:
    """The fields that were said to leave as not known: the key of each, and its words as they were read, or the key again."""
    keys, labels = word.body.fields or (), word.body.labels or ()
    return tuple(zip(keys, labels if len(labels) == len(keys) else keys, strict=True))
