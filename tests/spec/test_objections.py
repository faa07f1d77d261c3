"""Histories to which a careful pharmacist objected: what was answered too kindly once, and must never be again."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.terms import Action
from tests.spec.test_after_dose import icans, resolved
from tests.support.courses import ELRA, TEC, TEC_COMBO, Told, instant, well

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
DOSE, FEVER, VISIT, LATER = "2026-03-02 09:00", "2026-03-03 02:00", "2026-03-05 08:00", "2026-03-05 09:00"


def started(**header: Any) -> Told:
    told = Told(**header)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, DOSE)
    return told


# --- which dose was the last one, and on which schedule ----------------------------------------------------------


def test_the_last_dose_is_the_one_given_last_and_not_the_one_written_down_last():
    told = Told()
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, "2026-03-06 10:00", started_at=instant(DOSE).isoformat())
    told.dose(SUD2, "2026-03-05 09:30")
    well(told, "2026-03-08 08:00")
    answer = told.assess("2026-03-08 09:00").next_dose
    assert (answer.action, answer.step) == (Action.GIVE, FTD)
    assert str(answer.due_on) == "2026-03-08"


@pytest.mark.parametrize(
    # last dose | longer interval chosen | visit | answer | row
    ("visit", "action", "row"),
    [
        ("2026-03-30", Action.CONTINUE, "R7"),  # 28 days: both rows continue
        ("2026-03-31", Action.RESTART, "R5"),  # 29 days after a weekly dose
        ("2026-04-27", Action.RESTART, "R5"),  # 56
        ("2026-04-28", Action.RESTART, "R6"),  # 57
    ],
)
def test_a_longer_interval_chosen_after_a_weekly_dose_does_not_stretch_its_delay(visit: str, action: Action, row: str):
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell(
        "schedule_changed",
        "2026-03-20 09:00",
        schedule="every_2_weeks",
        response="CR",
        response_since="2025-01-01",
    )
    well(told, f"{visit} 08:00")
    answer = told.assess(f"{visit} 09:00").next_dose
    assert (answer.action, answer.row) == (action, row)


def test_the_last_days_shown_are_those_of_the_stricter_schedule():
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell("schedule_changed", "2026-03-20 09:00", schedule="every_2_weeks")
    dose = told.assess("2026-03-22 09:00").next_dose
    assert str(dose.due_on) == "2026-03-16", "the interval that was chosen"
    assert (str(dose.give_by), str(dose.restart_if_after)) == ("2026-03-30", "2026-04-27")
    assert [(str(later.from_day), later.row) for later in dose.after_that] == [
        ("2026-03-31", "R5"),
        ("2026-04-28", "R6"),
    ]


# --- toxicity that was not followed to its end -----------------------------------------------------------------------


def clear(told: Told, at: str) -> None:
    """What a visit needs, CRS apart."""
    told.tell("vitals_measured", at, temperature_c="36.8")
    icans(told, at, 0)
    told.tell("condition_noted", at, what="infection", active=False)


def test_a_reaction_resolved_and_never_graded_has_no_known_grade():
    told = started()
    told.tell("checkin_received", FEVER, temperature_c="36.9", home_neuro={"year": "wrong"})
    told.tell("contact_made", "2026-03-03 02:10", reached=True, outcome="coming_in")
    resolved(told, "icans", "2026-03-04 20:00")
    well(told, VISIT)
    answer = told.assess(LATER).next_dose
    assert (answer.action, answer.withheld) == (Action.ASK, True)
    assert "grade of the ICANS episode is not known" in answer.because


def test_a_fever_resolved_without_crs_grade_and_ice_score_gives_nothing():
    told = started()
    told.tell("checkin_received", FEVER, temperature_c="38.6")
    told.tell("contact_made", "2026-03-03 02:10", reached=True, outcome="coming_in")
    resolved(told, "crs", "2026-03-04 20:00")
    clear(told, VISIT)
    resolved(told, "crs", VISIT)
    assert told.assess(LATER).next_dose.action is Action.ASK


@pytest.mark.parametrize("toxicity", ["crs", "icans", "infection"])
@pytest.mark.parametrize("wrong", ["2026-03-30 08:00", "2027-03-03 08:00"])
def test_an_end_dated_in_the_future_clears_nothing(toxicity: str, wrong: str):
    told = started()
    for other in {"crs", "icans", "infection"} - {toxicity}:
        resolved(told, other, VISIT)
    fields = {"resolved_at": instant(wrong).isoformat(), "confirmed_by": "nurse-1"}
    told.tell("toxicity_resolved", "2026-03-04 08:00", toxicity=toxicity, **fields)
    told.tell("vitals_measured", VISIT, temperature_c="36.8")
    assert told.assess("2026-03-05 08:30").next_dose.action is Action.ASK


@pytest.mark.parametrize(
    # "no infection" written at | then
    ("said_at", "action"),
    [("2026-03-02 05:00", Action.ASK), ("2026-03-02 06:00", Action.ASK), ("2026-03-02 07:30", Action.GIVE)],
)
def test_no_infection_said_before_a_fever_does_not_speak_for_the_time_after_it(said_at: str, action: Action):
    told = Told()
    told.tell("condition_noted", said_at, what="infection", active=False)
    told.tell("vitals_measured", "2026-03-02 06:00", temperature_c="38.5")
    told.tell("weight_measured", "2026-03-02 07:00", weight_kg="70")
    well_but_infection(told, "2026-03-02 07:00")
    assert told.assess("2026-03-02 08:00").next_dose.action is action


def well_but_infection(told: Told, at: str) -> None:
    before = len(told.events)
    well(told, at)
    told.events = [e for n, e in enumerate(told.events) if n < before or e["kind"] != "condition_noted"]


def test_no_dose_while_the_clock_for_crs_grade_and_ice_score_runs():
    told = Told()
    told.tell("vitals_measured", "2026-03-02 06:00", temperature_c="38.5")
    told.tell("contact_made", "2026-03-02 06:10", reached=True, outcome="coming_in")
    told.tell("vitals_measured", "2026-03-02 07:00", temperature_c="36.9")
    told.tell("condition_noted", "2026-03-02 07:00", what="infection", active=False)
    answer = told.assess("2026-03-02 08:00")
    assert [page.what for page in answer.pages] == [
        "CRS grade and ICE score not recorded",
        "the patient who comes in has not been seen",
    ]
    assert (answer.next_dose.action, answer.next_dose.withheld) == (Action.ASK, True)
    assert "CRS grade and ICE score" in answer.next_dose.because


# --- doses given where the label had no answer --------------------------------------------------------------------

UNRULED = "no rule of this label covers that day"


@pytest.mark.parametrize(
    # protocol | doses before, with mg | the dose | differs
    ("key", "doses", "visit", "differs"),
    [
        # elranatamab 7/2025: the delay section was not read
        (ELRA, [(SUD1, "2026-03-02", "12"), (SUD2, "2026-03-05", "32")], "2026-03-09", False),
        (ELRA, [(SUD1, "2026-03-02", "12"), (FTD, "2026-03-07", "76")], "2026-03-14", True),
        (ELRA, [(SUD1, "2026-03-02", "12"), (SUD2, "2026-03-20", "32")], "2026-03-24", True),
        # teclistamab: the shortest weekly interval was not found
        (TEC, [(SUD1, "2026-03-02", None), (SUD2, "2026-03-05", None)], "2026-03-08", False),
    ],
)
def test_a_dose_given_where_the_label_had_no_answer_waits_for_a_signature(
    key: str, doses: list[tuple[str, str, str | None]], visit: str, differs: bool
):
    told = Told(key)
    well(told, "2026-03-02 08:00")
    last = ""
    for step, on, mg in doses:
        last = told.dose(step, f"{on} 09:00", **({"dose_mg": mg} if mg else {}))
    well(told, f"{visit} 08:00")
    answer = told.assess(f"{visit} 09:00")
    found = [f.what for f in answer.findings if UNRULED in f.what]
    assert (answer.next_dose.action is Action.ASK, bool(found)) == (differs, differs)
    fields = {"rule": f"dose_given:{last}", "reason": "advice of the maker", "approver": "physician-1"}
    told.tell("departure_signed", f"{visit} 08:30", **fields)
    assert told.assess(f"{visit} 09:00").next_dose.action.gives


@pytest.mark.parametrize(
    # protocol | weekly doses | differs
    ("key", "days", "differs"),
    [
        (TEC, ("2026-03-02", "2026-03-09"), False),
        (TEC, ("2026-03-02", "2026-03-04"), True),
        (ELRA, ("2026-03-02", "2026-03-08"), False),
        (ELRA, ("2026-03-02", "2026-05-20"), True),
    ],
)
def test_a_treatment_dose_on_a_day_without_a_rule_waits_for_a_signature(key: str, days: tuple[str, ...], differs: bool):
    told = Told(key, intent="continuation")
    for day in days:
        told.dose(TD, f"{day} 09:00")
    found = [f.what for f in told.assess(f"{days[-1]} 10:00").findings if UNRULED in f.what]
    assert bool(found) is differs


@pytest.mark.parametrize(
    ("step", "on", "differs"), [(SUD2, "2026-03-05", False), (FTD, "2026-03-05", True), (SUD2, "2026-03-03", True)]
)
def test_a_row_that_is_not_verified_still_names_the_step_and_the_day(step: str, on: str, differs: bool):
    """The windows of the combination were recalled: what they would say is compared, although they permit nothing."""
    told = Told(TEC_COMBO)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, DOSE)
    told.dose(step, f"{on} 09:00")
    found = [f.what for f in told.assess(f"{on} 10:00").findings if "differs from the protocol" in f.what]
    assert bool(found) is differs


# --- whose calendar, and what a severe infection leaves behind -------------------------------------------------------


@pytest.mark.parametrize(
    # planned day in another zone | the dose that it was for is given on 2 March at 23:50 in Chicago | seven hours later
    ("on", "action"),
    [("2026-03-02", Action.WAIT), ("2026-03-05", Action.GIVE)],
)
def test_a_plan_that_was_carried_out_no_longer_says_which_calendar_counts(on: str, action: Action):
    """In Auckland it is already two days later; only a plan still ahead is read in its own zone."""
    told = Told()
    told.tell("dose_planned", "2026-03-01 10:00", step=SUD1, on=on, zone="Pacific/Auckland")
    told.dose(SUD1, "2026-03-02 23:50")
    well(told, "2026-03-03 06:00")
    assert told.assess("2026-03-03 07:00").next_dose.action is action


@pytest.mark.parametrize(
    ("grade", "action"), [(2, Action.CONTINUE), (3, Action.CONTINUE), (4, Action.ASK), (None, Action.CONTINUE)]
)
def test_after_an_infection_of_grade_4_the_prescriber_decides(grade: int | None, action: Action):
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    fields = {} if grade is None else {"grade": grade}
    told.tell("condition_noted", "2026-03-03 09:00", what="sepsis", active=True, **fields)
    resolved(told, "infection", "2026-03-08 09:00")
    well(told, "2026-03-09 08:00")
    dose = told.assess("2026-03-09 09:00").next_dose
    assert dose.action is action
    assert ("consider stopping" in dose.because) is (action is Action.ASK)
    told.dose(TD, "2026-03-09 10:00")
    well(told, "2026-03-16 08:00")
    assert told.assess("2026-03-16 09:00").next_dose.action is Action.CONTINUE, "the next dose after the decision"


def test_what_stands_on_the_gate_stays_while_the_dose_is_withheld():
    """Without a due day the gate speaks of the dose that the table names, given or withheld."""
    told = Told(TEC_COMBO)
    told.dose(SUD1, "2026-01-05 12:00")
    well(told, "2026-01-13 10:30")
    given = told.assess("2026-01-13 12:00")
    told.events = [event for event in told.events if event["kind"] != "ice_assessed"]
    withheld = told.assess("2026-01-13 12:00")
    assert (given.next_dose.action, withheld.next_dose.action) == (Action.RESTART, Action.ASK)
    gate = [{f.what for f in answer.findings if f.rule == "rems"} for answer in (given, withheld)]
    assert gate[0] and gate[0] == gate[1]
