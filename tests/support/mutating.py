"""Documents that are nearly right: one place of a good one dropped, retyped, nested, emptied, misspelt or made huge."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Holder = dict[str, Any] | list[Any]
Place = tuple[Holder, Any]


def places(value: Any) -> Iterator[Place]:
    """Every place in a JSON value: what holds it, and its key or number."""
    waiting: list[Any] = [value]
    while waiting:
        holder = waiting.pop()
        keys: Any = (
            holder.keys() if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        )
        for key in keys:
            yield holder, key
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])


def _drop(holder: Any, key: Any, chance: random.Random) -> None:
    del holder[key]


def _null(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = None


def _retype(holder: Any, key: Any, chance: random.Random) -> None:
    others: list[Any] = [
        0,
        -1,
        True,
        "",
        "x",
        [],
        {},
        [None],
        [[]],
        {"": None},
        "2026-13-45",
        1.5,
        "\x00",
        "\ud800",
        {"coding": "x"},
    ]
    holder[key] = chance.choice(others)


def _nest(holder: Any, key: Any, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 2, 30, 80])):
        holder[key] = chance.choice([[holder[key]], {"resource": holder[key]}])


def _huge(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice([10**400, -(10**400), 10**30, 1e308, 1e-300, 2**63, "9" * 5000])


def _case(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, dict):
        holder[chance.choice([key.upper(), key.lower(), key.capitalize(), f"_{key}"])] = holder.pop(key)
    elif isinstance(holder[key], str):
        holder[key] = holder[key].swapcase()


def _twice(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[key] = [holder[key], copy.deepcopy(holder[key])]


def _swap(holder: Any, key: Any, chance: random.Random) -> None:
    other = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


WAYS: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    _drop,
    _null,
    _retype,
    _nest,
    _huge,
    _case,
    _twice,
    _swap,
)


def mutants(good: bytes, number: int, seed: int) -> Iterator[bytes]:
    """So many documents made of a good one, each with one to four places changed; the same seed gives the same ones."""
    chance = random.Random(seed)
    whole = json.loads(good)
    for _ in range(number):
        body = copy.deepcopy(whole)
        for _ in range(chance.choice([1, 1, 2, 4])):
            found = list(places(body))
            if found:
                holder, key = chance.choice(found)
                chance.choice(WAYS)(holder, key, chance)
        yield json.dumps(body, allow_nan=True).encode("utf-8", "surrogatepass")
    for _ in range(number // 20):  # and the bytes themselves, cut or broken
        at = chance.randrange(len(good))
        yield chance.choice([good[:at], good[:at] + bytes([chance.randrange(256)]) + good[at + 1 :]])
