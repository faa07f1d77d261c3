"""After "I have it": put off, handed over to a named person, a call that reached nobody; and what each does to the pages."""

from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.db import connection

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.contacts import Call, record_call
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin
from handrail.actions.holding import hand_over, put_off, who_may_have
from handrail.actions.recording import locked
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from tests.alerts.test_acknowledge import together
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


def reported(world: World, **fields) -> Alert:
    receive_checkin(world.course.pk, checkin(at=NOW, **fields), by=world.actor("alice"), now=NOW)
    return Alert.objects.get(closed_at__isnull=True)


def rash(world: World) -> Alert:
    return reported(world, symptoms=["rash"])


def fever(world: World) -> Alert:
    return reported(world, temperature_c="38.9")


def look(time: clock.FrozenClock, minutes: float) -> None:
    time.set(NOW + timedelta(minutes=minutes))
    Watcher().look()


def paged(alert: Alert) -> list[tuple[str, float]]:
    pages = Page.objects.filter(alert=alert, channel="on_screen").order_by("created_at", "attempt")
    return [(page.who, (page.created_at - NOW).total_seconds() / 60) for page in pages]


# --- put off --------------------------------------------------------------------------------------------------------


def test_an_amber_page_is_put_off_and_then_pages_again_where_it_stood(world, time):
    alert = rash(world)
    look(time, 0)
    done = put_off(alert.pk, 20, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=1))
    assert (done.acknowledged_by, done.next_page_at) == (world.alice.on_call, None)
    look(time, 20)
    assert paged(alert) == [("first_on_call", 0)]
    look(time, 21)
    assert paged(alert) == [("first_on_call", 0), ("second_on_call", 21)]
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.resume_at) == (None, None)
    kinds = world.course.events.filter(kind__in=("page_held", "page_resumed")).order_by("recorded_at")
    assert [(row.kind, row.payload.get("because")) for row in kinds] == [
        ("page_held", None),
        ("page_resumed", "put_off"),
    ]


@pytest.mark.parametrize(("minutes", "allowed"), [(30, True), (31, False), (0, False), (-5, False)])
def test_for_no_longer_than_the_policy_allows(world, minutes, allowed):
    alert = rash(world)
    if allowed:
        put_off(alert.pk, minutes, by=world.actor("alice"), now=NOW)
        return
    with pytest.raises(RefusedError) as refused:
        put_off(alert.pk, minutes, by=world.actor("alice"), now=NOW)
    assert refused.value.code == "too_long"


def test_a_red_page_is_never_put_off(world):
    alert = fever(world)
    with pytest.raises(RefusedError) as refused:
        put_off(alert.pk, 5, by=world.actor("alice"), now=NOW)
    assert refused.value.code == "never_for_red"


def test_nobody_puts_off_what_somebody_else_has_or_what_is_over(world):
    alert = rash(world)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    with pytest.raises(RefusedError, match="has it"):
        put_off(alert.pk, 5, by=world.actor("bob"), now=NOW)
    Alert.objects.update(closed_at=NOW, closed_because="the reason is over")
    with pytest.raises(RefusedError, match="closed"):
        put_off(alert.pk, 5, by=world.actor("alice", "on_call"), now=NOW)
    with pytest.raises(NotVisibleError):
        put_off(alert.pk, 5, by=world.actor("charlie"), now=NOW)


# --- handed over to a named person ----------------------------------------------------------------------------------


def test_until_the_named_person_takes_it_over_it_stays_where_it_is(world, time):
    alert = fever(world)
    look(time, 0)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=1))
    hand_over(alert.pk, world.alice.nurse, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=2))
    look(time, 2)
    assert paged(alert)[1:] == [("named_person", 2)]
    assert Page.objects.filter(who="named_person", channel="on_screen").get().user == world.alice.nurse
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.next_page_at) == (world.alice.on_call, None)

    taken = acknowledge(alert.pk, by=world.actor("alice", "nurse"), now=NOW + timedelta(minutes=5))
    assert taken.mine and taken.who == world.alice.nurse
    look(time, 12)
    look(time, 14)
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.handed_to, alert.resume_at) == (world.alice.nurse, None, None)
    assert len(paged(alert)) == 2


def test_not_taken_over_in_time_the_pages_go_on(world, time):
    alert = fever(world)
    look(time, 0)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    hand_over(alert.pk, world.alice.nurse, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=1))
    look(time, 1)
    look(time, 10.9)
    assert [who for who, _ in paged(alert)] == ["first_on_call", "named_person"]
    look(time, 11)
    assert paged(alert)[2:] == [("first_on_call", 11)]
    assert world.course.events.get(kind="page_resumed").payload["because"] == "not_taken_over"
    late = acknowledge(alert.pk, by=world.actor("alice", "nurse"), now=NOW + timedelta(minutes=12))
    assert late.mine


def test_who_may_hand_over_and_to_whom(world):
    alert = fever(world)
    with pytest.raises(RefusedError, match="I have it"):
        hand_over(alert.pk, world.alice.nurse, by=world.actor("alice", "on_call"), now=NOW)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    with pytest.raises(RefusedError, match="has it"):
        hand_over(alert.pk, world.alice.nurse, by=world.actor("bob"), now=NOW)
    stranger, quiet = world.charlie.nurse, make_member(world.alice.organisation, "coordinator")
    for nobody in (stranger, quiet, world.alice.on_call):
        with pytest.raises(RefusedError) as refused:
            hand_over(alert.pk, nobody, by=world.actor("alice", "on_call"), now=NOW)
        assert refused.value.code == "not_for_them"
    offered = who_may_have(alert, NOW, besides=world.alice.on_call)
    assert world.alice.nurse in offered
    assert not {stranger, quiet, world.alice.on_call} & set(offered)


# --- a call that reached nobody -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reached", [False, True])
def test_could_not_reach_lets_the_ladder_go_on(world, time, reached):
    alert = fever(world)
    look(time, 0)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=1))
    call = Call(with_="patient", reached=reached, outcome="none")
    record_call(
        world.course.pk, call, event_id=uuid4(), by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=3)
    )
    alert.refresh_from_db()
    assert (alert.acknowledged_by is None) == (not reached)
    look(time, 5)
    assert len(paged(alert)) == (1 if reached else 2)
    assert world.course.events.filter(kind="page_resumed", payload__because="could_not_reach").exists() == (not reached)


# --- the clock of the contact beside the page -------------------------------------------------------------------------


def keys() -> list[str]:
    return sorted(
        key.split(":")[0] for key in Alert.objects.filter(closed_at__isnull=True).values_list("key", flat=True)
    )


def test_while_the_report_pages_the_clock_of_the_contact_pages_nobody_twice(world, time):
    fever(world)
    for minutes in (0, 5, 10, 15, 16, 20):
        look(time, minutes)
    assert keys() == ["report"]


@pytest.mark.parametrize(
    # "I have it" at | the contact page opens at
    ("had", "opens"),
    [(2, 15), (14, 19), (17, 22)],
)
def test_i_have_it_without_a_call_pages_again(world, time, had, opens):
    alert = fever(world)
    for minutes in (0, 5, 10, 15):
        if minutes < had:
            look(time, minutes)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + timedelta(minutes=had))
    for minutes in (15, opens - 0.1):
        if had < minutes < opens:
            look(time, minutes)
    assert keys() == ["report"]
    look(time, opens)
    assert keys() == ["contact", "report"]


# --- at the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_named_person_and_the_end_of_the_hold_at_the_same_moment(world, time):
    """Either it was taken over, or the pages go on and it is taken up: somebody has it, and only once."""
    alert = fever(world)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    hand_over(alert.pk, world.alice.nurse, by=world.actor("alice", "on_call"), now=NOW)
    time.set(NOW + timedelta(minutes=10))
    results = together(
        lambda: acknowledge(alert.pk, by=world.actor("alice", "nurse")),
        lambda: Watcher().look(),
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    alert.refresh_from_db()
    assert alert.acknowledged_by == world.alice.nurse and alert.next_page_at is None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_whoever_holds_the_course_does_not_keep_a_page_from_being_written(world, time):
    """The watcher holds the alert while it writes the page, and the verbs hold the course and then want the alert."""
    alert = fever(world)
    written = []

    def write() -> None:
        try:
            written.append(Watcher()._write_one())
        finally:
            connection.close()

    writer = Thread(target=write, daemon=True)
    with locked(alert.course_id, world.actor("alice"), NOW):
        writer.start()
        writer.join(timeout=20)
        assert written == [True], "it waits for the course, and whoever has that would wait for the alert"
    assert alert.pages.filter(channel="on_screen").exists()


@pytest.mark.django_db(transaction=True)
def test_two_are_asked_at_once_and_one_of_them_is(world, time):
    alert = fever(world)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW)
    by = world.actor("alice", "on_call")
    results = together(*[lambda to=to: hand_over(alert.pk, to, by=by) for to in (world.alice.nurse, world.bob.nurse)])
    assert not [result for result in results if isinstance(result, Exception)], results
    alert.refresh_from_db()
    assert alert.handed_to in (world.alice.nurse, world.bob.nurse)


def test_a_role_that_may_not_answer_holds_nothing(world):
    alert = rash(world)
    quiet = person(make_member(world.alice.organisation, "coordinator"))
    with pytest.raises(NotAllowedError):
        put_off(alert.pk, 5, by=quiet, now=NOW)
