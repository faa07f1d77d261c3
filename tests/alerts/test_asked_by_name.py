"""Somebody is asked by name to take an alert over, and their first phone does not tell that it arrived."""

import pytest

from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.actions.holding import hand_over
from handrail.alerts.models import Page
from tests.support.factories import checkin
from tests.support.reaching import make_night, make_point

pytestmark = pytest.mark.django_db
WAIT = 60
"""Seconds that the shipped policy waits for a receipt."""


@pytest.fixture
def night(time, provider):
    """Somebody has the alert, and the second on call, who has two phones, is asked to take it over."""
    found = make_night(time, celsius="36.8")
    for number in ("+15550100177", "+15550100178"):
        make_point(found.second, "sms", number)
    told = checkin(at=time.now(), symptoms=["rash"], none_of_these=False)
    receive_checkin(found.world.course.pk, told, by=found.world.actor("alice"), now=time.now())
    found.watcher.look()
    acknowledge(found.alert.pk, by=person(found.on_call), now=time.now())
    asks(found, found.second)
    return found


def asks(night, whom) -> None:
    hand_over(night.alert.pk, whom, by=person(night.on_call), now=night.time.now())
    night.watcher.look()


def later(night, seconds: float) -> None:
    night.time.advance(seconds=seconds)
    night.watcher.look()


def texted(provider) -> list[str]:
    return [message.to[-3:] for message in provider.messages]


def test_the_next_phone_is_tried_as_for_any_other_page(night, provider):
    assert texted(provider) == ["177"]
    later(night, WAIT)
    assert texted(provider) == ["177", "178"]


def test_no_further_phone_once_that_person_has_it(night, provider):
    acknowledge(night.alert.pk, by=person(night.second), now=night.time.now())
    later(night, WAIT)
    assert texted(provider) == ["177"]


def test_no_further_phone_once_somebody_else_is_asked(night, provider):
    asks(night, night.world.alice.nurse)
    later(night, WAIT)
    assert texted(provider) == ["177"]


def test_asked_a_second_time_every_phone_is_tried_again(night, provider):
    later(night, WAIT)
    later(night, 1)
    asks(night, night.second)
    later(night, WAIT)
    assert texted(provider) == ["177", "178"] * 2


def test_a_step_of_the_ladder_tries_every_phone_whatever_was_tried_by_name(night, provider):
    """Not taken over, the ladder goes on with the very attempt that the question by name was counted with."""
    later(night, WAIT)
    for seconds in (9 * 60, 5 * 60, WAIT):
        later(night, seconds)
    asked = Page.objects.filter(channel="sms").order_by("created_at").values_list("who", "attempt", "point__address")
    assert [(who, attempt, number[-3:]) for who, attempt, number in asked] == [
        ("named_person", 1, "177"),
        ("named_person", 1, "178"),
        ("second_on_call", 1, "177"),
        ("second_on_call", 1, "178"),
    ]
