"""The packet of every course a clinic could write: it is whole, its keys are its own, and the order of arrival changes nothing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.packet import packet
from handrail.rules.packet_parts import Packet, packet_changes
from handrail.rules.validity import Judged
from tests.support.histories import Case, cases, judged


def packed(answer: Judged) -> Packet:
    return packet(answer.protocol, answer.policy, answer.history, answer.answer)


@given(cases())
def test_every_course_gives_twenty_sections_without_a_key_twice(case: Case):
    found = packed(case.judged())
    assert [section.number for section in found.sections] == list(range(1, 21))
    every = [each.key for section in found.sections for each in section.fields]
    every += [line.key for section in found.sections for table in section.tables for line in table.lines]
    assert len(every) == len(set(every))
    assert all(each.words or each.said.startswith("not known") for section in found.sections for each in section.fields)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(case: Case, chance: random.Random):
    first = packed(case.judged())
    events = list(case.course["events"])
    chance.shuffle(events)
    other = packed(judged(case.course | {"events": events}, case.now))
    assert other.sha256 == first.sha256
    assert packet_changes(first.to_json(), other.to_json()) == ()
