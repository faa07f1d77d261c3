"""The line that is answered at every hour: dummy calls and when the next is due, how fast those who asked were called back, and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.expert_line import (
    FIGURES,
    TAKES_BACK,
    VERB,
    Measured,
    Tried,
    measured,
    record_dummy_call,
    take_back_dummy_call,
)
from handrail.actions.spreadsheet import as_csv
from handrail.people import permissions
from handrail.people.expert_line import call_of, standing_calls, standings
from handrail.people.models import DummyCall, Organisation, Site, User
from handrail.rules.call_back_figures import Figures, figures, took
from handrail.rules.expert_line import LineStanding, expert_line, passed, said
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date
from handrail.web.checkin.words import dialled
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import YES_NO, Field, Filled, Form, fill
from handrail.web.words import local_time

SHOWN: Final = 20
COLUMNS: Final = (
    "asked_at",
    "course",
    "site",
    "who",
    "asked_on",
    "promised_by",
    "called_back_at",
    "minutes",
    "within_promise",
    "calls",
)


@staff_page
@require_http_methods(["GET", "POST"])
def expert_line_page(request: HttpRequest) -> HttpResponse:
    """The lines of one's own organisations. Constant number of queries, whatever the number of sites and calls."""
    user, now = signed_in(request), clock.now()
    houses = _organisations(user, now)
    sites = list(
        Site.objects.filter(organisation__in=houses).select_related("organisation").order_by("name", "code", "id")
    )
    mine = next((each for each in houses if _may(user, VERB, each, now)), None)
    form = _form([site for site in sites if site.organisation_id == mine.pk]) if mine is not None else None
    filled, status = Filled(form=form, typed={}) if form is not None else None, 200
    if request.method == "POST":
        if mine is None or form is None:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(form, dict(request.POST.lists()), _zone(request, sites, mine))
        if _saved(request, mine, filled):
            return redirect("expert_line")
        status = 422
    managed = {each.pk for each in houses if _may(user, TAKES_BACK, each, now)}
    calls = standing_calls([site.pk for site in sites])
    lines, found = standings(sites, now, calls), measured([each.pk for each in houses], now)
    context = {
        **frame(request, "programme"),
        "rules": expert_line(),
        "owner": role_words(expert_line().dummy.owner),
        "lines": [
            line_row(site, lines[site.pk], calls.get(site.pk, ()), may=site.organisation_id in managed)
            for site in sites
        ],
        "figures": _figures(sites, found, now),
        "late": [_late(each) for each in found if each.ask.late(now)][:SHOWN],
        "may_take_along": any(_may(user, FIGURES, each, now) for each in houses),
        "rows": filled.rows() if filled else [],
        "errors": filled.errors if filled else {},
    }
    return render(request, "handrail/expert_line.html", context, status=status)


@staff_page
@changes("expert_line")
def take_back(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Say that a dummy call was written down wrongly; it stays on record."""
    try:
        take_back_dummy_call(call_id, reason=request.POST.get("reason", ""), by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Taken back; it stays on record.")
    return redirect("expert_line")


@staff_page
@require_GET
def expert_line_csv(request: HttpRequest) -> HttpResponse:
    """Every ask within the days of the figures, for the director: no name and no number."""
    user, now = signed_in(request), clock.now()
    houses = [each for each in _organisations(user, now) if _may(user, FIGURES, each, now)]
    if not houses:
        raise PermissionDenied("Your role does not allow that here.")
    lines = (_cells(each, now) for each in measured([house.pk for house in houses], now))
    response = HttpResponse(as_csv(COLUMNS, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="call-backs-{now:%Y-%m-%d}.csv"'
    return response


def _cells(each: Measured, now: datetime) -> list[str]:
    ask, wait = each.ask, took(each.ask)
    running = ask.made is None and not ask.late(now)
    within = "running" if running else "no" if ask.late(now) else "yes"
    return [
        ask.at.isoformat(),
        str(each.course.pk),
        each.course.site.name if each.course.site else "",
        ask.who or "",
        ask.through or "",
        ask.due.isoformat(),
        ask.made.at.isoformat() if ask.made is not None else "",
        _minutes(wait) if wait is not None else "",
        within,
        str(len(ask.tries)),
    ]


# --- what is shown ------------------------------------------------------------------------------------------------------


def line_row(site: Site, line: LineStanding, calls: Sequence[DummyCall] = (), *, may: bool = False) -> dict[str, Any]:
    """How the line of a site stands, and its calls. What is late or did not pass says so in words."""
    mark, short = ("good", "Holds")
    if line.overdue:
        mark, short = "today", "Overdue"
    if line.incident:
        mark, short = "now", "Incident"
    number = site.call_number or site.organisation.call_number
    return {
        "id": site.pk,
        "name": site.name,
        "mark": mark,
        "short": short,
        "because": line.because,
        "due": say_date(line.due_on) if line.due_on is not None else "",
        "overdue": line.overdue,
        "number": number,
        "digits": dialled(number),
        "calls": [_call(each, site) for each in calls[:SHOWN]],
        "may": may,
    }


def _call(row: DummyCall, site: Site) -> dict[str, Any]:
    good = passed(call_of(row), expert_line().dummy)
    rota = f"{row.rostered.name} was on by the rota" if row.rostered is not None else "nobody was on by the rota"
    same = "who answered is not known"
    if row.as_rostered is not None:
        same = "and answered" if row.as_rostered else "and somebody else answered"
    return {
        "id": row.pk,
        "mark": "good" if good else "now",
        "short": "Passed" if good else "Not passed",
        "at": local_time(row.at, site.time_zone),
        "words": said(call_of(row), expert_line().dummy),
        "number": row.number,
        "who": row.who_answered,
        "rota": f"{rota}, {same}" if row.answered else rota,
        "by": row.by.name,
    }


def _figures(sites: Sequence[Site], found: Sequence[Measured], now: datetime) -> list[dict[str, Any]]:
    """All of them, then site by site where there are several."""
    rows = [_figure("Every site", figures([each.ask for each in found], now))]
    if len(sites) > 1:
        for site in sites:
            own = [each.ask for each in found if each.course.site_id == site.pk]
            if own:
                rows.append(_figure(site.name, figures(own, now)))
    return rows


def _figure(name: str, found: Figures) -> dict[str, Any]:
    return {
        "name": name,
        "asked": found.asked,
        "counted": found.counted,
        "running": found.running,
        "share": f"{found.share} %" if found.share is not None else "",
        "within": found.within,
        "late": found.late,
        "not_called": found.not_called,
        "median": _wait(found.median, found.counted),
        "centile": _wait(found.centile_90, found.counted),
    }


def _wait(wait: timedelta | None, counted: int) -> str:
    if wait is not None:
        return f"{_minutes(wait)} min"
    return "not called yet" if counted else ""


def _minutes(wait: timedelta) -> str:
    return str(round(Decimal(wait // timedelta(seconds=1)) / 60, 1))


def _late(each: Measured) -> dict[str, Any]:
    ask, zone, wait = each.ask, each.course.time_zone, took(each.ask)
    return {
        "course": each.course.pk,
        "code": str(each.course.pk)[:8],
        "at": local_time(ask.at, zone),
        "who": ask.words,
        "due": local_time(ask.due, zone),
        "made": local_time(ask.made.at, zone) if ask.made is not None else "",
        "took": f"{_minutes(wait)} min" if wait is not None else "",
    }


# --- the form -----------------------------------------------------------------------------------------------------------


def _form(sites: Sequence[Site]) -> Form:
    limit = expert_line().dummy.most_seconds
    fields = (
        Field(name="site", label="Where", kind="choice", required=True, choices=tuple((str(s.pk), s.name) for s in sites)),
        Field(name="at", label="Dialled at", kind="moment", required=True, hint="Clock time at that site."),
        Field(
            name="answered",
            label="Did a human answer?",
            kind="yes_no",
            choices=YES_NO[:2],
            required=True,
            hint="A machine, or a menu that leads to nobody, is no answer.",
        ),
        Field(
            name="seconds",
            label="From dialling until a human spoke",
            kind="whole",
            unit="s",
            hint=f"At most {limit}. Empty: nobody counted, and it does not pass.",
        ),
        Field(name="who", label="Who answered", kind="text", hint="The role, not the name."),
        Field(name="as_rostered", label="Was it the person who is first on call by the rota?", kind="yes_no", choices=YES_NO),
    )  # fmt: skip
    return Form(key="dummy", title="Write down a dummy call", verb=VERB, fields=fields, events=lambda v: [dict(v)])


def _zone(request: HttpRequest, sites: Sequence[Site], mine: Organisation) -> str:
    """The clock that the time was read from: that of the site that was dialled."""
    named = [site.time_zone for site in sites if str(site.pk) == request.POST.get("site")]
    return named[0] if named else mine.time_zone


def _saved(request: HttpRequest, mine: Organisation, filled: Filled) -> bool:
    """Keep the call; False: something is wrong, and stands in its errors."""
    if filled.errors:
        return False
    values = filled.values
    tried = Tried(
        at=datetime.fromisoformat(values["at"]),
        answered=values["answered"],
        seconds=values.get("seconds"),
        who_answered=values.get("who", ""),
        as_rostered=values.get("as_rostered"),
    )
    try:
        row = record_dummy_call(mine.pk, values["site"], tried, by=person(signed_in(request)))
    except RefusedError as error:
        named = {field.name for field in filled.form.fields}
        filled.errors[error.path if error.path in named else "site"] = error.message
        return False
    words = said(call_of(row), expert_line().dummy)
    if passed(call_of(row), expert_line().dummy):
        messages.success(request, f"Saved: passed. {words}.")
    else:
        messages.warning(request, f"Saved: NOT passed. {words}. This is an incident, and is being paged.")
    return True


def _organisations(user: User, now: datetime) -> list[Organisation]:
    return list(Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id"))


def _may(user: User, verb: str, organisation: Organisation, now: datetime) -> bool:
    return permissions.may(user, verb, None, now, organisation_id=organisation.pk)
