"""What the programme's own figures count, and the published counts that stand beside them: the two files of `protocols/measures/`.

A definition is the programme's choice and says so; a published count is as it was read, with its source, and is never altered to fit.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from handrail.rules.caredata import CareSource, read_care
from handrail.rules.strict import ProtocolDataError, read_tables
from handrail.rules.terms import Status

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "measures"
FIGURES_FORMAT: Final = "handrail-figures/1"
PUBLISHED_FORMAT: Final = "handrail-published/1"
MeasureId = Literal["crs_any", "crs_2", "crs_3", "icans_any", "icans_3", "ed", "admitted", "treated"]
MEASURES: Final[tuple[MeasureId, ...]] = (
    "crs_any",
    "crs_2",
    "crs_3",
    "icans_any",
    "icans_3",
    "ed",
    "admitted",
    "treated",
)
"""Every measure, in the order in which it is shown."""
Prevention = Literal["with", "without", "mixed", "not_known"]
"""Whether tocilizumab was given to prevent: before any reaction, neither premedication nor treatment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A choice, with who says so."""

    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow(_Row):
    """How long after a dose the window stays open: hours."""

    hours_after_dose: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRow(_Row):
    """The longest stretch, in hours, in which nobody looked, that still counts as watched."""

    crs_gap_hours: int
    icans_gap_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStayRow(_Row):
    """An admission so many hours around a dose that was planned in hospital is the planned one."""

    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTablesRow(_Row):
    """A count of people below `least`, other than none, does not leave the programme."""

    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBackRow(_Row):
    """How many calendar quarters are counted, the current one among them."""

    quarters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceRow(_Row):
    """Where one band of the way to the centre ends and the next begins: minutes, rising."""

    minutes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilisationRow(_Row):
    """Over how many civil days from the first step-up dose what a course used is counted."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow(_Row):
    """One measure and what it counts. `toxicity` with the lowest grade that counts, or neither."""

    id: MeasureId
    definition: str
    toxicity: Literal["crs", "icans"] | None = None
    at_least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """The file of definitions."""

    format: str
    window: WindowRow
    watched: WatchedRow
    planned_stay: PlannedStayRow
    published_tables: PublishedTablesRow
    look_back: LookBackRow
    distance: DistanceRow
    utilisation: UtilisationRow
    measure: tuple[MeasureRow, ...]

    def named(self, measure: MeasureId) -> MeasureRow:
        """The row of a measure."""
        return next(row for row in self.measure if row.id == measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One published count: `events` of `patients`.

    Attributes:
        counted: printed as a count; rebuilt from a printed percentage, and perhaps off by one; or recalled.
        prevention: how tocilizumab, or what else, was given before the dose, in words.
        phase: of a trial; None: not known, or no trial. `published`: the year; None: not known.
        overlaps: rows that count some of the same patients.
    """

    id: str
    measure: MeasureId
    products: tuple[str, ...]
    kind: Literal["trial", "real_world", "outpatient", "inpatient"]
    population: str
    tocilizumab: Prevention
    prevention: str
    events: int
    patients: int
    counted: Literal["printed", "percentage", "recalled"]
    source: tuple[str, ...]
    status: Status
    phase: str | None = None
    published: str | None = None
    note: str | None = None
    overlaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """The file of published counts."""

    format: str
    count: tuple[PublishedRow, ...]


@cache
def definitions() -> Definitions:
    """The shipped definitions."""
    return definitions_from_toml((FOLDER / "figures-1.toml").read_text(encoding="utf-8"))


@cache
def published() -> PublishedFile:
    """The shipped published counts."""
    return published_from_toml((FOLDER / "published-1.toml").read_text(encoding="utf-8"))


@cache
def published_sources() -> dict[str, CareSource]:
    """Where the published counts were read, by the keys of their rows."""
    text = (FOLDER / "published-1.toml").read_text(encoding="utf-8")
    return read_tables(CareSource, tomllib.loads(text)["sources"], "sources")


def definitions_from_toml(text: str) -> Definitions:
    """Definitions from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, hours or limits that make no sense, a measure without its row.
    """
    found = read_care(Definitions, text, FIGURES_FORMAT)
    watched = found.watched
    if not 0 < watched.crs_gap_hours <= found.window.hours_after_dose:
        raise ProtocolDataError("bad_number", "A gap is shorter than the window.", "watched.crs_gap_hours")
    if not 0 < watched.icans_gap_hours <= found.window.hours_after_dose:
        raise ProtocolDataError("bad_number", "A gap is shorter than the window.", "watched.icans_gap_hours")
    if found.planned_stay.hours <= 0 or found.look_back.quarters <= 0:
        raise ProtocolDataError("bad_number", "Hours and quarters are some.", "planned_stay")
    bands = found.distance.minutes
    if not bands or min(bands) <= 0 or list(bands) != sorted(set(bands)):
        raise ProtocolDataError("bad_number", "The bands rise.", "distance.minutes")
    if found.utilisation.days <= 0:
        raise ProtocolDataError("bad_number", "Something is counted over some days.", "utilisation.days")
    if found.published_tables.least < 2:
        raise ProtocolDataError("bad_number", "One person alone is always withheld.", "published_tables.least")
    if tuple(row.id for row in found.measure) != MEASURES:
        raise ProtocolDataError("missing_key", f"The measures are, in this order: {', '.join(MEASURES)}.", "measure")
    said: tuple[tuple[str, str, tuple[int, ...]], ...] = (
        ("window", found.window.words, (found.window.hours_after_dose,)),
        ("watched", watched.words, (found.window.hours_after_dose, watched.crs_gap_hours, watched.icans_gap_hours)),
        ("planned_stay", found.planned_stay.words, (found.planned_stay.hours,)),
        ("distance", found.distance.words, bands),
        ("utilisation", found.utilisation.words, (1, found.utilisation.days)),
        ("published_tables", found.published_tables.words, (1, found.published_tables.least - 1)),
    )
    for place, words, numbers in said:
        if {str(number) for number in numbers} != set(re.findall(r"\d+", words)):
            raise ProtocolDataError("wrong_value", "The words name another number.", f"{place}.words")
    for row in found.measure:
        if (row.toxicity is None) != (row.at_least is None) or (
            row.at_least is not None and not 1 <= row.at_least <= 5
        ):
            raise ProtocolDataError("bad_number", "A toxicity has its lowest grade, 1 to 5.", f"measure.{row.id}")
    return found


def published_from_toml(text: str) -> PublishedFile:
    """Published counts from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, counts that make no sense, an overlap with a row that is not there,
            or a recalled count that is not marked as unverified.
    """
    found = read_care(PublishedFile, text, PUBLISHED_FORMAT)
    known = {row.id for row in found.count}
    for row in found.count:
        if not 0 <= row.events <= row.patients or row.patients == 0:
            raise ProtocolDataError("bad_number", "The counts make no sense.", f"count.{row.id}")
        if not row.products:
            raise ProtocolDataError("missing_key", "The row names no product.", f"count.{row.id}.products")
        if set(row.overlaps) - (known - {row.id}):
            raise ProtocolDataError("unknown_row", "It overlaps with no row of this file.", f"count.{row.id}.overlaps")
        if row.counted == "recalled" and row.status is not Status.UNVERIFIED:
            raise ProtocolDataError("wrong_value", "What was recalled is not verified.", f"count.{row.id}.status")
    return found
