"""Rescue doses of tocilizumab are told in two places, the count at the site and the record of the course: no yes hides a no."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.payer_requests import open_request
from handrail.people.scope import everything
from handrail.records.models import AccessPaper, Course
from handrail.rules.access_data import access_rules
from handrail.rules.readiness import LineState
from tests.support.factories import World, event
from tests.support.gate_world import NOW, line, ready_course
from tests.support.gates import DOSE_ON, prepared

pytestmark = pytest.mark.django_db
GREEN, RED, UNKNOWN = LineState.GREEN, LineState.RED, LineState.NOT_KNOWN
DAY = date.fromisoformat(DOSE_ON)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def counted(world: World, course: Course, doses: int | None, on: date) -> None:
    fields = {"key": course.site.code, "since": on, "payload": {"doses": doses}, "by": world.alice.nurse}
    with everything():
        AccessPaper.objects.create(organisation=course.organisation, kind="stock", recorded_at=NOW, **fields)


@pytest.mark.parametrize(
    # doses counted | days before the dose | state | why
    ("doses", "days", "state", "because"),
    [
        (9, 1, GREEN, "9 rescue doses counted"),
        (0, 1, RED, "0 rescue doses counted"),
        (None, 1, UNKNOWN, "how many rescue doses"),
        (0, access_rules().clocks.stock_count_holds_days + 1, UNKNOWN, "not one for"),
    ],
)
def test_a_recorded_yes_hides_no_count(world, doses: int | None, days: int, state: Any, because: str):
    course = ready_course(world, prepared())
    assert line(course, "tocilizumab").state is GREEN, "nobody has counted: the record answers"
    counted(world, course, doses, DAY - timedelta(days=days))
    found = line(course, "tocilizumab")
    assert found.state is state
    assert because in found.because


def test_a_shelf_is_for_everybody_who_is_watched_there_and_what_was_given_is_gone_from_it(world):
    course = ready_course(world, prepared())
    counted(world, course, 3, DAY - timedelta(days=2))
    assert line(course, "tocilizumab").state is GREEN, "two for this patient"
    other = ready_course(world, prepared(), ed=False, card=False)
    found = line(course, "tocilizumab")
    assert (found.state, "4 rescue doses of tocilizumab are needed" in found.because) == (RED, True)
    counted(world, course, 4, DAY - timedelta(days=1))
    assert line(course, "tocilizumab").state is GREEN
    given = event("medicine_given", at=NOW, agent="tocilizumab", purpose="treatment", dose_mg="520")
    record_event(other.pk, given, by=world.actor("alice"), now=NOW)
    found = line(course, "tocilizumab", "2026-03-02 10:05")
    assert (found.state, "1 given since" in found.because) == (RED, True)


@pytest.mark.parametrize(("confirmed", "state"), [(True, None), (False, RED), (None, UNKNOWN)])
def test_a_request_to_the_payer_and_a_full_shelf_hide_no_recorded_no(world, confirmed: bool | None, state: Any):
    told = prepared()
    told.tell("readiness_confirmed", "2026-03-01 14:00", item="rescue_tocilizumab", confirmed=confirmed)
    course = ready_course(world, told)
    counted(world, course, 9, DAY - timedelta(days=1))
    open_request(
        course.pk, payer="Synthetic Payer", drug="tocilizumab", product="actemra", by=world.actor("alice"), now=NOW
    )
    found = line(course, "tocilizumab")
    said = "rescue" in found.because and ("not so" in found.because or "not known:" in found.because)
    assert said is (confirmed is not True)
    if state is not None:
        assert found.state is not GREEN
