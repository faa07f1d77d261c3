"""What became of the word of a ladder ("go to the emergency department") that was handed to phones."""

from __future__ import annotations

from datetime import datetime

from handrail.alerts.models import Dispatch, Notice


def note_carried(dispatch: Dispatch, now: datetime) -> None:
    """The word has gone as soon as one phone was reached, and failed when every phone has. The caller holds the transaction."""
    if dispatch.notice_id is None:
        return
    notice = Notice.objects.select_for_update().get(pk=dispatch.notice_id)
    if dispatch.state == Dispatch.State.SENT and notice.state != Notice.State.SENT:
        notice.state, notice.sent_at, notice.channel, notice.why, notice.send_at = (
            Notice.State.SENT,
            now,
            dispatch.channel,
            "",
            None,
        )
        notice.save()
    elif dispatch.state == Dispatch.State.FAILED:
        others = notice.dispatches.exclude(pk=dispatch.pk)
        if not others.exclude(state=Dispatch.State.FAILED).exists():
            notice.state, notice.sent_at, notice.send_at = Notice.State.FAILED, None, None
            notice.why = dispatch.why
            notice.save()
