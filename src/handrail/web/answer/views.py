"""The page behind the link of a message: the token becomes a cookie, and only the button says "I have it".

A stranger, a wrong token and one that is over get the same answer. No token reaches a log, a history or a referrer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.answer_links import COOKIE, PURPOSE, answer, link_held
from handrail.actions.links import exchange_link
from handrail.alerts.channels import URGENCY_WORDS
from handrail.people.models import LinkToken, User
from handrail.web.without_account import unlogged
from handrail.web.words import local_time

PATH: Final = "/a/"


@require_GET
def exchange(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the token for a cookie that only this page gets, and go on to it."""
    now = clock.now()
    found = exchange_link(token, PURPOSE, now=now)
    if found is None:
        return _private(_over(request), referrer="no-referrer")
    link, cookie = found
    response = redirect("answer")
    seconds = int((link.expires_at - now).total_seconds())
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(COOKIE, cookie, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax")
    return _private(response, referrer="no-referrer")


@require_http_methods(["GET", "POST"])
def answer_page(request: HttpRequest) -> HttpResponse:
    """What the message said, and the button; after it, who has the alert."""
    now = clock.now()
    link = link_held(request.COOKIES.get(COOKIE, ""), now=now)
    if link is None:
        return _private(_over(request))
    if request.method == "POST":
        done = answer(link, now=now)
        if done is None:
            return _private(_over(request))
        return _private(_shown(request, link, done.who, done.at))
    assert link.alert is not None
    return _private(_shown(request, link, link.alert.acknowledged_by, link.alert.acknowledged_at))


def _shown(request: HttpRequest, link: LinkToken, who: User | None, at: datetime | None) -> HttpResponse:
    alert, user = link.alert, link.user
    assert alert is not None and user is not None
    zone = alert.site.time_zone if alert.site else alert.organisation.time_zone
    context: dict[str, Any] = {
        "urgency": URGENCY_WORDS.get(alert.urgency, alert.urgency),
        "tone": "now" if alert.urgency == "now" else "soon",
        "site": alert.site_words,
        "code": alert.code,
        "opened": local_time(alert.opened_at, zone),
        "answering": user.name,
        "alert_id": alert.pk,
        "mine": who is not None and who.pk == user.pk,
        "has_it": who.name if who is not None else "",
        "since": local_time(at, zone) if at is not None else "",
    }
    return render(request, "handrail/answer/answer.html", context)


def _over(request: HttpRequest) -> HttpResponse:
    """The answer to everybody whose link opens nothing. Its address is never logged: it may hold a token."""
    response = render(request, "handrail/answer/over.html", status=410)
    return unlogged(response)


def _private(response: HttpResponse, *, referrer: str = "same-origin") -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = referrer
    return response
