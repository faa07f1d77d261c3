"""Links that say "I have it" without a sign-in: for one person and one alert, over as soon as somebody has it.

The link opens a page with the urgency, the site and the code, as the message did, and nothing of the patient: a message can be passed
on, and whoever has the link is not signed in. What was reported stands behind the sign-in. Opening the link acknowledges nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import Acknowledged, acknowledge
from handrail.actions.errors import ActionError
from handrail.actions.links import link_id_of_cookie
from handrail.alerts.models import Alert
from handrail.alerts.places import answer_link
from handrail.alerts.ways import reaching
from handrail.people import scope
from handrail.people.models import LinkToken, User

PURPOSE: Final = LinkToken.Purpose.ACKNOWLEDGE.value
COOKIE: Final = "handrail_answer"


def answer_address(alert: Alert, user: User, now: datetime) -> str:
    """The address of a new link with which this person answers this alert."""
    _link, token = LinkToken.issue(
        organisation_id=alert.organisation_id,
        purpose=PURPOSE,
        course_id=alert.course_id,
        alert=alert,
        user=user,
        holder="staff",
        issued_at=now,
        expires_at=now + timedelta(hours=reaching(alert, now).answer_link_hours),
    )
    return answer_link(token)


def link_held(cookie: str, *, now: datetime | None = None) -> LinkToken | None:
    """The link that a cookie was made from: one that has not expired, whether or not somebody has the alert by now.

    A link that was revoked is still known to whoever exchanged it in time: they are told who has the alert.
    """
    now = now or clock.now()
    link_id = link_id_of_cookie(cookie, PURPOSE) if cookie else None
    if link_id is None:
        return None
    related = ("alert__site", "alert__acknowledged_by", "alert__organisation", "user")
    with scope.everything():
        link = (
            LinkToken.objects.select_related(*related).filter(pk=link_id, purpose=PURPOSE, expires_at__gt=now).first()
        )
    if link is None or link.alert is None or link.user is None or not link.user.is_active:
        return None
    over = link.alert.closed_at is not None and link.alert.acknowledged_at is None
    return None if over else link


def answer(link: LinkToken, *, now: datetime | None = None) -> Acknowledged | None:
    """Say "I have it" as the person of the link; None when that person may not (any more)."""
    assert link.user is not None and link.alert_id is not None
    try:
        return acknowledge(link.alert_id, by=person(link.user), now=now)
    except ActionError:
        return None
