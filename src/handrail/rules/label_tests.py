"""Which worked cases of the tests name which row: an index made with the documents, so that a page can show it.

It says where to look, not that a row is right. A row that no case names is missing from the index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "row_tests.json"


@cache
def _index() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    if not FILE.is_file():
        return {}
    found: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def cases_of(key: str, row_id: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The test files that name the row, each with its cases; nothing known is an empty answer."""
    files = _index().get(key, {}).get(row_id, {})
    return tuple((file, tuple(cases)) for file, cases in files.items())
