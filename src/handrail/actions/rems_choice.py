"""Which courses the REMS desk has to read, chosen by the database: of thousands, those where something may be open.

Never too little is chosen. A course is left out only where every dose surely has a whole record, and where its plan is surely the newest
one and not over. Whatever is in doubt is read, and the rules decide: a corrected fact, two records of one dose, a zone of nobody here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateField,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, TruncDate

from handrail.people.models import RemsDispense
from handrail.records.models import Course, Event
from handrail.rules.rems_data import desk_rules
from handrail.rules.terms import civil_date, zone_named

MANY: Final = 5000
"""Above so many courses all of them are read, instead of naming each to the database."""
_NOBODY: Final = UUID(int=0)
"""Named with every choice: of none as many questions are asked as of some."""
_A_DAY: Final = timedelta(days=1)
_LATELY: Final = timedelta(days=3)
"""A dose before that was given on a day before today, whatever the two zones."""
_FAR: Final = 500
"""For so many days from the first on the database tells the day of a dose; the rules look at the doses after."""
_SAME_COURSE: Final[dict[str, Any]] = {"organisation": OuterRef("organisation"), "course": OuterRef("course")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The newest plan of a course. `on`: the day as the fact has it; `site`: of the course; `code`: of the site that the fact names."""

    course: UUID
    event: UUID
    on: Any
    code: str
    site: UUID | None
    owner: UUID
    zone: str


def narrowed(courses: QuerySet[Course], chosen: Collection[UUID]) -> QuerySet[Course]:
    """These of the courses; all of them where that is too many to name: what nothing is wrong with adds nothing."""
    return courses.filter(pk__in=[_NOBODY, *chosen]) if len(chosen) <= MANY else courses


def shared_codes(records: QuerySet[RemsDispense]) -> frozenset[str]:
    """The codes that stand for more than one dose in records that nothing corrects. One query."""
    course = Cast("course_id", TextField())
    codes = records.filter(superseded_by__isnull=True).exclude(code="").order_by().values("code")
    codes = codes.annotate(a=Min(course), z=Max(course), first=Min("on"), last=Max("on"))
    return frozenset(codes.exclude(a=F("z"), first=F("last")).values_list("code", flat=True))


def doubted(
    courses: QuerySet[Course],
    since: datetime,
    until: datetime | None,
    records: QuerySet[RemsDispense],
    *,
    shared: Collection[str],
    zones: Collection[str],
) -> set[UUID]:
    """The courses with a dose of a span whose dispense record is not surely whole. Two queries.

    Surely whole: one record that nothing corrects, with a code of its own, in time, and the prescriber checked.

    Args:
        records: the dispense records that are looked through.
        shared: the codes that stand for more than one dose.
        zones: those in which the day of a dose is told by the database; a dose of another zone is in doubt.
    """
    late = timedelta(minutes=desk_rules().code.late_after_minutes)
    live = records.filter(superseded_by__isnull=True)
    # Counted apart: looked for beside each record, two of one dose cost a server without statistics the square of their number.
    of_dose = live.filter(course__in=courses).order_by().values("course_id", "on").annotate(records=Count("id"))
    several = set(of_dose.filter(records__gt=1).values_list("course_id", flat=True))
    whole = live.filter(
        **_SAME_COURSE,
        on=OuterRef("day"),
        checked=True,
        obtained_at__lte=OuterRef("occurred_at"),
        at__lte=OuterRef("late_from"),
    ).exclude(code__in=["", *shared])
    late_from = ExpressionWrapper(F("recorded_at") + Value(late), output_field=DateTimeField())
    doses = Event.objects.filter(kind="dose_given", occurred_at__gte=since, course__in=courses)
    if until is not None:
        doses = doses.filter(occurred_at__lt=until)
    told = doses.annotate(day=_civil_day(zones, since), late_from=late_from)
    return several | set(told.filter(~Exists(whole)).values_list("course_id", flat=True).distinct())


def assessed(courses: QuerySet[Course], since: datetime, kinds: Collection[str], whole: Collection[UUID]) -> set[UUID]:
    """The courses with a fact of these kinds since an instant; of those in `whole` at any time. One query."""
    asked = Q(occurred_at__gte=since) | Q(course__in=whole) if whole else Q(occurred_at__gte=since)
    found = Event.objects.filter(asked, kind__in=kinds, course__in=courses)
    return set(found.values_list("course_id", flat=True).distinct())


def plans_ahead(
    courses: QuerySet[Course], since: datetime, now: datetime, days_ahead: int
) -> tuple[list[Plan], set[UUID]]:
    """The plans since an instant that are surely the newest of their course and not over, for the days around those ahead. Two queries.

    The second: the courses where that is in doubt.
    """
    today = now.astimezone(UTC).date()
    days = [(today + timedelta(days=number)).isoformat() for number in range(-1, days_ahead + 2)]
    planned = Event.objects.filter(kind="dose_planned", occurred_at__gte=since)
    same = Q(occurred_at=OuterRef("occurred_at"))
    later = Q(occurred_at__gt=OuterRef("occurred_at"))
    beside = Q(recorded_at=OuterRef("recorded_at"), id__gt=OuterRef("id"))
    newer = planned.filter(later | (same & (Q(recorded_at__gt=OuterRef("recorded_at")) | beside)), **_SAME_COURSE)
    missed = Event.objects.filter(**_SAME_COURSE, kind="dose_not_given", occurred_at__gte=OuterRef("occurred_at"))
    unsure = Q(Exists(newer)) | Q(Exists(replacements())) | Q(Exists(missed))
    rows = (
        planned.filter(~Exists(newer.filter(~Exists(replacements()))), course__in=courses)
        .annotate(
            day=KT("payload__on"),
            at_site=KT("payload__at_site"),
            unsure=ExpressionWrapper(unsure, output_field=BooleanField()),
        )
        .filter(payload__on__in=days)
    )
    fields = ("course__site_id", "course__organisation_id", "course__time_zone")
    given = _given_lately(courses, now)
    sure, doubt = [], set()
    for course, event, day, at_site, site, unsure_, home, owner, zone in rows.values_list(
        "course_id", "id", "day", "at_site", "site", "unsure", *fields
    ):
        after = [replaced for on, replaced in given.get(course, ()) if on.isoformat() >= day]
        if not all(after):
            continue  # a dose of that day or a later one stands: the plan is over
        if unsure_ or after:
            doubt.add(course)
        else:
            sure.append(
                Plan(course=course, event=event, on=day, code=at_site or site or "", site=home, owner=owner, zone=zone)
            )
    return sure, doubt


def _given_lately(courses: QuerySet[Course], now: datetime) -> dict[UUID, list[tuple[date, bool]]]:
    """By course the days of the doses of today and about it, and whether something replaces the fact."""
    rows = Event.objects.filter(kind="dose_given", occurred_at__gte=now - _LATELY, course__in=courses)
    found: dict[UUID, list[tuple[date, bool]]] = {}
    told = rows.annotate(replaced=Exists(replacements())).values_list("course_id", "occurred_at", "zone", "replaced")
    for course, at, zone, replaced in told:
        found.setdefault(course, []).append((civil_date(at, zone), replaced))
    return found


def replacements() -> QuerySet[Event]:
    """What corrects or withdraws the fact of the outer query, whenever that is dated: a wrong day may be corrected to one long ago."""
    return Event.objects.filter(**_SAME_COURSE, supersedes=OuterRef("id"), supersedes__isnull=False)


# --- the civil day of a fact, told by the database --------------------------------------------------------------------------------


def _civil_day(zones: Collection[str], since: datetime) -> Case:
    """The day of a fact in its zone; none in a zone that is not named, on days on which its clocks change, and in years to come.

    By offsets worked out here and not by the names of zones: the server may know other zones than the rules do.
    """
    first = since.astimezone(UTC).date()
    return Case(
        *(
            When(
                zone=zone,
                occurred_at__gte=begins,
                occurred_at__lt=ends,
                then=TruncDate(
                    ExpressionWrapper(F("occurred_at") + Value(offset), output_field=DateTimeField()), tzinfo=UTC
                ),
            )
            for zone in sorted(zones)
            for begins, ends, offset in _steady(zone, first)
        ),
        default=Value(None),
        output_field=DateField(),
    )


@lru_cache(maxsize=128)
def _steady(zone: str, first: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The spans of whole days (UTC) from a day on in which a zone keeps one offset."""
    found: list[tuple[datetime, datetime, timedelta]] = []
    for number in range(_FAR):
        begins = datetime.combine(first, time(), UTC) + number * _A_DAY
        offsets = {(begins + timedelta(hours=hour)).astimezone(zone_named(zone)).utcoffset() for hour in range(25)}
        offset = offsets.pop()
        if offset is None or offsets:
            continue  # the clocks change on that day
        joins = bool(found) and found[-1][1:] == (begins, offset)
        found.append((found.pop()[0] if joins else begins, begins + _A_DAY, offset))
    return tuple(found)
