"""Reports after two step-up doses of teclistamab, and what triage said of them."""

from __future__ import annotations

from typing import Any

from handrail.rules.answer import Assessment
from tests.support.courses import Told, well

DOSE_1, DOSE_2 = "2026-03-02 09:00", "2026-03-05 09:00"
LATER = "2026-03-06 15:00"
"""30 h after step-up dose 2."""


def stepping_up(anc: str | None = "2.1", unit: str | None = "10*9/L") -> Told:
    """Two step-up doses of teclistamab, everything normal before each; the neutrophil count if it is known."""
    told = Told()
    well(told, "2026-03-02 08:00")
    told.dose("step_up_1", DOSE_1)
    well(told, "2026-03-05 08:00")
    if anc is not None:
        told.tell("lab_resulted", "2026-03-05 08:00", code="anc", value=anc, unit=unit)
    told.dose("step_up_2", DOSE_2)
    return told


def said(answer: Assessment) -> tuple[str | None, str]:
    """Ladder and disposition."""
    ladder = answer.triage.ladder
    return ladder.value if ladder else None, answer.triage.disposition.value


def reported(told: Told, at: str = LATER, *, kind: str = "vitals_measured", **fields: Any) -> Assessment:
    """The answer at the minute of a report."""
    told.tell(kind, at, **fields)
    return told.assess(at)


RED_1, RED_2 = ("RED-1", "ed_now"), ("RED-2", "ed_now")
RED_3, RED_4 = ("RED-3", "call_and_come_in"), ("RED-4", "call_and_come_in")
RED_3_ED, RED_4_ED = ("RED-3", "ed_now"), ("RED-4", "ed_now")
AMBER, GREEN, NOTHING = ("AMBER", "clinician_call"), ("GREEN", "recheck"), (None, "none")


def graded(told: Told, at: str, **changes: Any) -> None:
    """A clinician's CRS inputs and an ICE score of 10."""
    inputs = {"fever_other": False, "episode_open": False, "masked": False, "premed_masking": False}
    inputs |= {"hypotension": False, "hypotension_other": False, "pressors": [], "o2": "none", "flow_l_per_min": "0"}
    told.tell("crs_assessed", at, **{**inputs, "hypoxia_other": False, "died_of_crs": False, **changes})
    told.tell("ice_assessed", at, total_0_10=10)
