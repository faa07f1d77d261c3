"""The one sheet that goes to the emergency department, printed or read on the phone."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.people import permissions
from handrail.rules.grading_terms import DEFAULT_SCALE
from handrail.rules.scales import load_scale
from handrail.web import course_page, on_call
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.words import local_time, parse

NOT_KNOWN: Final = "not known"


@staff_page
@require_GET
def ed_sheet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Everything an emergency department must not miss, on one sheet, with the time of printing."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    names = permissions.may(user, "view_identity", found, now)
    log_look(found, "ed_sheet", user=user, now=now)
    looked = course_page.look(found, now)
    shown = course_page.page_context(found, looked, now, names=names)
    answer = looked.answer or {}
    watch = answer.get("watch") or {}
    given_at = parse(watch.get("last_dose_at"))
    masking = [(each["agent"], parse(each["at"]), parse(each["until"])) for each in answer.get("masking") or []]
    zone = found.time_zone
    context = {
        **frame(request, "courses"),
        **shown,
        "night": on_call.night(found, looked, now),
        "last": {**on_call.last_dose(answer, now), "at": local_time(given_at, zone) if given_at else ""},
        "masking": [
            f"{agent} {local_time(at, zone)}, until {local_time(until, zone)}"
            for agent, at, until in masking
            if at and until
        ],
        "ice": f"{watch['last_ice_0_10']} of 10" if watch.get("last_ice_0_10") is not None else NOT_KNOWN,
        "check": next(iter(shown.get("checks") or []), None),
        "grades": on_call.grade_rows(load_scale(DEFAULT_SCALE)),
        "synthetic": on_call.is_demo(found),
        "printed": local_time(now, zone),
    }
    return render(request, "handrail/ed_sheet.html", context)
