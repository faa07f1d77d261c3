"""Links: random, for one purpose, stored hashed, expiring, revocable."""

from datetime import timedelta

import pytest
from django.db import connection

from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.links import exchange_link, issue_checkin_link, link_of_cookie, revoke_link
from handrail.rules.link_limits import link_limits
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


@pytest.fixture
def issued(world):
    return issue_checkin_link(world.course.pk, by=world.actor("alice"), now=MONDAY_0900)


def test_a_token_has_256_bits_and_is_kept_nowhere(issued):
    assert len(issued.token) >= 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM people_linktoken")
        assert not any(issued.token in str(value) for row in cursor.fetchall() for value in row)
    assert issued.token not in repr(issued)


def test_it_lasts_as_long_as_the_file_of_the_links_says(issued):
    assert issued.link.expires_at - issued.link.issued_at == timedelta(days=link_limits().home.lasts_days)


def test_a_token_is_exchanged_for_a_cookie_that_leads_back_to_the_link(issued):
    link, cookie = exchange_link(issued.token, "checkin", now=MONDAY_0900)
    assert link == issued.link
    assert issued.token not in cookie
    assert link_of_cookie(cookie, "checkin", now=MONDAY_0900) == link
    assert exchange_link(issued.token, "checkin", now=MONDAY_0900) is not None  # the link in the SMS works again


def test_when_a_link_was_last_opened_is_known_to_the_minute(issued):
    """A phone that asks again every few seconds writes nothing each time; a clock that was set back is believed."""
    for after, known in ((0, 0), (59, 0), (60, 60), (61, 60), (-3600, -3600)):
        link, _ = exchange_link(issued.token, "checkin", now=MONDAY_0900 + timedelta(seconds=after))
        link.refresh_from_db()
        assert link.exchanged_at == MONDAY_0900 + timedelta(seconds=known), after


@pytest.mark.parametrize("purpose", ["acknowledge", "packet"])
def test_a_link_is_for_one_purpose(issued, purpose):
    _, cookie = exchange_link(issued.token, "checkin", now=MONDAY_0900)
    assert exchange_link(issued.token, purpose, now=MONDAY_0900) is None
    assert link_of_cookie(cookie, purpose, now=MONDAY_0900) is None


@pytest.mark.parametrize("spoil", [lambda cookie: cookie + "x", lambda cookie: "x" + cookie, lambda cookie: ""])
def test_a_cookie_that_was_touched_opens_nothing(issued, spoil):
    _, cookie = exchange_link(issued.token, "checkin", now=MONDAY_0900)
    assert link_of_cookie(spoil(cookie), "checkin", now=MONDAY_0900) is None


def test_a_wrong_token_opens_nothing(issued):
    assert exchange_link(issued.token[:-1], "checkin", now=MONDAY_0900) is None
    assert exchange_link("", "checkin", now=MONDAY_0900) is None


def test_a_link_ends_by_its_date(issued):
    _, cookie = exchange_link(issued.token, "checkin", now=MONDAY_0900)
    end = issued.link.expires_at
    assert link_of_cookie(cookie, "checkin", now=end - timedelta(seconds=1)) is not None
    assert link_of_cookie(cookie, "checkin", now=end) is None
    assert exchange_link(issued.token, "checkin", now=end) is None


def test_a_revoked_link_ends_its_cookies_too(world, issued):
    _, cookie = exchange_link(issued.token, "checkin", now=MONDAY_0900)
    revoke_link(world.course.pk, issued.link.pk, by=world.actor("alice"), now=MONDAY_0900)
    assert link_of_cookie(cookie, "checkin", now=MONDAY_0900) is None
    assert exchange_link(issued.token, "checkin", now=MONDAY_0900) is None


def test_who_may_issue_and_revoke(world, issued):
    with pytest.raises(NotVisibleError):
        issue_checkin_link(world.course.pk, by=world.actor("charlie"), now=MONDAY_0900)
    with pytest.raises(NotAllowedError):
        issue_checkin_link(world.course.pk, by=world.actor("alice", "director"), now=MONDAY_0900)
    with pytest.raises(NotVisibleError):
        revoke_link(world.make_course().pk, issued.link.pk, by=world.actor("alice"), now=MONDAY_0900)


@pytest.mark.parametrize("fields", [{"holder": "neighbour"}, {"lasts": timedelta()}])
def test_a_link_that_makes_no_sense_is_refused(world, fields):
    with pytest.raises(RefusedError):
        issue_checkin_link(world.course.pk, by=world.actor("alice"), now=MONDAY_0900, **fields)
