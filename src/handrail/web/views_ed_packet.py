"""The packet for the emergency department: sent from a page of somebody on call, faxed by hand, and the department that a plan names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.ed_packets import choose_destination, fax_sheet, fax_went, send_packet
from handrail.actions.errors import RefusedError
from handrail.actions.truth import number_to_call
from handrail.alerts.channels import URGENCY_WORDS
from handrail.alerts.models import EdPacket
from handrail.alerts.places import emergency_link
from handrail.people import permissions
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from handrail.rules.terms import Urgency
from handrail.web.cards import qr_inline
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.ed_packet import packet_context
from handrail.web.on_call import is_demo
from handrail.web.pdf import PdfUnavailable, pdf_of
from handrail.web.presenters import patient_words
from handrail.web.words import local_time

STYLE: Final = "fax.css"


@staff_page
@require_GET
def ed_packet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The part of a page that says what became of the packet; the page asks for it again every few seconds."""
    found, now = course_for(request, course_id, "view_pages"), clock.now()
    if (
        "HTTP_X_HANDRAIL_BACKGROUND" not in request.META
    ):  # opened as an address of its own: a part without its page is no page
        return _back(found, _uuid(request.GET.get("page", "")))
    context = {
        "course": {"id": found.pk},
        "alert": {"id": _uuid(request.GET.get("page", ""))},
        "ed_poll": True,
        **packet_context(found, now, permissions.verbs_on(signed_in(request), found, now)),
    }
    return render(request, "handrail/ed_packet.html", context)


@staff_page
@changes("course", "course_id")
def send(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Send the packet to the department of the plan."""
    found = course_for(request, course_id, "send_ed_packet")
    alert_id = _uuid(request.POST.get("page", ""))
    key = _uuid(request.POST.get("key", "")) or uuid4()
    try:
        send_packet(found.pk, key=key, alert_id=alert_id, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The packet is on its way. Below stands whether it was sent, and when it was opened.")
    return _back(found, alert_id)


@staff_page
@require_GET
def fax(request: HttpRequest, course_id: UUID, packet_id: UUID) -> HttpResponse:
    """The sheet that staff fax: as PDF, or as a page to print where no PDF can be made."""
    found, now = course_for(request, course_id, "send_ed_packet"), clock.now()
    packet = fax_sheet(found.pk, packet_id, by=person(signed_in(request)), now=now)
    log_look(found, "ed_fax", user=signed_in(request), now=now)
    names = permissions.may(signed_in(request), "view_identity", found, now)
    context: dict[str, Any] = {
        **frame(request, "pages"),
        "course": {"id": found.pk, "who": patient_words(found, names=names)},
        "packet_id": packet.pk,
        "fax": _sheet(found, packet, now),
    }
    if request.GET.get("as") == "pdf":
        try:
            made = pdf_of("handrail/ed_fax_pdf.html", {"fax": context["fax"]}, paper="letter", style=STYLE)
        except PdfUnavailable as error:
            context["pdf_trouble"] = str(error)
        else:
            response = HttpResponse(made, content_type="application/pdf")
            response["Content-Disposition"] = f'attachment; filename="fax-{str(packet.pk)[:8]}.pdf"'
            return response
    return render(request, "handrail/ed_fax.html", context)


def _sheet(course: Course, packet: EdPacket, now: datetime) -> dict[str, Any]:
    """What stands on the sheet: nothing about the patient."""
    assert packet.card is not None and packet.place is not None
    data, link = emergency_data(), emergency_link(packet.card.key)
    return {
        "urgency": URGENCY_WORDS[Urgency.NOW.value],
        "site": course.site.code if course.site is not None else "unknown",
        "to": packet.place.name,
        "number": packet.place.fax,
        "call": number_to_call(course, now),
        "link": link,
        "qr": qr_inline(link),
        "general": data.general.words,
        "first": [row.words for row in data.first],
        "avoid": data.avoid_words,
        "synthetic": is_demo(course),
        "printed": local_time(now, course.time_zone),
    }


@staff_page
@changes("course", "course_id")
def fax_sent(request: HttpRequest, course_id: UUID, packet_id: UUID) -> HttpResponse:
    """The machine says that the fax went through."""
    found = course_for(request, course_id, "send_ed_packet")
    try:
        packet = fax_went(found.pk, packet_id, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
        return _back(found, None)
    messages.success(request, "Written down. That it went through says nothing about anybody reading it: phone them.")
    return _back(found, packet.alert_id)


@staff_page
@changes("cards", "course_id")
def choose(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Name the emergency department of the plan."""
    found = course_for(request, course_id, "choose_ed")
    typed = request.POST.get("place", "")
    place_id = _uuid(typed)
    if typed != "none" and place_id is None:
        messages.error(request, "Choose a department, or “none”.")
        return redirect("cards", course_id=found.pk)
    try:
        place = choose_destination(found.pk, place_id, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        said = f"From now on the plan names {place.name}." if place else "The plan names no emergency department now."
        (messages.success if place else messages.warning)(request, said)
    return redirect("cards", course_id=found.pk)


def _back(course: Course, alert_id: UUID | None) -> HttpResponse:
    """To the packet on the page of an alert, else on the page of the cards: both say what became of it."""
    from_page = alert_id is not None and course.alerts.filter(pk=alert_id).exists()
    address = reverse("page", args=[alert_id]) if from_page else reverse("cards", args=[course.pk])
    return redirect(f"{address}#ed-packet")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
