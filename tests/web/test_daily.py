"""The board and the course say who assesses today; a booking turns the day, and a missed one is closed by whom it concerns."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError
from handrail.actions.facts import record_event
from tests.support.factories import MONDAY_0900, World, dose, event

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
TUESDAY = GIVEN + timedelta(hours=26)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(GIVEN)) as frozen:
        world = World()
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
        frozen.set(TUESDAY)
        record(world, "note_added", text="so that it is judged anew")
        yield world


def record(world, kind: str, who: str = "nurse", **fields):
    return record_event(world.course.pk, event(kind, at=TUESDAY, **fields), by=world.actor("alice", who), now=TUESDAY)


def test_the_board_says_who_assesses_today_in_red_until_it_is_booked(world, client):
    client.force_login(world.alice.nurse)
    assert "Nurse, in person: NOT booked" in client.get("/").content.decode()
    ten = (TUESDAY + timedelta(hours=2)).isoformat()
    record(world, "visit_planned", on="2026-03-03", who_role="nurse", contact="in_person", starts_at=ten)
    text = client.get("/").content.decode()
    assert "Nurse, in person: booked" in text
    assert "NOT booked" not in text


def test_the_course_shows_every_day_with_the_missed_one_and_its_owner(world, client):
    client.force_login(world.alice.nurse)
    text = client.get(reverse("course", args=[world.course.pk])).content.decode()
    for words in (
        "Assessed every day",
        "MISSED",
        "APP or physician, in person",
        "The daily assessment was missed on Mon 2 Mar 2026",
        "director",
        "Book an assessment",
    ):
        assert words in text, words


def test_a_missed_one_is_closed_by_whom_it_concerns_with_a_reason(world, client):
    closing = {"what": "daily_assessment", "on": "2026-03-02", "because": "seen by the ward"}
    with pytest.raises(NotAllowedError):
        record(world, "incident_closed", **closing)
    client.force_login(world.alice.director)
    address = reverse("record", args=[world.course.pk, "incident"])
    typed = {"at": "2026-03-03T12:00", "on": "2026-03-02"}
    assert client.post(address, typed).status_code == 422
    assert client.post(address, {**typed, "because": "seen by the ward"}).status_code == 302
    text = client.get(reverse("course", args=[world.course.pk])).content.decode()
    assert "missed, closed" in text
    assert "The daily assessment was missed" not in text


def test_only_a_person_who_may_assess_says_that_it_took_place(world):
    director = person(world.alice.director)
    with pytest.raises(NotAllowedError):
        record_event(
            world.course.pk,
            event("visit_done", at=TUESDAY, on="2026-03-03", who_role="nurse", contact="in_person"),
            by=director,
            now=TUESDAY,
        )
