"""How long a link to a sealed packet lasts, how many wrong passcodes it bears, and how often it may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final, Literal

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

FORMAT: Final = "handrail-health-links/1"
FILE_MINUTES_MOST: Final = timedelta(hours=1)
"""The specification bears no longer address of a file."""
WINDOW: Final = timedelta(minutes=1)
"""In which the requests of one link are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """What holds for every link. Days from its making; requests of anybody, right or wrong, in a minute."""

    lasts_days: int
    longest_days: int
    passcode: Literal["offered", "required"]
    tries: int
    asked_per_minute: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """How long the address of a file is good."""

    minutes: int
    source: tuple[str, ...]
    status: Status

    @property
    def lasts(self) -> timedelta:
        """From the request on that was answered with it."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLinkData:
    """The file of the links."""

    format: str
    link: LinkRow
    file: FileRow


@cache
def health_link_data() -> HealthLinkData:
    """The shipped file."""
    return health_links_from_toml((FOLDER / "care" / "health_links.toml").read_text(encoding="utf-8"))


def health_links_from_toml(text: str) -> HealthLinkData:
    """The file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that is none, a file address that lasts over an hour.
    """
    found = read_care(HealthLinkData, text, FORMAT)
    for name in ("lasts_days", "longest_days", "tries", "asked_per_minute"):
        if getattr(found.link, name) <= 0:
            raise ProtocolDataError("bad_number", "A link lasts, and may be asked at least once.", f"link.{name}")
    if found.link.lasts_days > found.link.longest_days:
        raise ProtocolDataError("bad_number", "What is offered is longer than the longest.", "link.lasts_days")
    if not timedelta() < found.file.lasts <= FILE_MINUTES_MOST:
        raise ProtocolDataError("bad_number", "The address of a file is good for an hour at most.", "file.minutes")
    return found
