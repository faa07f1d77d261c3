"""Where patients are seen: clinics, urgent care and emergency departments of an organisation, and how a packet reaches each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.care_places import PlaceDraft, add_place, end_place
from handrail.actions.doors import Door, doors_at
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.words_doors import door_words
from handrail.alerts.channels import channel_named
from handrail.people import permissions
from handrail.people.models import CarePlace, Organisation, Site
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill

CHANNELS: Final = (("email", "e-mail"), ("webhook", "webhook"))


@staff_page
@require_http_methods(["GET", "POST"])
def places(request: HttpRequest) -> HttpResponse:
    """Every place in use, and the form that adds one."""
    mine = _managed(request)
    filled = Filled(form=_form(mine), typed={}) if mine else None
    status = 200
    if request.method == "POST":
        if mine is None:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(_form(mine), dict(request.POST.lists()), mine.time_zone)
        if not filled.errors:
            try:
                made = add_place(mine.pk, _draft(filled.values), by=person(signed_in(request)))
            except RefusedError as error:
                filled.errors[error.path or "name"] = error.message
            else:
                messages.success(
                    request, f"{made.name} is added. Write its hours down: until then nobody is told that it is open."
                )
                return redirect("place_hours", place_id=made.pk)
        status = 422
    now = clock.now()
    own = permissions.organisations_of(signed_in(request), now)
    found = CarePlace.objects.filter(organisation__in=own, ended_at__isnull=True).select_related("site", "organisation")
    context = {
        **frame(request, "rota"),
        "rows": [
            _row(each, now, mine) for each in doors_at(list(found.order_by("organisation__name", "name", "id")), now)
        ],
        "has_ed": any(each.kind == CarePlace.Kind.ED for each in found),
        "form_rows": filled.rows() if filled else [],
        "errors": filled.errors if filled else {},
    }
    return render(request, "handrail/places.html", context, status=status)


@staff_page
@changes("places")
def end_a_place(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """Take a place out of use."""
    place = end_place(place_id, by=person(signed_in(request)))
    messages.warning(
        request, f"{place.name} is out of use: patients are not told of it any more, and plans that named it name none."
    )
    return redirect("places")


def _row(door: Door, now: datetime, mine: Organisation | None) -> dict[str, Any]:
    place = door.place
    may = mine is not None and place.organisation_id == mine.pk
    ways = []
    for name, words in CHANNELS:
        channel = channel_named(name)
        if getattr(place, name):
            set_up = channel is not None and channel.configured()
            ways.append(words if set_up else f"{words} (NOT set up in this installation)")
    ways += [f"fax {place.fax}"] if place.fax else []
    return {
        "id": place.pk,
        "name": place.name,
        "kind": CarePlace.Kind(place.kind).label,
        "ed": place.kind == CarePlace.Kind.ED,
        "state": door_words(door, now, (mine or place.organisation).time_zone, clock_24h=True).state,
        "address": place.address,
        "number": place.number,
        "ways": ", then ".join(ways) or "by phone only",
        "where": place.site.name if place.site else f"{place.organisation.name}: every site",
        "secret": place.webhook_secret if may else "",
        "may": may,
    }


def _draft(values: dict[str, Any]) -> PlaceDraft:
    texts = {name: values.get(name, "") for name in ("kind", "name", "number", "address", "email", "webhook", "fax")}
    return PlaceDraft(**texts, site=UUID(values["site"]) if "site" in values else None)


def _managed(request: HttpRequest) -> Organisation | None:
    """The organisation whose places this person changes."""
    user, now = signed_in(request), clock.now()
    for organisation in permissions.organisations_of(user, now):
        if permissions.may(user, "manage_places", None, now, organisation_id=organisation):
            return Organisation.objects.get(pk=organisation)
    return None


def _form(organisation: Organisation) -> Form:
    sites = tuple((str(site.pk), site.name) for site in Site.objects.filter(organisation=organisation).order_by("name"))
    kinds = tuple(
        (kind.value, kind.label.capitalize())
        for kind in (CarePlace.Kind.ED, CarePlace.Kind.URGENT_CARE, CarePlace.Kind.CLINIC)
    )
    return Form(
        key="place",
        title="Add a place",
        verb="manage_places",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="kind", label="What it is", kind="choice", required=True, choices=kinds),
            Field(name="name", label="Name", kind="text", required=True),
            Field(
                name="number",
                label="Number",
                kind="text",
                required=True,
                hint="Of an emergency department: its transfer line, answered day and night.",
            ),
            Field(name="address", label="Address", kind="text", hint="As somebody drives there."),
            Field(
                name="email",
                label="E-mail",
                kind="text",
                hint="For packets to an emergency department: one that it reads at every hour.",
            ),
            Field(name="webhook", label="Webhook", kind="text", hint="Its host must be allowed in this installation."),
            Field(name="fax", label="Fax", kind="text", hint="Used last: a person sends it."),
            Field(name="site", label="For one site only", kind="choice", choices=sites),
        ),
    )
