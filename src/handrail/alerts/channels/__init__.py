"""How a page reaches a person: one folder each, with `configured()` and `send(message)`.

What leaves is only urgency, site and a code to look up. A channel says whether it delivered, failed for now, or failed for good;
the watcher decides what follows. The idempotency key is the same when one page is sent again.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What leaves Handrail: a page about an alert, or the words of a dispatch."""

    to: str
    urgency: str
    site: str
    code: str
    base_url: str
    idempotency_key: str
    words: str = ""
    """The whole text of a dispatch; empty for a page."""
    link: str = ""
    """The address of a page that says "I have it" without a sign-in."""
    answer_to: str = ""
    """Where the provider tells which key was pressed in a call."""
    at: datetime | None = None
    """When this attempt was made ready."""
    secret: str = ""
    """What signs a webhook."""
    receipts_to: str = ""
    """Where the provider tells what became of it."""

    def __repr__(self) -> str:
        return f"Message({self.idempotency_key})"  # no address and no link reaches a log

    def text(self) -> str:
        """The whole message: no name, no reading, no drug."""
        if self.words:
            return self.words
        return (
            f"Handrail: {URGENCY_WORDS.get(self.urgency, self.urgency)}. Site {self.site}. Code {self.code}. "
            f"Sign in and answer: {self.base_url}"
        ) + (f" Or say that you have it: {self.link}" if self.link else "")

    def subject(self) -> str:
        """One line, for channels that have one."""
        if self.words and not self.urgency:
            return "Handrail"
        return f"Handrail: {URGENCY_WORDS.get(self.urgency, self.urgency)}, site {self.site}"


URGENCY_WORDS = {"now": "CALL NOW", "soon": "SOON", "today": "TODAY", "routine": "ROUTINE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The provider took it, and may tell later whether it arrived."""

    reference: str = ""
    receipts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryFailure:
    """It may work in a moment. `why` holds no address and no text of the message; `retry_after` is what the provider asked for."""

    why: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentFailure:
    """Sending again will not help."""

    why: str


Outcome = Delivered | TemporaryFailure | PermanentFailure


class Channel(Protocol):
    """One way to reach a person."""

    name: str
    own_address: bool
    """Whether it needs a contact point of the person; else everybody is reached through it."""
    carries_link: bool
    """Whether a link can be tapped in what it sends."""

    def configured(self) -> bool:
        """Whether the installation has set this channel up."""
        ...

    def send(self, message: Message) -> Outcome:
        """Send one message. Never raises, and asks no database: it runs beside the watcher, in a thread of its own."""
        ...


@cache
def channels() -> tuple[Channel, ...]:
    """Every channel, the screen first."""
    found = [import_module(f"{__name__}.{item.name}").CHANNEL for item in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda channel: (channel.name != "on_screen", channel.name)))


def channel_named(name: str) -> Channel | None:
    """The channel of that name, None when it was taken out since."""
    return next((channel for channel in channels() if channel.name == name), None)
