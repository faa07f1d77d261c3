"""What a site still has to do before the first dose of a product, what carries over from another, and the earliest day for that dose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from handrail.rules.rems_data import Programme, SetupRow
from handrail.rules.rems_desk import Paper, Person, Place

OF_EACH: Final = ("prescriber", "training")
"""Papers that count only of somebody who prescribes or works at the site."""


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
    place: Place,
    papers: Sequence[Paper],
    done: Collection[str],
    begun_on: date,
    today: date,
) -> Setup:
    """The tasks before the first dose of a product.

    Args:
        place: the site, with who prescribes and who works there now.
        done: the ids of tasks that somebody ticked; a task with a paper is done by the paper alone.
        begun_on: the day from which the days of the tasks count.
    """
    tasks = []
    for row in rows:
        holding = _holding(row, programme, product, place, papers, today)
        lacking = _lacking(row, place, holding)
        if holding and not lacking:
            carried = holding[0].product is None and len(programme.product) > 1
            state: Literal["done", "carried", "open"] = "carried" if carried else "done"
            shown = _named(holding)
            words = f"{shown}; counts for every product of the {programme.name}" if carried else shown
            tasks.append(Task(row=row, state=state, due_on=None, words=words))
        elif row.paper is None and row.id in done:
            tasks.append(Task(row=row, state="done", due_on=None, words="ticked"))
        else:
            due = begun_on + timedelta(days=row.days)
            missing = f"; not yet {', '.join(lacking)}" if lacking and holding else ""
            words = f"{row.days} days as a rule{missing}"
            tasks.append(Task(row=row, state="open", due_on=due, words=words))
    still = [today + timedelta(days=task.row.days) for task in tasks if task.state == "open"]
    planned = [task.due_on for task in tasks if task.due_on is not None]
    # A task that is overdue cannot be counted from the day it was due: somebody still has to begin it.
    late = any(day < today for day in planned)
    earliest = max(still if late else planned, default=None)
    return Setup(tasks=tuple(tasks), earliest_on=earliest)


def _holding(
    row: SetupRow, programme: Programme, product: str, place: Place, papers: Sequence[Paper], today: date
) -> list[Paper]:
    """The papers that show a task as done today, of the site, or of who prescribes or works there.

    One that counts for every product comes first.
    """
    if row.paper is None:
        return []
    people = {each.id for each in _asked_of(row, place)}
    found = []
    for each in papers:
        fits = each.product == product or (row.per == "programme" and each.product is None)
        where = each.site in (None, place.id)
        whose = row.paper not in OF_EACH or (each.who is not None and each.who.id in people)
        licensed = row.paper != "dispenser" or bool(each.licence)
        right = each.kind == row.paper and each.programme == programme.id
        if right and fits and where and whose and licensed and each.holds(today):
            found.append(each)
    return sorted(found, key=lambda each: each.product is not None)


def _asked_of(row: SetupRow, place: Place) -> Sequence[Person]:
    return place.prescribers if row.paper == "prescriber" else place.staff


def _lacking(row: SetupRow, place: Place, holding: Sequence[Paper]) -> tuple[str, ...]:
    """Who of the staff is not trained, by name: one training of one of them does not train the others."""
    if row.paper != "training":
        return ()
    trained = {each.who.id for each in holding if each.who is not None}
    return tuple(each.name for each in place.staff if each.id not in trained)


def _named(holding: Sequence[Paper]) -> str:
    """Whose papers they are, or which paper it is, in words."""
    if holding[0].kind == "training":
        return ", ".join(dict.fromkeys(each.who.name for each in holding if each.who is not None))
    first = holding[0]
    return (
        f"{first.who.name if first.who is not None else 'recorded'}{f', {first.reference}' if first.reference else ''}"
    )
