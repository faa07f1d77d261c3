"""How full a site is, gathered: its own numbers, its rota, its shelf, and what every course takes of it.

Counts of a site are the same for whoever asks, whichever courses they reach: they are read whole, and no name leaves here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from handrail.actions.payer_papers import papers_from
from handrail.people import network, scope
from handrail.people.coverage import answering_shifts, asked_of, hole_words, holes_of_sites, stretches
from handrail.people.models import Holiday, Site, SiteNumber, Step
from handrail.records import wire
from handrail.records.models import AccessPaper, Course, CourseAccess, Event
from handrail.rules.access_data import access_rules
from handrail.rules.capacity import most_at_once
from handrail.rules.capacity_data import NUMBERS, Number, Said, SiteCan, Span, Told, Uncovered, load_capacity
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.course_load import CourseLoad, course_load, either, not_judged
from handrail.rules.doses import given_doses
from handrail.rules.events import SHELL_KINDS
from handrail.rules.events import Event as Fact
from handrail.rules.evidence import Evidence
from handrail.rules.history import History
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.terms import UnusableInput, civil_date, day_start, say_date
from handrail.rules.upcoming import open_plan

SPAN: Final = timedelta(days=45)
"""So far ahead the load is known: as far as a start that is looked at, and a long step-up after it, reach."""
RECENT: Final = timedelta(days=14)
"""A dose given since then may still be watched: of such a course everything is read, also where it ended since."""
PLANNED_SINCE: Final = timedelta(days=180)
"""So far back a plan at this site by another organisation is looked for: longer than a start is ever planned ahead."""
PLANNING: Final = (
    "course_started",
    "protocol_changed",
    "policy_changed",
    "schedule_changed",
    "step_up_planned",
    "dose_planned",
    "dose_given",
    "dose_not_given",
    "admission_noted",
    "discharge_noted",
    "home_status",
    "course_ended",
    "fact_withdrawn",
)
"""Kinds that say which doses were given and which are to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A course and what it takes of the site."""

    course: Course
    load: CourseLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Rescue tocilizumab as it was counted last, and what was given since. `counted_on` None: nobody has counted."""

    counted: int | None = None
    counted_on: date | None = None
    given_since: int = 0
    holds: bool = False

    @property
    def told(self) -> Told:
        """The doses that are there; a count that is too old is not known any more."""
        if self.counted is None:
            return Told()
        left = max(0, self.counted - self.given_since)
        return Told(there=left if self.holds else None, last=left)

    @property
    def words(self) -> str:
        """Where the number comes from."""
        if self.counted is None or self.counted_on is None:
            return "nobody has counted"
        since = f", {self.given_since} given since" if self.given_since else ""
        old = "" if self.holds else "; too old to count: count again"
        return f"{self.counted} counted on {say_date(self.counted_on)}{since}{old}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A site with everything that is known of its capacity at `now`."""

    site: Site
    today: date
    can: SiteCan
    numbers: tuple[SiteNumber, ...]
    """Every word about its numbers, the latest first."""
    booked: tuple[Booked, ...]
    shelf: Shelf

    @property
    def counts(self) -> bool:
        """Whether the site has begun to say its numbers: from the first one on a start that is not covered is refused."""
        return bool(self.numbers)

    def word(self, what: Number, on: date) -> SiteNumber | None:
        """The word that counts for a number on a day; None: nobody has said one."""
        words = [each for each in self.numbers if each.what == what and each.from_on <= on]
        return max(words, key=lambda each: (each.from_on, _written(each)), default=None)

    def without(self, course_id: UUID) -> SiteCan:
        """The site as if a course were not there."""
        return _with_loads(self.can, [each.load for each in self.booked if each.course.pk != course_id])


def capacity_of(site: Site, now: datetime, *, until: date | None = None) -> Capacity:
    """What is known of the capacity of a site. The number of queries does not grow with its courses.

    Args:
        until: so far ahead the load is read at least.
    """
    with scope.everything():
        today = civil_date(now, site.time_zone)
        last = max(today + SPAN, until or today)
        numbers = tuple(SiteNumber.objects.filter(site=site).select_related("by").order_by("-at", "id"))
        booked = tuple(_booked(site, now, last))
        shelf = shelf_of(site, today)
        begins, ends = day_start(today, site.time_zone), day_start(last, site.time_zone)
        on_call, uncovered = _rota(site, begins, ends)
        can = SiteCan(
            zone=site.time_zone,
            said=tuple(_said(numbers)),
            on_call=on_call,
            uncovered=uncovered,
            holidays=_holidays(site, today, last),
            rescue=shelf.told,
        )
    return Capacity(
        site=site,
        today=today,
        can=_with_loads(can, [each.load for each in booked]),
        numbers=numbers,
        booked=booked,
        shelf=shelf,
    )


def rescue_for_all(site: Site, course: Course, begins: datetime, ends: datetime, now: datetime) -> Evidence | None:
    """Whether the shelf of a site has rescue doses for everybody who is watched at once in a window, a patient of it among them.

    What was given since the count is gone from the shelf. None: nobody has counted there.
    """
    with scope.everything():
        if shelf_of(site, civil_date(now, site.time_zone)).counted is None:
            return None
    found = capacity_of(site, now, until=civil_date(ends, site.time_zone))
    others = most_at_once(found.without(course.pk).watched, begins, ends)
    need, there = (others + 1) * load_capacity().tocilizumab.doses_each, found.shelf.told.there
    words = f"{need} rescue doses of tocilizumab are needed at {site.name} for {others + 1} watched at once; {found.shelf.words}"
    met = None if there is None else there >= need
    step = None if met else "count again" if met is None else "get rescue doses to the site"
    return Evidence(met=met, because=words, owner="pharmacist", next_step=step)


def _said(numbers: Sequence[SiteNumber]) -> Iterable[Said]:
    """In the order in which they were written, of one moment the more cautious last; what this version does not know is left aside."""
    for row in sorted(numbers, key=_written):
        what = next((each for each in NUMBERS if each == row.what), None)
        if what is not None:
            yield Said(what=what, number=row.number, from_on=row.from_on)


def _written(row: SiteNumber) -> tuple[datetime, bool, int]:
    return row.at, row.number is None, -(row.number or 0)


def _with_loads(can: SiteCan, loads: Sequence[CourseLoad]) -> SiteCan:
    return replace(
        can,
        watched=tuple(span for load in loads for span in load.watched),
        seen=tuple(each.on for load in loads for each in load.seen),
        doses=tuple(on for load in loads for on in load.doses),
        starts=tuple(on for load in loads for on in load.starts),
    )


def _holidays(site: Site, first: date, last: date) -> frozenset[date]:
    days = Holiday.objects.filter(
        Q(site__isnull=True) | Q(site=site), organisation=site.organisation_id, on__gte=first, on__lte=last
    )
    return frozenset(days.values_list("on", flat=True))


def shelf_of(site: Site, today: date) -> Shelf:
    """The shelf of rescue doses of a site as its last count says it. Two queries."""
    rows = AccessPaper.objects.filter(
        organisation=site.organisation_id, kind=AccessPaper.Kind.STOCK, key=site.code
    ).select_related("by")
    papers = papers_from(rows)
    stock, count = papers.stock(site.code, today), papers.count(site.code, today)
    if count is None or stock.doses is None or stock.counted_on is None:
        return Shelf()
    # Written down on its own day, it holds from that hour on; later, nobody knows at which hour of its day it was counted.
    at_once = civil_date(count.recorded_at, site.time_zone) == stock.counted_on
    since = count.recorded_at if at_once else day_start(stock.counted_on, site.time_zone)
    replaced = Event.objects.filter(
        organisation=OuterRef("organisation"), course=OuterRef("course"), supersedes=OuterRef("id")
    )
    rows_since = Event.objects.filter(
        ~Exists(replaced), course__site=site, kind="medicine_given", occurred_at__gte=since
    )
    given = sum(is_tocilizumab(payload.get("agent")) for payload in rows_since.values_list("payload", flat=True))
    holds = today <= stock.counted_on + timedelta(days=access_rules().clocks.stock_count_holds_days)
    return Shelf(counted=stock.doses, counted_on=stock.counted_on, given_since=given, holds=holds)


def _rota(site: Site, begins: datetime, ends: datetime) -> tuple[tuple[Span, ...] | None, tuple[Uncovered, ...]]:
    """Who is first on call, and the other hours that somebody has to fill. A rota with no shift at all is not known."""
    steps = [step for step, asked in asked_of(site.organisation_id, site.pk).items() if asked.must_be_filled]
    shifts = answering_shifts(site.organisation_id, site.pk, {*steps, Step.FIRST_ON_CALL}, begins, ends)
    if not shifts:
        return None, ()
    first = [each for each in shifts if each.shift.step == Step.FIRST_ON_CALL]
    on_call = tuple(
        Span(begins=each.begins, ends=each.ends) for each in stretches(first, begins, ends) if each.shift is not None
    )
    holes = holes_of_sites([site], begins, ends)[site.pk]
    return on_call, tuple(
        Uncovered(begins=hole.begins, ends=hole.ends, because=_lower(hole_words(hole, site.time_zone)))
        for hole in holes
        if hole.who is not None or hole.step != Step.FIRST_ON_CALL
    )


def _lower(sentence: str) -> str:
    return sentence.replace("Nobody is", "nobody is", 1)


# --- what the courses take -----------------------------------------------------------------------------------------------------


def _booked(site: Site, now: datetime, until: date) -> Iterable[Booked]:
    """Every course of the site that is not over, and those of others that are planned here."""
    courses = list(_courses(site, now))
    facts = _facts(courses, now)
    elsewhere = _others_named(site, courses, facts, now)
    for course in courses:
        load = _load(course, facts[course.pk], site, now, until, elsewhere)
        if load is not None and (course.ended_at is None or load.watched):
            yield Booked(course=course, load=load)


def _courses(site: Site, now: datetime) -> Iterable[Course]:
    """Those that are not over; of the site's own those too that ended a short time ago: a window or a stay in hospital goes on."""
    own = Course.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=now - RECENT), site=site)
    houses = {site.organisation_id, *network.partners_of(site.organisation_id, now)}
    lent = CourseAccess.objects.valid(now).filter(to_organisation=site.organisation_id)
    here = Event.objects.filter(
        Q(organisation__in=houses) | Q(course__in=lent.values("course")),
        kind="dose_planned",
        recorded_at__gte=now - PLANNED_SINCE,
        payload__at_site__in=[site.code, site.name],
    )
    others = Course.objects.filter(pk__in=here.values("course"), ended_at__isnull=True).exclude(site=site)
    return (own | others).select_related("patient", "site", "organisation").order_by("started_at", "id")


def _facts(courses: Sequence[Course], now: datetime) -> Mapping[UUID, list[Fact]]:
    """Of every course what says its doses, and everything of one whose last dose may still be watched. Two queries."""
    found: dict[UUID, list[Fact]] = defaultdict(list)
    recent = set()
    for row in Event.objects.filter(course__in=courses, kind__in=PLANNING).order_by(*Event.ORDER):
        found[row.course_id].append(wire.to_fact(row))
        if row.kind == "dose_given" and row.occurred_at >= now - RECENT:
            recent.add(row.course_id)
    rest = Event.objects.filter(course__in=recent).exclude(kind__in=(*PLANNING, *SHELL_KINDS))
    for row in rest.order_by(*Event.ORDER):
        found[row.course_id].append(wire.to_fact(row))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    """The codes and names of other sites that plans name, by organisation, and which organisations work together for a course.

    `lent`: by course, those that reach it without an agreement. A namesake in any other organisation counts nothing.
    """

    named: Mapping[UUID, frozenset[str]]
    partners: frozenset[UUID]
    lent: Mapping[UUID, frozenset[UUID]]

    def has(self, at: str | None, course: Course) -> bool:
        """Whether a plan of a course of this site names another site."""
        houses = {course.organisation_id} | self.partners | self.lent.get(course.pk, frozenset())
        return any(at in self.named.get(house, ()) for house in houses)


def _others_named(
    site: Site, courses: Sequence[Course], facts: Mapping[UUID, Sequence[Fact]], now: datetime
) -> _Elsewhere:
    named = {fact.body.at_site for each in facts.values() for fact in each if fact.kind == "dose_planned"} - {None}
    partners = frozenset(network.partners_of(site.organisation_id, now))
    access = CourseAccess.objects.valid(now).filter(course__in=[each.pk for each in courses])
    lent: dict[UUID, set[UUID]] = defaultdict(set)
    for course, house in access.values_list("course", "to_organisation"):
        lent[course].add(house)
    houses = {site.organisation_id, *partners, *(each.organisation_id for each in courses)}.union(*lent.values())
    rows = Site.objects.filter(Q(code__in=named) | Q(name__in=named), organisation__in=houses).exclude(pk=site.pk)
    found: dict[UUID, set[str]] = defaultdict(set)
    for house, *words in rows.values_list("organisation", "code", "name"):
        found[house].update(words)
    return _Elsewhere(
        named={house: frozenset(words) for house, words in found.items()},
        partners=partners,
        lent={course: frozenset(each) for course, each in lent.items()},
    )


def _load(
    course: Course,
    facts: Sequence[Fact],
    site: Site,
    now: datetime,
    until: date,
    elsewhere: _Elsewhere,
) -> CourseLoad | None:
    """What one course takes here; None: nothing, its next dose is planned at another site and it was never watched here.

    Where corrections stand side by side, everything that any way to read them takes: of two days of a start both are kept free. One
    that cannot be judged is counted on every day, a partner's too: a plan names this site.
    """
    zone, mine = site.time_zone, course.site_id == site.pk
    try:
        first = History.build(wire.header(course), facts)
        policy = policy_for(first, now)
        history = History.build(first.course, first.recorded, policy.plausible).until(now)
        ways = history.ways()
        loads = []
        for each in ways:
            protocol, here = protocol_for(each, now), _planned_here(each, course, site, elsewhere)
            if here or mine:
                loads.append(
                    course_load(each, protocol, policy, now, until, zone=zone, ahead_here=here, given_here=mine)
                )
        return either(loads) if loads else None
    except UnusableInput as error:
        last = civil_date(course.ended_at + RECENT, zone) if course.ended_at is not None else until
        return not_judged(civil_date(now, zone), min(until, last + timedelta(days=1)), zone, error.message)


def _planned_here(history: History, course: Course, site: Site, elsewhere: _Elsewhere) -> bool:
    """Whether the next dose of a course is given here: a name means a site of the course's own organisation before one of another."""
    plan = open_plan(history, given_doses(history))
    at = plan.body.at_site if plan is not None else None
    words = (site.code, site.name)
    if course.site_id == site.pk:
        return at in words or not elsewhere.has(at, course)
    return at in words and at not in elsewhere.named.get(course.organisation_id, ())
