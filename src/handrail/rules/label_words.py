"""The rows of a label revision as a pharmacist reads them: one way of saying days, steps, schedules and certainty.

Nothing on a row is left unsaid: what has no wording of its own is said as `key: value`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from handrail.rules.protocol_rows import AfterToxicityRow, GapRow, IndicationRow, Row
from handrail.rules.terms import DRUG_CLASSES, STEP_WORDS

SECTION_TITLES: Final = {
    "indication": "Whom the label is for",
    "step": "Steps",
    "gap": "Days since the last dose",
    "premedication": "Premedication",
    "infusion": "Infusion times",
    "companion": "Given with the dose",
    "monitoring": "Monitoring after the dose",
    "after_toxicity": "After a reaction",
    "interval_change": "Longer intervals",
    "duration": "End of treatment",
    "phase_dose": "Dose by phase",
    "band": "Weight bands",
    "strength": "Vials",
    "warning": "Warnings",
    "rems": "REMS",
}
"""Titles of the tables in reading order; a table that is not named here is called by its key and stands at the end."""


def section_title(table: str) -> str:
    """The title of a table."""
    return SECTION_TITLES.get(table, spaced(table).capitalize())


def reading_order(table: str) -> int:
    """Where a table stands for a reader."""
    names = list(SECTION_TITLES)
    return names.index(table) if table in names else len(names)


STATUS_WORDS: Final = {
    "sourced": "sourced",
    "secondary": "not read in the label itself",
    "unverified": "unverified",
    "site-choice": "site's choice",
}
NEVER_ACTS: Final = "unverified, permits nothing: ask the prescriber"

_ENVELOPE: Final = frozenset(item.name for item in fields(Row))
_STEPS: Final = frozenset({"step", "last", "steps", "doses_of"})


def spaced(word: str) -> str:
    """`every_2_weeks` as `every 2 weeks`."""
    return word.replace("_", " ")


def step_said(step: str) -> str:
    """A step as people say it."""
    return STEP_WORDS.get(step, spaced(step))


def step_list(steps: Iterable[str]) -> str:
    """`step-up dose 1 or first treatment dose`."""
    return " or ".join(step_said(step) for step in steps)


def class_list(names: Iterable[str] | None) -> str:
    """`proteasome inhibitor, anti-CD38 antibody`; whether any is named may not have been read."""
    if names is None:
        return "not read"
    return ", ".join(DRUG_CLASSES[name] for name in names) or "none named"


def force_words(row: IndicationRow) -> str:
    """From when to when it holds."""
    begin = f"from {row.in_force_from}" if row.in_force_from else "from a day that was not found"
    return f"{begin} to {row.in_force_to}" if row.in_force_to else begin


def count_words(row: AfterToxicityRow) -> str:
    """`platelets up to 50 10*9/L, with bleeding`: the count that a row is about."""
    limit = f"below {row.below}" if row.below is not None else f"up to {row.up_to}"
    beside = f", with {spaced(row.together_with)}" if row.together_with else ""
    return f"{spaced(row.analyte or '')} {limit} {row.unit}{beside}"


def span_words(row: GapRow) -> str:
    """`day 8 to 28`, `day 8`, `day 29 and later`."""
    if row.to_day is None:
        return f"day {row.from_day} and later"
    return f"day {row.from_day}" if row.to_day == row.from_day else f"day {row.from_day} to {row.to_day}"


def range_words(low: Any, high: Any) -> str:
    """`60 to 180`, `60`, `29 and more`."""
    if high is None:
        return f"{low} and more"
    return str(low) if low == high else f"{low} to {high}"


def status_words(row: Row) -> str:
    """How well the row is known, and whether somebody signed it."""
    known = STATUS_WORDS[row.status.value]
    return known if row.signed_by is None else f"{known}, signed"


def sure_words(row: Row, words: str) -> str:
    """The words, marked when the row permits nothing."""
    return words if row.acts else f"[{NEVER_ACTS}] {words}"


def told(row: Row) -> str:
    """Everything a row says, in one sentence: its words, then every key that is set."""
    return with_note(row, "; ".join(part for part in (row.words, *extras(row, ())) if part))


def with_note(row: Row, words: str) -> str:
    """The words, and the row's note as a sentence of its own."""
    return ". ".join(part for part in (words.rstrip("."), row.note) if part) if row.note else words


def extras(row: Row, said: Iterable[str]) -> Iterator[str]:
    """Every key of a row that is set and has not been said elsewhere, as `key: value`."""
    left_out = _ENVELOPE | set(said)
    for item in fields(row):
        value = getattr(row, item.name)
        if item.name in left_out or value in (None, ()) or value == item.default:
            continue
        yield f"{spaced(item.name)}: {value_words(item.name, value)}"


def value_words(name: str, value: Any) -> str:
    """One value of a row."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(value_words(name, item) for item in value)
    if is_dataclass(value):
        parts = ((item.name, getattr(value, item.name)) for item in fields(value))
        return ", ".join(f"{spaced(key)} {value_words(key, part)}" for key, part in parts if part is not None)
    if name in _STEPS:
        return step_said(str(value))
    return (
        spaced(str(value)) if isinstance(value, str) and name in ("setting", "schedules", "premedicate") else str(value)
    )
