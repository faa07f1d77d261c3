"""The gate of a course with its two signatures, the chair list of a site and a day, and the overrides of a month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.gate_overrides import Given, countersign, given_in, sign_override
from handrail.actions.readiness import gate_of, gates_of
from handrail.actions.spreadsheet import as_csv
from handrail.people import permissions
from handrail.people.models import Organisation, Site, User
from handrail.records.models import Course, Event
from handrail.records.reach import courses_of
from handrail.rules.terms import civil_date, say_date
from handrail.web.context import allowed, frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.gate import page
from handrail.web.presenters import patient_words
from handrail.web.words import local_time

COLUMNS: Final = (
    "signed at",
    "course",
    "site",
    "line",
    "what",
    "dose",
    "said",
    "open",
    "reason",
    "prescriber",
    "second",
)


@staff_page
@require_GET
def gate(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """May the next dose go ahead, and if not, who mends what by when?"""
    found, now = course_for(request, course_id), clock.now()
    return render(request, "handrail/gate.html", _gate_context(request, found, now))


def _gate_context(request: HttpRequest, found: Course, now: datetime) -> dict[str, Any]:
    user = signed_in(request)
    may = permissions.verbs_on(user, found, now)
    log_look(found, "gate", user=user, now=now)
    gated = gate_of(found, now)
    read = gated.read
    zone = read.dose.zone if read is not None else found.time_zone
    return {
        **frame(request, "courses"),
        "course": {"id": found.pk, "who": patient_words(found, names="view_identity" in may)},
        "product": f"{found.product} {found.protocol_key.split('/', 1)[-1].replace('/', ' ')}",
        "site": found.site.name if found.site else "site not known",
        "dose": page.dose_words(read) if read else "",
        "verdict": page.verdict(gated),
        "trouble": gated.trouble,
        "moment": page.MOMENTS[gated.gate.moment] if read else "",
        "at": local_time(now, zone),
        "rows": page.rows(gated, may, user, zone),
        "timers": page.timers(read, now) if read else [],
    }


@staff_page
@changes("gate", "course_id")
def sign(request: HttpRequest, course_id: UUID, line: str) -> HttpResponse:
    """The prescriber lets one line stay open for this dose, with a reason."""
    found, now = course_for(request, course_id), clock.now()
    try:
        sign_override(found.pk, line, reason=request.POST.get("reason", ""), by=person(signed_in(request)), now=now)
    except RefusedError as error:
        return _refused(request, found, error, now, line)
    messages.success(request, "Signed. It counts once a second clinician has signed too; the gate stays not ready.")
    return redirect("gate", course_id=found.pk)


@staff_page
@changes("gate", "course_id")
def second(request: HttpRequest, course_id: UUID, signature_id: UUID) -> HttpResponse:
    """A second clinician signs the same."""
    found, now = course_for(request, course_id), clock.now()
    try:
        countersign(found.pk, signature_id, by=person(signed_in(request)), now=now)
    except RefusedError as error:
        return _refused(request, found, error, now)
    messages.success(
        request, "Signed by two persons: given under override. The gate is not ready, and the month's report counts it."
    )
    return redirect("gate", course_id=found.pk)


def _refused(request: HttpRequest, found: Course, error: RefusedError, now: datetime, line: str = "") -> HttpResponse:
    """The gate again, with the sentence and what was typed."""
    context = {
        **_gate_context(request, found, now),
        "refused": error.message,
        "refused_line": line,
        "typed": request.POST.get("reason", ""),
    }
    return render(request, "handrail/gate.html", context, status=422)


# --- the chair list -----------------------------------------------------------------------------------------------------------


@staff_page
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """The planned doses of one site and day, by the hour, each with its gate. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    sites = list(Site.objects.filter(organisation__in=permissions.organisations_of(user, now)).order_by("name", "id"))
    wanted = request.GET.get("site", "")
    site = next((each for each in sites if str(each.pk) == wanted), sites[0] if sites else None)
    context: dict[str, Any] = {**frame(request, "programme"), "sites": sites, "site": site}
    if site is not None:
        on = _day(request.GET.get("on", ""), civil_date(now, site.time_zone))
        context |= {"on": on.isoformat(), "day": say_date(on), "rows": _chairs(user, site, on, now)}
    return render(request, "handrail/today.html", context)


def _day(typed: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return otherwise


def _chairs(user: User, site: Site, on: date, now: datetime) -> list[dict[str, Any]]:
    reached = courses_of(user, now).filter(ended_at__isnull=True, site=site)
    planned = Event.objects.filter(kind="dose_planned", payload__on=on.isoformat(), course__in=reached)
    courses = Course.objects.filter(pk__in=planned.values("course")).select_related("patient", "site", "organisation")
    names = allowed(user, now).names
    found = []
    for gated in gates_of(list(courses.order_by("started_at", "id")), now):
        read = gated.read
        if read is not None and read.dose.on != on:
            continue  # planned anew, or given: the dose ahead is another day's
        found.append(
            (
                read.dose.time.earliest if read else now,
                {
                    "id": gated.course.pk,
                    "who": patient_words(gated.course, names=gated.course.pk in names),
                    "hour": page.hour_words(read) if read else "",
                    "dose": page.dose_words(read) if read else "",
                    "verdict": page.verdict(gated),
                    "timers": page.timers(read, now) if read else [],
                },
            )
        )
    return [row for _, row in sorted(found, key=lambda pair: (pair[0], str(pair[1]["id"])))]


# --- the month ------------------------------------------------------------------------------------------------------------------


@staff_page
@require_GET
def given(request: HttpRequest) -> HttpResponse:
    """Which doses were let through by two persons in a month, and how often each line was."""
    month, rows = _month(request)
    counted: dict[str, int] = {}
    for row in rows:
        name = f"{row.number} {row.words}"
        counted[name] = counted.get(name, 0) + 1
    context = {
        **frame(request, "programme"),
        "month": f"{month:%Y-%m}",
        "month_words": f"{month:%B %Y}",
        "counted": sorted(counted.items(), key=lambda pair: -pair[1]),
        "rows": [
            {**{name: getattr(row, name) for name in ("number", "words", "dose", "because", "reason", "prescriber", "second")},
             "course": row.course.pk, "code": str(row.course.pk)[:8], "at": local_time(row.at, row.course.time_zone)}
            for row in rows
        ],
    }  # fmt: skip
    return render(request, "handrail/gate_overrides.html", context)


@staff_page
@require_GET
def given_csv(request: HttpRequest) -> HttpResponse:
    """The same as CSV, without names of patients."""
    month, rows = _month(request)
    lines = []
    for row in rows:
        site = row.course.site.name if row.course.site else ""
        cells = (row.at.isoformat(), str(row.course.pk), site, row.number, row.words, row.dose, row.state)
        lines.append((*cells, row.because, row.reason, row.prescriber, row.second))
    response = HttpResponse(as_csv(COLUMNS, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="gate-overrides-{month:%Y-%m}.csv"'
    return response


def _month(request: HttpRequest) -> tuple[date, list[Given]]:
    user, now = signed_in(request), clock.now()
    first = Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id").first()
    zone = first.time_zone if first else "UTC"
    month = _day(f"{request.GET.get('month', '')}-01", civil_date(now, zone)).replace(day=1)
    return month, given_in(month, zone, user, now)
