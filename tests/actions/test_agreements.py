"""Proposing, signing, putting in force and ending an agreement; and who answers for a course by it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from handrail.actions.access import grant_access, move_accountability, revoke_access
from handrail.actions.actor import person, service
from handrail.actions.agreements import activate, end, propose, sign
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.truth import number_to_call
from handrail.actions.upkeep import reassess, verify_cache
from handrail.alerts.duty import on_duty
from handrail.people import agreements
from handrail.people.models import Agreement, AgreementSignature, Membership, Step
from handrail.people.scope import everything
from handrail.records.accountability import accountable_for, responsible_for
from handrail.records.models import Course
from handrail.rules.responsibility import DUTIES, canonical
from tests.support.agreements import NIGHTS, agreed_between, document_for
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_house, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)
"""Monday 2 March 2026, 11:00 in Chicago."""
NIGHT = MONDAY_0900 + timedelta(hours=11)
DOUBLE = {"after_hours_contact": ({"party": "hub"}, NIGHTS[2])}
"""The hub always, and the community on its clinic days."""


@pytest.fixture
def world():
    return World()


def proposed(world, **fields) -> Agreement:
    return agreed_between(world.alice, world.bob, in_force=False, now=NOW, **fields)


def refused(call, *arguments, **fields) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        call(*arguments, **fields)
    return error.value


def draft(world, **fields) -> Agreement:
    body = document_for(world.alice, world.bob, **fields)
    return propose(world.alice.id, body, by=person(world.alice.director), now=NOW)


def test_the_steps_of_the_rota_are_those_of_the_matrix():
    """All but one: who is referred is nobody's patient yet, so no agreement shares that out."""
    assert set(DUTIES) == set(Step.values) - {Step.INTAKE.value}


# --- proposing ----------------------------------------------------------------------------------------------------------


def test_versions_count_up_and_the_same_again_is_refused(world):
    assert draft(world).number == 1
    assert refused(draft, world).code == "nothing_new"
    assert draft(world, valid_until="2027-06-30").number == 2
    charlie = document_for(world.alice, world.charlie)
    assert propose(world.alice.id, charlie, by=person(world.alice.director), now=NOW).number == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body, world: body.update(time_zone="Nowhere/Land"), "unknown_zone"),
        (lambda body, world: body["party"][1].update(organisation=str(uuid4())), "unknown_party"),
        (lambda body, world: body["party"][1].update(organisation="Prairie"), "unknown_party"),
        (lambda body, world: body["party"][1].update(organisation=str(world.alice.id), sites=[]), "same_party"),
        (lambda body, world: body["party"][1].update(sites=[world.alice.site.code]), "unknown_site"),
        (lambda body, world: body["party"][0].update(organisation=str(world.charlie.id), sites=[]), "not_owner"),
    ],
)
def test_what_cannot_be_proposed(world, change, code):
    body = document_for(world.alice, world.bob)
    change(body, world)
    assert refused(propose, world.alice.id, body, by=person(world.alice.director), now=NOW).code == code


def test_a_demonstration_agrees_with_no_live_organisation(world):
    live = make_house("Live", mode="live")
    body = document_for(world.alice, live)
    assert refused(propose, world.alice.id, body, by=person(world.alice.director), now=NOW).code == "demo_and_live"


def test_the_other_side_signs_and_does_not_propose(world):
    draft(world)
    body = document_for(world.bob, world.alice)
    assert refused(propose, world.bob.id, body, by=person(world.bob.director), now=NOW).code == "not_owner"


def test_who_may_propose(world):
    body = document_for(world.alice, world.bob)
    with pytest.raises(NotAllowedError):
        propose(world.alice.id, body, by=person(world.alice.nurse), now=NOW)
    for actor in (person(world.bob.director), person(world.charlie.director)):
        with pytest.raises(NotVisibleError):
            propose(world.alice.id, body, by=actor, now=NOW)
    with pytest.raises(NotAllowedError):
        propose(world.alice.id, body, by=service("import"), now=NOW)


# --- signing -------------------------------------------------------------------------------------------------------------


def test_a_named_person_of_each_signs_the_content_they_saw(world):
    row = draft(world)
    with pytest.raises(ConflictError):
        sign(row.pk, sha256="0" * 64, by=person(world.bob.director), now=NOW)
    sign(row.pk, sha256=row.sha256, by=person(world.bob.director), now=NOW)
    assert refused(activate, row.pk, by=person(world.alice.director), now=NOW).code == "not_signed"
    version = sign(row.pk, sha256=row.sha256, by=person(world.alice.oncologist), now=NOW)
    with everything():
        marks = [(mark.party_id, mark.by, mark.role, mark.sha256) for mark in AgreementSignature.objects.order_by("at")]
    assert sorted(marks, key=str) == sorted(
        [
            (world.bob.id, world.bob.director, "director", row.sha256),
            (world.alice.id, world.alice.oncologist, "oncologist", row.sha256),
        ],
        key=str,
    )
    assert version.unsigned == ()


def test_the_same_send_again_changes_nothing_and_a_second_person_is_told(world):
    row = draft(world)
    for _ in range(2):
        sign(row.pk, sha256=row.sha256, by=person(world.bob.director), now=NOW)
    with everything():
        assert AgreementSignature.objects.count() == 1
    again = refused(sign, row.pk, sha256=row.sha256, by=person(world.bob.oncologist), now=NOW)
    assert again.code == "signed_already"


def test_one_person_does_not_sign_for_both(world):
    both = world.alice.director
    Membership.objects.create(organisation=world.bob.organisation, user=both, role="director", valid_from=MONDAY_0900)
    row = draft(world)
    sign(row.pk, sha256=row.sha256, by=person(both), now=NOW)
    sign(row.pk, sha256=row.sha256, by=person(both), now=NOW)
    with everything():
        assert AgreementSignature.objects.count() == 1


def test_whatever_is_changed_is_signed_by_nobody(world):
    proposed(world)
    changed = draft(world, valid_until="2027-06-30")
    with everything():
        assert set(agreements.version_of(changed).unsigned) == {world.alice.id, world.bob.id}
    first = Agreement.objects.get(number=1)
    assert refused(activate, first.pk, by=person(world.alice.director), now=NOW).code == "superseded"


def test_a_stranger_learns_nothing(world):
    row = draft(world)
    for verb, fields in ((sign, {"sha256": row.sha256}), (activate, {}), (end, {"why": "x"})):
        with pytest.raises(NotVisibleError):
            verb(row.pk, **fields, by=person(world.charlie.director), now=NOW)
        with pytest.raises(NotAllowedError):
            verb(row.pk, **fields, by=person(world.bob.nurse), now=NOW)


# --- in force -------------------------------------------------------------------------------------------------------------


def test_a_double_owner_is_refused_with_the_hours_named(world):
    row = proposed(world, tasks=DOUBLE)
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    names = f"{world.alice.organisation.name} and {world.bob.organisation.name}"
    assert error.code == "holes"
    assert error.message.startswith(
        f"Not put in force: {names} both answer for After-hours contact in the window: Mon 2 Mar 2026 11:00 CST to Mon 2 Mar 2026 17:00 CST; "
    )
    assert error.message.endswith("Fri 6 Mar 2026 08:00 CST to Fri 6 Mar 2026 17:00 CST; and 6 more.")
    with everything():
        assert agreements.version_of(row).activated is None


def test_a_gap_is_refused_with_the_hours_named(world):
    row = proposed(world, tasks={"after_hours_contact": NIGHTS[1:]})
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    assert (
        "nobody answers for After-hours contact in the window: Mon 2 Mar 2026 17:00 CST to Tue 3 Mar 2026 08:00 CST"
        in error.message
    )


def test_an_agreement_that_runs_out_in_two_weeks_is_refused(world):
    row = proposed(world, valid_until="2026-03-10")
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    assert (
        error.message
        == "Not put in force: no agreement is in force: Wed 11 Mar 2026 00:00 CDT to Mon 16 Mar 2026 12:00 CDT."
    )


def test_the_next_version_follows_the_one_that_ends(world):
    agreed_between(world.alice, world.bob, now=NOW, valid_until="2026-03-31")
    agreed_between(
        world.alice, world.bob, now=NOW, valid_from="2026-04-01", tasks={"incidents": ({"party": "community"},)}
    )
    with everything():
        pair = agreements.of_pair(world.alice.id, world.bob.id)
    march, april = datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert [agreements.in_force(pair, at).row.number for at in (march, april)] == [1, 2]
    late = proposed(world, valid_from="2026-03-05", valid_until="2026-04-30")
    activate(late.pk, by=person(world.bob.director), now=NOW)


def test_a_new_version_that_leaves_days_open_before_it_is_refused_when_nothing_covers_them(world):
    agreed_between(world.alice, world.bob, now=NOW, valid_until="2026-03-17")
    row = proposed(world, valid_from="2026-03-09", tasks=DOUBLE)
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    assert (
        "both answer for After-hours contact in the window: Mon 9 Mar 2026 08:00 CDT to Mon 9 Mar 2026 17:00 CDT"
        in error.message
    )


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (DOUBLE, "both answer for After-hours contact in the window: Thu 1 Oct 2026 08:00 CDT"),
        (
            {"after_hours_contact": NIGHTS[1:]},
            "nobody answers for After-hours contact in the window: Thu 1 Oct 2026 00:00",
        ),
    ],
)
def test_a_version_that_begins_in_half_a_year_is_looked_at_from_its_first_day_on(world, tasks, words):
    """What is in force until then covers the two weeks to come, and says nothing of the version that is signed."""
    agreed_between(world.alice, world.bob, now=NOW)
    row = proposed(world, valid_from="2026-10-01", tasks=tasks)
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    assert (error.code, words in error.message) == ("holes", True)


def test_days_without_any_agreement_before_a_version_that_begins_later_are_refused(world):
    agreed_between(world.alice, world.bob, now=NOW, valid_until="2026-08-31")
    row = proposed(world, valid_from="2026-10-01")
    error = refused(activate, row.pk, by=person(world.alice.director), now=NOW)
    assert "no agreement is in force: Tue 1 Sep 2026 00:00 CDT to Thu 1 Oct 2026 00:00 CDT" in error.message


def test_ending_a_version_brings_none_back_that_it_had_replaced(world):
    """ "Whoever is responsible answers for everything" is what the person who ends it reads."""
    agreed_between(world.alice, world.bob, now=NOW, tasks={"candidacy": ({"party": "community"},)})
    assert accountable_for(world.course, NOW, "candidacy").organisation == world.bob.organisation
    second = agreed_between(world.alice, world.bob, now=NOW, valid_from="2026-03-01")
    later = NOW + timedelta(hours=1)
    end(second.pk, why="we part", by=person(world.bob.director), now=later)
    found = accountable_for(world.course, later, "candidacy")
    assert (found.organisation, found.answer.agreement) == (world.alice.organisation, None)
    assert "have no agreement now" in (found.answer.trouble or "")
    with everything():
        pair = agreements.of_pair(world.alice.id, world.bob.id)
    assert "no agreement is in force" in agreements.holes_of_pair(pair, later, "UTC")[0].words
    third = agreed_between(world.alice, world.bob, now=later, valid_until="2027-06-30")
    assert accountable_for(world.course, later, "candidacy").answer.agreement == str(third.pk)


def test_withdrawing_a_version_that_has_not_begun_leaves_the_one_in_force(world):
    first = agreed_between(world.alice, world.bob, now=NOW)
    second = agreed_between(world.alice, world.bob, now=NOW, valid_from="2026-04-01")
    end(second.pk, why="not so", by=person(world.bob.director), now=NOW)
    assert accountable_for(world.course, NOW + timedelta(days=60), "candidacy").answer.agreement == str(first.pk)


def test_ending_needs_a_reason_and_either_side_may(world):
    row = agreed_between(world.alice, world.bob, now=NOW)
    assert refused(end, row.pk, why=" ", by=person(world.bob.director), now=NOW).code == "missing_key"
    end(row.pk, why="we part", by=person(world.bob.director), now=NOW)
    assert refused(end, row.pk, why="again", by=person(world.bob.director), now=NOW).code == "ended"
    assert refused(activate, row.pk, by=person(world.bob.director), now=NOW).code == "ended"


def test_a_practice_alone_signs_alone(world):
    row = agreed_between(world.alice, None, now=NOW)
    with everything():
        version = agreements.version_of(row)
    assert (version.parties, version.unsigned) == ((world.alice.id,), ())


# --- used ------------------------------------------------------------------------------------------------------------------


def test_nobody_has_agreed_so_the_owner_answers_and_it_is_a_finding(world):
    course = world.course
    answer = accountable_for(course, NOW).answer
    said = (
        f"{world.alice.organisation.name} and {world.bob.organisation.name} have no agreement now: "
        f"{world.alice.organisation.name} answers for everything"
    )
    assert answer.trouble == said
    settled = reassess(course.pk, now=NOW)
    assert said in [finding.what for finding in settled.assessment.findings]
    assert settled.assessment.accountable == str(world.alice.id)
    agreed_between(world.alice, world.bob, now=NOW)
    settled = reassess(course.pk, now=NOW + timedelta(minutes=1))
    assert "accountability" not in [finding.rule for finding in settled.assessment.findings]


def fever_at(world, at):
    receive_checkin(world.course.pk, checkin(at=at, temperature_c="39.0"), by=world.actor("alice"), now=at)
    return world.course.alerts.get(closed_at__isnull=True)


def test_the_page_goes_to_whoever_the_agreement_names_at_that_hour(world):
    agreed_between(world.alice, world.bob, tasks=dict.fromkeys(("emergency_until_ed", "gate_and_dose"), NIGHTS))
    alert = fever_at(world, NOW)
    alert.course.refresh_from_db()
    assert on_duty(alert, "first_on_call", NOW).user == world.bob.on_call
    assert on_duty(alert, "first_on_call", NIGHT).user == world.alice.on_call
    sunday_0200 = datetime(2026, 3, 8, 8, 0, tzinfo=UTC)
    assert accountable_for(world.course, sunday_0200, "emergency_until_ed").organisation == world.alice.organisation
    tuesday_noon = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
    assert accountable_for(world.course, tuesday_noon, "emergency_until_ed").organisation == world.bob.organisation


def test_the_page_the_assessment_and_the_number_agree(world):
    agreed_between(world.alice, world.bob, tasks=dict.fromkeys(("candidacy", "emergency_until_ed"), NIGHTS))
    course = world.course
    for at, house, number in ((NOW, world.bob, "555-0120"), (NIGHT, world.alice, "555-0100")):
        answer = reassess(course.pk, now=at).assessment
        course.refresh_from_db()
        found = accountable_for(course, at)
        assert found.organisation == house.organisation
        assert answer.accountable == str(house.id)
        assert number_to_call(course, at) == number


@pytest.mark.parametrize("accepted", [False, True], ids=["never accepted", "accepted and gave back"])
def test_while_a_window_lasts_the_site_that_gave_the_dose_answers_if_it_had_accepted(world, accepted):
    agreed_between(world.alice, world.bob)
    course = world.course
    if accepted:
        there = {"accepted_by": world.bob.oncologist, "by": world.actor("alice", "oncologist"), "now": NOW}
        move_accountability(course.pk, world.bob.organisation, **there)
    given = dose("step_up_1", mg="4.8", at=NOW, site=world.bob.site.code)
    record_event(course.pk, given, by=world.actor("bob"), now=NOW)
    if accepted:
        later = NOW + timedelta(hours=1)
        back = {"accepted_by": world.alice.oncologist, "by": world.actor("alice", "oncologist"), "now": later}
        move_accountability(course.pk, world.alice.organisation, **back)
    course.refresh_from_db()
    house = world.bob if accepted else world.alice
    assert accountable_for(course, NIGHT).organisation == house.organisation
    assert accountable_for(course, NIGHT).answer.task == "after_hours_contact"
    assert responsible_for(course, NIGHT) == world.alice.id
    assert accountable_for(course, NOW + timedelta(days=20)).organisation == world.alice.organisation


def test_the_answer_changes_by_itself_and_the_watcher_is_told_when(world):
    agreed_between(world.alice, world.bob, tasks={"candidacy": NIGHTS})
    settled = reassess(world.course.pk, now=NOW)
    assert settled.assessment.look_again_at == datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # 17:00 in Chicago


def test_a_change_of_an_agreement_or_of_access_has_the_courses_looked_at(world):
    course = world.course
    for change in (
        lambda: agreed_between(world.alice, world.bob, now=NOW),
        lambda: end(Agreement.objects.get().pk, why="over", by=person(world.alice.director), now=NOW),
        lambda: grant_access(
            course.pk, world.charlie.organisation, purpose="consult", by=person(world.alice.director), now=NOW
        ),
        lambda: revoke_access(
            course.pk, course.accesses.get(purpose="consult").pk, by=person(world.alice.director), now=NOW
        ),
    ):
        Course.objects.update(look_again_at=None)
        with everything():
            change()
        assert Course.objects.get(pk=course.pk).look_again_at == NOW


def test_what_is_stored_is_what_the_record_says_also_later(world):
    agreed_between(world.alice, world.bob, now=NOW, tasks={"candidacy": NIGHTS})
    with everything():
        reassess(world.course.pk, now=NOW + timedelta(minutes=1))
        end(Agreement.objects.get().pk, why="over", by=person(world.alice.director), now=NIGHT)
    assert list(verify_cache()) == []


# --- the move ------------------------------------------------------------------------------------------------------------


def move_of(world, **fields):
    body = {"to_party": str(world.bob.id), "accepted_by": str(world.bob.oncologist.pk), **fields}
    return {name: value for name, value in event("accountability_moved", at=NOW, **body).items() if value is not None}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"accepted_by": None}, "not_accepted"),
        ({"accepted_by": "Dr. Somebody"}, "not_accepted"),
        ({"accepted_by": str(uuid4())}, "not_accepted"),
        ({"to_party": "prairie"}, "unknown_party"),
        ({"to_party": None}, "unknown_party"),
        ({"from_at": (NOW - timedelta(minutes=1)).isoformat()}, "in_the_past"),
    ],
)
def test_no_way_of_recording_moves_it_without_an_accepting_person(world, fields, code):
    oncologist = world.actor("alice", "oncologist")
    error = refused(record_event, world.course.pk, move_of(world, **fields), by=oncologist, now=NOW)
    assert error.code == code
    assert responsible_for(world.course, NOW) == world.alice.id


def test_the_sender_cannot_accept_for_the_receiver(world):
    own = move_of(world, accepted_by=str(world.alice.oncologist.pk))
    error = refused(record_event, world.course.pk, own, by=world.actor("alice", "oncologist"), now=NOW)
    assert error.code == "not_accepted"
    nurse = move_of(world, accepted_by=str(make_member(world.bob.organisation, "nurse").pk))
    assert refused(record_event, world.course.pk, nurse, by=world.actor("alice", "oncologist"), now=NOW).code == (
        "not_accepted"
    )


def test_history_before_the_move_stays_with_the_sender(world):
    agreed_between(world.alice, world.bob)
    later = NOW + timedelta(days=1)
    move_accountability(
        world.course.pk,
        world.bob.organisation,
        accepted_by=world.bob.oncologist,
        by=world.actor("alice", "oncologist"),
        now=later,
    )
    task = "maintenance_doses"
    before, after = (
        accountable_for(world.course, later - timedelta(seconds=1), task),
        accountable_for(world.course, later, task),
    )
    assert (before.organisation, after.organisation) == (world.alice.organisation, world.bob.organisation)
    assert after.since == later


def test_the_content_is_kept_to_the_letter(world):
    row = draft(world)
    with everything():
        kept = Agreement.objects.get(pk=row.pk)
    assert canonical(kept.document) == canonical(document_for(world.alice, world.bob))
