"""Can a site take one more patient for the whole watched window, which hours or days stand against it, and from which day on can it?

Every day of the window needs an assessment, every day of a dose a chair, every hour somebody on call with few enough patients, every
watched patient a bed that is promised and rescue doses in stock. What a site has not said is not known, and a start over something
that is not known is not covered. A number that was said and is not known any more still refuses what was too much for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from typing import Literal

from handrail.rules.capacity_data import OWNERS, CapacityRules, Need, SiteCan, Span, Told, Wanted
from handrail.rules.terms import day_start, say_date, say_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """One thing that stands against a start: not covered (`met` false) or not known (None), when, and who mends it."""

    need: Need
    met: bool | None
    begins: datetime
    ends: datetime
    because: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAnswer:
    """Whether a start on a day is covered to the end of its window; what stands against it; the first day on which it is covered.

    `first_open`: the first day against which nothing stands for sure, though something of it may not be known.
    """

    on: date
    covered: bool | None
    against: tuple[Against, ...]
    first_on: date | None
    first_open: date | None = None

    @property
    def refused_by(self) -> tuple[Against, ...]:
        """What is not covered for sure."""
        return tuple(each for each in self.against if each.met is False)

    @property
    def not_known(self) -> tuple[Against, ...]:
        """What nobody has said."""
        return tuple(each for each in self.against if each.met is None)

    @property
    def because(self) -> str:
        """The refusal in words: every uncovered hour, and the first day that works."""
        if self.covered:
            return f"a start on {say_date(self.on)} is covered to the end of its window"
        words = "; ".join(each.because for each in self.against)
        if self.covered is None:
            return f"whether a start on {say_date(self.on)} is covered is not known: {words}; {self.first_words}"
        return f"a start on {say_date(self.on)} is not covered: {words}; {self.first_words}"

    @property
    def first_words(self) -> str:
        """The first day that works, or that none does."""
        if self.first_on:
            return f"the first day that works is {say_date(self.first_on)}"
        if self.first_open:
            return (
                "no day that is looked at works for sure; nothing is known to stand against "
                f"{say_date(self.first_open)}, and not everything is known"
            )
        return "no day that is looked at works"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One resource on one day: how much of it is used, and how much there is; None: not known."""

    need: Need
    used: int
    there: int | None

    @property
    def state(self) -> Literal["not_known", "over", "full", "room"]:
        """In one word."""
        if self.there is None:
            return "not_known"
        return "over" if self.used > self.there else "full" if self.used == self.there else "room"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLoad:
    """One day of a site: watched patients, each resource, and what stands against one more."""

    on: date
    watched: int
    against: tuple[Against, ...]
    cells: tuple[Cell, ...] = ()

    @property
    def room(self) -> bool | None:
        """Whether one more could be watched on that day; None: not known."""
        return _all(self.against)


def start(site: SiteCan, wanted: Wanted, on: date, today: date, rules: CapacityRules) -> StartAnswer:
    """Whether a site can take a start on a day and the whole window after it, and otherwise the first day on which it can.

    Args:
        today: days before it are over and are never offered.
    """
    against = _against(site, wanted, on, rules)
    covered = _all(against) if on >= today else False
    first, first_open = (on if covered else None), (on if covered is not False else None)
    if first is None:
        days = (today + timedelta(days=number) for number in range(rules.ahead.days + 1))
        for day in (day for day in days if day > on):
            answer = _all(_against(site, wanted, day, rules))
            if first_open is None and answer is not False:
                first_open = day
            if answer is True:
                first = day
                break
    return StartAnswer(on=on, covered=covered, against=against, first_on=first, first_open=first_open)


def ahead(site: SiteCan, today: date, rules: CapacityRules) -> tuple[DayLoad, ...]:
    """Every day that is looked at: how many are watched, what is used of each resource, and what stands against one more."""
    found = []
    for number in range(rules.ahead.days):
        on = today + timedelta(days=number)
        begins, ends = _day(on, site.zone)
        found.append(
            DayLoad(
                on=on,
                watched=most_at_once(site.watched, begins, ends),
                against=tuple(
                    each for each in _against(site, Wanted.whole(1), on, rules) if each.need not in ("starts", "chairs")
                ),
                cells=_cells(site, on, rules),
            )
        )
    return tuple(found)


def _cells(site: SiteCan, on: date, rules: CapacityRules) -> tuple[Cell, ...]:
    begins, ends = _day(on, site.zone)
    watched = most_at_once(site.watched, begins, ends)
    each_one = site.patients_each(on, rules).there
    people = None if site.on_call is None else _least(site.on_call, begins, ends)
    return (
        Cell(need="assessments", used=site.seen.count(on), there=site.of_day("slots", on).there),
        Cell(need="chairs", used=site.doses.count(on), there=site.of_day("chairs", on).there),
        Cell(
            need="on_call", used=watched, there=None if people is None or each_one is None else people * each_one
        ),
        Cell(need="beds", used=watched, there=site.told("beds", on).there),
        Cell(need="tocilizumab", used=watched * rules.tocilizumab.doses_each, there=site.rescue.there),
        Cell(need="starts", used=site.starts.count(on), there=site.told("starts_a_day", on).there),
    )  # fmt: skip


def _all(against: Iterable[Against]) -> bool | None:
    answers = [each.met for each in against]
    return False if False in answers else None if None in answers else True


def _day(on: date, zone: str) -> tuple[datetime, datetime]:
    return day_start(on, zone), day_start(on + timedelta(days=1), zone)


def _against(site: SiteCan, wanted: Wanted, on: date, rules: CapacityRules) -> tuple[Against, ...]:
    """Everything that stands against one more patient from a day on, in the order of time."""
    found = list(_starts(site, on))
    if not wanted.in_hospital:
        for number in wanted.dosing:
            found += _chair(site, on + timedelta(days=number))
    if wanted.watched is None:
        begins, ends = _day(on, site.zone)
        found.append(_said("window", None, begins, ends, wanted.because or "how long the window lasts is not known"))
    for first, last in _runs(wanted.watched or ()):
        begins = day_start(on + timedelta(days=first), site.zone)
        ends = day_start(on + timedelta(days=last + 1), site.zone)
        found += [
            *_rota(site, begins, ends),
            *_load(site, on + timedelta(days=first), on + timedelta(days=last), rules),
        ]
    for number in wanted.watched or ():
        found += _of_day(site, on + timedelta(days=number), wanted, rules)
    return tuple(sorted(found, key=lambda each: (each.begins, each.ends, each.need, each.because)))


def _runs(days: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The days as stretches on end: first and last of each."""
    ordered = sorted(set(days))
    for place, day in enumerate(ordered):
        if place == 0 or ordered[place - 1] != day - 1:
            first = day
        if place + 1 == len(ordered) or ordered[place + 1] != day + 1:
            yield first, day


def _starts(site: SiteCan, on: date) -> Iterator[Against]:
    begins, ends = _day(on, site.zone)
    day, booked = say_date(on), site.starts.count(on)
    words = f"{booked} start on {day} already, at most "
    yield from _counted(
        "starts", booked + 1, site.told("starts_a_day", on), (begins, ends), words,
        f"how many may start on {day} is not known",
    )  # fmt: skip


def _chair(site: SiteCan, on: date) -> Iterator[Against]:
    given, day = site.doses.count(on) + 1, say_date(on)
    yield from _counted(
        "chairs", given, site.of_day("chairs", on), _day(on, site.zone), f"{given} doses on {day}, chairs for ",
        f"for how many doses there are chairs on {day} is not known",
    )  # fmt: skip


def _counted(
    need: Need, wanted: int, told: Told, span: tuple[datetime, datetime], too_many: str, unknown: str
) -> Iterator[Against]:
    """What one number says: too many is refused, also by the last number that was said where it is not known any more."""
    if told.most is not None and wanted > told.most:
        old = "" if told.there is not None else " when it was last known"
        yield _said(need, False, *span, f"{too_many}{told.most}{old}")
    elif told.there is None:
        yield _said(need, None, *span, unknown)


def _rota(site: SiteCan, begins: datetime, ends: datetime) -> Iterator[Against]:
    """The hours of the window in which nobody is on call, or nobody who is trained."""
    for hole in site.uncovered:
        if hole.meets(begins, ends):
            yield _said("rota", False, max(begins, hole.begins), min(ends, hole.ends), hole.because)
    if site.on_call is None:
        yield _said("rota", None, begins, ends, "who is on call is not known")
        return
    reached = begins
    for span in sorted(site.on_call, key=lambda each: each.begins):
        if span.ends <= reached or span.begins >= ends:
            continue
        if span.begins > reached:
            yield _hole(site, reached, span.begins)
        reached = max(reached, span.ends)
    if reached < ends:
        yield _hole(site, reached, ends)


def _hole(site: SiteCan, begins: datetime, ends: datetime) -> Against:
    words = f"nobody is on call from {say_instant(begins, site.zone)} until {say_instant(ends, site.zone)}"
    return _said("rota", False, begins, ends, words)


def _load(site: SiteCan, first: date, last: date, rules: CapacityRules) -> Iterator[Against]:
    """The spans in which one more patient is too many for those who are on call: the days of one number after another."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    for told, run in groupby(days, key=lambda day: site.patients_each(day, rules)):
        same = list(run)
        begins, ends = day_start(same[0], site.zone), day_start(same[-1] + timedelta(days=1), site.zone)
        yield from _too_many(site, told, begins, ends)


def _too_many(site: SiteCan, told: Told, begins: datetime, ends: datetime) -> Iterator[Against]:
    if site.on_call is None:
        return
    if told.there is None:
        yield _said("on_call", None, begins, ends, "how many patients one person on call takes is not known")
    if told.most is None:
        return
    edges = {begins, ends}
    for span in (*site.on_call, *site.watched):
        edges |= {at for at in (span.begins, span.ends) if begins < at < ends}
    for start_at, end_at in pairwise(sorted(edges)):
        people = sum(span.meets(start_at, end_at) for span in site.on_call)
        patients = sum(span.meets(start_at, end_at) for span in site.watched) + 1
        if people and patients > people * told.most:
            words = f"{patients} watched patients for {people} on call from {say_instant(start_at, site.zone)}, at most {told.most} each"
            yield _said("on_call", False, start_at, end_at, words)


def _of_day(site: SiteCan, on: date, wanted: Wanted, rules: CapacityRules) -> Iterator[Against]:
    """Assessments, beds and rescue doses of one day, with one more patient."""
    span, day = _day(on, site.zone), say_date(on)
    at_once = most_at_once(site.watched, *span) + 1
    if not wanted.in_hospital:
        seen, slots = site.seen.count(on) + 1, site.of_day("slots", on)
        nobody = slots.there == 0
        if nobody:
            yield _said("assessments", False, *span, f"{seen} to assess on {day}: nobody assesses on that day")
        else:
            yield from _counted(
                "assessments", seen, slots, span, f"{seen} to assess on {day}: room for ",
                f"how many can be assessed on {day} is not known",
            )  # fmt: skip
    yield from _counted(
        "beds", at_once, site.told("beds", on), span, f"{at_once} watched on {day}: beds are promised for ",
        f"for how many beds are promised on {day} is not known",
    )  # fmt: skip
    doses = at_once * rules.tocilizumab.doses_each
    yield from _counted(
        "tocilizumab", doses, site.rescue, span, f"{doses} rescue doses of tocilizumab needed on {day}, in stock ",
        f"the rescue doses of tocilizumab on {day} are not known",
    )  # fmt: skip


def most_at_once(spans: Iterable[Span], begins: datetime, ends: datetime) -> int:
    """The most of some spans that stand at one instant between two."""
    own = [span for span in spans if span.meets(begins, ends)]
    instants = [begins, *(span.begins for span in own if span.begins > begins)]
    return max(sum(span.begins <= at < span.ends for span in own) for at in instants)


def _least(spans: Iterable[Span], begins: datetime, ends: datetime) -> int:
    """The fewest of some spans that stand at one instant between two."""
    own = [span for span in spans if span.meets(begins, ends)]
    instants = [begins, *(span.ends for span in own if span.ends < ends)]
    return min(sum(span.begins <= at < span.ends for span in own) for at in instants)


def _said(need: Need, met: bool | None, begins: datetime, ends: datetime, because: str) -> Against:
    return Against(need=need, met=met, begins=begins, ends=ends, because=because, owner=OWNERS[need])


# --- in few words -------------------------------------------------------------------------------------------------------------


def in_short(against: Sequence[Against], most: int) -> str:
    """The first of what stands against a start, one sentence for each need and day, and how many more there are."""
    words = list(dict.fromkeys(each.because for each in against))
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
