"""The page of a course: is this patient safe, and what is next?"""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import correct_event, record_event
from handrail.people.models import Shift
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.coursefile import read_course
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_member

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=26)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        tell(world, dose("step_up_1", mg="4.8", at=GIVEN))
        tell(world, checkin(at=GIVEN + timedelta(hours=6)))
        yield world


def tell(world, fact, *, who: str = "oncologist", now=None):
    at = now or clock.FrozenClock(NOW).now()
    return record_event(world.course.pk, fact, by=world.actor("alice", who), now=at).event


def page(client, world, who: str = "nurse", **query) -> str:
    client.force_login(getattr(world.alice, who))
    answer = client.get(reverse("course", args=[world.course.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_banner_names_who_answers_and_since_when(world, client):
    text = page(client, world)
    for words in ("Synthia Example", "Alice On-Call is on call", "26 h", "after step-up dose 1", "Wed 4 Mar 10:00 CST"):
        assert words in text
    assert "synthetic" in text


def test_nobody_on_call_is_said(world, client):
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation).delete()
    assert "NOBODY on call" in page(client, world)


def test_not_known_looks_different_from_fine(world, client):
    text = page(client, world)
    assert '<span class="unknown">not known</span>' in text


def test_a_fever_holds_the_next_dose_and_says_why_with_its_source(world, client):
    tell(world, checkin(at=NOW - timedelta(minutes=5), temperature_c="38.4"))
    text = page(client, world)
    assert "Hold: step-up dose 2" in text
    assert "fever 38.4 °C at Tue 3 Mar 2026 11:55 CST" in text
    assert "fever in the window" in text
    assert "I have it" in text
    assert "38.4 °C (101.1 °F)" in text


def test_the_page_does_not_wait_for_the_watcher(world, client):
    """Time alone has changed the answer and nobody has looked: the page judges the course itself."""
    later = NOW + timedelta(days=20)
    with clock.use(clock.FrozenClock(later)), everything():
        stored = Course.objects.get(pk=world.course.pk).assessment["next_dose"]["action"]
        assert stored == "wait"
        assert "Wait" not in page(client, world).split('id="next"')[1][:400]


def test_an_answer_that_cannot_be_given_is_said_and_nothing_is_hidden(world, client):
    with everything():
        Course.objects.filter(pk=world.course.pk).update(protocol_key="teclistamab/US/1999-01/mono")
    text = page(client, world)
    assert "Handrail cannot judge this course" in text
    assert "ask the prescriber" in text
    assert "dose given: step-up dose 1" in text


def test_events_as_they_were_known(world, client):
    early = tell(world, event("weight_measured", at=GIVEN, weight_kg="80.0"), now=GIVEN)
    changed = event("weight_measured", at=GIVEN, weight_kg="90.5")
    correct_event(world.course.pk, early.id, changed, reason="mistyped", by=world.actor("alice"), now=NOW)
    now = page(client, world)
    then = page(client, world, as_of="2026-03-02T20:00")
    assert "weight: 90.5 kg" in now
    assert '<tr role="row" class="struck">' in now
    assert "weight: 90.5 kg" not in then.split('id="events"')[1]
    assert "weight: 80.0 kg" in then.split('id="events"')[1]
    assert "Handrail would have said then" in then


def test_t63_the_page_says_how_long_tocilizumab_took_or_what_is_missing(world, client):
    title = "Emergency department: arrival to tocilizumab"
    assert title not in page(client, world)
    at = NOW - timedelta(hours=4)
    tell(world, event("contact_made", at=at, reached=True, outcome="sent_to_ed", **{"with": "patient"}))
    assert "the arrival in the emergency department is not recorded" in page(client, world)
    tell(world, event("home_status", at=at + timedelta(minutes=50), location="ed"))
    text = page(client, world).split(title)[1][:800]
    assert "not known" in text and "no word that none was given" in text and "sent by phone: Tue 3 Mar 08:00" in text
    given = event(
        "medicine_given", at=at + timedelta(minutes=115), agent="tocilizumab", dose_mg="560", purpose="treatment"
    )
    tell(world, given)
    text = page(client, world).split(title)[1][:800]
    assert "<strong>1 h 05 min</strong>" in text and "tocilizumab: Tue 3 Mar 09:55" in text


def test_a_time_that_is_none_is_asked_again(world, client):
    for typed in ("yesterday", "0001-01-01T00:00", "9999-12-31T23:59"):
        assert "Type a date and time" in page(client, world, as_of=typed)


def test_the_course_file_replays_and_holds_no_identity(world, client):
    client.force_login(world.alice.oncologist)
    answer = client.get(reverse("course_file", args=[world.course.pk]))
    assert "attachment" in answer["Content-Disposition"]
    text = answer.content.decode()
    assert {"course_started", "dose_given", "checkin_received"} <= {event.kind for event in read_course(text).events}
    assert json.loads(text)["synthetic"] is True
    for secret in ("Synthia", "Example", "010-0123"):
        assert secret not in text


def test_the_link_is_shown_once_and_opens_the_check_in(world, client):
    client.force_login(world.alice.nurse)
    answer = client.post(reverse("make_link", args=[world.course.pk]), {"holder": "caregiver"})
    text = answer.content.decode()
    address = text.split('value="http://testserver')[1].split('"')[0]
    assert "Check-in link for the caregiver" in text
    client.logout()
    assert client.get(address).status_code == 302
    assert address.rsplit("/", 1)[1] not in page(client, world)


def test_a_link_in_force_is_listed_and_ended_and_opens_nothing_then(world, client):
    client.force_login(world.alice.nurse)
    made = client.post(reverse("make_link", args=[world.course.pk]), {"holder": "caregiver"}).content.decode()
    address = made.split('value="http://testserver')[1].split('"')[0]
    phone = Client()
    assert phone.get(address, follow=True).status_code == 200
    text = page(client, world)
    assert "1 link in force" in text
    assert "opened last" in text
    link = world.course.links.get()
    ended = client.post(reverse("end_link", args=[world.course.pk, link.pk]), follow=True).content.decode()
    assert "link is ended. Make a new one" in ended
    assert "in force" not in ended
    unknown = reverse("checkin_link", args=["x" * 43])
    assert Client().get(address, follow=True).status_code == Client().get(unknown, follow=True).status_code == 410
    assert phone.get(reverse("checkin"), follow=True).status_code != 200


def test_a_role_that_may_not_end_a_link_is_shown_none(world, client):
    client.force_login(world.alice.nurse)
    client.post(reverse("make_link", args=[world.course.pk]), {"holder": "patient"})
    assert "1 link in force" in page(client, world)
    client.force_login(make_member(world.alice.organisation, "pharmacist"))
    assert "in force" not in client.get(reverse("course", args=[world.course.pk])).content.decode()
    assert client.post(reverse("end_link", args=[world.course.pk, world.course.links.get().pk])).status_code == 403


def test_a_holder_who_is_neither_is_refused(world, client):
    client.force_login(world.alice.nurse)
    answer = client.post(reverse("make_link", args=[world.course.pk]), {"holder": "neighbour"}, follow=True)
    assert "for the patient or a caregiver" in answer.content.decode()


def test_the_helper_sees_whose_course_it_is_and_answers_for(world, client):
    client.force_login(world.bob.nurse)
    text = client.get(reverse("course", args=[world.course.pk])).content.decode()
    assert world.alice.organisation.name in text


def test_what_is_offered_is_what_the_role_may(world, client):
    nurse, director = page(client, world), page(client, world, "director")
    assert "record/dose/" in nurse
    assert "record/hold/" not in nurse
    assert "record/dose/" not in director


def test_an_ended_course_says_so_and_makes_no_link(world, client):
    tell(world, event("course_ended", at=NOW, because="moved away", died=False))
    text = page(client, world)
    assert "This course ended" in text
    assert "check-in link" not in text
