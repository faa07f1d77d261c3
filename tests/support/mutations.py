"""JSON that was sound, and is so no more: one to three changes of a body, the same for the same seed and number."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Body = dict[str, Any]
Place = tuple[Any, Any]
"""A holder and the key or index in it."""

WORDS = [
    "",
    " ",
    "final",
    "Cel",
    "Observation",
    "transaction",
    "POST",
    "true",
    "0",
    "http://loinc.org",
    "2026-03-03T10:00:00Z",
]
UNICODE = [
    "\u0000",
    "\ud800",
    "\u202e38.4",
    "٣٨٫٤",
    "３８",
    "e\u0301",
    "\U0001f321",
    "\ufeff",
    "K\u212a",
    "ﬀ",
    "\u2028",
    "a\u0000b",
]
NUMBERS = [0, -1, 2**63, 10**30, 1e308, -0.0, 1e-320, 38.400000000000006]
HUGE_DIGITS = "9" * 5_000
DATES = [
    "0000-00-00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30T10:00:00Z",
    "2026-03-03T24:00:00Z",
    "2026-03-03T10:00:00.123456789Z",
]


def mutated(body: Body, chance: random.Random) -> tuple[str, bytes]:
    """What was done, and the bytes that are sent."""
    found = copy.deepcopy(body)
    done = []
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(list(CHANGES))
        CHANGES[name](found, chance)
        done.append(name)
    text = json.dumps(found)
    if chance.random() < 0.15:
        name = chance.choice(list(TEXTS))
        return "+".join([*done, name]), TEXTS[name](text, chance)
    return "+".join(done), text.encode()


def places(value: Any) -> Iterator[Place]:
    """Every place in a body."""
    steps = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield value, step
        yield from places(value[step])


def _somewhere(body: Body, chance: random.Random) -> Place:
    return chance.choice(list(places(body)) or [(body, "entry")])


def _drop(body: Body, chance: random.Random) -> None:
    holder, step = _somewhere(body, chance)
    if isinstance(holder, list) or step in holder:
        del holder[step]


def _put(make: Callable[[Any, random.Random], Any]) -> Callable[[Body, random.Random], None]:
    def change(body: Body, chance: random.Random) -> None:
        holder, step = _somewhere(body, chance)
        former = holder[step] if isinstance(holder, list) else holder.get(step)
        holder[step] = make(former, chance)

    return change


def _retyped(former: Any, chance: random.Random) -> Any:
    options = [
        str(former)[:50],
        1,
        1.5,
        True,
        [],
        {},
        [former],
        {"value": former},
        {"coding": former},
        chance.choice(WORDS),
    ]
    return copy.deepcopy(chance.choice(options))


def _nested(former: Any, chance: random.Random) -> Any:
    value = copy.deepcopy(former)
    for _ in range(chance.choice([1, 5, 63, 64, 65, 300])):
        value = [value] if chance.random() < 0.5 else {"extension": value}
    return value


def _huge(former: Any, chance: random.Random) -> Any:
    options = ["x" * 100_000, [copy.deepcopy(former)] * 250, {f"k{n}": n for n in range(2_000)}, "é" * 301, 10**400]
    return chance.choice(options)


def _repeat(body: Body, chance: random.Random) -> None:
    lists = [holder[step] for holder, step in places(body) if isinstance(holder[step], list) and holder[step]]
    if lists:
        chosen = chance.choice(lists)
        chosen.insert(chance.randrange(len(chosen) + 1), copy.deepcopy(chance.choice(chosen)))


def _other_case(body: Body, chance: random.Random) -> None:
    holder, step = _somewhere(body, chance)
    if isinstance(holder, dict) and isinstance(step, str) and step in holder and chance.random() < 0.5:
        holder[step.swapcase()] = holder.pop(step)
    elif isinstance(holder, dict) and isinstance(holder.get(step), str):
        holder[step] = holder[step].swapcase()


def _swap(body: Body, chance: random.Random) -> None:
    (one, here), (two, there) = _somewhere(body, chance), _somewhere(body, chance)
    if isinstance(one, dict) and isinstance(two, dict) and here in one and there in two:
        one[here], two[there] = copy.deepcopy(two[there]), copy.deepcopy(one[here])


CHANGES: dict[str, Callable[[Body, random.Random], None]] = {
    "drop": _drop,
    "retype": _put(_retyped),
    "nest": _put(_nested),
    "null": _put(lambda _, __: None),
    "repeat": _repeat,
    "huge": _put(_huge),
    "case": _other_case,
    "unicode": _put(lambda _, chance: chance.choice(UNICODE)),
    "number": _put(lambda _, chance: chance.choice(NUMBERS)),
    "date": _put(lambda _, chance: chance.choice(DATES)),
    "swap": _swap,
}


def _flipped(text: str, chance: random.Random) -> bytes:
    raw = bytearray(text.encode())
    for _ in range(chance.randint(1, 4)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def _key_twice(text: str, chance: random.Random) -> bytes:
    at = chance.choice([n for n, sign in enumerate(text) if sign == "{"])
    return f'{text[: at + 1]}"type":"batch","type":"batch",{text[at + 1 :]}'.replace(",}", "}").encode()


TEXTS: dict[str, Callable[[str, random.Random], bytes]] = {
    "cut": lambda text, chance: text[: chance.randrange(len(text))].encode(),
    "flip": _flipped,
    "key twice": _key_twice,
    "mark": lambda text, _: b"\xef\xbb\xbf" + text.encode(),
    "utf-16": lambda text, _: text.encode("utf-16"),
    "digits": lambda text, _: text.replace("38.4", HUGE_DIGITS, 1).encode(),
    "no number": lambda text, chance: text.replace(
        "38.4", chance.choice(["NaN", "Infinity", "1e999999", "-", "0x1"]), 1
    ).encode(),
    "raw surrogate": lambda text, _: text.replace("final", "fin\\ud83dal", 1).encode(),
    "spaces": lambda text, _: b" " * 50_000 + text.encode(),
}
"""Changes of the text itself: what no writer of JSON would send."""
