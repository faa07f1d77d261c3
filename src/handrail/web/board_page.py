"""The board: whoever needs somebody stands on every page of it; who needs nobody now is read a page at a time.

Names are decrypted and rows are made for what is shown alone. A course counts as quiet only while its stored answer says so
(`rules/quiet`), that answer is not due to be looked at, and no alert about it is open; everything else is always read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When

from handrail.alerts.models import Alert
from handrail.records.models import Course
from handrail.rules.readiness import gate_data
from handrail.rules.terms import civil_date
from handrail.web.paging import Asked, Share, at_site, share_of, site_counts, ways
from handrail.web.presenters import Allowed, course_row, listed_alert

PER_PAGE: Final = 100
"""So many of those who need nobody now stand on a page."""
NOT_SHOWN: Final = (
    *("context", "facts", "overlays", "policy_document"),
    *("patient__birth_date_text", "patient__phone", "patient__mrn"),
)
"""What no row of the board says: it is neither read nor decrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Those who need nobody now: one page of them, the next to come first, and which page of how many it is."""

    courses: tuple[Course, ...]
    share: Share


def quiet_courses(courses: QuerySet[Course], now: datetime) -> QuerySet[Course]:
    """Those of the courses that need nobody now, as far as that is known: an answer that may be another by now says nothing."""
    return courses.filter(pk__in=_quiet(now).values("pk"))


def needing(courses: QuerySet[Course], now: datetime) -> QuerySet[Course]:
    """All the others: the two are never apart."""
    return courses.exclude(pk__in=_quiet(now).values("pk"))


def needy_first(now: datetime) -> Case:
    """An order for a list of all courses: first those that go on and may need somebody, then the others."""
    rests = _still(now) & ~Q(pk__in=Alert.objects.filter(course__isnull=False, closed_at__isnull=True).values("course"))
    return Case(When(Q(ended_at__isnull=False) | rests, then=1), default=0)


def _quiet(now: datetime) -> QuerySet[Course]:
    called = Alert.objects.filter(course=OuterRef("pk"), closed_at__isnull=True)
    return Course.objects.filter(_still(now), ~Exists(called))


def _still(now: datetime) -> Q:
    """That the stored answer asks nobody, and is not due to be another."""
    return Q(quiet_until__gt=now, look_again_at__gt=now, assessed_at__lte=now)


def light(courses: QuerySet[Course]) -> QuerySet[Course]:
    """With what a row of the board says, and nothing else."""
    return courses.select_related("patient", "site").defer(*NOT_SHOWN)


def read_quiet(courses: QuerySet[Course], asked: Asked, now: datetime) -> Quiet:
    """One page of those who need nobody now; a page that there is not: the nearest. At most two queries."""
    found = quiet_courses(courses, now)
    share = share_of(asked, site_counts(found), per_page=PER_PAGE)
    rows = light(at_site(found, asked)).order_by("quiet_until", "id")[share.rows]
    return Quiet(courses=tuple(rows) if share.here else (), share=share)


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
    return {"rows": rows, "open": quiet.share.asked.open, **ways(quiet.share)}


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
