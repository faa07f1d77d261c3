"""The REMS programmes as data: which covers which product, who must show what, since when and until when; and the desk's own numbers.

A programme, a product or a requirement is switched off by its last day in the data, with the name of whoever confirmed that.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import Status

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "rems"
FORMAT: Final = "handrail-rems/1"
DESK_FORMAT: Final = "handrail-rems-desk/1"
Participant = Literal["prescriber", "dispenser", "setting", "representative", "patient"]
PaperKind = Literal["prescriber", "setting", "dispenser", "representative", "deputy", "training"]
Per = Literal["programme", "product"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsSource:
    """Where a row was read."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A row with its source, and the days from and until which it is in force, both included; None: no such day is known."""

    source: tuple[str, ...]
    status: Status
    in_force_from: date | None = None
    in_force_to: date | None = None
    confirmed_by: str | None = None
    confirmed_on: date | None = None
    note: str | None = None

    def in_force(self, day: date) -> bool:
        """Whether it is asked for on that day."""
        begun = self.in_force_from is None or self.in_force_from <= day
        return begun and not self.ended(day)

    def ended(self, day: date) -> bool:
        """Whether its last day is over."""
        return self.in_force_to is not None and day > self.in_force_to


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredRow(Dated):
    """A product that the programme covers."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow(Dated):
    """One requirement. `paper`: the kind of record that shows it; `per`: whether one record counts for every product of the programme."""

    id: str
    participant: Participant
    words: str
    frequency: Literal["once", "every_dose", "always"]
    evidence: str
    effect: Literal["block", "warn"]
    owner: str
    paper: PaperKind | None = None
    per: Per = "programme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """One REMS. Its own last day switches all of it off."""

    format: str
    id: str
    name: str
    jurisdiction: str
    version: str
    product: tuple[CoveredRow, ...]
    requirement: tuple[RequirementRow, ...]
    in_force_to: date | None = None
    confirmed_by: str | None = None
    confirmed_on: date | None = None

    def asked(self, product: str, day: date) -> tuple[RequirementRow, ...]:
        """What is asked for a product on a day; nothing after an end, or before the beginning."""
        covered = next((row for row in self.product if row.id == product), None)
        whole = self.in_force_to is None or day <= self.in_force_to
        if covered is None or not whole or not covered.in_force(day):
            return ()
        return tuple(row for row in self.requirement if row.in_force(day))

    def no_more(self, requirement: str, day: date) -> bool:
        """Whether a requirement was asked for once, and its last day is over."""
        return any(row.id == requirement and row.ended(day) for row in self.requirement)

    def ended(self, product: str, day: date) -> tuple[date, str, date] | None:
        """When all of it ended for a product before that day, who confirmed that and when; None: it has not."""
        ends: list[Programme | CoveredRow] = [self, *(row for row in self.product if row.id == product)]
        for each in ends:
            if each.in_force_to is not None and day > each.in_force_to:
                assert each.confirmed_by is not None and each.confirmed_on is not None  # the loader saw to it
                return each.in_force_to, each.confirmed_by, each.confirmed_on
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRow:
    """Days before the end of a paper at which the desk speaks, the nearest first."""

    warn_days: tuple[int, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """When a code is late (minutes after the dose was recorded), and how many days ahead and back doses are looked at."""

    late_after_minutes: int
    planned_days_ahead: int
    missed_days_back: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """From which grade a reaction is reported, within how many working days, and how many hours before the end somebody is paged."""

    working_days: int
    crs_grade_from: int
    icans_grade_from: int
    page_hours_before: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """Whom a report pages that is due soon or late, and the minutes left to say "I have it"."""

    id: str
    about: Literal["soon", "late"]
    who: Literal["site_manager", "director"]
    wait_minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRow:
    """One task before the first dose of a product at a site. `days`: how long it usually takes."""

    id: str
    words: str
    owner: str
    per: Per
    days: int
    source: tuple[str, ...]
    status: Status
    paper: PaperKind | None = None
    materials: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """The numbers of the desk, whom it pages, and the tasks of a new product."""

    format: str
    id: str
    version: str
    expiry: ExpiryRow
    code: CodeRow
    report: ReportRow
    page: tuple[PageRow, ...]
    setup: tuple[SetupRow, ...]


@cache
def programmes() -> tuple[Programme, ...]:
    """The shipped programmes, by name of file."""
    found = tuple(programme_from_toml(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*_*.toml")))
    named = [(each.jurisdiction, row.id) for each in found for row in each.product]
    if len(set(named)) != len(named):
        raise ProtocolDataError("overlap", "Two programmes of one country cover a product.", "product")
    return found


def programme_for(product: str, jurisdiction: str, known: Iterable[Programme] | None = None) -> Programme | None:
    """The programme that covers a product in a country; None: none is on file."""
    for each in programmes() if known is None else known:
        if each.jurisdiction == jurisdiction and any(row.id == product for row in each.product):
            return each
    return None


def programme_name(programme: str) -> str:
    """What a programme is called; its id where none on file has it."""
    return next((each.name for each in programmes() if each.id == programme), programme)


@cache
def desk_rules() -> DeskRules:
    """The shipped numbers of the desk."""
    return desk_from_toml((FOLDER / "desk.toml").read_text(encoding="utf-8"))


def programme_from_toml(text: str) -> Programme:
    """A programme from its text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, an id twice, a last day that nobody confirmed, days in the wrong order.
    """
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(RemsSource, document.pop("sources", None), "sources")
    found = read_table(Programme, document, "")
    if found.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'A REMS starts with format = "{FORMAT}".', "format")
    places: list[tuple[str, CoveredRow | RequirementRow]] = [(f"product.{row.id}", row) for row in found.product]
    places += [(f"requirement.{row.id}", row) for row in found.requirement]
    _no_row_twice([place for place, _ in places])
    for place, row in places:
        _sourced(row.source, sources, place)
        if row.in_force_from is not None and row.in_force_to is not None and row.in_force_to < row.in_force_from:
            raise ProtocolDataError("wrong_order", "It ends before it begins.", f"{place}.in_force_to")
        _confirmed(row, place)
    _confirmed(found, "programme")
    if not found.product or not found.requirement:
        raise ProtocolDataError("missing_key", "A programme covers a product and asks for something.", "product")
    return found


def desk_from_toml(text: str) -> DeskRules:
    """The numbers of the desk from their text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a row twice, a number that makes no sense, a late report that pages nobody.
    """
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(RemsSource, document.pop("sources", None), "sources")
    found = read_table(DeskRules, document, "")
    if found.format != DESK_FORMAT:
        raise ProtocolDataError("unknown_format", f'The REMS desk starts with format = "{DESK_FORMAT}".', "format")
    _no_row_twice([row.id for row in found.setup])
    _no_row_twice([row.id for row in found.page])
    for place, row in (("expiry", found.expiry), ("code", found.code), ("report", found.report)):
        _sourced(row.source, sources, place)
    for task in found.setup:
        _sourced(task.source, sources, f"setup.{task.id}")
    for step in found.page:
        _sourced(step.source, sources, f"page.{step.id}")
    for about in ("soon", "late"):
        if not any(row.about == about for row in found.page):
            raise ProtocolDataError("quiet_ladder", "Somebody is paged about it.", f"page.{about}")
    numbers = {
        "expiry.warn_days": found.expiry.warn_days,
        "code": (found.code.late_after_minutes, found.code.planned_days_ahead, found.code.missed_days_back),
        "report": (
            found.report.working_days,
            found.report.crs_grade_from,
            found.report.icans_grade_from,
            found.report.page_hours_before,
        ),
        "page": tuple(row.wait_minutes for row in found.page),
        "setup": tuple(row.days for row in found.setup),
    }
    for place, values in numbers.items():
        if not values or min(values) <= 0:
            raise ProtocolDataError("bad_number", "These are numbers above nothing.", place)
    if list(found.expiry.warn_days) != sorted(set(found.expiry.warn_days)):
        raise ProtocolDataError("wrong_order", "The nearest day comes first.", "expiry.warn_days")
    return found


def _no_row_twice(places: list[str]) -> None:
    for place in places:
        if places.count(place) > 1:
            raise ProtocolDataError("duplicate_id", "Two rows have one name.", place)


def _sourced(source: tuple[str, ...], sources: dict[str, RemsSource], place: str) -> None:
    if not source or set(source) - set(sources):
        raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{place}.source")


def _confirmed(row: Programme | Dated, place: str) -> None:
    """What ended says who confirmed that: a requirement is never dropped by a slip of the pen."""
    if row.in_force_to is not None and (row.confirmed_by is None or row.confirmed_on is None):
        raise ProtocolDataError(
            "missing_key", "An end says who confirmed it, and on which day.", f"{place}.in_force_to"
        )
