"""A clock that was set back: what it left in the future is due now. Early is right here, never late.

A clock of a machine that ran ahead and is set right leaves rows behind that wait for hours that are over: a page due "at once" two
hours from now, a lease that no living watcher holds. No row of the programme waits longer than its own step, its own pause or its own
lease; one that does was written by a clock that was wrong.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from handrail import clock
from handrail.alerts.models import Alert, Dispatch, EdPacket, Page
from handrail.jobs.holding import skip_locked
from handrail.people.models import Referral
from handrail.records.models import Course, Event, ExportJob

log = logging.getLogger(__name__)

Waited = tuple[UUID, datetime]
"""A row, and what it was waiting for when it was brought back."""

LEASED: tuple[type[Model], ...] = (Course, Alert, Page, Dispatch, ExportJob, Referral)
"""What watchers hold for a while."""
AT_ONCE = 500
"""So many rows are named in one question."""


def bring_back(now: datetime, *, longest_lease: timedelta, before: set[Waited] | None = None) -> int:
    """Make due what a clock that was set back left in the future; returns how many rows that were. Doing it twice does no harm.

    Args:
        now: the instant by the clock as it is now.
        longest_lease: no lease that is held lasts longer than that.
        before: what was brought back since this step of the clock, to which this adds. What was looked at and waits for the same
            instant again does so rightly: it stays judged, or paged, ahead of the clock, and would be looked at without end.
    """
    ahead = now + timedelta(seconds=1) * clock.speed()
    before = set() if before is None else before
    brought = 0
    for model in LEASED:
        held = model._default_manager.filter(lease_until__gt=now + longest_lease)
        brought += _set(held, lease_until=None)
    # An alert waits for its first page, or for the step after a page: neither lies ahead of the clock.
    paged = Page.objects.filter(alert=OuterRef("pk"))
    waiting = Alert.objects.filter(next_page_at__gt=ahead, acknowledged_at=None, closed_at=None)
    from_ahead = waiting.filter(~Exists(paged) | Exists(paged.filter(created_at__gt=ahead)))
    brought += _bring(from_ahead, "next_page_at", now, before)
    brought += _bring_holds(now, ahead)
    # A page that is to be sent was written before, and is tried again within seconds.
    for kind in (Page, Dispatch):
        unsent = kind._default_manager.filter(send_at__gt=ahead)
        brought += _set(unsent.filter(send_at__gt=now + longest_lease), send_at=now)
        # Once, and not for each try that fails from now on: their pauses are right, and their number is not without end.
        brought += _bring(unsent.filter(created_at__gt=ahead), "created_at", now, before, due="send_at")
    brought += _set(EdPacket.objects.filter(send_at__gt=ahead), send_at=now)
    brought += _set(Page.objects.filter(next_way_at__gt=ahead, created_at__gt=ahead), next_way_at=now)
    # An export that is not at its end is always due; one that is waits for its day to be over.
    brought += _set(ExportJob.objects.filter(next_at__gt=ahead, ended_at=None), next_at=now)
    # A course that was last judged ahead of the clock may wait for a try that lies there too.
    judged_ahead = Course.objects.filter(assessed_at__gt=ahead, look_again_at__gt=F("assessed_at"))
    brought += _bring(judged_ahead, "look_again_at", now, before)
    if brought:
        log.warning("the clock was set back: %d rows that waited for hours that are over are due now", brought)
    return brought


def _bring_holds(now: datetime, ahead: datetime) -> int:
    """What somebody put off, or asked another to take over, by a clock that was ahead holds no longer from now on than it was to."""
    brought = 0
    held = Alert.objects.filter(resume_at__gt=ahead, closed_at=None).values_list("pk", "course", "resume_at")
    for alert, course, until in held:
        said = Event.objects.filter(course=course, kind="page_held", payload__alert=str(alert), occurred_at__gt=ahead)
        last = said.order_by("-occurred_at").values_list("occurred_at", flat=True).first()
        if last is None or until is None or until <= (ends := now + (until - last)):
            continue
        with transaction.atomic():
            if not _free(Course.objects.filter(pk=course)) or not _set(
                Alert.objects.filter(pk=alert, resume_at=until), resume_at=ends
            ):
                continue
            later = Q(look_again_at=None) | Q(look_again_at__gt=ends)
            Course.objects.filter(later, pk=course).update(look_again_at=ends)
            brought += 1
    return brought


def _bring(rows: QuerySet[Any], waits: str, now: datetime, before: set[Waited], *, due: str | None = None) -> int:
    """Make rows due that were not brought back before while they waited so; returns how many. `waits`: the field that tells."""
    found = {(row[0], row[1]) for row in rows.values_list("pk", waits)} - before
    names = sorted(pk for pk, _ in found)
    brought: set[Any] = set()
    for start in range(0, len(names), AT_ONCE):
        with transaction.atomic():
            free = _free(rows.filter(pk__in=names[start : start + AT_ONCE]))
            rows.filter(pk__in=free).update(**{due or waits: now})
        brought |= free
    before |= {(pk, at) for pk, at in found if pk in brought}
    return len(brought)


def _set(rows: QuerySet[Any], **values: Any) -> int:
    """Change rows; returns how many."""
    with transaction.atomic():
        return rows.filter(pk__in=_free(rows)).update(**values)


def _free(rows: QuerySet[Any]) -> set[Any]:
    """The keys of rows that nobody else is changing right now, which are held from now on; the others have their turn a second later.

    Whoever stands still in the middle of a transaction keeps no watcher waiting.
    """
    return set(skip_locked(rows).values_list("pk", flat=True))


def as_long_ago(at: datetime, now: datetime) -> datetime:
    """When a page went out, by a clock that cannot be ahead: one that seems to come yet came long ago, and the next is due."""
    return at if at <= now else now - timedelta(days=1)
