"""An organisation's own policy, made from the shipped one: the values that can be changed, and the document that comes of it.

The document is whole: a course file takes it as its `policy` and replays anywhere. It names the shipped policy it was made from, and
lists every value that is looser, or that nobody can compare, with its reason and the day on which it is looked at again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from handrail.rules.label_words import spaced
from handrail.rules.policy import Policy, canonical, load_policy, policy_from_document, shipped_document
from handrail.rules.policy_caution import MORE, NEITHER, Direction
from handrail.rules.policy_changes import PolicyChange, changes_of, named_rows, number_of, say
from handrail.rules.policy_checks import of_policy
from handrail.rules.policy_daily import words_of
from handrail.rules.strict import ProtocolDataError

SITE: Final = "SITE"
"""The key of the source that stands for the organisation's own decision."""
_APART: Final = ("format", "id", "version", "title", "sources", "caution", "base", "departure", "plausible")
"""What is not changed value by value. What is believable at all is not a site's choice here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value that a site may change: its place, and which way it is more careful."""

    row: str
    field: str
    text: str
    direction: Direction

    @property
    def place(self) -> str:
        """As a change of it is named."""
        return f"{self.row}.{self.field}"

    @property
    def words(self) -> str:
        """The key in words."""
        return spaced(self.field.replace(".", " "))

    @property
    def hint(self) -> str:
        """Which way is more careful, in words."""
        if isinstance(self.direction, tuple):
            return f"most careful first: {', '.join(self.direction)}"
        return {
            "lower": "lower is more careful",
            "higher": "higher is more careful",
            "more": "more is more careful",
        }.get(self.direction, "every change is a departure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a value departs from the shipped policy, and when it is looked at again."""

    reason: str
    review_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """An organisation's policy before or after it is in force."""

    document: Mapping[str, Any]
    policy: Policy
    changes: tuple[PolicyChange, ...]

    @property
    def departures(self) -> tuple[PolicyChange, ...]:
        """The changes that somebody must sign for."""
        return tuple(change for change in self.changes if not change.free)


def values_of(document: Mapping[str, Any], caution: Mapping[str, Direction]) -> tuple[Value, ...]:
    """Every value of a policy that a site may change, in the order of the file."""
    return tuple(
        Value(row=leaf.row, field=leaf.field, text=_text(leaf.holder[leaf.key]), direction=caution[leaf.place])
        for leaf in _leaves(document, caution)
    )


def compare(document: Mapping[str, Any]) -> tuple[PolicyChange, ...]:
    """What a policy changes of the shipped one, judged by the directions of the shipped one."""
    return changes_of(shipped_document(), document, load_policy().caution)


def own_policy(
    texts: Mapping[str, str],
    *,
    policy_id: str,
    version: int,
    organisation: str,
    on: date,
    reasons: Mapping[str, Reason] | None = None,
) -> Own:
    """The shipped policy with some values changed.

    Args:
        texts: the value at each place as it was typed; places that are not named, or say what the shipped policy says, stay.
        policy_id, version, organisation: what the policy is called.
        on: the day of the decision.
        reasons: for each place that departs.

    Raises:
        ProtocolDataError: an unknown place, a text that is no such value, or values that do not go together.
    """
    base = load_policy()
    document = shipped_document()
    leaves = {f"{leaf.row}.{leaf.field}": leaf for leaf in _leaves(document, base.caution)}
    for place, text in texts.items():
        if place not in leaves:
            raise ProtocolDataError("unknown_key", "The policy has no such value.", place)
        _put(leaves[place], text, base.caution[leaves[place].place])
    _say_who_assesses(document)
    document["id"], document["version"] = policy_id, str(version)
    document["title"] = f"Policy of {organisation}, version {version}"
    document["base"] = {"id": base.ref.id, "version": base.ref.version, "sha256": base.ref.sha256}
    document["sources"][SITE] = {
        "document": f"Decision of {organisation}",
        "revision": f"version {version}",
        "date": on.isoformat(),
    }
    changes = compare(document)
    document["departure"] = [
        {
            "row": change.row,
            **({"field": change.field} if change.field else {}),
            "verdict": change.verdict.value,
            "before": say(change.before),
            "after": say(change.after),
            "reason": reasons[change.place].reason,
            "review_on": reasons[change.place].review_on.isoformat(),
        }
        for change in changes
        if not change.free and reasons and change.place in reasons
    ]
    plain: dict[str, Any] = json.loads(canonical(document))
    policy = policy_from_document(plain, hashlib.sha256(canonical(plain)).hexdigest())
    for problem in of_policy(policy):
        raise ProtocolDataError("wrong_value", problem, "policy")
    return Own(document=plain, policy=policy, changes=changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A value in a document: where it stands, and the row whose source it rests on."""

    row: str
    field: str
    place: str
    holder: Any
    key: str
    sourced: Any


def _leaves(document: Mapping[str, Any], caution: Mapping[str, Direction]) -> Iterator[_Leaf]:
    for key, value in document.items():
        if key not in _APART:
            yield from _inside(value, key, key, "", None, caution)


def _inside(
    value: Any, row: str, place: str, field: str, sourced: Any, caution: Mapping[str, Direction]
) -> Iterator[_Leaf]:
    if isinstance(value, list):
        named = list(named_rows(value, row)) if field != "steps" else []
        for name, item in named:
            yield from _inside(item, name, place, "", None, caution)
        for number, item in enumerate(value if field == "steps" else (), start=1):
            yield from _inside(item, row, place, f"steps.{number}", sourced, caution)
        return
    rests_on = value if "source" in value else sourced
    for key, item in value.items():
        where = f"{place}.{key}"
        name = f"{field}.{key}" if field else key
        if key in ("source", "status"):
            continue
        if isinstance(item, Mapping) or (isinstance(item, list) and any(isinstance(each, Mapping) for each in item)):
            inner = key if key == "steps" else ""
            yield from _inside(item, row if inner else f"{row}.{key}", where, inner, rests_on, caution)
        elif where in caution and _changeable(item, caution[where]):
            yield _Leaf(row=row, field=name, place=where, holder=value, key=key, sourced=rests_on)


def _say_who_assesses(document: Mapping[str, Any]) -> None:
    """The words of a day of the window follow its roles, where these are not the shipped ones."""
    shipped = {row["id"]: row for row in shipped_document()["daily"]["day"]}
    for row in document["daily"]["day"]:
        if row["roles"] != shipped[row["id"]]["roles"]:
            row["who"] = words_of(row["roles"])


def _changeable(value: Any, direction: Direction) -> bool:
    """A number, a word of an order, or a list of numbers or single words; sentences and lists of them are not typed here."""
    if isinstance(direction, tuple):
        return True
    if isinstance(value, list):
        return direction in (MORE, NEITHER) and not any(" " in str(each) or "," in str(each) for each in value)
    return not isinstance(value, bool) and number_of(value) is not None


def _put(leaf: _Leaf, text: str, direction: Direction) -> None:
    """Write a typed value, and the site as the source of its row; the same value leaves the row as it was."""
    old = leaf.holder[leaf.key]
    new = _read(text.strip(), old, direction, f"{leaf.row}.{leaf.field}")
    if new == old:
        return
    leaf.holder[leaf.key] = new
    if leaf.sourced is not None:
        leaf.sourced["source"] = [SITE, *(key for key in leaf.sourced["source"] if key != SITE)]
        leaf.sourced["status"] = "site-choice"


def _read(text: str, old: Any, direction: Direction, place: str) -> Any:
    if isinstance(direction, tuple):
        if text not in direction:
            raise ProtocolDataError("unknown_word", f"One of: {', '.join(direction)}.", place)
        return text
    if isinstance(old, list):
        words = list(dict.fromkeys(text.replace(",", " ").split()))
        if old and not words:
            raise ProtocolDataError("wrong_value", "The list is empty.", place)
        if old and all(isinstance(each, int) for each in old):
            if not all(word.isdecimal() for word in words):
                raise ProtocolDataError("wrong_value", "Type whole numbers, with commas between them.", place)
            numbers = sorted({int(word) for word in words})
            return numbers if numbers != sorted(old) else old
        return words if sorted(words) != sorted(old) else old
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ProtocolDataError("wrong_value", "Type a number, such as 38.0.", place)
    if isinstance(old, int):
        if number != number.to_integral_value():
            raise ProtocolDataError("wrong_value", "Type a whole number.", place)
        return int(number)
    return old if number == Decimal(str(old)) else f"{number:f}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
