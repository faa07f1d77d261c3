"""Whom to call for a patient, now, at any hour, and for the days ahead: the page that is printed for the wall and the folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.whom import PersonOn, PointOfContact, contact_at, contacts_ahead
from handrail.people import permissions
from handrail.records.reach import courses_of
from handrail.rules.telling import role_words
from handrail.rules.terms import say_instant, zone_named
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.presenters import patient_words
from handrail.web.words import local_time


@staff_page
@require_GET
def contacts(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Who is on for this patient now, or at the hour that was asked for, and for the next 14 days."""
    user, now = signed_in(request), clock.now()
    course = courses_of(user, now).select_related("patient", "site", "organisation").filter(pk=course_id).first()
    if course is None:
        raise Http404("There is no such course.")
    log_look(course, "contacts", user=user, now=now)
    zone = course.time_zone
    typed = request.GET.get("at", "")
    at, trouble = _instant(typed, zone) if typed else (now, "")
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
        "at_typed": typed,
        "at_trouble": trouble,
        "zone": zone,
        "rows": [_row(each, zone) for each in contacts_ahead(course, now)],
    }
    return render(request, "handrail/contacts.html", context)


def _instant(typed: str, zone: str) -> tuple[datetime | None, str]:
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=zone_named(zone)), ""
    except ValueError:
        return None, "type a date and time"


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
