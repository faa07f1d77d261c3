"""What a provider tells about a message or a call, in any order, late, twice, or not at all.

The furthest word wins, so the order of arrival changes nothing. "Delivered" outranks "failed": that it arrived once is true whatever
is said about another attempt. A word that is not known says nothing.

That a call was taken does not say by whom: an answering machine takes it too. It has arrived when a key was pressed, or when the
provider says that a human took it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Arrival(Enum):
    """What the furthest receipt means."""

    NOT_KNOWN = "not_known"
    TAKEN = "taken"
    """A call that is over, and nobody knows who heard it."""
    ARRIVED = "arrived"
    FAILED = "failed"


_RANK: Final[Mapping[str, int]] = {
    "": 0,
    "accepted": 1,
    "scheduled": 1,
    "queued": 2,
    "initiated": 2,
    "sending": 3,
    "ringing": 3,
    "sent": 4,
    "canceled": 5,
    "busy": 5,
    "no-answer": 5,
    "undelivered": 5,
    "failed": 5,
    "in-progress": 6,
    "completed": 7,
    "machine": 8,
    "delivered": 9,
    "human": 9,
    "read": 10,
    "key": 10,
}
"""The words of message and call receipts, those that say more further on. Of our own: what took a call (`machine`, `human`), and
`key`, that one was pressed."""
_FAILED: Final = frozenset({"canceled", "busy", "no-answer", "undelivered", "failed", "machine"})
_ARRIVED: Final = frozenset({"delivered", "human", "read", "key"})


def known(word: str) -> bool:
    """Whether a receipt says anything."""
    return bool(word) and word in _RANK


def further(told: str, word: str) -> str:
    """The word that says more of two; of two that say equally much, the one that came first in the alphabet."""
    return min((told, word), key=lambda each: (-_RANK.get(each, 0), each))


def arrival(word: str) -> Arrival:
    """What a receipt says about the message: `in-progress` is a call that somebody, or something, has just taken."""
    if word in _FAILED:
        return Arrival.FAILED
    if word in _ARRIVED:
        return Arrival.ARRIVED
    return Arrival.TAKEN if word == "completed" else Arrival.NOT_KNOWN
