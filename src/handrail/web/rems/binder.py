"""The audit binder: a span of days as PDF and CSV, in one file, by one press."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.errors import NotAllowedError
from handrail.actions.rems_binder import Part, as_csv, binder
from handrail.people.models import Organisation, Site
from handrail.rules.terms import civil_date, say_date, say_instant
from handrail.web.doors import signed_in, staff_page
from handrail.web.pdf import PdfUnavailable, pdf_of
from handrail.web.rems.parts import around, houses, ids, may_keep, products

STYLE = "rems-binder.css"
QUARTER_MONTHS = 3
TABLE_ROWS = 300
"""A part with more rows is set as lines, so that the quarter of a large programme is there within a minute."""
SHOWN = 100
"""Of each part so many lines stand on the page; the file has all of them."""
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


@staff_page
@require_GET
def binder_page(request: HttpRequest) -> HttpResponse:
    """Which days, which site, which product; and how many lines that is."""
    mine = [each for each in houses(request) if may_keep(request, each)]
    if not mine:
        raise NotAllowedError("Your role does not allow that here.")
    organisation = _asked_for(request, mine)
    first, last, site, product = _span(request, organisation)
    parts = binder(organisation, first, last, clock.now(), site=site, product=product, shown=SHOWN)
    context = {
        "house": organisation,
        "houses": mine,
        "first": first,
        "last": last,
        "site": site,
        "product": product,
        "sites": Site.objects.filter(organisation=organisation).order_by("name", "id"),
        "products": [name for name, _ in products()],
        "parts": _titled(parts),
        "count": sum(part.count for part in parts),
        "query": request.GET.urlencode(),
    }
    return render(request, "handrail/rems/binder.html", {**around(request, "binder"), **context})


@staff_page
@require_GET
def binder_file(request: HttpRequest) -> HttpResponse:
    """The binder as one file that holds the PDF and the CSV."""
    mine = [each for each in houses(request) if may_keep(request, each)]
    if not mine:
        raise NotAllowedError("Your role does not allow that here.")
    organisation, now = _asked_for(request, mine), clock.now()
    first, last, site, product = _span(request, organisation)
    parts = binder(organisation, first, last, now, site=site, product=product)
    context = {
        "organisation": organisation.name,
        "first": say_date(first),
        "last": say_date(last),
        "site": site.name if site else "every site",
        "product": product or "every product",
        "parts": _titled(parts),
        "count": sum(part.count for part in parts),
        "made": say_instant(now, organisation.time_zone),
        "by": signed_in(request).name,
    }
    try:
        made = pdf_of("handrail/rems/binder_pdf.html", context, paper="letter", style=STYLE)
    except PdfUnavailable as error:
        messages.error(request, str(error))
        return redirect("rems_binder")
    name = f"rems-binder-{first.isoformat()}-{last.isoformat()}"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}.pdf", made)
        packed.writestr(f"{name}.csv", as_csv(parts))
    response = HttpResponse(held.getvalue(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response


def _asked_for(request: HttpRequest, mine: list[Organisation]) -> Organisation:
    """The organisation whose binder is asked for, of those whose desk the person keeps; the first of them where none is named."""
    wanted = ids([request.GET.get("house", "")])
    return next((each for each in mine if each.pk in wanted), mine[0])


def _titled(parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    """Each part for a template; `table`: few enough rows to be set as a table on paper."""
    return [
        {
            "name": part.name[0].upper() + part.name[1:],
            "lines": part.lines,
            "count": part.count,
            "table": len(part.lines) <= TABLE_ROWS,
        }
        for part in parts
    ]


def _span(request: HttpRequest, organisation: Organisation) -> tuple[date, date, Site | None, str]:
    """The days that were asked for; the quarter so far when none can be read."""
    today = civil_date(clock.now(), organisation.time_zone)
    month = (today.month - 1) // QUARTER_MONTHS * QUARTER_MONTHS + 1
    first, last = _day(request, "first") or today.replace(month=month, day=1), _day(request, "last") or today
    sites = ids([request.GET.get("site", "")])
    site = Site.objects.filter(organisation=organisation, pk=sites[0]).first() if sites else None
    product = request.GET.get("product", "")
    known = product if product in {name for name, _ in products()} else ""
    return min(first, last), max(first, last), site, known


def _day(request: HttpRequest, name: str) -> date | None:
    """A day that was asked for; None: it cannot be read, or lies so far off that nothing was kept about it."""
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None
    return found if FIRST_DAY <= found <= LAST_DAY else None
