"""Which counts must not leave the programme, because they are of few people or would give away such a count by subtraction."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from handrail.measures.intervals import Rate

WITHHELD: Final = "withheld"
"""What stands in the place of a count, or a word, that does not leave the programme."""
Key = TypeVar("Key", bound=Hashable)


def few(count: int, least: int) -> bool:
    """Whether a count of people is too small to show: none at all is not."""
    return 0 < count < least


def withheld(
    counts: Mapping[Key, Sequence[int]],
    families: Iterable[tuple[Key, Sequence[Key]]],
    least: int,
    already: Iterable[Key] = (),
) -> frozenset[Key]:
    """The rows of a table that are withheld.

    A row is withheld whole when any of its counts is few. Then, as long as one row alone of a family (a sum and its parts) is withheld,
    it could be found by subtracting: one more of them is withheld, the smallest that counts anybody.

    Args:
        counts: of each row.
        families: a sum, and the parts that make it up.
        least: a count from 1 to one less than this is few.
        already: rows that another table withholds.
    """
    hidden = {*already, *(key for key, row in counts.items() if any(few(count, least) for count in row))}
    groups = [[whole, *parts] for whole, parts in families]
    while True:
        before = len(hidden)
        for group in groups:
            if len(hidden.intersection(group)) == 1:
                rest = [key for key in group if key not in hidden and sum(counts[key]) > 0]
                if rest:
                    hidden.add(min(rest, key=lambda key: sum(counts[key])))
        if len(hidden) == before:
            return frozenset(hidden)


def cells(rate: Rate) -> tuple[int, int, int]:
    """The counts of a rate."""
    return rate.yes, rate.no, rate.not_known
