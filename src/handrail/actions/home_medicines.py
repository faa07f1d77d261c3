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
from handrail.rules.home_medicines import FOR_FEVER, home_medicines, to_take
from handrail.rules.policy import Policy
from handrail.rules.terms import Disposition

VERB: Final = "report_home_medicine"


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
    """Write down that the patient took what was authorised; a second press is the first answer again.

    Raises:
        NotVisibleError: this course has no such medicine in force. NotAllowedError: the link is not for that.
    """
    now = now or clock.now()
    with acting_for(link.organisation_id):
        course = Course.objects.filter(pk=link.course_id).first() if link.course_id else None
        if course is None:
            raise NotVisibleError("There is no such course.")
        history, policy = wire.history_of(course, now)
        known = home_medicines(history, policy, now).medicines
        chosen = next((each for each in known if each.authorisation == str(authorisation)), None)
        event_id = uuid5(authorisation, "taken")
        former = Event.objects.filter(organisation_id=course.organisation_id, id=event_id).first()
    if chosen is None:
        raise NotVisibleError("There is no such medicine.")
    data = {
        "id": str(event_id),
        "kind": "medicine_given",
        "at": (former.occurred_at if former else now).isoformat(),
        "agent": chosen.medicine,
        "dose_mg": None if chosen.dose_mg is None else format(chosen.dose_mg, "f"),
        "route": chosen.route,
        "purpose": "home",
    }
    body = {name: value for name, value in data.items() if value is not None}
    return record(course.pk, body, by=through_link(link), verbs=(VERB,), now=now)
