"""What leaves the machine as one message: pages about one alert that wait together, and after an outage what is not urgent.

Repeats of one page that wait for the same person on the same way say the same: one message tells them all, so that a crowd of repeats
never grows faster than it leaves, and nobody reads one thing twice within a minute.

Nobody watched for longer than `HANDRAIL_DIGEST_AFTER_MINUTES`: the first look then finds much at once, and a phone that rings forty
times for what has waited for hours is no better than one that did not ring. On screen every page stands for itself. An urgent page
(RED) is never part of it and waits for none of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from handrail import clock
from handrail.alerts.channels import URGENCY_WORDS
from handrail.alerts.models import Heartbeat, Page
from handrail.jobs.outgoing import Claim, Parcel
from handrail.rules.paging import NAMED_PERSON
from handrail.rules.terms import Urgency

WRITTEN: Final = ("email", "sms")
"""Channels of which a message can name several codes; a call is about one."""
MOST_CODES: Final = 12


def after_an_outage(now: datetime) -> bool:
    """Whether nobody has watched for so long before `now` that what waited is gathered."""
    latest = Heartbeat.objects.filter(looked_at__lte=now).order_by("-looked_at").values_list("looked_at", flat=True)
    last = latest.first()
    longest = timedelta(minutes=settings.HANDRAIL_DIGEST_AFTER_MINUTES) * clock.speed()
    return last is not None and now - last > longest


def together(parcel: Parcel, now: datetime, *, until: datetime) -> Parcel:
    """The parcel, and with it every other page about the same alert that waits for the same person on the same way.

    What asks somebody by name to take an alert over says something else, and stands for itself.

    Args:
        parcel: a page that was made ready.
        now: what is due by now comes along.
        until: how long the rows that come along are held, as this one is.
    """
    if parcel.kind is not Page or parcel.message is None or parcel.others:
        return parcel
    first = Page.objects.get(pk=parcel.claim.id)
    if first.who == NAMED_PERSON:
        return parcel
    rows = _waiting_beside(first, now).filter(alert=first.alert_id).exclude(who=NAMED_PERSON)
    if not rows.exists():
        return parcel  # so it is with most: no transaction then
    with transaction.atomic():
        others = _held(rows, parcel.claim.watcher, until)
    return replace(parcel, others=_claims(others))


def gather(parcel: Parcel, now: datetime, *, until: datetime) -> Parcel:
    """The parcel, and with it every other page that waits for the same person on the same way and is not urgent.

    Args:
        parcel: a page that was made ready.
        now: what is due by now is gathered.
        until: how long the rows that come along are held, as this one is.
    """
    if (
        parcel.kind is not Page
        or parcel.message is None
        or parcel.channel is None
        or parcel.channel.name not in WRITTEN
    ):
        return parcel
    with transaction.atomic():
        first = Page.objects.select_related("alert", "alert__site").get(pk=parcel.claim.id)
        if first.alert.urgency == Urgency.NOW.value:
            return parcel
        rows = _waiting_beside(first, now).filter(alert__acknowledged_at=None, alert__closed_at=None)
        others = _held(rows.exclude(alert__urgency=Urgency.NOW.value), parcel.claim.watcher, until)
    if not others:
        return parcel
    message = replace(parcel.message, words=_words([first, *others], parcel.message.base_url), link="")
    return replace(parcel, message=message, others=_claims(others))


def _waiting_beside(first: Page, now: datetime) -> QuerySet[Page]:
    """What waits for the same person on the same way, and is held by nobody."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    rows = Page.objects.filter(free, state=Page.State.SENDING, send_at__lte=now, organisation=first.organisation_id)
    same = rows.filter(user=first.user_id, channel=first.channel, point=first.point_id).exclude(pk=first.pk)
    return same.select_related("alert", "alert__site").order_by("created_at", "id")


def _held(rows: QuerySet[Page], watcher: str, until: datetime) -> list[Page]:
    """The rows, claimed; inside a transaction."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(of=("self",), skip_locked=True)
    held = []
    for page in rows:
        page.claimed_by, page.lease_until, page.turn = watcher, until, page.turn + 1
        page.save(update_fields=["claimed_by", "lease_until", "turn"])
        held.append(page)
    return held


def _claims(pages: list[Page]) -> tuple[Claim, ...]:
    return tuple(Claim(id=page.pk, watcher=page.claimed_by, turn=page.turn) for page in pages)


def _words(pages: list[Page], address: str) -> str:
    """How many, how urgent, where, and the codes, the most urgent first: nothing about a patient."""
    order = [urgency.value for urgency in Urgency]
    alerts = sorted({page.alert for page in pages}, key=lambda alert: (order.index(alert.urgency), alert.opened_at))
    counted = Counter(alert.urgency for alert in alerts)
    how = ", ".join(f"{counted[word]} {URGENCY_WORDS[word]}" for word in order if counted[word])
    sites = ", ".join(sorted({alert.site_words for alert in alerts}))
    codes = ", ".join(alert.code for alert in alerts[:MOST_CODES])
    more = f" and {len(alerts) - MOST_CODES} more" if len(alerts) > MOST_CODES else ""
    return (
        f"Handrail: nobody watched for a while; {len(alerts)} pages have waited: {how}. Site {sites}. Codes {codes}{more}. "
        f"Sign in and answer: {address}"
    )
