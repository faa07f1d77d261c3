"""The public page of a place: what it can and cannot give by product, and which nearby place can, in patients' words.

No account, and nothing about any patient: what stands here follows from signed levels alone. A place that has signed none has no page.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.site_bookings import Other, booked, others_of, that_can
from handrail.actions.site_facts import Gathered, gather
from handrail.people.models import Organisation, Site, SiteGrant
from handrail.people.scope import everything
from handrail.web.checkin.words import dialled
from handrail.web.words import instant_iso

LANGUAGES: Final = ("en", "es")
PHASES: Final[tuple[tuple[str, Promise], ...]] = (
    ("step_up", gettext_lazy("The starting doses, without a stay in hospital")),
    ("hybrid_step_up", gettext_lazy("The starting doses, with a part of them in hospital")),
    ("maintenance", gettext_lazy("The doses after the start")),
)
"""In the order in which a patient meets them."""


@require_GET
def where(request: HttpRequest, place: str) -> HttpResponse:
    """What this place gives. Several places of one code stand below one another, each under its name."""
    now = clock.now()
    language = _language(request)
    with everything():
        named = Site.objects.filter(code=place, pk__in=SiteGrant.objects.values("site")).select_related("organisation")
        known = gather(named.order_by("organisation__name", "name", "id"), now)
        if not known:
            raise Http404("There is no such place.")
        with translation.override(language):
            context = {
                "now_iso": instant_iso(now),
                "clock_speed": f"{clock.speed():g}",
                "language": language,
                "other_language": next(each for each in LANGUAGES if each != language),
                "demo": any(each.site.organisation.mode == Organisation.Mode.DEMO for each in known.values()),
                "places": [_place(each, others_of(each.site, now)) for each in known.values()],
            }
            response = render(request, "handrail/sites/where.html", context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = language
    return response


def page_of(site: Site | None) -> str:
    """The address of the page of a place; empty where there is none."""
    if site is None or not site.code or not SiteGrant.objects.filter(site=site).exists():
        return ""
    return reverse("where", args=[site.code])


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("language", "")
    if asked in LANGUAGES:
        return asked
    return "es" if request.headers.get("Accept-Language", "").lower().startswith("es") else "en"


def _place(known: Gathered, others: list[Other]) -> dict[str, Any]:
    site = known.site
    number = site.call_number or site.organisation.call_number
    return {
        "name": site.name,
        "organisation": site.organisation.name,
        "number": number,
        "digits": dialled(number),
        "day": date_format(known.today, "DATE_FORMAT"),
        "products": [
            {"name": product.capitalize(), "phases": list(_phases(known, others, product))}
            for product in sorted({row.product for row in known.grants})
        ],
    }


def _phases(known: Gathered, others: list[Other], product: str) -> list[dict[str, Any]]:
    found = []
    for phase, words in PHASES:
        can = booked(known, product, phase, known.today).allowed
        near = [] if can else that_can(others, product, phase, on=known.today)
        found.append(
            {
                "words": str(words),
                "can": can,
                "near": [
                    {
                        "name": each.site.name,
                        "number": each.site.call_number or each.site.organisation.call_number,
                        "minutes": each.minutes,
                    }
                    for each in near
                ],
            }
        )
    return found
