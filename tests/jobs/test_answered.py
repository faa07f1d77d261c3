"""What waits about an alert that somebody has answered is written off together, and nothing that somebody waits for is."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.alerts.channels import TemporaryFailure
from handrail.alerts.models import Alert, Page
from handrail.jobs import answered
from handrail.jobs.answered import A_FEW, write_off
from handrail.jobs.outgoing import Claim, Parcel, prepare, record
from handrail.jobs.waking import AWAY
from handrail.jobs.watcher import Watcher
from handrail.people.models import Site
from handrail.records.models import Course, Event
from handrail.rules.paging import NAMED_PERSON
from handrail.rules.terms import Ladder
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings):
    settings.EMAIL_HOST = "localhost"
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        world = World()
        Course.objects.filter(pk=world.course.pk).update(look_again_at=None)
        Site.objects.update(rota_look_at=None)
        yield world


def make_alert(world, ladder="RED-3", **fields):
    return Alert.objects.create(
        organisation=world.course.organisation, course=world.course, key=f"synthetic:{Alert.objects.count()}", ladder=ladder,
        urgency=Ladder(ladder).urgency.value, what="synthetic", steps=[{"who": "first_on_call", "wait_minutes": 5}], opened_at=MONDAY_0900, **fields,
    )  # fmt: skip


def make_pages(alert, user, number=1, **fields):
    about = {"organisation": alert.organisation, "course": alert.course, "alert": alert, "user": user, "step": 0}
    usual = {"who": "first_on_call", "channel": "email", "state": "sending", "send_at": MONDAY_0900}
    first = Page.objects.count()
    return [
        Page.objects.create(**{**about, **usual, "attempt": each, "idempotency_key": f"synthetic {each}", **fields})
        for each in range(first, first + number)
    ]


def has(alert, who):
    """Somebody has said "I have it"."""
    Alert.objects.filter(pk=alert.pk).update(acknowledged_at=MONDAY_0900, acknowledged_by=who, next_page_at=None)


def noted(alert):
    return [each.payload for each in Event.objects.filter(kind="page_failed") if each.payload["alert"] == str(alert.pk)]


def test_what_waits_about_an_answered_alert_is_written_off_at_once_and_noted_for_each(world):
    alert = make_alert(world)
    pages = make_pages(alert, world.alice.nurse, 5, next_way_at=MONDAY_0900 + timedelta(minutes=1))
    acknowledge(alert.pk, by=world.actor("alice", "on_call"))
    assert write_off(MONDAY_0900) == 5
    for page in pages:
        page.refresh_from_db()
        assert (page.state, page.why) == ("failed", "answered before it was sent")
        assert (page.send_at, page.next_way_at, page.lease_until, page.turn) == (None, None, None, 1)
    assert [(each["why"], each["channel"]) for each in noted(alert)] == [("answered before it was sent", "email")] * 5
    assert write_off(MONDAY_0900) == 0


def waits(world):
    """Pages that stay as they are, each for its own reason."""
    hers, somebody = world.alice.director, world.alice.nurse
    mine = make_alert(world)
    has(mine, somebody)
    resume = {"handed_to": hers, "resume_at": MONDAY_0900 + timedelta(minutes=5)}
    Alert.objects.filter(pk=mine.pk).update(**resume)
    over = make_alert(world)
    has(over, somebody)
    held = {"claimed_by": "other", "lease_until": MONDAY_0900 + timedelta(seconds=1)}
    return {
        "nobody has it": make_pages(make_alert(world), somebody),
        "asked by name, and it is to be hers": make_pages(mine, hers, who=NAMED_PERSON),
        "on its way now": make_pages(over, somebody, **held),
        "left already": make_pages(over, somebody, state="sent", send_at=None, sent_at=MONDAY_0900),
        "on screen": make_pages(over, somebody, channel="on_screen", state="sent", send_at=None, sent_at=MONDAY_0900),
    }


@pytest.mark.parametrize(
    "why", ["nobody has it", "asked by name, and it is to be hers", "on its way now", "left already", "on screen"]
)
def test_what_somebody_waits_for_is_left_alone(world, why):
    (page,) = waits(world)[why]
    assert write_off(MONDAY_0900) == 0
    now = Page.objects.get(pk=page.pk)
    assert (now.state, now.turn, now.send_at) == (page.state, 0, page.send_at)


def no_longer(world):
    """Pages that nobody needs, each for its own reason."""
    somebody = world.alice.nurse
    closed, had = make_alert(world), make_alert(world)
    Alert.objects.filter(pk=closed.pk).update(closed_at=MONDAY_0900, closed_because="graded")
    has(had, somebody)
    elsewhere = make_alert(world)
    has(elsewhere, somebody)
    Alert.objects.filter(pk=elsewhere.pk).update(
        handed_to=world.bob.nurse, resume_at=MONDAY_0900 + timedelta(minutes=5)
    )
    late = {"claimed_by": "dead", "lease_until": MONDAY_0900}
    return {
        "closed": make_pages(closed, somebody),
        "closed, and asked by name": make_pages(closed, somebody, who=NAMED_PERSON),
        "answered": make_pages(had, somebody),
        "answered, and due later": make_pages(had, somebody, send_at=MONDAY_0900 + timedelta(seconds=20)),
        "answered, and its watcher died": make_pages(had, somebody, **late),
        "asked by name, and handed to nobody": make_pages(had, somebody, who=NAMED_PERSON),
        "asked by name, and handed to somebody else": make_pages(elsewhere, somebody, who=NAMED_PERSON),
    }


@pytest.mark.parametrize(
    "why",
    [
        "closed",
        "closed, and asked by name",
        "answered",
        "answered, and due later",
        "answered, and its watcher died",
        "asked by name, and handed to nobody",
        "asked by name, and handed to somebody else",
    ],
)
def test_what_nobody_needs_is_written_off(world, why):
    (page,) = no_longer(world)[why]
    for _ in range(Alert.objects.count()):
        write_off(MONDAY_0900)
    page.refresh_from_db()
    assert (page.state, page.turn) == ("failed", 1)


def test_one_by_one_and_together_agree_on_what_nobody_needs(world):
    """`outgoing.prepare` judges a single page; what this would write off, that refuses to send, and nothing else."""
    every = [page for pages in (*waits(world).values(), *no_longer(world).values()) for page in pages]
    refused = set()
    for page in Page.objects.filter(pk__in=[each.pk for each in every], state="sending"):
        Page.objects.filter(pk=page.pk).update(claimed_by="looks")
        parcel = prepare(Page, Claim(id=page.pk, watcher="looks", turn=page.turn))
        assert parcel is not None
        if parcel.known is not None:
            refused.add(page.pk)
        Page.objects.filter(pk=page.pk).update(claimed_by=page.claimed_by)
    for _ in range(2 * Alert.objects.count()):
        write_off(MONDAY_0900 + timedelta(minutes=1))
    assert {page.pk for page in Page.objects.filter(state="failed")} == refused
    assert len(refused) == 8, "seven that nobody needs, and the one whose lease has ended meanwhile"


def test_a_watcher_that_held_one_before_its_lease_ended_cannot_call_it_failed_later(world):
    """It neither waits again nor is noted a second time."""
    alert = make_alert(world)
    (page,) = make_pages(alert, world.alice.nurse)
    claim = Watcher()._claim_outgoing()
    has(alert, world.alice.nurse)
    write_off(MONDAY_0900 + timedelta(minutes=10))
    parcel = Parcel(kind=Page, claim=claim, known=TemporaryFailure(why="synthetic"))
    record(parcel, TemporaryFailure(why="synthetic"))
    page.refresh_from_db()
    assert (page.state, page.why, page.send_at) == ("failed", "answered before it was sent", None)
    assert [each["why"] for each in noted(alert)] == ["answered before it was sent"]


def test_a_look_of_the_watcher_ends_a_crowd_and_sends_what_somebody_waits_for(world):
    crowd = [make_alert(world) for _ in range(A_FEW + 3)]
    for alert in crowd:
        make_pages(alert, world.alice.nurse, 3)
        has(alert, world.alice.nurse)
    (needed,) = make_pages(make_alert(world, "AMBER"), world.alice.nurse)
    Watcher().look()
    needed.refresh_from_db()
    assert needed.state == "sent"
    assert len(mail.outbox) == 1
    assert not Page.objects.filter(state="sending").exists()
    assert Page.objects.filter(state="failed").count() == 3 * len(crowd)


def test_a_turn_sends_first_and_ends_a_few(world):
    for _ in range(A_FEW + 3):
        alert = make_alert(world)
        make_pages(alert, world.alice.nurse)
        has(alert, world.alice.nurse)
    (needed,) = make_pages(make_alert(world, "AMBER"), world.alice.nurse)
    watcher = Watcher()
    watcher._send_one()
    watcher._landed(5)
    watcher._write_off()
    needed.refresh_from_db()
    assert needed.state == "sent"
    assert Page.objects.filter(state="failed").count() == A_FEW


def test_ending_many_asks_hardly_more_than_ending_one(world):
    def asked(number):
        alert = make_alert(world)
        make_pages(alert, world.alice.nurse, number)
        has(alert, world.alice.nurse)
        with CaptureQueriesContext(connection) as queries:
            assert write_off(MONDAY_0900) == number
        return len(queries)

    one, many = asked(1), asked(20)
    assert many - one <= 19 * 2, "a note each, and nothing else"


def test_what_cannot_be_written_off_stops_nobody(world, monkeypatch, caplog):
    """It is ended one by one, when its turn comes, and is not tried again at every turn."""
    alert = make_alert(world)
    (page,) = make_pages(alert, world.alice.nurse)
    has(alert, world.alice.nurse)
    tried = []

    def poisoned(now):
        tried.append(now)
        raise ValueError("synthetic")

    monkeypatch.setattr(answered, "write_off", poisoned)
    watcher = Watcher()
    watcher.look()
    watcher.look()
    page.refresh_from_db()
    assert (page.state, page.why) == ("failed", "answered before it was sent")
    assert len(tried) == 1
    assert "could not be written off (ValueError)" in caplog.text


def test_a_database_that_is_away_is_no_poison(world, monkeypatch):
    def away(now):
        raise AWAY[0]

    monkeypatch.setattr(answered, "write_off", away)
    with pytest.raises(AWAY[0]):
        Watcher()._write_off()
