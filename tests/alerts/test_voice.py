"""Pages by phone call: what is read aloud, the key that says "I have it", and what is not believed."""

from xml.etree import ElementTree

import pytest

from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.contact_points import add_point
from handrail.alerts.channels import Delivered, Message, channel_named
from handrail.alerts.models import Page
from handrail.people.models import User
from tests.support.reaching import BASE, make_night, make_point, secrets_of
from tests.support.twilio import Trouble, signed_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(time, provider):
    night = make_night(time)
    make_point(night.on_call, "voice")
    night.watcher.look()
    return night


def said(answer) -> str:
    return ElementTree.fromstring(answer.content).findtext("Say") or ""


def test_what_is_read_aloud(night, provider):
    (call,) = provider.calls
    script = ElementTree.fromstring(call.form["Twiml"])
    words = script.findtext("Gather/Say")
    code = ", ".join(night.alert.code)
    page = f"Handrail. Call now. Site {night.world.alice.site.code}. Code {code}."
    assert words == f"{page} I repeat. {page} Press 1 to say: I have it."
    assert script.find("Gather").attrib["input"] == "dtmf"
    for secret in secrets_of(night):
        assert secret not in call.form["Twiml"]
    assert "/a/" not in call.form["Twiml"], "nobody can tap a link in a call"


def test_the_key_acknowledges_as_the_person_who_was_called(night, provider, client):
    answer = provider.presses(provider.calls[0], "1", client)
    assert answer["Content-Type"].startswith("text/xml")
    assert said(answer).startswith("You have it. Nobody else is called.")
    assert night.alert.acknowledged_by == night.on_call
    assert said(provider.presses(provider.calls[0], "1", client)).startswith("You have it.")
    assert night.world.course.events.filter(kind="page_acknowledged").count() == 1


@pytest.mark.parametrize("key", ["", "2", "11", "*", "1 "])
def test_another_key_acknowledges_nothing(night, provider, client, key):
    assert said(provider.presses(provider.calls[0], key, client)) == "That was not 1. Nobody has it."
    assert night.alert.acknowledged_at is None


def test_somebody_else_was_faster(night, provider, client, time):
    acknowledge(night.alert.pk, by=person(night.second), now=time.now())
    assert said(provider.presses(provider.calls[0], "1", client)) == "Synthetic Second has it."


@pytest.mark.parametrize("trouble", ["call", "token", "page", "inactive"])
def test_what_is_not_believed(night, provider, client, trouble):
    (call,) = provider.calls
    if trouble == "call":
        answer = provider.presses(call, "1", client, sid="CA" + "9" * 32)
        assert "answers nothing any more" in said(answer)
    elif trouble == "inactive":
        User.objects.filter(pk=night.on_call.pk).update(is_active=False)
        assert "answers nothing any more" in said(provider.presses(call, "1", client))
    elif trouble == "page":
        screen = Page.objects.get(channel="on_screen")
        answer = signed_post(client, f"{BASE}/api/phone/answers/{screen.pk}", {"CallSid": call.sid, "Digits": "1"})
        assert "answers nothing any more" in said(answer)
    else:
        address = f"{BASE}/api/phone/answers/{night.page('voice').pk}"
        answer = signed_post(client, address, {"CallSid": call.sid, "Digits": "1"}, token="another")
        assert (answer.status_code, answer.content) == (403, b"")
    assert night.alert.acknowledged_at is None


@pytest.mark.parametrize("word", ["busy", "no-answer", "failed"])
def test_a_call_that_nobody_takes_goes_on_to_the_next_phone(night, provider, client, word):
    make_point(night.on_call, "sms", "+15550100155")
    provider.receipt(provider.calls[0], word, client)
    night.after(1)
    assert [each.to for each in provider.messages] == ["+15550100155"]
    assert night.page("voice").state == "failed"


@pytest.mark.parametrize(
    # what the provider says took it | what the page is then | where the next page goes, seconds later
    ("answered_by", "receipt", "state", "goes_on"),
    [
        ("human",               "human",     "sent",   False),
        ("machine_start",       "machine",   "failed", True),
        ("machine_end_beep",    "machine",   "failed", True),
        ("machine_end_silence", "machine",   "failed", True),
        ("fax",                 "machine",   "failed", True),
        ("unknown",             "completed", "sent",   True),
        ("",                    "completed", "sent",   True),
    ],
)  # fmt: skip
def test_only_a_human_counts_as_having_heard_a_call(night, provider, client, answered_by, receipt, state, goes_on):
    make_point(night.on_call, "sms", "+15550100155")
    call = provider.calls[0]
    for word in ("ringing", "in-progress"):
        provider.receipt(call, word, client)
    night.after(5)
    assert provider.messages == [], "it is being read out"
    if answered_by:
        assert provider.detects(call, answered_by, client).status_code == 204
    provider.receipt(call, "completed", client)
    night.after(1)
    assert [each.to for each in provider.messages] == (["+15550100155"] if goes_on else [])
    page = night.page("voice")
    assert (page.receipt, page.state) == (receipt, state)
    assert page.why == ("an answering machine took the call" if receipt == "machine" else "")
    assert night.alert.acknowledged_at is None


def test_a_machine_sends_the_next_page_while_it_still_listens(night, provider, client):
    """The page is not read to the end of somebody's mailbox before the next phone rings."""
    make_point(night.on_call, "sms", "+15550100155")
    provider.receipt(provider.calls[0], "in-progress", client)
    provider.detects(provider.calls[0], "machine_start", client)
    night.after(1)
    assert [each.to for each in provider.messages] == ["+15550100155"]


def test_the_word_that_comes_with_the_end_of_the_call_counts_as_well(night, provider, client):
    make_point(night.on_call, "sms", "+15550100155")
    provider.receipt(provider.calls[0], "completed", client, AnsweredBy="human")
    night.after(65)
    assert provider.messages == [] and night.page("voice").receipt == "human"


@pytest.mark.parametrize("key", ["1", "7"])
def test_a_pressed_key_is_a_human_whatever_was_detected(night, provider, client, key):
    make_point(night.on_call, "sms", "+15550100155")
    provider.presses(provider.calls[0], key, client)
    provider.detects(provider.calls[0], "machine_start", client)
    provider.receipt(provider.calls[0], "completed", client)
    night.after(65)
    assert provider.messages == []
    assert (night.page("voice").receipt, night.page("voice").state) == ("key", "sent")
    assert (night.alert.acknowledged_at is not None) == (key == "1")


def test_what_a_stranger_says_was_detected_is_not_believed(night, provider, client):
    form = {"CallSid": provider.calls[0].sid, "AnsweredBy": "human"}
    address = provider.calls[0].form["AsyncAmdStatusCallback"]
    assert signed_post(client, address, form, token="another").status_code == 403
    assert night.page("voice").receipt == ""


def test_a_page_asks_who_answers_and_a_code_does_not(night, provider, time):
    page = provider.calls[0].form
    assert (page["MachineDetection"], page["AsyncAmd"]) == ("Enable", "true"), (
        "beside the reading: nobody waits in silence"
    )
    assert page["AsyncAmdStatusCallback"] == page["StatusCallback"]
    add_point("voice", "+15550100133", by=person(night.on_call), now=time.now())
    night.watcher.look()
    assert "MachineDetection" not in provider.calls[1].form


def test_a_key_that_comes_before_the_provider_has_answered_us_counts(time, provider, client):
    """The call rings before the answer to our request is back: the key is believed all the same, it is signed."""
    night = make_night(time)
    make_point(night.on_call, "voice")
    provider.next_answers = [Trouble(taken=True)]
    night.watcher.look()
    assert said(provider.presses(provider.calls[0], "1", client)).startswith("You have it.")
    night.after(3)
    assert len(provider.calls) == 1, "nobody is called again for what somebody has"


def test_the_code_of_a_new_phone_is_read_digit_by_digit(time, provider):
    night = make_night(time, celsius="36.8")
    add_point("voice", "+15550100133", by=person(night.on_call), now=time.now())
    night.watcher.look()
    words = ElementTree.fromstring(provider.calls[0].form["Twiml"]).findtext("Say")
    assert "your code is " in words and words.split("your code is ")[1][:9].count(", ") == 3


def test_signs_of_markup_in_a_site_stay_words(provider):
    message = Message(
        to="+15550100199",
        urgency="now",
        site='<&"site>',
        code="ABC234",
        base_url=BASE,
        idempotency_key="0" * 32,
        receipts_to=BASE,
        answer_to=f'{BASE}/?a=1&b="2"',
    )
    assert isinstance(channel_named("voice").send(message), Delivered)
    script = ElementTree.fromstring(provider.calls[0].form["Twiml"])
    assert '<&"site>' in script.findtext("Gather/Say")
    assert script.find("Gather").attrib["action"] == f'{BASE}/?a=1&b="2"'
