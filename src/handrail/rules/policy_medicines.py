"""What a site's policy says about medicines: tocilizumab for CRS, and what may hide a fever."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from handrail.rules.terms import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsChoice:
    """A REMS requirement that blocks at this site although the protocol only warns. A site may tighten, never loosen."""

    requirement: str
    effect: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class TocilizumabPolicy:
    """Treatment dose for CRS: mg/kg, cap in mg, hours between doses, doses per event."""

    mg_per_kg: Decimal
    cap_mg: Decimal
    min_hours_between: int
    most_doses_per_event: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingRow:
    """For how many hours after it was given a medicine may hide a fever; `also` are other names of the same kind."""

    id: str
    hours: int
    also: tuple[str, ...]
    source: tuple[str, ...]
    status: Status
