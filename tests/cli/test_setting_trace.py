"""Needs of the founding documents that the setting answers, each through the command: `handrail setting --lines`."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.cli.test_setting import line, one
from tests.support.settings import NEVER, at, changed, unremarkable

NOVEMBER = date(2026, 11, 16)
ALL_YEAR = list(range(1, 13))
LEAVES_ON_DAY_6 = [{"who": "daughter", "from_at": at(1, 8), "until_at": at(6, 9)}]


def answer(first: date | None = None, **changes: Any) -> dict[str, Any]:
    body = line(**changes)
    if first is not None:
        body |= {"at": at(0, 10, first), "in": changed(unremarkable(first), **changes)}
    return one(body)


def test_t04_without_a_caregiver_the_uncovered_hours_are_named():
    found = answer(caregivers=LEAVES_ON_DAY_6)
    assert found["recommendation"] == "INPATIENT"
    assert [each["rule"] for each in found["inpatient_reasons"]] == ["IP-1"]
    assert (
        "nobody is there: Sat 11 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT (111 h)"
        in found["inpatient_reasons"][0]["because"]
    )


@pytest.mark.parametrize("caregivers", [[], LEAVES_ON_DAY_6], ids=["nobody", "V2"])
def test_t07_without_a_caregiver_there_is_a_plan_in_hospital_and_no_rejection(caregivers):
    found = answer(caregivers=caregivers)
    assert found["recommendation"] == "INPATIENT"
    assert [(dose["step"], dose["place"]) for dose in found["plan"]] == [
        ("step_up_1", "inpatient"),
        ("step_up_2", "inpatient"),
        ("first_treatment", "inpatient"),
    ]
    assert found["scheduling"]["allowed"]


def test_t22_a_satellite_that_gives_maintenance_refuses_a_step_up():
    found = answer(site__level="1", other_sites=[{"name": "Hub", "level": "H", "level_paper": {"held": True, "no_end": True}, "worst_minutes": 40}])  # fmt: skip
    assert not found["scheduling"]["allowed"]
    assert found["scheduling"]["nearest"] == [{"name": "Hub", "level": "H", "worst_minutes": 40}]
    dose = {"doses": [{"step": "treatment", "at": at(1)}], "step": "treatment"}
    last = {"given": True, "step": "treatment", "on": "2026-06-29", "schedule": "weekly"}
    assert answer(site__level="1", last_dose=last, **dose)["scheduling"]["allowed"]


def test_t24_half_an_hour_is_near_in_july_and_far_in_november():
    way = {"worst": [{"months": [6, 7], "minutes": 28}, {"months": [11], "minutes": 75}]}
    assert answer(travel=way)["recommendation"] == "OUTPATIENT"
    winter = answer(NOVEMBER, travel=way)
    assert winter["recommendation"] == "INPATIENT"
    assert "75 min in November" in winter["inpatient_reasons"][0]["because"]
    lodging = {"accepted": True, "from_at": at(1, 8, NOVEMBER), "until_at": at(12, 8, NOVEMBER), "worst_minutes": 8}
    assert answer(NOVEMBER, travel=way, lodging=lodging)["recommendation"] == "OUTPATIENT"


def test_t25_a_strict_site_offers_no_outpatient_dose_and_elsewhere_a_departure_is_signed():
    assert answer(site__follows_label_strictly=True)["recommendation"] == "INPATIENT"
    unsigned = answer(departure__paper=NEVER)
    assert (unsigned["recommendation"], unsigned["would_be"]) == (None, "OUTPATIENT")
    signed = answer()
    assert signed["recommendation"] == "OUTPATIENT"
    assert "because the programme watches at home; signed by the medical lead" in signed["conflicts"][0]["because"]


def test_t45_a_far_site_is_a_consideration_and_no_ban():
    far = answer(travel={"worst": [{"months": ALL_YEAR, "minutes": 60}]})
    assert (far["recommendation"], far["points"]) == ("OUTPATIENT", 1)
    assert far["considerations"][0]["rule"] == "C-TRAVEL"


def test_t60_comorbidity_counts_and_age_alone_decides_nothing():
    frail = answer(
        age_years=79, ecog=2, marrow_plasma_percent="60", ldh_times_upper_limit="2", creatinine_clearance_ml_min="40"
    )
    assert (frail["recommendation"], frail["points"]) == ("INPATIENT", 7)
    each = {row["rule"]: row["points"] for row in frail["considerations"]}
    assert each == {"C-AGE": 1, "C-ECOG": 2, "C-BURDEN": 2, "C-BLOOD": 1, "C-KIDNEY": 1}
    assert answer(age_years=90)["recommendation"] == "OUTPATIENT"


def test_t60_burden_alone_is_outpatient_and_with_the_way_hybrid():
    """Case V7 of the programme; removing the row `C-TRAVEL` of the considerations makes it fail."""
    burden = answer(ecog=1, marrow_plasma_percent="55", tocilizumab_planned=True)
    assert (burden["recommendation"], burden["points"]) == ("OUTPATIENT", 2)
    way = answer(marrow_plasma_percent="55", travel={"worst": [{"months": ALL_YEAR, "minutes": 45}]})
    assert (way["recommendation"], way["points"]) == ("HYBRID", 3)
    assert {row["rule"]: row["points"] for row in way["considerations"]} == {"C-BURDEN": 2, "C-TRAVEL": 1}


def test_t85_the_risk_is_explained_rule_by_rule():
    found = answer(marrow_plasma_percent="55", tocilizumab_planned=False)
    assert [
        (each["rule"], each["points"], bool(each["because"] and each["source"])) for each in found["considerations"]
    ] == [
        ("C-BURDEN", 2, True),
        ("C-TOCI", 2, True),
    ]
    assert found["recommendation"] == "HYBRID"
