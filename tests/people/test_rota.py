"""Who is on: people are found at the moment of paging, and nobody is an answer."""

from datetime import timedelta

import pytest

from handrail.people.models import Role
from handrail.people.rota import who_is_on
from tests.support.factories import MONDAY_0900, make_member, make_organisation, make_shift, make_site

pytestmark = pytest.mark.django_db
NIGHT = {"starts_at": MONDAY_0900, "ends_at": MONDAY_0900 + timedelta(hours=12)}


@pytest.fixture
def hub():
    return make_organisation("Alice")


@pytest.mark.parametrize(
    ("after", "on"),
    [
        (timedelta(seconds=-1), False),
        (timedelta(), True),
        (timedelta(hours=12, seconds=-1), True),
        (timedelta(hours=12), False),
    ],
)
def test_a_shift_begins_at_its_start_and_is_over_at_its_end(hub, after, on):
    nurse = make_member(hub, Role.ON_CALL)
    make_shift(hub, "first_on_call", nurse, **NIGHT)
    answer = who_is_on(hub.pk, "first_on_call", MONDAY_0900 + after)
    assert (answer.user == nurse) is on


def test_an_override_wins_over_the_plan_and_the_site_over_the_organisation(hub):
    site = make_site(hub)
    everywhere, here, instead = (make_member(hub, Role.ON_CALL) for _ in range(3))
    make_shift(hub, "first_on_call", everywhere, **NIGHT)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900, site_id=site.pk).user == everywhere
    make_shift(hub, "first_on_call", here, site=site, **NIGHT)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900, site_id=site.pk).user == here
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user == everywhere
    make_shift(hub, "first_on_call", instead, is_override=True, **NIGHT)
    answer = who_is_on(hub.pk, "first_on_call", MONDAY_0900, site_id=site.pk)
    assert (answer.user, answer.because) == (instead, "override")


def test_somebody_who_left_is_passed_over(hub):
    gone, stays = make_member(hub, Role.ON_CALL), make_member(hub, Role.ON_CALL)
    make_shift(hub, "first_on_call", stays, starts_at=NIGHT["starts_at"] - timedelta(hours=1), ends_at=NIGHT["ends_at"])
    make_shift(hub, "first_on_call", gone, **NIGHT)
    gone.is_active = False
    gone.save()
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user == stays


def test_somebody_who_belongs_here_no_more_is_passed_over(hub):
    """The shift still stands, and the page would open for nobody."""
    gone, stays = make_member(hub, Role.ON_CALL), make_member(hub, Role.ON_CALL)
    make_shift(hub, "first_on_call", gone, **NIGHT)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user == gone
    gone.memberships.update(valid_until=MONDAY_0900)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user is None
    make_shift(hub, "first_on_call", stays, starts_at=NIGHT["starts_at"] - timedelta(hours=1), ends_at=NIGHT["ends_at"])
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user == stays
    elsewhere = make_member(make_organisation("Bob"), Role.ON_CALL)
    make_shift(hub, "first_on_call", elsewhere, **NIGHT)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user == stays


def test_nobody_on_is_an_answer_and_is_logged_without_a_name(hub, caplog):
    answer = who_is_on(hub.pk, "second_on_call", MONDAY_0900)
    assert (answer.user, answer.because) == (None, "nobody on")
    assert "nobody on" in caplog.text
    assert "second_on_call" in caplog.text


def test_the_director_needs_no_shift(hub):
    director = make_member(hub, Role.DIRECTOR)
    assert who_is_on(hub.pk, "director", MONDAY_0900).user == director
    assert who_is_on(hub.pk, "attending", MONDAY_0900).user is None


def test_the_rota_of_another_organisation_does_not_count(hub):
    other = make_organisation("Bob")
    make_shift(other, "first_on_call", make_member(other, Role.ON_CALL), **NIGHT)
    assert who_is_on(hub.pk, "first_on_call", MONDAY_0900).user is None
