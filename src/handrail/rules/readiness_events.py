"""What a person confirms before a dose that no other fact of the course says, and what the patient had before the course."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

Item = Literal[
    "emergency_department",
    "language_channel",
    "maintenance_site",
    "prophylaxis_waived",
    "rescue_tocilizumab",
]
ITEM_WORDS: Final = {
    "emergency_department": "emergency department told, and it accepts",
    "language_channel": "the channel in the patient's language tested",
    "maintenance_site": "where maintenance will be given agreed",
    "prophylaxis_waived": "tocilizumab before the dose waived",
    "rescue_tocilizumab": "rescue doses of tocilizumab in stock",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessConfirmed:
    """One thing before a dose, confirmed or not. `evidence`: a paper, a place, who said so; `valid_until`: its last day."""

    item: Item | None = None
    confirmed: bool | None = None
    evidence: str | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTreatmentNoted:
    """What the patient had before this course, as an indication asks it: how many lines, which classes, and whether the last one failed."""

    lines: int | None = None
    proteasome_inhibitor: bool | None = None
    immunomodulatory_agent: bool | None = None
    anti_cd38_antibody: bool | None = None
    progressed_on_last: bool | None = None


READINESS: Final[dict[str, type[Any]]] = {
    "readiness_confirmed": ReadinessConfirmed,
    "earlier_treatment_noted": EarlierTreatmentNoted,
}
"""The payload of each such kind."""
