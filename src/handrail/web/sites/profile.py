"""The answers of a site to what a payer asks, on one page, as PDF and as CSV: nobody's name, and no count of few."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.site_levels import sites_seen
from handrail.actions.site_profiles import profile_csv, profile_of
from handrail.people.models import Site
from handrail.rules.site_profile import Answer, Part, not_known, payer_questions
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date, say_instant
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.pdf import PAPERS, PdfUnavailable, as_file, pdf_of


@staff_page
@require_GET
def profile_page(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Every question with its answer. Constant number of queries."""
    site = _site(request, site_id)
    context = {**frame(request, "programme"), **_context(site), "papers": PAPERS}
    return render(request, "handrail/sites/profile.html", context)


@staff_page
@require_GET
def profile_pdf(request: HttpRequest, site_id: UUID, paper: str) -> HttpResponse:
    """The same on paper."""
    site = _site(request, site_id)
    chosen = next((each for each in PAPERS if each == paper), None)
    if chosen is None:
        raise Http404("There is no such paper.")
    try:
        made = pdf_of("handrail/sites/profile_pdf.html", _context(site), paper=chosen, style="packet.css")
    except PdfUnavailable as error:
        messages.warning(request, str(error))
        return redirect("site_profile", site_id=site.pk)
    return as_file(made, f"site-profile-{site.code}.pdf")


@staff_page
@require_GET
def profile_sheet(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """The same as CSV."""
    site = _site(request, site_id)
    response = HttpResponse(profile_csv(profile_of(site, clock.now())), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="site-profile-{site.code}.csv"'
    return response


def _site(request: HttpRequest, site_id: UUID) -> Site:
    """A site that this person sees on the desk of sites."""
    site = sites_seen(signed_in(request), clock.now()).filter(pk=site_id).first()
    if site is None:
        raise Http404("There is no such site.")
    return site


def _context(site: Site) -> dict[str, Any]:
    now = clock.now()
    answers = profile_of(site, now)
    counting = payer_questions().counting
    return {
        "site": site,
        "organisation": site.organisation.name,
        "made": say_instant(now, site.time_zone),
        "parts": _shown(answers),
        "open": len(not_known(answers)),
        "questions": len(answers),
        "least": counting.least,
    }


def _shown(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "questions": [{"words": each.question.words, "parts": [_part(part) for part in each.parts]} for each in group],
        }
        for name, group in groupby(answers, key=lambda each: each.question.part)
    ]  # fmt: skip


def _part(part: Part) -> dict[str, str]:
    return {
        "words": part.words,
        "product": part.product,
        "mark": "today" if not part.known else "good" if part.holds else "soon",
        "state": "Not known" if not part.known else "Answered" if part.holds else "Does not hold",
        "on": say_date(part.on) if part.on else "",
        "evidence": part.evidence,
        "ask": "" if part.known else role_words(part.owner),
    }
