"""Which incoming codes and units Handrail understands, from `protocols/codes/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status

FILE = Path(__file__).resolve().parent.parent / "protocols" / "codes" / "laboratory.toml"
LOINC = "http://loinc.org"
WEIGHT = "weight"

KILOGRAMS = {
    "kg": Decimal(1),
    "g": Decimal("0.001"),
    "[lb_av]": Decimal("0.45359237"),
    "lb": Decimal("0.45359237"),
    "lbs": Decimal("0.45359237"),
}
"""Kilograms in one of each unit (the avoirdupois pound is exact by definition)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A fact, the LOINC codes that mean it, and the units in which it is read."""

    code: str
    loinc: tuple[str, ...]
    units: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    format: str
    fact: tuple[CodeRow, ...]


@cache
def code_rows() -> tuple[CodeRow, ...]:
    """Every row of the code file.

    Raises:
        ProtocolDataError: an unknown key, a missing source, or one code under two facts.
    """
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    sources = document.pop("sources", {})
    rows = read_table(_Document, document, "").fact
    seen: set[str] = set()
    for row in rows:
        if not row.source or any(key not in sources for key in row.source):
            raise ProtocolDataError("missing_source", "The row names no known source.", f"fact.{row.code}")
        for code in row.loinc:
            if code in seen:
                raise ProtocolDataError("duplicate_id", f"LOINC {code} stands under two facts.", f"fact.{row.code}")
            seen.add(code)
    return rows


@cache
def fact_of(loinc: str) -> CodeRow | None:
    """The row of a LOINC code, None for a code that is not understood."""
    return next((row for row in code_rows() if loinc in row.loinc), None)
