"""Pages about one alert that wait for the same person on the same way leave as one message, and each says with which."""

from datetime import timedelta
from threading import Event

import pytest
from django.core import mail

from handrail import clock
from handrail.alerts.channels import TemporaryFailure
from handrail.alerts.channels.email import Email
from handrail.alerts.models import Alert, Page
from handrail.alerts.ways import lost_attempts
from handrail.jobs.digest import together
from handrail.jobs.outgoing import deliver, prepare, record
from handrail.jobs.watcher import SEND_LEASE_SECONDS, Watcher
from handrail.people.models import Site
from handrail.records.models import Course
from handrail.rules.paging import NAMED_PERSON
from handrail.rules.terms import Ladder
from tests.support.factories import MONDAY_0900, World, closes_inbox
from tests.support.reaching import make_point
from tests.support.twilio import phone_provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings):
    settings.EMAIL_HOST = "localhost"
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        world = World()
        Course.objects.filter(pk=world.course.pk).update(look_again_at=None)
        Site.objects.update(rota_look_at=None)
        yield world


def make_alert(world, ladder="RED-3"):
    return Alert.objects.create(
        organisation=world.course.organisation, course=world.course, key=f"synthetic:{Alert.objects.count()}", ladder=ladder,
        urgency=Ladder(ladder).urgency.value, what="synthetic", steps=[{"who": "first_on_call", "wait_minutes": 5}], opened_at=MONDAY_0900,
    )  # fmt: skip


def make_page(world, of, **fields):
    about = {"organisation": of.organisation, "course": of.course, "alert": of, "step": 0}
    number = Page.objects.count()
    usual = {
        "attempt": number,
        "who": "first_on_call",
        "user": world.alice.nurse,
        "channel": "email",
        "state": "sending",
        "send_at": MONDAY_0900,
        "idempotency_key": f"synthetic {number}",
    }
    return Page.objects.create(**{**about, **usual, **fields})


def states():
    return [page.state for page in Page.objects.order_by("attempt")]


@pytest.mark.parametrize("ladder", ["RED-3", "AMBER"])
def test_repeats_that_wait_together_are_one_message_and_each_says_with_which(world, ladder):
    alert = make_alert(world, ladder)
    for _ in range(3):
        make_page(world, alert)
    Watcher().look()
    assert len(mail.outbox) == 1
    assert states() == ["sent"] * 3
    key = mail.outbox[0].extra_headers["Message-ID"].strip("<>").partition("@")[0]
    numbers = sorted(page.provider_id for page in Page.objects.all())
    assert numbers == ["", key, key], "one of them, any, gave its own key to the message"
    assert alert.code in mail.outbox[0].body


def apart(world, alert):
    """What is no repeat of the first page, each in one regard."""
    phone = make_point(world.alice.nurse, "email", "other@example.org")
    return {
        "another alert": {"alert": make_alert(world)},
        "another person": {"user": world.bob.nurse},
        "another contact point": {"point": phone},
        "not due yet": {"send_at": MONDAY_0900 + timedelta(seconds=1)},
        "held by another watcher": {"claimed_by": "other", "lease_until": MONDAY_0900 + timedelta(seconds=5)},
        "asked by name": {"who": NAMED_PERSON},
        "left already": {"state": "sent", "send_at": None, "sent_at": MONDAY_0900},
        "on screen": {"channel": "on_screen", "state": "sent", "send_at": None, "sent_at": MONDAY_0900},
    }


@pytest.mark.parametrize(
    "kind",
    [
        "another alert",
        "another person",
        "another contact point",
        "not due yet",
        "held by another watcher",
        "asked by name",
        "left already",
        "on screen",
    ],
)
def test_what_is_no_repeat_stands_for_itself(world, kind):
    alert = make_alert(world)
    for _ in range(2):
        make_page(
            world, alert, send_at=MONDAY_0900 - timedelta(seconds=1)
        )  # of all that is due, one of them is taken first
    other = make_page(world, alert, **apart(world, alert)[kind])
    watcher = Watcher()
    claim = watcher._claim_outgoing()
    parcel = prepare(Page, claim)
    assert parcel is not None
    held = together(parcel, MONDAY_0900, until=MONDAY_0900 + timedelta(seconds=40))
    assert other.pk not in {each.id for each in held.others}
    assert len(held.others) == 1, "the repeat comes along all the same"
    untouched = Page.objects.get(pk=other.pk)
    assert (untouched.claimed_by, untouched.turn) == (other.claimed_by, 0)


def test_a_page_that_asks_somebody_by_name_takes_nothing_along(world):
    alert = make_alert(world)
    alert.acknowledged_by, alert.acknowledged_at = world.alice.director, MONDAY_0900
    alert.handed_to, alert.resume_at = world.alice.nurse, MONDAY_0900 + timedelta(minutes=5)
    alert.save()
    make_page(world, alert, who=NAMED_PERSON)
    make_page(world, alert, send_at=MONDAY_0900 + timedelta(seconds=0))
    Watcher().look()
    assert len(mail.outbox) == 1
    assert states() == ["sent", "failed"], "the other was answered before it was sent"


def test_what_could_not_leave_waits_together_and_leaves_together(world, monkeypatch):
    alert = make_alert(world)
    for _ in range(3):
        make_page(world, alert)
    real = Email.send
    monkeypatch.setattr(Email, "send", lambda *_: TemporaryFailure(why="busy"))
    watcher = Watcher()
    watcher.look()
    rows = list(Page.objects.order_by("attempt"))
    assert [(page.state, page.tries, page.claimed_by) for page in rows] == [("sending", 1, "")] * 3
    assert len({page.send_at for page in rows}) == 1
    monkeypatch.setattr(Email, "send", real)
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(seconds=5))):
        watcher.look()
    assert len(mail.outbox) == 1
    assert states() == ["sent"] * 3


def test_a_watcher_that_dies_with_them_leaves_them_to_the_next(world):
    """What it held is free after the lease, and leaves as one message again."""
    alert = make_alert(world)
    for _ in range(2):
        make_page(world, alert)
    dying = Watcher()
    parcel = prepare(Page, dying._claim_outgoing())
    lease = timedelta(seconds=40)
    assert len(together(parcel, MONDAY_0900, until=MONDAY_0900 + lease).others) == 1
    Watcher().look()
    assert mail.outbox == []
    with clock.use(clock.FrozenClock(MONDAY_0900 + lease)):
        Watcher().look()
    assert len(mail.outbox) == 1
    assert states() == ["sent"] * 2


def test_a_hundred_repeats_of_one_alert_are_one_message_and_keep_no_other_waiting(world):
    """A crowd of repeats that grew while nothing could leave does not hold up the first message about somebody else."""
    crowd = make_alert(world)
    for _ in range(100):
        make_page(world, crowd, send_at=MONDAY_0900 - timedelta(minutes=9))
    other = make_alert(world)
    make_page(world, other)
    Watcher().look()
    assert len(mail.outbox) == 2
    assert any(other.code in each.body for each in mail.outbox)
    assert set(states()) == {"sent"}


# --- what the provider tells of the message ---------------------------------------------------------------------------


NEXT_WAY = MONDAY_0900 + timedelta(seconds=90)


@pytest.fixture
def texts(world, settings):
    """Two pages about one alert that left as one text, each of which would go on to the next way at `NEXT_WAY`."""
    alert, phone = make_alert(world), make_point(world.alice.nurse)
    with phone_provider() as provider:
        settings.HANDRAIL_PHONE = provider.settings
        for _ in range(2):
            make_page(world, alert, channel="sms", point=phone, next_way_at=NEXT_WAY)
        yield provider


def ways():
    return [(page.state, page.next_way_at) for page in Page.objects.order_by("attempt")]


def test_a_text_that_is_not_told_to_have_arrived_goes_on_for_every_page_in_it(texts):
    Watcher().look()
    assert len(texts.messages) == 1
    assert {page.provider_id for page in Page.objects.all()} == {texts.messages[0].sid}
    assert ways() == [("sent", NEXT_WAY)] * 2


@pytest.mark.parametrize(
    ("word", "then"),
    [
        ("queued", ("sent", NEXT_WAY)),
        ("delivered", ("sent", None)),
        ("undelivered", ("failed", MONDAY_0900)),
    ],
)
def test_what_is_told_of_the_text_is_told_of_every_page_in_it(world, texts, client, word, then):
    Watcher().look()
    about = {"channel": "sms", "point": Page.objects.order_by("attempt")[0].point, "state": "sent", "send_at": None}
    make_page(world, Alert.objects.get(), **about, sent_at=MONDAY_0900, provider_id="another", next_way_at=NEXT_WAY)
    assert texts.receipt(texts.messages[0], word, client).status_code < 300
    assert ways() == [then, then, ("sent", NEXT_WAY)]


def test_a_word_that_comes_before_the_text_is_on_record_is_told_of_every_page_in_it(texts, client):
    watcher = Watcher()
    claim = watcher._claim_outgoing()
    parcel = together(prepare(Page, claim), MONDAY_0900, until=MONDAY_0900 + timedelta(seconds=40))
    outcome = deliver(parcel)
    texts.receipt(texts.messages[0], "undelivered", client)
    assert sorted(states()) == ["failed", "sending"]
    record(parcel, outcome)
    assert ways() == [("failed", MONDAY_0900)] * 2


def test_repeats_none_of_which_arrived_let_the_ladder_go_on_at_once(texts, client):
    """No other way is left: the person was not reached by any of the attempts, whichever the provider names."""
    closes_inbox()
    Page.objects.update(next_way_at=None)
    Alert.objects.update(next_page_at=MONDAY_0900 + timedelta(minutes=5))
    watcher = Watcher()
    watcher.look()
    texts.receipt(texts.messages[0], "undelivered", client)
    assert lost_attempts(Page.objects.select_related("user"), MONDAY_0900) == {0, 1}
    assert Alert.objects.get().next_page_at == MONDAY_0900


def test_all_that_is_on_its_way_together_is_kept_while_its_watcher_lives(world, monkeypatch):
    """A slow provider: nobody else takes a page for lost that flies with another."""
    alert = make_alert(world)
    for _ in range(2):
        make_page(world, alert)
    over, send = Event(), Email.send
    monkeypatch.setattr(Email, "send", lambda *given: over.wait(30) and send(*given))
    watcher = Watcher()
    try:
        watcher._look_once()
        with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(seconds=SEND_LEASE_SECONDS - 1))):
            watcher._landed(0)
        later = MONDAY_0900 + timedelta(seconds=SEND_LEASE_SECONDS + 1)
        assert all(page.lease_until > later for page in Page.objects.all())
        with clock.use(clock.FrozenClock(later)):
            assert Watcher()._claim_outgoing() is None
    finally:
        over.set()
        watcher.look()
        watcher._flights.close()
    assert len(mail.outbox) == 1
    assert states() == ["sent"] * 2
