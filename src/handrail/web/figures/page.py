"""The figures in words: shares with their intervals, a small picture of each, and what is not known beside every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from handrail.actions.figures import Figures
from handrail.measures.data import MEASURES, Definitions, MeasureId, PublishedRow, published, published_sources
from handrail.measures.figures import ALL, NOT_KNOWN, PREVENTED, beside, chosen, onset, quarters, rate_of
from handrail.measures.intervals import Interval, Rate
from handrail.measures.outcomes import Outcome
from handrail.measures.places import SETTINGS
from handrail.rules.label_words import STATUS_WORDS

PREVENTED_WORDS: Final = {
    ALL: "with and without",
    "with": "given",
    "without": "waived",
    NOT_KNOWN: "not known",
}
"""What is on record of tocilizumab to prevent a reaction, of one's own courses."""
PUBLISHED_WORDS: Final = {"with": "given", "without": "not given", "mixed": "mixed", NOT_KNOWN: "not known"}
KIND_WORDS: Final = {
    "trial": "trial",
    "real_world": "real world",
    "outpatient": "outpatient series",
    "inpatient": "inpatient series",
}
COUNTED_WORDS: Final = {
    "printed": "count as printed",
    "percentage": "count rebuilt from a printed percentage",
    "recalled": "count recalled, not read",
}
WIDE: Final = 120
"""Units of the small picture for 0 to 100%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the reader chose to see."""

    product: str = ALL
    tocilizumab: str = ALL
    measure: MeasureId = "crs_any"


def chosen_from(asked: Any, products: Sequence[str]) -> Chosen:
    """The choice in an address; a word that there is not is as if it were not said."""
    product, word, name = (asked.get(each, "") for each in ("product", "tocilizumab", "measure"))
    return Chosen(
        product=product if product in products else ALL,
        tocilizumab=word if word in PREVENTED else ALL,
        measure=next((each for each in MEASURES if each == name), "crs_any"),
    )


def context(found: Figures, rules: Definitions, choice: Chosen) -> dict[str, Any]:
    """Everything that the page of the figures shows."""
    outcomes = found.outcomes
    mine = chosen(outcomes, choice.product, choice.tocilizumab)
    measure = rules.named(choice.measure)
    rows = quarter_rows(mine, found, rules)
    return {
        "choice": choice,
        "products": [(ALL, "Every product"), *((each, each.capitalize()) for each in products_of(outcomes))],
        "words": [(each, PREVENTED_WORDS[each]) for each in (ALL, *PREVENTED)],
        "measures": [(row.id, row.words) for row in rules.measure],
        "measure": measure,
        "own": {"who": own_words(choice), **shown(rate_of(mine, choice.measure))},
        "published": published_rows(choice),
        "about": about(mine, len(found.unreadable)),
        "compared": compared(chosen(outcomes, choice.product), rules),
        "quarters": rows,
        "settings": [*(each.capitalize() for each in SETTINGS), "Not known"],
        "onset": onset(mine),
        "rules": rules,
        "first": rows[0]["name"],
    }


def products_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The products of one's own courses and of the published counts, by name."""
    return sorted({each.product for each in outcomes} | {name for row in published().count for name in row.products})


def own_words(choice: Chosen) -> str:
    """Whose figure one's own row is."""
    product = "every product" if choice.product == ALL else choice.product
    return f"This programme, {product}, tocilizumab to prevent: {PREVENTED_WORDS[choice.tocilizumab]}"


def shown(rate: Rate) -> dict[str, Any]:
    """A rate as a page shows it: counts, percent, both intervals, and the picture of the first."""
    return {
        "rate": rate,
        "percent": percent(rate.share),
        "interval": span(rate.interval),
        "whole": span(rate.whole) if rate.not_known else "",
        "plot": plot(rate.share, rate.interval),
    }


def percent(share: float | None) -> str:
    """`31.6%`, or that it is not known."""
    return "not known" if share is None else f"{100 * share:.1f}%"


def span(interval: Interval | None) -> str:
    """`19.9 to 45.2`: both ends of an interval in percent."""
    return "" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def plot(share: float | None, interval: Interval | None) -> dict[str, str] | None:
    """Where the line and the point of the small picture are; None: nothing to draw."""
    if share is None or interval is None:
        return None
    return {"low": _x(interval.low), "high": _x(interval.high), "at": _x(share), "wide": str(WIDE)}


def _x(share: float) -> str:
    return f"{share * WIDE:.1f}"


def published_rows(choice: Chosen) -> list[dict[str, Any]]:
    """The published counts that stand beside one's own."""
    rows = beside(published().count, choice.measure, choice.product, choice.tocilizumab)
    return [
        {
            "row": each.row,
            "products": ", ".join(each.row.products),
            "kind": kind_words(each.row),
            "tocilizumab": PUBLISHED_WORDS[each.row.tocilizumab],
            "percent": percent(each.row.events / each.row.patients),
            "interval": span(each.interval),
            "plot": plot(each.row.events / each.row.patients, each.interval),
            "differs": "; ".join(each.differs),
            "chip": STATUS_WORDS[each.row.status.value],
            "counted": COUNTED_WORDS[each.row.counted],
            "sources": sources_of(each.row),
        }
        for each in rows
    ]


def kind_words(row: PublishedRow) -> str:
    """`trial, phase 2`; a trial whose phase was not read says so."""
    if row.kind != "trial":
        return KIND_WORDS[row.kind]
    return f"trial, phase {row.phase}" if row.phase else "trial, phase not known"


def sources_of(row: PublishedRow) -> list[dict[str, str | None]]:
    """Document and address of each source of a published count."""
    known = published_sources()
    return [{"document": known[key].document, "address": known[key].address} for key in row.source]


def about(mine: Sequence[Outcome], unreadable: int) -> dict[str, int]:
    """How many courses are counted, and of how many nothing, or not all, can be said."""
    return {
        "courses": len(mine),
        "still_open": sum(not each.closed and not each.contested for each in mine),
        "unwatched": sum(each.closed and not each.watched and not each.contested for each in mine),
        "contested": sum(each.contested for each in mine),
        "late": sum(each.late_crs for each in mine),
        "unreadable": unreadable,
    }


def compared(outcomes: Sequence[Outcome], rules: Definitions) -> list[dict[str, Any]]:
    """Every measure with tocilizumab, where it was waived, and where nobody knows."""
    groups = [chosen(outcomes, ALL, word) for word in PREVENTED]
    return [
        {"measure": row, "cells": [shown(rate_of(group, row.id)) for group in groups]} for row in rules.measure
    ]  # fmt: skip


def quarter_rows(mine: Sequence[Outcome], found: Figures, rules: Definitions) -> list[dict[str, Any]]:
    """The mix of settings and CRS, by quarter."""
    return [
        {
            "name": each.name,
            "courses": each.courses,
            "crs": shown(each.crs),
            "given": each.given,
            "doses": [(name, number, percent(number / each.given) if each.given else "") for name, number in each.doses.items()],
        }
        for each in quarters(mine, rules, found.today)
    ]  # fmt: skip
