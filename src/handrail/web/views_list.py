"""The board and the lists: who needs me now, who is watched, which doses are near."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Max, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import quote_etag
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.referral_list import red_cases_of
from handrail.alerts.models import AlertEntry, Page
from handrail.people import permissions
from handrail.people.models import Patient, User
from handrail.records.models import Course, Event
from handrail.records.reach import courses_of
from handrail.web import board_page, handoff_page, paging
from handrail.web.context import allowed, frame, open_alerts
from handrail.web.doors import changes, looks, signed_in, staff_page
from handrail.web.presenters import NO_SITE_WORDS, course_row, nameless
from handrail.web.referrals.page import row as referral_row


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
    asked = paging.asked_for(request)
    houses = permissions.organisations_of(person, now)
    tag = _board_tag(person, houses, reached, asked, now)
    if background and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304)
    around = frame(request, "board")
    going_on = reached.filter(ended_at__isnull=True)
    # The quiet ones first: whoever begins to need somebody meanwhile is found twice, and not missed.
    quiet = board_page.read_quiet(going_on, asked, now)
    found = list(board_page.light(board_page.needing(going_on, now)).order_by("started_at", "id"))
    alerts = list(
        open_alerts(person)
        .select_related("course", "course__patient", "acknowledged_by", "site", "organisation")
        .defer(*(f"course__{name}" for name in board_page.NOT_SHOWN))
        .prefetch_related(Prefetch("pages", queryset=Page.objects.select_related("user")))
    )
    may = allowed(person, now)
    lists = board_page.board(found, quiet, alerts, now, may)
    handed = handoff_page.lists(found, houses, may, now)
    lists["handoffs"] = handed["to_accept"] + handed["unaccepted"]
    lists["pages_hidden"] = not alerts and any(pk not in may.pages for pk in _reached(going_on, found, quiet))
    lists["referrals"] = [referral_row(each) for each in red_cases_of(may.answers_for["view_referrals"], now)]
    template = "handrail/board_lists.html" if background else "handrail/board.html"
    response = render(request, template, {**around, **lists, "fever_night": _fever_night(around)})
    response["ETag"] = tag
    return response


def _reached(courses: QuerySet[Course], needy: list[Course], quiet: board_page.Quiet) -> Iterable[UUID]:
    """All of the courses; those that are not on the page are asked for only where there are any."""
    on_the_page = [each.pk for each in (*needy, *quiet.courses)]
    return on_the_page if len(quiet.courses) == quiet.share.everywhere else courses.values_list("pk", flat=True)


def _board_tag(person: User, houses: list[UUID], reached: Any, asked: paging.Asked, now: Any) -> str:
    """Changes with the person, with what is asked for, with any new event or page in reach, and every half minute."""
    entries = AlertEntry.objects.filter(organisation__in=houses)
    latest = [
        Event.objects.filter(course__in=reached).aggregate(latest=Max("recorded_at"))["latest"],
        entries.aggregate(latest=Max("at"))["latest"],
    ]
    half_minute = int(now.timestamp() // (30 * clock.speed()))
    parts = [str(person.pk), *(f"{at.isoformat()}" if at else "none" for at in latest), str(half_minute)]
    return quote_etag("-".join([*parts, asked.query()]))


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
    """Every course in reach, who may need somebody first, a page at a time; and a search over names and codes of all of them.

    What is searched for is sent as a form: a name in an address would stay in the browser's history and in logs on the way. Names are
    encrypted, so the search reads every one that this person may see; the list reads those of its page alone.
    """
    person, now = signed_in(request), clock.now()
    wanted = request.POST.get("q", "").strip().lower()
    found, asked = courses_of(person, now), paging.asked_for(request)
    ids = _matching(person, found, wanted, now) if wanted else None
    share = paging.share_of(asked, paging.site_counts(found))
    if ids is None:
        here = paging.at_site(found, asked).order_by(board_page.needy_first(now), "-started_at", "id")[share.rows]
    else:
        here = found.filter(pk__in=ids[: paging.PER_PAGE]).order_by(board_page.needy_first(now), "-started_at", "id")
    shown = list(board_page.light(here))
    may = allowed(person, now, [each.pk for each in shown])
    context = {
        **frame(request, "courses"),
        "rows": [course_row(course, now, may) for course in shown],
        "list": paging.ways(share),
        "wanted": wanted,
        "matches": len(ids or ()),
    }
    return render(request, "handrail/courses.html", context)


def _matching(person: User, courses: QuerySet[Course], wanted: str, now: datetime) -> list[UUID]:
    """The courses of which the name as this person sees it, the drug, the site or the code holds these words, the latest first.

    Two queries; of the patients nothing but the names is decrypted, and those alone that the person may see.
    """
    named = courses_of(person, now, "view_identity")
    columns = ("pk", "product", "site__name")
    names = ("patient__given_name", "patient__family_name")
    texts = {
        pk: f"{Patient.name_of(given, family)} {product} {site or NO_SITE_WORDS} {pk}"
        for pk, product, site, given, family in named.values_list(*columns, *names)
    }
    found = []
    for pk, product, site in courses.order_by("-started_at", "id").values_list(*columns):
        text = texts.get(pk) or f"{nameless(pk)} {product} {site or NO_SITE_WORDS} {pk}"
        if wanted in text.lower():
            found.append(pk)
    return found
