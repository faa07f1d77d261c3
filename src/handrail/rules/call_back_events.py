"""The facts of a call back: somebody at a hospital asked for one, and somebody of the centre called.

The number to call is an id, never the number itself: that is kept elsewhere, encrypted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackAsked:
    """Somebody who has the patient asked to be called back. `ask`: what a call names; `person`: the id of the number that was left.

    Asked again under the same `ask` it is the same wish with another number: its clock runs on.
    """

    ask: str | None = None
    who: Literal["ed_physician", "hospitalist", "nurse"] | None = None
    through: Literal["emergency_page", "staff_page"] | None = None
    person: str | None = None
    promised_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackMade:
    """Somebody called back, or tried to; dated when the call was made. `ask`: which wish; `reached`: somebody answered and spoke."""

    ask: str | None = None
    reached: bool | None = None


CALL_BACK: Final[dict[str, type[Any]]] = {"call_back_asked": CallBackAsked, "call_back_made": CallBackMade}
"""The payload of each such kind."""

CALL_BACK_WORDS: Final = {"call_back_asked": "call back asked for", "call_back_made": "call back"}
"""Each such kind as a person says it."""

WHO_WORDS: Final = {"ed_physician": "emergency physician", "hospitalist": "hospitalist", "nurse": "nurse"}
"""Who asks, as a person says it."""
NOT_KNOWN_WHO: Final = "somebody who has the patient"


def who_words(who: str | None) -> str:
    """Who asked, as a person says it: `the hospitalist`."""
    return f"the {WHO_WORDS[who]}" if who in WHO_WORDS else NOT_KNOWN_WHO


def _asked(body: Any, _nulls: frozenset[str]) -> str:
    through = {"emergency_page": "on the emergency page", "staff_page": "signed in"}.get(body.through or "")
    promised = body.promised_by.isoformat(timespec="minutes") if body.promised_by else "not known"
    return "; ".join(each for each in (f"by {who_words(body.who)}", through, f"promised by {promised}") if each)


def _made(body: Any, _nulls: frozenset[str]) -> str:
    return {True: "reached", False: "not reached"}.get(body.reached, "not known whether reached")


CALL_BACK_TELLERS: Final[dict[str, Callable[[Any, frozenset[str]], str]]] = {
    "call_back_asked": _asked,
    "call_back_made": _made,
}
"""What each such fact says, without its time."""
