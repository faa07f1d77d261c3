"""Both sides of every limit of the setting rules, every fact that makes a rule fire, and every fact whose absence withholds.

A row: what differs from V1 (`tests/support/settings.py`), and the rules that fire.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from handrail.rules.coursefile import read_plain
from handrail.rules.setting_facts import SettingFacts, check_facts
from handrail.rules.terms import UnusableInput
from tests.support.settings import (
    LABEL,
    NEVER,
    at,
    changed,
    decided,
    eve,
    facts,
    fired,
    minutes,
    missing,
    plan,
    unremarkable,
)

TODAY = at(0, 8)


def dated(on: str) -> dict[str, Any]:
    return {"happened": True, "on": on}


LIMITS = [
    # fact | the last value that is clear | the first that fires | what fires then
    ("temperature_c", "37.9", "38.0", ["HS-1"]),
    ("live_vaccine", dated("2026-06-08"), dated("2026-06-09"), ["HS-5"]),  # 28 days before, 27 days before
    ("ecog", 1, 2, ["C-ECOG"]),
    ("worst_earlier_reaction", 2, 3, ["IP-6"]),
    ("marrow_plasma_percent", "49.9", "50", ["C-BURDEN"]),
    ("m_protein_g_dl", "4.9", "5", ["IP-7"]),
    ("involved_flc_mg_l", "4999", "5000", ["IP-7"]),
    ("nyha", 2, 3, ["IP-8"]),
    ("heart_attack_or_stroke", dated("2026-04-06"), dated("2026-04-07"), ["IP-8"]),  # three months before, a day less
    ("creatinine_clearance_ml_min", "45.1", "45", ["C-KIDNEY"]),
    ("age_years", 74, 75, ["C-AGE"]),
    ("ldh_times_upper_limit", "1.5", "1.6", ["C-BLOOD"]),
    ("significant_comorbidities", 1, 2, ["C-COMORBID"]),
    ("infection_resolved", dated("2026-06-22"), dated("2026-06-23"), ["C-INFECTION"]),  # 14 days before, 13 days before
    ("travel", minutes(29), minutes(30), ["C-TRAVEL"]),
]
FURTHER = [
    # fact | the last value at which only the first rule fires | the first at which both do
    ("ecog", 2, 3, ["C-ECOG"], ["IP-5", "C-ECOG"]),
    ("marrow_plasma_percent", "79.9", "80", ["C-BURDEN"], ["IP-7", "C-BURDEN"]),
    ("creatinine_clearance_ml_min", "30", "29.9", ["C-KIDNEY"], ["IP-8", "C-KIDNEY"]),
    ("travel", minutes(60), minutes(61), ["C-TRAVEL"], ["IP-2", "C-TRAVEL"]),
]


@pytest.mark.parametrize(("fact", "clear", "over", "rules"), LIMITS)
def test_both_sides_of_a_limit(fact, clear, over, rules):
    assert fired(decided(facts(**{fact: clear}))) == []
    assert fired(decided(facts(**{fact: over}))) == rules


@pytest.mark.parametrize(("fact", "before", "over", "first", "both"), FURTHER)
def test_both_sides_of_the_further_limit(fact, before, over, first, both):
    assert fired(decided(facts(**{fact: before}))) == first
    assert fired(decided(facts(**{fact: over}))) == both


WORDS = [
    ({"ecog": 3}, "ECOG 3 (3 or more)"),
    ({"creatinine_clearance_ml_min": "29"}, "creatinine clearance in mL/min 29 (less than 30)"),
    ({"cns_disease": True}, "disease of the central nervous system: yes"),
    ({"phone_works": False}, "a phone that works: no"),
    ({"heart_attack_or_stroke": dated("2026-05-01")}, "a heart attack or stroke on Fri 1 May 2026; counts until Sat 1 Aug 2026"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), WORDS)
def test_a_reason_says_the_value_and_the_limit(changes, words):
    (reason,) = decided(facts(**changes)).inpatient_reasons
    assert reason.because.endswith(words)
    assert reason.known and reason.source and reason.status


SAYS_WHY = [
    ({"ldh_times_upper_limit": "2"}, "C-BLOOD", "2", "LDH as a multiple of its upper limit 2 (more than 1.5)"),
    ({"creatinine_clearance_ml_min": "40"}, "C-KIDNEY", "40", "creatinine clearance in mL/min 40 (45 or less)"),
    ({"travel": minutes(45)}, "C-TRAVEL", "45", "45 min in July (30 min or more)"),
    ({"tocilizumab_planned": False}, "C-TOCI", "no", "tocilizumab to prevent CRS: no"),
    ({"infection_resolved": dated("2026-07-01")}, "C-INFECTION", "2026-07-01", "an infection that is over on Wed 1 Jul 2026"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "rule", "value", "words"), SAYS_WHY)
def test_a_consideration_says_its_value(changes, rule, value, words):
    (found,) = decided(facts(**changes)).considerations
    assert (found.rule, found.value) == (rule, value)
    assert found.because.startswith(words) and found.source


YES_OR_NO = [
    ("infection_active", True, "HS-1"), ("consent", False, "HS-6"), ("phone_works", False, "IP-3"), ("measures_temperature", False, "IP-3"),
    ("self_report_unreliable", True, "IP-4"), ("cns_disease", True, "IP-4"), ("uncontrolled_seizures", True, "IP-4"),
    ("explosive_progression", True, "IP-7"), ("oxygen_need", True, "IP-8"), ("decompensated_cirrhosis", True, "IP-8"),
    ("dialysis", True, "IP-8"), ("frail", True, "C-AGE"), ("extramedullary_disease", True, "C-BURDEN"),
    ("plasma_cell_leukaemia", True, "C-BURDEN"), ("ferritin_raised", True, "C-BLOOD"), ("crp_raised", True, "C-BLOOD"),
    ("cytopenia", True, "C-BLOOD"), ("caregiver_unwell", True, "C-CAREGIVER"), ("teach_back_low", True, "C-TEACH"),
    ("anticoagulated", True, "C-ANTICOAG"), ("first_patient_at_site", True, "C-FIRST"), ("tocilizumab_planned", False, "C-TOCI"),
    ("thermometer_at_hand", False, "GAP-THERMOMETER"), ("transport_at_hand", False, "GAP-TRANSPORT"),
]  # fmt: skip
POINTS = {
    "C-AGE": 1,
    "C-BURDEN": 2,
    "C-BLOOD": 1,
    "C-CAREGIVER": 1,
    "C-TEACH": 1,
    "C-ANTICOAG": 1,
    "C-FIRST": 1,
    "C-TOCI": 2,
}
PLACES = {"HS": "DEFER", "IP": "INPATIENT", "C-": "OUTPATIENT", "GA": "OUTPATIENT"}


@pytest.mark.parametrize(("fact", "value", "rule"), YES_OR_NO)
def test_each_fact_fires_its_rule_and_withholds_when_it_is_not_known(fact, value, rule):
    answer = decided(facts(**{fact: value}))
    assert fired(answer)[0] == rule
    assert answer.recommendation == PLACES[rule[:2]]
    assert answer.points == POINTS.get(rule, 0)
    assert [gap.rule for gap in answer.site_gaps] == [each for each in fired(answer) if each.startswith("GAP")]
    open_ = decided(facts(**{fact: None}))
    assert (open_.recommendation, missing(open_)) == (None, [fact])


def test_a_phone_that_does_not_work_is_also_a_gap_that_the_programme_mends():
    answer = decided(facts(phone_works=False))
    assert fired(answer) == ["IP-3", "GAP-PHONE"]
    assert [(task.rule, task.who) for task in answer.tasks] == [("IP-3", "nurse"), ("GAP-PHONE", "social_work")]


SUMS = [
    # points | what makes them | recommended
    (2, ["tocilizumab_planned"], "OUTPATIENT"),
    (3, ["tocilizumab_planned", "anticoagulated"], "HYBRID"),
    (4, ["tocilizumab_planned", "anticoagulated", "teach_back_low"], "HYBRID"),
    (5, ["tocilizumab_planned", "anticoagulated", "teach_back_low", "frail"], "INPATIENT"),
]


@pytest.mark.parametrize(("points", "names", "recommended"), SUMS)
def test_what_a_sum_of_points_recommends(points, names, recommended):
    answer = decided(facts(**{name: name != "tocilizumab_planned" for name in names}))
    assert (answer.points, answer.recommendation) == (points, recommended)


def test_age_decides_nothing_by_itself():
    for age in (75, 90, 110):
        assert decided(facts(age_years=age)).recommendation == "OUTPATIENT"


NUMBERS = [
    # fact | lowest and highest value that can be true | just outside
    ("temperature_c", "30", "43", "29.9", "43.1"), ("age_years", 18, 110, 17, 111), ("ecog", 0, 4, -1, 5),
    ("worst_earlier_reaction", 0, 5, -1, 6), ("marrow_plasma_percent", "0", "100", "-0.1", "100.1"),
    ("m_protein_g_dl", "0", "20", "-0.1", "20.1"), ("involved_flc_mg_l", "0", "200000", "-1", "200001"),
    ("ldh_times_upper_limit", "0", "50", "-0.1", "50.1"), ("nyha", 0, 4, -1, 5),
    ("creatinine_clearance_ml_min", "0", "250", "-1", "251"), ("significant_comorbidities", 0, 20, -1, 21),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "low", "high", "below", "above"), NUMBERS)
def test_a_value_that_cannot_be_true_satisfies_no_rule_and_is_not_known(fact, low, high, below, above):
    for value in (low, high):
        assert fact not in missing(decided(facts(**{fact: value})))
        assert decided(facts(**{fact: value})).implausible == ()
    for value in (below, above):
        answer = decided(facts(**{fact: value}))
        assert (answer.recommendation, missing(answer), fired(answer)) == (None, [fact], [])
        assert len(answer.implausible) == 1


# --- what must be known ------------------------------------------------------------------------------------------------------

NESTED = [
    ("last_dose", "last_dose"), ("screening", "screening"), ("rems_prescriber", "rems_prescriber"), ("rems_dispenser", "rems_dispenser"),
    ("rems_setting", "rems_setting"), ("authorisation", "authorisation"), ("live_vaccine", "live_vaccine"), ("caregivers", "caregivers"),
    ("lodging", "lodging"), ("travel", "travel"), ("heart_attack_or_stroke", "heart_attack_or_stroke"), ("temperature_at", "temperature_c"),
    ("infection_resolved", "infection_resolved"), ("payer", "payer"), ("departure", "departure"), ("site__level", "site_level"),
    ("site__level_paper", "site_level"), ("site__hospital_agreement", "hospital_agreement"), ("site__suspensions", "suspensions"),
    ("site__follows_label_strictly", "follows_label_strictly"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lacking"), NESTED)
def test_what_is_not_known_withholds_and_is_named(name, lacking):
    body = unremarkable()
    outer, _, inner = name.partition("__")
    body = changed(body, **({outer: {k: v for k, v in body[outer].items() if k != inner}} if inner else {outer: None}))
    answer = decided(read_plain(SettingFacts, body, "in"))
    assert answer.recommendation is None
    assert missing(answer) == [lacking]


def test_with_nothing_told_at_all_everything_is_asked_for_and_every_question_has_an_owner():
    answer = decided(SettingFacts(zone="America/Chicago", step="step_up_1", doses=facts().doses, site=read_plain(SettingFacts, unremarkable(), "in").site))  # fmt: skip
    assert answer.recommendation is None
    assert fired(answer) == []
    assert all(item.owner and item.rules and item.missing for item in answer.missing)
    assert len(answer.missing) > 40
    assert {line.state for line in answer.lines if line.layer in ("consideration", "site_gap")} == {"not_known"}


PAPERS = ["rems_prescriber", "rems_dispenser", "rems_setting", "site__level_paper", "site__hospital_agreement"]


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize(
    ("paper", "state"),
    [
        ({"held": True, "until": "2026-07-06"}, True),  # the day of the dose still counts
        ({"held": True, "until": "2026-07-05"}, False),
        ({"held": False, "until": "2027-01-01"}, False),
        ({"held": False, "no_end": True}, False),
        ({"held": True}, None),  # nobody wrote down until when
        ({"held": True, "no_end": False}, None),
        ({"until": "2027-01-01"}, None),
        ({"until": "2026-07-05"}, False),
        ({}, None),
    ],
)  # fmt: skip
def test_a_certificate_holds_on_the_day_of_the_dose_or_does_not_or_is_not_known(name, paper, state):
    answer = decided(facts(**{name: paper}))
    rule = "HS-3" if name.startswith("rems") else "IP-9"
    line = next(line.state for line in answer.lines if line.rule == rule)
    assert line == {True: "clear", False: "fires", None: "not_known"}[state]


def test_a_paper_says_when_it_ended_or_that_it_is_not_there():
    ended = decided(facts(rems_dispenser={"held": True, "until": "2026-07-05"})).blocking[0].because
    assert ended.endswith("REMS certification of the dispenser: ended on Sun 5 Jul 2026")
    assert (
        decided(facts(rems_dispenser={"held": False, "until": "2026-07-05"})).blocking[0].because.endswith("not there")
    )


@pytest.mark.parametrize(
    ("authorisation", "decided_without", "state"),
    [
        (NEVER, True, "clear"), (NEVER, False, "fires"), (NEVER, None, "not_known"),
        ({}, True, "clear"), ({}, False, "not_known"), ({}, None, "not_known"),
    ],
)  # fmt: skip
def test_without_authorisation_somebody_decided_to_proceed(authorisation, decided_without, state):
    answer = decided(facts(authorisation=authorisation, decided_to_proceed_without=decided_without))
    assert next(line.state for line in answer.lines if line.rule == "HS-4") == state


@pytest.mark.parametrize("test", ["hepatitis_b", "counts", "chemistry", "immunoglobulins", "pregnancy"])
@pytest.mark.parametrize("result", ["resulted", "pending", "does_not_apply", None])
def test_every_screening_test_has_its_result_and_only_the_pregnancy_test_may_not_apply(test, result):
    screening = {**unremarkable()["screening"], test: result}
    screening = {name: value for name, value in screening.items() if value is not None}
    answer = decided(facts(screening=screening))
    waived = result == "does_not_apply" and test == "pregnancy"
    state = "clear" if waived or result == "resulted" else "not_known" if result is None else "fires"
    assert next(line.state for line in answer.lines if line.rule == "HS-2") == state


def test_todays_temperature_is_of_today():
    for instant, recommended in (
        (at(0, 0), "OUTPATIENT"),
        (at(0, 10), "OUTPATIENT"),
        (at(-1, 23), None),  # yesterday
        (at(0, 11), None),  # not yet
    ):
        assert decided(facts(temperature_at=instant)).recommendation == recommended
    yesterday = decided(facts(temperature_at=at(-1, 23), temperature_c="38.5"))
    assert (yesterday.recommendation, missing(yesterday)) == (None, ["temperature_c"])


def test_a_vaccine_that_is_planned_after_the_dose_counts():
    assert fired(decided(facts(live_vaccine=dated("2026-07-20")))) == ["HS-5"]
    assert missing(decided(facts(live_vaccine={"happened": True}))) == ["live_vaccine"]


# --- caregivers by the hour ----------------------------------------------------------------------------------------------------

ROSTERS = [
    # from day, hour to day, hour, each | the hours that nobody covers
    ([((1, 9), (11, 0))], None),  # from dose 1 to the end of day 10, to the hour
    ([((1, 10), (11, 0))], "Mon 6 Jul 2026 09:00 CDT to Mon 6 Jul 2026 10:00 CDT (1 h)"),
    ([((1, 9), (10, 23))], "Wed 15 Jul 2026 23:00 CDT to Thu 16 Jul 2026 00:00 CDT (1 h)"),
    ([((1, 9), (5, 0)), ((5, 0), (11, 0))], None),  # one goes as the other comes
    ([((5, 0), (11, 0)), ((1, 9), (5, 0))], None),  # in whatever order they are written
    ([((1, 9), (6, 0)), ((5, 0), (11, 0))], None),  # they overlap
    ([((1, 9), (11, 0)), ((2, 9), (3, 0))], None),  # one within the other
    ([((1, 9), (4, 18)), ((5, 8), (11, 0))], "Thu 9 Jul 2026 18:00 CDT to Fri 10 Jul 2026 08:00 CDT (14 h)"),
    ([((0, 9), (1, 9)), ((11, 0), (12, 0))], "Mon 6 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT (231 h)"),
    ([], "Mon 6 Jul 2026 09:00 CDT to Thu 16 Jul 2026 00:00 CDT (231 h)"),
]  # fmt: skip


@pytest.mark.parametrize(("shifts", "words"), ROSTERS)
def test_the_hours_that_nobody_covers(shifts, words):
    roster = [{"who": "partner", "from_at": at(*first), "until_at": at(*last)} for first, last in shifts]
    answer = decided(facts(caregivers=roster))
    said = [reason.because for reason in answer.inpatient_reasons]
    assert said == (
        [] if words is None else [f"no caregiver at every hour of the watched span: nobody is there: {words}"]
    )


def test_two_holes_are_both_named():
    roster = [
        {"who": "p", "from_at": at(1, 9), "until_at": at(3, 9)},
        {"who": "p", "from_at": at(4, 9), "until_at": at(5, 9)},
    ]
    (reason,) = decided(facts(caregivers=roster)).inpatient_reasons
    assert reason.because.count(" to ") == 2 and "(24 h); " in reason.because


def test_the_span_ends_48_hours_after_the_first_treatment_dose_where_that_is_later():
    late = plan(days=(1, 4, 9))  # 48 h after day 9 at 09:00 is day 11 at 09:00
    for hour, rules in ((9, []), (8, ["IP-1"])):
        roster = [{"who": "partner", "from_at": at(1, 9), "until_at": at(11, hour)}]
        assert fired(decided(facts(doses=late, caregivers=roster))) == rules


def test_without_a_day_of_the_first_treatment_dose_the_end_of_the_span_is_not_known():
    answer = decided(facts(doses=plan()[:2]))
    assert (answer.recommendation, missing(answer)) == (None, ["doses"])
    leaves = [{"who": "partner", "from_at": at(1, 9), "until_at": at(9, 9)}]
    assert fired(decided(facts(doses=plan()[:2], caregivers=leaves))) == ["IP-1"]


def test_a_dose_whose_day_is_over_is_not_decided_by_that_day():
    """Its certificate has ended since, its roster is over, and the gap has grown: none of it may be judged as on the old day."""
    since = {"rems_setting": {"held": True, "until": "2026-07-10"}, "caregivers": [], "travel": minutes(75)}
    known = facts(temperature_at=at(1, 8), **since)
    assert fired(decided(known, now=datetime.fromisoformat(at(1, 23)))) == ["IP-1", "IP-2", "C-TRAVEL"]
    for day in (2, 20):
        with pytest.raises(UnusableInput) as refused:
            decided(known, now=datetime.fromisoformat(at(day, 0)))
        assert (refused.value.code, refused.value.path) == ("wrong_order", "doses")
        assert "give the day on which it is planned now" in refused.value.message


def test_a_roster_that_two_people_share_is_a_consideration():
    roster = [{"who": who, "from_at": at(1, 8), "until_at": at(12, 8)} for who in ("son", "daughter")]
    (found,) = decided(facts(caregivers=roster)).considerations
    assert (found.rule, found.value, found.points) == ("C-CAREGIVER", "2", 1)


# --- what contradicts itself -------------------------------------------------------------------------------------------------------

REFUSED = [
    ({"zone": "Mars/Olympus"}, "unknown_zone", ""),
    ({"doses": [{"step": "dose_1", "at": at(1)}]}, "unknown_word", "doses[0].step"),
    ({"doses": list(reversed(plan()))}, "wrong_order", "doses"),
    ({"doses": [*plan(), {"step": "treatment", "at": at(8)}]}, "wrong_order", "doses"),
    ({"doses": [{"step": "first_treatment", "at": at(-40)}, plan()[0]]}, "wrong_order", "doses"),  # of an earlier step-up
    ({"doses": plan(days=(-2, 1, 5))}, "wrong_order", "doses"),  # its day is over
    ({"step": "step_up_3"}, "missing_key", "step"),
    ({"doses": []}, "missing_key", "step"),
    ({"doses": [plan()[0], {"step": "step_up_1", "at": at(2)}]}, "missing_key", "step"),
    ({"caregivers": [{"who": "p", "from_at": at(2), "until_at": at(2)}]}, "wrong_order", "caregivers[0].until_at"),
    ({"lodging": {"accepted": True, "from_at": at(2), "until_at": at(1)}}, "wrong_order", "lodging.until_at"),
    ({"travel": {"worst": [{"months": [0], "minutes": 20}]}}, "out_of_range", "travel.worst[0].months"),
    ({"travel": {"worst": [{"months": [1, 13], "minutes": 20}]}}, "out_of_range", "travel.worst[0].months"),
    ({"site__suspensions": [{"words": "w", "months": [13]}]}, "out_of_range", "site.suspensions[0].months"),
    ({"site__suspensions": [{"words": "w", "months": []}]}, "out_of_range", "site.suspensions[0].months"),
    ({"travel": minutes(-1)}, "out_of_range", "travel.worst[0].minutes"),
    ({"lodging": {"accepted": True, "worst_minutes": -1}}, "out_of_range", "lodging.worst_minutes"),
    ({"travel": {"worst": [{"months": [7], "minutes": 20}], "typical_minutes": 21}}, "contradiction", "travel.worst[0].minutes"),
    ({"travel": {"worst": [{"months": [7], "minutes": 20}], "night_minutes": 21}}, "contradiction", "travel.worst[0].minutes"),
    ({"rems_setting": {"until": "2026-08-01", "no_end": True}}, "contradiction", "rems_setting.no_end"),
    ({"other_sites": [{"name": "a", "level_paper": {"until": "2026-08-01", "no_end": True}}]}, "contradiction", "other_sites[0].level_paper.no_end"),
    ({"screening": {"zoster": "resulted", "blood_type": "resulted"}}, "unknown_key", "screening.blood_type"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "path"), REFUSED)
def test_what_contradicts_itself_is_refused_with_its_place(changes, code, path):
    with pytest.raises(UnusableInput) as refused:
        decided(facts(**changes), now=eve())
    assert (refused.value.code, refused.value.path) == (code, path)


@pytest.mark.parametrize("name", ["rems_prescriber", "rems_dispenser", "rems_setting", "authorisation", "site__level_paper", "site__hospital_agreement", "payer__waiver", "departure__paper"])  # fmt: skip
def test_a_paper_with_an_end_and_without_one_is_refused(name):
    check_facts(facts(**{name: {"until": "2026-08-01", "no_end": False}}))
    with pytest.raises(UnusableInput):
        check_facts(facts(**{name: {"until": "2026-08-01", "no_end": True}}))


def test_a_typical_time_as_long_as_the_worst_is_none_shorter():
    worst = [{"months": list(range(1, 13)), "minutes": 22}]
    check_facts(facts(travel={"worst": worst, "typical_minutes": 22, "night_minutes": 22}))


def test_nobody_is_judged_by_language_insurance_race_or_income():
    from dataclasses import fields

    forbidden = ("language", "insur", "race", "ethnic", "income", "payer_type", "postcode", "zip")
    assert [item.name for item in fields(SettingFacts) if any(word in item.name for word in forbidden)] == []


@pytest.mark.parametrize(
    # whether the site follows the label strictly | the label | what the rule of strict sites waits for
    ("strict", "label", "waits"),
    [
        (True, LABEL, []),
        (True, None, ["label"]),
        (None, LABEL, ["follows_label_strictly"]),  # this label asks for hospital, so nothing else is in question
        (None, None, ["label", "follows_label_strictly"]),
        (False, None, []),
    ],
)
def test_the_rule_of_strict_sites_names_what_it_waits_for(strict: bool | None, label: str | None, waits: list[str]):
    answer = decided(facts(site__follows_label_strictly=strict), label=label)
    assert sorted(item.fact for item in answer.missing if "IP-12" in item.rules) == sorted(waits)
