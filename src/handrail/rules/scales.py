"""Grading scales: the definitions of CRS, ICE and ICANS as data, read strictly.

`load_scale("astct-2019")` reads `protocols/scales/astct-2019.toml`. A key that is not known, a row without a source
or a status, a source that is not listed, and a table with an overlap or a hole are refused with the place named.
The dataclasses here are the shape of the file: every field is a key, and a field with a default may be left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from handrail.rules.answer import SourceRef
from handrail.rules.events import Oxygen
from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status

FORMAT = "handrail-scale/1"
FOLDER = Path(__file__).parent.parent / "protocols" / "scales"

DEVICES: tuple[str, ...] = get_args(Oxygen)
SIGNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "loc": ("alert", "spontaneous", "voice", "tactile", "vigorous", "unarousable"),
        "seizure": ("none", "brief", "prolonged", "repetitive"),
        "motor": ("no", "yes"),
        "edema": ("none", "focal", "diffuse"),
        "icp_signs": ("no", "yes"),
    }
)
"""The findings ICANS is graded by and the words of each, the absent finding first. A scale has a row for each word."""

ICE_ITEMS: Mapping[str, int] = MappingProxyType(
    {
        "year": 1,
        "month": 1,
        "city": 1,
        "hospital": 1,
        "naming_0_3": 3,
        "command_0_1": 1,
        "writing_0_1": 1,
        "attention_0_1": 1,
    }
)
"""The form of the recorded ICE score: each item and the most it can hold. A scale must agree with it."""

ICE_MOST = sum(ICE_ITEMS.values())
HIGHEST_GRADE = 5  # death: the form of every toxicity grade, not a limit of one
RULES = ("CRS-G2", "CRS-G3", "CRS-G4", "CRS-G5", "ICA-2", "ICA-3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row has: an id, its words, where it was read (keys of `sources`) and how well it is known."""

    id: str
    words: str
    source: tuple[str, ...]
    status: Status
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedRow(Row):
    """A row that gives a grade, 0 to 5."""

    grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Row):
    """A reading outside these limits is not believed."""

    lowest: Decimal
    highest: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausible:
    """What a living patient's reading can be."""

    tmax_c: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class FeverRow(GradedRow):
    """Fever is this temperature (°C) or more."""

    from_c: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PressorRow(GradedRow):
    """Hypotension with so many counted vasopressors; without `pressors_to` there is no end."""

    pressors_from: int
    pressors_to: int | None = None

    def holds(self, pressors: int) -> bool:
        """Whether so many vasopressors fall into this row."""
        return self.pressors_from <= pressors and (self.pressors_to is None or pressors <= self.pressors_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class VasopressinRow(Row):
    """Vasopressin is left out of the count beside another vasopressor; alone it counts as `alone_counts_as`."""

    names: tuple[str, ...]
    alone_counts_as: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PressorNames(Row):
    """Names of one medicine, and words that are no medicine."""

    same: tuple[tuple[str, ...], ...]
    not_a_medicine: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OxygenRow(GradedRow):
    """Devices, with the flow (L/min) up to and including, or above, which the row holds."""

    devices: tuple[str, ...]
    flow_to_l_per_min: Decimal | None = None
    flow_above_l_per_min: Decimal | None = None

    def holds(self, device: str, flow: Decimal) -> bool:
        """Whether a device at a flow in L/min falls into this row."""
        below = self.flow_to_l_per_min is None or flow <= self.flow_to_l_per_min
        above = self.flow_above_l_per_min is None or flow > self.flow_above_l_per_min
        return device in self.devices and below and above


@dataclass(frozen=True, slots=True, kw_only=True)
class Crs:
    """The tables of CRS."""

    fever: FeverRow
    hypotension: tuple[PressorRow, ...]
    vasopressin: VasopressinRow
    pressor_names: PressorNames
    hypoxia: tuple[OxygenRow, ...]
    death: GradedRow
    rule: tuple[Row, ...]

    def pressor_row(self, pressors: int) -> PressorRow:
        """The row of hypotension with so many counted vasopressors."""
        return next(row for row in self.hypotension if row.holds(pressors))

    def oxygen_row(self, device: str, flow: Decimal) -> OxygenRow:
        """The row of a device at a flow in L/min."""
        return next(row for row in self.hypoxia if row.holds(device, flow))


@dataclass(frozen=True, slots=True, kw_only=True)
class IceItem(Row):
    """One question of the ICE score and its most points."""

    field: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """The items of the ICE score."""

    item: tuple[IceItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IceBand(GradedRow):
    """ICE scores from and to, both included."""

    from_score: int
    to_score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRow(GradedRow):
    """One word of one finding, for example `loc` = `voice`."""

    field: str
    value: str
    over_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Icans:
    """The tables of ICANS."""

    ice: tuple[IceBand, ...]
    sign: tuple[SignRow, ...]
    rule: tuple[Row, ...]

    def sign_row(self, field: str, value: str) -> SignRow:
        """The row of one word of one finding."""
        return next(row for row in self.sign if row.field == field and row.value == value)

    def bands(self, lowest: int, highest: int) -> tuple[IceBand, ...]:
        """The rows of all ICE scores from `lowest` to `highest`."""
        return tuple(band for band in self.ice if band.from_score <= highest and band.to_score >= lowest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document a row was read in."""

    document: str
    address: str
    section: str | None = None
    date: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """The file without its sources."""

    format: str
    id: str
    title: str
    edition: str
    definition: str
    plausible: Plausible
    crs: Crs
    ice: Ice
    icans: Icans


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A whole scale. `definition` is the published definition."""

    id: str
    title: str
    edition: str
    definition: SourceRef
    sources: Mapping[str, SourceRef]
    plausible: Plausible
    crs: Crs
    ice: Ice
    icans: Icans
    rules: Mapping[str, Row]


class ScaleError(ProtocolDataError):
    """A scale that cannot be used; `path` names the place."""


@cache
def load_scale(scale_id: str) -> Scale:
    """The scale of that id, shipped with the package.

    Raises:
        ProtocolDataError: `unknown_scale`, or the first thing in the file that cannot be used.
    """
    path = FOLDER / f"{scale_id}.toml"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", scale_id) or not path.is_file():
        raise ScaleError("unknown_scale", "There is no grading scale of that name.", "scale")
    scale = read_scale(path.read_text(encoding="utf-8"))
    if scale.id != scale_id:
        raise ScaleError("wrong_id", f"The file {path.name} calls itself {scale.id!r}.", "id")
    return scale


def read_scale(text: str) -> Scale:
    """The scale in a TOML text.

    Raises:
        ProtocolDataError: with the place of the first thing that cannot be used.
    """
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ScaleError("not_toml", f"The scale is not readable TOML: {error}.") from error
    if data.get("format") != FORMAT:
        raise ScaleError("unknown_format", f'A scale starts with format = "{FORMAT}".', "format")
    listed = data.pop("sources", None)
    if not isinstance(listed, dict):
        raise ScaleError("missing_key", "A scale lists its sources.", "sources")
    sources = {key: _source_ref(key, table) for key, table in listed.items()}
    tables = read_table(_Tables, data, "")
    if tables.definition not in sources:
        raise ScaleError("unknown_source", "The definition is not among the sources.", "definition")
    for path, row in _rows(tables, ""):
        _check_row(row, sources, path)
    _check_tables(tables)
    return Scale(
        id=tables.id,
        title=tables.title,
        edition=tables.edition,
        definition=sources[tables.definition],
        sources=MappingProxyType(sources),
        plausible=tables.plausible,
        crs=tables.crs,
        ice=tables.ice,
        icans=tables.icans,
        rules=MappingProxyType({row.id: row for row in (*tables.crs.rule, *tables.icans.rule)}),
    )


def _source_ref(key: str, table: Any) -> SourceRef:
    source = read_table(Source, table, f"sources.{key}")
    return SourceRef(id=key, document=source.document, section=source.section, date=source.date, address=source.address)


def _rows(part: Any, path: str) -> Iterator[tuple[str, Row]]:
    """Every row of the scale with its place."""
    if isinstance(part, Row):
        yield path, part
    elif isinstance(part, tuple):
        for n, item in enumerate(part):
            yield from _rows(item, f"{path}[{n}]")
    elif is_dataclass(part):
        for item in fields(part):
            yield from _rows(getattr(part, item.name), f"{path}.{item.name}" if path else item.name)


def _check_row(row: Row, sources: Mapping[str, SourceRef], path: str) -> None:
    if not row.source:
        raise ScaleError("missing_source", f"The row {row.id} names no source.", f"{path}.source")
    for key in row.source:
        if key not in sources:
            raise ScaleError("unknown_source", f"The row {row.id} names a source that is not listed.", f"{path}.source")
    if isinstance(row, GradedRow) and row.grade > HIGHEST_GRADE:
        raise ScaleError("bad_number", f"The grade of row {row.id} is above {HIGHEST_GRADE}.", f"{path}.grade")
    for item in fields(row):
        value = getattr(row, item.name)
        if isinstance(value, (int, Decimal)) and value < 0:
            raise ScaleError("bad_number", f"A number of row {row.id} is below zero.", f"{path}.{item.name}")


def _check_tables(tables: _Tables) -> None:
    """Every input has one row and only one: no hole, no overlap, nothing missing."""
    if tables.plausible.tmax_c.lowest >= tables.plausible.tmax_c.highest:
        raise ScaleError("bad_number", "The lowest believable temperature is below the highest.", "plausible.tmax_c")
    _check_steps([(r.pressors_from, r.pressors_to) for r in tables.crs.hypotension], None, "crs.hypotension")
    _check_steps([(b.from_score, b.to_score) for b in tables.icans.ice], ICE_MOST, "icans.ice")
    for device in {device for row in tables.crs.hypoxia for device in row.devices} | set(DEVICES):
        _check_device(device, [row for row in tables.crs.hypoxia if device in row.devices])
    if sorted((item.field, item.points) for item in tables.ice.item) != sorted(ICE_ITEMS.items()):
        raise ScaleError("hole", "Each item of the ICE score needs one row with its points.", "ice.item")
    wanted = sorted((field, word) for field, words in SIGNS.items() for word in words)
    if sorted((row.field, row.value) for row in tables.icans.sign) != wanted:
        raise ScaleError("hole", "Each word of each finding needs one row, and no other word.", "icans.sign")
    if sorted(row.id for row in (*tables.crs.rule, *tables.icans.rule)) != sorted(RULES):
        raise ScaleError("hole", f"The rules of a scale are: {', '.join(RULES)}.", "crs.rule")


def _check_steps(rows: list[tuple[int, int | None]], last: int | None, path: str) -> None:
    """The rows cover 0 to `last` (None: without end), each number once."""
    expected: int | None = 0
    for start, end in sorted(rows, key=lambda row: row[0]):
        if expected is None or start < expected:
            raise ScaleError("overlap", f"Two rows of the scale hold for {start}.", path)
        if start > expected:
            raise ScaleError("hole", f"No row of the scale holds for {expected}.", path)
        if end is not None and end < start:
            raise ScaleError("bad_number", f"The row from {start} ends before it starts.", path)
        expected = None if end is None else end + 1
    if expected != (None if last is None else last + 1):
        raise ScaleError("hole", "The rows of the scale do not end where the numbers end.", path)


def _check_device(device: str, rows: list[OxygenRow]) -> None:
    """One row for every flow, or one up to a limit and one above the same limit."""
    limits = [(row.flow_to_l_per_min, row.flow_above_l_per_min) for row in rows]
    to = [limit for limit, above in limits if limit is not None and above is None]
    over = [above for limit, above in limits if above is not None and limit is None]
    if device not in DEVICES:
        raise ScaleError("unknown_word", f"The device is one of: {', '.join(DEVICES)}.", "crs.hypoxia")
    if not rows:
        raise ScaleError("hole", f"No row of the scale grades the device {device}.", "crs.hypoxia")
    if limits != [(None, None)] and not (len(rows) == 2 and len(to) == 1 and to == over):
        raise ScaleError("overlap", f"The rows of the device {device} overlap or leave a hole.", "crs.hypoxia")
