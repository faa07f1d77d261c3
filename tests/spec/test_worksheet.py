"""A fever worked up side by side: what each feature speaks for, and that what is not known speaks for CRS in no row."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.caredata import FOLDER
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.policy import load_policy
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status
from handrail.rules.worksheet import Feature, Worksheet, fever_data, fever_from_toml, worksheet
from tests.support.courses import TEC, Told, instant, well
from tests.support.reactions import crs, resolved

TAL = "talquetamab/US/2023-08"
DOSED = "2026-03-02 10:00"


def sheet(told: Told, at: str) -> Worksheet:
    policy = load_policy()
    history = told.history(policy).until(instant(at))
    doses = given_doses(history)
    return worksheet(history, doses, episodes(history, doses, policy), policy, instant(at))


def feature(told: Told, name: str, at: str) -> tuple[str | None, str | None]:
    found: Feature = next(each for each in sheet(told, at).features if each.id == name)
    return found.known, found.speaks_for


def dosed(key: str = TAL, step: str = "step_up_1", **fields: Any) -> Told:
    told = Told(key)
    well(told, "2026-03-02 09:30")
    told.tell("dose_given", DOSED, step=step, **fields)
    return told


HOURS = [
    # product | judged at          | known  | speaks for
    (TAL, "2026-03-02 10:00", "0 h", "crs"),
    (TAL, "2026-03-02 10:30", "0 h", "crs"),
    (TAL, "2026-03-03 13:00", "27 h", "crs"),
    (TAL, "2026-03-09 10:00", "167 h", "crs"),  # the clocks went forward on 8 March: hours are elapsed hours
    (TAL, "2026-03-09 10:01", "167 h", None),
    (TAL, "2026-03-09 11:00", "168 h", None),
    (TAL, "2026-03-09 11:01", "168 h", "infection"),
    (TEC, "2026-03-04 10:00", "48 h", None),  # its row is recalled: shown, and counted for neither
    (TEC, "2026-03-09 11:01", "168 h", "infection"),
]


@pytest.mark.parametrize(("key", "at", "known", "speaks_for"), HOURS)
def test_hours_since_the_dose(key: str, at: str, known: str, speaks_for: str | None):
    assert feature(dosed(key), "hours_since_dose", at) == (known, speaks_for)


@pytest.mark.parametrize(
    # the step-up dose of 2 March began, the treatment dose of 30 March began | hours since the last dose
    ("risky", "last", "known"),
    [
        (..., ..., "24 h"),
        (None, ..., None),  # when the dose that CRS follows was given is not known
        (..., None, None),
    ],
)
def test_hours_are_counted_where_both_doses_have_their_time(risky: Any, last: Any, known: str | None):
    told = dosed(**({} if risky is ... else {"started_at": None}))
    given = {} if last is ... else {"started_at": None}
    told.tell("dose_given", "2026-03-30 10:00", step="treatment", **given)
    assert feature(told, "hours_since_dose", "2026-03-31 10:00")[0] == known


def test_a_later_dose_does_not_make_seven_days_begin_again():
    told = dosed(TEC, step="first_treatment")
    told.tell("dose_given", "2026-03-09 10:00", step="treatment")
    assert feature(told, "hours_since_dose", "2026-03-10 10:00") == ("24 h", "infection")
    assert feature(told, "dose_step", "2026-03-10 10:00") == ("treatment dose", "infection")


def test_before_any_dose_it_is_no_crs():
    assert feature(Told(TAL), "hours_since_dose", "2026-03-02 10:00") == ("no dose given yet", "infection")


def test_a_dose_on_an_unknown_day_or_of_an_unknown_step_speaks_for_neither():
    assert feature(dosed(started_at=None), "hours_since_dose", "2026-03-03 10:00") == (None, None)
    assert feature(dosed(step=None), "dose_step", "2026-03-03 10:00") == (None, None)


REPORTS = [
    # the last check-in                                     | known          | speaks for
    ({"symptoms": ["cough"]}, "cough", "infection"),
    ({"symptoms": ["cough", "diarrhoea"]}, "cough, diarrhoea", "infection"),
    ({"symptoms": ["shaking_chills"]}, "none reported", "crs"),
    ({"symptoms": [], "none_of_these": True}, "none reported", "crs"),
    ({"none_of_these": True}, "none reported", "crs"),
    ({"symptoms": None}, None, None),
    ({}, None, None),
    ({"alarm": True, "symptoms": ["hard_to_wake"]}, None, None),  # an alarm never asked for a cough
    ({"alarm": True, "symptoms": ["cough"]}, "cough", "infection"),
]


@pytest.mark.parametrize(("report", "known", "speaks_for"), REPORTS)
def test_focal_symptoms(report: dict[str, Any], known: str | None, speaks_for: str | None):
    told = dosed()
    told.tell("checkin_received", "2026-03-03 02:14", temperature_c="38.4", **report)
    assert feature(told, "focal_symptoms", "2026-03-03 02:20") == (known, speaks_for)


COUNTS = [
    ("0.9", "10*9/L", "0.9", "infection"),
    ("1.0", "10*9/L", "1", None),
    ("800", "/uL", "0.8", "infection"),
    (None, "10*9/L", None, "infection"),
    ("2.4", "furlongs", None, "infection"),
]


@pytest.mark.parametrize(("value", "unit", "known", "speaks_for"), COUNTS)
def test_neutrophils_that_are_low_or_not_known_are_infection_first(value, unit, known, speaks_for):
    told = dosed()
    told.tell("lab_resulted", "2026-03-02 09:00", code="anc", value=value, unit=unit)
    assert feature(told, "anc", "2026-03-03 02:20") == (known, speaks_for)


def test_neutrophils_never_counted_are_infection_first():
    assert feature(dosed(), "anc", "2026-03-03 02:20") == (None, "infection")


def test_tocilizumab_and_what_was_taken_blunt_both_columns():
    told = dosed()
    told.tell("medicine_given", "2026-03-02 09:00", agent="tocilizumab", dose_mg="560", purpose="prophylaxis")
    told.tell("medicine_given", "2026-03-03 01:50", agent="dexamethasone", dose_mg="20", purpose="home")
    known, speaks_for = feature(told, "tocilizumab", "2026-03-03 02:20")
    assert known is not None and "560 mg" in known and "prophylaxis" in known and speaks_for == "both"
    known, speaks_for = feature(told, "taken_at_home", "2026-03-03 02:20")
    assert known is not None and "dexamethasone at Tue 3 Mar 2026 01:50" in known and speaks_for == "both"


TAKEN = [
    ({"antipyretic_last_6_h": True}, "a fever medicine in the last 6 h, by the last check-in", "both"),
    ({"antipyretic_last_6_h": False}, "nothing, by the last check-in", None),
    ({"antipyretic_last_6_h": None}, None, None),
    ({}, None, None),
]


@pytest.mark.parametrize(("report", "known", "speaks_for"), TAKEN)
def test_what_the_last_check_in_said_of_fever_medicine(report, known, speaks_for):
    told = dosed()
    told.tell("checkin_received", "2026-03-03 02:14", temperature_c="38.4", **report)
    assert feature(told, "taken_at_home", "2026-03-03 02:20") == (known, speaks_for)


def test_crs_before_says_the_worst_grade_or_that_nobody_graded_it():
    told = dosed()
    assert feature(told, "crs_before", "2026-03-03 02:00") == ("none recorded", None)
    told.tell("checkin_received", "2026-03-03 02:14", temperature_c="38.4")
    assert feature(told, "crs_before", "2026-03-03 02:20") == ("suspected, never graded", "crs")


@pytest.mark.parametrize("grades", [(1, 2), (2, 1)])
def test_crs_before_is_the_worst_of_two(grades: tuple[int, int]):
    told = dosed()
    for grade, day in zip(grades, ("03", "05"), strict=True):
        crs(told, f"2026-03-{day} 10:00", grade)
        resolved(told, "crs", f"2026-03-{day} 20:00")
    assert feature(told, "crs_before", "2026-03-07 10:00") == ("worst grade 2", "crs")


def test_with_nothing_known_no_feature_speaks_for_crs():
    for each in sheet(Told(TAL), "2026-03-02 10:00").features:
        assert each.speaks_for != "crs", each.id


def test_the_sheet_never_names_one_of_the_two():
    found = sheet(dosed(), "2026-03-03 02:20")
    assert found.advice == fever_data().advice.words
    assert {row.column for row in found.work_up} == {"both", "crs", "infection"}
    assert [row.minutes for row in found.clocks] == [15, 60, 240]
    assert found.expected is not None and found.expected_status is Status.SECONDARY
    assert sheet(dosed(TEC), "2026-03-03 02:20").expected_status is Status.UNVERIFIED


BROKEN = [
    ('id = "anc"', 'id = "moon"', "No rule reads the feature"),
    ("to_hours = 167", "to_hours = 0", "The hours make no sense"),
    ("minutes = 15", "minutes = 0", "The minutes make no sense"),
    ('id = "igg"', 'id = "crp"', "Two rows are called"),
    ('column = "both"', 'column = "either"', "crs, infection, both"),
    ('source = ["ARV25"]', 'source = ["NOBODY"]', "names no known source"),
    ("minutes = 60", "minuten = 60", "minuten"),
    ("{number}.", "{name}.", "A script fills in: drug, dose, since, taken, number"),
    ("{number}.", "{number.", "A script fills in"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence(good: str, bad: str, said: str):
    text = (FOLDER / "care" / "fever.toml").read_text(encoding="utf-8")
    assert good in text
    with pytest.raises(ProtocolDataError) as refused:
        fever_from_toml(text.replace(good, bad, 1))
    assert said in f"{refused.value.message} {refused.value.path}"
