"""Sites in the database that have shown the checklist and hold a signed level, and what is changed in one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from handrail.people.models import Site, SiteException, SiteGrant, SiteItem, SiteStrict, SiteWay, User
from handrail.people.scope import everything
from handrail.rules.setting_facts import Level, reaches
from handrail.rules.site_levels import LICENSED, load_site_levels
from handrail.rules.terms import civil_date
from tests.support.factories import CHICAGO, MONDAY_0900, House

TODAY = civil_date(MONDAY_0900, CHICAGO)
TEC = "teclistamab"


def shows(house: House, item: str, *, product: str = TEC, at: datetime = MONDAY_0900, **fields: Any) -> SiteItem:
    """One item of a house's site, checked on the day of `at` with evidence that does not end."""
    row = next(row for row in load_site_levels().item if row.id == item)
    return _item(house.site, house.director, row.id, product if row.per_product else "", at, fields, save=True)


def ready(
    house: House,
    level: Level = "4",
    *,
    product: str = TEC,
    but: tuple[str, ...] = (),
    at: datetime = MONDAY_0900,
    signed_by: User | None = None,
    days: int = 365,
) -> SiteGrant:
    """The site of a house has shown every item up to a level (all but some), and the level is signed for a year."""
    wanted = [row for row in load_site_levels().item if reaches(level, row.from_level) and row.id not in but]
    with everything():
        SiteItem.objects.bulk_create(
            _item(house.site, house.director, row.id, product if row.per_product else "", at, {}) for row in wanted
        )
    return signs(house, level, product=product, at=at, signed_by=signed_by, days=days)


def signs(
    house: House,
    level: str,
    *,
    product: str = TEC,
    at: datetime = MONDAY_0900,
    signed_by: User | None = None,
    days: int = 365,
) -> SiteGrant:
    """A level as a row, whatever the site shows."""
    on = civil_date(at, CHICAGO)
    with everything():
        return SiteGrant.objects.create(
            organisation=house.organisation,
            site=house.site,
            product=product,
            level=level,
            from_on=on,
            until_on=on + timedelta(days=days),
            evidence="seen",
            by=signed_by or house.director,
            role="director",
            at=at,
        )


def one_of_each(house: House) -> None:
    """A row in each of the five tables."""
    shows(house, "SITE-01")
    signs(house, "1")
    own = {"organisation": house.organisation, "site": house.site, "by": house.director, "role": "director"}
    with everything():
        SiteException.objects.create(**own, item="SITE-16", from_on=TODAY, until_on=TODAY, reason="moved house")
        SiteWay.objects.create(**own, other=uuid4(), minutes=25)
        SiteStrict.objects.create(**own, strict=True, from_on=TODAY, reason="the label asks for hospital")


def in_days(days: int) -> date:
    """A day counted from the Monday of the tests."""
    return TODAY + timedelta(days=days)


def _item(
    site: Site, by: User, item: str, product: str, at: datetime, fields: dict[str, Any], *, save: bool = False
) -> SiteItem:
    known: dict[str, Any] = {
        "organisation": site.organisation,
        "site": site,
        "item": item,
        "product": product,
        "met": True,
        "checked_on": civil_date(at, CHICAGO),
        "no_end": True,
        "evidence": "seen",
        "by": by,
        "role": "director",
        "at": at,
    }
    if item == LICENSED:
        known |= {"licence": "hospital_outpatient", "dispenser": "Director of pharmacy, synthetic"}
    row = SiteItem(**{**known, **fields})
    if save:
        with everything():
            row.save(force_insert=True)
    return row
