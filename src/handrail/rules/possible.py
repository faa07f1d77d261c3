"""What could the answer be, when some of the facts are not known?

A fact that is not known is a set of values it may have. `explore` tries every combination and says which answers
remain, and which of the unknown facts could still move the answer. Nothing is assumed, least of all the usual value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer", bound=Hashable)
Pair = frozenset[Hashable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible(Generic[Answer]):
    """The answers that remain.

    `values_that_matter[name]` holds every pair of values of that fact between which the answer differs in some
    completion of the other facts, and `answers_apart[name]` the pairs of answers that such a change leads to.
    A fact that cannot move the answer is in neither.
    """

    answers: frozenset[Answer]
    values_that_matter: Mapping[str, frozenset[Pair]]
    answers_apart: Mapping[str, frozenset[Pair]]

    def decided_by(self, outer: Possible[Any], name: str) -> tuple[str, ...]:
        """The facts of this answer that still move `outer`, which reads this answer under `name`."""
        wanted = outer.values_that_matter.get(name, frozenset())
        return tuple(fact for fact, pairs in self.answers_apart.items() if pairs & wanted)


def explore(choices: Mapping[str, tuple[Hashable, ...]], answer: Callable[..., Answer]) -> Possible[Answer]:
    """Call `answer(**values)` for every combination of the values each fact may have.

    A known fact has one value. The facts must be independent of one another.
    """
    names = tuple(choices)
    table = {values: answer(**dict(zip(names, values, strict=True))) for values in product(*choices.values())}
    matter: dict[str, frozenset[Pair]] = {}
    apart: dict[str, frozenset[Pair]] = {}
    for place, name in enumerate(names):
        if len(choices[name]) < 2:
            continue
        alike: dict[tuple[Hashable, ...], list[tuple[Hashable, Answer]]] = {}
        for values, result in table.items():
            alike.setdefault(values[:place] + values[place + 1 :], []).append((values[place], result))
        swings = {
            (frozenset((one, other)), frozenset((first, second)))
            for group in alike.values()
            for (one, first), (other, second) in combinations(group, 2)
            if first != second
        }
        if swings:
            matter[name] = frozenset(values_pair for values_pair, _ in swings)
            apart[name] = frozenset(answers_pair for _, answers_pair in swings)
    return Possible(answers=frozenset(table.values()), values_that_matter=matter, answers_apart=apart)
