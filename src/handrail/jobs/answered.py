"""Pages that nobody needs any more: what waits to be sent about an alert that somebody has answered is written off together.

One by one each of them costs as much as a message that somebody waits for: a claim, a look at its alert, a note. After an hour with
many repeats thousands of them waited, and the watchers were busy for minutes with what had been answered long ago.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from handrail import clock
from handrail.actions.answering import note_page
from handrail.alerts.models import Page
from handrail.jobs.holding import free, skip_locked
from handrail.jobs.outgoing import ANSWERED
from handrail.jobs.waking import AWAY
from handrail.rules.paging import NAMED_PERSON

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
"""So many rows in one transaction: nobody who answers waits for long behind it."""
A_FEW: Final = 8
"""Of so many alerts it is ended in a turn of the watcher, which has others to look after."""
POISON_PAUSE: Final = timedelta(minutes=1)

_BY_NAME: Final = Q(who=NAMED_PERSON)
_UNNEEDED: Final = (
    Q(alert__closed_at__isnull=False)
    | Q(alert__acknowledged_at__isnull=False) & ~_BY_NAME
    | _BY_NAME & ~Q(alert__handed_to=F("user"))
)
"""As `outgoing.prepare` judges one of them: who is asked by name is asked while the alert is to be theirs."""


class Endings:
    """Of one watcher: ends a few in each of its turns, and pauses after one that cannot be ended so."""

    def __init__(self) -> None:
        self._not_before = 0.0

    def a_few(self, meanwhile: Callable[[], object]) -> bool:
        """End what waits about a few alerts; `meanwhile` is called between them. True when there was anything to end.

        A poisoned row stops nobody: `outgoing` ends each of them by itself when its turn comes.
        """
        ended = 0
        while ended < A_FEW and time.monotonic() >= self._not_before:
            try:
                if not write_off(clock.now()):
                    break
            except AWAY:
                raise
            except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
                log.error("what was answered could not be written off (%s)", type(error).__name__)
                self._not_before = time.monotonic() + POISON_PAUSE.total_seconds()
                break
            ended += 1
            meanwhile()
        return bool(ended)


def write_off(now: datetime) -> int:
    """Write off what waits to be sent about one alert that was answered, and note it for each page; returns how many those were.

    What another watcher holds is left alone: it is on its way, and what came of it is recorded. An alert that is nobody's again
    later gets pages of its own.

    Args:
        now: of the notes; a lease that has ended by then holds nothing.
    """
    alert = _unneeded(now).order_by("send_at").values_list("alert", flat=True).first()
    if alert is None:
        return 0
    with transaction.atomic():
        rows = _unneeded(now).filter(alert=alert).select_related("alert__course").order_by("created_at", "id")
        pages = list(skip_locked(rows)[:AT_ONCE])
        for page in pages:
            page.state, page.trouble, page.why = Page.State.FAILED, Page.Trouble.PERMANENT, ANSWERED
            page.claimed_by, page.lease_until, page.send_at, page.next_way_at = "", None, None, None
            page.turn += 1  # whoever held it before its lease ended comes too late to call it failed
            note_page(page, now)
        fields = ["state", "trouble", "why", "claimed_by", "lease_until", "send_at", "next_way_at", "turn"]
        Page.objects.bulk_update(pages, fields)
    return len(pages)


def _unneeded(now: datetime) -> QuerySet[Page]:
    return Page.objects.filter(free(now), _UNNEEDED, state=Page.State.SENDING, send_at__isnull=False)
