"""Capacity of a site, day by day, and the report of who was not started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.capacity import Capacity, capacity_of
from handrail.actions.capacity_numbers import may_say, say_numbers
from handrail.actions.capacity_starts import booked_starts, decide_start
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.referral_list import (
    cases_in,
    closed_referrals,
    in_order,
    open_referrals,
    organisations_with_referrals,
    outcomes_of,
)
from handrail.actions.site_levels import sites_seen
from handrail.actions.spreadsheet import as_csv
from handrail.actions.waiting import NotStarted, name_patients, not_started, put_on_list, take_off_list
from handrail.people import permissions
from handrail.people.models import Site, User, WaitEntry
from handrail.records.models import Course
from handrail.records.reach import courses_of
from handrail.rules.capacity_data import load_capacity
from handrail.rules.terms import civil_date, say_date
from handrail.web.capacity import page
from handrail.web.capacity.forms import NAMES, day, decide_form, numbers_form, off_form, read_numbers, wait_form
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.forms import Filled, Form, fill
from handrail.web.paging import (
    NO_SITE,
    SiteCount,
    asked_for,
    at_site,
    of_site,
    share_of,
    site_counts,
    together,
    ways,
)
from handrail.web.presenters import patient_words
from handrail.web.referrals.page import referred_cells, without_course
from handrail.web.several_forms import blame, shown

COLUMNS: Final = ("site", "product", "state", "cause", "waits since", "days", "day wanted", "who mends it")
PLAN: Final = "plan_dose"
WAIT: Final = "keep_waiting_list"


@staff_page
@require_http_methods(["GET", "POST"])
def site_capacity(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """One site for the next days: each resource used, there or not known, the starts that are booked, who waits, and the forms."""
    user, now = signed_in(request), clock.now()
    site = sites_seen(user, now).filter(pk=site_id).first()
    if site is None:
        raise Http404("There is no such site.")
    capacity = capacity_of(site, now)
    waits = not_started(user, now, site_id=site.pk)
    reached = frozenset(
        courses_of(user, now).filter(pk__in=[each.course.pk for each in capacity.booked]).values_list("pk", flat=True)
    )
    named = _namer(user, now)
    forms = _forms(user, capacity, waits, _startable(user, capacity, waits, reached, now), named, now)
    filled = {key: Filled(form=form, typed={}) for key, form in forms.items()}
    status = 200
    if request.method == "POST":
        key = request.POST.get("form", "")
        if key not in filled:
            raise NotAllowedError("Your role does not allow that here.")
        filled[key] = fill(filled[key].form, dict(request.POST.lists()), site.time_zone)
        if _saved(request, site, key, filled[key]):
            return redirect("site_capacity", site_id=site.pk)
        status = 422
    starts = booked_starts(capacity)
    mine = [each for each in starts if each.course.pk in reached]
    context = {
        **frame(request, "programme"),
        "site": site,
        "counts": capacity.counts,
        "columns": [words for _need, words in page.COLUMNS],
        "days": list(page.days(capacity)),
        "reviews": page.reviews(capacity),
        "tasks": list(page.tasks(capacity, named, reached)),
        "numbers": list(page.numbers(capacity)),
        "per_patient": load_capacity().tocilizumab.doses_each,
        "starts": list(page.booked(mine, named)),
        "hidden": len(starts) - len(mine),
        "waiting": list(page.waiting([each for each in waits if each.cause == WaitEntry.Cause.CAPACITY], named, now)),
        "others": list(page.waiting([each for each in waits if each.cause != WaitEntry.Cause.CAPACITY], named, now)),
        "forms": shown(filled),
    }  # fmt: skip
    return render(request, "handrail/capacity/site.html", context, status=status)


def _namer(user: User, now: datetime) -> Callable[[Course], str]:
    """How this reader calls a patient: by name where the role at the course's organisation sees names. One query."""
    houses = {
        each.organisation_id
        for each in permissions.memberships(user, now)
        if each.role in permissions.VERBS["view_identity"]
    }
    return lambda course: patient_words(course, names=course.organisation_id in houses)


def _startable(
    user: User, capacity: Capacity, waits: Sequence[NotStarted], reached: frozenset[UUID], now: datetime
) -> list[Course]:
    """Whose start may have been refused here: who waits at this site, then elsewhere, then who begins the step-up once more."""
    waiting = [each.course for each in (*waits, *not_started(user, now)) if each.course.ended_at is None]
    going = [each for each in capacity.booked if each.course.ended_at is None and each.course.pk in reached]
    again = [each.course for each in going if each.load.started]
    return list({each.pk: each for each in (*waiting, *again)}.values())


def _forms(
    user: User,
    capacity: Capacity,
    waits: Sequence[NotStarted],
    startable: Sequence[Course],
    named: Callable[[Course], str],
    now: datetime,
) -> dict[str, Form]:
    """The forms that this person may send: nobody is offered a patient on whom the verb would be refused."""
    site = capacity.site
    found: dict[str, Form] = {}
    if may_say(user, site, now):
        found["numbers"] = numbers_form(capacity)
    directs = permissions.may(user, "override_capacity", None, now, organisation_id=site.organisation_id)
    plans = startable if directs else _may(user, PLAN, startable, now)
    if plans:
        found["decide"] = decide_form(_choices(plans, named))
    keeps = _may(user, WAIT, [each.course for each in waits], now)
    if keeps:
        found["wait"] = wait_form(_choices(keeps, named))
        on_list = {each.course.pk for each in waits if each.cause}
        listed = [each for each in keeps if each.pk in on_list]
        if listed:
            found["off"] = off_form(_choices(listed, named))
    return found


def _may(user: User, verb: str, courses: Sequence[Course], now: datetime) -> list[Course]:
    able = set(courses_of(user, now, verb).filter(pk__in=[each.pk for each in courses]).values_list("pk", flat=True))
    return [each for each in courses if each.pk in able]


def _choices(courses: Sequence[Course], named: Callable[[Course], str]) -> list[tuple[str, str]]:
    return [(str(each.pk), f"{named(each)}, {each.product}") for each in courses]


def _saved(request: HttpRequest, site: Site, key: str, filled: Filled) -> bool:
    """Do what a form asks; False: something is wrong, and stands in its errors."""
    if filled.errors:
        return False
    here = NAMES[key]
    words = {name: word for word, name in here.items()}
    values = {words.get(name, name): value for name, value in filled.values.items()}
    doing: dict[str, Callable[[HttpRequest, Site, dict[str, Any]], str]] = {
        "numbers": _say,
        "decide": _decide,
        "wait": _wait,
        "off": _off,
    }
    try:
        messages.success(request, doing[key](request, site, values))
    except ValueError as error:
        blame(filled, str(error), "Type a whole number, or ? for not known.")
        return False
    except RefusedError as error:
        blame(filled, here.get(error.path, error.path), error.message)
        return False
    return True


def _say(request: HttpRequest, site: Site, values: dict[str, Any]) -> str:
    from_on = day(values, "from_on")
    assert from_on is not None
    rows = say_numbers(
        site.pk,
        read_numbers(values),
        from_on=from_on,
        evidence=values.get("evidence", ""),
        by=person(signed_in(request)),
    )
    return f"Written down from {say_date(from_on)} on: {len(rows)} number{'' if len(rows) == 1 else 's'}."


def _decide(request: HttpRequest, site: Site, values: dict[str, Any]) -> str:
    on = day(values, "on")
    assert on is not None
    row = decide_start(site.pk, UUID(values["course"]), on=on, reason=values["reason"], by=person(signed_in(request)))
    return f"Written down: the start of {say_date(row.on)} goes on {row.get_kind_display()}."


def _wait(request: HttpRequest, _site: Site, values: dict[str, Any]) -> str:
    row = put_on_list(
        UUID(values["course"]),
        cause=values["cause"],
        wanted_on=day(values, "wanted_on"),
        reason=values.get("reason", ""),
        by=person(signed_in(request)),
    )
    return f"On the list: {row.get_cause_display()}."


def _off(request: HttpRequest, _site: Site, values: dict[str, Any]) -> str:
    take_off_list(UUID(values["course"]), reason=values["reason"], by=person(signed_in(request)))
    return "Off the list."


# --- who was not started --------------------------------------------------------------------------------------------------


@staff_page
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """Every patient who is not started, with the cause and since when, a page at a time. Constant number of queries.

    All of them are counted by cause and put in order before any is left to another page.
    """
    user, now = signed_in(request), clock.now()
    asked = asked_for(request)
    everywhere = not_started(user, now, named=False)
    rows = [each for each in everywhere if asked.is_at(each.course.site_id)]
    houses = organisations_with_referrals(user, now)
    still, over = open_referrals(houses, courseless=True), closed_referrals(houses, now, courseless=True)
    open_ = [each for each in in_order(still, now) if asked.is_at(each.site_id)]
    referred, closed = together(site_counts(still), site_counts(over)), at_site(over, asked)
    count = of_site(referred, asked)
    share = share_of(asked, together(_by_site(everywhere), referred), longest=max(len(rows), count))
    shown = rows[share.rows]
    name_patients(shown)
    ids = [each.id for each in open_[share.rows]]
    first, most = max(0, share.rows.start - len(open_)), share.per_page - len(ids)
    ids += list(closed.values_list("pk", flat=True)[first : first + share.per_page])[:most]
    context = {
        **frame(request, "programme"),
        "causes": page.by_cause(rows),
        "rows": list(page.waiting(shown, _namer(user, now), now)),
        "count": len(rows),
        "referred": list(without_course(cases_in(ids, now), now)),
        "referred_count": count,
        "list": ways(share),
        "sites": [(each.pk, each.name) for each in sites_seen(user, now).order_by("name", "id")],
    }
    return render(request, "handrail/capacity/waiting.html", context)


def _by_site(rows: Sequence[NotStarted]) -> tuple[SiteCount, ...]:
    """How many of them are of which site."""
    sites = {str(each.course.site_id or NO_SITE): each.course.site for each in rows}
    counts = Counter(str(each.course.site_id or NO_SITE) for each in rows)
    return tuple((key, site.name if site else "site not known", counts[key]) for key, site in sites.items())


@staff_page
@require_GET
def waiting_csv(request: HttpRequest) -> HttpResponse:
    """All of them as CSV, without names and without what people wrote in their own words. No name is read."""
    user, now = signed_in(request), clock.now()
    rows = not_started(user, now, named=False)
    today = civil_date(now, _zone(rows))
    houses = organisations_with_referrals(user, now)
    still, over = open_referrals(houses, courseless=True), closed_referrals(houses, now, courseless=True)
    cells = [*(_cells(row, now) for row in rows), *referred_cells(in_order(still, now), outcomes_of(over), now)]
    response = HttpResponse(as_csv(COLUMNS, cells), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="not-started-{today}.csv"'
    return response


def _cells(row: NotStarted, now: datetime) -> Sequence[object]:
    return (
        row.course.site.name if row.course.site else "",
        row.course.product,
        "never started" if row.ended else "waits",
        row.words,
        row.since_on.isoformat(),
        row.days(now),
        row.wanted_on.isoformat() if row.wanted_on else "",
        row.owner,
    )


def _zone(rows: Sequence[NotStarted]) -> str:
    first = next((each.course for each in rows), None)
    if first is None:
        return "UTC"
    return first.site.time_zone if first.site else first.time_zone
