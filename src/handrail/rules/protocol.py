"""One label revision of one product as data: loaded strictly from `protocols/products/*.toml`.

The gap table answers "how many days since the last dose, and what then" for every step and schedule, from day 0 on,
without a hole and without an overlap; where the label or our reading of it is silent the row says `ask`. The loader refuses
unknown keys, missing sources and statuses, unknown source keys and step names, holes and overlaps, each with its place.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from handrail.rules.answer import SourceRef
from handrail.rules.overlays import ended_rows, signed_rows
from handrail.rules.protocol_rows import (
    AfterToxicityRow,
    BandRow,
    CompanionRow,
    DurationRow,
    GapRow,
    IndicationRow,
    InfusionRow,
    IntervalChangeRow,
    MonitoringRow,
    NextMonitoring,
    PhaseDoseRow,
    PremedicationRow,
    Product,
    RemsRow,
    Row,
    Source,
    StepRow,
    StrengthRow,
    ThenRow,
    WarningRow,
)
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import DRUG_CLASSES, SCHEDULES, STEPS, UnusableInput

FORMAT = "handrail-protocol/1"
NEXT = "next"
FOLDER = Path(__file__).resolve().parent.parent / "protocols" / "products"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    format: str
    product: Product
    strength: tuple[StrengthRow, ...]
    step: tuple[StepRow, ...]
    gap: tuple[GapRow, ...]
    premedication: tuple[PremedicationRow, ...]
    monitoring: tuple[MonitoringRow, ...]
    after_toxicity: tuple[AfterToxicityRow, ...]
    indication: tuple[IndicationRow, ...] = ()
    band: tuple[BandRow, ...] = ()
    infusion: tuple[InfusionRow, ...] = ()
    companion: tuple[CompanionRow, ...] = ()
    duration: tuple[DurationRow, ...] = ()
    interval_change: tuple[IntervalChangeRow, ...] = ()
    phase_dose: tuple[PhaseDoseRow, ...] = ()
    warning: tuple[WarningRow, ...] = ()
    rems: tuple[RemsRow, ...] = ()


R = TypeVar("R", bound=Row)

__all__ = [
    "AfterToxicityRow",
    "BandRow",
    "CompanionRow",
    "DurationRow",
    "GapRow",
    "IndicationRow",
    "InfusionRow",
    "IntervalChangeRow",
    "MonitoringRow",
    "NextMonitoring",
    "PhaseDoseRow",
    "PremedicationRow",
    "Product",
    "Protocol",
    "RemsRow",
    "Row",
    "Source",
    "StepRow",
    "StrengthRow",
    "ThenRow",
    "WarningRow",
    "catalogue",
    "load",
    "load_text",
    "newest_active",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A loaded label revision, with the rows an organisation signed (overlays) already marked."""

    product: Product
    sha256: str
    sources: Mapping[str, Source]
    indication: tuple[IndicationRow, ...]
    strength: tuple[StrengthRow, ...]
    step: tuple[StepRow, ...]
    band: tuple[BandRow, ...]
    gap: tuple[GapRow, ...]
    premedication: tuple[PremedicationRow, ...]
    monitoring: tuple[MonitoringRow, ...]
    infusion: tuple[InfusionRow, ...]
    companion: tuple[CompanionRow, ...]
    duration: tuple[DurationRow, ...]
    after_toxicity: tuple[AfterToxicityRow, ...]
    interval_change: tuple[IntervalChangeRow, ...]
    phase_dose: tuple[PhaseDoseRow, ...]
    warning: tuple[WarningRow, ...]
    rems: tuple[RemsRow, ...]
    _gaps: Mapping[tuple[str, str], tuple[GapRow, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Product, jurisdiction, revision and regimen: `teclistamab/US/2026-03/mono`."""
        return self.product.key

    @property
    def schedules(self) -> tuple[str, ...]:
        """The intervals this label knows, the starting one first."""
        return self.product.schedules

    def rows(self) -> Iterator[Row]:
        """Every row of every table."""
        yield self.product
        for table in TABLES:
            yield from getattr(self, table)

    def row(self, row_id: str) -> Row:
        """The row of that id.

        Raises:
            ProtocolDataError: no such row.
        """
        found = next((row for row in self.rows() if row.id == row_id), None)
        if found is None:
            raise ProtocolDataError("unknown_row", f"{self.key} has no row {row_id!r}.", row_id)
        return found

    def steps_of(self, schedule: str) -> tuple[str, ...]:
        """The steps of a schedule in their order."""
        return tuple(row.step for row in self.step if not row.schedules or schedule in row.schedules)

    def step_row(self, step: str, schedule: str) -> StepRow:
        """The row of a step on a schedule.

        Raises:
            ProtocolDataError: the label has no such step on this schedule.
        """
        for row in self.step:
            if row.step == step and (not row.schedules or schedule in row.schedules):
                return row
        raise ProtocolDataError("unknown_step", f"{self.key} has no {step} on the schedule {schedule}.", "step")

    def gap_rows(self, last: str, schedule: str) -> tuple[GapRow, ...]:
        """The rows for a last step on a schedule, by day."""
        return self._gaps.get((last, schedule), ())

    def after_toxicity_rows(
        self, toxicity: str, grade: int, *, occurrence: str, lasted_hours: float | None
    ) -> tuple[AfterToxicityRow, ...]:
        """The rows that fit a graded episode. `occurrence`: first or recurrent."""

        def fits(row: AfterToxicityRow) -> bool:
            long_enough = row.min_hours is None or (lasted_hours is not None and lasted_hours >= row.min_hours)
            short_enough = row.under_hours is None or lasted_hours is None or lasted_hours < row.under_hours
            return (
                row.toxicity == toxicity
                and grade in row.grades
                and row.occurrence in ("any", occurrence)
                and long_enough
                and short_enough
            )

        return tuple(row for row in self.after_toxicity if fits(row))

    def source_of(self, row: Row | str) -> SourceRef:
        """The first source of a row, as shown with an answer."""
        named = self.row(row) if isinstance(row, str) else row
        key = named.source[0]
        item = self.sources[key]
        return SourceRef(
            document=item.document,
            section=item.section,
            revision=item.revision,
            date=item.date,
            address=item.address,
            id=key,
            row=named.id,
        )

    def with_overlays(self, overlays: Sequence[Any]) -> Protocol:
        """The protocol with the rows that an organisation signed with its own citation.

        Raises:
            ProtocolDataError: an overlay of another shape, for another key, or naming a row that does not exist.
        """
        rows = {row.id: row for row in self.rows()}
        signed = signed_rows(self.key, rows, overlays)
        if not signed:
            return self
        changed: dict[str, Any] = {
            table: tuple(_signed(row, signed) for row in getattr(self, table)) for table in TABLES
        }
        changed["product"] = _signed(self.product, signed)
        for row_id, end in ended_rows(self.key, rows, overlays).items():
            over = {item.name: getattr(end, item.name) for item in fields(end)}
            changed["rems"] = tuple(replace(row, **over) if row.id == row_id else row for row in changed["rems"])
        gaps = {key: tuple(_signed(row, signed) for row in rows) for key, rows in self._gaps.items()}
        return replace(self, **changed, _gaps=gaps)


TABLES = (
    "indication",
    "strength",
    "step",
    "band",
    "gap",
    "premedication",
    "monitoring",
    "infusion",
    "companion",
    "duration",
    "after_toxicity",
    "interval_change",
    "phase_dose",
    "warning",
    "rems",
)


def _signed(row: R, signed: Mapping[str, str]) -> R:
    return replace(row, signed_by=signed[row.id]) if row.id in signed else row


def load_text(text: str | bytes) -> Protocol:
    """A protocol from TOML text.

    Raises:
        ProtocolDataError: not TOML, or data that must not be loaded; the place is in `path`.
    """
    raw = text.encode() if isinstance(text, str) else text
    try:
        document = tomllib.loads(raw.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProtocolDataError("not_toml", f"This is not readable TOML: {error}.") from error
    sources = read_tables(Source, document.pop("sources", None), "sources")
    read = read_table(_Document, document, "")
    if read.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'A protocol starts with format = "{FORMAT}".', "format")
    _check_rows(read, sources)
    return Protocol(
        product=read.product,
        sha256=hashlib.sha256(raw).hexdigest(),
        sources=sources,
        _gaps=_gap_tables(read),
        **{table: getattr(read, table) for table in TABLES},
    )


def _check_rows(read: _Document, sources: Mapping[str, Source]) -> None:
    ids: set[str] = set()
    strengths = {row.id for row in read.strength}
    for table in ("product", *TABLES):
        value = getattr(read, table)
        for row in value if isinstance(value, tuple) else (value,):
            path = f"{table}.{row.id}"
            if row.id in ids:
                raise ProtocolDataError("duplicate_id", f"Two rows carry the id {row.id!r}.", path)
            ids.add(row.id)
            if not row.source:
                raise ProtocolDataError("missing_source", "The row names no source.", f"{path}.source")
            for key in row.source:
                if key not in sources:
                    raise ProtocolDataError("unknown_source", f"There is no source {key!r}.", f"{path}.source")
            if row.signed_by is not None:
                raise ProtocolDataError("unknown_key", "A shipped row is not signed in the file.", f"{path}.signed_by")
            _check_words(row, path, strengths)
    for schedule in read.product.schedules:
        if schedule not in SCHEDULES:
            raise ProtocolDataError("unknown_word", f"There is no schedule {schedule!r}.", "product.schedules")


ALLOWED = {
    "kind": ("window", "delay"),
    "premedicate": ("yes", "if_crs_after_last", "no"),
    "counted": ("calendar", "elapsed"),
    "setting": ("hospital", "observation", "near_facility", "none_stated"),
    "anchor": ("administration", "infusion_start", "infusion_end"),
    "when": ("if_reaction", "unless_reaction"),
    "occurrence": ("any", "first", "recurrent"),
    "wording": ("may", "should"),
    "before": ("first_dose", "every_dose"),
    "effect": ("block", "warn"),
    "approval": ("regular", "accelerated", "conditional"),
}


def _check_words(row: Row, path: str, strengths: set[str]) -> None:
    """Step names resolve, words are known, numbers are positive."""
    for item in fields(row):
        value = getattr(row, item.name)
        place = f"{path}.{item.name}"
        if item.name in ALLOWED and value is not None and value not in ALLOWED[item.name]:
            raise ProtocolDataError("unknown_word", f"The value is one of: {', '.join(ALLOWED[item.name])}.", place)
        known = (*STEPS, NEXT) if isinstance(row, GapRow) else STEPS
        if item.name == "step" and value is not None and value not in known:
            raise ProtocolDataError("unknown_step", f"There is no step {value!r}.", place)
        if item.name in ("last", "steps", "doses_of") and any(step not in STEPS for step in value):
            raise ProtocolDataError("unknown_step", "One of these steps does not exist.", place)
        if item.name == "prior_classes" and not set(value or ()) <= set(DRUG_CLASSES):
            raise ProtocolDataError("unknown_word", f"The classes are: {', '.join(DRUG_CLASSES)}.", place)
        if item.name == "strength" and value is not None and value not in strengths:
            raise ProtocolDataError("unknown_strength", f"There is no strength {value!r}.", place)
        if isinstance(value, Decimal) and value <= 0:
            raise ProtocolDataError("wrong_value", "An amount is greater than zero.", place)
        if isinstance(value, int) and not isinstance(value, bool) and value < 0:
            raise ProtocolDataError("wrong_value", "A number of days, hours or minutes is not negative.", place)
    if isinstance(row, RemsRow):
        _check_rems(row, path)
    if isinstance(row, GapRow) and row.action.gives and row.step is None:
        raise ProtocolDataError("missing_key", "A row that lets a dose go ahead names its step.", f"{path}.step")
    if isinstance(row, StepRow) and (row.mg is None) == (row.mg_per_kg is None):
        raise ProtocolDataError("wrong_value", "A step has either mg or mg_per_kg.", path)


def _check_rems(row: RemsRow, path: str) -> None:
    """An end is confirmed by somebody on a day, and comes after the beginning."""
    if (row.confirmed_by is None) != (row.confirmed_on is None):
        raise ProtocolDataError("missing_key", "A confirmation has a person and a day.", f"{path}.confirmed_by")
    if row.in_force_to is None:
        return
    if row.confirmed_by is None:
        raise ProtocolDataError("missing_key", "An end of a REMS has who confirmed it.", f"{path}.confirmed_by")
    if row.in_force_from is not None and row.in_force_to < row.in_force_from:
        raise ProtocolDataError("wrong_value", "The REMS ends before it begins.", f"{path}.in_force_to")


def _gap_tables(read: _Document) -> dict[tuple[str, str], tuple[GapRow, ...]]:
    """One total table for every (last step, schedule).

    Raises:
        ProtocolDataError: a hole or an overlap, with step, schedule and day.
    """
    tables: dict[tuple[str, str], tuple[GapRow, ...]] = {}
    for schedule in read.product.schedules:
        steps = [row.step for row in read.step if not row.schedules or schedule in row.schedules]
        for step, following in zip(steps, [*steps[1:], *steps[-1:]], strict=True):
            rows = sorted(
                (
                    replace(row, step=following) if row.step == NEXT else row
                    for row in read.gap
                    if step in row.last and (not row.schedules or schedule in row.schedules)
                ),
                key=lambda row: row.from_day,
            )
            day: int | None = 0
            for row in rows:
                where = f"gap.{row.id}"
                if day is None or row.from_day < day:
                    raise ProtocolDataError(
                        "overlap", f"After {step}, {schedule}: two rows for day {row.from_day}.", where
                    )
                if row.from_day > day:
                    raise ProtocolDataError("hole", f"After {step}, {schedule}: no row for day {day}.", where)
                if row.to_day is not None and row.to_day < row.from_day:
                    raise ProtocolDataError("wrong_value", "The last day comes before the first.", where)
                day = None if row.to_day is None else row.to_day + 1
            if day is not None:
                raise ProtocolDataError("hole", f"After {step}, {schedule}: no row for day {day} and later.", "gap")
            tables[step, schedule] = tuple(rows)
    return tables


_beside: list[Path] = []
"""Folders of the installation with label files of its own."""


def read_beside(folder: Path) -> None:
    """From now on the label files of this folder are read beside the shipped ones: a new revision needs no new release.

    Raises:
        ProtocolDataError: no such folder, a file that cannot be used, or a name that two files share; nothing of it is read then.
    """
    if not folder.is_dir():
        raise ProtocolDataError("unreadable", f"There is no folder {folder} of labels.")
    if folder in _beside:
        return
    _beside.append(folder)
    forget()
    try:
        names = [name for each in catalogue() for name in (each.key, *each.product.aliases)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ProtocolDataError("duplicate_id", f"Two label files are called {', '.join(twice)}.")
    except ProtocolDataError:
        _beside.remove(folder)
        forget()
        raise


def forget() -> None:
    """The files are read again when somebody asks for them next."""
    catalogue.cache_clear()
    _named.cache_clear()


@cache
def catalogue() -> tuple[Protocol, ...]:
    """Every protocol that is shipped or that the installation has beside those, by key."""
    files = [file for folder in (FOLDER, *_beside) for file in sorted(folder.glob("*.toml"))]
    return tuple(sorted(map(_of_file, files), key=lambda p: p.key))


def _of_file(file: Path) -> Protocol:
    try:
        return load_text(file.read_bytes())
    except ProtocolDataError as error:
        raise ProtocolDataError(error.code, f"{file.name}: {error.message}", error.path) from error


@cache
def _named(key: str) -> Protocol | None:
    return next((p for p in catalogue() if key == p.key or key in p.product.aliases), None)


def load(key: str, product: str | None = None, jurisdiction: str | None = None) -> Protocol:
    """The protocol of that key or alias.

    Raises:
        UnusableInput: no such protocol, or it is for another product or jurisdiction.
    """
    found = _named(key)
    if found is None:
        raise UnusableInput("unknown_protocol", f"There is no protocol {key!r}.", "protocol_key")
    if product is not None and found.product.product != product.lower():
        raise UnusableInput("other_product", f"{key} is not a protocol for {product}.", "protocol_key")
    if jurisdiction is not None and found.product.jurisdiction != jurisdiction.upper():
        raise UnusableInput("other_jurisdiction", f"{key} is not a protocol for {jurisdiction}.", "protocol_key")
    return found


def newest_active(product: str, jurisdiction: str) -> Protocol:
    """The newest active revision of a product's first regimen.

    Raises:
        UnusableInput: unknown product, none for this jurisdiction, or several regimens of which none is a monotherapy.
    """
    of_product = [p for p in catalogue() if p.product.product == product.lower()]
    if not of_product:
        raise UnusableInput("unknown_product", f"There is no product {product!r}.", "product")
    fitting = [p for p in of_product if p.product.jurisdiction == jurisdiction.upper() and p.product.active]
    if not fitting:
        raise UnusableInput(
            "unknown_jurisdiction", f"There is no active protocol of {product} for {jurisdiction}.", "jurisdiction"
        )
    regimens = {p.product.regimen for p in fitting}
    if len(regimens) > 1 and "mono" not in regimens:
        words = f"{product} is given in several ways: name one of {', '.join(p.key for p in fitting)}."
        raise UnusableInput("several_regimens", words, "protocol_key")
    newest = max(p.product.revision for p in fitting)
    return next(p for p in sorted(fitting, key=lambda p: p.product.regimen != "mono") if p.product.revision == newest)
