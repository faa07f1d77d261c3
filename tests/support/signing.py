"""A protocol signed by a synthetic pharmacist and a synthetic medical lead, through the verbs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from handrail.actions.actor import Actor, person
from handrail.actions.facts import record_event
from handrail.actions.signing import decide_rows, open_set, sign
from handrail.actions.signing_state import state_of
from handrail.people.models import Membership, User
from handrail.people.scope import everything
from handrail.records.models import Course, ProtocolSignature, SigningSet
from handrail.rules.answer import NextDose
from handrail.rules.protocol import load
from handrail.rules.terms import Status
from tests.support.factories import MONDAY_0900, House, event, make_member

CITATION = "Synthetic prescribing information, section 2.1, read 2026-03-01"


def pharmacist_of(house: House) -> User:
    """The pharmacist of a house, made when there is none."""
    with everything():
        member = Membership.objects.filter(organisation=house.organisation, role="pharmacist").first()
        return member.user if member else make_member(house.organisation, "pharmacist", "Synthetic Pharmacist")


def rows_of(key: str, status: Status) -> list[str]:
    return [row.id for row in load(key).rows() if row.status is status]


def decided_set(house: House, key: str, *, confirm: Iterable[str] = (), now: datetime = MONDAY_0900) -> SigningSet:
    """A set in which every row is decided: the secondary ones and `confirm` are confirmed, the other unverified ones left."""
    by = person(pharmacist_of(house))
    opened = open_set(house.organisation.pk, key, by=by, now=now)
    confirmed = [*rows_of(key, Status.SECONDARY), *confirm]
    left = [row for row in rows_of(key, Status.UNVERIFIED) if row not in set(confirm)]
    if confirmed:
        decide_rows(opened.pk, confirmed, citation=CITATION, by=by, now=now)
    if left:
        decide_rows(opened.pk, left, citation=None, by=by, now=now)
    return opened


def both_sign(house: House, signing_set: SigningSet, *, now: datetime = MONDAY_0900) -> ProtocolSignature:
    """Pharmacist, then oncologist."""
    with everything():
        digest = state_of(signing_set).digest
    sign(signing_set.pk, part="pharmacist", digest=digest, by=person(pharmacist_of(house)), now=now)
    state = sign(signing_set.pk, part="medical_lead", digest=digest, by=person(house.oncologist), now=now)
    assert state.signature is not None
    return state.signature


def signed(house: House, key: str, *, confirm: Iterable[str] = (), now: datetime = MONDAY_0900) -> ProtocolSignature:
    """What a house signed."""
    return both_sign(house, decided_set(house, key, confirm=confirm, now=now), now=now)


def is_well(course: Course, by: Actor, at: datetime) -> NextDose:
    """Weight, temperature, CRS, ICE, ICANS and infection are known and normal; the next dose after that."""
    known: dict[str, dict[str, Any]] = {
        "crs_assessed": {
            "tmax_c": "36.7",
            "fever_other": False,
            "episode_open": False,
            "masked": False,
            "premed_masking": False,
            "hypotension": False,
            "hypotension_other": False,
            "pressors": [],
            "o2": "none",
            "flow_l_per_min": "0",
            "hypoxia_other": False,
            "died_of_crs": False,
        },
        "icans_assessed": {
            "loc": "alert",
            "loc_other": False,
            "seizure": "none",
            "motor": False,
            "edema": "none",
            "icp_signs": False,
            "ich": False,
        },
        "condition_noted": {"what": "infection", "active": False},
        "vitals_measured": {"temperature_c": "36.7"},
        "weight_measured": {"weight_kg": "70"},
    }
    score = event("ice_assessed", at=at, total_0_10=10)
    record_event(course.pk, score, by=by, now=at)
    known["icans_assessed"]["ice_event"] = score["id"]
    for kind, fields in known.items():
        last = record_event(course.pk, event(kind, at=at, **fields), by=by, now=at)
    assert last.assessment is not None
    return last.assessment.next_dose
