"""A course that is left to a further page of the board stands on none of its lists, whatever was told of it and for as long as it says."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.records.models import Course
from handrail.rules.answer import Assessment
from handrail.rules.history import History
from handrail.rules.quiet import AMOUNT, BEFORE_A_DOSE, quiet_until
from handrail.rules.terms import Urgency
from handrail.web.board_page import Quiet, board
from handrail.web.paging import Asked, Share
from handrail.web.presenters import Allowed
from tests.support.course_documents import PROTOCOLS, Document, payload
from tests.support.courses import TEC, instant
from tests.support.histories import ALL, Case, cases, judged
from tests.support.moments import Draw, Writer
from tests.support.resting import AT, resting

A_MOMENT = timedelta(microseconds=1)
SAME = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOBODY: frozenset[UUID] = frozenset()
MAY = Allowed(names=NOBODY, pages=NOBODY, acknowledge=NOBODY, unjudged=NOBODY, answers_for={})
NONE = Quiet(courses=(), share=Share(asked=Asked(), pages=1, per_page=100, here=0, everywhere=0, sites=()))
RESTING: Document = resting().file()
NOW = instant(AT)


def lists(answer: Assessment, zone: str, at: datetime) -> dict[str, Any]:
    """The board of somebody who reaches this course alone."""
    course = Course(id=uuid4(), product="synthetic", time_zone=zone, assessment=answer.to_json())
    return board([course], NONE, [], at, MAY)


def asked_for(answer: Assessment, history: History) -> None:
    """A quiet course is on no list, at once and until its last moment, and its answer wants nothing that is more than routine."""
    until = quiet_until(answer, history)
    if until is None:
        return
    assert answer.at < until
    assert answer.look_again_at is None or until <= answer.look_again_at
    assert not answer.pages
    assert {each.missing for each in answer.cannot_say} <= {AMOUNT}
    pressing = {finding.rule for finding in answer.findings if finding.urgency is not Urgency.ROUTINE}
    assert pressing <= set(BEFORE_A_DOSE), "only what the next dose asks for, which is not near"
    assert not answer.next_dose.action.gives
    for at in (answer.at, until - A_MOMENT):
        found = lists(answer, history.course.time_zone, at)
        assert not any(found[name] for name in ("to_hand_back", "in_window", "overdue", "doses"))
        assert len(found["later"]) == 1


@SAME
@given(cases())
def test_a_quiet_course_is_on_no_list_of_the_board(case: Case):
    said = case.judged()
    asked_for(said.answer, said.history)


@st.composite
def more(draw: Draw) -> list[Document]:
    """The course with some facts of the day, and of the weeks before, of any kind."""
    writer = Writer(draw, ["America/Chicago"], PROTOCOLS[TEC])
    writer.events = deepcopy(RESTING["events"])
    for _ in range(writer.pick([1, 2])):
        draw(st.sampled_from(ALL))(writer, NOW - timedelta(hours=writer.pick([1, 0, 3, 20, 26, 50, 100, 400])))
    return writer.events


@SAME
@given(more())
def test_nor_is_one_to_which_something_was_added(events: list[Document]):
    said = judged({**RESTING, "events": events}, NOW)
    asked_for(said.answer, said.history)


def test_what_these_are_tried_on_is_quiet_before_anything_is_added():
    said = judged(RESTING, NOW)
    assert quiet_until(said.answer, said.history) is not None


@SAME
@given(st.data())
def test_a_fact_that_is_asked_and_not_known_never_makes_a_course_quiet_for_longer(data: st.DataObject):
    """Whatever of a quiet course is replaced by not known: it is as quiet as before, shorter, or not at all."""
    whole = judged(RESTING, NOW)
    before = quiet_until(whole.answer, whole.history)
    assert before is not None
    events = deepcopy(RESTING["events"])
    event = data.draw(st.sampled_from([each for each in events if payload(each)]))
    name = data.draw(st.sampled_from(sorted(payload(event))))
    event[name] = None
    said = judged({**RESTING, "events": events}, NOW)
    after = quiet_until(said.answer, said.history)
    assert after is None or after <= before
