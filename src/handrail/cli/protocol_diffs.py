"""`handrail protocols diff A B`: two label revisions, or two policies, side by side, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handrail.cli.policy_diffs import policy_diff_text, policy_named
from handrail.rules.protocol import Protocol, load, load_text
from handrail.rules.protocol_diff import Change, Diff, diff_of, plain
from handrail.rules.protocol_rows import Row
from handrail.rules.terms import STEP_WORDS, UnusableInput

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def diff_text(names: Sequence[str], *, as_json: bool) -> str:
    """Two protocols or two policies, named by key or by file, compared.

    Raises:
        UnusableInput: not two of them, one of each, no such protocol, or a file that cannot be loaded.
    """
    if len(names) != 2:
        raise UnusableInput("missing_key", "Name two protocols to compare; `handrail protocols list` names them.")
    if any(policy_named(name) for name in names):
        return policy_diff_text((names[0], names[1]), as_json=as_json)
    diff = diff_of(*(_named(name) for name in names))
    if as_json:
        return json.dumps(diff.to_json(), indent=2, ensure_ascii=False) + "\n"
    return "\n".join(_lines(diff)) + "\n"


def _named(name: str) -> Protocol:
    if not name.endswith(".toml"):
        return load(name)
    try:
        return load_text(Path(name).read_bytes())
    except OSError as error:
        reason = error.strerror or "unknown trouble"
        raise UnusableInput("unreadable", f"The file cannot be read: {reason}.", name) from error


def _lines(diff: Diff) -> Iterator[str]:
    yield f"before: {diff.before.key}  sha256 {diff.before.sha256}"
    yield f"after:  {diff.after.key}  sha256 {diff.after.sha256}"
    if diff.same:
        yield "No row differs."
        return
    counts = {kind: sum(1 for change in diff.rows if change.kind == kind) for kind in SIGNS}
    raised = sum(1 for change in diff.rows if change.raised)
    yield ", ".join(f"{number} {kind}" for kind, number in counts.items()) + f"; {raised} with a higher status"
    if diff.days:
        yield from ("", "Days on which the answer differs")
        yield from _day_lines(diff)
    table = None
    for change in diff.rows:
        if change.table != table:
            table = change.table
            yield from ("", f"[{table}]")
        yield from _row_lines(change)
    if diff.sources:
        yield from ("", "Sources")
        for kind, key, before, after in diff.sources:
            yield f"{SIGNS[kind]} {key}"
            if before is not None:
                yield f"      - {before}"
            if after is not None:
                yield f"      + {after}"


def _day_lines(diff: Diff) -> Iterator[str]:
    """Each difference once, under every step and schedule that shares it."""
    shared: dict[tuple[int, int | None, str, str], list[str]] = {}
    for day in diff.days:
        name = f"{STEP_WORDS[day.step]} ({day.schedule.replace('_', ' ')})"
        shared.setdefault((day.from_day, day.to_day, day.before, day.after), []).append(name)
    for (start, end, before, after), names in shared.items():
        days = f"day {start} and later" if end is None else f"day {start}" if start == end else f"days {start} to {end}"
        yield f"  {days} after {', '.join(names)}:"
        yield f"      - {before}"
        yield f"      + {after}"


def _row_lines(change: Change) -> Iterator[str]:
    sign = SIGNS[change.kind]
    row = change.after or change.before
    assert row is not None
    if change.kind != "changed":
        yield f"{sign} {row.id}: {row.words or _values(row)}  [{' '.join(row.source)}; {row.status.value}]"
        return
    mark = "  (status raised)" if change.raised else ""
    yield f"{sign} {change.row_id}{mark}"
    for name, (before, after) in change.fields.items():
        yield f"      {name}:"
        yield f"        - {_said(before)}"
        yield f"        + {_said(after)}"


def _values(row: Row) -> str:
    said: dict[str, Any] = plain(row)
    return ", ".join(f"{name} {_said(value)}" for name, value in said.items() if name not in ("id", "source", "status"))


def _said(value: Any) -> str:
    plainly = plain(value)
    if plainly is None:
        return "(none)"
    if isinstance(plainly, bool):
        return "yes" if plainly else "no"
    if isinstance(plainly, list):
        return ", ".join(map(_said, plainly)) or "(none)"
    if isinstance(plainly, dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in plainly.items())
    return str(plainly)
