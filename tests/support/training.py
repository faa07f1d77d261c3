"""A staff that has learned everything, what is changed of it, and a patient who has said everything back."""

from __future__ import annotations

from datetime import date
from typing import Any

from handrail.rules.curriculum import BroughtOut, Completed, Member, Training, load_curriculum
from handrail.rules.policy import load_policy
from handrail.rules.teachback import TeachBack, load_teach_back, teach_back
from tests.support.courses import Told, instant

TODAY = date(2026, 7, 6)
TEC, TAL = "teclistamab", "talquetamab"
ALWAYS = tuple(row.id for row in load_teach_back().item if row.only_with is None)
"""The items that are asked of everybody."""


def passed(module: str, *, person: str = "a", **changes: Any) -> Completed:
    """A module that was passed today in its shipped version."""
    row = load_curriculum().of(module)
    assert row is not None
    told: dict[str, Any] = {"version": row.version, "on": TODAY, "product": TEC if row.per_product else None}
    return Completed(person=person, module=module, **{**told, **changes})


def everything(role: str = "nurse", *, person: str = "a") -> tuple[Completed, ...]:
    """Every module that is asked of a role."""
    return tuple(passed(row.id, person=person) for row in load_curriculum().for_role(role))


def staff(*completed: Completed, role: str = "nurse", **changes: Any) -> Training:
    """One person with a role, and what they passed."""
    member = Member(person="a", roles=frozenset({role}), since=date(2026, 1, 1))
    return Training(**{"members": (member,), "completed": completed, "products": (TEC,), **changes})


def newer(subject: str, version: str, on: date, only_from: date | None = None, **fields: Any) -> BroughtOut:
    """A version that came out on a day, and counts alone from a day."""
    return BroughtOut(subject=subject, version=version, on=on, only_from=only_from or on, **fields)


def say_back(
    told: Told, at: str, who: str | None = "patient", *, but: dict[str, str] | None = None, **fields: Any
) -> None:
    """Every item passed at a civil time, but for some."""
    items = {**dict.fromkeys(ALWAYS, "passed"), **(but or {})}
    told.tell("teach_back_done", at, **{"who": who, "items": items, "own_language": True, **fields})


def taught(told: Told, at: str) -> TeachBack:
    """Where patient and caregiver stand at a civil time."""
    policy = load_policy()
    return teach_back(told.history(policy), load_teach_back(), policy, instant(at))
