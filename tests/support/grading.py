"""Cases for grading: a patient with nothing wrong, and what a test changes about them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from handrail.rules.grading import CrsInputs, Grade, IcansInputs, IceInputs, grade_crs, grade_icans

NORMAL: dict[str, Any] = {
    "tmax_c": "36.8",
    "fever_other": False,
    "episode_open": False,
    "masked": False,
    "premed_masking": False,
    "hypotension": False,
    "hypotension_other": False,
    "pressors": [],
    "o2": "none",
    "flow": "0",
    "hypoxia_other": False,
    "died_of_crs": False,
    "ice": 10,
    "loc": "alert",
    "loc_other": False,
    "seizure": "none",
    "motor": False,
    "edema": "none",
    "icp_signs": False,
    "ich": False,
}
"""What a vector leaves out."""

ICE_FULL = IceInputs(year=1, month=1, city=1, hospital=1, naming_0_3=3, command_0_1=1, writing_0_1=1, attention_0_1=1)

ICANS_NAMES = ("ice", "loc", "loc_other", "seizure", "motor", "edema", "icp_signs", "ich")
CRS_NAMES = tuple(name for name in NORMAL if name not in ICANS_NAMES)


def vectors() -> list[dict[str, Any]]:
    """The published cases, as they stand in the file."""
    path = Path(__file__).parent.parent / "spec" / "vectors" / "astct-2019.jsonl"
    return [json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").splitlines()]


def crs_case(**changes: Any) -> CrsInputs:
    """Inputs of a patient with nothing wrong but `changes`; None is not known."""
    facts = {name: changes.get(name, NORMAL[name]) for name in CRS_NAMES}
    flow, tmax_c, pressors = facts.pop("flow"), facts.pop("tmax_c"), facts.pop("pressors")
    return CrsInputs(
        tmax_c=None if tmax_c is None else Decimal(tmax_c),
        flow_l_per_min=None if flow is None else Decimal(flow),
        pressors=None if pressors is None else tuple(pressors),
        **facts,
    )


def icans_case(**changes: Any) -> IcansInputs:
    """Inputs of a patient with nothing wrong but `changes`; None is not known."""
    return IcansInputs(**{name: changes.get(name, NORMAL[name]) for name in ICANS_NAMES})


def crs(**changes: Any) -> Grade:
    """The CRS grade of a patient with nothing wrong but `changes`."""
    return grade_crs(crs_case(**changes))


def icans(**changes: Any) -> Grade:
    """The ICANS grade of a patient with nothing wrong but `changes`."""
    return grade_icans(icans_case(**changes))


def missing(answer: Grade) -> list[str]:
    """What the answer says it lacks."""
    return [item.missing for item in answer.cannot_say]
