"""Who of the staff lacks which module and by when, what is to be read and signed, and how much experience person and site have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.experience import experiences
from handrail.actions.registry import bring_out, complete_module, products_of, sign_document, take_back_record
from handrail.people import permissions
from handrail.people.models import Organisation
from handrail.people.permissions import STAFF
from handrail.people.registry import MODULE, Registry, last_records, registry
from handrail.rules.curriculum import (
    Standing,
    Unsigned,
    certified_not_trained,
    lacking,
    load_curriculum,
    staff_standings,
    unsigned,
)
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Form
from handrail.web.several_forms import send, shown

SHOWN: Final = 100
"""So many rows of a list stand on the page; how many more there are is said."""
LAST: Final = 20
"""So many records can be taken back here: those that were written down last."""
STATES: Final = {
    "current": ("soon", "Ends soon"),
    "opened_again": ("soon", "New version"),
    "old_version": ("now", "Old version"),
    "ended": ("now", "Ran out"),
    "never": ("today", "Not yet"),
    "not_known": ("routine", "Not known"),
}
"""The colour and the words of what stands on the list; the words alone say it."""


@staff_page
@require_http_methods(["GET", "POST"])
def modules(request: HttpRequest) -> HttpResponse:
    """One list for each of one's organisations: who lacks what, by when; and for who manages them, two forms."""
    user, now = signed_in(request), clock.now()
    organisations = list(
        Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id")
    )
    known = {each.pk: registry(each, products_of(each), now) for each in organisations}
    mine = next((each for each in organisations if _manages(request, each)), None)
    forms = _forms(mine, known[mine.pk]) if mine else {}
    sent = send(request, forms, mine, {"passed": _complete, "version": _bring_out})
    if sent.saved:
        return redirect("modules")
    context = {
        **frame(request, "programme"),
        "houses": [_house(each, known[each.pk], str(user.pk), may_change=each == mine) for each in organisations],
        "unsigned_days": load_curriculum().changes.unsigned_days,
        "forms": shown(sent.filled),
    }
    return render(request, "handrail/modules.html", context, status=sent.status)


@staff_page
@changes("modules")
def sign(request: HttpRequest, organisation_id: UUID) -> HttpResponse:
    """Sign that one has read a document."""
    document, version = request.POST.get("document", ""), request.POST.get("version", "")
    try:
        sign_document(organisation_id, document=document, version=version, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Signed.")
    return redirect("modules")


@staff_page
@changes("modules")
def take_back(request: HttpRequest, record_id: UUID) -> HttpResponse:
    """Say that something was never passed; it stays on record."""
    try:
        take_back_record(record_id, reason=request.POST.get("reason", ""), by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request,
            "Taken back; it stays on record. A certificate that it brought is ended on the page of certificates.",
        )
    return redirect("modules")


def _manages(request: HttpRequest, organisation: Organisation) -> bool:
    return permissions.may(signed_in(request), "record_training", None, clock.now(), organisation_id=organisation.pk)


def _complete(request: HttpRequest, mine: Organisation, values: dict[str, Any]) -> str:
    record = complete_module(
        mine.pk,
        user_id=values["user"],
        module=values["module"],
        product=values.get("product", ""),
        on=date.fromisoformat(values["on"]),
        reference=values.get("reference", ""),
        by=person(signed_in(request)),
    )
    return f"Saved for {record.user.name}: {_module_words(record.subject, record.product)}, version {record.version}."


def _bring_out(request: HttpRequest, mine: Organisation, values: dict[str, Any]) -> str:
    is_module = values["subject"] != "document"
    out = bring_out(
        mine.pk,
        what="module" if is_module else "document",
        subject=values["subject"] if is_module else values.get("document", ""),
        title="" if is_module else values.get("document", ""),
        product=values.get("product", ""),
        version=values["version"],
        reason=values["reason"],
        only_from=date.fromisoformat(values["only_from"]) if "only_from" in values else None,
        by=person(signed_in(request)),
    )
    return f"Version {out.version} is out; from {say_date(out.only_from)} on no older one counts."


# --- what is shown --------------------------------------------------------------------------------------------------------------


def _house(organisation: Organisation, known: Registry, me: str, *, may_change: bool) -> dict[str, Any]:
    book = load_curriculum()
    standings = staff_standings(known.training, book, known.today)
    by_module: dict[str, list[Standing]] = {}
    for each in standings:
        by_module.setdefault(each.module, []).append(each)
    open_ = lacking(standings, book, known.today)
    due = unsigned(known.training.members, known.documents, known.signed, book, known.today)
    only = certified_not_trained(standings, known.certified)
    people, sites = experiences(organisation, known, clock.now())
    return {
        "id": organisation.pk,
        "name": organisation.name,
        "lacking": [_lack(each, known) for each in open_[:SHOWN]],
        "more": max(0, len(open_) - SHOWN),
        "certified": [
            {
                "who": known.people[each.person],
                "product": each.product,
                "modules": ", ".join(_title(name) for name in dict.fromkeys(each.modules)),
            }
            for each in only[:SHOWN]
        ],
        "mine": [_due(each, known) for each in due if each.person == me],
        "unsigned": [_due(each, known) for each in due if each.flagged][:SHOWN],
        "unsigned_more": max(0, sum(each.flagged for each in due) - SHOWN),
        "waiting": sum(not each.flagged for each in due),
        "roles": [_role(role.value, by_module, known) for role in sorted(STAFF, key=lambda role: role.value)],
        "people": people[:SHOWN],
        "sites": sites,
        "records": _records(organisation) if may_change else [],
        "may": may_change,
    }


def _lack(each: Standing, known: Registry) -> dict[str, str]:
    mark, short = STATES[each.state]
    by = say_date(each.until + timedelta(days=1)) if each.current and each.until else "now"
    return {
        "who": known.people[each.person],
        "module": _module_words(each.module, each.product or ""),
        "mark": mark,
        "short": short,
        "because": each.because,
        "by": by,
    }


def _due(each: Unsigned, known: Registry) -> dict[str, Any]:
    return {
        "who": known.people[each.person],
        "title": each.title,
        "document": each.document,
        "version": each.version,
        "days": each.days,
        "flagged": each.flagged,
    }


def _role(role: str, standings: Mapping[str, Sequence[Standing]], known: Registry) -> dict[str, Any]:
    """The modules of a role, for how long each counts, and how many of those asked hold it.

    Args:
        standings: by module.
    """
    held = {each.person for each in known.training.members if role in each.roles}
    rows = []
    for row in load_curriculum().for_role(role):
        asked = [each for each in standings.get(row.id, ()) if each.person in held]
        current = sum(each.current is True for each in asked)
        rows.append(
            {
                "title": row.title,
                "form": row.form,
                "months": row.valid_months,
                "per_product": row.per_product,
                "count": f"{current} of {len(asked)}",
                "whole": current == len(asked),
                "any": bool(asked),
            }
        )
    return {"words": role_words(role).capitalize(), "rows": rows}


def _records(organisation: Organisation) -> list[dict[str, Any]]:
    """What was written down last, to take back what was wrong."""
    return [
        {
            "id": row.pk,
            "words": f"{row.user.name}: {_module_words(row.subject, row.product)}, version {row.version}, {say_date(row.on)}",
        }
        for row in last_records(organisation, LAST, what=MODULE)
    ]


def _title(module: str) -> str:
    row = load_curriculum().of(module)
    return row.title if row else module


def _module_words(module: str, product: str) -> str:
    return f"{_title(module)} ({product})" if product else _title(module)


# --- the forms -------------------------------------------------------------------------------------------------------------------


def _forms(organisation: Organisation, known: Registry) -> dict[str, Form]:
    people = tuple((key, name) for key, name in sorted(known.people.items(), key=lambda pair: (pair[1], pair[0])))
    rows = load_curriculum().module
    each_one = tuple((row.id, f"{row.title}{' (of each product)' if row.per_product else ''}") for row in rows)
    products = ", ".join(known.training.products) or "none yet"
    product = Field(
        name="product", label="Product", kind="text", hint=f"Only for a module of each product. Given here: {products}."
    )
    passed = (
        Field(name="user", label="Who", kind="choice", required=True, choices=people),
        Field(name="module", label="Module", kind="choice", required=True, choices=each_one),
        product,
        Field(name="on", label="Passed on", kind="date", required=True, start=known.today.isoformat()),
        Field(name="reference", label="Number or place of the paper", kind="text"),
    )
    version = (
        Field(
            name="subject",
            label="Of what",
            kind="choice",
            required=True,
            choices=(("document", "A document to read and sign"), *each_one),
        ),
        Field(
            name="document",
            label="Name of the document",
            kind="text",
            hint="For a document only: a policy or protocol.",
        ),
        product,
        Field(name="version", label="New version", kind="text", required=True),
        Field(name="reason", label="What changed", kind="text", required=True),
        Field(
            name="only_from",
            label="From this day no older version counts",
            kind="date",
            hint=f"Empty: {load_curriculum().changes.grace_days} days from today. Certificates that the module brought end then.",
        ),
    )

    def form(key: str, title: str, fields: tuple[Field, ...], intro: str) -> Form:
        return Form(
            key=key,
            title=title,
            verb="record_training",
            fields=fields,
            intro=intro,
            events=lambda values: [dict(values)],
        )

    return {
        "passed": form(
            "passed",
            f"{organisation.name}: somebody passed a module",
            passed,
            "You are its assessor. A module that brings a certificate writes that, too.",
        ),
        "version": form(
            "version",
            f"{organisation.name}: a new version came out",
            version,
            "After a new label, protocol or policy. Whoever holds an older version is asked again.",
        ),
    }
