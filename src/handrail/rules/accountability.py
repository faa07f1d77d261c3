"""Does exactly one party answer for every task, at every hour of the next two weeks?

Time is cut at every instant at which an answer can change: the starts and ends of the rules by the civil clock of the agreement, midnight,
and the clock changes. Between two cuts nothing changes, so no hour is left out and none is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from handrail.rules.responsibility import (
    DOSING_SITE,
    MINUTES_OF_A_DAY,
    Agreement,
    Holidays,
    Phase,
    TaskRow,
    minutes_of,
)
from handrail.rules.rota import load_rota_rules
from handrail.rules.terms import say_instant, zone_named

AHEAD: Final = timedelta(days=load_rota_rules().look.days_ahead)
"""As far as the rota looks ahead: no hour of it may be without a person, nor without exactly one party."""
EVERY_TASK: Final = ""
"""Instead of the id of a task: no agreement is in force, so nobody answers for any."""
PHASE_WORDS: Final = {Phase.BEFORE: "before the hand-off", Phase.AFTER: "after the hand-off"}
PARTY_WORDS: Final = {DOSING_SITE: "the site that gave the dose"}
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Hours at which nobody answers for a task (a gap), or more than one party does (a double)."""

    kind: Literal["gap", "double"]
    task: str
    name: str
    start: datetime
    end: datetime
    zone: str
    phase: Phase | None = None
    """None: in every phase."""
    parties: tuple[str, ...] = ()

    @property
    def hours(self) -> str:
        """`Sat 28 Nov 2026 17:00 CST to Mon 30 Nov 2026 08:00 CST`, by the clock of the agreement."""
        return f"{say_instant(self.start, self.zone)} to {say_instant(self.end, self.zone)}"

    @property
    def words(self) -> str:
        """One plain sentence with the task and the hours."""
        phase = f" ({PHASE_WORDS[self.phase]})" if self.phase is not None else ""
        if self.kind == "double":
            many = "both" if len(self.parties) == 2 else "all"
            return f"{_and(self.parties)} {many} answer for {self.name}{phase}: {self.hours}"
        if self.task == EVERY_TASK:
            return f"no agreement is in force: {self.hours}"
        return f"nobody answers for {self.name}{phase}: {self.hours}"


def holes(
    agreements: Sequence[Agreement], start: datetime, *, ahead: timedelta = AHEAD, zone: str = "UTC"
) -> tuple[Hole, ...]:
    """Every gap and every double from `start` on, the earliest first.

    Args:
        agreements: the versions that will be in force one after the other, oldest first; a later one wins where both are.
        start: an aware instant.
        ahead: how far to look.
        zone: by whose clock hours are said when there is no agreement at all.

    An agreement that runs out within that time leaves a gap.
    """
    end = start + ahead
    found: list[Hole] = []
    pieces = list(pairwise(cuts(agreements, start, end)))
    zone = agreements[-1].time_zone if agreements else zone
    for first, last in pieces:
        agreement = in_force(agreements, first)
        if agreement is None:
            found.append(Hole(kind="gap", task=EVERY_TASK, name="every task", start=first, end=last, zone=zone))
            continue
        local = first.astimezone(zone_named(agreement.time_zone))
        for task in agreement.task:
            found += _of_task(agreement, task, local, first, last)
    return tuple(sorted(_joined(found), key=lambda hole: (hole.start, hole.kind, hole.name, str(hole.phase))))


def in_force(agreements: Sequence[Agreement], at: datetime) -> Agreement | None:
    """The last of them whose days include the instant."""
    return next((each for each in reversed(agreements) if each.starts_at <= at < each.ends_at), None)


def holders(task: TaskRow, local: datetime, phase: Phase | None, holidays: Holidays = ()) -> tuple[str, ...]:
    """The parties that answer for a task at a civil time, each once; sorted, so that the order of the rules decides nothing."""
    return tuple(sorted({rule.party for rule in task.accountable if rule.holds(local, phase, holidays)}))


def _of_task(agreement: Agreement, task: TaskRow, local: datetime, first: datetime, last: datetime) -> Iterator[Hole]:
    by_phase = {phase: holders(task, local, phase, agreement.holidays) for phase in agreement.phases}
    told = [*(party.key for party in agreement.party), DOSING_SITE]
    same = len(set(by_phase.values())) == 1
    for phase, parties in by_phase.items():
        if len(parties) != 1:
            yield Hole(
                kind="double" if parties else "gap",
                task=task.id,
                name=task.name,
                start=first,
                end=last,
                zone=agreement.time_zone,
                phase=None if same else phase,
                parties=tuple(party_words(agreement, key) for key in sorted(parties, key=told.index)),
            )
        if same:
            return


def party_words(agreement: Agreement, key: str) -> str:
    """A party as a person says it."""
    party = agreement.party_named(key)
    return party.name if party is not None else PARTY_WORDS.get(key, key)


def _joined(found: Iterable[Hole]) -> Iterator[Hole]:
    """Holes of one kind that follow one another, as one."""
    standing: dict[tuple[str, str, str, Phase | None, tuple[str, ...], str], Hole] = {}
    for hole in found:
        key = (hole.kind, hole.task, hole.name, hole.phase, hole.parties, hole.zone)
        before = standing.get(key)
        if before is not None and before.end == hole.start:
            standing[key] = replace(before, end=hole.end)
            continue
        if before is not None:
            yield before
        standing[key] = hole
    yield from standing.values()


# --- where an answer can change -------------------------------------------------------------------------------------


def cuts(agreements: Sequence[Agreement], start: datetime, end: datetime) -> list[datetime]:
    """`start`, `end`, and every instant between them at which who answers can change."""
    found = {start, end}
    for agreement in agreements:
        found |= {agreement.starts_at, agreement.ends_at}
        zone = zone_named(agreement.time_zone)
        found |= set(_clock_changes(zone, start, end))
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        while day <= last:
            found |= {at for minutes in _minutes(agreement) for at in _instants(day, minutes, zone)}
            day += timedelta(days=1)
    return sorted(at.astimezone(UTC) for at in found if start <= at <= end)


def _minutes(agreement: Agreement) -> set[int]:
    hours = agreement.clinic_hours
    rules = [rule for task in agreement.task for rule in task.accountable]
    said = [
        hours.starts,
        hours.ends,
        *(text for rule in rules for text in (rule.starts, rule.ends) if text is not None),
    ]
    return {0, *(minutes_of(text) % MINUTES_OF_A_DAY for text in said)}


def _instants(day: date, minutes: int, zone: ZoneInfo) -> Iterator[datetime]:
    """The instant of a civil time, both of them where it occurs twice."""
    naive = datetime.combine(day, time(minutes // 60, minutes % 60))
    for fold in (0, 1):
        yield naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _clock_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    at = start.astimezone(UTC).replace(second=0, microsecond=0)
    while at < end:
        following = at + HOUR
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            offset = at.astimezone(zone).utcoffset()
            yield next(
                minute
                for minute in (at + number * MINUTE for number in range(1, 61))
                if minute.astimezone(zone).utcoffset() != offset
            )
        at = following


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
