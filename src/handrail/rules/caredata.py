"""Care data beside the labels: tocilizumab products, what their labels said and since when, vials, prophylaxis
with its checks, stock, billing units.

Rows carry source and status like the rows of a protocol; a row that nobody has verified is shown and never acted on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import Status

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols"
CARE_FORMAT: Final = "handrail-care/1"
BILLING_FORMAT: Final = "handrail-billing/1"
Form = Literal["iv", "sc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CareSource:
    """Where a row was read."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow:
    """One tocilizumab product and its forms."""

    id: str
    brand: str
    forms: tuple[Form, ...]
    source: tuple[str, ...]
    status: Status
    suffix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """What the label of a form said about CRS, from a day on."""

    id: str
    product: str
    form: Form
    since: date
    says: Literal["crs", "no_crs", "check"]
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class VialRow:
    """One vial for intravenous use."""

    id: str
    mg: Decimal
    ml: Decimal
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphylaxisRow:
    """One way of giving tocilizumab before step-up. Hours before the dose, days after which a restart asks again."""

    id: str
    before_step: str
    hours_before_min: int
    hours_before_max: int
    mg_per_kg: Decimal
    cap_mg: Decimal
    infusion_minutes: int
    ask_again_after_days: int
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """What is looked at before tocilizumab is given to prevent CRS. It is shown, and never holds back treatment.

    `below` and `above_upper_limit_times` are the label's limits for arthritis and vasculitis, `below` in `unit` (UCUM).
    """

    id: str
    words: str
    source: tuple[str, ...]
    status: Status
    analyte: str | None = None
    below: Decimal | None = None
    unit: str | None = None
    above_upper_limit_times: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRow:
    """What tocilizumab changes once it was given."""

    id: str
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """Treatment doses that lie ready for each patient, and within how many hours."""

    id: str
    doses_per_patient: int
    within_hours: int
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """The tocilizumab file."""

    format: str
    product: tuple[ProductRow, ...]
    label: tuple[LabelRow, ...]
    vial: tuple[VialRow, ...]
    prophylaxis: tuple[ProphylaxisRow, ...]
    check: tuple[CheckRow, ...] = ()
    after: tuple[AfterRow, ...] = ()
    stock: tuple[StockRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """One billing code: milligrams in a unit, from a day on."""

    id: str
    agent: str
    code: str
    mg: Decimal
    since: date
    source: tuple[str, ...]
    status: Status
    words: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotThisRow:
    """A code that a public page gives wrongly."""

    code: str
    agent: str
    words: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A code of a diagnosis or a procedure, from a day on; `toxicity` and `grade` where it says one (no grade: unspecified)."""

    id: str
    code: str
    words: str
    since: date
    source: tuple[str, ...]
    status: Status
    until: date | None = None
    toxicity: Literal["crs", "icans"] | None = None
    grade: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """The billing file."""

    format: str
    unit: tuple[UnitRow, ...]
    not_this: tuple[NotThisRow, ...]
    diagnosis: tuple[CodeRow, ...] = ()
    procedure: tuple[CodeRow, ...] = ()


class _Sourced(Protocol):
    @property
    def source(self) -> tuple[str, ...]: ...


File = TypeVar("File")


@cache
def tocilizumab() -> Care:
    """The shipped care data of tocilizumab."""
    return care_from_toml((FOLDER / "care" / "tocilizumab.toml").read_text(encoding="utf-8"))


@cache
def _tocilizumab_names() -> frozenset[str]:
    products = tocilizumab().product
    return frozenset({"tocilizumab", *(row.id for row in products), *(row.brand.lower() for row in products)})


def is_tocilizumab(agent: str | None) -> bool:
    """Whether a medicine, as somebody wrote it, is tocilizumab: by its name (with or without a suffix) or by a brand.

    A dose that is written "Actemra 400 mg IV" counts for the gap and the number as well as one of "tocilizumab".
    """
    return not _tocilizumab_names().isdisjoint(re.findall(r"[a-z]+", (agent or "").lower()))


def is_prevention(agent: str | None, purpose: str | None) -> bool:
    """Whether a medicine was tocilizumab given to prevent a reaction: neither premedication nor treatment. One definition for the gate,
    for how often it was meant and given, and for the programme's figures."""
    return purpose == "prophylaxis" and is_tocilizumab(agent)


def care_sources(name: str) -> dict[str, CareSource]:
    """The sources of a shipped file of the care data, by their keys."""
    text = (FOLDER / "care" / f"{name}.toml").read_text(encoding="utf-8")
    return read_tables(CareSource, tomllib.loads(text)["sources"], "sources")


@cache
def billing() -> Billing:
    """The shipped billing units."""
    return billing_from_toml((FOLDER / "codes" / "billing.toml").read_text(encoding="utf-8"))


def care_from_toml(text: str) -> Care:
    """Care data from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a label of a product or form that is not listed, two rows of one
            day, hours or vials that make no sense.
    """
    care = read_care(Care, text, CARE_FORMAT)
    forms = {row.id: row.forms for row in care.product}
    days = [(row.product, row.form, row.since) for row in care.label]
    for row in care.label:
        if row.form not in forms.get(row.product, ()):
            raise ProtocolDataError("unknown_product", "There is no such product and form.", f"label.{row.id}")
    if len(set(days)) != len(days):
        raise ProtocolDataError("overlap", "Two rows of one product and form begin on one day.", "label")
    for way in care.prophylaxis:
        if not 0 < way.hours_before_min <= way.hours_before_max or way.mg_per_kg <= 0 or way.cap_mg <= 0:
            raise ProtocolDataError("bad_number", "The hours or the amount make no sense.", f"prophylaxis.{way.id}")
    for check in care.check:
        limits = [limit for limit in (check.below, check.above_upper_limit_times) if limit is not None]
        if any(limit <= 0 for limit in limits) or (check.below is None) != (check.unit is None):
            raise ProtocolDataError("bad_number", "A limit is a number with its unit.", f"check.{check.id}")
        if (check.analyte is None) != (not limits):
            raise ProtocolDataError("bad_number", "A limit belongs to an analyte.", f"check.{check.id}.analyte")
    for stock in care.stock:
        if stock.doses_per_patient <= 0 or stock.within_hours <= 0:
            raise ProtocolDataError("bad_number", "Doses that lie ready are some.", f"stock.{stock.id}")
    for vial in care.vial:
        if vial.mg <= 0 or vial.ml <= 0:
            raise ProtocolDataError("bad_number", "A vial holds something.", f"vial.{vial.id}")
    return care


def billing_from_toml(text: str) -> Billing:
    """Billing units from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a unit that is nothing, one code for two agents.
    """
    found = read_care(Billing, text, BILLING_FORMAT)
    agents: dict[str, str] = {}
    for row in found.unit:
        if row.mg <= 0:
            raise ProtocolDataError("bad_number", "A unit holds something.", f"unit.{row.id}.mg")
        if row.until is not None and row.until < row.since:
            raise ProtocolDataError("bad_number", "The row ends before it begins.", f"unit.{row.id}.until")
        if agents.setdefault(row.code, row.agent) != row.agent:
            raise ProtocolDataError("duplicate_id", "One code stands for two medicines.", f"unit.{row.id}.code")
    for name, rows in (("diagnosis", found.diagnosis), ("procedure", found.procedure)):
        _check_ids([each.id for each in rows])
        for each in rows:
            if each.until is not None and each.until < each.since:
                raise ProtocolDataError("bad_number", "The row ends before it begins.", f"{name}.{each.id}.until")
    return found


def read_care(cls: type[File], text: str, wanted: str) -> File:
    """A file of care data: every row names known sources, and no two rows of a table share an id.

    Raises:
        ProtocolDataError: an unknown key, another format, a missing source, one id twice.
    """
    document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    sources: Mapping[str, CareSource] = read_tables(CareSource, document.pop("sources", None), "sources")
    found = read_table(cls, document, "")
    if document.get("format") != wanted:
        raise ProtocolDataError("unknown_format", f"The format is {wanted!r}.", "format")
    tables = [getattr(found, name) for name in document if name != "format"]
    rows: Iterable[_Sourced] = (row for table in tables for row in (table if isinstance(table, tuple) else (table,)))
    for row in rows:
        if not row.source or any(key not in sources for key in row.source):
            raise ProtocolDataError("missing_source", "The row names no known source.", type(row).__name__)
    for table in tables:
        if isinstance(table, tuple):
            _check_ids([row.id for row in table if hasattr(row, "id")])
    return found


def _check_ids(ids: list[str]) -> None:
    for one in ids:
        if ids.count(one) > 1:
            raise ProtocolDataError("duplicate_id", f"Two rows are called {one!r}.", one)
