"""Referrals: taken in at the public door, worked on by named people, and closed only with a decision of which the practice knows."""

import json
from datetime import date, timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, connection, transaction

from handrail import clock
from handrail.actions import referrals
from handrail.actions.actor import person
from handrail.actions.errors import (
    ConflictError,
    NotAllowedError,
    NotVisibleError,
    RefusedError,
    TooManyError,
)
from handrail.actions.referral_courses import start_from_referral
from handrail.actions.referral_intake import URGENCY_WORDS, intake_of, open_door, receive, type_in
from handrail.actions.referral_list import (
    alike,
    answer,
    behind,
    case_for,
    cases_of,
    evidence_of,
    exchange_token,
    is_open,
    known_to_practice,
    opened_cookie,
    try_code,
)
from handrail.actions.referrals import Decision, Kind
from handrail.actions.upkeep import rotate_keys
from handrail.alerts.models import Dispatch
from handrail.jobs.watcher import Watcher
from handrail.people.models import Holiday, Referral, ReferralDoor, ReferralEntry
from handrail.people.scope import acting_for, everything
from handrail.rules.referral import PRIOR, Intake, Stage, referral_data
from tests.alerts.test_email import use_port
from tests.support.factories import MONDAY_0900, World, make_member, make_patient
from tests.support.mail import mail_server
from tests.support.referrals import CODE, EMAIL, INTAKE, MESSAGE, RATIONALE, door_of, draft, referred

pytestmark = pytest.mark.django_db
DECISION = Decision(option="bispecific", rationale=RATIONALE, message=MESSAGE, considerations=("caregiver",))


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


def by(world, who: str = "nurse"):
    return person(getattr(world.alice, who))


def case(world, referral, who: str = "director"):
    return case_for(getattr(world.alice, who), referral.pk, clock.now())


# --- taken in ------------------------------------------------------------------------------------------------------------


def test_what_a_practice_typed_is_kept_encrypted_and_read_again(world):
    kept = referred(world.alice)
    with everything():
        kept = Referral.objects.get(pk=kept.pk)
    assert intake_of(kept) == INTAKE
    assert (kept.practice, kept.name, kept.urgency, kept.synthetic) == (
        "Synthetic Practice",
        "Synthia Referred",
        "urgent",
        True,
    )
    assert kept.site == world.alice.site
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM people_referral")
        stored = " ".join(str(each) for row in cursor.fetchall() for each in row)
    for secret in ("Synthia", "Referred", "010 0700", "1951", "myeloma", EMAIL, kept.key):
        assert secret not in stored
    assert "Synthia" not in f"{kept} {kept!r} {draft()!r}"


def test_everything_may_be_not_known_but_whom_to_answer(world):
    kept = receive(
        door_of(world.alice).code, draft(**dict.fromkeys(vars_of_intake()), classes={}, birth_date_text=""), id=uuid4()
    )
    assert intake_of(kept) == Intake()
    assert kept.urgency == "" and case(world, kept).progress.urgent, "an urgency that nobody knows is urgent"
    assert len(case(world, kept).missing) == 9 + len(PRIOR)


def vars_of_intake() -> list[str]:
    return [name for name in Intake.__dataclass_fields__ if name != "classes"]


def test_no_is_an_answer_and_nought_is_a_number(world):
    kept = referred(world.alice, lines=0, distance_minutes=0, caregiver=False, classes=dict.fromkeys(PRIOR, False))
    found = intake_of(kept)
    assert (found.lines, found.distance_minutes, found.caregiver) == (0, 0, False)
    assert case(world, kept).missing == ()


REFUSED = [
    ({"practice": " "}, "practice"),
    ({"referrer_phone": "", "referrer_email": ""}, "referrer_phone"),
    ({"given_name": "", "family_name": "", "phone": ""}, "family_name"),
    ({"referrer_email": "desk at practice"}, "referrer_email"),
    ({"practice": "x" * 201}, "practice"),
    ({"family_name": "two\nlines"}, "family_name"),
    ({"diagnosis": "x" * 201}, "diagnosis"),
    ({"refractory": "very"}, "refractory"),
]


@pytest.mark.parametrize(("fields", "path"), REFUSED)
def test_what_cannot_be_used_is_said_and_nothing_is_kept(world, fields, path):
    with pytest.raises(RefusedError) as caught:
        referred(world.alice, **fields)
    assert caught.value.path == path
    assert not Referral.objects.exists()


def test_the_same_form_twice_is_one_referral_and_another_content_is_refused(world):
    code, one = door_of(world.alice).code, uuid4()
    first = receive(code, draft(), id=one)
    assert receive(code, draft(), id=one).pk == first.pk
    with pytest.raises(ConflictError, match="another patient open a new form"):
        receive(code, draft(given_name="Somebody"), id=one)
    with pytest.raises(ConflictError):
        receive(door_of(world.bob, "other-hub").code, draft(), id=one)
    assert Referral.objects.count() == 1


def test_at_a_door_that_is_closed_or_was_never_there_nothing_is_taken(world):
    door_of(world.alice)
    door_of(world.alice, "another-word")
    for code in (CODE, "nobody", ""):
        with pytest.raises(NotVisibleError):
            receive(code, draft(), id=uuid4())
    receive("another-word", draft(), id=uuid4())
    assert ReferralDoor.objects.filter(closed_at__isnull=True).count() == 1


def test_a_door_has_one_organisation_and_is_opened_by_whoever_may(world):
    door_of(world.alice)
    with pytest.raises(RefusedError, match="taken"):
        open_door(world.bob.id, CODE, by=person(world.bob.director))
    with pytest.raises(NotAllowedError):
        open_door(world.alice.id, "word", by=by(world, "nurse"))
    with pytest.raises(NotAllowedError):
        open_door(world.bob.id, "word", by=by(world, "director"))
    for word in ("a", "two words", "ümlaut", "status", "x" * 41):
        with pytest.raises(RefusedError):
            open_door(world.alice.id, word, by=by(world, "director"))
    with pytest.raises(RefusedError, match="no such site"):
        open_door(world.alice.id, "word", by=by(world, "director"), site=world.bob.site.pk)


def test_a_flood_is_stopped_and_an_hour_later_it_goes_on(world):
    most = referral_data().form.most_per_hour
    code = door_of(world.alice).code
    for number in range(most):
        receive(code, draft(given_name=f"Synthia {number}"), id=uuid4())
    with pytest.raises(TooManyError):
        receive(code, draft(), id=uuid4())
    door_of(world.bob, "other-hub")
    receive("other-hub", draft(), id=uuid4())
    world.time.advance(hours=1)
    receive(code, draft(), id=uuid4())


def test_a_fax_is_typed_in_and_its_clocks_start_when_it_came(world):
    came = MONDAY_0900 - timedelta(days=3)
    kept = type_in(world.alice.id, draft(), by=by(world), id=uuid4(), received_at=came)
    assert (kept.way, kept.typed_by, kept.received_at) == ("fax", world.alice.nurse, came)
    with pytest.raises(RefusedError, match="not happened"):
        type_in(world.alice.id, draft(), by=by(world), id=uuid4(), received_at=MONDAY_0900 + timedelta(seconds=1))
    for stranger in (person(world.bob.nurse), person(make_member(world.alice.organisation, "viewer"))):
        with pytest.raises(NotAllowedError):
            type_in(world.alice.id, draft(), by=stranger, id=uuid4())


# --- the acknowledgement -----------------------------------------------------------------------------------------------


def test_the_mail_says_urgency_site_and_code_and_nothing_else(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        kept = referred(world.alice)
        assert "acknowledge" in open_clocks(case(world, kept))
        Watcher().look()
        (mail,) = server.arrived
        assert mail.to == (EMAIL,)
        assert mail.body == (
            f"Handrail: A referral was received. Urgency: urgent. Site: {world.alice.site.code}. Code: {kept.code}. "
            "The link that you were given shows how far it got."
        )
        for secret in ("Synthia", "Referred", "Practice", "myeloma", "0700", kept.key):
            assert secret not in mail.raw.decode()
    assert "acknowledge" not in open_clocks(case(world, kept))


def open_clocks(found) -> list[str]:
    return [each.row.kind for each in found.standing.clocks if each.state in ("open", "late")]


def test_without_a_mail_that_went_a_person_acknowledges(world):
    kept = referred(world.alice)
    assert not Dispatch.objects.exists(), "no mail server is set up"
    assert "acknowledge" in open_clocks(case(world, kept))
    with pytest.raises(RefusedError):
        referrals.acknowledge(kept.pk, "pigeon", by=by(world))
    referrals.acknowledge(kept.pk, "fax", by=by(world))
    assert "acknowledge" not in open_clocks(case(world, kept))


def test_a_mail_that_was_refused_acknowledged_nothing(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        server.answers["RCPT"] = "550 no such address"
        kept = referred(world.alice)
        Watcher().look()
    assert "acknowledge" in open_clocks(case(world, kept))


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
        referrals.note_contact(kept.pk, by=by(world), reached=True, id=one)
    with pytest.raises(ConflictError):
        referrals.note_contact(kept.pk, by=by(world), reached=False, id=one)
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
        assert cases_of(stranger.nurse, clock.now()) == []
    assert cases_of(viewer.user, clock.now()) == []
    assert [each.referral.pk for each in cases_of(world.alice.director, clock.now())] == [kept.pk]


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
    found = cases_of(world.alice.director, clock.now())
    assert [each.referral.pk for each in found] == [urgent.pk, routine.pk]
    assert [each.standing.red for each in found] == [True, False]
    with django_assert_num_queries(5):
        cases_of(world.alice.director, clock.now())
    for _ in range(8):
        referrals.claim(referred(world.alice).pk, by=by(world))
    with django_assert_num_queries(5):
        assert len(cases_of(world.alice.director, clock.now())) == 10


def test_a_holiday_of_the_rota_is_no_working_day(world):
    kept = referred(world.alice)
    world.time.advance(days=2, hours=15)  # Thursday, just after midnight in Chicago
    assert case(world, kept).standing.red
    Holiday.objects.create(organisation=world.bob.organisation, on=date(2026, 3, 3), name="elsewhere")
    assert case(world, kept).standing.red
    Holiday.objects.create(organisation=world.alice.organisation, on=date(2026, 3, 3), name="here")
    assert not case(world, kept).standing.red


# --- behind the link of the practice ----------------------------------------------------------------------------------------


def test_the_link_opens_with_its_code_and_guessing_ends(world):
    kept = referred(world.alice)
    found, cookie = exchange_token(kept.key)
    assert found.pk == kept.pk
    assert behind(cookie, clock.now()) == kept
    assert exchange_token("x" * 43) is None
    assert try_code(kept, "WRONG", clock.now()) is None
    opened = try_code(kept, f" {kept.code.lower()} ", clock.now())
    assert is_open(kept, opened, clock.now())
    assert not is_open(kept, cookie, clock.now()), "the link alone shows nothing"
    assert not is_open(referred(world.alice), opened, clock.now())
    assert not is_open(kept, opened, clock.now() + timedelta(hours=1))
    for _ in range(referral_data().form.tries - 1):
        assert behind(cookie, clock.now()) == kept
        try_code(kept, "WRONG", clock.now())
    assert behind(cookie, clock.now()) is None
    assert try_code(kept, kept.code, clock.now()) is None


def test_a_link_is_over_one_day(world):
    kept = referred(world.alice)
    cookie = exchange_token(kept.key)[1]
    over = MONDAY_0900 + timedelta(days=referral_data().form.link_lasts_days)
    assert behind(cookie, over - timedelta(seconds=1)) == kept
    assert behind(cookie, over) is None and exchange_token(kept.key, over) is None
    for forged in ("", "x", opened_cookie(kept, clock.now())):
        assert behind(forged, clock.now()) is None


def test_a_question_is_answered_once_by_the_practice(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        kept = referred(world.alice)
        asked = referrals.ask(kept.pk, "Which lines, and when?", by=by(world))
        Watcher().look()
        assert "complete_or_query" not in open_clocks(case(world, kept))
        assert ["question" in each.body for each in server.arrived] == [False, True]
        assert "Which lines" not in server.arrived[1].body
    world.time.advance(hours=1)
    ((question, nothing),) = known_to_practice(kept, clock.now()).questions
    assert (question.pk, nothing) == (asked.pk, None)
    with pytest.raises(RefusedError):
        answer(kept, str(asked.pk), " ")
    with pytest.raises(RefusedError):
        answer(kept, str(asked.pk), "nul\0")
    with pytest.raises(RefusedError, match="no such question"):
        answer(kept, str(uuid4()), "Four.")
    entry = answer(kept, str(asked.pk), "Four, the last in May.")
    assert (entry.by, entry.role) == (None, "practice")
    with pytest.raises(RefusedError, match="already"):
        answer(kept, str(asked.pk), "Five.")
    referrals.set_aside(kept.pk, "taken back", by=by(world))
    with pytest.raises(RefusedError, match="closed"):
        answer(kept, str(asked.pk), "Five.")


# --- for the gate, and what the database refuses -------------------------------------------------------------------------


def test_the_maintenance_site_of_a_course_is_not_known_until_somebody_names_it(world):
    kept = referred(world.alice)
    assert evidence_of(world.course, clock.now()).met is None
    with everything():
        ReferralEntry.objects.create(
            organisation=world.alice.organisation,
            referral=kept,
            course=world.course,
            kind=Kind.COURSE_STARTED,
            number=1,
            at=clock.now(),
        )
    assert evidence_of(world.course, clock.now()).met is None
    with pytest.raises(RefusedError):
        referrals.name_maintenance(kept.pk, True, " ", by=by(world))
    referrals.name_maintenance(kept.pk, True, "Synthetic Practice", by=by(world))
    found = evidence_of(world.course, clock.now())
    assert found.met is True and "Synthetic Practice" in found.because
    referrals.name_maintenance(kept.pk, None, by=by(world))
    assert evidence_of(world.course, clock.now()).met is None
    referrals.name_maintenance(kept.pk, False, by=by(world))
    assert evidence_of(world.course, clock.now()).met is False


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


def test_a_course_starts_from_what_the_practice_told_after_a_decision_and_once(world):
    kept = referred(world.alice, language="Spanish")
    with pytest.raises(RefusedError, match="after a decision for a bispecific"):
        begin(world, kept)
    referrals.decide(kept.pk, Decision(**{**as_dict(DECISION), "option": "car_t"}), by=by(world, "oncologist"))
    with pytest.raises(RefusedError, match="after a decision for a bispecific"):
        begin(world, kept)
    referrals.decide(kept.pk, DECISION, by=by(world, "oncologist"))
    referrals.name_maintenance(kept.pk, True, "Synthetic Practice", by=by(world))
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
    assert evidence_of(course, clock.now()).met is True
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
