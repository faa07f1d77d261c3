"""What the pages of the REMS desk share: whose desk, who may keep it, and how an answer of three values is shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from handrail import clock
from handrail.actions.rems import KEEP
from handrail.actions.rems_desk import PER_PAGE
from handrail.people import permissions
from handrail.people.models import Organisation
from handrail.rules.evidence import Evidence
from handrail.rules.rems_data import desk_rules, programmes
from handrail.rules.rems_desk import Expiry
from handrail.web.context import frame
from handrail.web.doors import signed_in
from handrail.web.forms import Field, Filled, Form

MARKS = {True: ("good", "Ready"), False: ("now", "Not ready"), None: ("today", "Not known")}
"""The colour and the short words of an answer; the words alone say it."""


def houses(request: HttpRequest) -> list[Organisation]:
    """The organisations of the person, those whose desk the person keeps first."""
    user, now = signed_in(request), clock.now()
    found = list(Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id"))
    return sorted(found, key=lambda each: not may_keep(request, each))


def may_keep(request: HttpRequest, organisation: Organisation) -> bool:
    """Whether the person keeps the desk of an organisation."""
    return permissions.may(signed_in(request), KEEP, None, clock.now(), organisation_id=organisation.pk)


def around(request: HttpRequest, tab: str) -> dict[str, Any]:
    """The frame of a page of the desk, and which of them it is."""
    return {**frame(request, "programme"), "tab": tab}


def share(page: int, pages: int, here: int, total: int) -> str:
    """Which rows of a list stand on this page, where there is more than one; empty: all of them do, or there are none."""
    if pages == 1 or not total:
        return ""
    first = (page - 1) * PER_PAGE
    return f"{first + 1} to {first + here} of {total}" if here else f"all of them ({total}) stand on the pages before"


def expiry_mark(each: Expiry) -> dict[str, str]:
    """The colour and the short words of a paper that ran out or runs out soon."""
    if each.days_left < 0:
        return {"mark": "now", "short": "Ran out"}
    mark = "soon" if each.within == desk_rules().expiry.warn_days[0] else "today"
    return {"mark": mark, "short": f"{each.days_left} days"}


def shown(answer: Evidence) -> dict[str, Any]:
    """One answer for a template."""
    mark, short = MARKS[answer.met]
    return {
        "mark": mark,
        "short": short,
        "because": answer.because,
        "owner": answer.owner,
        "step": answer.next_step,
        "evidence": answer.evidence,
    }


def products() -> list[tuple[str, str]]:
    """Every product that a REMS covers, with its programme."""
    return [(row.id, each.name) for each in programmes() for row in each.product]


def programme_choices() -> tuple[tuple[str, str], ...]:
    """The programmes as answers of a form."""
    return tuple((each.id, each.name) for each in programmes())


def product_choices() -> tuple[tuple[str, str], ...]:
    """The products as answers of a form."""
    return tuple((product, f"{product.capitalize()} ({name})") for product, name in products())


def form(key: str, title: str, verb: str, fields: tuple[Field, ...], intro: str = "") -> Form:
    """A form of the desk: what is filled in goes to a verb, not into the record of a course."""
    return Form(key=key, title=title, verb=verb, fields=fields, intro=intro, events=lambda values: [dict(values)])


def form_rows(filled: Filled) -> dict[str, Any]:
    """A form for the template."""
    return {
        "key": filled.form.key,
        "title": filled.form.title,
        "intro": filled.form.intro,
        "rows": filled.rows(),
        "errors": filled.errors,
    }


def ids(values: list[str] | None) -> tuple[UUID, ...]:
    """The ids that were ticked; what is none is left out, and the verb says that something is missing."""
    found = []
    for text in values or []:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return tuple(found)
