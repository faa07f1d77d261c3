"""Two of a kind that differ: the later end, the worse grade, the one that nobody knows. What is said rests on the right one."""

from __future__ import annotations

import pytest

from handrail.rules.aftercare import carry_over
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.handoff_loop import loops
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.terms import Action
from tests.spec.test_label_reactions import ALL
from tests.support.agreements import CLINIC
from tests.support.courses import Told, civil, instant, well
from tests.support.handoffs import offered
from tests.support.reactions import crs, resolved

SUD1, SUD2, FTD = "step_up_1", "step_up_2", "first_treatment"
POLICY = load_policy()


@pytest.mark.parametrize(
    # the first and the second CRS were over | glofitamab rests three days after the later end
    ("ends", "rest_until"),
    [
        (("2026-02-03 08:00", "2026-02-06 10:00"), "2026-02-09 10:00"),
        (("2026-02-03 08:00", "2026-02-05 23:59"), "2026-02-08 23:59"),
    ],
)
def test_after_two_reactions_the_rest_is_counted_from_the_later_end(ends: tuple[str, str], rest_until: str):
    told = Told(ALL["GLO"])
    told.dose(SUD1, "2026-02-02 09:00")
    for begins, over in zip(("2026-02-02 20:00", "2026-02-05 20:00"), ends, strict=True):
        crs(told, begins, 1)
        resolved(told, "crs", over)
    history, now = told.history(), instant("2026-02-07 09:00")
    found = episodes(history, given_doses(history), POLICY)
    carried = carry_over(load(ALL["GLO"]), found, instant("2026-02-02 09:00"), now)
    assert civil(carried.rest_until) == rest_until


@pytest.mark.parametrize("unknown", [1, 2])
def test_one_grade_of_two_that_nobody_knows_is_asked_for(unknown: int):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    for number, day in enumerate(("03", "05"), start=1):
        if number == unknown:
            crs(told, f"2026-03-{day} 10:00", 1, tmax_c=None)
        else:
            crs(told, f"2026-03-{day} 10:00", 1)
        resolved(told, "crs", f"2026-03-{day} 20:00")
    well(told, "2026-03-07 08:30")
    dose = told.assess("2026-03-07 09:00").next_dose
    assert (dose.action, dose.withheld) == (Action.ASK, True)
    assert dose.because.endswith("record it under the time it was assessed, or ask the prescriber")


@pytest.mark.parametrize(
    # grades of one infection, in their order | the row of the label that the prescriber weighs
    ("grades", "row"),
    [((2, 4), "INF-4"), ((4, 2), "INF-4"), ((2, 3), None)],
)
def test_the_worst_grade_of_an_infection_decides_whether_the_label_considers_stopping(
    grades: tuple[int, int], row: str | None
):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    for grade, day in zip(grades, ("03", "05"), strict=True):
        told.tell("condition_noted", f"2026-03-{day} 09:00", what="infection", grade=grade, active=True)
    told.tell("condition_noted", "2026-03-09 09:00", what="infection", active=False)
    history = told.history()
    found = episodes(history, given_doses(history), POLICY)
    carried = carry_over(load(told.key), found, instant("2026-03-02 09:00"), instant("2026-03-10 09:00"))
    assert (carried.unverified_row.id if carried.unverified_row else None) == row


def test_a_dose_withdrawn_by_one_and_corrected_by_another_withholds_the_next():
    """Without it dose 2 is the next, with it the first treatment dose: both may be given, and only one can be right."""
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    second = told.dose(SUD2, "2026-03-05 09:00")
    told.tell("fact_withdrawn", "2026-03-05 10:00", supersedes=second, reason="nurse")
    told.dose(SUD2, "2026-03-05 09:00", supersedes=second, reason="doctor")
    well(told, "2026-03-09 08:00")
    dose = told.assess("2026-03-09 09:00").next_dose
    assert (dose.action, dose.withheld, dose.step, dose.amount) == (Action.ASK, True, None, None)
    assert dose.because == "conflicting corrections lead to different doses: ask the prescriber which is right"


@pytest.mark.parametrize(
    # what was said of the response in March | a longer interval may be considered in July, after CR since January
    ("between", "due"),
    [("CR", True), ("PR", False), (None, False)],
)
def test_a_response_that_nobody_knows_in_between_begins_again(between: str | None, due: bool):
    told = Told()
    for step, day in ((SUD1, "2026-01-03"), (SUD2, "2026-01-06"), (FTD, "2026-01-09"), ("treatment", "2026-06-29")):
        told.dose(step, f"{day} 09:00")
    rest = f"dose_given:{told.events[-1]['id']}"  # the doses between these are left out
    told.tell("departure_signed", "2026-06-29 10:00", rule=rest, reason="not in this test", approver="lead")
    for day, response in (("2026-01-04", "CR"), ("2026-03-02", between), ("2026-04-06", "CR")):
        told.tell("response_assessed", f"{day} 10:00", response=response)
    told.events.sort(key=lambda event: event["at"])
    said = [each.what for each in told.assess("2026-07-06 09:00").findings if each.rule == "interval"]
    assert said == (["A switch to every 2 weeks may be considered"] if due else [])


@pytest.mark.parametrize(
    # read | accepted on 12 March at 10:00 | when a named person had read it
    ("read", "accepted", "known"),
    [
        ("2026-03-11 11:00", True, "2026-03-11 11:00"),
        ("2026-03-13 11:00", True, "2026-03-12 10:00"),  # whoever accepts has read it
        (None, True, "2026-03-12 10:00"),
        ("2026-03-11 11:00", False, "2026-03-11 11:00"),
        (None, False, None),
    ],
)
def test_a_hand_off_was_read_when_the_first_of_two_read_it(read: str | None, accepted: bool, known: str | None):
    told, loop = offered()
    if accepted:
        told.tell("accountability_moved", "2026-03-12 10:00", handoff=loop, to_party=CLINIC, accepted_by="somebody")
    if read is not None:
        told.tell("handoff_read", read, handoff=loop, reader="somebody", how="link")
    told.events.sort(key=lambda event: event["at"])
    (found,) = loops(told.history())
    assert civil(found.read_at) == known
