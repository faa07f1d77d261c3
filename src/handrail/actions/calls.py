"""What somebody says by a key during a call that read them a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.errors import ActionError
from handrail.actions.receipts import note_receipt
from handrail.alerts.models import Page
from handrail.people import scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the call answers."""

    words: str
    taken: bool


def answer_call(page_id: UUID, key: str, *, call: str, now: datetime | None = None) -> Said:
    """A key pressed in a call. 1 says "I have it" as the person whose phone was called.

    Args:
        page_id: the page that the call read; it stands in the address that the provider was given.
        key: what was pressed.
        call: the provider's name for the call; another call than that of the page is not believed.
    """
    now = now or clock.now()
    with scope.everything():
        page = Page.objects.select_related("user", "alert").filter(pk=page_id, channel="voice").first()
    if page is None or page.user is None or (page.provider_id and page.provider_id != call):
        return Said(words="This call answers nothing any more.", taken=False)
    if key:
        note_receipt(page_id, word="key", provider_id=call, now=now)  # a human is there, whatever was pressed
    if key != "1":
        return Said(words="That was not 1. Nobody has it.", taken=False)
    try:
        done = acknowledge(page.alert_id, by=person(page.user), now=now)
    except ActionError:
        return Said(words="This call answers nothing any more. Sign in and look.", taken=False)
    if done.mine:
        return Said(words="You have it. Nobody else is called. Sign in now to see what was reported.", taken=True)
    return Said(words=f"{done.who.name} has it.", taken=False)
