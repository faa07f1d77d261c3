"""Granting and revoking access, moving accountability, breaking the glass, and the log of looks."""

from datetime import timedelta

import pytest

from handrail.actions.access import (
    BREAK_GLASS_LASTS,
    break_glass,
    grant_access,
    log_look,
    move_accountability,
    revoke_access,
)
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge, close_alert
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin, withdraw_event
from handrail.actions.links import issue_checkin_link
from handrail.alerts.duty import on_duty
from handrail.people.permissions import may
from handrail.records.accountability import accountable_for
from handrail.records.models import CourseAccess, Look
from tests.support.factories import MONDAY_0900, World, checkin, make_house, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def world():
    return World()


def director(house):
    return person(house.director)


# --- grants -----------------------------------------------------------------------------------------------------------


def test_a_grant_opens_the_course_and_its_end_closes_it(world):
    course = world.course
    access = grant_access(course.pk, world.charlie.organisation, purpose="consult", by=director(world.alice), now=NOW)
    assert may(world.charlie.nurse, "view_course", course, NOW)
    revoke_access(course.pk, access.pk, by=director(world.alice), now=NOW + timedelta(hours=1))
    assert not may(world.charlie.nurse, "view_course", course, NOW + timedelta(hours=1))
    assert CourseAccess.objects.filter(pk=access.pk).exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"purpose": "curiosity"}, "unknown_word"),
        ({"purpose": "break_glass"}, "unknown_word"),
        ({"valid_until": NOW}, "not_a_time"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(world, fields, code):
    arguments = {"purpose": "consult", "by": director(world.alice), "now": NOW, **fields}
    with pytest.raises(RefusedError) as refused:
        grant_access(world.course.pk, world.charlie.organisation, **arguments)
    assert refused.value.code == code


def test_the_owner_needs_no_grant_and_a_live_organisation_gets_none(world):
    for organisation, code in (
        (world.alice.organisation, "own_course"),
        (make_house("Live", mode="live").organisation, "demo_and_live"),
    ):
        with pytest.raises(RefusedError) as refused:
            grant_access(world.course.pk, organisation, purpose="consult", by=director(world.alice), now=NOW)
        assert refused.value.code == code


def test_who_may_grant(world):
    charlie = world.charlie.organisation
    with pytest.raises(NotAllowedError):
        grant_access(world.course.pk, charlie, purpose="consult", by=world.actor("alice"), now=NOW)
    with pytest.raises(NotAllowedError):
        grant_access(world.course.pk, charlie, purpose="consult", by=director(world.bob), now=NOW)
    with pytest.raises(NotVisibleError):
        grant_access(world.course.pk, charlie, purpose="consult", by=director(world.charlie), now=NOW)


# --- accountability ---------------------------------------------------------------------------------------------------


def move(world, **fields):
    arguments = {"accepted_by": world.bob.oncologist, "by": world.actor("alice", "oncologist"), "now": NOW, **fields}
    return move_accountability(world.course.pk, world.bob.organisation, **arguments)


def test_the_owner_answers_until_somebody_has_accepted(world):
    assert accountable_for(world.course, NOW).organisation == world.alice.organisation
    recorded = move(world, from_at=NOW + timedelta(hours=1))
    assert recorded.event.payload["to_party"] == str(world.bob.id)
    assert recorded.event.payload["accepted_by"] == str(world.bob.oncologist.pk)
    assert accountable_for(world.course, NOW + timedelta(minutes=59)).organisation == world.alice.organisation
    assert accountable_for(world.course, NOW + timedelta(hours=1)).organisation == world.bob.organisation


def test_the_pages_go_to_whoever_answers(world):
    sent = checkin(at=NOW + timedelta(hours=3), temperature_c="39.0")
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=NOW + timedelta(hours=3))
    alert = world.course.alerts.get()
    assert on_duty(alert, "first_on_call", NOW).user == world.alice.on_call
    move(world)
    assert on_duty(alert, "first_on_call", NOW).user == world.bob.on_call


def test_a_withdrawn_move_gives_it_back(world):
    recorded = move(world)
    withdraw_event(
        world.course.pk, recorded.event.id, reason="not agreed", by=world.actor("alice", "oncologist"), now=NOW
    )
    assert accountable_for(world.course, NOW).organisation == world.alice.organisation


@pytest.mark.parametrize("over", [{"valid_until": NOW + timedelta(hours=2)}, {"person": "nurse"}])
def test_whoever_reaches_the_course_no_more_does_not_answer_for_it(world, over):
    """The page would open for nobody there."""
    move(world)
    later = NOW + timedelta(hours=3)
    receive_checkin(world.course.pk, checkin(at=later, temperature_c="39.0"), by=world.actor("alice"), now=later)
    alert = world.course.alerts.get()
    assert on_duty(alert, "first_on_call", later).user == world.bob.on_call
    access = world.course.accesses.filter(purpose="co_management")
    access.update(**{name: world.bob.nurse if name == "person" else value for name, value in over.items()})
    assert not may(world.bob.on_call, "acknowledge", world.course, later)
    assert on_duty(alert, "first_on_call", later).user == world.alice.on_call


@pytest.mark.parametrize("who", ["director_of_alice", "nurse_of_bob", "oncologist_of_charlie"])
def test_only_a_clinician_of_the_other_side_can_accept(world, who):
    role, house = who.split("_of_")
    with pytest.raises(RefusedError) as refused:
        move(world, accepted_by=getattr(getattr(world, house), role))
    assert refused.value.code == "not_accepted"


def test_who_answers_keeps_access(world):
    move(world)
    with pytest.raises(RefusedError) as refused:
        revoke_access(world.course.pk, world.course.accesses.get().pk, by=director(world.alice), now=NOW)
    assert refused.value.code == "accountable"


def test_an_organisation_without_access_cannot_answer(world):
    for missing in ({"person": world.bob.oncologist}, {"revoked_at": MONDAY_0900}):
        world.course.accesses.update(**missing)  # one person of it is not the organisation
        with pytest.raises(RefusedError) as refused:
            move(world)
    assert refused.value.code == "no_access"


# --- the glass --------------------------------------------------------------------------------------------------------


def test_the_glass_opens_for_an_hour_is_logged_and_calls_the_director(world):
    course = world.course
    break_glass(world.charlie.nurse, course.pk, "in our emergency department", now=NOW)
    assert may(world.charlie.nurse, "view_identity", course, NOW)
    assert not may(world.charlie.nurse, "record_dose", course, NOW)
    assert not may(world.charlie.oncologist, "view_course", course, NOW)  # for this person only
    assert may(world.charlie.nurse, "view_course", course, NOW + BREAK_GLASS_LASTS - timedelta(seconds=1))
    assert not may(world.charlie.nurse, "view_course", course, NOW + BREAK_GLASS_LASTS)

    look = Look.objects.get(what="break_glass")
    assert (look.user, look.through, look.reason) == (
        world.charlie.nurse,
        "break_glass",
        "in our emergency department",
    )
    alert = course.alerts.get()
    assert [step["who"] for step in alert.steps] == ["director"]
    assert (alert.next_page_at, on_duty(alert, "director", NOW).user) == (NOW, world.alice.director)


def test_the_alarm_of_the_glass_outlives_the_next_answer_and_is_closed_by_hand(world):
    break_glass(world.charlie.nurse, world.course.pk, "emergency", now=NOW)
    quiet = receive_checkin(world.course.pk, checkin(at=NOW), by=world.actor("alice"), now=NOW)
    alert = world.course.alerts.get()
    assert alert.is_open
    assert "called" not in quiet.truth  # nobody is called for the patient because of it
    with pytest.raises(RefusedError, match="I have it"):
        close_alert(alert.pk, "looked into it", by=director(world.alice), now=NOW)
    acknowledge(alert.pk, by=director(world.alice), now=NOW)
    with pytest.raises(RefusedError, match="reason"):
        close_alert(alert.pk, " ", by=director(world.alice), now=NOW)
    assert not close_alert(alert.pk, "looked into it", by=director(world.alice), now=NOW).is_open


def test_the_glass_needs_a_reason_a_clinician_and_the_same_kind_of_organisation(world):
    course = world.course
    with pytest.raises(RefusedError, match="reason"):
        break_glass(world.charlie.nurse, course.pk, "  ", now=NOW)
    with pytest.raises(NotAllowedError):
        break_glass(make_member(world.charlie.organisation, "coordinator"), course.pk, "curious", now=NOW)
    with pytest.raises(NotVisibleError):
        break_glass(make_house("Live", mode="live").nurse, course.pk, "emergency", now=NOW)
    assert not CourseAccess.objects.filter(purpose="break_glass").exists()


# --- looks ------------------------------------------------------------------------------------------------------------


def test_every_look_is_written_down_with_the_way_it_took(world):
    course = world.course
    log_look(course, "course", user=world.alice.nurse, now=NOW)
    log_look(course, "course", user=world.bob.nurse, now=NOW)
    link = issue_checkin_link(course.pk, by=world.actor("alice"), now=NOW).link
    log_look(course, "checkin", link=link, now=NOW)
    assert sorted(Look.objects.values_list("through", flat=True)) == ["co_management", "link", "membership"]
    with pytest.raises(NotVisibleError):
        log_look(course, "course", user=world.charlie.nurse, now=NOW)
    with pytest.raises(NotVisibleError):
        log_look(course, "course", now=NOW)
