"""The patient's side of a medicine at home: what the phone shows after a fever, and "I have taken it"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from handrail import clock
from handrail.actions.actor import through_link
from handrail.actions.errors import NotVisibleError
from handrail.actions.recording import Recorded, record
from handrail.people.models import LinkToken
from handrail.people.scope import acting_for
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.answer import HomeMedicine
from handrail.rules.history import History
from handrail.rules.home_events import HomeMedicineAuthorised
from handrail.rules.home_medicines import FOR_FEVER, to_take
from handrail.rules.policy import Policy
from handrail.rules.terms import Disposition

VERB: Final = "report_home_medicine"
AUTHORISED: Final = "home_medicine_authorised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What the patient is told to take. `authorisation` is the event that allows it."""

    authorisation: str
    words: str
    taken: str


def instructions_after(
    history: History, policy: Policy, event: Event, disposition: Disposition, now: datetime
) -> tuple[Instruction, ...]:
    """The authorised medicines after a report of fever; none of which any condition is not known or not met."""
    chosen = to_take(history, policy, wire.to_fact(event), disposition, now)
    return tuple(_instruction(each, each.dose_mg) for each in chosen if each.dose_mg is not None)


def _instruction(chosen: HomeMedicine, dose_mg: Decimal) -> Instruction:
    """One medicine: at a fever, or only where the patient reaches nobody, as the prescriber has authorised it."""
    named = {"medicine": chosen.medicine or "", "dose": format(dose_mg.normalize(), "f")}
    words = (
        _("Take %(medicine)s %(dose)s mg now, as your team agreed with you. Then call. Then come in.")
        if chosen.trigger in FOR_FEVER
        else _(
            "Call first. Only if you can reach no clinician: take %(medicine)s %(dose)s mg, as your team agreed with you. "
            "Go on calling, and come in."
        )
    )
    return Instruction(
        authorisation=chosen.authorisation,
        words=words % named,
        taken=_("I have taken %(medicine)s %(dose)s mg") % named,
    )


def take_at_home(link: LinkToken, authorisation: UUID, *, now: datetime | None = None) -> Recorded:
    """Write down that the patient took what the phone had told; a second press is the first answer again.

    It was told while it was authorised: what was taken is written down also when the authorisation was ended or corrected meanwhile.

    Raises:
        NotVisibleError: this course never had such a medicine. NotAllowedError: the link is not for that.
    """
    now = now or clock.now()
    with acting_for(link.organisation_id):
        course = Course.objects.filter(pk=link.course_id).first() if link.course_id else None
        if course is None:
            raise NotVisibleError("There is no such course.")
        history, _ = wire.history_of(course, now)
        told = (each for each in history.recorded if each.kind == AUTHORISED and each.id == str(authorisation))
        chosen = next(told, None)
        if chosen is None:
            raise NotVisibleError("There is no such medicine.")
        event_id = _event_id(history, authorisation)
        former = Event.objects.filter(organisation_id=course.organisation_id, id=event_id).first()
    medicine: HomeMedicineAuthorised = chosen.body
    data = {
        "id": str(event_id),
        "kind": "medicine_given",
        "at": (former.occurred_at if former else now).isoformat(),
        "agent": medicine.medicine,
        "dose_mg": None if medicine.dose_mg is None else format(medicine.dose_mg, "f"),
        "route": medicine.route,
        "purpose": "home",
    }
    body = {name: value for name, value in data.items() if value is not None}
    return record(course.pk, body, by=through_link(link), verbs=(VERB,), now=now)


def _event_id(history: History, authorisation: UUID) -> UUID:
    """The id under which it is written down that it was taken: another one once somebody said that it was not taken after all."""
    found = uuid5(authorisation, "taken")
    while (back := _taken_back(history, found)) is not None:
        found = uuid5(authorisation, f"taken after {back}")
    return found


def _taken_back(history: History, event_id: UUID) -> str | None:
    """The withdrawal with which a fact and its corrections ended; None: it stands, or was never written down."""
    last, heads = {str(event_id)}, []
    while last:
        later = [each for each in history.recorded if each.supersedes in last]
        heads += [each for each in later if not any(other.supersedes == each.id for other in history.recorded)]
        last = {each.id for each in later}
    if heads and all(each.kind == "fact_withdrawn" for each in heads):
        return heads[-1].id
    return None
