"""Was a mock drill of a reaction passed, and does the site hold the drills that SITE-23 asks for?

A drill is passed when every limit was kept and the grade was right. A time that nobody took is not known, and that never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

from handrail.rules.curriculum import FOLDER, check_rows, read_training
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.setting_rules import SettingRow
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import day_start, say_date

FORMAT: Final = "handrail-drills/1"
GRADE: Final = "correct_grade"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow(SettingRow):
    """One kind of drill; `required`: a site has to have passed one."""

    id: str
    words: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow(SettingRow):
    """The most minutes, from the start of the drill."""

    id: str
    words: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillBook:
    """The kinds of drills, the limits, and for how many days a passed one counts."""

    format: str
    id: str
    version: str
    valid_days: int
    kind: tuple[KindRow, ...]
    limit: tuple[LimitRow, ...]


@cache
def load_drills() -> DrillBook:
    """The shipped drills.

    Raises:
        ProtocolDataError: an unknown key, a missing source, an id twice, a number that makes no sense.
    """
    return drills_from_toml((FOLDER / "drills-1.toml").read_text(encoding="utf-8"))


def drills_from_toml(text: str) -> DrillBook:
    """Drills from their text; see `load_drills`."""
    book, sources = read_training(DrillBook, text, FORMAT, "Drills start")
    named: list[tuple[str, SettingRow]] = [(row.id, row) for row in book.kind]
    check_rows(named + [(row.id, row) for row in book.limit], sources)
    if book.valid_days <= 0 or any(row.minutes <= 0 for row in book.limit):
        raise ProtocolDataError("bad_number", "Minutes and days are more than none.", "limit")
    if not book.limit or not any(row.required for row in book.kind):
        raise ProtocolDataError("missing_key", "Some limit is kept, and some kind is asked for.", "limit")
    return book


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One drill: its kind and day, the minutes from its start to each milestone, and whether the grade was right. None: not known."""

    kind: str
    on: date | None = None
    minutes: Mapping[str, Decimal | None] = field(default_factory=dict)
    correct_grade: bool | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One limit of a drill: kept, not kept, or not known."""

    id: str
    kept: bool | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Whether a drill was passed, limit by limit."""

    passed: bool | None
    limits: tuple[Kept, ...]

    @property
    def because(self) -> str:
        """What kept it from being passed; where nothing did, every limit."""
        shown = [each for each in self.limits if each.kept is not True] or list(self.limits)
        return "; ".join(each.because for each in shown)


def judge(run: Run, book: DrillBook) -> Result:
    """Whether a drill was passed: not, if one limit was not kept; not known, if one of the others is not known."""
    limits = [_kept(row, run.minutes.get(row.id)) for row in book.limit]
    words = {True: "right", False: "wrong", None: "not known"}[run.correct_grade]
    limits.append(Kept(id=GRADE, kept=run.correct_grade, because=f"grade {words}"))
    answers = [each.kept for each in limits]
    passed = False if False in answers else None if None in answers else True
    return Result(passed=passed, limits=tuple(limits))


def _kept(row: LimitRow, taken: Decimal | None) -> Kept:
    if taken is None or taken < 0:
        return Kept(id=row.id, kept=None, because=f"{row.words}: time not known")
    words = f"{row.words} after {taken.normalize():f} min, at most {row.minutes}"
    return Kept(id=row.id, kept=taken <= row.minutes, because=words)


def site_evidence(runs: Iterable[Run], book: DrillBook, product: str | None, on: date, zone: str) -> Evidence:
    """Whether the drills of SITE-23 hold on a day: of each required kind the last one was passed, and not too long ago.

    Args:
        product: the one that is asked about; a drill about another one says nothing, one about none counts for every one.
        zone: in which days end at the site.
    """
    known = _about(runs, product)
    return all_met(_of_kind(row, known, book, on, zone) for row in book.kind if row.required)


def leaves_to_words(runs: Iterable[Run], book: DrillBook, product: str | None, on: date, zone: str) -> bool:
    """Whether what people say of SITE-23 counts: none of the required kinds was ever held, or each that was is passed.

    A drill that was held and of which nobody knows whether it was passed leaves nothing to words: it would be better not to know.
    """
    known = _about(runs, product)
    kinds = {each.kind for each in known}
    asked = [_of_kind(row, known, book, on, zone) for row in book.kind if row.required and row.id in kinds]
    return len(asked) < sum(row.required for row in book.kind) and all(each.met is True for each in asked)


def _about(runs: Iterable[Run], product: str | None) -> list[Run]:
    return [each for each in runs if product is None or each.product in (None, product)]


def _of_kind(row: KindRow, runs: Sequence[Run], book: DrillBook, on: date, zone: str) -> Evidence:
    def said(met: bool | None, because: str, last: date | None = None) -> Evidence:
        return Evidence(
            met=met,
            because=f"drill {row.words}: {because}",
            owner="nurse",
            next_step=None if met else "hold one, and write down its times",
            evidence=f"drill of {say_date(last)}" if last else None,
            until=day_start(last + timedelta(days=book.valid_days + 1), zone) if met and last else None,
        )

    own = [each for each in runs if each.kind == row.id]
    if any(each.on is None for each in own):  # it may be the latest
        return said(None, "one without a day stands in the record")
    past = [(each.on, each) for each in own if each.on is not None and each.on <= on]
    if not past:
        return said(None, "none is recorded")
    last = max(day for day, _ in past)
    results = [judge(each, book) for day, each in past if day == last]
    worst = next((each for each in results if each.passed is False), None)
    worst = worst or next((each for each in results if each.passed is None), results[0])
    if worst.passed is not True:
        return said(worst.passed, f"that of {say_date(last)} was not passed: {worst.because}", last)
    if last + timedelta(days=book.valid_days) < on:
        return said(False, f"passed on {say_date(last)}, which was too long ago", last)
    return said(True, f"passed on {say_date(last)}", last)
