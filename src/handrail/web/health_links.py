"""What the packet page and the printed sheet show of the health links of a course, as plain strings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from handrail.actions.health_links import opens, viewer_link
from handrail.people.models import HealthLink, HealthLinkRequest
from handrail.records.models import Course
from handrail.rules.health_links import health_link_data
from handrail.rules.terms import say_instant
from handrail.web import ed_facts
from handrail.web.cards import numbers_to_call, qr_image
from handrail.web.words import local_time

OVER_SHOWN: Final = 20
"""Of the links that are over. What still opens is never cut: only a link that is listed can be revoked."""
REQUESTS_SHOWN: Final = 30
NOT_SAID: Final = "somebody who did not say who"


def link_rows(course: Course, now: datetime) -> list[dict[str, Any]]:
    """The links of a course, the newest first, each with its log. The caller has asked who may see them.

    Links that are over beyond the newest `OVER_SHOWN` are left out.
    """
    links = list(course.health_links.select_related("link__issued_by").order_by("-link__issued_at", "-id"))
    over = {each.pk for each in [each for each in links if not opens(each, now)][OVER_SHOWN:]}
    return [_row(each, course, now) for each in links if each.pk not in over]


def _row(found: HealthLink, course: Course, now: datetime) -> dict[str, Any]:
    zone = course.time_zone
    if found.link.revoked_at is not None:
        state = f"revoked {local_time(found.link.revoked_at, zone)}"
    elif found.link.expires_at <= now:
        state = f"over since {local_time(found.link.expires_at, zone)}"
    elif found.tries_left == 0:
        state = "LOCKED: too many wrong passcodes. Make a new one"
    else:
        state = f"opens the newest sealed version until {say_instant(found.link.expires_at, zone)}"
    by = found.link.issued_by
    requests = list(found.requests.order_by("-at", "-id")[: REQUESTS_SHOWN + 1])
    return {
        "id": found.pk,
        "label": found.label,
        "state": state,
        "good": opens(found, now),
        "made": local_time(found.link.issued_at, zone),
        "by": by.name if by else "Handrail",
        "purpose": HealthLink.Purpose(found.purpose).label,
        "guard": f"with a passcode; {found.tries_left} wrong ones may still be sent"
        if found.passcode
        else "WITHOUT a passcode: whoever has the link reads the packet",
        "requests": [_request(each, zone) for each in requests[:REQUESTS_SHOWN]],
        "more": len(requests) > REQUESTS_SHOWN,
    }


def _request(each: HealthLinkRequest, zone: str) -> dict[str, str]:
    version = f" (version {each.version})" if each.version else ""
    outcome = HealthLinkRequest.Outcome(each.outcome).label
    return {"at": local_time(each.at, zone), "who": each.recipient or NOT_SAID, "what": f"{outcome}{version}"}


def sheet(course: Course, found: HealthLink, now: datetime, *, names: bool) -> dict[str, Any]:
    """The sheet that is printed: the code, and beside it the number to call and what must not wait for a scan."""
    link = viewer_link(found)
    return {
        **ed_facts.facts_of(course, now, names=names),
        "numbers": numbers_to_call(course, now),
        "qr": qr_image(link),
        "link": link,
        "bare": link.partition("#")[2],
        "label": found.label,
        "passcode": found.passcode,
        "until": say_instant(found.link.expires_at, course.time_zone),
        "printed": say_instant(now, course.time_zone),
        "link_id": found.pk,
    }


def offered() -> dict[str, Any]:
    """What the form offers."""
    row = health_link_data().link
    return {
        "purposes": HealthLink.Purpose.choices,
        "longest_days": row.longest_days,
        "may_be_left_out": row.passcode == "offered",
        "start": {"label": "Treatment packet", "days": str(row.lasts_days), "purpose": "", "with_passcode": True},
    }
