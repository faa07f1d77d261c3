"""Capacity of a site in the database: what counts, who says what, a start that is refused or let go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail.actions.actor import person
from handrail.actions.capacity import Capacity, capacity_of
from handrail.actions.capacity_numbers import say_numbers
from handrail.actions.capacity_starts import booked_starts, decide_start, start_words
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.people.models import Holiday, Shift, SiteNumber, StartDecision
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.capacity_data import Told
from handrail.rules.events import DosePlanned
from tests.support.agreements import agreed_between
from tests.support.capacity import DAY, TODAY, counted, full_of_room, plan, says
from tests.support.factories import MONDAY_0900, World, dose, event, make_member, make_site

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + DAY


@pytest.fixture
def world():
    return World()


def seen(house: Any, at: Any = MONDAY_0900) -> Capacity:
    return capacity_of(house.site, at)


def refused(world: World, *args: Any, **fields: Any) -> str:
    with pytest.raises(RefusedError) as error:
        plan(world, *args, **fields)
    assert error.value.code == "no_capacity" and error.value.path == "event.on"
    return error.value.message


# --- what counts -------------------------------------------------------------------------------------------------------


def test_a_planned_start_takes_its_days_and_those_of_the_label_after_it(world):
    plan(world)
    found = seen(world.alice).can
    assert found.starts == (TOMORROW,)
    assert found.doses[:3] == (TOMORROW, TOMORROW + 3 * DAY, TOMORROW + 6 * DAY)
    assert sorted(found.seen) == [TOMORROW + number * DAY for number in range(9)]
    assert len(found.watched) == 1
    assert seen(world.alice).without(world.course.pk).doses == ()


def test_what_is_planned_at_another_site_counts_there(world):
    other = make_site(world.alice.organisation, name="Other Site", code="other")
    plan(world, at_site="other")
    assert seen(world.alice).can.doses == ()
    assert capacity_of(other, MONDAY_0900).can.starts == (TOMORROW,)


def test_a_namesake_of_a_place_in_an_organisation_that_does_not_work_with_this_one_counts_nothing(world):
    plan(world, at_site=world.charlie.site.code, setting="inpatient")
    assert seen(world.alice).can.starts == (TOMORROW,)
    assert seen(world.charlie).can.starts == ()


def test_a_hospital_that_is_no_site_is_counted_at_the_site_whose_patient_it_takes(world):
    plan(world, at_site="Synthetic General Hospital", setting="inpatient")
    assert seen(world.alice).can.starts == (TOMORROW,)


def test_a_patient_whom_another_organisation_lends_without_an_agreement_counts_here(world):
    plan(world, at_site=world.bob.site.code)
    assert seen(world.bob).can.starts == (TOMORROW,)
    assert seen(world.alice).can.starts == ()


def test_a_name_that_two_organisations_use_means_the_site_of_the_course_s_own(world):
    agreed_between(world.alice, world.bob)
    make_site(world.alice.organisation, name=world.bob.site.name, code="namesake")
    plan(world, at_site=world.bob.site.name)
    assert seen(world.bob).can.starts == ()


def rival_plans(world: World, *bodies: dict[str, Any]) -> None:
    """A plan and two corrections of it that stand side by side."""
    first = plan(world).event
    for body in bodies:
        told = {"step": "step_up_1", "on": TOMORROW.isoformat(), "setting": "outpatient", **body}
        rival = event("dose_planned", at=MONDAY_0900, supersedes=str(first.id), reason="put right", **told)
        record_event(world.course.pk, rival, by=world.actor("alice"), now=MONDAY_0900)


def test_of_rival_corrections_of_a_plan_both_days_are_kept_free(world):
    rival_plans(world, {"on": (TODAY + 4 * DAY).isoformat()}, {"on": (TODAY + 9 * DAY).isoformat()})
    found = seen(world.alice).can
    assert found.starts == (TODAY + 4 * DAY, TODAY + 9 * DAY)
    assert {TODAY + number * DAY for number in range(4, 18)} <= set(found.seen)
    full_of_room(world.alice, starts_a_day=1)
    other = world.make_course()
    for days in (4, 9):
        assert "1 start on" in refused(world, other, on=TODAY + days * DAY)


def test_of_rival_corrections_of_a_plan_each_site_keeps_its_day_free(world):
    other = make_site(world.alice.organisation, name="Other Site", code="other")
    rival_plans(world, {"at_site": "other"}, {"at_site": world.alice.site.code})
    assert seen(world.alice).can.starts == (TOMORROW,)
    assert capacity_of(other, MONDAY_0900).can.starts == (TOMORROW,)


def test_a_partner_s_patient_who_is_planned_here_counts_here(world):
    agreed_between(world.alice, world.bob)
    plan(world, at_site=world.bob.site.code)
    assert seen(world.bob).can.starts == (TOMORROW,)
    assert seen(world.alice).can.starts == ()
    assert seen(world.charlie).can.starts == ()


def test_a_course_that_nobody_can_judge_is_counted_on_every_day(world):
    plan(world)
    with everything():
        Course.objects.filter(pk=world.course.pk).update(protocol_key="teclistamab/US/1999-01/mono")
    (one,) = seen(world.alice).booked
    assert one.load.because
    assert TODAY in seen(world.alice).can.seen and len(one.load.seen) == 45


def test_a_partner_s_course_that_nobody_can_judge_is_counted_where_its_plan_names(world):
    agreed_between(world.alice, world.bob)
    plan(world, at_site=world.bob.site.code)
    with everything():
        Course.objects.filter(pk=world.course.pk).update(protocol_key="teclistamab/US/1999-01/mono")
    (one,) = seen(world.bob).booked
    assert one.load.because and TODAY in seen(world.bob).can.seen


def test_a_start_that_a_partner_planned_long_ago_still_counts(world):
    agreed_between(world.alice, world.bob)
    plan(world, at_site=world.bob.site.code, on=TODAY + 80 * DAY)
    late = MONDAY_0900 + 75 * DAY
    assert seen(world.bob, late).can.starts == (TODAY + 80 * DAY,)


def test_a_course_that_is_over_takes_nothing(world):
    plan(world)
    body = event("course_ended", at=MONDAY_0900, because="patient")
    record_event(world.course.pk, body, by=world.actor("alice", "oncologist"), now=MONDAY_0900)
    assert seen(world.alice).booked == ()


def test_a_patient_whose_course_ended_in_the_window_of_a_dose_keeps_a_bed_and_rescue_doses(world):
    at = MONDAY_0900 + timedelta(hours=1)
    record_event(world.course.pk, dose("step_up_1", at=at, mg="4.5"), by=world.actor("alice"), now=at)
    body = event("course_ended", at=at + timedelta(hours=5), because="toxicity")
    record_event(world.course.pk, body, by=world.actor("alice", "oncologist"), now=at + timedelta(hours=5))
    found = seen(world.alice, at + timedelta(hours=6)).can
    assert (len(found.watched), found.seen, found.doses) == (1, (), ())
    assert seen(world.alice, at + 3 * DAY).booked == ()


def test_a_count_of_the_shelf_runs_out_and_what_was_given_since_is_taken_off(world):
    assert seen(world.alice).shelf.told == Told()
    counted(world.alice, 5)
    assert seen(world.alice).can.rescue == Told(there=5, last=5)
    tomorrow = MONDAY_0900 + DAY
    given = event(
        "medicine_given", at=tomorrow, agent="tocilizumab", dose_mg="560", route="intravenous", purpose="treatment"
    )
    record_event(world.course.pk, given, by=world.actor("alice"), now=tomorrow)
    assert seen(world.alice, tomorrow).can.rescue == Told(there=4, last=4)
    assert "5 counted on Mon 2 Mar 2026, 1 given since" in seen(world.alice, tomorrow).shelf.words
    assert seen(world.alice, MONDAY_0900 + 7 * DAY).can.rescue.there == 4
    assert seen(world.alice, MONDAY_0900 + 8 * DAY).can.rescue == Told(last=4)


def test_a_dose_that_was_corrected_is_taken_off_the_shelf_once_and_one_that_was_withdrawn_not_at_all(world):
    counted(world.alice, 5)
    first = gives(world, MONDAY_0900 + timedelta(hours=1), "tocilizumab")
    again = gives(world, MONDAY_0900 + timedelta(hours=2), "tocilizumab", supersedes=first["id"], reason="the hour")
    assert seen(world.alice, MONDAY_0900 + DAY).can.rescue.there == 4
    back = event(
        "fact_withdrawn", at=MONDAY_0900 + timedelta(hours=3), supersedes=again["id"], reason="another patient"
    )
    record_event(world.course.pk, back, by=world.actor("alice"), now=MONDAY_0900 + timedelta(hours=3))
    assert seen(world.alice, MONDAY_0900 + DAY).can.rescue.there == 5


def gives(world: World, at: Any, agent: str, **fields: Any) -> dict[str, Any]:
    body = event(
        "medicine_given", at=at, agent=agent, dose_mg="560", route="intravenous", purpose="treatment", **fields
    )
    record_event(world.course.pk, body, by=world.actor("alice"), now=at)
    return body


@pytest.mark.parametrize(
    ("agent", "left"),
    [("Actemra 560 mg IV", 4), ("tocilizumab-aazg", 4), ("Tyenne", 4), ("Tocilizumab", 4), ("dexamethasone", 5)],
)
def test_a_dose_is_taken_off_the_shelf_by_whatever_name_it_was_written_down(world, agent, left):
    counted(world.alice, 5)
    gives(world, MONDAY_0900 + DAY, agent)
    assert seen(world.alice, MONDAY_0900 + DAY).can.rescue.there == left


@pytest.mark.parametrize(
    ("hours", "written", "left"),
    [
        (1, 2, 5),  # given before it was counted
        (3, 2, 4),  # given after it
        (1, 26, 4),  # written down a day later: nobody knows whether before or after
    ],
)
def test_on_the_day_of_the_count_what_was_given_after_it_is_taken_off(world, hours, written, left):
    counted(world.alice, 5, at=MONDAY_0900 + timedelta(hours=written))
    gives(world, MONDAY_0900 + timedelta(hours=hours), "tocilizumab")
    assert seen(world.alice, MONDAY_0900 + timedelta(hours=30)).can.rescue.there == left


def test_a_rota_without_a_shift_is_not_known_and_a_hole_is_a_hole(world):
    found = seen(world.alice).can
    assert found.on_call and found.uncovered == ()
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation, step="attending").delete()
    hole = seen(world.alice).can.uncovered[0].because
    assert hole.startswith("nobody is attending from Mon 2 Mar 2026")
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation).delete()
    assert (seen(world.alice).can.on_call, seen(world.alice).can.uncovered) == (None, ())


def test_a_holiday_has_numbers_of_its_own(world):
    full_of_room(world.alice, slots_holiday=0)
    assert plan(world)
    with everything():
        Holiday.objects.create(organisation=world.alice.organisation, on=TODAY + 2 * DAY, name="Synthetic day")
    assert "to assess on Wed 4 Mar 2026: nobody assesses on that day" in refused(world)


# --- the numbers ---------------------------------------------------------------------------------------------------------


def said(world: World, numbers: dict[str, int | None], who: str = "director", **fields: Any) -> Any:
    told = {"from_on": TODAY, "by": person(getattr(world.alice, who)), "now": MONDAY_0900, **fields}
    return say_numbers(world.alice.site.pk, numbers, **told)


@pytest.mark.parametrize(
    ("numbers", "fields", "code", "path"),
    [
        ({}, {}, "missing_key", "numbers"),
        ({"sofas": 3}, {}, "unknown_word", "sofas"),
        ({"beds": -1}, {}, "out_of_range", "beds"),
        ({"beds": 501}, {}, "out_of_range", "beds"),
        ({"patients_each": 0}, {}, "out_of_range", "patients_each"),
        ({"beds": 1}, {"from_on": TODAY - DAY}, "not_a_time", "from_on"),
        ({"beds": 1}, {"evidence": "x" * 201}, "too_long", "evidence"),
        ({"beds": 1}, {"evidence": "a\nb"}, "too_long", "evidence"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused_and_nothing_is_kept(world, numbers, fields, code, path):
    with pytest.raises(RefusedError) as error:
        said(world, numbers, **fields)
    assert (error.value.code, error.value.path) == (code, path)
    with everything():
        assert not SiteNumber.objects.exists()


def test_who_says_numbers_and_who_does_not(world):
    (row,) = said(world, {"beds": None}, evidence="asked the ward")
    assert (row.number, row.role, row.by, row.evidence) == (None, "director", world.alice.director, "asked the ward")
    manager = make_member(world.alice.organisation, "site_manager")
    later = MONDAY_0900 + timedelta(minutes=1)
    assert say_numbers(world.alice.site.pk, {"beds": 2}, from_on=TODAY, by=person(manager), now=later)
    with pytest.raises(NotAllowedError):
        said(world, {"beds": 2}, who="nurse")
    with pytest.raises(NotVisibleError):
        say_numbers(world.alice.site.pk, {"beds": 2}, from_on=TODAY, by=person(world.charlie.director), now=MONDAY_0900)
    assert seen(world.alice).can.told("beds", TODAY) == Told(there=2, last=2)


# --- a start -----------------------------------------------------------------------------------------------------------------


def test_a_site_that_has_said_nothing_refuses_nothing(world):
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation, step="first_on_call").delete()
    assert plan(world)
    words = start_words(world.course, DosePlanned(step="step_up_1", on=TOMORROW), MONDAY_0900)
    assert "does not cover this start (the site has said no number): nobody is on call from Tue 3 Mar 2026" in words
    assert "Nobody has counted this start at Synthetic Site" in words and "(site manager, pharmacist)" in words


def test_a_site_with_room_takes_a_start_without_a_word(world):
    full_of_room(world.alice)
    assert plan(world)
    assert start_words(world.course, DosePlanned(step="step_up_1", on=TOMORROW), MONDAY_0900) == ""
    (start,) = booked_starts(seen(world.alice))
    assert (start.answer.covered, start.decided) == (True, None)


def test_a_second_start_of_the_day_is_refused_and_the_first_can_be_planned_anew(world):
    full_of_room(world.alice, starts_a_day=1)
    assert plan(world)
    second = world.make_course()
    message = refused(world, second)
    assert "1 start on Tue 3 Mar 2026 already, at most 1" in message
    assert "The first day that works is Wed 4 Mar 2026." in message
    assert plan(world, second, on=TOMORROW + DAY)
    assert plan(world)  # the course's own plan does not stand against itself


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no locks of rows: one writer at a time")
def test_the_second_of_two_plans_waits_at_the_lock_of_the_site_before_it_counts(world):
    full_of_room(world.alice)
    with CaptureQueriesContext(connection) as asked:
        plan(world)
    read = [each["sql"] for each in asked if '"people_site' in each["sql"]]
    locks = [place for place, sql in enumerate(read) if "FOR NO KEY UPDATE" in sql and 'FROM "people_site"' in sql]
    counts = [place for place, sql in enumerate(read) if 'FROM "people_sitenumber"' in sql and "people_user" in sql]
    assert locks and counts and locks[0] < counts[0]


def test_what_is_not_known_is_planned_and_what_is_known_to_be_too_much_is_not(world):
    full_of_room(world.alice, beds=None)
    assert plan(world)
    says(world.alice, beds=0)
    message = refused(world)
    assert "beds are promised for 0" in message and "(to be mended by: site manager). " in message
    says(world.alice, beds=None, at=MONDAY_0900 + timedelta(minutes=1))
    assert "beds are promised for 0 when it was last known" in refused(world)


@pytest.mark.parametrize("step", ["treatment"])
def test_only_a_start_is_refused(world, step):
    full_of_room(world.alice, chairs_weekday=0, beds=0)
    assert plan(world, step=step)
    assert start_words(world.course, DosePlanned(step=step, on=TOMORROW), MONDAY_0900) == ""


def test_a_later_step_is_never_held_up_and_the_first_step_once_more_is_a_start(world):
    given = dose("step_up_1", at=MONDAY_0900 - timedelta(hours=1), mg="4.5")
    record_event(world.course.pk, {**given, "at": MONDAY_0900.isoformat(), "started_at": MONDAY_0900.isoformat(),
                                   "ended_at": MONDAY_0900.isoformat()}, by=world.actor("alice"), now=MONDAY_0900)  # fmt: skip
    full_of_room(world.alice, chairs_weekday=0, beds=0)
    assert plan(world, step="step_up_2", on=TODAY + 3 * DAY)
    assert "beds are promised for 0" in refused(world, step="step_up_1", on=TODAY + 3 * DAY)


def test_a_plan_for_a_day_that_is_over_is_always_recorded(world):
    full_of_room(world.alice, beds=0)
    assert plan(world, on=TODAY - DAY)


def test_in_hospital_no_chair_is_asked_for(world):
    full_of_room(world.alice, chairs_weekday=0, slots_weekday=0, slots_saturday=0, slots_sunday=0)
    assert "chairs for 0" in refused(world)
    assert plan(world, setting="inpatient")


# --- a decision ------------------------------------------------------------------------------------------------------------------


def decided(world: World, who: str = "director", **fields: Any) -> StartDecision:
    told = {"on": TOMORROW, "reason": "a bed next door", "by": world.actor("alice", who), "now": MONDAY_0900, **fields}
    return decide_start(world.alice.site.pk, world.course.pk, **told)


def test_an_override_holds_for_its_day_and_for_what_stood_against_it(world):
    full_of_room(world.alice, beds=0)
    row = decided(world)
    assert (row.kind, row.role, row.course) == ("override", "director", world.course.pk)
    assert "beds are promised for 0" in row.against
    assert plan(world)
    assert "beds" in refused(world, on=TOMORROW + DAY)
    says(world.alice, chairs_weekday=0)
    message = refused(world)
    assert "chairs for 0" in message and "beds" not in message


def test_an_override_of_a_late_start_is_signed_over_its_whole_window(world):
    """The last days of the window of a start in 40 days are further ahead than a page looks that is about today."""
    late = TODAY + 40 * DAY
    full_of_room(world.alice, beds=1)
    plan(world, world.make_course(), on=late + 6 * DAY)
    assert "2 watched on Fri 17 Apr 2026: beds are promised for 1" in refused(world, on=late)
    decided(world, on=late)
    assert plan(world, on=late)


def test_who_lets_a_start_go_on(world):
    says(world.alice, beds=1)
    row = decided(world, who="nurse")
    assert (row.kind, row.role) == ("not_counted", "nurse")
    says(world.alice, beds=0)
    with pytest.raises(NotAllowedError):
        decided(world, who="nurse")
    with pytest.raises(NotAllowedError):
        decided(world, who="oncologist")
    with pytest.raises(NotVisibleError):
        decide_start(world.alice.site.pk, world.course.pk, on=TOMORROW, reason="x", by=world.actor("charlie", "director"),
                     now=MONDAY_0900)  # fmt: skip
    assert decided(world).kind == "override"


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"reason": "  "}, "missing_key"), ({"reason": "x" * 301}, "missing_key"), ({"on": TODAY - DAY}, "not_a_time")],
)
def test_a_decision_that_says_nothing_is_refused(world, fields, code):
    with pytest.raises(RefusedError) as error:
        decided(world, **fields)
    assert error.value.code == code


def test_nothing_is_decided_where_nothing_stands_against_it(world):
    full_of_room(world.alice)
    with pytest.raises(RefusedError) as error:
        decided(world)
    assert error.value.code == "nothing_to_decide"


def test_what_is_not_known_stays_open_until_somebody_decides_or_says_the_number(world):
    counted(world.alice, 20)
    says(world.alice, **dict.fromkeys(("slots_weekday", "slots_saturday", "slots_sunday", "starts_a_day"), 9),
         **{f"chairs_{kind}": 9 for kind in ("weekday", "saturday", "sunday")})  # fmt: skip
    plan(world)
    (start,) = booked_starts(seen(world.alice))
    assert {each.need for each in start.not_counted} == {"beds"}
    decided(world, who="nurse")
    (start,) = booked_starts(seen(world.alice))
    assert (start.not_counted, start.refused, start.answer.covered) == ((), (), None)
    says(world.alice, beds=3)
    assert booked_starts(seen(world.alice))[0].answer.covered is True
