"""What each dispensed dose has to show: the prescriber checked and the code; who owns that at every hour; which reactions are reported.

No dose is without an owner: where a mode names nobody who is still there, the other side answers, then the representative, the deputy
and whoever manages the site.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from handrail.rules.doors import DoorState, Hours, door_at
from handrail.rules.evidence import Evidence
from handrail.rules.referral import last_working_day
from handrail.rules.rems_data import CodeRow, ReportRow, RequirementRow
from handrail.rules.terms import civil_date, day_start, say_date, say_instant

ModeName = Literal["central", "local", "hybrid"]
MODES: Final[tuple[ModeName, ...]] = ("central", "local", "hybrid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispense:
    """One dispense record. `checked`: the prescriber's certification was confirmed; None: not known. `code` empty: not captured."""

    course: str
    on: date
    checked: bool | None
    code: str
    obtained_at: datetime | None
    recorded_at: datetime
    by: str
    how: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """A dose that was given. `on`: its civil date where it was given; `recorded_at`: when somebody wrote that down; `event`: its id."""

    course: str
    label: str
    product: str
    site: str
    on: date
    given_at: datetime
    recorded_at: datetime
    event: str = ""


def check_of(dispenses: Sequence[Dispense], on: date, row: RequirementRow, menders: Sequence[str]) -> Evidence:
    """Whether a dose's dispense record is whole: one code, and the prescriber checked."""
    step = f"get the code from the programme and write it down: {', '.join(menders) or 'the authorised representative'}"
    mark = " (a row not verified)" if row.status == "unverified" else ""

    def said(met: bool | None, because: str, evidence: str | None = None) -> Evidence:
        mend = None if met else step
        return Evidence(met=met, because=f"{because}{mark}", owner=row.owner, next_step=mend, evidence=evidence)

    codes = sorted({each.code for each in dispenses if each.code})
    if not dispenses or not codes:
        return said(False, f"dispensing of {say_date(on)}: no code or confirmation is recorded")
    if len(codes) > 1:
        step = "correct the wrong one: a dose has one code"
        return said(False, f"dispensing of {say_date(on)}: {len(codes)} different codes are recorded")
    if any(each.checked is False for each in dispenses):
        return said(False, f"dispensing of {say_date(on)}: the prescriber was found not certified")
    if not all(each.code for each in dispenses):
        return said(None, f"dispensing of {say_date(on)}: one of the records has no code")
    if not all(each.checked for each in dispenses):
        return said(None, f"dispensing of {say_date(on)}: whether the prescriber was checked is not known")
    last = max(dispenses, key=lambda each: each.recorded_at)
    return said(True, f"code recorded by {last.by}", f"{codes[0]}, {last.how or 'how is not known'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A given dose whose dispense record is missing, late, double, or was never checked, in words. `late_from`: when a code is late."""

    dose: Dose
    kind: Literal["missing", "late", "duplicate", "unchecked"]
    words: str
    late_from: datetime


def troubles(
    doses: Iterable[Dose], dispenses: Sequence[Dispense], rules: CodeRow, shared: Collection[str] | None = None
) -> tuple[Trouble, ...]:
    """What is wrong with the dispense records of given doses, the oldest first. A missing one is named as soon as the dose is recorded.

    Args:
        shared: the codes that stand for more than one dose, where more records than these were looked through; None: by these alone.
    """
    by_dose: dict[tuple[str, date], list[Dispense]] = {}
    codes: dict[str, set[tuple[str, date]]] = {}
    for each in dispenses:
        by_dose.setdefault((each.course, each.on), []).append(each)
        if each.code:
            codes.setdefault(each.code, set()).add((each.course, each.on))
    twice = {code for code, stands in codes.items() if len(stands) > 1} if shared is None else shared
    found: list[Trouble] = []
    for dose in sorted(doses, key=lambda d: (d.given_at, d.course)):
        late_from = dose.recorded_at + timedelta(minutes=rules.late_after_minutes)
        held = by_dose.get((dose.course, dose.on), [])
        for kind, words in _wrong(dose, held, twice, late_from):
            found.append(Trouble(dose=dose, kind=kind, words=words, late_from=late_from))
    return tuple(found)


def _wrong(
    dose: Dose, held: Sequence[Dispense], twice: Collection[str], late_from: datetime
) -> Iterable[tuple[Literal["missing", "late", "duplicate", "unchecked"], str]]:
    mine = {each.code for each in held if each.code}
    if not mine:
        yield "missing", "no code or confirmation is recorded"
        return
    if len(mine) > 1:
        yield "duplicate", f"{len(mine)} different codes for one dose"
    if any(code in twice for code in mine):
        yield "duplicate", "the same code stands for another dose"
    with_code = [each for each in held if each.code]
    if all(each.obtained_at is None for each in with_code):
        yield "late", "when the code was obtained is not known"
    elif all(each.obtained_at is None or each.obtained_at > dose.given_at for each in with_code):
        yield "late", "the code was obtained after the dose was given"
    elif all(each.recorded_at > late_from for each in with_code):
        yield "late", "the code was written down late"
    if any(each.checked is False for each in held):
        yield "unchecked", "the prescriber was found not certified"
    elif not all(each.checked for each in held):
        yield "unchecked", "whether the prescriber was checked is not known"


# --- who owns the codes at an hour ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Who gets the codes from an instant on: the central team, the site, or the centre in its hours and the site otherwise.

    `central`, `local`: by name; empty: nobody who is still there. `hours`: of the centre, where the mode is hybrid.
    """

    mode: ModeName
    from_at: datetime
    central: str = ""
    local: str = ""
    hours: Hours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who owns a dose's code at an hour; `name` empty: nobody is left to name, which is itself a red line."""

    name: str
    side: Literal["central", "local", "fallback", "nobody"]
    because: str


def owner_at(modes: Sequence[Mode], at: datetime, holidays: Collection[date], fallback: Sequence[str]) -> Owner:
    """Who owns the codes of a site at an instant.

    Args:
        modes: every mode that was ever set, in the order of setting; the latest that has begun counts, of one instant the one set last.
        fallback: who answers where the mode names nobody: representative, deputy, managers, in this order.
    """
    begun = [each for each in modes if each.from_at <= at]
    if not begun:
        return _fallback(fallback, "no mode is set")
    mode = _latest(begun)
    first = mode.mode
    if first == "hybrid":
        first = "central" if door_at(mode.hours, at, holidays).state is DoorState.OPEN else "local"
    for side in (first, "local" if first == "central" else "central"):
        name = mode.central if side == "central" else mode.local
        if name:
            because = f"{mode.mode} mode" if side == first else f"{mode.mode} mode, nobody on the {first} side"
            return Owner(name=name, side="central" if side == "central" else "local", because=because)
    return _fallback(fallback, f"{mode.mode} mode names nobody who is still there")


def _latest(begun: Sequence[Mode]) -> Mode:
    """The mode that began last; a second word on one instant takes the place of the first."""
    return max(reversed(begun), key=lambda each: each.from_at)


def _fallback(names: Sequence[str], because: str) -> Owner:
    name = next((each for each in names if each), "")
    return Owner(name=name, side="fallback" if name else "nobody", because=because)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """At an instant the codes pass from one owner to the next."""

    at: datetime
    before: Owner
    after: Owner


def hand_overs(
    modes: Sequence[Mode],
    begins: datetime,
    ends: datetime,
    holidays: Collection[date],
    fallback: Callable[[datetime], Sequence[str]],
    turns: Collection[datetime] = (),
) -> tuple[HandOver, ...]:
    """Every change of owner from one instant to another.

    Args:
        fallback: who answers at an instant where the mode names nobody, as `owner_at` takes it; `turns`: when that may change.
    """
    found = []
    at, owner = begins, owner_at(modes, begins, holidays, fallback(begins))
    while (cut := _next_cut(modes, at, holidays, turns)) is not None and cut < ends:
        after = owner_at(modes, cut, holidays, fallback(cut))
        if after.name != owner.name:
            found.append(HandOver(at=cut, before=owner, after=after))
        at, owner = cut, after
    return tuple(found)


def _next_cut(
    modes: Sequence[Mode], at: datetime, holidays: Collection[date], turns: Collection[datetime]
) -> datetime | None:
    """The next instant at which the owner may change."""
    cuts = [each for each in (*(mode.from_at for mode in modes), *turns) if each > at]
    begun = [each for each in modes if each.from_at <= at]
    if begun and (mode := _latest(begun)).mode == "hybrid":
        door = door_at(mode.hours, at, holidays)
        cuts += [each for each in (door.until, door.opens_at) if each is not None and each > at]
    return min(cuts, default=None)


# --- reactions that are reported -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A reaction as a clinician assessed it. `grade` None: not known."""

    course: str
    label: str
    toxicity: Literal["crs", "icans"]
    grade: int | None
    at: datetime
    zone: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that is owed. `unsure`: the grade is not known, and somebody decides whether it is serious."""

    reaction: Reaction
    due_at: datetime
    unsure: bool
    words: str

    @property
    def last_day(self) -> date:
        """The last day on which it is in time, by the clock of where the reaction was assessed: it is due at the end of that day."""
        return civil_date(self.due_at - timedelta.resolution, self.reaction.zone)


def reports_due(
    reactions: Iterable[Reaction],
    reported: Collection[str],
    resolved: Sequence[tuple[str, str, datetime]],
    rules: ReportRow,
    holidays: Collection[date],
) -> tuple[Report, ...]:
    """The reports that are owed, the first due first; one for each episode.

    Args:
        reported: the events for which a report, or a decision that none is owed, is recorded.
        resolved: course, toxicity and instant of each end of an episode.
    """
    episodes: dict[tuple[str, str, int], list[Reaction]] = {}
    for each in sorted(reactions, key=lambda r: r.at):
        number = sum(
            1
            for course, toxicity, at in resolved
            if (course, toxicity) == (each.course, each.toxicity) and at < each.at
        )
        episodes.setdefault((each.course, each.toxicity, number), []).append(each)
    found = []
    for told in episodes.values():
        limit = rules.crs_grade_from if told[0].toxicity == "crs" else rules.icans_grade_from
        serious = [each for each in told if each.grade is None or each.grade >= limit]
        covered = [each for each in serious if each.event in reported]
        # What got worse after the report is reported again; what stayed or was graded lower is the same report.
        worst = max((each.grade or 0 for each in covered), default=-1)
        last = max((each.at for each in covered), default=None)
        owed = [
            each
            for each in serious
            if each.event not in reported
            and ((last is None or each.at > last) if each.grade is None else each.grade > worst)
        ]
        if not owed:
            continue
        first, unsure = owed[0], all(each.grade is None for each in owed)
        due = due_at(first.at, first.zone, rules.working_days, holidays)
        grade = (
            "grade not known: decide whether it is serious" if unsure else f"grade {max(e.grade or 0 for e in owed)}"
        )
        words = f"{first.toxicity.upper()}, {grade}, at {say_instant(first.at, first.zone)}"
        found.append(Report(reaction=first, due_at=due, unsure=unsure, words=words))
    return tuple(sorted(found, key=lambda each: (each.due_at, each.reaction.course)))


def due_at(at: datetime, zone: str, working_days: int, holidays: Collection[date]) -> datetime:
    """The end of so many working days after the day of an instant: weekends and holidays are none."""
    day = last_working_day(at, working_days, zone, holidays)
    return day_start(day + timedelta(days=1), zone)
