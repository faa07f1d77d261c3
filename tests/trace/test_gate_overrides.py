"""Ways round the override of a line that must not be there: it is for one dose, for what was signed, by two who may still sign it."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.gate_overrides import countersign, sign_override
from handrail.people.models import Membership
from handrail.people.scope import everything
from handrail.records.models import Course, CourseAccess, GateSignature
from handrail.rules.readiness import LineState
from tests.support.courses import instant
from tests.support.factories import World, event, make_member
from tests.support.gate_world import NOW, far_away, line, ready_course
from tests.support.gates import AT_DOSE, DOSE_ON, prepared

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)
REASON = "her sister drives"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def prescribed(world: World, course: Course, name: str = "travel", house: str = "alice") -> GateSignature:
    return sign_override(course.pk, name, reason=REASON, by=world.actor(house, "oncologist"), now=NOW)


def signed(world: World, course: Course, name: str = "travel") -> None:
    """Both have signed, and it counts."""
    countersign(course.pk, prescribed(world, course, name).pk, by=world.actor("alice", "nurse"), now=NOW)
    assert line(course, name).override is not None


def record(world: World, course: Course, kind: str, at: Any = LATER, **fields: Any) -> None:
    record_event(course.pk, event(kind, at=at, **fields), by=world.actor("alice", "oncologist"), now=at)


def way(world: World, course: Course, minutes: int) -> None:
    worst = [{"months": list(range(1, 13)), "minutes": minutes}]
    record(world, course, "travel_noted", worst=worst, as_of=DOSE_ON)


def ends(user: Any) -> None:
    with everything():
        Membership.objects.filter(user=user).update(valid_until=NOW + timedelta(minutes=1))


def test_one_person_with_two_roles_is_not_two_persons(world):
    course = far_away(world)
    Membership.objects.create(
        organisation=world.alice.organisation, user=world.alice.oncologist, role="nurse", valid_from=NOW
    )
    with pytest.raises(RefusedError, match="Two different persons"):
        countersign(course.pk, prescribed(world, course).pk, by=world.actor("alice", "oncologist"), now=NOW)
    assert line(course, "travel").override is None


def test_two_accounts_of_one_name_are_not_two_persons(world):
    course = far_away(world)
    twin = make_member(world.alice.organisation, "nurse")
    twin.name = world.alice.oncologist.name.upper().replace(" ", "  ")
    twin.save()
    first = prescribed(world, course)
    with pytest.raises(RefusedError, match="Two different persons"):
        countersign(course.pk, first.pk, by=person(twin), now=NOW)
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    assert line(course, "travel").override is not None
    world.alice.nurse.name = twin.name
    world.alice.nurse.save()
    assert line(course, "travel").override is None


def test_nobody_signs_under_the_signature_of_a_prescriber_who_has_left(world):
    course = far_away(world)
    first = prescribed(world, course)
    ends(world.alice.oncologist)
    with pytest.raises(RefusedError, match="may not sign any more"):
        countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=LATER)


@pytest.mark.parametrize("role", ["oncologist", "nurse"])
def test_a_signature_ends_with_the_role_of_whoever_signed(world, role):
    course = far_away(world)
    signed(world, course)
    ends(getattr(world.alice, role))
    assert line(course, "travel", "2026-03-02 10:05").override is None
    with pytest.raises((RefusedError, NotVisibleError, NotAllowedError)):
        sign_override(course.pk, "travel", reason=REASON, by=world.actor("alice", role), now=LATER)


def test_a_person_who_is_switched_off_has_signed_nothing_any_more(world):
    course = far_away(world)
    signed(world, course)
    world.alice.nurse.is_active = False
    world.alice.nurse.save()
    assert line(course, "travel").override is None


def test_what_was_signed_the_day_before_counts_at_the_dose_while_the_line_says_the_same(world):
    course = far_away(world)
    signed(world, course)
    assert line(course, "travel", AT_DOSE).override is not None
    way(world, course, 120)
    found = line(course, "travel", AT_DOSE)
    assert (found.state, found.override) == (LineState.RED, None)
    assert "120" in found.because


def test_a_count_that_fell_further_is_not_what_two_persons_signed(world):
    told = prepared()
    told.tell("lab_resulted", "2026-03-02 09:30", code="platelets", value="20", unit="10*9/L")
    course = ready_course(world, told)
    signed(world, course, "counts")
    record(world, course, "lab_resulted", code="platelets", value="2", unit="10*9/L")
    assert line(course, "counts", "2026-03-02 10:05").override is None


def test_what_was_not_known_the_day_before_is_signed_anew_at_the_dose(world, client):
    course = ready_course(world, prepared(without=("call",)))
    assert line(course, "home").state is LineState.NOT_KNOWN
    signed(world, course, "home")
    assert line(course, "home", f"{DOSE_ON} 04:59").override is not None
    assert line(course, "home", f"{DOSE_ON} 05:00").override is None
    with clock.use(clock.FrozenClock(instant(AT_DOSE))):
        client.force_login(world.alice.oncologist)
        assert (
            reverse("sign_gate", args=[course.pk, "home"])
            in client.get(reverse("gate", args=[course.pk])).content.decode()
        )
    at = instant(AT_DOSE)
    first = sign_override(course.pk, "home", reason=REASON, by=world.actor("alice", "oncologist"), now=at)
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=at)
    assert line(course, "home", AT_DOSE).override is not None


def test_a_first_signature_of_the_day_before_is_not_completed_at_the_dose_where_the_line_is_not_known(world):
    course = ready_course(world, prepared(without=("call",)))
    first = prescribed(world, course, "home")
    with pytest.raises(RefusedError, match="Look at the gate again"):
        countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=instant(AT_DOSE))


def test_facts_that_changed_between_the_two_signatures_stop_the_second(world):
    course = far_away(world)
    first = prescribed(world, course)
    way(world, course, 120)
    with pytest.raises(RefusedError, match="says something else by now"):
        countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=LATER)


@pytest.mark.parametrize("again", [{"on": "2026-03-04"}, {"on": DOSE_ON}, {"on": DOSE_ON, "setting": "inpatient"}])
def test_an_override_is_for_the_dose_as_it_was_planned(world, again):
    course = ready_course(world, prepared(without=("counts",)))
    signed(world, course, "counts")
    record(world, course, "dose_planned", step="step_up_1", **{"setting": "outpatient", **again})
    assert line(course, "counts", "2026-03-02 10:05").override is None


def test_an_override_is_not_for_the_dose_that_comes_after(world):
    told = prepared(without=("counts",))
    course = ready_course(world, told)
    signed(world, course, "counts")
    given = instant(f"{DOSE_ON} 09:00")
    times = {"started_at": given.isoformat(), "ended_at": given.isoformat()}
    record(world, course, "dose_given", given, step="step_up_1", dose_mg="12", route="subcutaneous", **times)
    found = line(course, "counts", f"{DOSE_ON} 10:00")
    assert (found.state, found.override) == (LineState.NOT_KNOWN, None)


def test_a_line_that_nobody_overrides_by_now_is_not_overridden_by_what_was_signed_before(world):
    told = prepared()
    told.tell("dose_planned", "2026-03-02 09:30", step="step_up_2", on=DOSE_ON, setting="outpatient")
    course = ready_course(world, told)
    assert line(course, "order").state is LineState.RED
    signed(world, course, "order")
    with everything():
        course.patient.birth_date_text = ""
        course.patient.save()
    found = line(course, "order")
    assert (found.override, "the day of birth" in found.barred) == (None, True)


def grant(world: World, course: Course, purpose: str) -> CourseAccess:
    return grant_access(
        course.pk, world.bob.organisation, purpose=purpose, by=world.actor("alice", "oncologist"), now=NOW
    )


@pytest.mark.parametrize("purpose", ["consult", "handoff", "emergency"])
def test_who_only_looks_along_at_another_organisation_signs_nothing(world, purpose):
    course = far_away(world)
    first = prescribed(world, course)
    for refused in (NotVisibleError, NotAllowedError):  # a stranger; then somebody who looks along
        with pytest.raises(refused):
            countersign(course.pk, first.pk, by=world.actor("bob", "nurse"), now=NOW)
        with pytest.raises(refused):
            prescribed(world, course, house="bob")
        if refused is NotVisibleError:
            grant(world, course, purpose)


def test_a_signature_of_another_organisation_ends_with_its_access(world):
    course = far_away(world)
    access = grant(world, course, "co_management")
    countersign(course.pk, prescribed(world, course).pk, by=world.actor("bob", "nurse"), now=NOW)
    assert line(course, "travel").override is not None
    with everything():
        CourseAccess.objects.filter(pk=access.pk).update(revoked_at=LATER)
        assert line(course, "travel").override is None


def test_access_of_one_person_does_not_keep_the_signature_of_another(world):
    course = far_away(world)
    grant(world, course, "co_management")
    countersign(course.pk, prescribed(world, course).pk, by=world.actor("bob", "nurse"), now=NOW)
    other = make_member(world.bob.organisation, "nurse")
    with everything():
        CourseAccess.objects.filter(course=course).update(person=other)
    assert line(course, "travel").override is None


def test_the_chair_list_calls_no_dose_overridden_of_which_it_did_not_ask_every_line(world, client):
    told = prepared()
    told.tell("vitals_measured", f"{DOSE_ON} 07:30", temperature_c="36.6")
    told.tell("condition_noted", f"{DOSE_ON} 07:30", what="infection", active=False)
    worst = [{"months": list(range(1, 13)), "minutes": 95}]
    told.tell("travel_noted", "2026-03-02 09:00", worst=worst, as_of=DOSE_ON)
    course = ready_course(world, told)
    signed(world, course)
    client.force_login(world.alice.nurse)
    with clock.use(clock.FrozenClock(instant(AT_DOSE))):
        text = unescape(client.get(reverse("today"), {"site": str(world.alice.site.pk)}).content.decode())
    assert "Not ready" in text
    assert "given under override (" not in text
