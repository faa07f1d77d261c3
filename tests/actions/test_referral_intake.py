"""Referrals taken in: at the public door or from a fax, acknowledged, and what the practice learns and answers behind its link."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

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
from handrail.actions.referral_intake import intake_of, open_door, receive, type_in
from handrail.actions.referral_list import (
    answer,
    behind,
    exchange_token,
    is_open,
    known_to_practice,
    opened_cookie,
    try_code,
)
from handrail.alerts.models import Dispatch
from handrail.jobs.watcher import Watcher
from handrail.people.models import Referral, ReferralDoor
from handrail.people.scope import everything
from handrail.rules.referral import PRIOR, Intake, referral_data
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.mail import mail_server, use_port
from tests.support.referrals import (
    CODE,
    EMAIL,
    INTAKE,
    by,
    case,
    door_of,
    draft,
    open_clocks,
    referred,
    to_the_practice,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


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
        door_of(world.alice).code,
        draft(**dict.fromkeys(vars_of_intake()), classes={}, birth_date_text=""),
        referral_id=uuid4(),
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
    first = receive(code, draft(), referral_id=one)
    assert receive(code, draft(), referral_id=one).pk == first.pk
    with pytest.raises(ConflictError, match="another patient open a new form"):
        receive(code, draft(given_name="Somebody"), referral_id=one)
    with pytest.raises(ConflictError):
        receive(door_of(world.bob, "other-hub").code, draft(), referral_id=one)
    assert Referral.objects.count() == 1


def test_at_a_door_that_is_closed_or_was_never_there_nothing_is_taken(world):
    door_of(world.alice)
    door_of(world.alice, "another-word")
    for code in (CODE, "nobody", ""):
        with pytest.raises(NotVisibleError):
            receive(code, draft(), referral_id=uuid4())
    receive("another-word", draft(), referral_id=uuid4())
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
        receive(code, draft(given_name=f"Synthia {number}"), referral_id=uuid4())
    with pytest.raises(TooManyError):
        receive(code, draft(), referral_id=uuid4())
    door_of(world.bob, "other-hub")
    receive("other-hub", draft(), referral_id=uuid4())
    world.time.advance(hours=1)
    receive(code, draft(), referral_id=uuid4())


def test_a_fax_is_typed_in_and_its_clocks_start_when_it_came(world):
    came = MONDAY_0900 - timedelta(days=3)
    kept = type_in(world.alice.id, draft(), by=by(world), referral_id=uuid4(), received_at=came)
    assert (kept.way, kept.typed_by, kept.received_at) == ("fax", world.alice.nurse, came)
    with pytest.raises(RefusedError, match="not happened"):
        type_in(
            world.alice.id, draft(), by=by(world), referral_id=uuid4(), received_at=MONDAY_0900 + timedelta(seconds=1)
        )
    for stranger in (person(world.bob.nurse), person(make_member(world.alice.organisation, "viewer"))):
        with pytest.raises(NotAllowedError):
            type_in(world.alice.id, draft(), by=stranger, referral_id=uuid4())


# --- the acknowledgement -----------------------------------------------------------------------------------------------


def test_the_mail_says_urgency_site_and_code_and_nothing_else(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        kept = referred(world.alice)
        assert "acknowledge" in open_clocks(case(world, kept))
        Watcher().look()
        (mail,) = to_the_practice(server)
        assert mail.to == (EMAIL,)
        assert mail.body == (
            f"Handrail: A referral was received. Urgency: urgent. Site: {world.alice.site.code}. Code: {kept.code}. "
            "The link that you were given shows how far it got."
        )
        for secret in ("Synthia", "Referred", "Practice", "myeloma", "0700", kept.key):
            assert secret not in mail.raw.decode()
    assert "acknowledge" not in open_clocks(case(world, kept))


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
        # both leave in the same instant: which of them arrives first is nobody's choice
        told = sorted(to_the_practice(server), key=lambda each: "question" in each.body)
        assert ["question" in each.body for each in told] == [False, True]
        assert "Which lines" not in told[1].body
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
