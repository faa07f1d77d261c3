"""The rota: who answers, where nobody does, and the form that puts somebody on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.rota import put_on_rota, take_off_rota
from handrail.people import permissions
from handrail.people.coverage import Hole, hole_words, holes, holes_of_sites, zone_of
from handrail.people.models import Membership, Organisation, Shift, Site, Step, Swap
from handrail.rules.rota import clock_note, load_rota_rules
from handrail.rules.telling import role_words
from handrail.rules.terms import zone_named
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill, prefilled
from handrail.web.paging import (
    NO_SITE,
    Asked,
    SiteCount,
    asked_for,
    at_place,
    share_of,
    site_counts,
    ways,
)
from handrail.web.words import local_time

AHEAD: Final = timedelta(days=load_rota_rules().look.days_ahead)
NOTED: Final = timedelta(days=2)
"""A longer shift crosses a clock change without anybody counting its hours."""


EVERY_SITE: Final = "every site"
"""Of a shift that is of no site alone."""


@staff_page
@require_GET
def rota(request: HttpRequest) -> HttpResponse:
    """Who answers, for the next two weeks, whoever is on now first, a page at a time; and every hole of the rota on each page."""
    return _page(request, None)


def _page(request: HttpRequest, filled: Filled | None, *, status: int = 200) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    organisations = list(Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)))
    mine = [o for o in organisations if permissions.may(user, "manage_rota", None, now, organisation_id=o.pk)]
    asked = asked_for(request)
    found = Shift.objects.filter(organisation__in=organisations, ends_at__gt=now, starts_at__lt=now + AHEAD)
    counts = [(site, EVERY_SITE if site == NO_SITE else name, count) for site, name, count in site_counts(found)]
    share = share_of(asked, tuple(counts), longest=_answering(counts, asked))
    if asked.site:
        found = found.filter(at_place(asked) | Q(site=None))
    page = found.select_related("user", "site", "organisation").order_by("starts_at", "step", "id")[share.rows]
    shifts = sorted(page, key=lambda each: (each.step, each.starts_at))
    form = filled or (Filled(form=_form(mine[0], now), typed={}) if mine else None)
    context = {
        **frame(request, "rota"),
        "rows": [_row(shift, may_change=shift.organisation in mine) for shift in shifts],
        "list": {**ways(share), "here": _answering(counts, asked)},
        "holes": list(dict.fromkeys(words for o in organisations for words in _holes(o, now))),
        "swaps_for_me": Swap.objects.filter(to_user=user, answer=Swap.Answer.OPEN).count(),
        "form_rows": form.rows() if form else [],
        "errors": form.errors if form else {},
    }
    return render(request, "handrail/rota.html", context, status=status)


def _answering(counts: Iterable[SiteCount], asked: Asked) -> int:
    """How many shifts answer at the site that is asked for: its own, and those of every site."""
    return sum(count for site, _, count in counts if asked.site in ("", site) or site == NO_SITE)


def _row(shift: Shift, *, may_change: bool) -> dict[str, Any]:
    zone = zone_of(shift.organisation, shift.site)
    return {
        "id": shift.pk,
        "step": role_words(shift.step).capitalize(),
        "who": shift.user.name,
        "from": local_time(shift.starts_at, zone),
        "until": local_time(shift.ends_at, zone),
        "note": clock_note(shift.starts_at, shift.ends_at, zone) if shift.ends_at - shift.starts_at < NOTED else "",
        "site": shift.site.name if shift.site else f"{shift.organisation.name}: every site",
        "instead": shift.is_override,
        "may_change": may_change,
    }


def _holes(organisation: Organisation, now: datetime) -> list[str]:
    """Every hole of the organisation's sites, in words. Constant number of queries."""
    sites = list(Site.objects.filter(organisation=organisation).order_by("code", "id"))
    if not sites:
        return where_words(organisation, [(None, holes(organisation, None, now, now + AHEAD))])
    found = holes_of_sites(sites, now, now + AHEAD, followed=True)
    return where_words(organisation, ((site, found[site.pk]) for site in sites))


def where_words(organisation: Organisation, found: Iterable[tuple[Site | None, Iterable[Hole]]]) -> list[str]:
    """The holes of each site in words, with the place; one that all sites share stands once."""
    said = []
    for site, here in found:
        for hole in here:
            where = None if hole.whole_organisation else site
            said.append(f"{(where or organisation).name}: {hole_words(hole, zone_of(organisation, where))}")
    return list(dict.fromkeys(said))


def _form(organisation: Organisation, now: datetime) -> Form:
    answer = permissions.VERBS["acknowledge"]
    people = Membership.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        organisation=organisation,
        user__is_active=True,
        role__in=answer,
    )
    names = {str(user): name for user, name in people.values_list("user", "user__name")}
    form = Form(
        key="shift",
        title="Put somebody on",
        verb="manage_rota",
        events=lambda values: [dict(values)],
        fields=(
            Field(
                name="step",
                label="As",
                kind="choice",
                required=True,
                choices=tuple((step.value, role_words(step.value).capitalize()) for step in Step),
            ),
            Field(
                name="user",
                label="Who",
                kind="choice",
                required=True,
                choices=tuple(sorted(names.items(), key=lambda item: item[1])),
            ),
            Field(name="starts_at", label="From", kind="moment", required=True),
            Field(name="ends_at", label="Until", kind="moment", required=True),
            Field(name="instead", label="Instead of whoever is planned", kind="choices", choices=(("yes", "Yes"),)),
        ),
    )
    local = now.astimezone(zone_named(organisation.time_zone)).replace(tzinfo=None)
    return prefilled(form, {"starts_at": local.isoformat(timespec="minutes")})


@staff_page
@changes("rota")
def add_shift(request: HttpRequest) -> HttpResponse:
    """Put somebody on the rota of one's own organisation."""
    user, now = signed_in(request), clock.now()
    mine = [
        organisation
        for organisation in permissions.organisations_of(user, now)
        if permissions.may(user, "manage_rota", None, now, organisation_id=organisation)
    ]
    if not mine:
        raise PermissionDenied("Your role does not allow that here.")
    organisation = Organisation.objects.get(pk=mine[0])
    filled = fill(_form(organisation, now), dict(request.POST.lists()), organisation.time_zone)
    if not filled.errors:
        values = filled.values
        try:
            shift = put_on_rota(
                organisation.pk,
                step=values["step"],
                user_id=values["user"],
                starts_at=datetime.fromisoformat(values["starts_at"]),
                ends_at=datetime.fromisoformat(values["ends_at"]),
                instead=bool(values.get("instead")),
                by=person(user),
                now=now,
            )
        except RefusedError as error:
            filled.errors[error.path or "step"] = error.message
        else:
            messages.success(request, f"{shift.user.name} is on the rota.")
            return redirect("rota")
    return _page(request, filled, status=422)


@staff_page
@changes("rota")
def end_shift(request: HttpRequest, shift_id: UUID) -> HttpResponse:
    """Take somebody off the rota: from now on somebody else answers, or nobody."""
    take_off_rota(shift_id, by=person(signed_in(request)))
    messages.success(request, "Taken off the rota. Look whether somebody else is on.")
    return redirect("rota")
