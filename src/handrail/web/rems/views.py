"""The matrix of sites and products, the representative's list, the set-up of a product, and the dispense record of a course."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.rems import note_setup
from handrail.actions.rems_desk import Desk, desk_of, owner_of
from handrail.actions.rems_look import House, house_of
from handrail.people.models import Organisation, RemsAct, Site
from handrail.records.models import Course
from handrail.records.reach import courses_of
from handrail.rules.evidence import Evidence
from handrail.rules.rems_data import desk_rules, programme_for, programme_name, programmes
from handrail.rules.rems_desk import KIND_WORDS, PARTICIPANTS, Cell, cell
from handrail.rules.rems_setup import Setup, Task, setup
from handrail.rules.terms import civil_date, say_date, step_words
from handrail.web.context import page_asked
from handrail.web.doors import signed_in, staff_page
from handrail.web.presenters import patient_words
from handrail.web.rems.parts import around, expiry_mark, houses, may_keep, products, share, shown
from handrail.web.words import local_time

SIDE_WORDS = {"setting": "Setting", "dispenser": "Dispenser", "prescriber": "Prescribers"}


@staff_page
@require_GET
def matrix(request: HttpRequest) -> HttpResponse:
    """Every site and product on a day: setting, dispenser, prescribers. Constant number of queries."""
    on = _day(request.GET.get("on", ""))
    told = [_house(request, each, on) for each in houses(request)]
    return render(request, "handrail/rems/matrix.html", {**around(request, "matrix"), "houses": told})


@staff_page
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """The representative's list: planned doses, codes, reports, what runs out, who owns the codes. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    page = page_asked(request)
    found = [desk_of(user, each, now, page=page) for each in houses(request)]
    here = {course.pk for each in found for course in each.courses}
    names = frozenset(courses_of(user, now, "view_identity").filter(pk__in=here).values_list("pk", flat=True))
    pages = max((each.pages for each in found), default=1)
    context = {"houses": [_desk(each, names) for each in found], "page": min(max(page, 1), pages), "pages": pages}
    return render(request, "handrail/rems/desk.html", {**around(request, "desk"), **context})


@staff_page
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest, site_id: UUID, product: str) -> HttpResponse:
    """What a site still does before the first dose of a product, what carries over, by when, and who does it."""
    now = clock.now()
    mine = {each.pk: each for each in houses(request)}
    site = Site.objects.filter(pk=site_id, organisation__in=mine).first()
    programme = programme_for(product, "US")
    if site is None or programme is None:
        raise Http404("There is no such site and product.")
    organisation = mine[site.organisation_id]
    if request.method == "POST":
        try:
            note_setup(
                organisation.pk,
                site_id=site.pk,
                product=product,
                task=request.POST.get("task", ""),
                by=person(signed_in(request)),
            )
            messages.success(request, "Saved.")
        except RefusedError as error:
            messages.error(request, error.message)
        return redirect("rems_setup", site_id=site.pk, product=product)
    house = house_of(organisation, now)
    today = civil_date(now, site.time_zone)
    acts = [each for each in house.acts if each.site_id == site.pk and each.product == product]
    begun = next((civil_date(each.at, site.time_zone) for each in acts), None)
    done = {each.task for each in acts if each.what == RemsAct.What.DONE}
    found = setup(
        desk_rules().setup, programme, product, house.places[site.pk], house.papers, done, begun or today, today
    )
    context = {
        "site": site,
        "product": product,
        "programme": programme.name,
        "programme_id": programme.id,
        "begun": say_date(begun) if begun else "",
        "keeps": may_keep(request, organisation),
        "total": len(found.tasks),
        "done": found.done_count,
        "earliest": say_date(found.earliest_on) if found.earliest_on else "",
        "open": _by_owner(found, today),
        "finished": [_task(each, today) for each in found.tasks if each.state != "open"],
        "others": [name for name, _ in products() if name != product],
    }
    return render(request, "handrail/rems/setup.html", {**around(request, "matrix"), **context})


# --- the matrix -----------------------------------------------------------------------------------------------------------------


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _house(request: HttpRequest, organisation: Organisation, on: date | None) -> dict[str, Any]:
    now = clock.now()
    house = house_of(organisation, now)
    going = Course.objects.filter(site__in=house.sites, jurisdiction="US", ended_at__isnull=True)
    treated = set(going.values_list("site", "product").distinct())
    sites = []
    for site in house.sites:
        day = on or civil_date(now, site.time_zone)
        cells = [_cell(house, site, product, name, day, (site.pk, product) in treated) for product, name in products()]
        owner = _owners(house, site, now)
        sites.append({"id": site.pk, "name": site.name, "day": say_date(day), "cells": cells, "owner": owner})
    return {"name": organisation.name, "sites": sites, "keeps": may_keep(request, organisation)}


def _owners(house: House, site: Site, now: datetime) -> str:
    """Who gets the codes of a site now, by name; of each programme where they differ: each has its own representative."""
    held = {paper.programme for paper in house.of_place.get(str(site.pk), ())}
    told = {
        each.name: owner_of(house, site.pk, each.id, now).name or "nobody" for each in programmes() if each.id in held
    }
    if not told:
        return owner_of(house, site.pk, "", now).name or "nobody"
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{name} ({programme})" for programme, name in told.items())


def _cell(house: House, site: Site, product: str, programme: str, day: date, treated: bool) -> dict[str, Any]:
    """`treated`: patients of the site have this product, or are about to: where nothing is recorded that is no choice."""
    place = house.places[site.pk]
    found = cell(product, "US", place, house.papers_for(place), day)
    sides = [(SIDE_WORDS[name], found.side(name)) for name in PARTICIPANTS]
    mark, short = ("now", "Not set up") if found.empty and treated and not found.ended else _overall(found)
    return {
        "product": product,
        "programme": programme,
        "mark": mark,
        "short": short,
        "ended": found.ended,
        "empty": found.empty,
        "treated": treated,
        "sides": [{"name": name, **shown(answer)} for name, answer in sides if answer is not None],
        "warnings": _warnings(found),
    }


def _warnings(found: Cell) -> list[dict[str, str]]:
    """What is open and holds no dose back: who is certified without a training, and who of the staff was not trained."""
    told = [{"what": "Certified, not trained", "who": ", ".join(found.untrained)}] if found.untrained else []
    staff = [part for part in found.warnings if part.row.participant == "dispenser"]
    return told + [
        {"what": "Training of this product missing", "who": ", ".join(part.who) or part.answer.because}
        for part in staff
    ]


def _overall(found: Cell) -> tuple[str, str]:
    if found.ended:
        return "good", "Nothing asked"
    if found.empty:
        return "routine", "Not set up"
    told = [answer.met for answer in map(found.side, PARTICIPANTS) if answer is not None]
    if all(met is True for met in told):
        return "good", "Ready"
    return ("now", "Not certified") if False in told else ("today", "Not known")


# --- the representative's list ------------------------------------------------------------------------------------------------------


def _desk(found: Desk, names: frozenset[UUID]) -> dict[str, Any]:
    zones = {site.pk: site.time_zone for site in found.house.sites}
    zone = found.house.organisation.time_zone
    titles = {str(site.pk): site.name for site in found.house.sites}
    planned = [
        {
            "course": each.course.pk,
            "who": patient_words(each.course, names=each.course.pk in names),
            "product": each.course.product,
            "on": each.on,
            "step": step_words(each.step),
            "site": each.site.name if each.site else "site not known",
            **_line(each.evidence),
            "owner": each.owner,
        }
        for each in found.planned
    ]
    wrong = [
        {
            "course": each.course.pk,
            "who": patient_words(each.course, names=each.course.pk in names),
            "product": each.course.product,
            "on": each.trouble.dose.on,
            "kind": each.trouble.kind.capitalize(),
            "mark": "now" if each.trouble.kind in ("missing", "unchecked") else "today",
            "words": each.trouble.words,
            "late_from": local_time(each.trouble.late_from, zone),
            "site": titles.get(each.trouble.dose.site, "site not known"),
            "owner": each.owner,
        }
        for each in found.wrong
    ]
    due = [
        {
            "course": each.course.pk,
            "who": patient_words(each.course, names=each.course.pk in names),
            "words": each.report.words,
            "due": say_date(each.report.last_day),
            "mark": "now" if each.overdue else "today",
            "short": "Overdue" if each.overdue else "Due",
        }
        for each in found.due
    ]
    ends = [
        {
            **expiry_mark(each),
            "within": each.within,
            "what": KIND_WORDS[each.paper.kind],
            "programme": programme_name(each.paper.programme),
            "who": each.paper.who.name if each.paper.who else titles.get(each.paper.site or "", ""),
            "last": each.paper.until,
        }
        for each in found.expiries
    ]
    overs = [
        {
            "site": site.name,
            "at": local_time(each.at, zones[site.pk]),
            "before": each.before.name,
            "after": each.after.name,
        }
        for site, each in found.hand_overs
    ]
    return {
        "name": found.house.organisation.name,
        "planned": planned,
        "wrong": wrong,
        "due": due,
        "ends": ends,
        "overs": overs,
        "of_wrong": share(found.page, found.pages, len(wrong), found.wrong_total),
        "of_due": share(found.page, found.pages, len(due), found.due_total),
        "of_planned": share(found.page, found.pages, len(planned), found.planned_total),
        "days": desk_rules().code.planned_days_ahead,
        "back": desk_rules().code.missed_days_back,
        "minutes": desk_rules().code.late_after_minutes,
        "warn_days": ", ".join(str(days) for days in reversed(desk_rules().expiry.warn_days)),
    }


def _line(answer: Evidence) -> dict[str, Any]:
    told = shown(answer)
    return {
        "mark": told["mark"],
        "short": told["short"],
        "because": told["because"],
        "next": told["step"],
        "role": told["owner"],
    }


# --- the set-up ----------------------------------------------------------------------------------------------------------------------


def _by_owner(found: Setup, today: date) -> list[dict[str, Any]]:
    """The open tasks by who does them, so that each person sees a short list; whoever is due first comes first."""
    owners = list(dict.fromkeys(task.row.owner for task in found.open))
    return [
        {"owner": owner.capitalize(), "tasks": [_task(each, today) for each in found.open if each.row.owner == owner]}
        for owner in owners
    ]


def _task(task: Task, today: date) -> dict[str, Any]:
    late = task.due_on is not None and task.due_on < today
    return {
        "id": task.row.id,
        "what": f"{task.row.words[0].upper()}{task.row.words[1:]}",
        "paper": task.row.paper,
        "materials": task.row.materials,
        "due": task.due_on,
        "late": late,
        "state": task.state,
        "mark": "now" if late else "today" if task.state == "open" else "good",
        "short": "Overdue" if late else {"open": "To do", "done": "Done", "carried": "Carried over"}[task.state],
        "words": task.words,
    }
