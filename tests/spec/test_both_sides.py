"""Limits of flow, counts, minutes and days, each looked at from both sides, and numbers that somebody else reads."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from handrail.rules.caredata import FOLDER, care_from_toml, tocilizumab
from handrail.rules.events import GradeNumber, TenPoints, ThreePoints
from handrail.rules.home_medicines import hidden_at, home_medicines
from handrail.rules.management import above_the_cap
from handrail.rules.policy import load_policy
from handrail.rules.scales import load_scale
from handrail.rules.terms import NUMBERED_TREATMENTS, STEP_UP_STEPS, STEP_WORDS, Action
from handrail.rules.triage import ANC_FACTORS
from tests.support.courses import ELRA, TEC, Told, instant, well
from tests.support.reactions import crs, resolved

SUD1, SUD2, FTD = "step_up_1", "step_up_2", "first_treatment"
CARE = (FOLDER / "care" / "tocilizumab.toml").read_text(encoding="utf-8")


def treated(key: str = ELRA) -> Told:
    told = Told(key)
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09")):
        told.dose(step, f"2026-03-{day} 09:00")
    return told


def findings(told: Told, at: str, rule: str) -> list[str]:
    return [finding.what for finding in told.assess(at).findings if finding.rule == rule]


@pytest.mark.parametrize(
    # nasal cannula, L/min | grade of the rows that hold
    ("flow", "grades"),
    [("5.9", [2]), ("6", [2]), ("6.1", [3])],
)
def test_six_litres_are_low_flow(flow: str, grades: list[int]):
    rows = load_scale("astct-2019").crs.hypoxia
    assert [row.grade for row in rows if row.holds("nasal_cannula", Decimal(flow))] == grades


@pytest.mark.parametrize(
    # grade of the CRS after the last dose | agents before the next one
    ("grade", "agents"),
    [(0, 0), (1, 3), (2, 3)],
)
def test_after_crs_of_any_grade_the_next_dose_is_premedicated(grade: int, agents: int):
    told = treated()
    crs(told, "2026-03-10 02:00", grade)
    resolved(told, "crs", "2026-03-11 09:00")
    well(told, "2026-03-16 08:00")
    dose = told.assess("2026-03-16 09:00").next_dose
    assert (dose.action, len(dose.premedication)) == (Action.CONTINUE, agents)


def test_a_neutrophil_count_means_the_same_in_every_unit():
    assert [str(ANC_FACTORS[unit]) for unit in ("10*9/L", "10*3/uL", "/uL", "{cells}/uL", "/mm3")] == [
        "1",
        "1",
        "0.001",
        "0.001",
        "0.001",
    ]


@pytest.mark.parametrize(
    # talquetamab: haemoglobin | in | the next dose waits
    ("value", "unit", "waits"),
    [("7.9", "g/dL", True), ("8.0", "g/dL", False), ("79", "g/L", True), ("80", "g/L", False)],
)
def test_haemoglobin_below_8_g_per_decilitre_withholds(value: str, unit: str, waits: bool):
    told = Told("talquetamab/US/2023-08/mono")
    well(told, "2026-03-02 08:00")
    told.tell("lab_resulted", "2026-03-02 08:00", code="hemoglobin", value=value, unit=unit)
    said = told.assess("2026-03-02 09:00")
    assert ("haemoglobin" in said.next_dose.because) is waits, said.next_dose.because


@pytest.mark.parametrize(
    # 801 mg of tocilizumab recorded, beside the last dose at 09:00 | found
    ("at", "found"),
    [("2026-03-09 08:59", False), ("2026-03-09 09:00", True), ("2026-03-09 09:01", True)],
)
def test_tocilizumab_above_its_cap_is_said_from_the_minute_of_the_last_dose(at: str, found: bool):
    told = treated()
    told.tell("medicine_given", at, agent="tocilizumab", dose_mg="801", purpose="treatment")
    assert bool(above_the_cap(told.history(), load_policy(), instant("2026-03-09 09:00"))) is found


@pytest.mark.parametrize(("mg", "found"), [("800", False), ("800.1", True)])
def test_800_mg_of_tocilizumab_are_not_above_the_cap(mg: str, found: bool):
    told = treated()
    told.tell("medicine_given", "2026-03-09 10:00", agent="tocilizumab", dose_mg=mg, purpose="treatment")
    assert bool(above_the_cap(told.history(), load_policy(), None)) is found


@pytest.mark.parametrize(
    # paracetamol taken at home at 02:00; it may have hidden a fever at
    ("minutes", "hidden"),
    [(-1, False), (0, True), (1, True), (6 * 60 - 1, True), (6 * 60, False)],
)
def test_a_medicine_may_hide_a_fever_from_its_own_minute_on_for_its_hours(minutes: int, hidden: bool):
    told = treated()
    told.tell("medicine_given", "2026-03-10 02:00", agent="acetaminophen", dose_mg="1000", purpose="home")
    policy = load_policy()
    assert {row.hours for row in policy.masking if "acetaminophen" in row.also} == {6}
    found = hidden_at(told.history(), policy, instant("2026-03-10 02:00") + timedelta(minutes=minutes))
    assert (found is not None) is hidden


@pytest.mark.parametrize(
    # dexamethasone authorised at, taken at 02:00 | taken without an authorisation
    ("authorised", "unauthorised"),
    [("2026-03-10 01:59", False), ("2026-03-10 02:00", False), ("2026-03-10 02:01", True)],
)
def test_an_authorisation_of_the_same_minute_covers_what_was_taken(authorised: str, unauthorised: bool):
    told = treated()
    told.tell("home_medicine_authorised", authorised, agent="dexamethasone", medicine="dexamethasone", dose_mg="20")
    told.tell("medicine_given", "2026-03-10 02:00", agent="dexamethasone", dose_mg="20", purpose="home")
    found = home_medicines(told.history(), load_policy(), instant("2026-03-10 03:00"))
    assert any("without an authorisation" in f.what for f in found.findings) is unauthorised


@pytest.mark.parametrize(
    # the plan was for 16 March; looked at | said that nothing is recorded
    ("at", "said"),
    [("2026-03-16 23:59", False), ("2026-03-17 00:00", True)],
)
def test_a_planned_day_without_a_record_is_said_from_midnight_on(at: str, said: bool):
    told = treated()
    told.tell("dose_planned", "2026-03-10 09:00", step="treatment", on="2026-03-16")
    assert any("nothing is recorded" in what for what in findings(told, at, "schedule")) is said
    assert said or told.assess(at).look_again_at == instant("2026-03-17 00:00")


@pytest.mark.parametrize(
    # recorded beside the plan of 10 March for 16 March | said that nothing is recorded
    ("kind", "at", "said"),
    [
        ("dose_given", "2026-03-15 09:00", True),
        ("dose_given", "2026-03-16 09:00", False),
        ("dose_not_given", "2026-03-10 08:59", True),
        ("dose_not_given", "2026-03-10 09:00", False),
    ],
)
def test_a_dose_on_the_planned_day_or_a_reason_from_the_plan_on_is_a_record(kind: str, at: str, said: bool):
    told = treated()
    told.tell("dose_planned", "2026-03-10 09:00", step="treatment", on="2026-03-16")
    told.tell(kind, at, step="treatment", **({"because": "logistics"} if kind == "dose_not_given" else {}))
    assert any("nothing is recorded" in what for what in findings(told, "2026-03-17 12:00", "schedule")) is said


@pytest.mark.parametrize(
    # teclistamab step-up dose 1 at 09:00; dexamethasone at | said to be at the wrong time
    ("at", "wrong"),
    [
        ("2026-03-02 05:59", 1),
        ("2026-03-02 06:00", 0),
        ("2026-03-02 08:00", 0),
        ("2026-03-02 08:01", 1),
        ("2026-03-02 09:00", 1),
        ("2026-03-02 09:01", 0),
    ],
)
def test_premedication_counts_up_to_the_minute_of_the_dose(at: str, wrong: int):
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("medicine_given", at, agent="dexamethasone", dose_mg="16", purpose="premedication")
    said = [what for what in findings(told, "2026-03-02 09:30", "schedule") if "dexamethasone" in what.lower()]
    assert len(said) == wrong, said


@pytest.mark.parametrize(
    # teclistamab step-up dose 1 at 09:00, 48 h in hospital; at home from, and looked at | said
    ("home", "at", "said"),
    [
        ("2026-03-02 08:59", "2026-03-02 12:00", False),
        ("2026-03-02 09:00", "2026-03-02 12:00", True),
        ("2026-03-02 10:00", "2026-03-04 08:59", True),
        ("2026-03-02 10:00", "2026-03-04 09:00", False),
    ],
)
def test_at_home_against_the_label_is_said_until_the_hours_are_over(home: str, at: str, said: bool):
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("home_status", home, location="home")
    assert any(what.startswith("At home, while this label") for what in findings(told, at, "schedule")) is said


# --- numbers that others read ---------------------------------------------------------------------------------------


def ended(told: Told) -> None:
    told.tell("course_ended", "2026-03-16 10:00", because="completed")


def held(told: Told) -> None:
    told.tell("hold_started", "2026-03-14 10:00", because="surgery")


def fever(told: Told) -> None:
    told.tell("checkin_received", "2026-03-10 02:00", temperature_c="38.4", symptoms=[], caregiver_present=True)


@pytest.mark.parametrize(
    # doses | what happened besides | looked at | state
    ("doses", "besides", "at", "number", "name"),
    [
        (0, None, "2026-03-01 09:00", 4, "CANDIDATE"),
        (0, "planned", "2026-03-01 09:00", 7, "GATE"),
        (1, None, "2026-03-02 10:00", 9, "WATCH"),
        (3, fever, "2026-03-10 02:30", 10, "EVENT"),
        (1, held, "2026-03-14 12:00", 11, "HOLD"),
        (2, None, "2026-03-10 09:00", 7, "GATE"),
        (3, None, "2026-03-16 09:00", 12, "STEP-UP COMPLETE"),
        (4, None, "2026-03-20 09:00", 17, "MAINTENANCE"),
        (4, ended, "2026-03-20 09:00", 22, "ENDED"),
    ],
)
def test_the_number_and_name_of_the_state(doses: int, besides: Any, at: str, number: int, name: str):
    told = Told(TEC)
    well(told, "2026-03-01 08:00")
    given = ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), ("treatment", "16"))
    for step, day in given[:doses]:
        told.dose(step, f"2026-03-{day} 09:00")
    if besides == "planned":
        told.tell("dose_planned", "2026-03-01 08:30", step=SUD1, on="2026-03-02")
    elif besides is not None:
        besides(told)
    state = told.assess(at).state
    assert (state.number, state.name) == (number, name)


def test_what_the_format_can_say_of_steps_and_scores():
    assert tuple(f"step_up_{n}" for n in (1, 2, 3, 4, 5, 6)) == STEP_UP_STEPS
    assert tuple(f"treatment_{n}" for n in range(2, 13)) == NUMBERED_TREATMENTS
    assert [STEP_WORDS[f"step_up_{n}"] for n in (1, 2, 3)] == [f"step-up dose {n}" for n in (1, 2, 3)]
    assert [STEP_WORDS[f"treatment_{n}"] for n in (2, 3)] == [f"treatment dose {n}" for n in (2, 3)]
    assert get_args(ThreePoints) == (0, 1, 2, 3)
    assert get_args(TenPoints) == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert get_args(GradeNumber) == (0, 1, 2, 3, 4, 5)


# --- the file of tocilizumab ----------------------------------------------------------------------------------------


def test_the_shipped_file_is_read_as_it_lies():
    assert care_from_toml(CARE) == tocilizumab()


@pytest.mark.parametrize(
    # the smallest that makes sense loads
    ("old", "new"),
    [
        ('mg_per_kg = "8"', 'mg_per_kg = "1"'),
        ('mg_per_kg = "8"', 'mg_per_kg = "0.1"'),
        ('cap_mg = "800"', 'cap_mg = "1"'),
        ('mg = "80"', 'mg = "1"'),
        ('ml = "4"', 'ml = "1"'),
        ('below = "2.0"', 'below = "1"'),
        ("doses_per_patient = 2", "doses_per_patient = 1"),
        ("within_hours = 2", "within_hours = 1"),
    ],
)
def test_a_small_number_is_a_number(old: str, new: str):
    assert old in CARE
    assert care_from_toml(CARE.replace(old, new, 1)).format == "handrail-care/1"
