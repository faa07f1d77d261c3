"""Rows of the trace that the gate answers, each by what its acceptance column asks, through the pages and forms alone."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.payer_requests import open_request
from handrail.actions.policies import approve_policy, propose_policy
from handrail.rules.policy_own import Reason
from tests.support.capacity import counted
from tests.support.courses import Told, instant
from tests.support.factories import World
from tests.support.gate_pages import line_said
from tests.support.gate_world import NOW, STARTED, ready_course
from tests.support.gates import DOSE_ON, prepared
from tests.support.payers import APPROVAL, PAYER, coordinator, write
from tests.support.signing import pharmacist_of
from tests.support.staff_pages import words
from tests.support.triage import graded

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def send(client, course, form: str, at: str, **typed: Any) -> None:
    """Send one of the forms of the course's page at a civil time of the site."""
    with clock.use(clock.FrozenClock(instant(at))):
        fresh = {"batch": str(uuid4()), "at": at.replace(" ", "T")}
        answer = client.post(reverse("record", args=[course.pk, form]), {**fresh, **typed})
    assert answer.status_code == 302, words(answer)


# --- T-37 ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("approved", [False, True], ids=["no request to a payer", "a payer has approved it"])
def test_t37_a_gap_outside_the_interval_warns_on_both_sides_of_it(world, client, approved):
    """Removing `interval_in_doubt` from `readiness._answer` makes the second case fail, `_timed` from `gate_home._before` the first."""
    course = ready_course(world)
    if approved:
        by = coordinator(world)
        asked = {"drug": "tocilizumab", "product": "tyenne", "payer": PAYER, "internal": False}
        request = open_request(course.pk, by=by, now=STARTED + timedelta(hours=3), **asked)
        write(request, by, "submitted", 0.2, reason="as planned")
        write(request, by, "approved", 0.3, **APPROVAL)
        counted(world.alice, 8, date(2026, 3, 2))
    client.force_login(world.alice.nurse)
    assert line_said(client, course, "tocilizumab").startswith("met 7."), "authorised, and not given yet"
    given = {"agent": "tocilizumab", "dose_mg": "520", "purpose": "prophylaxis", "for_step": "step_up_1"}
    send(client, course, "medicine", f"{DOSE_ON} 08:30", **given)  # the dose is booked for 9:00
    for hour, told in (
        ("08:45", "the dose comes from Tue 3 Mar 2026 09:15 CST on"),
        ("09:14", "the dose comes from Tue 3 Mar 2026 09:15 CST on"),
        ("12:45", "outside the interval since Tue 3 Mar 2026 12:45 CST"),
    ):
        said = line_said(client, course, "tocilizumab", instant(f"{DOSE_ON} {hour}"))
        assert (said.startswith("NOT MET 7."), told in said) == (True, True), said
    for hour in ("09:15", "12:44"):  # an hour less the tolerance, four hours and the tolerance
        assert line_said(client, course, "tocilizumab", instant(f"{DOSE_ON} {hour}")).startswith("met 7."), hour


@pytest.mark.parametrize(("minutes", "opens"), [("0", "09:30"), ("5", "09:25")])
def test_t37_the_tolerance_is_set_on_the_form_of_the_organisations_policy(world, client, minutes, opens):
    """Removing the policy's own number from `Policy.tocilizumab_tolerance` makes it fail."""
    client.force_login(world.alice.oncologist)
    with clock.use(clock.FrozenClock(STARTED - timedelta(days=1))):
        typed = {"v:before_dose.tocilizumab_tolerance_minutes": minutes, "what": "propose"}
        answer = client.post(reverse("propose_policy", args=[world.alice.id]), typed, follow=True)
    assert "In force from now on." in answer.content.decode(), "less is more careful, and needs nobody"
    course = ready_course(world)
    given = {"agent": "tocilizumab", "dose_mg": "520", "purpose": "prophylaxis", "for_step": "step_up_1"}
    send(client, course, "medicine", f"{DOSE_ON} 08:30", **given)
    said = line_said(client, course, "tocilizumab", instant(f"{DOSE_ON} 09:15"))
    assert said.startswith("NOT MET 7.") and f"the dose comes from Tue 3 Mar 2026 {opens} CST on" in said
    assert line_said(client, course, "tocilizumab", instant(f"{DOSE_ON} {opens}")).startswith("met 7.")


def test_t37_the_prompt_to_decide_goes_with_a_decision_and_with_nothing_else(world, client):
    """Removing the look at the waiver from `gate_home._before` makes it fail."""
    course = ready_course(world, prepared(without=("authorisation",)))
    client.force_login(world.alice.nurse)
    prompt = "decide: give tocilizumab before this dose and ask the payer, or record the waiver with its reason"
    assert prompt in line_said(client, course, "tocilizumab")
    send(client, course, "confirm", "2026-03-02 09:50", item="rescue_tocilizumab", confirmed="yes")
    assert prompt in line_said(client, course, "tocilizumab")
    send(client, course, "confirm", "2026-03-02 09:55", item="prophylaxis_waived", confirmed="yes", evidence="zoster")
    said = line_said(client, course, "tocilizumab")
    assert said.startswith("met 7.") and prompt not in said


def test_t37_what_was_given_for_no_known_purpose_and_a_dose_of_long_ago_are_no_tocilizumab_before_this_one(
    world, client
):
    """Removing `_may_prevent`, or the days from `gate_home._timed`, makes it fail."""
    told = prepared(without=("authorisation",))
    told.tell(
        "medicine_given", "2026-02-09 08:30", agent="tocilizumab", purpose="prophylaxis"
    )  # 22 days before the dose
    course, other = ready_course(world, told), ready_course(world, ed=False)
    client.force_login(world.alice.nurse)
    assert "neither ordered nor waived" in line_said(client, course, "tocilizumab")
    send(client, other, "medicine", "2026-03-02 09:00", agent="Actemra 400 mg")
    said = line_said(client, other, "tocilizumab")
    assert (
        said.startswith("not known 7.") and "what was given Mon 2 Mar 2026 09:00 CST, or what for, is not known" in said
    )


# --- T-49 ---------------------------------------------------------------------------------------------------------------------

ADMISSION = "contact.admission"
TASK = re.compile(r"prescriber admit the patient with CRS grade 1")


def admits(world: World, policy: str) -> None:
    """The organisation's own policy, signed by two, before the course begins; the shipped one admits all."""
    if policy == "admit_all":
        return
    why = {ADMISSION: Reason(reason="grade 1 is watched here", review_on=date(2026, 9, 1))}
    before = STARTED - timedelta(days=1)
    row = propose_policy(
        world.alice.id, {ADMISSION: policy}, reasons=why, by=world.actor("alice", "oncologist"), now=before
    )
    approve_policy(row.pk, sha256=row.sha256, by=person(pharmacist_of(world.alice)), now=before)


def grade_1_at_home(*, next_check: bool = True) -> Told:
    """CRS of grade 1 on the day after the dose, and everything known that lets somebody stay."""
    told = prepared()
    told.dose("step_up_1", f"{DOSE_ON} 09:00", dose_mg="12")
    vitals = {"temperature_c": "38.4", "systolic_mmhg": 124, "pulse_per_min": 88, "spo2_percent": 97}
    told.tell("vitals_measured", "2026-03-04 07:00", **vitals)
    graded(told, "2026-03-04 07:10", tmax_c="38.4")
    told.tell("vitals_measured", "2026-03-04 07:10", **vitals)
    check = {"next_check_at": instant("2026-03-04 09:00").isoformat()} if next_check else {}
    told.tell(
        "contact_made", "2026-03-04 07:15", **{"with": "patient", "reached": True, "outcome": "staying_home", **check}
    )
    return told


def to_do(client, world: World, course) -> str:
    client.force_login(world.alice.oncologist)
    with clock.use(clock.FrozenClock(instant("2026-03-04 07:30"))):
        return words(client.get(reverse("course", args=[course.pk])))


@pytest.mark.parametrize(
    ("policy", "next_check", "opens"),
    [("admit_all", True, True), ("grade_1_may_stay", True, False), ("grade_1_may_stay", False, True)],
)
def test_t49_the_admission_policy_decides_whether_grade_1_opens_the_task(world, client, policy, next_check, opens):
    """Removing the look at `admission` from `contact.stay_lacks` makes the first case fail, that at what it lacks the third."""
    admits(world, policy)
    course = ready_course(world, grade_1_at_home(next_check=next_check))
    assert bool(TASK.search(to_do(client, world, course))) is opens


def test_t49_the_task_is_done_when_the_patient_is_in_hospital(world, client):
    course = ready_course(world, grade_1_at_home())
    assert TASK.search(to_do(client, world, course))
    send(client, course, "home", "2026-03-04 07:25", location="hospital")
    assert not TASK.search(to_do(client, world, course))


# --- T-50 ---------------------------------------------------------------------------------------------------------------------

AUTHORISED = {
    "agent": "dexamethasone",
    "medicine": "dexamethasone",
    "dose_mg": "16",
    "trigger": "fever",
    "allergy_checked": "yes",
    "interaction_checked": "yes",
    "teach_back_passed": "yes",
    "valid_until": "2026-05-01",
    "pack_expires_on": "2026-12-01",
}


def test_t50_each_of_the_two_closes_its_own_line_until_somebody_confirms_it_by_its_form(world, client):
    """Removing `_yes(found, "thermometer", …)` from `gate_home.home`, or the pack from `home_medicines._judge`, makes it fail."""
    told = prepared(without=("home",))
    stays = {"caregiver_from": "2026-03-03T02:00:00Z", "caregiver_until": "2026-03-15T02:00:00Z", "phone_works": True}
    told.tell("home_status", "2026-03-01 12:00", **stays)
    course = ready_course(world, told)
    client.force_login(world.alice.oncologist)
    assert line_said(client, course, "home").startswith("not known 12.")
    assert "the thermometer: not known" in line_said(client, course, "home")
    assert line_said(client, course, "medicines").startswith("not known 13.")
    send(client, course, "home", "2026-03-02 09:30", thermometer="no")
    assert line_said(client, course, "home").startswith("NOT MET 12.")
    send(client, course, "home", "2026-03-02 09:35", thermometer="yes")
    assert line_said(client, course, "home").startswith("met 12.")
    assert not line_said(client, course, "medicines").startswith("met"), "a thermometer is no dexamethasone"
    send(client, course, "home-medicine", "2026-03-02 09:40", **AUTHORISED, pack_at_hand="no")
    assert line_said(client, course, "medicines").startswith("NOT MET 13.")
    send(client, course, "home-medicine", "2026-03-02 09:45", **AUTHORISED, pack_at_hand="yes")
    assert line_said(client, course, "medicines").startswith("met 13.")


def test_t50_a_nurse_who_authorises_nothing_confirms_the_packs_that_she_saw(world, client):
    """Removing `AT_HAND` from the form on home and location, or that form from `mends.mend_address`, makes it fail."""
    course = ready_course(world)
    client.force_login(world.alice.oncologist)
    send(client, course, "home-medicine", "2026-03-01 12:30", **AUTHORISED, pack_at_hand="yes")
    client.force_login(world.alice.nurse)
    for at, seen, said in (
        ("2026-03-02 09:00", ["none"], "NOT MET 13."),
        ("2026-03-02 09:10", ["dexamethasone"], "met 13."),
        ("2026-03-02 09:20", ["antipyretic"], "NOT MET 13."),
        ("2026-03-02 09:30", ["dexamethasone", "none"], "not known 13."),
    ):
        send(client, course, "home", at, home_medicines_at_hand=seen)
        assert line_said(client, course, "medicines").startswith(said), (seen, line_said(client, course, "medicines"))
    page = client.get(reverse("gate", args=[course.pk])).content.decode()
    assert re.search(rf'id="line-medicines".*?href="{reverse("record", args=[course.pk, "home"])}"', page, re.DOTALL)


def test_t50_a_pack_that_was_taken_is_in_the_hands_again_only_when_somebody_has_seen_it(world, client):
    """Removing the look at what was taken from `gate_home.medicines` makes it fail."""
    course = ready_course(world)
    client.force_login(world.alice.oncologist)
    send(client, course, "home-medicine", "2026-03-01 12:30", **AUTHORISED, pack_at_hand="yes")
    assert line_said(client, course, "medicines").startswith("met 13.")
    send(client, course, "medicine", "2026-03-01 22:00", agent="dexamethasone", dose_mg="16", purpose="home")
    said = line_said(client, course, "medicines")
    assert said.startswith("not known 13."), said
    assert "dexamethasone: taken Sun 1 Mar 2026 22:00 CST, and no pack was seen since" in said
    send(client, course, "home-medicine", "2026-03-02 09:00", **AUTHORISED, pack_at_hand="yes")
    assert line_said(client, course, "medicines").startswith("met 13.")
