"""The narrative of a document: what a reader sees, as plain XHTML tables, without script, style sheet or image."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

from handrail.rules.packet_parts import NOT_KNOWN

XHTML: Final = "http://www.w3.org/1999/xhtml"


def narrative(parts: Iterable[str]) -> dict[str, Any]:
    """A Narrative of pieces that are XHTML already."""
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{"".join(parts)}</div>'}


def paragraph(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def section_words(section: dict[str, Any]) -> str:
    """One section of a packet: its fields as a table, then its tables. What is not known says so."""
    found = [f"<h5>{section['number']}. {escape(section['title'])}</h5>"]
    if section["fields"]:
        rows = (f"<tr><th>{escape(each['label'])}</th><td>{escape(said(each))}</td></tr>" for each in section["fields"])
        found.append(f"<table><tbody>{''.join(rows)}</tbody></table>")
    found += [_table(each) for each in section["tables"]]
    return "".join(found)


def said(field: dict[str, Any]) -> str:
    """The value of a field, or that it is not known, and why."""
    if field["words"] is not None:
        return str(field["words"])
    return f"{NOT_KNOWN} ({field['why']})" if field["why"] else NOT_KNOWN


def _table(table: dict[str, Any]) -> str:
    if not table["lines"]:
        return paragraph(f"{table['title']}: {table['none']}")
    head = "".join(f"<th>{escape(name)}</th>" for name in table["columns"])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(NOT_KNOWN if cell is None else cell)}</td>" for cell in line["cells"]) + "</tr>"
        for line in table["lines"]
    )
    return f"<p>{escape(table['title'])}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
