"""T-25: a site that follows the label strictly is offered, and takes, nothing outside hospital that the label wants in hospital."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.errors import RefusedError
from handrail.people.models import SiteStrict
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.factories import World
from tests.support.setting_pages import offered, page, send, words
from tests.support.setting_world import JULY, tell, v1_on_the_desk
from tests.support.settings import at, eve

pytestmark = pytest.mark.django_db


def test_t25_a_site_that_follows_the_label_strictly_is_offered_nothing_outside_hospital():
    with v1_on_the_desk(JULY, follows_label_strictly=True) as (world, course):
        said = page(world, course)
        assert "In hospital: step-up dose 1" in said and "IP-12" in said
        assert "Would be" not in said
        assert "outside hospital is not offered" in said
        assert "Sign the departure" not in said, "no signature counts here"
        dose = {"step": "step_up_1", "on": "2026-07-06"}
        for because in ("", "the ward is full"):
            refused = send(world, course, "decide", {"recommendation": "OUTPATIENT", "because": because, **dose})
            assert refused.status_code == 422
            assert "outside hospital is not offered here" in words(refused.content.decode())
            assert offered(refused.content.decode()) == ["DEFER", "INPATIENT", "HYBRID"]
        signed = {"reason": "the programme watches at home", "review_on": "2026-07-31"}
        assert send(world, course, "departure", signed).status_code == 404
        assert send(world, course, "decide", {"recommendation": "INPATIENT", **dose}).status_code == 302


@pytest.mark.parametrize(
    ("strict", "step", "setting", "status"),
    [
        ("yes", "step_up_1", "outpatient", 422),
        ("yes", "step_up_1", "inpatient", 302),
        ("yes", "step_up_1", "", 302),
        ("yes", "step_up_1", "hybrid", 302),
        ("yes", "step_up_2", "hybrid", 422),
        ("no", "step_up_1", "outpatient", 302),
        ("no", "step_up_2", "hybrid", 302),
    ],
)
def test_t25_a_strict_site_takes_no_plan_outside_hospital_where_the_label_asks_for_hospital(
    strict, step, setting, status
):
    """Hybrid is in hospital for the first step alone. Removing `refuse_outside_at_strict_site` from `actions/recording.py` makes it fail."""
    with v1_on_the_desk(JULY) as (world, course):
        director, nurse = Client(), Client()
        director.force_login(world.alice.director)
        nurse.force_login(world.alice.oncologist)
        address = reverse("site_product", args=[world.alice.site.pk, "teclistamab"])
        typed = {"form": "strict", "strict": strict, "strict_reason": "the board asks for hospital"}
        assert director.post(address, typed).status_code == 302
        plan = {"at": "2026-07-05T09:30", "step": step, "on": "2026-07-06", "setting": setting}
        answer = nurse.post(reverse("record", args=[course.pk, "plan"]), plan)
        assert answer.status_code == status
        if status == 422:
            said = words(answer.content.decode())
            assert (
                "Not planned: this site follows the label strictly from Sun 5 Jul 2026 on: signed by Alice Director"
                in said
            )
            later = nurse.post(
                reverse("record", args=[course.pk, "plan"]), {**plan, "step": "treatment", "on": "2026-07-20"}
            )
            assert later.status_code == 302, "after a treatment dose the label asks for no hospital"


def test_t25_a_director_switches_a_site_to_label_strict_for_every_course_and_the_setting_page_says_who():
    with v1_on_the_desk(JULY) as (world, course):
        address = reverse("site_product", args=[world.alice.site.pk, "teclistamab"])
        typed = {"form": "strict", "strict": "yes", "strict_reason": "the board asks for hospital"}
        for who, status in (("nurse", 403), ("director", 302)):
            client = Client()
            client.force_login(getattr(world.alice, who))
            assert client.post(address, typed).status_code == status
        assert "This site follows the label strictly from Sun 5 Jul 2026 on: signed by Alice Director" in words(client.get(address).content.decode())  # fmt: skip
        said = page(world, course)
        assert "In hospital: step-up dose 1" in said
        assert "IP-12" in said
        assert "Would be" not in said, "no departure can be signed there"
        assert "this site follows the label strictly from Sun 5 Jul 2026 on: signed by Alice Director, the board asks for hospital" in said  # fmt: skip
        assert client.post(address, {**typed, "strict_reason": ""}).status_code == 422
        assert client.post(address, {**typed, "strict_from": "2026-07-01"}).status_code == 422, (
            "not for days that are over"
        )
        later = {**typed, "strict": "no", "strict_from": "2026-07-08", "strict_reason": "the programme was reviewed"}
        assert client.post(address, later).status_code == 302
        assert "In hospital: step-up dose 1" in page(world, course), "the switch counts by the day of the dose"
        assert client.post(address, {**later, "strict_from": ""}).status_code == 302
        assert "In hospital: step-up dose 1" in page(world, course), "of two of one instant the strict one counts"
        with clock.use(clock.FrozenClock(clock.now() + timedelta(minutes=1))):
            assert client.post(address, {**later, "strict_from": ""}).status_code == 302
            assert "Outside hospital: step-up dose 1" in page(world, course)
        tell(world, course, [("setting_facts_noted", at(0, 9), {"follows_label_strictly": True})], eve(JULY))
        assert "In hospital: step-up dose 1" in page(world, course), "a course may be stricter than its site"
        with everything():
            assert SiteStrict.objects.count() == 4, "nothing is altered"


GIVEN = [
    ("dose_given", at(day, 9), {"step": step, "started_at": at(day, 9), "schedule": "weekly"})
    for day, step in ((1, "step_up_1"), (4, "step_up_2"), (7, "first_treatment"))
]


CRS_2 = {"tmax_c": "38.6", "fever_other": False, "hypotension": True, "o2": "none", "clinician_grade": 2}


CRS_1 = {**CRS_2, "hypotension": False, "clinician_grade": 1}


CRS_OVER = {**CRS_1, "tmax_c": "36.6", "clinician_grade": 0}


NOBODY_GRADED = {"tmax_c": "38.6", "fever_other": False, "hypotension": None, "o2": None}


DAY_14 = datetime.fromisoformat(at(14, 9))


def say_strict(world: World) -> None:
    """The director signs that the site follows the label strictly."""
    director = Client()
    director.force_login(world.alice.director)
    typed = {"form": "strict", "strict": "yes", "strict_reason": "the board asks for hospital"}
    address = reverse("site_product", args=[world.alice.site.pk, "teclistamab"])
    assert director.post(address, typed).status_code == 302


def plan_treatment(world: World, course: Course, setting: str) -> Any:
    """A plan of the next dose, typed on day 14 for the day after."""
    client = Client()
    client.force_login(world.alice.oncologist)
    plan = {"at": at(14, 9)[:16], "step": "treatment", "on": at(15, 9)[:10], "setting": setting}
    return client.post(reverse("record", args=[course.pk, "plan"]), plan)


def test_t25_the_stay_after_a_reaction_counts_at_a_strict_site_also_while_the_dose_is_withheld():
    """The dose is not said today, since nobody has assessed the patient; the stay of its label's row after the reaction is."""
    told = [*GIVEN, ("crs_assessed", at(8, 9), CRS_2), ("crs_assessed", at(9, 9), CRS_OVER)]
    with v1_on_the_desk(JULY, told, now=DAY_14) as (world, course):
        say_strict(world)
        with everything():
            course.refresh_from_db()
        said = course.assessment["next_dose"]
        assert said["step"] is None and said["would_be"]["step"] == "treatment"
        refused = plan_treatment(world, course, "outpatient")
        assert refused.status_code == 422
        assert "the label asks for hospital after this dose" in words(refused.content.decode())
        assert plan_treatment(world, course, "inpatient").status_code == 302


@pytest.mark.parametrize(
    ("reactions", "lacking"),
    [
        ([("crs_assessed", at(8, 9), NOBODY_GRADED)], "reactions in this course"),
        ([("crs_assessed", at(8, 9), NOBODY_GRADED), ("crs_assessed", at(9, 9), CRS_OVER)], "reactions in this course"),
        ([("crs_assessed", at(8, 9), CRS_1), ("crs_assessed", at(9, 9), CRS_OVER)], "what a verified row of it says"),
        ([], ""),
    ],
    ids=["not graded", "over, and never graded", "a row that nobody verified", "no reaction"],
)
def test_t25_a_strict_site_takes_no_plan_outside_hospital_while_nobody_can_say_what_the_label_asks(reactions, lacking):
    with v1_on_the_desk(JULY, [*GIVEN, *reactions], now=DAY_14) as (world, course):
        assert plan_treatment(world, course, "outpatient").status_code == 302, (
            "elsewhere the plan is taken, and is a finding"
        )
        say_strict(world)
        answer = plan_treatment(world, course, "outpatient")
        assert answer.status_code == (422 if lacking else 302)
        if lacking:
            said = words(answer.content.decode())
            assert "signed by Alice Director, the board asks for hospital; whether the label asks for hospital after this dose cannot be said. Not known:" in said  # fmt: skip
            assert lacking in said and "Plan it in hospital, or ask the prescriber." in said
        for setting in ("inpatient", ""):
            assert plan_treatment(world, course, setting).status_code == 302


def test_t25_a_prescriber_at_a_strict_site_is_offered_nothing_outside_hospital_while_nobody_can_say_what_the_label_asks():
    told = [*GIVEN, ("crs_assessed", at(8, 9), NOBODY_GRADED)]
    with v1_on_the_desk(JULY, told, now=DAY_14) as (world, course):
        assert plan_treatment(world, course, "").status_code == 302
        assert "OUTPATIENT" in offered_on_page(world, course), "elsewhere with a reason, which is counted"
        say_strict(world)
        assert offered_on_page(world, course) == ["DEFER", "INPATIENT", "HYBRID"], (
            "hybrid gives the first dose in hospital"
        )
        said = page(world, course)
        assert "whether the label asks for hospital after this dose cannot be said: outside hospital is not offered. Not known: reactions in this course" in said  # fmt: skip
        assert "Sign the departure" not in said, "no signature counts here"
        dose = {"step": "treatment", "on": at(15, 9)[:10], "because": "the ward is full"}
        refused = send(world, course, "decide", {"recommendation": "OUTPATIENT", **dose})
        assert refused.status_code == 422
        assert "cannot be said: outside hospital is not offered here. Not known: reactions in this course" in words(refused.content.decode())  # fmt: skip
        assert send(world, course, "decide", {"recommendation": "INPATIENT", **dose}).status_code == 302


def offered_on_page(world: World, course: Course) -> list[str]:
    client = Client()
    client.force_login(world.alice.oncologist)
    return offered(client.get(reverse("setting", args=[course.pk])).content.decode())


@pytest.mark.parametrize("what", ["a label that cannot be read", "a step that is not known"])
def test_t25_at_a_strict_site_neither_a_label_that_cannot_be_read_nor_an_unknown_step_lets_a_plan_leave_hospital(what):
    with v1_on_the_desk(JULY, GIVEN, now=DAY_14) as (world, course):
        say_strict(world)
        step: str | None = "treatment"
        if what == "a step that is not known":
            step = None
        else:
            with everything():
                Course.objects.filter(pk=course.pk).update(protocol_key="teclistamab/US/1999-01/mono")
        for setting in ("outpatient", "hybrid"):
            with pytest.raises(RefusedError, match="Not planned: this site follows the label strictly"):
                tell(world, course, [("dose_planned", at(14, 9), {"step": step, "on": at(15, 9)[:10], "setting": setting})], DAY_14)  # fmt: skip
        tell(world, course, [("dose_planned", at(14, 9), {"step": step, "on": at(15, 9)[:10], "setting": "inpatient"})], DAY_14)  # fmt: skip
