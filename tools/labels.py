"""The documents that follow from the label data: the grid of every revision as CSV, and a page to read beside the label."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from handrail.rules.caredata import care_sources, tocilizumab
from handrail.rules.grid import grid_csv
from handrail.rules.label_picture import schedule_svg
from handrail.rules.label_tests import FILE as ROW_TESTS
from handrail.rules.protocol import catalogue

try:
    from tools.care_pages import tocilizumab_page
    from tools.label_pages import file_name, index_of, page_of
except ModuleNotFoundError:  # run as a script, which knows only its own folder
    from care_pages import tocilizumab_page
    from label_pages import file_name, index_of, page_of

ROOT = Path(__file__).resolve().parents[1]
LABELS = ROOT / "docs" / "labels"
GRID = ROOT / "docs" / "reference" / "grid"
CASE = re.compile(r"[A-Z]\d{2,3}\|")


def documents() -> Iterator[tuple[Path, str]]:
    """Every such file, with what should stand in it."""
    tables = [path for folder in ("spec", "protocols") for path in (ROOT / "tests" / folder).glob("*.py")]
    specs = {str(path.relative_to(ROOT)): path.read_text() for path in tables}
    tests = row_tests(specs)
    for protocol in catalogue():
        yield GRID / f"{file_name(protocol.key)}.csv", grid_csv(protocol)
        yield LABELS / f"{file_name(protocol.key)}.md", page_of(protocol, tests[protocol.key])
        yield LABELS / "pictures" / f"{file_name(protocol.key)}.svg", schedule_svg(protocol, alone=True) + "\n"
    yield LABELS / "index.md", index_of(catalogue())
    yield LABELS / "tocilizumab.md", tocilizumab_page(tocilizumab(), care_sources("tocilizumab"))
    yield ROW_TESTS, json.dumps(tests, indent=1) + "\n"


def row_tests(specs: Mapping[str, str]) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Which worked cases name which row: key, row, file, cases. A row that a file only mentions has no case in it.

    A case is a line of a table in a test: its number first, and further cells that name the protocol and the row.

    Args:
        specs: the text of each test file by its name.
    """
    shared = _constants((ROOT / "tests" / "support" / "courses.py").read_text())
    protocols = {protocol.key: {row.id for row in protocol.rows()} for protocol in catalogue()}
    found: dict[str, dict[str, dict[str, list[str]]]] = {key: {} for key in protocols}
    for file, text in sorted(specs.items()):
        names = shared | _constants(text)
        for cells in ([cell.strip() for cell in line.split("|")] for line in text.splitlines() if CASE.match(line)):
            for key in {names.get(cell, cell) for cell in cells} & set(protocols):
                for row in protocols[key] & set(cells) - set(names):
                    found[key].setdefault(row, {}).setdefault(file, []).append(cells[0])
        used = {value for name, value in names.items() if re.search(rf"\b{name}\b", text)}
        for key in used & set(protocols):
            for row in protocols[key]:
                if f'"{row}"' in text:
                    found[key].setdefault(row, {}).setdefault(file, [])
    return {key: {row: _best(files) for row, files in sorted(rows.items())} for key, rows in found.items()}


def _best(files: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The files with cases when there are any, else the ones that mention the row."""
    with_cases = {file: cases for file, cases in files.items() if cases}
    return dict(sorted((with_cases or files).items()))


def _constants(text: str) -> dict[str, str]:
    """Names at the top of a test that stand for a text: `TEC = "..."`, `EU, US = "...", "..."`."""
    found: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = _pairs(node.targets[0], node.value)
            found |= {name: value for name, value in pairs if isinstance(value, str)}
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, object]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _pairs(one, other)
    elif isinstance(target, ast.Name) and isinstance(value, ast.Constant):
        yield target.id, value.value
