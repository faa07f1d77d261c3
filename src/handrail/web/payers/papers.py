"""Policy cards, shipped and own, and the other dated papers of the access desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.payer_papers import VERB, card_key, papers_from, take_paper_back, write_paper
from handrail.people import permissions
from handrail.people.models import Organisation, Site
from handrail.records.models import AccessPaper
from handrail.rules.access_data import SUPPLY_WORDS, Card, payer_cards, sources_of
from handrail.rules.caredata import tocilizumab
from handrail.rules.terms import civil_date, say_date, step_words
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Filled, Form, fill
from handrail.web.payers import forms


@staff_page
@require_http_methods(["GET", "POST"])
def cards(request: HttpRequest) -> HttpResponse:
    """The shipped cards, the papers of one's organisations, and for who manages them the forms. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    houses = list(Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id"))
    mine = next((each for each in houses if permissions.may(user, VERB, None, now, organisation_id=each.pk)), None)
    known = _forms(mine) if mine is not None else {}
    filled = {key: Filled(form=form, typed={}) for key, form in known.items()}
    status = 200
    if request.method == "POST":
        key = request.POST.get("form", "")
        if mine is None:
            raise NotAllowedError("Your role does not allow that here.")
        if key in known:
            filled[key] = fill(known[key], dict(request.POST.lists()), mine.time_zone)
            if _written(mine, key, filled[key], request):
                messages.success(request, "Written down.", extra_tags="saved")
                return redirect("payer_cards")
        status = 422
    today = civil_date(now, houses[0].time_zone) if houses else now.date()
    papers = papers_from(AccessPaper.objects.filter(organisation__in=houses).select_related("by", "organisation"))
    sources = sources_of("cards-1")
    context = {
        **frame(request, "programme"),
        "own": [_paper(row, today, mine, replaced=papers.replaced(row, today)) for row in papers.rows],
        "shipped": [_shipped(card, sources, today) for card in payer_cards().card],
        "forms": [_shown(each) for each in filled.values()],
    }
    return render(request, "handrail/payers/cards.html", context, status=status)


@staff_page
@changes("payer_cards")
def take_back(request: HttpRequest, paper_id: UUID) -> HttpResponse:
    """Say, with a reason, that a paper does not count."""
    try:
        take_paper_back(paper_id, reason=request.POST.get("reason", ""), by=person(signed_in(request)))
    except RefusedError as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, "It does not count any more. It stays on record.", extra_tags="saved")
    return redirect("payer_cards")


def _forms(mine: Organisation) -> dict[str, Form]:
    sites = [(site.code, site.name) for site in Site.objects.filter(organisation=mine).order_by("name", "id")]
    made = (forms.card_form(), forms.interchange_form(), forms.guideline_form(), forms.stock_form(sites))
    return {form.key: form for form in made}


def _written(mine: Organisation, kind: str, filled: Filled, request: HttpRequest) -> bool:
    if filled.errors:
        return False
    values = filled.values
    try:
        write_paper(
            mine.pk,
            kind=kind,
            key=_key(kind, values),
            payload=_payload(kind, values),
            since=date.fromisoformat(values["since"]),
            until=date.fromisoformat(values["until"]) if values.get("until") else None,
            by=person(signed_in(request)),
        )
    except RefusedError as error:
        filled.errors[error.path] = error.message
        return False
    return True


def _key(kind: str, values: Mapping[str, Any]) -> str:
    """What of its kind a paper is about. A count is of its site, a guideline goes by its name, an interchange by its products and uses:
    a committee may approve two of them on one day.
    """
    if kind == AccessPaper.Kind.CARD:
        return card_key(values["payer"], values["drug"])
    if kind == AccessPaper.Kind.INTERCHANGE:
        return f"tocilizumab: {', '.join(sorted(values['products']))}; {', '.join(sorted(values['uses']))}"
    return str({"stock": values.get("site"), "guideline": values.get("name")}[kind])


def _payload(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {"since", "until", "payer", "drug", "site", "reads_place"}
    said = {name: value for name, value in values.items() if name not in left_out and value is not None}
    if kind == AccessPaper.Kind.CARD and not said.get("inpatient_steps") and values.get("reads_place"):
        said["inpatient_steps"] = []  # it was read, and names no step: not the same as not read
    return said


def _paper(row: AccessPaper, today: date, mine: Organisation | None, *, replaced: bool) -> dict[str, Any]:
    ended, ahead = row.until is not None and row.until < today, today < row.since
    return {
        "id": row.pk,
        "kind": row.get_kind_display(),
        "house": row.organisation.name,
        "about": row.key.replace("|", ", "),
        "said": _said(row),
        "days": f"from {say_date(row.since)}" + (f" until {say_date(row.until)}" if row.until else ", no end known"),
        "tone": "now" if ended else "routine" if ahead or replaced else "good",
        "mark": "Ended" if ended else "Not yet" if ahead else "Replaced by a later one" if replaced else "Counts",
        "by": row.by.name,
        "may": mine is not None and row.organisation_id == mine.pk,
    }


def _said(row: AccessPaper) -> str:
    """What a paper says, in one line."""
    brands = {each.id: each.brand for each in tocilizumab().product}
    words = []
    for name, value in row.payload.items():
        values = value if isinstance(value, list) else [value]
        told = ", ".join(brands.get(str(each), str(each)) for each in values) or "none"
        words.append(f"{name.replace('_', ' ')}: {told}")
    return "; ".join(words)


def _shipped(card: Card, sources: Mapping[str, tuple[str, str | None]], today: date) -> dict[str, Any]:
    brands = {each.id: each.brand for each in tocilizumab().product}
    steps = card.inpatient_steps
    place = card.site_of_care or ("names none" if steps == () else "not read")
    if steps:
        place = f"{place} (in hospital only: {', '.join(step_words(step) for step in steps)})"
    facts = {
        "For whom": card.indication,
        "Earlier lines": str(card.lines_required) if card.lines_required else "not read",
        "Place": place,
        "Preferred product": ", ".join(brands.get(each, each) for each in card.preferred) or "none read",
        "Limit of the dose": card.dose_cap or "not read",
        "First authorisation": f"{card.months} months" if card.months else "not read",
        "Supply": SUPPLY_WORDS[card.supply] if card.supply else "not read",
    }
    return {
        "title": f"{card.payer}: {card.drug}",
        "since": say_date(card.since),
        "date_words": card.date_words or "",
        "facts": facts.items(),
        "status": card.status.value,
        "sources": [sources[key] for key in card.source],
        "counts": card.counts_on(today),
    }


def _shown(filled: Filled) -> dict[str, Any]:
    names = {each.name for each in filled.form.fields}
    return {
        "key": filled.form.key,
        "title": filled.form.title,
        "intro": filled.form.intro,
        "rows": filled.rows(),
        "errors": filled.errors,
        "loose": [words for path, words in filled.errors.items() if path not in names],
    }
