"""The rows of the trace that sites and levels answer, each through the page where a person meets it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.links import issue_checkin_link
from handrail.actions.site_levels import record_way
from handrail.people.models import Shift
from handrail.people.scope import everything
from handrail.rules.site_levels import load_site_levels
from handrail.web.sites.forms import NAMES
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, World, dose, event, make_house, make_member
from tests.support.site_rows import TEC, TODAY, in_days, ready, shows, signs
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def site_page(house, user=None, product: str = TEC) -> str:
    address = reverse("site_product", args=[house.site.pk, product])
    return words(signed_in(user or house.director).get(address).content)


def send(house, user, form: str, **fields) -> tuple[int, str]:
    """Send one of the forms of a site's page; the status, and what stands on the page afterwards."""
    address = reverse("site_product", args=[house.site.pk, TEC])
    client = signed_in(user)
    named = NAMES.get(form, {})
    answer = client.post(address, {"form": form, **{named.get(name, name): text for name, text in fields.items()}})
    page = client.get(address) if answer.status_code == 302 else answer
    return answer.status_code, words(page.content)


def planned(world, user=None, **fields) -> tuple[int, str]:
    """Plan a dose with the form on the course's page."""
    client = signed_in(user or world.alice.nurse)
    address = reverse("record", args=[world.course.pk, "plan"])
    body = {"at": "2026-03-02T09:00", "step": "step_up_1", "on": in_days(2).isoformat(), "setting": "outpatient"}
    answer = client.post(address, {**body, **fields})
    page = client.get(reverse("course", args=[world.course.pk])) if answer.status_code == 302 else answer
    return answer.status_code, words(page.content)


def test_t14_a_site_sees_which_three_items_separate_it_from_the_next_level(world):
    ready(world.bob, "3", but=("SITE-09", "SITE-14", "SITE-16"))
    page = site_page(world.bob)
    assert "These 3 items separate you from level 3." in page
    level_3 = page[page.index("Level 3: hybrid") : page.index("Level 4:")]
    assert re.findall(r"Not known (SITE-\d\d)", level_3) == ["SITE-09", "SITE-14", "SITE-16"]
    assert "Director: show it, with id of the agreement." in level_3
    assert "Site manager: show it, with slots." in level_3


def test_t14_a_site_with_nothing_filled_in_is_a_worklist_and_every_line_has_an_owner_and_a_step(world):
    page = site_page(world.bob)
    assert "These 17 items separate you from level 1." in page
    assert page.count("Not known SITE-") == 34
    assert page.count(": show it, with") + page.count(": ask the hub's pharmacy") == 34
    listed = words(signed_in(world.bob.director).get(reverse("sites")).content)
    assert "No director has signed a level." in listed


def test_t22_a_satellite_at_level_1_accepts_maintenance_and_refuses_a_step_up_booking(world):
    agreed_between(world.bob, world.alice)
    ready(world.alice, "1", signed_by=world.bob.director)
    ready(world.bob, "4")
    assert planned(world, step="treatment", on=in_days(7).isoformat())[0] == 302
    status, page = planned(world)
    assert status == 422
    assert "step-up outside hospital needs level 4" in page
    assert f"Sites that can: {world.bob.site.name}" in page
    assert "What you typed is still here" in page or "not saved" in page.lower() or "Nothing is saved" in page
    with everything():
        assert world.course.events.filter(kind="dose_planned").count() == 1


@pytest.mark.parametrize("setting", ["outpatient", "hybrid", "inpatient", ""])
@pytest.mark.parametrize("step", ["step_up_1", "step_up_2", "first_treatment"])
def test_t22_no_step_up_in_any_setting_though_another_product_may_be_stepped_up_there(world, step, setting):
    """Removing `refuse_unready_site` from `actions/recording.py`, or the product from `site_levels._grant`, makes it fail."""
    ready(world.alice, "1", at=MONDAY_0900 - timedelta(days=1))
    ready(world.alice, "4", product="talquetamab")  # signed later
    for row in load_site_levels().item:
        if row.per_product and row.from_level in ("2", "3", "4"):
            shows(world.alice, row.id)  # it could hold level 4 for teclistamab too, and only level 1 is signed
    assert planned(world, step="treatment", setting=setting)[0] == 302
    status, page = planned(world, step=step, setting=setting)
    assert (status, "may not give teclistamab for this" in page) == (422, True)
    with everything():
        assert [row.payload["step"] for row in world.course.events.filter(kind="dose_planned")] == ["treatment"]


def test_t22_what_was_given_there_is_recorded_all_the_same(world):
    signs(world.alice, "0")
    given = record_event(
        world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="5"), by=world.actor("alice"), now=MONDAY_0900
    )
    assert given.event.kind == "dose_given"


def test_t23_a_site_without_a_bed_agreement_cannot_hold_level_3(world):
    ready(world.bob, "3", but=("SITE-16",))
    status, page = send(
        world.bob, world.bob.director, "level", level="3", until_on=in_days(90).isoformat(), evidence="visit"
    )
    assert status == 422
    assert "Level 3 lacks SITE-16 (site manager): nothing is recorded" in page
    told = {
        "item": "SITE-16",
        "met": "yes",
        "checked_on": TODAY.isoformat(),
        "evidence": "agreement 12",
        "no_end": "yes",
    }
    assert send(world.bob, world.bob.director, "item", **told)[0] == 302
    form = {"level": "3", "until_on": in_days(90).isoformat(), "evidence": "visit", "why": "experienced team"}
    status, page = send(world.bob, world.bob.director, "level", **form)
    assert status == 302
    assert "Level 3 hybrid step-up" in page


@pytest.mark.parametrize("item", ["SITE-08", "SITE-09", "SITE-14", "SITE-16"])
def test_t23_level_3_needs_the_hospital_its_agreement_the_slots_and_the_bed_and_is_lost_with_any_of_them(world, item):
    """A level is not only signed: it is held, day by day. Removing `_all_hold` from `site_levels.site_level` makes it fail."""
    form = {"level": "3", "until_on": in_days(90).isoformat(), "evidence": "visit", "why": "experienced team"}
    ready(world.bob, "3", but=(item,))
    status, page = send(world.bob, world.bob.director, "level", **form)
    assert (status, f"Level 3 lacks {item}" in page) == (422, True)
    ready(world.alice, "3")
    hybrid = {"setting": "hybrid", "on": in_days(1).isoformat()}
    assert planned(world, **hybrid)[0] == 302
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(hours=1))):
        told = {"item": item, "met": "no", "checked_on": TODAY.isoformat(), "evidence": "the hospital took it back"}
        status, page = send(world.alice, world.alice.director, "item", **told)
        assert (status, "Level 2" in page.split("Level 1:")[0]) == (302, True)
        status, page = planned(world, **hybrid)
        assert (status, f"{item} not met when it was checked" in page) == (422, True)
        assert planned(world, **{**hybrid, "setting": "inpatient"})[0] == 422


def test_t23_a_bed_that_is_agreed_until_a_day_carries_no_dose_after_it(world):
    """Removing the end of the evidence from the `min` of `site_levels._state` makes it fail."""
    ready(world.alice, "3", but=("SITE-16",))
    shows(world.alice, "SITE-16", until=in_days(5), no_end=None)
    assert planned(world, setting="hybrid", on=in_days(5).isoformat())[0] == 302
    status, page = planned(world, setting="hybrid", on=in_days(6).isoformat())
    assert (status, "SITE-16 it held until Sat 7 Mar 2026" in page) == (422, True)


def test_t23_an_exception_has_a_day_and_a_reason_and_can_be_taken_back(world):
    ready(world.bob, "3", but=("SITE-16",))
    assert send(world.bob, world.bob.director, "except", item="SITE-16", until_on=in_days(9).isoformat())[0] == 422
    form = {"item": "SITE-16", "until_on": in_days(9).isoformat(), "reason": "the ward moves"}
    status, page = send(world.bob, world.bob.director, "except", **form)
    assert status == 302
    assert "Excepted until Wed 11 Mar 2026 by Bob Director: the ward moves" in page
    status, page = send(world.bob, world.bob.director, "take_back", item="SITE-16")
    assert (status, "Excepted until" in page) == (302, False)


def test_t27_a_site_without_a_technician_shows_the_gap_and_the_hubs_support(world):
    ready(world.bob, "1")
    shows(world.bob, "SITE-30", met=False)
    page = site_page(world.bob)
    assert "Not met SITE-30" in page
    assert "Pharmacist: ask the hub's pharmacy to verify preparation from there until a technician is found." in page
    assert "This item separates you from level 1." in page


def test_t27_the_gap_stops_a_booking_aloud_whether_said_or_not_known_and_the_hubs_agreement_closes_it(world):
    """Removing the `offer` of SITE-30 in `levels-1.toml`, or `refuse_unready_site` from `actions/recording.py`, makes it fail."""
    agreed_between(world.bob, world.alice)
    ready(world.alice, "1", but=("SITE-30",), signed_by=world.bob.director)
    offer = "Pharmacist: ask the hub's pharmacy to verify preparation from there until a technician is found."
    for state, because in (("Not known", "nothing is recorded"), ("Not met", "not met when it was checked")):
        page = site_page(world.alice)
        assert f"{state} SITE-30" in page
        assert offer in page
        assert "This item separates you from level 1." in page
        status, page = planned(world, step="treatment")
        assert (status, f"SITE-30 {because}" in page) == (422, True)
        shows(world.alice, "SITE-30", met=False)
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=1))):
        told = {"item": "SITE-30", "met": "yes", "checked_on": in_days(1).isoformat(), "no_end": "yes"}
        agreement = {"evidence": "the hub's pharmacy verifies, agreement 7"}
        assert send(world.alice, world.alice.director, "item", **told, **agreement)[0] == 302
        page = site_page(world.alice)
        assert offer not in page
        assert "agreement 7" in page
        assert planned(world, step="treatment", at="2026-03-03T09:00", on=in_days(3).isoformat())[0] == 302


def test_t31_a_physicians_licence_adds_its_items_and_names_who_answers_for_dispensing(world):
    ready(world.bob, "1")
    assert "LIC-0" not in site_page(world.bob)
    told = {"item": "SITE-05", "met": "yes", "checked_on": TODAY.isoformat(), "evidence": "licence 9", "no_end": "yes"}
    later = {**told, "licence": "physician_practice", "dispenser": "Dr. Example"}
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(days=1))):
        later["checked_on"] = in_days(1).isoformat()
        assert send(world.bob, world.bob.director, "item", **{**later, "dispenser": ""})[0] == 422
        status, page = send(world.bob, world.bob.director, "item", **later)
        assert status == 302
        assert "for dispensing answers the physician under whose licence it is prepared, by name: Dr. Example" in page
        assert re.findall(r"Not known (LIC-\d\d)", page) == ["LIC-02", "LIC-03"]
        assert "Level 0" in page


def test_t45_a_far_site_keeps_maintenance_and_loses_only_what_needs_a_near_hospital(world):
    ready(world.alice, "4")
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(minutes=1))):
        shows(world.alice, "SITE-08", met=False, at=clock.now())
        page = site_page(world.alice)
        assert "May: maintenance" in page
        assert "Not: hybrid step-up" in page
        assert planned(world, step="treatment")[0] == 302
        assert planned(world)[0] == 422


def test_t46_the_page_of_a_site_shows_patients_done_the_last_event_and_the_next_level(world):
    ready(world.alice, "1")
    at = MONDAY_0900 + timedelta(hours=1)
    by = world.actor("alice")
    record_event(world.course.pk, dose("treatment", at=at, mg="100"), by=by, now=at)
    record_event(
        world.course.pk, event("condition_noted", at=at, what="pneumonia", grade=3, active=True), by=by, now=at
    )
    with clock.use(clock.FrozenClock(at)):
        page = site_page(world.alice)
    assert "Patients looked after at this level 1 (since Mon 2 Mar 2026)" in page
    assert "Last serious event Mon 2 Mar 2026" in page
    assert "These 2 items separate you from level 2." in page


def test_t47_a_patient_at_the_wrong_place_reads_which_nearby_place_can(world):
    near, far = make_house("Near", kind="community"), make_house("Far", kind="community")
    for house in (near, far):
        agreed_between(world.alice, house)
        ready(house, "4")
    ready(world.alice, "1")
    director = person(world.alice.director)
    with everything():
        for house, name in ((world.alice, "Main Street"), (near, "River Clinic"), (far, "Hill Clinic")):
            house.site.name = name
            house.site.save()
    for house, minutes in ((far, 80), (near, 25)):
        record_way(world.alice.site.pk, other=house.site.pk, minutes=minutes, by=director, now=MONDAY_0900)
    address = reverse("where", args=[world.alice.site.code])
    answer = Client().get(address)
    page = words(answer.content)
    assert answer.status_code == 200
    not_here = page[page.index("Not here The starting doses, without a stay") : page.index("Yes, here")]
    assert not_here.index("River Clinic, up to 25 minutes away") < not_here.index("Hill Clinic, up to 80 minutes away")
    assert "Yes, here The doses after the start" in page
    spanish = words(Client().get(address, {"language": "es"}).content)
    assert "Aquí no Las dosis de inicio, sin quedarse en el hospital" in spanish
    assert "a no más de 25 minutos" in spanish
    assert "Not here" not in spanish
    assert words(Client(headers={"accept-language": "es-MX"}).get(address).content) == spanish


def test_t47_a_patient_comes_from_their_own_plan_to_the_page_that_names_a_place_that_can(world):
    """Removing `place_page` from the context of the patient's plan makes it fail."""
    phone = Client()
    phone.get(f"/c/{issue_checkin_link(world.course.pk, by=world.actor('alice'), now=MONDAY_0900).token}")
    assert 'href="/where/' not in phone.get(reverse("checkin_plan")).content.decode(), (
        "no level is signed: no such page"
    )
    near = make_house("Near", kind="community")
    agreed_between(world.alice, near)
    ready(near, "4")
    ready(world.alice, "1")
    record_way(world.alice.site.pk, other=near.site.pk, minutes=25, by=person(world.alice.director), now=MONDAY_0900)
    link = re.search(r'href="(/where/[^"]+)"', phone.get(reverse("checkin_plan")).content.decode())
    assert link is not None
    page = words(phone.get(link[1]).content)
    assert f"Not here The starting doses, without a stay in hospital These places can: {near.site.name}" in page
    assert "up to 25 minutes away" in page


def test_t47_the_public_page_says_nothing_of_a_patient_and_is_there_only_for_a_place_with_a_signed_level(world):
    at = MONDAY_0900
    record_event(world.course.pk, dose("treatment", at=at, mg="100"), by=world.actor("alice"), now=at)
    address = reverse("where", args=[world.alice.site.code])
    assert Client().get(address).status_code == 404
    ready(world.alice, "1")
    answer = Client().get(address)
    assert answer.status_code == 200
    with everything():
        patient = world.course.patient
        for text in (patient.family_name, patient.given_name, str(world.course.pk), world.alice.director.name):
            assert text not in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_t77_a_promotion_needs_stated_evidence(world):
    ready(world.bob, "2")
    signs(world.bob, "1", at=MONDAY_0900 + timedelta(minutes=1))
    form = {"level": "2", "until_on": in_days(90).isoformat()}
    status, page = send(world.bob, world.bob.director, "level", **form)
    assert (status, "A level rests on evidence" in page) == (422, True)
    status, page = send(world.bob, world.bob.director, "level", **form, evidence="visit of 1 March")
    assert (status, "patients at this level: 0; 5 are needed" in page) == (422, True)
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(minutes=2))):
        told = {**form, "evidence": "visit of 1 March", "why": "ran elsewhere"}
        status, page = send(world.bob, world.bob.director, "level", **told)
    assert (status, "Level 2 maintenance of complicated" in page) == (302, True)
    assert "looked at: visit of 1 March; why, though a condition was not met: ran elsewhere" in page


def test_t77_nobody_but_a_director_of_the_hub_signs_for_a_site_that_has_one(world):
    agreed_between(world.alice, world.bob)
    ready(world.bob, "1")
    manager = make_member(world.bob.organisation, "site_manager")
    form = {"level": "1", "until_on": in_days(90).isoformat(), "evidence": "visit"}
    for user in (world.bob.director, manager, world.alice.nurse):
        assert send(world.bob, user, "level", **form)[0] == 403
    assert send(world.bob, world.alice.director, "level", **form)[0] == 302


def test_t80_a_site_without_a_champion_is_at_level_0(world):
    ready(world.bob, "4")
    assert "Level 4" in words(signed_in(world.bob.nurse).get(reverse("sites")).content)
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(minutes=1))):
        shows(world.bob, "SITE-01", met=False, at=clock.now())
        listed = words(signed_in(world.bob.nurse).get(reverse("sites")).content)
        assert "Level 0" in listed
        assert "Level 4 is signed, and items of it do not hold." in listed


def test_t80_whoever_signs_or_excepts_a_site_without_a_champion_is_at_level_0_and_takes_no_dose(world):
    """Removing `exception = false` from SITE-01 of the checklist makes it fail."""
    ready(world.alice, "4", but=("SITE-01",))
    assert "it is at level 0" in planned(world, step="treatment")[1]
    assert planned(world, step="treatment")[0] == 422
    form = {"until_on": in_days(90).isoformat(), "evidence": "visit", "why": "experienced team"}
    for level in ("1", "2", "3", "4", "H"):
        status, page = send(world.alice, world.alice.director, "level", level=level, **form)
        assert (status, "SITE-01 (director): nothing is recorded" in page) == (422, True), level
    waived = {"item": "SITE-01", "until_on": in_days(9).isoformat(), "reason": "she is on leave"}
    assert send(world.alice, world.alice.director, "except", **waived)[0] == 422
    assert "Level 0" in words(signed_in(world.alice.nurse).get(reverse("sites")).content)
    told = {"item": "SITE-01", "met": "yes", "checked_on": TODAY.isoformat(), "evidence": "two names", "no_end": "yes"}
    assert send(world.alice, world.alice.director, "item", **told)[0] == 302
    assert "Level 4" in words(signed_in(world.alice.nurse).get(reverse("sites")).content)
    assert planned(world, step="treatment")[0] == 302


@pytest.mark.parametrize("step", ["first_on_call", "second_on_call", "attending"])
def test_t82_one_hour_of_the_week_of_thanksgiving_without_somebody_on_call_blocks_the_start(step):
    """Removing `holes` from `computed` of `site_facts._gathered` makes it fail; each step of the ladder is asked for."""
    monday = MONDAY_0900 + timedelta(days=266)  # 23 November 2026
    night = monday + timedelta(days=3, hours=17)  # from two to three in the night after Thanksgiving
    with clock.use(clock.FrozenClock(monday)):
        world = World()
        ready(world.alice, "4", at=monday)
        course = world.make_course(now=monday)
        client = signed_in(world.alice.nurse)
        address = reverse("record", args=[course.pk, "plan"])
        body = {"at": "2026-11-23T09:00", "step": "step_up_1", "on": "2026-11-24", "setting": "outpatient"}
        with everything():
            shift = Shift.objects.get(organisation=world.alice.organisation, step=step)
            ends = shift.ends_at
            Shift.objects.filter(pk=shift.pk).update(ends_at=night)
            rest = Shift.objects.create(
                organisation=shift.organisation,
                step=step,
                user=shift.user,
                starts_at=night + timedelta(hours=1),
                ends_at=ends,
            )
        refused = client.post(address, body)
        page = words(refused.content)
        assert refused.status_code == 422
        assert "step-up outside hospital needs level 4" in page
        assert "SITE-13" in page
        rota = site_page(world.alice)
        assert "from Fri 27 Nov 2026 02:00 CST until Fri 27 Nov 2026 03:00 CST" in rota
        with everything():
            Shift.objects.filter(pk=rest.pk).update(starts_at=night)
        assert client.post(address, body).status_code == 302, "with that hour covered the start is planned"


def test_the_list_asks_as_much_for_ten_sites_as_for_one(world, django_assert_num_queries):
    client = signed_in(world.alice.director)
    ready(world.alice, "1")
    client.get(reverse("sites"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("sites"))
    for number in range(9):
        house = make_house(f"House {number}", kind="community")
        agreed_between(world.alice, house)
        ready(house, "1")
    with django_assert_num_queries(len(few)):
        assert client.get(reverse("sites")).content.count(b"Level 1") == 10
