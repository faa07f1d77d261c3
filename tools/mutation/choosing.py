"""Which tests are asked about a mutant, and in which order: a good order notices it with the first few."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from tools.mutation.code import CodeMutant
from tools.mutation.data import DataMutant
from tools.mutation.memory import Mutant, Reach
from tools.mutation.shipped import READERS, loaded

RECENT = 4
"""So many of the tests that noticed a mutant's neighbours come before those that speak of it."""

EDGE_WORDS = (
    "edge",
    "minute",
    "limit",
    "moment",
    "instant",
    "same",
    "last_day",
    "first_day",
    "boundar",
    "exact",
    "until",
)
"""Words in the name of a test that looks at both sides of a limit."""


class Chooser:
    """Knows what each test reaches and which of them noticed what so far."""

    def __init__(self, items: Sequence[pytest.Item], reach: Sequence[Reach]) -> None:
        self.items, self.reach = items, reach
        self.number_of = {item.nodeid: number for number, item in enumerate(items)}
        self.texts = [own_text(item) for item in items]
        self.lines = [sum(len(lines) for lines in each.lines.values()) or 1 for each in reach]
        self.touching: dict[str, list[int]] = {}
        self.killers: dict[str, list[int]] = defaultdict(list)

    def order(self, mutant: Mutant, seconds: float, hint_name: str | None = None) -> list[int]:
        """The tests that can notice the mutant: `hint_name` noticed it once, others its neighbours, others speak of it.

        Args:
            seconds: so much of them and no more, as measured while what they reach was noted.
        """
        if isinstance(mutant, CodeMutant):
            wanted = set(mutant.lines)
            chosen = [
                n for n, reach in enumerate(self.reach) if not wanted.isdisjoint(reach.lines.get(mutant.file, ()))
            ]
            chosen += [n for n, item in enumerate(self.items) if any(speaks(item.path, name) for name in mutant.names)]
            if not chosen:
                chosen = [n for n, reach in enumerate(self.reach) if mutant.file in reach.lines] or list(
                    range(len(self.items))
                )
        else:
            if mutant.file not in self.touching:
                self.touching[mutant.file] = [n for n, reach in enumerate(self.reach) if touches(mutant.file, reach)]
            chosen = self.touching[mutant.file]
        recent = {number: rank for rank, number in enumerate(self.killers[group(mutant)])}
        hint = self.number_of.get(hint_name or "")
        sisters = {self.items[number].nodeid.split("[")[0] for number in list(recent)[:2]}
        seen: Counter[str] = Counter()
        ranks: dict[int, tuple[float, ...]] = {n: (rank, 0) for n, rank in recent.items()}
        for number in chosen:
            table = self.items[number].nodeid.split("[")[0]
            # The first rows of every table before the second rows, except of a table that just noticed a neighbour.
            further = (0.0 if table in sisters else seen[table]) - self._kinship(mutant, number)
            seen[table] += 1
            ranks[number] = (min(recent.get(number, 1000), RECENT + further), self.reach[number].seconds)
        if hint is not None:
            ranks[hint] = (-1000, 0)
        return self._affordable(sorted(ranks, key=lambda number: ranks[number]), seconds)

    def _kinship(self, mutant: Mutant, number: int) -> float:
        """How many tables further to the front a test belongs: it, or its module, speaks of what is changed."""
        own, path = self.texts[number], self.items[number].path
        names = words_of(mutant)
        near = (
            10.0 * sum(name in own for name in names[1:])
            + 3.0 * (names[0] in own)
            + 2.0 * sum(speaks(path, name) for name in names)
        )
        if isinstance(mutant, DataMutant):
            near += 3.0 * any(file in self.reach[number].lines for file in READERS.get(mutant.file, ()))
        else:
            # A test of nothing but this file before one that goes through all the rules.
            near += 20.0 * len(self.reach[number].lines.get(mutant.file, ())) / self.lines[number]
            near += 3.0 * (mutant.kind == "edge" and any(word in own for word in EDGE_WORDS))
        return near

    def _affordable(self, order: list[int], seconds: float) -> list[int]:
        """So many of them as may be run against one mutant; one that needs more to be noticed counts as a survivor."""
        spent = 0.0
        for place, number in enumerate(order):
            spent += self.reach[number].seconds
            if spent > seconds:
                return order[: place + 1]
        return order

    def remember(self, mutant: Mutant, by: str | None) -> None:
        """A test that noticed a mutant is asked early about its neighbours."""
        number = self.number_of.get(by or "")
        if number is not None:
            known = self.killers[group(mutant)]
            if number in known:
                known.remove(number)
            known.insert(0, number)
            del known[20:]


@cache
def speaks(path: Path, name: str) -> bool:
    """Whether a file of tests speaks of something by its name."""
    return name in _text(path)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def own_text(item: pytest.Item) -> str:
    """The name of a test and what it is given."""
    given = getattr(getattr(item, "callspec", None), "params", {})
    return (
        f"{item.nodeid} {[value if isinstance(value, str | int | tuple) else type(value) for value in given.values()]}"
    )


@cache
def words_of(mutant: Mutant) -> tuple[str, ...]:
    """What a test that can notice the mutant may speak of: the file; in it the function, or the rows and the field."""
    stem = Path(mutant.file).stem
    if isinstance(mutant, CodeMutant):
        return (stem, mutant.function.split(".")[-1].strip("_"))
    parts = [part for part in re.split(r"[.|+]", mutant.place) if not part.isdigit() and len(part) > 1]
    return (stem.split("_")[0], *parts)


def group(mutant: Mutant) -> str:
    """Mutants that the same tests tend to notice."""
    if isinstance(mutant, CodeMutant):
        return mutant.where
    return f"{mutant.file} {mutant.place.split('.')[0]} {mutant.place.rsplit('.', 1)[-1]}"


def touches(file: str, reach: Reach) -> bool:
    """Whether a test can see a file of the data."""
    if file.startswith("products/"):
        product = loaded(file).product
        return not reach.labels.isdisjoint({"*", product.key, *product.aliases})
    if file.startswith("scales/"):
        return any(
            reach.lines.get(name) for name in ("rules/grading_crs.py", "rules/grading_icans.py", "rules/scales.py")
        )
    if file.startswith("policies/"):
        return bool(reach.lines.get("rules/policy.py") or reach.lines.get("rules/assess.py"))
    return True
