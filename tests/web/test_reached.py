""" "How I am reached": add a phone, prove it with the code that arrives there, try it, and put the phones in order."""

import re

import pytest

from handrail.alerts.models import Dispatch
from handrail.jobs.watcher import Watcher
from handrail.people.models import ContactPoint
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World
from tests.support.reaching import make_point
from tests.support.twilio import Trouble

pytestmark = pytest.mark.django_db
NUMBER = "+1 (555) 010-0199"


@pytest.fixture
def world(time, client):
    world = World()
    client.force_login(world.alice.on_call)
    return world


def add(client, address: str = NUMBER, channel: str = "sms", **more: str):
    return client.post("/me/reached/add", {"channel": channel, "address": address, **more}, follow=True)


def do(client, what: str, point: ContactPoint | None = None, **more: str) -> str:
    point = point or ContactPoint.objects.get()
    return client.post(f"/me/reached/{point.pk}", {"do": what, **more}, follow=True).content.decode()


def code_in(provider) -> str:
    found = re.search(r"your code is (\d{6})", provider.messages[-1].body)
    assert found, provider.messages[-1].body
    return found[1]


def test_a_phone_is_added_proved_and_tried(world, provider, client, time):
    assert "A code is on its way" in add(client, label="night phone").content.decode()
    Watcher().look()
    point = ContactPoint.objects.get()
    assert (point.address, point.verified_at, point.label) == ("+15550100199", None, "night phone")
    assert "Not yet: type the code" in client.get("/me/reached").content.decode()
    assert "Switched on. Pages reach you here." in do(client, "verify", code=code_in(provider))
    time.advance(seconds=1)
    page = do(client, "test")
    assert "A test page is on its way" in page
    Watcher().look()
    assert provider.messages[-1].body == "Handrail: this is a TEST page. Nothing is wrong. Nobody waits for you."
    assert "Last test page" in client.get("/me/reached").content.decode()
    provider.receipt(provider.messages[-1], "delivered", client)
    assert ": delivered" in client.get("/me/reached").content.decode()


def test_the_code_is_kept_nowhere_once_it_is_sent(world, provider, client):
    add(client)
    with everything():
        assert Dispatch.objects.get().words != ""
        Watcher().look()
        assert Dispatch.objects.get().words == ""
        point = ContactPoint.objects.get()
    assert code_in(provider) not in (point.code_hash, point.address)


def test_the_number_is_stored_encrypted_and_shown_in_part(world, provider, client, django_assert_num_queries):
    add(client)
    with everything():
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT address, address_hash FROM people_contactpoint")
            stored = " ".join(cursor.fetchone())
    assert "0100199" not in stored
    shown = client.get("/me/reached").content.decode()
    assert "…0199" in shown and "5550100199" not in shown


@pytest.mark.parametrize("code", ["", "12345", "x" * 20, "0000000"])
def test_a_wrong_code_switches_nothing_on(world, provider, client, code):
    add(client)
    assert "This is not the code" in do(client, "verify", code=code)
    assert ContactPoint.objects.get().verified_at is None


def test_after_five_wrong_codes_the_right_one_is_over_too(world, provider, client):
    add(client)
    Watcher().look()
    right = code_in(provider)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        do(client, "verify", code=wrong)
    assert "This code is over" in do(client, "verify", code=right)
    do(client, "code")
    Watcher().look()
    assert "Switched on" in do(client, "verify", code=code_in(provider))


def test_a_code_is_over_after_a_quarter_of_an_hour(world, provider, client, time):
    add(client)
    Watcher().look()
    time.advance(minutes=15)
    assert "This code is over" in do(client, "verify", code=code_in(provider))


@pytest.mark.parametrize(
    ("channel", "address", "said"),
    [
        ("sms", "", "Write the number with + and the country"),
        ("sms", "555 0199", "Write the number with + and the country"),
        ("sms", "+1", "Write the number with + and the country"),
        ("sms", "+1555x0100199", ""),
        ("fax", NUMBER, "This channel is not set up here."),
        ("on_screen", "x", "This channel is not set up here."),
        ("email", "a@example.org", "This channel is not set up here."),
    ],
)
def test_what_is_no_number_is_said_and_kept_to_be_put_right(world, provider, client, channel, address, said):
    answer = add(client, address, channel)
    if not said:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert ContactPoint.objects.count() == 0
    assert not address or f'value="{address}"' in answer.content.decode()


def test_the_same_number_stands_once_however_it_is_written(world, provider, client):
    add(client)
    assert "This one stands already." in add(client, "+1-555-010-0199").content.decode()
    do(client, "remove")
    assert add(client).status_code == 200
    assert ContactPoint.objects.standing().count() == 1


def test_somebody_elses_phone_cannot_be_touched(world, provider, client):
    theirs = make_point(world.charlie.nurse)
    for what in ("remove", "test", "verify", "quiet"):
        assert client.post(f"/me/reached/{theirs.pk}", {"do": what}).status_code == 404
    assert "…0199" not in client.get("/me/reached").content.decode()


def test_order_quiet_and_removal(world, provider, client):
    first, second = make_point(world.alice.on_call), make_point(world.alice.on_call, address="+15550100155")
    do(client, "earlier", second)
    assert list(ContactPoint.objects.standing().values_list("pk", flat=True)) == [second.pk, first.pk]
    assert "Only RED pages come here now." in do(client, "quiet", first)
    assert "only RED" in client.get("/me/reached").content.decode()
    assert "Every page comes here now." in do(client, "loud", first)
    do(client, "remove", first)
    first.refresh_from_db()
    assert (first.address, first.removed_at) == ("", MONDAY_0900)


def test_codes_and_trials_have_a_limit(world, provider, client, time):
    point = make_point(world.alice.on_call)
    for _ in range(10):
        do(client, "test", point)
        time.advance(seconds=1)
    assert "Too many codes and trial pages" in do(client, "test", point)
    time.advance(hours=1)
    assert "A test page is on its way" in do(client, "test", point)


def test_a_trial_that_fails_says_so(world, provider, client):
    point = make_point(world.alice.on_call)
    provider.next_answers = [Trouble(400, 21211)]
    do(client, "test", point)
    Watcher().look()
    assert "NOT delivered (the phone provider refused (400, 21211))" in client.get("/me/reached").content.decode()


def test_without_a_provider_the_page_says_that_nothing_can_be_sent(world, client):
    page = client.get("/me/reached").content.decode()
    assert "This installation sends no text messages and no calls." in page
    assert "Add a phone" not in page


def test_nothing_switched_on_is_said(world, provider, client):
    assert "Nothing here is switched on." in client.get("/me/reached").content.decode()
    make_point(world.alice.on_call)
    assert "Nothing here is switched on." not in client.get("/me/reached").content.decode()
