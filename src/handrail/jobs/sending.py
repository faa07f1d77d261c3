"""Two kinds of work on rows that are claimed: write the next page of an alert, and send a page that leaves the machine.

Writing is one transaction: the attempt, what it shows on screen, and its place in the ladder. Sending calls the provider outside
of any transaction and records the outcome in another; killed in between, the page stays `sending` and is sent again after the
lease: twice is better than never. A slow mail server holds up neither the screen nor the ladder.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.actions.answering import note_page, tell_patient
from handrail.alerts.channels import (
    Channel,
    Delivered,
    Message,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    channel_named,
    channels,
)
from handrail.alerts.duty import on_duty, steps_of
from handrail.alerts.models import Alert, Page
from handrail.jobs.checkpoints import checkpoint
from handrail.rules.paging import PATIENT, SendPage, TellPatient, Wait, next_page

log = logging.getLogger(__name__)

MOST_TRIES: Final = 6
LONGEST_PAUSE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row held by one watcher: `turn` is the fence."""

    id: UUID
    watcher: str
    turn: int


def write_next_page(claim: Claim) -> None:
    """Write the next page of an alert, if it is due, and give the alert back."""
    now = clock.now()
    with transaction.atomic():
        alert = Alert.objects.select_for_update().filter(**_held(claim)).first()
        if alert is None:
            return
        attempts = _attempts(alert)
        empty = [n for n, (_, nobody) in enumerate(attempts) if nobody]
        decision = next_page(steps_of(alert), [at for at, _ in attempts], alert.acknowledged_at, now, empty)
        if isinstance(decision, SendPage | TellPatient) and alert.closed_at is None:
            _attempt(alert, decision, now)
        else:
            waits = isinstance(decision, Wait) and alert.closed_at is None and alert.next_page_at is not None
            alert.next_page_at = decision.until if waits and isinstance(decision, Wait) else None
        alert.claimed_by, alert.lease_until = "", None
        alert.save(update_fields=["next_page_at", "claimed_by", "lease_until"])
    checkpoint("page_written")


def send(claim: Claim) -> None:
    """Send one page that waits and record the outcome; a failure for now leaves it waiting for its next try."""
    page = Page.objects.select_related("alert", "alert__site", "user").filter(**_held(claim)).first()
    if page is None:
        return
    channel = channel_named(page.channel)
    answered = page.alert.acknowledged_at is not None or page.alert.closed_at is not None
    if answered:
        outcome: Outcome = PermanentFailure(why="answered before it was sent")
    elif channel is None or page.user is None:
        outcome = PermanentFailure(why="the channel is not there any more")
    else:
        outcome = _sent_by(channel, page)
    checkpoint("mail_sent")
    _record(page, outcome, claim)
    checkpoint("page_recorded")


def _held(claim: Claim) -> dict[str, Any]:
    return {"id": claim.id, "claimed_by": claim.watcher, "turn": claim.turn}


def _attempts(alert: Alert) -> list[tuple[datetime, bool]]:
    """When each attempt was made, and whether it found nobody."""
    found: dict[int, tuple[datetime, bool]] = {}
    for page in alert.pages.order_by("attempt", "created_at"):
        found.setdefault(page.attempt, (page.created_at, page.state == Page.State.NOBODY_ON))
    return [found[number] for number in sorted(found)]


def _attempt(alert: Alert, decision: SendPage | TellPatient, now: datetime) -> None:
    """Take one step of the ladder, and say when the next one is due."""
    if isinstance(decision, TellPatient):
        _page(alert, decision, now, "patient_screen", Page.State.SENT, sent_at=now)
        tell_patient(alert, decision, now)
    else:
        _page_person(alert, decision, now)
    attempts = _attempts(alert)
    empty = [n for n, (_, nobody) in enumerate(attempts) if nobody]
    following = next_page(steps_of(alert), [at for at, _ in attempts], None, now, empty)
    alert.next_page_at = following.until if isinstance(following, Wait) else now


def _page_person(alert: Alert, decision: SendPage, now: datetime) -> None:
    duty = on_duty(alert, decision.who, now)
    if duty.user is None:
        page = _page(alert, decision, now, "", Page.State.NOBODY_ON)
        note_page(page, now)
        log.warning("alert %s: nobody on as %s", alert.code, decision.who)
    else:
        for channel in channels():
            if channel.name == "on_screen":
                page = _page(alert, decision, now, channel.name, Page.State.SENT, user=duty.user, sent_at=now)
                note_page(page, now)
            elif channel.configured():
                _page(alert, decision, now, channel.name, Page.State.SENDING, user=duty.user, send_at=now)
            else:
                note_page(_page(alert, decision, now, channel.name, Page.State.NOT_CONFIGURED, user=duty.user), now)


def _page(
    alert: Alert, decision: SendPage | TellPatient, now: datetime, channel: str, state: str, **more: object
) -> Page:
    return Page.objects.create(
        organisation_id=alert.organisation_id,
        alert=alert,
        course_id=alert.course_id,
        step=decision.step,
        attempt=decision.attempt,
        who=PATIENT if isinstance(decision, TellPatient) else decision.who,
        channel=channel,
        idempotency_key=f"{alert.id}:{decision.attempt}:{channel or 'nobody'}",
        state=state,
        created_at=now,
        **more,
    )


def _sent_by(channel: Channel, page: Page) -> Outcome:
    """What the channel says; one that breaks its promise and raises must not hold up the ladder."""
    try:
        return channel.send(_message(page))
    except Exception as error:  # noqa: BLE001
        log.error("the channel %s failed (%s)", channel.name, type(error).__name__)
        return TemporaryFailure(why=f"the channel failed ({type(error).__name__})")


def _message(page: Page) -> Message:
    alert = page.alert
    assert page.user is not None
    return Message(
        to=page.user.email,
        urgency=alert.urgency,
        site=alert.site.code if alert.site else "unknown",
        code=alert.code,
        base_url=settings.HANDRAIL_BASE_URL,
        idempotency_key=hashlib.sha256(page.idempotency_key.encode()).hexdigest()[:32],
    )


def _record(page: Page, outcome: Outcome, claim: Claim) -> None:
    """Write what came of it. That it was delivered is true whoever holds the row now; a failure counts for its holder only."""
    now = clock.now()
    with transaction.atomic():
        fresh = Page.objects.select_for_update().filter(id=page.id, state=Page.State.SENDING).first()
        if fresh is None or (not isinstance(outcome, Delivered) and fresh.turn != claim.turn):
            return
        fresh.tries += 1
        fresh.claimed_by, fresh.lease_until, fresh.send_at = "", None, None
        if isinstance(outcome, Delivered):
            fresh.state, fresh.sent_at = Page.State.SENT, now
        elif isinstance(outcome, PermanentFailure) or fresh.tries >= MOST_TRIES:
            permanent = isinstance(outcome, PermanentFailure)
            fresh.state = Page.State.FAILED
            fresh.trouble = Page.Trouble.PERMANENT if permanent else Page.Trouble.TEMPORARY
            fresh.why = outcome.why
        else:
            fresh.trouble, fresh.why = Page.Trouble.TEMPORARY, outcome.why
            fresh.send_at = now + min(timedelta(seconds=2**fresh.tries), LONGEST_PAUSE) * clock.speed()
        fresh.save()
        if fresh.state != Page.State.SENDING:
            note_page(fresh, now)
