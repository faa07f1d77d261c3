"""Alice owns, Bob helps, Charlie must see nothing: three organisations and what a test needs of each.

Everything is synthetic. Rows are made directly, as a set-up; what a test is about goes through the verbs.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from handrail.actions.actor import Actor, person
from handrail.actions.courses import start_course
from handrail.alerts import heartbeat
from handrail.people import presence
from handrail.people.models import Certificate, Contact, Membership, Organisation, Patient, Presence, Shift, Site, User
from handrail.people.scope import everything
from handrail.records.models import Course, CourseAccess

MONDAY_0900 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""A Monday, 9:00 in Chicago: when the courses of the tests start."""
CHICAGO = "America/Chicago"
WHOLE_TEST = MONDAY_0900 + timedelta(days=400)
"""When a sign of life is dated that is to hold for as long as the test lasts."""

_number = itertools.count(1)


def make_user(name: str = "Synthetic Person", **fields: Any) -> User:
    """A user without a password (hashing one takes a tenth of a second; a test that signs in sets its own)."""
    user = _user(name, **fields)
    user.save(force_insert=True)
    return user


def _user(name: str, **fields: Any) -> User:
    return User(email=f"user{next(_number)}@example.org", name=name, password="!", **fields)


def make_organisation(name: str, **fields: Any) -> Organisation:
    defaults = {"mode": "demo", "time_zone": CHICAGO, "call_number": "555-0100"}
    return Organisation.objects.create(name=f"{name} {next(_number)}", **{**defaults, **fields})


def make_site(organisation: Organisation, **fields: Any) -> Site:
    """A site whose rota no watcher looks at, unless `rota_look_at` says when."""
    name = {"name": "Synthetic Site", "code": f"site-{next(_number)}", "time_zone": CHICAGO}
    defaults = {**name, "rota_look_at": None}
    return Site.objects.create(organisation=organisation, **{**defaults, **fields})


def make_member(organisation: Organisation, role: str, name: str = "", **fields: Any) -> User:
    """A user with one role at an organisation, since long ago, trained for the rota unless `trained` is False."""
    user = make_user(name or f"Synthetic {role}")
    since = fields.pop("valid_from", MONDAY_0900 - timedelta(days=365))
    if fields.pop("trained", True):
        make_certificate(organisation, user)
    Membership.objects.create(organisation=organisation, user=user, role=role, valid_from=since, **fields)
    return user


def make_certificate(organisation: Organisation, user: User, **fields: Any) -> Certificate:
    """A certificate of the training for the rota, since long ago and for years."""
    certificate = _certificate(organisation, user, **fields)
    certificate.save(force_insert=True)
    return certificate


def _certificate(organisation: Organisation, user: User, **fields: Any) -> Certificate:
    since, until = MONDAY_0900 - timedelta(days=365), MONDAY_0900 + timedelta(days=3650)
    defaults = {"kind": "on_call_ladder", "valid_from": since.date(), "valid_until": until.date()}
    return Certificate(organisation=organisation, user=user, **{**defaults, **fields})


def opens_inbox(organisation: Organisation, *users: User) -> None:
    """From now on these people have their pages open on a screen, for as long as the test lasts (see `tests/conftest.py`)."""
    with everything():
        for user in users:
            Presence.objects.get_or_create(organisation=organisation, user=user, defaults={"looked_at": WHOLE_TEST})


def closes_inbox(*users: User) -> None:
    """Nobody of them looks at a screen any more: of all, when none is named."""
    with everything():
        found = Presence.objects.filter(user__in=users) if users else Presence.objects.all()
        found.delete()


def make_shift(organisation: Organisation, step: str, user: User, **fields: Any) -> Shift:
    """A shift of somebody who has the pages open on a screen meanwhile."""
    opens_inbox(organisation, user)
    shift = _shift(organisation, step, user, **fields)
    shift.save(force_insert=True)
    return shift


def fill_ladder(organisation: Organisation) -> dict[str, User]:
    """Another person on each step of an organisation's ladder; nobody else is on call anywhere, but for nurses."""
    Shift.objects.exclude(step="nurse").delete()
    people = {
        step: make_member(organisation, "on_call", f"Synthetic {step}")
        for step in ("first_on_call", "second_on_call", "attending")
    }
    for step, user in people.items():
        make_shift(organisation, step, user)
    return people


def _shift(organisation: Organisation, step: str, user: User, **fields: Any) -> Shift:
    defaults = {"starts_at": MONDAY_0900 - timedelta(days=1), "ends_at": MONDAY_0900 + timedelta(days=365)}
    return Shift(organisation=organisation, step=step, user=user, **{**defaults, **fields})


def make_patient(organisation: Organisation, **fields: Any) -> Patient:
    defaults = {
        "given_name": "Synthia",
        "family_name": "Example",
        "birth_date_text": date(1950, 4, 5).isoformat(),
        "phone": "+1 (555) 010-0123",
        "mrn": f"MRN {next(_number)}",
        "time_zone": CHICAGO,
        "synthetic": True,
    }
    return Patient.objects.create(organisation=organisation, **{**defaults, **fields})


@dataclass
class House:
    """One organisation with a nurse, an oncologist, a director and somebody on every step of the ladder."""

    organisation: Organisation
    site: Site
    nurse: User
    oncologist: User
    director: User
    on_call: User

    @property
    def id(self) -> Any:
        return self.organisation.pk


HOUSEHOLD = {"nurse": "Nurse", "oncologist": "Oncologist", "director": "Director", "on_call": "On-Call"}
"""Role and name of the four people of a house."""


def make_house(name: str, *, rota: bool = True, **fields: Any) -> House:
    """A house as `make_member` and `make_shift` would make it, in few statements: most tests begin with three."""
    organisation = make_organisation(name, **fields)
    site = make_site(organisation, call_number="555-0111")
    people = {role: _user(f"{name} {title}") for role, title in HOUSEHOLD.items()}
    User.objects.bulk_create(people.values())
    long_ago = {"valid_from": MONDAY_0900 - timedelta(days=365)}
    Certificate.objects.bulk_create(_certificate(organisation, user) for user in people.values())
    Membership.objects.bulk_create(
        Membership(organisation=organisation, user=user, role=role, **long_ago) for role, user in people.items()
    )
    if rota:
        on_call, nurse = people["on_call"], people["nurse"]
        steps = {"first_on_call": on_call, "second_on_call": on_call, "attending": on_call, "nurse": nurse}
        Shift.objects.bulk_create(_shift(organisation, step, user) for step, user in steps.items())
        with everything():
            Presence.objects.bulk_create(
                Presence(organisation=organisation, user=user, looked_at=WHOLE_TEST) for user in (on_call, nurse)
            )
    return House(organisation=organisation, site=site, **people)


WATCHER = "watcher of the test"
_status = heartbeat.status
_is_looking = presence.is_looking


def stays_looking(user: User, now: datetime) -> bool:
    """Whether a person looks: by the rule of the programme, or all the while (see `opens_inbox` and `tests/conftest.py`)."""
    with everything():
        return Presence.objects.filter(user=user, looked_at=WHOLE_TEST).exists() or _is_looking(user, now)


def watched_status(now: datetime) -> heartbeat.WatcherStatus:
    """Whether somebody watches: by the rule of the programme, or the watcher of a `World` does (see `tests/conftest.py`)."""
    found = heartbeat.Heartbeat.objects.filter(watcher=WATCHER, looked_at__gt=now).first()
    if found is None:
        return _status(now)
    return heartbeat.WatcherStatus(watching=True, looked_at=found.looked_at, behind=found.due_behind)


@contextmanager
def with_its_watcher() -> Iterator[None]:
    """The watcher of a `World` looks, and so do those who opened their inbox (`tests/conftest.py` has every test in here)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handrail.alerts.ways.is_looking", stays_looking)
        patch.setattr("handrail.alerts.heartbeat.status", watched_status)
        yield


@dataclass
class World:
    """Alice's house owns the course, Bob's has access to it, Charlie's has nothing to do with it."""

    alice: House = field(default_factory=lambda: make_house("Alice"))
    bob: House = field(default_factory=lambda: make_house("Bob", kind="community"))
    charlie: House = field(default_factory=lambda: make_house("Charlie", kind="community"))
    watched: bool = True
    """A watcher looks for as long as the test lasts; without it nobody is said to be called."""
    _course: Course | None = None

    def __post_init__(self) -> None:
        if self.watched:
            alive = heartbeat.Heartbeat(watcher=WATCHER, looked_at=WHOLE_TEST, due_behind=0)
            heartbeat.Heartbeat.objects.bulk_create([alive], ignore_conflicts=True)  # a test may have two worlds

    @property
    def course(self) -> Course:
        """A teclistamab course of Alice's, started on Monday at 9:00 and reached by Bob's house for co-management."""
        if self._course is None:
            self._course = self.make_course()
            with everything():
                CourseAccess.objects.create(
                    organisation=self.alice.organisation,
                    course=self._course,
                    to_organisation=self.bob.organisation,
                    purpose="co_management",
                    valid_from=MONDAY_0900,
                )
        return self._course

    def make_course(self, **fields: Any) -> Course:
        with everything():
            patient = make_patient(self.alice.organisation)
            Contact.objects.create(
                organisation=self.alice.organisation, patient=patient, name="Synthetic Caregiver", phone="+15550100124"
            )
        defaults = {"product": "teclistamab", "site": self.alice.site, "now": MONDAY_0900}
        recorded = start_course(patient, by=self.actor("alice", "oncologist"), **{**defaults, **fields})
        with everything():
            return Course.objects.select_related("organisation", "site", "patient").get(pk=recorded.event.course_id)

    def actor(self, house: str, who: str = "nurse") -> Actor:
        return person(getattr(getattr(self, house), who))


def event(kind: str, *, at: datetime = MONDAY_0900 + timedelta(hours=1), **fields: Any) -> dict[str, Any]:
    """An event in wire form with a new id."""
    return {"id": str(uuid4()), "kind": kind, "at": at.isoformat(), **fields}


def checkin(*, at: datetime, **fields: Any) -> dict[str, Any]:
    """A quiet check-in at 36.8 °C, unless told otherwise."""
    quiet = {"temperature_c": "36.8", "antipyretic_last_6_h": False, "symptoms": [], "none_of_these": True}
    return event("checkin_received", at=at, **{**quiet, **fields})


def dose(step: str, *, at: datetime, mg: str, **fields: Any) -> dict[str, Any]:
    """A dose given: `mg` decimal milligrams."""
    defaults = {"route": "subcutaneous", "started_at": at.isoformat(), "ended_at": at.isoformat()}
    return event("dose_given", at=at, step=step, dose_mg=mg, **{**defaults, **fields})
