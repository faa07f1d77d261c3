"""The ways to reach a member of staff away from the screen: the contact points, in the person's own order; and whether any does.

A page goes to the first. It goes on to the next when one fails for good, or when nobody has told within the policy's time that it
arrived. A repeated page goes to one more point at once: the second device.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from handrail.alerts.channels import channel_named, channels
from handrail.alerts.duty import on_duties, steps_of
from handrail.alerts.models import Alert, Page
from handrail.people.models import ContactPoint, User
from handrail.people.presence import is_looking
from handrail.records import wire
from handrail.records.accountability import Accountable
from handrail.rules.paging import NAMED_PERSON, SendPage
from handrail.rules.policy import ReachingPolicy, shipped_reaching
from handrail.rules.terms import Ladder, UnusableInput, Urgency

ON_SCREEN: Final = "on_screen"
"""The channel that reaches only somebody who looks."""


def points_for(user: User, alert: Alert) -> list[ContactPoint]:
    """The contact points that a page of this alert may use: verified, with a channel that is set up, and not quiet for it."""
    red = Ladder(alert.ladder).urgency is Urgency.NOW
    usable = []
    for point in ContactPoint.objects.standing().filter(user=user, verified_at__isnull=False):
        channel = channel_named(point.channel)
        if channel is not None and channel.configured() and (red or not point.red_only):
            usable.append(point)
    return usable


def can_be_reached(user: User, alert: Alert, now: datetime, points: Sequence[ContactPoint] | None = None) -> bool:
    """Whether a page of this alert would get to a person now: by a way that leaves the screen, or on a screen that is open.

    `points`: the usable ones of `points_for`, when they are known already.
    """
    points = points_for(user, alert) if points is None else points
    sent_to_all = any(each.configured() for each in channels() if not each.own_address and each.name != ON_SCREEN)
    return bool((sent_to_all and user.email) or points or is_looking(user, now))


def lost_attempts(pages: Iterable[Page], now: datetime) -> frozenset[int]:
    """The attempts of which every message failed for good, with no way left, and whose person has no screen open either."""
    sent: dict[int, list[Page]] = defaultdict(list)
    for page in pages:
        if page.channel != ON_SCREEN and page.state != Page.State.NOT_CONFIGURED and page.who != NAMED_PERSON:
            sent[page.attempt].append(page)
    return frozenset(
        attempt
        for attempt, those in sent.items()
        if all(page.state == Page.State.FAILED and page.next_way_at is None for page in those)
        and not any(page.user is not None and is_looking(page.user, now) for page in those)
    )


def step_that_reaches(alert: Alert, now: datetime, party: Accountable | None = None) -> str | None:
    """The first step of the ladder whose person is on and can be reached; None: nobody can be told now.

    A step whose latest messages all failed reaches nobody, until it is tried again. `party`: who answers for the patient, when
    that is known already.
    """
    on_duty = on_duties(alert, now, party)
    steps = steps_of(alert)
    pages = [page for page in alert.pages.select_related("user") if page.who != NAMED_PERSON]
    latest = {page.attempt % len(steps): page.attempt for page in sorted(pages, key=lambda page: page.attempt)}
    lost = lost_attempts(pages, now)
    for place, step in enumerate(steps):
        if not step.pages_a_person or latest.get(place) in lost:
            continue
        user = on_duty(step.who).user
        if user is not None and can_be_reached(user, alert, now):
            return step.who
    return None


def first_points(points: Sequence[ContactPoint], user: User, alert: Alert, page: SendPage) -> Sequence[ContactPoint]:
    """Those of a person's usable points that a new page goes to: the first, and one more for every page of the alert before it.

    Where the ladder says so, the second device at least.
    """
    if not points:
        return points
    earlier = Page.objects.filter(alert=alert, user=user, attempt__lt=page.attempt)
    before = earlier.values("attempt").distinct().count() if page.attempt else 0
    step = steps_of(alert)[page.step]
    return points[: max(before + 1, 2 if step.second_device else 1)]


def still_needed(page: Page) -> bool:
    """Whether somebody waits for the answer to a page: nobody has its alert; or has it, and asks this very person to take it over."""
    alert = page.alert
    if alert.closed_at is not None:
        return False
    if page.who == NAMED_PERSON:
        return alert.handed_to_id is not None and alert.handed_to_id == page.user_id
    return alert.acknowledged_at is None


def next_point(page: Page) -> ContactPoint | None:
    """The first of the person's points that this attempt has not used, None when all were.

    Who is asked by name has been asked once for each such page: what an earlier one used may be tried again.
    """
    assert page.user is not None
    those = Page.objects.filter(alert=page.alert, attempt=page.attempt, user=page.user)
    if page.who == NAMED_PERSON:
        asked = those.filter(who=NAMED_PERSON, channel=ON_SCREEN, created_at__lte=page.created_at)
        since = asked.order_by("-created_at").values_list("created_at", flat=True).first()
        those = those.filter(who=NAMED_PERSON, created_at__gte=since or page.created_at)
    else:
        those = those.exclude(who=NAMED_PERSON)
    used = set(those.values_list("point", flat=True))
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
