"""The emergency page as an emergency department meets it: one answer for every address, and the facts behind the code."""

import html
import logging
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.emergency import issue_card, revoke_card
from handrail.actions.facts import record_event
from handrail.actions.links import issue_checkin_link
from handrail.people.models import EmergencyCard
from handrail.people.scope import everything
from handrail.rules.emergency import emergency_data
from handrail.web import cards, course_page
from tests.support.factories import MONDAY_0900, World, dose, event, make_member

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=17)
GENERAL = emergency_data().general.words
SECRETS = ("Synthia", "teclistamab", "555-0111", "step-up", "Caregiver")
"""What a stranger may not read."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        tell(world, dose("step_up_1", mg="4.8", at=GIVEN))
        tell(world, event("weight_measured", at=GIVEN, weight_kg="101"))
        tell(
            world,
            event(
                "medicine_given", at=NOW - timedelta(minutes=24), agent="dexamethasone", dose_mg="20", purpose="home"
            ),
        )
        world.card = issue_card(world.course.pk, by=world.actor("alice"))
        world.time = frozen
        yield world


def tell(world, fact) -> None:
    record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=NOW)


def scan(client: Client, key: str):
    """The page after the redirect, as a phone comes to it."""
    first = client.get(f"/e/{key}")
    assert (first.status_code, first.url) == (302, "/e/")
    assert first.headers["Referrer-Policy"] == "no-referrer" and first.headers["Cache-Control"] == "no-store"
    return client.get("/e/")


def type_code(client: Client, code: str, who: str = "Mercy ED"):
    answer = client.post("/e/", {"code": code, "who": who})
    return client.get("/e/") if answer.status_code == 302 else answer


def words(answer) -> str:
    assert answer.status_code == 200
    main = answer.content.decode().partition("<main")[2]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def plain(answer) -> str:
    """The page without the form's own secret and the time."""
    assert answer.status_code == 200
    return re.sub(r'value="\w{64}"|data-now="[^"]+"', "", answer.content.decode())


def over(world, how: str) -> str:
    """A key that opens nothing (any more)."""
    key = world.card.key
    if how == "revoked":
        revoke_card(world.course.pk, world.card.pk, by=world.actor("alice"))
    elif how == "expired":
        world.time.advance(days=emergency_data().card.lasts_days)
    elif how == "mistyped":
        key = key[:-1] + ("A" if key[-1] != "A" else "B")
    elif how == "half":
        key = key[:20]
    elif how == "a path":
        key = f"{key}/courses/{world.course.pk}"
    return key


HOW = ["mistyped", "half", "a path", "revoked", "expired"]


@pytest.mark.parametrize("how", HOW)
def test_an_address_that_opens_nothing_is_answered_like_one_that_never_was(world, how):
    wrong = plain(scan(Client(), "never-made"))
    assert GENERAL in wrong
    client = Client()
    page = scan(client, over(world, how))
    assert plain(page) == wrong
    assert plain(type_code(client, world.card.code)) == plain(type_code(Client(), "ABC234")), "nor does its code"
    assert not [each for each in SECRETS if each in wrong]


def test_before_the_code_there_is_the_class_what_to_do_first_and_the_number(world, client):
    said = words(scan(client, world.card.key))
    assert GENERAL in said
    assert "Call now: 555-0111" in said
    assert "Fever may be the only sign" in said and "Do NOT give the next dose" in said
    assert not [each for each in SECRETS if each != "555-0111" and each in said]
    with everything():
        assert world.course.looks.filter(what="emergency_card").count() == 1
        assert not world.course.alerts.filter(key="shell:emergency_opened").exists(), "a preview calls nobody"


def test_after_the_code_there_are_the_patients_facts(world, client):
    scan(client, world.card.key)
    said = words(type_code(client, world.card.code))
    for wanted in (
        "On a T-cell-engaging bispecific: teclistamab",
        "Synthia Example",
        "Last dose: step-up dose 1",
        "17 h ago",
        "Next dose: do NOT give it",
        "Call now: 555-0111",
        "Who answers: Alice On-Call",
        "Tocilizumab: 800 mg (capped) for 101.0 kg (weighed ",
        "Given so far: none on record",
        "at home: dexamethasone 20 mg",
        "24 min ago",
        "What not to do",
        "No G-CSF while CRS may come",
        "CRS 1 fever 38.0 °C or more",
        "ICANS 4",
        "Synthetic Caregiver",
        "Printed",
    ):
        assert wanted in said, wanted


def test_a_wrong_code_says_nothing_about_why(world, client):
    scan(client, world.card.key)
    said = words(type_code(client, "000000"))
    assert "That did not open the patient's page." in said and "555-0111" in said
    assert not [each for each in SECRETS if each != "555-0111" and each in said]
    with everything():
        EmergencyCard.objects.update(tries_left=0)
    assert words(type_code(client, world.card.code)) == said, "a locked card answers like a wrong code"


def test_what_is_not_known_is_said(world, client):
    world.time.set(MONDAY_0900)
    other = world.make_course()
    card = issue_card(other.pk, by=world.actor("alice"))
    scan(client, card.key)
    said = words(type_code(client, card.code))
    assert "Last dose: no dose on record." in said
    assert "weight not known: weigh the patient" in said
    assert "taken at home: nothing on record: ask" in said


def test_a_report_from_home_is_told_with_what_was_not_said(world, client):
    with everything():
        record_event(
            world.course.pk,
            event("checkin_received", at=NOW, temperature_c="38.4"),
            by=world.actor("alice", "nurse"),
            now=NOW,
        )
    scan(client, world.card.key)
    said = words(type_code(client, world.card.code))
    assert "symptoms not known; fever medicine in the 6 h before: not known; confusion check not known" in said


def test_a_brand_counts_as_tocilizumab(world, client):
    tell(
        world,
        event("medicine_given", at=NOW - timedelta(hours=2), agent="Actemra IV", dose_mg="800", purpose="treatment"),
    )
    scan(client, world.card.key)
    said = words(type_code(client, world.card.code))
    assert "Given so far: 800 mg" in said


def test_when_the_rules_fail_the_last_dose_is_the_one_on_record(world, client, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError

    monkeypatch.setattr(course_page, "assess", broken)
    scan(client, world.card.key)
    said = words(type_code(client, world.card.code))
    assert "Handrail cannot judge this course." in said
    assert "Last dose: step-up dose 1" in said and "17 h ago" in said
    monkeypatch.setattr(
        course_page, "look", lambda *_: course_page.Looked(history=None, policy=None, answer=None, trouble="x")
    )
    assert "Last dose: not known: ask" in words(client.get("/e/"))


def test_the_page_asks_no_other_server_and_leaves_no_trace(world, client, caplog):
    caplog.set_level(logging.DEBUG)
    scan(client, world.card.key)
    page = type_code(client, world.card.code)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "same-origin" and page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex"
    text = page.content.decode()
    assert "http://" not in text and "https://" not in text and "//" not in re.sub(r"https?://", "", text)
    assert world.card.key not in text
    for record in caplog.records:
        assert world.card.key not in record.getMessage() and world.card.code not in record.getMessage()
    for cookie in client.cookies.values():
        assert world.card.key not in cookie.value
        if cookie.key != "csrftoken":
            assert cookie["httponly"] and cookie["path"] == "/e/"


def test_a_form_without_its_secret_tries_nothing_and_asks_again(world):
    client = Client(enforce_csrf_checks=True)
    scan(client, world.card.key)
    said = words(client.post("/e/", {"code": "000000"}))
    assert "This page was open too long." in said
    world.card.refresh_from_db()
    assert world.card.tries_left == emergency_data().card.tries


def test_another_card_in_the_same_browser_ends_the_page_of_the_first(world, client):
    scan(client, world.card.key)
    type_code(client, world.card.code)
    assert "teclistamab" not in words(scan(client, "never-made"))


# --- staff and patient ------------------------------------------------------------------------------------------------


def test_staff_print_a_card_and_say_that_it_is_in_hand(world, client):
    client.force_login(world.alice.nurse)
    at = [world.course.pk]
    made = client.post(reverse("new_card", args=at))
    said = words(client.get(made.url))
    with everything():
        new = EmergencyCard.objects.exclude(pk=world.card.pk).get()
    assert new.code in said and "Printed" in said and "555-0111" in said
    assert "printed, not yet in the patient's hand" in words(client.get(reverse("cards", args=at)))
    assert client.get(reverse("card_in_hand", args=[*at, new.pk])).status_code == 302
    new.refresh_from_db()
    assert new.handed_over_at is None, "asking for the address does nothing"
    client.post(reverse("card_in_hand", args=[*at, new.pk]))
    said = words(client.get(reverse("cards", args=at)))
    assert "in the patient's hand since" in said and "revoked" in said
    assert client.get(reverse("card", args=[*at, world.card.pk])).status_code == 404, "the former card is over"


def test_a_card_names_each_number_that_is_the_one_to_call_at_some_hour(world, client, monkeypatch):
    client.force_login(world.alice.nurse)
    address = reverse("card", args=[world.course.pk, world.card.pk])
    assert "Call now, day and night: 555-0111" in words(client.get(address))
    monkeypatch.setattr(cards, "number_to_call", lambda _course, at: "555-0111" if 8 <= at.hour < 17 else "555-0190")
    said = words(client.get(address))
    assert "555-0111" in said and "555-0190" in said and "One of them answers at every hour" in said
    assert "day and night" not in said


def test_staff_see_who_opened_the_page(world, client):
    scan(client, world.card.key)
    type_code(client, world.card.code, who="<b>Mercy</b>")
    staff = Client()
    staff.force_login(world.alice.on_call)
    assert "&lt;b&gt;Mercy&lt;/b&gt;" in staff.get(reverse("cards", args=[world.course.pk])).content.decode()


def test_a_viewer_sees_no_code(world, client):
    client.force_login(make_member(world.alice.organisation, "viewer"))
    assert client.get(reverse("cards", args=[world.course.pk])).status_code == 200
    assert client.get(reverse("card", args=[world.course.pk, world.card.pk])).status_code == 403
    assert client.get(reverse("card", args=[world.course.pk, uuid4()])).status_code == 403


def test_the_patients_phone_shows_the_card_and_who_opened_the_page(world, client):
    issued = issue_checkin_link(world.course.pk, by=world.actor("alice"))
    phone = Client()
    phone.get(f"/c/{issued.token}")
    said = words(phone.get("/c/card"))
    assert world.card.code in said and "Nobody so far." in said
    scan(client, world.card.key)
    type_code(client, world.card.code)
    said = words(phone.get("/c/card"))
    assert "Tue 3 Mar 03:00 CST: Mercy ED" in said
    revoke_card(world.course.pk, world.card.pk, by=world.actor("alice"))
    said = words(phone.get("/c/card"))
    assert "There is no emergency card yet" in said and world.card.code not in said
    assert Client().get("/c/card").status_code == 410
