"""Two label revisions side by side: rows added, removed and changed, and the days on which the answer differs.

A row keeps its id from one revision to the next where it says the same thing; where the id is another, a row of the same place in
its table is its counterpart (the same last dose and first day, the same step, the same weights). What changed is named by field,
with `status` and `source` apart from the values, because they say how well a row is known and not what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from handrail.rules.protocol import TABLES, Protocol
from handrail.rules.protocol_rows import GapRow, Row
from handrail.rules.terms import STEP_WORDS, Action, Status

FORMAT: Final = "handrail-protocol-diff/1"
DAYS: Final = range(401)
APART: Final = ("status", "source")

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "indication": ("with_agents",),
    "gap": ("last", "schedules", "from_day"),
    "step": ("step", "schedules"),
    "band": ("mg_per_kg", "from_kg"),
    "monitoring": ("step",),
    "premedication": ("agent", "steps"),
    "after_toxicity": ("toxicity", "grades", "occurrence", "min_hours", "analyte", "together_with"),
    "interval_change": ("from_schedule", "to_schedule"),
    "phase_dose": ("schedule", "from_week"),
    "strength": ("mg_per_ml", "vial_mg"),
    "warning": ("check",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row that differs. `kind`: added, removed or changed; `fields`: each field that differs, with both values.

    `before` and `after` are the rows; the one that is not there is None.
    """

    kind: str
    table: str
    before: Row | None
    after: Row | None
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def value(self) -> bool:
        """What the row says differs, not only how well it is known."""
        return any(name not in APART for name in self.fields)

    @property
    def raised(self) -> bool:
        """The row is held to be better known than before."""
        return self.before is not None and self.after is not None and self.after.status.rank < self.before.status.rank

    @property
    def row_id(self) -> str:
        """The id in the newer revision, else in the older."""
        row = self.after or self.before
        assert row is not None
        return row.id


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """Days after a step on which the two revisions answer differently; no `to_day`: every longer gap."""

    step: str
    schedule: str
    from_day: int
    to_day: int | None
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Everything that differs from one revision to another."""

    before: Protocol
    after: Protocol
    sources: tuple[tuple[str, str, str | None, str | None], ...]
    rows: tuple[Change, ...]
    days: tuple[DayChange, ...]

    @property
    def same(self) -> bool:
        """Nothing differs."""
        return not (self.sources or self.rows or self.days)

    def to_json(self) -> dict[str, Any]:
        """As `handrail-protocol-diff/1`."""
        return {
            "format": FORMAT,
            "before": {"key": self.before.key, "sha256": self.before.sha256},
            "after": {"key": self.after.key, "sha256": self.after.sha256},
            "rows": [_change_json(change) for change in self.rows],
            "days": [
                {name: getattr(day, name) for name in ("step", "schedule", "from_day", "to_day", "before", "after")}
                for day in self.days
            ],
            "sources": [
                {"kind": kind, "id": key, "before": before, "after": after} for kind, key, before, after in self.sources
            ],
        }


def diff_of(before: Protocol, after: Protocol) -> Diff:
    """What differs from `before` to `after`, tables in their order."""
    return Diff(
        before=before,
        after=after,
        sources=tuple(_sources(before, after)),
        rows=tuple(_rows(before, after)),
        days=tuple(_days(before, after)),
    )


def _rows(before: Protocol, after: Protocol) -> Iterator[Change]:
    yield from _changed("product", before.product, after.product)
    for table in TABLES:
        old, new = getattr(before, table), getattr(after, table)
        pairs = _pairs(table, old, new)
        found = {id(row) for pair in pairs for row in pair}
        for row in old:
            if id(row) not in found:
                yield Change(kind="removed", table=table, before=row, after=None, fields={})
        for one, other in pairs:
            yield from _changed(table, one, other)
        for row in new:
            if id(row) not in found:
                yield Change(kind="added", table=table, before=None, after=row, fields={})


def _pairs(table: str, old: Sequence[Row], new: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows of one id, then rows of one place in the table, in the order of the newer file."""
    place = _PLACES.get(table, ("id",))

    def where(row: Row) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in place)

    pairs: list[tuple[Row, Row]] = []
    keys: tuple[Callable[[Row], Any], ...] = (lambda row: row.id, where)
    for key in keys:
        left = {key(row): row for row in reversed(old) if not any(row is one for one, _ in pairs)}
        for row in new:
            if not any(row is other for _, other in pairs) and key(row) in left:
                pairs.append((left.pop(key(row)), row))
    order = {id(row): number for number, row in enumerate(new)}
    return sorted(pairs, key=lambda pair: order[id(pair[1])])


def _changed(table: str, one: Row, other: Row) -> Iterator[Change]:
    differ = {
        item.name: (getattr(one, item.name), getattr(other, item.name))
        for item in fields(other)
        if item.name != "signed_by" and getattr(one, item.name) != getattr(other, item.name)
    }
    if differ:
        yield Change(kind="changed", table=table, before=one, after=other, fields=differ)


def _sources(before: Protocol, after: Protocol) -> Iterator[tuple[str, str, str | None, str | None]]:
    for key in sorted({*before.sources, *after.sources}):
        old, new = before.sources.get(key), after.sources.get(key)
        if old != new:
            kind = "added" if old is None else "removed" if new is None else "changed"
            yield kind, key, _source_words(old), _source_words(new)


def _source_words(source: Any) -> str | None:
    if source is None:
        return None
    words = (source.document, source.section, source.revision, source.date, source.address)
    return "; ".join(word for word in words if word)


def _days(before: Protocol, after: Protocol) -> Iterator[DayChange]:
    schedules = list(dict.fromkeys((*before.schedules, *after.schedules)))
    for schedule in schedules:
        for step in dict.fromkeys((*_steps(before, schedule), *_steps(after, schedule))):
            start, said = 0, ("", "")
            for day in DAYS:
                now = (_answer(before, step, schedule, day), _answer(after, step, schedule, day))
                if now != said:
                    if said[0] != said[1]:
                        yield _span(step, schedule, start, day - 1, said)
                    start, said = day, now
            if said[0] != said[1]:
                yield _span(step, schedule, start, None, said)


def _span(step: str, schedule: str, start: int, end: int | None, said: tuple[str, str]) -> DayChange:
    return DayChange(step=step, schedule=schedule, from_day=start, to_day=end, before=said[0], after=said[1])


def _steps(protocol: Protocol, schedule: str) -> tuple[str, ...]:
    return protocol.steps_of(schedule) if schedule in protocol.schedules else ()


def _answer(protocol: Protocol, step: str, schedule: str, day: int) -> str:
    """What a row answers, as a person acts on it; a row that may not act asks."""
    row = next((row for row in protocol.gap_rows(step, schedule) if _covers(row, day)), None)
    if row is None:
        return "no such step"
    if not row.acts and row.action is not Action.ASK:
        return f"ask (not verified: {_said(row)})"
    return _said(row)


def _said(row: GapRow) -> str:
    step = f" {STEP_WORDS[row.step]}" if row.step is not None and row.action.gives else ""
    extra = [
        "confirm first" if row.confirm else "",
        "weigh benefit and risk" if row.benefit_risk else "",
        f"then {STEP_WORDS[row.then.step]} {row.then.after_days} days later" if row.then else "",
        {"yes": "premedicate", "if_crs_after_last": "premedicate after CRS"}.get(row.premedicate, ""),
    ]
    words = ", ".join(word for word in extra if word)
    return f"{row.action.value}{step}" + (f" ({words})" if words else "")


def _covers(row: GapRow, day: int) -> bool:
    return row.from_day <= day and (row.to_day is None or day <= row.to_day)


def _change_json(change: Change) -> dict[str, Any]:
    written = {
        "kind": change.kind,
        "table": change.table,
        "id": change.row_id,
        "value_changed": change.kind != "changed" or change.value,
        "status_raised": change.raised,
        "fields": {name: {"before": plain(old), "after": plain(new)} for name, (old, new) in change.fields.items()},
    }
    for name, row in (("before", change.before), ("after", change.after)):
        if row is not None and change.kind != "changed":
            written[name] = plain(row)
    return written


def plain(value: Any) -> Any:
    """A value of a row as JSON has it: amounts as text, values left at their default not at all."""
    if isinstance(value, Status):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain(getattr(value, item.name))
            for item in fields(value)
            if item.default is MISSING or getattr(value, item.name) != item.default
        }
    return value
