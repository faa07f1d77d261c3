"""Which counts must not leave the programme, because they are of few people or would give away such a count by subtraction."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, TypeVar

from handrail.measures.intervals import Rate
from handrail.rules.site_profile import few

WITHHELD: Final = "withheld"
"""What stands in the place of a count, or a word, that does not leave the programme."""
Key = TypeVar("Key", bound=Hashable)


def withheld(
    counts: Mapping[Key, Sequence[int]],
    families: Iterable[tuple[Key, Sequence[Key]]],
    least: int,
    already: Iterable[Key] = (),
) -> frozenset[Key]:
    """The rows of a table that are withheld.

    A row is withheld whole when any of its counts is few. Then one more row at a time, the smallest that counts anybody, until no withheld
    row follows from what is shown, and no count of the withheld parts of a sum that is shown is few when they are taken together.

    Args:
        counts: of each row.
        families: a sum, and the parts that make it up.
        least: a count from 1 to one less than this is few.
        already: rows that another table withholds.
    """
    hidden = {*already, *(key for key, row in counts.items() if any(few(count, least) for count in row))}
    groups = [(whole, tuple(parts)) for whole, parts in families]
    while (more := _one_more(counts, groups, hidden, least)) is not None:
        hidden.add(more)
    return frozenset(hidden)


def _one_more(
    counts: Mapping[Key, Sequence[int]],
    groups: Sequence[tuple[Key, tuple[Key, ...]]],
    hidden: Collection[Key],
    least: int,
) -> Key | None:
    """The next row to withhold; None: nothing more is found by subtracting."""

    def rest(keys: Iterable[Key]) -> list[Key]:
        return sorted((key for key in keys if key not in hidden and sum(counts[key]) > 0), key=lambda k: sum(counts[k]))

    for whole, parts in groups:
        closed = [part for part in parts if part in hidden]
        alone = len(closed) + (whole in hidden) == 1
        together = map(sum, zip(*(counts[part] for part in closed), strict=True)) if whole not in hidden else ()
        if (alone or any(few(count, least) for count in together)) and (others := rest((whole, *parts))):
            return others[0]
    for key in _follows(groups, hidden):
        if others := rest(counts):  # it may hang on a sum of which it is no part
            return next((each for each in others if key not in _follows(groups, {*hidden, each})), others[0])
    return None


def _follows(groups: Sequence[tuple[Key, tuple[Key, ...]]], hidden: Collection[Key]) -> list[Key]:
    """The withheld rows whose counts all the sums of the table give away together, by elimination."""
    solved: dict[Key, dict[Key, Fraction]] = {}
    for whole, parts in groups:
        row = {key: Fraction(-1 if key == whole else 1) for key in (whole, *parts) if key in hidden}
        for pivot, other in solved.items():
            row = _less(row, other, row.get(pivot, Fraction(0)))
        if not row:
            continue
        pivot = next(iter(row))
        row = {key: value / row[pivot] for key, value in row.items()}
        solved = {key: _less(other, row, other.get(pivot, Fraction(0))) for key, other in solved.items()}
        solved[pivot] = row
    return [key for key, row in solved.items() if len(row) == 1]


def _less(row: Mapping[Key, Fraction], other: Mapping[Key, Fraction], times: Fraction) -> dict[Key, Fraction]:
    """A row less so many times another one, without what is nought."""
    keys = dict.fromkeys((*row, *other))
    found = {key: row.get(key, Fraction(0)) - times * other.get(key, Fraction(0)) for key in keys}
    return {key: value for key, value in found.items() if value}


def cells(rate: Rate) -> tuple[int, int, int]:
    """The counts of a rate."""
    return rate.yes, rate.no, rate.not_known
