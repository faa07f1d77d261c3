"""The shipped setting rules are read whole, and a file that cannot be right is refused with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handrail.rules.setting_checks import CHECKS
from handrail.rules.setting_rules import CHECKED, FOLDER, load_setting_rules, setting_rules_from_toml
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status
from tests.support.settings import decided, facts, missing

TEXT = (FOLDER / "default-1.toml").read_text(encoding="utf-8")
WEIGHTS = {
    "C-AGE": 1, "C-ECOG": 2, "C-BURDEN": 2, "C-BLOOD": 1, "C-KIDNEY": 1, "C-COMORBID": 1, "C-INFECTION": 1, "C-TRAVEL": 1,
    "C-CAREGIVER": 1, "C-TEACH": 1, "C-ANTICOAG": 1, "C-FIRST": 1, "C-TOCI": 2,
}  # fmt: skip


def test_the_weights_are_one_but_for_burden_ecog_and_no_tocilizumab():
    assert {row.id: row.points for row in load_setting_rules().rule if row.points} == WEIGHTS


def test_every_check_that_a_rule_may_name_is_carried_out():
    assert tuple(CHECKS) == CHECKED


def test_no_number_acts_as_if_it_were_read_in_a_label():
    rules = load_setting_rules()
    assert {row.status for row in (*rules.rule, *rules.gap, *rules.band)} == {Status.SITE_CHOICE, Status.SECONDARY}


REFUSED: list[tuple[str, str, str, str]] = [
    # what is changed | into | code | place
    ('format = "handrail-setting/1"', 'format = "handrail-setting/9"', "unknown_format", "format"),
    ('version = "1"', 'version = "1"\nsigned_by = " "', "missing_key", "signed_by"),
    ("hours = 72", "hours = 72\nminutes = 1", "unknown_key", "valid.minutes"),
    ('hours = 72                      # a decision stands so long at most, and never beyond the day of its dose\nsource = ["HANDRAIL"]',
     "hours = 72\nsource = []", "missing_source", "valid.source"),
    ('source = ["HANDRAIL", "ROADMAP25"]', 'source = ["NOBODY"]', "missing_source", "caregiver.source"),
    ('id = "HS-2"', 'id = "HS-1"', "duplicate_id", "HS-1"),
    ('check = "screening"', 'check = "weather"', "unknown_word", "rule.HS-2.check"),
    ('check = "screening"\n', "", "missing_key", "rule.HS-2"),
    ('layer = "consideration"\npoints = 1', 'layer = "consideration"', "bad_number", "rule.C-AGE.points"),
    ('layer = "consideration"\npoints = 1', 'layer = "inpatient"\npoints = 1', "bad_number", "rule.C-AGE.points"),
    ('fact = "consent", equals = false', 'fact = "agreement", equals = false', "unknown_word", "rule.HS-6"),
    ('fact = "consent", equals = false', 'fact = "consent"', "bad_number", "rule.HS-6.consent"),
    ('fact = "consent", equals = false', 'fact = "consent", equals = false, within_days = 2', "bad_number", "rule.HS-6.consent"),
    ('fact = "consent", equals = false', 'fact = "consent", at_least = "1"', "bad_number", "rule.HS-6.consent"),
    ('fact = "ecog", at_least = "3"', 'fact = "ecog", equals = true', "bad_number", "rule.IP-5.ecog"),
    ('fact = "ecog"\nlow', 'fact = "performance"\nlow', "bad_number", "rule.IP-5.ecog"),
    ('fact = "nyha"\nlow = "0"\nhigh = "4"', 'fact = "nyha"\nlow = "4"\nhigh = "4"', "bad_number", "plausible.nyha"),
    ('[[plausible]]\nfact = "nyha"', '[[plausible]]\nfact = "nobody"\nlow = "0"\nhigh = "1"\n[[plausible]]\nfact = "nyha"', "unknown_word", "plausible.nobody"),
    ('fact = "consent", equals = false', 'fact = "screening", equals = false', "wrong_type", "rule.HS-6.screening"),
    ('fact = "consent", equals = false', 'fact = "nyha", equals = false', "bad_number", "rule.HS-6.nyha"),
    ('fact = "live_vaccine", within_days = 28', 'fact = "live_vaccine", equals = true', "wrong_type", "rule.HS-5.live_vaccine"),
    ('fact = "live_vaccine", within_days = 28', 'fact = "temperature_at", within_days = 28', "wrong_type", "rule.HS-5.temperature_at"),
    ('[[plausible]]\nfact = "nyha"', '[[plausible]]\nfact = "consent"\nlow = "0"\nhigh = "1"\n[[plausible]]\nfact = "nyha"', "bad_number", "rule.HS-6.consent"),
    ('[[plausible]]\nfact = "nyha"', '[[plausible]]\nfact = "zone"\nlow = "0"\nhigh = "1"\n[[plausible]]\nfact = "nyha"', "wrong_type", "plausible.zone"),
    ('fact = "thermometer_at_hand"', 'fact = "caregivers"', "wrong_type", "gap.GAP-THERMOMETER"),
    ('fact = "thermometer_at_hand"', 'fact = "thermometer"', "unknown_word", "gap.GAP-THERMOMETER"),
    ('only_if = "needs_interpreter"', 'only_if = "language"', "unknown_word", "gap.GAP-INTERPRETER"),
    ("from_points = 0", "from_points = 1", "overlap", "band"),
    ("from_points = 3", "from_points = 4", "overlap", "band"),
    ("from_points = 3", "from_points = 2", "overlap", "band"),
    ("to_points = 4\n", "", "overlap", "band"),
    ("from_points = 5\n", "from_points = 5\nto_points = 9\n", "overlap", "band"),
    ("from_points = 0\nto_points = 2", "from_points = 0\nto_points = -1", "overlap", "band"),
    ('hybrid_from = "3"', 'hybrid_from = "H"', "wrong_order", "level"),
    ('hybrid_from = "3"', 'hybrid_from = "5"', "unknown_word", "level.hybrid_from"),
    ("near_limit_from_minutes = 30", "near_limit_from_minutes = 0", "bad_number", "travel"),
    ("near_limit_from_minutes = 30", "near_limit_from_minutes = 61", "bad_number", "travel"),
    ("hours = 72", "hours = 0", "bad_number", "travel"),
    ("until_day = 10", "until_day = 0", "bad_number", "caregiver"),
    ("hours_after_first_treatment = 48", "hours_after_first_treatment = 0", "bad_number", "caregiver"),
    ('in_hospital = ["step_up_1"]', "in_hospital = []", "unknown_word", "hybrid.in_hospital"),
    ('in_hospital = ["step_up_1"]', 'in_hospital = ["dose_1"]', "unknown_word", "hybrid.in_hospital"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "code", "place"), REFUSED)
def test_a_file_that_cannot_be_right_is_refused_with_its_place(before: str, after: str, code: str, place: str):
    assert before in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        setting_rules_from_toml(TEXT.replace(before, after, 1))
    assert (refused.value.code, refused.value.path) == (code, place)


ALLOWED: list[tuple[str, str]] = [
    ("near_limit_from_minutes = 30", "near_limit_from_minutes = 60"),
    ("near_limit_from_minutes = 30", "near_limit_from_minutes = 1"),
    ("hours = 72", "hours = 1"),
    ("until_day = 10", "until_day = 1"),
    ("hours_after_first_treatment = 48", "hours_after_first_treatment = 1"),
    ('hybrid_from = "3"', 'hybrid_from = "4"'),
    ("to_points = 2\n", "to_points = 0\n"),
]


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_what_a_programme_may_choose(before: str, after: str):
    text = TEXT.replace(before, after, 1)
    if "to_points" in before:
        text = text.replace("from_points = 3", "from_points = 1")
    assert setting_rules_from_toml(text)


def test_a_row_that_nobody_verified_permits_nothing():
    body: dict[str, Any] = {"before": 'any = [{ fact = "ecog", at_least = "3" }]\nowner = "prescriber"\nsource = ["HANDRAIL"]\nstatus = "site-choice"'}  # fmt: skip
    assert body["before"] in TEXT
    rules = setting_rules_from_toml(
        TEXT.replace(body["before"], body["before"].replace("site-choice", "unverified"), 1)
    )
    answer = decided(facts(), rules=rules)
    assert (answer.recommendation, missing(answer), answer.status) == (None, ["rule"], Status.UNVERIFIED)
    assert decided(facts(ecog=3), rules=rules).recommendation == "INPATIENT"
    assert decided(facts()).status is Status.SECONDARY


def test_an_answer_says_who_signed_the_rules_or_that_nobody_did():
    signed = setting_rules_from_toml(TEXT.replace('version = "1"', 'version = "1"\nsigned_by = "the medical lead"', 1))
    assert decided(facts(), rules=signed).rules_signed_by == "the medical lead"
    assert (load_setting_rules().signed_by, decided(facts()).rules_signed_by) == (None, None)


@pytest.mark.parametrize("table", ["valid", "caregiver", "travel", "level", "hybrid", "band", "screening", "gap"])
def test_a_table_that_nobody_verified_permits_nothing(table: str):
    rules = setting_rules_from_toml(TEXT)
    rows = getattr(rules, table)
    weak = (
        tuple(replace(row, status=Status.UNVERIFIED) for row in rows[:1]) + rows[1:]
        if isinstance(rows, tuple)
        else replace(rows, status=Status.UNVERIFIED)
    )
    answer = decided(facts(), rules=replace(rules, **{table: weak}))
    assert (answer.recommendation, missing(answer), answer.status) == (None, ["rule"], Status.UNVERIFIED)
    assert not answer.scheduling.allowed
    assert decided(facts(ecog=3), rules=replace(rules, **{table: weak})).recommendation == "INPATIENT"
    # what only looks at facts of the patient counts with none of the tables, and still says so
    of_checks = {row.id for row in rules.rule if row.check is not None}
    assert {line.rule for line in answer.lines if line.state == "not_known"} <= of_checks
    assert {line.rule for line in answer.lines if line.state == "clear"} & of_checks == set()
