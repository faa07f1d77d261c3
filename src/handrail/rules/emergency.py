"""What the emergency page says to anybody, and how long a card, its code and an opening last.

The words are the same for every patient; what is known about one stands behind the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder, Status
from handrail.rules.worksheet import fever_data

FORMAT: Final = "handrail-emergency/1"
NO_GCSF: Final = "no_gcsf"
"""The row of the fever file that says what not to give."""
WORDS: Final = frozenset({"urgency", "site", "link", "number"})
"""What the words of a packet leave open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralRow:
    """What is the same for every patient: `words` on an address that opens nothing, the rest on the card and above the facts."""

    words: str
    title: str
    card: str
    alone: str
    grades: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """How long a card lasts, how many wrong codes it bears in all, and how long one opening lasts."""

    lasts_days: int
    tries: int
    session_minutes: int
    source: tuple[str, ...]
    status: Status

    @property
    def lasts(self) -> timedelta:
        """From printing on."""
        return timedelta(days=self.lasts_days)

    @property
    def session(self) -> timedelta:
        """From the right code on."""
        return timedelta(minutes=self.session_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketRow:
    """What is sent to an emergency department: its words, when it is sent by itself, and how long it opens the page."""

    words: str
    """With {urgency}, {site}, {link} and {number}; of the patient nothing."""
    push_ladders: tuple[Ladder, ...]
    """A report from home on one of these sends it at once: the patient is told to go there at once."""
    visit_hours: int
    lasts_hours: int
    unopened_minutes: int
    """Sent so long ago and not opened: whoever is on call is asked to phone."""
    source: tuple[str, ...]
    status: Status

    @property
    def visit(self) -> timedelta:
        """So long one packet stands for one visit, unless the patient is at home again before."""
        return timedelta(hours=self.visit_hours)

    @property
    def lasts(self) -> timedelta:
        """From sending on."""
        return timedelta(hours=self.lasts_hours)

    @property
    def unopened(self) -> timedelta:
        """From sending on."""
        return timedelta(minutes=self.unopened_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line of the page."""

    id: str
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyData:
    """The emergency file."""

    format: str
    general: GeneralRow
    card: CardRow
    packet: PacketRow
    first: tuple[LineRow, ...]
    avoid: tuple[LineRow, ...]

    @property
    def avoid_words(self) -> tuple[str, ...]:
        """What not to do, with what the fever file says not to give."""
        also = [row.words for row in fever_data().work_up if row.id == NO_GCSF]
        return (*(row.words for row in self.avoid), *(f"{each[0].upper()}{each[1:]}." for each in also))


@cache
def emergency_data() -> EmergencyData:
    """The shipped emergency file."""
    return emergency_from_toml((FOLDER / "care" / "emergency.toml").read_text(encoding="utf-8"))


def emergency_from_toml(text: str) -> EmergencyData:
    """The emergency file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, two rows of one name, a number that is none.
    """
    found = read_care(EmergencyData, text, FORMAT)
    card = found.card
    for name in ("lasts_days", "tries", "session_minutes"):
        if getattr(card, name) <= 0:
            raise ProtocolDataError(
                "bad_number", "A card lasts, and its code may be typed at least once.", f"card.{name}"
            )
    for name in ("visit_hours", "lasts_hours", "unopened_minutes"):
        if getattr(found.packet, name) <= 0:
            raise ProtocolDataError("bad_number", "A packet lasts, and is waited for.", f"packet.{name}")
    if set(re.findall(r"{(\w*)}", found.packet.words)) != WORDS:
        needed = ", ".join(sorted(WORDS))
        raise ProtocolDataError("bad_words", f"The words of a packet name {needed}, and nothing else.", "packet.words")
    return found
