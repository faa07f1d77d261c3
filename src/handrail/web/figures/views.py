"""The programme's own figures, for those who answer for it: the page, and the same as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.figures import VERB, Figures, read_figures
from handrail.actions.figures_access import read_board
from handrail.actions.spreadsheet import as_csv
from handrail.measures.data import definitions
from handrail.measures.utilisation import Used, columns, without_identity
from handrail.people import permissions
from handrail.web.context import frame
from handrail.web.doors import signed_in, staff_page
from handrail.web.figures import board, page
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
    return _file("figures", found, COLUMNS, lines(found, definitions()))


@staff_page
@require_GET
def access(request: HttpRequest) -> HttpResponse:
    """Who was referred, began and waits, beside the safety of the same groups. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    context = {**frame(request, "programme"), "may": permissions.may(user, VERB, None, now)}
    if context["may"]:
        rules = definitions()
        context |= {"panels": board.panels(read_board(user, now), rules), "rules": rules}
    return render(request, "handrail/figures/access.html", context)


@staff_page
@require_GET
def access_csv(request: HttpRequest) -> HttpResponse:
    """Access and safety of each group in one row; groups of few are withheld. Constant number of queries."""
    found = read_board(signed_in(request), clock.now())
    return _file("access-and-safety", found.figures, board.COLUMNS, board.csv_lines(found, definitions()))


@staff_page
@require_GET
def used_csv(request: HttpRequest) -> HttpResponse:
    """What each course used, one row each, without anything that says whose. Constant number of queries."""
    found = read_figures(signed_in(request), clock.now())
    spent = without_identity((each.used for each in found.reads), definitions().published_tables.least)
    return _file("used", found, [each.name for each in fields(Used)], map(columns, spent))


def _file(name: str, found: Figures, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    response = HttpResponse(as_csv(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{found.today.isoformat()}.csv"'
    return response
