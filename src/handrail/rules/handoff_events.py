"""The facts of a hand-off: one loop from the offer to its end. The acceptance itself is an `accountability_moved` that names the loop.

`handoff` is the id of the `handoff_offered` that began it. People are ids and roles, never names: those are kept elsewhere, encrypted.
"""

from __future__ import annotations

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


HANDOFF: Final[dict[str, type[Any]]] = {
    "handoff_offered": HandoffOffered,
    "handoff_delivered": HandoffDelivered,
    "handoff_read": HandoffRead,
    "handoff_asked": HandoffAsked,
    "handoff_answered": HandoffAnswered,
    "accountability_moved": AccountabilityMoved,
    "handoff_ended": HandoffEnded,
}
"""The payload of each such kind."""
