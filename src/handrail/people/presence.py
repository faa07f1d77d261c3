"""Is the list of pages of a person open on a screen? A page that stands only in an inbox reaches nobody who does not look at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from handrail import clock
from handrail.people import scope
from handrail.people.models import Presence, User

LOOKING_FOR: Final = timedelta(seconds=60)
"""So long after a screen last asked for the pages (real time) it counts as open."""
_AHEAD: Final = timedelta(seconds=5)
"""A sign from further in the future was written by a clock that has been set back since."""


def is_looking(user: User, now: datetime) -> bool:
    """Whether a screen of this person asked for their pages within the last minute."""
    since, until = now - LOOKING_FOR * clock.speed(), now + _AHEAD * clock.speed()
    with scope.everything():  # who answers for a patient may belong to another organisation than whoever asks
        return Presence.objects.filter(user=user, looked_at__gte=since, looked_at__lte=until).exists()
