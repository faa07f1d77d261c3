"""Small numbers of time that other tables do not look at one by one: cuts, nights, days, windows, first and last of several.

Those of grades and hand-offs: `test_small_numbers_of_reactions.py`; those of files: `test_small_numbers_of_files.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.accountability import AHEAD, cuts, holes
from handrail.rules.answering import accountable, standing_of
from handrail.rules.checks import checks
from handrail.rules.contact import contact
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.possible import explore
from handrail.rules.protocol import load
from handrail.rules.responsibility import Rule, matrix_agreement, templates
from handrail.rules.triage import triage
from handrail.rules.upcoming import Upcoming
from tests.support.agreements import CLINIC, HUB
from tests.support.courses import TEC, Told, instant
from tests.support.reactions import crs
from tests.support.triage import stepping_up

POLICY = load_policy()
CHICAGO = "America/Chicago"


# --- where an answer about an agreement can change ----------------------------------------------------------------


def agreed(starts: str, ends: str) -> Any:
    """The shipped matrix of one organisation as if agreed in Chicago, with other clinic hours."""
    matrix = matrix_agreement(templates()[0])
    hours = replace(matrix.clinic_hours, starts=starts, ends=ends)
    return replace(matrix, time_zone=CHICAGO, clinic_hours=hours, valid_until=date(2027, 12, 31), task=())


@pytest.mark.parametrize("second", ["00", "30"])
@pytest.mark.parametrize("minute", ["00", "01", "30", "59"])
def test_a_clock_change_is_cut_at_its_very_minute(minute: str, second: str):
    """On 8 March 2026 the clocks of Chicago go forward at 08:00 UTC."""
    start = datetime.fromisoformat(f"2026-03-07T20:{minute}:{second}+00:00")
    found = cuts([agreed("08:00", "17:00")], start, start + timedelta(days=1))
    assert [at for at in found if start < at < datetime(2026, 3, 8, 12, tzinfo=UTC)] == [
        datetime(2026, 3, 7, 23, tzinfo=UTC),  # 17:00
        datetime(2026, 3, 8, 6, tzinfo=UTC),  # midnight
        datetime(2026, 3, 8, 8, tzinfo=UTC),  # the clocks
    ]


def test_a_civil_time_that_occurs_twice_is_cut_twice():
    start = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    found = cuts([agreed("01:30", "17:00")], start, start + timedelta(hours=3))
    assert found == [start + timedelta(hours=n) for n in (0, 1)] + [start + timedelta(hours=h) for h in (1.5, 2, 3)]


def test_an_agreement_is_looked_at_for_two_weeks():
    assert timedelta(days=14) == AHEAD
    start = datetime(2026, 3, 2, tzinfo=UTC)
    runs_out = replace(matrix_agreement(templates()[0]), valid_from=date(2026, 3, 1))
    for last, gap in ((date(2026, 3, 15), False), (date(2026, 3, 14), True)):
        found = holes([replace(runs_out, valid_until=last)], start)
        assert any(hole.task == "" for hole in found) is gap


def test_protocols_check_looks_at_a_template_for_the_month_of_january_2026():
    for matrix in templates():
        month = matrix_agreement(matrix)
        assert (month.valid_from, month.valid_until) == (date(2026, 1, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    # a night from Friday 17:00 on; looked at | it holds
    ("at", "holds"),
    [
        ("2026-03-06 16:59", False),
        ("2026-03-06 17:00", True),
        ("2026-03-07 07:59", True),
        ("2026-03-07 08:00", False),
        ("2026-03-07 17:00", False),
        ("2026-03-08 07:59", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(at: str, holds: bool):
    rule = Rule(party="hub", role="Nurse", days=("fri",), starts="17:00", ends="08:00")
    assert rule.holds(datetime.fromisoformat(at), None) is holds


def test_of_two_accepted_moves_the_one_that_begins_later_counts():
    """The clinic accepted first, for a later hour; the hub took the patient back in between."""
    told = Told()
    later = instant("2026-03-02 13:00").isoformat()
    told.tell("accountability_moved", "2026-03-02 09:00", to_party=CLINIC, accepted_by="somebody", from_at=later)
    told.tell("accountability_moved", "2026-03-02 10:00", to_party=HUB, accepted_by="somebody")
    for at, who in (("2026-03-02 12:59", HUB), ("2026-03-02 13:00", CLINIC)):
        assert told.assess(at).accountable == who


def test_a_move_that_begins_now_is_no_change_ahead():
    told = Told()
    told.tell("accountability_moved", "2026-03-02 09:00", to_party=CLINIC, accepted_by="somebody")
    for at, changes in (("2026-03-02 08:59", 1), ("2026-03-02 09:00", 0)):
        standing = standing_of(told.history(), instant(at), urgent=False, window_ends=None)
        assert len(accountable(standing, None, instant(at))[2]) == changes


# --- what is not known, and which facts matter --------------------------------------------------------------------


def test_a_fact_that_cannot_move_the_answer_does_not_matter():
    found = explore({"a": (0, 1), "b": (0, 1), "c": (0, 1)}, lambda a, b, c: b)
    assert set(found.values_that_matter) == {"b"}
    assert found.answers == {0, 1}


# --- calls, windows, days -----------------------------------------------------------------------------------------


def test_without_an_admission_policy_a_call_belongs_to_no_report_that_was_assessed_before_it():
    told = stepping_up()
    told.tell("checkin_received", "2026-03-06 15:00", symptoms=["shaking_chills"], caregiver_present=True)
    crs(told, "2026-03-06 15:10", 1)
    told.tell("ice_assessed", "2026-03-06 15:10", total_0_10=10)
    told.tell("contact_made", "2026-03-06 15:30", reached=True, outcome="coming_in", **{"with": "patient"})
    history, now = told.history(), instant("2026-03-06 15:40")
    doses = given_doses(history)
    for policy, waits in ((POLICY, True), (replace(POLICY, contact=None), False)):
        sorted_out = triage(history, doses, policy, now)
        found = contact(history, doses, episodes(history, doses, policy), sorted_out, policy, now)
        assert any("comes in" in task.what for task in found.tasks) is waits


@pytest.mark.parametrize(
    # the dose | days of its window
    ("given", "days"),
    [("2026-03-02 00:00:00.000001", 3), ("2026-03-02 00:00:00", 2), ("2026-03-02 00:00:00.000002", 3)],
)
def test_a_day_counts_while_an_instant_of_the_window_lies_on_it(given: str, days: int):
    told = Told()
    told.dose("step_up_1", given)
    assert len(told.assess("2026-03-02 09:00").daily) == days


def test_a_site_may_name_a_day_of_the_window_by_its_number():
    body = shipped_document()
    rows = body["daily"]["day"]
    other = next(row for row in rows if not row.get("days_after"))
    rows += [{**other, "id": "day_one", "days_after": [1]}, {**other, "id": "day_two", "days_after": [2]}]
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    policy = policy_from_document(body, "0" * 64)
    days = [each.day for each in told.assess("2026-03-02 10:00", policy=policy).daily]
    assert days == ["dosing_day", "day_one", "day_two"]


@pytest.mark.parametrize(
    # a live vaccine on the day of the dose, the day before; the row names no days | it is said
    ("on", "said"),
    [("2026-03-02", False), ("2026-03-03", True)],
)
def test_a_warning_about_a_vaccine_without_days_is_about_what_comes_after_the_dose(on: str, said: bool):
    protocol = load(TEC)
    row = next(row for row in protocol.warning if row.check == "live_vaccine")
    told = Told(TEC, facts={"sex": "male"})
    told.tell("vaccine_noted", "2026-03-01 08:00", vaccine="a vaccine", live=True, given=False, on=on)
    changed = replace(protocol, warning=(replace(row, within_days=None),))
    dose = Upcoming(on=date(2026, 3, 2), zone=CHICAGO, first=False)
    assert bool(checks(changed, told.history(), dose).findings) is said
