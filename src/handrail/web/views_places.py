"""Where patients are sent in an emergency: the departments of an organisation, and how a packet reaches each."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.care_places import PlaceDraft, add_place, end_place
from handrail.actions.errors import NotAllowedError, RefusedError
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
    """Every department in use, and the form that adds one."""
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
                messages.success(request, f"{made.name} can be named in plans from now on.")
                return redirect("places")
        status = 422
    own = permissions.organisations_of(signed_in(request), clock.now())
    found = CarePlace.objects.filter(organisation__in=own, ended_at__isnull=True).select_related("site", "organisation")
    context = {
        **frame(request, "rota"),
        "rows": [_row(each, mine) for each in found.order_by("organisation__name", "name", "id")],
        "form_rows": filled.rows() if filled else [],
        "errors": filled.errors if filled else {},
    }
    return render(request, "handrail/places.html", context, status=status)


@staff_page
@changes("places")
def end_a_place(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """Take a department out of use."""
    place = end_place(place_id, by=person(signed_in(request)))
    messages.warning(
        request, f"{place.name} is out of use: plans that named it name none now. Choose another for each."
    )
    return redirect("places")


def _row(place: CarePlace, mine: Organisation | None) -> dict[str, Any]:
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
        "address": place.address,
        "number": place.number,
        "ways": ", then ".join(ways) or "by phone only",
        "where": place.site.name if place.site else f"{place.organisation.name}: every site",
        "secret": place.webhook_secret if may else "",
        "may": may,
    }


def _draft(values: dict[str, Any]) -> PlaceDraft:
    texts = {name: values.get(name, "") for name in ("name", "number", "address", "email", "webhook", "fax")}
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
    return Form(
        key="place",
        title="Add an emergency department",
        verb="manage_places",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="name", label="Name of the department", kind="text", required=True),
            Field(name="number", label="Transfer line", kind="text", required=True, hint="Answered day and night."),
            Field(name="address", label="Address", kind="text"),
            Field(name="email", label="E-mail", kind="text", hint="One that the department reads at every hour."),
            Field(name="webhook", label="Webhook", kind="text", hint="Its host must be allowed in this installation."),
            Field(name="fax", label="Fax", kind="text", hint="Used last: a person sends it."),
            Field(name="site", label="For one site only", kind="choice", choices=sites),
        ),
    )
