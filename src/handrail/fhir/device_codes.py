"""Which readings of a device are taken: the rows of `protocols/codes/device.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from handrail.fhir.codes import CodeSource
from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "codes" / "device.toml"
FORMAT: Final = "handrail-device-codes/1"
PANEL: Final = "panel"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """One reading by its name in the event, the LOINC codes that mean it, and its UCUM units."""

    id: str
    loinc: tuple[str, ...]
    units: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCodes:
    """The whole file."""

    format: str
    reading: tuple[DeviceRow, ...]

    def row_of(self, codes: Iterable[str]) -> DeviceRow | None:
        """The row that one of these LOINC codes means; None when none is known, or when they mean different readings."""
        wanted = set(codes)
        found = [row for row in self.reading if wanted.intersection(row.loinc)]
        return found[0] if len(found) == 1 else None


@cache
def device_codes() -> DeviceCodes:
    """The shipped file."""
    return device_codes_from_toml(FILE.read_text(encoding="utf-8"))


def device_codes_from_toml(text: str) -> DeviceCodes:
    """The file from its TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing or unknown source, one id or code twice.
    """
    raw = tomllib.loads(text)
    sources = {key: read_table(CodeSource, item, f"sources.{key}") for key, item in raw.pop("sources", {}).items()}
    table = read_table(DeviceCodes, raw, "")
    if table.format != FORMAT:
        raise ProtocolDataError("unknown_format", f"The format is {FORMAT!r}.", "format")
    for row in table.reading:
        if not row.source or any(key not in sources for key in row.source):
            raise ProtocolDataError("missing_source", "The row names no known source.", row.id)
    codes = [code for row in table.reading for code in row.loinc]
    ids = [row.id for row in table.reading]
    if len(codes) != len(set(codes)) or len(ids) != len(set(ids)):
        raise ProtocolDataError("duplicate_id", "One id or code stands twice.", "reading")
    return table
