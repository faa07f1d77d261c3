"""Which way each number of a policy is more careful, as the policy file itself says it in `[caution]`.

A direction belongs to a place in the format, not to one row: `triage.reading.below` speaks for every row of readings. It is one of

- `lower`, `higher`: the smaller or the greater number is more careful;
- `more`: more rows, or more words in a list, are more careful;
- `neither`: nobody can say in general, so that every change of it counts as looser;
- a list of words, the most careful first.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final, get_args, get_origin

from handrail.rules.strict import ProtocolDataError

Direction = str | tuple[str, ...]
LOWER, HIGHER, MORE, NEITHER = "lower", "higher", "more", "neither"
WORDS: Final = (LOWER, HIGHER, MORE, NEITHER)


def read_caution(data: Any, document: Any) -> dict[str, Direction]:
    """The directions of a policy.

    Args:
        data: the table `caution` as written.
        document: the policy as read; every number in it needs a direction.

    Raises:
        ProtocolDataError: no such place, no such direction, or a number without one.
    """
    if not isinstance(data, dict):
        raise ProtocolDataError(
            "missing_key", "A policy says which way each of its numbers is more careful.", "caution"
        )
    known = set(_places(type(document), ""))
    for place, direction in data.items():
        if place not in known:
            raise ProtocolDataError("unknown_key", "The policy has no such place.", f"caution.{place}")
        if direction not in WORDS and not _is_order(direction):
            words = f"{', '.join(WORDS)}, or a list of words with the most careful first"
            raise ProtocolDataError("unknown_word", f"The direction is one of: {words}.", f"caution.{place}")
    for place in _numbers(document, ""):
        if place not in data:
            said = f"The number has no direction: say {LOWER}, {HIGHER} or {NEITHER} under [caution]."
            raise ProtocolDataError("no_direction", said, f"caution.{place}")
    return {place: tuple(each) if isinstance(each, list) else each for place, each in data.items()}


def _is_order(direction: Any) -> bool:
    return (
        isinstance(direction, list)
        and len(direction) > 1
        and all(isinstance(word, str) for word in direction)
        and len(set(direction)) == len(direction)
    )


def _places(cls: Any, path: str) -> Iterator[str]:
    """Every place of the format: fields of tables, and fields of the rows of a table without the number of the row."""
    for name, hint in typing.get_type_hints(cls).items():
        place = f"{path}.{name}" if path else name
        yield place
        inner = next(_classes(hint), None)
        if inner is not None:
            yield from _places(inner, place)


def _classes(hint: Any) -> Iterator[type]:
    if get_origin(hint) in (typing.Union, types.UnionType, tuple):
        for each in get_args(hint):
            yield from _classes(each)
    elif isinstance(hint, type) and is_dataclass(hint):
        yield hint


def _numbers(value: Any, path: str) -> Iterator[str]:
    if is_dataclass(value):
        for item in fields(value):
            yield from _numbers(getattr(value, item.name), f"{path}.{item.name}" if path else item.name)
    elif isinstance(value, tuple):
        for each in value:
            yield from _numbers(each, path)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, (bool, Enum)):
        yield path
