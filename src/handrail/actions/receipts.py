"""What a provider tells about a page or a dispatch that it took: late, twice, out of order, or never."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.answering import note_page
from handrail.actions.ed_packets import carried
from handrail.alerts import ledger
from handrail.alerts.models import Dispatch, Page
from handrail.alerts.words import note_carried
from handrail.people import scope
from handrail.rules.receipts import Arrival, arrival, further, known

log = logging.getLogger(__name__)

MACHINE: Final = "an answering machine took the call"

_OVER: Final = (Page.State.NOT_CONFIGURED, Page.State.NOBODY_ON, Page.State.NOT_REACHED)


def note_receipt(
    row_id: UUID, *, word: str, provider_id: str = "", detail: str = "", now: datetime | None = None
) -> bool:
    """Keep the furthest word about a page or a dispatch; False when there is no such row.

    A word about a message whose sending nobody heard back from settles it: it is not sent again. One that failed goes on to the
    person's next contact point, and so does one whose call is over without a word of who heard it.

    Args:
        row_id: of the page or the dispatch; it stands in the address that the provider was given.
        word: `queued`, `sent`, `delivered`, `undelivered`, …, `human`, `machine`, `key`; one that is not known is passed over.
        provider_id: the provider's own name for the message.
        detail: the provider's code for what went wrong; digits.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.everything():
        row = _locked(row_id)
        if row is None:
            return False
        if known(word) and row.state not in _OVER:
            _note(row, word, provider_id, detail, now)
            _share(row, detail, now)
    return True


def share_receipt(page_id: UUID, now: datetime | None = None) -> None:
    """What was told of a message before the other pages that left with it were on record, told of them too."""
    with transaction.atomic(), scope.everything():
        row = _locked(page_id)
        if row is not None:
            _share(row, "", now or clock.now())


def _share(row: Page | Dispatch, detail: str, now: datetime) -> None:
    """The provider tells of a message at its first page alone; it is true of every page that left with it."""
    if not isinstance(row, Page) or not row.receipt or not row.provider_id:
        return
    same = Page.objects.filter(
        organisation=row.organisation_id, user=row.user_id, channel=row.channel, point=row.point_id
    )
    beside = same.filter(provider_id=row.provider_id, state__in=(Page.State.SENT, Page.State.FAILED)).exclude(pk=row.pk)
    for page in beside.select_for_update(of=("self",)).select_related("alert").order_by("created_at", "id"):
        _note(page, row.receipt, row.provider_id, detail, now)


def _note(row: Page | Dispatch, word: str, provider_id: str, detail: str, now: datetime) -> None:
    before, row.receipt = arrival(row.receipt), further(row.receipt, word)
    after = arrival(row.receipt)
    row.receipt_at = row.receipt_at if row.receipt != word else now
    row.provider_id = row.provider_id or provider_id[:64]
    former = row.state
    _settle(row, after, detail, now)
    if isinstance(row, Page):
        _go_on(row, after, now)
    row.save()
    if isinstance(row, Page) and row.state != former:
        note_page(row, now)
        if row.state == Page.State.FAILED and row.next_way_at is None:
            ledger.hurry(row.alert_id, now)
    if isinstance(row, Dispatch):
        carried(row, now)  # first: what goes on by another channel has not failed
        note_carried(row, now)
    if before is not after:
        log.info("%s: receipt %s", row.pk, row.receipt)


def _locked(row_id: UUID) -> Page | Dispatch | None:
    pages = Page.objects.select_for_update(of=("self",)).select_related("alert")
    return pages.filter(pk=row_id).first() or Dispatch.objects.select_for_update().filter(pk=row_id).first()


def _settle(row: Page | Dispatch, after: Arrival, detail: str, now: datetime) -> None:
    """A provider that tells about a message has taken it; one that tells that it failed has not delivered it."""
    if after is Arrival.FAILED:
        code = f" ({detail})" if detail.isascii() and detail.isdigit() and len(detail) < 8 else ""
        row.state, row.trouble = Page.State.FAILED, Page.Trouble.PERMANENT
        row.why = MACHINE if row.receipt == "machine" else f"not delivered, the provider says: {row.receipt}{code}"
    else:
        row.state, row.trouble, row.why = Page.State.SENT, Page.Trouble.NONE, ""
        row.sent_at = row.sent_at or now
    row.send_at, row.claimed_by, row.lease_until = None, "", None
    if isinstance(row, Dispatch) and row.forget:
        row.words = ""


def _go_on(page: Page, after: Arrival, now: datetime) -> None:
    if after is Arrival.ARRIVED:
        page.next_way_at = None
    elif after in (Arrival.FAILED, Arrival.TAKEN) and page.next_way_at is not None:
        page.next_way_at = min(page.next_way_at, now)
