"""`handrail people`: an empty database gets its first director, who signs in; a name is taken once."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.jobs.people import main
from handrail.people.models import Membership, Organisation, User
from handrail.people.scope import everything
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900

pytestmark = pytest.mark.django_db
PASSWORD = "a long synthetic password"
BEGIN = (
    *("begin", "--organisation", "Prairie Oncology", "--time-zone", "America/Chicago", "--number", "555-0120"),
    *("--name", "Dr. Synthetic Director", "--email", "Director@prairie.example"),
)


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield


def link_in(text: str) -> str:
    found = re.search(r"/accounts/password/reset/key/\S+", text)
    assert found is not None, text
    return found[0]


def choose(path: str, password: str) -> Client:
    client = Client()
    form = client.get(path, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})
    return client


def test_a_live_practice_begins_with_its_director_who_sees_what_to_do_next(capsys: pytest.CaptureFixture[str]):
    assert main(BEGIN) == 0
    said = capsys.readouterr().out
    assert "Prairie Oncology is there, and Dr. Synthetic Director is its director." in said
    with everything():
        made = Organisation.objects.get()
        assert (made.mode, made.kind, made.call_number) == ("live", "community", "555-0120")
        assert [row.role for row in Membership.objects.all()] == ["director"]
    client = choose(link_in(said), PASSWORD)
    signed = {"login": "director@prairie.example", "password": PASSWORD}
    assert "Who needs me now?" in client.post(reverse("account_login"), signed, follow=True).content.decode()
    assert "Add a person" in client.get(reverse("people")).content.decode()


def test_the_same_person_begins_a_second_organisation_and_keeps_the_password(capsys: pytest.CaptureFixture[str]):
    main(BEGIN)
    choose(link_in(capsys.readouterr().out), PASSWORD)
    main(("begin", "--organisation", "Hub", "--kind", "centre", "--demonstration", *BEGIN[3:]))
    said = capsys.readouterr().out
    assert "They sign in with the password that they have." in said
    assert "/accounts/" not in said
    with everything():
        hub = Organisation.objects.get(name="Hub")
        assert (hub.mode, hub.kind) == ("demo", "hub")
        assert User.objects.count() == 1


def test_a_link_for_somebody_who_cannot_get_in(capsys: pytest.CaptureFixture[str]):
    main(BEGIN)
    choose(link_in(capsys.readouterr().out), PASSWORD)
    main(("link", "--email", "director@prairie.example"))
    client = choose(link_in(capsys.readouterr().out), "another long synthetic one")
    signed = {"login": "director@prairie.example", "password": "another long synthetic one"}
    assert "Who needs me now?" in client.post(reverse("account_login"), signed, follow=True).content.decode()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("--organisation", "Prairie Oncology", "An organisation of that name is there already."),
        ("--time-zone", "Mars/Olympus", "Choose a time zone by its name, such as America/Chicago."),
        ("--email", "nobody", "That is no e-mail address."),
        ("--number", " ", "Type a number."),
    ],
)
def test_what_cannot_be_used_changes_nothing(name: str, value: str, words: str):
    main(BEGIN)
    another = [*BEGIN]
    another[another.index("--organisation") + 1] = "Another"
    another[another.index(name) + 1] = value
    with pytest.raises(UnusableInput, match=words):
        main(another)
    with everything():
        assert Organisation.objects.count() == 1
        assert User.objects.count() == 1


def test_nobody_of_that_address_gets_no_link():
    with pytest.raises(UnusableInput, match="Nobody signs in with that address"):
        main(("link", "--email", "nobody@example.org"))
