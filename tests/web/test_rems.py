"""The pages of the REMS desk: as many queries for ten rows as for one, an empty desk as a worklist, and a stranger sees nothing of it."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions import rems_desk
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.rems import PaperDraft, add_paper
from handrail.people.models import Membership, Patient, RemsDispense
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.web.rems import binder, paper_lists, parts
from tests.support.factories import World, dose, event, make_member, make_site
from tests.support.reading import only_of
from tests.support.rems_pages import NOW, SHARED, TODAY, Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    frozen = clock.FrozenClock(NOW)
    with clock.use(frozen):
        yield Desk(World(), frozen)


def queries(desk: Desk, name: str, *args: Any) -> int:
    desk.get(name, *args)  # what is asked once for a session is asked before
    with CaptureQueriesContext(
        connection,
    ) as asked:
        desk.get(name, *args)
    return len(asked)


def test_the_lists_ask_as_much_for_many_rows_as_for_one(desk):
    desk.papers()
    courses = [desk.world.course]
    desk.plan(courses[0])
    names = ("rems", "rems_desk", "rems_papers", "rems_modes", "rems_binder")
    before = {name: queries(desk, name) for name in names}
    with everything():
        for number in range(5):
            make_site(desk.house.organisation, name=f"Site {number}")
    for _ in range(4):
        course = desk.world.make_course()
        desk.plan(course)
        given = dose("step_up_1", at=NOW - timedelta(minutes=5), mg="4.2")
        record_event(course.pk, given, by=person(desk.house.nurse), now=NOW)
    assert {name: queries(desk, name) for name in names} == before


def test_the_page_of_one_course_reads_the_facts_of_no_other(desk):
    desk.papers()
    mine = desk.world.course
    on = desk.plan(mine)
    fever = event("crs_assessed", at=NOW - timedelta(hours=1), tmax_c="39.0", clinician_grade=2)
    record_event(mine.pk, fever, by=person(desk.house.oncologist), now=NOW)
    before = queries(desk, "rems_course", mine.pk)
    for _ in range(3):
        other = desk.world.make_course()
        desk.plan(other, days=2)
        record_event(other.pk, {**fever, "id": str(uuid4())}, by=person(desk.house.oncologist), now=NOW)
        desk.dispense(other, on)
    with only_of(mine.pk):
        text = desk.get("rems_course", mine.pk)
    assert queries(desk, "rems_course", mine.pk) == before
    assert f'value="{on}"' in text, "the day of its own plan"
    assert text.count("CRS, grade 2") == 2, "its own report, as a task and in the form"


def test_a_long_list_goes_on_on_the_next_page_and_an_empty_end_of_it_is_not_called_whole(desk, monkeypatch):
    for module in (rems_desk, parts):
        monkeypatch.setattr(module, "PER_PAGE", 2)
    desk.papers()
    courses = [desk.world.course, *(desk.world.make_course() for _ in range(2))]
    for number, course in enumerate(courses):
        given = dose("step_up_1", at=NOW - timedelta(minutes=number + 5), mg="4.2")
        record_event(course.pk, given, by=person(desk.house.nurse), now=NOW)
    desk.plan(desk.world.make_course())
    first, second = desk.get("rems_desk"), desk.get("rems_desk", page="2")
    assert [text.count(">Missing</span>") for text in (first, second)] == [2, 1]
    assert "1 to 2 of 3" in first and "3 to 3 of 3" in second
    assert "Page 2 of 2" in second and "?page=1" in second
    assert second.count("stand on the pages before") == 1
    planned = second.split("planned doses of the next")[1].split("</section>")[0]
    assert "Not here</span>" in planned, "the words stand beside a mark, as those of every other row"
    assert "All of them (1) stand on the pages before." in planned and "No dose is planned" not in planned
    assert "Page 2 of 2" in desk.get("rems_desk", page="9"), "one that there is not: the nearest"
    for odd in ("0", "x", "-1", "²", "9" * 5000):
        assert "Page 1 of 2" in desk.get("rems_desk", page=odd)
    assert "Whole</span>" not in first + second


def test_of_many_papers_what_ran_out_stands_first_and_the_numbers_are_those_of_all_pages(desk, monkeypatch):
    for module in (rems_desk, parts, paper_lists):
        monkeypatch.setattr(module, "PER_PAGE", 2)
    desk.papers()
    ran_out = (TODAY - timedelta(days=3)).isoformat()
    soon = (TODAY + timedelta(days=5)).isoformat()
    typed = {"user": str(desk.house.nurse.pk), "product": "teclistamab", "version": "1"}
    desk.paper("training", **typed, ends="not_known", reference="unknown end")
    desk.paper("training", **{**typed, "user": str(desk.pharmacist.pk)}, ends="on", until=soon, reference="ends soon")
    desk.paper("training", **{**typed, "user": str(desk.manager.pk)}, ends="on", until=ran_out, reference="ran out")
    pages = [desk.get("rems_papers", page=str(number)) for number in (1, 2, 3, 4)]
    words = [re.findall(r'class="quiet small">([^<,]*)[^<]*</div>', text) for text in pages]
    assert [words[0], words[1][0]] == [["ran out", "ends soon"], "unknown end"]
    assert [text.count("<summary>End") for text in pages] == [2, 2, 2, 2]
    assert '<span class="mark now">Ran out</span>' in pages[0] and "5 days</span>" in pages[0]
    assert all("papers that count (8)" in text for text in pages)
    assert "1 to 2 of 8" in pages[0] and "Page 4 of 4" in pages[3] and "?page=3" in pages[3]
    assert "Page 4 of 4" in desk.get("rems_papers", page="9"), "one that there is not: the nearest"


def test_the_papers_of_one_name_are_found_among_many(desk, monkeypatch):
    for module in (rems_desk, parts, paper_lists):
        monkeypatch.setattr(module, "PER_PAGE", 1)
    desk.papers()
    text = desk.post("rems_papers", named="pharmacist REED")
    assert "papers that count (1)" in text and "More have this name" not in text
    text = desk.post("rems_papers", named=desk.site.name)
    assert "1 to 1 of " in text and "More have this name than stand here" in text, "what is cut off is said"
    assert "?page=" not in text, "no name stands in an address"
    assert "None of that name." in desk.post("rems_papers", named="nobody of that name")
    assert "named=" not in desk.get("rems_papers", named="Reed"), "an address finds nobody by a name"


def test_who_is_not_certified_is_counted_whole_and_shown_page_by_page(desk, monkeypatch):
    for number in range(3):
        make_member(desk.house.organisation, "oncologist", f"Synthetic Prescriber {number}")
    desk.papers()
    before = desk.get("rems_papers")
    told = re.search(r"prescribers without a certificate \((\d+)\)", before)
    assert told is not None and before.count(">Not certified</span>") == int(told[1]) >= 3
    for module in (rems_desk, parts, paper_lists):
        monkeypatch.setattr(module, "PER_PAGE", 2)
    first = desk.get("rems_papers")
    assert told[0] in first and first.count(">Not certified</span>") == 2
    last = desk.get("rems_papers", page="9")
    assert "stand on the pages before" in last and told[0] in last


def test_the_desk_reads_no_patient_and_no_assessment_that_does_not_stand_on_the_page(desk, monkeypatch):
    monkeypatch.setattr(rems_desk, "PER_PAGE", 1)
    desk.papers()
    for _ in range(3):
        desk.plan(desk.world.make_course())
    read = []
    whole = Patient.from_db.__func__
    monkeypatch.setattr(Patient, "from_db", classmethod(lambda *args: read.append(1) or whole(*args)))
    desk.get("rems_desk")
    assert len(read) == 1


def test_the_page_of_the_binder_shows_the_beginning_of_a_long_part_and_the_file_has_all(desk, monkeypatch):
    monkeypatch.setattr(binder, "SHOWN", 1)
    desk.papers()
    text = desk.get("rems_binder", first="2026-01-01", last="2026-03-31")
    assert "Paper (5)" in text and "The first 1 are shown. The file to download has all of them." in text


def test_days_that_no_calendar_here_reaches_are_asked_for_as_if_they_could_not_be_read(desk):
    desk.papers()
    text = desk.get("rems_binder", first="0001-01-01", last="9999-12-31")
    assert 'value="2026-01-01"' in text and 'value="2026-03-02"' in text, "the quarter so far"


def test_a_product_that_patients_have_and_nobody_set_up_is_no_choice(desk):
    """It stood there like one that nobody wants: nobody had to do anything."""
    course = desk.world.course
    for ended, quiet in ((False, 3), (True, 4)):
        with everything():
            Course.objects.filter(pk=course.pk).update(ended_at=NOW if ended else None)
        text = desk.get("rems")
        assert text.count("Nobody has to do anything unless the product is wanted.") == quiet
        assert ("set it up before the next dose" in text) is not ended
        assert text.count('<span class="mark now">Not set up</span>') == 4 - quiet


def test_an_empty_desk_is_a_worklist_and_no_wall_of_red(desk):
    text = desk.get("rems")
    assert "Not certified" not in text
    assert text.count("Not set up</span>") == 4, "one for each product"
    assert text.count('class="mark now"') == 0


def test_a_site_in_the_middle_of_its_set_up_names_what_is_missing_and_who_mends_it(desk):
    desk.papers(prescriber=None, dispenser=None)
    cell = desk.get("rems").split("<strong>Teclistamab</strong>")[1].split("</li>")[0]
    assert "certificate of the dispenser: nothing is recorded" in cell
    assert "Next: record it: Manager Flores (site manager)" in cell


def test_the_matrix_counts_on_the_day_it_is_asked_about(desk):
    desk.papers()
    assert "Ready</span>" in desk.get("rems")
    assert "begins on Thu 1 Jan 2026" in desk.get("rems", on="2025-12-31")


def test_nothing_of_it_is_seen_by_another_organisation(desk):
    desk.papers()
    stranger = Client()
    stranger.force_login(desk.world.charlie.director)
    for name in ("rems", "rems_desk", "rems_papers", "rems_modes", "rems_binder"):
        text = stranger.get(reverse(name)).content.decode()
        assert "Pharmacist Reed" not in text
        assert "S-1" not in text
    page = reverse("rems_setup", args=[desk.site.pk, "teclistamab"])
    assert stranger.get(page).status_code == stranger.post(page, {"task": "stock"}).status_code == 404


def test_whoever_dispenses_a_lent_course_names_the_prescriber_of_the_own_house(desk):
    """The page offered the prescribers of the course's owner alone: line 8 could not learn who prescribed at the partner."""
    pharmacist = make_member(desk.world.bob.organisation, "pharmacist", "Pharmacist Lent")
    stranger = desk.world.charlie.oncologist
    course, doctor = desk.world.course, desk.world.bob.oncologist
    desk.client.force_login(pharmacist)
    text = desk.get("rems_course", course.pk)
    assert f'value="{doctor.pk}"' in text and f'value="{desk.house.oncologist.pk}"' in text
    assert f'value="{stranger.pk}"' not in text
    desk.dispense(course, TODAY.isoformat(), prescriber=str(doctor.pk))
    with everything():
        assert RemsDispense.objects.get().prescriber == doctor


def test_who_keeps_two_desks_asks_for_the_binder_of_either_and_is_told_whose_it_is(desk):
    """There was the binder of one of them alone, and the page did not say of which."""
    bob = desk.world.bob.organisation
    since = NOW - timedelta(days=9)
    with everything():
        Membership.objects.create(organisation=bob, user=desk.manager, role="site_manager", valid_from=since)
    add_paper(
        bob.pk,
        PaperDraft(kind="setting", programme=SHARED, from_on=TODAY, no_end=True, sites=(desk.world.bob.site.pk,), reference="B-1"),
        by=person(desk.manager),
    )  # fmt: skip
    for house, there in ((desk.house.organisation, False), (bob, True)):
        text = desk.get("rems_binder", house=str(house.pk))
        assert f"Of <strong>{house.name}</strong>" in text
        assert ("B-1" in text) is there
    answer = desk.client.get(reverse("rems_binder"), {"house": str(desk.world.charlie.organisation.pk)})
    assert desk.world.charlie.organisation.name not in answer.content.decode(), "no other house is asked for"


def test_each_programme_of_a_site_names_its_own_representative_on_the_matrix(desk):
    desk.papers()
    assert "codes now: Pharmacist Reed<" in desk.get("rems")
    other = make_member(desk.house.organisation, "pharmacist", "Pharmacist Second")
    desk.paper(
        "representative", programme="elrexfio", sites=str(desk.site.pk), user=str(other.pk), deputy=str(desk.manager.pk)
    )
    text = desk.get("rems")
    assert "Pharmacist Reed (TECVAYLI and TALVEY REMS)" in text and "Pharmacist Second (" in text


def test_the_desk_says_how_far_back_it_looks_and_the_binder_names_what_is_older(desk):
    """ "Every dose that was given has one code" stood there in green while one of four months ago had none."""
    given = NOW + timedelta(hours=1)
    desk.clock.set(given)
    fact = dose("step_up_1", at=given, mg="4.2")
    record_event(desk.world.course.pk, fact, by=person(desk.house.nurse), now=given)
    assert "no code or confirmation is recorded" in desk.get("rems_desk")
    desk.clock.set(given + timedelta(days=91))
    desk.client.force_login(desk.manager)
    text = desk.get("rems_desk")
    assert "codes of doses that were given in the last 90 days" in text
    assert "Every dose of the last 90 days has one code" in text and "the binder names what is not whole" in text
    binder_text = desk.get("rems_binder", first="2026-03-01", last="2026-03-31")
    assert "missing: no code or confirmation is recorded" in binder_text
