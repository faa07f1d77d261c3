"""Calls back: asked for with or without an account, paged to the centre, and settled by nothing but the call that is written down."""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from handrail.actions.access import move_accountability
from handrail.actions.actor import person, through_link
from handrail.actions.answering import acknowledge, close_alert
from handrail.actions.call_backs import (
    Wish,
    ask_for_call_back,
    ask_from_opening,
    asks_of,
    number_from,
    own_states,
    record_call_back,
    states_of,
)
from handrail.actions.emergency import COOKIE, exchange_key, issue_card, open_page, opening_of, revoke_card
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError, TooManyError
from handrail.actions.facts import correct_event, record_event, withdraw_event
from handrail.actions.truth import truth_about
from handrail.actions.upkeep import reassess
from handrail.alerts.duty import on_duty
from handrail.alerts.models import Alert
from handrail.people.models import EmergencyOpening
from handrail.people.scope import everything
from handrail.records.models import StayPerson
from handrail.rules.expert_line import expert_line
from tests.actions.test_agreements import agreed_between
from tests.support.factories import MONDAY_0900, World, checkin, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
"""2:00 on Tuesday by the patient's clock."""
MINUTE = timedelta(minutes=1)
NUMBER = "(555) 010-0142 x17"
WISH = Wish(who="ed_physician", number=NUMBER)
ASKED = "call_back_asked"


@pytest.fixture
def world():
    return World()


def opened(world: World, now: datetime = NOW) -> EmergencyOpening:
    """The emergency page, opened with the right code of a card."""
    card = issue_card(world.course.pk, by=world.actor("alice"), now=NOW - timedelta(days=1))
    found = open_page(exchange_key(card.key), card.code, who="Mercy ED", now=now)
    assert found is not None and COOKIE
    return found[0]


def ask(world: World, house: str = "alice", who: str = "nurse", now: datetime = NOW, **wish: str) -> str:
    """An ask by somebody signed in; its name."""
    done = ask_for_call_back(
        world.course.pk,
        Wish(**{"who": "nurse", "number": NUMBER, **wish}),
        event_id=uuid4(),
        by=world.actor(house, who),
        now=now,
    )
    return str(done.event.payload["ask"])


def call(world: World, name: str, at: datetime, *, reached: bool = True, who: str = "on_call", now=None) -> None:
    record_call_back(
        world.course.pk,
        name,
        reached=reached,
        called_at=at,
        event_id=uuid4(),
        by=world.actor("alice", who),
        now=now or at,
    )


def alerts(world: World) -> dict[str, Alert]:
    """The open alerts about calls back, by what follows the ask in their key."""
    with everything():
        rows = Alert.objects.filter(course=world.course, key__startswith="call_back:", closed_at__isnull=True)
        return {":".join(row.key.split(":")[2:]): row for row in rows}


# --- asking -------------------------------------------------------------------------------------------------------------


def test_an_ask_from_the_emergency_page_pages_at_once_and_promises_a_time(world):
    opening = opened(world)
    done = ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW)
    assert done.event.payload | {"ask": "", "person": ""} == {
        "ask": "",
        "person": "",
        "who": "ed_physician",
        "through": "emergency_page",
        "promised_by": "2026-03-03T08:10:00Z",
    }
    assert (done.event.role, done.event.by) == ("ed", str(opening.card.link_id))
    (alert,) = alerts(world).values()
    assert (alert.urgency, alert.next_page_at) == ("now", NOW)
    assert [step["who"] for step in alert.steps] == ["first_on_call", "first_on_call", "second_on_call", "attending"]
    with everything():
        assert on_duty(alert, "first_on_call", NOW).user == world.alice.on_call


def test_the_number_stands_encrypted_beside_the_facts_and_nowhere_else(world, caplog):
    caplog.set_level(logging.DEBUG)
    done = ask_from_opening(opened(world), WISH, event_id=uuid4(), now=NOW)
    with everything():
        kept = StayPerson.objects.get(pk=done.event.payload["person"])
        assert (kept.phone, kept.role) == (NUMBER, "emergency physician")
        texts = [str(event.payload) for event in world.course.events.all()]
        texts += [f"{each.what} {each.because} {each.key}" for each in Alert.objects.all()]
    world.course.refresh_from_db()
    texts += [str(world.course.assessment), caplog.text, repr(WISH), str(kept), repr(done)]
    assert not [text for text in texts if "0142" in text]


def test_a_form_that_is_sent_twice_asks_once(world):
    opening, number = opened(world), uuid4()
    first, second = (ask_from_opening(opening, WISH, event_id=number, now=NOW + each * MINUTE) for each in (0, 1))
    assert first.event.id == second.event.id
    assert second.again
    assert len(asks_of(world.course, NOW + MINUTE)) == 1


def test_another_number_for_an_open_ask_keeps_its_clock(world):
    opening = opened(world)
    ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW)
    ask_from_opening(opening, Wish(who="hospitalist", number="555 010 0199"), event_id=uuid4(), now=NOW + 4 * MINUTE)
    with everything():
        (state,) = own_states(world.course, opening.pk, NOW + 5 * MINUTE)
    assert (state.number, state.ask.who) == ("555 010 0199", "hospitalist")
    assert (state.ask.at, state.ask.due) == (NOW, NOW + 10 * MINUTE)
    assert len(alerts(world)) == 1


def test_after_a_call_back_the_same_page_asks_anew(world):
    opening = opened(world)
    first = str(ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW).event.payload["ask"])
    call(world, first, NOW + MINUTE)
    second = str(ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW + 2 * MINUTE).event.payload["ask"])
    assert first != second
    with everything():
        assert [s.ask.id for s in own_states(world.course, opening.pk, NOW + 3 * MINUTE)] == [second, first]


def test_a_page_shows_its_own_asks_alone(world):
    one = opened(world)
    ask_from_opening(one, WISH, event_id=uuid4(), now=NOW)
    other = opened(world)
    with everything():
        assert own_states(world.course, other.pk, NOW) == []
        assert len(states_of(world.course, NOW)) == 1


@pytest.mark.parametrize(
    "number",
    ["", "12345", "x123", "call me", "555 010 0142; drop", "0" * 41, "+1 555 010 0142 ext", "５５５０１００１４２"],
)
def test_a_number_that_cannot_be_dialled_is_refused(world, number):
    with pytest.raises(RefusedError) as caught:
        ask(world, number=number)
    assert caught.value.path == "number"
    assert "0142" not in caught.value.message
    assert alerts(world) == {}


@pytest.mark.parametrize("number", ["5550100142", "+1 555-010-0142", "(555) 010.0142 ext 17", "555 0142", NUMBER])
def test_a_number_that_can_be_dialled_is_taken(number):
    assert number_from(f"  {number} ") == number


def test_who_asks_has_to_be_said(world):
    wish = Wish(who="visitor", number=NUMBER)
    with pytest.raises(RefusedError) as caught:
        ask_for_call_back(world.course.pk, wish, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    assert caught.value.path == "who"


def test_too_many_asks_are_refused_and_page_nobody(world):
    limits = expert_line().ask
    opening = opened(world)
    for minute in range(limits.most_per_hour):
        ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW + minute * MINUTE)
    with pytest.raises(TooManyError):
        ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW + 30 * MINUTE)
    ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW + 61 * MINUTE)
    with everything():
        assert world.course.events.filter(kind=ASKED).count() == limits.most_per_hour + 1


def test_so_many_askers_may_wait_at_once(world):
    for _ in range(expert_line().ask.most_open):
        ask_from_opening(opened(world), WISH, event_id=uuid4(), now=NOW)
    with pytest.raises(TooManyError):
        ask_from_opening(opened(world), WISH, event_id=uuid4(), now=NOW)


@pytest.mark.parametrize(
    ("house", "who", "error"),
    [
        ("charlie", "nurse", NotVisibleError),
        ("bob", "nurse", None),
        ("bob", "on_call", None),
        ("alice", "oncologist", None),
    ],
)
def test_who_may_ask(world, house, who, error):
    if error is None:
        assert ask(world, house, who)
    else:
        with pytest.raises(error):
            ask(world, house, who)


def test_somebody_who_only_looks_on_does_not_ask(world):
    viewer = make_member(world.alice.organisation, "viewer")
    with pytest.raises(NotAllowedError):
        ask_for_call_back(world.course.pk, WISH, event_id=uuid4(), by=person(viewer), now=NOW)


def test_a_card_that_was_revoked_asks_for_nothing(world):
    opening = opened(world)
    revoke_card(world.course.pk, opening.card_id, by=world.actor("alice"), now=NOW)
    opening.card.link.refresh_from_db()
    with pytest.raises(NotVisibleError):
        ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW + MINUTE)
    assert opening_of("nothing", now=NOW) is None


# --- whom it calls ------------------------------------------------------------------------------------------------------


def test_the_centre_is_paged_although_the_practice_has_the_patient(world):
    agreed_between(world.alice, world.bob)
    there = {
        "accepted_by": world.bob.oncologist,
        "by": world.actor("alice", "oncologist"),
        "now": MONDAY_0900 + 5 * MINUTE,
    }
    move_accountability(world.course.pk, world.bob.organisation, **there)
    ask_from_opening(opened(world), WISH, event_id=uuid4(), now=NOW)
    (alert,) = alerts(world).values()
    with everything():
        assert on_duty(alert, "first_on_call", NOW).user == world.alice.on_call
    fever = checkin(at=NOW, temperature_c="39.0")
    record_event(world.course.pk, fever, by=world.actor("alice"), now=NOW)
    with everything():
        about_the_patient = Alert.objects.get(course=world.course, key__startswith="report", closed_at__isnull=True)
        assert on_duty(about_the_patient, "first_on_call", NOW).user == world.bob.on_call


def test_a_page_about_a_call_back_says_nothing_to_the_patient(world):
    ask(world)
    world.course.refresh_from_db()
    with everything():
        assert "called" not in truth_about(world.course, NOW, saved_at=NOW)


# --- settling -----------------------------------------------------------------------------------------------------------


def test_nothing_settles_it_but_the_recorded_call(world):
    name = ask(world)
    (alert,) = alerts(world).values()
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    with pytest.raises(RefusedError):
        close_alert(alert.pk, "done", by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    with everything():
        fact = world.course.events.get(kind=ASKED)
    for change in (
        lambda: withdraw_event(
            world.course.pk, fact.id, reason="by mistake", by=world.actor("alice"), now=NOW + MINUTE
        ),
        lambda: correct_event(
            world.course.pk, fact.id, {"ask": "b"}, reason="typed wrong", by=world.actor("alice"), now=NOW + MINUTE
        ),
    ):
        with pytest.raises(RefusedError):
            change()
    reassess(world.course.pk, now=NOW + 9 * MINUTE)
    assert list(alerts(world)) == [""]
    reassess(world.course.pk, now=NOW + 10 * MINUTE)
    assert sorted(alerts(world)) == ["", "late"]
    late = alerts(world)["late"]
    assert late.acknowledged_at is None
    assert [step["who"] for step in late.steps] == ["attending", "second_on_call", "first_on_call", "director"]
    acknowledge(late.pk, by=world.actor("alice", "on_call"), now=NOW + 12 * MINUTE)
    reassess(world.course.pk, now=NOW + 40 * MINUTE)
    assert sorted(alerts(world)) == ["", "late", "late:1"], "it pages anew, although somebody has it"
    call(world, name, NOW + 41 * MINUTE)
    assert alerts(world) == {}


def test_a_call_that_reached_nobody_lets_the_pages_go_on(world):
    name = ask(world)
    (alert,) = alerts(world).values()
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    call(world, name, NOW + 2 * MINUTE, reached=False)
    (alert,) = alerts(world).values()
    assert (alert.acknowledged_at, alert.next_page_at) == (None, NOW + 2 * MINUTE)


def test_a_call_about_the_patient_that_reached_nobody_leaves_a_call_back_with_whoever_has_it(world):
    ask(world)
    (alert,) = alerts(world).values()
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    contact = {"id": str(uuid4()), "kind": "contact_made", "at": (NOW + 2 * MINUTE).isoformat(), "with": "patient"}
    record_event(world.course.pk, {**contact, "reached": False}, by=world.actor("alice"), now=NOW + 2 * MINUTE)
    assert alerts(world)[""].acknowledged_at is not None


def test_what_is_true_now_is_said(world):
    name = ask(world)
    with everything():
        (state,) = states_of(world.course, NOW)
        assert (state.has_it, state.paged, state.reaches, state.late) == (None, False, True, False)
    (alert,) = alerts(world).values()
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW + MINUTE)
    with everything():
        (state,) = states_of(world.course, NOW + 10 * MINUTE)
    assert state.has_it == (world.alice.on_call.name, NOW + MINUTE)
    assert state.late, "whoever has it, the time that was promised is over"
    call(world, name, NOW + 8 * MINUTE, now=NOW + 15 * MINUTE)
    with everything():
        (state,) = states_of(world.course, NOW + 15 * MINUTE)
    assert state.ask.made is not None
    assert not state.late, "it was made in time, and written down later"


def test_without_a_watcher_nobody_is_said_to_be_reached(db):
    world = World(watched=False)
    ask(world)
    with everything():
        (state,) = states_of(world.course, NOW)
    assert not state.reaches


@pytest.mark.parametrize("minutes", [-1, 3])
def test_a_call_is_made_after_the_ask_and_not_later_than_now(world, minutes):
    name = ask(world)
    with pytest.raises(RefusedError) as caught:
        call(world, name, NOW + minutes * MINUTE, now=NOW + 2 * MINUTE)
    assert caught.value.path == "called_at"


def test_a_call_in_the_minute_of_the_ask_is_typed_to_the_minute_and_counts(world):
    asked_at = NOW + timedelta(seconds=40)
    name = ask(world, now=asked_at)
    call(world, name, NOW, now=NOW + 2 * MINUTE)
    (found,) = asks_of(world.course, NOW + 2 * MINUTE)
    assert found.made is not None and found.made.at == asked_at


def test_what_is_settled_is_not_settled_again_and_an_unknown_ask_is_none(world):
    name = ask(world)
    call(world, name, NOW + MINUTE)
    with pytest.raises(RefusedError):
        call(world, name, NOW + 2 * MINUTE)
    with pytest.raises(NotVisibleError):
        call(world, str(uuid4()), NOW + 2 * MINUTE)


@pytest.mark.parametrize(
    ("house", "who", "error"),
    [("alice", "director", NotAllowedError), ("charlie", "on_call", NotVisibleError), ("bob", "on_call", None)],
)
def test_who_may_write_a_call_down(world, house, who, error):
    name = ask(world)
    arguments = {"reached": True, "called_at": NOW, "event_id": uuid4(), "by": world.actor(house, who), "now": NOW}
    if error is None:
        record_call_back(world.course.pk, name, **arguments)
    else:
        with pytest.raises(error):
            record_call_back(world.course.pk, name, **arguments)


def test_the_card_itself_writes_no_call_down(world):
    opening = opened(world)
    name = str(ask_from_opening(opening, WISH, event_id=uuid4(), now=NOW).event.payload["ask"])
    with pytest.raises(NotAllowedError):
        record_call_back(
            world.course.pk,
            name,
            reached=True,
            called_at=NOW,
            event_id=uuid4(),
            by=through_link(opening.card.link),
            now=NOW,
        )
    assert UUID(name)
