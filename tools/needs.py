"""The table of what an outpatient programme needs, each with the tests that perform it: docs/reference/trace.md.

The needs stand in docs/reference/trace.toml; a test called `test_t17_...` belongs to need T-17 by its name,
and one called `test_t44_t51_...` to both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NEEDS = ROOT / "docs" / "reference" / "trace.toml"
PAGE = ROOT / "docs" / "reference" / "trace.md"
PERFORMED = ROOT / "tests"
NAMED = re.compile(r"^def (test((?:_t\d{2})+)_\w+)", re.MULTILINE)

OPENING = """# Needs and their tests

What a programme for bispecific antibodies outside hospital needs, and the tests that perform it through a page, a command or a rule.
{shown} of {all} needs have one. Where none stands, nothing shows yet that the need is met.

This page is written by `python tools/reference.py` from [trace.toml](trace.toml) and from the names of the tests, `test_t17_...` for T-17.

| need | what it asks | tests |
| --- | --- | --- |
"""


def needs() -> dict[str, str]:
    """Every need, by its number, in a few words."""
    found: dict[str, str] = _table("needs")
    return found


def tests_of_needs() -> dict[str, list[str]]:
    """The tests of each need as `file::name`: those by their names, then those that the list names.

    Raises:
        ValueError: a test is named after a need that is not there.
    """
    known = needs()
    found: dict[str, list[str]] = {need: [] for need in known}
    for need, test in [*_performed(), *((need, test) for need, tests in _table("tests").items() for test in tests)]:
        if need not in known:
            raise ValueError(f"{test} is about {need}, which is no need of the list")
        found[need].append(test)
    return found


def page() -> str:
    """The whole page."""
    words, tests = needs(), tests_of_needs()
    shown = sum(1 for need in words if tests[need])
    rows = [f"| {need} | {words[need]} | {_links(tests[need])} |\n" for need in words]
    return OPENING.format(shown=shown, all=len(words)) + "".join(rows)


def _performed() -> Iterator[tuple[str, str]]:
    for file in sorted(PERFORMED.rglob("test_*.py")):
        for name, numbers in NAMED.findall(file.read_text(encoding="utf-8")):
            for number in re.findall(r"\d{2}", numbers):
                yield f"T-{number}", f"{file.relative_to(ROOT).as_posix()}::{name}"


def _links(tests: list[str]) -> str:
    return "; ".join(_link(test) for test in tests) or "none yet"


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    told = re.sub(r"^test_(t\d{2}_)*", "", name).replace("_", " ")
    return f"[{told}](../../{file})"


def _table(name: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(NEEDS.read_text(encoding="utf-8"))[name]
    return table
