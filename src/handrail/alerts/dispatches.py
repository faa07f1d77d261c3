"""Telling somebody something that is no page: the row is written here, in the transaction of whoever decides, and sent by the watcher.

tell_staff(point, "code", words, now=now, forget=True)
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from handrail.alerts.models import Dispatch
from handrail.people.models import ContactPoint

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
