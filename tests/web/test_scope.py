"""Every address, asked by the owner, the helper, the stranger and somebody who is not signed in.

The table has a row for every address that Handrail answers; an address without a row fails the test. What a stranger may not
see is answered like what does not exist.
"""

import re
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from handrail import clock
from handrail.actions import handoffs
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.actions.ed_packets import hand_over, send_packet
from handrail.actions.emergency import issue_card
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.handoff_doors import make_fax
from handrail.actions.handoffs import Offer
from handrail.actions.imports import bring
from handrail.actions.links import issue_checkin_link
from handrail.actions.not_known import seal_looked
from handrail.actions.payer_requests import open_request
from handrail.actions.places import settle_place
from handrail.actions.policies import propose_policy
from handrail.alerts.models import Alert
from handrail.people.models import Agreement, CarePlace, ContactPoint, Membership, Referral, Shift, Swap
from handrail.people.scope import everything
from handrail.records.models import Look, PolicyProposal, SigningSet
from handrail.rules.policy_own import Reason
from tests.support.agreements import agreed_between
from tests.support.ed import FAX, named
from tests.support.factories import MONDAY_0900, World, checkin, dose, make_member
from tests.support.foreign import document
from tests.support.handoff_world import fax_practice
from tests.support.handoffs import LOOKED
from tests.support.health_links import linked
from tests.support.once import made_once
from tests.support.places import trouble
from tests.support.referrals import referred
from tests.support.scope_rows import LOGIN, NOWHERE, PAGES, ROWS, SIGNED, THROUGH_A_LINK, Row
from tests.support.signing import signed

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=27)
BACKGROUND = {"HTTP_X_HANDRAIL_BACKGROUND": "1"}


def make_world() -> World:
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = world.course
        given = NOW - timedelta(hours=26)
        record_event(course.pk, dose("step_up_1", mg="4.8", at=given), by=world.actor("alice"), now=given)
        fever = checkin(at=NOW - timedelta(minutes=3), temperature_c="38.4")
        receive_checkin(course.pk, fever, by=world.actor("alice"), now=NOW - timedelta(minutes=3))
        issue_checkin_link(course.pk, by=world.actor("alice"))
        issue_card(course.pk, by=world.actor("alice"))
        seal_looked(course.pk, LOOKED, by=world.actor("alice"))
        linked(world)
        open_request(course.pk, drug="teclistamab", payer="Synthetic Health", by=world.actor("alice"), now=NOW)
        bring(course.pk, document(), title="x", by=world.actor("alice"))
        named(world, email="", fax=FAX)
        packet = send_packet(course.pk, key=uuid4(), by=world.actor("alice"))
        hand_over(packet.pk, NOW)
        offer = Offer(to=fax_practice(), not_known=LOOKED)
        loop = handoffs.offer(course.pk, offer, by=world.actor("alice"), now=NOW).event.id
        make_fax(course.pk, loop, by=world.actor("alice"), now=NOW)
        signed(world.alice, SIGNED)
        referred(world.alice)
        agreed_between(world.alice, world.bob, in_force=False)
        with everything():
            shift = Shift.objects.filter(organisation=world.alice.organisation).first()
            Swap.objects.create(
                organisation=world.alice.organisation,
                shift=shift,
                asked_by=world.alice.on_call,
                to_user=world.alice.oncologist,
            )
            settle_place(world.alice.id, "test", [trouble()], NOW)
        ContactPoint.objects.create(user=world.alice.oncologist, channel="sms", address="+15550100177")
        looser = {"tocilizumab.cap_mg": Reason(reason="synthetic", review_on=NOW.date() + timedelta(days=30))}
        values = {"tocilizumab.cap_mg": "700"}
        propose_policy(world.alice.id, values, reasons=looser, by=world.actor("alice", "director"), now=NOW)
        return world


the_world = made_once(make_world)


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def names_of(patterns, prefix: str = "") -> set[str]:
    """The names of all addresses below, those of allauth and the closed ones left out."""
    found = set()
    for pattern in patterns:
        where = prefix + str(pattern.pattern)
        if where.startswith("accounts/"):
            continue
        if isinstance(pattern, URLResolver):
            space = f"{pattern.namespace}:" if pattern.namespace else ""
            found |= {space + name for name in names_of(pattern.url_patterns, where)}
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"the address {where} has no name"
            found.add(pattern.name)
    return found


def test_every_address_has_a_row():
    listed = {row.name for row in ROWS} | set(THROUGH_A_LINK)
    assert names_of(get_resolver().url_patterns) <= listed


def address_of(row: Row, world: World) -> str:
    course = world.course
    with everything():
        first = {
            "": [],
            "course": [course.pk],
            "alert": [Alert.objects.filter(course=course).first().pk] if row.about == "alert" else [],
            "organisation": [],
            "swap": [Swap.objects.first().pk] if row.about == "swap" else [],
            "place": [Alert.objects.get(course__isnull=True).pk] if row.about == "place" else [],
            "link": [course.pk, course.links.latest("issued_at").pk] if row.about == "link" else [],
            "house": [world.alice.id],
            "health_link": [course.pk, course.health_links.get().pk] if row.about == "health_link" else [],
            "site": [world.alice.site.pk] if row.about == "site" else [],
            "card": [course.pk, course.emergency_cards.get(kind="wallet").pk] if row.about == "card" else [],
            "ed": [course.pk, course.ed_packets.earliest("asked_at").pk],
            "care_place": [CarePlace.objects.get().pk],
            "payer": [course.payer_requests.get().pk] if row.about == "payer" else [],
            "referral": [Referral.objects.get().pk],
            "packet": [course.pk, course.packets.get().number] if row.about == "packet" else [],
            "import": [course.pk, course.imports.get().pk] if row.about == "import" else [],
            "proposal": [PolicyProposal.objects.get(organisation=world.alice.organisation).pk],
            "set": [SigningSet.objects.order_by("number").filter(organisation=world.alice.organisation).first().pk],
            "agreement": [Agreement.objects.get().pk],
            "shift": [Shift.objects.filter(organisation=world.alice.organisation).first().pk],
            "point": [ContactPoint.objects.get().pk] if row.about == "point" else [],
            "handoff": [course.pk, course.handoff_doors.first().handoff] if row.about == "handoff" else [],
            "event": [course.pk, course.events.get(kind="dose_given").id] if row.about == "event" else [],
        }[row.about]
    return reverse(row.name, args=[*first, *row.args])


def case_of(row: Row) -> str:
    """The name of the case: no identifier stands in the name of a test."""
    return " ".join((row.name, *("nowhere" if each == NOWHERE else str(each) for each in row.args)))


def ask(row: Row, world: World, who) -> int:
    client = Client()
    if who is not None:
        client.force_login(who)
    data = dict(row.data) | ({"organisation": str(world.alice.id)} if row.about == "organisation" else {})
    answer = getattr(client, row.method)(address_of(row, world), data)
    if who is None and row.anonymous == LOGIN:
        assert answer.url.startswith("/accounts/login/")
    return answer.status_code


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {case_of(row)}")
def test_who_is_answered_what(row: Row, world: World):
    answers = {
        "owner": ask(row, world, world.alice.oncologist),
        "helper": ask(row, world, world.bob.oncologist),
        "stranger": ask(row, world, world.charlie.oncologist),
        "anonymous": ask(row, world, None),
    }
    wanted = {"owner": row.owner, "helper": row.helper, "stranger": row.stranger, "anonymous": row.anonymous}
    assert answers == wanted


@pytest.mark.parametrize("path", ["/", "/courses/", "/pages/"])
def test_a_list_never_names_what_a_stranger_may_not_see(world, client, path: str):
    client.force_login(world.charlie.nurse)
    page = client.get(path).content.decode()
    assert "Synthia" not in page
    assert str(world.course.pk) not in page
    client.force_login(world.bob.nurse)
    assert str(world.course.pk) in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["course", "page"])
def test_a_viewer_sees_no_name(world, client, path: str):
    viewer = make_member(world.alice.organisation, "viewer")
    client.force_login(viewer)
    page = client.get(reverse("course", args=[world.course.pk]))
    assert page.status_code == 200
    assert "Synthia" not in page.content.decode()
    assert "555) 010-0123" not in page.content.decode()
    assert client.get(reverse("pages")).status_code == 403
    assert client.get(reverse("record", args=[world.course.pk, "dose"])).status_code == 403


def test_a_role_elsewhere_opens_no_name_and_no_page_here(world, client):
    """A viewer here who is a nurse at another hospital is a viewer here."""
    viewer = make_member(world.alice.organisation, "viewer")
    with everything():
        Membership.objects.create(organisation=world.charlie.organisation, user=viewer, role="nurse")
    client.force_login(viewer)
    code = Alert.objects.get(course=world.course, ladder="RED-3").code
    for path in ("/", "/courses/", "/pages/"):
        page = client.get(path).content.decode()
        assert "Synthia" not in page, path
        assert "fever in the window" not in page, path
        assert "I have it" not in page, path
    assert str(world.course.pk) in client.get("/").content.decode()
    found = client.post(reverse("find_page"), {"code": code}, follow=True)
    assert "No page of yours has this code" in found.content.decode()


def test_a_consult_shows_the_course_and_not_its_pages(world, client):
    grant_access(world.course.pk, world.charlie.organisation, purpose="consult", by=person(world.alice.director))
    client.force_login(world.charlie.nurse)
    for path in ("/", "/pages/"):
        assert "fever in the window" not in client.get(path).content.decode()
    assert "Synthia" in client.get("/courses/").content.decode()


def test_looks_are_written_down(world, client):
    client.force_login(world.bob.nurse)
    client.get(reverse("course", args=[world.course.pk]))
    with everything():
        look = Look.objects.filter(course=world.course).latest("at")
        assert (look.what, look.user, look.through) == ("course", world.bob.nurse, "co_management")
        before = Look.objects.count()
    client.force_login(world.charlie.nurse)
    client.get(reverse("course", args=[world.course.pk]))
    with everything():
        assert Look.objects.count() == before


NO_PATIENT = ("course_policy",)
"""Addresses with a course in them that show nothing of it."""
OF_ONE_PATIENT = ("course", "packet", "import", "handoff", "card", "health_link", "event")
SHOW_A_PATIENT = [
    row
    for row in ROWS
    if row.method == "get" and row.owner == 200 and row.about in OF_ONE_PATIENT and row.name not in NO_PATIENT
]


@pytest.mark.parametrize("row", SHOW_A_PATIENT, ids=case_of)
def test_every_page_about_one_patient_is_a_look(row: Row, world: World, client):
    client.force_login(world.alice.oncologist)
    with everything():
        mine = Look.objects.filter(user=world.alice.oncologist, course=world.course)
        before = mine.count()
        assert client.get(address_of(row, world)).status_code == 200
        assert mine.count() == before + 1


def test_a_course_that_does_not_exist_and_one_that_is_not_yours_look_the_same(world, client):
    client.force_login(world.charlie.nurse)
    mine, none = reverse("course", args=[world.course.pk]), reverse("course", args=[uuid4()])
    pages = [re.sub(r'value="\w{64}"', "", client.get(address).content.decode()) for address in (mine, none)]
    assert pages[0] == pages[1]


def test_access_that_is_over_shows_nothing(world, client):
    with everything():
        world.course.accesses.filter(to_organisation=world.bob.organisation).update(
            valid_until=NOW - timedelta(minutes=1)
        )
    client.force_login(world.bob.nurse)
    assert client.get(reverse("course", args=[world.course.pk])).status_code == 404


def test_pages_are_not_kept_by_the_browser(world, client):
    client.force_login(world.alice.nurse)
    for path in ("/", reverse("course", args=[world.course.pk]), "/pages/"):
        for headers in ({}, BACKGROUND):
            assert "no-store" in client.get(path, **headers)["Cache-Control"]


def test_what_one_person_saw_is_not_new_to_the_next(world, client):
    client.force_login(world.alice.nurse)
    seen = client.get("/", **BACKGROUND)["ETag"]
    assert client.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=seen).status_code == 304
    client.force_login(make_member(world.alice.organisation, "viewer"))
    assert client.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=seen).status_code == 200


@pytest.mark.parametrize("path", ["/", "/pages/"])
def test_a_list_whose_session_is_over_brings_the_sign_in_and_not_a_piece_of_it(client, db, path: str):
    answer = client.get(f"{path}?part=lists", **BACKGROUND)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Redirect"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.method == "post" and row.name not in PAGES], ids=lambda row: row.name
)
def test_after_a_sign_in_what_was_sent_is_said_not_to_be_done(row: Row, world: World, client):
    """The session had ended: the sign-in leads to an address that only takes what is sent."""
    client.force_login(world.alice.oncologist)
    answer = client.get(address_of(row, world), follow=True)
    assert answer.status_code == 200
    assert "Nothing was done: please press the button once more." in answer.content.decode()
