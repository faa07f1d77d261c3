"""The person on call: what the page of an alert lays out, and the sheet for the emergency department."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_member

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=17)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        tell(world, dose("step_up_1", mg="4.8", at=GIVEN))
        yield world


def tell(world, fact, *, who: str = "oncologist"):
    return record_event(world.course.pk, fact, by=world.actor("alice", who), now=NOW).event


def fever(world, **fields):
    fact = checkin(at=NOW - timedelta(minutes=2), temperature_c="38.4", **fields)
    receive_checkin(world.course.pk, fact, by=world.actor("alice"), now=NOW)
    with everything():
        return Alert.objects.get(course=world.course, key__startswith="report:")


def words(answer) -> str:
    """What a person reads, on one line."""
    assert answer.status_code == 200
    main = answer.content.decode().partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def page(client: Client, world, alert, who: str = "on_call") -> str:
    client.force_login(getattr(world.alice, who))
    return words(client.get(reverse("page", args=[alert.pk])))


def sheet(client: Client, world, who: str = "on_call") -> str:
    client.force_login(getattr(world.alice, who))
    return words(client.get(reverse("ed_sheet", args=[world.course.pk])))


def test_the_page_lays_both_columns_out_and_picks_none(world, client):
    said = page(client, world, fever(world))
    assert "teclistamab, 17 h after step-up dose 1" in said
    assert "Treat as both until shown otherwise" in said
    assert "If CRS" in said and "If infection" in said
    assert "CRS usually begins 1 to 3 days after the dose unverified" in said
    assert "two sets of blood cultures" in said and "within 60 min of triage" in said


def test_what_is_not_known_says_so_with_the_next_step(world, client):
    said = page(client, world, fever(world, caregiver_present=None))
    assert "With the patient not known" in said
    assert "Travel tonight not known" in said
    assert (
        "Which ED not known neither the plan nor an agreement in force names a hospital: ask the site manager" in said
    )
    assert "IgG not known" in said


def test_who_is_there_and_how_far_it_is_comes_from_what_was_said_last(world, client):
    tell(world, event("home_status", at=GIVEN, travel_min_night=35, travel_min_typical=22, location="home"))
    said = page(client, world, fever(world, caregiver_present=False))
    assert "With the patient NO, by the last check-in" in said
    assert "Travel tonight 35 min night, 22 min typical" in said


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ("70", "560 mg 70.0 kg; 8 mg/kg, at most 800 mg"),
        ("88.39778880781195", "707 mg 88.4 kg"),
        ("100", "800 mg 100.0 kg"),
        ("100.1", "800 mg (capped) 100.1 kg"),
        (None, "weight not known 8 mg/kg"),
    ],
)
def test_one_dose_of_tocilizumab_is_worked_out_in_whole_milligrams(world, client, weight, said):
    tell(world, event("weight_measured", at=GIVEN, weight_kg=weight))
    assert f"One dose of tocilizumab {said}" in page(client, world, fever(world))


def test_what_was_authorised_and_taken_at_home_stands_on_the_page_and_on_the_sheet(world, client):
    body = {
        "agent": "dexamethasone",
        "medicine": "dexamethasone",
        "dose_mg": "20",
        "trigger": "fever",
        "allergy_checked": True,
        "interaction_checked": True,
        "teach_back_passed": False,
        "valid_until": "2027-12-31",
        "pack_at_hand": True,
        "pack_expires_on": "2027-12-31",
    }
    tell(world, event("home_medicine_authorised", at=GIVEN, **body))
    taken_at = NOW - timedelta(minutes=24)
    tell(world, event("medicine_given", at=taken_at, agent="dexamethasone", dose_mg="20", purpose="home"))
    said = page(client, world, fever(world))
    assert "dexamethasone 20 mg, at fever : may NOT be used (the teach-back was not passed)" in said
    assert re.search(r"taken Tue \d+ \w+ 02:36 C[SD]T", said)
    assert re.search(r"may hide a fever: dexamethasone Tue \d+ \w+ 02:36 C[SD]T, until", sheet(client, world))


def test_the_sheet_names_everything_taken_at_home_and_what_may_have_been(world, client):
    """An antibiotic hides no fever and stands there all the same; so does what nobody says where it was taken, and not a dose of the ward."""
    for agent, purpose in (("levofloxacin", "home"), ("prednisone", None), ("tocilizumab", "treatment")):
        tell(world, event("medicine_given", at=NOW - timedelta(minutes=24), agent=agent, dose_mg="20", purpose=purpose))
    said = sheet(client, world)
    listed = said[said.index("Medicine taken at home:") : said.index("Taken at home or given")]
    assert "levofloxacin 20 mg" in listed and "tocilizumab" not in listed
    assert re.search(r"prednisone 20 mg, [^;]*; not known whether at home", listed)
    assert listed.count("not known whether at home") == 1


def test_the_scripts_are_filled_in(world, client):
    said = page(client, world, fever(world))
    assert "A patient on teclistamab, an antibody that binds T cells, is coming to you" in said
    assert "Last dose: step-up dose 1, 17 h ago" in said
    assert "before you speak to 555-0111." in said, "the number on the sheet and on the patient's own screen"
    assert "{" not in said


def test_the_sheet_says_drug_dose_number_grades_and_when_it_was_printed(world, client):
    fever(world)
    said = sheet(client, world)
    for wanted in (
        "On a T-cell-engaging bispecific: teclistamab",
        "Last dose: step-up dose 1",
        "( 17 h ago)",
        "Next dose: do NOT give it",
        "Call now: 555-0",
        "CRS 1 fever 38.0 °C or more",
        "CRS 3 hypotension with one vasopressor",
        "ICANS 2 ICE 3 to 6",
        "Given so far: none on record",
        "Synthetic patient: nobody on this sheet is real",
        "Do NOT discharge",
        "Printed",
    ):
        assert wanted in said, wanted
    with everything():
        assert Look.objects.filter(course=world.course, what="ed_sheet").exists()


def test_the_sheet_of_a_course_without_a_dose_says_that_it_is_not_known(client):
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        world = World()
        said = sheet(client, world)
    assert "Last dose: not known (not known ago)" not in said
    assert "no dose on record" in said


def test_a_viewer_sees_no_name_and_no_phone_on_the_sheet(world, client):
    client.force_login(make_member(world.alice.organisation, "viewer"))
    said = words(client.get(reverse("ed_sheet", args=[world.course.pk])))
    assert "Synthia" not in said
    assert "010-0123" not in said
