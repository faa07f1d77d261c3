"""T-74: a payer's questions about a site, answered in one click from its record, without a patient in it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.facts import record_event
from handrail.actions.payer_papers import write_paper
from handrail.people.models import CarePlace
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.drills import load_drills
from handrail.rules.site_profile import payer_questions
from tests.support.factories import MONDAY_0900, World, dose, event, make_member, make_patient, make_site
from tests.support.figure_courses import stepped_up, write_rows
from tests.support.site_rows import TEC, TODAY, ready, shows
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def answered(world) -> None:
    """The site of Alice's house has shown everything, counted its rescue doses and named an emergency department."""
    ready(world.alice)
    with everything():
        CarePlace.objects.create(
            organisation=world.alice.organisation, name="River ED", address="1 Example Street", number="555-0129", made_at=MONDAY_0900
        )  # fmt: skip
        write_paper(
            world.alice.id, kind="stock", key=world.alice.site.code, payload={"doses": 4}, since=TODAY,
            by=person(world.alice.director), now=MONDAY_0900,
        )  # fmt: skip


def treated(world, patients: int) -> list[str]:
    """So many patients who were given a dose; their names and numbers."""
    named = []
    for _ in range(patients):
        course = world.make_course()
        record_event(course.pk, dose("step_up_1", mg="3.9", at=MONDAY_0900), by=world.actor("alice"), now=MONDAY_0900)
        named += [course.patient.name, course.patient.mrn, str(course.pk), str(course.patient_id)]
    return [each for each in named if each]


def rows(client: Client, site) -> list[dict[str, str]]:
    answer = client.get(reverse("site_profile_csv", args=[site.pk]))
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_t74_a_dose_that_was_given_since_the_count_is_not_told_to_a_payer_as_one_in_stock(world):
    answered(world)
    course, at = world.make_course(), MONDAY_0900 + timedelta(minutes=30)
    body = event("medicine_given", at=at, agent="tocilizumab", dose_mg="560", route="intravenous", purpose="treatment")
    record_event(course.pk, body, by=world.actor("alice"), now=at)
    client = signed_in(make_member(world.alice.organisation, "coordinator"))
    (stock,) = [row for row in rows(client, world.alice.site) if "rescue dose" in row["answer"]]
    assert (stock["state"], stock["ask"]) == ("not known", "pharmacist")
    assert "that count does not stand any more" in stock["answer"]


def test_t74_one_click_gives_a_profile_that_answers_every_question_without_a_patient(world):
    """Removing `yield from _items(row, site)` from `site_profile._parts`, or the withholding from `_patients`, makes it fail."""
    answered(world)
    secret = treated(world, 3)
    client = signed_in(make_member(world.alice.organisation, "coordinator"))
    assert reverse("site_profile", args=[world.alice.site.pk]) in client.get(reverse("access")).content.decode()
    assert reverse("site_profile", args=[world.alice.site.pk]) in client.get(reverse("sites")).content.decode()
    answer = client.get(reverse("site_profile", args=[world.alice.site.pk]))
    shown, sheet = words(answer.content), rows(client, world.alice.site)
    for question in payer_questions().question:
        assert question.words in shown
        mine = [row for row in sheet if row["question_id"] == question.id]
        assert mine, question.id
        for row in mine:
            assert row["answer"]
            if row["state"] == "known":
                assert row["day"] and row["evidence"], row
            else:
                assert row["ask"], row
    text = shown + str(sheet)
    for each in secret:
        assert each not in text
    assert "Patients given a dose since Sun 2 Mar 2025: withheld: fewer than 5." in text
    assert "Level 4:" in text
    assert "4 rescue doses, counted on Mon 2 Mar 2026" in text
    assert "River ED, 1 Example Street, 555-0129" in text
    # what nobody has recorded is said, with its owner: no hand-off came, and no drill was held
    unknown = {row["question_id"] for row in sheet if row["state"] == "not known"}
    assert unknown == {"read_back", "drill"}
    outcomes = [row["answer"] for row in sheet if row["question_id"] == "outcomes"]
    assert len(outcomes) == 5
    assert all("withheld: a count here is of fewer than 5" in each for each in outcomes)


def drilled(world) -> None:
    """The drills that are asked for, held in time, written down with the form of the page."""
    manager = signed_in(make_member(world.alice.organisation, "site_manager"))
    times = {"call_answered": "4", "packet_opened": "9.5", "tocilizumab_at_bedside": "55", "correct_grade": "yes"}
    for kind in (row.id for row in load_drills().kind if row.required):
        typed = {"site": str(world.alice.site.pk), "on": TODAY.isoformat(), "kind": kind, "product": TEC, **times}
        assert manager.post(reverse("drills"), typed).status_code == 302


def handed_over(world, hours: int) -> None:
    """A course of Bob's that was offered to Alice's house, and read by a named person after so many hours."""
    with everything():
        patient = make_patient(world.bob.organisation)
    started = start_course(patient, by=person(world.bob.oncologist), product=TEC, site=world.bob.site, now=MONDAY_0900)
    with everything():
        course = Course.objects.get(pk=started.event.course_id)
    grant_access(
        course.pk, world.alice.organisation, purpose="co_management", by=person(world.bob.director), now=MONDAY_0900
    )
    parties = {"from_party": str(world.bob.id), "to_party": str(world.alice.id)}
    offered = event("handoff_offered", at=MONDAY_0900 + timedelta(hours=1), **parties)
    read = event(
        "handoff_read",
        at=MONDAY_0900 + timedelta(hours=1 + hours),
        handoff=offered["id"],
        reader=str(world.alice.nurse.pk),
    )
    write_rows(course, [offered, read])


def test_t74_where_everything_is_on_record_one_click_answers_all_questions_without_a_patient(world):
    """Removing `happened=happened_at(...)` from `site_profiles._known`, or the withholding from `happened_at`, makes it fail."""
    settled = MONDAY_0900 + timedelta(days=9)
    ready(world.alice, "4")
    courses = [stepped_up(world, crs=1) for _ in range(6)]
    courses += [stepped_up(world) for _ in range(6)]
    for hours in (1, 2, 3, 5, 30):
        handed_over(world, hours)
    with clock.use(clock.FrozenClock(settled)):
        shown_again(world, settled)
        client = signed_in(make_member(world.alice.organisation, "coordinator"))
        address = reverse("site_profile", args=[world.alice.site.pk])
        assert address in client.get(reverse("access")).content.decode()
        page = words(client.get(address).content)
        sheet = rows(client, world.alice.site)
    assert f"{len(payer_questions().question)} questions, every answer known" in page
    assert [row["question_id"] for row in sheet if row["state"] != "known"] == []
    outcomes = " ".join(row["answer"] for row in sheet if row["question_id"] == "outcomes")
    assert "CRS of any grade: 6 of 12 courses (50.0%, 95% interval 25.4 to 74.6%). Published: " in outcomes
    assert "Mayo, outpatients (teclistamab) 18 of 57 (31.6%)" in outcomes
    assert "ICANS of any grade: " in outcomes
    assert "Unplanned admission: 0 of 12 courses" in outcomes
    assert "median 3.0 hours until a named person read it" in page
    with everything():
        for course in courses:
            for secret in (course.patient.name, course.patient.mrn, str(course.pk), str(course.patient_id)):
                assert secret not in page + str(sheet)


def shown_again(world, at) -> None:
    """What counts for a day or a month is shown on that day, too: the shelf, the rota, the emergency department, the drills."""
    for item in ("SITE-11", "SITE-13"):
        shows(world.alice, item, at=at)
    with everything():
        CarePlace.objects.create(
            organisation=world.alice.organisation, name="River ED", address="1 Example Street", number="555-0129", made_at=at
        )  # fmt: skip
    write_paper(
        world.alice.id, kind="stock", key=world.alice.site.code, payload={"doses": 4}, since=at.date(),
        by=person(world.alice.director), now=at,
    )  # fmt: skip
    drilled(world)


def test_t74_a_site_whose_counts_would_give_those_of_another_away_says_none(world):
    """Two sites: six patients at one, three at the other; the sum stands in the file of the figures."""
    answered(world)
    for _ in range(6):
        stepped_up(world)
    other = make_site(world.alice.organisation, name="Hill Clinic")
    for _ in range(3):
        stepped_up(world, site=other)
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=9))):
        client = signed_in(world.alice.director)
        sheet = [row["answer"] for row in rows(client, world.alice.site) if row["question_id"] == "outcomes"]
        access = client.get(reverse("figures_access_csv")).content.decode()
    assert len(sheet) == 5
    assert all("withheld" in each for each in sheet)
    assert f"site,{world.alice.site.name},withheld" in access, "the file withholds it, too"


def test_t74_five_patients_are_a_number_and_the_pdf_holds_the_same(world, tmp_path):
    pytest.importorskip("weasyprint")
    answered(world)
    treated(world, 5)
    client = signed_in(world.alice.director)
    assert any(row["answer"].endswith(": 5.") for row in rows(client, world.alice.site))
    made = client.get(reverse("site_profile_pdf", args=[world.alice.site.pk, "letter"]))
    assert made["Content-Type"] == "application/pdf"
    assert made.content.startswith(b"%PDF-")
    assert client.get(reverse("site_profile_pdf", args=[world.alice.site.pk, "poster"])).status_code == 404


def test_a_dose_that_was_taken_back_or_is_older_than_the_span_does_not_count(world):
    answered(world)
    treated(world, 5)
    wrong = world.make_course()
    given = record_event(
        wrong.pk, dose("step_up_1", mg="3.9", at=MONDAY_0900), by=world.actor("alice"), now=MONDAY_0900
    )
    gone = event("fact_withdrawn", at=MONDAY_0900, supersedes=str(given.event.id), reason="another patient")
    record_event(wrong.pk, gone, by=world.actor("alice"), now=MONDAY_0900)
    client = signed_in(world.alice.director)
    assert any(row["answer"].endswith(": 5.") for row in rows(client, world.alice.site))
    for days, said in ((365, ": 5."), (366, ": none.")):
        with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=days))):
            client = signed_in(world.alice.director)
            told = [row["answer"] for row in rows(client, world.alice.site) if row["question_id"] == "doses"]
        assert [each.endswith(said) for each in told] == [True], told


def test_a_stranger_gets_no_profile_and_the_evidence_that_was_typed_stays_on_the_checklist(world):
    answered(world)
    shows(world.alice, "SITE-01", at=MONDAY_0900 + timedelta(minutes=1), evidence="=HYPERLINK(1) by Synthia Example")
    for name, more in (("site_profile", []), ("site_profile_csv", []), ("site_profile_pdf", ["letter"])):
        address = reverse(name, args=[world.alice.site.pk, *more])
        assert signed_in(world.charlie.nurse).get(address).status_code == 404
        assert Client().get(address).status_code == 302
    page = signed_in(world.alice.nurse).get(reverse("site_profile", args=[world.alice.site.pk]))
    assert "Synthia Example" not in page.content.decode()
    assert "Synthia" not in str(rows(signed_in(world.alice.nurse), world.alice.site))


def test_the_page_asks_the_database_as_often_for_many_patients_as_for_one(world):
    answered(world)
    treated(world, 1)
    client = signed_in(world.alice.director)
    address = reverse("site_profile", args=[world.alice.site.pk])
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    treated(world, 6)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(one)
    assert TEC in words(client.get(address).content).lower()
