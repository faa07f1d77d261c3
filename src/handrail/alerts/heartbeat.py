"""Is anybody watching? The sign of life that every staff page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from handrail import clock
from handrail.alerts.models import Alert, Dispatch, EdPacket, Heartbeat, Page
from handrail.people.models import Referral, Site
from handrail.records.models import Course

SILENT_AFTER: Final = timedelta(seconds=30)
"""A watcher that has not looked for so long (real time) is said not to watch."""
LATE_AFTER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStatus:
    """Whether a watcher looked recently, when, and how much that was due nobody had looked at."""

    watching: bool
    looked_at: datetime | None
    behind: int


def status(now: datetime) -> WatcherStatus:
    """The latest sign of life of any watcher. One from a time to come was written by a clock that has been set back since."""
    ahead = now + LATE_AFTER * clock.speed()
    latest = Heartbeat.objects.filter(looked_at__lte=ahead).order_by("-looked_at").first()
    if latest is None:
        return WatcherStatus(watching=False, looked_at=None, behind=0)
    silent = (now - latest.looked_at) / clock.speed()
    return WatcherStatus(watching=silent <= SILENT_AFTER, looked_at=latest.looked_at, behind=latest.due_behind)


def beat(watcher: str, now: datetime) -> None:
    """Write the sign of life of a watcher."""
    Heartbeat.objects.update_or_create(watcher=watcher, defaults={"looked_at": now, "due_behind": behind(now)})


def behind(now: datetime) -> int:
    """How much was due some seconds ago and nobody has looked at: courses, alerts, rotas, referrals, and what waits to be sent.

    What a channel is working on is looked at; it counts again when the channel does not come back within the lease.
    """
    limit = now - LATE_AFTER * clock.speed()
    late_pages = Q(next_page_at__lte=limit, acknowledged_at__isnull=True, closed_at__isnull=True)
    unsent = Q(send_at__lte=limit) & (Q(lease_until__isnull=True) | Q(lease_until__lte=now))
    return (
        Course.objects.filter(look_again_at__lte=limit).count()
        + Alert.objects.filter(late_pages).count()
        + Page.objects.filter(unsent).count()
        + Site.objects.filter(rota_look_at__lte=limit).count()
        + Referral.objects.filter(look_again_at__lte=limit).count()
        + Dispatch.objects.filter(unsent).count()
        + EdPacket.objects.filter(send_at__lte=limit).count()
    )
