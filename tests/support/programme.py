"""A whole programme of any size: one organisation with its sites, staff and courses, and what stands on every desk of it.

A few courses, requests and referrals are made through the verbs, each at another point of its way; the others are copies of them, spread
over the sites. Everything is synthetic. It grows: what is made twice as large has everything twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db.models import Model

from handrail import clock
from handrail.actions import referrals
from handrail.actions.actor import Actor, person
from handrail.actions.facts import record_events
from handrail.actions.gate_overrides import countersign, sign_override
from handrail.actions.payer_requests import add_entry, open_request
from handrail.actions.upkeep import rebuild
from handrail.alerts.models import Alert, Page, new_code
from handrail.people.models import (
    Certificate,
    Contact,
    Membership,
    MockDrill,
    Organisation,
    Patient,
    Referral,
    ReferralEntry,
    RemsDispense,
    RemsRecord,
    Shift,
    Site,
    TrainingRecord,
    User,
)
from handrail.people.scope import everything
from handrail.records.models import Course, Event, GateSignature, PayerEntry, PayerRequest
from handrail.rules.curriculum import load_curriculum
from handrail.rules.drills import load_drills
from handrail.rules.rems_data import programmes
from handrail.rules.terms import civil_instant
from tests.support.factories import CHICAGO, World, event, make_member
from tests.support.gate_world import NOW, ready_course, write
from tests.support.payers import APPROVAL
from tests.support.referrals import CODE, MESSAGE, RATIONALE, door_of, draft, referred
from tests.support.resting import between_doses
from tests.support.site_rows import ready

TODAY: Final = date(2026, 3, 2)
"""The civil day of `NOW`, a Monday: ten in the morning, and the doses of tomorrow are planned."""
PRODUCTS: Final = ("elranatamab", "teclistamab")
MIX: Final[Mapping[str, int]] = {"planned": 1, "watched": 1, "maintained": 12, "ended": 6}
"""Of so many courses each (the sum is one round): a first dose tomorrow; one yesterday and a fever; every week; over."""
ROUND: Final = sum(MIX.values())
ROLES: Final = ("nurse", "nurse", "nurse", "oncologist", "app", "pharmacist", "coordinator", "on_call")
AT_A_TIME: Final = 500
HALF_DAY: Final = timedelta(hours=12)
DAYS_OF_SHIFTS: Final = 14

Rows = dict[type[Model], list[Model]]


def size(sites: int) -> tuple[int, int, int]:
    """Sites, staff and courses of a programme: at full size fifty, two thousand and ten thousand."""
    return sites, sites * 40, sites * 200


@dataclass
class Programme:
    """Alice's organisation grown large; Bob's and Charlie's stay as small as they are."""

    world: World = field(default_factory=World)
    sites: list[Site] = field(default_factory=list)
    staff: list[User] = field(default_factory=list)
    courses: int = 0
    referrals: int = 0
    number: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """What there is once, whatever the size."""
        house = self.world.alice
        self.manager = make_member(house.organisation, "site_manager", "Synthetic Manager")
        self.coordinator = make_member(house.organisation, "coordinator", "Synthetic Coordinator")
        self.pharmacist = make_member(house.organisation, "pharmacist", "Synthetic Pharmacist")
        self.kits = {name: make(self) for name, make in COURSES.items()}
        door_of(house)
        self.cases = {name: make(self) for name, make in REFERRALS.items()}
        self.dress([house.site], [house.oncologist, house.nurse])

    @property
    def organisation(self) -> Organisation:
        """The large one."""
        return self.world.alice.organisation

    def grow(self, *, sites: int, staff: int, courses: int) -> None:
        """So many more of each; a referral comes with each course."""
        with everything():
            new = [
                Site(
                    organisation=self.organisation,
                    name=f"Synthetic Site {n:03d}",
                    code=f"synthetic-{n:03d}",
                    time_zone=CHICAGO,
                    call_number="555-0111",
                    rota_look_at=None,
                )
                for n in itertools.islice(self.number, sites)
            ]
            Site.objects.bulk_create(new)
            self.sites += new
            people = self.hire(staff)
            self.dress(new, people)
            self.spread(courses)
            self.refer(courses)

    # --- people -----------------------------------------------------------------------------------------------------------

    def hire(self, count: int) -> list[User]:
        """Staff at the sites, most of whom are trained; one in ten has passed half of the modules."""
        house, where = self.organisation, self.sites or [self.world.alice.site]
        users = [
            User(email=f"staff{n}@example.org", name=f"Synthetic Staff {n:04d}", password="!")
            for n in itertools.islice(self.number, count)
        ]
        User.objects.bulk_create(users, AT_A_TIME)
        since = NOW - timedelta(days=400)
        roles = {user: ROLES[place % len(ROLES)] for place, user in enumerate(users)}
        Membership.objects.bulk_create(
            [
                Membership(organisation=house, user=user, role=role, valid_from=since, site=where[place % len(where)])
                for place, (user, role) in enumerate(roles.items())
            ],
            AT_A_TIME,
        )
        ends = [TODAY + timedelta(days=days) for days in (-5, 20, 50, 200, 300, 400, 500, 600, 700, 800)]
        Certificate.objects.bulk_create(
            [
                Certificate(
                    organisation=house, user=user, kind="on_call_ladder", valid_from=since.date(),
                    valid_until=ends[place % len(ends)],
                )
                for place, user in enumerate(users)
            ],
            AT_A_TIME,
        )  # fmt: skip
        book, passed = load_curriculum(), []
        for place, (user, role) in enumerate(roles.items()):
            rows = list(book.for_role(role))
            passed += [
                TrainingRecord(
                    organisation=house, user=user, what="module", subject=row.id, version=row.version,
                    product=product, on=TODAY - timedelta(days=100), by=self.manager, assessor=self.manager,
                )
                for row in (rows[: len(rows) // 2] if place % 10 == 0 else rows)
                for product in (PRODUCTS if row.per_product else ("",))
            ]  # fmt: skip
        TrainingRecord.objects.bulk_create(passed, AT_A_TIME)
        self.staff += users
        return users

    def dress(self, sites: Iterable[Site], people: Iterable[User]) -> None:
        """Checklist and level, papers of the REMS, drills, and two weeks of shifts for each site; certificates of the people."""
        house, by = self.world.alice, {"organisation": self.organisation, "by": self.manager}
        papers, drills, shifts = [], [], []
        for site in sites:
            for product in PRODUCTS:
                ready(replace(house, site=site), "4", product=product, at=NOW - timedelta(days=30))
            for each, kind in itertools.product(programmes(), ("setting", "dispenser", "representative", "deputy")):
                who = {"representative": self.pharmacist, "deputy": self.manager}.get(kind)
                licence = "pharmacy" if kind == "dispenser" else ""
                papers.append(
                    RemsRecord(
                        **by, kind=kind, programme=each.id, site=site, user=who, licence=licence,
                        from_on=date(2026, 1, 1), until=date(2026, 5, 1), reference="R-1",
                    )
                )  # fmt: skip
            drills += [
                MockDrill(
                    **by, site=site, kind=kind.id, product="", on=TODAY - timedelta(days=40),
                    scenario="Synthetic fever at night", minutes={}, correct_grade=True,
                )
                for kind in load_drills().kind
            ]  # fmt: skip
            shifts += list(self._shifts(site))
        for user in people:
            for each in programmes():
                papers.append(
                    RemsRecord(
                        **by, kind="prescriber", programme=each.id, user=user, from_on=date(2026, 1, 1), no_end=True,
                        reference="P-1",
                    )
                )  # fmt: skip
        RemsRecord.objects.bulk_create(papers, AT_A_TIME)
        MockDrill.objects.bulk_create(drills, AT_A_TIME)
        Shift.objects.bulk_create(shifts, AT_A_TIME)

    def _shifts(self, site: Site) -> Iterable[Shift]:
        """Day and night of two steps; the last night of the two weeks is a hole."""
        here = self.staff[-4:] or [self.world.alice.on_call, self.world.alice.nurse]
        first = civil_instant(TODAY, time(7), CHICAGO)
        for step, half in itertools.product(("first_on_call", "second_on_call"), range(DAYS_OF_SHIFTS * 2 - 1)):
            begins = first + half * HALF_DAY
            yield Shift(
                organisation=self.organisation, site=site, step=step, user=here[half % len(here)],
                starts_at=begins, ends_at=begins + HALF_DAY,
            )  # fmt: skip

    # --- courses and referrals --------------------------------------------------------------------------------------------

    def spread(self, count: int) -> None:
        """So many more courses, in the proportions of `MIX`, over all sites; of each round one of every kind comes first."""
        order = [name for name, share in MIX.items() for _ in range(share)]
        order = [*MIX, *(name for name in order[len(MIX) :])] if count < ROUND else order
        sites = self.sites or [self.world.alice.site]
        for start in range(0, count, AT_A_TIME):
            made: Rows = {}
            for place in range(self.courses, self.courses + min(AT_A_TIME, count - start)):
                kit, site = self.kits[order[place % len(order)]], sites[place // len(order) % len(sites)]
                for model, rows in copied(kit, self.fresh(site)).items():
                    made.setdefault(model, []).extend(rows)
            self.courses += min(AT_A_TIME, count - start)
            for model, rows in made.items():
                model._default_manager.bulk_create(rows, AT_A_TIME)

    def refer(self, count: int) -> None:
        """So many more referrals: three of four are closed, of the others one is late, one is decided, most are read."""
        names = ["closed"] * 15 + ["late", "read", "read", "read", "decided"]
        names = list(self.cases) + names if count < len(names) else names
        for start in range(0, count, AT_A_TIME):
            made: Rows = {}
            for place in range(self.referrals, self.referrals + min(AT_A_TIME, count - start)):
                kit = self.cases[names[place % len(names)]]
                for model, rows in copied(kit, self.fresh(None)).items():
                    made.setdefault(model, []).extend(rows)
            self.referrals += min(AT_A_TIME, count - start)
            for model, rows in made.items():
                model._default_manager.bulk_create(rows, AT_A_TIME)

    def fresh(self, site: Site | None) -> dict[type[Model], Callable[[], dict[str, Any]]]:
        """What a copy has of its own."""
        number = next(self.number)
        name = {"given_name": "Synthia", "family_name": f"Example {number:05d}"}
        return {
            Patient: lambda: {**name, "mrn": f"MRN {number:05d}"},
            Course: lambda: {"site_id": site.pk} if site is not None else {},
            RemsDispense: lambda: {"code": f"RDA-{uuid4().hex[:12]}"},
            Alert: lambda: {"code": new_code()},
            Page: lambda: {"idempotency_key": uuid4().hex},
            Referral: lambda: {**name, "code": f"S-{number:05d}", "token_hash": uuid4().hex},
        }

    def actor(self, user: User) -> Actor:
        """Somebody of the organisation, who does something."""
        return person(user)


# --- copies -------------------------------------------------------------------------------------------------------------------


def kit_of(course: Course) -> list[Model]:
    """A course with everything that hangs on it, parents first."""
    with everything():
        found: list[Model] = [Patient.objects.get(pk=course.patient_id)]
        found += Contact.objects.filter(patient=course.patient_id)
        found += [Course.objects.get(pk=course.pk)]
        for model in (Event, PayerRequest, PayerEntry, GateSignature, RemsDispense, Alert, Page):
            found += model.objects.filter(course=course)
    return sorted(found, key=lambda row: isinstance(row, GateSignature) and row.first_id is not None)


def copied(kit: Iterable[Model], own: Mapping[type[Model], Callable[[], dict[str, Any]]]) -> Rows:
    """New rows like these: what points to a row of the kit points to its copy, from within a document too."""
    names: dict[Any, Any] = {row.serializable_value("id"): uuid4() for row in kit}
    names |= {str(old): str(new) for old, new in names.items()}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: renamed(each) for name, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        return names.get(value, value) if isinstance(value, UUID | str) else value

    made: Rows = {}
    for row in kit:
        values = {each.attname: renamed(getattr(row, each.attname)) for each in row._meta.concrete_fields}
        made.setdefault(type(row), []).append(type(row)(**{**values, **own.get(type(row), dict)()}))
    return made


# --- the courses that are copied ------------------------------------------------------------------------------------------------


def _given(step: str, at: datetime, mg: str) -> dict[str, Any]:
    when = {"started_at": at.isoformat(), "ended_at": at.isoformat()}
    return event("dose_given", at=at, step=step, dose_mg=mg, route="subcutaneous", **when)


def _told(programme: Programme, course: Course, events: list[dict[str, Any]]) -> None:
    ordered = sorted(events, key=lambda each: each["at"])
    record_events(course.pk, ordered, by=programme.actor(programme.world.alice.oncologist), now=NOW)


def _asked(programme: Programme, course: Course, *, opened: datetime, drug: str = "teclistamab") -> PayerRequest:
    by = programme.actor(programme.coordinator)
    return open_request(
        course.pk, drug=drug, payer="Synthetic Health", setting="outpatient", internal=False, by=by, now=opened
    )


def _approved(programme: Programme, request: PayerRequest, opened: datetime) -> None:
    by = programme.actor(programme.coordinator)
    add_entry(request.pk, kind="submitted", says={}, by=by, now=opened + timedelta(hours=2))
    add_entry(request.pk, kind="approved", says=APPROVAL, by=by, now=opened + timedelta(days=1))


def planned(programme: Programme) -> list[Model]:
    """A first dose tomorrow with its gate all but green: one line is let open by two persons. A request is late."""
    world = programme.world
    course = ready_course(world, ed=False, card=False)
    with everything():
        rebuild(course.pk, now=NOW - timedelta(hours=1))
    sign_override(course.pk, "card", reason="Synthetic: the printer is broken.", by=world.actor("alice", "oncologist"), now=NOW)  # fmt: skip
    with everything():
        first = GateSignature.objects.get(course=course)
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    _asked(programme, course, opened=NOW - timedelta(days=9), drug="elranatamab")
    return kit_of(course)


def watched(programme: Programme) -> list[Model]:
    """The first dose was yesterday, nobody wrote its code down, and a fever is open."""
    course = programme.world.make_course(now=NOW - timedelta(days=3))
    at = NOW - timedelta(hours=24)
    fever = event("vitals_measured", at=NOW - timedelta(minutes=20), temperature_c="38.6")
    _told(programme, course, [_given("step_up_1", at, "4.2"), fever])
    _approved(programme, _asked(programme, course, opened=course.started_at), course.started_at)
    return kit_of(course)


def maintained(programme: Programme) -> list[Model]:
    """A dose every week, each with its code, and the next is planned; what has to be known is known, and nobody is asked for anything."""
    started = NOW - timedelta(days=150)
    course = programme.world.make_course(now=started, prior_doses_known=True)
    times = [started + timedelta(days=days) for days in (1, 4, *range(7, 150, 7))]
    steps = ["step_up_1", "step_up_2", "first_treatment", *(["treatment"] * 20)]
    doses = [(step, at.isoformat()) for step, at in zip(steps, times, strict=False)]
    seen, before = NOW - timedelta(days=2), started + timedelta(hours=1)
    write(course, between_doses(doses, looked_at=seen.isoformat(), before=before.isoformat()))
    ahead = (TODAY + timedelta(days=4)).isoformat()
    plan = event("dose_planned", at=NOW - timedelta(days=1), step="treatment", on=ahead, setting="outpatient")
    _told(programme, course, [plan])
    _approved(programme, _asked(programme, course, opened=started), started)
    with everything():
        RemsDispense.objects.bulk_create(_codes(programme, course, times))
    return kit_of(course)


def ended(programme: Programme) -> list[Model]:
    """It is over since the autumn."""
    started = NOW - timedelta(days=300)
    course = programme.world.make_course(now=started)
    _told(
        programme, course,
        [_given("step_up_1", started + timedelta(days=1), "4.2"), event("course_ended", at=NOW - timedelta(days=120), because="progression", died=False)],
    )  # fmt: skip
    return kit_of(course)


def _codes(programme: Programme, course: Course, times: list[datetime]) -> list[RemsDispense]:
    return [
        RemsDispense(
            organisation=course.organisation, course=course, on=at.date(), product=course.product, checked=True,
            code=f"RDA-{number}", how="portal", obtained_at=at, prescriber=programme.world.alice.oncologist,
            by=programme.pharmacist, at=at,
        )
        for number, at in enumerate(times)
    ]  # fmt: skip


COURSES: Final[Mapping[str, Callable[[Programme], list[Model]]]] = {
    "planned": planned,
    "watched": watched,
    "maintained": maintained,
    "ended": ended,
}


# --- the referrals that are copied ----------------------------------------------------------------------------------------------


def _came(programme: Programme, days: int, **fields: Any) -> Referral:
    with clock.use(clock.FrozenClock(NOW - timedelta(days=days))):
        return referred(programme.world.alice, **fields)


def case_of(referral: Referral) -> list[Model]:
    """A referral with its entries."""
    with everything():
        return [
            Referral.objects.get(pk=referral.pk),
            *ReferralEntry.objects.filter(referral=referral).order_by("at", "id"),
        ]


def late(programme: Programme) -> list[Model]:
    """Urgent, ten days old, and read by nobody."""
    return case_of(_came(programme, 10))


def read(programme: Programme) -> list[Model]:
    """Came on Friday and is being worked on."""
    found = _came(programme, 3, urgency="routine")
    referrals.claim(found.pk, by=programme.actor(programme.coordinator), now=NOW - timedelta(days=2))
    return case_of(found)


def decided(programme: Programme, *, close: bool = False) -> list[Model]:
    """Decided, and the practice is not told yet; `close`: told, and closed."""
    found, world = _came(programme, 20, urgency="routine"), programme.world
    coordinator, oncologist = programme.actor(programme.coordinator), world.actor("alice", "oncologist")
    at = NOW - timedelta(days=18)
    referrals.claim(found.pk, by=coordinator, now=at)
    referrals.acknowledge(found.pk, "phone", by=coordinator, now=at)
    referrals.say_complete(found.pk, by=coordinator, now=at)
    referrals.note_contact(found.pk, by=coordinator, reached=True, now=at)
    choice = referrals.Decision(
        option="bispecific", rationale=RATIONALE, message=MESSAGE, considerations=(), product=""
    )
    referrals.decide(found.pk, choice, by=oncologist, now=at)
    if close:
        referrals.tell(found.pk, "phone", by=coordinator, now=at)
        referrals.close(found.pk, by=coordinator, now=at)
    return case_of(found)


def closed(programme: Programme) -> list[Model]:
    """Over."""
    return decided(programme, close=True)


REFERRALS: Final[Mapping[str, Callable[[Programme], list[Model]]]] = {
    "late": late,
    "read": read,
    "decided": decided,
    "closed": closed,
}

__all__ = ["CODE", "MIX", "NOW", "Programme", "draft", "size"]
