"""A longer interval between doses is due, or may be considered (X32, X33): a routine finding that changes no dose."""

from __future__ import annotations

import pytest

from handrail.rules.protocol import load
from handrail.rules.terms import Action
from tests.spec.test_checks import found
from tests.support.courses import ELRA, TEC, TEC_COMBO, TEC_OLD, Told, well

ELRA_OLD = "elranatamab/US/2023-08"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"


def treated(key: str, *, first_on: str, last_on: str, every_2_weeks_since: str | None = None) -> Told:
    """A synthetic course on treatment doses, with the days that the rule counts from."""
    told = Told(key, facts={"sex": "male"})
    mg = {"dose_mg": "12"} if key.startswith("elra") else {"dose_mg_per_kg": "0.06"}
    full = {"dose_mg": "76"} if key.startswith("elra") else {"dose_mg_per_kg": "1.5"}
    told.dose(SUD1, f"{first_on} 09:00", **mg)
    if every_2_weeks_since is not None:
        told.tell("schedule_changed", f"{every_2_weeks_since} 09:00", schedule="every_2_weeks")
    told.dose(TD, f"{last_on} 09:00", **full)
    return told


# The course begins on Mon 5 January 2026: week 49 begins on Mon 7 December.
@pytest.mark.parametrize(
    # case | every 2 weeks since | responses | finding on Mon 7 Dec 2026
    ("case", "since", "responses", "wanted"),
    [
        ("X33", "2026-06-22", [("2026-11-02", "VGPR")], "The switch to every 4 weeks is due"),
        ("X33, partial response", "2026-06-22", [("2026-11-02", "PR")], "The switch to every 4 weeks is due"),
        ("23 weeks and 6 days", "2026-06-23", [("2026-11-02", "VGPR")], None),
        ("X34", "2026-08-17", [("2026-11-02", "VGPR")], None),
        ("response lost", "2026-06-22", [("2026-03-02", "VGPR"), ("2026-11-02", "SD")], None),
        (
            "response not known",
            "2026-06-22",
            [("2026-03-02", "VGPR"), ("2026-11-02", None)],
            "The switch to every 4 weeks may be due: the response is not known",
        ),
        (
            "response never assessed",
            "2026-06-22",
            [],
            "The switch to every 4 weeks may be due: the response is not known",
        ),
    ],
)
def test_x33_the_switch_to_every_4_weeks_is_due(case: str, since: str, responses: list, wanted: str | None):
    told = treated(ELRA, first_on="2026-01-05", last_on="2026-11-23", every_2_weeks_since=since)
    for day, response in responses:
        told.tell("response_assessed", f"{day} 10:00", response=response)
    findings = found(told.assess("2026-12-07 09:00"), "interval")
    assert [f.what for f in findings] == ([wanted] if wanted else []), case
    for finding in findings:
        assert (finding.urgency, finding.owner) == ("routine", "prescriber")
        assert "at least 24 weeks on every 2 weeks" in finding.because
        assert "(2 doses since)" in finding.because and "(1 doses since)" in finding.because  # weeks and doses: A20


@pytest.mark.parametrize(
    # a dose given on | doses on the present interval, with the latest one
    ("on", "counted"),
    [("2026-06-21", 1), ("2026-06-22", 2), ("2026-06-23", 2)],
)
def test_x33_a_dose_on_the_day_of_the_choice_is_on_the_new_interval(on: str, counted: int):
    told = treated(ELRA, first_on="2026-01-05", last_on="2026-11-23", every_2_weeks_since="2026-06-22")
    told.dose(TD, f"{on} 11:00", dose_mg="76")
    told.tell("response_assessed", "2026-11-02 10:00", response="VGPR")
    (due,) = found(told.assess("2026-12-07 09:00"), "interval")
    assert f"since Mon 22 Jun 2026 ({counted} doses since)" in due.because and "(3 doses since)" in due.because


def test_x33_is_of_the_revision_of_2025_07_only():
    told = treated(ELRA_OLD, first_on="2026-01-05", last_on="2026-11-23", every_2_weeks_since="2026-06-22")
    told.tell("response_assessed", "2026-11-02 10:00", response="VGPR")
    assert not found(told.assess("2026-12-07 09:00"), "interval")


@pytest.mark.parametrize(
    # case | response since | at | finding
    ("case", "response_on", "at", "wanted"),
    [
        ("24 weeks, held 2 months", "2026-04-20", "2026-06-22 09:00", "The switch to every 2 weeks is due"),
        ("X32: held 7 weeks", "2026-05-04", "2026-06-22 09:00", None),
        ("23 weeks", "2026-03-02", "2026-06-15 09:00", None),
    ],
)
def test_x32_x33_the_switch_to_every_2_weeks_is_due(case: str, response_on: str, at: str, wanted: str | None):
    told = treated(ELRA, first_on="2026-01-05", last_on="2026-06-15" if "06-22" in at else "2026-06-08")
    told.tell("response_assessed", f"{response_on} 10:00", response="PR")
    assert [f.what for f in found(told.assess(at), "interval")] == ([wanted] if wanted else []), case


@pytest.mark.parametrize("key", [TEC, TEC_OLD])
@pytest.mark.parametrize(
    # case | response | since | finding on Mon 6 July 2026
    ("case", "response", "since", "wanted"),
    [
        ("complete for 6 months", "CR", "2026-01-06", True),
        ("stringent complete", "sCR", "2026-01-06", True),
        ("a day less", "CR", "2026-01-07", False),
        ("X28: 5 months", "CR", "2026-02-06", False),
        ("X29: very good partial", "VGPR", "2025-10-06", False),
        ("not known", None, "2025-10-06", False),
    ],
)
def test_where_the_label_says_may_a_longer_interval_may_be_considered(
    case: str, response: str | None, since: str, wanted: bool, key: str
):
    told = treated(key, first_on="2026-01-03", last_on="2026-06-29")
    told.tell("response_assessed", "2026-06-01 10:00", response="VGPR" if response == "VGPR" else "CR")
    told.tell("schedule_changed", "2026-06-02 10:00", schedule="weekly", response=response, response_since=since)
    findings = found(told.assess("2026-07-06 09:00"), "interval")
    assert [f.what for f in findings] == (["A switch to every 2 weeks may be considered"] if wanted else []), case
    assert all(f.urgency == "routine" for f in findings)


def test_a_response_lost_in_between_begins_again():
    told = treated(TEC, first_on="2026-01-03", last_on="2026-06-29")
    for day, response in (("2026-01-04", "CR"), ("2026-03-02", "PR"), ("2026-04-06", "CR")):
        told.tell("response_assessed", f"{day} 10:00", response=response)
    assert not found(told.assess("2026-07-06 09:00"), "interval")


@pytest.mark.parametrize("assessed", [True, False], ids=["restart", "restart withheld"])
def test_nothing_is_due_while_step_up_doses_are_repeated(assessed: bool):
    told = treated(ELRA_OLD, first_on="2026-01-05", last_on="2026-06-15")
    rest = f"dose_given:{told.events[-1]['id']}"  # the doses between the first and this one are left out
    told.tell("departure_signed", "2026-06-15 10:00", rule=rest, reason="not in this test", approver="lead")
    told.tell("response_assessed", "2026-03-02 10:00", response="VGPR")
    assert found(told.assess("2026-07-27 09:00"), "interval")  # day 42
    if assessed:
        well(told, "2026-07-28 08:30")
    late = told.assess("2026-07-28 09:00")
    assert (late.next_dose.action is Action.RESTART) == assessed
    assert not found(late, "interval")


def test_the_combination_has_its_intervals_by_the_week_and_no_row():
    assert not load(TEC_COMBO).interval_change
