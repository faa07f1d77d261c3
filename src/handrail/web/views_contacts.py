"""Whom to call for a patient, now, at any hour, and for the days ahead: the page that is printed for the wall and the folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.caregivers import Caregiver, add_caregiver, can_be_texted, end_caregiver, give_link, links_of
from handrail.actions.errors import RefusedError
from handrail.actions.truth import number_to_call
from handrail.actions.whom import PersonOn, PointOfContact, contact_at, contacts_ahead
from handrail.people import permissions
from handrail.records.models import Course
from handrail.records.reach import courses_of
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_instant, civil_time_trouble, say_instant
from handrail.web import course_page
from handrail.web.cards import qr_image
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.presenters import patient_words
from handrail.web.words import LANGUAGE_WORDS, local_time


@staff_page
@require_GET
def contacts(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Who is on for this patient now, or at the hour that was asked for, and for the next 14 days."""
    user, now = signed_in(request), clock.now()
    course = courses_of(user, now).select_related("patient", "site", "organisation").filter(pk=course_id).first()
    if course is None:
        raise Http404("There is no such course.")
    return show_contacts(request, course)


def show_contacts(
    request: HttpRequest, course: Course, *, typed: Caregiver | None = None, trouble: str = "", status: int = 200
) -> HttpResponse:
    """The page; with what was `typed` about a caregiver, and why it could not be taken."""
    user, now = signed_in(request), clock.now()
    log_look(course, "contacts", user=user, now=now)
    zone = course.time_zone
    asked = request.GET.get("at", "")
    at, at_trouble = _instant(asked, zone) if asked else (now, "")
    found = contact_at(course, at or now)
    lacking = found.first.not_trained if found.first is not None else ""
    context = {
        **frame(request, "courses"),
        "who": patient_words(course, names=permissions.may(user, "view_identity", course, now)),
        "course_id": str(course.pk),
        "now": _row(found, zone),
        "tone": "now"
        if found.first is None and found.fallback is None
        else "soon"
        if found.trouble or lacking
        else "good",
        "at_words": say_instant(at or now, zone),
        "at_typed": asked,
        "at_trouble": at_trouble,
        "zone": zone,
        "rows": [_row(each, zone) for each in contacts_ahead(course, now)],
        **_caregivers(course, now, permissions.verbs_on(user, course, now)),
        "typed": typed,
        "trouble": trouble,
    }
    return render(request, "handrail/contacts.html", context, status=status)


def _caregivers(course: Course, now: datetime, verbs: frozenset[str]) -> dict[str, Any]:
    """Who cares for the patient, with the links of their own; nothing for whoever may not see who the patient is."""
    if "view_identity" not in verbs:
        return {"shows_caregivers": False}
    links, zone = links_of(course, now), course.time_zone
    may_give = "issue_link" in verbs and course.ended_at is None
    return {
        "shows_caregivers": True,
        "may_give": may_give,
        "may_take_back": "revoke_link" in verbs,
        "languages": LANGUAGE_WORDS.items(),
        "caregivers": [
            {
                "id": each.pk,
                "name": each.name,
                "relationship": each.relationship,
                "phone": each.phone,
                "language": LANGUAGE_WORDS.get(each.language, each.language),
                "can_be_texted": may_give and can_be_texted(course, each),
                "links": [
                    {
                        "id": link.pk,
                        "made": local_time(link.issued_at, zone),
                        "until": local_time(link.expires_at, zone),
                        "opened": local_time(link.exchanged_at, zone) if link.exchanged_at else "",
                    }
                    for link in links.get(each.pk, [])
                ],
            }
            for each in course.patient.contacts.filter(is_caregiver=True)
        ],
    }


@staff_page
@changes("contacts", "course_id")
def add(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Write down a caregiver."""
    found = course_for(request, course_id, "issue_link")
    said = Caregiver(
        name=request.POST.get("name", ""),
        relationship=request.POST.get("relationship", ""),
        phone=request.POST.get("phone", ""),
        language=request.POST.get("language", "en"),
    )
    try:
        add_caregiver(found.pk, said, by=person(signed_in(request)))
    except RefusedError as error:
        return show_contacts(request, found, typed=said, trouble=error.message, status=422)
    messages.success(request, "The caregiver is written down. Give them a link of their own.")
    return redirect(reverse("contacts", args=[found.pk]) + "#caregivers")


@staff_page
@changes("contacts", "course_id")
def end(request: HttpRequest, course_id: UUID, contact_id: UUID) -> HttpResponse:
    """Somebody is no caregiver of the patient any more, or was written down wrongly."""
    found = course_for(request, course_id, "revoke_link")
    end_caregiver(found.pk, contact_id, by=person(signed_in(request)))
    log_look(found, "caregiver_ended", user=signed_in(request), now=clock.now())
    messages.success(request, "They are no caregiver here any more, and their own links are ended. Write down who is.")
    return redirect(reverse("contacts", args=[found.pk]) + "#caregivers")


@staff_page
@changes("contacts", "course_id")
def give(request: HttpRequest, course_id: UUID, contact_id: UUID) -> HttpResponse:
    """Give a caregiver a link of their own: shown once with its code, or sent to the phone on record."""
    found, user, now = course_for(request, course_id, "issue_link"), signed_in(request), clock.now()
    text_it = request.POST.get("how") == "text"
    try:
        issued = give_link(found.pk, contact_id, by=person(user), text_it=text_it)
    except RefusedError as error:
        messages.error(request, error.message)
        return redirect(reverse("contacts", args=[found.pk]) + "#caregivers")
    if text_it:
        messages.success(request, "The link goes to the caregiver's phone. Whether it arrived stands on the course.")
        return redirect(reverse("contacts", args=[found.pk]) + "#caregivers")
    address = request.build_absolute_uri(reverse("checkin_link", args=[issued.token]))
    names = permissions.may(user, "view_identity", found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "address": address,
        "qr": qr_image(address),
        "holder": "caregiver",
        "own": issued.link.contact.name if names and issued.link.contact is not None else "the caregiver",
        "until": local_time(issued.link.expires_at, found.time_zone),
        "number": number_to_call(found, now),
    }
    return render(request, "handrail/link.html", context)


def _instant(typed: str, zone: str) -> tuple[datetime | None, str]:
    """The instant of a civil time, and what a clock change does to it: of one that occurs twice the first is shown, and that is said."""
    try:
        said = datetime.fromisoformat(typed).replace(tzinfo=None)
    except ValueError:
        return None, "type a date and time"
    trouble = civil_time_trouble(said.date(), said.time(), zone)
    words = {
        "occurs twice": "this time occurs twice that night: the first is shown",
        "does not exist": "this time does not exist that night: the clock goes forward",
    }
    return civil_instant(said.date(), said.time(), zone), words[trouble] if trouble else ""


def _row(contact: PointOfContact, zone: str) -> dict[str, Any]:
    return {
        "from": local_time(contact.begins, zone),
        "until": local_time(contact.ends, zone),
        "first": _said(contact.first) or ("the hospital" if contact.fallback else "NOBODY"),
        "warning": contact.first.not_trained if contact.first else "",
        "fallback": _said(contact.fallback) or "nobody else",
        "number": contact.number,
        "party": contact.party,
        "trouble": contact.trouble,
    }


def _said(on: PersonOn | None) -> str:
    return f"{on.user.name} ({role_words(on.step)})" if on is not None else ""
