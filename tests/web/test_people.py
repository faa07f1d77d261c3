"""The desk of people: a director sets up sites, people and roles; a site manager cannot make themselves a director."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.people.models import Membership, Organisation, Role, Site, User
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, House, make_house, make_member

pytestmark = pytest.mark.django_db
PASSWORD = "a long synthetic password"


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(MONDAY_0900)) as now:
        yield now


@pytest.fixture
def house() -> House:
    return make_house("Alice")


def send(user: User, house: House, key: str, **values: object):
    client = Client()
    client.force_login(user)
    return client.post(reverse("write_people", args=[house.id, key]), values, follow=True)


def roles_of(email: str) -> set[str]:
    with everything():
        return set(Membership.objects.filter(user__email=email, valid_until=None).values_list("role", flat=True))


def test_a_person_is_added_chooses_a_password_and_signs_in(house: House):
    said = send(
        house.director, house, "person", name="New Nurse", email="New@Example.org", roles=["nurse", "coordinator"]
    )
    assert roles_of("new@example.org") == {"nurse", "coordinator"}
    link = re.search(r"/accounts/password/reset/key/[^\"]+", said.content.decode())
    assert link is not None
    person = Client()
    form = person.get(link[0], follow=True)
    assert "Choose a password" in form.content.decode()
    done = person.post(
        form.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD}, follow=True
    ).content.decode()
    assert "The password is saved" in done
    assert reverse("account_login") in done
    signed = person.post(reverse("account_login"), {"login": "new@example.org", "password": PASSWORD}, follow=True)
    assert "Who needs me now?" in signed.content.decode()
    assert "This link is used" in Client().get(link[0], follow=True).content.decode()


def test_only_who_has_no_password_yet_is_given_a_link(house: House):
    send(house.director, house, "person", name="New Nurse", email="new@example.org", roles=["nurse"])
    with everything():
        user = User.objects.get(email="new@example.org")
    client = Client()
    client.force_login(house.director)
    address = reverse("invite_person", args=[house.id, user.pk])
    assert "/accounts/password/reset/key/" in client.post(address).content.decode()
    user.set_password(PASSWORD)
    user.save()
    refused = client.post(address, follow=True).content.decode()
    assert "/accounts/password/reset/key/" not in refused
    assert "has a password" in refused
    stranger = make_house("Charlie")
    client.force_login(stranger.director)
    assert client.post(address).status_code == 404
    client.force_login(house.nurse)
    assert client.post(address).status_code == 404


def test_a_site_is_added_with_a_code_that_no_other_site_has(house: House):
    other = make_house("Bob")
    for each in (house, other):
        send(each.director, each, "site", name="Main Street Clinic", number="555-0177", time_zone="America/Denver")
    with everything():
        made = Site.objects.filter(name="Main Street Clinic").order_by("code")
        assert [site.code for site in made] == ["main-street-clinic", "main-street-clinic-2"]
        assert {site.time_zone for site in made} == {"America/Denver"}
    again = send(house.director, house, "site", name="Main Street Clinic")
    assert again.status_code == 422
    assert "A site of that name is there already." in again.content.decode()


def test_the_number_of_a_site_and_of_the_organisation_is_changed(house: House):
    client = Client()
    client.force_login(house.director)
    client.post(reverse("site_number", args=[house.site.pk]), {"number": "555-0188"})
    send(house.director, house, "organisation", number="555-0199", second_factor="no")
    with everything():
        assert Site.objects.get(pk=house.site.pk).call_number == "555-0188"
        assert Organisation.objects.get(pk=house.id).call_number == "555-0199"
    assert (
        "please answer" in send(house.director, house, "organisation", number="", second_factor="no").content.decode()
    )


def test_a_site_manager_gives_roles_but_makes_and_ends_no_director(house: House):
    manager = make_member(house.organisation, "site_manager")
    refused = send(manager, house, "role", who=str(manager.pk), role="director")
    assert "Only a director makes a director" in refused.content.decode()
    assert roles_of(manager.email) == {"site_manager"}
    send(manager, house, "role", who=str(manager.pk), role="nurse")
    assert roles_of(manager.email) == {"site_manager", "nurse"}
    client = Client()
    client.force_login(manager)
    with everything():
        director = Membership.objects.get(organisation=house.id, role=Role.DIRECTOR)
    said = client.post(reverse("end_role", args=[director.pk]), follow=True).content.decode()
    assert "Only a director makes a director" in said
    assert roles_of(house.director.email) == {"director"}


def test_a_role_ends_and_the_last_director_stays(house: House, frozen: clock.FrozenClock):
    client = Client()
    client.force_login(house.director)
    with everything():
        nurse = Membership.objects.get(organisation=house.id, role=Role.NURSE)
        director = Membership.objects.get(organisation=house.id, role=Role.DIRECTOR)
    frozen.advance(timedelta(minutes=5))
    assert "no longer nurse" in client.post(reverse("end_role", args=[nurse.pk]), follow=True).content.decode()
    assert roles_of(house.nurse.email) == set()
    said = client.post(reverse("end_role", args=[director.pk]), follow=True).content.decode()
    assert "This is the last director" in said
    assert roles_of(house.director.email) == {"director"}


def test_a_stranger_and_a_nurse_change_nothing(house: House):
    stranger = make_house("Charlie")
    assert send(stranger.director, house, "site", name="Theirs").status_code == 404
    assert send(house.nurse, house, "site", name="Mine").status_code == 403
    client = Client()
    client.force_login(stranger.director)
    assert client.post(reverse("site_number", args=[house.site.pk]), {"number": "1"}).status_code == 404
    client.force_login(house.nurse)
    page = client.get(reverse("people")).content.decode()
    assert house.director.name in page
    assert "Add a person" not in page
    assert stranger.director.name not in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "", "email": "a@example.org", "roles": ["nurse"]}, "Name: please answer."),
        ({"name": "A", "email": "no address", "roles": ["nurse"]}, "That is no e-mail address."),
        ({"name": "A", "email": "a@example.org", "roles": []}, "Roles: please answer."),
        ({"name": "A", "email": "a@example.org", "roles": ["king"]}, "There is no such role."),
        ({"name": "A" * 201, "email": "a@example.org", "roles": ["nurse"]}, "At most 200 signs"),
    ],
)
def test_what_cannot_be_used_gets_one_sentence_and_is_kept(house: House, values: dict, words: str):
    said = send(house.director, house, "person", **values)
    assert said.status_code == 422
    assert words in said.content.decode()
    assert values["email"] in said.content.decode()
    with everything():
        assert not User.objects.filter(email="a@example.org").exists()
