"""The hand-off through the verbs: who may do what, what it opens and moves, and the doors for a receiver without an account."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from handrail.actions import handoff_doors, handoffs
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.handoff_doors import MOST_WRONG_TRIES, Who
from handrail.actions.handoffs import Offer
from handrail.actions.links import exchange_link
from handrail.actions.truth import number_to_call, truth_about
from handrail.actions.upkeep import reassess, verify_cache
from handrail.alerts.duty import on_duty
from handrail.people.models import Membership
from handrail.people.permissions import may
from handrail.people.scope import everything
from handrail.records.accountability import accountable_for, responsible_for
from handrail.records.models import Course, HandoffDoor, HandoffPerson
from tests.support.factories import MONDAY_0900, World, dose, event, make_member, make_organisation
from tests.support.handoffs import LOOKED

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(days=9)
"""Wednesday 11 March 2026, 9:00 in Chicago."""
HOUR = timedelta(hours=1)
KNOWN = {"caregiver_or_access_problem": False, "more_than_two_organisations": False, "second_product_planned": False}
READER = Who("Synthetic Reader", "nurse")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def course(world: World) -> Course:
    """A course of Alice's that nobody else reaches."""
    return world.make_course()


@pytest.fixture
def fax_only(world: World) -> Any:
    """A practice nobody of which has an account."""
    return make_organisation("Fax Only", kind="community", call_number="555-0177")


def offered(world: World, course: Course, to: Any = None, *, at=NOW, **fields: Any) -> UUID:
    what = Offer(to=to or world.bob.organisation, **{**KNOWN, "not_known": LOOKED, **fields})
    done = handoffs.offer(course.pk, what, by=world.actor("alice", "oncologist"), now=at)
    return UUID(str(done.event.id))


def stored(course: Course) -> dict[str, Any]:
    with everything():
        return Course.objects.get(pk=course.pk).assessment["handoffs"][-1]


def refused(call, *arguments, **fields) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        call(*arguments, **fields)
    return error.value


# --- offering -----------------------------------------------------------------------------------------------------------


def test_from_the_offer_on_the_receiver_may_read_and_not_write(world, course):
    assert not may(world.bob.nurse, "view_course", course, NOW)
    offered(world, course)
    assert may(world.bob.nurse, "view_course", course, NOW)
    assert may(world.bob.nurse, "take_part_in_handoff", course, NOW)
    assert not may(world.bob.nurse, "record_dose", course, NOW)
    assert not may(world.charlie.nurse, "view_course", course, NOW)
    assert responsible_for(course, NOW) == world.alice.id
    assert stored(course)["stage"] == "offered"


@pytest.mark.parametrize(
    ("who", "error"),
    [(("alice", "director"), NotAllowedError), (("bob", "oncologist"), NotVisibleError)],
)
def test_who_may_not_offer(world, course, who, error):
    with pytest.raises(error):
        handoffs.offer(course.pk, Offer(to=world.charlie.organisation), by=world.actor(*who), now=NOW)


def test_what_is_no_offer_is_refused(world, course):
    by = world.actor("alice", "oncologist")
    live = make_organisation("Live", mode="live")
    for what, code in (
        (Offer(to=world.alice.organisation), "same_party"),
        (Offer(to=live), "demo_and_live"),
        (Offer(to=world.bob.organisation, returns=True), "not_owner"),
    ):
        assert refused(handoffs.offer, course.pk, what, by=by, now=NOW).code == code
    offered(world, course)
    again = Offer(to=world.charlie.organisation)
    assert refused(handoffs.offer, course.pk, again, by=by, now=NOW).code == "waits_already"


def test_a_hand_off_is_told_through_its_own_verbs_only(world, course):
    loop = offered(world, course)
    by = world.actor("alice", "oncologist")
    for kind in ("handoff_offered", "handoff_read", "handoff_ended"):
        assert refused(record_event, course.pk, event(kind, at=NOW, handoff=str(loop)), by=by, now=NOW).code
    move = event(
        "accountability_moved",
        at=NOW,
        handoff=str(loop),
        to_party=str(world.bob.id),
        accepted_by=str(world.bob.oncologist.pk),
    )
    assert refused(record_event, course.pk, move, by=by, now=NOW).code == "unknown_kind"


# --- with an account ----------------------------------------------------------------------------------------------------


def test_read_asked_answered_accepted_first_dose_closed(world, course):
    loop = offered(world, course)
    bob, alice = world.actor("bob", "oncologist"), world.actor("alice", "oncologist")
    handoffs.delivered(course.pk, loop, "on_screen", by=alice, now=NOW + HOUR)
    assert stored(course)["stage"] == "delivered"
    handoffs.read(course.pk, loop, by=bob, now=NOW + 2 * HOUR)
    asked = handoffs.ask(course.pk, loop, "Which arm?", by=bob, now=NOW + 2 * HOUR).event.id
    handoffs.answer(course.pk, loop, asked, "The left one.", by=alice, now=NOW + 3 * HOUR)
    assert number_to_call(course, NOW + 3 * HOUR) == "555-0111", "the number is the hub's still"
    handoffs.accept(course.pk, loop, by=bob, now=NOW + 4 * HOUR)
    assert responsible_for(course, NOW + 4 * HOUR) == world.bob.id
    assert may(world.bob.nurse, "record_dose", course, NOW + 4 * HOUR), "from its acceptance on it works in the course"
    with everything():
        course.refresh_from_db()
    party = accountable_for(course, NOW + 5 * HOUR)
    assert (party.organisation, party.answer.outside) == (world.bob.organisation, False)
    assert refused(handoffs.close, course.pk, loop, by=alice, now=NOW + 5 * HOUR).code == "no_first_dose"
    dose = event(
        "dose_given", at=NOW + 6 * HOUR, step="step_up_1", dose_mg="4.8", started_at=(NOW + 6 * HOUR).isoformat()
    )
    record_event(course.pk, dose, by=bob, now=NOW + 6 * HOUR)
    assert stored(course)["stage"] == "first_dose_confirmed"
    still = refused(handoffs.close, course.pk, loop, by=alice, now=NOW + 7 * HOUR)
    assert still.code == "still_open", "nothing was assessed before it: the call, the visits and the call after it"
    for number in range(2):
        at = NOW + 8 * HOUR
        record_event(course.pk, event("contact_made", at=at, reached=True, **{"with": "other_team"}), by=alice, now=at)
        day = f"2026-03-{16 + 7 * number}"
        record_event(course.pk, event("visit_planned", at=at, on=day, who_role="nurse"), by=alice, now=at)
    handoffs.close(course.pk, loop, by=alice, now=NOW + 9 * HOUR)
    assert stored(course)["stage"] == "closed"
    assert list(verify_cache()) == []


@pytest.mark.parametrize("do", ["read", "accept"])
def test_nobody_of_the_sender_reads_or_accepts_for_the_receiver(world, course, do):
    loop = offered(world, course)
    with pytest.raises(NotAllowedError):
        getattr(handoffs, do)(course.pk, loop, by=world.actor("alice", "oncologist"), now=NOW)
    with pytest.raises(NotVisibleError):
        getattr(handoffs, do)(course.pk, loop, by=world.actor("charlie", "oncologist"), now=NOW)
    assert stored(course)["stage"] == "offered"


def test_a_nurse_reads_and_a_prescriber_accepts(world, course):
    loop = offered(world, course)
    handoffs.read(course.pk, loop, by=world.actor("bob", "nurse"), now=NOW)
    with pytest.raises(NotAllowedError):
        handoffs.accept(course.pk, loop, by=world.actor("bob", "nurse"), now=NOW)
    handoffs.accept(course.pk, loop, by=world.actor("bob", "on_call"), now=NOW)


def test_it_moves_on_the_day_that_was_accepted(world, course):
    loop = offered(world, course)
    by = world.actor("bob", "oncologist")
    assert refused(handoffs.accept, course.pk, loop, by=by, from_on=date(2026, 3, 10), now=NOW).code == "in_the_past"
    handoffs.accept(course.pk, loop, by=by, from_on=date(2026, 3, 16), now=NOW)
    monday = MONDAY_0900 + timedelta(days=14) - 10 * HOUR  # the clocks went forward on the 8th: 00:00 there
    assert responsible_for(course, monday - timedelta(seconds=1)) == world.alice.id
    assert responsible_for(course, monday) == world.bob.id


def test_what_has_ended_moves_nothing_and_shuts_its_doors(world, course):
    by = world.actor("bob", "oncologist")
    loop = offered(world, course)
    door = handoff_doors.make_fax(course.pk, loop, by=world.actor("alice"), now=NOW)
    handoffs.withdraw(course.pk, loop, "offered to the wrong practice", by=world.actor("alice"), now=NOW + HOUR)
    with pytest.raises(NotVisibleError):
        handoffs.accept(course.pk, loop, by=by, now=NOW + HOUR)
    with everything():
        door.refresh_from_db()
    assert door.closed_at == NOW + HOUR
    again = offered(world, course, at=NOW + 2 * HOUR)
    handoffs.decline(course.pk, again, "no chair before April", by=by, now=NOW + 3 * HOUR)
    assert stored(course)["stage"] == "declined"
    assert responsible_for(course, NOW + 4 * HOUR) == world.alice.id
    assert not may(world.bob.nurse, "view_course", course, NOW + 4 * HOUR)


def test_the_same_loop_brings_the_patient_back(world, course):
    loop = offered(world, course)
    handoffs.accept(course.pk, loop, by=world.actor("bob", "oncologist"), now=NOW)
    back = Offer(to=world.alice.organisation, returns=True, urgent=True, criteria=("asked",), not_known=LOOKED, **KNOWN)
    sent = handoffs.offer(course.pk, back, by=world.actor("bob", "oncologist"), now=NOW + HOUR)
    assert responsible_for(course, NOW + HOUR) == world.bob.id
    handoffs.accept(course.pk, UUID(str(sent.event.id)), by=world.actor("alice", "oncologist"), now=NOW + 2 * HOUR)
    assert responsible_for(course, NOW + 2 * HOUR) == world.alice.id


# --- chases ---------------------------------------------------------------------------------------------------------------


def test_what_nobody_reads_opens_its_pages_by_time_alone_and_tells_the_patient_nothing(world, course):
    offered(world, course)
    for hours, keys in ((3, set()), (4, {"unread"}), (48, {"unread", "unaccepted"})):
        at = NOW + timedelta(hours=hours)
        reassess(course.pk, now=at)
        with everything():
            open_now = course.alerts.filter(closed_at__isnull=True, key__startswith="handoff:")
            assert {alert.key.split(":")[1] for alert in open_now} == keys
    with everything():
        course.refresh_from_db()
        alert = course.alerts.get(key__startswith="handoff:unaccepted")
        assert on_duty(alert, "first_on_call", at).user == world.alice.on_call, "whoever answers now is paged"
    assert "called" not in truth_about(course, at, saved_at=at)
    handoffs.accept(course.pk, UUID(alert.key.split(":")[2]), by=world.actor("bob", "oncologist"), now=at)
    with everything():
        assert not course.alerts.filter(closed_at__isnull=True, key__startswith="handoff:un").exists()


# --- without an account -----------------------------------------------------------------------------------------------------


def test_a_fax_only_practice_reads_and_takes_over_by_the_codes_that_were_read_back(world, course, fax_only):
    alice = world.actor("alice", "nurse")
    loop = offered(world, course, fax_only)
    door = handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW)
    assert handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW).pk == door.pk, "the sheet can be printed again"
    handoff_doors.note_fax_sent(course.pk, loop, by=alice, now=NOW)
    assert stored(course)["stage"] == "delivered", "the machine is no reader"
    by = {"by": alice, "now": NOW + HOUR}
    typed = f" {door.read_code[:3].lower()}-{door.read_code[3:]} "
    handoff_doors.heard_read(course.pk, loop, code=typed, who=READER, **by)
    told = stored(course)
    assert told["stage"] == "read"
    accept_by = Who("Synthetic Oncologist", "oncologist")
    wrong = refused(handoff_doors.heard_accepted, course.pk, loop, code=door.read_code, who=accept_by, **by)
    assert wrong.code == "wrong_code", "having read it is not taking over"
    handoff_doors.heard_accepted(course.pk, loop, code=door.accept_code, who=accept_by, **by)
    with everything():
        course.refresh_from_db()
        named = {each.name: each.role for each in HandoffPerson.objects.filter(course=course)}
        moved = course.events.get(kind="accountability_moved")
    assert named == {"Synthetic Reader": "nurse", "Synthetic Oncologist": "oncologist"}
    assert "Synthetic" not in str(moved.payload), "a payload holds no name"
    assert responsible_for(course, NOW + HOUR) == fax_only.pk
    party = accountable_for(course, NOW + HOUR)
    assert (party.answer.name, party.answer.away) == (fax_only.name, True)
    assert number_to_call(course, NOW + HOUR) == "555-0177", "the patient calls the practice"
    assert party.organisation == world.alice.organisation, "its people are on no rota: Alice's are paged, and call it"
    Membership.objects.filter(organisation=fax_only).delete()
    make_member(fax_only, "nurse", valid_from=NOW)
    assert accountable_for(course, NOW + HOUR).organisation == fax_only, "as soon as somebody there has an account"


@pytest.mark.parametrize("who", [Who("", "nurse"), Who("Somebody", " ")])
def test_nobody_without_a_name_and_a_role(world, course, fax_only, who):
    alice = world.actor("alice")
    loop = offered(world, course, fax_only)
    door = handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW)
    assert refused(handoff_doors.heard_read, course.pk, loop, code=door.read_code, who=who, by=alice, now=NOW).code
    assert stored(course)["stage"] == "offered"


def test_wrong_codes_are_counted_and_shut_the_door(world, course, fax_only):
    alice = world.actor("alice")
    loop = offered(world, course, fax_only)
    door = handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW)
    for _ in range(MOST_WRONG_TRIES):
        assert (
            refused(handoff_doors.heard_read, course.pk, loop, code="aaa", who=READER, by=alice, now=NOW).code
            == "wrong_code"
        )
    right = refused(handoff_doors.heard_read, course.pk, loop, code=door.read_code, who=READER, by=alice, now=NOW)
    assert right.code == "no_sheet", "the right code comes too late"
    assert handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW).pk != door.pk, "a new sheet has new codes"


def link_of(world: World, course: Course, to: Any) -> tuple[UUID, HandoffDoor]:
    loop = offered(world, course, to)
    made = handoff_doors.make_link(course.pk, loop, by=world.actor("alice"), now=NOW)
    assert made.token not in repr(made)
    found = exchange_link(made.token, handoff_doors.PURPOSE, now=NOW)
    assert found is not None
    door = handoff_doors.door_held(found[1], now=NOW)
    assert door is not None
    return loop, door


def test_behind_a_link_a_named_person_reads_asks_and_accepts(world, course, fax_only):
    _loop, door = link_of(world, course, fax_only)
    assert stored(course)["stage"] == "offered", "opening a link says nothing"
    assert refused(handoff_doors.try_code, door, "WRONG", now=NOW).code == "wrong_code"
    handoff_doors.try_code(door, door.read_code, now=NOW)
    assert stored(course)["stage"] == "offered", "the code alone names nobody"
    handoff_doors.read_through(door, READER, now=NOW)
    handoff_doors.ask_through(door, READER, "Which lot?", now=NOW)
    assert [question["answered_at"] for question in stored(course)["questions"]] == [None]
    handoff_doors.accept_through(door, Who("Synthetic Oncologist", "oncologist"), now=NOW)
    assert responsible_for(course, NOW) == fax_only.pk
    assert refused(handoff_doors.accept_through, door, READER, now=NOW).code == "not_waiting"
    with everything():
        moved = course.events.get(kind="accountability_moved")
    assert (moved.role, moved.source) == ("receiver", "staff")


def test_a_link_is_for_one_hand_off_and_for_nothing_else(world, course, fax_only):
    _loop, door = link_of(world, course, fax_only)
    by = handoff_doors._through(door)
    with pytest.raises(NotAllowedError):
        record_event(course.pk, event("note_added", at=NOW, text="x"), by=by, now=NOW)
    other = world.make_course()
    with pytest.raises(NotVisibleError):
        handoffs.ask(other.pk, uuid4(), "x", by=by, now=NOW)


def test_a_new_link_ends_the_one_before_and_wrong_codes_end_it_too(world, course, fax_only):
    loop, door = link_of(world, course, fax_only)
    made = handoff_doors.make_link(course.pk, loop, by=world.actor("alice"), now=NOW)
    with everything():
        door.link.refresh_from_db()
        assert door.link.revoked_at == NOW
    found = exchange_link(made.token, handoff_doors.PURPOSE, now=NOW)
    second = handoff_doors.door_held(found[1], now=NOW)
    for _ in range(MOST_WRONG_TRIES):
        refused(handoff_doors.try_code, second, "NO", now=NOW)
    assert handoff_doors.door_held(found[1], now=NOW) is None
    assert exchange_link(made.token, handoff_doors.PURPOSE, now=NOW) is None


def test_a_door_that_was_shut_meanwhile_stays_shut(world, course, fax_only):
    loop, former = link_of(world, course, fax_only)
    handoff_doors.make_link(course.pk, loop, by=world.actor("alice"), now=NOW)
    for code in (former.read_code, "WRONGX"):
        with pytest.raises(RefusedError, match="This door is shut"):
            handoff_doors.try_code(former, code, now=NOW)
    former.refresh_from_db()
    assert (former.closed_at, former.wrong_tries) == (NOW, 0)


def test_a_name_that_nobody_confirmed_accepts_nothing(world, course):
    """Not even in the way the rows are written: the move must carry whoever writes it, or somebody who came through a door."""
    from handrail.actions.recording import record

    loop = offered(world, course)
    with everything():
        course.accesses.update(purpose="co_management")
    move = {
        "id": str(uuid4()),
        "kind": "accountability_moved",
        "at": NOW.isoformat(),
        "handoff": str(loop),
        "to_party": str(world.bob.id),
        "accepted_by": str(world.bob.oncologist.pk),
    }
    by = person(world.alice.oncologist)
    assert refused(record, course.pk, move, by=by, verbs=("move_accountability",), now=NOW).code == "not_accepted"


def test_who_asks_or_declines_behind_a_link_stands_beside_the_fact(world, course, fax_only):
    loop, door = link_of(world, course, fax_only)
    handoff_doors.ask_through(door, READER, "Which lot?", now=NOW)
    handoff_doors.decline_through(door, Who("Synthetic Oncologist", "oncologist"), "no chair", now=NOW + HOUR)
    with everything():
        names = {str(each.pk): each.name for each in HandoffPerson.objects.filter(course=course)}
        asked = course.events.get(kind="handoff_asked").payload["asked_by"]
        ended = course.events.get(kind="handoff_ended").payload["ended_by"]
    assert (names[asked], names[ended]) == (READER.name, "Synthetic Oncologist")
    assert stored(course)["id"] == str(loop) and stored(course)["stage"] == "declined"
    assert refused(handoff_doors.decline_through, door, Who("", ""), "no", now=NOW + HOUR).code == "missing_key"


def test_the_right_code_opens_one_door_for_some_hours(world, course, fax_only):
    _loop, door = link_of(world, course, fax_only)
    cookie = handoff_doors.try_code(door, door.read_code, now=NOW)
    assert handoff_doors.is_open(door, cookie, now=NOW)
    assert not handoff_doors.is_open(door, cookie, now=NOW + handoff_doors.OPEN_FOR)
    _other, second = link_of(world, world.make_course(), fax_only)
    assert not handoff_doors.is_open(second, cookie, now=NOW), "another patient's door stays shut"
    for wrong in ("", cookie[:-1] + ("A" if cookie[-1] != "A" else "B"), "x:y:z"):
        assert not handoff_doors.is_open(door, wrong, now=NOW)


def test_an_id_of_the_sender_is_no_way_around_a_hand_off_that_waits(world, course):
    offered(world, course)
    what = Offer(to=world.charlie.organisation, **KNOWN)
    by = world.actor("alice", "oncologist")
    assert refused(handoffs.offer, course.pk, what, by=by, id=uuid4(), now=NOW).code == "waits_already"


def test_a_closed_hand_off_shuts_its_doors(world, course, fax_only):
    loop = offered(world, course, fax_only)
    alice = world.actor("alice")
    door = handoff_doors.make_fax(course.pk, loop, by=alice, now=NOW)
    handoff_doors.heard_accepted(course.pk, loop, code=door.accept_code, who=READER, by=alice, now=NOW)
    for number, at in enumerate((NOW + HOUR, NOW + 2 * HOUR)):
        visit = {"on": (NOW + timedelta(days=7 + number)).date().isoformat(), "who_role": "nurse", "contact": "call"}
        record_event(course.pk, event("visit_planned", at=at, **visit), by=alice, now=at)
    record_event(course.pk, dose("step_up_1", mg="4.8", at=NOW + 3 * HOUR), by=alice, now=NOW + 3 * HOUR)
    told = {"with": "other_team", "channel": "phone", "reached": True}
    record_event(course.pk, event("contact_made", at=NOW + 4 * HOUR, **told), by=alice, now=NOW + 4 * HOUR)
    handoffs.close(course.pk, loop, by=alice, now=NOW + 5 * HOUR)
    with everything():
        door.refresh_from_db()
    assert door.closed_at == NOW + 5 * HOUR and stored(course)["stage"] == "closed"
