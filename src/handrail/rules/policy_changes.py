"""A site's policy beside the shipped one, row by row: what is tighter, what is looser, and what nobody can compare.

Tightening is free. Everything else is a departure: it needs an approver, a reason and a day of review. The directions are those of the
policy that is departed from, never those of the proposal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final

from handrail.rules.policy_caution import HIGHER, LOWER, MORE, Direction

FORMAT: Final = "handrail-policy-diff/1"
NAMES: Final = ("id", "symptom", "reading", "requirement")
"""What a row of a list is called by."""
_ENVELOPE: Final = ("source", "status")
_WHO_ASSESSES: Final = "daily.day.who"
_APART: Final = ("format", "id", "version", "title", "sources", "caution", "base", "departure")


class Verdict(Enum):
    """What a change does to the care of the patient."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    NEITHER = "neither comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One value that differs.

    `row` is the place of the row as the book of the policy names it, `field` the key in it; None: the whole row. A value that is not
    there is None.
    """

    row: str
    field: str | None
    before: Any
    after: Any
    verdict: Verdict
    because: str

    @property
    def place(self) -> str:
        """Row and key as one name."""
        return self.row if self.field is None else f"{self.row}.{self.field}"

    @property
    def free(self) -> bool:
        """Needs nobody's signature."""
        return self.verdict is Verdict.TIGHTER

    def to_json(self) -> dict[str, Any]:
        """As it stands in `handrail-policy-diff/1`."""
        return {
            "row": self.row,
            "field": self.field,
            "before": plainly(self.before),
            "after": plainly(self.after),
            "verdict": self.verdict.value,
            "because": self.because,
        }


def changes_of(
    base: Mapping[str, Any], proposed: Mapping[str, Any], caution: Mapping[str, Direction]
) -> tuple[PolicyChange, ...]:
    """Every value of `proposed` that differs from `base`, in the order of the base.

    Args:
        base, proposed: two policy documents, both loaded without complaint before.
        caution: the directions of the base.
    """
    found: list[PolicyChange] = []
    for key in dict.fromkeys((*base, *proposed)):
        if key not in _APART:
            found += _of_value(base.get(key), proposed.get(key), key, key, caution)
    if base.get("caution") != proposed.get("caution"):
        because = "the directions themselves differ"
        found.append(_change("caution", None, base.get("caution"), proposed.get("caution"), Verdict.NEITHER, because))
    return tuple(found)


def _of_value(
    old: Any, new: Any, row: str, place: str, caution: Mapping[str, Direction], field: str | None = None
) -> Iterator[PolicyChange]:
    if old == new or (number_of(old) is not None and number_of(old) == number_of(new)):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        known = [key for key in (*old, *new) if key not in _ENVELOPE and not _follows(place, key, old, new)]
        values_differ = any(old.get(key) != new.get(key) for key in known)
        for key in dict.fromkeys(known):
            yield from _of_value(old.get(key), new.get(key), row, f"{place}.{key}", caution, key)
        if not values_differ:
            because = "how well the row is known was written otherwise"
            yield _change(row, None, _envelope(old), _envelope(new), Verdict.NEITHER, because)
    elif _is_table(old) or _is_table(new):
        if field == "steps":
            yield from _of_steps(old or [], new or [], row, place, caution)
        else:
            inner = place if field is None else f"{row}.{field}"
            yield from _of_rows(old or [], new or [], inner, place, caution)
    else:
        verdict, because = _verdict(old, new, caution.get(place))
        yield _change(row, field if row != place else None, old, new, verdict, because)


def _follows(place: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Words that say again what another value of their row says: whoever signs for the roles of a day signs for their names."""
    return f"{place}.{key}" == _WHO_ASSESSES and old.get("roles") != new.get("roles")


def _of_rows(
    old: Iterable[Mapping[str, Any]],
    new: Iterable[Mapping[str, Any]],
    row: str,
    place: str,
    caution: Mapping[str, Direction],
) -> Iterator[PolicyChange]:
    """Rows of a list: pairs first, then what was left out and what was added."""
    before, after = list(named_rows(old, row)), list(named_rows(new, row))
    pairs = _pairs([each for _, each in before], [each for _, each in after])
    names = {id(each): name for name, each in (*after, *before)}
    more = caution.get(place) == MORE
    for one, other in pairs:
        yield from _of_value(one, other, names[id(one)], place, caution)
    paired = {id(each) for pair in pairs for each in pair}
    for name, each in before:
        if id(each) not in paired:
            because = "the row is left out" + ("" if more else "; nobody can say in general what that does")
            yield _change(name, None, each, None, Verdict.LOOSER if more else Verdict.NEITHER, because)
    for name, each in after:
        if id(each) not in paired:
            because = "a row more" + ("" if more else "; nobody can say in general what that does")
            yield _change(name, None, None, each, Verdict.TIGHTER if more else Verdict.NEITHER, because)


def _pairs(
    old: list[Mapping[str, Any]], new: list[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Rows that are equal, then rows of one name and one ladder, then rows of one name, in their order."""
    pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    left, right = list(old), list(new)
    alike = (
        lambda one, other: one == other,
        lambda one, other: _name(one) == _name(other) and one.get("ladder") == other.get("ladder"),
        lambda one, other: _name(one) == _name(other),
    )
    for same in alike:
        for one in tuple(left):
            other = next((each for each in right if same(one, each)), None)
            if other is not None:
                pairs.append((one, other))
                left = [each for each in left if each is not one]
                right = [each for each in right if each is not other]
    order = {id(row): number for number, row in enumerate(old)}
    return sorted(pairs, key=lambda pair: order[id(pair[0])])


def _of_steps(
    old: list[Mapping[str, Any]],
    new: list[Mapping[str, Any]],
    row: str,
    place: str,
    caution: Mapping[str, Direction],
) -> Iterator[PolicyChange]:
    """Who is called, in which order: the same people with shorter waits can be compared, other people cannot."""
    if [each.get("who") for each in old] != [each.get("who") for each in new]:
        yield _change(row, "steps", old, new, Verdict.NEITHER, "other people are called, or in another order")
        return
    for number, (one, other) in enumerate(zip(old, new, strict=True), start=1):
        for key in dict.fromkeys((*one, *other)):
            if one.get(key) != other.get(key):
                verdict, because = _verdict(one.get(key), other.get(key), caution.get(f"{place}.{key}"))
                yield _change(row, f"steps.{number}.{key}", one.get(key), other.get(key), verdict, because)


def _verdict(old: Any, new: Any, direction: Direction | None) -> tuple[Verdict, str]:
    if old is None or new is None:
        return Verdict.NEITHER, "a value was added or left out"
    if direction in (LOWER, HIGHER):
        one, other = number_of(old), number_of(new)
        if one is not None and other is not None:
            tighter = other < one if direction == LOWER else other > one
            return (Verdict.TIGHTER if tighter else Verdict.LOOSER), f"{direction} is more careful"
    if direction == MORE and isinstance(old, list) and isinstance(new, list):
        if set(new) > set(old):
            return Verdict.TIGHTER, "more is more careful"
        if set(new) < set(old):
            return Verdict.LOOSER, "more is more careful"
        return Verdict.NEITHER, "some were left out and others added"
    if isinstance(direction, tuple) and old in direction and new in direction:
        tighter = direction.index(new) < direction.index(old)
        order = ", ".join(direction)
        return (Verdict.TIGHTER if tighter else Verdict.LOOSER), f"the most careful first: {order}"
    return Verdict.NEITHER, "nobody can say in general which is more careful"


def number_of(value: Any) -> Decimal | None:
    """The number that a value of a policy is, written as a number or as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _change(row: str, field: str | None, before: Any, after: Any, verdict: Verdict, because: str) -> PolicyChange:
    return PolicyChange(row=row, field=field, before=before, after=after, verdict=verdict, because=because)


def _envelope(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row.get(key) for key in _ENVELOPE}


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, Mapping) for each in value)


def _name(row: Mapping[str, Any]) -> str | None:
    return next((str(row[key]) for key in NAMES if key in row), None)


def named_rows(rows: Iterable[Mapping[str, Any]], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its name in the book of the policy: a second row of one name ends in `.2`."""
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        name = f"{path}.{_name(row) or number}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}.{seen[name]}"), row


def plainly(value: Any) -> Any:
    """A value as JSON has it: amounts as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plainly(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plainly(item) for item in value]
    return value


def say(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(say, value)) if _is_table(value) else ", ".join(map(say, value)) or "nothing"
    if isinstance(value, Mapping):
        shown = [(key, item) for key, item in value.items() if key not in _ENVELOPE]
        return ", ".join(f"{key.replace('_', ' ')} {say(item)}" for key, item in shown or value.items())
    return str(value)
