"""Premedication of every label: the agent, its amount and the minutes before the dose, with the minute on either side.

A line is one agent of one label. `1-3 h` in a label is 60 to 180 minutes; a label that names no longest lead has none here.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from handrail.rules.protocol import load
from handrail.rules.schedule import premedication_findings, premedication_for

# labels | steps | agent | mg (- : the label gives a range or none) | minutes before the dose
TABLE = """
TEC TEC-OLD TEC-COMBO TEC-EU | step_up_1 step_up_2 first_treatment | dexamethasone | 16 | 60-180
TEC TEC-OLD TEC-COMBO TEC-EU | step_up_1 step_up_2 first_treatment | diphenhydramine | 50 | 60-180
TEC TEC-OLD TEC-COMBO TEC-EU | step_up_1 step_up_2 first_treatment | acetaminophen | - | 60-180
TAL TAL-EU | step_up_1 step_up_2 step_up_3 | dexamethasone | 16 | 60-180
TAL TAL-EU | step_up_1 step_up_2 step_up_3 | diphenhydramine | 50 | 60-180
TAL TAL-EU | step_up_1 step_up_2 step_up_3 | acetaminophen | - | 60-180
TAL TAL-EU | first_treatment | dexamethasone | 16 | 60-180
TAL TAL-EU | first_treatment | diphenhydramine | 50 | 60-180
TAL TAL-EU | first_treatment | acetaminophen | - | 60-180
ELR ELR-OLD ELR-EU | step_up_1 step_up_2 first_treatment | acetaminophen | 650 | 60-60
ELR ELR-OLD ELR-EU | step_up_1 step_up_2 first_treatment | dexamethasone | 20 | 60-60
ELR ELR-OLD ELR-EU | step_up_1 step_up_2 first_treatment | diphenhydramine | 25 | 60-60
LIN LIN-EU | step_up_1 step_up_2 first_treatment | dexamethasone | 40 | 60-180
LIN LIN-EU | step_up_1 step_up_2 first_treatment treatment_2 | antihistamine | - | 30-60
LIN | step_up_1 step_up_2 first_treatment treatment_2 | acetaminophen | - | 30-60
LIN-EU | step_up_1 step_up_2 first_treatment treatment_2 | paracetamol | - | 30-60
EPC-DLBCL | step_up_1 step_up_2 first_treatment treatment_2 | dexamethasone | - | 30-120
EPC-DLBCL | step_up_1 step_up_2 first_treatment treatment_2 | antihistamine | - | 30-120
EPC-DLBCL | step_up_1 step_up_2 first_treatment treatment_2 | acetaminophen | - | 30-120
EPC-FL EPC-FL-R2 | step_up_1 step_up_2 step_up_3 first_treatment | dexamethasone | - | 30-120
EPC-FL EPC-FL-R2 | step_up_1 step_up_2 step_up_3 first_treatment | antihistamine | - | 30-120
EPC-FL EPC-FL-R2 | step_up_1 step_up_2 step_up_3 first_treatment | acetaminophen | - | 30-120
GLO | step_up_1 step_up_2 first_treatment treatment_2 | corticosteroid | - | 60-
GLO | step_up_1 step_up_2 first_treatment treatment_2 | analgesic | - | 30-
GLO | step_up_1 step_up_2 first_treatment treatment_2 | antihistamine | - | 30-
MOS | step_up_1 step_up_2 first_treatment treatment_2 | dexamethasone | - | 60-
MOS | step_up_1 step_up_2 first_treatment treatment_2 | diphenhydramine | - | 30-
MOS | step_up_1 step_up_2 first_treatment treatment_2 | acetaminophen | - | 30-
TAR | step_up_1 first_treatment treatment_2 | dexamethasone | 8 | 0-60
"""
LABELS = {
    "TEC": "teclistamab/US/2026-03/mono",
    "TEC-OLD": "teclistamab/US/2025-03/mono",
    "TEC-COMBO": "teclistamab/US/2026-03/combo",
    "TEC-EU": "teclistamab/EU/2022/mono",
    "TAL": "talquetamab/US/2023-08/mono",
    "TAL-EU": "talquetamab/EU/2025-09/mono",
    "ELR": "elranatamab/US/2025-07",
    "ELR-OLD": "elranatamab/US/2023-08",
    "ELR-EU": "elranatamab/EU/2024",
    "LIN": "linvoseltamab/US/2025-07",
    "LIN-EU": "linvoseltamab/EU/2025",
    "EPC-DLBCL": "epcoritamab/US/2024-07/dlbcl",
    "EPC-FL": "epcoritamab/US/2025-11/fl",
    "EPC-FL-R2": "epcoritamab/US/2025-11/fl-r2",
    "GLO": "glofitamab/US/2023-06",
    "MOS": "mosunetuzumab/US/2022-12/iv",
    "TAR": "tarlatamab/US/2025-11",
}
LINES = [
    (label, *(cell.strip() for cell in rest))
    for labels, *rest in (line.split("|") for line in TABLE.strip().splitlines())
    for label in labels.split()
]


@pytest.mark.parametrize(("label", "steps", "agent", "mg", "lead"), LINES)
def test_each_agent_on_time_and_in_its_amount(label: str, steps: str, agent: str, mg: str, lead: str):
    shortest, longest = (int(text) if text else None for text in lead.split("-"))
    amount = None if mg == "-" else Decimal(mg)

    def said(step: str, minutes: int | None, dose: Decimal | None = amount) -> list[str]:
        found = premedication_findings(
            load(LABELS[label]), step=step, agent=agent, dose_mg=dose, minutes_before=minutes
        )
        return [finding.what for finding in found]

    for step in steps.split():
        assert shortest is not None
        assert said(step, shortest) == []
        assert len(said(step, shortest - 1)) == 1
        if longest is not None:
            assert said(step, longest) == []
            assert len(said(step, longest + 1)) == 1
        else:
            assert said(step, 6000) == []
        if amount is not None:
            assert [len(said(step, None, amount + more)) for more in (-1, 0, 1)] == [1, 0, 1]
        else:
            assert said(step, None, Decimal(1)) == []


@pytest.mark.parametrize("label", ["LIN", "LIN-EU"])
@pytest.mark.parametrize(
    # CRS or an infusion reaction with the first treatment dose | dexamethasone before the second
    ("reacted", "dose", "mg"),
    [(True, "40 mg", Decimal(40)), (False, "10 mg", Decimal(10))],
)
def test_linvoseltamab_has_less_dexamethasone_before_the_second_full_dose_without_a_reaction(
    label: str, reacted: bool, dose: str, mg: Decimal
):
    protocol = load(LABELS[label])
    agents = premedication_for(protocol, step="treatment_2", crs_after_last=reacted, after_delay=False)
    (steroid,) = [item for item in agents if item.agent == "dexamethasone"]
    assert (steroid.dose, steroid.lead_min_minutes, steroid.lead_max_minutes) == (dose, 60, 180)
    for more, wrong in ((-1, 1), (0, 0), (1, 1)):
        found = premedication_findings(
            protocol, step="treatment_2", agent="dexamethasone", dose_mg=mg + more, minutes_before=None
        )
        assert len(found) == wrong


@pytest.mark.parametrize("label", ["LIN", "LIN-EU"])
def test_linvoseltamab_after_a_reaction_has_the_premedication_of_the_dose_before_at_its_times(label: str):
    protocol = load(LABELS[label])
    (again,) = [
        item
        for item in premedication_for(protocol, step="treatment", crs_after_last=True, after_delay=False)
        if item.row == "PM-LATER-REACTION"
    ]
    assert (again.lead_min_minutes, again.lead_max_minutes) == (30, 180)
