"""The rows of the trace that the page of the gate shows by itself: each line as a nurse reads it, changed through the pages of others."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.models import RemsRecord
from handrail.people.scope import everything
from handrail.records.models import Course, GateSignature, SigningSet
from handrail.rules.protocol import load
from handrail.rules.terms import say_date, zone_named
from tests.support.courses import ELRA, TEC, TEC_COMBO, instant
from tests.support.factories import CHICAGO, World
from tests.support.gate_pages import MET, NOT_KNOWN, NOT_MET, gate_head, gate_line
from tests.support.gate_world import NOW, STARTED, ready_course, write
from tests.support.gates import AT_DOSE, DOSE_ON, prepared
from tests.support.rems_pages import NOW as REMS_NOW
from tests.support.rems_pages import TODAY, Desk
from tests.support.signing import CITATION, decided_set, pharmacist_of
from tests.support.staff_pages import signed_in
from tests.support.training import ALWAYS

pytestmark = pytest.mark.django_db


@pytest.fixture
def time(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    return World()


# --- T-02: the end of a rule --------------------------------------------------------------------------------------------------


def planned(world: World, time: clock.FrozenClock, course: Course, on: str) -> None:
    """A minute later the first dose is planned for that day, with the form on the page of the course."""
    at = time.advance(minutes=1).astimezone(zone_named(CHICAGO))
    body = {"at": f"{at:%Y-%m-%dT%H:%M}", "step": "step_up_1", "on": on, "setting": "outpatient"}
    answer = signed_in(world.alice.nurse).post(reverse("record", args=[course.pk, "plan"]), body)
    assert answer.status_code == 302, answer.content.decode()


def ends(world: World, time: clock.FrozenClock, course: Course, last_day: str) -> None:
    """Pharmacist and medical lead sign on the page that the REMS ends on that day, and the course is moved to what they signed."""
    time.advance(minutes=1)
    with everything():
        opened: SigningSet = decided_set(world.alice, ELRA, now=clock.now())
    pharmacist, lead = signed_in(pharmacist_of(world.alice)), signed_in(world.alice.oncologist)
    rows = {"section": "remsrow", "rows": [row.id for row in load(ELRA).rems], "citation": CITATION}
    sent = {**rows, "decision": "confirm", "ended_on": last_day}
    assert pharmacist.post(reverse("decide_rows", args=[opened.pk]), sent).status_code == 302
    for client, part in ((pharmacist, "pharmacist"), (lead, "medical_lead")):
        page = client.get(reverse("signing_set", args=[opened.pk])).content.decode()
        digest = re.search(r'name="digest" value="(\w{64})"', page)
        assert digest is not None
        signs = {"digest": digest[1], "part": part, "seen": "yes"}
        assert client.post(reverse("sign_set", args=[opened.pk]), signs).status_code == 302
    assert lead.post(reverse("take_up_set", args=[course.pk])).status_code == 302


def test_t02_a_signed_end_of_the_rems_opens_line_8_for_doses_after_that_day_and_for_no_other(world, time):
    """Removing `dose.on > row.in_force_to` from `rems.rems`, or making it `>=`, makes it fail."""
    course, nurse = ready_course(world, prepared(rems=False)), world.alice.nurse
    for day in ("2026-03-03", "2026-03-04"):
        planned(world, time, course, day)
        assert gate_line(nurse, course, "rems")[0] == NOT_KNOWN, day
    ends(world, time, course, "2026-03-03")
    mark, words = gate_line(nurse, course, "rems")
    assert (mark, "no REMS is in force on that day" in words) == (MET, True), words
    planned(world, time, course, "2026-03-03")
    mark, words = gate_line(nurse, course, "rems")
    assert (mark, "nobody overrides this: a REMS is in force and not met" in words) == (NOT_KNOWN, True), (
        "its last day is one of it"
    )
    # the end is put off by a day: the dose of the day after it was open is closed again
    planned(world, time, course, "2026-03-04")
    ends(world, time, course, "2026-03-04")
    assert gate_line(nurse, course, "rems")[0] == NOT_KNOWN
    planned(world, time, course, "2026-03-05")
    assert gate_line(nurse, course, "rems")[0] == MET


# --- T-03: teach-back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "line"), [("caregiver", "caregiver"), ("patient", "home")])
def test_t03_only_what_was_said_back_on_the_page_opens_line_10_and_line_12(world, who, line):
    """Removing `_taught` from `gate_home.caregiver`, or from `gate_home.home`, makes it fail."""
    course, nurse = ready_course(world, prepared(without=(f"taught_{who}",))), world.alice.nurse
    mark, words = gate_line(nurse, course, line)
    assert (mark, f"teach-back of the {who}" in words) == (NOT_KNOWN, True)

    def says(**repeat: str) -> None:
        items = {f"item_{item}": repeat.get(item, "passed") for item in ALWAYS}
        typed = {"who": who, "own_language": "yes", "at": "2026-03-02T09:30", **items}
        answer = signed_in(nurse).post(reverse("teach_back", args=[course.pk]), typed)
        assert answer.status_code == 302

    says(take_temperature="repeat")
    mark, words = gate_line(nurse, course, line)
    assert (mark, "take temperature" in words) == (NOT_MET, True)
    assert "Not ready" in gate_head(nurse, course)
    item = {"who": who, "own_language": "yes", "at": "2026-03-02T09:40", "item_take_temperature": "passed"}
    signed_in(nurse).post(reverse("teach_back", args=[course.pk]), item)
    assert gate_line(nurse, course, line)[0] == MET


# --- T-12: the regimen by its own text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "open_"), [(TEC, True), (TEC_COMBO, False)])
def test_t12_two_lines_close_line_8_of_the_drug_alone_whatever_the_text_of_the_combination_allows(world, key, open_):
    """Removing the regimen from `gate_evidence.indication` makes it fail."""
    told = prepared(key, without=("indication",))
    classes = dict.fromkeys(("proteasome_inhibitor", "immunomodulatory_agent", "anti_cd38_antibody"), True)
    told.tell("earlier_treatment_noted", "2026-03-02 09:15", lines=2, **classes, progressed_on_last=True)
    told.tell("dose_planned", "2026-03-02 09:20", step="step_up_1", on="2026-03-10", setting="outpatient")
    course = world.make_course(protocol_key=key, prior_doses_known=True, now=STARTED)
    write(course, told)
    mark, words = gate_line(world.alice.nurse, course, "rems")
    assert (mark == NOT_MET) is open_
    assert ("2 earlier lines of at least 4" in words) is open_


# --- T-17: both sides of the REMS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["prescriber", "dispenser", "setting"])
def test_t17_whichever_side_ends_turns_line_8_red_and_is_named_and_no_other(db, missing):
    """Removing that kind from `rems_desk.sides` makes it fail."""
    frozen = clock.FrozenClock(REMS_NOW)
    with clock.use(frozen):
        desk = Desk(World(), frozen)
        course, nurse = ready_course(desk.world), desk.house.nurse
        on, site = desk.plan(course), str(desk.site.pk)
        papers: dict[str, dict[str, Any]] = {
            "setting": {"sites": site},
            "dispenser": {"sites": site, "licence": "hospital"},
            "representative": {"sites": site, "user": str(desk.pharmacist.pk), "deputy": str(desk.manager.pk)},
            "prescriber": {"user": str(desk.house.oncologist.pk)},
        }
        for kind, typed in papers.items():
            desk.paper(kind, programme="elrexfio", **typed)
        desk.dispense(course, on)
        assert gate_line(nurse, course, "rems")[0] == MET, gate_line(nurse, course, "rems")
        yesterday = TODAY - timedelta(days=1)
        record = RemsRecord.objects.get(kind=missing)
        desk.post("rems_end_paper", record.pk, last_day=yesterday.isoformat(), reason="not renewed")
        mark, words = gate_line(nurse, course, "rems")
        whose = {"prescriber": "Alice Oncologist: certificate of a prescriber"}
        named = {
            kind: whose.get(kind, f"{desk.site.name}: certificate of the {kind}")
            for kind in ("prescriber", "dispenser", "setting")
        }
        assert mark == NOT_MET
        assert f"{named[missing]}: ended on {say_date(yesterday)}" in words
        assert not [kind for kind in named if kind != missing and named[kind] in words]
        assert "nobody overrides this: a REMS is in force and not met" in words
        assert "Not ready" in gate_head(nurse, course)
        desk.paper(missing, programme="elrexfio", **papers[missing])
        assert gate_line(nurse, course, "rems")[0] == MET


# --- T-18: where maintenance goes ---------------------------------------------------------------------------------------------


def test_t18_at_the_hour_of_dose_1_the_site_of_the_maintenance_alone_keeps_the_gate_closed(world, time):
    """Removing `maintenance_site` from `gate_home.papers` makes it fail."""
    told = prepared(without=("confirmed",))
    for item in ("emergency_department", "rescue_tocilizumab"):
        told.tell("readiness_confirmed", "2026-03-01 12:30", item=item, confirmed=True, evidence="seen")
    told.tell("vitals_measured", f"{DOSE_ON} 07:30", temperature_c="36.6")
    told.tell("condition_noted", f"{DOSE_ON} 07:30", what="infection", active=False)
    course = ready_course(world, told)
    time.set(instant(AT_DOSE))
    doctor, nurse = world.alice.oncologist, world.alice.nurse
    assert gate_head(nurse, course) == "Not ready (1 not known)"
    mark, words = gate_line(nurse, course, "consent")
    assert (mark, "where maintenance will be given" in words) == (NOT_KNOWN, True)
    # one signature opens nothing; two let the dose go ahead, and it never is ready
    reason = {"reason": "the practice answers on Thursday"}
    assert signed_in(doctor).post(reverse("sign_gate", args=[course.pk, "consent"]), reason).status_code == 302
    assert gate_head(nurse, course) == "Not ready (1 not known)"
    with everything():
        first = GateSignature.objects.get(course=course)
    address = reverse("countersign_gate", args=[course.pk, first.pk])
    assert signed_in(doctor).post(address).status_code == 422, "nobody is the second of themself"
    assert gate_head(nurse, course) == "Not ready (1 not known)"
    assert signed_in(nurse).post(address).status_code == 302
    assert gate_head(nurse, course).startswith("Not ready: given under override")
    assert "the practice answers on Thursday" in gate_line(nurse, course, "consent")[1]
    # the site is known: the gate is ready without the signatures
    said = {"at": "2026-03-03T08:00", "item": "maintenance_site", "confirmed": "yes", "evidence": "the practice"}
    answer = signed_in(nurse).post(reverse("record", args=[course.pk, "confirm"]), said)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    assert gate_line(nurse, course, "consent")[0] == MET
    assert gate_head(nurse, course) == "Ready: every line is met"
