"""The check-in: a link becomes a cookie, a form becomes a fact, and the person reads the truth about it.

Nothing here is stored by a browser or a proxy, and no token, name or reading reaches a log.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.checkin_answers import Answers, Doubt
from handrail.actions.checkins import (
    COOKIE,
    LANGUAGE_COOKIE,
    PURPOSE,
    Receipt,
    Sheet,
    language_for,
    number_behind,
    receipt_of,
    receipt_that_waits,
    receive,
    sheet_for,
)
from handrail.actions.errors import ActionError, TooManyError
from handrail.actions.home_medicines import take_at_home
from handrail.actions.links import exchange_link, link_of_cookie
from handrail.actions.looked import others_who_read
from handrail.actions.looked_after import LookedAfter, looked_after
from handrail.actions.packets import packet_of
from handrail.people.models import LinkToken
from handrail.people.scope import acting_for
from handrail.web.cards import card_on_phone
from handrail.web.checkin import words
from handrail.web.checkin.doors import doors_context
from handrail.web.checkin.plan import plan_of, readers_of
from handrail.web.checkin.reading import alarm_from, answers_from
from handrail.web.sites.public import page_of
from handrail.web.without_account import unlogged
from handrail.web.words import instant_iso

LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)


@require_GET
def exchange(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the token for a cookie and go on to the form, so that the token is in no history and no referrer.

    A caregiver's own link leads to the alarm, and one that asks for the check by `?check` to the check.
    """
    now = clock.now()
    found = exchange_link(token, PURPOSE, now=now)
    if found is None:
        return _private(_over(request, number_behind(token=token, now=now)), referrer="no-referrer")
    link, cookie = found
    response = redirect("checkin_alarm" if link.contact_id and "check" not in request.GET else "checkin")
    _set_cookie(response, COOKIE, cookie, int((link.expires_at - now).total_seconds()))
    response.delete_cookie(LANGUAGE_COOKIE)
    return _private(response, referrer="no-referrer")


@require_http_methods(["GET", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """The form, and what happens when it is sent without JavaScript."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    chosen = request.GET.get("language", "")
    if request.method == "GET" and chosen in LANGUAGES:
        response = redirect("checkin")
        _set_cookie(response, LANGUAGE_COOKIE, chosen, 365 * 24 * 3600)
        return _private(response)
    sheet = sheet_for(link)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        if request.method == "POST":
            return _private(_received(request, sheet))
        log_look(sheet.course, "checkin", link=link)
        return _private(_form(request, sheet, waits=receipt_that_waits(link)))


@require_http_methods(["GET", "POST"])
def alarm(request: HttpRequest) -> HttpResponse:
    """The caregiver's page: raise an alarm now, see what is true of it and when the next check is due. The patient has the check-in."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    sheet = sheet_for(link)
    if not sheet.of_caregiver and request.method == "GET":
        return _private(redirect("checkin"))
    chosen = request.GET.get("language", "")
    if request.method == "GET" and chosen in LANGUAGES:
        response = redirect("checkin_alarm")
        _set_cookie(response, LANGUAGE_COOKIE, chosen, 365 * 24 * 3600)
        return _private(response)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        if request.method == "POST":
            return _private(_raised(request, sheet))
        log_look(sheet.course, "caregiver", link=link)
        waits = receipt_that_waits(link, taken_too=True)
        context = {
            **_frame(sheet),
            "id": uuid4(),
            "unit": sheet.unit,
            "signs": words.alarm_signs(sheet.policy),
            "receipt": waits,
            "waits": waits is not None,
            "after": _looked_after(sheet),
        }
        return _private(render(request, "handrail/checkin/alarm.html", context))


def _raised(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """An alarm is taken as it is: nothing is asked once more."""
    if request.POST.get("for", "") != sheet.tag or not sheet.of_caregiver:  # never lost without a word
        message = _("This page was opened with another link. Open it again and raise the alarm anew.")
        return _not_saved(request, sheet, message, 409)
    try:
        receipt = receive(sheet, alarm_from(request.POST, [each.value for each in words.alarm_signs(sheet.policy)]))
    except ActionError as error:
        return _not_saved(request, sheet, error.message, 409)
    log_look(sheet.course, "alarm_raised", link=sheet.link)
    return _after(request, sheet, receipt)


def form_too_old(request: HttpRequest) -> HttpResponse:
    """A form that came without its secret (somebody signed in on the same browser since): nothing is saved, and whom to call."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    sheet = sheet_for(link)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        return _private(_not_saved(request, sheet, _too_old(request.path), 403))


def _too_old(path: str) -> str:
    """What did not go through, and what is done instead: of an alarm or a medicine nobody is sent to write a check."""
    if path == reverse("checkin_alarm"):
        return _("This page was open too long. Call now, or raise the alarm anew.")
    if path == reverse("checkin_took"):
        return _("This could not be written down. Tell it to the person you call.")
    return _("This page was open too long. Write a new check.")


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker, whose address decides what it may serve: everything below /c/."""
    response = render(request, "handrail/checkin/sw.js", content_type="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


def _received(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    if request.POST.get("for", "") != sheet.tag:
        return _not_saved(
            request, sheet, _("This page was opened with another link. Open it again and write a new check."), 409
        )
    answers = answers_from(request.POST, [row.symptom for row in sheet.policy.triage.symptom])
    doubts = answers.doubts(sheet.policy)
    if doubts and "anyway" not in request.POST:
        return _form(request, sheet, answers, doubts)
    try:
        receipt = receive(sheet, answers)
    except ActionError as error:
        return _not_saved(request, sheet, error.message, 429 if isinstance(error, TooManyError) else 409)
    log_look(sheet.course, "checkin_sent", link=sheet.link)
    return _after(request, sheet, receipt)


def _after(request: HttpRequest, sheet: Sheet, receipt: Receipt) -> HttpResponse:
    return render(request, "handrail/checkin/sent.html", {**_frame(sheet), "receipt": receipt})


@require_GET
def sent(request: HttpRequest, check_id: UUID) -> HttpResponse:
    """What is true now about a check that was sent: the page after a plain form asks again by itself. It changes nothing.

    The look was written down when the check was sent.
    """
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    sheet = sheet_for(link)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        receipt = _receipt(link, str(check_id))
        if receipt is None:
            return _private(_not_saved(request, sheet, _("This check is not known here."), 404))
        return _private(_after(request, sheet, receipt))


def _receipt(link: LinkToken, check_id: str) -> Receipt | None:
    """The receipt of a check that the course of this link has."""
    try:
        return receipt_of(link, UUID(check_id))
    except (ValueError, ActionError):
        return None


@require_GET
def card(request: HttpRequest) -> HttpResponse:
    """The emergency card on the patient's phone, and who opened the page behind it."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    sheet, now = sheet_for(link), clock.now()
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        log_look(sheet.course, "emergency_card_shown", link=link, now=now)
        with acting_for(link.organisation_id):
            context = {**_frame(sheet), **card_on_phone(sheet.course, now), **doors_context(sheet)}
            return _private(render(request, "handrail/checkin/card.html", context))


@require_GET
def plan(request: HttpRequest) -> HttpResponse:
    """The patient's copy of the packet, in plain words."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    chosen = request.GET.get("language", "")
    if chosen in LANGUAGES:
        response = redirect("checkin_plan")
        _set_cookie(response, LANGUAGE_COOKIE, chosen, 365 * 24 * 3600)
        return _private(response)
    sheet, now = sheet_for(link), clock.now()
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        log_look(sheet.course, "packet_patient_copy", link=link, now=now)
        context = {**_frame(sheet), **doors_context(sheet), "after": _looked_after(sheet)}
        try:
            with acting_for(link.organisation_id):
                made = packet_of(sheet.course, now)
                others = others_who_read(sheet.course)
                context["place_page"] = page_of(sheet.course.site)
        except ActionError:
            return _private(render(request, "handrail/checkin/plan.html", context, status=409))
        clock_24h = sheet.course.patient.clock_24h
        context["plan"] = plan_of(made, sheet.policy, sheet.zone, clock_24h=clock_24h, unit=sheet.unit)
        context["readers"] = readers_of(others, sheet.zone, clock_24h=clock_24h)
        return _private(render(request, "handrail/checkin/plan.html", context))


@require_http_methods(["POST"])
def took(request: HttpRequest) -> HttpResponse:
    """ "I have taken it": written down with its time, which the clinician on call sees at once."""
    link = _link(request)
    if link is None:
        return _private(_over(request, number_behind(cookie=request.COOKIES.get(COOKIE, ""))))
    sheet = sheet_for(link)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        try:
            take_at_home(link, UUID(request.POST.get("authorisation", "")))
        except (ValueError, ActionError):
            message = _("This could not be written down. Tell it to the person you call.")
            return _private(_not_saved(request, sheet, message, 409))
        log_look(sheet.course, "home_medicine_taken", link=link)
        context = {**_frame(sheet), "receipt": _receipt(link, request.POST.get("check", ""))}
        return _private(render(request, "handrail/checkin/took.html", context))


def _form(
    request: HttpRequest,
    sheet: Sheet,
    answers: Answers | None = None,
    doubts: tuple[Doubt, ...] = (),
    waits: Receipt | None = None,
) -> HttpResponse:
    """The form. Above it stands what `waits`: who opens the link again at night reads "nobody has answered: go" before anything else."""
    given = answers or Answers(id=uuid4(), unit=sheet.unit)
    context = {
        **_frame(sheet),
        "given": given,
        "receipt": waits,
        "waits": waits is not None,
        "doubts": doubts,
        "asks": words.asks(doubts),
        "call_first": words.call_first(given, sheet.policy) if doubts else "",
        "fever_words": words.fever_words(sheet.policy),
        "fever_c": sheet.policy.triage.fever_c,
        "symptoms": words.boxes(sheet.policy, given),
        "antipyretic": words.antipyretic(given),
        "caregiver": words.yes_no(given.caregiver_present),
        "neuro": words.neuro(given),
        "judges": words.judges(given),
        "vitals": words.vitals(given, sheet.policy.plausible),
        "pack": words.yes_no(given.medicine_pack_at_hand),
        "limits": sheet.policy.plausible.get("temperature_c"),
        "greeting": words.greeting(clock.now(), sheet.zone),
        "after": _looked_after(sheet),
        **(doors_context(sheet) if waits is None else {}),
    }
    return render(request, "handrail/checkin/form.html", context, status=422 if doubts else 200)


def _looked_after(sheet: Sheet) -> LookedAfter:
    with acting_for(sheet.link.organisation_id):
        return looked_after(sheet.course, sheet.at)


def _frame(sheet: Sheet) -> dict[str, Any]:
    number = sheet.call
    return {
        "call": number,
        "call_digits": words.dialled(number),
        "demo": sheet.demo,
        "next_check": sheet.next_check,
        "clock_speed": f"{clock.speed():g}",
        "now_iso": instant_iso(clock.now()),
        "tag": sheet.tag,
        "caregiver_here": sheet.of_caregiver,
        "language": translation.get_language(),
    }


def _not_saved(request: HttpRequest, sheet: Sheet, message: str, status: int) -> HttpResponse:
    return render(request, "handrail/checkin/not_saved.html", {**_frame(sheet), "message": message}, status=status)


def _over(request: HttpRequest, number: str) -> HttpResponse:
    """The page of a link that opens nothing (any more). Its address is never logged: it may hold a token."""
    context = {
        "call": number,
        "call_digits": words.dialled(number),
        "language": translation.get_language(),
        "sending": request.method == "POST",
    }
    response = render(request, "handrail/checkin/over.html", context, status=410)
    return unlogged(response)


def _link(request: HttpRequest) -> LinkToken | None:
    cookie = request.COOKIES.get(COOKIE, "")
    return link_of_cookie(cookie, PURPOSE) if cookie else None


def _set_cookie(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    """A cookie that no script reads and that another site's form does not send."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=seconds, httponly=True, secure=secure, samesite="Lax")


def _private(response: HttpResponse, *, referrer: str = "same-origin") -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = referrer
    return response
