"""A referral as an invented practice types it, and the people who work on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from handrail import clock
from handrail.actions.actor import Actor, person
from handrail.actions.referral_intake import Draft, open_door, receive
from handrail.actions.referral_list import Case, case_for
from handrail.actions.referrals import Decision
from handrail.people.models import Referral, ReferralDoor
from handrail.people.scope import everything
from handrail.rules.referral import PRIOR, Intake
from tests.support.factories import House, World
from tests.support.mail import Mail, MailServer

CODE = "synthetic-hub"
EMAIL = "desk@practice.example"
RATIONALE = "Synthetic: relapse after four lines, no caregiver in the day, wishes to start soon."
MESSAGE = "Synthetic: we propose a bispecific antibody, started in hospital."
INTAKE = Intake(
    diagnosis="multiple myeloma",
    lines=4,
    classes={**dict.fromkeys(PRIOR, True), "car_t": False, "gprc5d": False, "bcma": False},
    refractory="triple_class",
    progressed=True,
    urgency="urgent",
    insurer="Synthetic Plan",
    caregiver=False,
    language="en",
    distance_minutes=70,
)
DECISION = Decision(option="bispecific", rationale=RATIONALE, message=MESSAGE, considerations=("caregiver",))


def draft(**fields: Any) -> Draft:
    """What the practice types; a name of `Intake` changes that."""
    inside = {name: fields.pop(name) for name in list(fields) if name in Intake.__dataclass_fields__}
    known: dict[str, Any] = {
        "practice": "Synthetic Practice",
        "referrer": "Synthetic Referrer",
        "referrer_phone": "+1 555 010 0700",
        "referrer_email": EMAIL,
        "given_name": "Synthia",
        "family_name": "Referred",
        "birth_date_text": "1951-02-03",
        "phone": "+1 555 010 0701",
        **fields,
    }
    return Draft(intake=replace(INTAKE, **inside), **known)


def door_of(house: House, code: str = CODE) -> ReferralDoor:
    """The public door of a house."""
    return open_door(house.id, code, by=person(house.director), site=house.site.pk, fax="555-0198")


def referred(house: House, **fields: Any) -> Referral:
    """A referral through the door of a house."""
    with everything():
        door = ReferralDoor.objects.filter(organisation=house.organisation).first()
    return receive((door or door_of(house)).code, draft(**fields), referral_id=uuid4())


def to_the_practice(server: MailServer) -> list[Mail]:
    """The mails to the practice; whoever reads what comes is paged by mail too."""
    return [each for each in server.arrived if each.to == (EMAIL,)]


def by(world: World, who: str = "nurse") -> Actor:
    """Somebody of the hub, as who acts."""
    return person(getattr(world.alice, who))


def case(world: World, referral: Referral, who: str = "director") -> Case:
    """A referral as somebody of the hub sees it now."""
    return case_for(getattr(world.alice, who), referral.pk, clock.now())


def open_clocks(found: Case) -> list[str]:
    """The clocks that run, by what each waits for."""
    return [each.row.kind for each in found.standing.clocks if each.state in ("open", "late")]
