"""A protocol as plain text tables for a pharmacist to read beside the label: every row with its sources and status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handrail.rules.label_words import class_list, count_words, force_words
from handrail.rules.protocol import Protocol
from handrail.rules.protocol_rows import (
    AfterToxicityRow,
    GapRow,
    IndicationRow,
    MonitoringRow,
    NextMonitoring,
    RemsRow,
    Row,
    StepRow,
)
from handrail.rules.terms import STEP_WORDS

TAIL = ("source", "status")


def tables_of(protocol: Protocol, notes: Sequence[str]) -> str:
    """The whole protocol as text; `notes` stand before the sources."""
    head = protocol.product
    blocks = [
        "\n".join(
            [
                f"{head.brand} ({head.inn}), {head.jurisdiction}, revision {head.revision}, {head.regimen}",
                f"key {protocol.key}; {'active' if head.active else f'superseded by {head.superseded_by}'}",
                f"schedules: {', '.join(map(_words, protocol.schedules))}",
                f"{head.words} [{_known(head)}]",
                f"sha256 {protocol.sha256}",
            ]
        ),
        _table(
            "Whom the label is for",
            ("row", "earlier lines", "classes", "progression on the last", "with", "in force", "words"),
            ((r, _indication(r)) for r in protocol.indication),
        ),
        _table("Steps", ("row", "step", "schedule", "dose", "vial"), (_step(row) for row in protocol.step)),
        *_gap_blocks(protocol),
        _table(
            "Premedication",
            ("row", "agent", "dose", "route", "minutes before", "before"),
            (
                (
                    r,
                    (
                        r.agent,
                        r.dose,
                        r.route,
                        _range(r.lead_min_minutes, r.lead_max_minutes),
                        ", ".join(map(_step_words, r.steps)),
                    ),
                )
                for r in protocol.premedication
            ),
        ),
        _table(
            "Monitoring after the dose",
            ("row", "after", "where", "hours", "counted from"),
            ((r, (_step_words(r.step), _stay(r), _hours(r), _words(r.anchor))) for r in protocol.monitoring),
        ),
        _table(
            "Infusion times",
            ("row", "minutes", "after CRS", "steps", "words"),
            (
                (r, (str(r.minutes), "yes" if r.after_crs else "no", ", ".join(map(_step_words, r.steps)), r.words))
                for r in protocol.infusion
            ),
        ),
        _table(
            "Given with the dose",
            ("row", "agent", "dose", "route", "days after", "steps"),
            (
                (r, (r.agent, r.dose, r.route, _range(r.from_day, r.to_day), ", ".join(map(_step_words, r.steps))))
                for r in protocol.companion
            ),
        ),
        _table(
            "End of treatment",
            ("row", "doses", "responses", "words"),
            ((r, (str(r.doses), ", ".join(r.responses) or "any", r.words)) for r in protocol.duration),
        ),
        _table(
            "After a reaction",
            ("row", "reaction", "grade", "action", "next dose", "words"),
            ((r, _toxicity(r)) for r in protocol.after_toxicity),
        ),
        _table(
            "Longer intervals",
            ("row", "from", "to", "label says", "words"),
            (
                (r, (_words(r.from_schedule), _words(r.to_schedule), r.wording, r.words))
                for r in protocol.interval_change
            ),
        ),
        _table(
            "Dose by phase",
            ("row", "schedule", "weeks", "mg/kg"),
            ((r, (_words(r.schedule), _range(r.from_week, r.to_week), str(r.mg_per_kg))) for r in protocol.phase_dose),
        ),
        _table(
            "Weight bands",
            ("row", "mg/kg", "kg", "mg", "mL", "vials", "vial"),
            (
                (
                    r,
                    (str(r.mg_per_kg), _range(r.from_kg, r.to_kg), str(r.mg), str(r.ml), str(r.vials), r.strength),
                )
                for r in protocol.band
            ),
        ),
        _table(
            "Vials",
            ("row", "mg/mL", "mg", "mL", "words"),
            ((r, (str(r.mg_per_ml), str(r.vial_mg), str(r.vial_ml), r.words)) for r in protocol.strength),
        ),
        _table(
            "Warnings",
            ("row", "check", "effect", "owner", "words"),
            ((r, (_words(r.check), r.effect, r.owner, r.words)) for r in protocol.warning),
        ),
        _table(
            "REMS",
            ("row", "requirement", "before", "effect", "owner", "in force", "confirmed", "words"),
            ((r, _rems(r)) for r in protocol.rems),
        ),
        "\n".join(["Notes", *(f"  {note}" for note in notes)]) if notes else "",
        _sources(protocol),
    ]
    return "\n\n".join(block for block in blocks if block)


def _gap_blocks(protocol: Protocol) -> Iterable[str]:
    """One table for each step and schedule; places with the same rows are shown once."""
    places: dict[tuple[GapRow, ...], list[tuple[str, str]]] = {}
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            places.setdefault(protocol.gap_rows(step, schedule), []).append((step, schedule))
    for rows, where in places.items():
        steps = dict.fromkeys(_step_words(step) for step, _ in where)
        schedules = dict.fromkeys(_words(schedule) for _, schedule in where)
        yield _table(
            f"Days since {' or '.join(steps)} ({', '.join(schedules)})",
            ("row", "days", "then", "premedicate", "words"),
            ((row, _gap(row)) for row in rows),
        )


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[Row, Sequence[str]]]) -> str:
    """Aligned columns; the first is the row's id, the last two are its sources and its status."""
    body = [[row.id, *cells, " ".join(row.source), _status(row)] for row, cells in rows]
    if not body:
        return ""
    lines = [[*columns, *TAIL], *body]
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([title, *(f"  {line}" for line in text)])


def _indication(row: IndicationRow) -> Sequence[str]:
    approval = f"{row.approval} approval, " if row.approval else ""
    return (
        f"{row.min_prior_lines} or more",
        class_list(row.prior_classes),
        "yes" if row.progression_on_last else "not asked",
        ", ".join(row.with_agents) or "-",
        f"{approval}{force_words(row)}",
        row.words,
    )


def _step(row: StepRow) -> tuple[Row, Sequence[str]]:
    dose = f"{row.mg} mg" if row.mg is not None else f"{row.mg_per_kg} mg/kg"
    schedules = ", ".join(map(_words, row.schedules)) or "any"
    return row, (_step_words(row.step), schedules, dose, row.strength or "-")


def _gap(row: GapRow) -> Sequence[str]:
    then = row.action.value + (f" {_step_words(row.step)}" if row.step else "")
    if row.then is not None:
        then += f", then {_step_words(row.then.step)} after {row.then.after_days} days"
    extra = [row.words]
    if row.confirm:
        extra.append(row.confirm)
    if row.benefit_risk:
        extra.append("benefit-risk")
    return (_range(row.from_day, row.to_day), then, _words(row.premedicate), "; ".join(extra))


def _toxicity(row: AfterToxicityRow) -> Sequence[str]:
    kind = row.toxicity if row.analyte is None else count_words(row)
    grade = "/".join(map(str, row.grades)) or "-"
    if row.occurrence != "any":
        grade += f" {row.occurrence}"
    if row.min_hours is not None:
        grade += f", {row.min_hours} h or more"
    if row.under_hours is not None:
        grade += f", under {row.under_hours} h"
    watched = row.monitoring_next
    later = f"{_words(watched.setting)} {_hours(watched)} h" if watched is not None else "-"
    return (kind, grade, _words(row.action), later, row.words)


def _rems(row: RemsRow) -> Sequence[str]:
    begin, end = row.in_force_from or "always", row.in_force_to or "no end"
    confirmed = f"{row.confirmed_by}, {row.confirmed_on}" if row.confirmed_by else "by nobody yet"
    requirement, before = _words(row.requirement), _words(row.before)
    return (requirement, before, row.effect, row.owner, f"{begin} to {end}", confirmed, row.words)


def _sources(protocol: Protocol) -> str:
    lines = ["Sources"]
    for key, source in protocol.sources.items():
        dated = ", ".join(part for part in (source.section, source.revision, source.date) if part)
        lines.append(f"  {key}  ({source.kind}) {source.document}" + (f" ({dated})" if dated else ""))
        if source.address:
            lines.append(f"      {source.address}")
    return "\n".join(lines)


def _known(row: Row) -> str:
    return f"{' '.join(row.source)}; {_status(row)}"


def _status(row: Row) -> str:
    return row.status.value if row.signed_by is None else f"{row.status.value}, signed"


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} and more"
    return str(low) if low == high else f"{low}-{high}"


def _hours(row: MonitoringRow | NextMonitoring) -> str:
    if row.hours is None:
        return "-"
    least = row.hours_at_least if isinstance(row, MonitoringRow) else None
    return _range(row.hours if least is None else least, row.hours)


def _stay(row: MonitoringRow) -> str:
    then = f", then {_words(row.then.setting)} until {row.then.hours} h" if row.then is not None else ""
    return f"{_words(row.setting)}{then}"


def _words(word: str) -> str:
    return word.replace("_", " ")


def _step_words(step: str) -> str:
    return STEP_WORDS[step]
