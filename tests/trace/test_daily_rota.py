"""T-54: an APP or a physician assesses on the day of a dose, a nurse on the others, in person; a programme may change that for itself."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.facts import record_event
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, House, World, dose, make_patient
from tests.support.own_policies import put_in_force, take_up
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
MONDAY, TUESDAY = "2026-03-02", "2026-03-03"
DOSING, OTHER = "daily__day__dosing_day__", "daily__day__other_day__"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(GIVEN)) as frozen:
        world = World()
        world.time = frozen
        yield world


def dosed(house: House, course: Course) -> Course:
    """The first step-up dose was given at ten on Monday; the window ends on Wednesday."""
    record_event(course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=person(house.nurse), now=GIVEN)
    return course


def days(house: House, course: Course) -> list[str]:
    """The days of the window, as the page of the course says them."""
    page = words(signed_in(house.nurse).get(reverse("course", args=[course.pk])).content)
    table = page[page.index("Assessed every day") : page.index("To do", page.index("Assessed every day"))]
    return re.findall(r"(?:Mon|Tue|Wed) \d.*?(?=Mon \d|Tue \d|Wed \d|$)", table)


def state(house: House, course: Course, day: str) -> str:
    return next(each for each in days(house, course) if each.startswith(day))


def seen(house: House, course: Course, on: str, who: str, how: str) -> None:
    """Somebody says with the form that the assessment of a day took place."""
    typed = {"at": f"{on}T10:05", "on": on, "who_role": who, "contact": how}
    assert signed_in(house.nurse).post(reverse("record", args=[course.pk, "visit"]), typed).status_code == 302


def test_t54_by_default_an_app_or_physician_on_the_day_of_the_dose_and_a_nurse_in_person_on_the_others(world):
    """Removing `and event.body.contact in (...)` from `daily._fits`, or `app` from the shipped row, makes it fail."""
    course = dosed(world.alice, world.make_course())
    assert [re.search(r"· (.*?, in person)", each).group(1) for each in days(world.alice, course)] == [
        "APP or physician, in person",
        "nurse, in person",
        "nurse, in person",
    ]
    world.time.set(GIVEN + timedelta(minutes=10))
    seen(world.alice, course, MONDAY, "nurse", "in_person")
    assert "NOT booked" in state(world.alice, course, "Mon"), "a nurse is not enough on the day of a dose"
    seen(world.alice, course, MONDAY, "app", "call")
    assert "NOT booked" in state(world.alice, course, "Mon"), "the patient comes in"
    seen(world.alice, course, MONDAY, "app", "in_person")
    assert "done" in state(world.alice, course, "Mon")
    world.time.set(GIVEN + timedelta(days=1, minutes=10))
    seen(world.alice, course, TUESDAY, "nurse", "video")
    assert "NOT booked" in state(world.alice, course, "Tue")
    seen(world.alice, course, TUESDAY, "nurse", "in_person")
    assert "done" in state(world.alice, course, "Tue")


def test_t54_a_programme_edits_who_assesses_and_how_for_itself_alone(world):
    """Removing `"daily.day.roles"` or `"daily.day.contact"` from `[caution]` of the policy makes it fail."""
    course = dosed(world.alice, world.make_course())
    made = put_in_force(world.alice, **{f"{DOSING}roles": "nurse, app, oncologist", f"{OTHER}contact": "call"})
    page = words(signed_in(world.alice.nurse).get(reverse("own_policy", args=[made.pk])).content)
    assert "daily.day.dosing_day.roles : app, oncologist, prescriber becomes nurse, app, oncologist" in page
    assert "daily.day.other_day.contact : in_person becomes call" in page
    assert "daily.day.dosing_day.who" not in page, "the words follow the roles: one change, one signature"
    assert "APP or physician, in person" in state(world.alice, course, "Mon"), "a course moves when somebody moves it"
    take_up(world.alice, course)
    assert "nurse or APP or physician, in person" in state(world.alice, course, "Mon")
    assert "nurse, by phone" in state(world.alice, course, "Tue")
    world.time.set(GIVEN + timedelta(minutes=10))
    seen(world.alice, course, MONDAY, "nurse", "in_person")
    assert "done" in state(world.alice, course, "Mon")
    world.time.set(GIVEN + timedelta(days=1, minutes=10))
    seen(world.alice, course, TUESDAY, "nurse", "call")
    assert "done" in state(world.alice, course, "Tue")

    world.time.set(GIVEN)
    charlie = world.charlie
    with everything():
        patient = make_patient(charlie.organisation)
    started = start_course(
        patient, by=person(charlie.oncologist), product="teclistamab", site=charlie.site, now=MONDAY_0900
    )
    with everything():
        other = Course.objects.get(pk=started.event.course_id)
    dosed(charlie, other)
    assert "APP or physician, in person" in state(charlie, other, "Mon")
    assert "nurse, in person" in state(charlie, other, "Tue")


def test_t54_what_cannot_be_a_rule_is_refused_with_the_words_that_can(world):
    client = signed_in(world.alice.oncologist)
    address = reverse("propose_policy", args=[world.alice.id])
    for place, typed, said in (
        (
            "daily.day.dosing_day.roles",
            "nurse, janitor",
            "Each is one of: app, oncologist, prescriber, nurse, on_call.",
        ),
        ("daily.day.dosing_day.roles", " ", "The list is empty."),
        ("daily.day.other_day.contact", "letter", "One of: in_person, video, call."),
        ("daily.day.dosing_day.days_after", "soon", "Type whole numbers"),
    ):
        answer = client.post(address, {"what": "compare", f"v:{place}": typed})
        assert (answer.status_code, said in words(answer.content)) == (422, True), place
