"""The patient's check-in after sending: a medicine at home, and what is true while somebody is awaited."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.contacts import Call, record_call
from handrail.actions.facts import record_event
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from handrail.records.models import Event, Look
from tests.support.checkins import EVENING, Home, make_home, phone_of, quiet_form, quiet_json, send, text
from tests.support.factories import event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home() -> Home:
    return make_home()


@pytest.fixture
def phone(home: Home) -> Client:
    return phone_of(home)


# --- a medicine at home ---------------------------------------------------------------------------------------------


def authorise(home: Home, **changes: Any) -> None:
    body = {
        "agent": "dexamethasone",
        "medicine": "dexamethasone",
        "dose_mg": "20",
        "route": "oral",
        "trigger": "fever",
        "allergy_checked": True,
        "interaction_checked": True,
        "teach_back_passed": True,
        "valid_until": "2026-12-31",
        "pack_at_hand": True,
        "pack_expires_on": "2027-01-31",
    }
    fact = event("home_medicine_authorised", at=EVENING - timedelta(minutes=5), **(body | changes))
    record_event(home.course.pk, fact, by=home.world.actor("alice", "oncologist"), now=EVENING - timedelta(minutes=5))


def button(response: Any) -> dict[str, str]:
    """What the button "I have taken it" sends."""
    found = re.search(r'name="authorisation" value="([^"]*)"', text(response))
    return {"authorisation": found.group(1)} if found else {}


def test_after_a_fever_the_patient_is_told_to_take_to_call_and_to_come(phone: Client, home: Home):
    authorise(home)
    page = send(phone, home, temperature="101.1")
    assert "Take dexamethasone 20 mg now, as your team agreed with you. Then call. Then come in." in text(page)
    done = phone.post("/c/took", button(page))
    assert done.status_code == 200 and "Your team sees what you took and when" in text(done)
    assert phone.post("/c/took", button(page)).status_code == 200  # a second press writes nothing more
    with everything():
        (taken,) = home.course.events.filter(kind="medicine_given")
        assert (taken.payload["agent"], taken.payload["purpose"], taken.role) == ("dexamethasone", "home", "patient")
        assert Look.objects.filter(course=home.course, what="home_medicine_taken").exists()
    again = send(phone, home, temperature="101.3")
    assert "Take dexamethasone" not in text(again)


@pytest.mark.parametrize(
    ("authorised", "answers"),
    [
        (None, {"temperature": "101.1"}),
        ({"teach_back_passed": False}, {"temperature": "101.1"}),
        ({"valid_until": "2026-01-01"}, {"temperature": "101.1"}),
        ({}, {"temperature": "98.6"}),
        ({}, {"temperature": "101.1", "neuro_city": "wrong"}),
        ({}, {"temperature": "101.1", "symptoms": "chest_pain", "none_of_these": None}),
        ({}, {"temperature": "101.1", "medicine_pack_at_hand": "no"}),
    ],
    ids=["nothing authorised", "teach-back failed", "run out", "no fever", "confused", "911", "no pack"],
)
def test_without_every_condition_the_patient_is_told_of_no_medicine(phone, home, authorised, answers):
    if authorised is not None:
        authorise(home, **authorised)
    page = send(phone, home, **answers)
    assert page.status_code == 200
    assert "Take dexamethasone" not in text(page) and button(page) == {}


@pytest.mark.parametrize("ended", ["stopped", "corrected", "authorised anew"])
def test_what_was_taken_is_written_down_also_when_the_authorisation_has_changed_meanwhile(phone, home, ended):
    authorise(home)
    page = send(phone, home, temperature="101.1")
    doctor = home.world.actor("alice", "oncologist")
    if ended == "stopped":
        stop = event("home_medicine_stopped", at=EVENING, agent="dexamethasone", because="allergy")
        record_event(home.course.pk, stop, by=doctor, now=EVENING)
    elif ended == "corrected":
        with everything():
            former = home.course.events.get(kind="home_medicine_authorised")
        changed = {"dose_mg": "8", "supersedes": str(former.id), "reason": "another dose"}
        authorise(home, **changed)
    else:
        authorise(home, dose_mg="8")
    done = phone.post("/c/took", button(page))
    assert done.status_code == 200 and "Your team sees what you took and when" in text(done)
    with everything():
        (taken,) = home.course.events.filter(kind="medicine_given")
        assert taken.payload["dose_mg"] == "20", "what the phone had told"
        alert = Alert.objects.get(key__startswith="report:")
    client = Client()
    client.force_login(home.world.alice.on_call)
    said = text(client.get(reverse("page", args=[alert.pk])))
    assert "dexamethasone 20 mg, Mon 2 Mar 19:30 CST" in said, "beside what is authorised now, which was not taken"


def test_what_was_taken_after_a_mistaken_press_was_withdrawn_is_written_down(phone: Client, home: Home):
    authorise(home)
    page = send(phone, home, temperature="101.1")
    for _ in range(2):
        assert phone.post("/c/took", button(page)).status_code == 200
        with everything():
            taken = home.course.events.filter(kind="medicine_given").order_by("recorded_at").last()
        back = event("fact_withdrawn", at=EVENING, supersedes=str(taken.id), reason="not taken after all")
        record_event(home.course.pk, back, by=home.world.actor("alice"), now=EVENING)
    again = send(phone, home, temperature="101.3")
    assert "Take dexamethasone 20 mg now" in text(again), "nothing was taken, as far as anybody said"
    for _ in range(2):
        assert phone.post("/c/took", button(again)).status_code == 200
    with everything():
        assert home.course.events.filter(kind="medicine_given").count() == 3
    assert "Take dexamethasone" not in text(send(phone, home, temperature="101.4"))


@pytest.mark.parametrize(("place", "told"), [("hospital", False), ("ed", False), ("lodging", True)])
def test_who_is_in_a_hospital_is_told_of_no_medicine_at_home(phone: Client, home: Home, place: str, told: bool):
    authorise(home)
    there = event("home_status", at=EVENING - timedelta(minutes=1), location=place)
    record_event(home.course.pk, there, by=home.world.actor("alice"), now=EVENING)
    assert ("Take dexamethasone" in text(send(phone, home, temperature="101.1"))) is told


def test_an_older_check_tells_of_no_medicine_once_a_newer_one_has_come(phone, home, frozen):
    authorise(home)
    first = quiet_form(home, temperature="101.1")
    assert "Take dexamethasone" in text(phone.post("/c/", first))
    frozen.set(EVENING + timedelta(minutes=1))
    assert "Take dexamethasone" in text(phone.get(f"/c/sent/{first['id']}"))
    send(phone, home, temperature="98.6")
    assert "Take dexamethasone" not in text(phone.get(f"/c/sent/{first['id']}"))


def test_a_check_that_waited_for_a_signal_is_answered_by_no_call_before_it_came_in(
    phone: Client, home: Home, frozen: clock.FrozenClock
):
    """Somebody called about a fever, while "fainted" was still on the phone: it pages, and the patient reads what to do."""
    send(phone, home, temperature="101.1")
    frozen.set(EVENING + timedelta(minutes=5))
    by = home.world.actor("alice", "on_call")
    record_call(home.course.pk, Call(with_="patient", reached=True, outcome="coming_in"), event_id=uuid4(), by=by)
    frozen.set(EVENING + timedelta(minutes=20))
    body = quiet_json(home, temperature="98.6", symptoms=["fainted"], none_of_these=False, waited_seconds=17 * 60)
    answer = phone.post("/api/checkins", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201 and "Call 911 now." in answer.json()["instructions"]
    with everything():
        opened = home.course.alerts.filter(closed_at__isnull=True, key__startswith="report:RED-1:")
        assert opened.count() == 1


def test_a_press_for_something_else_writes_nothing_and_says_what_to_do(phone: Client, home: Home):
    for wrong in ({}, {"authorisation": "x"}, {"authorisation": str(uuid4())}):
        answer = phone.post("/c/took", wrong)
        assert answer.status_code == 409
        assert "Tell it to the person you call" in text(answer)
    assert Client().post("/c/took", {"authorisation": str(uuid4())}).status_code == 410
    with everything():
        assert not home.course.events.filter(kind="medicine_given").exists()


# --- the page after sending asks again ------------------------------------------------------------------------------------


def test_what_is_true_now_is_asked_without_changing_anything(phone: Client, home: Home):
    form = quiet_form(home, temperature="101.1")
    sent = phone.post("/c/", form)
    assert f'content="15; url=/c/sent/{form["id"]}"' in sent.content.decode()
    with everything():
        before = (Look.objects.count(), Event.objects.count())
    for _ in range(3):
        again = phone.get(f"/c/sent/{form['id']}")
        assert again.status_code == 200 and "is being called" in text(again)
        assert again.headers["Cache-Control"] == "no-store"
    with everything():
        assert (Look.objects.count(), Event.objects.count()) == before


def test_who_opens_the_link_while_nobody_has_answered_reads_that_first(phone: Client, home: Home):
    form = quiet_form(home, temperature="101.1")
    phone.post("/c/", form)
    page = text(phone.get("/c/"))
    first, rest = page.split('<form id="check"')
    assert (
        "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called." in first
        and 'name="temperature"' in rest
    )
    assert f'data-waits="yes" data-check="{form["id"]}" data-ask-again-after="15"' in first
    assert "data-saved" not in page, "a draft in this form is not over"
    with everything():
        alert = Alert.objects.get(closed_at__isnull=True)
    acknowledge(alert.pk, by=home.world.actor("alice", "on_call"))
    assert "Saved Monday, March 2, 7:30 PM CST" not in text(phone.get("/c/")), "somebody has it"


@pytest.mark.parametrize("urgency", ["soon", "today"])
def test_what_can_wait_does_not_stand_above_the_form(phone: Client, home: Home, urgency: str):
    phone.post("/c/", quiet_form(home, temperature="101.1"))
    with everything():
        Alert.objects.update(urgency=urgency)
    assert "Saved Monday, March 2, 7:30 PM CST" not in text(phone.get("/c/"))


def test_a_quiet_check_is_not_asked_about_again(phone: Client, home: Home):
    assert "http-equiv" not in phone.post("/c/", quiet_form(home)).content.decode()


def test_only_the_course_of_the_link_knows_its_checks(phone: Client, home: Home):
    form = quiet_form(home, temperature="101.1")
    phone.post("/c/", form)
    other = Client()
    other.get(f"/c/{make_home().token}")
    assert other.get(f"/c/sent/{form['id']}").status_code == 404
    assert phone.get(f"/c/sent/{uuid4()}").status_code == 404
    assert phone.post(f"/c/sent/{form['id']}").status_code == 405
    assert Client().get(f"/c/sent/{form['id']}").status_code == 410
