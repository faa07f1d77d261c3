"""Every weight band of every label by its two ends, and every flat dose: milligrams, millilitres and vials as printed.

The bands are not verified: what is looked up here is what a pharmacist reads beside `ask`, never an order.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from handrail.rules.amount import amount_for, check_given
from handrail.rules.protocol import load
from tests.spec.test_label_premedication import LABELS

# kg, both included | mg / mL / vials for 0.06, 0.3 (vials of 10 mg/mL) and 1.5 mg/kg (vials of 90 mg/mL)
TECLISTAMAB = """
35-39 | 2.2 / 0.22 / 1 | 11 / 1.1 / 1 | 56 / 0.62 / 1
40-44 | 2.5 / 0.25 / 1 | 13 / 1.3 / 1 | 63 / 0.70 / 1
45-49 | 2.8 / 0.28 / 1 | 14 / 1.4 / 1 | 70 / 0.78 / 1
50-59 | 3.3 / 0.33 / 1 | 16 / 1.6 / 1 | 82 / 0.91 / 1
60-69 | 3.9 / 0.39 / 1 | 20 / 2.0 / 1 | 99 / 1.1 / 1
70-79 | 4.5 / 0.45 / 1 | 22 / 2.2 / 1 | 108 / 1.2 / 1
80-89 | 5.1 / 0.51 / 1 | 25 / 2.5 / 1 | 126 / 1.4 / 1
90-99 | 5.7 / 0.57 / 1 | 28 / 2.8 / 1 | 144 / 1.6 / 1
100-109 | 6.3 / 0.63 / 1 | 31 / 3.1 / 2 | 153 / 1.7 / 1
110-119 | 6.9 / 0.69 / 1 | 34 / 3.4 / 2 | 171 / 1.9 / 2
120-129 | 7.5 / 0.75 / 1 | 37 / 3.7 / 2 | 189 / 2.1 / 2
130-139 | 8.1 / 0.81 / 1 | 40 / 4.0 / 2 | 198 / 2.2 / 2
140-149 | 8.7 / 0.87 / 1 | 43 / 4.3 / 2 | 216 / 2.4 / 2
150-160 | 9.3 / 0.93 / 1 | 47 / 4.7 / 2 | 234 / 2.6 / 2
"""

# kg, both included | mg / mL / vials for 0.01, 0.06 (vials of 2 mg/mL), 0.4 and 0.8 mg/kg (vials of 40 mg/mL)
TALQUETAMAB = """
35-39 | 0.38 / 0.19 / 1 | 2.2 / 1.1 / 1 | 14.8 / 0.37 / 1 | 29.6 / 0.74 / 1
40-45 | 0.42 / 0.21 / 1 | 2.6 / 1.3 / 1 | 16 / 0.40 / 1 | 34 / 0.85 / 1
46-55 | 0.5 / 0.25 / 1 | 3 / 1.5 / 1 | 20 / 0.5 / 1 | 40 / 1.0 / 1
56-65 | 0.6 / 0.3 / 1 | 3.6 / 1.8 / 2 | 24 / 0.6 / 1 | 48 / 1.2 / 2
66-75 | 0.7 / 0.35 / 1 | 4.2 / 2.1 / 2 | 28 / 0.7 / 1 | 56 / 1.4 / 2
76-85 | 0.8 / 0.4 / 1 | 4.8 / 2.4 / 2 | 32 / 0.8 / 1 | 64 / 1.6 / 2
86-95 | 0.9 / 0.45 / 1 | 5.4 / 2.7 / 2 | 36 / 0.9 / 1 | 72 / 1.8 / 2
96-105 | 1.0 / 0.5 / 1 | 6 / 3.0 / 2 | 40 / 1.0 / 1 | 80 / 2.0 / 2
106-115 | 1.1 / 0.55 / 1 | 6.6 / 3.3 / 3 | 44 / 1.1 / 2 | 88 / 2.2 / 3
116-125 | 1.2 / 0.6 / 1 | 7.2 / 3.6 / 3 | 48 / 1.2 / 2 | 96 / 2.4 / 3
126-135 | 1.3 / 0.65 / 1 | 7.8 / 3.9 / 3 | 52 / 1.3 / 2 | 104 / 2.6 / 3
136-145 | 1.4 / 0.7 / 1 | 8.4 / 4.2 / 3 | 56 / 1.4 / 2 | 112 / 2.8 / 3
146-155 | 1.5 / 0.75 / 1 | 9 / 4.5 / 3 | 60 / 1.5 / 2 | 120 / 3.0 / 3
156-160 | 1.6 / 0.8 / 1 | 9.6 / 4.8 / 4 | 64 / 1.6 / 2 | 128 / 3.2 / 4
"""
STEPS = {
    # label: the step and schedule of each column
    "TEC": [("step_up_1", "weekly"), ("step_up_2", "weekly"), ("treatment", "weekly")],
    "TEC-OLD": [("step_up_1", "weekly"), ("step_up_2", "weekly"), ("first_treatment", "weekly")],
    "TEC-COMBO": [("step_up_1", "weekly"), ("step_up_2", "weekly"), ("treatment", "weekly")],
    "TAL": [("step_up_1", "weekly"), ("step_up_2", "weekly"), ("treatment", "weekly"), ("treatment", "every_2_weeks")],
    "TAL-EU": [
        ("step_up_1", "every_2_weeks"),
        ("step_up_2", "every_2_weeks"),
        ("step_up_3", "every_2_weeks"),
        ("first_treatment", "every_2_weeks"),
    ],
}


@pytest.mark.parametrize("label", STEPS)
def test_every_band_from_its_first_to_its_last_kilogram(label: str):
    table = TECLISTAMAB if label.startswith("TEC") else TALQUETAMAB
    for line in table.strip().splitlines():
        kilograms, *cells = (cell.strip() for cell in line.split("|"))
        for (step, schedule), cell in zip(STEPS[label], cells, strict=True):
            mg, ml, vials = cell.split(" / ")
            for weight in kilograms.split("-"):
                found = amount_for(
                    load(LABELS[label]), step=step, schedule=schedule, weight_kg=Decimal(weight)
                ).would_be
                assert found is not None
                assert (found.mg, found.ml, found.vials) == (Decimal(mg), Decimal(ml), int(vials)), (kilograms, step)
                assert found.basis.startswith(f"weight band {kilograms} kg")


# labels | step by step: mg, mL where a volume is printed
FLAT = """
ELR ELR-OLD ELR-EU | step_up_1 12 0.3, step_up_2 32 0.8, first_treatment 76 1.9, treatment 76 1.9
LIN LIN-EU | step_up_1 5, step_up_2 25, first_treatment 200, treatment_2 200, treatment 200
EPC-DLBCL | step_up_1 0.16, step_up_2 0.8, first_treatment 48, treatment_2 48, treatment 48
EPC-FL EPC-FL-R2 | step_up_1 0.16, step_up_2 0.8, step_up_3 3, first_treatment 48, treatment 48
GLO | pretreatment 1000, step_up_1 2.5, step_up_2 10, first_treatment 30, treatment_2 30, treatment 30
MOS | step_up_1 1, step_up_2 2, first_treatment 60, treatment_2 60, treatment 30
MOS-SC | step_up_1 5, first_treatment 45, treatment_2 45, treatment 45
TAR | step_up_1 1, first_treatment 10, treatment_2 10, treatment_3 10, treatment_4 10, treatment_5 10
TAR | treatment_6 10, treatment_7 10, treatment_8 10, treatment 10
"""
DOSES = [
    (label, *dose.split())
    for labels, doses in (line.split(" | ") for line in FLAT.strip().splitlines())
    for label in labels.split()
    for dose in doses.split(", ")
]


@pytest.mark.parametrize("dose", DOSES, ids=" ".join)
def test_every_flat_dose(dose: tuple[str, ...]):
    label, step, mg, *ml = dose
    protocol = load({**LABELS, "MOS-SC": "mosunetuzumab/US/2025-12/sc"}[label])
    answer = amount_for(protocol, step=step, schedule=protocol.schedules[0], weight_kg=None)
    amount = answer.amount or answer.would_be
    assert amount is not None and amount.mg == Decimal(mg)
    assert amount.ml == (Decimal(ml[0]) if ml else None)


@pytest.mark.parametrize(
    # label | schedule | step | mg/kg of the label | what is not it
    ("label", "schedule", "step", "per_kg", "other"),
    [
        ("TEC", "weekly", "step_up_1", "0.06", "0.3"),
        ("TEC", "weekly", "step_up_2", "0.3", "0.06"),
        ("TEC", "weekly", "first_treatment", "1.5", "3"),
        ("TEC", "every_2_weeks", "treatment", "1.5", "3"),
        ("TEC-OLD", "every_2_weeks", "treatment", "1.5", "3"),
        ("TEC-COMBO", "weekly", "treatment", "1.5", "3"),
        ("TEC-COMBO", "every_2_weeks", "treatment", "3", "1.5"),
        ("TEC-COMBO", "every_4_weeks", "treatment", "3", "1.5"),
        ("TEC-EU", "weekly", "step_up_1", "0.06", "0.3"),
        ("TEC-EU", "weekly", "step_up_2", "0.3", "1.5"),
        ("TEC-EU", "weekly", "first_treatment", "1.5", "3"),
        ("TEC-EU", "every_2_weeks", "treatment", "1.5", "3"),
        ("TAL", "weekly", "step_up_1", "0.01", "0.06"),
        ("TAL", "weekly", "step_up_2", "0.06", "0.01"),
        ("TAL", "weekly", "first_treatment", "0.4", "0.8"),
        ("TAL", "weekly", "treatment", "0.4", "0.8"),
        ("TAL", "every_2_weeks", "step_up_3", "0.4", "0.8"),
        ("TAL", "every_2_weeks", "first_treatment", "0.8", "0.4"),
        ("TAL", "every_2_weeks", "treatment", "0.8", "0.4"),
        ("TAL-EU", "weekly", "first_treatment", "0.4", "0.8"),
        ("TAL-EU", "weekly", "treatment", "0.4", "0.8"),
        ("TAL-EU", "every_2_weeks", "treatment", "0.8", "0.4"),
    ],
)
def test_a_dose_by_weight_is_the_one_of_its_step(label: str, schedule: str, step: str, per_kg: str, other: str):
    def said(given: str) -> str | None:
        return check_given(
            load(LABELS[label]),
            step=step,
            schedule=schedule,
            dose_mg=None,
            dose_mg_per_kg=Decimal(given),
            weight_kg=None,
        )

    assert said(per_kg) is None
    assert said(other) is not None
