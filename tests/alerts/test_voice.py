"""Pages by phone call: what is read aloud, the key that says "I have it", and what is not believed."""

from xml.etree import ElementTree

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.contact_points import add_point
from handrail.alerts.channels import Delivered, Message, channel_named
from handrail.alerts.models import Page
from handrail.people.models import User
from tests.support.factories import MONDAY_0900
from tests.support.reaching import BASE, make_night, make_point, secrets_of
from tests.support.twilio import Trouble, phone_provider, signed_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        yield frozen


@pytest.fixture
def provider(settings):
    with phone_provider() as server:
        settings.HANDRAIL_PHONE = server.settings
        settings.HANDRAIL_BASE_URL = BASE
        yield server


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


def test_a_call_that_somebody_took_has_arrived(night, provider, client):
    make_point(night.on_call, "sms", "+15550100155")
    for word in ("ringing", "in-progress", "completed"):
        provider.receipt(provider.calls[0], word, client)
    night.after(65)
    assert provider.messages == []
    assert night.page("voice").receipt == "completed"


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
