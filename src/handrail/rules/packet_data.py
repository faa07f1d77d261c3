"""The data beside a packet: the target of each product, which agents count as which prophylaxis, what the receiver is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.terms import Status

FORMAT: Final = "handrail-packet-data/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """What a product is directed against (`id`: the product), and what to look for because of it."""

    id: str
    target: str
    look_for: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphylaxisGroupRow:
    """One group of prophylaxis, and the names in lower case by which its agents are recorded."""

    id: str
    words: str
    agents: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """What every receiving side is asked."""

    id: str
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class MustRow:
    """The fields that no receiving side can do without, by key: one of them that is empty goes out only as a spoken "not known"."""

    fields: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketData:
    """The packet file."""

    format: str
    target: tuple[TargetRow, ...]
    prophylaxis: tuple[ProphylaxisGroupRow, ...]
    question: tuple[QuestionRow, ...]
    must: MustRow

    def target_of(self, product: str) -> TargetRow | None:
        """The row of a product, None for one that is not listed."""
        return next((row for row in self.target if row.id == product), None)


@cache
def packet_data() -> PacketData:
    """The shipped packet file."""
    return packet_data_from_toml((FOLDER / "care" / "packet.toml").read_text(encoding="utf-8"))


def packet_data_from_toml(text: str) -> PacketData:
    """The packet file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, two rows of one name.
    """
    return read_care(PacketData, text, FORMAT)
