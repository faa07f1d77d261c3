"""Pages by mail, against a real mail server: what leaves, to whom, and what follows when it is not taken."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.channels import Delivered, Message, PermanentFailure, TemporaryFailure, channel_named
from handrail.alerts.channels import email as email_channel
from handrail.alerts.models import Alert, Page
from handrail.jobs.outgoing import LONGEST_PAUSE, MOST_TRIES, Parcel, prepare, record
from handrail.jobs.watcher import SEND_LEASE_SECONDS, Watcher
from handrail.people.models import Shift
from tests.support.factories import MONDAY_0900, World, checkin, dose, fill_ladder, make_member, make_shift
from tests.support.mail import free_port, silent_server, use_port

pytestmark = pytest.mark.django_db
FEVER_AT = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def world(time):
    world = World()
    for step, user in fill_ladder(world.alice.organisation).items():
        type(user).objects.filter(pk=user.pk).update(email=f"{step}@example.org")
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    return world


@pytest.fixture
def alert(world, time) -> Alert:
    """A fever of 38.4 °C two hours after the dose, with words that must not leave the machine."""
    time.set(FEVER_AT)
    sent = checkin(at=FEVER_AT, temperature_c="38.4")
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=FEVER_AT)
    return Alert.objects.get()


def page() -> Page:
    return Page.objects.get(channel="email", attempt=0)


# --- what leaves ----------------------------------------------------------------------------------------------------------


def test_the_whole_mail(alert, mail):
    Watcher().look()
    (taken,) = mail.arrived
    assert taken.to == ("first_on_call@example.org",)
    assert taken.message["Subject"] == f"Handrail: CALL NOW, site {alert.site.code}"
    said, link = taken.body.rsplit(" ", 1)
    assert said == (
        f"Handrail: CALL NOW. Site {alert.site.code}. Code {alert.code}. "
        "Sign in and answer: https://handrail.example.org Or say that you have it:"
    )
    assert re.fullmatch(r"https://handrail\.example\.org/a/[A-Za-z0-9_-]{43}", link)
    assert page().state == "sent" and page().sent_at == FEVER_AT
    assert Page.objects.get(channel="on_screen").state == "sent"


def test_nothing_about_the_patient_leaves(alert, mail, world):
    patient = world.course.patient
    patient.given_name, patient.family_name = "Synthia", "Placeholder"
    patient.save()
    Watcher().look()
    raw = mail.arrived[0].raw.decode().lower()
    course = world.course
    secret = [
        patient.given_name, patient.family_name, patient.mrn, patient.phone, str(patient.pk), str(course.pk),
        str(alert.pk), alert.key, alert.what, "38.4", "fever", "teclistamab", "1950", "synthetic", "red-3", "step",
    ]  # fmt: skip
    assert [word for word in secret if word and word.lower() in raw.replace("first_on_call@example.org", "")] == []


def test_no_trace_of_the_recipient_or_the_alert_in_the_log(alert, mail, caplog):
    mail.answers["RCPT"] = "550 5.1.1 first_on_call@example.org is not known here"
    Watcher().look()
    assert "example.org" not in caplog.text
    assert "example.org" not in page().why


def test_the_second_person_gets_a_mail_of_their_own(alert, mail, time):
    for minutes in (0, 5, 10):
        time.set(FEVER_AT + timedelta(minutes=minutes))
        Watcher().look()
    assert [taken.to[0].split("@")[0] for taken in mail.arrived] == ["first_on_call", "first_on_call", "second_on_call"]
    assert len({taken.message["Message-ID"] for taken in mail.arrived}) == 3


def test_the_recipient_is_whoever_is_on_when_the_page_goes_out(alert, mail, world):
    stand_in = make_member(world.alice.organisation, "on_call")
    make_shift(world.alice.organisation, "first_on_call", stand_in, starts_at=FEVER_AT, is_override=True)
    Watcher().look()
    assert [taken.to for taken in mail.arrived] == [(stand_in.email,)]


# --- not taken for now ----------------------------------------------------------------------------------------------------


def run(time: clock.FrozenClock, seconds: int) -> None:
    """Look once a second for so long."""
    watcher = Watcher()
    for _ in range(seconds):
        watcher.look()
        time.advance(seconds=1)


@pytest.mark.parametrize(
    "answers",
    [{"RCPT": "450 4.2.1 later"}, {"MAIL": "421 4.3.2 later"}, {"DATA": "451 4.3.0 later"}],
    ids=["recipient", "sender", "data"],
)
def test_a_server_that_asks_to_wait_is_asked_again_with_growing_pauses_and_limits(alert, mail, time, answers):
    mail.answers.update(answers)
    watcher, tried_after = Watcher(), []
    for second in range(299):  # until just before the next step of the ladder
        before = len(mail.tries)
        watcher.look()
        tried_after += [second] * (len(mail.tries) - before)
        time.advance(seconds=1)
    pauses = [late - early for early, late in pairwise(tried_after)]
    assert len(tried_after) == MOST_TRIES
    assert pauses == [2, 4, 8, 16, LONGEST_PAUSE.seconds]
    found = page()
    assert (found.state, found.trouble, found.tries) == ("failed", "temporary", MOST_TRIES)


def test_it_is_sent_as_soon_as_the_server_takes_it(alert, mail, time, world):
    mail.answers["RCPT"] = "450 4.2.1 later"
    run(time, 5)
    assert (page().state, page().tries, mail.arrived) == ("sending", 2, [])
    mail.answers.clear()
    run(time, 20)
    assert (page().state, page().tries, len(mail.arrived)) == ("sent", 3, 1)
    assert world.course.events.filter(kind="page_sent", payload__channel="email").count() == 1


def test_nobody_listens(alert, settings, time):
    use_port(settings, free_port())
    run(time, 120)
    found = page()
    assert (found.state, found.trouble, found.tries) == ("failed", "temporary", MOST_TRIES)
    assert found.why == "the mail server did not answer (ConnectionRefusedError)"
    assert Page.objects.get(channel="on_screen", attempt=0).state == "sent"


def test_a_server_that_says_nothing_is_given_up_on_in_time(settings, monkeypatch):
    monkeypatch.setattr(email_channel, "SECONDS", 0.2)
    with silent_server() as port:
        use_port(settings, port)
        assert isinstance(channel_named("email").send(MESSAGE), TemporaryFailure)


def test_the_ladder_goes_on_while_mail_is_away(alert, settings, time):
    use_port(settings, free_port())
    run(time, 605)
    attempts = Page.objects.filter(channel="on_screen").order_by("attempt")
    assert [((row.created_at - FEVER_AT).total_seconds(), row.who) for row in attempts] == [
        (0, "first_on_call"),
        (300, "first_on_call"),
        (600, "second_on_call"),
    ]


def test_the_screens_of_others_do_not_wait_for_a_slow_mail_server(world, alert, settings, time, monkeypatch):
    """Two courses have a fever while the mail server says nothing: both pages are on screen before the first mail is given up."""
    other = world.make_course()
    receive_checkin(other.pk, checkin(at=FEVER_AT, temperature_c="39"), by=world.actor("alice"), now=FEVER_AT)
    monkeypatch.setattr(email_channel, "SECONDS", 1.0)
    with silent_server() as port:
        use_port(settings, port)
        watcher, shown = Watcher(), []
        real = Watcher._record

        def counted(*came: Any) -> None:
            shown.append(Page.objects.filter(channel="on_screen").count())
            real(*came)

        monkeypatch.setattr(Watcher, "_record", staticmethod(counted))
        watcher.look()
    assert shown[0] == 2
    assert Page.objects.filter(channel="email", state="sending", tries=1).count() == 2


def test_the_ladder_does_not_wait_for_the_next_try(alert, mail, time):
    """The pause before the next try of a mail is the mail's own: the next step comes on its second."""
    mail.answers["RCPT"] = "450 4.2.1 later"
    run(time, 290)
    assert page().tries >= 5
    run(time, 11)
    second = Page.objects.get(channel="on_screen", attempt=1)
    assert (second.created_at - FEVER_AT).total_seconds() == 300


def test_a_late_failure_of_a_lost_claim_counts_for_nothing_and_a_late_delivery_counts(alert, mail, time):
    asleep, other = Watcher(), Watcher()
    asleep._write_one()
    old = asleep._claim_outgoing()
    late = Parcel(kind=Page, claim=old)
    time.advance(seconds=SEND_LEASE_SECONDS)
    new = other._claim_outgoing()
    assert new.turn == old.turn + 1
    record(late, TemporaryFailure(why="the connection broke"))
    assert (page().tries, page().claimed_by) == (0, other.name)
    record(late, Delivered())
    assert (page().state, page().send_at) == ("sent", None)
    assert prepare(Page, new) is None
    assert mail.arrived == [], "it is known to be delivered"


def test_an_alert_that_was_answered_meanwhile_is_not_sent(alert, mail, time, world):
    mail.answers["RCPT"] = "450 4.2.1 later"
    run(time, 2)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=time.now())
    mail.answers.clear()
    run(time, 60)
    assert mail.arrived == []
    assert (page().state, page().why) == ("failed", "answered before it was sent")


# --- refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [{"RCPT": "550 5.1.1 no such person"}, {"MAIL": "553 5.1.8 no"}, {"DATA": "554 5.7.1 no"}],
    ids=["recipient", "sender", "data"],
)
def test_a_refusal_is_recorded_and_not_tried_again(alert, mail, time, world, answers):
    mail.answers.update(answers)
    run(time, 60)
    assert len(mail.tries) == 1
    assert (page().state, page().trouble) == ("failed", "permanent")
    code = next(iter(answers.values()))[:3]
    assert page().why == f"the mail server refused ({code})"
    (event,) = world.course.events.filter(kind="page_failed")
    assert event.payload["permanent"] is True and event.payload["channel"] == "email"
    mail.answers.clear()
    time.set(FEVER_AT + timedelta(minutes=5))
    Watcher().look()
    assert len(mail.arrived) == 1, "the next step is mailed in its own right"


def test_an_address_that_cannot_be_written_does_not_hold_up_the_ladder(alert, mail, time, world):
    """Somebody's address was stored with a line break: no mail can be made of it, and the pages go on."""
    user = Shift.objects.get(step="first_on_call").user
    type(user).objects.filter(pk=user.pk).update(email="first\n@example.org")
    for minutes in (0, 1, 2, 5, 10):
        time.set(FEVER_AT + timedelta(minutes=minutes))
        Watcher().look()
    assert list(Page.objects.filter(channel="on_screen").order_by("attempt").values_list("who", flat=True)) == [
        "first_on_call",
        "first_on_call",
        "second_on_call",
    ]
    assert [taken.to for taken in mail.arrived] == [("second_on_call@example.org",)]
    assert page().state == "failed"


def test_a_channel_that_raises_does_not_hold_up_the_ladder(alert, mail, time, monkeypatch, caplog):
    def send(self, message):
        raise RuntimeError(f"nothing for {message.to}")

    monkeypatch.setattr(email_channel.Email, "send", send)
    run(time, 305)
    assert Page.objects.filter(channel="on_screen").count() == 2
    assert (page().state, page().why) == ("failed", "the channel failed (RuntimeError)")
    assert "example.org" not in caplog.text


MESSAGE = Message(
    to="someone@example.org",
    urgency="now",
    site="site-1",
    code="ABC234",
    base_url="https://handrail.example.org",
    idempotency_key="0" * 32,
)


@pytest.mark.parametrize("to", ["", "no at sign", "a\nb@example.org", "é@example.org", "a@" + "b" * 300 + ".org"])
def test_sending_never_raises(mail, to):
    """Whatever stands where an address should be, the channel answers."""
    mail.answers["RCPT"] = "550 5.1.1 no"
    parts = {name: getattr(MESSAGE, name) for name in MESSAGE.__slots__}
    assert isinstance(channel_named("email").send(Message(**{**parts, "to": to})), PermanentFailure)
