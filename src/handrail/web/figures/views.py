"""The programme's own figures, for those who answer for it: the page, and the same as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.figures import VERB, read_figures
from handrail.actions.spreadsheet import as_csv
from handrail.measures.data import definitions
from handrail.people import permissions
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.figures import page
from handrail.web.figures.export import COLUMNS, lines


@staff_page
@require_GET
def figures(request: HttpRequest) -> HttpResponse:
    """Own rates beside published ones, with and without tocilizumab, and by quarter. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    context = {**frame(request, "programme"), "may": permissions.may(user, VERB, None, now)}
    if context["may"]:
        found, rules = read_figures(user, now), definitions()
        choice = page.chosen_from(request.GET, page.products_of(found.outcomes))
        context |= page.context(found, rules, choice)
    return render(request, "handrail/figures/figures.html", context)


@staff_page
@require_GET
def figures_csv(request: HttpRequest) -> HttpResponse:
    """Every row of the figures as CSV; small counts are withheld. Constant number of queries."""
    found = read_figures(signed_in(request), clock.now())
    response = HttpResponse(as_csv(COLUMNS, lines(found, definitions())), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="figures-{found.today.isoformat()}.csv"'
    return response
