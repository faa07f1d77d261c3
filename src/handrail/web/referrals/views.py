"""The desk of the referrals: the list with what is red first, one referral with its decision, and the public address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions import referral_list
from handrail.actions import referrals as verbs
from handrail.actions.actor import Actor, person
from handrail.actions.errors import ConflictError, NotAllowedError, RefusedError
from handrail.actions.referral_courses import name_maintenance, start_from_referral
from handrail.actions.referral_intake import open_door, type_in
from handrail.actions.referral_list import Case, case_for
from handrail.actions.referral_looks import look_at
from handrail.people import permissions
from handrail.people.models import Organisation, ReferralDoor, Site
from handrail.rules.terms import civil_instant
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill
from handrail.web.paging import asked_for, at_site, share_of, site_counts, ways
from handrail.web.refer.forms import draft_of, typed_in
from handrail.web.referrals import page

REACHED: Final = {"yes": True, "no": False, "not_known": None}


@staff_page
@require_GET
def referrals(request: HttpRequest) -> HttpResponse:
    """What is red first, then what is late, then the oldest, a page at a time; the closed ones too. Constant number of queries.

    All open ones are put in order before any is left to another page. Where the address asks for the closed ones, it leafs through
    those, and the open ones stand as their first page.
    """
    user, now = signed_in(request), clock.now()
    asked = asked_for(request, "closed")
    ever, through_closed = request.GET.get("closed") == "ever", "closed" in request.GET
    houses = referral_list.organisations_with_referrals(user, now)
    rows, over = referral_list.open_referrals(houses), referral_list.closed_referrals(houses, now, ever=ever)
    ordered = [each for each in referral_list.in_order(rows, now) if asked.is_at(each.site_id)]
    share = share_of(replace(asked, page=1) if through_closed else asked, site_counts(rows))
    closed = share_of(asked if through_closed else replace(asked, page=1), site_counts(over))
    shown = ordered[share.rows]
    red = {each.id for each in shown if each.red}
    cases = referral_list.cases_in([each.id for each in shown], now)
    where = permissions.organisations_of(user, now)
    doors = ReferralDoor.objects.select_related("organisation").filter(organisation__in=where, closed_at__isnull=True)
    context = {
        **frame(request, "programme"),
        "red": [page.row(case) for case in cases if case.referral.pk in red],
        "red_count": sum(each.red for each in ordered),
        "late_count": sum(each.late and not each.red for each in ordered),
        "open": [page.row(case) for case in cases if case.referral.pk not in red],
        "open_count": sum(not each.red for each in ordered),
        "list": ways(share),
        "closed": list(at_site(over, asked).defer(*referral_list.NOT_LISTED, "told")[closed.rows]),
        "over": ways(closed),
        "through_closed": through_closed,
        "asked_site": asked.site,
        "ever": ever,
        "closed_days": referral_list.CLOSED_SHOWN.days,
        "doors": [request.build_absolute_uri(reverse("refer", args=[each.code])) for each in doors.order_by("code")],
        "may_work": permissions.may(user, "work_referral", None, now),
        "may_open": permissions.may(user, "open_referral_door", None, now),
    }
    return render(request, "handrail/referrals/list.html", context)


@staff_page
@require_GET
def referral(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """One referral: what was said, what is not known, its clocks, the options, and what is done next."""
    return _page(request, look_at(signed_in(request), referral_id, "referral"))


@staff_page
@require_GET
def letter(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The message with the decision and its reasons, to print, fax or read out."""
    case = look_at(signed_in(request), referral_id, "referral_letter")
    context = {**frame(request, "programme"), "one": page.detail(case, clock.now())}
    return render(request, "handrail/referrals/letter.html", context, status=200 if context["one"]["decided"] else 409)


@staff_page
@changes("referral", "referral_id")
def step(request: HttpRequest, referral_id: UUID, what: str) -> HttpResponse:
    """One thing that is done about a referral, by the form that was sent."""
    by = person(signed_in(request))
    case = case_for(signed_in(request), referral_id, clock.now())
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    typed["considerations"] = "\n".join(request.POST.getlist("considerations"))
    work = STEPS.get(what)
    if work is None:
        raise NotAllowedError("There is no such step.")
    try:
        work(case, typed, by)
    except (RefusedError, ConflictError) as error:
        again = look_at(signed_in(request), referral_id, "referral")
        return _page(request, again, trouble=error.message, typed={**typed, "what": what}, status=422)
    messages.success(request, "Written down.")
    return redirect("referral", referral_id=referral_id)


def _page(
    request: HttpRequest, case: Case, *, trouble: str = "", typed: Mapping[str, str] | None = None, status: int = 200
) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    where = case.referral.organisation_id
    context = {
        **frame(request, "programme"),
        "one": page.detail(case, now),
        "trouble": trouble,
        "typed": typed or {},
        "batch": uuid4(),
        "options": page.options(),
        "ways": list(verbs.WAYS.items()),
        "may_work": permissions.may(user, "work_referral", None, now, organisation_id=where),
        "may_see_looks": permissions.may(user, "view_looks", None, now, organisation_id=where),
        "may_start": permissions.may(user, "start_course", None, now, organisation_id=where),
        "labels": page.labels(),
        "may_decide": permissions.may(user, "decide_option", None, now, organisation_id=where),
    }
    return render(request, "handrail/referrals/one.html", context, status=status)


# --- the steps ------------------------------------------------------------------------------------------------------------


def _batch(typed: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(typed.get("batch", ""))
    except ValueError:
        return None


def _day(typed: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(typed.get("on", ""))
    except ValueError:
        raise RefusedError("Type the day, such as 2026-03-04.", code="not_a_day", path="on") from None


def _when(case: Case, typed: Mapping[str, str]) -> datetime | None:
    text = typed.get("at", "").strip()
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
        return civil_instant(local.date(), local.time(), case.zone)
    except (ValueError, OverflowError):
        raise RefusedError("Type a date and time.", code="not_a_time", path="at") from None


def _reached(typed: Mapping[str, str]) -> bool | None:
    word = typed.get("reached", "")
    if word not in REACHED:
        raise RefusedError("Was the patient reached?", code="missing_key", path="reached")
    return REACHED[word]


def _decide(case: Case, typed: Mapping[str, str], by: Actor) -> None:
    decision = verbs.Decision(
        option=typed.get("option", ""),
        rationale=typed.get("rationale", ""),
        message=typed.get("message", ""),
        considerations=tuple(typed["considerations"].split()),
        product=typed.get("product", "")[:40],
    )
    verbs.decide(case.referral.pk, decision, by=by, entry_id=_batch(typed))


def _maintenance(case: Case, typed: Mapping[str, str], by: Actor) -> None:
    word = typed.get("chosen", "")
    if word not in REACHED:
        raise RefusedError("Choose one of the answers.", code="unknown_word", path="chosen")
    name_maintenance(case.referral.pk, REACHED[word], typed.get("name", ""), by=by)


def _set_aside(case: Case, typed: Mapping[str, str], by: Actor) -> None:
    second = typed.get("second_of", "")
    try:
        other = UUID(second) if second else None
    except ValueError:
        raise RefusedError("There is no such other referral.", code="no_such_referral", path="second_of") from None
    verbs.set_aside(case.referral.pk, typed.get("because", ""), by=by, second_of=other)


GIVEN_BEFORE: Final[Mapping[str, bool]] = {"no": True, "yes": False}
"""The answer to "was any dose of it given before?" as the start of a course keeps it; every other answer is not known."""


def _start(case: Case, typed: Mapping[str, str], by: Actor) -> None:
    start_from_referral(
        case.referral.pk,
        by=by,
        protocol_key=typed.get("protocol_key", ""),
        record_number=typed.get("record_number", "")[:100],
        nothing_given=GIVEN_BEFORE.get(typed.get("given_before", "")),
        event_id=_batch(typed),
    )


STEPS: Final[Mapping[str, Callable[[Case, Mapping[str, str], Actor], Any]]] = {
    "claim": lambda case, _typed, by: verbs.claim(case.referral.pk, by=by),
    "acknowledge": lambda case, typed, by: verbs.acknowledge(case.referral.pk, typed.get("way", ""), by=by),
    "ask": lambda case, typed, by: verbs.ask(
        case.referral.pk, typed.get("question", ""), by=by, entry_id=_batch(typed)
    ),
    "complete": lambda case, _typed, by: verbs.say_complete(case.referral.pk, by=by),
    "plan": lambda case, typed, by: verbs.plan_contact(case.referral.pk, _day(typed), by=by),
    "contact": lambda case, typed, by: verbs.note_contact(
        case.referral.pk, by=by, reached=_reached(typed), at=_when(case, typed), entry_id=_batch(typed)
    ),
    "decide": _decide,
    "tell": lambda case, typed, by: verbs.tell(case.referral.pk, typed.get("way", ""), by=by),
    "close": lambda case, _typed, by: verbs.close(case.referral.pk, by=by),
    "aside": _set_aside,
    "maintenance": _maintenance,
    "start": _start,
}


# --- what comes in --------------------------------------------------------------------------------------------------------


@staff_page
@require_http_methods(["GET", "POST"])
def type_in_one(request: HttpRequest) -> HttpResponse:
    """A fax or a phone call, typed in."""
    house = _house(request, "work_referral")
    form = typed_in()
    filled = Filled(form=form, typed={})
    batch = _batch({"batch": request.POST.get("batch", "")}) or uuid4()
    status, trouble = 200, ""
    if request.method == "POST":
        filled, status = fill(form, dict(request.POST.lists()), house.time_zone), 422
        if not filled.errors:
            came = filled.values.get("received_at")
            try:
                made = type_in(
                    house.pk,
                    draft_of(filled.values),
                    by=person(signed_in(request)),
                    referral_id=batch,
                    received_at=datetime.fromisoformat(came) if came else None,
                )
            except RefusedError as error:
                filled.errors[error.path or "practice"] = error.message
            except ConflictError as error:
                trouble = error.message
            else:
                return redirect("referral", referral_id=made.pk)
    context = {**frame(request, "programme"), "rows": filled.rows(), "errors": filled.errors, "batch": batch}
    return render(request, "handrail/referrals/type_in.html", {**context, "trouble": trouble}, status=status)


@staff_page
@require_http_methods(["GET", "POST"])
def door(request: HttpRequest) -> HttpResponse:
    """The public address at which referrals are taken."""
    house = _house(request, "open_referral_door")
    own = ReferralDoor.objects.filter(organisation=house, closed_at__isnull=True).first()
    form, status = _door_form(house), 200
    start = {"code": [own.code], "fax": [own.fax], "site": [str(own.site_id or "")]} if own is not None else {}
    filled = Filled(form=form, typed=start)
    if request.method == "POST":
        filled, status = fill(form, dict(request.POST.lists()), house.time_zone), 422
        if not filled.errors:
            site = filled.values.get("site")
            try:
                open_door(
                    house.pk,
                    filled.values["code"],
                    by=person(signed_in(request)),
                    site=UUID(site) if site else None,
                    fax=filled.values.get("fax", ""),
                )
            except RefusedError as error:
                filled.errors[error.path or "code"] = error.message
            else:
                messages.success(request, "The address is open.")
                return redirect("referrals")
    context = {**frame(request, "programme"), "rows": filled.rows(), "errors": filled.errors}
    return render(request, "handrail/referrals/door.html", context, status=status)


def _house(request: HttpRequest, verb: str) -> Organisation:
    user, now = signed_in(request), clock.now()
    for organisation in permissions.organisations_of(user, now):
        if permissions.may(user, verb, None, now, organisation_id=organisation):
            return Organisation.objects.get(pk=organisation)
    raise NotAllowedError("Your role does not allow that here.")


def _door_form(house: Organisation) -> Form:
    sites = tuple((str(site.pk), site.name) for site in Site.objects.filter(organisation=house).order_by("name", "id"))
    return Form(
        key="door",
        title="The public address",
        verb="open_referral_door",
        events=lambda _: [],
        fields=(
            Field(
                name="code",
                label="Word of the address",
                kind="text",
                required=True,
                hint="Letters, digits and dashes: it is printed and dictated. Another word closes the one before it.",
            ),
            Field(name="site", label="Where referred patients are seen", kind="choice", choices=sites),
            Field(name="fax", label="Fax number on the sheet", kind="text"),
        ),
    )
