"""What goes before what when more is due than can be done: the first page of a RED alert, whatever else waits."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import transaction

from handrail.actions import words_home
from handrail.actions.answering import acknowledge
from handrail.alerts.models import Alert, Dispatch, Notice, Page
from handrail.jobs import sending
from handrail.jobs import watcher as watcher_module
from handrail.jobs.outgoing import Flights
from handrail.jobs.watcher import DISPATCH_AFTER, SENT_AT_LEAST, URGENT_FIRST, Watcher
from handrail.people.models import Site
from handrail.records.models import Course
from handrail.rules.paging import NAMED_PERSON
from handrail.rules.terms import Ladder
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(time):
    """A house in which nothing is due."""
    world = World()
    Course.objects.filter(pk=world.course.pk).update(look_again_at=None)
    Site.objects.update(rota_look_at=None)
    return world


@pytest.fixture
def claims(monkeypatch):
    """Which kind of row was claimed, in order."""
    names: list[str] = []
    monkeypatch.setattr(watcher_module, "checkpoint", names.append)
    return names


def make_alert(world: World, ladder: str, *, minutes_ago: int, told: bool = False) -> Alert:
    """An alert whose page has been due for so long. `told`: somebody was paged before, and it is to be repeated."""
    due = MONDAY_0900 - timedelta(minutes=minutes_ago)
    about = {"organisation": world.course.organisation, "course": world.course}
    alert = Alert.objects.create(
        **about,
        key=f"synthetic:{Alert.objects.count()}",
        urgency=Ladder(ladder).urgency.value,
        ladder=ladder,
        what="synthetic",
        steps=[{"who": "first_on_call", "wait_minutes": 5}],
        opened_at=due,
        next_page_at=due,
    )
    if told:
        Page.objects.create(
            **about, alert=alert, step=0, attempt=0, who="first_on_call", channel="on_screen", state="sent",
            idempotency_key=f"{alert.pk}:0", created_at=due - timedelta(minutes=5), sent_at=due - timedelta(minutes=5),
        )  # fmt: skip
    return alert


def make_waiting(world: World, alert: Alert, number: int, *, minutes: int = 0, state: str = "sending") -> list[Page]:
    """Pages that are ready to leave the machine since so many minutes, or have left."""
    due = MONDAY_0900 - timedelta(minutes=minutes)
    when = {"send_at": due} if state == "sending" else {"sent_at": due}
    return [
        Page.objects.create(
            organisation=world.course.organisation, course=world.course, alert=alert, step=0, attempt=0, who="first_on_call",
            channel="email", state=state, idempotency_key=f"{alert.pk} {state} {each}", user=world.alice.nurse, **when,
        )
        for each in range(number)
    ]  # fmt: skip


def claim():
    """The alert that a watcher takes next."""
    watcher = Watcher()
    return (watcher._claim_alert(urgent=True) or watcher._claim_alert()).id


@pytest.mark.parametrize(
    ("former", "later"),
    [
        (("AMBER", 60, False), ("RED-4", 0, False)),
        (("GREEN", 60, False), ("AMBER", 0, True)),
        (("RED-1", 60, True), ("RED-4", 0, False)),
        (("AMBER", 60, True), ("RED-4", 0, True)),
    ],
    ids=["amber", "the longest wait of equals", "a repeated red", "both repeated"],
)
def test_the_first_page_of_a_red_alert_is_written_first(world, former, later):
    """Only where neither is RED does the one that has waited longer come first."""
    rows = [make_alert(world, ladder, minutes_ago=ago, told=told) for ladder, ago, told in (former, later)]
    order = [claim() for _ in rows]
    red = any(row.urgency == "now" for row in rows)
    assert order == [row.pk for row in (reversed(rows) if red else rows)]


def test_of_red_alerts_the_one_that_has_waited_longest_comes_first(world):
    rows = [make_alert(world, "RED-3", minutes_ago=ago) for ago in (1, 3, 2)]
    assert [claim() for _ in rows] == [rows[1].pk, rows[2].pk, rows[0].pk]


def test_a_message_about_a_red_alert_of_which_none_has_left_goes_first(world):
    """However long others have waited: what repeats a RED page, and what can wait."""
    amber = make_waiting(world, make_alert(world, "AMBER", minutes_ago=60), 1, minutes=60)
    told = make_alert(world, "RED-1", minutes_ago=50, told=True)
    make_waiting(world, told, 1, state="sent")
    again = make_waiting(world, told, 2, minutes=50)
    shown = make_alert(world, "RED-4", minutes_ago=0, told=True)  # on a screen alone: nothing has left
    answered = make_alert(world, "RED-1", minutes_ago=70)
    over = make_waiting(world, answered, 1, minutes=70)
    Alert.objects.filter(pk=answered.pk).update(
        acknowledged_at=MONDAY_0900, acknowledged_by=world.alice.nurse, next_page_at=None
    )
    new = make_waiting(world, shown, 1) + make_waiting(world, make_alert(world, "RED-3", minutes_ago=-1), 1)
    order = []
    while (taken := Watcher()._claim_outgoing()) is not None:
        order.append(taken.id)
    assert set(order[:2]) == {page.pk for page in new}
    assert set(order[2:4]) == {page.pk for page in again}
    assert order[4:] == [page.pk for page in amber + over], "what is answered is only written off"


def test_who_is_asked_to_take_an_alert_over_is_told_although_somebody_has_it(world):
    told = make_alert(world, "RED-1", minutes_ago=50, told=True)
    make_waiting(world, told, 1, state="sent")
    make_waiting(world, told, 1, minutes=50)
    held = make_alert(world, "RED-2", minutes_ago=0)
    (asked,) = make_waiting(world, held, 1)
    Page.objects.filter(pk=asked.pk).update(who=NAMED_PERSON)
    Alert.objects.filter(pk=held.pk).update(
        acknowledged_at=MONDAY_0900, acknowledged_by=world.alice.nurse, next_page_at=None
    )
    assert Watcher()._claim_outgoing().id == asked.pk


def test_an_answer_that_comes_while_a_watcher_waits_for_its_row_stops_the_page(world, time, monkeypatch):
    """The answer held the row first: by the watcher's clock of before the wait it would lie in the future."""
    alert = make_alert(world, "RED-3", minutes_ago=0)
    taken = Watcher()._claim_alert(urgent=True)

    def answered_first():
        time.advance(seconds=1)
        acknowledge(alert.pk, by=world.actor("alice", "on_call"))
        return transaction.atomic()

    monkeypatch.setattr(sending, "transaction", SimpleNamespace(atomic=answered_first))
    sending.write_next_page(taken)
    alert.refresh_from_db()
    assert alert.acknowledged_at is not None
    assert (alert.next_page_at, alert.claimed_by, alert.pages.exists()) == (None, "", False)


def test_after_an_outage_only_the_urgent_messages_go_in_that_order(world):
    make_waiting(world, make_alert(world, "AMBER", minutes_ago=60), 1, minutes=60)
    told = make_alert(world, "RED-1", minutes_ago=50, told=True)
    make_waiting(world, told, 1, state="sent")
    (again,) = make_waiting(world, told, 1, minutes=50)
    (new,) = make_waiting(world, make_alert(world, "RED-3", minutes_ago=0), 1)
    watcher = Watcher()
    claims = [watcher._claim_outgoing(urgent=True) for _ in range(3)]
    assert [claim and claim.id for claim in claims] == [new.pk, again.pk, None]


def test_red_pages_are_written_before_the_whole_crowd_is_looked_at(world, claims):
    Course.objects.update(look_again_at=MONDAY_0900 - timedelta(hours=1))
    for _ in range(5):
        make_alert(world, "RED-3", minutes_ago=0)
    Watcher().look()
    assert claims.index("course_claimed") == claims.index("course_assessed") - 1
    assert claims[: claims.index("course_claimed")].count("alert_claimed") == 5


def test_red_pages_are_written_before_anything_is_sent(world, claims, monkeypatch):
    """Five pages lie ready to be sent, and the time for sending has come: what the screens show goes before each of them."""
    monkeypatch.setattr(watcher_module, "LONGEST_SLEEP", 0.0)
    waiting = make_alert(world, "AMBER", minutes_ago=0)
    make_waiting(world, waiting, 1)
    for _ in range(URGENT_FIRST):
        make_alert(world, "RED-2", minutes_ago=0)
    Watcher().look()
    assert claims[:URGENT_FIRST] == ["alert_claimed"] * URGENT_FIRST


def test_repeated_pages_without_end_keep_nothing_waiting(world, claims):
    """After every few urgent pages the others have their turn: an AMBER alert that nobody was told of, and a look."""
    for _ in range(3 * URGENT_FIRST):
        make_alert(world, "RED-1", minutes_ago=30, told=True)
    amber = make_alert(world, "AMBER", minutes_ago=0)
    Course.objects.filter(pk=world.course.pk).update(look_again_at=MONDAY_0900)
    watcher = Watcher()
    watcher._one_of_each()
    assert claims.count("alert_claimed") == URGENT_FIRST + 1
    assert amber.pages.filter(channel="on_screen").exists()
    assert claims.count("course_claimed") == 1


@pytest.mark.parametrize("state", ["nobody_on", "not_reached", "sent"])
def test_the_second_step_of_an_amber_alert_has_its_turn_too(world, state):
    """Repeated urgent pages without end are due; one whose first step found nobody has told nobody yet."""
    for _ in range(3 * URGENT_FIRST):
        make_alert(world, "RED-1", minutes_ago=30, told=True)
    amber = make_alert(world, "AMBER", minutes_ago=40, told=True)
    amber.pages.update(state=state)
    Watcher()._one_of_each()
    assert amber.pages.filter(attempt=1, channel="on_screen").exists()


def test_a_crowd_that_waits_to_be_sent_keeps_no_look_waiting(world, claims, monkeypatch):
    """After the time of a sleep, and a few messages, the sending pauses, and everything else has its turn."""
    monkeypatch.setattr(watcher_module, "LONGEST_SLEEP", 0.0)
    waiting = make_alert(world, "AMBER", minutes_ago=0, told=True)
    make_waiting(world, waiting, 3 * SENT_AT_LEAST)
    Watcher()._one_of_each()
    assert 1 <= claims.count("page_claimed") <= SENT_AT_LEAST


def test_repeated_pages_without_end_keep_no_message_waiting(world, claims, monkeypatch):
    """A turn writes a few pages of a crowd and sends a few messages, one beside the other: neither waits for the end of the other."""
    monkeypatch.setattr(watcher_module, "LONGEST_SLEEP", 0.0)
    monkeypatch.setattr(Flights, "has_room", True)
    for _ in range(3 * SENT_AT_LEAST):  # of one alert they would leave as one message
        make_waiting(world, make_alert(world, "RED-3", minutes_ago=-60), 1)
    for _ in range(6 * URGENT_FIRST):
        make_alert(world, "RED-1", minutes_ago=30, told=True)
    Watcher()._one_of_each()
    assert claims.count("page_claimed") == SENT_AT_LEAST
    assert claims.count("alert_claimed") == URGENT_FIRST + 1 + SENT_AT_LEAST
    first = claims.index("page_claimed")
    assert claims[first : first + 4] == ["page_claimed", "alert_claimed"] * 2


def test_pages_without_end_keep_no_word_for_anybody_else_waiting(world, monkeypatch):
    """A packet for an emergency department, or word for somebody at home: one goes after every few pages."""
    monkeypatch.setattr(Flights, "has_room", True)
    taken = []
    monkeypatch.setattr(Watcher, "_take_off", lambda _, kind, claim: taken.append(kind))
    make_waiting(world, make_alert(world, "RED-3", minutes_ago=-60), 3 * DISPATCH_AFTER)
    for number in range(2):
        Dispatch.objects.create(
            organisation=world.course.organisation, course=world.course, whom=Dispatch.Whom.PATIENT, kind="synthetic",
            channel="sms", words="synthetic", idempotency_key=f"word {number}", created_at=MONDAY_0900, send_at=MONDAY_0900,
        )  # fmt: skip
    watcher = Watcher()
    for _ in range(2 * DISPATCH_AFTER):
        assert watcher._send_one()
    assert [number for number, kind in enumerate(taken, 1) if kind is Dispatch] == [DISPATCH_AFTER, 2 * DISPATCH_AFTER]


def test_a_page_that_cannot_go_on_to_its_next_way_stops_no_other(world, monkeypatch):
    alerts = [make_alert(world, "RED-3", minutes_ago=-60) for _ in range(2)]
    first, second = [make_waiting(world, alert, 1)[0] for alert in alerts]
    for page, minutes in ((first, 2), (second, 1)):
        Page.objects.filter(pk=page.pk).update(next_way_at=MONDAY_0900 - timedelta(minutes=minutes))
    monkeypatch.setattr(sending, "next_point", lambda page: 1 / 0 if page.pk == first.pk else None)
    watcher = Watcher()
    assert [watcher._next_way() for _ in range(3)] == [True, True, False]
    due = dict(Page.objects.values_list("pk", "next_way_at"))
    assert due == {first.pk: MONDAY_0900 + watcher_module.POISON_PAUSE, second.pk: None}, "it alone is put off"


def test_word_for_people_at_home_that_cannot_be_handed_over_stops_no_other(world, monkeypatch):
    alert = make_alert(world, "RED-3", minutes_ago=-60)
    first, second = [
        Notice.objects.create(
            organisation=world.course.organisation, course=world.course, alert=alert, attempt=attempt, to=Notice.To.PATIENT,
            told=Notice.Told.GO_TO_ED, idempotency_key=f"word {attempt}", created_at=MONDAY_0900, send_at=MONDAY_0900 - timedelta(minutes=2 - attempt),
        )
        for attempt in range(2)
    ]  # fmt: skip
    monkeypatch.setattr(words_home.phone, "provider", object)
    monkeypatch.setattr(words_home, "_trouble", lambda notice, _: 1 / 0 if notice.pk == first.pk else "synthetic")
    watcher = Watcher()
    assert [watcher._hand_over() for _ in range(3)] == [True, True, False]
    rows = {row.pk: (row.state, row.send_at) for row in Notice.objects.all()}
    assert rows == {
        first.pk: ("waiting", MONDAY_0900 + watcher_module.POISON_PAUSE),
        second.pk: ("failed", None),
    }, "it alone is put off"


def test_a_watcher_with_much_to_do_shows_that_it_is_alive(world, monkeypatch):
    """A thousand rows take longer than the silence after which pages say that nobody watches."""
    monkeypatch.setattr(watcher_module, "BEAT_SECONDS", 0.0)
    left: list[int] = []
    due = Alert.objects.filter(next_page_at__lte=MONDAY_0900)
    monkeypatch.setattr(watcher_module.heartbeat, "beat", lambda *_: left.append(due.count()))
    for _ in range(3 * URGENT_FIRST):
        make_alert(world, "RED-1", minutes_ago=0)
    Watcher().look()
    assert left[0] > 0, "it was still at work"
    assert left[-1] == 0


def test_a_clock_that_is_set_back_during_a_look_is_noticed_before_its_end(world, time, monkeypatch):
    """What was due by the other clock is written by the one that is right, in the same look."""
    alerts = [make_alert(world, "RED-3", minutes_ago=0) for _ in range(3)]

    def step(name: str) -> None:
        if name == "alert_claimed":
            time.set(MONDAY_0900 - timedelta(hours=2))

    monkeypatch.setattr(watcher_module, "checkpoint", step)
    Watcher()._look_once()
    assert all(alert.pages.filter(channel="on_screen").exists() for alert in alerts)
