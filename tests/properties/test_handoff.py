"""Hand-offs, for every course a clinic could write: the order of arrival decides nothing, and exactly one party answers at every hour."""

import random
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.answering import standing_of, who_answers
from handrail.rules.coursefile import course_from_json
from handrail.rules.handoff_loop import Loop, loops
from handrail.rules.history import History
from tests.support import agreements
from tests.support.agreements import CLINIC, HUB
from tests.support.handing_over import handed_over
from tests.support.histories import Case, cases, judged

MANY = [handed_over] * 3
SITE = agreements.context(agreement=agreements.document())


def history_of(case: Case) -> History:
    """The facts of a course, without weighing rival corrections."""
    return History.build(course_from_json(case.course))


@given(cases(moments=MANY), st.randoms(use_true_random=False))
def test_the_order_of_arrival_decides_nothing(case: Case, chance: random.Random):
    shuffled = list(case.course["events"])
    chance.shuffle(shuffled)
    again = judged(case.course | {"events": [*shuffled, *shuffled[:3]]}, case.now).answer
    assert again.to_json() == case.judged().answer.to_json()


@given(cases(moments=MANY))
def test_exactly_one_party_answers_at_every_hour_and_only_one_that_has_accepted(case: Case):
    history = history_of(case)
    starts = min(event.at for event in history.events)
    for hour in range(0, 24 * 40, 7):
        at = starts + timedelta(hours=hour)
        present = history.until(at)
        answer = who_answers(standing_of(present, at, urgent=False, window_ends=None), SITE, at, "maintenance_doses")
        assert answer is not None
        assert answer.organisation in (HUB, CLINIC)
        if answer.organisation == CLINIC:
            assert any(_took_over(loop, at) for loop in loops(present)) or plainly_moved(present, at)


def _took_over(loop: Loop, at: datetime) -> bool:
    return (
        loop.begins is not None
        and loop.begins <= at
        and loop.accepted is not None
        and loop.accepted.body.accepted_by is not None
        and loop.accepted.body.to_party == loop.offered.body.to_party == CLINIC
    )


def plainly_moved(history: History, at: datetime) -> bool:
    """A move that belongs to no hand-off."""
    moves = history.of("accountability_moved")
    return any(
        e.body.handoff is None and "handoff" not in e.nulls and e.body.to_party == CLINIC for e in moves if e.at <= at
    )


@given(cases(moments=MANY))
def test_a_hand_off_that_waits_beyond_its_time_pages_somebody(case: Case):
    answer = case.judged().answer
    ended = any(event["kind"] == "course_ended" for event in case.course["events"])
    for each in answer.handoffs:
        if each.accept_due is not None and each.accept_due <= answer.at and not ended:
            assert f"handoff:unaccepted:{each.id}" in {page.key for page in answer.pages}


@given(cases(moments=MANY))
def test_a_delivery_by_a_machine_changes_no_page_and_no_party(case: Case):
    kept = [event for event in case.course["events"] if event["kind"] != "handoff_delivered"]
    former = {event["id"] for event in case.course["events"]} - {event["id"] for event in kept}
    if any(event.get("supersedes") in former for event in kept):
        return
    with_it, without = case.judged().answer, judged(case.course | {"events": kept}, case.now).answer
    assert (with_it.pages, with_it.accountable) == (without.pages, without.accountable)
