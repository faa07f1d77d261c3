"""What leaves the machine: claimed rows are made ready, handed to a channel beside the watcher, and what came of it is recorded.

Three parts, because only the middle one may wait for somebody else's server. `prepare` and `record` ask the database and run in the
watcher; `deliver` asks the network alone and runs in a thread of `Flights`, a few at once: a provider that is slow holds up neither
the watcher nor the others, and no thread stands beside the queries. Killed between the parts, the row stays `sending` and is sent
again after its lease, unless a receipt has told meanwhile that it arrived: never twice when the answer is known, twice rather than
never when it is not.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.actions.answer_links import answer_address
from handrail.actions.answering import note_page
from handrail.actions.ed_packets import carried
from handrail.actions.receipts import share_receipt
from handrail.actions.texts import note_stop
from handrail.alerts import ledger, phone
from handrail.alerts.channels import (
    Channel,
    Delivered,
    Message,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    channel_named,
)
from handrail.alerts.lines import has_stopped
from handrail.alerts.models import Dispatch, Page
from handrail.alerts.places import emergency_link, key_address, receipt_address
from handrail.alerts.ways import still_needed
from handrail.alerts.words import note_carried
from handrail.jobs.checkpoints import checkpoint
from handrail.rules.terms import Urgency

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""So many are on their way at the same time."""
LONGEST_FLIGHT: Final = 3
"""So many leases a channel may take before its row is given to others."""
MOST_TRIES: Final = 6
LONGEST_PAUSE: Final = timedelta(seconds=30)
ANSWERED: Final = "answered before it was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row held by one watcher: `turn` is the fence."""

    id: UUID
    watcher: str
    turn: int

    def row(self) -> dict[str, Any]:
        """The row, while it is still this claim's."""
        return {"id": self.id, "claimed_by": self.watcher, "turn": self.turn}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A row made ready: what is sent through which channel; without a channel the outcome is known already."""

    kind: type[Page | Dispatch]
    claim: Claim
    channel: Channel | None = None
    message: Message | None = None
    known: Outcome | None = None
    others: tuple[Claim, ...] = ()
    """Further pages that the same message is about."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Of every row that it is about."""
        return (self.claim, *self.others)


# --- ready ------------------------------------------------------------------------------------------------------------


def prepare(kind: type[Page | Dispatch], claim: Claim) -> Parcel | None:
    """Make a claimed row ready; None when somebody else took it over."""
    if kind is Dispatch:
        return _dispatch(claim)
    page = Page.objects.select_related("alert", "alert__site", "user", "point").filter(**claim.row()).first()
    if page is None:
        return None
    channel = channel_named(page.channel)
    if not still_needed(page):
        return Parcel(kind=Page, claim=claim, known=PermanentFailure(why=ANSWERED))
    if channel is None or page.user is None or (page.point is not None and page.point.removed_at is not None):
        return Parcel(kind=Page, claim=claim, known=PermanentFailure(why="the channel is not there any more"))
    alert = page.alert
    now = clock.now()
    message = Message(
        to=page.point.address if page.point else page.user.email,
        urgency=alert.urgency,
        site=alert.site_words,
        code=alert.code,
        base_url=settings.HANDRAIL_BASE_URL,
        idempotency_key=_key(page),
        receipts_to=receipt_address(page.pk),
        link=answer_address(page.alert, page.user, now) if channel.carries_link else "",
        answer_to=key_address(page.pk),
        at=now,
        secret=page.point.secret if page.point else "",
    )
    return Parcel(kind=Page, claim=claim, channel=channel, message=message)


def _dispatch(claim: Claim) -> Parcel | None:
    related = ("point", "contact", "referral", "course__patient", "course__site", "ed_packet__place", "ed_packet__card")
    dispatch = Dispatch.objects.select_related(*related).filter(**claim.row()).first()
    if dispatch is None:
        return None
    channel, to = channel_named(dispatch.channel), dispatch.address
    if channel is None or not to or not dispatch.words:
        return Parcel(kind=Dispatch, claim=claim, known=PermanentFailure(why="there is no address any more"))
    at_home = dispatch.whom in (Dispatch.Whom.PATIENT, Dispatch.Whom.CAREGIVER)
    sent = dispatch.ed_packet.card if dispatch.ed_packet is not None else None
    site = dispatch.course.site if dispatch.course is not None else None
    if dispatch.contact is not None and not dispatch.contact.is_caregiver:
        return Parcel(kind=Dispatch, claim=claim, known=PermanentFailure(why="they care for the patient no more"))
    if at_home and dispatch.channel == "sms" and has_stopped(dispatch.organisation_id, to):
        return Parcel(kind=Dispatch, claim=claim, known=PermanentFailure(why="its owner has said STOP"))
    message = Message(
        to=to,
        urgency=Urgency.NOW.value if sent is not None else "",
        site=(site.code if site is not None else "unknown") if sent is not None else "",
        code="",
        link=emergency_link(sent.key) if sent is not None else "",
        base_url=settings.HANDRAIL_BASE_URL,
        idempotency_key=_key(dispatch),
        words=dispatch.words,
        at=clock.now(),
        secret=dispatch.secret,
        receipts_to=receipt_address(dispatch.pk),
    )
    return Parcel(kind=Dispatch, claim=claim, channel=channel, message=message)


def _key(row: Page | Dispatch) -> str:
    return hashlib.sha256(row.idempotency_key.encode()).hexdigest()[:32]


# --- away -------------------------------------------------------------------------------------------------------------


def deliver(parcel: Parcel) -> Outcome:
    """What the channel says; one that breaks its promise and raises must not hold up the ladder. Asks no database."""
    if parcel.channel is None or parcel.message is None:
        return parcel.known or PermanentFailure(why="there is nothing to send")
    try:
        return parcel.channel.send(parcel.message)
    except Exception as error:  # noqa: BLE001 (a channel that breaks its promise must not hold up the others)
        log.error("the channel %s failed (%s)", parcel.channel.name, type(error).__name__)
        return TemporaryFailure(why=f"the channel failed ({type(error).__name__})")


def _nothing() -> None: ...


class Flights:
    """What is on its way, a few at once; what came back waits here until the watcher records it."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._pool: ThreadPoolExecutor | None = None
        self._away: dict[Future[Outcome], Parcel] = {}
        self._left: dict[Parcel, tuple[datetime, datetime]] = {}
        """When each left, and when its claim was renewed last."""
        self.when_back: Callable[[], None] = _nothing
        """Called from the thread of a channel that is done: it wakes the watcher."""

    @property
    def has_room(self) -> bool:
        """Whether one more may leave."""
        return len(self._away) < self._at_once

    def take_off(self, parcel: Parcel) -> None:
        """Send a parcel on its way."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=self._at_once, thread_name_prefix="handrail-send")
        future = self._pool.submit(deliver, parcel)
        self._away[future] = parcel
        self._left[parcel] = (clock.now(), clock.now())
        future.add_done_callback(lambda _: self.when_back())

    def land(self, seconds: float = 0.0) -> list[tuple[Parcel, Outcome]]:
        """What has come back, waiting so long for the first; it comes again until it is forgotten."""
        if not self._away:
            return []
        done, _ = wait(self._away, timeout=seconds, return_when=FIRST_COMPLETED)
        return [(self._away[each], each.result()) for each in done]

    def forget(self, parcel: Parcel) -> None:
        """What came of it is on record."""
        self._left.pop(parcel, None)
        self._away = {future: other for future, other in self._away.items() if other is not parcel}

    def keep(self, lease: timedelta) -> list[Parcel]:
        """What is still on its way and whose claim is half over: its watcher lives, and nobody else has to send it.

        Not for ever: a channel that does not come back within a few leases is taken for lost.
        """
        now = clock.now()
        due = [
            parcel
            for parcel, (left, kept) in self._left.items()
            if now - kept >= lease / 2 and now - left < LONGEST_FLIGHT * lease
        ]
        for parcel in due:
            self._left[parcel] = (self._left[parcel][0], now)
        return due

    @property
    def any_away(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._away)

    def close(self) -> None:
        """End the threads; what is away is sent again by another watcher."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


# --- back -------------------------------------------------------------------------------------------------------------


def record(parcel: Parcel, outcome: Outcome) -> None:
    """Write what came of it. That it was taken is true whoever holds the row now; a failure counts for its holder only."""
    checkpoint("mail_sent")
    _record_row(parcel.kind, parcel.claim, outcome)
    for claim in parcel.others:
        told = outcome  # with which message it left: what the provider tells of that one is true of every page in it
        if isinstance(outcome, Delivered) and parcel.message is not None:
            told = replace(outcome, reference=outcome.reference or parcel.message.idempotency_key)
        _record_row(parcel.kind, claim, told)
    if parcel.others and isinstance(outcome, Delivered):
        share_receipt(parcel.claim.id)
    checkpoint("page_recorded")


def _record_row(kind: type[Page | Dispatch], claim: Claim, outcome: Outcome) -> None:
    now = clock.now()
    with transaction.atomic():
        found = kind._default_manager.select_for_update().filter(id=claim.id, state=Page.State.SENDING)
        row = found.first()
        if row is None or (not isinstance(outcome, Delivered) and row.turn != claim.turn):
            return
        _settle(row, outcome, now)
        row.save()
        if isinstance(row, Page) and row.state != Page.State.SENDING:
            note_page(row, now)
            if row.state == Page.State.FAILED and row.next_way_at is None:
                ledger.hurry(row.alert_id, now)
        if isinstance(row, Dispatch):
            carried(row, now)  # first: what goes on by another channel has not failed
            note_carried(row, now)
    if isinstance(row, Dispatch) and row.course_id is not None and f", {phone.STOPPED})" in row.why:
        note_stop(row.course_id, row.address, now)


def _settle(row: Page | Dispatch, outcome: Outcome, now: datetime) -> None:
    row.tries += 1
    row.claimed_by, row.lease_until, row.send_at = "", None, None
    if isinstance(outcome, Delivered):
        row.state, row.sent_at, row.provider_id = Page.State.SENT, now, outcome.reference
        arrived = not outcome.receipts
    elif isinstance(outcome, PermanentFailure) or row.tries >= MOST_TRIES:
        permanent = isinstance(outcome, PermanentFailure)
        row.state = Page.State.FAILED
        row.trouble = Page.Trouble.PERMANENT if permanent else Page.Trouble.TEMPORARY
        row.why = outcome.why
        arrived = False
    else:
        assert isinstance(outcome, TemporaryFailure)
        row.trouble, row.why = Page.Trouble.TEMPORARY, outcome.why
        asked = outcome.retry_after or timedelta()
        pause = max(min(timedelta(seconds=2**row.tries), LONGEST_PAUSE), asked) * clock.speed()
        row.send_at, arrived = now + pause, False
    if isinstance(row, Page) and row.next_way_at is not None:
        row.next_way_at = None if arrived else now if row.state == Page.State.FAILED else row.next_way_at
    if isinstance(row, Dispatch) and row.forget and row.state != Page.State.SENDING:
        row.words = ""
