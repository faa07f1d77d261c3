"""The audit binder: everything the REMS desk keeps of a span of days, one line a row, each with the id of what it was read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, F, Q, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from handrail.actions import spreadsheet
from handrail.actions.rems import LICENCES, ends_words
from handrail.actions.rems_choice import assessed, narrowed, replacements
from handrail.actions.rems_desk import troubles_of
from handrail.actions.rems_doses import HOWS, RECEIVERS
from handrail.actions.rems_look import House, day_of, house_of
from handrail.actions.rems_reports import ASSESSED, GRADES, live_facts, owed_reports
from handrail.people import permissions
from handrail.people.models import Organisation, RemsAct, RemsDispense, RemsMode, RemsRecord, RemsReport, Site
from handrail.records import wire
from handrail.records.models import Course, CourseAccess, Event
from handrail.rules.rems_data import programme_name
from handrail.rules.terms import civil_date, day_start, say_date, zone_named

EDGE: Final = timedelta(days=2)
"""So long before and after the days of the organisation the same days last in some other zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. `row`: the id of the row it was read from; a patient stands in it only by the course."""

    part: str
    day: str
    site: str
    product: str
    what: str
    who: str
    reference: str
    written_by: str
    written_at: str
    row: str
    replaces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: how many lines it has, and the first of them, or all."""

    name: str
    count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Of which days, of which site and product, and how many lines of each part; None: all."""

    organisation: Organisation
    first: date
    last: date
    site: Site | None
    product: str
    shown: int | None

    @property
    def begins(self) -> datetime:
        return day_start(self.first, self.organisation.time_zone)

    @property
    def ends(self) -> datetime:
        return day_start(self.last + timedelta(days=1), self.organisation.time_zone)

    def of(self, site: str = "", product: str = "") -> Q:
        """Rows of the site and the product that are asked for, and those of none. The names of the two fields; empty: it has none."""
        found = Q()
        if self.site is not None and site:
            found &= Q(**{f"{site}__isnull": True}) | Q(**{f"{site}__name": self.site.name})
        if self.product and product:
            found &= Q(**{f"{product}__in": ["", self.product]})
        return found


def binder(
    organisation: Organisation,
    first: date,
    last: date,
    now: datetime,
    *,
    site: Site | None = None,
    product: str = "",
    shown: int | None = None,
) -> tuple[Part, ...]:
    """The lines of a span of days, both included: what held or was written in it, corrections and what they replaced included.

    By day, those of one day in the order in which they were written. Constant number of queries.

    Args:
        site, product: only of these; papers that are for every site or product stay.
        shown: of each part so many lines, the first; all of them are counted. None: every line.
    """
    asked = _Asked(organisation=organisation, first=first, last=last, site=site, product=product, shown=shown)
    house = house_of(organisation, now)
    courses = Course.objects.filter(Q(organisation=organisation) | Q(pk__in=_lent(organisation, now)))
    found = (
        _papers(asked),
        _modes(asked),
        _dispenses(asked, house, courses),
        _gaps(asked, house, courses),
        _reports(asked),
        _owed(asked, house, now),
        _acts(asked),
    )
    return tuple(part for part in found if part.count)


def _part(name: str, asked: _Asked, rows: QuerySet[Any], line: Callable[[Any], Line]) -> Part:
    """A part of rows that are in order: counted, and read as far as they are shown."""
    read = tuple(map(line, rows if asked.shown is None else rows[: asked.shown]))
    return Part(name=name, count=len(read) if asked.shown is None else rows.count(), lines=read)


def as_csv(parts: Iterable[Part]) -> bytes:
    """The lines as CSV, with a heading; no cell begins like a formula."""
    lines = (astuple(line) for part in parts for line in part.lines)
    return spreadsheet.as_csv([field.name for field in fields(Line)], lines)


def _at(at: datetime, organisation: Organisation) -> str:
    return at.astimezone(zone_named(organisation.time_zone)).isoformat(timespec="seconds")


def _papers(asked: _Asked) -> Part:
    # What another row had ended or taken back before these days did not hold in them; what ends it later stands beside it.
    counted = Q(superseded_by__isnull=True) | Q(superseded_by__at__gte=asked.begins)
    held = Q(from_on__lte=asked.last) & (Q(until__isnull=True) | Q(until__gte=asked.first)) & counted
    written = Q(at__gte=asked.begins, at__lt=asked.ends)
    every = RemsRecord.objects.filter(asked.of("site", "product"), organisation=asked.organisation)
    rows = every.filter(held | written | Q(pk__in=_later_words(every, every.filter(held | written))))

    def line(row: RemsRecord) -> Line:
        parts = [
            f"{RemsRecord.Kind(row.kind).label}, {programme_name(row.programme)}, from {say_date(row.from_on)}, {ends_words(row)}"
        ]
        parts += [f"material version {row.version}"] if row.version else []
        parts += [LICENCES[row.licence]] if row.licence else []
        parts += ["taken back"] if row.withdrawn else []
        parts += [f"because: {row.reason}"] if row.reason else []
        return Line(
            part="paper",
            day=row.from_on.isoformat(),
            site=row.site.name if row.site is not None else "",
            product=row.product,
            what="; ".join(parts),
            who=row.user.name if row.user is not None else "",
            reference=row.reference,
            written_by=row.by.name,
            written_at=_at(row.at, asked.organisation),
            row=str(row.pk),
            replaces=str(row.supersedes_id or ""),
        )

    return _part("paper", asked, rows.select_related("user", "site", "by").order_by("from_on", "at", "id"), line)


def _later_words(every: QuerySet[RemsRecord], chosen: QuerySet[RemsRecord]) -> set[UUID]:
    """The rows that correct one of the chosen, whenever they were written, and those that correct these. Two queries."""
    after = dict(every.exclude(supersedes__isnull=True).values_list("supersedes_id", "pk"))
    found: set[UUID] = set()
    for key in chosen.values_list("pk", flat=True):
        while key in after and after[key] not in found:
            key = after[key]
            found.add(key)
    return found


def _modes(asked: _Asked) -> Part:
    rows = RemsMode.objects.filter(asked.of("site"), organisation=asked.organisation, from_at__lt=asked.ends)

    def line(row: RemsMode) -> Line:
        sides = {"centre": row.central, "site": row.local}
        named = ", ".join(f"{side}: {user.name}" for side, user in sides.items() if user is not None)
        return Line(
            part="mode",
            day=civil_date(row.from_at, row.site.time_zone).isoformat(),
            site=row.site.name,
            product="",
            what=_mode_words(row),
            who=named,
            reference="",
            written_by=row.by.name,
            written_at=_at(row.at, asked.organisation),
            row=str(row.pk),
            replaces="",
        )

    read = list(rows.select_related("site", "central", "local", "by").order_by("at", "id"))
    read.sort(key=lambda row: civil_date(row.from_at, row.site.time_zone))
    return Part(name="mode", count=len(read), lines=tuple(map(line, read[: asked.shown])))


def _mode_words(row: RemsMode) -> str:
    label = RemsMode.Mode(row.mode).label
    return f"{label}; hours of the centre, Monday first: {' | '.join(row.week)}" if row.week else label


def _acts(asked: _Asked) -> Part:
    span = Q(at__gte=asked.begins, at__lt=asked.ends)
    rows = RemsAct.objects.filter(span, asked.of("site", "product"), organisation=asked.organisation)

    def line(row: RemsAct) -> Line:
        return Line(
            part="set-up",
            day=civil_date(row.at, asked.organisation.time_zone).isoformat(),
            site=row.site.name if row.site is not None else "",
            product=row.product,
            what=f"{row.what}{f': {row.task}' if row.task else ''}, {programme_name(row.programme)}",
            who=row.user.name if row.user is not None else "",
            reference="",
            written_by=row.by.name,
            written_at=_at(row.at, asked.organisation),
            row=str(row.pk),
            replaces="",
        )

    return _part("set-up", asked, rows.select_related("site", "user", "by").order_by("at", "id"), line)


def _lent(organisation: Organisation, now: datetime) -> QuerySet[Any]:
    """The courses of other organisations whose doses this one may dispense: what it dispenses of them is on its own binder."""
    lending = [purpose for purpose, verbs in permissions.LENT.items() if "record_dispense" in verbs]
    grants = CourseAccess.objects.valid(now).filter(to_organisation=organisation, purpose__in=lending)
    return grants.values("course")


def _dispenses(asked: _Asked, house: House, courses: QuerySet[Course]) -> Part:
    """The dispense records of the span, each at the site that gave the dose; a record for another day that corrects one of them too."""
    span = Q(on__gte=asked.first, on__lte=asked.last)
    corrects = Q(supersedes__on__gte=asked.first, supersedes__on__lte=asked.last)
    rows = RemsDispense.objects.filter(
        span | corrects, asked.of("", "product"), Q(organisation=asked.organisation) | Q(course__in=courses)
    ).order_by("on", "at", "id")
    kept = rows.values_list("pk", "course_id", "on", "course__site_id", "organisation_id")
    sites = _sites(house, courses, asked.begins - EDGE, asked.ends + EDGE)
    at: dict[UUID, Site | None] = {}
    for pk, course, on, home, owner in kept:
        own = owner == asked.organisation.pk
        site = sites.get((course, on), house.by_id.get(home) if own and home is not None else None)
        here = own or site is not None
        if here and (asked.site is None or site is None or site.pk == asked.site.pk):
            at[pk] = site
    chosen = list(at)[: asked.shown]
    checks = {True: "prescriber checked", False: "prescriber found not certified", None: "whether checked is not known"}
    # The longest part by far: of the people only what stands in a line is read.
    named = {"prescriber_name": F("prescriber__name"), "by_name": F("by__name")}

    def line(row: Any) -> Line:
        got = f", obtained {_at(row.obtained_at, asked.organisation)}" if row.obtained_at is not None else ""
        how = f" {HOWS[row.how]}" if row.how else ""
        because = f"; because: {row.reason}" if row.reason else ""
        site = at[row.pk]
        return Line(
            part="dispense record",
            day=row.on.isoformat(),
            site=site.name if site is not None else "",
            product=row.product,
            what=f"course {str(row.course_id)[:8]}: {checks[row.checked]}{got}{how}{because}",
            who=row.prescriber_name or "prescriber not known",
            reference=row.code or "no code",
            written_by=row.by_name,
            written_at=_at(row.at, asked.organisation),
            row=str(row.pk),
            replaces=str(row.supersedes_id or ""),
        )

    read = rows.annotate(**named)
    few = read if asked.shown is None else read.filter(pk__in=chosen)
    lines = tuple(line(row) for row in few if row.pk in at)
    return Part(name="dispense record", count=len(at), lines=lines)


def _sites(
    house: House, courses: QuerySet[Course], begins: datetime, ends: datetime
) -> dict[tuple[UUID, date], Site | None]:
    """By course and day the site that gave the dose, or where it was planned, as far as a fact names one; None: none of this house.

    Two queries.
    """
    found: dict[tuple[UUID, date], Site | None] = {}
    days = {"day__gte": begins.date().isoformat(), "day__lte": ends.date().isoformat()}
    live = Event.objects.filter(~Exists(replacements()), course__in=courses).order_by(*Event.ORDER)
    plans = live.filter(kind="dose_planned").annotate(
        day=Cast(KT("payload__on"), TextField()), code=KT("payload__at_site")
    )
    for course, day, code in plans.filter(**days).values_list("course_id", "day", "code"):
        on = day_of(day)
        if on is not None and code:
            found[course, on] = house.by_code(code)
    doses = live.filter(kind="dose_given", occurred_at__gte=begins, occurred_at__lt=ends).exclude(site="")
    for course, occurred_at, zone, code in doses.values_list("course_id", "occurred_at", "zone", "site"):
        found[course, civil_date(occurred_at, zone)] = house.by_code(code)
    return found


def _gaps(asked: _Asked, house: House, courses: QuerySet[Course]) -> Part:
    """The doses of the span whose record is missing, late, double or unchecked: a binder that hid them would be worth nothing."""
    organisation = asked.organisation
    names = {str(site.pk): site.name for site in house.sites}
    if asked.product:
        courses = courses.filter(product=asked.product)
    wrong = [
        each
        for each in troubles_of(courses, asked.begins - EDGE, asked.ends + EDGE, house)
        if asked.first <= each.dose.on <= asked.last
        and (asked.site is None or names.get(each.dose.site, "") in ("", asked.site.name))
    ]
    wrong.sort(key=lambda each: (each.dose.on, each.dose.recorded_at, each.dose.event))
    lines = tuple(
        Line(
            part="dose without a whole record",
            day=each.dose.on.isoformat(),
            site=names.get(each.dose.site, ""),
            product=each.dose.product,
            what=f"course {each.dose.label}: {each.kind}: {each.words}",
            who="",
            reference="",
            written_by="",
            written_at=_at(each.dose.recorded_at, organisation),
            row=each.dose.event,
            replaces="",
        )
        for each in wrong[: asked.shown]
    )
    return Part(name="dose without a whole record", count=len(wrong), lines=lines)


def _owed(asked: _Asked, house: House, now: datetime) -> Part:
    """The reports of reactions of the span that nobody has made: they are what an auditor asks about."""
    part = "report that is owed"
    courses = Course.objects.filter(asked.of("site", "product"), organisation=asked.organisation)
    chosen = assessed(courses, asked.begins - EDGE, ASSESSED, ())
    among = narrowed(courses, chosen)
    rows = live_facts(among, asked.begins - EDGE, GRADES, chosen)
    whole = (
        Course.objects.only("site__name", *wire.HEADER).select_related("site").in_bulk({row.course_id for row in rows})
    )
    owed = [
        (civil_date(each.reaction.at, each.reaction.zone), each)
        for each in owed_reports(among, whole, rows, house.holidays, house.ends, now)
    ]
    owed = [(day, each) for day, each in owed if asked.first <= day <= asked.last]
    lines = []
    for day, each in owed:
        course = whole[UUID(each.reaction.course)]
        state = "overdue since" if each.due_at <= now else "due by"
        lines.append(
            Line(
                part=part,
                day=day.isoformat(),
                site=course.site.name if course.site is not None else "",
                product=course.product,
                what=f"course {each.reaction.label}: {each.words}: nobody has reported it, {state} the end of {say_date(each.last_day)}",
                who="",
                reference="",
                written_by="",
                written_at=_at(each.reaction.at, asked.organisation),
                row=each.reaction.event,
                replaces="",
            )
        )
    lines.sort(key=lambda each: (each.day, each.written_at, each.row))
    return Part(name=part, count=len(lines), lines=tuple(lines[: asked.shown]))


def _reports(asked: _Asked) -> Part:
    span = Q(at__gte=asked.begins, at__lt=asked.ends)
    about = asked.of("course__site", "course__product")
    rows = RemsReport.objects.filter(span, about, organisation=asked.organisation)

    def line(row: RemsReport) -> Line:
        told = f"not serious: {row.reason}"
        if row.owed:
            at = f" at {_at(row.reported_at, asked.organisation)}" if row.reported_at is not None else ""
            told = f"reported to {RECEIVERS[row.to]}{at}{f'; {row.reason}' if row.reason else ''}"
        return Line(
            part="report",
            day=civil_date(row.at, asked.organisation.time_zone).isoformat(),
            site=row.course.site.name if row.course.site is not None else "",
            product=row.course.product,
            what=f"course {str(row.course_id)[:8]}: {row.toxicity.upper()}, assessment {row.event}: {told}",
            who="",
            reference=row.reference,
            written_by=row.by.name,
            written_at=_at(row.at, asked.organisation),
            row=str(row.pk),
            replaces="",
        )

    return _part("report", asked, rows.select_related("by", "course__site").order_by("at", "id"), line)
