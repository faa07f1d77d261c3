"""The page of the teach-back: one tap for each item, patient and caregiver apart, and in words what is still open."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.teach_back import evidence_of
from handrail.people.models import Role
from handrail.records.models import Event, Look
from handrail.web.teaching.views_teach_back import NOTHING
from tests.support.factories import MONDAY_0900, World, dose, make_member
from tests.support.training import ALWAYS

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=1)
AT = "2026-03-02T10:00"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        world.address = reverse("teach_back", args=[world.course.pk])
        yield world


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def typed(who="patient", **said):
    items = {f"item_{item}": said.pop(item, "passed") for item in ALWAYS}
    return {"who": who, "own_language": "yes", "at": AT, **items, **said}


def kept(world) -> list[dict]:
    return [row.payload for row in Event.objects.filter(kind="teach_back_done").order_by("recorded_at", "id")]


def test_nothing_is_recorded_and_both_are_open(nurse, world):
    page = nurse.get(world.address).content.decode()
    assert "Asked now: before the first dose." in page
    assert page.count("0 of 11 passed") == 2
    assert page.count('<span class="mark today">Still to do</span>') == 2
    assert "From which number on do you call us?" in page
    assert Look.objects.filter(what="teach-back").exists()
    assert f'href="{world.address}"' in nurse.get(reverse("course", args=[world.course.pk])).content.decode()


def test_each_of_the_two_is_taught_and_saved_apart(nurse, world):
    page = nurse.post(world.address, typed("caregiver"), follow=True).content.decode()
    assert ">Caregiver: 11 of 11 passed<" in page
    assert ">Patient: 0 of 11 passed<" in page
    assert [(each["who"], each["own_language"], set(each["items"])) for each in kept(world)] == [
        ("caregiver", True, set(ALWAYS))
    ]
    assert [evidence_of(world.course, line, NOW).met for line in (10, 12)] == [True, None]


def test_what_is_to_be_repeated_is_named_until_it_is_said(nurse, world):
    page = nurse.post(world.address, typed(card="repeat"), follow=True).content.decode()
    assert '<span class="mark now">Repeat</span><div>Has the card with its code at hand' in page
    assert '<span class="mark now">To repeat</span> Has the card with its code at hand</p>' in page
    assert ">Patient: 10 of 11 passed<" in page
    again = {"who": "patient", "own_language": "yes", "at": "2026-03-02T10:00", "item_card": "passed"}
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=20))):
        page = nurse.post(world.address, {**again, "at": "2026-03-02T10:20"}, follow=True).content.decode()
    assert ">Patient: 11 of 11 passed<" in page
    assert "repeated 1 time" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"own_language": ""}, "please answer"),
        ({"item_card": "perhaps"}, "choose one of the answers"),
        ({f"item_{item}": "" for item in ALWAYS}, NOTHING),
        ({"at": "soon"}, "type a date and time"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_tapped_is_kept(nurse, world, change, words):
    answer = nurse.post(world.address, typed("caregiver", **change))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert "Teach the caregiver" in page
    if len(change) == 1 and "item_card" not in change:
        assert 'name="item_card" value="passed" checked' in page
    assert kept(world) == []


def test_not_in_their_own_language_passes_nothing(nurse, world):
    nurse.post(world.address, typed(own_language="no"))
    assert evidence_of(world.course, 12, NOW).met is False
    nurse.post(world.address, typed(own_language="not_known", at="2026-03-02T10:01"))
    assert evidence_of(world.course, 12, NOW + timedelta(hours=1)).met is None


def test_sent_twice_it_is_one_teach_back(nurse, world):
    batch = "3f8f4d0e-6d8f-4d1a-9a53-5f6f0f8f1a01"
    for _ in range(2):
        nurse.post(world.address, typed(batch=batch))
    assert len(kept(world)) == 1


def test_after_the_first_dose_everything_is_asked_again_and_said_so(nurse, world):
    nurse.post(world.address, typed())
    given = NOW + timedelta(hours=2)
    record_event(world.course.pk, dose("step_up_1", mg="4.8", at=given), by=world.actor("alice"), now=given)
    with clock.use(clock.FrozenClock(given + timedelta(minutes=5))):
        page = nurse.get(world.address).content.decode()
    assert "after the first dose on Mon 2 Mar 2026, before the next" in page
    assert ">Patient: 0 of 11 passed<" in page
    assert page.count("passed before, asked again now") == 11


def test_a_viewer_sees_where_they_stand_and_is_given_no_form(client, world):
    client.force_login(make_member(world.alice.organisation, Role.VIEWER))
    page = client.get(world.address).content.decode()
    assert "0 of 11 passed" in page
    assert "Save for the" not in page
    assert client.post(world.address, typed()).status_code == 403


def test_a_stranger_learns_nothing(client, world):
    client.force_login(world.charlie.nurse)
    assert client.get(world.address).status_code == 404
    assert client.post(world.address, typed()).status_code == 404
