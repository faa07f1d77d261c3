"""One page for each label revision, to be read beside the label: the book that the application shows, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from handrail.rules.label_book import BookRow, Table, counted, sections_of, title_of
from handrail.rules.label_words import STATUS_WORDS, spaced, status_words
from handrail.rules.protocol import Protocol
from handrail.rules.protocol_export import NOTICE

Tests = Mapping[str, Mapping[str, list[str]]]


def file_name(key: str) -> str:
    """`teclistamab/US/2026-03/mono` as the name of a file."""
    return key.replace("/", "_").lower()


def index_of(protocols: Iterable[Protocol]) -> str:
    """The list of all revisions."""
    rows = [
        f"| [{escaped(title_of(p))}]({file_name(p.key)}.md) | {state_of(p)} | {known_of(p)} "
        f"| [grid](../reference/grid/{file_name(p.key)}.csv) |"
        for p in protocols
    ]
    return "\n".join(
        [
            "# Label data",
            "",
            NOTICE,
            "",
            "Each page is made from the file of its revision, as the application shows it. In every table the first column names",
            "the row, the last one how it is known, the sources it names and the worked cases that test it.",
            "",
            "| revision | state | rows | every day |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "Beside the labels: [tocilizumab](tocilizumab.md), its labels over time, prophylaxis and what lies ready.",
            "",
        ]
    )


def page_of(protocol: Protocol, tests: Tests) -> str:
    """The page of one revision. `tests`: the files that name each row, with their cases."""
    head = protocol.product
    lines = [
        f"# {escaped(title_of(protocol))}",
        "",
        escaped(head.words),
        "",
        f"Known how: {status_words(head)} ({', '.join(links(head.source))}).",
        "",
        NOTICE,
        "",
        f"- Revision {head.revision}, {state_of(protocol)}; route: {head.route}",
        f"- Schedules: {', '.join(map(spaced, protocol.schedules))}",
        f"- Rows: {known_of(protocol)}",
        f"- File: `{protocol.key}`, sha256 `{protocol.sha256}`",
        f"- Every day: [the complete grid](../reference/grid/{file_name(protocol.key)}.csv), what the next dose is on days 0 to 400",
        "",
        "## Schedule",
        "",
        f"![The steps, their doses and the days between them](pictures/{file_name(protocol.key)}.svg)",
        "",
        "Days are counted from the dose before; the day of a dose is 0.",
        "",
    ]
    seen: set[str] = set()
    for section in sections_of(protocol):
        lines += [f"## {section.title}", ""]
        for table in section.tables:
            lines += [*table_of(table, seen, tests), ""]
    lines += ["## Sources", "", *sources_of(protocol), ""]
    return "\n".join(lines)


def table_of(table: Table, seen: set[str], tests: Tests) -> Iterator[str]:
    """One table; a row that stands in several has its anchor in the first."""
    if table.title:
        yield from (f"### {escaped(table.title)}", "")
    words = any(row.words for row in table.rows)
    columns = ["Row", *table.columns, *(["Words"] if words else []), "Known how"]
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in table.rows:
        anchor = "" if row.row.id in seen else f'<a id="row-{row.row.id}"></a>'
        seen.add(row.row.id)
        cells = [f"{anchor}{row.row.id}", *map(escaped, row.cells), *([escaped(row.words)] if words else [])]
        yield f"| {' | '.join([*cells, known_how(row, tests)])} |"


def known_how(row: BookRow, tests: Tests) -> str:
    """Status, sources, and the worked cases that name the row."""
    parts = [f"{status_words(row.row)}: {', '.join(links(row.row.source))}"]
    for file, cases in tests.get(row.row.id, {}).items():
        name = escaped(file).replace("_", "_<wbr>").replace("/", "/<wbr>")
        parts.append(f"tested by {', '.join(cases)} in {name}" if cases else f"named in {name}")
    return "; ".join(parts)


def links(keys: Iterable[str]) -> list[str]:
    """Each source with a link to where it is named in full."""
    return [f"[{key}](#source-{key})" for key in keys]


def sources_of(protocol: Protocol) -> Iterator[str]:
    """The sources in full."""
    for key, source in protocol.sources.items():
        dated = ", ".join(part for part in (source.section, source.revision, source.date) if part)
        text = f'- <a id="source-{key}"></a>**{key}** ({source.kind}): {escaped(source.document)}'
        yield text + (f" ({escaped(dated)})" if dated else "") + (f", <{source.address}>" if source.address else "")


def state_of(protocol: Protocol) -> str:
    """Active, superseded by which, or neither."""
    head = protocol.product
    if head.active:
        return "active"
    return f"superseded by {head.superseded_by}" if head.superseded_by else "not active"


def known_of(protocol: Protocol) -> str:
    """`18 sourced, 58 unverified`."""
    return ", ".join(f"{number} {STATUS_WORDS[status]}" for status, number in counted(protocol).items())


def escaped(text: str) -> str:
    """Text that stays text in a cell of a table."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_"), ("\n", " ")):
        text = text.replace(sign, written)
    return text
