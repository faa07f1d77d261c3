"""The label data as a book: every revision, and one page for each that can be read beside the label and printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from handrail.rules.label_book import BookRow, Section, Table, counted, sections_of, title_of
from handrail.rules.label_picture import schedule_svg
from handrail.rules.label_tests import cases_of
from handrail.rules.label_words import STATUS_WORDS, spaced, status_words
from handrail.rules.policy_book import shipped_policies
from handrail.rules.protocol import Protocol, catalogue, load
from handrail.rules.protocol_export import NOTICE
from handrail.rules.terms import UnusableInput
from handrail.web.context import frame
from handrail.web.doors import staff_page
from handrail.web.label_links import row_anchor
from handrail.web.policy_page import book_of


@staff_page
@require_GET
def protocols(request: HttpRequest) -> HttpResponse:
    """Every label revision, by product, with how well its rows are known."""
    products: dict[str, list[dict[str, Any]]] = {}
    for protocol in catalogue():
        head = protocol.product
        products.setdefault(f"{head.brand} ({head.inn})", []).append(
            {
                "key": protocol.key,
                "where": head.jurisdiction,
                "revision": head.revision,
                "regimen": head.regimen,
                "active": head.active,
                "successor": head.superseded_by,
                "counts": _counts(protocol),
            }
        )
    context = {**frame(request, "protocols"), "products": products, "notice": NOTICE, "policies": _policies()}
    return render(request, "handrail/protocols.html", context)


@staff_page
@require_GET
def protocol(request: HttpRequest, key: str) -> HttpResponse:
    """One label revision: picture, tables, sources; every row has an anchor of its own."""
    try:
        book = load(key)
    except UnusableInput as error:
        raise Http404(error.message) from error
    head = book.product
    context = {
        **frame(request, "protocols"),
        "book": book,
        "title": title_of(book),
        "notice": NOTICE,
        "counts": _counts(book),
        "schedules": ", ".join(map(spaced, book.schedules)),
        "head": {"chip": status_words(head), "status": head.status.value, "sources": _sources(book, head.source)},
        "picture": _picture(book),
        "sections": _sections(book),
        "sources": [(source_id, source) for source_id, source in book.sources.items()],
    }
    return render(request, "handrail/protocol.html", context)


@staff_page
@require_GET
def policy(request: HttpRequest, policy_id: str) -> HttpResponse:
    """A shipped policy: every row with its sources and status."""
    if policy_id not in shipped_policies():
        raise Http404("There is no such policy.")
    context = {**frame(request, "protocols"), **book_of(*shipped_policies()[policy_id])}
    return render(request, "handrail/policy.html", context)


def _counts(protocol: Protocol) -> list[tuple[str, str, int]]:
    return [(status, STATUS_WORDS[status], number) for status, number in counted(protocol).items()]


def _policies() -> list[tuple[str, str]]:
    return [(name, book.title) for name, (book, _) in shipped_policies().items()]


def _picture(protocol: Protocol) -> SafeString:
    return mark_safe(schedule_svg(protocol))  # noqa: S308 (every word in it is escaped where it is drawn)


def _sections(protocol: Protocol) -> list[dict[str, Any]]:
    """The sections for the template. A row that stands in two tables has its anchor in the first."""
    seen: set[str] = set()
    return [
        {
            "key": section.key,
            "title": section.title,
            "number": len({row.row.id for row in section.rows()}),
            "tables": [_table(protocol, section, table, seen) for table in section.tables],
        }
        for section in sections_of(protocol)
    ]


def _table(protocol: Protocol, section: Section, table: Table, seen: set[str]) -> dict[str, Any]:
    rows = []
    for row in table.rows:
        rows.append(_row(protocol, table, row, first=row.row.id not in seen))
        seen.add(row.row.id)
    return {
        "title": table.title,
        "label": f"{section.title} {table.title}".strip(),
        "columns": table.columns,
        "has_words": any(row.words for row in table.rows),
        "rows": rows,
        "strip": table.strip,
    }


def _row(protocol: Protocol, table: Table, row: BookRow, *, first: bool) -> dict[str, Any]:
    return {
        "id": row.row.id,
        "anchor": row_anchor(row.row.id),
        "first": first,
        "cells": list(zip(table.columns, row.cells, strict=True)),
        "words": row.words,
        "status": row.row.status.value,
        "chip": status_words(row.row),
        "sources": _sources(protocol, row.row.source),
        "tests": [(_breakable(file), ", ".join(cases)) for file, cases in cases_of(protocol.key, row.row.id)],
    }


def _breakable(file: str) -> SafeString:
    """The name of a file that may go on in the next line after `/` and `_`."""
    parts = re.split(r"(?<=[/_])", file)
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


def _sources(protocol: Protocol, keys: Iterable[str]) -> list[tuple[str, str]]:
    return [(key, protocol.sources[key].document) for key in keys]
