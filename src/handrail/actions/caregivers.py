"""A caregiver's own way to the team: written down by name, given a link of their own, and known again when they raise an alarm.

The link is bound to the person on record. It opens the check-in and the alarm of one course and nothing else, lasts as long as a
patient's, and is taken back by itself: whoever loses it loses nothing of what they reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.links import CHECKIN_LINK_LASTS, IssuedLink
from handrail.actions.recording import locked
from handrail.alerts import phone
from handrail.alerts.dispatches import tell_at_home
from handrail.alerts.lines import may_be_texted
from handrail.alerts.models import Alert
from handrail.alerts.places import checkin_link
from handrail.people.models import Contact, LinkToken
from handrail.people.secrets import normal_phone
from handrail.records.models import Course, Event

MOST: Final = 12
"""So many caregivers of one patient are written down here."""
LEAST_DIGITS: Final = 7
LONGEST: Final = {"name": 120, "relationship": 60, "phone": 40}
SHOWN_ALARMS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Caregiver:
    """Who is written down: name, how they are related, the phone to call back, and the language that they read."""

    name: str
    relationship: str = ""
    phone: str = ""
    language: str = "en"

    def __repr__(self) -> str:
        return "Caregiver()"  # no name reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm as it came. `contact`: the caregiver whose own link it came by; None when the link named nobody."""

    event: Event
    contact: Contact | None


def add_caregiver(course_id: UUID, said: Caregiver, *, by: Actor, now: datetime | None = None) -> Contact:
    """Write down a caregiver of the patient of a course, the last in order; one who was ended before is one again.

    Raises:
        RefusedError: no name, no phone to call back, an unknown language, one that stands already, or too many.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        _refuse_unusable(said)
        standing = list(course.patient.contacts.all())
        number, name = normal_phone(said.phone), said.name.strip()
        same = next((each for each in standing if normal_phone(each.phone) == number and each.name == name), None)
        if same is not None and same.is_caregiver:
            raise RefusedError("This caregiver is written down already.", code="duplicate", path="name")
        if sum(each.is_caregiver for each in standing) >= MOST:
            raise RefusedError("So many caregivers cannot be written down.", code="too_many", path="name")
        if same is not None:
            same.is_caregiver, same.relationship, same.language = True, said.relationship.strip(), said.language
            same.save(update_fields=["is_caregiver", "relationship", "language"])
            return same
        return Contact.objects.create(
            organisation_id=course.organisation_id,
            patient=course.patient,
            name=name,
            relationship=said.relationship.strip(),
            phone=said.phone.strip(),
            language=said.language,
            order=max((each.order for each in standing), default=0) + 1,
        )


def end_caregiver(course_id: UUID, contact_id: UUID, *, by: Actor, now: datetime | None = None) -> Contact:
    """Somebody cares for the patient no more, or was written down wrongly: no new message goes to them, and their links end now.

    What they reported keeps their name. Whoever was written down wrongly is ended and written down anew.

    Raises:
        NotVisibleError: the patient of this course has no such caregiver.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("revoke_link", course, now)
        contact = course.patient.contacts.filter(pk=contact_id, is_caregiver=True).first()
        if contact is None:
            raise NotVisibleError("There is no such caregiver.")
        contact.is_caregiver = False
        contact.save(update_fields=["is_caregiver"])
        contact.links.filter(revoked_at__isnull=True).update(revoked_at=now)
        return contact


def _refuse_unusable(said: Caregiver) -> None:
    if not said.name.strip():
        raise RefusedError("Write the name of the caregiver.", code="missing_key", path="name")
    for field, most in LONGEST.items():
        if len(getattr(said, field)) > most or "\x00" in getattr(said, field):
            raise RefusedError("This is too long, or holds a sign that cannot be stored.", code="too_long", path=field)
    if sum(sign.isdigit() for sign in said.phone) < LEAST_DIGITS:
        raise RefusedError(
            "Write the phone on which the caregiver is called back, with its digits.", code="not_a_phone", path="phone"
        )
    if said.language not in {code for code, _name in settings.LANGUAGES}:
        raise RefusedError("There is no page in this language.", code="unknown_word", path="language")


def give_link(
    course_id: UUID,
    contact_id: UUID,
    *,
    by: Actor,
    lasts: timedelta = CHECKIN_LINK_LASTS,
    text_it: bool = False,
    now: datetime | None = None,
) -> IssuedLink:
    """Give a caregiver on record a link of their own; one that they had before goes on until it is taken back.

    Args:
        contact_id: a caregiver of the patient of this course.
        text_it: send it as a text message to the phone on record, besides.

    Raises:
        RefusedError: the course is over, the link would be over at once, or the phone may not be texted (`not_agreed`).
        NotVisibleError: the patient of this course has no such caregiver.
    """
    now = now or clock.now()
    if lasts <= timedelta():
        raise RefusedError("The link would be over before it begins.", code="not_a_time", path="lasts")
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        if course.ended_at is not None:
            raise RefusedError("This course is over: nobody watches its alarms.", code="course_over", path="course")
        contact = course.patient.contacts.filter(pk=contact_id, is_caregiver=True).first()
        if contact is None:
            raise NotVisibleError("There is no such caregiver.")
        if text_it and not can_be_texted(course, contact):
            raise RefusedError(
                "This phone cannot be texted: its owner has not agreed, or wrote STOP. Show the link instead.",
                code="not_agreed",
                path="phone",
            )
        link, token = LinkToken.issue(
            organisation_id=course.organisation_id,
            purpose=LinkToken.Purpose.CHECKIN,
            course=course,
            holder="caregiver",
            contact=contact,
            issued_by=by.user,
            issued_at=now,
            expires_at=now + lasts,
        )
        if text_it:
            _text(course, contact, link, token, now)
    return IssuedLink(link, token)


def can_be_texted(course: Course, contact: Contact) -> bool:
    """Whether a link may go to the caregiver's phone: the installation sends texts, and the owner of the number agreed."""
    return phone.provider() is not None and may_be_texted(course.organisation_id, contact.phone)


def _text(course: Course, contact: Contact, link: LinkToken, token: str, now: datetime) -> None:
    with translation.override(contact.language[:2]):
        words = _("Handrail: your own page to reach the team and to raise an alarm. %(link)s") % {
            "link": checkin_link(token)
        }
    key = f"caregiver_link:{link.pk}"
    tell_at_home(
        course, "caregiver_link", words, key=key, now=now, language=contact.language, contact=contact, forget=True
    )


def links_of(course: Course, now: datetime) -> dict[UUID, list[LinkToken]]:
    """The caregivers' own links of a course that open something at `now`, by contact, the newest first."""
    links = course.links.filter(contact__isnull=False, revoked_at__isnull=True, expires_at__gt=now)
    found: dict[UUID, list[LinkToken]] = {}
    for link in links.order_by("-issued_at", "id"):
        assert link.contact_id is not None
        found.setdefault(link.contact_id, []).append(link)
    return found


def alarms_behind(alert: Alert) -> list[Alarm]:
    """The alarms from home that an alert is about: the one that opened it and what came while it stood, the newest first."""
    course = alert.course
    if course is None:
        return []
    events = course.events.filter(kind="checkin_received", payload__alarm=True, recorded_at__gte=alert.opened_at)
    if alert.closed_at is not None:
        events = events.filter(recorded_at__lte=alert.closed_at)
    return named(course, events.order_by("-recorded_at", "-id")[:SHOWN_ALARMS])


def named(course: Course, events: Iterable[Event]) -> list[Alarm]:
    """Reports with the caregiver who made each, as far as the record names one."""
    people = {str(each.pk): each for each in course.patient.contacts.all()}
    return [Alarm(event=event, contact=people.get(event.on_behalf_of)) for event in events]
