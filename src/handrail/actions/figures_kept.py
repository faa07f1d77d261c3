"""What became of courses that are over, as the figures count it, kept from one look to the next.

Only what nothing but a new fact can change is kept, under everything that it was worked out from; whatever of that differs is worked
out anew. Events are only ever added, so that their number and the last of them say whether any came since. Nobody is asked for here:
which courses somebody may see is asked of the database at every look, before anything is looked up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final
from uuid import UUID

from django.db.models import CharField, Count, Max
from django.db.models.functions import Cast

from handrail.measures.data import Definitions
from handrail.measures.outcomes import KINDS, Outcome
from handrail.measures.utilisation import Used
from handrail.records.models import Event
from handrail.rules import coursefile

NOBODY: Final = UUID(int=0)
"""Named with every choice: of none as many questions are asked as of some."""
MOST: Final = 20_000
"""So many courses are kept; whichever was not asked for the longest goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The events of a course that figures are read from, without reading them: how many, the last instants, the greatest id."""

    count: int
    recorded_at: datetime
    occurred_at: datetime
    last: str

    @property
    def complete_from(self) -> datetime:
        """From when on all of them have happened and are recorded."""
        return max(self.recorded_at, self.occurred_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that is read to say what became of a course, and what it used."""

    mark: Mark
    header: coursefile.Course
    waived: bool
    rules: Definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    record: Record
    valid_from: datetime
    found: tuple[Outcome, Used]


class Kept:
    """The last answers of one process, by course."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[UUID, _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, course: UUID, record: Record, now: datetime) -> tuple[Outcome, Used] | None:
        """What was kept of exactly this record, where `now` changes nothing of it; None: read it anew."""
        with self._lock:
            entry = self._entries.get(course)
            if entry is None or now < entry.valid_from or entry.record != record:
                return None
            self._entries.move_to_end(course)
            return entry.found

    def put(self, course: UUID, record: Record, valid_from: datetime, found: tuple[Outcome, Used]) -> None:
        """Keep an answer that is the same at any instant from `valid_from` on."""
        with self._lock:
            self._entries[course] = _Entry(record=record, valid_from=valid_from, found=found)
            self._entries.move_to_end(course)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def forget(self) -> None:
        """Keep nothing any more."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


KEPT: Final = Kept(MOST)


def marks(courses: Iterable[UUID]) -> dict[UUID, Mark]:
    """The mark of each of these courses that has such events, also of those not recorded yet by some instant. One query.

    They are named to the database: a server without statistics would ask for each event anew whether its course is one of them.
    """
    rows: Iterable[tuple[UUID, int, datetime, datetime, str]] = (
        Event.objects.filter(course__in=[NOBODY, *courses], kind__in=KINDS)
        .values_list("course")
        .annotate(
            Count("id"), Max("recorded_at"), Max("occurred_at"), last=Max(Cast("id", CharField(max_length=36)))
        )
        .order_by()
    )  # fmt: skip
    return {
        course: Mark(count=count, recorded_at=recorded_at, occurred_at=occurred_at, last=last)
        for course, count, recorded_at, occurred_at, last in rows
    }
