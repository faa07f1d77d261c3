"""The emergency page: what holds for everybody, then a code, then the facts of one patient.

Every address below /e/ is answered alike: a key that was never made, is over or was revoked leads to the same page with the same status,
which names nobody. No key reaches a log, a history or a referrer, and nothing is asked of any other server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.call_backs import ask_from_opening, own_states, rules_of
from handrail.actions.emergency import COOKIE, OPEN_COOKIE, exchange_key, number_on_card, open_page, opening_of
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.truth import number_to_call
from handrail.people.models import EmergencyOpening
from handrail.people.scope import acting_for
from handrail.rules.emergency import emergency_data
from handrail.web import call_backs, ed_facts
from handrail.web.checkin.words import dialled
from handrail.web.forms import Filled, fill
from handrail.web.without_account import private
from handrail.web.words import instant_iso

PATH: Final = "/e/"
NOT_SENT: Final = "NOT sent: look at what is marked, and press the button once more."
TOO_LONG: Final = "NOT sent: this page was open too long. What you typed is still here: press the button once more."
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


@require_http_methods(["GET", "POST"])
def call_back(request: HttpRequest) -> HttpResponse:
    """Ask the expert line for a call back; asked for like a page by the page itself: what has become of it, and nothing of the patient."""
    now = clock.now()
    asks = request.method == "POST"
    cookie = request.COOKIES.get(OPEN_COOKIE, "")
    opening = opening_of(cookie, now=now, looks=asks) if cookie else None
    background = not asks and "HTTP_X_HANDRAIL_BACKGROUND" in request.META
    if opening is None and background:  # the whole page goes, with the patient's facts that it still shows
        return private(HttpResponse(status=401, headers={"HX-Redirect": reverse("emergency")}))
    if opening is None and asks:  # whoever waits for a voice reads that nobody was asked
        return _general(request, now, not_sent=True)
    if opening is None or not (asks or background):
        return private(redirect("emergency"))
    if not asks:
        with acting_for(opening.organisation_id):
            context = {"call_back": {"rows": _call_back_rows(opening, now)}}
            return private(render(request, "handrail/emergency/call_back.html", context))
    filled = fill(call_backs.ASK_FORM, dict(request.POST.lists()), opening.course.time_zone)
    batch = call_backs.batch_of(request.POST.get("batch", ""))
    trouble = ""
    if not filled.errors:
        try:
            ask_from_opening(opening, call_backs.wish_of(filled.values), event_id=batch, now=now)
        except RefusedError as error:
            filled.errors[error.path if error.path in ("who", "number") else "number"] = error.message
        except ActionError as error:
            trouble = f"NOT sent. {error.message}"
        else:
            return private(redirect("emergency"))
    return _facts(request, opening, now, filled=filled, batch=batch, trouble=trouble or NOT_SENT, status=422)


def form_too_old(request: HttpRequest) -> HttpResponse:
    """A form came without its secret: nothing was tried, and the page asks again."""
    now = clock.now()
    cookie = request.COOKIES.get(OPEN_COOKIE, "")
    if request.path == reverse("emergency_call_back") and cookie:
        opening = opening_of(cookie, now=now)
        if opening is not None:
            filled = fill(call_backs.ASK_FORM, dict(request.POST.lists()), opening.course.time_zone)
            return _facts(request, opening, now, filled=filled, trouble=TOO_LONG)
    asked = request.path == reverse("emergency_call_back")
    return _general(request, now, again=not asked, not_sent=asked)


def _general(
    request: HttpRequest, now: datetime, *, failed: bool = False, again: bool = False, not_sent: bool = False
) -> HttpResponse:
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
        "not_sent": not_sent,
    }
    return private(render(request, "handrail/emergency/general.html", context))


def _facts(
    request: HttpRequest,
    opening: EmergencyOpening,
    now: datetime,
    *,
    filled: Filled | None = None,
    batch: UUID | None = None,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    with acting_for(opening.organisation_id):
        facts = ed_facts.facts_of(opening.course, now, names=True)
        context = {**_frame(now), **facts, "call_back": _call_back(opening, now, filled, batch, trouble)}
        return private(render(request, "handrail/emergency/sheet.html", context, status=status))


def _call_back(
    opening: EmergencyOpening, now: datetime, filled: Filled | None, batch: UUID | None, trouble: str
) -> dict[str, Any]:
    """What this opening asked for, and the form."""
    rows = _call_back_rows(opening, now)
    return {
        "rows": rows,
        "open": any(row["open"] for row in rows),
        "promise": rules_of(opening.course, now).promise_minutes,
        "trouble": trouble,
        **call_backs.ask_context(filled, batch),
    }


def _call_back_rows(opening: EmergencyOpening, now: datetime) -> list[dict[str, Any]]:
    """Of this opening alone: another department's number and wishes are none of its business."""
    course = opening.course
    states = own_states(course, opening.pk, now)
    return call_backs.rows(states, course.time_zone, call=number_to_call(course, now))


def _frame(now: datetime) -> dict[str, Any]:
    return {"now_iso": instant_iso(now), "clock_speed": f"{clock.speed():g}"}


def _set_cookie(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax")
