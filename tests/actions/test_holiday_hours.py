"""A holiday of a party's rota closes the clinic of its agreement on that day, for the courses that both share."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.rota_plans import add_holiday, remove_holiday
from handrail.people.models import Holiday
from handrail.people.scope import everything
from handrail.records.accountability import accountable_for, context_of
from handrail.records.models import Course
from tests.support.agreements import NIGHTS, agreed_between
from tests.support.factories import CHICAGO, MONDAY_0900, World, make_site

pytestmark = pytest.mark.django_db
THURSDAY = date(2026, 3, 5)


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZoneInfo(CHICAGO))


@pytest.fixture
def world():
    """Alice's house has the nights and weekends, Bob's the days of the clinic; both share the course."""
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        world = World()
        assert world.course.organisation == world.alice.organisation
        agreed_between(world.alice, world.bob, tasks={"emergency_until_ed": NIGHTS})
        yield world


def who(world: World, when: datetime) -> str:
    with everything():
        return accountable_for(world.course, when, "emergency_until_ed").organisation.name.split()[0]


def close(world: World, house: str, **where) -> Holiday:
    chosen = getattr(world, house)
    return add_holiday(chosen.id, on=THURSDAY, name="Founders' day", by=person(chosen.director), **where)


@pytest.mark.parametrize("house", ["alice", "bob"])
def test_on_the_holiday_the_house_of_the_weekends_answers_and_the_day_after_the_clinic_does(world, house):
    assert [who(world, at(day, 10)) for day in (4, 5, 6)] == ["Bob", "Bob", "Bob"]
    holiday = close(world, house)
    assert [who(world, at(day, 10)) for day in (4, 5, 6)] == ["Bob", "Alice", "Bob"]
    remove_holiday(holiday.pk, by=person(getattr(world, house).director))
    assert who(world, at(5, 10)) == "Bob"


@pytest.mark.parametrize(("named", "answers"), [(True, "Alice"), (False, "Bob")])
def test_a_holiday_of_one_site_counts_where_the_agreement_names_the_site(world, named, answers):
    site = world.bob.site if named else make_site(world.bob.organisation)
    close(world, "bob", site_id=site.pk)
    assert who(world, at(5, 10)) == answers


def test_a_holiday_of_a_house_that_has_no_part_in_it_changes_nothing(world):
    close(world, "charlie")
    assert who(world, at(5, 10)) == "Bob"


def test_the_courses_that_both_share_are_judged_anew(world):
    with everything():
        Course.objects.update(look_again_at=MONDAY_0900 + timedelta(days=3))
    close(world, "bob")
    with everything():
        assert Course.objects.get(pk=world.course.pk).look_again_at == MONDAY_0900


def test_a_course_file_carries_the_holidays_that_are_not_over(world):
    close(world, "bob")
    with everything():
        (partner,) = context_of(world.course, at(6, 10))["accountability"]["partners"]
        assert partner["agreement"]["holidays"] == ["2026-03-05"]
        (partner,) = context_of(world.course, at(20, 10))["accountability"]["partners"]
        assert "holidays" not in partner["agreement"]
