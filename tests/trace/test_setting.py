"""The trace rows of the setting, each as its acceptance says it, on the page of a course."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import setting_desk
from handrail.actions.payer_requests import add_entry, open_request
from handrail.actions.rems import PaperDraft, add_paper, end_paper
from handrail.people.models import RemsRecord
from handrail.people.scope import everything
from handrail.records.models import Course, PolicyProposal
from tests.support.factories import World, make_member
from tests.support.gate_pages import NOT_MET, gate_line
from tests.support.payers import APPROVAL, PAYER, coordinator
from tests.support.setting_courses import SEASONS, facts_of_v1
from tests.support.setting_pages import page, send, words
from tests.support.setting_world import JULY, NOVEMBER, course_on_eve, planned, tell, v1_on_the_desk
from tests.support.settings import at, eve
from tests.support.signing import pharmacist_of

pytestmark = pytest.mark.django_db
LEAVES_ON_DAY_6 = {"hours": [{"who": "caregiver_1", "from_at": at(1, 8), "until_at": at(6, 9)}]}
BY_SEASON = {"worst": SEASONS, "typical_minutes": 28, "told_by": "the patient", "as_of": "2026-06-01"}
FORMS = {"caregivers": "Who is with the patient, hour by hour"}


def line_17(course: Course, now: Any = None) -> bool | None:
    with everything():
        return setting_desk.setting_evidence_of(course, now or eve()).met


def test_t04_a_caregiver_who_leaves_on_day_6_means_hospital_and_the_hours_are_named():
    with v1_on_the_desk(JULY, [("caregivers_rostered", at(0, 9), LEAVES_ON_DAY_6)]) as (world, course):
        said = page(world, course)
        assert "In hospital: step-up dose 1 on Mon 6 Jul 2026" in said
        assert "nobody is there: Sat 11 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT (111 h)" in said
        assert "What would change it: a second caregiver for the hours that nobody covers" in said
        assert "Sat 11 Jul nobody 09:00 CDT–24:00" in said and "Fri 10 Jul covered" in said
        # the second caregiver, on the same page
        second = {"who_1": "caregiver_1", "from_1": "2026-07-06T08:00", "until_1": "2026-07-11T09:00",
                  "who_2": "caregiver_2", "from_2": "2026-07-11T09:00", "until_2": "2026-07-17T08:00"}  # fmt: skip
        assert send(world, course, "caregivers", second, "nurse").status_code == 302
        said = page(world, course)
        assert "Outside hospital: step-up dose 1" in said and "Every hour is covered" in said


def test_t05_fourteen_days_in_the_policy_of_the_programme_flag_again_whoever_was_covered_for_ten():
    """Removing `caregiver_until_day` from `setting_desk.around_of`, or `asked_of_caregivers` from `look_at_setting`, makes it fail."""
    longer = {"hours": [{"who": "caregiver_1", "from_at": at(1, 8), "until_at": at(16, 8)}]}
    with v1_on_the_desk(JULY) as (world, course):
        another, covered = course_on_eve(world, JULY), course_on_eve(world, JULY)
        v1 = [*facts_of_v1(JULY), planned(JULY)]
        tell(world, another, v1, eve(JULY))
        tell(world, covered, [*v1, ("caregivers_rostered", at(0, 9), longer)], eve(JULY))
        for each in (course, another, covered):
            assert "Outside hospital: step-up dose 1" in page(world, each)
            assert "nobody is there" not in gate_line(world.alice.nurse, each, "caregiver")[1]
        client = Client()
        client.force_login(world.alice.oncologist)
        asked = {"what": "propose", "v:watch.caregiver_until_day": "14"}
        changed = client.post(reverse("propose_policy", args=[world.alice.id]), asked, follow=True)
        assert "In force from now on." in words(changed.content.decode())
        hours = "nobody is there: Fri 17 Jul 2026 08:00 CDT to Mon 20 Jul 2026 00:00 CDT (64 h)"
        for each in (course, another):
            said = page(world, each)
            assert "In hospital: step-up dose 1" in said
            assert hours in said
            mark, line = gate_line(world.alice.nurse, each, "caregiver")
            assert (mark, hours in line) == (NOT_MET, True)
        assert "Outside hospital: step-up dose 1" in page(world, covered)
        assert "nobody is there" not in gate_line(world.alice.nurse, covered, "caregiver")[1]


def test_t05_a_shorter_span_counts_for_a_running_course_only_once_it_is_moved_to_the_policy():
    """Removing the policy of the course from `look_at_setting` makes it fail."""
    eight = {"hours": [{"who": "caregiver_1", "from_at": at(1, 8), "until_at": at(10, 20)}]}
    with v1_on_the_desk(JULY, [("caregivers_rostered", at(0, 9), eight)]) as (world, course):
        assert "In hospital: step-up dose 1" in page(world, course)
        client = Client()
        client.force_login(world.alice.oncologist)
        place = "watch.caregiver_until_day"
        asked = {"what": "propose", f"v:{place}": "8", f"r:{place}": "the board", f"d:{place}": "2026-12-01"}
        proposed = client.post(reverse("propose_policy", args=[world.alice.id]), asked, follow=True)
        assert "Another person signs" in words(proposed.content.decode())
        with everything():
            waiting = PolicyProposal.objects.get()
        second = Client()
        second.force_login(pharmacist_of(world.alice))
        signed = {"sha256": waiting.sha256, "seen": "yes"}
        assert second.post(reverse("approve_policy", args=[waiting.pk]), signed).status_code == 302
        assert "In hospital: step-up dose 1" in page(world, course), "nobody has moved this course"
        client.post(reverse("take_up_policy", args=[course.pk]))
        assert "Outside hospital: step-up dose 1" in page(world, course)


@pytest.mark.parametrize("roster", [{"hours": []}, LEAVES_ON_DAY_6], ids=["nobody", "V2"])
def test_t07_without_a_caregiver_the_plan_in_hospital_is_shown_and_nobody_is_turned_away(roster):
    with v1_on_the_desk(JULY, [("caregivers_rostered", at(0, 9), roster)]) as (world, course):
        said = page(world, course)
        assert "In hospital: step-up dose 1 on Mon 6 Jul 2026" in said
        for step, day in (("Step-up dose 1", "6"), ("Step-up dose 2", "9"), ("First treatment dose", "13")):
            assert re.search(rf"{day} Jul 2026 {step} : in hospital", said)
        assert "nobody is turned away" in said
        assert "not eligible" not in said.lower()
        assert "not to book" not in said


@pytest.mark.parametrize(
    ("first", "lodging", "head"),
    [
        (JULY, False, "Outside hospital: step-up dose 1 on Mon 6 Jul 2026"),
        (NOVEMBER, False, "In hospital: step-up dose 1 on Mon 16 Nov 2026"),
        (NOVEMBER, True, "Outside hospital: step-up dose 1 on Mon 16 Nov 2026"),
    ],
)
def test_t24_the_same_road_in_july_and_in_november_and_with_lodging(first, lodging, head):
    with v1_on_the_desk(first, [("travel_noted", at(0, 9, first), BY_SEASON)]) as (world, course):
        if lodging:
            days = {
                "from_at": f"{first.isoformat()}T08:00",
                "until_at": f"{(first + timedelta(days=11)).isoformat()}T08:00",
            }
            answer = send(world, course, "lodging", {"accepted": "yes", **days, "worst_minutes": "10"}, "nurse")
            assert answer.status_code == 302
        said = page(world, course)
        assert head in said
        far = first == NOVEMBER and not lodging
        assert ("75 min in November (limit 60 min)" in said) is far
        assert ("IP-2 ·" in said) is far, "for that reason"
        assert ("lodging near the hospital for the watched span" in said) is far
        with everything():
            assert setting_desk.travel_evidence_of(course, eve(first)).met is not far


SNOW = {"words": "from November to March nobody goes home", "months": [11, 12, 1, 2, 3], "unless_lodging": True}


@pytest.mark.parametrize(
    ("first", "lodging", "head"),
    [
        (JULY, False, "Outside hospital: step-up dose 1 on Mon 6 Jul 2026"),
        (NOVEMBER, False, "In hospital: step-up dose 1 on Mon 16 Nov 2026"),
        (NOVEMBER, True, "Outside hospital: step-up dose 1 on Mon 16 Nov 2026"),
    ],
)
def test_t24_the_suspension_calendar_of_the_site_and_lodging_that_lifts_it(first, lodging, head):
    days = {"from_at": at(1, 8, first), "until_at": at(12, 8, first), "worst_minutes": 10}
    lodged = [("lodging_noted", at(0, 9, first), {"accepted": True, **days})] if lodging else []
    with v1_on_the_desk(first, lodged, suspensions=[SNOW]) as (world, course):
        said = page(world, course)
        assert head in said
        assert ("from November to March nobody goes home; no lodging" in said) is head.startswith("In hospital")


NOT_SIGNED = [("departure_signed", at(0, 9), {"rule": "setting", "steps": ["step_up_1"], "reason": None, "approver": "x", "review_on": "2027-01-01"})]  # fmt: skip


def test_t25_elsewhere_a_departure_needs_a_signature_and_a_reason_and_label_programme_and_payer_are_compared():
    with v1_on_the_desk(JULY, NOT_SIGNED, payer_inpatient_steps=[]) as (world, course):
        said = page(world, course)
        assert "Nothing is recommended yet: step-up dose 1" in said
        assert "Would be outside hospital once the departure from the label is signed" in said
        assert (
            "Label In hospital, 48 h" in said and "Programme Outside hospital" in said and "Payer Any setting" in said
        )
        assert "label asks 48 h in hospital after this dose; programme protocol default, version 1 allows it outside; no departure is signed" in said  # fmt: skip
        assert send(world, course, "departure", {"review_on": "2026-07-31"}).status_code == 422  # no reason
        assert send(world, course, "departure", {"reason": "x", "review_on": "2026-07-31"}, "nurse").status_code == 403
        signed = {"reason": "the programme watches at home by its own protocol", "review_on": "2026-07-31"}
        assert send(world, course, "departure", signed).status_code == 302
        said = page(world, course)
        assert "Outside hospital: step-up dose 1" in said
        assert "allows it outside because the programme watches at home by its own protocol; signed by Alice Oncologist" in said  # fmt: skip


ANY_DAY = date(2026, 1, 1)
SHARED = "tecvayli_talvey"


def paper(world: World, kind: str, now: datetime, **fields: Any) -> RemsRecord:
    """A paper of the shared programme for Alice's site that does not run out, unless told otherwise; written down at the REMS desk."""
    usual = PaperDraft(kind=kind, programme=SHARED, from_on=ANY_DAY, no_end=True, sites=(world.alice.site.pk,))
    return add_paper(world.alice.id, replace(usual, **fields), by=world.actor("alice", "director"), now=now)[0]


def all_papers(world: World, now: datetime) -> dict[str, RemsRecord]:
    pharmacist = make_member(world.alice.organisation, "pharmacist", "Pharmacist Reed")
    people = {"user_id": pharmacist.pk, "deputy_id": world.alice.director.pk}
    return {
        "setting": paper(world, "setting", now),
        "dispenser": paper(world, "dispenser", now, licence="pharmacy"),
        "representative": paper(world, "representative", now, **people),
        "prescriber": paper(world, "prescriber", now, sites=(), user_id=world.alice.oncologist.pk),
    }


def test_t25_what_the_rems_desk_holds_is_not_asked_and_a_word_against_it_is_shown_and_does_not_count():
    now = eve(JULY)
    never_asked = dict.fromkeys(("rems_dispenser", "rems_setting"))
    with v1_on_the_desk(JULY, **never_asked) as (world, course):
        assert "REMS certification of the setting" in page(world, course), "without papers a person is asked"
        papers = all_papers(world, now)
        said = page(world, course)
        assert "Outside hospital: step-up dose 1" in said
        assert "REMS certification of" not in said, "the desk is asked, and nobody else"
        tell(world, course, [("setting_facts_noted", at(0, 9), {"rems_setting": {"held": True, "no_end": True}})], now)
        end_paper(papers["setting"].pk, last_day=JULY - timedelta(days=2), reason="not renewed", by=world.actor("alice", "director"), now=now)  # fmt: skip
        said = page(world, course)
        assert "Defer the start: step-up dose 1" in said
        assert "The record says otherwise than a desk" in said and "To the desk · To the record" in said
        assert (
            "REMS certification of the setting The desk: not there Recorded in the course: there, without an end"
            in said
        )
        paper(world, "setting", now, no_end=False)
        said = page(world, course)
        assert "Nothing is recommended yet" in said
        assert "The desk: not known Recorded in the course: there" in said, "its end is not known, and stays so"
        assert "The REMS desk cannot say: mend it there" in said
        client = Client()
        client.force_login(world.alice.oncologist)
        assert f'href="{reverse("rems_course", args=[course.pk])}"' in client.get(reverse("setting", args=[course.pk])).content.decode()  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "head", "payer"),
    [
        ("any", "Outside hospital: step-up dose 1", "Any setting"),
        ("inpatient", "In hospital: step-up dose 1", "In hospital; no waiver"),
        (None, "Nothing is recommended yet: step-up dose 1", "not known"),
    ],
)
def test_t25_where_the_payer_pays_is_read_from_its_answer_at_the_access_desk(setting, head, payer):
    now = eve(JULY)
    with v1_on_the_desk(JULY, payer_inpatient_steps=[]) as (world, course):
        by = coordinator(world)
        request = open_request(
            course.pk, by=by, drug="teclistamab", payer=PAYER, setting="outpatient", internal=False, now=now
        )
        assert "Defer the start" in page(world, course), "a request without an answer is no authorisation"
        add_entry(request.pk, kind="submitted", says={}, by=by, now=now)
        says = {**APPROVAL, "setting": setting} if setting else {k: v for k, v in APPROVAL.items() if k != "setting"}
        add_entry(request.pk, kind="approved", says=says, by=by, now=now)
        said = page(world, course)
        assert head in said
        assert f"Payer {payer}" in said
        against = "What the payer asks of the setting, and whether it waived that The desk:"
        assert (against in said) is (setting != "any"), "what was noted in the course is not hidden"


@pytest.mark.parametrize(
    ("changes", "head", "points"),
    [
        ({"ecog": 2, "frail": True, "extramedullary_disease": True, "cytopenia": True}, "In hospital", 6),
        ({"frail": True}, "Outside hospital", 1),
        ({"extramedullary_disease": True}, "Outside hospital", 2),
        ({"extramedullary_disease": True, "caregiver_unwell": True}, "Hybrid", 3),
    ],
)
def test_t60_comorbidity_and_frailty_count_and_no_age_decides_alone(changes, head, points):
    with v1_on_the_desk(JULY, **changes) as (world, course):
        said = page(world, course)
        assert f"{head}: step-up dose 1" in said
        assert f"Considerations: {points} point" in said


def test_t60_at_any_age_the_patient_of_v1_is_not_sent_to_hospital():
    with v1_on_the_desk(JULY) as (world, course):
        with everything():
            Course.objects.filter(pk=course.pk).update(facts={"birth_year": 1930, "sex": "female"})
        said = page(world, course)
        assert "Outside hospital: step-up dose 1" in said and "Considerations: 1 point " in said


def test_t85_the_setting_of_each_course_is_computed_and_explained():
    with v1_on_the_desk(JULY, ecog=2, caregiver_unwell=True) as (world, course):
        said = page(world, course)
        assert "Hybrid: step-up dose 1" in said
        assert "C-ECOG" in said and "C-CAREGIVER" in said and "2 points" in said
        assert re.search(r"Step-up dose 1 : in hospital", said) and re.search(
            r"Step-up dose 2 : outside hospital", said
        )


def test_t85_the_class_of_each_course_stands_beside_its_setting_with_every_reason():
    """Removing `"kind"` from the context of `web/setting/views.py` makes it fail."""
    with v1_on_the_desk(JULY) as (world, course):
        said = page(world, course)
        assert "Outside hospital: step-up dose 1" in said
        signed = "Simple or complicated Complicated a departure from the label or the protocol is signed"
        assert signed in said
        assert "CRS of grade 2" not in said
        assert "how the rest of the step-up goes" in said
        reaction = {"tmax_c": "38.6", "fever_other": False, "hypotension": True, "o2": "none", "clinician_grade": 2}
        tell(world, course, [("dose_given", at(0, 8), {"step": "step_up_1", "dose_mg": "4"}), ("crs_assessed", at(0, 9), reaction)], eve())  # fmt: skip
        said = page(world, course)
        assert "Simple or complicated Complicated" in said
        assert "CRS of grade 2" in said
        assert re.search(r"(In hospital|Outside hospital|Hybrid|Defer the start|Nothing is recommended yet): |No setting can be said\.", said)  # fmt: skip
        other = world.make_course()  # nothing is recorded, nothing is planned: both are said all the same
        said = page(world, other)
        assert "No setting can be said." in said or "Nothing is recommended yet" in said
        assert "Simple or complicated Not known: handle it as complicated" in said


# --- the decision ------------------------------------------------------------------------------------------------------------


def test_a_decision_is_recorded_as_long_as_the_rules_say_and_the_gate_reads_it_until_something_changes():
    with v1_on_the_desk(JULY) as (world, course):
        assert line_17(course) is None
        dose = {"step": "step_up_1", "on": "2026-07-06"}
        assert send(world, course, "decide", {"recommendation": "OUTPATIENT", **dose}, "nurse").status_code == 403
        assert send(world, course, "decide", {"recommendation": "OUTPATIENT", **dose}).status_code == 302
        assert line_17(course) is True
        said = page(world, course)
        assert "Outside hospital decided Sun 5 Jul 2026 10:00 CDT by Alice Oncologist" in said
        with everything():
            (decided,) = course.events.filter(kind="setting_decided")
        assert decided.payload == {
            "recommendation": "OUTPATIENT", "step": "step_up_1", "on": "2026-07-06", "advised": "OUTPATIENT",
            "valid_until": "2026-07-06T05:00:00Z",
        }  # fmt: skip
        # the temperature was of today: on the day of the dose it is decided again
        with clock.use(clock.FrozenClock(eve() + timedelta(days=1))):
            assert line_17(course, eve() + timedelta(days=1)) is None
        tell(world, course, [("caregivers_rostered", at(0, 10), {"hours": []})], eve())
        assert line_17(course) is None
        assert "It does not count for the gate" in page(world, course)


def test_a_decision_further_from_hospital_than_the_rules_needs_a_reason_is_recorded_and_stays_open_on_the_gate():
    with v1_on_the_desk(JULY, [("caregivers_rostered", at(0, 9), {"hours": []})]) as (world, course):
        dose = {"recommendation": "OUTPATIENT", "step": "step_up_1", "on": "2026-07-06"}
        assert send(world, course, "decide", dose).status_code == 422
        assert send(world, course, "decide", {**dose, "because": "the ward is full"}).status_code == 302
        assert line_17(course) is None
        assert "Because: the ward is full" in page(world, course)


def test_a_decision_about_a_dose_that_is_not_next_any_more_is_refused():
    with v1_on_the_desk(JULY) as (world, course):
        for other in ({"step": "step_up_2", "on": "2026-07-06"}, {"step": "step_up_1", "on": "2026-07-07"}, {"step": "", "on": "soon"}):  # fmt: skip
            answer = send(world, course, "decide", {"recommendation": "INPATIENT", **other})
            assert answer.status_code == 422 and "Another dose is next by now" in words(answer.content.decode())
        with everything():
            assert not course.events.filter(kind="setting_decided").exists()
