"""Rows as CSV that a spreadsheet opens: no cell begins like a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With which a spreadsheet begins to reckon; such a cell gets an apostrophe before it."""


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A heading and the rows as CSV in UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([plain(value) for value in row] for row in rows)
    return out.getvalue().encode()


def plain(value: object) -> str:
    """A cell as text that is never reckoned; None is empty."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
