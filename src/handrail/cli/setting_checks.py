"""What `handrail protocols check` asks of the setting rules and of the levels of sites, beyond what their loaders refuse."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from handrail.rules.setting_facts import SettingFacts, reaches
from handrail.rules.setting_rules import CHECKED, Condition, SettingRules
from handrail.rules.site_levels import SiteLevels

ITEM = re.compile(r"SITE-\d{2}")
OWNERS = ("prescriber", "pharmacist", "nurse", "site_manager", "social_work", "authorisation")
SITE_OWNERS = (*OWNERS, "director", "authorised_representative")


def of_setting(rules: SettingRules) -> Iterator[str]:
    """Every problem of the setting rules, one sentence each."""
    for name in CHECKED:
        if not any(row.check == name for row in rules.rule):
            yield f"No rule asks for the check {name} (at rule)."
    read = {each.fact for row in rules.rule for each in row.any} | {row.fact for row in rules.gap}
    read |= {row.only_if for row in rules.gap if row.only_if is not None}
    for name, hint in typing.get_type_hints(SettingFacts).items():
        if bool in typing.get_args(hint) and name not in (*read, "decided_to_proceed_without"):
            yield f"No rule reads the fact {name} (at rule)."
    owners = [*((row.id, row.owner) for row in rules.rule), *((row.id, row.owner) for row in rules.gap)]
    for name, owner in owners:
        if owner not in OWNERS:
            yield f"The owner is one of: {', '.join(OWNERS)} (at {name}.owner)."
    yield from _too_late(rules)


def _too_late(rules: SettingRules) -> Iterator[str]:
    """A consideration that begins only where hospital is required already says nothing."""
    hospital = {each.fact: each for row in rules.rule if row.layer == "inpatient" for each in row.any}
    for row in rules.rule:
        for each in row.any if row.layer == "consideration" else ():
            limit, other = _limit(each), _limit(hospital[each.fact]) if each.fact in hospital else None
            if limit is not None and other is not None and (limit - other) * _direction(each) >= 0:
                yield f"Hospital is required before this counts (at rule.{row.id}.{each.fact})."


def _limit(row: Condition) -> Decimal | None:
    given = (row.at_least, row.above, row.at_most, row.below)
    return next((limit for limit in given if limit is not None), None)


def _direction(row: Condition) -> int:
    return 1 if row.at_least is not None or row.above is not None else -1


def of_levels(levels: SiteLevels) -> Iterator[str]:
    """Every problem of the levels of sites and their checklist, one sentence each."""
    for row in levels.item:
        if not ITEM.fullmatch(row.id):
            yield f"An item is called SITE- and two digits (at {row.id})."
    for row in (*levels.item, *levels.licence_item):
        if row.owner not in SITE_OWNERS:
            yield f"The owner of an item is one of: {', '.join(SITE_OWNERS)} (at {row.id}.owner)."
        if row.alone is None and "hub" in row.criterion and row.from_level != "H":
            yield f"A practice without a hub cannot show this: say what it shows instead (at {row.id}.alone)."
    for level in levels.level[1:]:
        if not any(row.from_level == level.id for row in levels.item):
            yield f"Nothing is asked for level {level.id} beyond the one before (at level.{level.id})."
    for before, after in pairwise(levels.phase):
        if not reaches(after.from_level, before.from_level):
            yield f"A later phase asks for less than {before.id} (at phase.{after.id}.from_level)."
