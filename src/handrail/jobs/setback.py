"""A clock that was set back: what it left in the future is due now. Early is right here, never late.

A clock of a machine that ran ahead and is set right leaves rows behind that wait for hours that are over: a page due "at once" two
hours from now, a lease that no living watcher holds. No row of the programme waits longer than its own step, its own pause or its own
lease; one that does was written by a clock that was wrong.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, F, Model, OuterRef, Q

from handrail import clock
from handrail.alerts.models import Alert, Dispatch, Page
from handrail.records.models import Course

log = logging.getLogger(__name__)

LEASED: tuple[type[Model], ...] = (Course, Alert, Page, Dispatch)
"""What watchers hold for a while."""


def bring_back(now: datetime, *, longest_lease: timedelta) -> int:
    """Make due what a clock that was set back left in the future; returns how many rows that were. Doing it twice does no harm.

    Args:
        now: the instant by the clock as it is now.
        longest_lease: no lease that is held lasts longer than that.
    """
    ahead = now + timedelta(seconds=1) * clock.speed()
    brought = 0
    for model in LEASED:
        brought += model._default_manager.filter(lease_until__gt=now + longest_lease).update(lease_until=None)
    # An alert waits for its first page, or for the step after a page: neither lies ahead of the clock.
    paged = Page.objects.filter(alert=OuterRef("pk"))
    waiting = Alert.objects.filter(next_page_at__gt=ahead, acknowledged_at=None, closed_at=None)
    from_ahead = waiting.filter(~Exists(paged) | Exists(paged.filter(created_at__gt=ahead)))
    brought += from_ahead.update(next_page_at=now)
    # A page that is to be sent was written before, and is tried again within seconds.
    for kind in (Page, Dispatch):
        unsent = kind._default_manager.filter(send_at__gt=ahead)
        brought += unsent.filter(Q(created_at__gt=ahead) | Q(send_at__gt=now + longest_lease)).update(send_at=now)
    brought += Page.objects.filter(next_way_at__gt=ahead, created_at__gt=ahead).update(next_way_at=now)
    # A course that was last judged ahead of the clock may wait for a try that lies there too.
    brought += Course.objects.filter(assessed_at__gt=ahead, look_again_at__gt=F("assessed_at")).update(
        look_again_at=now
    )
    if brought:
        log.warning("the clock was set back: %d rows that waited for hours that are over are due now", brought)
    return brought


def as_long_ago(at: datetime, now: datetime) -> datetime:
    """When a page went out, by a clock that cannot be ahead: one that seems to come yet came long ago, and the next is due."""
    return at if at <= now else now - timedelta(days=1)
