"""A label revision as a book to read beside the label: sections, columns and rows, in words, for pages and documents.

The same book is shown in the application and built into the documents. Every row keeps its id, its sources and its status,
and nothing a row says is left out: what has no column of its own stands with its words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from handrail.rules.label_words import (
    class_list,
    count_words,
    extras,
    force_words,
    range_words,
    reading_order,
    section_title,
    spaced,
    step_list,
    step_said,
    value_words,
    with_note,
)
from handrail.rules.protocol import TABLES, Protocol
from handrail.rules.protocol_rows import AfterToxicityRow, GapRow, PremedicationRow, Row, StepRow
from handrail.rules.terms import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """One row: its cells in the order of the section's columns, and what it says in words."""

    row: Row
    cells: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under one title. `strip`: for a delay table, each stretch of days with its answer."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[BookRow, ...]
    strip: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Days with one answer, as a picture shows them. `tone`: give, back, wait, ask or stop."""

    days: str
    answer: str
    tone: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the file; the delay table is shown once for each place it answers for."""

    key: str
    title: str
    tables: tuple[Table, ...]

    def rows(self) -> Iterator[BookRow]:
        """The rows of its tables."""
        for table in self.tables:
            yield from table.rows


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    read: Callable[[Any], str]
    uses: tuple[str, ...]


def sections_of(protocol: Protocol) -> tuple[Section, ...]:
    """Every table that has rows, in reading order."""
    found = []
    for key in sorted(TABLES, key=reading_order):
        rows: tuple[Row, ...] = getattr(protocol, key)
        if rows:
            found.append(Section(key=key, title=section_title(key), tables=_tables(protocol, key, rows)))
    return tuple(found)


def counted(protocol: Protocol) -> dict[str, int]:
    """How many rows there are of each status, the best known first."""
    statuses = sorted((row.status for row in protocol.rows()), key=lambda status: status.rank)
    return {status.value: statuses.count(status) for status in dict.fromkeys(statuses)}


def title_of(protocol: Protocol) -> str:
    """`Tecvayli (teclistamab-cqyv), US, 2026-03, mono`."""
    head = protocol.product
    return ", ".join(
        part for part in (f"{head.brand} ({head.inn})", head.jurisdiction, head.revision, head.regimen) if part
    )


def _tables(protocol: Protocol, key: str, rows: tuple[Row, ...]) -> tuple[Table, ...]:
    if key == "gap":
        return tuple(_delay_tables(protocol))
    if key == "band":
        doses = list(dict.fromkeys(row.mg_per_kg for row in protocol.band))
        return tuple(
            _table(key, f"{dose} mg/kg", tuple(row for row in protocol.band if row.mg_per_kg == dose)) for dose in doses
        )
    return (_table(key, "", rows),)


def _table(key: str, title: str, rows: tuple[Row, ...]) -> Table:
    columns = _COLUMNS.get(key, ())
    used = {name for column in columns for name in column.uses}
    # A column that no row of this table fills is not shown.
    cells = [[column.read(row) for column in columns] for row in rows]
    shown = [n for n in range(len(columns)) if any(line[n] for line in cells)]
    return Table(
        title=title,
        columns=tuple(columns[n].title for n in shown),
        rows=tuple(
            BookRow(row=row, cells=tuple(line[n] for n in shown), words=_words(row, used, line))
            for row, line in zip(rows, cells, strict=True)
        ),
    )


def _words(row: Row, used: set[str], cells: list[str]) -> str:
    """What no cell says: the row's words, the keys that have no column, the note."""
    words = "" if row.words in cells else row.words
    return with_note(row, "; ".join(part for part in (words, *extras(row, used)) if part))


# --- the delay table ---------------------------------------------------------------------------------------------------


def places(protocol: Protocol) -> Iterator[tuple[tuple[GapRow, ...], tuple[str, ...], tuple[str, ...]]]:
    """Rows with the last steps and schedules they answer for: places with the same rows are one."""
    found: dict[tuple[GapRow, ...], list[tuple[str, str]]] = {}
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            found.setdefault(protocol.gap_rows(step, schedule), []).append((step, schedule))
    for rows, where in found.items():
        yield rows, tuple(dict.fromkeys(s for s, _ in where)), tuple(dict.fromkeys(s for _, s in where))


def _delay_tables(protocol: Protocol) -> Iterator[Table]:
    for rows, steps, schedules in places(protocol):
        table = _table("gap", f"After {step_list(steps)}: {', '.join(map(spaced, schedules))}", rows)
        yield Table(
            title=table.title, columns=table.columns, rows=table.rows, strip=tuple(_stretch(row) for row in rows)
        )


def _stretch(row: GapRow) -> Stretch:
    return Stretch(
        days=range_words(row.from_day, row.to_day).replace(" and more", " on"),
        answer=answer_words(row),
        tone=tone_of(row),
        row=row.id,
    )


def answer_words(row: GapRow) -> str:
    """What the row answers: `restart step-up dose 2`; an unverified one asks."""
    if not row.acts or row.action is Action.ASK:
        return "ask the prescriber"
    if row.action is Action.WAIT:
        return "wait"
    return f"{row.action.value} {step_said(row.step)}" if row.step else row.action.value


def tone_of(row: GapRow) -> str:
    """give, back (repeat or restart), wait, ask or stop."""
    if not row.acts or row.action in (Action.ASK, Action.HOLD):
        return "ask"
    if row.action in (Action.REPEAT, Action.RESTART):
        return "back"
    return {"wait": "wait", "stop": "stop"}.get(row.action.value, "give")


# --- columns -----------------------------------------------------------------------------------------------------------


def _of(title: str, name: str) -> _Column:
    """A column that shows one field; the id of a vial stays as it is."""

    def read(row: Any) -> str:
        value = getattr(row, name)
        if value in (None, ()):
            return ""
        return value_words(name, value) if name == "strength" else spaced(value_words(name, value))

    return _Column(title, read, (name,))


def _days(row: GapRow) -> str:
    return range_words(row.from_day, row.to_day)


def _then(row: GapRow) -> str:
    words = answer_words(row)
    if row.then is not None and row.acts:
        words += f", then {step_said(row.then.step)} after {row.then.after_days} days"
    if not row.acts and row.action is not Action.ASK:
        would = " ".join(part for part in (row.action.value, step_said(row.step) if row.step else "") if part)
        words += f" (the row would say: {would})"
    return words


def _said_by_the_title(row: GapRow) -> str:  # noqa: ARG001 (a column that stays empty is not shown)
    return ""


def _on_the_day(row: GapRow) -> str:
    parts = [
        "" if row.due_day is None else f"due on day {row.due_day}",
        {"yes": "premedicate", "if_crs_after_last": "premedicate if CRS after the last dose"}.get(row.premedicate, ""),
    ]
    if row.confirm:
        parts.append(f"a named person confirms: {row.confirm}")
    if row.benefit_risk:
        parts.append("weigh benefit and risk if a reaction caused the delay")
    return "; ".join(part for part in parts if part)


def _dose(row: StepRow) -> str:
    dose = f"{row.mg} mg" if row.mg is not None else f"{row.mg_per_kg} mg/kg"
    if row.ml is not None:
        dose += f", {row.ml} mL"
    return dose if row.vials is None else f"{dose}, {row.vials} vial{'s' if row.vials > 1 else ''}"


def _lead(row: PremedicationRow) -> str:
    return range_words(row.lead_min_minutes, row.lead_max_minutes)


def _before(row: PremedicationRow) -> str:
    parts = [", ".join(step_said(step) for step in row.steps)]
    parts.append("any dose after a delay" if row.also_after_delay else "")
    parts.append("any dose after CRS" if row.also_after_crs else "")
    return "; ".join(part for part in parts if part)


def _reaction(row: AfterToxicityRow) -> str:
    if row.analyte is not None:
        return f"{spaced(row.toxicity)}: {count_words(row)}"
    return row.toxicity.upper() if row.toxicity in ("crs", "icans") else spaced(row.toxicity)


def _grade(row: AfterToxicityRow) -> str:
    parts = [" or ".join(map(str, row.grades)), "" if row.occurrence == "any" else row.occurrence]
    if row.min_hours is not None:
        parts.append(f"{row.min_hours} h or longer")
    if row.under_hours is not None:
        parts.append(f"under {row.under_hours} h")
    return ", ".join(part for part in parts if part)


def _next_time(row: AfterToxicityRow) -> str:
    watched = row.monitoring_next
    return f"{spaced(watched.setting)} for {watched.hours} h" if watched is not None else ""


_COLUMNS: Final[dict[str, tuple[_Column, ...]]] = {
    "indication": (
        _Column("Earlier lines", lambda row: f"{row.min_prior_lines} or more", ("min_prior_lines",)),
        _Column("With all of these among them", lambda row: class_list(row.prior_classes), ("prior_classes",)),
        _Column(
            "Progression on the last", lambda row: "yes" if row.progression_on_last else "", ("progression_on_last",)
        ),
        _of("Together with", "with_agents"),
        _of("Approval", "approval"),
        _Column("In force", force_words, ("in_force_from", "in_force_to")),
    ),
    "step": (
        _Column("Step", lambda row: step_said(row.step), ("step",)),
        _of("Schedule", "schedules"),
        _Column("Dose", _dose, ("mg", "mg_per_kg", "ml", "vials")),
        _of("Vial", "strength"),
    ),
    "gap": (
        _Column("Days", _days, ("from_day", "to_day")),
        _Column("Answer", _then, ("action", "step", "then")),
        _Column("On the day", _on_the_day, ("due_day", "premedicate", "confirm", "benefit_risk")),
        _Column("", _said_by_the_title, ("last", "schedules", "kind")),
    ),
    "premedication": (
        _of("Agent", "agent"),
        _of("Dose", "dose"),
        _of("Route", "route"),
        _Column("Minutes before", _lead, ("lead_min_minutes", "lead_max_minutes")),
        _Column("Before", _before, ("steps", "also_after_delay", "also_after_crs")),
    ),
    "monitoring": (
        _Column("After", lambda row: step_said(row.step), ("step",)),
        _of("Where", "setting"),
        _of("Hours", "hours"),
        _of("Counted from", "anchor"),
    ),
    "after_toxicity": (
        _Column("Reaction", _reaction, ("toxicity", "analyte", "below", "up_to", "unit", "together_with")),
        _Column("Grade", _grade, ("grades", "occurrence", "min_hours", "under_hours")),
        _of("Answer", "action"),
        _Column("Next dose watched", _next_time, ("monitoring_next",)),
    ),
    "interval_change": (
        _of("From", "from_schedule"),
        _of("To", "to_schedule"),
        _of("The label says", "wording"),
    ),
    "phase_dose": (
        _of("Schedule", "schedule"),
        _Column("Weeks", lambda row: range_words(row.from_week, row.to_week), ("from_week", "to_week")),
        _of("mg/kg", "mg_per_kg"),
    ),
    "band": (
        _Column("Weight, kg", lambda row: range_words(row.from_kg, row.to_kg), ("from_kg", "to_kg", "mg_per_kg")),
        _of("mg", "mg"),
        _of("mL", "ml"),
        _of("Vials", "vials"),
        _of("Vial", "strength"),
    ),
    "strength": (
        _of("mg/mL", "mg_per_ml"),
        _of("mg", "vial_mg"),
        _of("mL", "vial_ml"),
    ),
    "warning": (_of("Check", "check"),),
}
"""Columns of the tables that are known here; any other table is told in words."""
