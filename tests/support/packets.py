"""Courses for the packet: one with something in every part that can be told, and one of which nothing is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from handrail.actions.facts import record_event
from tests.support.factories import MONDAY_0900, World, dose, event

GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = MONDAY_0900 + timedelta(days=9)


def tell(world: World, fact: dict[str, Any], now: datetime = NOW) -> None:
    """Record a fact as Alice's oncologist."""
    record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=now)


def told(world: World) -> None:
    """Step-up of teclistamab with a CRS of grade 1, tocilizumab, laboratory, prophylaxis, a vaccine and a planned stay."""
    days = timedelta(days=1)
    for fact in (
        event("weight_measured", at=GIVEN, weight_kg="72.5"),
        event("condition_noted", at=GIVEN, what="multiple myeloma", active=True),
        event("condition_noted", at=GIVEN, what="neuropathy", grade=1, active=False),
        event("home_status", at=GIVEN, location="home", travel_min_typical=35, travel_min_night=50, caregiver_count=1),
        event("medicine_given", at=GIVEN, agent="dexamethasone", dose_mg="16", route="oral", purpose="premedication"),
        dose("step_up_1", mg="4.5", at=GIVEN + timedelta(hours=1)),
        event(
            "crs_assessed",
            at=GIVEN + timedelta(hours=20),
            clinician_grade=1,
            tmax_c="38.6",
            hypotension=False,
            o2="none",
            hypotension_other=False,
            hypoxia_other=False,
            fever_other=False,
            episode_open=True,
        ),
        event(
            "medicine_given", at=GIVEN + timedelta(hours=21), agent="tocilizumab", dose_mg="580", purpose="treatment"
        ),
        event(
            "toxicity_resolved",
            at=GIVEN + timedelta(hours=44),
            toxicity="crs",
            resolved_at=(GIVEN + timedelta(hours=44)).isoformat(),
        ),
        dose("step_up_2", mg="20", at=GIVEN + 4 * days),
        event("medicine_given", at=GIVEN + 4 * days, agent="aciclovir", dose_mg="400", purpose="prophylaxis"),
        event("lab_resulted", at=GIVEN + 2 * days, code="anc", value="1.9", unit="10*9/L", low="1.5", high="7.5"),
        event("lab_resulted", at=GIVEN + 5 * days, code="anc", value="1.2", unit="10*9/L", low="1.5", high="7.5"),
        event("lab_resulted", at=GIVEN + 5 * days, code="igg", value="3.1", unit="g/L"),
        event("lab_resulted", at=GIVEN + 5 * days, code="hbsag", result="negative"),
        event("vitals_measured", at=GIVEN + 5 * days, temperature_c="36.7", systolic_mmhg=128, spo2_percent=97),
        event("response_assessed", at=GIVEN + 5 * days, response="PR", criteria="IMWG"),
        event("vaccine_noted", at=GIVEN + 5 * days, vaccine="influenza", live=False, given=True, on="2026-02-01"),
        event("authorisation_set", at=GIVEN, subject="teclistamab", number="A-1", status="approved"),
    ):
        tell(world, fact)
