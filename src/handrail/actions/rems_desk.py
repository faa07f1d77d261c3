"""What an authorised representative has to do now: planned doses and their line 8, codes, reports that are due, papers that run out.

Worked out while it is read, with a constant number of queries; for one course, from the facts of that course alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from handrail.actions.rems_look import House, day_of, dispense_of, evidence_for, house_of
from handrail.actions.rems_reports import GRADES, live_facts, owed_reports, paged_courses
from handrail.people.models import Organisation, RemsDispense, Site, User
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
    """Everything of one organisation's desk."""

    house: House
    planned: tuple[PlannedDose, ...]
    wrong: tuple[Wrong, ...]
    due: tuple[Due, ...]
    expiries: tuple[Expiry, ...]
    hand_overs: tuple[tuple[Site, HandOver], ...]


def desk_of(person: User, organisation: Organisation, now: datetime, *, only: Course | None = None) -> Desk:
    """The desk of an organisation, as somebody of it sees it. Constant number of queries.

    Args:
        only: what stands on it of this course; the facts and records of the others are not read, so that a code which stands for a
            dose of another course too is not found here.
    """
    house = house_of(organisation, now)
    rules = desk_rules()
    since = now - timedelta(days=rules.code.missed_days_back)
    reached = courses_of(person, now) if only is None else courses_of(person, now).filter(pk=only.pk)
    courses = {each.pk: each for each in reached.select_related("patient", "organisation", "site")}
    paged = paged_courses(organisation.pk)
    rows = live_facts(reached, since, (*_DOSES, *GRADES), paged if only is None else paged & {only.pk})
    dispenses = list(
        RemsDispense.objects.filter(course__in=reached, on__gte=since.date(), superseded_by__isnull=True)
        .select_related("by", "prescriber")
        .order_by("at", "id")
    )
    mine = _by_course(rows)
    doses = [_dose(courses[row.course_id], row, mine[row.course_id], house) for row in rows if row.kind == "dose_given"]
    asked = [dose for dose in doses if dose is not None and _asked(dose, courses)]
    told = troubles(asked, [dispense_of(row) for row in dispenses], rules.code)
    wrong = [Wrong(course=courses[UUID(t.dose.course)], trouble=t, owner=_owner(house, t, now)) for t in told]
    due = owed_reports(reached, courses, rows, house.holidays, house.ends, now)
    changes = [
        (site, each)
        for site in house.sites
        for each in hand_overs(
            house.modes.get(site.pk, ()), now, now + AHEAD, house.holidays[site.pk], house.places[site.pk].menders
        )
    ]
    return Desk(
        house=house,
        planned=tuple(_planned(courses, mine, dispenses, house, now)),
        wrong=tuple(wrong),
        due=tuple(Due(course=courses[UUID(r.reaction.course)], report=r, overdue=r.due_at <= now) for r in due),
        expiries=expiries(house.papers, civil_date(now, organisation.time_zone), rules.expiry.warn_days),
        hand_overs=tuple(sorted(changes, key=lambda each: (each[1].at, each[0].name))),
    )


def given_doses(courses: dict[UUID, Course], since: datetime, house: House) -> list[Dose]:
    """The doses since an instant for which a dispense record is asked."""
    rows = live_facts(Course.objects.filter(pk__in=courses), since, _DOSES, ())
    mine = _by_course(rows)
    found = [_dose(courses[row.course_id], row, mine[row.course_id], house) for row in rows if row.kind == "dose_given"]
    return [dose for dose in found if dose is not None and _asked(dose, courses)]


def _by_course(rows: Iterable[Event]) -> dict[UUID, list[Event]]:
    """The facts of each course, in the same order."""
    found: dict[UUID, list[Event]] = {}
    for row in rows:
        found.setdefault(row.course_id, []).append(row)
    return found


def _dose(course: Course, row: Event, mine: list[Event], house: House) -> Dose | None:
    """A given dose at a site of this organisation; one that another organisation gives is on that one's desk.

    Args:
        mine: the facts of its course, the oldest first.
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
        recorded_at=row.recorded_at,
        event=str(row.id),
    )


def _asked(dose: Dose, courses: dict[UUID, Course]) -> bool:
    """Whether the REMS of the product asks for a check of every dose on that day."""
    programme = programme_for(dose.product, courses[UUID(dose.course)].jurisdiction)
    return programme is not None and any(
        row.frequency == "every_dose" for row in programme.asked(dose.product, dose.on)
    )


def _owner(house: House, trouble: Trouble, now: datetime) -> Owner:
    dose = trouble.dose
    if not dose.site:
        return Owner(name="", side="nobody", because="at which site it was given is not known")
    programme = programme_for(dose.product, "US")
    return owner_of(house, UUID(dose.site), programme.id if programme else "", now)


def owner_of(house: House, site_id: UUID, programme: str, at: datetime) -> Owner:
    """Who owns the codes of a site at an instant."""
    day = civil_date(at, house.places[site_id].zone)
    fallback = house.fallback(site_id, programme, day)
    return owner_at(house.modes.get(site_id, ()), at, house.holidays[site_id], fallback)


def _planned(
    courses: dict[UUID, Course],
    facts: dict[UUID, list[Event]],
    dispenses: list[RemsDispense],
    house: House,
    now: datetime,
) -> Iterable[PlannedDose]:
    """The newest plan of each course that is not over, of the days ahead that the desk looks at."""
    records: dict[tuple[UUID, date], list[RemsDispense]] = {}
    for row in dispenses:
        records.setdefault((row.course_id, row.on), []).append(row)
    found = []
    for course_id, mine in facts.items():
        plan = next((each for each in reversed(mine) if each.kind == "dose_planned"), None)
        if plan is None:
            continue
        course, on = courses[course_id], day_of(plan.payload.get("on"))
        code = plan.payload.get("at_site") or plan.site or ""
        site = house.by_code(code) if code else course.site
        zone = site.time_zone if site is not None else course.time_zone
        today = civil_date(now, zone)
        last = today + timedelta(days=desk_rules().code.planned_days_ahead)
        theirs = course.organisation_id != house.organisation.pk
        elsewhere = site is not None and site.organisation_id != house.organisation.pk
        if on is None or not today <= on <= last or _over(plan, on, mine) or elsewhere or (theirs and site is None):
            continue
        programme = programme_for(course.product, course.jurisdiction)
        owner = Owner(name="", side="nobody", because="at which site it is given is not known")
        if site is not None:
            owner = owner_of(house, site.pk, programme.id if programme else "", now)
        evidence = evidence_for(course, house, site, on, records.get((course_id, on), []), plan)
        found.append(
            PlannedDose(
                course=course, on=on, site=site, step=plan.payload.get("step") or "", evidence=evidence, owner=owner
            )
        )
    return sorted(found, key=lambda each: (each.on, str(each.course.pk)))


def _over(plan: Event, on: date, mine: list[Event]) -> bool:
    """Whether the planned dose was given on its day or later, or recorded as not given. `mine`: the facts of its course."""
    given = any(row.kind == "dose_given" and civil_date(row.occurred_at, row.zone) >= on for row in mine)
    return given or any(row.kind == "dose_not_given" and row.occurred_at >= plan.occurred_at for row in mine)


__all__ = ["Desk", "Due", "PlannedDose", "Wrong", "desk_of", "given_doses", "owner_of"]
