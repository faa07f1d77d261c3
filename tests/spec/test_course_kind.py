"""Whether a patient is complicated, as a site is asked that gives the maintenance: by the record, and by what was said at a hand-off."""

from __future__ import annotations

import pytest

from handrail.rules.course_kind import AHEAD, course_kind
from handrail.rules.handoff_kind import HandoffKind
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from tests.support.courses import TEC, Told, instant
from tests.support.handoffs import offered, stepped_up
from tests.support.reactions import crs, resolved

NOW = "2026-03-12 09:00"


def kind_of(told: Told, at: str = NOW) -> HandoffKind:
    return course_kind(load(TEC), load_policy(), told.history(), instant(at))


def test_a_record_in_which_everything_is_known_and_nothing_was_found_is_simple_without_any_hand_off():
    assert kind_of(stepped_up()) == HandoffKind(kind="simple")


def test_what_only_a_person_knows_is_asked_as_soon_as_a_hand_off_was_offered():
    told, _ = offered(caregiver_or_access_problem=None)
    found = kind_of(told)
    assert found.kind == "not_known" and "whether there is a problem with the caregiver" in found.missing[0]
    told, _ = offered(caregiver_or_access_problem=True)
    assert kind_of(told).kind == "complicated"
    told, _ = offered()
    assert kind_of(told).kind == "simple"


def test_a_reaction_makes_it_complicated_and_says_why():
    told = stepped_up()
    crs(told, "2026-03-06 09:00", 2)
    resolved(told, "crs", "2026-03-07 09:00")
    found = kind_of(told)
    assert (found.kind, found.because) == ("complicated", ("CRS of grade 2",))


def test_while_the_step_up_lasts_nobody_knows():
    told = Told()
    found = kind_of(told, "2026-03-02 12:00")
    assert found.kind == "not_known" and AHEAD in found.missing and found.because == ()


@pytest.mark.parametrize("missing", [{"assessed": False}, {"anc": None}])
def test_a_fact_that_is_missing_is_never_simple(missing):
    assert kind_of(stepped_up(**missing)).kind == "not_known"
