"""The worklist of a new organisation: what is left before its first green gate, with owner and link; gone with the first dose."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.people import add_person, add_site, begin
from handrail.actions.registry import complete_module
from handrail.actions.setting_up import set_up
from handrail.people.models import CarePlace, Organisation, RemsRecord, SiteGrant, User
from handrail.people.scope import everything
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, House, World, dose, make_shift
from tests.support.signing import signed

pytestmark = pytest.mark.django_db
PAGES = (
    "people", "people", "people", "modules", "rota", "signing", "agreements", "rems", "places", "sites", "referrals", "courses",
)  # fmt: skip


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(MONDAY_0900)) as now:
        yield now


@pytest.fixture
def practice() -> tuple[Organisation, User]:
    words = {"kind": "community", "mode": "live", "time_zone": "America/Chicago", "number": "555-0120"}
    made = begin("Prairie Oncology", person="Dr. Director", email="director@prairie.example", **words)
    return made.organisation, made.director


def left(organisation: Organisation) -> list[str]:
    with everything():
        steps = set_up(organisation, clock.now())
    assert steps is not None
    assert tuple(step.page for step in steps) == PAGES
    return [step.lacks for step in steps]


def test_an_empty_practice_has_everything_to_do_and_every_step_an_owner_and_a_page(practice):
    _, director = practice
    client = Client()
    client.force_login(director)
    text = unescape(client.get(reverse("programme")).content.decode())
    rows = re.findall(r'<a href="([^"]+)">[^<]+</a><div class="small">([^<]+)</div>', text)
    assert [address for address, _ in rows] == [reverse(page) for page in PAGES]
    assert all(": " in words for _, words in rows)
    assert "12 of 12 left" in text
    assert "nobody is a prescriber, a pharmacist, a nurse" in text
    for address in {address for address, _ in rows}:
        assert client.get(address).status_code == 200


def test_each_step_is_done_by_what_it_leaves_behind(practice):
    organisation, director = practice
    by = person(director)
    assert left(organisation)[0] == "no site"
    site = add_site(organisation.pk, name="Clinic", by=by)
    assert left(organisation)[0] == ""
    roles = {"Omar": ["oncologist"], "Petra": ["pharmacist"], "Nina": ["nurse"]}
    people = {
        name: add_person(organisation.pk, name=name, email=f"{name}@prairie.example", roles=held, by=by).user
        for name, held in roles.items()
    }
    assert left(organisation)[1:3] == ["", "still to choose one: Dr. Director, Nina, Omar, Petra"]
    for user in (director, *people.values()):
        user.set_password("a long synthetic password")
        user.save()
    assert left(organisation)[2:4] == ["", "nobody holds it"]
    with everything():
        for name in ("Omar", "Nina"):
            complete_module(organisation.pk, user_id=people[name].pk, module="on_call", on=date(2026, 3, 1), by=by)
        assert left(organisation)[3] == ""
        assert "Nobody is" in left(organisation)[4]
        for step, name in (("first_on_call", "Omar"), ("second_on_call", "Nina"), ("attending", "Omar")):
            make_shift(organisation, step, people[name])
        assert left(organisation)[4:6] == ["", "no label is signed by both"]
        day = {"organisation": organisation, "by": director}
        agreed_between(House(organisation, site, *[director] * 4), None, now=clock.now())
        for kind in ("setting", "dispenser", "representative"):
            assert "a prescriber" in left(organisation)[7]
            RemsRecord.objects.create(
                **day, kind=kind, programme="tecvayli_talvey", from_on=date(2026, 3, 1), no_end=True, site=site
            )
        CarePlace.objects.create(organisation=organisation, name="County ED", number="555-0129")
        for level, words in (("2", "no level of 3 or more is signed"), ("4", "")):
            days = {"from_on": date(2026, 3, 1), "until_on": date(2026, 8, 31)}
            SiteGrant.objects.create(**day, role="director", site=site, product="teclistamab", level=level, **days)
            assert left(organisation)[9] == words
    assert left(organisation)[6:9] == ["", "not written down: a prescriber", ""]


def test_a_signed_label_and_a_first_course_and_no_list_after_the_first_dose():
    world = World()
    course = world.course
    organisation = world.alice.organisation
    assert left(organisation)[10] == ""
    with everything():
        signed(world.alice, "elranatamab/US/2025-07")
    assert left(organisation)[5] == ""
    given = dose("step_up_1", mg="4.8", at=MONDAY_0900 + timedelta(hours=1))
    record_event(course.pk, given, by=world.actor("alice"), now=MONDAY_0900 + timedelta(hours=1))
    with everything():
        assert set_up(organisation, clock.now()) is None
    client = Client()
    client.force_login(world.alice.nurse)
    assert "Before the first green gate" not in client.get(reverse("programme")).content.decode()


def test_the_list_asks_the_database_as_often_for_a_large_practice(practice):
    organisation, director = practice
    by = person(director)
    client = Client()
    client.force_login(director)
    add_site(organisation.pk, name="Clinic", by=by)
    client.get(reverse("programme"))  # the first page of a session writes it down
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("programme"))
    for number in range(4):
        add_site(organisation.pk, name=f"Clinic {number}", by=by)
        add_person(organisation.pk, name=f"N {number}", email=f"n{number}@prairie.example", roles=["nurse"], by=by)
    with CaptureQueriesContext(connection) as five:
        client.get(reverse("programme"))
    assert len(five) == len(one)
