"""One label revision as a JSON document, `handrail-protocol-export/1`, so that the data can be used without this code.

Nothing is chosen or left out: every table and every key of a row stands in the document, null where the row says nothing.
The schema (`schema.py`) is written from the same classes.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from handrail.rules.answer import plain
from handrail.rules.protocol import Protocol

FORMAT: Final = "handrail-protocol-export/1"
NOTICE: Final = (
    "Label data for qualified readers; not the label itself and no substitute for it. "
    "A row whose status is unverified and that nobody has signed permits nothing: ask the prescriber."
)
"""Stands in every export: what a reader without this code must not overlook."""

TABLES: Final = tuple(item.name for item in fields(Protocol) if not item.name.startswith("_") and item.name != "sha256")
"""The head, the sources and every table of a protocol."""


def export_of(protocol: Protocol) -> dict[str, Any]:
    """The whole protocol as plain JSON values, with the signatures it carries."""
    tables = {name: getattr(protocol, name) for name in TABLES if name != "sources"}
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "key": protocol.key,
        "sha256": protocol.sha256,
        "sources": {key: plain(source) for key, source in protocol.sources.items()},
        **{name: plain(rows) for name, rows in tables.items()},
    }
