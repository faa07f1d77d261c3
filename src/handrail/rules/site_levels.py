"""Which level does a site hold for a product on a day, and which items separate it from the next?

A level is held when somebody signed that the site is at it, and every item of the checklist up to it is shown, in date and with its
evidence. An item that nobody has shown is not known and counts as missing. A director of the hub may except an item, until a day and with
a reason; a practice without a hub has its own director for that. The level of one product says nothing about another.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Final, Literal

from handrail.rules.setting_facts import LEVELS, Level, reaches
from handrail.rules.setting_rules import FOLDER, SettingRow, SettingSource
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import UnusableInput, say_date

FORMAT: Final = "handrail-levels/1"
DIRECTOR: Final = "director"
"""The role that may except an item and sign a level: of the hub, or of a practice that has none."""
State = Literal["shown", "excepted", "ended", "not_met", "not_known"]
HOLDS: Final = ("shown", "excepted")
LICENSED: Final = "SITE-05"
"""The item that says under which type of licence a site works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow(SettingRow):
    """A level, and what a site may do at it."""

    id: Level
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow(SettingRow):
    """A phase of treatment, and the lowest level for it."""

    id: str
    words: str
    from_level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow(SettingRow):
    """One line of the checklist: what is shown, by what, who answers for it, and for how many days after it was checked."""

    id: str
    from_level: Level
    criterion: str
    evidence: str
    owner: str
    valid_days: int
    per_product: bool = False
    exception: bool = True
    again: bool = False
    alone: str | None = None
    offer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceRow(SettingRow):
    """A type of licence, and who answers for dispensing under it."""

    id: str
    words: str
    dispenser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceItemRow(ItemRow):
    """A line that only a site under this type of licence shows."""

    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRow(SettingRow):
    """How many patients a site has looked after at its level before the next one is signed, and which events are serious."""

    patients_at_level: int
    serious_grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLevels:
    """The levels, the phases and the checklist."""

    format: str
    id: str
    version: str
    promotion: PromotionRow
    level: tuple[LevelRow, ...]
    phase: tuple[PhaseRow, ...]
    item: tuple[ItemRow, ...]
    licence: tuple[LicenceRow, ...]
    licence_item: tuple[LicenceItemRow, ...]

    def rows_for(self, licence: str | None) -> tuple[ItemRow, ...]:
        """The checklist of a site under a type of licence; None: not known, and `LICENSED` then stands open."""
        return (*self.item, *(row for row in self.licence_item if row.licence == licence))

    def words(self, level: Level) -> str:
        """What a site may do at a level."""
        return next(row.words for row in self.level if row.id == level)


@cache
def load_site_levels() -> SiteLevels:
    """The shipped levels and checklist.

    Raises:
        ProtocolDataError: an unknown key or level, a missing source, an id twice, a number that makes no sense.
    """
    return site_levels_from_toml((FOLDER / "levels-1.toml").read_text(encoding="utf-8"))


def site_levels_from_toml(text: str) -> SiteLevels:
    """Levels and checklist from their text; see `load_site_levels`."""
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(SettingSource, document.pop("sources", None), "sources")
    levels = read_table(SiteLevels, document, "")
    if levels.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'Levels of sites start with format = "{FORMAT}".', "format")
    if tuple(row.id for row in levels.level) != LEVELS:
        raise ProtocolDataError("wrong_order", f"The levels are {', '.join(LEVELS)}, in this order.", "level")
    named: list[tuple[str, SettingRow]] = [("promotion", levels.promotion)]
    named += [(str(level.id), level) for level in levels.level]
    named += [(phase.id, phase) for phase in levels.phase]
    items = (*levels.item, *levels.licence_item)
    named += [(item.id, item) for item in items]
    named += [(licence.id, licence) for licence in levels.licence]
    for place, row in named:
        if not row.source or set(row.source) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{place}.source")
    ids = [place for place, _ in named]
    for one in ids:
        if ids.count(one) > 1:
            raise ProtocolDataError("duplicate_id", f"Two rows are called {one!r}.", one)
    for item in items:
        if item.valid_days <= 0:
            raise ProtocolDataError("bad_number", "An item counts for some days.", f"{item.id}.valid_days")
        if item.from_level == LEVELS[0]:
            raise ProtocolDataError("wrong_order", "Whoever only refers has nothing to show.", f"{item.id}.from_level")
    for row in levels.licence_item:
        if row.licence not in {licence.id for licence in levels.licence}:
            raise ProtocolDataError("unknown_word", "There is no such type of licence.", f"{row.id}.licence")
    if levels.promotion.patients_at_level <= 0:
        raise ProtocolDataError("bad_number", "Some patients come first.", "promotion.patients_at_level")
    return levels


# --- what is known of a site ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What somebody recorded of an item: whether it is met, on which day that was checked, by which evidence.

    `until` is the evidence's own end, `no_end` says that it has none: an end that nobody wrote down is not known.
    """

    item: str
    met: bool | None = None
    checked_on: date | None = None
    evidence: str | None = None
    until: date | None = None
    no_end: bool | None = None
    product: str | None = None
    licence: str | None = None
    """Of `LICENSED` only: the type of licence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excepted:
    """An item that a director excepts from a day until another, both included, with a reason."""

    item: str
    from_on: date
    until_on: date
    by: str
    role: str
    reason: str
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A level that a director signed for a product, from a day until another, both included."""

    product: str
    level: Level
    from_on: date
    until_on: date
    by: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """Everything recorded of a site. `has_hub` false: a practice by itself. What is not recorded is not known."""

    name: str
    has_hub: bool = True
    shown: tuple[Shown, ...] = ()
    excepted: tuple[Excepted, ...] = ()
    granted: tuple[Granted, ...] = ()
    patients_at_level: int | None = None
    serious_events_not_reviewed: int | None = None


# --- the answer -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the checklist on a day: how it stands, until when, and who does what about it."""

    item: str
    from_level: Level
    state: State
    criterion: str
    because: str
    evidence: str
    owner: str
    next_step: str | None
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a promotion: met, not met, or not known."""

    id: str
    met: bool | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseAnswer:
    """Whether the site may take a phase of this product, and the lines that stand in the way."""

    phase: str
    allowed: bool
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLevel:
    """The level of a site for a product on a day, until when it holds if nothing changes, and the way to the next one.

    `separates`: the items of the next level that do not hold. `promotion`: what a director looks at before signing it.
    """

    product: str
    on: date
    level: Level
    words: str
    granted: Level | None
    until: date | None
    lines: tuple[Line, ...]
    next_level: Level | None
    separates: tuple[Line, ...]
    promotion: tuple[Condition, ...]
    phases: tuple[PhaseAnswer, ...]
    licence: str | None


def site_level(
    facts: SiteFacts, levels: SiteLevels, product: str, on: date, *, booked: date | None = None
) -> SiteLevel:
    """The level that a site holds for a product on a day.

    Args:
        booked: the day on which a dose for `on` is put on the calendar. What is checked again and again then counts as it stood on
            that day: nobody can count next week's stock today. What ends by its own paper, exception or signature ends all the same.

    Raises:
        UnusableInput: facts about an item that is not on the checklist, or spans that end before they begin.
    """
    _check(facts, levels)
    licence = licence_of(facts, on)
    lines = tuple(_line(facts, row, product, on, booked) for row in levels.rows_for(licence))
    grant = _grant(facts, product, on)
    held: Level = LEVELS[0]
    for level in LEVELS[1:]:
        if grant is None or not reaches(grant.level, level) or not _all_hold(lines, level):
            break
        held = level
    place = LEVELS.index(held) + 1
    following = LEVELS[place] if place < len(LEVELS) else None
    return SiteLevel(
        product=product,
        on=on,
        level=held,
        words=levels.words(held),
        granted=grant.level if grant is not None else None,
        until=_until(lines, held, grant),
        lines=lines,
        next_level=following,
        separates=tuple(line for line in _up_to(lines, following) if line.state not in HOLDS) if following else (),
        promotion=tuple(_promotion(facts, levels, grant, following)) if following else (),
        phases=tuple(_phase(row, held, lines, grant) for row in levels.phase),
        licence=licence,
    )


def licence_of(facts: SiteFacts, on: date) -> str | None:
    """The type of licence that was recorded last by a day; None: not known, or two of one day differ."""
    told = [each for each in facts.shown if each.item == LICENSED]
    dated = [each.checked_on for each in told if each.checked_on is not None and each.checked_on <= on]
    newest = max(dated, default=None)
    if newest is None or any(each.checked_on is None for each in told):
        return None
    found = {each.licence for each in told if each.checked_on == newest}
    return found.pop() if len(found) == 1 else None


def _check(facts: SiteFacts, levels: SiteLevels) -> None:
    known = {row.id for row in (*levels.item, *levels.licence_item)}
    licences = {row.id for row in levels.licence}
    for each in facts.shown:
        if each.licence is not None and each.licence not in licences:
            raise UnusableInput("unknown_word", "There is no such type of licence.", f"shown.{each.item}")
    for name in (*(told.item for told in facts.shown), *(waived.item for waived in facts.excepted)):
        if name not in known:
            raise UnusableInput("unknown_word", "There is no such item on the checklist.", name)
    for waived in facts.excepted:
        if waived.until_on < waived.from_on:
            raise UnusableInput("wrong_order", "The exception ends before it begins.", f"excepted.{waived.item}")
    for one in facts.granted:
        if one.until_on < one.from_on:
            raise UnusableInput("wrong_order", "The level ends before it begins.", "granted")
    for told in facts.shown:
        if told.until is not None and told.no_end is True:
            raise UnusableInput("contradiction", "It has an end, and has none.", f"shown.{told.item}")


# --- one item ------------------------------------------------------------------------------------------------------------------------


def _line(facts: SiteFacts, row: ItemRow, product: str, on: date, booked: date | None) -> Line:
    criterion = row.criterion if facts.has_hub or row.alone is None else row.alone
    state, because, until = _state(facts, row, product, on, booked)
    if row.id == LICENSED and licence_of(facts, on) is None:  # no exception: without it nobody knows what else to ask
        if state in HOLDS:
            state, because, until = "not_known", "the type of licence is not known", None
    elif state not in HOLDS:
        waived = _exception(facts, row, product, on)
        if waived is not None:
            words = f"excepted until {say_date(waived.until_on)} by {waived.by}: {waived.reason}"
            state, because, until = "excepted", words, waived.until_on
    step = None
    if state not in HOLDS:
        step = row.offer or f"show it, with {row.evidence}"
    return Line(
        item=row.id,
        from_level=row.from_level,
        state=state,
        criterion=criterion,
        because=because,
        evidence=row.evidence,
        owner=row.owner,
        next_step=step,
        until=until,
    )


def _state(
    facts: SiteFacts, row: ItemRow, product: str, on: date, booked: date | None
) -> tuple[State, str, date | None]:
    """How an item stands on a day by what was recorded last before it, and the last day on which it holds."""
    told = [each for each in facts.shown if each.item == row.id and _about(each.product, row, product)]
    undated = [each for each in told if each.checked_on is None]
    if undated:  # it may be the latest word
        refused = any(each.met is False for each in undated)
        return ("not_met" if refused else "not_known"), "nobody has recorded when it was checked", None
    newest = max(
        (each.checked_on for each in told if each.checked_on is not None and each.checked_on <= on), default=None
    )
    if newest is None:
        return "not_known", "nothing is recorded", None
    latest = [each for each in told if each.checked_on == newest]
    if any(each.met is False for each in latest):  # of two words of one day the more cautious
        return "not_met", f"not met when it was checked on {say_date(newest)}", None
    if any(each.met is None for each in latest):
        return "not_known", f"on {say_date(newest)} it was not known whether it is met", None
    counts_until = newest + timedelta(days=row.valid_days)
    if row.again and booked is not None and booked <= counts_until:
        counts_until = max(counts_until, on)
    until = min([counts_until, *(each.until for each in latest if each.until is not None)])
    if until < on:
        return "ended", f"it held until {say_date(until)}", until
    if any(not each.evidence for each in latest):
        return "not_known", f"on {say_date(newest)} no evidence was kept", None
    if any(each.until is None and each.no_end is not True for each in latest):
        return "not_known", f"whether the evidence of {say_date(newest)} ends, and when", None
    return "shown", f"shown on {say_date(newest)}, holds until {say_date(until)}", until


def _about(told: str | None, row: ItemRow, product: str) -> bool:
    """Whether something was recorded about this product; an item of each product is not shown by a word about the site."""
    return told == product if row.per_product else told in (None, product)


def _exception(facts: SiteFacts, row: ItemRow, product: str, on: date) -> Excepted | None:
    """The exception that holds on a day, the longest of them: by a director, with a reason, of an item that may be excepted."""
    if not row.exception:
        return None
    found = [
        each
        for each in facts.excepted
        if each.item == row.id
        and _about(each.product, row, product)
        and each.from_on <= on <= each.until_on
        and each.role == DIRECTOR
        and each.by.strip()
        and each.reason.strip()
    ]
    return max(found, key=lambda each: each.until_on, default=None)


# --- the level -------------------------------------------------------------------------------------------------------------------------


def _grant(facts: SiteFacts, product: str, on: date) -> Granted | None:
    """What a director signed last, if it still holds; of two of one day the lower. One that has ended brings no older one back."""
    found = [
        each
        for each in facts.granted
        if each.product == product and each.role == DIRECTOR and each.by.strip() and each.from_on <= on
    ]
    last = max(found, key=lambda each: (each.from_on, -LEVELS.index(each.level)), default=None)
    return last if last is not None and on <= last.until_on else None


def _up_to(lines: Sequence[Line], level: Level) -> Iterator[Line]:
    return (line for line in lines if reaches(level, line.from_level))


def _all_hold(lines: Sequence[Line], level: Level) -> bool:
    return all(line.state in HOLDS for line in _up_to(lines, level))


def _until(lines: Sequence[Line], held: Level, grant: Granted | None) -> date | None:
    """The last day on which the level holds if nothing is recorded; a level that nobody can lose has none."""
    if held == LEVELS[0]:
        return None
    ends = [line.until for line in _up_to(lines, held) if line.until is not None]
    if grant is not None:
        ends.append(grant.until_on)
    return min(ends, default=None)


def _phase(row: PhaseRow, held: Level, lines: Sequence[Line], grant: Granted | None) -> PhaseAnswer:
    lacking = [line.item for line in _up_to(lines, row.from_level) if line.state not in HOLDS]
    if grant is None or not reaches(grant.level, row.from_level):
        lacking.append(SIGNED)
    return PhaseAnswer(phase=row.id, allowed=reaches(held, row.from_level), lacking=tuple(lacking))


SIGNED: Final = "level_signed"
"""Stands among what is lacking: no director has signed the level."""


def _promotion(facts: SiteFacts, levels: SiteLevels, grant: Granted | None, following: Level) -> Iterator[Condition]:
    """What a director looks at before signing the next level; without a level so far nobody has been looked after at one."""
    signed = grant is not None and reaches(grant.level, following)
    least, patients = levels.promotion.patients_at_level, facts.patients_at_level
    if following != LEVELS[1]:
        enough = None if patients is None else patients >= least
        said = "not known" if patients is None else str(patients)
        yield Condition(id="patients", met=enough, because=f"patients at this level: {said}; {least} are needed")
    events = facts.serious_events_not_reviewed
    reviewed = None if events is None else events == 0
    said = "not known" if events is None else str(events)
    yield Condition(id="events", met=reviewed, because=f"serious events that nobody reviewed: {said}")
    who = "a director of the hub" if facts.has_hub else "the practice's own director"
    yield Condition(id=SIGNED, met=signed, because=f"{who} signs level {following}")
