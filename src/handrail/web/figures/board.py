"""Access and safety on one page: the access panel is written only after the safety panel of every group that it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from handrail.actions.figures_access import Board
from handrail.measures.data import Definitions
from handrail.measures.figures import ALL, NOT_KNOWN
from handrail.measures.intervals import Rate
from handrail.measures.together import GROUPINGS, SAFETY, Line, together, wait, withheld_lines
from handrail.measures.withholding import WITHHELD
from handrail.web.figures.page import shown

SAFETY_TEMPLATE: Final = "handrail/figures/safety_panel.html"
ACCESS_TEMPLATE: Final = "handrail/figures/access_panel.html"
REFUSED_TEMPLATE: Final = "handrail/figures/access_refused.html"
GROUPING_WORDS: Final = {"site": "Site", "language": "Language", "distance": "Way to the centre"}
COLUMNS: Final = (
    "grouping",
    "group",
    "referred",
    "began",
    "waiting",
    "closed_without_a_dose",
    "not_known",
    "days_known",
    "days_median",
    "days_90th",
    "courses",
    *(f"{measure}_{answer}" for measure in SAFETY for answer in ("yes", "no", "not_known")),
)


def group_words(group: str) -> str:
    """A group as a person reads it."""
    return {ALL: "Everybody", NOT_KNOWN: "Not known"}.get(group, group)


def panels(board: Board, rules: Definitions) -> SafeString:
    """Both panels, safety first. Where the safety of a group is not on the page, no access is: one sentence says so instead."""
    least = rules.published_tables.least
    tables = [(by, together(board.referred, board.began, by)) for by in GROUPINGS]
    safety = safety_panel(tables, rules)
    if not all(_mark(by, number) in safety for by, lines in tables for number in range(len(lines))):
        return format_html("{}{}", safety, render_to_string(REFUSED_TEMPLATE))
    access = render_to_string(
        ACCESS_TEMPLATE, {"tables": [_access(by, lines, least) for by, lines in tables], "least": least}
    )
    return format_html("{}{}", safety, access)


def safety_panel(tables: Sequence[tuple[str, Sequence[Line]]], rules: Definitions) -> SafeString:
    """The safety of every group; each row carries its mark."""
    return render_to_string(SAFETY_TEMPLATE, {"tables": [_safety(by, lines, rules) for by, lines in tables]})


def _mark(by: str, number: int) -> str:
    """What the row of a group carries in the safety panel."""
    return f'data-safety="{by}-{number}"'


def _safety(by: str, lines: Sequence[Line], rules: Definitions) -> dict[str, Any]:
    return {
        "by": by,
        "words": GROUPING_WORDS[by],
        "measures": [rules.named(measure).words for measure in SAFETY],
        "rows": [
            {
                "group": group_words(each.group),
                "courses": each.safety.courses,
                "cells": [(rules.named(measure).words, shown(each.safety.rates[measure])) for measure in SAFETY],
            }
            for each in lines
        ],
    }


def _access(by: str, lines: Sequence[Line], least: int) -> dict[str, Any]:
    rows = [{"group": group_words(e.group), "access": e.access, "wait": wait(e.access, least)} for e in lines]
    return {"by": by, "words": GROUPING_WORDS[by], "rows": rows}


def csv_lines(board: Board, rules: Definitions) -> Iterator[tuple[Any, ...]]:
    """Every group as one row, its access and its safety together; a group of few is withheld whole."""
    least = rules.published_tables.least
    for by in GROUPINGS:
        lines = together(board.referred, board.began, by)
        hidden = withheld_lines(lines, least)
        for each in lines:
            if each.group in hidden:
                yield (by, each.group, *[WITHHELD] * (len(COLUMNS) - 2))
                continue
            access, known = each.access, wait(each.access, least)
            rates = [number for measure in SAFETY for number in _counts(each.safety.rates[measure])]
            yield (
                by, each.group, access.referred, access.began, access.waiting, access.closed, access.not_known,
                known.known, known.median, known.high, each.safety.courses, *rates,
            )  # fmt: skip


def _counts(rate: Rate) -> tuple[int, int, int]:
    return rate.yes, rate.no, rate.not_known
