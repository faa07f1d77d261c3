"""The rows of the trace about hours that nobody covers: each gap made on the rota, each start planned with the form of the course."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.people.models import Certificate, Shift, SiteNumber
from handrail.people.scope import everything
from tests.support.agreements import NIGHTS, agreed_between
from tests.support.capacity import DAY, PLENTY, TODAY, counted, full_of_room, says
from tests.support.courses import instant
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.gate_pages import line_said
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
START = TODAY + DAY
"""Tuesday: with three doses and the hours after the last one the window ends within two weeks."""


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def planned(world: World, on: date, at: str = "2026-03-02T09:00") -> tuple[int, str]:
    """Plan the first dose of the world's course with the form on its page."""
    address = reverse("record", args=[world.course.pk, "plan"])
    body = {"at": at, "step": "step_up_1", "on": on.isoformat(), "setting": "outpatient"}
    answer = signed_in(world.alice.nurse).post(address, body)
    return answer.status_code, words(answer)


def rota_line(world: World) -> str:
    """What line 14 says on the page of the gate, two hours after the plan."""
    return line_said(world.alice.nurse, world.course, "rota", MONDAY_0900 + timedelta(hours=2))


def cut(world: World, step: str, begins: str, ends: str, house: str = "alice") -> None:
    """Nobody of a house answers as that step between two civil times."""
    with everything():
        shift = Shift.objects.get(organisation=getattr(world, house).organisation, step=step)
        again = {"organisation": shift.organisation, "step": step, "user": shift.user, "ends_at": shift.ends_at}
        Shift.objects.create(**again, starts_at=instant(ends))
        shift.ends_at = instant(begins)
        shift.save()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("first_on_call", "nobody is on call from Thu 5 Mar 2026 03:00 CST until Thu 5 Mar 2026 04:00 CST"),
        ("second_on_call", "nobody is second on call from Thu 5 Mar 2026 03:00 CST until Thu 5 Mar 2026 04:00 CST"),
        ("attending", "nobody is attending from Thu 5 Mar 2026 03:00 CST until Thu 5 Mar 2026 04:00 CST"),
    ],
)
def test_t44_one_uncovered_hour_of_any_step_of_the_ladder_blocks_the_start(world, step, said):
    """Removing `_rota` from `capacity._against`, or the other steps from `actions.capacity._rota`, makes it fail."""
    full_of_room(world.alice)
    cut(world, step, "2026-03-05 03:00", "2026-03-05 04:00")
    status, page = planned(world, START)
    assert (status, said in page) == (422, True), page
    with everything():
        assert not world.course.events.filter(kind="dose_planned").exists()
    assert planned(world, START + 3 * DAY)[0] == 302, "the window begins after that hour"


def test_t44_an_hour_held_by_somebody_whose_training_has_run_out_is_not_covered(world):
    """Removing the certificates from `coverage._holes` makes it fail."""
    full_of_room(world.alice)
    with everything():
        held = Certificate.objects.filter(organisation=world.alice.organisation, user=world.alice.on_call)
        held.update(valid_until=date(2026, 3, 5))
    status, page = planned(world, START)
    assert status == 422
    assert "without a current certificate on_call_ladder from Fri 6 Mar 2026 00:00 CST" in page


NOVEMBER = "2026-11-16 09:00"
THANKSGIVING = date(2026, 11, 26)
MONDAY_BEFORE = date(2026, 11, 23)


def daily_plan(client: Client, user: Any, **fields: Any) -> str:
    """Somebody is first on call again and again, from eight to eight, by the form of the rota."""
    typed = {"step": "first_on_call", "user": str(user.pk), "starts": "08:00", "ends": "08:00", **fields}
    answer = client.post(reverse("plans"), {"first_day": "2026-11-16", "every_weeks": "1", **typed}, follow=True)
    page = words(answer)
    assert "is planned:" in page, page
    return page


def test_t51_a_holiday_that_no_plan_covers_blocks_the_start_of_thanksgiving_week_until_somebody_is_put_on(world):
    """Removing the holidays from `rota.planned_shifts` makes it fail."""
    course = world.course
    with clock.use(clock.FrozenClock(instant(NOVEMBER))):
        says(world.alice, from_on=date(2026, 11, 1), at=instant(NOVEMBER), **PLENTY)
        counted(world.alice, 20, date(2026, 11, 16), instant(NOVEMBER))
        with everything():
            Shift.objects.filter(organisation=world.alice.organisation, step="first_on_call").delete()
            cover = make_member(world.alice.organisation, "on_call", "Synthetic Holiday")
        director = signed_in(world.alice.director)
        daily_plan(director, world.alice.on_call, days=[str(number) for number in range(7)])
        page = words(
            director.post(reverse("holidays"), {"on": "2026-11-26", "name": "Thanksgiving"}, follow=True).content
        )
        assert "What no plan for holidays covers is a gap now" in page
        status, page = planned(world, MONDAY_BEFORE, "2026-11-16T09:00")
        assert status == 422
        assert "nobody is on call from Thu 26 Nov 2026 08:00 CST until Fri 27 Nov 2026 08:00 CST" in page
        assert "The first day that works is" in page
        with everything():
            assert not course.events.filter(kind="dose_planned").exists()
        daily_plan(director, cover, days=["holidays"])
        assert planned(world, MONDAY_BEFORE, "2026-11-16T09:00")[0] == 302


def test_t51_a_holiday_on_which_nobody_assesses_blocks_the_start_with_somebody_on_call(world):
    """Removing the holidays from `SiteCan.of_day` makes it fail."""
    with clock.use(clock.FrozenClock(instant(NOVEMBER))):
        numbers = {**PLENTY, "slots_holiday": 0}
        says(world.alice, from_on=date(2026, 11, 1), at=instant(NOVEMBER), **numbers)
        counted(world.alice, 20, date(2026, 11, 16), instant(NOVEMBER))
        assert planned(world, MONDAY_BEFORE - 7 * DAY, "2026-11-16T09:00")[0] == 302, "no holiday in that window"
        director = signed_in(world.alice.director)
        director.post(reverse("holidays"), {"on": "2026-11-26", "name": "Thanksgiving"})
        status, page = planned(world, MONDAY_BEFORE, "2026-11-16T09:01")
        assert (status, "1 to assess on Thu 26 Nov 2026: nobody assesses on that day" in page) == (422, True), page


def test_t44_an_hour_that_a_partner_answers_by_agreement_is_looked_up_on_the_rota_of_the_partner(world):
    """Removing `_partners_rota` from `readiness.BESIDE` makes it fail: the hub's own rota has no gap at all."""
    agreed_between(world.alice, world.bob, tasks={"emergency_until_ed": NIGHTS, "after_hours_contact": NIGHTS})
    assert planned(world, START)[0] == 302
    assert rota_line(world).startswith("met 14.")
    cut(world, "first_on_call", "2026-03-04 16:00", "2026-03-04 20:00", house="bob")
    said = rota_line(world)
    assert said.startswith("NOT MET 14."), said
    name = world.bob.organisation.name
    assert f"{name}: Nobody is first on call from Wed 4 Mar 2026 16:00 CST until Wed 4 Mar 2026 17:00 CST" in said
    assert "until Wed 4 Mar 2026 20:00" not in said, "from 17:00 on the hub is called"


@pytest.mark.parametrize(("begins", "open_"), [("2026-03-05", True), ("2026-03-06", False)])
def test_t44_a_version_that_begins_within_the_window_is_looked_up_on_the_rota_of_the_partner(world, begins, open_):
    """Removing `changes_at` from the edges of `partners_hours` makes it fail: until then the hub answers at every hour."""
    agreed_between(world.alice, world.bob, tasks={"after_hours_contact": ({"party": "hub"},)})
    later = {"emergency_until_ed": NIGHTS, "after_hours_contact": NIGHTS}
    agreed_between(world.alice, world.bob, tasks=later, valid_from=begins)
    assert planned(world, START)[0] == 302
    cut(world, "first_on_call", "2026-03-05 09:00", "2026-03-05 12:00", house="bob")
    said = rota_line(world)
    name = world.bob.organisation.name
    gap = f"{name}: Nobody is first on call from Thu 5 Mar 2026 09:00 CST until Thu 5 Mar 2026 12:00 CST"
    assert said.startswith("NOT MET 14." if open_ else "met 14."), said
    assert (gap in said) is open_


def test_t51_a_site_that_has_said_no_number_is_held_by_its_gate(world):
    """A start that nobody counted may be planned; the dose waits for the gap all the same. Removing `rota` from `readiness.TABLES` makes it fail."""
    with everything():
        assert not SiteNumber.objects.filter(site=world.alice.site).exists()
    cut(world, "first_on_call", "2026-03-04 03:00", "2026-03-04 04:00")
    assert planned(world, START)[0] == 302
    said = rota_line(world)
    assert said.startswith("NOT MET 14.")
    assert "Nobody is first on call from Wed 4 Mar 2026 03:00 CST until Wed 4 Mar 2026 04:00 CST" in said
