"""The one sheet that goes to the emergency department, printed or read on the phone."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.people import permissions
from handrail.web import ed_facts
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page


@staff_page
@require_GET
def ed_sheet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Everything an emergency department must not miss, on one sheet, with the time of printing."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    names = permissions.may(user, "view_identity", found, now)
    log_look(found, "ed_sheet", user=user, now=now)
    context = {**frame(request, "courses"), **ed_facts.facts_of(found, now, names=names)}
    return render(request, "handrail/ed_sheet.html", context)
