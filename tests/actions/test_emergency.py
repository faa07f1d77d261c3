"""The emergency card and its code: guessed at, locked, handed over, revoked; and who is told that the page was opened."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from handrail import clock
from handrail.actions.emergency import (
    card_in_force,
    exchange_key,
    hand_over_card,
    issue_card,
    number_on_card,
    open_page,
    opening_of,
    revoke_card,
    show_card,
)
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.truth import truth_about
from handrail.alerts import ledger
from handrail.alerts.lines import set_line
from handrail.alerts.models import Alert, Dispatch
from handrail.jobs.watcher import Watcher
from handrail.people.models import EmergencyCard, EmergencyOpening, LinkToken
from handrail.people.scope import everything
from handrail.records.models import Look
from handrail.rules.emergency import emergency_data
from tests.support.factories import MONDAY_0900, World, event, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=20)
ROW = emergency_data().card
WRONG = "000000"
"""Its signs stand in no code."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.course  # noqa: B018 (made before anything is asked)
        world.time = frozen
        yield world


def issued(world) -> EmergencyCard:
    return issue_card(world.course.pk, by=world.actor("alice"))


def scanned(card: EmergencyCard) -> str:
    return exchange_key(show_card(card).address_key)


def opens(card: EmergencyCard) -> bool:
    return open_page(scanned(card), card.code) is not None


def called(world, key: str = "shell:emergency_opened") -> list[Alert]:
    with everything():
        return list(Alert.objects.filter(course=world.course, key=key).order_by("opened_at"))


# --- opening ----------------------------------------------------------------------------------------------------------


def test_the_key_has_256_bits_and_neither_it_nor_the_code_is_stored_in_clear(world):
    card = issued(world)
    assert len(card.key) == 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, code FROM people_emergencycard")
        sealed = cursor.fetchone()
    assert card.key not in sealed[0] and card.code not in sealed[1]
    assert card.link.token_hash == LinkToken.hash_of(card.key)
    assert card.key not in f"{card!r} {card} {show_card(card)!r}" and card.code not in f"{card!r} {show_card(card)!r}"


def test_the_right_code_opens_in_any_spelling_and_calls_once(world):
    card = issued(world)
    opened = open_page(scanned(card), f" {card.code[:3].lower()} {card.code[3:]} ", who="Mercy  ED\x00")
    assert opened is not None
    opening, cookie = opened
    assert (opening.who, opening.until) == ("Mercy ED", NOW + ROW.session)
    assert opening_of(cookie).pk == opening.pk
    (alert,) = called(world)
    assert (alert.urgency, [step["who"] for step in alert.steps]) == ("soon", ["first_on_call", "second_on_call"])
    with everything():
        looks = Look.objects.filter(course=world.course, what="emergency_page")
        assert {(look.through, look.link) for look in looks} == {("link", card.link_id)}
        assert looks.count() == 2, "the opening and the page that was shown"


def test_further_openings_within_the_session_call_nobody_anew_and_a_later_one_does(world):
    card = issued(world)
    assert opens(card) and opens(card)
    assert len(called(world)) == 1
    with everything():
        assert EmergencyOpening.objects.filter(course=world.course).count() == 2
    world.time.advance(minutes=ROW.session_minutes)
    assert opens(card)
    first, second = called(world)
    assert first.closed_at is not None and second.closed_at is None, "one at a time, and the new one pages"


def test_an_opening_after_the_call_was_closed_calls_again_and_tells_the_patient_no_second_time(world):
    set_line(world.alice.id, world.course.patient.phone, agreed_at=NOW)
    card = issued(world)
    assert opens(card)
    (alert,) = called(world)
    with everything():
        ledger.close(alert, "spoken with the department", NOW)
    assert opens(card)
    assert sorted(each.closed_at is None for each in called(world)) == [False, True], "both of one instant"
    with everything():
        assert Dispatch.objects.filter(kind="emergency_opened").count() == 1


def test_the_clinician_on_call_is_paged(world):
    opens(issued(world))
    Watcher().look()
    (alert,) = called(world)
    with everything():
        assert {page.user for page in alert.pages.all()} == {world.alice.on_call}


def test_an_opened_page_does_not_say_to_the_patient_that_the_check_called_somebody(world):
    opens(issued(world))
    with everything():
        assert "called" not in truth_about(world.course, NOW, saved_at=NOW)


@pytest.mark.parametrize(("agreed", "messages"), [(True, 1), (False, 0)])
def test_the_patient_is_told_by_text_where_they_agreed(world, agreed, messages):
    if agreed:
        set_line(world.alice.id, world.course.patient.phone, agreed_at=NOW)
    card = issued(world)
    opens(card)
    opens(card)
    with everything():
        told = list(Dispatch.objects.filter(kind="emergency_opened"))
    assert len(told) == messages
    for each in told:
        assert each.words.startswith("Handrail: your emergency page was opened: Tuesday, March 3, 5:00 AM CST.")
        assert "teclistamab" not in each.words and card.code not in each.words


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_wrong_codes_are_counted_for_the_life_of_the_card_and_then_the_right_one_opens_nothing(world):
    card = issued(world)
    for _ in range(ROW.tries - 1):
        assert open_page(scanned(card), WRONG) is None
    assert opens(card), "one mistake is left"
    assert open_page(scanned(card), WRONG) is None
    assert not opens(card), "a right code in between gave no tries back"
    assert len(called(world, "shell:emergency_locked")) == 1
    card.refresh_from_db()
    assert card.tries_left == 0


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_time_gain_no_tries(world):
    card = issued(world)
    cookie = scanned(card)
    assert ROW.tries % 2 == 0
    start = threading.Barrier(2)

    def guess(number: int) -> None:
        start.wait()
        for _ in range(number):
            open_page(cookie, WRONG, now=NOW)
        connection.close()

    threads = [threading.Thread(target=guess, args=(ROW.tries // 2,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    card.refresh_from_db()
    assert card.tries_left == 0, "as many guesses as tries: not one was lost"
    assert not opens(card)
    assert len(called(world, "shell:emergency_locked")) == 1, "it was locked once"


@pytest.mark.parametrize("what", ["revoked", "expired", "unknown", "no cookie", "another purpose"])
def test_what_is_over_or_never_was_opens_nothing_and_names_no_number(world, what):
    card = issued(world)
    cookie = scanned(card)
    if what == "revoked":
        revoke_card(world.course.pk, card.pk, by=world.actor("alice"))
    elif what == "expired":
        world.time.advance(days=ROW.lasts_days)
    elif what == "unknown":
        cookie = exchange_key("x" * 43)
    elif what == "no cookie":
        cookie = ""
    else:
        with everything():
            LinkToken.objects.filter(pk=card.link_id).update(purpose="packet")
    assert open_page(cookie, card.code) is None
    assert number_on_card(cookie) == ""
    assert called(world) == []


def test_a_card_of_one_course_does_not_open_another(world):
    other = world.make_course()
    card = issued(world)
    with pytest.raises(NotVisibleError):
        revoke_card(other.pk, card.pk, by=world.actor("alice"))
    assert number_on_card(scanned(card)) == "555-0111"


# --- the life of a card -----------------------------------------------------------------------------------------------


def test_the_old_card_works_until_the_new_one_is_in_hand(world):
    old = issued(world)
    hand_over_card(world.course.pk, old.pk, by=world.actor("alice"))
    world.time.advance(days=7)
    new = issued(world)
    assert opens(old) and opens(new)
    assert card_in_force(world.course, clock.now()).pk == old.pk, "the phone shows what the patient has"
    hand_over_card(world.course.pk, new.pk, by=world.actor("alice"))
    assert not opens(old) and opens(new)
    assert card_in_force(world.course, clock.now()).pk == new.pk


def test_an_older_card_that_is_handed_over_late_does_not_end_the_newer(world):
    old = issued(world)
    world.time.advance(days=1)
    new = issued(world)
    hand_over_card(world.course.pk, new.pk, by=world.actor("alice"))
    with pytest.raises(RefusedError, match="print a new one"):
        hand_over_card(world.course.pk, old.pk, by=world.actor("alice"))
    assert opens(new)


def test_a_locked_card_is_not_handed_over_and_the_one_before_it_stays(world):
    old, new = issued(world), issued(world)
    with everything():
        EmergencyCard.objects.filter(pk=new.pk).update(tries_left=0)
    with pytest.raises(RefusedError, match="opens nothing any more"):
        hand_over_card(world.course.pk, new.pk, by=world.actor("alice"))
    assert opens(old)
    with everything():
        assert card_in_force(world.course, NOW).pk == old.pk, "the phone shows no card that is locked"


def test_only_a_wallet_card_is_handed_to_the_patient(world):
    old, sent = issued(world), issued(world)
    with everything():
        EmergencyCard.objects.filter(pk=sent.pk).update(kind="sent")
    with pytest.raises(RefusedError, match="Only a wallet card"):
        hand_over_card(world.course.pk, sent.pk, by=world.actor("alice"))
    assert opens(old)


def test_revoking_a_card_closes_the_page_that_it_opened(world):
    card = issued(world)
    _opening, cookie = open_page(scanned(card), card.code)
    revoke_card(world.course.pk, card.pk, by=world.actor("alice"))
    assert opening_of(cookie) is None


def test_an_opening_ends_and_a_made_up_cookie_opens_nothing(world):
    card = issued(world)
    _opening, cookie = open_page(scanned(card), card.code)
    assert opening_of("made:up") is None
    world.time.advance(minutes=ROW.session_minutes)
    assert opening_of(cookie) is None


def test_who_may(world):
    card = issued(world)
    viewer = make_member(world.alice.organisation, "viewer")
    from handrail.actions.actor import person

    with pytest.raises(NotAllowedError):
        issue_card(world.course.pk, by=person(viewer))
    with pytest.raises(NotAllowedError):
        hand_over_card(world.course.pk, card.pk, by=person(viewer))
    with pytest.raises(NotVisibleError):
        issue_card(world.course.pk, by=world.actor("charlie"))


def test_a_course_that_is_over_gets_no_card(world):
    record_event(
        world.course.pk, event("course_ended", because="choice"), by=world.actor("alice", "oncologist"), now=NOW
    )
    with pytest.raises(RefusedError, match="over"):
        issued(world)
