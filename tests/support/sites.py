"""A site that has shown every item of the checklist and holds a signed level, and what is changed in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from handrail.rules.setting_facts import Level
from handrail.rules.site_levels import (
    LICENSED,
    Excepted,
    Granted,
    Shown,
    SiteFacts,
    SiteLevel,
    load_site_levels,
    site_level,
)

TODAY = date(2026, 7, 6)
TEC, TAL = "teclistamab", "talquetamab"


def shown(item: str, product: str | None = None, **changes: Any) -> Shown:
    """An item checked today, with its evidence, for as long as its row says; the licence is a hospital's."""
    known = Shown(item=item, met=True, checked_on=TODAY, evidence="seen", no_end=True, product=product)
    licence = "hospital_outpatient" if item == LICENSED else None
    return replace(known, **{"licence": licence, **changes})


def everything(product: str = TEC) -> tuple[Shown, ...]:
    """Every item of the checklist, those of each product for one product."""
    return tuple(shown(row.id, product if row.per_product else None) for row in load_site_levels().item)


def granted(level: Level = "4", product: str = TEC, **changes: Any) -> Granted:
    """A level that a director signed a year ago for two years."""
    year = timedelta(days=365)
    return replace(
        Granted(product=product, level=level, from_on=TODAY - year, until_on=TODAY + year, by="the director", role="director"),
        **changes,
    )  # fmt: skip


def site(level: Level = "4", **changes: Any) -> SiteFacts:
    """A site that may do what its level says."""
    known = SiteFacts(
        name="River Clinic",
        shown=everything(),
        granted=(granted(level),),
        patients_at_level=5,
        serious_events_not_reviewed=0,
    )
    return replace(known, **changes)  # fmt: skip


def without(facts: SiteFacts, *items: str) -> SiteFacts:
    """The same, with nothing recorded of some items."""
    return replace(facts, shown=tuple(each for each in facts.shown if each.item not in items))


def telling(facts: SiteFacts, *told: Shown) -> SiteFacts:
    """The same, with other words about some items."""
    return replace(facts, shown=(*without(facts, *(each.item for each in told)).shown, *told))


def excepted(item: str, **changes: Any) -> Excepted:
    """An exception of a director for ten days from today."""
    until = TODAY + timedelta(days=10)
    return replace(
        Excepted(item=item, from_on=TODAY, until_on=until, by="the director", role="director", reason="moved house"), **changes
    )  # fmt: skip


def level_of(facts: SiteFacts, product: str = TEC, on: date = TODAY) -> SiteLevel:
    """What the shipped checklist says of it."""
    return site_level(facts, load_site_levels(), product, on)
