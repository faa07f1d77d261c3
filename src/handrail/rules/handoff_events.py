"""The facts of a hand-off: one loop from the offer to its end. The acceptance itself is an `accountability_moved` that names the loop.

`handoff` is the id of the `handoff_offered` that began it. People are ids and roles, never names: those are kept elsewhere, encrypted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffOffered:
    """One party offers the patient to another. `returns`: back to where the patient came from, for these `criteria` of the policy.

    The last three are what only a person knows; a simple hand-off needs each of them to be known and false.
    """

    from_party: str | None = None
    to_party: str | None = None
    take_over_on: date | None = None
    packet: str | None = None
    returns: bool | None = None
    urgent: bool | None = None
    criteria: tuple[str, ...] | None = None
    caregiver_or_access_problem: bool | None = None
    more_than_two_organisations: bool | None = None
    second_product_planned: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffDelivered:
    """A machine says that the packet arrived: nobody has read it by that."""

    handoff: str | None = None
    channel: Literal["on_screen", "link", "email", "fax", "fhir", "paper"] | None = None
    packet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRead:
    """A named person of the receiving side has read it. `how`: signed in, by the link, or the code of the fax sheet read back by phone."""

    handoff: str | None = None
    reader: str | None = None
    reader_role: str | None = None
    how: Literal["signed_in", "link", "fax_code"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffAsked:
    """A question of the receiving side; its id is the question's. `asked_by`: who asked without an account."""

    handoff: str | None = None
    question: str | None = None
    asked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffAnswered:
    """The answer to one question (`asked`: its id)."""

    handoff: str | None = None
    asked: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffEnded:
    """The receiving side declines, the sender withdraws, or, after the first dose there, the loop is closed.

    `ended_by`: who declined without an account.
    """

    handoff: str | None = None
    how: Literal["declined", "withdrawn", "closed"] | None = None
    because: str | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountabilityMoved:
    """Another party answers for the patient from an instant on. `handoff`: the offer that is accepted by it."""

    from_party: str | None = None
    to_party: str | None = None
    accepted_by: str | None = None
    from_at: datetime | None = None
    handoff: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKnownSaid:
    """Somebody looked at what is empty in a packet, and said that each of these fields leaves as not known.

    `fields` are the keys of the packet, `labels` their words as they were read, in the same order. `handoff`: said with that offer;
    `packet`: of that sealed version.
    """

    fields: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    handoff: str | None = None
    packet: str | None = None


HANDOFF: Final[dict[str, type[Any]]] = {
    "handoff_offered": HandoffOffered,
    "handoff_delivered": HandoffDelivered,
    "handoff_read": HandoffRead,
    "handoff_asked": HandoffAsked,
    "handoff_answered": HandoffAnswered,
    "accountability_moved": AccountabilityMoved,
    "handoff_ended": HandoffEnded,
    "not_known_said": NotKnownSaid,
}
"""The payload of each such kind."""

HANDOFF_WORDS: Final = {
    "accountability_moved": "accountability moved",
    "handoff_offered": "hand-off offered",
    "handoff_delivered": "hand-off delivered",
    "handoff_read": "hand-off read",
    "handoff_asked": "question about the hand-off",
    "handoff_answered": "answer about the hand-off",
    "handoff_ended": "hand-off ended",
    "not_known_said": "leaves as not known",
}
"""Each such kind as a person says it."""


def _not_known_said(body: Any, nulls: frozenset[str]) -> str:
    labels = body.labels or [key.replace("_", " ") for key in body.fields or ()]
    if not labels:
        return "which fields is not known" if nulls & {"fields", "labels"} else ""
    where = "said with the hand-off" if body.handoff else "said of a sealed packet" if body.packet else ""
    return "; ".join(each for each in (", ".join(labels), where) if each)


HANDOFF_TELLERS: Final[dict[str, Callable[[Any, frozenset[str]], str]]] = {"not_known_said": _not_known_said}
"""What such a fact says, without its time; those of the loop itself stand in `telling`."""
