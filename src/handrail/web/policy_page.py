"""A policy as its pages show it: its rows by table with their sources and status, and the form in which values are proposed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from handrail.actions.errors import RefusedError
from handrail.rules.label_words import STATUS_WORDS, spaced
from handrail.rules.policy import Policy
from handrail.rules.policy_book import PolicyRow
from handrail.rules.policy_own import Value


def book_of(policy: Policy, rows: Iterable[PolicyRow]) -> dict[str, Any]:
    """What the template of a policy needs."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        sources = [(key, policy.sources[key].document) for key in row.source]
        tables.setdefault(spaced(row.table).capitalize(), []).append(
            {
                "id": row.id,
                "words": row.words,
                "status": row.status,
                "chip": STATUS_WORDS[row.status],
                "sources": sources,
            }
        )
    return {
        "policy": policy,
        "tables": list(tables.items()),
        "sources": list(policy.sources.items()),
        "departed": policy.departures,
    }


def form_tables(
    values: Iterable[Value], typed: Mapping[str, str], error: RefusedError | None
) -> Iterator[dict[str, Any]]:
    """Every value of the form by table and row. A table with a value that is not as shipped, or that is wrong, is open."""
    numbered = list(enumerate(values))
    for table, of_table in groupby(numbered, key=lambda each: each[1].row.partition(".")[0]):
        rows = [
            {
                "name": name,
                "words": _words(name),
                "values": [_field(number, value, typed[value.place], error) for number, value in of_row],
            }
            for name, of_row in groupby(of_table, key=lambda each: each[1].row)
        ]
        fields = [field for row in rows for field in row["values"]]
        changed = sum(1 for field in fields if field["shipped"])
        yield {
            "name": spaced(table).capitalize(),
            "rows": rows,
            "number": len(fields),
            "changed": changed,
            "open": changed or any(field["error"] for field in fields),
        }


def _words(name: str) -> str:
    return spaced(name.partition(".")[2].replace(".", " ") or name).capitalize()


def _field(number: int, value: Value, text: str, error: RefusedError | None) -> dict[str, Any]:
    return {
        "id": f"v-{number}",
        "place": value.place,
        "words": value.words.capitalize(),
        "hint": value.hint,
        "text": text,
        "shipped": value.text if text.strip() != value.text else "",
        "choices": value.direction if isinstance(value.direction, tuple) else (),
        "error": error.message if error is not None and error.path == value.place else "",
    }
