"""An instant on a page is said whole: after midnight, from another zone and on the night the clocks go back (decision 0024)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from handrail import clock
from handrail.actions.emergency import issue_card
from handrail.actions.truth import truth_about
from handrail.actions.words_times import home_time
from handrail.people.models import Organisation, Patient
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.terms import say_date, say_instant
from handrail.web.cards import face
from handrail.web.words import local_time
from tests.support.doors import WEEKDAYS, door, open_week
from tests.support.factories import CHICAGO, World
from tests.support.nights import LATE, NEW_YORK, fever_at
from tests.support.rems_pages import SHARED, Desk

pytestmark = pytest.mark.django_db
FIRST_0130 = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
"""Sunday 1 November 2026, 01:30 in Chicago, before the clocks go back."""
SECOND_0130 = FIRST_0130 + timedelta(hours=1)


def words(answer) -> str:
    """What a person reads, on one line."""
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode().partition("<main")[2]).split())


def at(when: datetime, client: Client, user, address: str, *args, press: bool = False) -> str:
    """What somebody reads at that instant, after a button where one is pressed."""
    with clock.use(clock.FrozenClock(when)):
        client.force_login(user)
        where = reverse(address, args=args)
        return words(client.post(where, follow=True) if press else client.get(where))


def test_who_has_it_since_before_midnight_says_the_day_it_was(client: Client):
    night = fever_at(LATE)
    alice = night.world.alice
    had = "Mon 2 Mar 23:40 CST"
    assert f"You have it since {had}" in at(LATE, client, alice.on_call, "have_page", night.alert.pk, press=True)
    later = LATE + timedelta(hours=2, minutes=30)  # Tuesday 02:10
    for address, args in (("board", ()), ("page", (night.alert.pk,)), ("pages", ())):
        said = at(later, client, alice.nurse, address, *args)
        assert f"Alice On-Call has it since {had}" in said, address
    board = at(later, client, alice.nurse, "board")
    assert f"{had}" in board.partition("°F")[2], "when the last temperature was read"


def test_on_the_night_the_clocks_go_back_the_two_half_past_ones_are_told_apart(client: Client):
    night = fever_at(FIRST_0130)
    alice = night.world.alice
    first = at(FIRST_0130, client, alice.on_call, "have_page", night.alert.pk, press=True)
    assert "You have it since Sun 1 Nov 01:30 CDT" in first
    again = at(SECOND_0130, client, alice.on_call, "page", night.alert.pk)
    assert "has it since Sun 1 Nov 01:30 CDT" in again
    with clock.use(clock.FrozenClock(SECOND_0130)), everything():
        course = Course.objects.select_related("patient").get(pk=night.course.pk)
        assert truth_about(course, SECOND_0130, saved_at=SECOND_0130).startswith(
            "Saved Sunday, November 1, 1:30 AM CST."
        )


@pytest.mark.parametrize(
    ("instant", "zone", "said"),
    [
        (LATE, CHICAGO, "Mon 2 Mar 23:40 CST"),
        (LATE, NEW_YORK, "Tue 3 Mar 00:40 EST"),
        (FIRST_0130, CHICAGO, "Sun 1 Nov 01:30 CDT"),
        (SECOND_0130, CHICAGO, "Sun 1 Nov 01:30 CST"),
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), CHICAGO, "Sun 8 Mar 03:00 CDT"),
        (LATE, "America/Bogota", "Tue 3 Mar 00:40 -05"),  # a zone without letters of its own
    ],
)
def test_a_time_of_staff(instant: datetime, zone: str, said: str):
    with clock.use(clock.FrozenClock(instant)):
        assert local_time(instant, zone) == said


@pytest.mark.parametrize(("days", "said"), [(181, "Mon 2 Mar 23:40 CST"), (182, "Mon 2 Mar 2026 23:40 CST")])
@pytest.mark.parametrize("way", [1, -1], ids=["long ago", "long ahead"])
def test_half_a_year_away_it_has_its_year(days: int, said: str, way: int):
    with clock.use(clock.FrozenClock(LATE + timedelta(days=days) * way)):
        assert local_time(LATE, CHICAGO) == said


def test_the_record_of_a_long_course_says_the_year(client: Client):
    night = fever_at(LATE)
    said = at(LATE + timedelta(days=370), client, night.world.alice.nurse, "course", night.course.pk)
    assert "Mon 2 Mar 2026 23:40 CST" in said
    assert "Mon 2 Mar 23:40 CST" not in said


@pytest.mark.parametrize(
    ("language", "instant", "how", "said"),
    [
        ("en", LATE, {"clock_24h": False}, "Monday, March 2, 11:40 PM CST"),
        ("en", LATE, {"clock_24h": True}, "Monday, March 2, 23:40 CST"),
        ("en", LATE, {"clock_24h": False, "year": True}, "Monday, March 2, 2026, 11:40 PM CST"),
        ("es", LATE, {"clock_24h": True}, "lunes, 2 de marzo, 23:40 CST"),
        ("en", SECOND_0130, {"clock_24h": False}, "Sunday, November 1, 1:30 AM CST"),
    ],
)
def test_a_time_at_home(language: str, instant: datetime, how: dict[str, bool], said: str):
    with translation.override(language):
        assert home_time(instant, CHICAGO, **how).lower() == said.lower()


def test_what_a_patient_saved_before_midnight_is_not_taken_for_today():
    night = fever_at(LATE)
    with clock.use(clock.FrozenClock(LATE + timedelta(hours=8))), everything():
        Patient.objects.filter(pk=night.course.patient_id).update(clock_24h=True)
        course = Course.objects.select_related("patient").get(pk=night.course.pk)
        assert truth_about(course, LATE + timedelta(hours=8), saved_at=LATE).startswith(
            "Saved Monday, March 2, 23:40 CST."
        )


def test_a_place_tells_a_reader_in_another_zone_by_whose_clock_it_is_open(client: Client):
    noon = LATE + timedelta(hours=14)  # Tuesday 13:40 in Chicago
    with clock.use(clock.FrozenClock(noon)):
        world = World()
        open_week(world, door(world, "urgent_care", "Evening care"), WEEKDAYS, zone=CHICAGO, now=LATE)
        with everything():
            Organisation.objects.filter(pk=world.alice.id).update(time_zone=NEW_YORK)
    assert "Open now, until 17:00 by the clock there" in at(noon, client, world.alice.director, "places")


def test_the_last_day_of_a_card_and_of_a_reminder_is_that_of_the_site():
    with clock.use(clock.FrozenClock(LATE)) as frozen:
        desk = Desk(World(), frozen)
        course = desk.world.course
        card = issue_card(course.pk, by=desk.world.actor("alice"), now=LATE - timedelta(hours=3))
        until = face(course, card, LATE, names=True)["until"]
        assert until == say_instant(card.link.expires_at, CHICAGO)
        assert until.startswith(say_date(card.link.expires_at.date() - timedelta(days=1)))
        desk.papers(prescriber=None)
        desk.post("rems_remind", user=str(desk.house.oncologist.pk), programme=SHARED)
        assert "Reminded Mon 2 Mar 2026 23:40 CST:" in desk.get("rems_papers")
