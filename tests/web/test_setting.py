"""The page of a setting: every missing fact has a short form, and each form makes the fact known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import setting_desk
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.setting_course import Around
from handrail.rules.setting_facts import Paper
from handrail.web.setting.forms import ELSEWHERE, FACT_FORMS, _months
from handrail.web.setting.page import missing_rows
from tests.support.factories import World
from tests.support.setting_courses import facts_of_v1
from tests.support.setting_world import JULY, course_on_eve, planned, tell, v1_on_the_desk
from tests.support.settings import at, eve
from tests.trace.test_setting import page, send, words

pytestmark = pytest.mark.django_db

ANSWERS: dict[str, dict[str, Any]] = {
    **{
        name: {name: "no"}
        for name in (
            "infection_active", "live_vaccine", "decided_to_proceed_without", "frail", "self_report_unreliable", "cns_disease",
            "uncontrolled_seizures", "explosive_progression", "extramedullary_disease", "plasma_cell_leukaemia", "cytopenia", "oxygen_need",
            "decompensated_cirrhosis", "dialysis", "anticoagulated", "caregiver_unwell", "teach_back_low", "needs_interpreter",
            "follows_label_strictly", "first_patient_at_site",
        )
    },
    **{name: {name: "yes"} for name in ("consent", "tocilizumab_planned", "measures_temperature", "interpreter_at_all_hours", "transport_at_hand", "phone_works")},
    "thermometer_at_hand": {"thermometer": "yes"},
    "ecog": {"ecog": "1"},
    "worst_earlier_reaction": {"worst_earlier_reaction": "0"},
    "nyha": {"nyha": "0"},
    "significant_comorbidities": {"significant_comorbidities": "0"},
    "heart_attack_or_stroke": {"happened": "no"},
    "infection_resolved": {"happened": "yes", "on": "2026-01-10"},
    **{name: {"held": "yes", "until": "2027-01-31"} for name in ("rems_prescriber", "rems_dispenser", "rems_setting")},
    "hospital_agreement": {"held": "yes", "no_end": "yes"},
    "site_level": {"level": "4", "held": "yes", "until": "2027-01-31"},
    "authorisation": {"status": "approved", "valid_from": "2026-06-01", "valid_until": "2027-01-31"},
    "marrow_plasma_percent": {"value": "20"},
    "m_protein_g_dl": {"value": "2.1"},
    "involved_flc_mg_l": {"value": "300"},
    "creatinine_clearance_ml_min": {"value": "80"},
    "ldh_times_upper_limit": {"value": "180", "high": "200"},
    "ferritin_raised": {"value": "150", "high": "300"},
    "crp_raised": {"value": "2", "high": "5"},
    "temperature_c": {"temperature_c": "36.6"},
    "suspensions": {"suspended": "no"},
    "payer": {"asks": "no"},
    "weather_expected": {"weather": "none"},
    "caregivers": {"who_1": "caregiver_1", "from_1": "2026-07-06T08:00", "until_1": "2026-07-17T08:00"},
    "travel": {"minutes_1": "28", "first_1": "4", "last_1": "10", "minutes_2": "75", "first_2": "11", "last_2": "3", "told_by": "the patient", "as_of": "2026-07-01"},
    "lodging": {"accepted": "no"},
    "doses": {"step_up_1": "2026-07-06T09:00", "step_up_2": "2026-07-09T09:00", "first_treatment": "2026-07-13T09:00"},
}  # fmt: skip


@pytest.fixture
def empty() -> Iterator[tuple[World, Course]]:
    """A course that has just begun, with a dose planned and nothing else known; what has a form elsewhere is on record."""
    with clock.use(clock.FrozenClock(eve())):
        world = World()
        course = course_on_eve(world, JULY)
        screening = ("hbsag", "anti_hbc", "pregnancy_test", "anc", "platelets", "hemoglobin", "creatinine", "igg")
        told = [each for each in facts_of_v1() if each[2].get("code") in screening]
        tell(world, course, [*told, planned(JULY)], eve())
        yield world, course


def missing(course: Course) -> list[str]:
    with everything():
        look = setting_desk.desk_of(course, eve()).look
    assert look is not None
    return [each["fact"] for each in missing_rows(look)]


def test_from_nothing_known_to_a_recommendation_by_the_short_forms_alone(empty):
    world, course = empty
    seen: set[str] = set()
    said = page(world, course)
    assert "Nothing is recommended yet" in said and "Nobody has decided it yet" in said
    while open_ := [fact for fact in missing(course) if fact in ANSWERS]:
        assert not set(open_) & seen, "a form that was filled in left its fact missing"
        for fact in open_:
            assert send(world, course, fact, ANSWERS[fact]).status_code == 302, fact
            seen.add(fact)
    assert missing(course) == []
    said = page(world, course)
    assert "Would be outside hospital once the departure from the label is signed" in said
    signed = {"reason": "the programme's own protocol", "review_on": "2026-08-01"}
    assert send(world, course, "departure", signed).status_code == 302
    assert "Outside hospital: step-up dose 1 on Mon 6 Jul 2026" in page(world, course)


def test_every_fact_that_can_be_missing_has_a_form_or_a_link(empty):
    world, course = empty
    client = Client()
    client.force_login(world.alice.oncologist)
    text = client.get(reverse("setting", args=[course.pk])).content.decode()
    for fact in missing(course):
        assert f'id="fact-{fact}"' in text
        assert fact in ELSEWHERE or reverse("setting_note", args=[course.pk, fact]) in text, fact
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids)), "an id stands twice on the page"


def test_every_short_form_has_an_answer_in_this_test():
    assert set(FACT_FORMS) <= set(ANSWERS)


@pytest.mark.parametrize(
    ("key", "data", "says"),
    [
        ("ecog", {}, "please answer"),
        ("ecog", {"ecog": "one"}, "type a number"),
        ("temperature_c", {"temperature_c": "hot"}, "type a number"),
        ("caregivers", {"who_1": "caregiver_1", "from_1": "2026-07-06T08:00"}, "Line 1: who, from and until are needed."),
        ("caregivers", {"who_2": "caregiver_1", "from_2": "2026-07-06T08:00", "until_2": "2026-07-06T08:00"}, "Line 2: it ends before it begins."),
        ("caregivers", {"who_1": "Aunt Synthia", "from_1": "2026-07-06T08:00", "until_1": "2026-07-07T08:00"}, "choose one of the answers"),
        ("travel", {"minutes_1": "20", "as_of": "2026-07-01"}, "Told by: please answer."),
        ("travel", {"minutes_1": "20", "weather_2": "snow", "told_by": "the patient", "as_of": "2026-07-01"}, "Line 2: say the minutes"),
        ("travel", {"minutes_1": "20", "told_by": "the patient"}, "As of: please answer."),
    ],
)  # fmt: skip
def test_what_cannot_be_saved_is_asked_again_in_its_own_form(empty, key, data, says):
    world, course = empty
    answer = send(world, course, key, data)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert says in words(text)
    form = text.split(reverse("setting_note", args=[course.pk, key]))[0].rsplit("<details", 1)[1]
    assert "open" in form.split(">")[0]
    with everything():
        assert not course.events.filter(
            kind__in=("setting_facts_noted", "caregivers_rostered", "travel_noted")
        ).exists()


@pytest.mark.parametrize(
    ("ends", "which", "saved"),
    [("01:30", "first", True), ("01:30", "second", True), ("00:40", "", False), ("00:50", "", True)],
)
def test_a_shift_that_ends_in_the_night_of_the_clock_change_is_saved_by_the_hour_that_is_meant(
    empty, ends, which, saved
):
    """On 1 November 2026 the hour from one to two comes twice; written down it stands before ten to one, which is told in UTC."""
    world, course = empty
    data = {
        "who_1": "caregiver_1",
        "from_1": "2026-11-01T00:45",
        "until_1": f"2026-11-01T{ends}",
        "until_1_which": which,
    }
    assert send(world, course, "caregivers", data).status_code == (302 if saved else 422)


def test_a_form_that_is_sent_twice_is_saved_once(empty):
    world, course = empty
    client = Client()
    client.force_login(world.alice.nurse)
    batch = str(uuid4())
    for _ in range(2):
        address = reverse("setting_note", args=[course.pk, "ecog"])
        assert client.post(address, {"batch": batch, "ecog": "1"}).status_code == 302
    with everything():
        assert course.events.filter(kind="setting_facts_noted").count() == 1


def test_not_known_is_an_answer_and_keeps_the_fact_missing(empty):
    world, course = empty
    assert send(world, course, "consent", {"consent": "not_known"}).status_code == 302
    with everything():
        assert course.events.get(kind="setting_facts_noted").payload == {"consent": None}
    assert "consent" in missing(course)


def test_nobody_on_the_roster_is_a_roster(empty):
    world, course = empty
    assert send(world, course, "caregivers", {}).status_code == 302
    with everything():
        assert course.events.get(kind="caregivers_rostered").payload == {"hours": []}
    assert "In hospital: step-up dose 1" in page(world, course)


def test_without_a_plan_and_after_the_end_the_page_says_why_there_is_nothing_to_judge():
    with clock.use(clock.FrozenClock(eve())):
        world = World()
        course = course_on_eve(world, JULY)
        tell(world, course, [("course_ended", at(0, 9), {"because": "patient's wish"})], eve())
        assert page(world, course)  # whatever the schedule says of an ended course, the page answers
        with everything():
            lines = setting_desk.gate_evidence(course, eve())
        assert {number: line.met for number, line in lines.items()}[17] is None


def test_who_only_looks_sees_the_page_and_no_form():
    with v1_on_the_desk(JULY) as (world, course):
        client = Client()
        client.force_login(world.alice.director)
        text = client.get(reverse("setting", args=[course.pk])).content.decode()
        assert "Outside hospital" in text and "Where is this dose given and watched?" not in text
        assert reverse("setting_note", args=[course.pk, "doses"]) not in text
        with everything():
            assert course.looks.filter(what="setting").exists()


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [("4", "10", [4, 5, 6, 7, 8, 9, 10]), ("11", "3", [11, 12, 1, 2, 3]), ("5", None, [5]), (None, "5", [5]), (None, None, []), ("6", "5", [6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5])],
)  # fmt: skip
def test_months_go_over_the_turn_of_the_year(first, last, months):
    assert _months(first, last) == months


def test_what_is_to_do_stands_once_though_two_rules_ask_for_it():
    far = (
        "travel_noted",
        at(0, 9),
        {"worst": [{"months": [7], "minutes": 75}], "told_by": "the patient", "as_of": "2026-07-01"},
    )
    with v1_on_the_desk(JULY, [far]) as (world, course):
        assert page(world, course).split("To do ")[1].count("lodging near the hospital") == 1


def test_a_level_that_the_desk_of_sites_knows_is_believed_before_the_answer_in_the_course(monkeypatch):
    with v1_on_the_desk(JULY) as (world, course):
        known = Around(site_name="River Clinic", site_level="1", level_paper=Paper(held=True, no_end=True))
        monkeypatch.setattr(setting_desk, "around_site", lambda *_, **__: known)
        said = page(world, course)
        assert "In hospital: step-up dose 1" in said and "River Clinic is at level 1; level 3 is needed" in said
        assert "not to book" in said


def rivals(
    kind: str, when: str, first: dict[str, Any], *bodies: dict[str, Any]
) -> list[tuple[str, str, dict[str, Any]]]:
    """A fact and corrections of it that stand side by side."""
    name = str(uuid4())
    told = [(kind, when, {**first, **body, "supersedes": name, "reason": "put right"}) for body in bodies]
    return [(kind, when, {**first, "id": name}), *told]


@pytest.mark.parametrize("differs", [{"on": "2026-07-07"}, {"at_site": "elsewhere"}, {"setting": "inpatient"}])
def test_where_corrections_of_the_plan_stand_side_by_side_no_setting_is_said_until_it_is_planned_anew(differs):
    """What is said of one site or day would be read as said of the other."""
    kind, when, body = planned(JULY)
    with v1_on_the_desk(JULY, rivals(kind, when, body, {}, differs)) as (world, course):
        said = page(world, course)
        assert "No setting can be said." in said and "not name the same day, step, setting and site" in said
        assert "plan the dose anew" in said
        with everything():
            assert {each.met for each in setting_desk.gate_evidence(course, eve()).values()} == {None}
        tell(world, course, [("dose_planned", at(0, 9), body)], eve())
        assert "No setting can be said." not in page(world, course)
    with v1_on_the_desk(JULY, rivals(kind, when, body, {}, {})) as (world, course):
        assert "No setting can be said." not in page(world, course)


def test_where_corrections_of_the_decision_stand_side_by_side_the_page_asks_for_a_new_one():
    decision = {"recommendation": "OUTPATIENT", "step": "step_up_1", "on": JULY.isoformat(), "valid_until": at(1, 23)}
    two = rivals("setting_decided", at(0, 9), decision, {}, {"recommendation": "INPATIENT"})
    with v1_on_the_desk(JULY, two) as (world, course):
        said = page(world, course)
        assert "not all of them hold the same decision" in said and "Decide it anew" in said
        assert "Nobody has decided it yet" not in said
        tell(world, course, [("setting_decided", at(0, 10), decision)], eve())
        assert "Decide it anew" not in page(world, course)
