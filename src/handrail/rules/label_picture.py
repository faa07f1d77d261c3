"""The schedule of a label revision as one picture: the steps in order, their doses, and the days between them.

Plain SVG with a title and a description; colours and letters come from the page or, for a document, from a style of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from handrail.rules.label_words import range_words, spaced, step_said
from handrail.rules.protocol import Protocol
from handrail.rules.protocol_rows import GapRow, MonitoringRow, StepRow
from handrail.rules.terms import Action

WIDTH: Final = 1000
BOX, GAP_WIDTH, HEIGHT = 170, 105, 104
IN_A_LINE: Final = 4
LINE: Final = HEIGHT + 34
MARGIN: Final = 4
NOTE: Final = 22
ASK: Final = "(ask)"
ASK_WORDS: Final = "(ask): not read or not verified, so the answer is to ask the prescriber"

STYLE: Final = (
    "svg{font-family:system-ui,'Segoe UI','Noto Sans','Liberation Sans',Arial,sans-serif}"
    ".p-box{fill:#fff;stroke:#0b5563;stroke-width:1.5}.p-box.ask{stroke:#7a4a00;stroke-dasharray:6 4}"
    ".p-arrow{fill:none;stroke:#4c5f66;stroke-width:1.5}.p-head{fill:#4c5f66}"
    ".p-name{fill:#17262b;font-size:14px;font-weight:600}.p-text{fill:#17262b;font-size:13px}.p-quiet{fill:#4c5f66;font-size:12px}"
    "@media (prefers-color-scheme:dark){.p-box{fill:#18242a;stroke:#7fc6d3}.p-box.ask{stroke:#f2c877}"
    ".p-arrow{stroke:#a9bbc1}.p-head{fill:#a9bbc1}.p-name,.p-text{fill:#e7eef0}.p-quiet{fill:#a9bbc1}}"
)
"""For a picture that stands alone; a page brings its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A box of the picture: name, dose, where the patient is afterwards, and the days until it."""

    name: str
    dose: str
    after: str
    days: tuple[str, ...]
    """A line break stands where a narrow place may break the words."""
    sure: bool


_Chain = tuple[list[str], list[_Step]]


def schedule_svg(protocol: Protocol, *, alone: bool = False) -> str:
    """The picture as SVG; `alone` for a file of its own."""
    chains = _chains(protocol)
    notes = _repeats(protocol)
    if any(ASK in days for _, steps in chains for step in steps for days in step.days):
        notes.append(ASK_WORDS)
    drawn, height = "", MARGIN
    for schedules, steps in chains:
        if len(chains) > 1:
            drawn += _text("p-text", 2, height + 14, f"{', '.join(schedules)}:".capitalize(), anchor="start")
            height += NOTE
        drawn += "".join(_box(step, n, height) for n, step in enumerate(steps))
        height += -(-len(steps) // IN_A_LINE) * LINE
    for note in notes:
        height += NOTE
        drawn += _text("p-text", 2, height - 10, note, anchor="start")
    name = escape(f"p-{protocol.product.id}")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">Steps of {escape(protocol.product.brand)}, {escape(protocol.product.jurisdiction)}</title>'
        f'<desc id="{name}-desc">{escape(_description(chains, notes))}</desc>'
    )
    style = f"<style>{STYLE}</style>" if alone else ""
    return f"{head}{style}{drawn}</svg>"


def _description(chains: Sequence[_Chain], notes: Sequence[str]) -> str:
    parts = []
    for schedules, steps in chains:
        if len(chains) > 1:
            parts.append(", ".join(schedules).capitalize())
        for step in steps:
            days = f" {_in_one_line(step.days)} after the dose before" if step.days else ""
            parts.append(f"{step.name}{days}: {step.dose}{f', then {step.after}' if step.after else ''}")
    return ". ".join((*parts, *notes)) + "."


# --- what is drawn ---------------------------------------------------------------------------------------------------


def _chains(protocol: Protocol) -> list[_Chain]:
    """The steps in order: once, or once for each group of schedules that lead up to the treatment in different ways."""
    found: dict[tuple[tuple[str, str], ...], tuple[list[str], list[_Step]]] = {}
    for schedule in protocol.schedules:
        steps = _chain(protocol, schedule)
        found.setdefault(tuple((step.name, step.dose) for step in steps[:-1]), ([], steps))[0].append(spaced(schedule))
    return list(found.values())


def _chain(protocol: Protocol, schedule: str) -> list[_Step]:
    order = protocol.steps_of(schedule)
    chain = []
    for n, step in enumerate(order):
        row = protocol.step_row(step, schedule)
        chain.append(
            _Step(
                name=step_said(step),
                dose=" ".join(part for part in (_dose(row), row.agent) if part),
                after=_after(next((each for each in protocol.monitoring if each.step == step), None)),
                days=_days(protocol, order[n - 1], step, schedule) if n else (),
                sure=row.acts,
            )
        )
    return chain


def _dose(row: StepRow) -> str:
    return f"{row.mg} mg" if row.mg is not None else f"{row.mg_per_kg} mg/kg"


def _after(row: MonitoringRow | None) -> str:
    if row is None or row.hours is None:
        return ""
    where = {"hospital": "in hospital", "near_facility": "near a facility"}.get(row.setting, spaced(row.setting))
    return f"{where} for {row.hours} h" if row.acts else f"unverified: {where}, {row.hours} h"


def _forward(protocol: Protocol, last: str, step: str, schedule: str) -> list[GapRow]:
    """The rows that lead from one step to the next on time."""
    rows = protocol.gap_rows(last, schedule)
    return [
        row
        for row in rows
        if row.kind == "window" and row.step == step and row.action in (Action.GIVE, Action.CONTINUE)
    ]


def _days(protocol: Protocol, last: str, step: str, schedule: str) -> tuple[str, ...]:
    """`day 2 to 4`, `day 5 to 7 with a reason`; what nobody verified is said to be so, and what was not read is `ask`."""
    found = _forward(protocol, last, step, schedule)
    usual = [row for row in found if row.confirm is None]
    extended = [row for row in found if row.confirm is not None]
    lines = [f"day {range_words(row.from_day, row.to_day)}{'' if row.acts else f' {ASK}'}" for row in usual]
    lines += [
        "\n".join((f"day {range_words(row.from_day, row.to_day)}", "with a reason", *(() if row.acts else (ASK,))))
        for row in extended
    ]
    return tuple(lines) or (ASK,)


def _in_one_line(days: Sequence[str]) -> str:
    return "; ".join(days).replace("\n", " ")


def _repeats(protocol: Protocol) -> list[str]:
    """What follows the last step on each schedule."""
    notes = []
    for schedule in protocol.schedules:
        last = protocol.steps_of(schedule)[-1]
        rows = _forward(protocol, last, last, schedule)
        given = protocol.step_row(last, schedule)
        dose = _dose(given)
        if not rows:
            notes.append(f"{spaced(schedule).capitalize()}: {dose}, ask the prescriber")
            continue
        due = next((row.due_day for row in rows if row.due_day is not None), rows[0].from_day)
        until = "" if rows[-1].to_day in (None, due) else f", as usual up to day {rows[-1].to_day}"
        unsure = "" if all(row.acts for row in (*rows, given)) else " (unverified: ask the prescriber)"
        notes.append(f"{spaced(schedule).capitalize()}: {dose}, due on day {due} after the last dose{until}{unsure}")
    return notes


# --- drawing -----------------------------------------------------------------------------------------------------------


def _box(step: _Step, number: int, top: int) -> str:
    column, line = number % IN_A_LINE, number // IN_A_LINE
    x = 2 + column * (BOX + GAP_WIDTH)
    y = top + line * LINE
    middle = x + BOX // 2
    parts = [
        f'<rect class="p-box{"" if step.sure else " ask"}" x="{x}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="10"/>',
        _text("p-name", middle, y + 28, step.name),
        _text("p-text", middle, y + 54, step.dose if step.sure else f"unverified: {step.dose}"),
        _text("p-quiet", middle, y + 80, step.after),
    ]
    if number:
        parts.append(_arrow(step, x, y, from_line_above=column == 0))
    return "".join(parts)


def _arrow(step: _Step, x: int, y: int, *, from_line_above: bool) -> str:
    half = y + HEIGHT // 2
    if from_line_above:
        top = y - LINE + HEIGHT
        right = 2 + (IN_A_LINE - 1) * (BOX + GAP_WIDTH) + BOX // 2
        middle = x + BOX // 2
        path = f"M{right} {top} V{top + 16} H{middle} V{y - 6}"
        words = _text("p-quiet", WIDTH // 2, top + 12, _in_one_line(step.days))
        return f'<path class="p-arrow" d="{path}"/>{_head(middle, y, down=True)}{words}'
    begin, end = x - GAP_WIDTH + 4, x - 6
    words = "".join(
        _text("p-quiet", x - GAP_WIDTH // 2, half - 10 if n == 0 else half + 8 + 14 * n, line)
        for n, line in enumerate("\n".join(step.days).split("\n"))
    )
    return f'<path class="p-arrow" d="M{begin} {half} H{end}"/>{_head(x - 2, half)}{words}'


def _head(x: int, y: int, *, down: bool = False) -> str:
    points = f"{x},{y} {x - 5},{y - 9} {x + 5},{y - 9}" if down else f"{x},{y} {x - 9},{y - 5} {x - 9},{y + 5}"
    return f'<polygon class="p-head" points="{points}"/>'


def _text(kind: str, x: int, y: int, words: str, *, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>' if words else ""
