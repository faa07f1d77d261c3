"""The rota and people's own calendars: a file to take away, and a file to read with a review before anything is put on."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.rota_calendar import LARGEST, Review, Row, apply_calendar, calendar_of, review_calendar
from handrail.people import permissions
from handrail.people.models import Organisation, Shift, Site
from handrail.rules.telling import role_words
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.words import local_time

BACK: Final = timedelta(days=30)
"""Shifts that ended longer ago are not written into a calendar."""


@staff_page
@require_GET
def calendar_file(request: HttpRequest) -> HttpResponse:
    """The shifts of oneself, or of one site, as a calendar file."""
    user, now = signed_in(request), clock.now()
    shifts = Shift.objects.filter(organisation__in=permissions.organisations_of(user, now), ends_at__gt=now - BACK)
    wanted = _uuid(request.GET.get("site", ""))
    site = Site.objects.filter(pk=wanted).first() if wanted else None
    shifts = shifts.filter(organisation=site.organisation_id) if site else shifts.filter(user=user)
    found = [
        each
        for each in shifts.select_related("user", "site", "organisation")
        if not site or each.site_id in (None, site.pk)
    ]
    answer = HttpResponse(calendar_of(found, now), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="rota-{site.code if site else "mine"}.ics"'
    return answer


@staff_page
@require_http_methods(["GET", "POST"])
def calendar(request: HttpRequest) -> HttpResponse:
    """Take shifts away as a calendar, or read a calendar: first a review, then, when a person says so, the rota."""
    user, now = signed_in(request), clock.now()
    own = permissions.organisations_of(user, now)
    able = [each for each in own if permissions.may(user, "manage_rota", None, now, organisation_id=each)]
    mine = Organisation.objects.get(pk=able[0]) if able else None
    site = _uuid(request.POST.get("site", ""))
    review: Review | None = None
    text, trouble, status = "", "", 200
    if request.method == "POST":
        if mine is None:
            raise NotAllowedError("Your role does not allow that here.")
        sent = request.FILES.get("calendar")
        data = sent.read(LARGEST + 1) if sent is not None else request.POST.get("text", "").encode()
        try:
            if "reviewed" in request.POST:
                made = apply_calendar(mine.pk, data, reviewed=request.POST["reviewed"], by=person(user), site_id=site)
                messages.success(request, f"{len(made)} shifts are on the rota.")
                return redirect("rota")
            review = review_calendar(mine.pk, data, by=person(user), site_id=site)
            text = data.decode("utf-8", errors="replace")
        except RefusedError as error:
            trouble, status = error.message, 422
    context = {
        **frame(request, "rota"),
        "sites": Site.objects.filter(organisation__in=own).order_by("name"),
        "may_read": mine is not None,
        "import_sites": Site.objects.filter(organisation=mine).order_by("name"),
        "review": [_row(row, mine.time_zone) for row in review.rows] if review and mine else None,
        "good": len(review.good) if review else 0,
        "reviewed": review.sha256 if review else "",
        "text": text,
        "site": site or "",
        "trouble": trouble,
    }
    return render(request, "handrail/rota_calendar.html", context, status=status)


def _row(row: Row, zone: str) -> dict[str, object]:
    when = ""
    if row.starts_at is not None and row.ends_at is not None:
        when = f"{local_time(row.starts_at, zone)} until {local_time(row.ends_at, zone)}"
    understood = f"{role_words(row.step)}: {row.user.name}, {when}" if row.user else ""
    return {"line": row.line, "words": row.words, "understood": understood, "note": row.note, "problem": row.problem}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
