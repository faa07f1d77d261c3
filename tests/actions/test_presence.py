"""A screen that asks for the pages is believed for a minute, and written down no more often than it must be."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail import clock
from handrail.actions.presence import note_look
from handrail.people.models import Membership, Presence
from handrail.people.presence import is_looking
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, closes_inbox, make_house, make_member, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[1, 60], ids=["real time", "60 times as fast"])
def fast(request, monkeypatch):
    """The speed of a clock that a test moves by hand."""
    monkeypatch.setattr(clock, "speed", lambda: float(request.param))
    return request.param


@pytest.fixture
def nurse():
    return make_house("Alice").nurse


def at(seconds: float) -> datetime:
    return MONDAY_0900 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    # seconds of a person's life since it asked | believed
    ("seconds", "believed"),
    [(0, True), (59, True), (60, True), (61, False), (3600, False), (-4, True), (-6, False)],
)
def test_a_screen_is_believed_for_a_minute(nurse, fast, seconds, believed):
    closes_inbox()
    with everything():
        note_look(nurse, at(0))
    assert is_looking(nurse, at(seconds * fast)) is believed, "a sign from further ahead is of a clock set back since"


def test_it_is_written_down_every_twenty_seconds_at_the_most(nurse, fast):
    closes_inbox()
    with everything():
        written = [seconds for seconds in range(0, 61, 3) if note_look(nurse, at(seconds * fast))]
        assert written == [0, 21, 42]
        assert Presence.objects.get(user=nurse).looked_at == at(42 * fast)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            note_look(nurse, at(43 * fast))
    assert not [each for each in asked.captured_queries if not each["sql"].lstrip("BEGIN ").startswith("SELECT")]


def test_after_a_clock_was_set_back_it_is_written_anew(nurse):
    closes_inbox()
    with everything():
        note_look(nurse, at(7200))
        assert note_look(nurse, at(0))
    assert is_looking(nurse, at(1))


def test_one_row_for_each_organisation_that_a_person_belongs_to_now(nurse):
    closes_inbox()
    second, former = make_organisation("Bob"), make_organisation("Charlie")
    with everything():
        for house, until in ((second, None), (former, MONDAY_0900)):
            since = MONDAY_0900 - timedelta(days=9)
            Membership.objects.create(organisation=house, user=nurse, role="nurse", valid_from=since, valid_until=until)
        note_look(nurse, at(0))
        found = set(Presence.objects.values_list("organisation", flat=True))
    assert second.pk in found and former.pk not in found and len(found) == 2


def test_somebody_who_belongs_nowhere_leaves_no_row():
    assert not note_look(make_user(), datetime(2026, 3, 2, tzinfo=UTC))
    assert not Presence.objects.exists()


def test_a_second_person_does_not_answer_for_the_first(nurse):
    closes_inbox()
    with everything():
        other = make_member(Membership.objects.get(user=nurse).organisation, "nurse")
        note_look(other, at(0))
    assert not is_looking(nurse, at(0))
