"""The codes of the document that carries a packet: the rows of `protocols/codes/document.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from handrail.fhir.codes import CodeSource
from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "codes" / "document.toml"
FORMAT: Final = "handrail-document-codes/1"
ABOUT: Final = ("type", "category")
"""Headings that are about the document and are no section of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingRow:
    """One heading, and the sections of the packet that stand under it. `required`: an IPS document always has it."""

    id: str
    loinc: str
    title: str
    holds: tuple[str, ...]
    source: tuple[str, ...]
    status: Status
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRow:
    """The code of one reading."""

    id: str
    loinc: str
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCodes:
    """The whole file."""

    format: str
    heading: tuple[HeadingRow, ...]
    reading: tuple[ReadingRow, ...]

    def heading_of(self, name: str) -> HeadingRow:
        """The heading of that id."""
        return next(row for row in self.heading if row.id == name)

    @property
    def sections(self) -> tuple[HeadingRow, ...]:
        """The headings that are sections, in their order."""
        return tuple(row for row in self.heading if row.id not in ABOUT)

    def reading_of(self, name: str) -> ReadingRow | None:
        """The row of a reading, None when it has no code."""
        return next((row for row in self.reading if row.id == name), None)


@cache
def document_codes() -> DocumentCodes:
    """The shipped file."""
    return document_codes_from_toml(FILE.read_text(encoding="utf-8"))


def document_codes_from_toml(text: str) -> DocumentCodes:
    """The file from its TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing or unknown source, two rows of one id or code, a part under two headings.
    """
    raw = tomllib.loads(text)
    sources = {key: read_table(CodeSource, item, f"sources.{key}") for key, item in raw.pop("sources", {}).items()}
    table = read_table(DocumentCodes, raw, "")
    if table.format != FORMAT:
        raise ProtocolDataError("unknown_format", f"The format is {FORMAT!r}.", "format")
    rows: tuple[HeadingRow | ReadingRow, ...] = (*table.heading, *table.reading)
    for row in rows:
        if not row.source or any(key not in sources for key in row.source):
            raise ProtocolDataError("missing_source", "The row names no known source.", row.id)
    held = [part for row in table.heading for part in row.holds]
    for what, values in (("id", [row.id for row in rows]), ("loinc", [row.loinc for row in rows]), ("holds", held)):
        if len(values) != len(set(values)):
            raise ProtocolDataError("duplicate_id", f"Two rows have the same {what}.", what)
    return table
