"""The complete grid of a label revision: what the delay table answers on every day after every step, on every schedule.

Each day is looked up by the same function that answers for a patient; days with one answer stand in one line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Final

from handrail.rules.protocol import Protocol
from handrail.rules.redosing import GapAnswer, redosing

LAST_DAY: Final = 400
_GIVEN: Final = date(2026, 1, 5)
"""Any day: the table counts calendar days and knows no season."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Days with one answer. `would_be`: what an unverified row says and nobody acts on."""

    protocol: str
    schedule: str
    last_dose: str
    from_day: int
    to_day: int
    row: str
    action: str
    step: str
    then: str
    confirm: str
    premedicate: str
    benefit_risk: str
    would_be: str
    withheld: str
    status: str
    source: str


def runs(protocol: Protocol) -> Iterator[Run]:
    """Every schedule, every step, days 0 to 400."""
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            yield from _after(protocol, schedule, step)


def _after(protocol: Protocol, schedule: str, step: str) -> Iterator[Run]:
    open_run: Run | None = None
    for day in range(LAST_DAY + 1):
        answer = redosing(
            protocol,
            last_step=step,
            schedule=schedule,
            last_on=_GIVEN,
            today=_GIVEN + timedelta(days=day),
            cause=None,
        )
        here = _run(protocol, schedule, step, day, answer)
        if open_run is not None and replace(open_run, to_day=day) == replace(here, from_day=open_run.from_day):
            open_run = replace(open_run, to_day=day)
            continue
        if open_run is not None:
            yield open_run
        open_run = here
    if open_run is not None:
        yield open_run


def _run(protocol: Protocol, schedule: str, step: str, day: int, answer: GapAnswer) -> Run:
    would, then = answer.would_be, answer.then
    return Run(
        protocol=protocol.key,
        schedule=schedule,
        last_dose=step,
        from_day=day,
        to_day=day,
        row=answer.row.id if answer.row else "",
        action=answer.action.value,
        step=answer.step or "",
        then=f"{then.step} after {then.after_days} days" if then else "",
        confirm=_yes(answer.confirm is not None),
        premedicate=answer.premedicate,
        benefit_risk=_yes(answer.needs_cause),
        would_be=" ".join(filter(None, (would.action, would.step))) if would else "",
        withheld=_yes(answer.withheld),
        status=answer.status.value if answer.status else "",
        source=" ".join(answer.row.source) if answer.row else "",
    )


def _yes(value: bool) -> str:
    return "yes" if value else ""


def grid_csv(protocol: Protocol) -> str:
    """The grid as CSV, one line a run of days."""
    names = [item.name for item in fields(Run)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(run, name) for name in names] for run in runs(protocol))
    return text.getvalue()
