"""Which incoming codes, units and statements Handrail understands: the rows of `protocols/codes/laboratory.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, Literal

from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "codes" / "laboratory.toml"
FORMAT: Final = "handrail-codes/1"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
EMPTY_REASON: Final = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
WEIGHT: Final = "weight"

ListName = Literal["allergies", "conditions", "medicines"]
LISTS: Final[tuple[ListName, ...]] = ("allergies", "conditions", "medicines")
SAYS: Final = ("none_known", "not_stated")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSource:
    """Where a code was met."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A fact, the LOINC codes that mean it, and the UCUM units in which it is read."""

    code: str
    loinc: tuple[str, ...]
    units: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightUnitRow:
    """Kilograms in one of a unit."""

    unit: str
    kilograms: Decimal
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibleRow:
    """Limits of a laboratory value in these units, both ends included; outside them the unit is wrong."""

    fact: str
    units: tuple[str, ...]
    low: Decimal
    high: Decimal
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A code that stands in a list and says `none_known` or `not_stated` instead of naming an entry."""

    fact: str
    system: str
    code: str
    says: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRow:
    """A section of a summary, and the `emptyReason` with which it says "asked, none"."""

    fact: str
    loinc: str
    none_known: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """The whole file."""

    format: str
    fact: tuple[CodeRow, ...]
    vital: tuple[CodeRow, ...]
    weight_unit: tuple[WeightUnitRow, ...]
    plausible: tuple[PlausibleRow, ...]
    statement: tuple[StatementRow, ...]
    section: tuple[SectionRow, ...]

    def fact_of(self, codes: Iterable[str]) -> CodeRow | None:
        """The row that one of these LOINC codes means; None when none is known, or when they mean different facts."""
        return _row_of(self.fact, codes)

    def vital_of(self, codes: Iterable[str]) -> CodeRow | None:
        """The row of the vital sign that one of these LOINC codes means; None as for `fact_of`."""
        return _row_of(self.vital, codes)

    def kilograms_in(self, unit: str) -> Decimal | None:
        """Kilograms in one `unit` (UCUM), None for a unit that is not understood."""
        return next((row.kilograms for row in self.weight_unit if row.unit == unit), None)

    def limits_of(self, fact: str, unit: str) -> PlausibleRow | None:
        """The believable range of a laboratory value in that unit, None when no row has one."""
        return next((row for row in self.plausible if row.fact == fact and unit in row.units), None)

    def statement_of(self, fact: str, system: str, code: str) -> str | None:
        """`none_known` or `not_stated` when the code speaks about the whole list, else None."""
        wanted = (fact, system, code)
        return next((row.says for row in self.statement if (row.fact, row.system, row.code) == wanted), None)


def _row_of(rows: Iterable[CodeRow], codes: Iterable[str]) -> CodeRow | None:
    wanted = set(codes)
    found = [row for row in rows if wanted.intersection(row.loinc)]
    return found[0] if len(found) == 1 else None


@cache
def code_table() -> CodeTable:
    """The shipped table."""
    return table_from_toml(FILE.read_text(encoding="utf-8"))


def table_from_toml(text: str) -> CodeTable:
    """A code table from its TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing or unknown source, one code under two facts, an unknown word.
    """
    document = tomllib.loads(text, parse_float=Decimal)
    raw = document.pop("sources", {})
    sources = {key: read_table(CodeSource, item, f"sources.{key}") for key, item in raw.items()}
    table = read_table(CodeTable, document, "")
    if table.format != FORMAT:
        raise ProtocolDataError("unknown_format", f"The format is {FORMAT!r}.", "format")
    _check_sources(table, sources)
    _check_facts(table)
    for fact in [row.fact for row in table.statement] + [row.fact for row in table.section]:
        if fact not in LISTS:
            raise ProtocolDataError("unknown_word", f"The value is one of: {', '.join(LISTS)}.", "fact")
    for statement in table.statement:
        if statement.says not in SAYS:
            raise ProtocolDataError("unknown_word", f"The value is one of: {', '.join(SAYS)}.", "statement.says")
    return table


def _check_sources(table: CodeTable, sources: Mapping[str, CodeSource]) -> None:
    rows: tuple[CodeRow | WeightUnitRow | PlausibleRow | StatementRow | SectionRow, ...]
    rows = (*table.fact, *table.vital, *table.weight_unit, *table.plausible, *table.statement, *table.section)
    for row in rows:
        if not row.source or any(key not in sources for key in row.source):
            raise ProtocolDataError("missing_source", "The row names no known source.", type(row).__name__)


def _check_facts(table: CodeTable) -> None:
    seen: set[str] = set()
    for row in (*table.fact, *table.vital):
        for code in row.loinc:
            if code in seen:
                raise ProtocolDataError("duplicate_id", f"LOINC {code} stands under two facts.", f"fact.{row.code}")
            seen.add(code)
        if row.code == WEIGHT and any(table.kilograms_in(unit) is None for unit in row.units):
            raise ProtocolDataError("missing_key", "A unit of weight has no kilograms.", f"fact.{row.code}.units")
    for limits in table.plausible:
        units = next((row.units for row in table.fact if row.code == limits.fact), ())
        if limits.low >= limits.high or not set(limits.units) <= set(units):
            raise ProtocolDataError("bad_number", "The limits fit no unit of the fact.", f"plausible.{limits.fact}")
