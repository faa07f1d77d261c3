"""Reactions of a synthetic course, told by their grade: CRS, ICANS, and the word that they are over."""

from __future__ import annotations

from typing import Any

from tests.support.courses import Told, instant

CRS = {
    0: {"tmax_c": "36.8"},
    1: {"tmax_c": "38.4"},
    2: {"tmax_c": "38.4", "hypotension": True},
    3: {"tmax_c": "38.4", "hypotension": True, "pressors": ["norepinephrine"]},
    4: {"tmax_c": "38.4", "o2": "cpap"},
}
ICE = {0: 10, 1: 8, 2: 4, 3: 1}


def crs(told: Told, at: str, grade: int, **changes: Any) -> None:
    """CRS inputs of exactly that grade, every fact known."""
    inputs: dict[str, Any] = {"fever_other": False, "masked": False, "premed_masking": False, "hypotension": False}
    inputs |= {"hypotension_other": False, "pressors": [], "o2": "none", "flow_l_per_min": "0", "hypoxia_other": False}
    told.tell("crs_assessed", at, **{**inputs, "died_of_crs": False, **CRS[grade], **changes})


def icans(told: Told, at: str, grade: int) -> None:
    """ICE score and ICANS inputs of that grade."""
    score = told.tell("ice_assessed", at, total_0_10=ICE.get(grade, 0))
    loc = "unarousable" if grade == 4 else "alert"
    normal = {"loc_other": False, "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
    told.tell("icans_assessed", at, ice_event=score, loc=loc, **normal)


def resolved(told: Told, toxicity: str, at: str) -> None:
    """Somebody confirms that it is over."""
    told.tell("toxicity_resolved", at, toxicity=toxicity, resolved_at=instant(at).isoformat(), confirmed_by="nurse-1")
