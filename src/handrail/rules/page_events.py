"""What the shell writes into a course about its pages: shown by replay, never read by a rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSent:
    """Written by the shell: a page went out."""

    alert: str | None = None
    key: str | None = None
    ladder: str | None = None
    step: int | None = None
    to_role: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAcknowledged:
    """Written by the shell: a person said "I have it"."""

    alert: str | None = None
    key: str | None = None
    by_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed:
    """Written by the shell: a page did not go out."""

    alert: str | None = None
    key: str | None = None
    step: int | None = None
    to_role: str | None = None
    channel: str | None = None
    permanent: bool | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertClosed:
    """Written by the shell: the condition is over."""

    alert: str | None = None
    key: str | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientTold:
    """Written by the shell: nobody answered, was on or could be reached, and from now on the patient is told where to go.

    `packet` and `caregivers`: the emergency department's packet, and word to so many caregivers, are to go out.
    """

    alert: str | None = None
    key: str | None = None
    ladder: str | None = None
    step: int | None = None
    told: Literal["call_911", "go_to_ed"] | None = None
    because: Literal["nobody_on", "nobody_reached", "nobody_answered"] | None = None
    packet: bool | None = None
    caregivers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHeld:
    """Written by the shell: whoever has it put it off until then, or asked a named person (`to`: an id) to take it over by then."""

    alert: str | None = None
    key: str | None = None
    how: Literal["put_off", "handing_over"] | None = None
    until: datetime | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResumed:
    """Written by the shell: the ladder goes on although somebody had it."""

    alert: str | None = None
    key: str | None = None
    because: Literal["put_off", "not_taken_over", "could_not_reach", "left"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdPacketNoted:
    """Written by the shell: what became of the packet for the emergency department, or that its page was opened by a card.

    `packet`: its id; None for a page that a wallet card opened. `department`: where it went.
    """

    packet: str | None = None
    what: Literal["sent", "faxed", "not_sent", "opened"] | None = None
    because: Literal["by_hand", "red", "nobody", "sent_to_ed"] | None = None
    channel: str | None = None
    department: str | None = None
    why: str | None = None


SHELL: Final[dict[str, type[Any]]] = {
    "page_sent": PageSent,
    "page_acknowledged": PageAcknowledged,
    "page_failed": PageFailed,
    "patient_told": PatientTold,
    "page_held": PageHeld,
    "page_resumed": PageResumed,
    "alert_closed": AlertClosed,
    "ed_packet_noted": EdPacketNoted,
}
"""The payload of each such kind."""
