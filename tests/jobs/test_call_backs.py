"""An ask for a call back pages by itself, whoever is asleep, and a broken promise pages beside it until somebody has called."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.call_backs import Wish, ask_for_call_back, record_call_back
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, fill_ladder

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    """Somebody on each step of the ladder, and an ask."""
    world = World()
    fill_ladder(world.alice.organisation)
    done = ask_for_call_back(
        world.course.pk,
        Wish(who="hospitalist", number="555 010 0142"),
        event_id=uuid4(),
        by=world.actor("alice"),
        now=NOW,
    )
    world.ask = done.event.payload["ask"]
    return world


def calls(about: str = "") -> list[str]:
    """Whom the pages about the ask called, in order. `about`: what follows the ask in the key."""
    pages = Page.objects.filter(alert__key__startswith="call_back:").exclude(channel="email").select_related("alert")
    found = pages.order_by("created_at", "attempt")
    return [each.who for each in found if ":".join(each.alert.key.split(":")[2:]) == about]


def test_within_the_promise_everybody_of_the_first_steps_is_called(world, time):
    watcher = Watcher()
    for minutes, called in ((0, 1), (3, 2), (5, 3), (8, 4)):
        time.set(NOW + minutes * MINUTE)
        watcher.look()
        assert calls() == ["first_on_call", "first_on_call", "second_on_call", "attending"][:called]
        assert calls("late") == []


def test_a_broken_promise_pages_although_somebody_has_it_and_again_until_the_call_is_written_down(world, time):
    watcher = Watcher()
    watcher.look()
    first = Alert.objects.get(key__startswith="call_back:")
    acknowledge(first.pk, by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    time.set(NOW + 10 * MINUTE - timedelta(microseconds=1))
    watcher.look()
    assert (calls(), calls("late")) == (["first_on_call"], [])
    time.set(NOW + 10 * MINUTE)
    watcher.look()
    assert calls("late") == ["attending"]
    time.set(NOW + 15 * MINUTE)
    watcher.look()
    assert calls("late") == ["attending", "second_on_call"]
    time.set(NOW + 40 * MINUTE)
    watcher.look()
    assert calls("late:1") == ["attending"]
    assert Course.objects.get().look_again_at == NOW + 70 * MINUTE
    record_call_back(
        world.course.pk,
        world.ask,
        reached=True,
        called_at=NOW + 41 * MINUTE,
        event_id=uuid4(),
        by=world.actor("alice", "on_call"),
        now=NOW + 41 * MINUTE,
    )
    assert not Alert.objects.filter(key__startswith="call_back:", closed_at__isnull=True).exists()
    before = Page.objects.count()
    time.set(NOW + 120 * MINUTE)
    watcher.look()
    assert Page.objects.count() == before


def test_no_page_about_a_call_back_tells_a_patient_to_go_anywhere(world, time):
    watcher = Watcher()
    for minutes in range(0, 70, 5):
        time.set(NOW + minutes * MINUTE)
        watcher.look()
    assert "patient_to_ed" not in calls() + calls("late") + calls("late:1")
    assert not Page.objects.filter(channel="patient_screen").exists()
