"""A screen on which somebody has their pages open asks for them every few seconds: that is written down, so that it can be believed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from handrail import clock
from handrail.people import permissions
from handrail.people.models import Presence, User

WRITTEN_EVERY: Final = timedelta(seconds=20)
"""Not every asking is written down, but one in so long (real time): a third of the minute for which it is believed."""


def note_look(user: User, now: datetime | None = None) -> bool:
    """A screen of this person asks for their pages. False: that was written down a moment ago.

    One row a person and organisation, written over. Only a page that shows whatever is new may call this.
    """
    now = now or clock.now()
    lately = now - WRITTEN_EVERY * clock.speed()
    fresh = Presence.objects.filter(user=user, looked_at__gt=lately, looked_at__lte=now)
    written = set(fresh.values_list("organisation_id", flat=True))
    own = permissions.organisations_of(user, now)
    late = [Presence(organisation_id=each, user=user, looked_at=now) for each in own if each not in written]
    if late:
        Presence.objects.bulk_create(
            late, update_conflicts=True, unique_fields=["organisation", "user"], update_fields=["looked_at"]
        )
    return bool(late)
