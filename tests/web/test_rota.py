"""The rota: who answers, where nobody does, and who may change it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.rota import put_on_rota, take_off_rota
from handrail.people.models import Shift
from handrail.people.rota import who_is_on
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_member, make_shift

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=3)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def director(client, world):
    client.force_login(world.alice.director)
    return client


def add(client, world, **fields):
    typed = {
        "step": "first_on_call",
        "user": str(world.alice.nurse.pk),
        "starts_at": "2026-03-02T12:00",
        "ends_at": "2026-03-03T07:00",
        **fields,
    }
    return client.post(reverse("add_shift"), typed, follow=True)


def on(world, step: str = "first_on_call"):
    with everything():
        return who_is_on(world.alice.id, step, NOW).user


def test_somebody_is_put_on_instead_and_answers(director, world):
    text = add(director, world, instead="yes").content.decode()
    assert "Alice Nurse is on the rota." in text
    assert "instead of the plan" in text
    assert on(world) == world.alice.nurse


def test_taking_off_ends_the_shift_now(director, world):
    with everything():
        shift = Shift.objects.get(organisation=world.alice.organisation, step="first_on_call")
    director.post(reverse("end_shift", args=[shift.pk]))
    assert on(world) is None
    assert "Nobody is first on call from Mon 2 Mar 2026 12:00 CST" in director.get("/rota/").content.decode()


def test_a_shift_that_has_not_begun_is_removed(world):
    with everything():
        later = make_shift(world.alice.organisation, "nurse", world.alice.nurse, starts_at=NOW + timedelta(hours=1))
    take_off_rota(later.pk, by=person(world.alice.director))
    with everything():
        assert not Shift.objects.filter(pk=later.pk).exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ends_at": "2026-03-02T11:00"}, "ends before it begins"),
        ({"starts_at": "2026-03-01T08:00", "ends_at": "2026-03-01T20:00"}, "already over"),
        ({"user": "nobody"}, "choose one of the answers"),
        ({"step": "janitor"}, "choose one of the answers"),
        ({"starts_at": ""}, "please answer"),
    ],
)
def test_what_makes_no_shift_is_said_and_kept(director, world, fields, words):
    before = Shift.objects.count()
    answer = add(director, world, **fields)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert 'value="2026-03-' in answer.content.decode()
    assert Shift.objects.count() == before


def test_a_hole_in_two_weeks_is_said_and_a_full_rota_is_quiet(director, world):
    assert "The rota has holes" not in director.get("/rota/").content.decode()
    with everything():
        Shift.objects.filter(step="second_on_call").update(ends_at=NOW + timedelta(days=5))
    assert "Nobody is second on call from Sat 7 Mar 2026 12:00 CST" in director.get("/rota/").content.decode()


def test_only_those_who_may_change_it(client, world):
    client.force_login(world.alice.nurse)
    assert "Put somebody on" not in client.get("/rota/").content.decode()
    assert add(client, world).status_code == 403


def test_only_somebody_who_may_answer_a_page_is_put_on(director, world):
    viewer = make_member(world.alice.organisation, "viewer", "Alice Viewer")
    assert str(viewer.pk) not in director.get("/rota/").content.decode()
    times = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=8), "step": "first_on_call"}
    with pytest.raises(RefusedError, match="may not answer pages"):
        put_on_rota(world.alice.id, user_id=viewer.pk, by=person(world.alice.director), **times)


def test_a_shift_of_somebody_who_left_is_a_hole(director, world):
    with everything():
        world.alice.on_call.memberships.update(valid_until=NOW)
    assert "Nobody is first on call from Mon 2 Mar 2026 12:00 CST" in director.get("/rota/").content.decode()


def test_the_verb_refuses_strangers_and_people_from_elsewhere(world):
    times = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=8), "step": "nurse"}
    with pytest.raises(NotVisibleError):
        put_on_rota(world.alice.id, user_id=world.alice.nurse.pk, by=person(world.bob.director), **times)
    with pytest.raises(NotAllowedError):
        put_on_rota(world.alice.id, user_id=world.alice.nurse.pk, by=person(world.alice.nurse), **times)
    with pytest.raises(RefusedError, match="does not belong here"):
        put_on_rota(world.alice.id, user_id=world.bob.nurse.pk, by=person(world.alice.director), **times)
