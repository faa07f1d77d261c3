"""Hand-offs on a limit: at the very minute of an offer, of a dose, of a wait, and on the day itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from handrail.rules.answer import Later
from handrail.rules.handoff import CALL, FOLLOW_UP, chases, dose_clock
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.terms import Action
from tests.support.courses import Told, civil
from tests.support.handoffs import OFFERED, accept, found, latest, offered, paged, stepped_up

SLOW = "The hand-off is slow: it would force step-up again after Mon 6 Apr 2026"
NOT_READ = "Nobody on the receiving side has read the hand-off"


def complicated() -> Told:
    """A course whose hand-off is complicated: the drug was withheld for some hours."""
    told = stepped_up()
    told.tell("hold_started", "2026-03-10 09:00", because="diarrhoea")
    told.tell("hold_ended", "2026-03-10 12:00", because="over")
    return told


def because(told: Told, at: str, what: str) -> list[tuple[str, str]]:
    return [(each.urgency.value, each.because) for each in told.assess(at).findings if each.what == what]


@pytest.mark.parametrize(
    # read at, beside the offer of 09:00 | stage
    ("at", "stage"),
    [("2026-03-11 08:59", "offered"), ("2026-03-11 09:00", "read")],
)
def test_a_fact_counts_for_an_offer_from_its_own_minute_on(at: str, stage: str):
    told, loop = offered()
    told.tell("handoff_read", at, handoff=loop, reader="somebody", how="link")
    assert latest(told.assess(OFFERED)).stage == stage


@pytest.mark.parametrize(
    # the dose, beside the acceptance at 10:00 | closed at | stage
    ("dose", "closed", "stage"),
    [
        ("2026-03-16 09:59", None, "accepted"),
        ("2026-03-16 10:00", None, "first_dose_confirmed"),
        ("2026-03-16 10:00", "2026-03-16 09:59", "first_dose_confirmed"),
        ("2026-03-16 10:00", "2026-03-16 10:00", "closed"),
    ],
)
def test_the_first_dose_there_and_the_end_count_from_their_own_minute_on(dose: str, closed: str | None, stage: str):
    told, loop = offered()
    accept(told, loop, "2026-03-16 10:00")
    told.dose("treatment", dose)
    if closed is not None:
        told.tell("handoff_ended", closed, handoff=loop, how="closed")
    assert latest(told.assess("2026-03-16 11:00")).stage == stage


@pytest.mark.parametrize(
    # looked at | what to do about nobody having read it | urgency
    ("at", "todo", "urgency"),
    [
        ("2026-03-11 13:00", "chase it", "today"),
        ("2026-03-12 08:59", "chase it", "today"),
        ("2026-03-12 09:00", "phone them now", "soon"),
    ],
)
def test_what_nobody_reads_is_chased_and_then_phoned(at: str, todo: str, urgency: str):
    told, _ = offered()
    ((said, words),) = because(told, at, NOT_READ)
    assert (said, words.rpartition(": ")[2]) == (urgency, todo)


@pytest.mark.parametrize(
    # looked at; 72 h before work begins on the give-by date is 3 April at 08:00 | urgency
    ("at", "urgency"),
    [("2026-04-03 07:59", "today"), ("2026-04-03 08:00", "soon")],
)
def test_a_give_by_date_is_urgent_from_the_minute_in_which_it_pages(at: str, urgency: str):
    told, _ = offered()
    assert [each for each, _ in because(told, at, SLOW)] == [urgency]


@pytest.mark.parametrize(
    # the two doctors talked at | visits planned at | still open
    ("call", "visits", "still_open"),
    [
        ("2026-03-11 08:59", "2026-03-11 09:00", (CALL,)),
        ("2026-03-11 09:00", "2026-03-11 09:00", ()),
        ("2026-03-11 09:00", "2026-03-11 08:59", ("plan the next visits together: 2 still to be planned",)),
    ],
)
def test_a_call_and_visits_count_from_the_minute_of_the_offer_on(call: str, visits: str, still_open: tuple[str, ...]):
    told, _ = offered(complicated())
    told.tell("contact_made", call, reached=True, **{"with": "other_team"})
    for day in ("2026-03-16", "2026-03-23"):
        told.tell("visit_planned", visits, on=day, who_role="nurse", contact="in_person")
    assert latest(told.assess("2026-03-11 10:00")).still_open == still_open


@pytest.mark.parametrize(
    # visits with a day, and without one | still to be planned
    ("days", "lacking"),
    [(("2026-03-16",), 1), (("2026-03-16", None), 1), ((), 2), (("2026-03-16", "2026-03-23", "2026-03-30"), 0)],
)
def test_two_visits_are_planned_together(days: tuple[str | None, ...], lacking: int):
    told, _ = offered(complicated())
    for day in days:
        told.tell("visit_planned", OFFERED, on=day, who_role="nurse", contact="in_person")
    said = [each for each in latest(told.assess(OFFERED)).still_open if "visits" in each]
    assert said == ([f"plan the next visits together: {lacking} still to be planned"] if lacking else [])


@pytest.mark.parametrize(
    # the other team was called at, beside the first dose there at 09:00 | a call is still open
    ("at", "still"),
    [("2026-03-16 08:59", True), ("2026-03-16 09:00", False)],
)
def test_the_call_after_the_first_dose_counts_from_the_minute_of_that_dose_on(at: str, still: bool):
    told, loop = offered(complicated())
    accept(told, loop, "2026-03-12 10:00")
    told.dose("treatment", "2026-03-16 09:00")
    told.tell("contact_made", at, reached=True, **{"with": "other_team"})
    assert (FOLLOW_UP in latest(told.assess("2026-03-16 10:00")).still_open) is still


@pytest.mark.parametrize(
    # the infection ended at, beside the first dose at 09:00 on 2 March | it makes the hand-off complicated
    ("at", "counts"),
    [("2026-03-02 08:59", False), ("2026-03-02 09:00", True)],
)
def test_an_infection_that_ended_at_the_minute_of_the_first_dose_was_there_during_treatment(at: str, counts: bool):
    told = stepped_up()
    told.tell("condition_noted", "2026-03-02 08:30", what="zoster", active=True)
    told.tell("toxicity_resolved", at, toxicity="infection", resolved_at=None, confirmed_by="a")
    told.events[-1]["resolved_at"] = told.events[-1]["at"]
    told, _ = offered(told)
    assert ("an infection since the first dose" in latest(told.assess(OFFERED)).because) is counts


def later(day: int, action: Action) -> Later:
    return Later(from_day=date(2026, 4, day), action=action, step="treatment", row=f"from-{day}")


@pytest.mark.parametrize(
    # rows begin in April on | the dose must be given by | the row after that
    ("days", "give_by", "row"),
    [
        ((6, 7), 6, "from-7"),  # the row that begins on the day itself holds on it, not after it
        ((6, 7), 5, "from-6"),
        ((6,), 6, None),
        ((6,), None, None),
    ],
)
def test_the_row_after_a_day_begins_after_it(days: tuple[int, ...], give_by: int | None, row: str | None):
    told = stepped_up()
    dose = told.assess(OFFERED).next_dose
    rows = tuple(later(day, Action.RESTART) for day in days)
    day = date(2026, 4, give_by) if give_by is not None else None
    after = dose_clock(told.history(), replace(dose, after_that=rows, give_by=day)).after_give_by
    assert (after.row if after is not None else None) == row


# --- the policy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the smallest waits that make sense load
    "changes",
    [
        {"warn_days_before_give_by": 3},  # 72 hours: the day on which it is escalated
        {"urgent_return_within_hours": 1},
        {"chase_after_working_hours": 1},
        {"call_within_working_hours": 1},
        {"ends": "23:59"},
        {"starts": "00:00"},
    ],
)
def test_waits_that_just_make_sense_load(changes: dict[str, Any]):
    body = shipped_document()
    body["handoff"] |= changes
    assert policy_from_document(body, "0").handoff is not None


def test_a_working_day_ends_before_midnight():
    body = shipped_document()
    body["handoff"]["ends"] = "24:00"
    with pytest.raises(ValueError, match="Somebody works on some days"):
        policy_from_document(body, "0")


def test_nothing_is_found_or_paged_before_the_first_limit():
    told, _ = offered()
    quiet = told.assess("2026-03-11 12:59")
    assert (found(quiet), paged(quiet)) == ([], [])


@pytest.mark.parametrize(
    # read at 11:00 | the give-by date is known | who is told, and when, in that order
    ("read", "dated", "told_at"),
    [
        (False, True, ["11 13:00 u", "12 09:00 u", "13 09:00 u", "16 09:00", "03 08:00"]),
        (True, True, ["16 09:00", "03 08:00"]),
        (False, False, ["11 13:00 u", "12 09:00 u", "13 09:00 u", "16 09:00"]),
    ],
)
def test_the_chases_that_still_lie_ahead(read: bool, dated: bool, told_at: list[str]):
    told, loop = offered()
    if read:
        told.tell("handoff_read", "2026-03-11 11:00", handoff=loop, reader="somebody", how="link")
    answer = told.assess("2026-03-11 12:00")
    clock = answer.dose_clock
    assert clock is not None
    clocks = [clock] if dated else [None, replace(clock, give_by=None)]
    for each in clocks:
        found = chases(latest(answer), each, load_policy(), told.zone)
        assert [f"{(civil(one.at) or '')[8:]}{' u' if one.unread else ''}" for one in found] == told_at


def test_what_waits_no_longer_is_not_chased():
    told, loop = offered()
    accept(told, loop, "2026-03-11 11:00")
    answer = told.assess("2026-03-11 12:00")
    assert chases(latest(answer), answer.dose_clock, load_policy(), told.zone) == ()
