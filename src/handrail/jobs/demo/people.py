"""The demonstration's organisations, sites, staff and rota: three organisations, every role, all of it synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handrail.people.models import CarePlace, Certificate, Membership, Organisation, PlaceHours, Shift, Site, User
from handrail.rules.doors import ALWAYS, AS_USUAL, CLOSED
from handrail.rules.terms import civil_date, day_start

ZONE: Final = "America/Chicago"
ROTA_DAYS: Final = 60

STAFF: Final = (
    ("oncologist", "Dr. Ortega"),
    ("pharmacist", "Pharmacist Patel"),
    ("nurse", "RN Alvarez"),
    ("app", "NP Brooks"),
    ("on_call", "RN Carter (on call)"),
    ("on_call", "Dr. Diaz (on call)"),
    ("coordinator", "Coordinator Evans"),
    ("site_manager", "Manager Flores"),
    ("director", "Director Grant"),
    ("viewer", "Viewer Hayes"),
)
ORGANISATIONS: Final = (
    ("hub", "Hub Cancer Center (synthetic)", Organisation.Kind.HUB, "hub", "555-0100"),
    ("prairie", "Prairie Oncology (synthetic)", Organisation.Kind.COMMUNITY, "prairie", "555-0120"),
    ("lakeside", "Lakeside Cancer Practice (synthetic)", Organisation.Kind.COMMUNITY, "lakeside", "555-0140"),
)
ED_NAMES: Final = {
    "hub": "Hub Hospital emergency department",
    "prairie": "Prairie County emergency department",
    "lakeside": "Lakeside General emergency department",
}
CLINIC_WEEK: Final = (*["08:00-17:00"] * 5, CLOSED, CLOSED)
URGENT_WEEK: Final = ("08:00-22:00",) * 7
FAX_ONLY: Final = ("Riverside Oncology (synthetic)", "555-0160")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One organisation of the demonstration and its people by role (the first of each)."""

    organisation: Organisation
    site: Site
    people: dict[str, User]
    second_on_call: User


def make_houses(now: datetime, password_hash: str) -> dict[str, House]:
    """Create the three organisations with staff in every role and a rota for the next two weeks."""
    houses = {}
    for word, name, kind, code, number in ORGANISATIONS:
        organisation = Organisation.objects.create(
            name=name, kind=kind, mode=Organisation.Mode.DEMO, time_zone=ZONE, call_number=number
        )
        site = Site.objects.create(
            organisation=organisation, name=f"{name}: clinic", code=code, time_zone=ZONE, call_number=number
        )
        houses[word] = _staff(organisation, site, word, now, password_hash)
        _places(organisation, word, number, now)
    return houses


def _places(organisation: Organisation, word: str, number: str, now: datetime) -> None:
    """The doors that patients are told of, with their hours by the clock on their wall."""
    ed = {"name": f"{ED_NAMES[word]} (synthetic)", "email": f"ed@{word}.example", "fax": f"{number[:-1]}8"}
    for kind, fields, address, digit, week, holiday in (
        (CarePlace.Kind.CLINIC, {"name": organisation.name}, 3, 0, CLINIC_WEEK, CLOSED),
        (
            CarePlace.Kind.URGENT_CARE,
            {"name": f"{word.capitalize()} urgent care (synthetic)"},
            2,
            7,
            URGENT_WEEK,
            AS_USUAL,
        ),
        (CarePlace.Kind.ED, ed, 1, 9, (ALWAYS,) * 7, AS_USUAL),
    ):
        place = CarePlace.objects.create(
            organisation=organisation,
            kind=kind,
            address=f"{address} Example Street, Sampletown",
            number=f"{number[:-1]}{digit}",
            made_at=now,
            **fields,
        )
        PlaceHours.objects.create(
            organisation=organisation, place=place, zone=ZONE, week=list(week), holiday=holiday, set_at=now
        )


def make_fax_only() -> Organisation:
    """A practice nobody of which can sign in: a link, or a fax sheet and the phone."""
    name, number = FAX_ONLY
    return Organisation.objects.create(
        name=name,
        kind=Organisation.Kind.COMMUNITY,
        mode=Organisation.Mode.DEMO,
        time_zone=ZONE,
        call_number=number,
    )


def _staff(organisation: Organisation, site: Site, word: str, now: datetime, password_hash: str) -> House:
    since = now - timedelta(days=400)
    people: dict[str, User] = {}
    second: User | None = None
    for role, name in STAFF:
        suffix = role.replace("_", "-") + ("-2" if role in people else "")
        user = User.objects.create(email=f"{suffix}@{word}.example", name=f"{name}, synthetic", password=password_hash)
        Membership.objects.create(organisation=organisation, user=user, role=role, valid_from=since)
        for kind in ("ice_assessment", "on_call_ladder"):
            Certificate.objects.create(
                organisation=organisation,
                user=user,
                kind=kind,
                valid_from=since.date(),
                valid_until=(now + timedelta(days=200)).date(),
                reference="synthetic",
            )
        if role in people:
            second = user
        people.setdefault(role, user)
    assert second is not None
    house = House(organisation=organisation, site=site, people=people, second_on_call=second)
    _rota(house, now)
    return house


def _rota(house: House, now: datetime) -> None:
    steps = (
        ("first_on_call", house.people["on_call"]),
        ("second_on_call", house.second_on_call),
        ("attending", house.people["oncologist"]),
        ("nurse", house.people["nurse"]),
        ("site_manager", house.people["site_manager"]),
        ("director", house.people["director"]),
        ("intake", house.people["coordinator"]),
    )
    for step, user in steps:
        Shift.objects.create(
            organisation=house.organisation,
            step=step,
            user=user,
            starts_at=now - timedelta(days=120),
            ends_at=now + timedelta(days=ROTA_DAYS),
        )


def leave_a_gap(house: House, now: datetime) -> None:
    """Take everybody off first on call for the whole of next Sunday: the site manager is paged about it today."""
    today = civil_date(now, ZONE)
    sunday = today + timedelta(days=7 - (today.weekday() + 1) % 7)
    shift = Shift.objects.get(organisation=house.organisation, step="first_on_call")
    Shift.objects.create(
        organisation=house.organisation,
        step=shift.step,
        user=shift.user,
        starts_at=day_start(sunday + timedelta(days=1), ZONE),
        ends_at=shift.ends_at,
    )
    shift.ends_at = day_start(sunday, ZONE)
    shift.save(update_fields=["ends_at"])


def sign_ins(password: str) -> list[tuple[str, str, str]]:
    """Organisation, address and password of everybody, to be printed once."""
    rows = []
    for word, name, *_ in ORGANISATIONS:
        seen: set[str] = set()
        for role, _person in STAFF:
            suffix = role.replace("_", "-") + ("-2" if role in seen else "")
            seen.add(role)
            rows.append((name, f"{suffix}@{word}.example", password))
    return rows
