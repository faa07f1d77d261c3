""" "I have it" from a message: the link opens one page for one person, only the button acknowledges, and it is soon over."""

import logging
import re
from datetime import timedelta

import pytest
from django.test import Client

from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.alerts import ledger
from handrail.people.models import LinkToken, Membership, User
from handrail.people.scope import everything
from tests.support.reaching import BASE, make_night, make_point, secrets_of

pytestmark = pytest.mark.django_db
OVER = "This link answers nothing any more."


@pytest.fixture
def night(time, provider):
    night = make_night(time)
    make_point(night.on_call)
    night.watcher.look()
    return night


def path_in(provider, number: int = -1) -> str:
    found = re.search(rf"{BASE}(/a/\S+)", provider.messages[number].body)
    assert found, provider.messages[number].body
    return found[1]


def opened(client, provider, number: int = -1) -> str:
    """The page after the redirect, as a browser comes to it."""
    first = client.get(path_in(provider, number))
    assert (first.status_code, first.url) == (302, "/a/")
    return client.get("/a/").content.decode()


def test_the_link_shows_what_the_message_said_and_acknowledges_nothing(night, provider, client):
    for _ in range(3):  # a phone that previews links opens them too
        page = opened(client, provider)
    assert "CALL NOW" in page and night.alert.code in page and night.world.alice.site.code in page
    assert "You answer as <strong>Synthetic First</strong>" in page
    for secret in secrets_of(night)[:-1]:
        assert secret not in page
    assert night.alert.acknowledged_at is None
    assert client.head("/a/").status_code == 405


def test_the_button_acknowledges_as_that_person(night, provider, client, time):
    opened(client, provider)
    time.advance(minutes=2)
    page = client.post("/a/").content.decode()
    assert "You have it since" in page and "The clinical clock goes on" in page
    assert (night.alert.acknowledged_by, night.alert.acknowledged_at) == (night.on_call, time.now())
    event = night.world.course.events.get(kind="page_acknowledged")
    assert event.by == str(night.on_call.pk)
    assert "You have it since" in client.post("/a/").content.decode(), "a second tap says the same"
    assert night.world.course.events.filter(kind="page_acknowledged").count() == 1
    time.advance(minutes=10)
    night.watcher.look()
    assert len(provider.messages) == 1


def test_two_people_answer_and_the_second_is_told_who_has_it(night, provider, client, time):
    make_point(night.second, address="+15550100155")
    for _ in range(2):
        time.advance(minutes=5)
        night.watcher.look()
    to_second = next(n for n, each in enumerate(provider.messages) if each.to.endswith("155"))
    other = Client()
    opened(client, provider, 0)
    opened(other, provider, to_second)
    client.post("/a/")
    page = other.post("/a/").content.decode()
    assert "Synthetic First has it since" in page
    assert "I have it</button>" not in page
    assert night.alert.acknowledged_by == night.on_call


def over(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 410
    return re.sub(r'value="\w{64}"', "", answer.content.decode())


def test_a_stranger_and_a_link_that_is_over_get_the_same_answer(night, provider, client, time):
    wrong = over(client, "/a/" + "x" * 43)
    assert OVER in wrong
    assert over(client, "/a/") == wrong, "no cookie"
    client.cookies["handrail_answer"] = "made up"
    assert over(client, "/a/") == wrong, "a cookie that Handrail did not make"
    client.cookies.clear()
    path = path_in(provider)
    acknowledge(night.alert.pk, by=person(night.second), now=time.now())
    assert over(client, path) == wrong, "somebody has it"


def test_a_link_is_over_after_the_policys_hours_and_its_cookie_with_it(night, provider, client, time):
    path = path_in(provider)
    opened(client, provider)
    time.advance(timedelta(hours=12))
    assert OVER in over(Client(), path)
    assert OVER in over(client, "/a/")
    assert client.post("/a/").status_code == 410
    assert night.alert.acknowledged_at is None


def test_an_alert_that_is_closed_ends_its_links(night, provider, client, time):
    opened(client, provider)
    alert = night.alert
    ledger.close(alert, "the reason is over", time.now())
    assert OVER in over(client, "/a/")
    assert client.post("/a/").status_code == 410
    assert LinkToken.objects.filter(alert=alert, revoked_at__isnull=True).count() == 0


@pytest.mark.parametrize("trouble", ["inactive", "left"])
def test_somebody_who_may_not_answer_any_more_cannot(night, provider, client, time, trouble):
    opened(client, provider)
    if trouble == "inactive":
        User.objects.filter(pk=night.on_call.pk).update(is_active=False)
    else:
        Membership.objects.filter(user=night.on_call).update(valid_until=time.now())
    answer = client.post("/a/")
    assert answer.status_code == 410 and OVER in answer.content.decode()
    assert night.alert.acknowledged_at is None


def test_the_link_of_one_purpose_opens_no_other(night, provider, client):
    token = path_in(provider).removeprefix("/a/")
    assert client.get(f"/c/{token}").status_code == 410
    assert client.get("/api/checkins", headers={"Authorization": f"Bearer {token}"}).status_code in (400, 401, 403)
    opened(client, provider)
    assert client.get("/pages/").status_code == 302, "the link is no sign-in"


def test_the_token_is_stored_hashed_and_reaches_no_log(night, provider, client, caplog):
    caplog.set_level(logging.DEBUG)
    token = path_in(provider).removeprefix("/a/")
    opened(client, provider)
    client.post("/a/")
    client.get(f"/a/{token}")
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("handrail", "django.request"))
    )
    assert token not in logged
    with everything():
        assert not LinkToken.objects.filter(token_hash=token).exists()


def test_nothing_is_kept_by_a_browser_and_nothing_goes_out_in_a_referrer(night, provider, client):
    first = client.get(path_in(provider))
    assert (first["Cache-Control"], first["Referrer-Policy"]) == ("no-store", "no-referrer")
    cookie = first.cookies["handrail_answer"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/a/", True, "Lax")
    assert client.get("/a/")["Cache-Control"] == "no-store"


def test_a_form_without_its_secret_does_nothing(night, provider):
    client = Client(enforce_csrf_checks=True)
    opened(client, provider)
    assert client.post("/a/").status_code == 403
    assert night.alert.acknowledged_at is None
