"""Cases V1 to V13 of the setting, each as a row: what differs from V1, and what is recommended. `tests/support/settings.py` writes V1 out.

V1: 66 years, ECOG 1, plasma cells 20 %, a caregiver at every hour of days 1 to 10, 22 minutes away, tocilizumab planned, a site of level 4.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.protocol import FOLDER as PRODUCTS
from handrail.rules.protocol import load_text
from handrail.rules.setting import Setting, setting
from handrail.rules.setting_rules import load_setting_rules
from tests.support.settings import EVER, LABEL, NEVER, at, decided, eve, facts, fired, missing

NOVEMBER = date(2026, 11, 16)
SEASONS = {
    "worst": [
        {"months": [4, 5, 6, 7, 8, 9, 10], "minutes": 28},
        {"months": [11, 12, 1, 2, 3], "minutes": 75},
    ],
    "typical_minutes": 28,
}
FRAIL = {"age_years": 79, "ecog": 2, "marrow_plasma_percent": "60", "ldh_times_upper_limit": "2", "creatinine_clearance_ml_min": "40"}  # fmt: skip
NEAR = {"worst": [{"months": list(range(1, 13)), "minutes": 45}]}
LEAVES_ON_DAY_6 = [{"who": "daughter", "from_at": at(1, 8), "until_at": at(6, 9)}]
LODGED = {"accepted": True, "from_at": at(1, 8, NOVEMBER), "until_at": at(12, 8, NOVEMBER), "worst_minutes": 10}
TWO_STEPS = {"inpatient_steps": ["step_up_1", "step_up_2"], "waiver": NEVER, "policy": "policy 12"}
AFTER_35_DAYS = {"given": True, "step": "treatment", "on": "2026-06-01", "schedule": "weekly"}
RESTART = [{"step": "step_up_2", "at": at(1)}, {"step": "first_treatment", "at": at(4)}]
RESTARTED = {"doses": RESTART, "step": "step_up_2", "last_dose": AFTER_35_DAYS}

V = [
    # case | first day | what differs from V1 | recommended | the rules that fire | points | what is missing
    ("V1", None, {}, "OUTPATIENT", [], 0, []),
    ("V2", None, {"caregivers": LEAVES_ON_DAY_6}, "INPATIENT", ["IP-1"], 0, []),
    ("V3", None, {"temperature_c": "38.1"}, "DEFER", ["HS-1"], 0, []),
    ("V4 July", None, {"travel": SEASONS}, "OUTPATIENT", [], 0, []),
    ("V4 November", NOVEMBER, {"travel": SEASONS}, "INPATIENT", ["IP-2", "C-TRAVEL"], 1, []),
    ("V4 lodging", NOVEMBER, {"travel": SEASONS, "lodging": LODGED}, "OUTPATIENT", [], 0, []),
    ("V5", None, {"ecog": None}, None, [], 0, ["ecog"]),
    ("V6", None, FRAIL, "INPATIENT", ["C-AGE", "C-ECOG", "C-BURDEN", "C-BLOOD", "C-KIDNEY"], 7, []),
    ("V7", None, {"marrow_plasma_percent": "55"}, "OUTPATIENT", ["C-BURDEN"], 2, []),
    ("V7 45 min", None, {"marrow_plasma_percent": "55", "travel": NEAR}, "HYBRID", ["C-BURDEN", "C-TRAVEL"], 3, []),
    ("V8", None, {"payer": TWO_STEPS}, "INPATIENT", ["IP-10"], 0, []),
    ("V9", None, {"site__level": "1"}, "INPATIENT", ["IP-9", "LV-1"], 0, []),
    ("V10", None, {"needs_interpreter": True, "interpreter_at_all_hours": False}, "OUTPATIENT", ["GAP-INTERPRETER"], 0, []),
    ("V11", None, {"worst_earlier_reaction": 3}, "INPATIENT", ["IP-6"], 0, []),
    ("V12", None, RESTARTED, "OUTPATIENT", [], 0, []),
    ("V13", None, {"ecog": None, "caregivers": []}, "INPATIENT", ["IP-1"], 0, ["ecog"]),
]  # fmt: skip


def answered(first: date | None, changes: dict[str, Any]) -> Setting:
    return decided(facts(first, **changes) if first else facts(**changes))


@pytest.mark.parametrize(("case", "first", "changes", "recommended", "rules", "points", "lacking"), V, ids=[row[0] for row in V])  # fmt: skip
def test_the_cases(case, first, changes, recommended, rules, points, lacking):
    answer = answered(first, changes)
    assert answer.recommendation == recommended
    assert fired(answer) == rules
    assert answer.points == points == sum(each.points for each in answer.considerations)
    assert missing(answer) == lacking
    assert answer.confidence == ("incomplete" if lacking else "complete")


def test_v2_names_the_hours_that_nobody_covers_offers_a_second_caregiver_and_a_plan_in_hospital():
    answer = decided(facts(caregivers=LEAVES_ON_DAY_6))
    (reason,) = answer.inpatient_reasons
    assert "nobody is there: Sat 11 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT (111 h)" in reason.because
    assert [(task.who, task.what) for task in answer.tasks] == [
        ("nurse", "a second caregiver for the hours that nobody covers")
    ]
    assert [(each.step, f"{each.on:%d %b}", each.place) for each in answer.plan] == [
        ("step_up_1", "06 Jul", "inpatient"),
        ("step_up_2", "09 Jul", "inpatient"),
        ("first_treatment", "13 Jul", "inpatient"),
    ]
    assert answer.scheduling.allowed


def test_v4_says_the_month_and_the_minutes():
    (reason,) = decided(facts(NOVEMBER, travel=SEASONS)).inpatient_reasons
    assert "75 min in November (limit 60 min)" in reason.because
    assert reason.offer == "lodging near the hospital for the watched span"


def test_v5_withholds_and_says_who_finds_out():
    answer = decided(facts(ecog=None))
    (lacking,) = answer.missing
    assert (lacking.missing, lacking.rules, lacking.owner) == ("ECOG", ("IP-5", "C-ECOG"), "prescriber")
    assert not answer.scheduling.allowed and answer.plan == () and answer.would_be is None


def test_v8_flags_the_conflict_and_asks_for_a_waiver():
    answer = decided(facts(payer=TWO_STEPS))
    words = {each.between: each.because for each in answer.conflicts}
    assert words["payer", "protocol"] == (
        "the payer asks for step-up dose 1 in hospital; default, version 1 allows it outside"
    )
    assert [(task.rule, task.who, task.what) for task in answer.tasks] == [
        ("IP-10", "authorisation", "request a waiver of the payer")
    ]
    assert answer.payer_requirement is not None
    assert (answer.payer_requirement.setting, answer.payer_requirement.waived) == ("inpatient", False)


def test_v8_with_a_waiver_is_outpatient_again_and_keeps_the_flag():
    answer = decided(facts(payer={**TWO_STEPS, "waiver": EVER}))
    assert answer.recommendation == "OUTPATIENT"
    assert [(each.between, each.signed) for each in answer.conflicts] == [
        (("payer", "protocol"), True),
        (("label", "protocol"), True),
    ]


def test_no_conflict_is_claimed_while_nobody_knows_what_the_programme_would_say():
    assert decided(facts(ecog=None, payer=TWO_STEPS)).conflicts == ()


OTHERS = [
    {"name": "Hill Clinic", "level": "3", "level_paper": EVER, "worst_minutes": 50},
    {"name": "Lake Clinic", "level": "2", "level_paper": EVER, "worst_minutes": 5},
    {"name": "Hub", "level": "H", "level_paper": EVER, "worst_minutes": 90},
    {"name": "Far Clinic", "level": "4", "level_paper": EVER},
    {"name": "Lapsed Clinic", "level": "4", "level_paper": {"held": True, "until": "2026-07-05"}, "worst_minutes": 1},
    {"name": "Unsure Clinic", "level": "4", "worst_minutes": 2},
]


def test_v9_is_refused_and_names_the_nearest_sites_that_can_with_the_way_there():
    scheduling = decided(facts(site__level="1", other_sites=OTHERS)).scheduling
    assert not scheduling.allowed
    assert scheduling.because == ("River Clinic is at level 1; level 3 is needed",)
    near = [(site.name, site.level, site.worst_minutes) for site in scheduling.nearest]
    assert near == [("Hill Clinic", "3", 50), ("Hub", "H", 90), ("Far Clinic", "4", None)]
    assert decided(facts(other_sites=OTHERS)).scheduling.nearest == ()


def test_v10_is_a_gap_of_the_site_and_no_point_of_the_patient():
    answer = decided(facts(needs_interpreter=True, interpreter_at_all_hours=False))
    assert [(gap.rule, gap.owner, gap.fixable) for gap in answer.site_gaps] == [
        ("GAP-INTERPRETER", "site_manager", True)
    ]
    assert (answer.points, answer.considerations, answer.inpatient_reasons) == (0, (), ())
    assert not answer.scheduling.allowed
    assert answer.scheduling.because == ("no interpreter by phone at every hour, the night included",)
    assert decided(facts(needs_interpreter=True)).scheduling.allowed


def test_v12_restarts_at_the_step_of_the_table_and_decides_the_setting_anew():
    answer = decided(facts(doses=RESTART, step="step_up_2", last_dose=AFTER_35_DAYS))
    assert answer.interrupted is not None
    assert (answer.interrupted.action, answer.interrupted.step, answer.interrupted.row) == (
        "restart",
        "step_up_2",
        "R5",
    )
    assert answer.recommendation == "OUTPATIENT"
    span = next(line for line in answer.lines if line.rule == "IP-1")
    assert span.state == "clear"
    alone = decided(facts(doses=RESTART, step="step_up_2", last_dose=AFTER_35_DAYS, caregivers=[]))
    assert alone.recommendation == "INPATIENT"
    assert "Mon 6 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT" in alone.inpatient_reasons[0].because


def test_v12_planned_as_if_nothing_had_happened_is_deferred():
    goes_on = [{"step": "treatment", "at": at(1)}]
    answer = decided(facts(doses=goes_on, step="treatment", last_dose=AFTER_35_DAYS))
    assert answer.recommendation == "DEFER"
    assert [reason.rule for reason in answer.blocking] == ["HS-7"]
    assert "restart at step-up dose 2" in answer.blocking[0].because


@pytest.mark.parametrize(
    # the day of the last treatment dose | what fires: day 28 goes on, days 29 to 56 restart at dose 2, day 57 at dose 1
    ("last_on", "step", "rules"),
    [
        ("2026-06-08", "step_up_2", []),
        ("2026-06-07", "step_up_2", []),
        ("2026-06-07", "treatment", ["HS-7"]),
        ("2026-05-11", "step_up_2", []),
        ("2026-05-10", "step_up_2", ["HS-7"]),
        ("2026-05-10", "step_up_1", []),
    ],
)
def test_the_label_says_how_long_a_gap_restarts_what(last_on, step, rules):
    last = {"given": True, "step": "treatment", "on": last_on, "schedule": "weekly"}
    doses = [{"step": step, "at": at(1)}, {"step": "first_treatment", "at": at(4)}]
    doses = doses if step != "treatment" else [{"step": "treatment", "at": at(1)}]
    assert [rule for rule in fired(decided(facts(doses=doses, step=step, last_dose=last))) if rule == "HS-7"] == rules


@pytest.mark.parametrize(
    ("last", "step", "state", "words"),
    [
        ({"step": "step_up_1", "on": "2026-07-05"}, "step_up_2", "fires", "wait: step-up dose 1 was given on Sun 5 Jul 2026"),
        ({"step": "step_up_1", "on": "2026-07-04"}, "step_up_2", "clear", ""),
        ({"step": "treatment", "on": "2026-07-05"}, "treatment", "not_known", "which label holds"),  # a row nobody verified
        ({"step": "treatment", "on": "2026-07-07"}, "treatment", "not_known", "which label holds"),  # in the future
        ({"step": "step_up_5", "on": "2026-07-01"}, "step_up_2", "not_known", "which label holds"),  # no such row
        ({"step": None, "on": "2026-07-01"}, "step_up_2", "not_known", "the last dose"),
        ({"step": "step_up_1", "on": None}, "step_up_2", "not_known", "the last dose"),
        ({"step": "step_up_1", "on": "2026-07-01", "schedule": None}, "step_up_2", "not_known", "the last dose"),
        ({"step": "step_up_1", "on": "2026-07-01", "given": None}, "step_up_2", "not_known", "the last dose"),
    ],
)  # fmt: skip
def test_the_gap_since_the_last_dose(last, step, state, words):
    doses = [{"step": step, "at": at(1)}]
    answer = decided(facts(doses=doses, step=step, last_dose={"given": True, "schedule": "weekly", **last}))
    assert next(line.state for line in answer.lines if line.rule == "HS-7") == state
    assert [words in reason.because for reason in answer.blocking] == ([True] if state != "clear" else [])
    assert answer.recommendation != "OUTPATIENT" or state == "clear"


GIVEN_1 = {"given": True, "step": "step_up_1", "on": "2026-07-06", "schedule": "weekly"}
IN_TURN = [
    # the last dose | the step that is decided, of a plan on days 1, 4 and 8 | its HS-7
    ({"given": False}, "step_up_1", "clear"),
    ({"given": False}, "step_up_2", "not_known"),  # the plan has a dose before it
    ({"given": False}, "first_treatment", "not_known"),
    (GIVEN_1, "step_up_2", "clear"),
    (GIVEN_1, "first_treatment", "not_known"),  # step-up dose 2 is not given yet
    ({**GIVEN_1, "step": "step_up_2", "on": "2026-07-09"}, "first_treatment", "clear"),
]


@pytest.mark.parametrize(("last", "step", "state"), IN_TURN)
def test_a_dose_goes_home_only_in_its_turn(last, step, state):
    now = datetime.fromisoformat(at(4 if step == "step_up_2" else 8, 8)) if step != "step_up_1" else eve()
    answer = decided(facts(step=step, last_dose=last, temperature_at=now.isoformat()), now=now)
    assert next(line.state for line in answer.lines if line.rule == "HS-7") == state
    assert (answer.recommendation, answer.scheduling.allowed) == (
        ("OUTPATIENT", True) if state == "clear" else (None, False)
    )
    assert missing(answer) == ([] if state == "clear" else ["last_dose"])


@pytest.mark.parametrize("step", ["step_up_2", "first_treatment", "treatment"])
def test_without_any_dose_before_only_the_first_one_begins(step):
    alone = facts(doses=[{"step": step, "at": at(1)}], step=step, last_dose={"given": False})
    assert "last_dose" in missing(decided(alone))


# --- which layer decides -----------------------------------------------------------------------------------------------------


def test_a_rule_of_the_first_layer_outranks_one_of_the_second():
    answer = decided(facts(temperature_c="38.0", caregivers=[], ecog=None))
    assert answer.recommendation == "DEFER"
    assert [reason.rule for reason in answer.inpatient_reasons] == ["IP-1"]
    assert answer.plan == () and not answer.scheduling.allowed


def test_hospital_is_not_booked_while_what_could_defer_is_not_known():
    answer = decided(facts(temperature_c=None, caregivers=[]))
    assert answer.recommendation == "INPATIENT"
    assert [(reason.rule, reason.known) for reason in answer.blocking] == [("HS-1", False)]
    assert answer.blocking[0].because == "not known: today's temperature in °C"
    assert not answer.scheduling.allowed


def test_enough_points_decide_though_something_is_missing():
    answer = decided(facts(**{**FRAIL, "frail": None}))
    assert (answer.recommendation, missing(answer)) == ("INPATIENT", ["frail"])


def test_a_hybrid_course_gives_its_first_dose_in_hospital():
    answer = decided(facts(marrow_plasma_percent="55", travel=NEAR))
    assert [each.place for each in answer.plan] == ["inpatient", "outpatient", "outpatient"]
    restarted = decided(
        facts(doses=RESTART, step="step_up_2", last_dose=AFTER_35_DAYS, marrow_plasma_percent="55", travel=NEAR)
    )
    assert [each.place for each in restarted.plan] == ["inpatient", "outpatient"]


@pytest.mark.parametrize(
    ("level", "recommended"),
    [("0", "INPATIENT"), ("2", "INPATIENT"), ("3", "HYBRID"), ("4", "OUTPATIENT"), ("H", "OUTPATIENT")],
)
def test_a_site_of_level_3_gives_a_hybrid_step_up_at_most(level, recommended):
    assert decided(facts(site__level=level)).recommendation == recommended


# --- the label, and who departs from it --------------------------------------------------------------------------------------


def test_a_departure_says_what_the_label_asks_why_and_who_signed():
    answer = decided(facts())
    assert answer.label_requirement is not None
    assert (answer.label_requirement.setting, answer.label_requirement.hours) == ("hospital", 48)
    (conflict,) = answer.conflicts
    assert conflict.because == (
        "label asks 48 h in hospital after this dose; programme protocol default, version 1 allows it outside because the programme "
        "watches at home; signed by the medical lead"
    )
    assert answer.protocol_version == f"default, version 1; {LABEL}"


UNSIGNED: list[dict[str, Any]] = [
    {"departure__steps": ["step_up_2"]},
    {"departure__because": None},
    {"departure__signed_by": None},
    {"departure__paper": NEVER},
    {"departure__paper": {"held": True, "until": "2026-07-05"}},
]


@pytest.mark.parametrize("changes", UNSIGNED)
def test_outside_hospital_against_the_label_waits_for_a_signature(changes):
    answer = decided(facts(**changes))
    assert (answer.recommendation, answer.would_be, answer.plan) == (None, "OUTPATIENT", ())
    assert [(each.signed, "no departure is signed" in each.because) for each in answer.conflicts] == [(False, True)]
    assert [task.rule for task in answer.tasks] == ["LD-1"]
    assert not answer.scheduling.allowed


def test_a_departure_that_ends_on_the_day_of_the_dose_still_holds():
    assert decided(facts(departure__paper={"held": True, "until": "2026-07-06"})).recommendation == "OUTPATIENT"


def test_a_departure_of_which_nobody_knows_the_end_is_not_signed():
    answer = decided(facts(departure__paper={"held": True}))
    assert (answer.recommendation, missing(answer), answer.confidence) == (None, ["departure"], "incomplete")


def test_nobody_asks_for_a_departure_where_the_dose_is_given_in_hospital():
    answer = decided(facts(departure__paper=NEVER, marrow_plasma_percent="55", travel=NEAR))
    assert (answer.recommendation, answer.would_be) == ("HYBRID", None)
    assert [each.place for each in answer.plan] == ["inpatient", "outpatient", "outpatient"]


def test_a_site_that_follows_the_label_strictly_is_offered_no_outpatient_dose():
    answer = decided(facts(site__follows_label_strictly=True))
    assert (answer.recommendation, fired(answer)) == ("INPATIENT", ["IP-12"])
    assert "in hospital for 48 h after the dose (row MON-1)" in answer.inpatient_reasons[0].because
    assert decided(facts(site__follows_label_strictly=None)).recommendation is None


def test_after_a_dose_that_the_label_lets_go_home_no_departure_is_needed():
    now = datetime.fromisoformat(at(8, 8))
    known = {"step": "first_treatment", "temperature_at": at(8, 7), "site__follows_label_strictly": True}
    last = {"given": True, "step": "step_up_2", "on": "2026-07-09", "schedule": "weekly"}
    answer = decided(facts(**known, departure={}, last_dose=last), now=now)
    assert answer.recommendation == "OUTPATIENT"
    assert answer.conflicts == ()
    assert answer.label_requirement is not None and answer.label_requirement.setting == "near_facility"


def test_payer_and_label_that_differ_are_said():
    now = datetime.fromisoformat(at(8, 8))
    known = {"step": "first_treatment", "temperature_at": at(8, 7)}
    last = {"given": True, "step": "step_up_2", "on": "2026-07-09", "schedule": "weekly"}
    payer = {"inpatient_steps": ["first_treatment"], "waiver": NEVER}
    answer = decided(facts(**known, last_dose=last, payer=payer), now=now)
    assert [(each.between, each.signed) for each in answer.conflicts] == [
        (("payer", "protocol"), False),
        (("payer", "label"), False),
    ]
    assert "(policy not named)" in answer.inpatient_reasons[0].because


def test_an_unknown_label_withholds():
    answer = decided(facts(), label=None)
    assert (answer.recommendation, "label" in missing(answer), answer.label_requirement) == (None, True, None)
    assert answer.protocol_version == "default, version 1; label not known"


@pytest.mark.parametrize(
    # the label's REMS, by its days | asked on 6 July
    ("days", "asked"),
    [
        ("in_force_from = 2022-11-08", True),
        ("in_force_from = 2026-07-06", True),
        ("in_force_from = 2026-07-07", False),
        ("in_force_from = 2022-11-08\nin_force_to = 2026-07-06\nconfirmed_by = 'a pharmacist'\nconfirmed_on = 2026-07-01", True),
        ("in_force_from = 2022-11-08\nin_force_to = 2026-07-05\nconfirmed_by = 'a pharmacist'\nconfirmed_on = 2026-07-01", False),
        ("", True),
    ],
)  # fmt: skip
def test_a_rems_is_asked_for_from_its_first_day_to_its_last(days, asked):
    text = (PRODUCTS / "teclistamab_us_2026-03_mono.toml").read_text().replace("in_force_from = 2022-11-08", days)
    known = facts(rems_dispenser=NEVER)
    answer = setting(known, load_setting_rules(), load_text(text.encode()), eve())
    assert ("HS-3" in fired(answer)) == asked


@pytest.mark.parametrize(
    ("label", "step", "state", "recommended"),
    [
        ("linvoseltamab/EU/2025", "step_up_1", "clear", "OUTPATIENT"),
        ("linvoseltamab/EU/2025", "step_up_2", "not_known", None),  # near a facility, in a row that nobody verified
        ("mosunetuzumab/US/2022-12/iv", "step_up_1", "not_known", None),  # says nothing, and nobody verified that
        ("glofitamab/US/2023-06", "step_up_1", "fires", "DEFER"),  # not verified, and asks for hospital; the pretreatment is not given
        ("teclistamab/US/2026-03/mono", "step_up_1", "fires", None),
    ],
)  # fmt: skip
def test_a_row_that_nobody_verified_lets_nobody_go_home(label, step, state, recommended):
    doses = [{"step": step, "at": at(1)}, {"step": "first_treatment", "at": at(8)}]
    answer = decided(facts(doses=doses, step=step, departure__paper=NEVER), label=label)
    assert next(line.state for line in answer.lines if line.rule == "LD-1") == state
    assert answer.recommendation == recommended


def test_where_no_rems_is_in_force_nobody_asks_for_certificates():
    nobody = {"rems_prescriber": NEVER, "rems_dispenser": {}, "rems_setting": NEVER}
    assert "HS-3" in fired(decided(facts(**nobody)))
    european = decided(facts(**nobody), label="teclistamab/EU/2022/mono")
    assert next(line for line in european.lines if line.rule == "HS-3").state == "clear"


# --- maintenance ---------------------------------------------------------------------------------------------------------------


MAINTENANCE = {
    "doses": [{"step": "treatment", "at": at(1)}],
    "step": "treatment",
    "last_dose": {"given": True, "step": "treatment", "on": "2026-06-29", "schedule": "weekly"},
}


def test_in_maintenance_no_caregiver_way_or_points_are_asked_and_level_1_is_enough():
    known = {
        **MAINTENANCE,
        "caregivers": None,
        "travel": {},
        "ecog": None,
        "thermometer_at_hand": None,
        "departure": {},
    }
    for level, recommended in (("0", "INPATIENT"), ("1", "OUTPATIENT"), ("4", "OUTPATIENT")):
        answer = decided(facts(**known, site__level=level, site__hospital_agreement=NEVER))
        assert (answer.recommendation, missing(answer)) == (recommended, [])
    assert {line.layer for line in answer.lines} == {"defer", "inpatient", "departure"}


def test_the_programme_may_ask_for_a_longer_span_and_active_patients_are_seen_again():
    rules = load_setting_rules()
    longer = replace(rules, caregiver=replace(rules.caregiver, until_day=14))
    answer = decided(facts(), rules=longer)
    assert (answer.recommendation, fired(answer)) == ("INPATIENT", ["IP-1"])
    assert "Fri 17 Jul 2026 08:00 CDT to Mon 20 Jul 2026 00:00 CDT (64 h)" in answer.inpatient_reasons[0].because


def test_it_is_decided_again_in_the_middle_of_the_step_up_for_what_is_left_of_it():
    now = datetime.fromisoformat(at(4, 8))
    last = {"given": True, "step": "step_up_1", "on": "2026-07-06", "schedule": "weekly"}
    roster = [{"who": "partner", "from_at": at(4, 8), "until_at": at(12, 8)}]
    answer = decided(facts(step="step_up_2", temperature_at=at(4, 7), last_dose=last, caregivers=roster), now=now)
    assert answer.recommendation == "OUTPATIENT"
    assert [each.step for each in answer.plan] == ["step_up_2", "first_treatment"]
    later = now - timedelta(minutes=1)
    assert decided(facts(step="step_up_2", temperature_at=at(4, 7), last_dose=last, caregivers=roster), now=later).recommendation == "INPATIENT"  # fmt: skip
