"""Repeating plans, holidays and swaps on their pages: what is typed makes them, what cannot be is said and kept."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.models import Holiday, Shift, ShiftPlan, Swap
from handrail.people.rota import who_is_on
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_member, make_shift

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
PLAN = {"step": "nurse", "days": ["0", "5"], "starts": "19:00", "ends": "07:00", "first_day": "2026-03-02"}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def director(client, world):
    client.force_login(world.alice.director)
    return client


def add(client, page: str, **typed):
    return client.post(reverse(page), typed, follow=True)


def test_a_plan_is_typed_listed_shown_with_its_clock_change_and_ended(director, world):
    text = add(director, "plans", **PLAN, user=str(world.alice.nurse.pk)).content.decode()
    assert "Alice Nurse is planned: 17 shifts so far." in text
    assert "Mon, Sat 19:00 to 07:00, from Mon 2 Mar 2026" in text
    assert "the clock goes forward in this shift: it lasts 11 h" in director.get("/rota/").content.decode()
    plan = ShiftPlan.objects.get()
    ended = director.post(reverse("end_plan", args=[plan.pk]), follow=True).content.decode()
    assert "17 shifts taken off" in ended
    assert not ShiftPlan.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"starts": "seven"}, "Type a time such as 19:00"),
        ({"days": []}, "please answer"),
        ({"last_day": "2026-03-01"}, "ends before it begins"),
        ({"every_weeks": "0"}, "every week"),
    ],
)
def test_what_makes_no_plan_is_said_and_kept(director, world, fields, words):
    answer = add(director, "plans", **{**PLAN, "user": str(world.alice.nurse.pk), **fields})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert 'value="07:00"' in answer.content.decode()
    assert not ShiftPlan.objects.exists()


def test_an_untrained_person_is_refused_with_the_sentence(director, world):
    with everything():
        untrained = make_member(world.alice.organisation, "nurse", "Synthetic Untrained", trained=False)
    text = add(director, "plans", **PLAN, user=str(untrained.pk)).content.decode()
    assert "Synthetic Untrained is not trained for this: the certificate on_call_ladder is missing." in text


def test_a_holiday_is_added_said_to_be_a_gap_and_removed(director, world):
    text = add(director, "holidays", on="2026-11-26", name="Thanksgiving").content.decode()
    assert "Thu 26 Nov 2026" in text
    assert "is a gap now" in text
    assert "holiday already" in add(director, "holidays", on="2026-11-26", name="Again").content.decode()
    director.post(reverse("remove_holiday", args=[Holiday.objects.get().pk]))
    assert not Holiday.objects.exists()


def test_a_swap_is_asked_by_one_and_accepted_by_the_other(client, world):
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation, step="nurse").delete()
        shift = make_shift(
            world.alice.organisation,
            "nurse",
            world.alice.nurse,
            starts_at=NOW + timedelta(hours=1),
            ends_at=NOW + timedelta(hours=9),
        )
        other = make_member(world.alice.organisation, "nurse", "Synthetic Other")
    client.force_login(world.alice.nurse)
    text = add(client, "swaps", shift=str(shift.pk), user=str(other.pk)).content.decode()
    assert "Synthetic Other is asked. Until they accept, nothing changes." in text
    assert "I take it" not in text
    client.force_login(other)
    assert "(1 for you)" in client.get("/rota/").content.decode()
    assert "I take it" in client.get(reverse("swaps")).content.decode()
    answer = client.post(reverse("answer_swap", args=[Swap.objects.get().pk]), {"answer": "accept"}, follow=True)
    assert "Yours now." in answer.content.decode()
    with everything():
        assert who_is_on(world.alice.id, "nurse", NOW + timedelta(hours=2)).user == other


def test_somebody_elses_shift_cannot_be_chosen(client, world):
    client.force_login(world.alice.nurse)
    shift = Shift.objects.get(organisation=world.alice.organisation, step="attending")
    answer = add(client, "swaps", shift=str(shift.pk), user=str(world.alice.director.pk))
    assert "choose one of the answers" in answer.content.decode()
    assert not Swap.objects.exists()
