"""The demonstration's levels: the hub at its own, one community practice at maintenance, one that has written nothing down yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from handrail.actions.actor import person
from handrail.actions.site_levels import except_site_item, grant_site_level, record_way
from handrail.jobs.demo.people import ZONE, House
from handrail.people.models import SiteItem
from handrail.rules.setting_facts import Level, reaches
from handrail.rules.site_levels import LICENSED, load_site_levels
from handrail.rules.terms import civil_date

PRODUCTS: Final = ("teclistamab", "elranatamab")
LASTS: Final = timedelta(days=300)
WAY_MINUTES: Final = 55
HUB: Final[tuple[Level, str, str]] = ("H", "hospital_outpatient", "Pharmacist Patel, synthetic")
PRAIRIE: Final[tuple[Level, str, str]] = ("1", "physician_practice", "Dr. Ortega, synthetic")
EXCEPTED: Final = "SITE-22"


def make_levels(houses: Mapping[str, House], now: datetime) -> None:
    """Write down what each site showed, and sign the levels."""
    hub, prairie = houses["hub"], houses["prairie"]
    today = civil_date(now, ZONE)
    director = person(hub.people["director"])
    for house, (level, licence, dispenser) in ((hub, HUB), (prairie, PRAIRIE)):
        _show(house, level, licence, dispenser, now)
    except_site_item(
        prairie.site.pk,
        item=EXCEPTED,
        product="elranatamab",
        until_on=today + timedelta(days=60),
        reason="one payer has not answered yet",
        by=director,
        now=now,
    )
    for house, level in ((hub, HUB[0]), (prairie, PRAIRIE[0])):
        for product in PRODUCTS:
            grant_site_level(
                house.site.pk,
                product=product,
                level=level,
                until_on=today + LASTS,
                evidence="visit, and the items below (synthetic)",
                why="the programme ran here before its levels were written down",
                by=director,
                now=now,
            )
    manager = person(prairie.people["site_manager"])
    record_way(prairie.site.pk, other=hub.site.pk, minutes=WAY_MINUTES, by=manager, evidence="map, January", now=now)


def _show(house: House, level: Level, licence: str, dispenser: str, now: datetime) -> None:
    manager = house.people["site_manager"]
    rows = [row for row in load_site_levels().rows_for(licence) if reaches(level, row.from_level)]
    SiteItem.objects.bulk_create(
        SiteItem(
            organisation=house.organisation,
            site=house.site,
            item=row.id,
            product=product,
            met=True,
            checked_on=civil_date(now, ZONE),
            no_end=True,
            evidence=f"synthetic: {row.evidence}",
            licence=licence if row.id == LICENSED else "",
            dispenser=dispenser if row.id == LICENSED else "",
            by=manager,
            role="site_manager",
            at=now,
        )
        for row in rows
        for product in (PRODUCTS if row.per_product else ("",))
        if not (house.site.code == "prairie" and row.id == EXCEPTED and product == "elranatamab")
    )
