"""Mock drills: what each site has passed and what it has to hold next, every drill with its times, and the form for one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.registry import VERB, record_drill, take_back_drill
from handrail.people import permissions
from handrail.people.models import MockDrill, Organisation, Site
from handrail.people.registry import run_of, standing_drills
from handrail.rules.drills import judge, load_drills, site_evidence
from handrail.rules.terms import civil_date, say_date
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import YES_NO, Field, Filled, Form, fill

SHOWN: Final = 50
OTHER: Final = (
    ("vitals", "vital signs taken"),
    ("antibiotics", "decision about antibiotics"),
    ("transfer", "transfer"),
)
"""Milestones without a limit."""
MET: Final = {True: ("good", "Passed"), False: ("now", "Not passed"), None: ("routine", "Not known")}
WORDS: Final = ("product", "scenario", "first_recogniser", "deviations", "action", "action_owner")


@staff_page
@require_http_methods(["GET", "POST"])
def drills(request: HttpRequest) -> HttpResponse:
    """The drills of one's own organisations, and a form for one."""
    user, now = signed_in(request), clock.now()
    organisations = list(
        Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id")
    )
    mine = next(
        (o for o in organisations if permissions.may(user, "record_drill", None, now, organisation_id=o.pk)), None
    )
    sites = list(Site.objects.filter(organisation__in=organisations).order_by("name", "id"))
    own = [site for site in sites if mine is not None and site.organisation_id == mine.pk]
    form = _form(own) if mine is not None else None
    filled, status = Filled(form=form, typed={}) if form else None, 200
    if request.method == "POST":
        if mine is None or form is None:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(form, dict(request.POST.lists()), mine.time_zone)
        if _saved(request, mine, filled):
            return redirect("drills")
        status = 422
    context = {
        **frame(request, "programme"),
        "houses": [
            _house(
                each,
                [site for site in sites if site.organisation_id == each.pk],
                may=permissions.may(user, VERB, None, now, organisation_id=each.pk),
            )
            for each in organisations
        ],
        "limits": [f"{row.words} within {row.minutes} min" for row in load_drills().limit],
        "valid_days": load_drills().valid_days,
        "form": filled,
        "rows": filled.rows() if filled else [],
        "errors": filled.errors if filled else {},
    }
    return render(request, "handrail/drills.html", context, status=status)


@staff_page
@changes("drills")
def take_back(request: HttpRequest, drill_id: UUID) -> HttpResponse:
    """Say that a drill was written down wrongly; it stays on record."""
    try:
        take_back_drill(drill_id, reason=request.POST.get("reason", ""), by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Taken back; it stays on record.")
    return redirect("drills")


def _house(organisation: Organisation, sites: list[Site], *, may: bool) -> dict[str, Any]:
    now, book = clock.now(), load_drills()
    rows = standing_drills(organisation)
    places = []
    for site in sites:
        runs = [run_of(row) for row in rows if row.site_id == site.pk]
        found = site_evidence(runs, book, None, civil_date(now, site.time_zone), site.time_zone)
        mark, short = MET[found.met]
        places.append(
            {
                "name": site.name,
                "mark": mark,
                "short": "Holds" if found.met else "Not held" if found.met is False else short,
                "because": found.because,
                "next_step": found.next_step,
                "owner": found.owner,
                "until": say_date(civil_date(found.until, site.time_zone)) if found.until else "",
            }
        )
    return {
        "id": organisation.pk,
        "name": organisation.name,
        "may": may,
        "places": places,
        "drills": [_drill(row) for row in rows[:SHOWN]],
        "more": max(0, len(rows) - SHOWN),
    }


def _drill(row: MockDrill) -> dict[str, Any]:
    result = judge(run_of(row), load_drills())
    mark, short = MET[result.passed]
    kind = next((each.words for each in load_drills().kind if each.id == row.kind), row.kind)
    others = [f"{words} after {row.minutes[name]} min" for name, words in OTHER if name in row.minutes]
    return {
        "id": row.pk,
        "mark": mark,
        "short": short,
        "on": say_date(row.on),
        "site": row.site.name,
        "kind": kind,
        "product": row.product,
        "because": "; ".join([*(each.because for each in result.limits), *others]),
        "scenario": row.scenario,
        "first": row.first_recogniser,
        "deviations": row.deviations,
        "action": row.action,
        "owner": row.action_owner,
        "by": row.by.name,
    }


def _form(sites: list[Site]) -> Form:
    book = load_drills()
    minute = "Minutes from the start of the drill; empty: nobody took the time."
    fields = (
        Field(name="site", label="Where", kind="choice", required=True, choices=tuple((str(s.pk), s.name) for s in sites)),
        Field(name="kind", label="Kind", kind="choice", required=True, choices=tuple((r.id, r.words.capitalize()) for r in book.kind)),
        Field(name="on", label="Day", kind="date", required=True),
        Field(name="product", label="Product", kind="text", hint="Empty: about every product."),
        Field(name="scenario", label="Scenario", kind="text"),
        Field(name="first_recogniser", label="Who recognised it first", kind="text", hint="The role, not the name."),
        *(Field(name=row.id, label=row.words.capitalize(), kind="decimal", unit="min", hint=minute) for row in book.limit),
        Field(name="correct_grade", label="Was the grade right?", kind="yes_no", choices=YES_NO, required=True),
        *(Field(name=name, label=words.capitalize(), kind="decimal", unit="min") for name, words in OTHER),
        Field(name="deviations", label="What went otherwise than written", kind="text"),
        Field(name="action", label="What is done about it", kind="text"),
        Field(name="action_owner", label="Who does it", kind="text"),
    )  # fmt: skip
    return Form(key="drill", title="Write down a drill", verb="record_drill", fields=fields, events=lambda v: [dict(v)])


def _saved(request: HttpRequest, mine: Organisation, filled: Filled) -> bool:
    """Keep the drill; False: something is wrong, and stands in its errors."""
    if filled.errors:
        return False
    values = filled.values
    timed = [row.id for row in load_drills().limit] + [name for name, _ in OTHER]
    try:
        drill = record_drill(
            mine.pk,
            site_id=values["site"],
            kind=values["kind"],
            on=date.fromisoformat(values["on"]),
            minutes={name: Decimal(values[name]) for name in timed if values.get(name) is not None},
            correct_grade=values["correct_grade"],
            words={name: values[name] for name in WORDS if values.get(name)},
            by=person(signed_in(request)),
        )
    except RefusedError as error:
        named = {field.name for field in filled.form.fields}
        filled.errors[error.path if error.path in named else "site"] = error.message
        return False
    result = judge(run_of(drill), load_drills())
    messages.success(request, f"Saved: {MET[result.passed][1].lower()}. {result.because}.")
    return True
