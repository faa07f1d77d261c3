"""What became of courses that are over, as the figures count it, kept from one look to the next.

Only what nothing but a new fact can change is kept, under everything that it was worked out from; whatever of that differs is worked
out anew. Events are only ever added, so that their number and the last of them say whether any came since. Nobody is asked for here:
which courses somebody may see is asked of the database at every look, before anything is looked up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db.models import CharField, Count, F, Max, TextField
from django.db.models.functions import SHA256, Cast, JSONObject

from handrail.measures.data import Definitions
from handrail.measures.outcomes import KINDS, Outcome
from handrail.measures.utilisation import Used
from handrail.records.models import Event

NOBODY: Final = UUID(int=0)
"""Named with every choice: of none as many questions are asked as of some."""
MOST: Final = 20_000
"""So many courses are kept; whichever was not asked for the longest goes first."""
MOST_REFERRALS: Final = 40_000
"""So many referrals."""
_R = TypeVar("_R")
_F = TypeVar("_F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The events of a course that figures are read from, without reading them: how many, and the last instants and greatest id as text."""

    count: int
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that is read to say what became of a course, and what it used. `header`: the digest of those columns."""

    mark: Mark
    header: str
    waived: bool
    rules: Definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the groups of a referral are made of, and the civil day on which it came."""

    language: str
    minutes: int | None
    received_on: date


@dataclass(frozen=True, slots=True)
class _Entry(Generic[_R, _F]):
    record: _R
    valid_from: datetime | None
    found: _F


class Kept(Generic[_R, _F]):
    """The last answers of one process, by course or referral."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[UUID, _Entry[_R, _F]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: UUID, record: _R, now: datetime) -> _F | None:
        """What was kept of exactly this record, where `now` changes nothing of it; None: read it anew."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or (entry.valid_from is not None and now < entry.valid_from) or entry.record != record:
                return None
            self._entries.move_to_end(key)
            return entry.found

    def put(self, key: UUID, record: _R, valid_from: datetime | None, found: _F) -> None:
        """Keep an answer that is the same at any instant from `valid_from` on; None: at any."""
        with self._lock:
            self._entries[key] = _Entry(record, valid_from, found)
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def forget(self) -> None:
        """Keep nothing any more."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


KEPT: Final = Kept[Record, tuple[Outcome, Used]](MOST)
KEPT_REFERRALS: Final = Kept[str, Told](MOST_REFERRALS)


class _Digest(SHA256):
    """SHA-256 as PostgreSQL has it of its own, without an extension."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """As hexadecimal digits, as the other database gives it."""
        template = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return self.as_sql(compiler, connection, template=template, **context)


def digest(*columns: str) -> SHA256:
    """What the database says of these columns in 64 letters: two rows say the same only where every column does."""
    return _Digest(Cast(JSONObject(**{each: F(each) for each in columns}), TextField()))


def marks(courses: Iterable[UUID]) -> dict[UUID, Mark]:
    """The mark of each of these courses that has such events, also of those not recorded yet by some instant. One query.

    They are named to the database: a server without statistics would ask for each event anew whether its course is one of them.
    """
    last = JSONObject(
        recorded_at=Max("recorded_at"), occurred_at=Max("occurred_at"), id=Max(Cast("id", CharField(max_length=36)))
    )
    rows: Iterable[tuple[UUID, int, str]] = (
        Event.objects.filter(course__in=[NOBODY, *courses], kind__in=KINDS)
        .values_list("course")
        .annotate(Count("id"), last=Cast(last, TextField()))
        .order_by()
    )
    return {course: Mark(count=count, last=last) for course, count, last in rows}
