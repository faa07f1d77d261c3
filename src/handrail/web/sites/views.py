"""Sites and levels: which site may give what until when, what separates it from the next level, and who mends that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.site_around import strictness_of, strictness_words
from handrail.actions.site_facts import Gathered, experience_of, gather, with_experience
from handrail.actions.site_levels import (
    except_site_item,
    grant_site_level,
    may_record,
    may_sign,
    record_site_item,
    record_way,
    sign_strictness,
    sites_seen,
    take_back_exception,
)
from handrail.people.models import Site, SiteGrant
from handrail.records.models import Course
from handrail.rules.protocol import catalogue
from handrail.rules.site_booking import why_not_yet
from handrail.rules.site_levels import SiteLevel, load_site_levels, site_level
from handrail.rules.terms import say_date
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.forms import Filled, Form, fill
from handrail.web.several_forms import blame, shown
from handrail.web.sites.forms import NAMES, except_form, item_form, level_form, strict_form, way_form
from handrail.web.sites.rows import experience_rows, groups, licence_words, site_row


def products() -> list[str]:
    """Every product of which Handrail has a protocol."""
    return sorted({each.product.product for each in catalogue()})


@staff_page
@require_GET
def sites(request: HttpRequest) -> HttpResponse:
    """Every site and product in use, at one's own organisations and those that work with them. Constant number of queries."""
    now = clock.now()
    seen = list(sites_seen(signed_in(request), now).order_by("organisation__name", "name", "id"))
    known = gather(seen, now)
    used: dict[UUID, set[str]] = {site.pk: set(known[site.pk].products) for site in seen}
    for site_id, product in Course.objects.filter(site__in=used).values_list("site_id", "product").distinct():
        assert site_id is not None
        used[site_id].add(product)
    every = sorted(set().union(*used.values())) or products()
    rows = [site_row(known[site.pk], product) for site in seen for product in sorted(used[site.pk]) or every]
    context = {
        **frame(request, "programme"),
        "rows": rows,
        "more": [
            {
                "id": site.pk,
                "name": site.name,
                "code": site.code if known[site.pk].grants else "",
                "products": [each for each in products() if each not in (used[site.pk] or every)],
            }
            for site in seen
        ],
    }
    return render(request, "handrail/sites/list.html", context)


@staff_page
@require_http_methods(["GET", "POST"])
def site_product(request: HttpRequest, site_id: UUID, product: str) -> HttpResponse:
    """The checklist of one site for one product as a worklist, and its forms for who may fill them in."""
    user, now = signed_in(request), clock.now()
    site = sites_seen(user, now).filter(pk=site_id).first()
    if site is None or product not in products():
        raise Http404("There is no such site or product.")
    known = gather([site], now)[site.pk]
    experience = experience_of(known, product, now)
    level = site_level(with_experience(known, experience), load_site_levels(), product, known.today)
    records, signs = may_record(user, site, now), may_sign(user, site, known.hubs, now)
    filled = {key: Filled(form=form, typed={}) for key, form in _forms(request, known, level, records, signs).items()}
    status = 200
    if request.method == "POST":
        key = request.POST.get("form", "")
        if key == "take_back" and signs:
            take_back_exception(site.pk, item=request.POST.get("item", ""), product=product, by=person(user), now=now)
            messages.success(request, "Taken back: from today on it is excepted no more.")
            return redirect("site_product", site_id=site.pk, product=product)
        if key not in filled:
            raise NotAllowedError("Your role does not allow that here.")
        filled[key] = fill(filled[key].form, dict(request.POST.lists()), site.time_zone)
        if _saved(request, site, product, key, filled[key]):
            return redirect("site_product", site_id=site.pk, product=product)
        status = 422
    grant, strict = known.grant(product), strictness_of(site, known.today)
    context = {
        **frame(request, "programme"),
        "site": site,
        "product": product,
        "row": site_row(known, product),
        "separates": why_not_yet(level),
        "granted": _grant_words(grant) if grant is not None else "",
        "strict": strictness_words(strict) if strict is not None else "",
        "licence": licence_words(known, level),
        "hub": known.facts.has_hub,
        "experience": experience_rows(experience, level),
        "phases": [(row.words, answer.allowed) for row, answer in zip(load_site_levels().phase, level.phases, strict=True)],
        "groups": list(groups(known, level, may_record=records, may_sign=signs)),
        "page_for_patients": reverse("where", args=[site.code]) if known.grants else "",
        "forms": shown(filled),
    }  # fmt: skip
    return render(request, "handrail/sites/site.html", context, status=status)


def _grant_words(grant: SiteGrant) -> str:
    words = (
        f"Level {grant.level} signed by {grant.by.name} on {say_date(grant.from_on)}, until {say_date(grant.until_on)}"
    )
    why = f"; why, though a condition was not met: {grant.why}" if grant.why else ""
    return f"{words}; looked at: {grant.evidence or 'nothing named'}{why}"


def _forms(request: HttpRequest, known: Gathered, level: SiteLevel, records: bool, signs: bool) -> dict[str, Form]:
    asked = request.GET.get("item", "")[:16]
    found: dict[str, Form] = {}
    if records:
        found["item"] = item_form(known, level, asked)
    if signs:
        found["except"] = except_form(level, asked)
        found["level"] = level_form(known, level)
        found["strict"] = strict_form()
    if records:
        others = sites_seen(signed_in(request), clock.now()).exclude(pk=known.site.pk).order_by("name", "id")
        if others:
            found["way"] = way_form(list(others))
    return found


def _saved(request: HttpRequest, site: Site, product: str, key: str, filled: Filled) -> bool:
    """Do what a form asks; False: something is wrong, and stands in its errors."""
    if filled.errors:
        return False
    doing: dict[str, Callable[[HttpRequest, Site, str, dict[str, Any]], str]] = {
        "item": _record,
        "except": _except,
        "level": _sign,
        "strict": _strict,
        "way": _way,
    }
    here = NAMES[key]
    words = {name: word for word, name in here.items()}
    values = {words.get(name, name): value for name, value in filled.values.items()}
    try:
        messages.success(request, doing[key](request, site, product, values))
    except RefusedError as error:
        blame(filled, here.get(error.path, error.path), error.message)
        return False
    return True


def _per_product(item: str, product: str) -> str:
    rows = (*load_site_levels().item, *load_site_levels().licence_item)
    return product if any(row.id == item and row.per_product for row in rows) else ""


def _day(values: dict[str, Any], name: str) -> date | None:
    return date.fromisoformat(values[name]) if name in values else None


def _record(request: HttpRequest, site: Site, product: str, values: dict[str, Any]) -> str:
    row = record_site_item(
        site.pk,
        item=values["item"],
        met=values["met"],
        checked_on=date.fromisoformat(values["checked_on"]),
        evidence=values.get("evidence", ""),
        until=_day(values, "until"),
        no_end=True if values.get("no_end") else None,
        licence=values.get("licence", ""),
        dispenser=values.get("dispenser", ""),
        product=_per_product(values["item"], product),
        by=person(signed_in(request)),
    )
    return f"Recorded: {row.item}."


def _except(request: HttpRequest, site: Site, product: str, values: dict[str, Any]) -> str:
    row = except_site_item(
        site.pk,
        item=values["item"],
        until_on=date.fromisoformat(values["until_on"]),
        reason=values["reason"],
        evidence=values.get("evidence", ""),
        product=_per_product(values["item"], product),
        by=person(signed_in(request)),
    )
    return f"{row.item} is excepted until {say_date(row.until_on)}."


def _sign(request: HttpRequest, site: Site, product: str, values: dict[str, Any]) -> str:
    row = grant_site_level(
        site.pk,
        product=product,
        level=values["level"],
        until_on=date.fromisoformat(values["until_on"]),
        evidence=values.get("evidence", ""),
        why=values.get("why", ""),
        by=person(signed_in(request)),
    )
    return f"Level {row.level} for {product} is signed until {say_date(row.until_on)}."


def _strict(request: HttpRequest, site: Site, _product: str, values: dict[str, Any]) -> str:
    row = sign_strictness(
        site.pk,
        strict=values["strict"] == "yes",
        from_on=_day(values, "from_on"),
        reason=values["reason"],
        by=person(signed_in(request)),
    )
    return f"Signed: {strictness_words(row)}."


def _way(request: HttpRequest, site: Site, _product: str, values: dict[str, Any]) -> str:
    row = record_way(
        site.pk,
        other=UUID(values["other"]),
        minutes=values["minutes"],
        evidence=values.get("evidence", ""),
        by=person(signed_in(request)),
    )
    return f"Written down: {row.minutes} minutes."
