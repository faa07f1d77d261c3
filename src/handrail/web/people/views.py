"""Who works here: the page of an organisation, its sites, its people and their roles, and the link for a first password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.people import (
    ONLY_DIRECTORS,
    add_person,
    add_site,
    change_organisation,
    change_site,
    end_role,
    give_role,
    may_invite,
    standing,
)
from handrail.people import permissions
from handrail.people.first_password import good_for, password_path
from handrail.people.models import Membership, Organisation, Role, Site, User
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Filled, Form, fill
from handrail.web.people.forms import organisation_form, person_form, role_form, site_form


@staff_page
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """The organisations of this person, with sites and people. Constant number of queries for each organisation."""
    return _page(request)


@staff_page
@changes("people")
def write(request: HttpRequest, organisation_id: UUID, key: str) -> HttpResponse:
    """Save one of the forms."""
    doing: dict[str, Callable[[HttpRequest, UUID, dict[str, Any]], HttpResponse]] = {
        "organisation": _organisation,
        "site": _site,
        "person": _person,
        "role": _role,
    }
    found = _of(request).get(organisation_id)
    form = _forms(found, clock.now()).get(key) if found is not None else None
    if found is None or form is None:
        raise Http404("There is no such form.")
    filled = fill(form, dict(request.POST.lists()), found.time_zone)
    if not filled.errors:
        try:
            return doing[key](request, organisation_id, filled.values)
        except RefusedError as error:
            named = {field.name for field in form.fields}
            filled.errors[error.path if error.path in named else form.fields[0].name] = error.message
    return _page(request, {(organisation_id, key): filled}, status=422)


@staff_page
@changes("people")
def site_number(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Another number for a site."""
    try:
        site = change_site(site_id, number=request.POST.get("number", ""), by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{site.name}: {site.call_number or 'the number of the organisation is called'}.")
    return redirect("people")


@staff_page
@changes("people")
def end_a_role(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Somebody has a role no more."""
    try:
        row = end_role(membership_id, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        words = f"{row.user.name} is no longer {Role(row.role).label.lower()}. Look at the rota: their hours there stand open."
        messages.warning(request, words)
    return redirect("people")


@staff_page
@changes("people")
def invite(request: HttpRequest, organisation_id: UUID, user_id: UUID) -> HttpResponse:
    """The link with which somebody chooses a first password; it is shown once and kept nowhere."""
    user, now = signed_in(request), clock.now()
    if not permissions.may(user, "manage_people", None, now, organisation_id=organisation_id):
        raise NotVisibleError("There is no such organisation.")
    row = standing(organisation_id, now).filter(user=user_id).select_related("user").first()
    if row is None:
        raise NotVisibleError("Nobody of that id works here.")
    if not may_invite(row.user):
        messages.error(
            request, f"{row.user.name} has a password. Whoever forgot it asks for another one at the sign-in."
        )
        return redirect("people")
    return _invitation(request, row.user)


def _invitation(request: HttpRequest, user: User) -> HttpResponse:
    context = {
        **frame(request, "programme"),
        "who": user.name,
        "mail": user.email,
        "address": request.build_absolute_uri(password_path(user)),
        "hours": int(good_for().total_seconds() // 3600),
    }
    return render(request, "handrail/people/invitation.html", context)


def _organisation(request: HttpRequest, organisation_id: UUID, values: dict[str, Any]) -> HttpResponse:
    by = person(signed_in(request))
    found = change_organisation(organisation_id, number=values["number"], second_factor=values["second_factor"], by=by)
    messages.success(request, f"Saved: {found.name} is called at {found.call_number}.")
    return redirect("people")


def _site(request: HttpRequest, organisation_id: UUID, values: dict[str, Any]) -> HttpResponse:
    site = add_site(organisation_id, **values, by=person(signed_in(request)))
    messages.success(request, f"{site.name} is added.")
    return redirect("people")


def _person(request: HttpRequest, organisation_id: UUID, values: dict[str, Any]) -> HttpResponse:
    added = add_person(organisation_id, **values, by=person(signed_in(request)))
    if added.new:
        messages.success(request, f"{added.user.name} is added.")
        return _invitation(request, added.user)
    messages.success(request, f"{added.user.name} is added, and signs in with the password that they have.")
    return redirect("people")


def _role(request: HttpRequest, organisation_id: UUID, values: dict[str, Any]) -> HttpResponse:
    row = give_role(organisation_id, UUID(values["who"]), role=values["role"], by=person(signed_in(request)))
    messages.success(request, f"{row.user.name} is {Role(row.role).label.lower()} too.")
    return redirect("people")


# --- the page ----------------------------------------------------------------------------------------------------------------


def _of(request: HttpRequest) -> dict[UUID, Organisation]:
    mine = permissions.organisations_of(signed_in(request), clock.now())
    return {each.pk: each for each in Organisation.objects.filter(pk__in=mine).order_by("name", "id")}


def _page(
    request: HttpRequest, sent: dict[tuple[UUID, str], Filled] | None = None, *, status: int = 200
) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    context = {
        **frame(request, "programme"),
        "houses": [_house(user, each, sent or {}, now) for each in _of(request).values()],
    }
    return render(request, "handrail/people/people.html", context, status=status)


def _house(
    user: User, organisation: Organisation, sent: dict[tuple[UUID, str], Filled], now: datetime
) -> dict[str, Any]:
    may = permissions.may(user, "manage_people", None, now, organisation_id=organisation.pk)
    director = Role.DIRECTOR in permissions.roles_at(user, organisation.pk, now)
    forms = [
        sent.get((organisation.pk, key)) or Filled(form=form, typed={})
        for key, form in (_forms(organisation, now) if may else {}).items()
    ]
    return {
        "id": organisation.pk,
        "name": organisation.name,
        "number": organisation.call_number,
        "sites": list(Site.objects.filter(organisation=organisation).order_by("name", "id")),
        "people": _people(organisation, now, director=director),
        "may": may,
        "forms": [
            {"key": each.form.key, "title": each.form.title, "rows": each.rows(), "errors": each.errors}
            for each in forms
        ],
    }


def _forms(organisation: Organisation, now: datetime) -> dict[str, Form]:
    rows = standing(organisation.pk, now).select_related("user").order_by("user__name", "user_id")
    names = tuple(dict.fromkeys((str(row.user_id), row.user.name) for row in rows))
    forms = (person_form(), site_form(organisation), role_form(names), organisation_form(organisation))
    return {form.key: form for form in forms}


def _people(organisation: Organisation, now: datetime, *, director: bool) -> list[dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    rows = standing(organisation.pk, now).select_related("user", "site").order_by("user__name", "user_id", "valid_from")
    for row in rows:
        one = found.setdefault(
            row.user_id,
            {
                "id": row.user_id,
                "name": row.user.name,
                "email": row.user.email,
                "waits": may_invite(row.user),
                "active": row.user.is_active,
                "roles": [],
            },
        )
        one["roles"].append(_role_row(row, director=director))
    return list(found.values())


def _role_row(row: Membership, *, director: bool) -> dict[str, Any]:
    words = str(Role(row.role).label).lower()
    return {
        "id": row.pk,
        "words": f"{words}, {row.site.name}" if row.site else words,
        "may_end": director or row.role not in ONLY_DIRECTORS,
    }
