"""The emergency page: what holds for everybody, then a code, then the facts of one patient.

Every address below /e/ is answered alike: a key that was never made, is over or was revoked leads to the same page with the same status,
which names nobody. No key reaches a log, a history or a referrer, and nothing is asked of any other server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.emergency import COOKIE, OPEN_COOKIE, exchange_key, number_on_card, open_page, opening_of
from handrail.people.models import EmergencyOpening
from handrail.people.scope import acting_for
from handrail.rules.emergency import emergency_data
from handrail.web import ed_facts
from handrail.web.checkin.words import dialled
from handrail.web.without_account import private
from handrail.web.words import instant_iso

PATH: Final = "/e/"
SCANNED_LASTS: Final = 24 * 3600
"""Seconds for which a browser remembers which card it scanned; what the card opens is asked anew each time."""


@require_GET
def exchange(request: HttpRequest, key: str) -> HttpResponse:  # noqa: ARG001
    """Exchange what was scanned for a cookie, and go on: whatever it was."""
    response = redirect("emergency")
    _set_cookie(response, COOKIE, exchange_key(key), SCANNED_LASTS)
    response.delete_cookie(OPEN_COOKIE, path=PATH)
    return private(response, referrer="no-referrer")


@require_http_methods(["GET", "POST"])
def emergency(request: HttpRequest) -> HttpResponse:
    """What to do first, and the form for the code; the patient's facts once it was right."""
    now = clock.now()
    if request.method == "POST":
        scanned, code = request.COOKIES.get(COOKIE, ""), request.POST.get("code", "")[:40]
        opened = open_page(scanned, code, who=request.POST.get("who", "")[:200], now=now)
        if opened is None:
            return _general(request, now, failed=True)
        response = redirect("emergency")
        _set_cookie(response, OPEN_COOKIE, opened[1], int((opened[0].until - now).total_seconds()))
        return private(response)
    cookie = request.COOKIES.get(OPEN_COOKIE, "")
    opening = opening_of(cookie, now=now) if cookie else None
    return _general(request, now) if opening is None else _facts(request, opening, now)


def form_too_old(request: HttpRequest) -> HttpResponse:
    """The code came without the form's secret: nothing was tried, and the page asks again."""
    return _general(request, clock.now(), again=True)


def _general(request: HttpRequest, now: datetime, *, failed: bool = False, again: bool = False) -> HttpResponse:
    data = emergency_data()
    number = number_on_card(request.COOKIES.get(COOKIE, ""), now=now)
    context = {
        **_frame(now),
        "general": data.general.words,
        "first": [row.words for row in data.first],
        "avoid": data.avoid_words,
        "number": number,
        "number_digits": dialled(number),
        "failed": failed,
        "again": again,
    }
    return private(render(request, "handrail/emergency/general.html", context))


def _facts(request: HttpRequest, opening: EmergencyOpening, now: datetime) -> HttpResponse:
    with acting_for(opening.organisation_id):
        context = {**_frame(now), **ed_facts.facts_of(opening.course, now, names=True)}
        return private(render(request, "handrail/emergency/sheet.html", context))


def _frame(now: datetime) -> dict[str, Any]:
    return {"now_iso": instant_iso(now), "clock_speed": f"{clock.speed():g}"}


def _set_cookie(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax")
