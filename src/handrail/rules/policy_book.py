"""A shipped site policy as rows to read: every number of the file with its sources and its status, in the order of the file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from handrail.rules.label_words import spaced
from handrail.rules.policy import FOLDER, Policy, load_policy

_NAMES: Final = ("id", "symptom", "reading")
_ENVELOPE: Final = ("source", "status", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One row of a policy: its place in the file is its id."""

    id: str
    table: str
    words: str
    source: tuple[str, ...]
    status: str


@cache
def shipped_policies() -> Mapping[str, tuple[Policy, tuple[PolicyRow, ...]]]:
    """Every shipped policy by its id, with its rows."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        document = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        found[str(document["id"])] = (load_policy(str(document["id"])), tuple(policy_rows(document)))
    return found


def policy_rows(document: Mapping[str, Any]) -> Iterator[PolicyRow]:
    """Every table of the file that names a source."""
    seen: dict[str, int] = {}
    for key, value in document.items():
        if key != "sources":
            yield from _rows(value, key, key, seen)


def _rows(value: Any, path: str, table: str, seen: dict[str, int]) -> Iterator[PolicyRow]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, dict) and "source" in item:
                name = next((str(item[key]) for key in _NAMES if key in item), str(number + 1))
                yield from _rows(item, f"{path}.{name}", table, seen)
        return
    if not isinstance(value, dict):
        return
    if "source" in value:
        seen[path] = seen.get(path, 0) + 1
        yield PolicyRow(
            id=path if seen[path] == 1 else f"{path}.{seen[path]}",
            table=table,
            words="; ".join(_said(value)),
            source=tuple(value["source"]),
            status=str(value["status"]),
        )
    for key, item in value.items():
        yield from _rows(item, f"{path}.{key}", f"{table}: {spaced(key)}", seen)


def _said(row: Mapping[str, Any]) -> Iterator[str]:
    """The row's words, then each of its keys."""
    if row.get("words"):
        yield str(row["words"])
    for key, value in row.items():
        if key not in _ENVELOPE and not _holds_rows(value):
            yield f"{spaced(key)}: {_value(value)}"


def _holds_rows(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) and "source" in item for item in value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "".join(f"\n- {_value(item)}" for item in value)
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{spaced(key)} {_value(item)}" for key, item in value.items())
    return str(value)
