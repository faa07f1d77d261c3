"""Can a site take one more patient for the whole watched window, which hours or days stand against it, and from which day on can it?

Every day of the window needs an assessment, every hour somebody on call with few enough patients, every watched patient a bed that is
promised and rescue doses in stock. What a site has not said is not known, and a start over something that is not known is not covered.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from handrail.rules.setting_rules import SettingRow, SettingSource
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import day_start, say_date, say_instant

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "care" / "capacity.toml"
FORMAT: Final = "handrail-capacity/1"
Need = Literal["rota", "on_call", "assessments", "beds", "tocilizumab", "starts"]
OWNERS: Final[dict[Need, str]] = {
    "rota": "site manager",
    "on_call": "site manager",
    "assessments": "site manager",
    "beds": "site manager",
    "tocilizumab": "pharmacist",
    "starts": "coordinator",
}
"""Who mends what stands against a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadRow(SettingRow):
    """How far ahead a start is looked for: days."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallRow(SettingRow):
    """The most watched patients for one person on call."""

    patients_each: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TocilizumabRow(SettingRow):
    """Rescue doses for each watched patient."""

    doses_each: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRules:
    """The shipped limits."""

    format: str
    id: str
    version: str
    ahead: AheadRow
    on_call: OnCallRow
    tocilizumab: TocilizumabRow


@cache
def load_capacity() -> CapacityRules:
    """The shipped limits.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that makes no sense.
    """
    return capacity_from_toml(FILE.read_text(encoding="utf-8"))


def capacity_from_toml(text: str) -> CapacityRules:
    """Limits from their text; see `load_capacity`."""
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(SettingSource, document.pop("sources", None), "sources")
    found = read_table(CapacityRules, document, "")
    if found.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'Limits of capacity start with format = "{FORMAT}".', "format")
    named: dict[str, SettingRow] = {
        "ahead": found.ahead,
        "on_call": found.on_call,
        "tocilizumab": found.tocilizumab,
    }
    for place, row in named.items():
        if not row.source or set(row.source) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{place}.source")
    if min(found.ahead.days, found.on_call.patients_each, found.tocilizumab.doses_each) <= 0:
        raise ProtocolDataError("bad_number", "Days, patients and doses are more than none.", "ahead")
    return found


# --- what is known of a site ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one instant to another, the end not included."""

    begins: datetime
    ends: datetime

    def meets(self, begins: datetime, ends: datetime) -> bool:
        """Whether any of it lies between two instants."""
        return self.begins < ends and begins < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCan:
    """What a site can take, and what it has taken already. None: nobody has said.

    Attributes:
        zone: of the site; its days are civil days there.
        on_call: every span in which somebody trained answers, one for each person; None: the rota is not known.
        assessments: how many watched patients can be assessed on a weekday, Monday first; None: not known.
        closed: days on which nobody assesses: holidays without cover.
        beds: how many watched patients the beds that are promised allow at once.
        rescue_doses: doses of tocilizumab in stock that are reserved for no other use.
        starts_a_day: the most first doses on one day.
        watched: the windows of the patients who are watched, or booked to be.
        starts: the days of the starts that are booked.
    """

    zone: str
    on_call: tuple[Span, ...] | None = None
    assessments: tuple[int | None, ...] = (None,) * 7
    closed: frozenset[date] = frozenset()
    beds: int | None = None
    rescue_doses: int | None = None
    starts_a_day: int | None = None
    watched: tuple[Span, ...] = ()
    starts: tuple[date, ...] = ()


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
    """Whether a start on a day is covered to the end of its window; what stands against it; the first day on which it is covered."""

    on: date
    covered: bool | None
    against: tuple[Against, ...]
    first_on: date | None

    @property
    def because(self) -> str:
        """The refusal in words: every uncovered hour, and the first day that works."""
        if self.covered:
            return f"a start on {say_date(self.on)} is covered to the end of its window"
        words = "; ".join(each.because for each in self.against)
        first = (
            f"the first day that works is {say_date(self.first_on)}"
            if self.first_on
            else "no day that is looked at works"
        )
        return f"a start on {say_date(self.on)} is not covered: {words}; {first}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLoad:
    """One day of a site: watched patients, and what stands against one more."""

    on: date
    watched: int
    against: tuple[Against, ...]

    @property
    def room(self) -> bool | None:
        """Whether one more could be watched on that day; None: not known."""
        return _all(self.against)


def start(site: SiteCan, on: date, window_days: int, today: date, rules: CapacityRules) -> StartAnswer:
    """Whether a site can take a start on a day and the whole window after it, and otherwise the first day on which it can.

    Args:
        window_days: civil days from the first dose to the end of the watched window, both included.
        today: days before it are over and are never offered.

    Raises:
        ValueError: a window of no days.
    """
    if window_days <= 0:
        raise ValueError("a watched window has some days")
    against = _against(site, on, window_days, rules)
    covered = _all(against) if on >= today else False
    first = on if covered else None
    if first is None:
        edge = today + timedelta(days=rules.ahead.days)
        days = (today + timedelta(days=number) for number in range(rules.ahead.days + 1))
        later = (day for day in days if on < day <= edge)
        first = next((day for day in later if _all(_against(site, day, window_days, rules)) is True), None)
    return StartAnswer(on=on, covered=covered, against=against, first_on=first)


def ahead(site: SiteCan, today: date, rules: CapacityRules) -> tuple[DayLoad, ...]:
    """Every day that is looked at: how many are watched, and what stands against one more."""
    found = []
    for number in range(rules.ahead.days):
        on = today + timedelta(days=number)
        begins, ends = _day(on, site.zone)
        found.append(
            DayLoad(
                on=on,
                watched=_most(site.watched, begins, ends),
                against=tuple(each for each in _against(site, on, 1, rules) if each.need != "starts"),
            )
        )
    return tuple(found)


def _all(against: Iterable[Against]) -> bool | None:
    answers = [each.met for each in against]
    return False if False in answers else None if None in answers else True


def _day(on: date, zone: str) -> tuple[datetime, datetime]:
    return day_start(on, zone), day_start(on + timedelta(days=1), zone)


def _against(site: SiteCan, on: date, window_days: int, rules: CapacityRules) -> tuple[Against, ...]:
    """Everything that stands against one more patient from a day on, in the order of time."""
    begins, ends = day_start(on, site.zone), day_start(on + timedelta(days=window_days), site.zone)
    found = [*_starts(site, on), *_rota(site, begins, ends), *_load(site, begins, ends, rules)]
    for number in range(window_days):
        found += _of_day(site, on + timedelta(days=number), rules)
    return tuple(sorted(found, key=lambda each: (each.begins, each.ends, each.need)))


def _starts(site: SiteCan, on: date) -> Iterator[Against]:
    begins, ends = _day(on, site.zone)
    if site.starts_a_day is None:
        yield _said("starts", None, begins, ends, "how many may start on one day is not known")
    elif site.starts.count(on) >= site.starts_a_day:
        yield _said(
            "starts",
            False,
            begins,
            ends,
            f"{site.starts.count(on)} start on {say_date(on)} already, at most {site.starts_a_day}",
        )


def _rota(site: SiteCan, begins: datetime, ends: datetime) -> Iterator[Against]:
    """The hours of the window in which nobody is on call."""
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


def _load(site: SiteCan, begins: datetime, ends: datetime, rules: CapacityRules) -> Iterator[Against]:
    """The spans in which one more patient is too many for those who are on call."""
    if site.on_call is None:
        return
    each_one = rules.on_call.patients_each
    edges = {begins, ends}
    for span in (*site.on_call, *site.watched):
        edges |= {at for at in (span.begins, span.ends) if begins < at < ends}
    ordered = sorted(edges)
    for start_at, end_at in pairwise(ordered):
        people = sum(span.meets(start_at, end_at) for span in site.on_call)
        patients = sum(span.meets(start_at, end_at) for span in site.watched) + 1
        if people and patients > people * each_one:
            words = f"{patients} watched patients for {people} on call from {say_instant(start_at, site.zone)}, at most {each_one} each"
            yield _said("on_call", False, start_at, end_at, words)


def _of_day(site: SiteCan, on: date, rules: CapacityRules) -> Iterator[Against]:
    """Assessments, beds and rescue doses of one day, with one more patient."""
    begins, ends = _day(on, site.zone)
    seen = sum(span.meets(begins, ends) for span in site.watched) + 1
    at_once = _most(site.watched, begins, ends) + 1
    slots = 0 if on in site.closed else site.assessments[on.weekday()]
    day = say_date(on)
    if slots is None:
        yield _said("assessments", None, begins, ends, f"how many can be assessed on {day} is not known")
    elif seen > slots:
        why = "nobody assesses on that day" if slots == 0 else f"room for {slots}"
        yield _said("assessments", False, begins, ends, f"{seen} to assess on {day}: {why}")
    if site.beds is None:
        yield _said("beds", None, begins, ends, f"for how many beds are promised on {day} is not known")
    elif at_once > site.beds:
        yield _said("beds", False, begins, ends, f"{at_once} watched on {day}: beds are promised for {site.beds}")
    wanted = at_once * rules.tocilizumab.doses_each
    if site.rescue_doses is None:
        yield _said("tocilizumab", None, begins, ends, f"the rescue doses of tocilizumab on {day} are not known")
    elif wanted > site.rescue_doses:
        words = f"{wanted} rescue doses of tocilizumab needed on {day}, {site.rescue_doses} in stock"
        yield _said(
            "tocilizumab",
            False,
            begins,
            ends,
            words,
        )


def _most(spans: Iterable[Span], begins: datetime, ends: datetime) -> int:
    """The most of some spans that stand at one instant between two."""
    own = [span for span in spans if span.meets(begins, ends)]
    instants = [begins, *(span.begins for span in own if span.begins > begins)]
    return max(sum(span.begins <= at < span.ends for span in own) for at in instants)


def _said(need: Need, met: bool | None, begins: datetime, ends: datetime, because: str) -> Against:
    return Against(need=need, met=met, begins=begins, ends=ends, because=because, owner=OWNERS[need])
