"""What a course begun from a referral knows of the time before it: earlier treatment, and whether doses were given."""

import pytest

from handrail import clock
from handrail.actions import referrals
from handrail.actions.actor import person
from handrail.actions.courses import say_given_before
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import Recorded
from handrail.actions.referral_courses import start_from_referral
from handrail.actions.referrals import Decision
from handrail.people.scope import everything
from handrail.records import wire
from handrail.rules.gate_evidence import treated_before
from tests.support.factories import MONDAY_0900, World
from tests.support.referrals import INTAKE, MESSAGE, RATIONALE, referred

pytestmark = pytest.mark.django_db
DECISION = Decision(option="bispecific", rationale=RATIONALE, message=MESSAGE, considerations=("caregiver",))


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def begin(world: World, **fields: object) -> Recorded:
    oncologist = person(world.alice.oncologist)
    kept = referred(world.alice)
    referrals.decide(kept.pk, DECISION, by=oncologist)
    named = {"protocol_key": "elranatamab/US/2025-07", "record_number": "MRN 78"}
    return start_from_referral(kept.pk, by=oncologist, **{**named, **fields})


def test_what_the_practice_told_of_earlier_treatment_stands_in_the_course(world):
    course = begin(world).event.course
    with everything():
        before = treated_before(wire.history_of(course, clock.now())[0])
    assert before == INTAKE.before


@pytest.mark.parametrize(("nothing_given", "words"), [(True, None), (False, "not on record"), (None, "is not known")])
def test_a_first_dose_is_named_only_when_nothing_was_given_before(world, nothing_given, words):
    course = begin(world, nothing_given=nothing_given).event.course
    with everything():
        course.refresh_from_db()
    dose = course.assessment["next_dose"]
    assert (dose["step"] or (dose["would_be"] or {}).get("step")) == ("step_up_1" if words is None else None)
    assert words is None or words in dose["because"]


def test_it_can_be_said_later_by_who_starts_courses_and_with_a_source(world):
    course = begin(world).event.course
    oncologist = person(world.alice.oncologist)
    with pytest.raises(RefusedError, match="from where you know it"):
        say_given_before(course.pk, nothing_given=True, reason=" ", by=oncologist)
    with pytest.raises(NotAllowedError):
        say_given_before(course.pk, nothing_given=True, reason="asked", by=person(world.alice.nurse))
    with pytest.raises(NotVisibleError):
        say_given_before(course.pk, nothing_given=True, reason="asked", by=person(world.charlie.oncologist))
    elsewhere = say_given_before(course.pk, nothing_given=False, reason="the centre's letter", by=oncologist)
    assert "not on record" in elsewhere.assessment.next_dose.because
    none = say_given_before(course.pk, nothing_given=True, reason="the centre was wrong", by=oncologist)
    assert "not on record" not in none.assessment.next_dose.because
    with everything():
        starts = course.events.filter(kind="course_started").count()
    assert starts == 3
