"""The setting rules as data: what defers a start, what asks for hospital, considerations with points, gaps of a site.

A rule lists facts of which any one is enough, or names a check of `setting_checks`, or both. Numbers stand in its rows with source and
status; a row that nobody has verified permits nothing.
"""

from __future__ import annotations

import tomllib
import typing
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from handrail.rules.setting_facts import Dated, Level, SettingFacts, reaches
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import STEPS, Status, weakest

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "setting"
FORMAT: Final = "handrail-setting/1"

Layer = Literal["defer", "inpatient", "hybrid", "departure", "consideration"]
Phase = Literal["step_up", "maintenance"]
Recommendation = Literal["DEFER", "INPATIENT", "HYBRID", "OUTPATIENT"]
CHECKED: Final = (
    "screening", "rems", "authorisation", "gap", "reaction", "caregiver", "travel", "site", "payer", "suspension", "strict", "site_hybrid",
    "departure", "near_limit", "shared_roster",
)  # fmt: skip
"""Checks that a rule may name; each is carried out once in `setting_checks`."""
TESTS: Final = ("equals", "at_least", "at_most", "above", "below", "within_days", "within_months")
DATES: Final = ("within_days", "within_months")
NUMERIC: Final = ("at_least", "at_most", "above", "below")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSource:
    """Where a row was read."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One fact and one test of it. `today`: a value of another day is not known. Days and months are fewer than so many ago."""

    fact: str
    equals: bool | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    within_days: int | None = None
    within_months: int | None = None
    today: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """Where a row comes from, and how well it is known."""

    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow(SettingRow):
    """One rule of a layer. `owner` mends what it finds, `offer` says how."""

    id: str
    layer: Layer
    words: str
    owner: str
    any: tuple[Condition, ...] = ()
    check: str | None = None
    phases: tuple[Phase, ...] = ("step_up",)
    points: int = 0
    offer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidRow(SettingRow):
    """How long a decision stands: hours."""

    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaregiverRow(SettingRow):
    """How long a caregiver is there: to the end of a day counted from dose 1 as day 1, or hours after the first treatment dose."""

    until_day: int
    hours_after_first_treatment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelRow(SettingRow):
    """Minutes that are too far (more than), and minutes from which the way is a consideration."""

    limit_minutes: int
    near_limit_from_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow(SettingRow):
    """The lowest level of a site for maintenance, for a hybrid step-up, for a whole one outside hospital."""

    maintenance_from: Level
    hybrid_from: Level
    outpatient_from: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridRow(SettingRow):
    """The steps that a hybrid course gives in hospital."""

    in_hospital: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow(SettingRow):
    """What a sum of points recommends, both ends included; the last band has no upper end."""

    from_points: int
    recommendation: Recommendation
    to_points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibleRow:
    """Values that can be true, both ends included."""

    fact: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRow(SettingRow):
    """A test that has a result before the first dose; `may_not_apply`: not to everybody."""

    id: str
    words: str
    may_not_apply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow(SettingRow):
    """Something that the site or the programme has to provide; `only_if`: for those of whom this fact is true."""

    id: str
    fact: str
    words: str
    owner: str
    offer: str
    only_if: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRules:
    """The rules that a programme decides by. `signed_by`: the medical lead who signed them; None: defaults that nobody has signed."""

    format: str
    id: str
    version: str
    valid: ValidRow
    caregiver: CaregiverRow
    travel: TravelRow
    level: LevelRow
    hybrid: HybridRow
    band: tuple[BandRow, ...]
    plausible: tuple[PlausibleRow, ...]
    rule: tuple[RuleRow, ...]
    screening: tuple[ScreeningRow, ...]
    gap: tuple[GapRow, ...]
    signed_by: str | None = None

    @property
    def name(self) -> str:
        """`default, version 1`."""
        return f"{self.id}, version {self.version}"

    @property
    def tables_status(self) -> Status:
        """The weakest status of what the checks count with: the span, the way, levels, bands, screening, gaps of a site."""
        return weakest(*(row.status for _, row in _sourced(self) if not isinstance(row, RuleRow)))

    def recommended(self, points: int) -> Recommendation:
        """What a sum of points recommends."""
        return next(band.recommendation for band in reversed(self.band) if band.from_points <= points)


def asked_of_caregivers(rules: SettingRules, *until_days: int | None) -> SettingRules:
    """The rules with the longest span that any policy asks of caregivers; where none says a day, the day of the rules themselves."""
    asked = [day for day in until_days if day is not None]
    return replace(rules, caregiver=replace(rules.caregiver, until_day=max(asked))) if asked else rules


@cache
def load_setting_rules() -> SettingRules:
    """The shipped setting rules.

    Raises:
        ProtocolDataError: an unknown key, fact or check, a missing source, bands of points with a hole, a signature without a name.
    """
    return setting_rules_from_toml((FOLDER / "default-1.toml").read_text(encoding="utf-8"))


def setting_rules_from_toml(text: str) -> SettingRules:
    """Setting rules from their text; see `load_setting_rules`."""
    document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    sources = read_tables(SettingSource, document.pop("sources", None), "sources")
    rules = read_table(SettingRules, document, "")
    if rules.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'Setting rules start with format = "{FORMAT}".', "format")
    if rules.signed_by is not None and not rules.signed_by.strip():
        raise ProtocolDataError("missing_key", "Whoever signed the rules is named.", "signed_by")
    for path, row in _sourced(rules):
        if not row.source or set(row.source) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{path}.source")
    ids = [*(row.id for row in rules.rule), *(row.id for row in rules.gap), *(row.id for row in rules.screening)]
    for one in ids:
        if ids.count(one) > 1:
            raise ProtocolDataError("duplicate_id", f"Two rows are called {one!r}.", one)
    for rule in rules.rule:
        _check_rule(rules, rule)
    for gap in rules.gap:
        for fact in (gap.fact, *([gap.only_if] if gap.only_if else [])):
            _check_fact(fact, f"gap.{gap.id}")
            if FACTS[fact] != bool | None:
                raise ProtocolDataError("wrong_type", "A gap is asked as yes or no.", f"gap.{gap.id}")
    _check_numbers(rules)
    return rules


def _sourced(rules: SettingRules) -> list[tuple[str, SettingRow]]:
    single = [("valid", rules.valid), ("caregiver", rules.caregiver), ("travel", rules.travel)]
    named: list[tuple[str, SettingRow]] = [*single, ("level", rules.level), ("hybrid", rules.hybrid)]
    named += [(f"rule.{row.id}", row) for row in rules.rule]
    named += [(f"gap.{row.id}", row) for row in rules.gap]
    named += [(f"screening.{row.id}", row) for row in rules.screening]
    return named + [(f"band[{number}]", row) for number, row in enumerate(rules.band)]


def _check_rule(rules: SettingRules, rule: RuleRow) -> None:
    place = f"rule.{rule.id}"
    if rule.check is not None and rule.check not in CHECKED:
        raise ProtocolDataError("unknown_word", f"A check is one of: {', '.join(CHECKED)}.", f"{place}.check")
    if rule.check is None and not rule.any:
        raise ProtocolDataError("missing_key", "A rule names a fact or a check.", place)
    if (rule.layer == "consideration") != (rule.points > 0):
        raise ProtocolDataError("bad_number", "A consideration has points, and nothing else has.", f"{place}.points")
    known = {row.fact for row in rules.plausible}
    for condition in rule.any:
        _check_fact(condition.fact, place)
        given = [name for name in TESTS if getattr(condition, name) is not None]
        if len(given) != 1:
            raise ProtocolDataError("bad_number", "A fact has one test.", f"{place}.{condition.fact}")
        if (given[0] in NUMERIC) != (condition.fact in known):
            raise ProtocolDataError(
                "bad_number", "A number has a row of plausible values.", f"{place}.{condition.fact}"
            )
        hint = FACTS[condition.fact]
        if (given[0] == "equals") != (hint == bool | None) or (given[0] in DATES) != (hint is Dated):
            raise ProtocolDataError("wrong_type", "The test does not fit the fact.", f"{place}.{condition.fact}")


def _check_fact(name: str, place: str) -> None:
    if name not in FACTS:
        raise ProtocolDataError("unknown_word", f"There is no fact {name!r}.", place)


def _check_numbers(rules: SettingRules) -> None:
    for row in rules.plausible:
        _check_fact(row.fact, f"plausible.{row.fact}")
        if FACTS[row.fact] not in (int | None, Decimal | None):
            raise ProtocolDataError("wrong_type", "A plausible value is of a number.", f"plausible.{row.fact}")
        if row.high <= row.low:
            raise ProtocolDataError("bad_number", "The lowest value is below the highest.", f"plausible.{row.fact}")
    wanted = 0
    for number, band in enumerate(rules.band):
        last = number == len(rules.band) - 1
        if band.from_points != wanted or (band.to_points is None) != last:
            raise ProtocolDataError("overlap", "The bands of points follow one another without a hole.", "band")
        wanted = (band.to_points or 0) + 1
        if band.to_points is not None and band.to_points < band.from_points:
            raise ProtocolDataError("overlap", "The bands of points follow one another without a hole.", "band")
    level = rules.level
    if not reaches(level.hybrid_from, level.maintenance_from) or not reaches(level.outpatient_from, level.hybrid_from):
        raise ProtocolDataError("wrong_order", "More is asked of a site for more.", "level")
    if not 0 < rules.travel.near_limit_from_minutes <= rules.travel.limit_minutes or rules.valid.hours <= 0:
        raise ProtocolDataError("bad_number", "The minutes or the hours make no sense.", "travel")
    if rules.caregiver.until_day <= 0 or rules.caregiver.hours_after_first_treatment <= 0:
        raise ProtocolDataError("bad_number", "A caregiver is there for some time.", "caregiver")
    if not rules.hybrid.in_hospital or set(rules.hybrid.in_hospital) - set(STEPS):
        raise ProtocolDataError("unknown_word", "A hybrid course gives some steps in hospital.", "hybrid.in_hospital")


FACTS: Final = typing.get_type_hints(SettingFacts)
"""Names that a rule may ask for, each with its type."""


def goes_home(step: str | None, setting: str | None) -> bool:
    """Whether a dose so planned is watched outside hospital: a hybrid course gives its first steps alone in it. Not known: it may be."""
    return setting != "inpatient" and not (setting == "hybrid" and step in load_setting_rules().hybrid.in_hospital)
