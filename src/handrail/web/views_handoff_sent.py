"""What a hand-off is sent by: the offer with its check before, the link with its code, the fax sheet, and the call about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions import handoff_doors, handoffs, not_known, packets
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.handoff_doors import Who
from handrail.actions.moves import loops_of
from handrail.people import permissions
from handrail.people.models import Organisation
from handrail.records.accountability import responsible_for
from handrail.records.models import Course, HandoffDoor
from handrail.rules.packet_parts import Field as PacketField
from handrail.rules.terms import say_instant
from handrail.web import handoff_page as page
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.forms import Filled, fill
from handrail.web.handoff_facts import sheet_facts
from handrail.web.handoff_forms import ACCOUNT, FAX, LINK, offer_form, read_offer, receivers
from handrail.web.handoff_held import Held, doors_of, head, held_for, typed_day
from handrail.web.not_known import asked_of, keys_said
from handrail.web.words import local_time

# --- the offer ----------------------------------------------------------------------------------------------------------


@staff_page
@require_http_methods(["GET", "POST"])
def offer(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Hand over care: first what the rules say about it and the days of the next dose, then the button that sends it."""
    found, now = course_for(request, course_id, handoffs.OFFER), clock.now()
    waiting = next((each for each in loops_of(found, now) if each.stage.waits), None)
    if waiting is not None:
        if request.POST.get("id") != waiting.id:
            messages.warning(request, "This hand-off waits already. Withdraw it before you offer another.")
        return redirect("handoff", course_id=found.pk, handoff_id=waiting.id)
    current = responsible_for(found, now)
    if current not in permissions.organisations_of(signed_in(request), now):
        raise PermissionDenied("Only the organisation that answers for the patient hands the care over.")
    organisations = receivers(found, current, now)
    judged = page.judged(found, now)
    form = offer_form(found, current, organisations, judged.policy)
    if request.method == "GET":
        log_look(found, "hand_over", user=signed_in(request), now=now)
        return _offer_page(request, found, Filled(form=form, typed={}), judged, now)
    filled = fill(form, dict(request.POST.lists()), found.time_zone)
    what = read_offer(filled, found, current, organisations)
    if what is None:
        return _offer_page(request, found, filled, judged, now, status=422)
    offered = handoffs.offer_event(what, current, uuid4(), now)
    by = {"by": {"role": "nurse"}, "recorded_at": now.isoformat()}
    checked = page.judged(found, now, {**offered, **by})
    asked: dict[str, Any] = {"checked": offered["id"], "to": what.to, "empty": packets.unfilled_of(found, now)}
    if filled.errors or request.POST.get("step") != "send":
        return _offer_page(request, found, filled, checked, now, status=422 if filled.errors else 200, **asked)
    what = replace(what, not_known=keys_said(request))
    try:
        done = handoffs.offer(found.pk, what, by=person(signed_in(request)), id=_id(request), now=now)
    except RefusedError as error:
        if error.code == not_known.CODE:
            filled.errors[not_known.PATH] = error.message
            return _offer_page(request, found, filled, checked, now, status=422, **asked)
        filled.errors[error.path if error.path in filled.values else "to"] = error.message
        return _offer_page(request, found, filled, judged, now, status=422)
    return _sent(request, found, UUID(str(done.event.id)), filled.values["channel"], now)


def _sent(request: HttpRequest, course: Course, handoff: UUID, channel: str, now: datetime) -> HttpResponse:
    """After the offer: their inbox has it, or the link or the sheet is made at once."""
    by = person(signed_in(request))
    if channel == LINK:
        return link_page(request, course, handoff, now)
    if channel == FAX:
        handoff_doors.make_fax(course.pk, handoff, by=by, now=now)
        messages.success(request, "Offered. Print this sheet and fax it; then say that it went through.")
        return redirect("handoff_fax", course_id=course.pk, handoff_id=handoff)
    if channel == ACCOUNT:
        handoffs.delivered(course.pk, handoff, "on_screen", by=by, now=now)
    messages.success(request, "Offered. You answer for the patient until a named person there has accepted.")
    return redirect("handoff", course_id=course.pk, handoff_id=handoff)


def _offer_page(
    request: HttpRequest,
    course: Course,
    filled: Filled,
    judged: page.Judged,
    now: datetime,
    *,
    status: int = 200,
    checked: str = "",
    to: Organisation | None = None,
    empty: Sequence[PacketField] = (),
) -> HttpResponse:
    told = judged.told(checked) if checked else None
    context = {
        **frame(request, "handoffs"),
        **head(request, course, now),
        "rows": filled.rows(),
        "errors": filled.errors,
        "clock_rows": page.clock_rows(judged.clock, now),
        "zone_note": page.zone_note(judged.clock, to),
        "trouble": judged.trouble,
        "kind": page.kind_rows(told) if told is not None else None,
        "coming": page.chased(course, checked, judged, now, pages=False)["coming"] if told is not None else [],
        "accept_due": local_time(told.accept_due, course.time_zone) if told is not None and told.accept_due else "",
        "checked": checked,
        "to": to,
        **asked_of(empty, filled.errors.get(not_known.PATH, "")),
    }
    return render(request, "handrail/handoff_offer.html", context, status=status)


def _id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return uuid4()


# --- without an account -------------------------------------------------------------------------------------------------


def link_page(request: HttpRequest, course: Course, handoff: UUID, now: datetime) -> HttpResponse:
    """Make the link and show it once, with its code beside it, which travels on another way."""
    said = keys_said(request)
    made = handoff_doors.make_link(course.pk, handoff, not_known=said, by=person(signed_in(request)), now=now)
    loop = page.loop_of(course, handoff, now)
    receiver = page.organisation_of(loop.offered.body.to_party) if loop is not None else None
    context = {
        **frame(request, "handoffs"),
        **head(request, course, now),
        "id": handoff,
        "address": request.build_absolute_uri(reverse("handoff_link", args=[made.token])),
        "code": spaced(made.door.read_code),
        "to": receiver,
        "until": say_instant(made.door.expires_at, course.time_zone),
    }
    return render(request, "handrail/handoff_link.html", context)


def spaced(code: str) -> str:
    """A code as it is read aloud: `ABC DEF`."""
    return f"{code[:3]} {code[3:]}"


@staff_page
@require_http_methods(["GET", "POST"])
def heard(request: HttpRequest, course_id: UUID, handoff_id: UUID) -> HttpResponse:
    """The call to a receiver with a fax sheet: who is on the phone, and which of its codes they read back."""
    held = held_for(request, course_id, handoff_id, handoffs.OFFER)
    if not held.sends:
        raise PermissionDenied("That is for the organisation that sent the sheet.")
    trouble = ""
    if request.method == "POST":
        try:
            messages.success(request, _heard(request, held))
            return redirect("handoff", course_id=course_id, handoff_id=handoff_id)
        except RefusedError as error:
            trouble = error.message
        except NotAllowedError:
            raise
    log_look(held.course, "handoff_call", user=signed_in(request), now=held.now)
    receiver = page.organisation_of(held.loop.offered.body.to_party)
    context = {
        **frame(request, "handoffs"),
        **head(request, held.course, held.now),
        "id": held.loop.id,
        "to": receiver,
        "waits": held.loop.stage.waits,
        "has_read": held.loop.read is not None,
        "sheet": doors_of(held)["fax"],
        "typed": request.POST,
        **page.days_of(held.course, held.loop, held.now),
        "trouble": trouble,
    }
    return render(request, "handrail/handoff_call.html", context, status=422 if trouble else 200)


def _heard(request: HttpRequest, held: Held) -> str:
    typed = request.POST
    who = Who(typed.get("name", ""), typed.get("role", ""))
    if not who.name.strip() or not who.role.strip():
        raise RefusedError("Name and role: who is on the phone?", code="missing_key", path="name")
    fields: dict[str, Any] = {
        "code": typed.get("code", ""),
        "who": who,
        "by": person(signed_in(request)),
        "now": held.now,
    }
    if typed.get("what") == "accept":
        begins = typed_day(typed.get("from_on", ""))
        handoff_doors.heard_accepted(held.course.pk, UUID(held.loop.id), from_on=begins, **fields)
        return "They take the patient over. The patient's page and number follow from that moment on."
    handoff_doors.heard_read(held.course.pk, UUID(held.loop.id), **fields)
    return "Written down who has read it. You still answer for the patient until they accept."


@staff_page
@require_GET
def fax_sheet(request: HttpRequest, course_id: UUID, handoff_id: UUID) -> HttpResponse:
    """The sheet to be faxed: one page, with the codes that a person there reads back by phone."""
    held = held_for(request, course_id, handoff_id, handoffs.OFFER)
    door = (
        HandoffDoor.objects.filter(
            course=held.course,
            handoff=UUID(held.loop.id),
            kind=HandoffDoor.Kind.FAX,
            closed_at__isnull=True,
            expires_at__gt=held.now,
        )
        .order_by("-made_at", "id")
        .first()
    )
    if door is None or not held.sends:
        raise Http404("There is no sheet in force.")
    log_look(held.course, "handoff_fax_sheet", user=signed_in(request), now=held.now)
    names = permissions.may(signed_in(request), "view_identity", held.course, held.now)
    context = {
        **frame(request, "handoffs"),
        **head(request, held.course, held.now),
        **sheet_facts(held.course, held.loop, held.now, names=names),
        "id": held.loop.id,
        "read_code": spaced(door.read_code),
        "accept_code": spaced(door.accept_code),
        "until": say_instant(door.expires_at, held.course.time_zone),
    }
    return render(request, "handrail/handoff_fax.html", context)
