"""Who looked at a course, or at a referral: for the director, who answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.looked import Looked, Reader, looks_of
from handrail.actions.referral_looks import looks_of_referral
from handrail.people import permissions
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.presenters import patient_words
from handrail.web.words import local_time

MOST: Final = 200
READERS: Final = {
    Reader.TEAM: "of the team",
    Reader.OTHER_TEAM: "of another team",
    Reader.BROKE_GLASS: "opened it in an emergency",
    Reader.SYSTEM: "a system",
    Reader.EMERGENCY: "an emergency department, with the card",
    Reader.RECEIVER: "the practice that was asked to take over",
    Reader.PRACTICE: "the practice that refers, with its link and its code",
    Reader.HEALTH_LINK: "somebody with a health link",
    Reader.HOME: "the patient or a caregiver",
    Reader.UNKNOWN_LINK: "somebody with a link that is not on record: whose it was cannot be said",
}
PAGES: Final = {
    "fhir_patient": "who the patient is (FHIR)",
    "fhir_patient_search": "who the patient is, by an identifier (FHIR)",
    "fhir_summary": "the whole summary (FHIR)",
    "fhir_audit_search": "who looked (FHIR)",
    "fhir_provenance_search": "where documents and facts come from (FHIR)",
    "fhir_task_search": "how far the hand-offs have come (FHIR)",
    "fhir_task": "how far a hand-off has come (FHIR)",
    "fhir_export": "everything, taken out by a system (FHIR)",
    "break_glass": "the whole course",
    "referral_letter": "the letter with the decision",
    "referral_status": "how far it got",
}
"""Names of looks that do not read by themselves; the others are shown as they are called."""


@staff_page
@require_GET
def looks(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Every look, the latest first; this one is written down too, and stands there the next time."""
    found, user, now = course_for(request, course_id, "view_looks"), signed_in(request), clock.now()
    rows = looks_of(found, most=MOST + 1)
    log_look(found, "looks", user=user, now=now)
    who = patient_words(found, names=permissions.may(user, "view_identity", found, now))
    back = reverse("course", args=[found.pk])
    return _page(request, rows, found.time_zone, section="courses", who=who, back=back, read_out=True)


@staff_page
@require_GET
def referral_looks(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The same of a referral, by the clock of the place that received it."""
    case, rows = looks_of_referral(signed_in(request), referral_id, clock.now(), most=MOST + 1)
    back = reverse("referral", args=[referral_id])
    return _page(request, rows, case.zone, section="programme", who=case.referral.name, back=back, read_out=False)


def _page(
    request: HttpRequest, rows: Sequence[Looked], zone: str, *, section: str, who: str, back: str, read_out: bool
) -> HttpResponse:
    context = {
        **frame(request, section),
        "who": who,
        "back": back,
        "rows": [_row(each, zone) for each in rows[:MOST]],
        "most": MOST if len(rows) > MOST else None,
        "read_out": read_out,
    }
    return render(request, "handrail/looks.html", context)


def _row(each: Looked, zone: str) -> dict[str, Any]:
    way = "" if each.through in ("membership", "link", "client", "break_glass") else each.through.replace("_", " ")
    return {
        "at": local_time(each.at, zone),
        "who": each.name or READERS[each.reader],
        "reader": READERS[each.reader] if each.name else "",
        "way": way,
        "what": PAGES.get(each.what, each.what.replace("_", " ").replace(":", ": ")),
        "reason": each.reason,
        "marked": each.reader is Reader.BROKE_GLASS,
    }
