"""Random histories of doses, records, plans and reactions in the database, and a plain look through all of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Model

from handrail.actions.courses import start_course
from handrail.actions.rems_look import dispense_of
from handrail.people.models import RemsDispense, User
from handrail.people.scope import everything
from handrail.records.models import Course, CourseAccess, Event
from handrail.rules.rems_data import desk_rules
from handrail.rules.rems_doses import Dose, Trouble, troubles
from handrail.rules.terms import civil_date
from tests.support.database import learn_statistics
from tests.support.factories import CHICAGO, World, make_member, make_patient, make_site

NOW = datetime(2026, 3, 20, 16, 0, tzinfo=UTC)
"""The clocks of Chicago went forward on 8 March, those of Berlin go forward on 29 March."""
BERLIN, AUCKLAND = "Europe/Berlin", "Pacific/Auckland"
ZONES = (CHICAGO, CHICAGO, CHICAGO, BERLIN, AUCKLAND)
"""A site of the house is in Chicago, another in Berlin; nobody here is in Auckland."""


@dataclass
class History:
    """Many courses of three houses, each with doses, plans and records of some kind; rows are made directly."""

    world: World
    manager: User
    number: random.Random = field(default_factory=lambda: random.Random(20260320))
    courses: list[Course] = field(default_factory=list)
    made: dict[type[Model], list[Any]] = field(default_factory=lambda: {Event: [], RemsDispense: []})

    def course(self, house: str = "alice", *, site: bool = True) -> Course:
        """One more course like the first of its house."""
        first = self.firsts[house]
        values = {each.attname: getattr(first, each.attname) for each in first._meta.concrete_fields}
        course = Course(**{**values, "id": uuid4()})
        if not site:
            course.site_id = None
        self.courses.append(course)
        return course

    def fact(self, course: Course, kind: str, at: datetime, *, zone: str = CHICAGO, **fields: Any) -> Event:
        """One fact; what is no column of it stands in what it says."""
        names = ("supersedes", "site", "recorded_at", "by")
        own = {name: fields.pop(name) for name in names if name in fields}
        row = Event(
            id=uuid4(), organisation_id=course.organisation_id, course=course, kind=kind, payload=fields,
            occurred_at=at, zone=zone, role="nurse", **{"recorded_at": at, **own},
        )  # fmt: skip
        self.made[Event].append(row)
        return row

    def record(self, dose: Event, **fields: Any) -> RemsDispense:
        """The dispense record of a dose: whole, unless told otherwise."""
        on = civil_date(dose.occurred_at, dose.zone)
        usual = {"on": on, "code": f"RDA-{uuid4().hex[:8]}", "checked": True, "obtained_at": dose.occurred_at}
        row = RemsDispense(
            organisation_id=dose.organisation_id, course=dose.course, product=dose.course.product, how="portal",
            by=self.manager, **{**usual, "at": dose.recorded_at, **fields},
        )  # fmt: skip
        self.made[RemsDispense].append(row)
        return row

    def given(self, course: Course, at: datetime | None = None, **fields: Any) -> Event:
        """A dose of some minute of the last hundred days, unless told otherwise: often about midnight."""
        if at is None:
            day = NOW - timedelta(days=self.number.randint(0, 100))
            about = self.number.choice([day, datetime.combine(day.date(), time(5), UTC)])
            at = min(about + timedelta(minutes=self.number.randint(-120, 120)), NOW)
        return self.fact(course, "dose_given", at, zone=fields.pop("zone", self.number.choice(ZONES)), **fields)

    def plan(self, course: Course, days: int, **fields: Any) -> Event:
        """A dose planned for a day so many days from today."""
        on = (civil_date(NOW, CHICAGO) + timedelta(days=days)).isoformat()
        at = fields.pop("at", NOW - timedelta(days=self.number.randint(0, 80)))
        return self.fact(course, "dose_planned", at, **{"on": on, "step": "treatment", **fields})

    def save(self) -> None:
        """Into the database, what is corrected first."""
        with everything():
            Course.objects.bulk_create(self.courses)
            for model, rows in self.made.items():
                model._default_manager.bulk_create(rows)
        learn_statistics()

    def __post_init__(self) -> None:
        with everything():
            patient = make_patient(self.world.bob.organisation)
            by = self.world.actor("bob", "oncologist")
            told = start_course(patient, by=by, product="teclistamab", site=self.world.bob.site, now=NOW - timedelta(days=100))  # fmt: skip
            theirs = Course.objects.get(pk=told.event.course_id)
        self.firsts = {"alice": self.world.make_course(now=NOW - timedelta(days=100)), "bob": theirs}


def late(history: History, dose: Event) -> None:
    history.record(dose, at=dose.recorded_at + timedelta(minutes=16))


RECORDS: dict[str, Callable[[History, Event], Any]] = {
    "whole": lambda history, dose: history.record(dose),
    "in time to the second": lambda history, dose: history.record(dose, at=dose.recorded_at + timedelta(minutes=15)),
    "none": lambda history, dose: None,
    "no code": lambda history, dose: history.record(dose, code=""),
    "written down late": late,
    "obtained after the dose": lambda history, dose: history.record(dose, obtained_at=dose.occurred_at + timedelta(seconds=1)),
    "obtained at no known time": lambda history, dose: history.record(dose, obtained_at=None),
    "not checked": lambda history, dose: history.record(dose, checked=None),
    "not certified": lambda history, dose: history.record(dose, checked=False),
    "two codes": lambda history, dose: (history.record(dose), history.record(dose)),
    "one code twice": lambda history, dose: (history.record(dose, code=f"T-{dose.id}"), history.record(dose, code=f"T-{dose.id}")),
    "a second record without a code": lambda history, dose: (history.record(dose), history.record(dose, code="")),
    "a code of several": lambda history, dose: history.record(dose, code=history.number.choice(["S-1", "S-2"])),
    "of the day before": lambda history, dose: history.record(dose, on=civil_date(dose.occurred_at, dose.zone) - timedelta(days=1)),
    "of the day after": lambda history, dose: history.record(dose, on=civil_date(dose.occurred_at, dose.zone) + timedelta(days=1)),
    "corrected to whole": lambda history, dose: history.record(dose, supersedes=history.record(dose, code=""), reason="r"),
    "corrected to another day": lambda history, dose: history.record(
        dose, supersedes=history.record(dose), reason="r", on=civil_date(dose.occurred_at, dose.zone) + timedelta(days=2)
    ),
}  # fmt: skip


def doses(history: History) -> None:
    """Doses of every kind of record, at home and at another organisation's, with and without a site, withdrawn and corrected."""
    site, berlin, code = history.world.alice.site, history.berlin, history.world.bob.site.code
    for record in RECORDS.values():
        for number in range(4):
            course = history.course(site=number != 3)
            for _ in range(2):
                dose = history.given(course, site=["", site.code, berlin.code, "elsewhere"][number])
                record(history, dose)
        shared = history.course("bob")
        for place in ("", site.code, code):
            record(history, history.given(shared, site=place))
        planned = history.course("bob")
        dose = history.given(planned)
        history.fact(planned, "dose_planned", dose.occurred_at - timedelta(days=2), on=civil_date(dose.occurred_at, dose.zone).isoformat(), at_site=site.code)  # fmt: skip
        record(history, dose)
        gone = history.given(course)
        history.fact(course, "fact_withdrawn", gone.occurred_at + timedelta(hours=1), supersedes=gone.id)
        wrong = history.given(course)
        record(history, history.given(course, wrong.occurred_at + timedelta(hours=30), supersedes=wrong.id))
        # the day was wrong: it was before everything that the desk looks at
        early = history.course()
        moved = history.given(early, NOW - timedelta(days=60))
        record(history, moved)
        history.given(early, NOW - timedelta(days=100), supersedes=moved.id)
        history.record(history.given(early, NOW - timedelta(days=30)))
    ahead = history.course()
    history.record(history.given(ahead, NOW + timedelta(hours=5), zone=CHICAGO))
    history.given(history.course(), NOW + timedelta(hours=5), zone=CHICAGO)
    same = history.course()
    history.record(history.given(same, NOW - timedelta(days=3), zone=CHICAGO), code="own twice")
    history.record(history.given(same, NOW - timedelta(days=9), zone=CHICAGO), code="own twice")
    for zone in ZONES:
        # the night on which the clocks of Chicago go forward, and the days around it
        for hour in range(-30, 31, 3):
            at = datetime(2026, 3, 8, 8, tzinfo=UTC) + timedelta(hours=hour)
            course = history.course()
            history.record(history.given(course, at, zone=zone))
            history.given(course, at + timedelta(days=5), zone=zone)
            for away in (-1, 1):
                dose = history.given(history.course(), at, zone=zone)
                history.record(dose, on=civil_date(at, zone) + timedelta(days=away))


def plans(history: History) -> None:
    """Plans of every kind: put off, withdrawn, given, missed, for a day that is over or far, of one site or another."""
    site, bob = history.world.alice.site, history.world.bob.site
    hour = timedelta(hours=1)
    for days in range(-2, 18):
        history.plan(history.course(), days)
        history.plan(history.course(site=False), days)
        history.plan(history.course(), days, at_site=history.berlin.code)
        history.plan(history.course(), days, at_site="elsewhere")
        history.plan(history.course("bob"), days, at_site=site.code)
        history.plan(history.course("bob"), days, site=site.code)
        history.plan(history.course("bob"), days, at_site=bob.code)
        history.plan(history.course("bob"), days)
        for between in (-3, 0, 2, 30):
            moved = history.course()
            history.plan(moved, days, at=NOW - 9 * hour)
            newer = history.plan(moved, days + between, at=NOW - 8 * hour)
            if days % 2:
                history.fact(moved, "fact_withdrawn", NOW - 7 * hour, supersedes=newer.id)
        corrected = history.course()
        first = history.plan(corrected, days, at=NOW - 9 * hour)
        history.plan(corrected, days + 1, at=NOW - 9 * hour, supersedes=first.id)
        withdrawn = history.course()
        history.fact(withdrawn, "fact_withdrawn", NOW - hour, supersedes=history.plan(withdrawn, days).id)
        same = history.course()
        for _ in range(2):
            history.plan(same, days, at=NOW - hour)
        minute = history.course()
        for written, later in history.number.sample([(2, 0), (3, 3), (1, 5)], 3):
            history.plan(minute, days + later, at=NOW - hour, recorded_at=NOW - hour + written * timedelta(seconds=1))
        anew = history.course()
        history.plan(anew, days + 2, at=NOW - hour, recorded_at=NOW - hour + timedelta(seconds=days % 3))
        history.fact(anew, "dose_not_given", NOW - hour, recorded_at=NOW - hour + timedelta(seconds=1))
        early = history.course()
        first = history.plan(early, days, at=NOW - 9 * hour)
        history.plan(early, days + 1, at=NOW - timedelta(days=95), supersedes=first.id)
        for hours in (-60, -30, -12, -1, 8):
            done = history.course()
            history.plan(done, days, at=NOW - timedelta(days=70))
            dose = history.given(done, NOW + hours * hour)
            history.record(dose)
            if days % 3 == 0:
                history.fact(done, "fact_withdrawn", NOW + (hours + 1) * hour, supersedes=dose.id)
        for before in (-1, 1):
            missed = history.course()
            plan = history.plan(missed, days, at=NOW - 9 * hour)
            not_given = history.fact(missed, "dose_not_given", plan.occurred_at + before * hour)
            if days % 4 == 0:
                history.fact(missed, "fact_withdrawn", NOW - hour, supersedes=not_given.id)
    history.fact(history.course(), "dose_planned", NOW - hour, step="treatment")
    history.fact(history.course(), "dose_planned", NOW - hour, step="treatment", on=None, at_site=None)
    history.plan(history.course(), 3, at=NOW - timedelta(days=91))


def lent(history: History) -> None:
    """Every course of the other house is reached from this one, but for one in four."""
    theirs = [each for each in history.courses if each.organisation_id == history.world.bob.organisation.pk]
    with everything():
        CourseAccess.objects.bulk_create(
            CourseAccess(
                organisation=history.world.bob.organisation, course=course, purpose="co_management",
                to_organisation=history.world.alice.organisation, valid_from=NOW - timedelta(days=200),
            )
            for number, course in enumerate(theirs) if number % 4
        )  # fmt: skip


# --- the plain look ------------------------------------------------------------------------------------------------------------


@dataclass
class Plain:
    """Every course that the house reaches, each with all of its facts that nothing corrects since the first day that is looked at."""

    history: History
    since: datetime

    def __post_init__(self) -> None:
        self.house = self.history.world.alice.organisation
        with everything():
            lent = set(CourseAccess.objects.filter(to_organisation=self.house).values_list("course_id", flat=True))
            self.courses = [
                each
                for each in Course.objects.select_related("site")
                if each.organisation_id == self.house.pk or each.pk in lent
            ]
            self.sites = {each.code: each for each in (self.history.world.alice.site, self.history.berlin)}
            self.facts = {each.pk: self._facts(each) for each in self.courses}

    def _facts(self, course: Course) -> list[Event]:
        rows = sorted(course.events.all(), key=lambda row: (row.occurred_at, row.recorded_at, str(row.id)))
        replaced = {row.supersedes for row in rows}
        return [row for row in rows if row.id not in replaced and row.occurred_at >= self.since]

    def place(self, course: Course, code: str) -> tuple[bool, Any]:
        """Whether a dose at a place is one of this house, and the site, where it is known."""
        site = self.sites.get(code) if code else course.site
        mine = course.organisation_id == self.house.pk
        return (mine if site is None else site.organisation_id == self.house.pk), site

    def doses(self) -> Iterator[Dose]:
        for course in self.courses:
            facts = self.facts[course.pk]
            for row in facts:
                if row.kind != "dose_given":
                    continue
                on = civil_date(row.occurred_at, row.zone)
                told = [each.payload for each in facts if each.kind == "dose_planned" and each.payload.get("on") == on.isoformat()]  # fmt: skip
                here, site = self.place(course, row.site or (told[-1].get("at_site") if told else "") or "")
                if here:
                    yield Dose(
                        course=str(course.pk), label=str(course.pk)[:8], product=course.product,
                        site=str(site.pk) if site else "", on=on, given_at=row.occurred_at, recorded_at=self.first_written(row),
                        event=str(row.id),
                    )  # fmt: skip

    def first_written(self, row: Event) -> datetime:
        """When the first word on a dose was written down, before any correction."""
        with everything():
            while row.supersedes is not None:
                row = Event.objects.get(course=row.course_id, id=row.supersedes)
        return row.recorded_at

    def troubles(self, first: date | None) -> tuple[Trouble, ...]:
        with everything():
            rows = list(RemsDispense.objects.select_related("by").order_by("at", "id"))
        gone = {row.supersedes_id for row in rows}
        ids = {each.pk for each in self.courses}
        kept = [
            row for row in rows if row.pk not in gone and row.course_id in ids and (first is None or row.on >= first)
        ]
        return troubles(self.doses(), [dispense_of(row) for row in kept], desk_rules().code)

    def plans(self) -> list[tuple[date, str, Any, str]]:
        found = []
        for course in self.courses:
            facts = self.facts[course.pk]
            told = [each for each in facts if each.kind == "dose_planned"]
            if not told or not told[-1].payload.get("on"):
                continue
            plan, on = told[-1], date.fromisoformat(told[-1].payload["on"])
            here, site = self.place(course, plan.payload.get("at_site") or plan.site or "")
            today = civil_date(NOW, site.time_zone if site else course.time_zone)
            over = any(
                (row.kind == "dose_given" and civil_date(row.occurred_at, row.zone) >= on)
                or (
                    row.kind == "dose_not_given"
                    and (row.occurred_at, row.recorded_at) >= (plan.occurred_at, plan.recorded_at)
                )
                for row in facts
            )
            if here and not over and today <= on <= today + timedelta(days=14):
                found.append((on, str(course.pk), site.pk if site else None, plan.payload.get("step") or ""))
        return sorted(found)


def opened() -> History:
    """An empty history of a house with a site in Chicago and one in Berlin, at NOW."""
    world = World()
    manager = make_member(world.alice.organisation, "site_manager", "Manager Flores")
    found = History(world, manager)
    found.berlin = make_site(world.alice.organisation, name="Berlin Site", time_zone=BERLIN)
    return found
