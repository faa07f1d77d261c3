"""A page that stands only in an inbox nobody has open reaches nobody: the ladder goes on, and the patient hears the truth at once."""

import smtplib
from datetime import timedelta

import pytest
from django.test import override_settings

from handrail import clock
from handrail.actions.facts import receive_checkin
from handrail.actions.presence import note_look
from handrail.actions.receipts import note_receipt
from handrail.actions.truth import truth_about
from handrail.alerts.models import Alert, Page
from handrail.alerts.ways import can_be_reached
from tests.support import fake_smtp
from tests.support.factories import MONDAY_0900, checkin, closes_inbox, opens_inbox
from tests.support.reaching import FEVER_AT, make_night, make_point
from tests.support.twilio import phone_provider

pytestmark = pytest.mark.django_db
CALLED = "The clinician on call is being called."
SECOND = "The second clinician on call is being called."
NOBODY = "NOBODY could be reached from here."
ED = "Go to the emergency department now. Do not drive yourself. Your programme's number: 555-0111."
AT_ONCE = ["first_on_call", "first_on_call", "second_on_call", "attending", "patient_to_ed"]


@pytest.fixture
def night(time):
    """A fever at 11:00; two people on call, with no phone, no mail server, and no screen on which anybody looks."""
    night = make_night(time)
    closes_inbox()
    return night


def truth(night) -> str:
    said = truth_about(night.world.course, clock.now(), saved_at=FEVER_AT)
    assert said.startswith("Saved Monday, March 2, 11:00 AM CST. ")
    return said.removeprefix("Saved Monday, March 2, 11:00 AM CST. ")


def steps(night) -> list[tuple[str, str]]:
    rows = Page.objects.filter(alert=night.alert).exclude(channel="email").order_by("attempt")
    return [(row.who, row.state) for row in rows]


def test_nobody_looks_and_the_patient_is_told_at_once(night):
    assert truth(night) == f"{NOBODY} {ED}", "before any watcher has looked"
    night.watcher.look()
    states = ["not_reached"] * 4 + ["sent"]
    assert steps(night) == list(zip(AT_ONCE, states, strict=True)), "the whole ladder in one look, as when nobody is on"
    told = night.world.course.events.get(kind="patient_told").payload
    assert (told["because"], told["told"], told["packet"]) == ("nobody_reached", "go_to_ed", True)
    why = night.world.course.events.filter(kind="page_failed", payload__channel="on_screen").values_list(
        "payload", flat=True
    )
    assert {each["why"] for each in why} == {"whoever is on has no way but the inbox, and it is not open"}
    assert truth(night) == f"{NOBODY} {ED}"


def test_a_ladder_that_finds_nobody_is_climbed_in_one_turn(night):
    assert night.watcher._write_one(urgent=True)
    assert [who for who, _ in steps(night)] == AT_ONCE, "no other alert comes between two steps that are due together"
    assert Alert.objects.get().next_page_at > FEVER_AT


def test_who_is_called_again_with_the_word_to_the_patient_waits_for_no_other_alert(night, time):
    opens_inbox(night.world.alice.organisation, night.on_call, night.second)
    for minutes in (0, 5, 5, 10):
        time.advance(minutes=minutes)
        assert night.watcher._write_one(urgent=True)
    assert [who for who, _ in steps(night)] == AT_ONCE[:4]
    time.advance(minutes=10)
    assert night.watcher._write_one(urgent=True)
    last = Page.objects.filter(alert=night.alert, attempt__gte=4).order_by("attempt")
    assert {(page.who, page.created_at) for page in last} == {(who, clock.now()) for who in (AT_ONCE[4], AT_ONCE[0])}
    assert Alert.objects.get().next_page_at == clock.now() + timedelta(minutes=5)


def test_a_ladder_that_never_waits_lets_the_others_have_their_turn(night):
    steps = [{"who": AT_ONCE[0], "wait_minutes": 0}, {"who": AT_ONCE[4], "wait_minutes": 0}]
    opens_inbox(night.world.alice.organisation, night.on_call)
    Alert.objects.update(steps=steps)
    assert night.watcher._write_one(urgent=True)
    assert Page.objects.values("attempt").distinct().count() == 2, "one round a turn"
    assert Alert.objects.get().next_page_at == clock.now()


def test_an_empty_round_is_not_run_through_again_at_once(night, time):
    night.watcher.look()
    time.advance(minutes=4)
    night.watcher.look()
    assert len(steps(night)) == 5
    time.advance(minutes=30)
    night.watcher.look()
    assert len(steps(night)) == 6, "from then on each step waits for its minutes"


def test_somebody_who_opens_the_list_is_being_called(night, time):
    assert truth(night) == f"{NOBODY} {ED}"
    note_look(night.second)
    assert truth(night) == SECOND
    night.watcher.look()
    assert steps(night) == [(AT_ONCE[0], "not_reached"), (AT_ONCE[1], "not_reached"), ("second_on_call", "sent")]
    note_look(night.on_call)
    assert truth(night) == CALLED
    time.advance(seconds=61)
    assert truth(night) == f"{NOBODY} {ED}", "the screens were closed"
    assert Alert.objects.get().next_page_at == FEVER_AT + timedelta(minutes=10), (
        "who was reached has the minutes of the step"
    )


def test_who_was_told_to_go_is_not_told_to_wait(night):
    night.watcher.look()
    note_look(night.on_call)
    assert truth(night) == f"The team was called and NOBODY has answered yet. Do not wait. {ED}"


@pytest.mark.parametrize(
    ("reported", "words"),
    [
        ({"symptoms": ["fainted"]}, f"{NOBODY} Call 911 now. Your programme's number: 555-0111."),
        ({"symptoms": ["confused"]}, f"{NOBODY} {ED}"),
        ({"symptoms": ["rash"]}, "NOBODY could be reached from here: call 555-0111 now."),
    ],
)
def test_where_to_go_follows_the_ladder(time, reported, words):
    night = make_night(time, celsius="36.8")
    closes_inbox()
    sent = checkin(at=FEVER_AT, none_of_these=False, **reported)
    said = receive_checkin(night.world.course.pk, sent, by=night.world.actor("alice"), now=FEVER_AT).truth
    assert said == f"Saved Monday, March 2, 11:00 AM CST. {words}"


# --- what counts as a way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the way of the person on call                                | reached
    ("channel", "point", "reached"),
    [
        ("sms",   {},                                                True),
        ("voice", {},                                                True),
        ("sms",   {"red_only": True},                                True),
        ("sms",   {"verified_at": None},                             False),  # nobody has proved that it arrives
        ("sms",   {"removed_at": MONDAY_0900},                       False),
        ("push",  {"address": "{}"},                                 False),  # not set up here
    ],
)  # fmt: skip
def test_a_way_that_leaves_the_screen(night, settings, channel, point, reached):
    with phone_provider() as provider:
        settings.HANDRAIL_PHONE = provider.settings
        make_point(night.on_call, channel, **point)
        assert can_be_reached(night.on_call, night.alert, FEVER_AT) is reached
        assert truth(night) == (CALLED if reached else f"{NOBODY} {ED}")


def test_a_phone_that_is_quiet_for_what_is_not_red_does_not_ring_for_it(time, settings):
    night = make_night(time, celsius="36.8")
    closes_inbox()
    receive_checkin(
        night.world.course.pk,
        checkin(at=FEVER_AT, none_of_these=False, symptoms=["rash"]),
        by=night.world.actor("alice"),
        now=FEVER_AT,
    )
    with phone_provider() as provider:
        settings.HANDRAIL_PHONE = provider.settings
        make_point(night.on_call, "sms", red_only=True)
        assert night.alert.ladder == "AMBER"
        assert not can_be_reached(night.on_call, night.alert, FEVER_AT)


def test_a_mail_server_reaches_everybody_at_the_address_of_the_sign_in(night):
    with override_settings(EMAIL_BACKEND=fake_smtp.BACKEND, EMAIL_HOST="mail.example"):
        assert truth(night) == CALLED
        night.watcher.look()
        assert steps(night) == [("first_on_call", "sent")]


# --- what was sent and did not arrive -----------------------------------------------------------------------------------


def refuse(message) -> None:
    raise smtplib.SMTPRecipientsRefused(dict.fromkeys(message.to, (550, b"no such person")))


def test_a_mail_server_that_refuses_every_page_reaches_nobody(night):
    """Set up, tried and refused for good: the ladder goes on at once, and nobody reads that somebody is being called."""
    with override_settings(EMAIL_BACKEND=fake_smtp.BACKEND, EMAIL_HOST="mail.example"):
        assert truth(night) == CALLED, "nothing was tried yet"
        fake_smtp.trouble.append(refuse)
        try:
            night.watcher.look()
        finally:
            fake_smtp.trouble.remove(refuse)
        assert [who for who, _ in steps(night)] == AT_ONCE
        assert truth(night) == f"{NOBODY} {ED}"


def test_whoever_has_the_list_open_is_being_called_although_the_mail_failed(night):
    with override_settings(EMAIL_BACKEND=fake_smtp.BACKEND, EMAIL_HOST="mail.example"):
        note_look(night.on_call)
        fake_smtp.trouble.append(refuse)
        try:
            night.watcher.look()
        finally:
            fake_smtp.trouble.remove(refuse)
        assert [who for who, _ in steps(night)] == ["first_on_call"]
        assert truth(night) == CALLED


def test_the_only_phone_of_the_first_was_taken_by_a_machine_and_the_second_is_called(night, settings):
    """The second has a phone that is not tried yet; the first is tried again only in the next round."""
    with phone_provider() as provider:
        settings.HANDRAIL_PHONE = provider.settings
        make_point(night.on_call, "voice")
        make_point(night.second, "sms", "+15550100155")
        night.watcher.look()
        assert (truth(night), night.page("voice").state) == (CALLED, "sent")
        note_receipt(night.page("voice").pk, word="machine")
        assert truth(night) == CALLED, "the first on call is called once more, at once"
        night.watcher.look()
        assert [who for who, _ in steps(night) if who != "second_on_call"] == ["first_on_call"] * 4, (
            "voice and screen, twice"
        )
        note_receipt(night.page("voice", attempt=1).pk, word="machine")
        night.watcher.look()
        assert truth(night) == SECOND
        assert provider.messages[0].to == "+15550100155"
