"""What a provider tells about a message, in any order, late, twice, or not at all.

The furthest word wins, so the order of arrival changes nothing. "Delivered" outranks "failed": that it arrived once is true whatever
is said about another attempt. A word that is not known says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Arrival(Enum):
    """What the furthest receipt means."""

    NOT_KNOWN = "not_known"
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
    "delivered": 7,
    "completed": 7,
    "read": 8,
}
"""The words of message and call receipts, those that say more further on."""


def known(word: str) -> bool:
    """Whether a receipt says anything."""
    return bool(word) and word in _RANK


def further(told: str, word: str) -> str:
    """The word that says more of two; of two that say equally much, the one that came first in the alphabet."""
    return min((told, word), key=lambda each: (-_RANK.get(each, 0), each))


def arrival(word: str) -> Arrival:
    """What a receipt says about the message: `in-progress` is a call that somebody took."""
    rank = _RANK.get(word, 0)
    if rank == _RANK["failed"]:
        return Arrival.FAILED
    return Arrival.ARRIVED if rank > _RANK["failed"] else Arrival.NOT_KNOWN
