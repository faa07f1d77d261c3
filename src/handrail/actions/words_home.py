"""The word of a ladder that nobody answers, handed to phones: by text message and by call, to the patient and to each caregiver."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from handrail.actions.checkins import said
from handrail.actions.truth import number_to_call
from handrail.alerts import phone
from handrail.alerts.dispatches import tell_at_home
from handrail.alerts.lines import has_stopped
from handrail.alerts.models import Notice
from handrail.records import wire
from handrail.rules.policy import Policy, load_policy
from handrail.rules.terms import Ladder, UnusableInput

STALE_AFTER: Final = timedelta(minutes=15)
"""Word that has waited so long is not sent: it may not be true any more, and a later round has written its own."""
_CARRIED: Final = timedelta(days=1)


def next_waiting(now: datetime) -> UUID | None:
    """The word that has waited for longest; None when none waits. Without a provider all of them go on waiting."""
    return _waiting(now).values_list("pk", flat=True).first() if phone.provider() is not None else None


def hand_over(notice_id: UUID, now: datetime) -> bool:
    """Hand one word that waits to the phones of whom it is for; False when somebody else does.

    One transaction and no claim: the keys of what is written let it be written once.
    """
    with transaction.atomic():
        notice = _waiting(now).filter(pk=notice_id).select_for_update(of=("self",), skip_locked=True).first()
        if notice is None:
            return False
        trouble = _trouble(notice, now)
        if trouble:
            notice.state, notice.why, notice.send_at = Notice.State.FAILED, trouble, None
        else:
            _write(notice, now)
            notice.send_at = now + _CARRIED  # the phones have it: what becomes of them decides
        notice.save()
    return True


def put_off(notice_id: UUID, until: datetime) -> None:
    """A word that could not be handed over is tried again later, and it alone."""
    Notice.objects.filter(pk=notice_id, state=Notice.State.WAITING).update(send_at=until)


def _waiting(now: datetime) -> QuerySet[Notice]:
    rows = Notice.objects.filter(send_at__lte=now, state=Notice.State.WAITING).exclude(to=Notice.To.ED)
    return rows.select_related("alert", "contact", "course__patient").order_by("send_at", "id")


def _trouble(notice: Notice, now: datetime) -> str:
    if notice.alert.acknowledged_at is not None or notice.alert.closed_at is not None:
        return "answered before it was sent"
    if now - notice.created_at > STALE_AFTER:
        return "too late to be true"
    return "" if _phone(notice) else "there is no phone number on record"


def _phone(notice: Notice) -> str:
    return notice.contact.phone if notice.contact is not None else notice.course.patient.phone


def _write(notice: Notice, now: datetime) -> None:
    """By text message and by call: whoever sleeps hears the one, whoever is away from the phone finds the other."""
    course, contact = notice.course, notice.contact
    language = contact.language if contact is not None else course.patient.language
    row = _policy(notice, now).ladders[Ladder(notice.alert.ladder)]
    number = number_to_call(course, now)
    with translation.override(language[:2]):
        told = said(row.nobody_words or row.patient_words)
        if contact is not None:
            told = _("For the person you care for: %(told)s") % {"told": told}
        words = f"Handrail: {told}"
        if number:
            words += " " + _("Number of the team: %(number)s") % {"number": number}
    ways = ["voice"] if has_stopped(course.organisation_id, _phone(notice)) else ["sms", "voice"]
    for channel in ways:
        key = f"notice:{notice.pk}:{channel}"
        tell_at_home(
            course,
            "nobody_answers",
            words,
            key=key,
            now=now,
            language=language,
            channel=channel,
            contact=contact,
            notice=notice,
        )


def _policy(notice: Notice, now: datetime) -> Policy:
    try:
        return wire.policy_of(notice.course, now)
    except UnusableInput:
        return load_policy()
