"""What a site still has to do before the first dose of a product, what carries over from another, and the earliest day for that dose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from handrail.rules.rems_data import Programme, SetupRow
from handrail.rules.rems_desk import Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task. `state`: done for this product, carried over from the shared programme, or open; `due_on`: while it is open."""

    row: SetupRow
    state: Literal["done", "carried", "open"]
    due_on: date | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All tasks of a product at a site. `earliest_on`: the first day on which everything can be done; None: nothing is open."""

    tasks: tuple[Task, ...]
    earliest_on: date | None

    @property
    def open(self) -> tuple[Task, ...]:
        """What is left, the first due first."""
        return tuple(sorted((t for t in self.tasks if t.state == "open"), key=lambda t: t.due_on or date.max))

    @property
    def done_count(self) -> int:
        """How many are done or carried over."""
        return len(self.tasks) - len(self.open)


def setup(
    rows: Sequence[SetupRow],
    programme: Programme,
    product: str,
    site: str,
    papers: Sequence[Paper],
    done: Collection[str],
    begun_on: date,
    today: date,
) -> Setup:
    """The tasks before the first dose of a product.

    Args:
        done: the ids of tasks that somebody ticked; a task with a paper is done by the paper alone.
        begun_on: the day from which the days of the tasks count.
    """
    tasks = []
    for row in rows:
        shown = _shown(row, programme, product, site, papers, today)
        if shown is not None:
            carried = row.per == "programme" and len(programme.product) > 1
            state: Literal["done", "carried", "open"] = "carried" if carried else "done"
            words = f"{shown}; counts for every product of the {programme.name}" if carried else shown
            tasks.append(Task(row=row, state=state, due_on=None, words=words))
        elif row.paper is None and row.id in done:
            tasks.append(Task(row=row, state="done", due_on=None, words="ticked"))
        else:
            due = begun_on + timedelta(days=row.days)
            tasks.append(Task(row=row, state="open", due_on=due, words=f"{row.days} days as a rule"))
    still = [today + timedelta(days=task.row.days) for task in tasks if task.state == "open"]
    planned = [task.due_on for task in tasks if task.due_on is not None]
    # A task that is overdue cannot be counted from the day it was due: somebody still has to begin it.
    late = any(day < today for day in planned)
    earliest = max(still if late else planned, default=None)
    return Setup(tasks=tuple(tasks), earliest_on=earliest)


def _shown(
    row: SetupRow, programme: Programme, product: str, site: str, papers: Sequence[Paper], today: date
) -> str | None:
    """The paper that shows a task as done today, in words; None: none does."""
    if row.paper is None:
        return None
    for each in papers:
        fits = each.product == product or (row.per == "programme" and each.product is None)
        where = each.site in (None, site)
        licensed = row.paper != "dispenser" or bool(each.licence)
        if (
            each.kind == row.paper
            and each.programme == programme.id
            and fits
            and where
            and licensed
            and each.holds(today)
        ):
            return f"{each.who.name if each.who is not None else 'recorded'}{f', {each.reference}' if each.reference else ''}"
    return None
