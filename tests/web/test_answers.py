"""The page of an alert after "I have it": the call, putting off, handing over; and in the morning what was handed back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.models import Shift
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, checkin

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=13)
"""22:00 by the clock of the site."""
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def time(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    return World()


@pytest.fixture
def on_call(client, world):
    client.force_login(world.alice.on_call)
    return client


def reported(world: World, time: clock.FrozenClock, **fields) -> Alert:
    receive_checkin(world.course.pk, checkin(at=NOW, **fields), by=world.actor("alice"), now=NOW)
    time.set(LATER)
    with everything():
        return Alert.objects.get(closed_at__isnull=True)


def fresh(alert: Alert) -> Alert:
    with everything():
        return Alert.objects.select_related("acknowledged_by", "handed_to").get(pk=alert.pk)


def kinds(world: World) -> list[str]:
    with everything():
        wanted = ("contact_made", "departure_signed", "handed_back")
        return sorted(world.course.events.filter(kind__in=wanted).values_list("kind", flat=True))


def page(client, alert: Alert) -> str:
    return client.get(reverse("page", args=[alert.pk])).content.decode()


def test_the_page_says_what_to_do_and_asks_for_the_call(on_call, world, time):
    alert = reported(world, time, temperature_c="38.4")
    text = page(on_call, alert)
    for words in (
        "Call within 15 minutes; infection first.",
        "What the call decided",
        "Stays at home",
        "Why at home",
    ):
        assert words in text, words
    assert "Put off" not in text, "a RED page is never put off"


def test_after_an_emergency_sign_staying_at_home_is_no_choice(on_call, world, time):
    alert = reported(world, time, symptoms=["fainted"])
    text = page(on_call, alert)
    assert "Comes in" in text and "Stays at home" not in text and "Why at home" not in text
    sent = {"id": str(uuid4()), "with": "patient", "reached": "yes", "outcome": "staying_home", "reason": "wishes so"}
    answer = on_call.post(reverse("call_page", args=[alert.pk]), sent)
    assert answer.status_code == 422 and "Nobody stays at home after red-1" in answer.content.decode()
    assert kinds(world) == []


def test_a_call_that_decides_is_written_down_and_ends_the_page(on_call, world, time):
    alert = reported(world, time, temperature_c="38.4")
    sent = {"id": str(uuid4()), "with": "patient", "reached": "yes", "outcome": "coming_in"}
    for _ in range(2):  # sent twice: one call
        assert on_call.post(reverse("call_page", args=[alert.pk]), sent).status_code == 302
    assert kinds(world) == ["contact_made"]
    assert fresh(alert).closed_at is not None
    text = page(on_call, alert)
    assert "Not all clear, still to do:" in text and "see the patient who comes in, and assess" in text
    assert '<section class="care soon" aria-labelledby="what">' in text


def test_against_the_policy_it_takes_a_reason_and_what_was_typed_is_kept(on_call, world, time):
    alert = reported(world, time, temperature_c="38.4")
    sent = {"id": str(uuid4()), "with": "caregiver", "reached": "yes", "outcome": "staying_home"}
    answer = on_call.post(reverse("call_page", args=[alert.pk]), sent)
    text = answer.content.decode()
    assert answer.status_code == 422 and "Staying at home is not what the policy allows" in text
    assert "Nothing is saved yet. What you typed is still here." in text, "far up the page nothing else would say so"
    assert "Nothing is saved yet." not in on_call.get(reverse("page", args=[alert.pk])).content.decode()
    assert 'value="caregiver" checked' in text and sent["id"] in text and kinds(world) == []
    assert on_call.post(reverse("call_page", args=[alert.pk]), sent | {"reason": "seen by video"}).status_code == 302
    assert kinds(world) == ["contact_made", "departure_signed"]


@pytest.mark.parametrize("missing", ["with", "reached"])
def test_half_a_call_is_asked_again(on_call, world, time, missing):
    alert = reported(world, time, temperature_c="38.4")
    sent = {"with": "patient", "reached": "yes", "outcome": "coming_in"}
    answer = on_call.post(reverse("call_page", args=[alert.pk]), {k: v for k, v in sent.items() if k != missing})
    assert answer.status_code == 422 and "please answer" in answer.content.decode()
    assert kinds(world) == []


def test_nobody_reached_and_the_pages_go_on(on_call, world, time):
    alert = reported(world, time, temperature_c="38.4")
    acknowledge(alert.pk, by=world.actor("alice", "on_call"))
    sent = {"id": str(uuid4()), "with": "patient", "reached": "no"}
    answer = on_call.post(reverse("call_page", args=[alert.pk]), sent, follow=True)
    assert "Nobody was reached: the pages go on." in answer.content.decode()
    assert fresh(alert).acknowledged_by is None


def test_an_amber_page_is_put_off_and_says_until_when(on_call, world, time):
    alert = reported(world, time, symptoms=["rash"])
    assert "30 at most" in page(on_call, alert)
    answer = on_call.post(reverse("put_off_page", args=[alert.pk]), {"minutes": "20"}, follow=True)
    assert "You have it, put off until" in answer.content.decode() and "22:25" in page(on_call, alert)
    for wrong in ("31", "0", "-3", "soon", ""):
        on_call.post(reverse("put_off_page", args=[alert.pk]), {"minutes": wrong})
        assert fresh(alert).resume_at == LATER + timedelta(minutes=20)


def test_a_page_is_handed_to_a_named_person_who_takes_it_over(on_call, world, time, client):
    alert = reported(world, time, temperature_c="38.4")
    assert "Who takes it over" not in page(on_call, alert), "it is nobody's yet"
    acknowledge(alert.pk, by=world.actor("alice", "on_call"))
    text = page(on_call, alert)
    assert world.alice.nurse.name in text and world.charlie.nurse.name not in text
    answer = on_call.post(reverse("hand_over_page", args=[alert.pk]), {"to": str(world.charlie.nurse.pk)}, follow=True)
    assert "Choose who takes it over." in answer.content.decode() and fresh(alert).handed_to is None
    on_call.post(reverse("hand_over_page", args=[alert.pk]), {"to": str(world.alice.nurse.pk)})
    assert "is asked to take this over" in page(on_call, alert)
    client.force_login(world.alice.nurse)
    assert "You are asked to take this over." in page(client, alert)
    client.post(reverse("have_page", args=[alert.pk]))
    assert (fresh(alert).acknowledged_by, fresh(alert).handed_to) == (world.alice.nurse, None)


def test_what_was_to_leave_and_has_not_is_said_to_be_not_sent(on_call, world, time):
    Shift.objects.all().delete()
    alert = reported(world, time, temperature_c="38.4")
    with everything():
        Watcher().look()
    text = page(on_call, alert)
    assert "The patient is told to wait no longer" in text
    for words in ("Word to the patient", "Word to the caregiver", "Packet for the emergency department"):
        assert words in text, words


def test_the_call_of_the_night_stands_on_board_and_course_until_it_is_handed_back(on_call, world, time):
    alert = reported(world, time, temperature_c="38.4")
    sent = {"id": str(uuid4()), "with": "patient", "reached": "yes", "outcome": "coming_in"}
    on_call.post(reverse("call_page", args=[alert.pk]), sent)
    assert "1 call of the night not handed back" in on_call.get(reverse("board")).content.decode()
    time.set(NOW + timedelta(hours=13))
    course = on_call.get(reverse("course", args=[world.course.pk])).content.decode()
    assert "Calls of the night to hand back (1)" in course and "not handed back" in course
    address = reverse("hand_back", args=[world.course.pk, sent["id"]])
    assert "Write what was handed back." in on_call.post(address, {"what": " "}, follow=True).content.decode()
    other = reverse("hand_back", args=[world.course.pk, uuid4()])
    assert "This course has no such call." in on_call.post(other, {"what": "told"}, follow=True).content.decode()
    on_call.post(address, {"what": "fever, came in, grade 1"})
    assert kinds(world) == ["contact_made", "handed_back"]
    assert "of the night" not in on_call.get(reverse("board")).content.decode()
