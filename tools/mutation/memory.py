"""What a run of mutants leaves for the next one: what each test reaches, and what became of each mutant.

A verdict is taken over while everything that decided it stands as it was: a kill needs the rules, the data and the test that noticed
it; a survivor also needs every other test. Where something has changed, the test that noticed it last is asked first.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools.mutation.code import SOURCE, CodeMutant
from tools.mutation.data import DataMutant

ROOT = Path(__file__).resolve().parents[2]
Mutant = CodeMutant | DataMutant
FOLDER = ROOT / ".mutants"
LATE = ROOT / "tests" / "mutants" / "late.tsv"
"""Mutants that only the long second look caught, each with the test that did: whoever starts anew asks that test first."""
DECIDING = ["rules", "protocols", "cli/protocols.py", "cli/grade.py", "fhir/codes.py"]
"""What a verdict rests on, beside the tests: the rules, the data, and what reads or checks them."""
CHANGING = ["code.py", "data.py", "shipped.py"]
"""The parts of this tool that say what a mutant is."""
SHARED_BY_TESTS = ["tests/support", "tests/conftest.py"]
NO_DATA = ["row_tests.json"]
"""Made from the tests and only shown: it decides nothing."""
NOBODY = "no such test"
NO_TEST = ("loader", "protocols check", "import", "time")
"""Who may notice a mutant without being a test."""


@dataclass(slots=True)
class Reach:
    """What one test runs: lines of the rules, labels that it loads, and how long it takes."""

    lines: dict[str, set[int]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    seconds: float = 0.0


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    every = (path for path in place.rglob("*.*") if path.suffix in (".py", ".toml", ".json"))
    return sorted(path for path in every if path.name not in NO_DATA)


def checksum(places: Iterable[Path]) -> str:
    """One checksum of files, and of folders with all that they hold."""
    digest = hashlib.sha256()
    for place in places:
        for path in _files(place):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def source_mark() -> str:
    """A checksum of the rules, of the data and of how they are changed."""
    here = Path(__file__).parent
    return checksum([*(SOURCE / "handrail" / name for name in DECIDING), *(here / name for name in CHANGING)])


@cache
def test_mark(file: Path) -> str:
    """A checksum of a file of tests and of every test file that it imports from."""
    found, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        named = re.findall(r"^from (tests\.[\w.]+) import", path.read_text(encoding="utf-8"), re.MULTILINE)
        waiting += [ROOT / (name.replace(".", "/") + ".py") for name in named]
    return checksum([*sorted(found), *(ROOT / name for name in SHARED_BY_TESTS)])


@cache
def data_mark() -> str:
    """A checksum of all the data: a test may fail for any of them, and one that fails by itself notices no mutant."""
    return checksum([SOURCE / "handrail" / "protocols"])


@cache
def rule_mark(file: str) -> str:
    """A checksum of one file of the rules, named from the package."""
    return checksum([SOURCE / "handrail" / file])


# --- what each test reaches ---------------------------------------------------------------------------------------


def known_reach(items: Sequence[pytest.Item], file: Path) -> dict[int, Reach]:
    """The tests of which an earlier run knows what they reach, and where neither they nor any file they reach has changed."""
    if not file.exists():
        return {}
    known = pickle.loads(file.read_bytes())
    found = {}
    for number, item in enumerate(items):
        mark, rules, reach = known.get(item.nodeid, (None, {}, None))
        if mark == (test_mark(item.path), data_mark()) and all(_stands(name, was) for name, was in rules.items()):
            found[number] = reach
    return found


def _stands(file: str, mark: str) -> bool:
    return (SOURCE / "handrail" / file).exists() and rule_mark(file) == mark


def keep_reach(items: Sequence[pytest.Item], reach: Sequence[Reach], file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    known = {
        item.nodeid: ((test_mark(item.path), data_mark()), {name: rule_mark(name) for name in what.lines}, what)
        for item, what in zip(items, reach, strict=True)
    }
    file.write_bytes(pickle.dumps(known))


# --- which test to ask first -----------------------------------------------------------------------------------------


def late_hints(file: Path = LATE) -> dict[str, str]:
    """The test that caught each mutant of the list. It is asked first and decides nothing: who has come to miss it is judged anew."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return dict(line.split("\t") for line in lines)


def note_late(found: Mapping[str, str], known: Collection[str], file: Path = LATE) -> int:
    """Add to the list; mutants that are not `known` any more leave it. Returns how many it holds."""
    rows = {name: by for name, by in {**late_hints(file), **found}.items() if name in known}
    file.write_text("".join(f"{name}\t{by}\n" for name, by in sorted(rows.items())), encoding="utf-8")
    return len(rows)


# --- what became of each mutant -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """The last verdict on a mutant. `by` is None for a survivor; `stands` where nothing that decided it has changed."""

    by: str | None
    stands: bool


class Ledger:
    """Verdicts, one line each as they fall, so that a run that was stopped goes on where it was.

    Args:
        items: the tests of this run; a verdict of a test that is not among them is not taken over.
        seconds: of tests that a mutant has to survive; one that survived fewer is judged again.
    """

    def __init__(self, file: Path, items: Sequence[pytest.Item], seconds: float) -> None:
        self.file, self.seconds = file, seconds
        self.paths = {item.nodeid: item.path for item in items}
        self.rows: dict[str, dict[str, Any]] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["mutant"]] = row

    def kept(self, mutant: Mutant) -> Kept | None:
        """What an earlier run found, if any did."""
        row = self.rows.get(identity(mutant))
        if row is None:
            return None
        enough = row["by"] is not None or row["seconds"] >= self.seconds
        return Kept(by=row["by"], stands=enough and row["mark"] == self._mark(row["by"]) != NOBODY)

    def keep(self, mutant: Mutant, by: str | None, *, late: bool = False) -> None:
        """Write a verdict down. `late`: it took the second look; that stays so while the same test is asked first for it."""
        name = identity(mutant)
        before = self.rows.get(name, {})
        late = late or (bool(before.get("late")) and before["by"] == by)
        row = {"mutant": name, "by": by, "mark": self._mark(by), "seconds": self.seconds, "late": late}
        self.rows[name] = row
        self.file.parent.mkdir(exist_ok=True)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")

    def late(self) -> dict[str, str]:
        """What was caught late, and by which test."""
        return {name: row["by"] for name, row in self.rows.items() if row.get("late") and row["by"] in self.paths}

    def _mark(self, by: str | None) -> str:
        """What a verdict rests on."""
        if by in NO_TEST:
            return source_mark()
        if by is None:
            every = sorted({test_mark(path) for path in self.paths.values()})
            return hashlib.sha256("".join([source_mark(), *every]).encode()).hexdigest()
        path = self.paths.get(by)
        return source_mark() + test_mark(path) if path is not None else NOBODY


def identity(mutant: Mutant) -> str:
    return f"{mutant.where}: {mutant.kind}: {mutant.change}"
