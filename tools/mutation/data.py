"""Mutants of the label data: one number nudged by one, or one boundary between two rows moved, in memory only."""

from __future__ import annotations

import pickle
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROTOCOLS = ROOT / "src" / "handrail" / "protocols"
NUMBER = re.compile(r"-?\d+(\.\d+)?")
CLOCK = re.compile(r"[0-2]\d:[0-5]\d")
NAMES = {"id", "key", "revision", "version", "edition", "code", "date", "words", "title", "document", "address"}
"""Keys whose digits are a name: of a revision, an edition, a code, the date of a document."""
SIDES = {"gap": ("from_day", "to_day"), "band": ("from_kg", "to_kg")}
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DataMutant:
    """Some numbers of one file, each with its new value; `place` and `change` name them for a reader."""

    file: str
    place: str
    kind: str
    was: str
    becomes: str
    nudges: tuple[tuple[Path_, Any], ...]

    @property
    def where(self) -> str:
        return self.file

    @property
    def change(self) -> str:
        return f"{self.place} {self.was} -> {self.becomes}"

    @property
    def clinical(self) -> bool:
        return True


@cache
def document_of(file: str) -> dict[str, Any]:
    """The file as TOML, named from the folder of the data: `products/x.toml`."""
    return tomllib.loads((PROTOCOLS / file).read_text(encoding="utf-8"), parse_float=Decimal)


def mutants_of(file: str) -> list[DataMutant]:
    """Each number up by one and down by one, then each boundary between rows moved both ways."""
    document = document_of(file)
    found = []
    for path, value in _numbers(document, ()):
        for by in (1, -1):
            new = _nudged(value, by)
            if new is not None:
                found.append(
                    DataMutant(file, place_of(document, path), "number", _said(value), _said(new), ((path, new),))
                )
    return found + [mutant for table in SIDES for mutant in _boundaries(file, document, table)]


def _numbers(node: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        name = key if isinstance(key, str) else str(path[-1]) if path else ""
        if name in NAMES:
            continue
        if isinstance(value, dict | list):
            yield from _numbers(value, (*path, key))
        elif not isinstance(value, bool) and _nudged(value, 1) is not None:
            yield (*path, key), value


def _nudged(value: Any, by: int) -> Any:
    """The next value: a day, hour, minute or step of a score; a decimal by its last digit; None when it is no number."""
    if isinstance(value, int):
        return value + by
    if isinstance(value, Decimal):
        return value + by * Decimal(1).scaleb(int(value.as_tuple().exponent))
    if isinstance(value, date):
        return value + timedelta(days=by)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return str(_nudged(Decimal(value), by))
    if isinstance(value, str) and CLOCK.fullmatch(value):
        minutes = (int(value[:2]) * 60 + int(value[3:]) + by) % (24 * 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return None


def _said(value: Any) -> str:
    return str(value)


def place_of(document: Mapping[str, Any], path: Path_) -> str:
    """A path with the ids of its rows: `gap.SUD1-EARLY.to_day`."""
    node: Any = document
    parts = []
    for key in path:
        node = node[key]
        if isinstance(key, int) and isinstance(node, dict):
            named = node.get("id") or node.get("reading") or node.get("symptom") or node.get("ladder")
            names = [str(named)] if named else []
            if named and "ladder" in node and node["ladder"] != named:
                names.append(str(node["ladder"]))
            key = "-".join(names) or key
        parts.append(str(key))
    return ".".join(parts)


def _boundaries(file: str, document: Mapping[str, Any], table: str) -> Iterator[DataMutant]:
    """Rows that meet at a day or a kilogram, all moved together: the data stays whole, and only a test can object."""
    first, last = SIDES[table]
    rows = document.get(table, [])
    done: set[int] = set()
    for number, row in enumerate(rows):
        if number in done or last not in row:
            continue
        ends, starts = {number}, set[int]()
        while True:  # the rows that meet here in any step and schedule
            more = {
                n for n, r in enumerate(rows) if r.get(first) == row[last] + 1 and any(_meet(rows[e], r) for e in ends)
            }
            back = {n for n, r in enumerate(rows) if r.get(last) == row[last] and any(_meet(r, rows[s]) for s in more)}
            if (more, back | ends) == (starts, ends):
                break
            starts, ends = more, back | ends
        done |= ends
        if not starts:
            continue
        ids = (
            "+".join(str(rows[n].get("id", n)) for n in sorted(ends))
            + "|"
            + "+".join(str(rows[n].get("id", n)) for n in sorted(starts))
        )
        for by in (1, -1):
            nudges = [((table, n, last), rows[n][last] + by) for n in sorted(ends)]
            nudges += [((table, n, first), rows[n][first] + by) for n in sorted(starts)]
            yield DataMutant(file, f"{table}.{ids}", "boundary", str(row[last]), str(row[last] + by), tuple(nudges))


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Both rows hold in one table: for a step and schedule, or for an amount."""
    if "mg_per_kg" in one:
        return bool(one["mg_per_kg"] == other.get("mg_per_kg"))
    schedules = [set(row.get("schedules", ())) for row in (one, other)]
    shared = not schedules[0] or not schedules[1] or bool(schedules[0] & schedules[1])
    return shared and bool(set(one.get("last", ())) & set(other.get("last", ())))


# --- putting a mutant into the running process ------------------------------------------------------------------


@contextmanager
def planted(mutant: DataMutant) -> Iterator[None]:
    """Whoever reads this file's text as TOML gets the nudged numbers. Used in a process that ends afterwards."""
    text = (PROTOCOLS / mutant.file).read_text(encoding="utf-8")
    nudged = pickle.dumps(_with_nudges(document_of(mutant.file), mutant.nudges))
    real = tomllib.loads

    def loads(asked: str, **options: Any) -> dict[str, Any]:
        return pickle.loads(nudged) if asked == text else real(asked, **options)

    tomllib.loads = loads
    try:
        yield
    finally:
        tomllib.loads = real


def _with_nudges(document: dict[str, Any], nudges: tuple[tuple[Path_, Any], ...]) -> dict[str, Any]:
    """The document itself, changed: the process ends afterwards."""
    for path, value in nudges:
        node: Any = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
    return document


def overwrite(old: Any, new: Any) -> None:
    """Make a loaded object say what the new one says, so that whoever holds it sees the change."""
    if is_dataclass(old) and not isinstance(old, type):
        for item in fields(old):
            before, after = getattr(old, item.name), getattr(new, item.name)
            if _same_shape(before, after):
                overwrite(before, after)
            else:
                object.__setattr__(old, item.name, after)
    elif isinstance(old, Mapping):
        for key in old:
            if _same_shape(old[key], new[key]):
                overwrite(old[key], new[key])
            else:
                dict.__setitem__(old, key, new[key])
    elif isinstance(old, tuple):
        for before, after in zip(old, new, strict=True):
            overwrite(before, after)


def _same_shape(before: Any, after: Any) -> bool:
    """Both hold rows inside, one for one."""
    if is_dataclass(before) and type(before) is type(after):
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys()
    rows = isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after)
    return rows and bool(before) and all(is_dataclass(item) for item in before)


def files() -> list[str]:
    """Every file of the data."""
    return sorted(str(path.relative_to(PROTOCOLS)) for path in PROTOCOLS.rglob("*.toml"))
