"""Is anybody watching? The sign of life that every staff page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from handrail import clock
from handrail.alerts.models import Alert, Heartbeat
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
    """The latest sign of life of any watcher."""
    latest = Heartbeat.objects.order_by("-looked_at").first()
    if latest is None:
        return WatcherStatus(watching=False, looked_at=None, behind=0)
    silent = (now - latest.looked_at) / clock.speed()
    return WatcherStatus(watching=silent <= SILENT_AFTER, looked_at=latest.looked_at, behind=latest.due_behind)


def beat(watcher: str, now: datetime) -> None:
    """Write the sign of life of a watcher."""
    Heartbeat.objects.update_or_create(watcher=watcher, defaults={"looked_at": now, "due_behind": behind(now)})


def behind(now: datetime) -> int:
    """How many courses and alerts were due some seconds ago and have not been looked at."""
    limit = now - LATE_AFTER * clock.speed()
    late_pages = Q(next_page_at__lte=limit, acknowledged_at__isnull=True, closed_at__isnull=True)
    return Course.objects.filter(look_again_at__lte=limit).count() + Alert.objects.filter(late_pages).count()
