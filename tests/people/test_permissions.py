"""`may`: the owner, the helper, the stranger; roles; dates."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from handrail.people import permissions
from handrail.people.models import Membership, Role
from handrail.people.permissions import LENT, VERB_FOR_KIND, VERBS, may
from handrail.records.models import CourseAccess
from handrail.records.reach import courses_of
from handrail.rules.events import KINDS, SHELL_KINDS
from tests.support.factories import MONDAY_0900, World, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=1)


@pytest.fixture
def world():
    return World()


def test_the_owner_the_helper_and_the_stranger(world):
    course = world.course
    assert may(world.alice.nurse, "record_assessment", course, NOW)
    assert may(world.bob.nurse, "record_assessment", course, NOW)
    assert not any(may(world.charlie.oncologist, verb, course, NOW) for verb in VERBS)
    assert [list(courses_of(house.nurse, NOW)) for house in (world.alice, world.bob, world.charlie)] == [
        [course],
        [course],
        [],
    ]


def test_nobody_signed_in_may_nothing(world):
    assert not any(may(AnonymousUser(), verb, world.course, NOW) for verb in VERBS)
    assert not any(may(AnonymousUser(), verb, None, NOW) for verb in VERBS)


def test_somebody_inactive_may_nothing(world):
    course = world.course
    world.alice.nurse.is_active = False
    assert not any(may(world.alice.nurse, verb, course, NOW) for verb in VERBS)


def test_a_misspelt_verb_is_an_error_and_not_a_quiet_no(world):
    with pytest.raises(KeyError):
        may(world.alice.nurse, "record_dosse", world.course, NOW)


@pytest.mark.parametrize(
    ("role", "verb", "allowed"),
    [
        # role             | verb                 | allowed
        (Role.VIEWER, "view_course", True),
        (Role.VIEWER, "view_identity", False),
        (Role.VIEWER, "record_note", False),
        (Role.NURSE, "record_dose", True),
        (Role.NURSE, "record_assessment", True),
        (Role.NURSE, "decide", False),
        (Role.NURSE, "sign_departure", False),
        (Role.NURSE, "grant_access", False),
        (Role.PHARMACIST, "decide", True),
        (Role.PHARMACIST, "record_assessment", False),
        (Role.ON_CALL, "acknowledge", True),
        (Role.COORDINATOR, "acknowledge", False),
        (Role.COORDINATOR, "start_course", True),
        (Role.SITE_MANAGER, "manage_rota", True),
        (Role.SITE_MANAGER, "record_dose", False),
        (Role.DIRECTOR, "view_looks", True),
        (Role.DIRECTOR, "record_dose", False),
        (Role.DIRECTOR, "view_figures", True),
        (Role.SITE_MANAGER, "view_figures", True),
        (Role.NURSE, "view_figures", False),
        (Role.VIEWER, "view_figures", False),
        (Role.ONCOLOGIST, "move_accountability", True),
    ],
)
def test_roles_at_home(world, role, verb, allowed):
    user = make_member(world.alice.organisation, role)
    assert may(user, verb, world.course, NOW) is allowed


@pytest.mark.parametrize(
    ("purpose", "verb", "allowed"),
    [
        # purpose           | verb               | allowed
        ("co_management", "record_dose", True),
        ("co_management", "acknowledge", True),
        ("co_management", "grant_access", False),
        ("co_management", "view_looks", False),
        ("co_management", "view_figures", False),
        ("handoff", "view_course", True),
        ("handoff", "move_accountability", True),
        ("handoff", "record_dose", False),
        ("consult", "record_note", True),
        ("consult", "record_assessment", False),
        ("emergency", "record_medicine", True),
        ("emergency", "plan_dose", False),
    ],
)
def test_a_grant_lends_what_its_purpose_needs(world, purpose, verb, allowed):
    course = world.course
    course.accesses.update(purpose=purpose)
    assert may(world.bob.oncologist, verb, course, NOW) is allowed


def test_a_grant_never_lends_more_than_the_role_at_home(world):
    viewer = make_member(world.bob.organisation, Role.VIEWER)
    assert may(viewer, "view_course", world.course, NOW)
    assert not may(viewer, "record_dose", world.course, NOW)


@pytest.mark.parametrize(
    ("change", "at", "reached"),
    [
        ({}, timedelta(), True),
        ({}, timedelta(seconds=-1), False),
        ({"valid_until": MONDAY_0900 + timedelta(days=1)}, timedelta(days=1, seconds=-1), True),
        ({"valid_until": MONDAY_0900 + timedelta(days=1)}, timedelta(days=1), False),
        ({"revoked_at": MONDAY_0900}, timedelta(hours=1), False),
    ],
)
def test_a_grant_has_dates(world, change, at, reached):
    course = world.course
    course.accesses.update(**change)
    assert may(world.bob.nurse, "view_course", course, MONDAY_0900 + at) is reached
    assert courses_of(world.bob.nurse, MONDAY_0900 + at).exists() is reached


def test_a_grant_to_one_person_is_not_for_the_others(world):
    course = world.course
    course.accesses.update(person=world.bob.nurse)
    assert may(world.bob.nurse, "view_course", course, NOW)
    assert not may(world.bob.oncologist, "view_course", course, NOW)
    assert not courses_of(world.bob.oncologist, NOW).exists()


def test_a_membership_has_dates(world):
    course = world.course
    Membership.objects.filter(user=world.alice.nurse).update(valid_until=NOW)
    assert may(world.alice.nurse, "view_course", course, NOW - timedelta(seconds=1))
    assert not may(world.alice.nurse, "view_course", course, NOW)


def test_without_a_course_the_organisation_is_asked(world):
    assert may(world.alice.director, "manage_rota", None, NOW, organisation_id=world.alice.id)
    assert not may(world.alice.director, "manage_rota", None, NOW, organisation_id=world.bob.id)
    assert may(world.alice.director, "manage_rota", None, NOW)


def test_every_kind_of_event_that_a_person_writes_has_its_verb():
    assert set(VERB_FOR_KIND) == set(KINDS) - SHELL_KINDS
    assert set(VERB_FOR_KIND.values()) <= set(VERBS)


def test_every_purpose_lends_known_verbs_and_no_verb_lies_idle_for_everybody():
    assert set(LENT) == set(CourseAccess.Purpose.values)
    assert set().union(*LENT.values()) <= set(VERBS)
    assert all(roles for roles in VERBS.values())
    assert permissions.EVERYBODY - {Role.VIEWER} == permissions.STAFF
