"""A long list, a page at a time and by site: which rows an address asks for, and the way to the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest

from handrail.web.context import page_asked

PER_PAGE: Final = 100
"""So many rows stand on a page."""
NO_SITE: Final = "none"
"""In an address, instead of the id of a site: those whose site is not known."""
Row = TypeVar("Row", bound=Model)
SiteCount = tuple[str, str, int]
"""The id of a site (or `NO_SITE`), its name, and how many rows of a list are of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which rows of a list are asked for: a page, from 1, and a site, or `none`, or empty for all.

    `open`: whether they were asked for at all, by an address that somebody followed to them. `more`: what else the address says.
    """

    page: int = 1
    site: str = ""
    open: bool = False
    more: tuple[tuple[str, str], ...] = ()

    def query(self, page: int | None = None) -> str:
        """The same as the end of an address, or another page of it; empty: the list as it begins."""
        number = page or (self.page if self.open else None)
        return urlencode(
            {**({"page": number} if number else {}), **({"site": self.site} if self.site else {}), **dict(self.more)}
        )

    def is_at(self, site_id: UUID | None) -> bool:
        """Whether a row of that site is asked for."""
        return self.site in ("", NO_SITE if site_id is None else str(site_id))


def asked_for(request: HttpRequest, *more: str) -> Asked:
    """What an address asks for; a site that is none is not asked for.

    Args:
        more: the other words of the address that its further pages keep.
    """
    page, site = page_asked(request), request.GET.get("site", "")
    if site != NO_SITE:
        try:
            site = str(UUID(site))
        except ValueError:
            site = ""
    kept = tuple((name, request.GET[name]) for name in more if name in request.GET)
    return Asked(page=page, site=site, open="page" in request.GET or bool(site), more=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which rows stand on a page, and how many there are.

    `everywhere`: at all sites; `here`: at the site that is asked for; `asked`: with the page that is shown.
    """

    asked: Asked
    pages: int
    per_page: int
    here: int
    everywhere: int
    sites: tuple[SiteCount, ...]
    """By name."""

    @property
    def first(self) -> int:
        """The number of the first row of the page, from 1."""
        return (self.asked.page - 1) * self.per_page + 1

    @property
    def rows(self) -> slice:
        """Which of the rows that are here stand on the page."""
        return slice(self.first - 1, self.first - 1 + self.per_page)


def site_counts(rows: QuerySet[Any], site: str = "site", name: str = "site__name") -> tuple[SiteCount, ...]:
    """How many of the rows are of which site, by the names of these two columns. One query."""
    found = rows.order_by().values_list(site, name).annotate(rows=Count("pk")).order_by(name, site)
    return tuple((str(where or NO_SITE), words or "site not known", count) for where, words, count in found)


def together(*counts: Iterable[SiteCount]) -> tuple[SiteCount, ...]:
    """The counts of several lists that one page shows, as one."""
    names: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for each in counts:
        for site, name, count in each:
            names[site], numbers[site] = name, numbers.get(site, 0) + count
    return tuple((site, names[site], numbers[site]) for site in sorted(names, key=lambda site: (names[site], site)))


def at_site(rows: QuerySet[Row], asked: Asked, site: str = "site") -> QuerySet[Row]:
    """Those of the site that is asked for, by this column; of all, where none is."""
    return rows.filter(at_place(asked, site)) if asked.site else rows


def at_place(asked: Asked, site: str = "site") -> Q:
    """That the column names the site that is asked for, or none where those without a site are."""
    return Q(**({f"{site}__isnull": True} if asked.site == NO_SITE else {site: UUID(asked.site)}))


def of_site(counts: Iterable[SiteCount], asked: Asked) -> int:
    """How many of the counted rows are of the site that is asked for; of all, where none is."""
    return sum(count for site, _, count in counts if asked.site in ("", site))


def share_of(
    asked: Asked, sites: tuple[SiteCount, ...], *, longest: int | None = None, per_page: int | None = None
) -> Share:
    """Which rows stand on the page that is asked for; a page that there is not: the nearest.

    Args:
        longest: how many rows at that site the longest of several lists has that are read side by side; else all that are counted.
        per_page: else `PER_PAGE`.
    """
    most = per_page or PER_PAGE
    here = of_site(sites, asked)
    pages = max(1, -(-(here if longest is None else longest) // most))
    return Share(
        asked=replace(asked, page=min(max(asked.page, 1), pages)),
        pages=pages,
        per_page=most,
        here=here,
        everywhere=sum(count for _, _, count in sites),
        sites=sites,
    )


def ways(share: Share) -> dict[str, Any]:
    """The page that is shown and the way to the others, as templates place them."""
    asked = share.asked
    last = min(share.first + share.per_page - 1, share.here)
    return {
        "query": asked.query(),
        "page": asked.page,
        "pages": share.pages,
        "here": share.here,
        "everywhere": share.everywhere,
        "elsewhere": share.everywhere - share.here,
        "share": f"{share.first} to {last} of {share.here}" if share.pages > 1 else "",
        "before": f"?{asked.query(asked.page - 1)}" if asked.page > 1 else "",
        "after": f"?{asked.query(asked.page + 1)}" if asked.page < share.pages else "",
        "site": next((name for site, name, _ in share.sites if site == asked.site), "the site that is asked for")
        if asked.site
        else "",
        "all_sites": f"?{urlencode({'page': 1, **dict(asked.more)})}",
        "sites": [
            {
                "name": name,
                "count": count,
                "query": f"?{urlencode({'site': site, **dict(asked.more)})}",
                "here": site == asked.site,
            }
            for site, name, count in share.sites
        ]
        if len(share.sites) > 1 or (asked.site and share.sites)
        else [],
    }
