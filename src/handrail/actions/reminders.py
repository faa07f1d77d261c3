"""Messages to people at home when a check does not come: the patient is reminded, then the caregivers are told.

The times are those of the overdue clock of the policy; what leaves is only that a check is due, and a link. Written in the transaction
that assesses the course, once for each check that is due; nobody answers for it, and the overdue clock runs on whatever becomes of it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import OperationalError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from handrail.actions.truth import number_to_call
from handrail.alerts import phone
from handrail.alerts.dispatches import tell_at_home
from handrail.alerts.lines import may_be_texted
from handrail.alerts.models import Dispatch
from handrail.alerts.places import checkin_link
from handrail.people.models import Contact, LinkToken
from handrail.records.models import Course
from handrail.rules.answer import Assessment
from handrail.rules.link_limits import link_limits

log = logging.getLogger(__name__)

LINK_LASTS: Final = timedelta(hours=link_limits().home.text_lasts_hours)
_REMIND: Final = ("reminded", "called", "paged", "welfare")
_CALL: Final = ("called", "paged", "welfare")


def follow_overdue(course: Course, answer: Assessment, now: datetime) -> None:
    """Remind the patient and tell the caregivers, as far as the overdue clock has come. The caller holds the course.

    Whatever is wrong here holds up no assessment and no page: it is logged, and the overdue clock runs on.
    """
    try:
        if answer.watch.overdue_stage in _REMIND and phone.provider() is not None:
            with transaction.atomic():
                _follow(course, answer, now)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 (a reminder that fails must not put the assessment aside)
        log.error("course %s: nobody at home could be reminded (%s)", course.pk, type(error).__name__)


def _follow(course: Course, answer: Assessment, now: datetime) -> None:
    watch = answer.watch
    if watch.next_check_due is None:
        return
    due = watch.next_check_due.isoformat()
    patient = course.patient
    if may_be_texted(course.organisation_id, patient.phone):
        _tell(course, f"reminder:{course.pk}:{due}:patient", "check_due", patient.language, now)
    if watch.overdue_stage not in _CALL:
        return
    for contact in course.patient.contacts.filter(is_caregiver=True).exclude(phone_hash=""):
        key = f"reminder:{course.pk}:{due}:{contact.pk}"
        if may_be_texted(course.organisation_id, contact.phone):
            _tell(course, key, "check_missing", contact.language, now, contact=contact)
        else:  # STOP ends text messages, and not the call
            _tell(course, f"{key}:call", "check_missing", contact.language, now, contact=contact, channel="voice")


def _tell(
    course: Course,
    key: str,
    kind: str,
    language: str,
    now: datetime,
    *,
    contact: Contact | None = None,
    channel: str = "sms",
) -> None:
    if Dispatch.objects.filter(organisation_id=course.organisation_id, idempotency_key=key).exists():
        return
    number = number_to_call(course, now)
    with translation.override(language[:2]):
        if channel == "voice":
            words = _(
                "This is Handrail. A check of the person you care for has not come. Look after them, and call the team."
            )
        elif kind == "check_due":
            words = _("Handrail: your check is due. %(link)s") % {"link": _link(course, "patient", now)}
        else:
            words = _(
                "Handrail: a check of the person you care for has not come. Look after them, and send it: %(link)s"
            ) % {"link": f"{_link(course, 'caregiver', now, contact)}?check"}
        if number:
            words += " " + _("Number of the team: %(number)s") % {"number": number}
    tell_at_home(
        course, kind, words, key=key, now=now, language=language, channel=channel, contact=contact, forget=True
    )


def _link(course: Course, holder: str, now: datetime, contact: Contact | None = None) -> str:
    """The address of a new link to the check-in; one of a caregiver ends with them."""
    _row, token = LinkToken.issue(
        organisation_id=course.organisation_id,
        purpose=LinkToken.Purpose.CHECKIN,
        course=course,
        holder=holder,
        contact=contact,
        issued_at=now,
        expires_at=now + LINK_LASTS,
    )
    return checkin_link(token)
