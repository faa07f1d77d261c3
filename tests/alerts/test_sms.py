"""Pages by text message, against a provider on the loopback: what leaves, receipts, the next phone, limits and lost answers."""

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError

from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.alerts import heartbeat, http, phone
from handrail.alerts.channels import Delivered, Message, PermanentFailure, TemporaryFailure, channel_named
from handrail.alerts.models import Alert, Page
from handrail.alerts.places import receipt_address
from handrail.jobs.outgoing import AT_ONCE
from handrail.jobs.watcher import SEND_LEASE_SECONDS, Watcher
from tests.support.factories import MONDAY_0900, checkin
from tests.support.installation import wait_until
from tests.support.mail import free_port, silent_server
from tests.support.reaching import BASE, FEVER_AT, make_night, make_point, secrets_of
from tests.support.twilio import ACCOUNT, TOKEN, Trouble, signed_post

pytestmark = pytest.mark.django_db
WAIT = 60
"""Seconds that the shipped policy waits for a receipt."""


@pytest.fixture
def night(time, provider):
    night = make_night(time)
    make_point(night.on_call, "sms", "+15550100199")
    return night


def ways() -> list[tuple[str, str, str]]:
    """Address, state and receipt of every page that needed an address of the person, oldest first."""
    rows = Page.objects.filter(point__isnull=False).select_related("point").order_by("created_at", "point__order")
    return [(row.point.address[-3:], row.state, row.receipt) for row in rows]


# --- what leaves ----------------------------------------------------------------------------------------------------------


def test_the_whole_text_message(night, provider):
    night.watcher.look()
    (sent,) = provider.messages
    assert sent.to == "+15550100199"
    site = night.world.alice.site.code
    assert sent.body.startswith(f"Handrail: CALL NOW. Site {site}. Code {night.alert.code}. ")
    assert sent.form["StatusCallback"] == receipt_address(night.page().pk)
    assert len(sent.body) <= 320, "two parts of a text message at most"


def test_nothing_about_the_patient_leaves_and_nothing_is_logged(night, provider, caplog, client):
    caplog.set_level(logging.DEBUG)
    provider.next_answers = [Trouble(500), Trouble(429, retry_after="2")]
    night.after(20)
    provider.receipt(provider.messages[0], "delivered", client)
    left = " ".join(" ".join(each.form.values()) for each in provider.taken)
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("handrail"))
    for secret in secrets_of(night):
        assert secret not in left
        assert secret not in logged
    for secret in (TOKEN, "5550100199", provider.messages[0].body, ACCOUNT):
        assert secret not in logged


def test_a_person_without_a_phone_has_the_screen_and_the_mail_as_before(time, provider):
    night = make_night(time)
    night.watcher.look()
    assert provider.tries == []
    assert set(Page.objects.values_list("channel", flat=True)) == {"on_screen", "email"}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, 1),
        ({"verified_at": None}, 0),
        ({"removed_at": MONDAY_0900}, 0),
        ({"red_only": True}, 1),
    ],
)
def test_only_a_verified_phone_is_used_and_nothing_is_quiet_for_red(time, provider, fields, sent):
    night = make_night(time)
    make_point(night.on_call, **fields)
    night.watcher.look()
    assert night.alert.ladder == "RED-3"
    assert len(provider.messages) == sent


def test_a_phone_that_is_quiet_is_quiet_for_amber(time, provider):
    night = make_night(time, celsius="36.8")
    make_point(night.on_call, red_only=True)
    make_point(night.on_call, address="+15550100155")
    at = time.advance(minutes=1)
    sent = checkin(at=at, symptoms=["dizzy"], none_of_these=False)
    receive_checkin(night.world.course.pk, sent, by=night.world.actor("alice"), now=at)
    night.watcher.look()
    assert night.alert.ladder == "AMBER"
    assert [each.to for each in provider.messages] == ["+15550100155"]


# --- receipts -------------------------------------------------------------------------------------------------------------


def test_a_receipt_says_that_it_arrived_and_no_other_phone_is_tried(night, provider, client):
    make_point(night.on_call, "sms", "+15550100155")
    night.watcher.look()
    for word in ("queued", "sent", "delivered"):
        assert provider.receipt(provider.messages[0], word, client).status_code == 204
    night.after(WAIT + 5)
    assert ways() == [("199", "sent", "delivered")]
    assert night.page().provider_id == provider.messages[0].sid


@pytest.mark.parametrize("word", ["failed", "undelivered"])
def test_one_that_is_not_delivered_goes_on_to_the_next_phone_at_once(night, provider, client, word):
    make_point(night.on_call, "sms", "+15550100155")
    night.watcher.look()
    provider.receipt(provider.messages[0], word, client, ErrorCode="30005")
    night.after(1)
    assert ways() == [("199", "failed", word), ("155", "sent", "")]
    failed = Page.objects.get(state="failed", channel="sms")
    assert failed.why == f"not delivered, the provider says: {word} (30005)"
    events = night.world.course.events.filter(kind="page_failed", payload__channel="sms")
    assert [event.payload["permanent"] for event in events] == [True]


def test_a_lost_receipt_goes_on_to_the_next_phone_after_the_policys_time(night, provider):
    make_point(night.on_call, "sms", "+15550100155")
    night.watcher.look()
    night.after(WAIT - 1)
    assert len(provider.messages) == 1
    night.after(1)
    assert [each.to[-3:] for each in provider.messages] == ["199", "155"]
    night.after(WAIT)
    assert len(provider.messages) == 2, "there is no third phone, and nobody is called twice for nothing"


def test_a_late_receipt_and_one_that_comes_twice_change_nothing_and_write_nothing(night, provider, client):
    night.watcher.look()
    for word in ("delivered", "sent", "queued", "delivered"):
        provider.receipt(provider.messages[0], word, client)
    assert ways() == [("199", "sent", "delivered")]
    assert night.world.course.events.filter(kind="page_sent", payload__channel="sms").count() == 1


def test_a_receipt_that_comes_after_the_failure_was_told_is_kept(night, provider, client):
    night.watcher.look()
    provider.receipt(provider.messages[0], "failed", client)
    provider.receipt(provider.messages[0], "delivered", client)
    assert ways() == [("199", "sent", "delivered")]


@pytest.mark.parametrize("trouble", ["token", "address", "field", "none"])
def test_what_the_provider_did_not_sign_is_believed_by_nobody(night, provider, client, trouble):
    night.watcher.look()
    address = provider.messages[0].form["StatusCallback"]
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    if trouble == "token":
        answer = signed_post(client, address, form, token="another")
    elif trouble == "address":
        headers = {"X-Twilio-Signature": phone.signature(BASE + "/", {k: [v] for k, v in form.items()}, TOKEN)}
        answer = client.post(address.removeprefix(BASE), form, headers=headers)
    elif trouble == "field":
        headers = {"X-Twilio-Signature": phone.signature(address, {k: [v] for k, v in form.items()}, TOKEN)}
        answer = client.post(address.removeprefix(BASE), {**form, "MessageStatus": "failed"}, headers=headers)
    else:
        answer = client.post(address.removeprefix(BASE), form)
    assert (answer.status_code, answer.content) == (403, b"")
    assert ways() == [("199", "sent", "")]


def test_without_a_provider_no_receipt_is_believed(night, provider, client, settings):
    night.watcher.look()
    settings.HANDRAIL_PHONE = None
    assert provider.receipt(provider.messages[0], "delivered", client).status_code == 403


def test_a_receipt_about_nothing_is_taken_and_forgotten(night, provider, client):
    address = f"{BASE}/api/phone/receipts/{night.alert.pk}"
    assert signed_post(client, address, {"MessageStatus": "delivered"}).status_code == 204
    night.watcher.look()
    provider.receipt(provider.messages[0], "no such word", client)
    assert ways() == [("199", "sent", "")]


def test_a_receipt_is_asked_for_by_post_only(client, night, provider):
    assert client.get(f"/api/phone/receipts/{night.alert.pk}").status_code == 405


# --- the signature, from the interface's own example ------------------------------------------------------------------------


def test_the_signature_of_the_published_example():
    form = {
        "CallSid": ["CA1234567890ABCDE"],
        "Caller": ["+12349013030"],
        "Digits": ["1234"],
        "From": ["+12349013030"],
        "To": ["+18005551212"],
    }
    address = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert phone.signature(address, form, "12345") == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


# --- what goes wrong at the provider ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [Trouble(500), Trouble(503), Trouble(429)], ids=["500", "503", "429"])
def test_a_provider_in_trouble_is_asked_again(night, provider, trouble):
    provider.next_answers = [trouble]
    night.watcher.look()
    assert (night.page().state, night.page().trouble) == ("sending", "temporary")
    night.after(2)
    assert len(provider.messages) == 1 and night.page().state == "sent"


def test_the_wait_that_a_provider_asks_for_is_kept(night, provider):
    provider.next_answers = [Trouble(429, retry_after="20")]
    night.watcher.look()
    night.after(19)
    assert len(provider.tries) == 1
    night.after(1)
    assert len(provider.messages) == 1


def test_while_one_provider_asks_to_wait_the_next_phone_is_tried_in_time(night, provider):
    """A limit of minutes on one number must not keep somebody unreached."""
    make_point(night.on_call, "sms", "+15550100155")
    provider.next_answers = [Trouble(429, retry_after="200")]
    night.watcher.look()
    night.after(WAIT)
    assert [each.to[-3:] for each in provider.messages] == ["155"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "99999"}, 300),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 02 Mar 2026 15:00:30 GMT", "date": "Mon, 02 Mar 2026 15:00:00 GMT"}, 30),
        ({"retry-after": "Mon, 02 Mar 2026 14:00:00 GMT", "date": "Mon, 02 Mar 2026 15:00:00 GMT"}, 0),
        ({"retry-after": "Mon, 02 Mar 2026 15:00:30 GMT"}, None),
    ],
)
def test_the_wait_is_read_in_seconds_and_as_an_instant(headers, seconds):
    found = http.outcome(http.Answer(429, headers, b""), "somebody")
    assert isinstance(found, TemporaryFailure)
    assert found.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (Trouble(400, 21211), "the phone provider refused (400, 21211)"),
        (Trouble(401, 20003), "the phone provider refused (401, 20003)"),
        (Trouble(404, 20404), "the phone provider refused (404, 20404)"),
        (Trouble(302), "the phone provider refused (302, 20302)"),
    ],
    ids=["400", "401", "404", "302"],
)
def test_a_refusal_is_final_and_the_next_phone_is_tried_at_once(night, provider, trouble, why):
    make_point(night.on_call, "sms", "+15550100155")
    provider.next_answers = [trouble]
    night.watcher.look()
    first, second = Page.objects.filter(channel="sms").order_by("point__order")
    assert (first.state, first.trouble, first.why) == ("failed", "permanent", why)
    assert second.state == "sent"
    night.after(WAIT)
    assert len(provider.tries) == 2


def test_a_provider_that_is_not_there_is_asked_again(night, provider, settings):
    settings.HANDRAIL_PHONE = {**provider.settings, "base": f"http://127.0.0.1:{free_port()}"}
    night.watcher.look()
    assert night.page().why == "the phone provider could not be reached (ConnectionRefusedError)"
    settings.HANDRAIL_PHONE = provider.settings
    night.after(2)
    assert len(provider.messages) == 1


# --- known and not known ----------------------------------------------------------------------------------------------------


def test_when_the_answer_is_lost_it_is_sent_again_twice_rather_than_never(night, provider):
    provider.next_answers = [Trouble(taken=True)]
    night.watcher.look()
    assert "it may have been sent" in night.page().why
    night.after(2)
    assert len(provider.messages) == 2 and night.page().state == "sent"


def test_when_the_answer_is_lost_and_a_receipt_tells_of_it_nothing_is_sent_twice(night, provider, client):
    provider.next_answers = [Trouble(taken=True)]
    night.watcher.look()
    provider.receipt(provider.messages[0], "sent", client)
    night.after(WAIT)
    assert len(provider.messages) == 1
    assert (night.page().state, night.page().provider_id) == ("sent", provider.messages[0].sid)
    assert night.world.course.events.filter(kind="page_sent", payload__channel="sms").count() == 1


def test_a_watcher_that_died_after_sending_sends_nothing_again_once_a_receipt_told(night, provider, client):
    died = Watcher()
    died._write_one()
    died._send_one()
    died._flights.land(5)
    provider.receipt(provider.messages[0], "delivered", client)
    night.after(60)
    assert len(provider.messages) == 1


def test_a_page_that_was_answered_goes_on_to_no_other_phone(night, provider):
    make_point(night.on_call, "sms", "+15550100155")
    night.watcher.look()
    acknowledge(night.alert.pk, by=night.world.actor("alice", "on_call"), now=night.time.now())
    night.after(WAIT + 5)
    assert len(provider.messages) == 1


# --- the second device, and a slow provider ---------------------------------------------------------------------------------


def test_the_repeated_page_goes_to_the_second_device_too(night, provider, client):
    make_point(night.on_call, "sms", "+15550100155")
    night.watcher.look()
    provider.receipt(provider.messages[0], "delivered", client)
    night.time.set(FEVER_AT + timedelta(minutes=5))
    night.watcher.look()
    first, *repeated = [each.to[-3:] for each in provider.messages]
    assert (first, sorted(repeated)) == ("199", ["155", "199"]), "two at once, and either may be the faster"


def test_a_slow_provider_holds_up_neither_the_watcher_nor_the_others(night, provider):
    """Twelve people have a fever while each answer takes half a second: several are asked at once, and the watcher goes on looking."""
    for _ in range(11):
        course = night.world.make_course()
        sent = checkin(at=FEVER_AT, temperature_c="39")
        receive_checkin(course.pk, sent, by=night.world.actor("alice"), now=FEVER_AT)
    provider.always = Trouble(seconds=0.5)
    night.watcher._look_once()
    assert Page.objects.filter(channel="on_screen").count() == Alert.objects.count() == 12
    night.watcher.look()
    assert len(provider.messages) == 12
    assert 2 <= provider.most_busy <= AT_ONCE


def test_while_its_watcher_lives_nobody_else_sends_what_a_slow_provider_still_has(night, provider):
    """Longer than the lease, the claim is renewed; a watcher that does not renew has died, and another takes over."""
    provider.next_answers = [Trouble(seconds=0.5)]
    other = Watcher()
    night.watcher._look_once()
    wait_until(lambda: provider.tries, "the provider was asked")
    for _ in range(3):
        night.time.advance(seconds=SEND_LEASE_SECONDS * 0.6)
        night.watcher._landed(0)
        other.look()
    assert len(provider.tries) == 1
    night.watcher.look()
    assert len(provider.messages) == 1


def test_a_database_that_is_away_when_the_answer_comes_loses_no_answer(night, provider, monkeypatch):
    provider.next_answers = [Trouble(seconds=0.5)]  # the answer comes after the look
    night.watcher._look_once()
    with monkeypatch.context() as patched:
        patched.setattr("handrail.jobs.watcher.record", lambda *_: (_ for _ in ()).throw(OperationalError("away")))
        with pytest.raises(OperationalError):
            night.watcher._landed(5)
    night.after(SEND_LEASE_SECONDS + 1)
    assert len(provider.messages) == 1 and night.page().state == "sent"


def test_a_channel_that_never_comes_back_is_taken_for_lost(night, provider):
    provider.next_answers = [Trouble(seconds=1)]
    night.watcher._look_once()
    for _ in range(10):
        night.time.advance(seconds=SEND_LEASE_SECONDS * 0.6)
        night.watcher._flights.keep(timedelta(seconds=SEND_LEASE_SECONDS))
        night.watcher._landed(0)
    Watcher()._look_once()
    night.watcher.look()
    assert len(provider.tries) == 2


def test_what_waits_to_be_sent_is_behind_until_somebody_works_on_it(night, provider):
    night.watcher._write_one()
    assert heartbeat.behind(FEVER_AT + timedelta(seconds=4.9)) == 0
    assert heartbeat.behind(FEVER_AT + timedelta(seconds=5)) == 1
    night.watcher._claim_outgoing()
    assert heartbeat.behind(FEVER_AT + timedelta(seconds=5)) == 0
    assert heartbeat.behind(FEVER_AT + timedelta(minutes=2)) == 1, "whoever worked on it did not come back"


# --- the channel alone, with no database ------------------------------------------------------------------------------------

MESSAGE = Message(
    to="+15550100199",
    urgency="now",
    site="site-1",
    code="ABC234",
    base_url=BASE,
    idempotency_key="0" * 32,
    receipts_to=f"{BASE}/api/phone/receipts/0",
)


def changed(**fields) -> Message:
    return Message(**{name: getattr(MESSAGE, name) for name in MESSAGE.__slots__} | fields)


@pytest.mark.parametrize(
    ("fields", "settings_changed", "why"),
    [
        ({"to": ""}, {}, "(400, 21604)"),
        ({"to": "0100199"}, {}, "(400, 21211)"),
        ({"words": "x" * 1601}, {}, "(400, 21617)"),
        ({"receipts_to": "nowhere"}, {}, "(400, 21609)"),
        ({}, {"token": "wrong"}, "(401, 20003)"),
        ({}, {"account": "AC1"}, "(401, 20003)"),
        ({}, {"sender": ""}, "(400, 21603)"),
        ({}, {"sender": "+15550100009"}, "(400, 21606)"),
    ],
    ids=["no to", "no country", "too long", "no callback", "token", "account", "no from", "other from"],
)
def test_the_provider_refuses_what_the_real_one_refuses(provider, settings, fields, settings_changed, why):
    settings.HANDRAIL_PHONE = {**provider.settings, **settings_changed}
    found = channel_named("sms").send(changed(**fields))
    assert isinstance(found, PermanentFailure) and found.why.endswith(why)
    assert provider.taken == []


def test_a_form_in_another_encoding_is_refused(provider):
    """The fake itself: what the application would get wrong, it would notice."""
    headers = {"Authorization": "Basic " + "QUM6eA==", "Content-Type": "application/json"}
    address = f"{provider.settings['base']}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert http.post(address, b"{}", headers).status == 401


def test_the_channel_asks_no_database(provider):
    found = channel_named("sms").send(MESSAGE)
    assert found == Delivered(reference=provider.messages[0].sid, receipts=True)


def test_a_provider_that_says_nothing_is_given_up_on_in_time(settings, monkeypatch):
    monkeypatch.setattr(http, "SECONDS", 0.2)
    with silent_server() as port:
        settings.HANDRAIL_PHONE = {"base": f"http://127.0.0.1:{port}", "account": "a", "token": "t", "sender": "+1555"}
        found = channel_named("sms").send(MESSAGE)
    assert isinstance(found, TemporaryFailure) and "may have been sent" in found.why


def test_what_a_message_prints_names_nobody():
    assert repr(changed(to="+15550100123", words="a secret")) == f"Message({'0' * 32})"
    assert "token" not in repr(phone.Provider(base="b", account="a", token="token", sender="s"))


@pytest.mark.parametrize(
    ("number", "sender", "to"),
    [
        ("+1 (555) 010-0199", "+15550100000", "+15550100199"),
        ("(555) 010-0199", "+15550100000", "+15550100199"),
        ("1 555 010 0199", "+15550100000", "+15550100199"),
        ("010-0199", "+15550100000", "0100199"),
        ("(555) 010-0199", "+4930123456", "5550100199"),
        ("+49 30 123456", "+15550100000", "+4930123456"),
    ],
)
def test_a_number_is_dialled_with_its_country(settings, number, sender, to):
    settings.HANDRAIL_PHONE = {"base": "http://127.0.0.1:1", "account": "a", "token": "t", "sender": sender}
    assert phone.dialled(number) == to
