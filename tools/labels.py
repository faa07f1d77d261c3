"""The documents that follow from the label data: the grid of every revision as CSV, and a page to read beside the label."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handrail.rules.grid import grid_csv
from handrail.rules.protocol import catalogue

DOCS = Path(__file__).resolve().parents[1] / "docs"
GRID = DOCS / "reference" / "grid"


def documents() -> Iterator[tuple[Path, str]]:
    """Every such file, with what should stand in it."""
    for protocol in catalogue():
        yield GRID / f"{file_name(protocol.key)}.csv", grid_csv(protocol)


def file_name(key: str) -> str:
    """`teclistamab/US/2026-03/mono` as the name of a file."""
    return key.replace("/", "_").lower()
