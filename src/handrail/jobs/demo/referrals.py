"""The demonstration's referrals: one that has just come, and one urgent one that nobody has reached for too long. All invented."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from handrail.actions import referrals
from handrail.actions.actor import person
from handrail.actions.referral_intake import Draft, open_door, type_in
from handrail.jobs.demo.people import House
from handrail.rules.referral import Intake

DOOR: Final = "hub"
WAITS_DAYS: Final = 6
"""Long enough to be red whatever the weekday."""
_NEW: Final = Draft(
    practice="Riverside Oncology (synthetic)",
    referrer="Dr. Ines, synthetic",
    referrer_phone="555-0160",
    given_name="Ada",
    family_name="Invented",
    birth_date_text="1955-06-07",
    phone="555-0161",
    intake=Intake(
        diagnosis="multiple myeloma",
        lines=2,
        classes={
            "proteasome_inhibitor": True,
            "immunomodulatory_agent": True,
            "anti_cd38_antibody": True,
            "car_t": False,
        },
        refractory="two_classes",
        progressed=True,
        urgency="routine",
        insurer="Plan A (synthetic)",
        language="Spanish",
        distance_minutes=50,
    ),
)
_URGENT: Final = Draft(
    practice="Meadow Family Practice (synthetic)",
    referrer_phone="555-0170",
    given_name="Bruno",
    family_name="Invented",
    phone="555-0171",
    intake=Intake(
        diagnosis="multiple myeloma",
        lines=5,
        classes={
            "proteasome_inhibitor": True,
            "immunomodulatory_agent": True,
            "anti_cd38_antibody": True,
            "bcma": False,
            "gprc5d": False,
        },
        refractory="triple_class",
        progressed=True,
        caregiver=False,
        urgency="urgent",
    ),
)


def make_referrals(houses: Mapping[str, House], now: datetime) -> None:
    """Open the hub's public address, and let two referrals come by fax."""
    hub = houses["hub"]
    house, nurse = hub.organisation, person(hub.people["nurse"])
    open_door(house.pk, DOOR, by=person(hub.people["director"]), site=hub.site.pk, fax="555-0108", now=now)
    came = now - timedelta(days=WAITS_DAYS)
    urgent = type_in(house.pk, _URGENT, by=nurse, referral_id=uuid4(), received_at=came, now=came)
    referrals.claim(urgent.pk, by=nurse, now=came + timedelta(hours=1))
    referrals.acknowledge(urgent.pk, "fax", by=nurse, now=came + timedelta(hours=1))
    referrals.note_contact(urgent.pk, by=nurse, reached=False, now=came + timedelta(hours=2))
    type_in(house.pk, _NEW, by=nurse, referral_id=uuid4(), received_at=now - timedelta(hours=1), now=now)
