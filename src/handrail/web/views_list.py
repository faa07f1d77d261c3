"""The board and the lists: who needs me now, who is watched, which doses are near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Max, Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import quote_etag
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.alerts.models import AlertEntry, Page
from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import Event
from handrail.records.reach import courses_of
from handrail.web import handoff_page
from handrail.web.context import allowed, frame, open_alerts
from handrail.web.doors import changes, looks, signed_in, staff_page
from handrail.web.presenters import board as board_rows
from handrail.web.presenters import course_row


@require_GET
def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For a load balancer: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@staff_page
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Who needs me now. The page asks again every few seconds; nothing new is a 304 and costs a few queries."""
    person, now = signed_in(request), clock.now()
    looks(request)
    reached = courses_of(person, now)
    background = "HTTP_X_HANDRAIL_BACKGROUND" in request.META
    tag = _board_tag(person, reached, now)
    if background and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304)
    around = frame(request, "board")
    found = reached.filter(ended_at__isnull=True).select_related("patient", "site").order_by("started_at", "id")
    alerts = (
        open_alerts(person)
        .select_related("course", "course__patient", "acknowledged_by", "site", "organisation")
        .prefetch_related(Prefetch("pages", queryset=Page.objects.select_related("user")))
    )
    may = allowed(person, now)
    lists = board_rows(found, alerts, now, around["zone"], may)
    handed = handoff_page.lists(found, person, may, now)
    lists["handoffs"] = handed["to_accept"] + handed["unaccepted"]
    template = "handrail/board_lists.html" if background else "handrail/board.html"
    response = render(request, template, {**around, **lists, "fever_night": _fever_night(around)})
    response["ETag"] = tag
    return response


def _board_tag(person: User, reached: Any, now: Any) -> str:
    """Changes with the person, with any new event or page in reach, and every half minute."""
    entries = AlertEntry.objects.filter(organisation__in=permissions.organisations_of(person, now))
    latest = [
        Event.objects.filter(course__in=reached).aggregate(latest=Max("recorded_at"))["latest"],
        entries.aggregate(latest=Max("at"))["latest"],
    ]
    half_minute = int(now.timestamp() // (30 * clock.speed()))
    return quote_etag(
        "-".join([str(person.pk), *(f"{at.isoformat()}" if at else "none" for at in latest), str(half_minute)])
    )


def _fever_night(around: dict[str, Any]) -> dict[str, str] | None:
    """Whether this demonstration can play the fever night, and where it runs."""
    folder = getattr(settings, "HANDRAIL_DEMO_DIR", "")
    if not around.get("demo") or not folder:
        return None
    address = Path(folder) / "fever-address"
    return {"address": address.read_text(encoding="utf-8").strip() if address.exists() else ""}


@staff_page
@changes("board")
def run_fever_night(request: HttpRequest) -> HttpResponse:
    """Ask the demonstration's supervisor to play the fever night in an instance of its own."""
    around = frame(request, "board")
    if _fever_night(around) is None:
        raise Http404
    (Path(settings.HANDRAIL_DEMO_DIR) / "play-fever").touch()
    messages.success(request, "The fever night starts in its own window; its address appears here in a few seconds.")
    return redirect("board")


@staff_page
@require_http_methods(["GET", "POST"])
def courses(request: HttpRequest) -> HttpResponse:
    """Every course in reach, with a search over names and codes (names are encrypted: the search runs over what is shown).

    What is searched for is sent as a form: a name in an address would stay in the browser's history and in logs on the way.
    """
    person, now = signed_in(request), clock.now()
    may = allowed(person, now)
    wanted = request.POST.get("q", "").strip().lower()
    found = courses_of(person, now).select_related("patient", "site").order_by("-started_at", "id")
    rows = [course_row(course, now, may) for course in found]
    if wanted:
        rows = [row for row in rows if wanted in f"{row['who']} {row['product']} {row['site']} {row['id']}".lower()]
    context = {**frame(request, "courses"), "rows": rows, "wanted": wanted}
    return render(request, "handrail/courses.html", context)
