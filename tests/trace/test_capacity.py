"""The rows of the trace that capacity answers, each through the page where a person meets it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import record_event
from handrail.people.models import Shift
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.capacity import DAY, TODAY, counted, full_of_room, plan, says
from tests.support.factories import MONDAY_0900, World, dose, make_member, make_site
from tests.support.own_policies import put_in_force, take_up
from tests.support.referrals import referred
from tests.support.staff_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(house) -> str:
    return reverse("site_capacity", args=[house.site.pk])


def read(house, user=None) -> str:
    answer = signed_in(user or house.director).get(address(house))
    assert answer.status_code == 200
    return words(answer.content)


def send(house, user, form: str, **fields) -> tuple[int, str]:
    client = signed_in(user)
    answer = client.post(address(house), {"form": form, **fields})
    page = client.get(address(house)) if answer.status_code == 302 else answer
    return answer.status_code, words(page.content)


def planned(world, course=None, **fields: Any) -> tuple[int, str]:
    """Plan a first dose with the form on the course's page."""
    client = signed_in(world.alice.nurse)
    where = [(course or world.course).pk, "plan"]
    body = {"at": "2026-03-02T09:00", "step": "step_up_1", "on": str(TODAY + DAY), "setting": "outpatient", **fields}
    answer = client.post(reverse("record", args=where), body)
    page = client.get(reverse("course", args=where[:1])) if answer.status_code == 302 else answer
    return answer.status_code, words(page.content)


def test_t44_t51_a_start_over_an_uncovered_hour_is_refused_with_the_hours_and_the_first_day_that_works(world):
    full_of_room(world.alice)
    gap = MONDAY_0900 + timedelta(days=4)
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation, step="first_on_call").update(ends_at=gap)
        old = Shift.objects.filter(organisation=world.alice.organisation, step="first_on_call").get()
        Shift.objects.create(
            organisation=old.organisation,
            step=old.step,
            user=old.user,
            starts_at=gap + timedelta(hours=8),
            ends_at=gap + timedelta(days=90),
        )
    status, page = planned(world)
    assert status == 422
    assert "Not planned: Synthetic Site cannot cover a start on Tue 3 Mar 2026" in page
    assert "nobody is on call from Fri 6 Mar 2026 09:00 CST until Fri 6 Mar 2026 17:00 CST" in page
    assert "The first day that works is Sat 7 Mar 2026." in page
    status, _page = planned(world, on=str(TODAY + 5 * DAY))
    assert status == 302


def test_t55_the_planner_shows_no_daily_review_on_a_physician_of_the_panel(world):
    plan(world)
    page = read(world.alice)
    assert "0 fall on the physicians of the panel in these 14 days." in page
    table = page[page.index("An advanced practice provider (APP)") :]
    assert "All 3 6 0" in table  # three doses, six other days of the window, nobody of the panel


def test_t55_a_policy_that_lets_nobody_else_review_shows_each_review_of_the_physician(world):
    """Removing `return "app" if "app" in row.roles else "physician"` from `course_load.falls_on` makes it fail."""
    roles = dict.fromkeys(("daily__day__dosing_day__roles", "daily__day__other_day__roles"), "oncologist")
    put_in_force(world.alice, **roles)
    take_up(world.alice, world.course)
    plan(world)
    page = read(world.alice)
    assert "9 fall on the physicians of the panel" in page


def test_t64_the_report_lists_who_was_not_started_with_the_cause_and_since_when_and_its_file_names_nobody(world):
    nurse = world.alice.nurse
    other, silent = world.make_course(), world.make_course()
    with everything():
        for course, name in ((other, "Other"), (silent, "Silent")):
            course.patient.family_name = name
            course.patient.save()
    status, page = send(
        world.alice, nurse, "wait", waits=str(world.course.pk), cause="capacity", wanted_on=str(TODAY + DAY)
    )
    assert status == 302
    assert "Who waits because of capacity 1 waits Synthia Example" in page
    assert "No capacity at the site; since" in page and "wanted for Tue 3 Mar 2026" in page
    assert send(world.alice, nurse, "wait", waits=str(other.pk), cause="payer")[0] == 302
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=3))):
        report = words(signed_in(nurse).get(reverse("waiting")).content)
        sheet = signed_in(nurse).get(reverse("waiting_csv")).content.decode()
    assert "No capacity at the site 1 0 Site manager" in report
    assert "The payer 1 0 PA specialist" in report
    assert "No cause is written down 1 0 Coordinator" in report
    assert report.count("(3 days)") == 3
    for name in ("Synthia Example", "Synthia Other", "Synthia Silent"):
        assert name in report
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert sorted(row["cause"] for row in rows) == [
        "no capacity at the site",
        "nobody has written down why",
        "the payer",
    ]
    assert {row["days"] for row in rows} == {"3"}
    assert "Synth" + "ia" not in sheet and "Silent" not in sheet and str(silent.pk) not in sheet


def test_t64_the_file_counts_from_the_civil_day_of_the_site_also_in_the_evening(world):
    evening = MONDAY_0900 + timedelta(hours=11)  # Monday 20:00 at the site, Tuesday in UTC
    with clock.use(clock.FrozenClock(evening)):
        send(world.alice, world.alice.nurse, "wait", waits=str(world.course.pk), cause="capacity")
        (row,) = csv.DictReader(io.StringIO(signed_in(world.alice.nurse).get(reverse("waiting_csv")).content.decode()))
    assert (row["waits since"], row["days"]) == ("2026-03-02", "0")


def test_t64_who_was_taken_off_the_list_and_has_no_dose_is_still_there_with_the_reason(world):
    send(world.alice, world.alice.nurse, "wait", waits=str(world.course.pk), cause="capacity")
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(hours=1))):
        send(world.alice, world.alice.nurse, "off", off=str(world.course.pk), off_reason="moved away")
        report = words(signed_in(world.alice.nurse).get(reverse("waiting")).content)
    assert "No cause is written down 1 0 Coordinator" in report
    assert "Taken off the list, and not started; since" in report and "moved away" in report
    assert "Nobody has written down why" not in report


def test_t64_the_first_dose_takes_a_patient_off_the_list(world):
    nurse = world.alice.nurse
    send(world.alice, nurse, "wait", waits=str(world.course.pk), cause="capacity")
    given = dose("step_up_1", at=MONDAY_0900 + timedelta(hours=1), mg="1.5")
    later = MONDAY_0900 + timedelta(hours=5)
    record_event(world.course.pk, given, by=world.actor("alice"), now=later)
    with clock.use(clock.FrozenClock(later)):
        assert "Nobody whom you reach waits for a first dose." in words(
            signed_in(nurse).get(reverse("waiting")).content
        )
        assert "Nobody is on the list for want of capacity." in read(world.alice)


def test_t64_whoever_was_referred_and_has_no_course_is_in_the_report_with_how_far_it_came(world):
    """Removing `"referred"` from the context of `waiting`, or the referrals from its file, makes it fail."""
    nurse = signed_in(world.alice.nurse)
    waits, over = referred(world.alice), referred(world.alice, given_name="Closed")
    decide = {
        "option": "other",
        "rationale": "Synthetic: nobody is free to watch.",
        "message": "Synthetic answer.",
        "batch": str(uuid4()),
    }
    for user, step, typed in (
        (world.alice.oncologist, "decide", decide),
        (world.alice.nurse, "tell", {"way": "fax"}),
        (world.alice.nurse, "close", {}),
    ):
        assert signed_in(user).post(reverse("referral_step", args=[over.pk, step]), typed).status_code == 302, step
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=3))):
        report = words(nurse.get(reverse("waiting")).content)
        sheet = nurse.get(reverse("waiting_csv")).content.decode()
    part = report[report.index("Referred, and without a course") :]
    assert waits.code in part and over.code in part
    assert re.search(r"Received, read by nobody; referred \d working days ago", part), part
    assert "referred 2026-03-02, closed after 0 working days" in part
    assert "Decided: " in part and "nobody is free to watch" in part
    rows = [row for row in csv.DictReader(io.StringIO(sheet)) if row["state"].startswith("referred")]
    assert {(row["state"], row["days"]) for row in rows} == {
        ("referred, no course yet", "3"),
        ("referred, closed without a course", "0"),
    }
    for word in ("Synthia", "Referred", "free to watch", waits.code):
        assert word not in sheet
    assert waits.code not in words(signed_in(world.charlie.nurse).get(reverse("waiting")).content)


def test_an_empty_site_is_a_worklist_with_owners_and_a_start_is_planned_and_said_and_decided(world):
    page = read(world.alice)
    assert "This site has said no number yet: nothing is refused" in page
    assert page.count("Site manager: say the number below") == 10
    assert "Rescue tocilizumab: not known, nobody has counted. Pharmacist: count it at the access desk" in page
    status, page = planned(world)
    assert status == 302
    assert "Nobody has counted this start at Synthetic Site" in page and "(site manager, pharmacist)" in page
    assert "nobody has counted: decide Synthia Example , Tue 3 Mar 2026" in read(world.alice)
    status, page = send(
        world.alice,
        world.alice.nurse,
        "decide",
        start=str(world.course.pk),
        on=str(TODAY + DAY),
        start_reason="seen by all",
    )
    assert status == 302
    assert "goes on by decision Synthia Example" in page
    assert "Over what is not known it goes on: seen by all" in page


def test_a_start_that_is_not_covered_goes_on_when_a_director_says_why_and_not_when_a_nurse_does(world):
    full_of_room(world.alice, beds=0)
    status, page = planned(world)
    assert status == 422 and "1 watched on Tue 3 Mar 2026: beds are promised for 0" in page
    sent = {"start": str(world.course.pk), "on": str(TODAY + DAY), "start_reason": "a bed next door"}
    status, page = send(world.alice, world.alice.nurse, "decide", **sent)
    assert status == 403
    assert planned(world)[0] == 422
    assert send(world.alice, world.alice.director, "decide", **sent)[0] == 302
    status, page = planned(world)
    assert status == 302
    assert "does not cover this start (a director let it go on: a bed next door)" in page
    assert planned(world, on=str(TODAY + 3 * DAY))[0] == 422  # it holds for its day alone


def test_a_director_lets_the_refused_start_of_a_patient_of_another_site_go_on_and_one_that_begins_once_more(world):
    other, again = world.make_course(), world.make_course()
    with everything():
        Course.objects.filter(pk=other.pk).update(site=make_site(world.alice.organisation, code="other"))
    record_event(again.pk, dose("step_up_1", at=MONDAY_0900, mg="1.5"), by=world.actor("alice"), now=MONDAY_0900)
    full_of_room(world.alice, beds=0)
    for course in (other, again):
        status, page = planned(world, course, at_site=world.alice.site.code)
        assert status == 422 and "A director may let it go on with a reason" in page
        sent = {"start": str(course.pk), "on": str(TODAY + DAY), "start_reason": "a bed next door"}
        assert send(world.alice, world.alice.director, "decide", **sent)[0] == 302
        assert planned(world, course, at_site=world.alice.site.code)[0] == 302


def test_a_number_stands_beside_whoever_said_it_and_a_day_to_come_has_one_number(world):
    manager = make_member(world.alice.organisation, "site_manager", "Synthetic Manager")
    says(world.alice, beds=4, from_on=TODAY, at=MONDAY_0900 - timedelta(minutes=1))
    says(world.alice, beds=7, from_on=TODAY + 2 * DAY)
    says(world.alice, beds=8, from_on=TODAY + 2 * DAY, at=MONDAY_0900 + timedelta(minutes=1))
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(minutes=2))):
        send(world.alice, manager, "numbers", beds="5", from_on=str(TODAY))
        page = read(world.alice)
    assert "5 since Mon 2 Mar 2026, by Synthetic Manager, site manager From Wed 4 Mar 2026: 8 " in page
    with clock.use(clock.FrozenClock(MONDAY_0900 + 3 * DAY)):
        assert f"8 since Wed 4 Mar 2026, by {world.alice.director.name}" in read(world.alice)


def test_the_table_says_in_words_what_is_used_and_what_there_is(world):
    says(world.alice, slots_weekday=1, beds=1)
    counted(world.alice, 1)
    page = read(world.alice)
    assert "Mon 2 Mar 2026" in page and "0 of 1 room" in page and "0 of ? not known" in page


def test_the_numbers_are_said_in_a_short_form_and_count_from_their_day(world):
    manager = make_member(world.alice.organisation, "site_manager")
    status, page = send(
        world.alice,
        manager,
        "numbers",
        slots_weekday="4",
        beds="?",
        from_on=str(TODAY + 2 * DAY),
        evidence="rota of March",
    )
    assert status == 302
    assert "From Wed 4 Mar 2026: 4" in page and "From Wed 4 Mar 2026: not known" in page
    assert "0 of 4 room" in page
    status, page = send(world.alice, manager, "numbers", slots_weekday="many", from_on=str(TODAY))
    assert status == 422 and "Type a whole number, or ? for not known." in page
    assert send(world.alice, world.alice.nurse, "numbers", slots_weekday="4", from_on=str(TODAY))[0] == 403


def test_the_desks_lead_to_it(world):
    client = signed_in(world.alice.director)
    for page in ("sites", "waiting"):
        assert address(world.alice) in client.get(reverse(page)).content.decode()
    assert reverse("waiting") in client.get(reverse("programme")).content.decode()
    product = client.get(reverse("site_product", args=[world.alice.site.pk, "teclistamab"])).content.decode()
    assert address(world.alice) in product
