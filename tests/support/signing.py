"""A protocol signed by a synthetic pharmacist and a synthetic medical lead, through the verbs."""

from collections.abc import Iterable
from datetime import datetime

from handrail.actions.actor import person
from handrail.actions.signing import decide_rows, open_set, sign
from handrail.actions.signing_state import state_of
from handrail.people.models import Membership, User
from handrail.people.scope import everything
from handrail.records.models import ProtocolSignature, SigningSet
from handrail.rules.protocol import load
from handrail.rules.terms import Status
from tests.support.factories import MONDAY_0900, House, make_member

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
