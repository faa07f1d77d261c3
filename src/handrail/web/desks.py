"""The programme's desks: one page that leads to each of them, so that the main navigation stays short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.setting_up import set_up
from handrail.people import permissions
from handrail.people.expert_line import standings
from handrail.people.models import Organisation, Site
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.views_expert_line import line_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One desk: the name of its address, what it is called, and in one sentence what is done there."""

    url: str
    title: str
    words: str


DESKS: Final = (
    Desk(url="referrals", title="Referrals", words="Who was referred, how long it waits, who does what next, and what was decided."),
    Desk(url="people", title="People and sites", words="Who works here in which role, where doses are given, and which number is called."),
    Desk(
        url="sites",
        title="Sites and levels",
        words="What each site may give per product, until when, and what separates it from the next level.",
    ),
    Desk(
        url="waiting",
        title="Capacity and who waits",
        words="Who was not started, why and since when; from there each site's slots, chairs, beds and rescue doses, day by day.",
    ),
    Desk(
        url="training", title="Training", words="Who holds which certificate until when, and what each step of the rota asks."
    ),
    Desk(url="modules", title="Modules and documents", words="Who lacks which module by when, and what is to be read and signed."),
    Desk(url="drills", title="Drills", words="Mock reactions with their times, and which site holds the drills that it needs."),
    Desk(
        url="expert_line",
        title="Expert line",
        words="Whether a human answers at every hour, when it was tried last, and how fast those who asked were called back.",
    ),
    Desk(
        url="rems",
        title="REMS",
        words="Which site may dispense what, codes and reports that are owed, papers that run out, and the binder for an audit.",
    ),
    Desk(url="today", title="Doses of the day", words="Every planned dose of a site and a day: its gate, and what is due before it."),
    Desk(url="places", title="Places and their hours", words="Clinics, urgent care and emergency departments, and when they are open."),
    Desk(url="policies", title="Policies", words="The limits, clocks and words of this organisation, and who signed them."),
    Desk(url="access", title="Access desk", words="Requests to payers by their clock, policy cards, what will be billed, and letters."),
    Desk(
        url="figures",
        title="Figures",
        words="This programme's reactions beside published ones, with and without tocilizumab, and where doses are given, by quarter.",
    ),
)  # fmt: skip


@staff_page
@require_GET
def programme(request: HttpRequest) -> HttpResponse:
    """What is left before the first green gate, where no dose was given yet; and every desk. Constant number of queries for each
    organisation of the person."""
    user, now = signed_in(request), clock.now()
    mine = Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id")
    houses = [
        {"name": each.name, "steps": steps, "left": sum(not step.done for step in steps)}
        for each in mine
        if (steps := set_up(each, now)) is not None
    ]
    sites = list(Site.objects.filter(organisation__in=mine).select_related("organisation").order_by("name", "id"))
    lines = standings(sites, now)
    context = {
        **frame(request, "programme"),
        "desks": DESKS,
        "houses": houses,
        "lines": [line_row(site, lines[site.pk]) for site in sites if not lines[site.pk].holds],
    }
    return render(request, "handrail/programme.html", context)
