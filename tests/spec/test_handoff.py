"""The hand-off: how far it has come, which facts count for it, who is called when it is slow, and the days both sites count by."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.handoff import CALL, FOLLOW_UP, chases, say_row
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.strict import ProtocolDataError
from tests.support.agreements import CLINIC, HUB
from tests.support.courses import Told, civil, instant, well
from tests.support.handoffs import OFFERED, accept, asked_for, found, latest, offered, paged, shared, stepped_up

PHONE = "phone the receiving team: has a person read it?"
ACCEPT = "have the hand-off accepted, for a date"
NOT_READ, NOT_TAKEN = "Nobody on the receiving side has read the hand-off", "Nobody has taken over the patient"


def told_after(*facts: tuple[str, str, dict[str, Any]]) -> tuple[Told, str]:
    """An offered hand-off and what followed; `handoff` is filled in."""
    told, loop = offered()
    for kind, at, fields in facts:
        told.tell(kind, at, **{"handoff": loop, **fields})
    return told, loop


MOVE = {"to_party": CLINIC, "accepted_by": "somebody"}
DELIVERED = ("handoff_delivered", "2026-03-11 09:01", {"channel": "fax"})
READ = ("handoff_read", "2026-03-11 11:00", {"reader": "somebody", "how": "fax_code"})
ACCEPTED = ("accountability_moved", "2026-03-12 10:00", MOVE)
DOSE = ("dose_given", "2026-03-16 09:00", {"step": "treatment"})
CLOSED = ("handoff_ended", "2026-03-17 09:00", {"how": "closed"})


@pytest.mark.parametrize(
    # what followed the offer | how far it has come | state of the course
    ("facts", "stage", "state"),
    [
        ((), "offered", 13),
        ((DELIVERED,), "delivered", 13),
        ((DELIVERED, DELIVERED), "delivered", 13),  # delivered twice is not read
        ((READ,), "read", 14),
        ((DELIVERED, READ), "read", 14),
        ((("handoff_read", "2026-03-11 11:00", {"reader": None, "how": "link"}),), "offered", 13),  # read by nobody
        ((("handoff_read", "2026-03-11 11:00", {"how": "link"}),), "offered", 13),
        ((ACCEPTED,), "accepted", 15),  # whoever accepts has read it
        ((READ, ACCEPTED), "accepted", 15),
        ((("accountability_moved", "2026-03-12 10:00", {**MOVE, "accepted_by": None}),), "offered", 13),
        ((("accountability_moved", "2026-03-12 10:00", {**MOVE, "to_party": HUB}),), "offered", 13),  # not to them
        ((("accountability_moved", "2026-03-12 10:00", {**MOVE, "to_party": None}),), "offered", 13),
        ((("accountability_moved", "2026-03-11 08:59", MOVE),), "offered", 13),  # before it was offered
        ((("handoff_ended", "2026-03-12 09:00", {"how": "declined"}),), "declined", None),
        ((("handoff_ended", "2026-03-12 09:00", {"how": "withdrawn"}),), "withdrawn", None),
        ((("handoff_ended", "2026-03-12 09:00", {"how": None}),), "offered", 13),
        ((("handoff_ended", "2026-03-12 09:00", {"how": "withdrawn"}), ACCEPTED), "withdrawn", None),
        ((("handoff_ended", "2026-03-12 10:00", {"how": "withdrawn"}), ACCEPTED), "withdrawn", None),  # that minute
        ((("handoff_ended", "2026-03-12 11:00", {"how": "withdrawn"}), ACCEPTED), "accepted", 15),  # too late
        ((ACCEPTED, CLOSED), "accepted", 15),  # nobody gave a dose: not closed
        ((ACCEPTED, DOSE), "first_dose_confirmed", 16),
        ((ACCEPTED, DOSE, CLOSED), "closed", None),
        ((CLOSED, DOSE, ACCEPTED), "closed", None),  # the order in which they are told decides nothing
        ((DOSE,), "offered", 13),  # the sender gave a dose while it waited
    ],
)
def test_how_far_a_hand_off_has_come(facts, stage, state):
    told, _ = told_after(*((k, at, {**f, "handoff": ...} if k == "dose_given" else f) for k, at, f in facts))
    for event in told.events:
        if event.get("handoff") is ...:
            del event["handoff"]
    well(told, "2026-03-18 08:00")
    answer = told.assess("2026-03-18 09:00")
    assert latest(answer).stage == stage
    if state is not None:
        assert answer.state.number == state
    else:
        assert answer.state.number in (12, 17)


@pytest.mark.parametrize("told_first", ["the answer", "the question"])
def test_a_question_is_open_until_somebody_answers_that_one(told_first):
    told, loop = offered()
    asked = told.tell("handoff_asked", "2026-03-11 12:00", handoff=loop, question="Which lot?")
    told.tell("handoff_asked", "2026-03-11 12:05", handoff=loop, question="Which arm?")
    told.tell("handoff_answered", "2026-03-11 12:30", handoff=loop, asked=asked, answer="The first.")
    if told_first == "the answer":
        told.events.reverse()
    answer = told.assess("2026-03-11 13:00")
    assert [each.answered_at is None for each in latest(answer).questions] == [False, True]
    assert [what for what in asked_for(answer) if "question" in what] == [
        "answer the question of Wed 11 Mar 2026 12:05 CDT about the hand-off"
    ]


def test_a_fact_of_another_hand_off_or_of_none_counts_for_nothing():
    told, _ = offered()
    for loop in (None, "00000000-0000-4000-8000-000000000099"):
        told.tell("handoff_read", "2026-03-11 11:00", handoff=loop, reader="somebody", how="link")
        accept(told, loop, "2026-03-11 12:00")
    answer = told.assess("2026-03-11 13:00")
    assert latest(answer).stage == "offered"
    assert answer.accountable is None, "nobody has taken over"


def test_a_corrected_offer_keeps_what_was_said_to_the_first_one():
    told, loop = offered()
    told.tell("handoff_read", "2026-03-11 11:00", handoff=loop, reader="somebody", how="signed_in")
    body = {"from_party": HUB, "to_party": CLINIC, "take_over_on": "2026-03-16"}
    told.tell("handoff_offered", OFFERED, supersedes=loop, reason="the day was wrong", **body)
    assert [each.stage for each in told.assess("2026-03-11 12:00").handoffs] == ["read"]


# --- who answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "at", "who"),
    [
        ((), "2026-03-13 12:00", HUB),
        ((DELIVERED, READ), "2026-03-13 12:00", HUB),
        ((ACCEPTED,), "2026-03-12 09:59", HUB),
        ((ACCEPTED,), "2026-03-12 10:00", CLINIC),
        ((("accountability_moved", "2026-03-12 10:00", {**MOVE, "from_at": "2026-03-16T13:00:00Z"}),), "2026-03-16 07:59", HUB),
        ((("accountability_moved", "2026-03-12 10:00", {**MOVE, "from_at": "2026-03-16T13:00:00Z"}),), "2026-03-16 08:00", CLINIC),
        ((("handoff_ended", "2026-03-12 09:00", {"how": "withdrawn"}), ACCEPTED), "2026-03-12 12:00", HUB),
        ((("handoff_ended", "2026-03-12 09:00", {"how": "declined"}), ACCEPTED), "2026-03-12 12:00", HUB),
        ((ACCEPTED, ("handoff_ended", "2026-03-12 11:00", {"how": "withdrawn"})), "2026-03-12 12:00", CLINIC),
    ],
)  # fmt: skip
def test_responsibility_moves_at_accepted_and_not_before(facts, at, who):
    told, _ = told_after(*facts)
    assert shared(told, at).accountable == who


def test_a_return_is_the_same_loop_the_other_way_round():
    told, loop = offered()
    accept(told, loop, "2026-03-12 10:00")
    body = {"from_party": CLINIC, "to_party": HUB, "returns": True, "urgent": False, "criteria": ["asked"]}
    back = told.tell("handoff_offered", "2026-03-18 09:00", **body)
    answer = shared(told, "2026-03-18 10:00")
    assert (answer.accountable, answer.state.name, latest(answer).returns) == (CLINIC, "RETURNED", True)
    accept(told, back, "2026-03-18 11:00", to_party=HUB)
    assert shared(told, "2026-03-18 11:00").accountable == HUB


@pytest.mark.parametrize(
    ("urgent", "by"),
    [(True, "2026-03-13 18:00"), (None, "2026-03-13 18:00"), (False, "2026-03-17 16:00")],
)
def test_an_urgent_return_is_answered_within_two_hours_by_the_clock(urgent, by):
    told = stepped_up()
    body = {"from_party": CLINIC, "to_party": HUB, "returns": True, "urgent": urgent}
    told.tell("handoff_offered", "2026-03-13 16:00", **body)
    answer = told.assess("2026-03-13 16:00")
    assert civil(latest(answer).accept_due) == by
    assert "unaccepted" not in paged(answer)
    told.tell("home_status", by, location="home")
    assert "unaccepted" in paged(told.assess(by))


# --- chases -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # offered           | chased             | phoned             | escalated          | to be accepted by
    ("at", "chase", "phone", "escalate", "accept_by"),
    [
        ("2026-03-11 09:00", "2026-03-11 13:00", "2026-03-12 09:00", "2026-03-13 09:00", "2026-03-16 09:00"),
        ("2026-03-11 16:00", "2026-03-12 11:00", "2026-03-12 16:00", "2026-03-13 16:00", "2026-03-16 16:00"),
        ("2026-03-13 16:30", "2026-03-16 11:30", "2026-03-16 16:30", "2026-03-17 16:30", "2026-03-18 16:30"),  # Friday
        (
            "2026-03-14 02:00",
            "2026-03-16 12:00",
            "2026-03-16 17:00",
            "2026-03-17 17:00",
            "2026-03-18 17:00",
        ),  # Saturday
    ],
)
def test_what_nobody_reads_is_chased_phoned_and_escalated_in_working_hours(at, chase, phone, escalate, accept_by):
    told, loop = offered(at=at)
    moment = timedelta(seconds=1)
    answer = told.assess(at)
    assert (civil(asked_for(answer)[PHONE]), civil(asked_for(answer)[ACCEPT])) == (phone, accept_by)
    for limit, key in ((chase, "unread"), (escalate, "unaccepted")):
        before = told.assess(f"{instant(limit) - moment}")
        assert key not in paged(before), key
        assert key in paged(told.assess(limit)), key
    assert [each.urgency.value for each in told.assess(phone).findings if each.what == NOT_READ] == ["soon"]
    ladders = {page.key.split(":")[1]: page.ladder.value for page in told.assess(escalate).pages}
    assert (ladders["unread"], ladders["unaccepted"]) == ("GREEN", "AMBER")
    told.tell("handoff_read", escalate, handoff=loop, reader="somebody", how="link")
    assert paged(told.assess(escalate)) == [], "a person has read it"
    assert paged(told.assess(accept_by)) == ["unaccepted"]
    accept(told, loop, accept_by)
    assert paged(told.assess(accept_by)) == []


def test_delivery_by_a_machine_stops_no_chase():
    told, loop = offered()
    told.tell("handoff_delivered", OFFERED, handoff=loop, channel="email")
    answer = told.assess("2026-03-13 09:00")
    assert (paged(answer), found(answer)) == (["unaccepted", "unread"], [NOT_READ, NOT_TAKEN])


def test_a_slow_hand_off_is_found_days_before_it_would_force_a_repeat():
    told, _ = offered()
    slow = "The hand-off is slow: it would force step-up again after Mon 6 Apr 2026"
    assert slow not in found(told.assess("2026-03-30 07:59"))
    answer = told.assess("2026-03-30 08:00")
    assert slow in found(answer)
    because = next(each.because for each in answer.findings if each.what == slow)
    assert because == (
        "not given by Mon 6 Apr 2026: the step-up must be started again with step-up dose 2 (row R5); "
        "not given by Mon 4 May 2026: the step-up must be started again with step-up dose 1 (row R6)"
    )


def test_where_the_step_up_begins_again_at_once_it_is_said_once():
    told = Told()
    well(told, "2026-03-02 08:00")
    told.dose("step_up_1", "2026-03-02 09:00")
    told, _ = offered(told, "2026-03-03 09:00")
    answer = told.assess("2026-03-06 09:00")
    clock = answer.dose_clock
    assert clock is not None and clock.give_by == clock.restart_if_after == date(2026, 3, 9)
    (slow,) = [each for each in answer.findings if each.what.startswith("The hand-off is slow")]
    assert slow.because.count("not given by") == 1


def test_the_words_of_an_offer_stand_in_the_hand_off():
    told, _ = offered(criteria=["weekly doses without a reaction"])
    assert latest(told.assess(OFFERED)).criteria == ("weekly doses without a reaction",)
    told, _ = offered()
    assert latest(told.assess(OFFERED)).criteria == ()


def test_a_question_is_answered_by_the_day_of_acceptance_and_then_by_the_beginning():
    told, loop = offered()
    told.tell("handoff_asked", "2026-03-11 12:00", handoff=loop, question="Which arm?")
    (waits,) = [by for what, by in asked_for(told.assess("2026-03-11 12:00")).items() if "question" in what]
    assert civil(waits) == "2026-03-16 09:00"
    accept(told, loop, "2026-03-12 10:00", from_at=instant("2026-03-13 08:00").isoformat())
    (taken,) = [by for what, by in asked_for(told.assess("2026-03-12 10:00")).items() if "question" in what]
    assert civil(taken) == "2026-03-13 08:00"


def test_a_hand_off_is_closed_after_its_first_dose_and_not_before():
    told, loop = offered()
    accept(told, loop, "2026-03-12 10:00")
    assert "close the hand-off" not in asked_for(told.assess("2026-03-13 10:00"))
    told.dose("treatment", "2026-03-16 09:00")
    assert "close the hand-off" in asked_for(told.assess("2026-03-16 10:00"))


@pytest.mark.parametrize("taken", [False, True], ids=["waits", "accepted"])
def test_a_give_by_date_that_comes_near_pages_whoever_answers_now(taken):
    told, loop = offered()
    if taken:
        accept(told, loop, "2026-03-12 10:00")
    key = "give_by:2026-04-06"
    assert key not in paged(told.assess("2026-04-03 07:59"))
    assert key in paged(told.assess("2026-04-03 08:00"))
    passed = "The give-by date Mon 6 Apr 2026 has passed without the dose"
    assert passed not in found(told.assess("2026-04-06 23:59"))
    assert passed in found(told.assess("2026-04-07 00:00"))
    told.dose("treatment", "2026-04-06 15:00")
    later = paged(told.assess("2026-04-06 15:00"))
    assert not [each for each in later if each.startswith("give_by")]


def test_offered_too_late_it_is_escalated_at_once():
    told, _ = offered(at="2026-04-04 10:00")
    assert paged(told.assess("2026-04-04 10:00")) == ["give_by:2026-04-06", "unaccepted", "unread"]


def test_without_a_give_by_date_nobody_guesses_one():
    told = stepped_up()
    told.dose(None, "2026-03-11 08:30")
    told, _ = offered(told)
    answer = told.assess(OFFERED)
    assert answer.dose_clock is not None
    assert answer.dose_clock.give_by is None
    assert "handoff.give_by" in {missing.missing for missing in answer.cannot_say}
    assert "The hand-off has no give-by date" in found(answer)


def test_a_course_that_has_ended_calls_nobody():
    told, _ = offered()
    told.tell("course_ended", "2026-03-12 09:00", because="wish", died=False)
    answer = told.assess("2026-03-20 09:00")
    assert (paged(answer), found(answer), asked_for(answer)) == ([], [], {})


def test_two_hand_offs_at_once_are_said():
    told, _ = offered()
    offered(told, "2026-03-11 10:00", to_party="elsewhere")
    assert "Two hand-offs are offered at once" in found(told.assess("2026-03-11 10:00"))


# --- complicated --------------------------------------------------------------------------------------------------------


def test_a_complicated_hand_off_asks_for_the_call_the_visits_and_the_call_after_the_first_dose():
    told = stepped_up()
    told.tell("hold_started", "2026-03-10 09:00", because="diarrhoea")
    told.tell("hold_ended", "2026-03-10 12:00", because="over")
    told, loop = offered(told)
    answer = told.assess(OFFERED)
    assert latest(answer).still_open == (CALL, "plan the next visits together: 2 still to be planned")
    assert civil(asked_for(answer)[CALL]) == "2026-03-13 09:00"
    told.tell("contact_made", "2026-03-11 10:00", reached=False, **{"with": "other_team"})
    assert CALL in latest(told.assess("2026-03-11 10:00")).still_open, "nobody was reached"
    told.tell("contact_made", "2026-03-11 11:00", reached=True, **{"with": "other_team"})
    for day in ("2026-03-16", "2026-03-23"):
        told.tell("visit_planned", "2026-03-11 11:00", on=day, who_role="nurse", contact="in_person")
    assert latest(told.assess("2026-03-11 11:00")).still_open == ()
    accept(told, loop, "2026-03-12 10:00")
    told.dose("treatment", "2026-03-16 09:00")
    assert latest(told.assess("2026-03-16 10:00")).still_open == (FOLLOW_UP,)
    told.tell("contact_made", "2026-03-16 14:00", reached=True, **{"with": "other_team"})
    assert "close the hand-off" in asked_for(told.assess("2026-03-16 15:00"))


def test_a_simple_one_asks_for_none_of_it():
    told, _ = offered()
    assert latest(told.assess(OFFERED)).still_open == ()


def test_a_reason_to_return_is_found_after_the_hand_off_only():
    told, loop = offered()
    told.tell("response_assessed", "2026-03-11 10:00", response="PD")
    reason = "A reason to return the patient is met: progression, or no response at the checkpoint"
    assert reason not in found(told.assess("2026-03-12 09:00"))
    accept(told, loop, "2026-03-12 10:00")
    assert reason in found(told.assess("2026-03-12 10:00"))
    told.tell("handoff_offered", "2026-03-12 12:00", from_party=CLINIC, to_party=HUB, returns=True)
    assert reason not in found(told.assess("2026-03-12 12:00")), "the return is offered"


# --- the dose clock ------------------------------------------------------------------------------------------------------


def test_the_dose_clock_is_the_answer_itself():
    told = stepped_up()
    clock = told.assess(OFFERED).dose_clock
    assert clock is not None
    assert (clock.step, clock.earliest_on, clock.due_on) == ("treatment", date(2026, 3, 16), date(2026, 3, 16))
    assert (clock.give_by, clock.restart_if_after) == (date(2026, 4, 6), date(2026, 5, 4))
    assert [row and row.row for row in (clock.after_give_by, clock.after_restart)] == ["R5", "R6"]
    told.dose("treatment", "2026-03-16 09:00")
    moved = told.assess("2026-03-16 10:00").dose_clock
    assert moved is not None
    assert moved.give_by == date(2026, 4, 13), "recomputed with the dose"
    assert Told().assess("2026-01-03 09:00").dose_clock is None, "before the first dose there is none"


def test_no_row_is_said_as_such():
    assert say_row(None) == "the label has no row for it: ask the prescriber"


# --- the policy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"days": []}, "wrong_value"),
        ({"starts": "17:00"}, "wrong_value"),
        ({"starts": "8"}, "wrong_value"),
        ({"chase_after_working_hours": 0}, "wrong_value"),
        ({"chase_after_working_hours": 10}, "wrong_value"),
        ({"accept_within_working_hours": 17}, "wrong_value"),
        ({"urgent_return_within_hours": 0}, "wrong_value"),
        ({"warn_days_before_give_by": 2}, "wrong_value"),
        ({"escalate_hours_before_give_by": 169}, "wrong_value"),  # a week and an hour: before it is warned of
        ({"source": []}, "missing_source"),
        ({"unheard_of": 1}, "unknown_key"),
    ],
)
def test_waits_that_make_no_sense_are_refused(changes, code):
    body = shipped_document()
    body["handoff"] |= changes
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(body, "0")
    assert refused.value.code == code


def test_two_reasons_to_return_of_one_name_are_refused():
    body = shipped_document()
    body["handoff"]["returns"].append(body["handoff"]["returns"][0])
    with pytest.raises(ProtocolDataError):
        policy_from_document(body, "0")


def test_a_policy_from_before_waits_no_longer_than_the_shipped_one():
    body = shipped_document()
    del body["handoff"]
    body["caution"] = {place: way for place, way in body["caution"].items() if not place.startswith("handoff")}
    told, _ = offered()
    policy = policy_from_document(body, "0")
    assert paged(told.assess("2026-03-13 09:00", policy=policy)) == ["unaccepted", "unread"]


@pytest.mark.parametrize(
    ("at", "hours", "ends"),
    [
        ("2026-03-06 16:00", 4, "2026-03-09 11:00"),  # over the weekend on which the clocks go forward
        ("2026-10-30 16:00", 4, "2026-11-02 11:00"),  # and back
        ("2026-03-11 17:00", 9, "2026-03-12 17:00"),
        ("2026-03-11 07:00", 9, "2026-03-11 17:00"),
        ("2026-03-11 16:59", 1, "2026-03-12 08:59"),
    ],
)
def test_working_hours_are_counted_by_the_civil_clock(at, hours, ends):
    rules = load_policy().handoff
    assert rules is not None
    found_at: datetime = rules.working_after(instant(at), hours, "America/Chicago")
    assert civil(found_at) == ends


def test_what_happens_by_itself_next_is_told_in_the_order_in_which_it_happens():
    told, _ = offered()
    answer = shared(told, "2026-03-11 10:00")
    found = [(each.at, each.unread) for each in chases(latest(answer), answer.dose_clock, load_policy(), told.zone)]
    assert found == sorted(found, key=lambda each: each[0])
    assert next(at for at, unread in found if unread) == instant("2026-03-11 13:00", told.zone), "four working hours"
    told.tell("handoff_read", "2026-03-11 11:00", handoff=latest(answer).id, reader="somebody", how="signed_in")
    after = shared(told, "2026-03-11 12:00")
    assert not any(each.unread for each in chases(latest(after), after.dose_clock, load_policy(), told.zone))
    accept(told, latest(answer).id, "2026-03-11 12:30")
    over = shared(told, "2026-03-11 13:00")
    assert chases(latest(over), over.dose_clock, load_policy(), told.zone) == ()
