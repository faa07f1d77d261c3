"""Who waits for a start, since when and for what: the list of those who were not started."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.waiting import not_started, put_on_list, take_off_list
from handrail.people.models import WaitEntry
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.capacity import DAY, TODAY
from tests.support.factories import MONDAY_0900, World, dose, event, make_member

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + DAY


@pytest.fixture
def world():
    return World()


def listed(
    world: World, who: str = "nurse", at: Any = MONDAY_0900, course: Course | None = None, **fields: Any
) -> WaitEntry:
    told = {"cause": "capacity", "by": world.actor("alice", who), "now": at, **fields}
    return put_on_list((course or world.course).pk, **told)


def rows(world: World, at: Any = MONDAY_0900) -> list[tuple[str, Any]]:
    with everything():
        return [(each.cause, each.since) for each in not_started(world.alice.nurse, at)]


def test_a_patient_waits_since_the_first_word_of_that_cause(world):
    assert world.course.started_at == MONDAY_0900
    assert rows(world) == [("", MONDAY_0900)]
    listed(world, at=MONDAY_0900 + DAY, wanted_on=TOMORROW)
    listed(world, at=MONDAY_0900 + 2 * DAY, wanted_on=TOMORROW + DAY)
    later = MONDAY_0900 + 5 * DAY
    assert rows(world, later) == [("capacity", MONDAY_0900 + DAY)]
    listed(world, at=later, cause="payer")
    assert rows(world, later) == [("payer", later)]
    take_off_list(world.course.pk, reason="moved away", by=world.actor("alice"), now=later + DAY)
    assert rows(world, later + DAY) == [("", later + DAY)]


def test_the_first_dose_ends_it_and_a_course_that_ended_without_one_is_said_to_be_never_started(world):
    listed(world)
    other = world.make_course()
    given = dose("step_up_1", at=MONDAY_0900, mg="1.5")
    record_event(world.course.pk, given, by=world.actor("alice"), now=MONDAY_0900)
    ends = event("course_ended", at=MONDAY_0900, because="patient")
    record_event(other.pk, ends, by=world.actor("alice", "oncologist"), now=MONDAY_0900)
    with everything():
        (row,) = not_started(world.alice.nurse, MONDAY_0900)
        assert (row.course.pk, row.ended, row.owner) == (other.pk, True, "coordinator")
        assert not_started(world.alice.nurse, MONDAY_0900, site_id=world.alice.site.pk) == []
        assert not_started(world.alice.nurse, MONDAY_0900 + 91 * DAY) == []


def test_who_has_had_a_dose_is_not_put_on_the_list_and_may_be_taken_off(world):
    listed(world)
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="1.5"), by=world.actor("alice"), now=MONDAY_0900)
    with pytest.raises(RefusedError) as error:
        listed(world, cause="payer")
    assert error.value.code == "started"
    assert take_off_list(world.course.pk, reason="has begun", by=world.actor("alice"), now=MONDAY_0900)


def test_a_dose_that_was_withdrawn_was_not_given(world):
    given = dose("step_up_1", at=MONDAY_0900, mg="1.5")
    record_event(world.course.pk, given, by=world.actor("alice"), now=MONDAY_0900)
    assert rows(world) == []
    back = event("fact_withdrawn", at=MONDAY_0900, supersedes=given["id"], reason="another patient")
    record_event(world.course.pk, back, by=world.actor("alice"), now=MONDAY_0900)
    assert rows(world) == [("", MONDAY_0900)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"cause": "weather"}, "unknown_word"), ({"cause": "other"}, "missing_key"), ({"reason": "x" * 301}, "too_long")],
)
def test_what_cannot_be_used_is_not_put_on_the_list(world, fields, code):
    with pytest.raises(RefusedError) as error:
        listed(world, **fields)
    assert error.value.code == code
    with everything():
        assert not WaitEntry.objects.exists()


def test_who_keeps_the_list(world):
    viewer = make_member(world.alice.organisation, "viewer")
    with pytest.raises(NotAllowedError):
        put_on_list(world.course.pk, cause="capacity", by=person(viewer), now=MONDAY_0900)
    with pytest.raises(NotVisibleError):
        put_on_list(world.course.pk, cause="capacity", by=world.actor("charlie"), now=MONDAY_0900)
    with pytest.raises(RefusedError) as error:
        take_off_list(world.course.pk, reason="x", by=world.actor("alice"), now=MONDAY_0900)
    assert error.value.code == "not_waiting"
    with pytest.raises(RefusedError):
        take_off_list(world.course.pk, reason=" ", by=world.actor("alice"), now=MONDAY_0900)
