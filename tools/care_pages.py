"""The page of the care data beside the labels: tocilizumab, its products over time, prophylaxis and what lies ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from handrail.rules.caredata import Care, CareSource, CheckRow
from handrail.rules.label_words import STATUS_WORDS, spaced
from handrail.rules.protocol_export import NOTICE

try:
    from tools.label_pages import escaped, links
except ModuleNotFoundError:  # run as a script, which knows only its own folder
    from label_pages import escaped, links

SAYS = {"crs": "names CRS", "no_crs": "does not name CRS", "check": "not read: check the label"}


def tocilizumab_page(care: Care, sources: dict[str, CareSource]) -> str:
    """The tocilizumab file as Markdown, every row with its status and sources."""
    return "\n".join(
        [
            "# Tocilizumab, United States",
            "",
            "No label names prophylaxis, and none names CRS after a bispecific antibody. **A patient who has CRS is treated with what is",
            "on the shelf: nothing on this page holds that back.** The dose, its cap and the hours between doses are the site's policy.",
            "",
            NOTICE,
            "",
            *_section(
                "Products",
                ("Brand", "Suffix", "Forms"),
                ((row, (row.brand, row.suffix or "", ", ".join(row.forms))) for row in care.product),
            ),
            *_section(
                "What the label says of CRS, and since when",
                ("Product", "Form", "Since", "CRS", "Words"),
                ((row, (row.product, row.form, str(row.since), SAYS[row.says], row.words)) for row in care.label),
            ),
            *_section("Vials", ("mg", "mL"), ((row, (str(row.mg), str(row.ml))) for row in care.vial)),
            *_section(
                "Before step-up, to prevent CRS: off label, the site's choice",
                ("Before", "Hours before", "Dose", "Over", "At a restart", "Words"),
                ((row, _way(row)) for row in care.prophylaxis),
            ),
            *_section(
                "Looked at before it is given to prevent CRS",
                ("What", "Limit"),
                ((row, (row.words, _limit(row))) for row in care.check),
            ),
            *_section("After it was given", ("What",), ((row, (row.words,)) for row in care.after)),
            *_section(
                "What lies ready",
                ("Doses for each patient", "Within", "Words"),
                ((row, (str(row.doses_per_patient), f"{row.within_hours} h", row.words)) for row in care.stock),
            ),
            "## Sources",
            "",
            *(_source(key, source) for key, source in sources.items()),
            "",
        ]
    )


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, tuple[str, ...]]]) -> Iterator[str]:
    yield from (f"## {title}", "")
    heads = ["Row", *columns, "Known how"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row, cells in rows:
        known = f"{STATUS_WORDS[row.status]}: {', '.join(links(row.source))}"
        yield f"| {' | '.join([row.id, *map(escaped, cells), known])} |"
    yield ""


def _way(row: Any) -> tuple[str, ...]:
    hours = {row.hours_before_min, row.hours_before_max}
    return (
        spaced(row.before_step),
        " to ".join(map(str, sorted(hours))),
        f"{row.mg_per_kg} mg/kg, at most {row.cap_mg} mg",
        f"{row.infusion_minutes} min",
        f"asked again after {row.ask_again_after_days} days",
        row.words,
    )


def _limit(row: CheckRow) -> str:
    if row.below is not None:
        return f"below {row.below} {row.unit}"
    return f"above {row.above_upper_limit_times} times the upper limit" if row.above_upper_limit_times else ""


def _source(key: str, source: CareSource) -> str:
    address = f", <{source.address}>" if source.address else ""
    return f'- <a id="source-{key}"></a>**{key}**: {escaped(source.document)}{address}'
