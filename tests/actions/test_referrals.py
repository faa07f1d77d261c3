"""Referrals worked on by named people, and closed only with a decision of which the practice knows; and the course that follows."""

import json
from datetime import date, timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, transaction

from handrail import clock
from handrail.actions import referrals
from handrail.actions.actor import person
from handrail.actions.errors import (
    ConflictError,
    NotAllowedError,
    NotVisibleError,
    RefusedError,
)
from handrail.actions.referral_courses import name_maintenance, start_from_referral
from handrail.actions.referral_intake import URGENCY_WORDS
from handrail.actions.referral_list import (
    Case,
    alike,
    case_for,
    cases_in,
    in_order,
    open_referrals,
    organisations_with_referrals,
)
from handrail.actions.referrals import Decision
from handrail.actions.upkeep import rotate_keys
from handrail.people.models import Holiday, Referral, ReferralEntry
from handrail.people.scope import acting_for, everything
from handrail.rules.referral import Stage
from tests.support.factories import MONDAY_0900, World, make_member, make_patient
from tests.support.referrals import DECISION, by, case, door_of, open_clocks, referred

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


def listed(user, now) -> list[Case]:
    """The open referrals of somebody's list, in its order."""
    houses = organisations_with_referrals(user, now)
    return cases_in([each.id for each in in_order(open_referrals(houses), now)], now)


# --- the way of a referral ------------------------------------------------------------------------------------------------


def test_from_the_receipt_to_the_close(world):
    kept = referred(world.alice)
    referrals.claim(kept.pk, by=by(world))
    assert case(world, kept).owner == world.alice.nurse
    referrals.say_complete(kept.pk, by=by(world))
    referrals.plan_contact(kept.pk, date(2026, 3, 3), by=by(world))
    assert case(world, kept).standing.stage is Stage.CONTACT_PLANNED
    world.time.advance(hours=2)
    referrals.note_contact(kept.pk, by=by(world), reached=False)
    referrals.note_contact(kept.pk, by=by(world), reached=None)
    assert "first_contact" in open_clocks(case(world, kept)), "nobody was reached, as far as anybody knows"
    referrals.note_contact(kept.pk, by=by(world), reached=True, at=MONDAY_0900 + timedelta(hours=1))
    assert case(world, kept).progress.contacted_at == MONDAY_0900 + timedelta(hours=1)
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    referrals.tell(kept.pk, "letter", by=by(world))
    referrals.close(kept.pk, by=by(world))
    found = case(world, kept)
    assert found.standing.stage is Stage.CLOSED
    assert [each.kind for each in found.entries] == [
        "claimed",
        "complete",
        "contact_planned",
        "contacted",
        "contacted",
        "contacted",
        "decided",
        "told",
        "closed",
    ]
    assert [each.number for each in found.entries] == list(range(1, 10))
    with pytest.raises(RefusedError, match="closed"):
        referrals.claim(kept.pk, by=by(world))


def test_it_is_not_closed_without_a_rationale_and_a_message_that_went(world):
    kept = referred(world.alice)
    with pytest.raises(RefusedError, match="no decision with a rationale"):
        referrals.close(kept.pk, by=by(world))
    with pytest.raises(RefusedError, match="Nothing is decided"):
        referrals.tell(kept.pk, "fax", by=by(world))
    for broken in ({"rationale": " "}, {"message": ""}, {"option": "homeopathy"}, {"considerations": ("no such",)}):
        with pytest.raises(RefusedError):
            referrals.decide(kept.pk, Decision(**{**as_dict(DECISION), **broken}), by=by(world, "oncologist"))
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    with pytest.raises(RefusedError, match="write down that it went"):
        referrals.close(kept.pk, by=by(world))
    referrals.tell(kept.pk, "fax", by=by(world))
    referrals.decide(kept.pk, Decision(**{**as_dict(DECISION), "option": "car_t"}), by=by(world, "oncologist"))
    with pytest.raises(RefusedError, match="write down that it went"):
        referrals.close(kept.pk, by=by(world))
    assert case(world, kept).standing.stage is Stage.DECIDED, "of the new decision the practice knows nothing yet"
    referrals.tell(kept.pk, "phone", by=by(world))
    referrals.close(kept.pk, by=by(world))


def as_dict(decision: Decision) -> dict:
    return {name: getattr(decision, name) for name in Decision.__dataclass_fields__}


def test_the_same_button_twice_is_one_entry(world):
    kept, one = referred(world.alice), uuid4()
    for _ in range(2):
        referrals.note_contact(kept.pk, by=by(world), reached=True, entry_id=one)
    with pytest.raises(ConflictError):
        referrals.note_contact(kept.pk, by=by(world), reached=False, entry_id=one)
    assert kept.entries.count() == 1
    with pytest.raises(RefusedError, match="not happened"):
        referrals.note_contact(kept.pk, by=by(world), reached=True, at=MONDAY_0900 + timedelta(minutes=1))


def test_who_may_do_what(world):
    kept = referred(world.alice)
    viewer = person(make_member(world.alice.organisation, "viewer"))
    director = by(world, "director")
    for actor in (viewer, director):
        with pytest.raises(NotAllowedError):
            referrals.claim(kept.pk, by=actor)
    with pytest.raises(NotAllowedError):
        referrals.decide(kept.pk, DECISION, by=by(world, "nurse"))
    for stranger in (world.bob, world.charlie):
        with pytest.raises(NotVisibleError):
            referrals.claim(kept.pk, by=person(stranger.nurse))
        with pytest.raises(NotVisibleError):
            case_for(stranger.nurse, kept.pk, clock.now())
        assert listed(stranger.nurse, clock.now()) == []
    assert listed(viewer.user, clock.now()) == []
    assert [each.referral.pk for each in listed(world.alice.director, clock.now())] == [kept.pk]


def test_what_is_set_aside_has_a_reason_and_is_closed(world):
    kept, other = referred(world.alice), referred(world.alice)
    with pytest.raises(RefusedError):
        referrals.set_aside(kept.pk, "  ", by=by(world))
    for wrong in (kept.pk, uuid4(), elsewhere(world).pk):
        with pytest.raises(RefusedError, match="no such other"):
            referrals.set_aside(kept.pk, "the second one", by=by(world), second_of=wrong)
    referrals.set_aside(kept.pk, "the second one", by=by(world), second_of=other.pk)
    assert case(world, kept).standing.stage is Stage.CLOSED


def elsewhere(world) -> Referral:
    """A referral to somebody else."""
    door_of(world.bob, "bob-door")
    return referred(world.bob)


def test_what_looks_alike_is_shown_and_nothing_is_joined(world):
    first = referred(world.alice)
    same_person = referred(world.alice, phone="555 9999", given_name="S.", family_name=" referred ")
    same_phone = referred(world.alice, family_name="Other", birth_date_text="1940-01-01")
    referred(world.alice, family_name="Referred", birth_date_text="", phone="")
    elsewhere(world)
    patient = make_patient(world.alice.organisation, phone="+1 (555) 010-0701")
    make_patient(world.bob.organisation, phone="+1 (555) 010-0701")
    found = alike(case(world, first))
    assert {each.pk for each in found.referrals} == {same_person.pk, same_phone.pk}
    assert [each.pk for each in found.patients] == [patient.pk]
    nothing = referred(world.alice, family_name="", birth_date_text="", phone="", given_name="X")
    assert alike(case(world, nothing)).referrals == ()
    assert not ReferralEntry.objects.exists()


def test_the_list_has_what_is_red_first_and_asks_the_database_as_often_for_ten_as_for_one(
    world, django_assert_num_queries
):
    routine = referred(world.alice, urgency="routine")
    world.time.advance(hours=1)
    urgent = referred(world.alice)
    world.time.advance(days=3)
    found = listed(world.alice.director, clock.now())
    assert [each.referral.pk for each in found] == [urgent.pk, routine.pk]
    assert [each.standing.red for each in found] == [True, False]
    with django_assert_num_queries(9):
        listed(world.alice.director, clock.now())
    for _ in range(8):
        referrals.claim(referred(world.alice).pk, by=by(world))
    with django_assert_num_queries(9):
        assert len(listed(world.alice.director, clock.now())) == 10


def test_a_holiday_of_the_rota_is_no_working_day(world):
    kept = referred(world.alice)
    world.time.advance(days=2, hours=15)  # Thursday, just after midnight in Chicago
    assert case(world, kept).standing.red
    Holiday.objects.create(organisation=world.bob.organisation, on=date(2026, 3, 3), name="elsewhere")
    assert case(world, kept).standing.red
    Holiday.objects.create(organisation=world.alice.organisation, on=date(2026, 3, 3), name="here")
    assert not case(world, kept).standing.red


# --- what the database refuses ---------------------------------------------------------------------------------------------


def test_an_entry_is_never_altered_and_belongs_to_the_same_organisation(world):
    kept = referred(world.alice)
    entry = referrals.claim(kept.pk, by=by(world))
    for change in (lambda: ReferralEntry.objects.update(kind="closed"), entry.delete):
        with pytest.raises(DatabaseError), transaction.atomic(), everything():
            change()
    with pytest.raises(DatabaseError), transaction.atomic(), everything():
        ReferralEntry.objects.create(
            organisation=world.bob.organisation, referral=kept, kind="claimed", number=2, at=clock.now()
        )


def test_every_secret_of_a_referral_is_brought_under_a_new_key(world, settings):
    kept = referred(world.alice)
    former, new = settings.HANDRAIL_FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [new, former]
    assert rotate_keys()["referrals"] == 1
    settings.HANDRAIL_FIELD_KEYS = [new]
    with acting_for(world.alice.id):
        again = Referral.objects.get(pk=kept.pk)
    assert (again.name, json.loads(again.told)["lines"]) == ("Synthia Referred", 4)
    assert again.phone_hash != kept.phone_hash


def test_every_urgency_has_its_words():
    assert set(URGENCY_WORDS) == {"urgent", "routine", ""}


# --- from a referral to a course ------------------------------------------------------------------------------------------


def begin(world, kept, *, who: str = "oncologist", number: str = "MRN 77", key: str = "teclistamab/US/2026-03/mono"):
    return start_from_referral(kept.pk, by=by(world, who), protocol_key=key, record_number=number)


def said_of_maintenance(course) -> list:
    with everything():
        rows = course.events.filter(kind="readiness_confirmed").order_by("occurred_at")
        return [(row.payload["confirmed"], row.payload.get("evidence")) for row in rows]


def test_a_course_starts_from_what_the_practice_told_after_a_decision_and_once(world):
    kept = referred(world.alice, language="Spanish")
    with pytest.raises(RefusedError, match="after a decision for a bispecific"):
        begin(world, kept)
    referrals.decide(kept.pk, Decision(**{**as_dict(DECISION), "option": "car_t"}), by=by(world, "oncologist"))
    with pytest.raises(RefusedError, match="after a decision for a bispecific"):
        begin(world, kept)
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    name_maintenance(kept.pk, True, "Synthetic Practice", by=by(world))
    for broken, said in (({"number": " "}, "record number"), ({"key": "x"}, "Choose a label")):
        with pytest.raises(RefusedError, match=said):
            begin(world, kept, **broken)
    with pytest.raises(NotAllowedError):
        begin(world, kept, who="nurse")
    course = begin(world, kept).event.course
    with everything():
        patient = course.patient
    assert (patient.name, patient.mrn, patient.language, patient.synthetic) == (
        "Synthia Referred",
        "MRN 77",
        "es",
        True,
    )
    assert (course.site_id, course.facts["lines_prior"], course.facts["birth_year"]) == (world.alice.site.pk, 4, 1951)
    assert said_of_maintenance(course) == [(True, "Synthetic Practice")]
    with pytest.raises(RefusedError, match="already"):
        begin(world, kept)


def test_a_record_number_of_somebody_else_starts_nothing(world):
    with everything():
        make_patient(world.alice.organisation, mrn="MRN 77", family_name="Other", given_name="Person")
    kept = referred(world.alice)
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    with pytest.raises(RefusedError, match="another person"):
        begin(world, kept)
    assert not kept.entries.filter(kind="course_started").exists()


def test_what_is_said_of_the_maintenance_becomes_a_fact_of_the_course_that_was_started(world):
    kept = referred(world.alice)
    for name in (" ", "x" * 201, "two\nlines"):
        with pytest.raises(RefusedError, match="Name the site"):
            name_maintenance(kept.pk, True, name, by=by(world))
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    course = begin(world, kept).event.course
    assert said_of_maintenance(course) == [], "nobody has said anything, and nothing is made up"
    for chosen, name in ((True, "Synthetic Practice"), (None, ""), (False, "")):
        world.time.advance(hours=1)
        name_maintenance(kept.pk, chosen, name, by=by(world))
    assert said_of_maintenance(course) == [(True, "Synthetic Practice"), (None, None), (False, None)]
    with pytest.raises(NotVisibleError):
        name_maintenance(kept.pk, True, "Elsewhere", by=person(world.bob.nurse))
    assert len(said_of_maintenance(course)) == 3
