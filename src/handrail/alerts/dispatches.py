"""Telling somebody something that is no page: the row is written here, in the transaction of whoever decides, and sent by the watcher.

tell_staff(point, "code", words, now=now, forget=True)
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from handrail.alerts.models import Dispatch, Notice
from handrail.people.models import Contact, ContactPoint, Referral
from handrail.records.models import Course

SIGN: str = "Handrail"
"""How every message begins, so that a person knows it again."""


def tell_staff(
    point: ContactPoint, organisation_id: UUID, kind: str, words: str, *, key: str, now: datetime, forget: bool = False
) -> Dispatch:
    """Tell a member of staff something at one contact point.

    Args:
        words: the whole message; no name, no reading.
        key: names this message, so that it is written once.
        forget: the words hold a secret, and are forgotten once they are sent.
    """
    dispatch, _ = Dispatch.objects.get_or_create(
        organisation_id=organisation_id,
        idempotency_key=key,
        defaults={
            "whom": Dispatch.Whom.STAFF,
            "point": point,
            "kind": kind,
            "channel": point.channel,
            "words": words,
            "forget": forget,
            "created_at": now,
            "send_at": now,
        },
    )
    return dispatch


def tell_practice(referral: Referral, kind: str, words: str, *, key: str, now: datetime) -> Dispatch:
    """Tell the practice that referred a patient something by e-mail. The caller has asked whether there is an address.

    Args:
        words: the whole message: urgency, site and code, and nothing of the patient.
        key: names this message, so that it is written once.
    """
    dispatch, _ = Dispatch.objects.get_or_create(
        organisation_id=referral.organisation_id,
        idempotency_key=key,
        defaults={
            "referral": referral,
            "whom": Dispatch.Whom.PRACTICE,
            "kind": kind,
            "channel": "email",
            "words": words,
            "created_at": now,
            "send_at": now,
        },
    )
    return dispatch


def tell_at_home(
    course: Course,
    kind: str,
    words: str,
    *,
    key: str,
    now: datetime,
    language: str,
    channel: str = "sms",
    contact: Contact | None = None,
    notice: Notice | None = None,
    forget: bool = False,
) -> Dispatch:
    """Tell the patient, or a caregiver, something on the phone. The caller has asked whether the number may be texted.

    Args:
        words: the whole message, in the language of whoever reads it; no name, no reading.
        key: names this message, so that it is written once.
        contact: the caregiver; None for the patient.
        notice: the word of the ladder that this carries.
        forget: the words hold a link, and are forgotten once they are sent.
    """
    dispatch, _ = Dispatch.objects.get_or_create(
        organisation_id=course.organisation_id,
        idempotency_key=key,
        defaults={
            "course": course,
            "whom": Dispatch.Whom.PATIENT if contact is None else Dispatch.Whom.CAREGIVER,
            "contact": contact,
            "notice": notice,
            "kind": kind,
            "channel": channel,
            "words": words,
            "language": language,
            "forget": forget,
            "created_at": now,
            "send_at": now,
        },
    )
    return dispatch
