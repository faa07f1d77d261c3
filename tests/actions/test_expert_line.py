"""Dummy calls of the line of a site: written down by whoever dialled, an incident when they did not pass; and what is measured."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail.actions.actor import person
from handrail.actions.answering import close_alert
from handrail.actions.call_backs import Wish, ask_for_call_back, record_call_back
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.expert_line import Tried, measured, record_dummy_call, take_back_dummy_call
from handrail.actions.site_facts import LINE, gather
from handrail.alerts.models import Alert
from handrail.people.expert_line import standing_calls, standings
from handrail.people.models import DummyCall
from handrail.people.scope import everything
from handrail.rules.expert_line import expert_line
from tests.support.factories import MONDAY_0900, World, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world():
    return World()


def tries(world: World, seconds: int | None = 41, *, at=NOW, answered: bool = True, who: str = "nurse") -> DummyCall:
    tried = Tried(at=at, answered=answered, seconds=seconds, who_answered="fellow", as_rostered=True)
    return record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=world.actor("alice", who), now=at)


def incidents() -> list[Alert]:
    with everything():
        return list(Alert.objects.filter(key__startswith="place:dummy_call:", closed_at__isnull=True))


def test_a_call_is_logged_with_the_number_and_who_was_on_by_the_rota(world):
    row = tries(world)
    assert (row.number, row.seconds, row.rostered, row.as_rostered) == ("555-0111", 41, world.alice.on_call, True)
    with everything():
        line = standings([world.alice.site], NOW)[world.alice.site.pk]
    assert line.holds and line.due_on is not None
    assert incidents() == []


def test_a_call_that_did_not_pass_is_an_incident_until_one_passes(world):
    tries(world, 121)
    (alert,) = incidents()
    assert (alert.ladder, alert.next_page_at, alert.site_id) == ("AMBER", NOW, world.alice.site.pk)
    assert [step["who"] for step in alert.steps] == ["site_manager", "director"]
    with pytest.raises(RefusedError):
        close_alert(alert.pk, "mended", by=world.actor("alice", "director"), now=NOW)
    tries(world, None, answered=False, at=NOW + MINUTE)
    assert [each.pk for each in incidents()] == [alert.pk], "one incident, whatever comes in between"
    tries(world, 12, at=NOW + 2 * MINUTE)
    assert incidents() == []


@pytest.mark.parametrize(("first", "second", "open_then"), [(121, 12, 0), (12, 121, 1)])
def test_of_two_calls_typed_in_one_minute_the_one_written_down_later_is_the_last(world, first, second, open_then):
    for number, seconds in enumerate((first, second)):
        tried = Tried(at=NOW, answered=True, seconds=seconds)
        written = NOW + number * MINUTE
        record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=world.actor("alice"), now=written)
    assert len(incidents()) == open_then


def test_a_call_that_was_written_down_wrongly_is_taken_back_by_who_manages_the_rota_and_stays_on_record(world):
    row = tries(world, 900)
    for who, error in (("nurse", NotAllowedError), ("on_call", NotAllowedError)):
        with pytest.raises(error):
            take_back_dummy_call(row.pk, reason="typed wrong", by=world.actor("alice", who), now=NOW)
    with pytest.raises(NotVisibleError):
        take_back_dummy_call(row.pk, reason="typed wrong", by=world.actor("charlie", "director"), now=NOW)
    with pytest.raises(RefusedError):
        take_back_dummy_call(row.pk, reason=" ", by=world.actor("alice", "director"), now=NOW)
    take_back_dummy_call(row.pk, reason="typed wrong", by=world.actor("alice", "director"), now=NOW)
    assert incidents() == []
    with everything():
        assert DummyCall.objects.count() == 2
        assert standing_calls([world.alice.site.pk]) == {}
    with pytest.raises(RefusedError):
        take_back_dummy_call(row.pk, reason="again", by=world.actor("alice", "director"), now=NOW)


@pytest.mark.parametrize(
    ("tried", "path"),
    [
        (Tried(at=NOW + MINUTE, answered=True, seconds=9), "at"),
        (Tried(at=NOW, answered=False, seconds=9), "seconds"),
        (Tried(at=NOW, answered=True, seconds=-1), "seconds"),
        (Tried(at=NOW, answered=True, seconds=3601), "seconds"),
    ],
)
def test_what_cannot_be_is_refused(world, tried, path):
    with pytest.raises(RefusedError) as caught:
        record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=world.actor("alice"), now=NOW)
    assert caught.value.path == path


def test_a_call_belongs_to_a_site_of_ones_own_organisation(world):
    tried = Tried(at=NOW, answered=True, seconds=9)
    with pytest.raises(RefusedError):
        record_dummy_call(world.alice.id, world.bob.site.pk, tried, by=world.actor("alice"), now=NOW)
    with pytest.raises(NotVisibleError):
        record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=world.actor("bob"), now=NOW)
    viewer = make_member(world.alice.organisation, "viewer")
    with pytest.raises(NotAllowedError):
        record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=person(viewer), now=NOW)


@pytest.mark.parametrize(
    # what was dialled                 | what SITE-33 shows, days later
    ("seconds", "days", "met"),
    [(41, 0, True), (41, 31, True), (41, 32, False), (121, 0, False), (None, 0, False)],
)
def test_the_item_of_the_hub_follows_the_dummy_calls(world, seconds, days, met):
    site = world.alice.site
    with everything():
        assert [each for each in gather([site], NOW)[site.pk].facts.shown if each.item == LINE] == []
    tries(world, seconds)
    with everything():
        shown = gather([site], NOW + timedelta(days=days))[site.pk].facts.shown
    assert [each.met for each in shown if each.item == LINE] == [met]


# --- what is measured ---------------------------------------------------------------------------------------------------


def asked(world: World, at=NOW, called_after: int | None = None) -> None:
    course = world.make_course()
    wish = Wish(who="nurse", number="555 010 0142")
    done = ask_for_call_back(course.pk, wish, event_id=uuid4(), by=world.actor("alice"), now=at)
    if called_after is not None:
        then = at + called_after * MINUTE
        record_call_back(
            course.pk,
            done.event.payload["ask"],
            reached=True,
            called_at=then,
            event_id=uuid4(),
            by=world.actor("alice", "on_call"),
            now=then,
        )


def test_every_ask_of_the_last_days_is_measured_the_newest_first(world):
    days = timedelta(days=expert_line().figures.days)
    asked(world, NOW, 4)
    asked(world, NOW + MINUTE)
    asked(world, NOW + 2 * MINUTE, 14)
    with everything():
        found = measured([world.alice.id], NOW + 30 * MINUTE)
        assert [each.ask.late(NOW + 30 * MINUTE) for each in found] == [True, True, False]
        assert measured([world.charlie.id], NOW + 30 * MINUTE) == []
        assert len(measured([world.alice.id], NOW + days + MINUTE / 2)) == 2
        assert measured([world.alice.id], NOW + days + 9 * MINUTE) == []


def test_the_number_of_queries_does_not_grow_with_what_is_measured(world, django_assert_num_queries):
    asked(world, NOW, 4)
    for count in (1, 4):
        with everything(), django_assert_num_queries(1):
            assert len(measured([world.alice.id], NOW + 60 * MINUTE)) == count
        if count == 1:
            for _ in range(3):
                asked(world, NOW, 4)
