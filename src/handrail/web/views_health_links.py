"""The health links of a course for staff: made, shown to be given away, printed, revoked. Their list stands on the page of the packet."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions import not_known
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.health_links import MAKE, REVOKE, Wish, make_link, opens, revoke_health_link
from handrail.people import permissions
from handrail.records.models import PacketVersion
from handrail.rules.packet_parts import Field
from handrail.web import health_links as page
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.not_known import asked_of, keys_said
from handrail.web.presenters import patient_words

_DIGITS = 6


@staff_page
@require_http_methods(["GET", "POST"])
def new_health_link(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The form, and the link that it makes. What was typed is kept when something is wrong."""
    found, user = course_for(request, course_id, MAKE), signed_in(request)
    offer = page.offered()
    typed: dict[str, Any] = offer["start"]
    error: RefusedError | None = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").strip() for name in ("label", "days", "purpose")}
        typed["with_passcode"] = bool(request.POST.get("with_passcode")) or not offer["may_be_left_out"]
        days = typed["days"]
        wish = Wish(
            label=typed["label"],
            purpose=typed["purpose"],
            days=int(days) if days.isascii() and days.isdigit() and len(days) < _DIGITS else 0,
            with_passcode=typed["with_passcode"],
            not_known=keys_said(request),
        )
        try:
            made = make_link(found.pk, wish, by=person(user))
        except RefusedError as refused:
            error = refused
        else:
            return redirect("health_link", course_id=found.pk, link_id=made.pk)
    log_look(found, "new_health_link", user=user)
    names = permissions.may(user, "view_identity", found, clock.now())
    newest = found.packets.select_related("content").order_by("-number").first()
    unsaid = error is not None and error.code == not_known.CODE
    context = {
        **frame(request, "courses"),
        "course": {"id": found.pk, "who": patient_words(found, names=names)},
        "offer": offer,
        "typed": typed,
        "error": error.message if error else "",
        "wrong": error.path if error else "",
        "newest": newest,
        **asked_of(_unsaid(newest), error.message if error is not None and unsaid else ""),
    }
    return render(request, "handrail/health_link_new.html", context, status=422 if error else 200)


def _unsaid(newest: PacketVersion | None) -> tuple[Field, ...]:
    """What is empty in the newest version and was not said; nothing of one that cannot be read, which opens nothing."""
    try:
        return not_known.standing_of(newest, clock.now()).unsaid if newest is not None else ()
    except RefusedError:
        return ()


@staff_page
@require_GET
def health_link(request: HttpRequest, course_id: UUID, link_id: UUID) -> HttpResponse:
    """One link, to be given away: as a printed sheet with its code, or as text. The passcode goes another way."""
    found, user, now = course_for(request, course_id, MAKE), signed_in(request), clock.now()
    row = found.health_links.select_related("link").filter(pk=link_id).first()
    if row is None or not opens(row, now):
        raise Http404("There is no such link.")
    log_look(found, "health_link_shown", user=user, now=now)
    names = permissions.may(user, "view_identity", found, now)
    context = {**page.sheet(found, row, now, names=names), **frame(request, "courses")}
    context["may_revoke"] = permissions.may(user, REVOKE, found, now)
    return render(request, "handrail/health_link.html", context)


@staff_page
@changes("packet", "course_id")
def end_health_link(request: HttpRequest, course_id: UUID, link_id: UUID) -> HttpResponse:
    """Revoke a link."""
    found, user = course_for(request, course_id, REVOKE), signed_in(request)
    revoke_health_link(found.pk, link_id, by=person(user))
    log_look(found, "health_link_revoked", user=user)
    messages.success(request, "This link opens nothing any more, and nobody can fetch its file.")
    return redirect("packet", course_id=found.pk)
