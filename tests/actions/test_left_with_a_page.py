"""Whoever said "I have it" leaves, or may not answer any more: somebody else is called, and the patient does not read that the team has it."""

from datetime import timedelta

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.actions.holding import hand_over, put_off
from handrail.actions.people import end_role, give_role
from handrail.actions.truth import truth_about
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import Membership, User
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, checkin, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=5)


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    return World()


@pytest.fixture
def alert(world):
    """A rash that is not well, and somebody has it who is not on the rota."""
    told = checkin(at=NOW, symptoms=["rash"], none_of_these=False)
    receive_checkin(world.course.pk, told, by=world.actor("alice"), now=NOW)
    Watcher().look()
    return Alert.objects.get(closed_at=None)


def has_it(alert: Alert, user: User) -> User:
    acknowledge(alert.pk, by=person(user), now=clock.now())
    return user


def leaves(world: World, user: User) -> None:
    for row in Membership.objects.filter(user=user):
        end_role(row.pk, by=world.actor("alice", "director"), now=clock.now())


def acknowledged(alert: Alert, user: User) -> bool:
    return Alert.objects.filter(pk=alert.pk, acknowledged_by=user).exists()


def look(time, minutes: float = 0) -> None:
    time.advance(minutes=minutes)
    Watcher().look()


def paged(alert: Alert) -> list[tuple[str, float]]:
    pages = Page.objects.filter(alert=alert, channel="on_screen").order_by("created_at", "attempt")
    return [(page.who, (page.created_at - NOW).total_seconds() / 60) for page in pages]


def test_the_pages_go_on_as_soon_as_they_leave(world, alert, time):
    nurse = has_it(alert, make_member(world.alice.organisation, "nurse"))
    look(time, 20)
    leaves(world, nurse)
    look(time)
    assert paged(alert) == [("first_on_call", 0), ("second_on_call", 20)]
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at) == (None, None)
    course = Course.objects.get(pk=world.course.pk)
    assert "is being called" in truth_about(course, clock.now(), saved_at=NOW)
    assert course.events.get(kind="page_resumed").payload["because"] == "left"


def test_also_when_it_was_put_off_and_at_once(world, alert, time):
    nurse = make_member(world.alice.organisation, "nurse")
    put_off(alert.pk, 30, by=person(nurse), now=NOW)
    leaves(world, nurse)
    look(time, 15)
    assert paged(alert) == [("first_on_call", 0), ("second_on_call", 15)]


def test_asked_to_take_it_over_one_still_can(world, alert, time):
    nurse, other = (make_member(world.alice.organisation, "nurse") for _ in range(2))
    has_it(alert, nurse)
    hand_over(alert.pk, other, by=person(nurse), now=NOW)
    look(time, 1)
    leaves(world, nurse)
    look(time)
    assert acknowledge(alert.pk, by=person(other), now=clock.now()).mine
    look(time, 10)
    alert.refresh_from_db()
    assert alert.acknowledged_by == other


def test_a_role_that_ends_at_a_time_set_before_is_noticed_then(world, alert, time):
    nurse = make_member(world.alice.organisation, "nurse", valid_until=NOW + timedelta(minutes=20))
    has_it(alert, nurse)
    look(time, 19.9)
    assert len(paged(alert)) == 1
    look(time, 0.1)
    assert paged(alert)[1:] == [("second_on_call", 20)]


def test_the_course_is_looked_at_when_a_role_or_a_lent_access_ends(world, alert, time):
    helper = has_it(alert, world.bob.nurse)
    Course.objects.get(pk=world.course.pk).accesses.update(valid_until=NOW + timedelta(minutes=20))
    look(time, 1)
    Course.objects.update(look_again_at=clock.now())
    look(time, 0)
    assert Course.objects.get(pk=world.course.pk).look_again_at <= NOW + timedelta(minutes=20)
    look(time, 19)
    assert paged(alert)[1:] == [("second_on_call", 20)]
    assert not acknowledged(alert, helper)


def test_whoever_keeps_a_role_that_answers_keeps_it(world, alert, time):
    nurse = has_it(alert, make_member(world.alice.organisation, "nurse"))
    give_role(world.alice.id, nurse.pk, role="on_call", by=world.actor("alice", "director"), now=NOW)
    end_role(Membership.objects.get(user=nurse, role="nurse").pk, by=world.actor("alice", "director"), now=NOW)
    look(time, 20)
    assert acknowledged(alert, nurse)
    assert len(paged(alert)) == 1


def test_somebody_switched_off_has_it_no_more_at_the_next_look(world, alert, time):
    nurse = has_it(alert, make_member(world.alice.organisation, "nurse"))
    User.objects.filter(pk=nurse.pk).update(is_active=False)
    Course.objects.update(look_again_at=clock.now())
    look(time, 15)
    assert paged(alert)[1:] == [("second_on_call", 15)]
