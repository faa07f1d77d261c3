"""An organisation's own policy: what is free, what a second person signs, and which courses carry it."""

import json
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from handrail.actions.actor import person, service
from handrail.actions.answering import acknowledge
from handrail.actions.courses import start_course
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.policies import approve_policy, propose_policy, take_up_policy
from handrail.people.models import Membership
from handrail.records import wire
from handrail.records.models import PolicyAdoption, PolicyProposal
from handrail.records.policies import in_force, not_on
from handrail.rules import policy as policies
from handrail.rules.coursefile import course_from_json, course_to_json, event_from_json
from handrail.rules.history import History
from handrail.rules.pinned import policy_for
from handrail.rules.policy import load_policy
from handrail.rules.policy_own import Reason
from handrail.rules.strict import ProtocolDataError
from tests.support.factories import MONDAY_0900, event, make_house, make_member, make_patient
from tests.support.signing import pharmacist_of

pytestmark = pytest.mark.django_db
LATER = MONDAY_0900 + timedelta(hours=1)
FEVER, PAGED = "triage.fever_c", "watch.phase.risk_window.page_after_minutes"
TIGHT, LOOSE = {FEVER: "37.9"}, {FEVER: "37.9", PAGED: "75"}
REASON = Reason(reason="two nurses look at every check within the hour", review_on=date(2026, 9, 1))
SAMPLE = Path(__file__).parent.parent / "records" / "samples" / "policy_changed.1.document.json"


@pytest.fixture
def house():
    house = make_house("Hub")
    house.organisation.name = "Hub"
    house.organisation.save()
    return house


@pytest.fixture
def lead(house):
    return person(house.oncologist)


@pytest.fixture
def second(house):
    return person(pharmacist_of(house))


def propose(house, by, texts=LOOSE, reasons=None, now=MONDAY_0900):
    given = {PAGED: REASON} if reasons is None and PAGED in texts else reasons
    return propose_policy(house.organisation.pk, texts, reasons=given, by=by, now=now)


def approve(proposal, by, *, sha256=None, now=LATER):
    return approve_policy(proposal.pk, sha256=sha256 or proposal.sha256, by=by, now=now)


def course_of(house, now=LATER, **fields):
    patient = make_patient(house.organisation)
    recorded = start_course(patient, by=person(house.oncologist), product="teclistamab", now=now, **fields)
    return recorded.event.course


def refused(code: str, verb, *args, **fields):
    with pytest.raises(RefusedError) as error:
        verb(*args, **fields)
    assert error.value.code == code
    return error.value


# --- proposing ------------------------------------------------------------------------------------------------------


def test_tightening_is_free_and_recorded_with_who_and_when(house, lead):
    proposal = propose(house, lead, TIGHT)
    adoption = proposal.adoptions.get()
    assert (adoption.by, adoption.at, adoption.departures) == (house.oncologist, MONDAY_0900, 0)
    assert in_force(house.organisation.pk) == proposal
    policy = load_policy(proposal.document)
    assert (str(policy.triage.fever_c), policy.ref.id, policy.ref.version, policy.ref.sha256) == (
        "37.9",
        "hub",
        "1",
        proposal.sha256,
    )
    assert policy.base is not None and policy.base.sha256 == load_policy().ref.sha256
    assert policy.triage.source[0] == "SITE" and policy.sources["SITE"].document == "Decision of Hub"
    assert policy.departures == ()


def test_loosening_waits_for_another_person(house, lead, second):
    proposal = propose(house, lead)
    assert in_force(house.organisation.pk) is None
    assert refused("same_person", approve, proposal, lead)
    approve(proposal, second)
    assert in_force(house.organisation.pk) == proposal
    assert (proposal.adoptions.get().departures, proposal.adoptions.get().by) == (1, second.user)
    [departure] = load_policy(proposal.document).departures
    assert (departure.place, departure.verdict, departure.before, departure.after) == (PAGED, "looser", "60", "75")
    assert (departure.reason, departure.review_on) == (REASON.reason, "2026-09-01")


@pytest.mark.parametrize(
    ("texts", "reasons", "code", "path"),
    [
        (LOOSE, {}, "missing_reason", PAGED),
        (LOOSE, {PAGED: Reason(reason=" ", review_on=date(2026, 9, 1))}, "missing_reason", PAGED),
        (LOOSE, {PAGED: Reason(reason="x" * 501, review_on=date(2026, 9, 1))}, "missing_reason", PAGED),
        (LOOSE, {PAGED: Reason(reason="r", review_on=date(2026, 3, 2))}, "wrong_value", PAGED),  # today
        (LOOSE, {PAGED: Reason(reason="r", review_on=date(2027, 3, 4))}, "wrong_value", PAGED),  # 367 days
        ({"tocilizumab.cap_mg": "700"}, {}, "missing_reason", "tocilizumab.cap_mg"),  # unknown direction: as looser
        ({"triage.fever": "37"}, {}, "unknown_key", "triage.fever"),
        ({"plausible.temperature_c.low": "20"}, {}, "unknown_key", "plausible.temperature_c.low"),
        ({FEVER: "warm"}, {}, "wrong_value", FEVER),
        ({FEVER: ""}, {}, "wrong_value", FEVER),
        ({FEVER: "NaN"}, {}, "wrong_value", FEVER),
        ({PAGED: "59.5"}, {}, "wrong_value", PAGED),
        ({FEVER: "37.0"}, {}, "wrong_value", "policy"),  # below the limit for measuring again
        ({PAGED: "29"}, {}, "wrong_value", "watch.phase.risk_window"),  # paged before called
        ({"ladder.RED-1.steps.1.wait_minutes": "0"}, {}, "wrong_value", "ladder.RED-1"),
        ({"triage.symptom.rash.ladder": "PINK"}, {}, "unknown_word", "triage.symptom.rash.ladder"),
        ({"watch.phase.step_up.times": " , "}, {}, "wrong_value", "watch.phase.step_up.times"),
        ({"watch.phase.step_up.times": "08:00, 25:00"}, {}, "wrong_value", "watch.phase.step_up.times"),
        ({FEVER: "38.0"}, {}, "nothing_changed", "values"),
        ({}, {}, "nothing_changed", "values"),
    ],
)
def test_what_is_no_proposal(house, lead, texts, reasons, code, path):
    assert refused(code, propose, house, lead, texts, reasons).path == path
    assert not PolicyProposal.objects.exists()


@pytest.mark.parametrize("review", [date(2026, 3, 3), date(2027, 3, 3)])
def test_the_day_of_review_lies_between_tomorrow_and_a_year(house, lead, review):
    propose(house, lead, reasons={PAGED: Reason(reason="r", review_on=review)})


@pytest.mark.parametrize(
    ("place", "text", "value"),
    [
        ("watch.phase.step_up.times", "08:00 12:00, 16:00 22:00", ("08:00", "12:00", "16:00", "22:00")),
        ("watch.phase.after_first_treatment.times", "08:00,20:00", ("08:00", "20:00")),
    ],
)
def test_check_times_are_a_list(house, lead, place, text, value):
    proposal = propose(house, lead, {place: text})
    assert load_policy(proposal.document).watch.named(place.split(".")[2]).times == value
    assert in_force(house.organisation.pk) == proposal


def test_the_same_proposal_again_is_refused_and_a_way_back_is_free(house, lead):
    propose(house, lead, TIGHT)
    refused("nothing_changed", propose, house, lead, TIGHT, now=LATER)
    back = propose(house, lead, {}, now=LATER)
    assert (back.number, in_force(house.organisation.pk)) == (2, back)


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "may"), [("director", True), ("pharmacist", False), ("nurse", False), ("viewer", False)]
)
def test_a_medical_lead_proposes(house, role, may):
    by = person(make_member(house.organisation, role, f"Synthetic {role}"))
    if may:
        assert propose(house, by, TIGHT)
    else:
        with pytest.raises(NotAllowedError):
            propose(house, by, TIGHT)


@pytest.mark.parametrize(("role", "may"), [("director", True), ("pharmacist", True), ("nurse", False), ("app", False)])
def test_a_pharmacist_or_another_medical_lead_approves(house, lead, role, may):
    proposal, by = propose(house, lead), person(make_member(house.organisation, role, f"Synthetic {role}"))
    if may:
        assert approve(proposal, by).adoptions.exists()
    else:
        with pytest.raises(NotAllowedError):
            approve(proposal, by)


def test_a_stranger_learns_nothing(house, lead):
    stranger = person(make_house("Elsewhere").oncologist)
    proposal = propose(house, lead)
    with pytest.raises(NotVisibleError):
        propose(house, stranger, TIGHT)
    for pk in (proposal.pk, uuid4()):
        with pytest.raises(NotVisibleError, match="no such policy"):
            approve_policy(pk, sha256=proposal.sha256, by=stranger)
    with pytest.raises(NotAllowedError):
        propose(house, service("job"), TIGHT)


# --- approving ------------------------------------------------------------------------------------------------------


def test_what_was_not_seen_is_not_signed(house, lead, second):
    proposal = propose(house, lead)
    with pytest.raises(ConflictError):
        approve(proposal, second, sha256="0" * 64)
    newer = propose(house, lead, {PAGED: "70"}, {PAGED: REASON}, now=LATER)
    refused("superseded", approve, proposal, second)
    approve(newer, second)
    approve(newer, second)  # the same Send again
    assert PolicyAdoption.objects.count() == 1


def test_a_shipped_policy_that_changed_is_compared_anew(house, lead, second):
    proposal = propose(house, lead)
    other = PolicyProposal.objects.create(
        organisation=house.organisation,
        number=2,
        base_sha256="0" * 64,
        sha256=proposal.sha256,
        document=proposal.document,
        proposed_by=house.oncologist,
    )
    refused("changed_since", approve, other, second)


def test_the_database_takes_no_departure_signed_by_its_proposer(house, lead):
    proposal = propose(house, lead)
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyAdoption.objects.create(
            organisation=house.organisation,
            proposal=proposal,
            sha256=proposal.sha256,
            departures=1,
            proposed_by=house.oncologist,
            by=house.oncologist,
        )


def test_who_has_left_the_organisation_approves_nothing(house, lead, second):
    proposal = propose(house, lead)
    Membership.objects.filter(user=second.user).update(valid_until=MONDAY_0900)
    with pytest.raises(NotVisibleError):
        approve(proposal, second)


# --- courses --------------------------------------------------------------------------------------------------------


def test_a_new_course_starts_with_the_policy_of_its_organisation_and_replays_elsewhere(house, lead):
    before = course_of(house)
    proposal = propose(house, lead, TIGHT)
    course = course_of(house)
    assert (course.policy_document, course.policy_sha256) == (proposal.document, proposal.sha256)
    assert before.policy_document is None
    file = course_from_json(json.loads(json.dumps(wire.course_file(course))))
    assert policy_for(History.build(file), LATER).ref.sha256 == proposal.sha256
    assert course_to_json(file)["policy"] == proposal.document
    assert course_of(make_house("Elsewhere")).policy_id == "default"
    assert course_of(house, policy="default").policy_id == "default"


def test_a_running_course_moves_by_an_event_only(house, lead):
    course = course_of(house, now=MONDAY_0900)
    proposal = propose(house, lead, TIGHT)
    assert wire.policy_of(course, LATER).ref.id == "default"
    assert list(not_on(proposal, [course], LATER)) == [course]
    moved = take_up_policy(course.pk, by=lead, now=LATER)
    assert (moved.event.kind, moved.event.payload["sha256"]) == ("policy_changed", proposal.sha256)
    assert str(wire.policy_of(course, LATER).triage.fever_c) == "37.9"
    assert wire.policy_of(course, MONDAY_0900).ref.id == "default"
    assert list(not_on(proposal, [course], LATER)) == []
    assert moved.assessment is not None and moved.assessment.to_json()["policy"]["id"] == "hub"


def test_a_lower_fever_limit_finds_a_fever_that_the_shipped_policy_does_not(house, lead):
    def told(course):
        body = event("checkin_received", at=LATER, temperature_c="37.9", antipyretic_last_6_h=False)
        return record_event(course.pk, body, by=lead, now=LATER).assessment.to_json()["triage"]["ladder"]

    shipped = told(course_of(house, now=MONDAY_0900))
    propose(house, lead, TIGHT)
    assert (shipped, told(course_of(house, now=MONDAY_0900))) == ("GREEN", "RED-4")


def feverish(house, lead):
    """A course whose policy finds a fever at 37.9, with the report of one; and the policy that does not, ready to be taken up."""
    propose(house, lead, TIGHT)
    course = course_of(house, now=MONDAY_0900)
    body = event("checkin_received", at=LATER, temperature_c="37.9", antipyretic_last_6_h=False)
    assert record_event(course.pk, body, by=lead, now=LATER).opened
    propose(house, lead, {FEVER: "38.0"}, now=LATER)
    return course


def open_alerts(course):
    return sorted(course.alerts.filter(closed_at=None).values_list("key", "ladder"))


def test_no_course_takes_up_a_policy_that_would_silence_a_red_report(house, lead):
    """Nobody has seen the patient: another limit is no answer to a fever, whether somebody has the page or not."""
    course = feverish(house, lead)
    before = open_alerts(course)
    assert [ladder for _, ladder in before] == ["RED-4"]
    refused("would_silence", take_up_policy, course.pk, by=lead, now=LATER + timedelta(minutes=1))
    assert open_alerts(course) == before
    assert str(wire.policy_of(course, LATER + timedelta(minutes=2)).triage.fever_c) == "37.9", "nothing of it is kept"
    acknowledge(course.alerts.get(closed_at=None).pk, by=person(house.on_call), now=LATER + timedelta(minutes=2))
    refused("would_silence", take_up_policy, course.pk, by=lead, now=LATER + timedelta(minutes=3))


def test_nor_is_the_policy_that_found_it_withdrawn(house, lead):
    course = course_of(house, now=MONDAY_0900)
    propose(house, lead, TIGHT)
    moved = take_up_policy(course.pk, by=lead, now=LATER)
    body = event("checkin_received", at=LATER, temperature_c="37.9", antipyretic_last_6_h=False)
    record_event(course.pk, body, by=lead, now=LATER)
    gone = event("fact_withdrawn", at=LATER, supersedes=str(moved.event.id), reason="the wrong course")
    refused("would_silence", record_event, course.pk, gone, by=lead, now=LATER + timedelta(minutes=1))
    assert [ladder for _, ladder in open_alerts(course)] == ["RED-4"]


def test_a_report_that_was_mistyped_may_be_withdrawn_while_its_page_is_open(house, lead):
    course = feverish(house, lead)
    told = course.events.get(kind="checkin_received")
    gone = event("fact_withdrawn", at=LATER, supersedes=str(told.id), reason="another patient's")
    record_event(course.pk, gone, by=lead, now=LATER + timedelta(minutes=1))
    assert open_alerts(course) == []
    assert take_up_policy(course.pk, by=lead, now=LATER + timedelta(minutes=2)).event.kind == "policy_changed"


def test_a_course_takes_up_no_policy_that_its_organisation_has_not_in_force(house, lead):
    course = course_of(house)
    proposal = propose(house, lead)  # nobody has approved it
    body = event(
        "policy_changed",
        at=LATER,
        policy_id="hub",
        version="1",
        sha256=proposal.sha256,
        document=proposal.document,
    )
    refused("not_signed", record_event, course.pk, body, by=lead, now=LATER)
    refused("no_policy", take_up_policy, course.pk, by=lead, now=LATER)
    with pytest.raises(NotVisibleError):
        take_up_policy(course.pk, by=person(make_house("Elsewhere").oncologist), now=LATER)
    with pytest.raises(NotAllowedError):
        take_up_policy(course.pk, by=person(house.nurse), now=LATER)


def test_nobody_is_asked_to_move_a_course_that_is_on_the_shipped_policy_when_none_is_in_force(house):
    assert list(not_on(None, [course_of(house)], LATER)) == []


# --- what was stored once -------------------------------------------------------------------------------------------


def test_a_policy_that_an_event_carried_once_still_loads():
    fact = event_from_json(json.loads(SAMPLE.read_text()), zone="UTC")
    policy = policies.load_policy(fact.body.document)
    assert policy.ref.sha256 == fact.body.sha256
    assert [row.place for row in policy.departures] == [PAGED]


def test_an_event_whose_policy_is_another_than_its_hash_says_is_refused(house, lead):
    course = course_of(house, now=MONDAY_0900)
    body = json.loads(SAMPLE.read_text()) | {"sha256": "0" * 64, "at": LATER.isoformat()}
    facts = [*wire.facts_of(course), event_from_json(body, zone="UTC")]
    with pytest.raises(ProtocolDataError) as refused_:
        policy_for(History.build(wire.header(course), facts), LATER)
    assert refused_.value.code == "other_policy"
