"""What happened, in order: late, repeated, corrected and withdrawn facts resolved the same way whatever order they came in.

A correction is a whole new event that supersedes another; a withdrawal supersedes with nothing. Where two corrections
of one fact stand side by side (`conflicts`), `alternatives` yields one history for each reading, and the caller takes
the more cautious answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import product as combinations
from typing import Any

from handrail.rules.coursefile import Course, CourseFileError, event_to_json
from handrail.rules.events import SHELL_KINDS, Event, FactWithdrawn
from handrail.rules.terms import Missing, say_instant

MOST_ALTERNATIVES = 16
"""More readings of one history than this are not weighed one by one: the answer is then "ask"."""

FROM_HOME = ("patient", "caregiver", "device")
"""Who writes a report where nobody of the team is: without a signal it comes in later than it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Plausible range of one reading, both ends included (policy rows)."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The facts in force, sorted by when they happened."""

    course: Course
    events: tuple[Event, ...]
    recorded: tuple[Event, ...] = ()
    conflicts: tuple[tuple[Event, ...], ...] = ()
    plausible: Mapping[str, Limits] = field(default_factory=dict)
    _times: tuple[datetime, ...] = ()
    _by_kind: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    _merged: dict[tuple[str, ...], tuple[Event, ...]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(
        cls,
        course: Course,
        events: Iterable[Event] | None = None,
        plausible: Mapping[str, Limits] | None = None,
    ) -> History:
        """The history of a course.

        Args:
            course: the header; its own events are used when `events` is None.
            events: every event on record, in any order, repeats allowed.
            plausible: ranges outside which a reading satisfies no rule.

        Raises:
            CourseFileError: one id with two contents, or corrections that run in a circle.
        """
        recorded = _once_each(course.events if events is None else events)
        limits = plausible or {}
        used, conflicts = _resolve(recorded)
        return cls._of(course, recorded, used, conflicts, limits)

    @classmethod
    def _of(
        cls,
        course: Course,
        recorded: tuple[Event, ...],
        used: Iterable[Event],
        conflicts: tuple[tuple[Event, ...], ...],
        limits: Mapping[str, Limits],
    ) -> History:
        ordered = tuple(sorted((_without_implausible(event, limits) for event in used), key=in_order))
        by_kind: dict[str, list[Event]] = defaultdict(list)
        for event in ordered:
            by_kind[event.kind].append(event)
        return cls(
            course=course,
            events=ordered,
            recorded=recorded,
            conflicts=conflicts,
            plausible=limits,
            _times=tuple(event.at for event in ordered),
            _by_kind={kind: tuple(items) for kind, items in by_kind.items()},
        )

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """The events of these kinds, oldest first."""
        if len(kinds) == 1:
            return self._by_kind.get(kinds[0], ())
        if kinds not in self._merged:
            # Most courses hold few kinds: often one list, or none, is the answer.
            found = [items for kind in dict.fromkeys(kinds) if (items := self._by_kind.get(kind))]
            if len(found) > 1:
                wanted = frozenset(kinds)
                found = [tuple([event for event in self.events if event.kind in wanted])]
            self._merged[kinds] = found[0] if found else ()
        return self._merged[kinds]

    def last(self, kind: str) -> Event | None:
        """The latest event of a kind."""
        found = self._by_kind.get(kind, ())
        return found[-1] if found else None

    def until(self, now: datetime) -> History:
        """Only what had happened by `now`."""
        if not self.events or self.events[-1].at <= now:
            return self
        kept = self.events[: bisect_right(self._times, now)]
        conflicts = tuple(
            tuple(event if event.at <= now else _not_yet(event) for event in group)
            for group in self.conflicts
            if any(event.at <= now and event.kind != "fact_withdrawn" for event in group)
        )
        return History._of(self.course, self.recorded, kept, conflicts, self.plausible)

    def next_event_after(self, now: datetime) -> datetime | None:
        """When the next fact dated later than `now` begins to count."""
        return next((event.at for event in clinical(self.events[bisect_right(self._times, now) :])), None)

    def as_known_at(self, instant: datetime) -> History:
        """What was known then: only facts recorded by that instant, with the corrections known by then."""
        known = [event for event in self.recorded if event.recorded_at <= instant]
        return History.build(self.course, known, self.plausible)

    def came_in(self, event: Event) -> datetime:
        """From when on a call can be about a report: one from home is known to nobody before it has come in.

        A correction makes it neither older nor newer.
        """
        first = event
        if event.supersedes is not None:
            known = {each.id: each for each in self.recorded}
            while first.supersedes in known:
                first = known[first.supersedes]
        return max(event.at, first.recorded_at) if first.source in FROM_HOME else event.at

    def alternatives(self) -> Iterator[History]:
        """One history for each way to read the conflicting corrections; just this one when there are none."""
        if not self.conflicts:
            yield self
            return
        contested = {event.id for group in self.conflicts for event in group}
        settled = [event for event in self.events if event.id not in contested]
        for choice in combinations(*self.conflicts):
            chosen = [event for event in choice if event.kind != "fact_withdrawn"]
            yield History._of(self.course, self.recorded, [*settled, *chosen], (), self.plausible)

    def one_by_one(self) -> Iterator[History]:
        """For more readings than can be weighed: all rival corrections at once, then each of them without the others."""
        contested = {event.id for group in self.conflicts for event in group}
        settled = [event for event in self.events if event.id not in contested]
        yield History._of(self.course, self.recorded, self.events, (), self.plausible)
        for group in self.conflicts:
            for event in group:
                alone = [] if event.kind == "fact_withdrawn" else [event]
                yield History._of(self.course, self.recorded, [*settled, *alone], (), self.plausible)

    def ways(self) -> Iterator[History]:
        """Every way to read rival corrections; of more than can be weighed, all of them at once and each alone."""
        return self.one_by_one() if self.too_many_alternatives() else self.alternatives()

    def too_many_alternatives(self) -> bool:
        """True when there are more readings than can be weighed."""
        count = 1
        for group in self.conflicts:
            count *= len(group)
        return count > MOST_ALTERNATIVES

    def asked_not_known(self) -> tuple[Missing, ...]:
        """Everything that was asked and is not known, one entry for each kind and field, the latest instant named."""
        latest: dict[tuple[str, str], datetime] = {}
        for event in clinical(self.events):
            for name in event.nulls:
                latest[event.kind, name] = event.at
        return tuple(
            Missing(
                missing=f"{kind}.{name}",
                why_it_matters=f"asked and not known, last at {say_instant(at, self.course.time_zone)}",
            )
            for (kind, name), at in sorted(latest.items())
        )


def _not_yet(event: Event) -> Event:
    """A rival correction that says the fact is still to come: until then, in this reading, there is no such fact."""
    return replace(event, kind="fact_withdrawn", body=FactWithdrawn())


def in_order(event: Event) -> tuple[datetime, datetime, str]:
    """Facts stand as they happened, those of one minute as they were written down: of two words on one thing the later one holds."""
    return event.at, event.recorded_at, event.id


def not_before(event: Event, other: Event) -> bool:
    """Whether a fact comes after another, or neither comes before: of one minute what was written down later comes after."""
    return (event.at, event.recorded_at) >= (other.at, other.recorded_at)


def _once_each(events: Iterable[Event]) -> tuple[Event, ...]:
    """Each id once, as it was written down first; the same content again is harmless, other content is refused."""
    seen: dict[str, Event] = {}
    for event in events:
        first = seen.get(event.id)
        if first is None:
            seen[event.id] = event
        elif first is not event and not same_content(first, event):
            raise CourseFileError("duplicate_id", f"Two different events carry the id {event.id}.", "events")
        elif event.recorded_at < first.recorded_at:
            seen[event.id] = event
    return tuple(sorted(seen.values(), key=in_order))


def same_content(one: Event, other: Event) -> bool:
    """True when two events say the same; when it was recorded is not content."""
    left, right = event_to_json(one), event_to_json(other)
    left.pop("recorded_at")
    right.pop("recorded_at")
    return left == right


def _resolve(recorded: tuple[Event, ...]) -> tuple[list[Event], tuple[tuple[Event, ...], ...]]:
    """The facts in force, and the groups of rival corrections."""
    by_id = {event.id: event for event in recorded}
    replaced_by: dict[str, list[Event]] = defaultdict(list)
    for event in recorded:
        if event.supersedes is not None and event.supersedes in by_id:
            replaced_by[event.supersedes].append(event)
    if not replaced_by:
        return [e for e in recorded if e.kind != "fact_withdrawn"], ()
    used: list[Event] = []
    conflicts: list[tuple[Event, ...]] = []
    reached: set[str] = set()
    for event in recorded:
        if event.supersedes is not None and event.supersedes in by_id:
            continue
        heads: list[Event] = []
        open_ends = [event]
        while open_ends:
            current = open_ends.pop()
            reached.add(current.id)
            later = replaced_by.get(current.id, [])
            open_ends.extend(later)
            if not later:
                heads.append(current)
        if len(heads) > 1 and any(head.kind != "fact_withdrawn" for head in heads):
            conflicts.append(tuple(sorted(heads, key=in_order)))
        used.extend(head for head in heads if head.kind != "fact_withdrawn")
    if len(reached) != len(recorded):
        raise CourseFileError("circular_correction", "Two corrections supersede each other.", "events")
    return used, tuple(conflicts)


def implausible_fields(event: Event, limits: Mapping[str, Limits]) -> tuple[str, ...]:
    """The readings of an event that lie outside their plausible range."""
    found = []
    for name, limit in limits.items():
        value = getattr(event.body, name, None)
        if value is not None and not limit.low <= value <= limit.high:
            found.append(name)
    return tuple(sorted(found))


def _without_implausible(event: Event, limits: Mapping[str, Limits]) -> Event:
    """An implausible reading is kept on record and satisfies no rule: here it becomes not known, and is listed."""
    body: Any = event.body
    marked = set(getattr(body, "implausible", ())) | set(implausible_fields(event, limits))
    if not marked:
        return event
    names = {f.name for f in fields(body)}
    cleared: dict[str, Any] = {name: None for name in marked if name in names}
    if "implausible" in names:
        cleared["implausible"] = tuple(sorted(marked))
    nulls = tuple(sorted(set(event.nulls) | (marked & names)))
    return replace(event, body=replace(body, **cleared), nulls=nulls)


def clinical(events: Iterable[Event]) -> Iterator[Event]:
    """Without what the shell wrote about its own pages."""
    return (event for event in events if event.kind not in SHELL_KINDS)
