""" "I have it": the first one wins, the second is told who, the clinical clock goes on."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections

from handrail.actions.actor import person, service, through_link
from handrail.actions.answering import acknowledge, close_alert
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin
from handrail.actions.links import issue_checkin_link
from handrail.alerts.models import Alert
from tests.support.factories import MONDAY_0900, World, checkin, make_member

NOW = MONDAY_0900 + timedelta(hours=5)


def fever(world: World) -> Alert:
    sent = checkin(at=NOW, temperature_c="38.9")
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=NOW)
    return Alert.objects.get(closed_at__isnull=True)


@pytest.fixture
def world():
    return World()


@pytest.mark.django_db
def test_the_first_wins_and_the_second_is_told_who(world):
    alert = fever(world)
    first = acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    second = acknowledge(alert.pk, by=world.actor("bob"), now=NOW + timedelta(minutes=1))
    again = acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=2))
    assert (first.mine, second.mine, again.mine) == (True, False, True)
    assert (second.who, second.at) == (world.alice.on_call, NOW)
    assert world.course.events.filter(kind="page_acknowledged").count() == 1


@pytest.mark.django_db
def test_paging_stops_and_the_alert_and_the_clinical_clock_go_on(world):
    alert = fever(world)
    before = world.course.__class__.objects.get().look_again_at
    acknowledge(alert.pk, by=world.actor("alice"), now=NOW)
    alert.refresh_from_db()
    assert (alert.next_page_at, alert.is_open) == (None, True)
    assert world.course.__class__.objects.get().look_again_at == before
    later = NOW + timedelta(minutes=1)
    told = receive_checkin(world.course.pk, checkin(at=later, temperature_c="39"), by=world.actor("alice"), now=later)
    assert told.truth == "Saved Monday, March 2, 2:01 PM CST. The team has it."


@pytest.mark.django_db
def test_who_may_say_it(world):
    alert = fever(world)
    with pytest.raises(NotVisibleError):
        acknowledge(alert.pk, by=world.actor("charlie"), now=NOW)
    with pytest.raises(NotVisibleError):
        acknowledge(uuid4(), by=world.actor("alice"), now=NOW)
    with pytest.raises(NotAllowedError):
        acknowledge(alert.pk, by=person(make_member(world.alice.organisation, "coordinator")), now=NOW)
    link = issue_checkin_link(world.course.pk, by=world.actor("alice"), now=NOW).link
    for nobody in (service("watcher"), through_link(link)):
        with pytest.raises(NotAllowedError):
            acknowledge(alert.pk, by=nobody, now=NOW)
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


@pytest.mark.django_db
def test_a_closed_alert_has_nothing_to_acknowledge(world):
    alert = fever(world)
    Alert.objects.update(closed_at=NOW, closed_because="the reason is over", next_page_at=None)
    with pytest.raises(RefusedError, match="closed"):
        acknowledge(alert.pk, by=world.actor("alice"), now=NOW)


@pytest.mark.django_db
def test_an_alert_of_the_rules_is_not_closed_by_hand(world):
    alert = fever(world)
    acknowledge(alert.pk, by=world.actor("alice"), now=NOW)
    with pytest.raises(RefusedError) as refused:
        close_alert(alert.pk, "enough", by=world.actor("alice"), now=NOW)
    assert refused.value.code == "not_by_hand"


def together(*verbs) -> list:
    """Run the verbs at the same moment, each on a connection of its own, and return what they returned or raised."""
    barrier, results = threading.Barrier(len(verbs)), [None] * len(verbs)

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = verbs[place]()
        except Exception as error:  # noqa: BLE001
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(verbs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_one_wins(world):
    alert = fever(world)
    people = [world.alice.nurse, world.alice.on_call, world.bob.nurse, world.bob.on_call]
    results = together(*[lambda who=who: acknowledge(alert.pk, by=person(who), now=NOW) for who in people])
    assert [type(result).__name__ for result in results] == ["Acknowledged"] * 4, results
    assert sum(result.mine for result in results) == 1
    assert len({result.who for result in results}) == 1
    assert world.course.events.filter(kind="page_acknowledged").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_check_in_sent_four_times_at_once_is_one_event(world):
    course, sent = world.course, checkin(at=NOW, temperature_c="38.9")
    by = world.actor("alice")
    results = together(*[lambda: receive_checkin(course.pk, sent, by=by, now=NOW)] * 4)
    assert sorted(result.again for result in results) == [False, True, True, True], results
    assert course.events.filter(kind="checkin_received").count() == 1
    assert course.alerts.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_facts_at_once_are_all_kept_and_open_one_alert(world):
    course, by = world.course, world.actor("alice")
    results = together(
        *[
            lambda n=n: receive_checkin(course.pk, checkin(at=NOW, temperature_c=f"39.{n}"), by=by, now=NOW)
            for n in range(6)
        ]
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    assert course.events.filter(kind="checkin_received").count() == 6
    assert course.alerts.filter(closed_at__isnull=True).count() == 1
