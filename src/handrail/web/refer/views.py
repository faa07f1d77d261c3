"""The public door: a form on a phone, a sheet to fax, and behind a link with its code how far a referral got.

Whatever stands at an address of no door, and behind a link that opens nothing, is answered alike and names nobody. The link alone shows
nothing; with the code it shows how far the referral got and what the practice is asked, and nothing of the patient.

In English and Spanish: a form speaks the language that was asked for, or the browser's; what follows it speaks that of the form.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.errors import ActionError, ConflictError, RefusedError, TooManyError
from handrail.actions.referral_intake import door_named, receive
from handrail.actions.referral_list import (
    LINK_COOKIE,
    OPEN_COOKIE,
    OPEN_FOR,
    answer,
    behind,
    exchange_token,
    is_mailed,
    is_open,
    known_to_practice,
    opened_cookie,
    try_code,
)
from handrail.actions.referral_looks import practice_looks
from handrail.actions.words_times import home_time
from handrail.people.models import Organisation, Referral, ReferralDoor
from handrail.rules.referral import Progress, Stage
from handrail.web.forms import Filled, fill
from handrail.web.refer.forms import draft_of, form
from handrail.web.without_account import private, unlogged
from handrail.web.words import instant_iso

PATH: Final = "/refer/"
LANGUAGES: Final = ("en", "es")
AGAIN: Final = gettext_lazy(
    "This page was open too long, so nothing was sent. What you typed is still here: please press the button once more."
)


def spoken(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The page in the language that was asked for; else in that of the referral that this browser holds, else of the browser."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = _language(request)
        with translation.override(language):
            response = view(request, *args, **kwargs)
        response.headers["Content-Language"] = language
        return response

    return inner


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("language") or request.POST.get("speak") or request.POST.get("written_in")
    if asked in LANGUAGES:
        return asked
    held = behind(request.COOKIES.get(LINK_COOKIE, ""), clock.now())
    if held is not None and request.path in (reverse("refer_sent"), reverse("refer_status")):
        return held.written_in
    return "es" if request.headers.get("Accept-Language", "").lower().startswith("es") else "en"


@require_http_methods(["GET", "POST"])
@spoken
def refer(request: HttpRequest, code: str) -> HttpResponse:
    """The form. What was typed stays whatever goes wrong."""
    door = door_named(code)
    if door is None:
        return _nobody(request)
    if request.method == "GET" or "speak" in request.POST:  # another language was asked for: what was typed goes along
        typed = {name: list(values) for name, values in request.POST.lists()}
        return _form(request, door, Filled(form=form(), typed=typed), status=200)
    filled = _typed(request, door)
    if filled.errors:
        return _form(request, door, filled, status=422)
    now, written_in = clock.now(), translation.get_language() or LANGUAGES[0]
    try:
        referral = receive(code, draft_of(filled.values), referral_id=_batch(request), written_in=written_in, now=now)
    except RefusedError as error:
        filled.errors[error.path or "practice"] = _(error.message)
        return _form(request, door, filled, status=422)
    except TooManyError as error:
        trouble = " ".join((_(error.message), _("Phone us, or fax the sheet.")))
        return _form(request, door, filled, status=429, trouble=trouble)
    except ConflictError as error:
        return _form(request, door, filled, status=409, trouble=_(error.message))
    response = redirect("refer_sent")
    found = exchange_token(referral.key, now)
    if found is not None:
        _set_cookie(response, LINK_COOKIE, found[1], int((referral.expires_at - now).total_seconds()))
    _set_cookie(response, OPEN_COOKIE, opened_cookie(referral, now), int(OPEN_FOR.total_seconds()))
    return private(response)


@spoken
def form_too_old(request: HttpRequest) -> HttpResponse:
    """The form came without its secret: nothing was sent, and what was typed is shown again."""
    parts = request.path.removeprefix(PATH).strip("/")
    door = door_named(parts) if parts and "/" not in parts else None
    if door is None:
        return redirect("refer_status")
    return _form(request, door, _typed(request, door), status=422, trouble=str(AGAIN))


@require_GET
@spoken
def sheet(request: HttpRequest, code: str) -> HttpResponse:
    """The same questions on paper."""
    door = door_named(code)
    if door is None:
        return _nobody(request)
    context = {**_frame(), "door": _shown(request, door), "fields": form().fields}
    return private(render(request, "handrail/refer/sheet.html", context))


@require_GET
@spoken
def sent(request: HttpRequest) -> HttpResponse:
    """The code and the link of what was just sent."""
    now = clock.now()
    referral = _open(request, now)
    if referral is None:
        return private(redirect("refer_status"))
    link = request.build_absolute_uri(reverse("refer_link", args=[referral.key]))
    context = {**_frame(), "code": referral.code, "link": link, "mail": is_mailed(referral)}
    return private(render(request, "handrail/refer/sent.html", {**context, "by": _number(referral)}))


@require_GET
def exchange(_request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the token of a link for a cookie, and go on: whatever it was."""
    now = clock.now()
    found = exchange_token(token, now)
    response = redirect("refer_status")
    if found is None:
        response.delete_cookie(LINK_COOKIE, path=PATH)
    else:
        _set_cookie(response, LINK_COOKIE, found[1], int((found[0].expires_at - now).total_seconds()))
    response.delete_cookie(OPEN_COOKIE, path=PATH)
    return private(response, referrer="no-referrer")


@require_http_methods(["GET", "POST"])
@spoken
def status(request: HttpRequest) -> HttpResponse:
    """The code first, then how far the referral got, and what the practice is asked."""
    now = clock.now()
    held = behind(request.COOKIES.get(LINK_COOKIE, ""), now)
    if held is None:
        return _over(request)
    if not is_open(held, request.COOKIES.get(OPEN_COOKIE, ""), now):
        return _try(request, held, now) if request.method == "POST" else _code(request)
    trouble, typed, question = "", "", ""
    if request.method == "POST":
        question, typed = request.POST.get("question", "")[:40], request.POST.get("answer", "")[:5000]
        try:
            answer(held, question, typed, now=now)
        except ActionError as error:
            trouble = _(error.message)
        else:
            return private(redirect("refer_status"))
    practice_looks(held, "referral_status", now)
    known = known_to_practice(held, now)
    asked = [
        {
            "id": str(each.pk),
            "text": each.payload["question"],
            "at": home_time(each.at, known.case.zone, clock_24h=True),
            "answer": said.payload["answer"] if said is not None else None,
        }
        for each, said in known.questions
    ]
    context = {
        **_frame(),
        "code": held.code,
        "steps": _steps(known.case.progress, known.case.zone),
        "asked": asked,
        "closed": known.case.standing.stage is Stage.CLOSED,
        "trouble": trouble,
        "typed": typed,
        "typed_for": question,
        "by": _number(held),
    }
    return private(render(request, "handrail/refer/status.html", context, status=422 if trouble else 200))


# --- parts --------------------------------------------------------------------------------------------------------------


def _steps(progress: Progress, zone: str) -> list[dict[str, Any]]:
    """What the practice may know, in the order of the way."""

    def when(at: datetime | None) -> str:
        return home_time(at, zone, clock_24h=True) if at is not None else ""

    contacted, on = when(progress.contacted_at), progress.contact_planned_on
    planned = _("planned for %(day)s") % {"day": _day(on)} if on is not None else ""
    return [
        {"words": _("Received"), "when": when(progress.received_at)},
        {"words": _("Read by a named person"), "when": when(progress.read_at)},
        {"words": _("First contact with the patient"), "when": contacted or planned, "half": not contacted},
        {"words": _("Decided"), "when": when(progress.decided_at)},
        {"words": _("Answer with the reasons sent to you"), "when": when(progress.told_at)},
    ]


def _day(on: date) -> str:
    """`Tue 3 Mar 2026`, in the language in use."""
    return str(date_format(on, "D j M Y"))


def _open(request: HttpRequest, now: datetime) -> Referral | None:
    held = behind(request.COOKIES.get(LINK_COOKIE, ""), now)
    return held if held is not None and is_open(held, request.COOKIES.get(OPEN_COOKIE, ""), now) else None


def _typed(request: HttpRequest, door: ReferralDoor) -> Filled:
    return fill(form(), dict(request.POST.lists()), door.organisation.time_zone)


def _batch(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("batch", ""))
    except ValueError:
        return uuid4()


def _form(request: HttpRequest, door: ReferralDoor, filled: Filled, *, status: int, trouble: str = "") -> HttpResponse:
    context = {
        **_frame(),
        "door": _shown(request, door),
        "rows": filled.rows(),
        "errors": filled.errors,
        "trouble": trouble,
        "batch": _batch(request),
    }
    return private(render(request, "handrail/refer/form.html", context, status=status))


def _shown(request: HttpRequest, door: ReferralDoor) -> dict[str, Any]:
    number = (door.site.call_number if door.site is not None else "") or door.organisation.call_number
    return {
        "code": door.code,
        "name": door.organisation.name,
        "number": number,
        "fax": door.fax,
        "demo": door.organisation.mode == Organisation.Mode.DEMO,
        "address": request.build_absolute_uri(reverse("refer", args=[door.code])),
    }


def _number(referral: Referral) -> str:
    return (referral.site.call_number if referral.site is not None else "") or referral.organisation.call_number


def _try(request: HttpRequest, held: Referral, now: datetime) -> HttpResponse:
    opened = try_code(held, request.POST.get("code", "")[:40], now)
    if opened is None:
        return _code(request, trouble=_("That is not the code of this referral."))
    response = redirect("refer_status")
    _set_cookie(response, OPEN_COOKIE, opened, int(OPEN_FOR.total_seconds()))
    return private(response)


def _code(request: HttpRequest, *, trouble: str = "") -> HttpResponse:
    context = {**_frame(), "trouble": trouble}
    return private(render(request, "handrail/refer/code.html", context, status=422 if trouble else 200))


def _nobody(request: HttpRequest) -> HttpResponse:
    return private(render(request, "handrail/refer/nobody.html", _frame(), status=404))


def _over(request: HttpRequest) -> HttpResponse:
    response = render(request, "handrail/refer/over.html", _frame(), status=410)
    return private(unlogged(response))


def _frame() -> dict[str, Any]:
    language = translation.get_language() or LANGUAGES[0]
    other = next(each for each in LANGUAGES if each != language)
    return {
        "now_iso": instant_iso(clock.now()),
        "clock_speed": f"{clock.speed():g}",
        "language": language,
        "other_language": other,
    }


def _set_cookie(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax")
