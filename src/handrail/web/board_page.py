"""The board: whoever needs somebody stands on every page of it; who needs nobody now is read a page at a time.

Names are decrypted and rows are made for what is shown alone. A course counts as quiet only while its stored answer says so
(`rules/quiet`), that answer is not due to be looked at, and no alert about it is open; everything else is always read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest

from handrail.alerts.models import Alert
from handrail.records.models import Course
from handrail.rules.readiness import gate_data
from handrail.rules.terms import civil_date
from handrail.web.context import page_asked
from handrail.web.presenters import Allowed, course_row, listed_alert

PER_PAGE: Final = 100
"""So many of those who need nobody now stand on a page."""
NOT_SHOWN: Final = (
    *("context", "facts", "overlays", "policy_document"),
    *("patient__birth_date_text", "patient__phone", "patient__mrn"),
)
"""What no row of the board says: it is neither read nor decrypted."""
NO_SITE: Final = "none"
"""In an address, instead of the id of a site: those whose site is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which of those who need nobody now are asked for: a page, from 1, and a site, or `none`, or empty for all.

    `open`: whether they were asked for at all, by an address that somebody followed to them.
    """

    page: int = 1
    site: str = ""
    open: bool = False

    def query(self, page: int | None = None) -> str:
        """The same as the end of an address, or another page of it; empty: the board as it begins."""
        number = page or (self.page if self.open else None)
        return urlencode({**({"page": number} if number else {}), **({"site": self.site} if self.site else {})})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Those who need nobody now: one page of them, the next to come first, and how many there are.

    `everywhere`: at all sites; `here`: at the site that is asked for; `first`: the number of the first row of the page.
    """

    courses: tuple[Course, ...]
    asked: Asked
    pages: int
    first: int
    here: int
    everywhere: int
    sites: tuple[tuple[str, str, int], ...]
    """Id, name and number, by name."""


def asked_for(request: HttpRequest) -> Asked:
    """What an address asks for; a site that is none is not asked for."""
    page, site = page_asked(request), request.GET.get("site", "")
    if site != NO_SITE:
        try:
            site = str(UUID(site))
        except ValueError:
            site = ""
    return Asked(page=page, site=site, open="page" in request.GET or bool(site))


def quiet_courses(courses: QuerySet[Course], now: datetime) -> QuerySet[Course]:
    """Those of the courses that need nobody now, as far as that is known: an answer that may be another by now says nothing."""
    return courses.filter(pk__in=_quiet(now).values("pk"))


def needing(courses: QuerySet[Course], now: datetime) -> QuerySet[Course]:
    """All the others: the two are never apart."""
    return courses.exclude(pk__in=_quiet(now).values("pk"))


def _quiet(now: datetime) -> QuerySet[Course]:
    called = Alert.objects.filter(course=OuterRef("pk"), closed_at__isnull=True)
    still = Course.objects.filter(quiet_until__gt=now, look_again_at__gt=now, assessed_at__lte=now)
    return still.filter(~Exists(called))


def light(courses: QuerySet[Course]) -> QuerySet[Course]:
    """With what a row of the board says, and nothing else."""
    return courses.select_related("patient", "site").defer(*NOT_SHOWN)


def read_quiet(courses: QuerySet[Course], asked: Asked, now: datetime) -> Quiet:
    """One page of those who need nobody now; a page that there is not: the nearest. At most two queries."""
    found = quiet_courses(courses, now)
    counts = found.values_list("site", "site__name").annotate(count=Count("pk")).order_by("site__name", "site")
    sites = tuple((str(site or NO_SITE), name or "site not known", count) for site, name, count in counts)
    everywhere = sum(count for _, _, count in sites)
    here = sum(count for site, _, count in sites if site == asked.site) if asked.site else everywhere
    if asked.site:
        found = found.filter(site=None if asked.site == NO_SITE else UUID(asked.site))
    pages = max(1, -(-here // PER_PAGE))
    page = min(max(asked.page, 1), pages)
    start = (page - 1) * PER_PAGE
    rows = light(found).order_by("quiet_until", "id")[start : start + PER_PAGE]
    return Quiet(
        courses=tuple(rows) if here else (),
        asked=replace(asked, page=page),
        pages=pages,
        first=start + 1,
        here=here,
        everywhere=everywhere,
        sites=sites,
    )


def board(
    needy: Iterable[Course], quiet: Quiet, alerts: Iterable[Alert], now: datetime, may: Allowed
) -> dict[str, Any]:
    """The lists of the board.

    Args:
        needy: everybody who may need somebody; nobody of them is left out.
        quiet: whoever of these begins to need somebody while the page is read stands among the others.
    """
    rows = [(course, course_row(course, now, may)) for course in needy]
    known = {course.pk for course, _ in rows}
    resting = [(course, course_row(course, now, may)) for course in quiet.courses if course.pk not in known]
    everybody = [*rows, *resting]
    urgent = sorted(
        alerts,
        key=lambda a: (
            a.acknowledged_at is not None,
            {"now": 0, "soon": 1}.get(a.urgency, 2),
            a.opened_at,
            a.key,
            a.pk,
        ),
    )
    in_window = [row for course, row in everybody if (course.assessment or {}).get("watch", {}).get("in_window")]
    overdue = [row for _, row in everybody if row["overdue"]]
    doses = sorted(
        ((key, row) for course, row in everybody if row["assessed"] and (key := _near_dose(course, now)) is not None),
        key=lambda item: item[0],
    )
    shown = {row["id"] for row in in_window} | {row["id"] for _, row in doses}
    return {
        "to_hand_back": [row for _, row in everybody if row["night_calls"]],
        "alerts": [listed_alert(alert, now, may) for alert in urgent],
        "in_window": in_window,
        "overdue": overdue,
        "doses": [row for _, row in doses],
        "near_days": gate_data().when.near_days,
        "later": [row for _, row in rows if row["id"] not in shown],
        "quiet": _quiet_page(quiet, [row for _, row in resting if row["id"] not in shown]),
    }


def _quiet_page(quiet: Quiet, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Which of those who need nobody now stand on the page, and the way to the others."""
    asked, last = quiet.asked, quiet.first + len(quiet.courses) - 1
    chosen = next((name for site, name, _ in quiet.sites if site == asked.site), "the site that is asked for")
    return {
        "rows": rows,
        "everywhere": quiet.everywhere,
        "open": asked.open,
        "query": asked.query(),
        "page": asked.page,
        "pages": quiet.pages,
        "share": f"{quiet.first} to {last} of {quiet.here}" if quiet.pages > 1 else "",
        "before": f"?{asked.query(asked.page - 1)}" if asked.page > 1 else "",
        "after": f"?{asked.query(asked.page + 1)}" if asked.page < quiet.pages else "",
        "site": chosen if asked.site else "",
        "elsewhere": quiet.everywhere - quiet.here,
        "sites": [
            {"name": name, "count": count, "query": f"?{urlencode({'site': site})}", "here": site == asked.site}
            for site, name, count in quiet.sites
        ]
        if len(quiet.sites) > 1
        else [],
    }


def _near_dose(course: Course, now: datetime) -> str | None:
    """The day of the next dose when it is near; None otherwise."""
    dose = (course.assessment or {}).get("next_dose", {})
    if course.ended_at is not None or dose.get("action") in ("stop", None):
        return None
    today = civil_date(now, course.time_zone)
    day = dose.get("due_on") or dose.get("earliest_on")
    if day is None:
        return today.isoformat() if dose.get("would_be") else None
    earliest = dose.get("earliest_on") or day
    ahead = (datetime.fromisoformat(min(day, earliest)).date() - today).days
    return max(day, today.isoformat()) if ahead <= gate_data().when.near_days else None
