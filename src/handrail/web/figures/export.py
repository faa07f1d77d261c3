"""The figures as rows of a file that may leave the programme: counts of few people are withheld, whatever was chosen on the page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from handrail.actions.figures import Figures
from handrail.measures.data import Definitions, published
from handrail.measures.figures import ALL, NOT_KNOWN, Group, quarters, table, withheld_quarters, withheld_rows
from handrail.measures.intervals import Interval, Rate, wilson
from handrail.measures.places import SETTINGS
from handrail.measures.withholding import WITHHELD
from handrail.web.figures.page import COUNTED_WORDS, KIND_WORDS, sources_of

COLUMNS: Final = (
    "part",
    "measure",
    "product",
    "tocilizumab_to_prevent",
    "quarter",
    "setting",
    "yes",
    "no",
    "not_known",
    "percent",
    "low_95",
    "high_95",
    "low_if_not_known_no",
    "high_if_not_known_yes",
    "note",
    "source",
)
EVERYBODY: Final = Group(product=ALL, tocilizumab=ALL, measure="crs_any")
Line = tuple[Any, ...]


def lines(found: Figures, rules: Definitions) -> Iterator[Line]:
    """Own rates by product and tocilizumab, the quarters, the published counts, and the definitions.

    The whole table is written each time, so that no two files of the same day can be subtracted from each other.
    """
    least = rules.published_tables.least
    rows = table(found.outcomes)
    hidden = withheld_rows(rows, least)
    yield from _own(rows, hidden)
    yield from _quarters(found, rules, least, sum_withheld=EVERYBODY in hidden)
    yield from _published()
    for row in rules.measure:
        yield _line(part="definition", measure=row.id, note=f"{row.words}: {row.definition}")
    for name, choice in (
        ("window", rules.window),
        ("watched", rules.watched),
        ("planned stay", rules.planned_stay),
        ("withheld", rules.published_tables),
        ("period", rules.look_back),
    ):
        yield _line(part="definition", measure=name, note=choice.words)


def _own(rows: Mapping[Group, Rate], hidden: Collection[Group]) -> Iterator[Line]:
    for group, rate in rows.items():
        named = {"measure": group.measure, "product": group.product, "tocilizumab_to_prevent": group.tocilizumab}
        yield _line(part="own", **named, **_numbers(rate, group in hidden))


def _quarters(found: Figures, rules: Definitions, least: int, *, sum_withheld: bool) -> Iterator[Line]:
    every = quarters(found.outcomes, rules, found.today)
    hidden = withheld_quarters(every, least, sum_withheld=sum_withheld)
    for each in every:
        named = {"product": ALL, "tocilizumab_to_prevent": ALL, "quarter": each.name}
        yield _line(part="quarter", measure="crs_any", **named, **_numbers(each.crs, each.name in hidden))
        for setting in (*SETTINGS, NOT_KNOWN):
            number = WITHHELD if each.name in hidden else each.doses[setting]
            yield _line(part="doses", measure="setting", **named, setting=setting, yes=number)


def _published() -> Iterator[Line]:
    for row in published().count:
        interval = wilson(row.events, row.patients)
        said = (KIND_WORDS[row.kind], row.population, row.prevention, COUNTED_WORDS[row.counted], row.status.value)
        yield _line(
            part="published",
            measure=row.measure,
            product=" ".join(row.products),
            tocilizumab_to_prevent=row.tocilizumab,
            yes=row.events,
            no=row.patients - row.events,
            percent=_percent(row.events / row.patients),
            **_ends(interval, "low_95", "high_95"),
            note="; ".join([f"{row.id}", *said, *([row.note] if row.note else [])]),
            source=" | ".join(" ".join(filter(None, each.values())) for each in sources_of(row)),
        )


def _numbers(rate: Rate, hidden: bool) -> dict[str, Any]:
    if hidden:
        names = ("yes", "no", "not_known", "percent", "low_95", "high_95")
        return dict.fromkeys((*names, "low_if_not_known_no", "high_if_not_known_yes"), WITHHELD)
    return {
        "yes": rate.yes,
        "no": rate.no,
        "not_known": rate.not_known,
        "percent": _percent(rate.share),
        **_ends(rate.interval, "low_95", "high_95"),
        **_ends(rate.whole, "low_if_not_known_no", "high_if_not_known_yes"),
    }


def _ends(interval: Interval | None, low: str, high: str) -> dict[str, str]:
    if interval is None:
        return {low: "", high: ""}
    return {low: _percent(interval.low), high: _percent(interval.high)}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _line(**cells: Any) -> Line:
    return tuple(cells.get(column, "") for column in COLUMNS)
