"""What an earlier reaction does to the next dose: worked cases X20 to X25 and X42 to X45, through the whole answer."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.redosing import BENEFIT_RISK, BENEFIT_RISK_UNKNOWN
from handrail.rules.terms import Action
from tests.support.courses import ELRA, TEC, TEC_OLD, Told, well
from tests.support.reactions import crs, icans, resolved

ELRA_OLD = "elranatamab/US/2023-08"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
DOSE_1, FEVER, OVER, VISIT = "2026-03-02 09:00", "2026-03-03 02:00", "2026-03-04 20:00", "2026-03-05 09:00"


def after_first_dose(key: str) -> Told:
    told = Told(key)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, DOSE_1)
    return told


def visit(told: Told, at: str = VISIT) -> Assessment:
    """Everything normal an hour before the visit, then the answer at the visit."""
    well(told, f"{at[:11]}08:00")
    return told.assess(at)


def had_crs(key: str, grade: int, *, lasted_until: str = OVER) -> Told:
    told = after_first_dose(key)
    crs(told, FEVER, grade)
    crs(told, lasted_until, 0)
    resolved(told, "crs", lasted_until)
    return told


# --- X20 to X25 ---------------------------------------------------------------------------------------------------


def test_x20_still_38_4_at_the_visit_is_a_hold_and_premedication_stands_for_the_next_dose():
    told = after_first_dose(TEC)
    crs(told, FEVER, 1)
    told.tell("vitals_measured", "2026-03-05 08:30", temperature_c="38.4")
    dose = told.assess(VISIT).next_dose
    assert (dose.action, dose.withheld, dose.step, dose.amount) == (Action.HOLD, True, None, None)
    assert "fever 38.4" in dose.because and len(dose.premedication) == 3
    assert dose.would_be is not None and dose.would_be.step == SUD2


def test_x21_after_grade_2_on_elranatamab_the_next_dose_is_premedicated_and_watched_48_h():
    dose = visit(had_crs(ELRA, 2)).next_dose
    assert (dose.action, dose.step) == (Action.GIVE, SUD2)
    assert len(dose.premedication) == 3
    assert dose.monitoring is not None
    assert (dose.monitoring.setting, dose.monitoring.hours) == ("hospital", 48), "the stricter of each"


def test_x21_a_treatment_dose_after_grade_2_is_near_the_facility_for_48_h():
    told = Told(ELRA)
    _full_step_up(told)
    crs(told, "2026-03-10 02:00", 2)
    crs(told, "2026-03-11 09:00", 0)
    resolved(told, "crs", "2026-03-11 09:00")
    dose = visit(told, "2026-03-16 09:00").next_dose
    assert (dose.action, dose.step) == (Action.CONTINUE, TD)
    assert dose.monitoring is not None
    assert (dose.monitoring.setting, dose.monitoring.hours) == ("near_facility", 48)
    assert len(dose.premedication) == 3


def test_a_treatment_dose_after_no_crs_has_no_premedication_and_no_stated_watch():
    told = Told(ELRA)
    _full_step_up(told)
    dose = visit(told, "2026-03-16 09:00").next_dose
    assert (dose.action, dose.step, dose.premedication) == (Action.CONTINUE, TD, ())
    assert dose.monitoring is not None and dose.monitoring.setting == "none_stated"


def _full_step_up(told: Told) -> None:
    """Elranatamab on days 1, 4 and 8."""
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09")):
        told.dose(step, f"2026-03-{day} 09:00")


@pytest.mark.parametrize(
    # protocol | answer      (the row of teclistamab was not read in its label: nothing else is offered either)
    ("key", "action"),
    [(ELRA, "stop"), (ELRA_OLD, "stop"), (TEC, "ask"), (TEC_OLD, "ask")],
)
def test_x22_a_second_grade_3_is_a_stop_for_good(key: str, action: str):
    told = had_crs(key, 3, lasted_until="2026-03-04 01:00")
    told.dose(SUD2, "2026-03-05 09:00")
    crs(told, "2026-03-06 02:00", 3)
    crs(told, "2026-03-07 01:00", 0)
    resolved(told, "crs", "2026-03-07 01:00")
    for at in ("2026-03-09 09:00", "2026-09-08 09:00"):
        dose = visit(told, at).next_dose
        assert (dose.action.value, dose.step, dose.amount, dose.withheld) == (action, None, None, True)
        assert "stop for good" in dose.because, "time does not bring the drug back"


def test_x23_after_grade_2_icans_on_teclistamab_the_next_dose_is_in_hospital_for_48_h():
    told = after_first_dose(TEC)
    well(told, "2026-03-05 08:00")
    told.dose(SUD2, VISIT)
    assert _where(visit(told, "2026-03-08 09:00")) == ("near_facility", 48)
    told = after_first_dose(TEC)
    well(told, "2026-03-05 08:00")
    told.dose(SUD2, VISIT)
    had_icans(told, 2, "2026-03-06 02:00", "2026-03-07 20:00")
    answer = visit(told, "2026-03-08 09:00")
    assert (answer.next_dose.action, answer.next_dose.step) == (Action.GIVE, FTD)
    assert _where(answer) == ("hospital", 48)


def had_icans(told: Told, grade: int, since: str = FEVER, until: str = OVER) -> None:
    icans(told, since, grade)
    icans(told, until, 0)
    resolved(told, "icans", until)


def _where(answer: Assessment) -> tuple[str, int | None] | None:
    watched = answer.next_dose.monitoring
    return (watched.setting, watched.hours) if watched else None


def neurotoxicity(told: Told, grade: int | None, at: str, active: bool | None = True) -> None:
    told.tell("condition_noted", at, what="neurotoxicity", grade=grade, active=active)


def had_neurotoxicity(key: str, *grades: int | None) -> Told:
    """One episode a day from the day after step-up dose 1, each over by the evening."""
    told = after_first_dose(key)
    for number, grade in enumerate(grades):
        neurotoxicity(told, grade, f"2026-03-0{3 + number} 10:00")
        neurotoxicity(told, None, f"2026-03-0{3 + number} 20:00", active=False)
    return told


@pytest.mark.parametrize("key", [TEC, TEC_OLD])
@pytest.mark.parametrize(
    # grades one after another | answer
    ("grades", "action"),
    [
        ((1,), "give"),
        ((2,), "give"),
        ((3,), "give"),
        ((3, 2), "give"),
        ((2, 3), "give"),
        ((3, 3), "stop"),  # X24
        ((4,), "stop"),
        ((None,), "ask"),
    ],
)
def test_x24_neurotoxicity_that_is_not_icans(key: str, grades: tuple[int | None, ...], action: str):
    dose = visit(had_neurotoxicity(key, *grades)).next_dose
    assert dose.action.value == action
    assert dose.withheld == (action != "give")


@pytest.mark.parametrize("grade", [1, 2, 3, 4])
def test_a_label_without_a_row_for_the_reaction_is_asked_about(grade: int):
    dose = visit(had_neurotoxicity(ELRA, grade)).next_dose
    assert dose.action is Action.ASK and "no rule for the dose after neurotoxicity" in dose.because


@pytest.mark.parametrize(("active", "action"), [(True, "hold"), (None, "ask"), (False, "give")])
def test_neurotoxicity_that_lasts_withholds_the_dose(active: bool | None, action: str):
    told = after_first_dose(TEC)
    neurotoxicity(told, 1, "2026-03-03 10:00", active=active)
    assert visit(told).next_dose.action.value == action


def test_x25_active_pneumonia_is_a_hold_and_the_delay_clock_runs_from_the_last_dose():
    told = after_first_dose(TEC)
    well(told, "2026-03-05 08:00")
    told.tell("condition_noted", "2026-03-05 08:30", what="pneumonia", grade=2, active=True)
    dose = told.assess(VISIT).next_dose
    assert (dose.action, str(dose.give_by), dose.would_be and dose.would_be.step) == (Action.HOLD, "2026-03-09", SUD2)
    late = told.assess("2026-03-10 09:00").next_dose
    assert (late.action, late.row) == (Action.HOLD, "R1")
    assert late.would_be is not None and (late.would_be.action, late.would_be.step) == (Action.RESTART, SUD1)
    told.tell("condition_noted", "2026-03-10 08:30", what="pneumonia", active=False)
    after = visit(told, "2026-03-10 09:00").next_dose
    assert (after.action, after.step, after.row) == (Action.RESTART, SUD1, "R1")


# --- each grade of CRS and ICANS, resolved, after step-up dose 1 ---------------------------------------------------


@pytest.mark.parametrize(
    # protocols | toxicity | grade | answer | where the patient is watched after step-up dose 2
    ("keys", "toxicity", "grade", "action", "hours"),
    [
        # teclistamab: no CRS row was read in the label, nor ICANS 3 and 4
        *[((TEC, TEC_OLD), "crs", grade, "ask", 48) for grade in (1, 2, 3, 4)],
        ((TEC, TEC_OLD), "icans", 1, "give", 48),
        ((TEC, TEC_OLD), "icans", 2, "give", 48),
        ((TEC, TEC_OLD), "icans", 3, "ask", 48),
        ((TEC, TEC_OLD), "icans", 4, "ask", 48),
        ((ELRA, ELRA_OLD), "crs", 1, "give", 24),
        ((ELRA, ELRA_OLD), "crs", 2, "give", 48),
        ((ELRA, ELRA_OLD), "crs", 3, "ask", 24),
        ((ELRA, ELRA_OLD), "crs", 4, "stop", 24),
        *[((ELRA, ELRA_OLD), "icans", grade, "give", 24) for grade in (1, 2, 3)],
        ((ELRA, ELRA_OLD), "icans", 4, "ask", 24),
    ],
)
def test_the_next_dose_after_a_resolved_reaction(
    keys: tuple[str, str], toxicity: str, grade: int, action: str, hours: int
):
    for key in keys:
        if toxicity == "crs":
            told = had_crs(key, grade, lasted_until="2026-03-04 01:00")
        else:
            told = after_first_dose(key)
            had_icans(told, grade)
        answer = visit(told)
        assert answer.next_dose.action.value == action
        assert _where(answer) == ("hospital", hours)
        if action != "give":
            assert answer.next_dose.withheld and f"grade {grade}" in answer.next_dose.because


@pytest.mark.parametrize(
    # grade 3 from 02:00 on 3 March until | the row that applies
    ("until", "words"),
    [("2026-03-05 01:59", "lasting less than 48 h"), ("2026-03-05 02:00", "lasting 48 h or more: stop for good")],
)
def test_grade_3_for_48_hours(until: str, words: str):
    dose = visit(had_crs(TEC, 3, lasted_until=until)).next_dose
    assert dose.action is Action.ASK and words in dose.because


def test_a_reaction_before_the_last_dose_changes_nothing_but_a_stop():
    told = had_crs(ELRA, 2)
    well(told, "2026-03-05 08:00")
    told.dose(SUD2, VISIT)
    answer = visit(told, "2026-03-09 09:00")
    assert (answer.next_dose.action, _where(answer)) == (Action.GIVE, ("none_stated", None))


# --- X42 to X45 ---------------------------------------------------------------------------------------------------


def test_x42_a_last_dose_on_an_unknown_day_is_never_assumed():
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00", started_at=None)
    answer = visit(told, "2026-03-09 09:00")
    assert answer.next_dose.action is Action.ASK and "request the record" in answer.next_dose.because
    assert "dose_given" in [item.missing for item in answer.cannot_say]


def test_x42_a_continuation_without_any_dose_on_record_is_asked_about():
    answer = visit(Told(intent="continuation"), "2026-03-09 09:00")
    assert answer.next_dose.action is Action.ASK and "never assumed" in answer.next_dose.because


def test_x43_a_repeated_step_up_dose_is_counted_from():
    told = Told()
    for step, day in ((SUD1, "02"), (SUD2, "05"), (SUD2, "13")):
        told.dose(step, f"2026-03-{day} 09:00")
    dose = visit(told, "2026-03-19 09:00").next_dose
    assert (dose.action, dose.step, dose.row) == (Action.GIVE, FTD, "SUD2-EXTENDED")
    assert dose.confirm is not None


@pytest.mark.parametrize(
    # case | why the dose was not given                            | flags
    ("case", "why", "flags"),
    [
        ("X44", {"because": "infection", "related_to_drug": True}, (BENEFIT_RISK,)),
        ("X44", {"because": "adverse_reaction"}, (BENEFIT_RISK,)),
        ("-", {"because": "infection", "related_to_drug": None}, (BENEFIT_RISK,)),
        ("-", {"because": "infection", "related_to_drug": False}, ()),
        ("X45", {"because": "logistics"}, ()),
        ("X45", {"because": "patient"}, ()),
        ("-", None, (BENEFIT_RISK_UNKNOWN,)),
        ("-", {"because": None}, (BENEFIT_RISK_UNKNOWN,)),
    ],
)
def test_x44_x45_a_delay_of_40_days(case: str, why: dict[str, Any] | None, flags: tuple[str, ...]):
    told = Told(intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    if why is not None:
        told.tell("dose_not_given", "2026-03-09 09:00", step=TD, **why)
    answer = visit(told, "2026-04-11 09:00")
    dose = answer.next_dose
    assert (dose.action, dose.step, dose.row) == (Action.RESTART, SUD2, "R5"), case
    assert tuple(flag for flag in dose.flags if "amount" not in flag) == flags, case
    unknown = "dose_not_given.because" in [item.missing for item in answer.cannot_say]
    assert unknown == (flags == (BENEFIT_RISK_UNKNOWN,))
