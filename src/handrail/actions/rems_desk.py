"""What an authorised representative has to do now: planned doses and their line 8, codes, reports that are due, papers that run out.

Worked out while it is read, with a constant number of queries, from the courses where something may be open (`rems_choice`); for one
course, from the facts of that course alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from handrail.actions.rems_choice import Plan, assessed, doubted, narrowed, plans_ahead, shared_codes
from handrail.actions.rems_look import House, day_of, dispenses_of, evidence_for, house_of
from handrail.actions.rems_reports import (
    ASSESSED,
    GRADES,
    earlier_words,
    live_facts,
    owed_reports,
    paged_courses,
)
from handrail.people.models import Organisation, RemsDispense, Site, User
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.records.reach import courses_of
from handrail.rules.evidence import Evidence
from handrail.rules.rems_data import desk_rules, programme_for
from handrail.rules.rems_desk import Expiry, expiries
from handrail.rules.rems_doses import (
    Dose,
    HandOver,
    Owner,
    Report,
    Trouble,
    hand_overs,
    owner_at,
    troubles,
)
from handrail.rules.terms import civil_date

_DOSES: Final = ("dose_planned", "dose_given", "dose_not_given", "fact_withdrawn")
AHEAD: Final = timedelta(days=7)
"""So far ahead hand-overs are listed."""
PER_PAGE: Final = 100
"""Of each list so many rows stand on a page."""
_HEAVY: Final = ("assessment", "context", "facts", "overlays", "policy_document")
"""What a list has no use for; the assessment of a course alone is longer than all its doses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A dose on the calendar, and the fact that planned it."""

    course: UUID
    event: UUID
    on: date
    site: Site | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDose:
    """A dose on the calendar, line 8 of its gate, and who gets its code now."""

    course: Course
    on: date
    site: Site | None
    step: str
    evidence: Evidence
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A given dose whose dispense record is not whole, and who owns that now."""

    course: Course
    trouble: Trouble
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A report that is owed."""

    course: Course
    report: Report
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One organisation's desk: of the planned doses, the codes and the reports one page.

    `planned_total`, `wrong_total`, `due_total`: how many there are of each; `pages`: how many pages the longest of them has.
    """

    house: House
    page: int
    pages: int
    planned_total: int
    wrong_total: int
    due_total: int
    planned: tuple[PlannedDose, ...]
    wrong: tuple[Wrong, ...]
    due: tuple[Due, ...]
    expiries: tuple[Expiry, ...]
    hand_overs: tuple[tuple[Site, HandOver], ...]

    @property
    def courses(self) -> tuple[Course, ...]:
        """Those of the rows on the page."""
        doses = [*(each.course for each in self.planned), *(each.course for each in self.wrong)]
        return (*doses, *(each.course for each in self.due))


def desk_of(
    person: User, organisation: Organisation, now: datetime, *, only: Course | None = None, page: int = 1
) -> Desk:
    """The desk of an organisation, as somebody of it sees it. Constant number of queries.

    All of it is put in order before any is left to another page; patients, owners and evidence are read for the page alone. Of the courses
    those are read in which a dose, a plan or a reaction may be open; the others have nothing here but a plan that is surely in force.

    Args:
        only: what stands on it of this course; the facts and records of the others are not read, so that a code which stands for a
            dose of another course too is not found here.
        page: which page, from 1; one that there is not: the nearest.
    """
    house = house_of(organisation, now)
    rules = desk_rules()
    since = now - timedelta(days=rules.code.missed_days_back)
    reached = courses_of(person, now) if only is None else courses_of(person, now).filter(pk=only.pk)
    paged = paged_courses(organisation.pk) if only is None else paged_courses(organisation.pk) & {only.pk}
    # West of here the day of a dose of the first hours is the day before.
    records = RemsDispense.objects.filter(on__gte=(since - timedelta(days=1)).date())
    shared = shared_codes(records.filter(course__in=reached))
    sure, chosen = plans_ahead(reached, since, now, rules.code.planned_days_ahead)
    chosen |= doubted(reached, since, None, records, shared=shared, zones=house.zones)
    read = narrowed(reached, chosen)
    courses = light(read)
    mine = _by_course(live_facts(read, since, _DOSES, ()))
    wrong = troubles(_doses(courses, mine, house), dispenses_of(records.filter(course__in=read)), rules.code, shared)
    plans = _plans(courses, mine, [each for each in sure if each.course not in courses], house, now)
    with_grades = narrowed(reached, assessed(reached, since, ASSESSED, paged))
    rows = live_facts(with_grades, since, GRADES, paged)
    reacted = {row.course_id for row in rows if row.kind in ASSESSED}
    whole = Course.objects.only("site", *wire.HEADER).in_bulk(reacted)
    graded = [row for row in rows if row.course_id in reacted]
    due = owed_reports(with_grades, whole, graded, house.holidays, house.ends, now)

    pages = pages_for(max(len(plans), len(wrong), len(due)))
    page = min(max(page, 1), pages)
    here = slice((page - 1) * PER_PAGE, page * PER_PAGE)
    ids = {each.course for each in plans[here]}
    ids |= {UUID(each.dose.course) for each in wrong[here]} | {UUID(each.reaction.course) for each in due[here]}
    named = Course.objects.select_related("patient", "organisation", "site").defer(*_HEAVY).in_bulk(ids)
    changes = [(site, each) for site in house.sites for each in _hand_overs(house, site, now)]
    return Desk(
        house=house,
        page=page,
        pages=pages,
        planned_total=len(plans),
        wrong_total=len(wrong),
        due_total=len(due),
        planned=tuple(_planned(plans[here], named, house, now)),
        wrong=tuple(
            Wrong(course=named[UUID(t.dose.course)], trouble=t, owner=_owner(house, t, now)) for t in wrong[here]
        ),
        due=tuple(Due(course=named[UUID(r.reaction.course)], report=r, overdue=r.due_at <= now) for r in due[here]),
        expiries=expiries(house.papers, civil_date(now, organisation.time_zone), rules.expiry.warn_days),
        hand_overs=tuple(sorted(changes, key=lambda each: (each[1].at, each[0].name))),
    )


def _hand_overs(house: House, site: Site, now: datetime) -> tuple[HandOver, ...]:
    """Every change of owner at a site in the days ahead, of each programme of which the site has papers; the same one once."""
    held = sorted({paper.programme for paper in house.of_place.get(str(site.pk), ())}) or [""]
    found: dict[tuple[datetime, str, str], HandOver] = {}
    for programme in held:

        def fallback(at: datetime, programme: str = programme) -> tuple[str, ...]:
            return house.fallback(site.pk, programme, civil_date(at, site.time_zone))

        modes, turns = house.modes.get(site.pk, ()), house.turns(site.pk, programme)
        for each in hand_overs(modes, now, now + AHEAD, house.holidays[site.pk], fallback, turns):
            found.setdefault((each.at, each.before.name, each.after.name), each)
    return tuple(found.values())


def pages_for(rows: int) -> int:
    """How many pages the longest list of so many rows has."""
    return max(1, -(-rows // PER_PAGE))


def light(courses: QuerySet[Course]) -> dict[UUID, Course]:
    """Courses with their sites, by id, without what is long: for lists of all of them."""
    return {each.pk: each for each in courses.select_related("site").defer(*_HEAVY)}


def troubles_of(among: QuerySet[Course], since: datetime, until: datetime, house: House) -> tuple[Trouble, ...]:
    """What is wrong with the dispense records of the doses of courses since an instant, those until another at the least. Six queries."""
    records = RemsDispense.objects.filter(Q(organisation=house.organisation) | Q(course__in=among))
    shared = shared_codes(records)
    read = narrowed(among, doubted(among, since, until, records, shared=shared, zones=house.zones))
    doses = _doses(light(read), _by_course(live_facts(read, since, _DOSES, ())), house)
    return troubles(doses, dispenses_of(records.filter(course__in=read)), desk_rules().code, shared)


def _doses(courses: Mapping[UUID, Course], facts: Mapping[UUID, list[Any]], house: House) -> list[Dose]:
    found = []
    firsts = _first_recorded(facts)
    for course_id, mine in facts.items():
        course = courses[course_id]
        told = (_dose(course, row, mine, house, firsts) for row in mine if row.kind == "dose_given")
        found += [
            dose
            for dose in told
            if dose is not None
            and _asked(dose.product, course.jurisdiction, dose.on)
            and not house.signed_end(course.protocol_key, dose.on)
        ]
    return found


def _first_recorded(facts: Mapping[UUID, list[Any]]) -> dict[UUID, datetime]:
    """By id of each corrected dose: when it was first written down. Its code is late from then on, whatever is put right afterwards."""
    doses = (row for held in facts.values() for row in held if row.kind == "dose_given")
    return {key: words[-1].recorded_at for key, words in earlier_words(doses).items() if words}


def _by_course(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    """The facts of each course, in the same order."""
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.course_id, []).append(row)
    return found


def _dose(course: Course, row: Any, mine: list[Any], house: House, firsts: Mapping[UUID, datetime]) -> Dose | None:
    """A given dose at a site of this organisation; one that another organisation gives is on that one's desk.

    Args:
        mine: the facts of its course, the oldest first.
        firsts: when a corrected dose was first written down, by its id.
    """
    on = civil_date(row.occurred_at, row.zone)
    day = on.isoformat()
    plan = next(
        (each for each in reversed(mine) if each.kind == "dose_planned" and each.payload.get("on") == day), None
    )
    code = row.site or (plan.payload.get("at_site") if plan is not None else "") or ""
    site = house.by_code(code) if code else course.site
    if site is None and course.organisation_id != house.organisation.pk:
        return None
    if site is not None and site.organisation_id != house.organisation.pk:
        return None
    return Dose(
        course=str(course.pk),
        label=str(course.pk)[:8],
        product=course.product,
        site=str(site.pk) if site is not None else "",
        on=on,
        given_at=row.occurred_at,
        recorded_at=firsts.get(row.id, row.recorded_at),
        event=str(row.id),
    )


@lru_cache(maxsize=4096)
def _asked(product: str, jurisdiction: str, on: date) -> bool:
    """Whether the REMS of the product asks for a check of every dose on that day."""
    programme = programme_for(product, jurisdiction)
    return programme is not None and any(row.frequency == "every_dose" for row in programme.asked(product, on))


def _owner(house: House, trouble: Trouble, now: datetime) -> Owner:
    dose = trouble.dose
    if not dose.site:
        return Owner(name="", side="nobody", because="which of the sites here gave it is not known")
    programme = programme_for(dose.product, "US")
    return owner_of(house, UUID(dose.site), programme.id if programme else "", now)


def owner_of(house: House, site_id: UUID, programme: str, at: datetime) -> Owner:
    """Who owns the codes of a site at an instant."""
    day = civil_date(at, house.places[site_id].zone)
    fallback = house.fallback(site_id, programme, day)
    return owner_at(house.modes.get(site_id, ()), at, house.holidays[site_id], fallback)


def _plans(
    courses: Mapping[UUID, Course],
    facts: Mapping[UUID, list[Any]],
    sure: Collection[Plan],
    house: House,
    now: datetime,
) -> list[_Plan]:
    """The newest plan of each course that is not over, of the days ahead that the desk looks at, the first day first.

    Args:
        sure: those of the courses that were not read.
    """
    found = [plan for each in sure if (plan := _ahead(each, house, now)) is not None]
    for course_id, mine in facts.items():
        newest = next((each for each in reversed(mine) if each.kind == "dose_planned"), None)
        if newest is None:
            continue
        course = courses[course_id]
        told = Plan(
            course=course_id,
            event=newest.id,
            on=newest.payload.get("on"),
            code=newest.payload.get("at_site") or newest.site or "",
            site=course.site_id,
            owner=course.organisation_id,
            zone=course.time_zone,
        )
        plan = _ahead(told, house, now)
        if plan is not None and not _over(newest, plan.on, mine):
            found.append(plan)
    return sorted(found, key=lambda each: (each.on, str(each.course)))


def _ahead(plan: Plan, house: House, now: datetime) -> _Plan | None:
    """A plan for a day ahead at a site of this organisation, or at none that is known where the course is its own; None: it is no such."""
    own = plan.owner == house.organisation.pk
    home = house.by_id.get(plan.site) if plan.site is not None and own else None
    site, on = house.by_code(plan.code) if plan.code else home, day_of(plan.on)
    if on is None or (site is None and not own):
        return None
    today = civil_date(now, site.time_zone if site is not None else plan.zone)
    last = today + timedelta(days=desk_rules().code.planned_days_ahead)
    return _Plan(course=plan.course, event=plan.event, on=on, site=site) if today <= on <= last else None


def _planned(
    plans: Sequence[_Plan], courses: Mapping[UUID, Course], house: House, now: datetime
) -> Iterable[PlannedDose]:
    """The same with line 8 of the gate and who gets the code. Two queries."""
    facts = Event.objects.filter(course__in=[each.course for each in plans], id__in=[each.event for each in plans])
    told = {(fact.course_id, fact.id): fact for fact in facts}
    records: dict[tuple[UUID, date], list[RemsDispense]] = {}
    days = {each.on for each in plans}
    rows = RemsDispense.objects.filter(
        course__in=[each.course for each in plans], on__in=days, superseded_by__isnull=True
    )
    for row in rows.select_related("by", "prescriber").order_by("at", "id"):
        records.setdefault((row.course_id, row.on), []).append(row)
    for each in plans:
        course, fact = courses[each.course], told[each.course, each.event]
        programme = programme_for(course.product, course.jurisdiction)
        owner = Owner(name="", side="nobody", because="which of the sites here gives it is not known")
        if each.site is not None:
            owner = owner_of(house, each.site.pk, programme.id if programme else "", now)
        held = records.get((course.pk, each.on), [])
        yield PlannedDose(
            course=course,
            on=each.on,
            site=each.site,
            step=fact.payload.get("step") or "",
            evidence=evidence_for(course, house, each.site, each.on, held, fact),
            owner=owner,
        )


def _over(plan: Any, on: date, mine: list[Any]) -> bool:
    """Whether the planned dose was given on its day or later, or recorded as not given. `mine`: the facts of its course."""
    given = any(row.kind == "dose_given" and civil_date(row.occurred_at, row.zone) >= on for row in mine)
    written = (plan.occurred_at, plan.recorded_at)
    return given or any(row.kind == "dose_not_given" and (row.occurred_at, row.recorded_at) >= written for row in mine)


__all__ = ["Desk", "Due", "PlannedDose", "Wrong", "desk_of", "owner_of", "troubles_of"]
