"""Which grade is it? CRS, ICE and ICANS by a published scale (`astct-2019`).

A grade is a definition: the worst finding of each kind, once CRS has begun with fever. What is not known stays not
known: every combination of the missing facts is tried, and the answer is a grade only when all of them agree.
Otherwise the answer is `grade=None` with the lowest grade that is certain, whether the toxicity is suspected, and
which missing facts could change it. The numbers stand in `protocols/scales/`.

    grade_crs(CrsInputs(tmax_c=Decimal("38.4"), fever_other=False, ...)) -> Grade
    grade_icans(IcansInputs(ice=8, loc="alert", ...)) -> Grade
    ice_score(IceInputs(year=1, month=1, ...)) -> IceScore
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from handrail.rules.events import CrsAssessed, IcansAssessed, IceAssessed
from handrail.rules.grading_crs import grade_crs
from handrail.rules.grading_icans import grade_icans, ice_score
from handrail.rules.grading_terms import CrsInputs, Flag, Grade, IcansInputs, IceInputs, IceScore

__all__ = [
    "CrsInputs",
    "Flag",
    "Grade",
    "IcansInputs",
    "IceInputs",
    "IceScore",
    "crs_inputs",
    "grade_crs",
    "grade_icans",
    "icans_inputs",
    "ice_inputs",
    "ice_score",
]


_ICE_FIELDS = tuple(f.name for f in fields(IceInputs))
_ICANS_FIELDS = tuple(f.name for f in fields(IcansInputs) if f.name != "ice")


def crs_inputs(event: CrsAssessed) -> CrsInputs:
    """The inputs a clinician recorded."""
    return CrsInputs(**{f.name: getattr(event, f.name) for f in fields(CrsInputs)})


@lru_cache(maxsize=4096)
def ice_inputs(event: IceAssessed) -> IceInputs:
    """The items an observer recorded."""
    return IceInputs(**{name: getattr(event, name) for name in _ICE_FIELDS})


@lru_cache(maxsize=4096)
def icans_inputs(event: IcansAssessed, ice: int | None) -> IcansInputs:
    """The inputs a clinician recorded, with the total of the ICE score they rest on.

    Raises:
        UnusableInput: a word of the event that the scale does not know.
    """
    return IcansInputs(ice=ice, **{name: getattr(event, name) for name in _ICANS_FIELDS})
