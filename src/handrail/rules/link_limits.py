"""How long the links of people at home and of a hand-off open something without an account, and how many wrong codes they bear."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

FORMAT: Final = "handrail-links/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRow:
    """The link of a patient's check-in and a caregiver's own (days), and the one in a text message that reminds (hours)."""

    lasts_days: int
    text_lasts_hours: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRow:
    """Link and fax sheet of a hand-off: days, hours after the code was typed, and wrong codes in their whole life."""

    lasts_days: int
    open_hours: int
    tries: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """The file of the links."""

    format: str
    home: HomeRow
    handoff: HandoffRow


@cache
def link_limits() -> LinkLimits:
    """The shipped file."""
    return link_limits_from_toml((FOLDER / "care" / "links.toml").read_text(encoding="utf-8"))


def link_limits_from_toml(text: str) -> LinkLimits:
    """The file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that is none, a code that is asked for again after its link has ended.
    """
    found = read_care(LinkLimits, text, FORMAT)
    for table, name in (
        ("home", "lasts_days"),
        ("home", "text_lasts_hours"),
        ("handoff", "lasts_days"),
        ("handoff", "open_hours"),
        ("handoff", "tries"),
    ):
        if getattr(getattr(found, table), name) <= 0:
            raise ProtocolDataError("bad_number", "A link lasts, and bears at least one try.", f"{table}.{name}")
    if found.handoff.open_hours > 24 * found.handoff.lasts_days:
        raise ProtocolDataError("bad_number", "A code counts no longer than its link.", "handoff.open_hours")
    return found
