"""The ways to reach a member of staff away from the screen: the contact points, in the person's own order.

A page goes to the first. It goes on to the next when one fails for good, or when nobody has told within the policy's time that it
arrived. A repeated page goes to one more point at once: the second device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from handrail.alerts.channels import channel_named
from handrail.alerts.duty import steps_of
from handrail.alerts.models import Alert, Page
from handrail.people.models import ContactPoint, User
from handrail.records import wire
from handrail.rules.paging import SendPage
from handrail.rules.policy import ReachingPolicy, shipped_reaching
from handrail.rules.terms import Ladder, UnusableInput, Urgency


def points_for(user: User, alert: Alert) -> list[ContactPoint]:
    """The contact points that a page of this alert may use: verified, with a channel that is set up, and not quiet for it."""
    red = Ladder(alert.ladder).urgency is Urgency.NOW
    usable = []
    for point in ContactPoint.objects.standing().filter(user=user, verified_at__isnull=False):
        channel = channel_named(point.channel)
        if channel is not None and channel.configured() and (red or not point.red_only):
            usable.append(point)
    return usable


def first_points(user: User, alert: Alert, page: SendPage) -> Sequence[ContactPoint]:
    """The points of a new page: the first, and one more for every page of this alert that the person had before.

    Where the ladder says so, the second device at least.
    """
    earlier = Page.objects.filter(alert=alert, user=user, attempt__lt=page.attempt)
    before = earlier.values("attempt").distinct().count()
    step = steps_of(alert)[page.step]
    return points_for(user, alert)[: max(before + 1, 2 if step.second_device else 1)]


def next_point(page: Page) -> ContactPoint | None:
    """The first of the person's points that this attempt has not used, None when all were."""
    assert page.user is not None
    used = set(Page.objects.filter(alert=page.alert, attempt=page.attempt).values_list("point", flat=True))
    return next((point for point in points_for(page.user, page.alert) if point.pk not in used), None)


def patience(alert: Alert, now: datetime) -> timedelta:
    """How long a page may be without a word that it arrived before the next point is tried."""
    return timedelta(seconds=reaching(alert, now).next_way_after_seconds)


def reaching(alert: Alert, now: datetime) -> ReachingPolicy:
    """The waits of the policy in force for the course of an alert; the shipped ones where it has none."""
    chosen: ReachingPolicy | None = None
    if alert.course is not None:
        with contextlib.suppress(UnusableInput):  # a policy that cannot be read: the shipped one decides
            chosen = wire.policy_of(alert.course, now).reaching
    return chosen or shipped_reaching()
