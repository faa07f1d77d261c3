"""What the record of a course says of a setting, one fact a row; and what the decision, the roster and the way say to the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.evidence import Evidence
from handrail.rules.policy import load_policy
from handrail.rules.setting_course import Around, dose_wanted
from handrail.rules.setting_evidence import SettingLook, caregiver_evidence, setting_evidence, travel_evidence
from handrail.rules.setting_facts import Dated, LastDose, Lodging, Paper, SettingFacts, Shift, Travel
from handrail.rules.upcoming import open_plan
from tests.support.setting_courses import SEASONS, course_of, facts_of_v1, looked
from tests.support.settings import DAY_1, at, eve

V1 = facts_of_v1()
MORNING = at(0, 9)
A_WEEK = at(-6, 9)
DOSE_1 = ("dose_given", at(1, 9), {"step": "step_up_1", "started_at": at(1, 9), "schedule": "weekly"})
DAY_4 = {"step": "step_up_2", "on": DAY_1 + timedelta(days=3), "now": datetime.fromisoformat(at(3, 10))}


def known(*more: tuple[str, str, dict[str, Any]], **how: Any) -> SettingFacts:
    return looked([*V1, *more], **how).case.facts


@pytest.mark.parametrize(
    ("more", "fact", "value"),
    [
        ([], "last_dose", LastDose(given=False)),
        ([], "age_years", 66),
        ([], "ldh_times_upper_limit", Decimal("0.9")),
        ([], "crp_raised", False),
        ([("lab_resulted", MORNING, {"code": "crp", "value": "9", "unit": "mg/L", "high": "5"})], "crp_raised", True),
        ([("lab_resulted", MORNING, {"code": "crp", "value": "2", "unit": "mg/L"})], "crp_raised", None),
        ([("lab_resulted", MORNING, {"code": "m_protein", "value": "21", "unit": "g/L"})], "m_protein_g_dl", None),
        ([("lab_resulted", MORNING, {"code": "crcl", "value": None})], "creatinine_clearance_ml_min", None),
        ([("setting_facts_noted", MORNING, {"ecog": None})], "ecog", None),
        ([("setting_facts_noted", MORNING, {"ecog": 9})], "ecog", 9),
        ([("setting_facts_noted", MORNING, {"frail": True})], "consent", True),  # what was not asked anew stands
        # a temperature: the highest of today, unless something hides a fever
        ([], "temperature_c", Decimal("36.6")),
        ([("vitals_measured", at(-1, 9), {"temperature_c": "38.5"})], "temperature_c", Decimal("36.6")),
        ([("vitals_measured", MORNING, {"temperature_c": "38.1"})], "temperature_c", Decimal("38.1")),
        ([("vitals_measured", MORNING, {"temperature_c": None})], "temperature_c", None),
        ([("checkin_received", MORNING, {"temperature_c": "36.9", "antipyretic_last_6_h": True})], "temperature_c", None),
        ([("checkin_received", MORNING, {"temperature_c": "36.9", "antipyretic_last_6_h": None})], "temperature_c", None),
        ([("checkin_received", MORNING, {"temperature_c": "38.0", "antipyretic_last_6_h": True})], "temperature_c", Decimal("38.0")),
        # an infection, and an answer that is not fresh
        ([], "infection_active", False),
        ([("condition_noted", MORNING, {"what": "infection", "active": True})], "infection_active", True),
        ([("condition_noted", MORNING, {"what": "infection", "active": None})], "infection_active", None),
        ([("condition_noted", A_WEEK, {"what": "infection", "active": True}),
          ("toxicity_resolved", at(-4, 9), {"toxicity": "infection", "resolved_at": at(-4, 9)})], "infection_resolved",
         Dated(happened=True, on=DAY_1 - timedelta(days=5))),
        # vaccines
        ([], "live_vaccine", Dated(happened=False)),
        ([("vaccine_noted", MORNING, {"live": True, "on": "2026-06-20", "given": True})], "live_vaccine", Dated(happened=True, on=DAY_1.replace(month=6, day=20))),
        ([("vaccine_noted", MORNING, {"live": None, "on": None})], "live_vaccine", Dated(happened=True)),
        ([("vaccine_noted", MORNING, {"live": False, "on": "2026-06-20"})], "live_vaccine", Dated(happened=False)),
        # one of long ago does not say that there was none since: the answer of today does
        ([("vaccine_noted", MORNING, {"live": True, "on": "2024-06-20"})], "live_vaccine", Dated(happened=False)),
        ([("vaccine_noted", MORNING, {"live": True, "on": "2024-06-20"}), ("setting_facts_noted", MORNING, {"live_vaccine": True})],
         "live_vaccine", Dated(happened=True)),
        ([("vaccine_noted", MORNING, {"live": True, "on": "2024-06-20"}), ("setting_facts_noted", MORNING, {"live_vaccine": None})],
         "live_vaccine", Dated()),
        # an infection after the answer that there was none to be over: when it ended nobody wrote
        ([("setting_facts_noted", at(0, 8), {"infection_active": True}), ("setting_facts_noted", MORNING, {"infection_active": False})],
         "infection_resolved", Dated(happened=True)),
        ([("setting_facts_noted", at(-4), {"infection_active": True})], "infection_resolved", Dated(happened=False)),
        ([("setting_facts_noted", at(0, 8), {"infection_active": True}),
          ("setting_facts_noted", MORNING, {"infection_active": False, "infection_resolved": {"happened": True, "on": "2026-07-05"}})],
         "infection_resolved", Dated(happened=True, on=DAY_1 - timedelta(days=1))),
        # reactions with an earlier agent, and in this course
        ([], "worst_earlier_reaction", 0),
        ([("setting_facts_noted", MORNING, {"worst_earlier_reaction": None})], "worst_earlier_reaction", None),
        # at home: the newest word of the roster counts, and who says that nobody is there puts it in doubt
        ([("home_status", MORNING, {"caregiver_from": at(1, 8), "caregiver_until": at(6, 8)})], "caregivers",
         (Shift(who="caregiver_1", from_at=datetime.fromisoformat(at(1, 8)), until_at=datetime.fromisoformat(at(6, 8))),)),
        ([("home_status", MORNING, {"caregiver_count": 0})], "caregivers", ()),
        ([("home_status", MORNING, {"caregiver_from": at(1, 8), "caregiver_until": at(6, 8), "caregiver_count": 2})], "caregivers", None),
        ([("home_status", MORNING, {"caregiver_from": at(1, 8)})], "caregivers", None),
        ([("caregivers_rostered", MORNING, {"hours": None})], "caregivers", None),
        ([("caregivers_rostered", MORNING, {"hours": [{"who": "caregiver_2", "from_at": at(2), "until_at": at(2)}]})], "caregivers", ()),
        ([("checkin_received", MORNING, {"caregiver_present": False})], "caregivers", None),
        ([("checkin_received", MORNING, {"caregiver_present": None})], "caregivers", None),
        ([("checkin_received", at(0, 7), {"caregiver_present": False})], "caregivers", None),  # in the minute of the roster
        # the way and lodging: what contradicts itself is not known
        ([("home_status", MORNING, {"travel_min_worst": 20, "travel_min_typical": 30})], "travel", Travel()),
        ([("travel_noted", MORNING, {"worst": [{"months": [13], "minutes": 30}]})], "travel", Travel()),
        ([("travel_noted", MORNING, {"worst": [{"months": [], "minutes": 30}]})], "travel", Travel()),
        ([("travel_noted", MORNING, {"worst": [{"months": [7], "minutes": -1}]})], "travel", Travel()),
        ([("home_status", MORNING, {"lodging": True})], "lodging", Lodging(accepted=True)),
        ([("lodging_noted", MORNING, {"accepted": True, "from_at": at(9), "until_at": at(2), "worst_minutes": -5})], "lodging", Lodging(accepted=True)),
        # papers
        ([], "authorisation", Paper(held=True, until=DAY_1.replace(year=2027, month=12, day=31))),
        ([("authorisation_set", MORNING, {"subject": "tocilizumab", "status": "denied"})], "authorisation", Paper(held=True, until=DAY_1.replace(year=2027, month=12, day=31))),
        ([("authorisation_set", MORNING, {"subject": "bispecific", "status": "requested"})], "authorisation", Paper(held=False)),
        ([("authorisation_set", MORNING, {"subject": "bispecific", "status": "approved", "valid_from": "2026-07-07"})], "authorisation", Paper(held=False)),
        ([("authorisation_set", MORNING, {"status": "approved"})], "authorisation", Paper()),
        ([("authorisation_set", MORNING, {"subject": "bispecific", "status": "granted", "valid_until": "2026-09-30"})], "authorisation", Paper(held=True, until=DAY_1.replace(month=9, day=30))),
        ([("authorisation_set", MORNING, {"subject": "bispecific", "status": "not_required"})], "authorisation", Paper(held=True, until=DAY_1)),
        ([("authorisation_set", MORNING, {"subject": "bispecific", "status": "not_required", "valid_until": None})], "authorisation", Paper(held=True)),
        ([("rems_met", MORNING, {"requirement": "prescriber_certified", "met": True})], "rems_prescriber", Paper(held=True, until=DAY_1)),
        ([("rems_met", MORNING, {"requirement": "prescriber_certified", "met": True, "valid_until": None})], "rems_prescriber", Paper(held=True)),
        ([("rems_met", MORNING, {"requirement": "prescriber_certified", "met": None})], "rems_prescriber", Paper(until=DAY_1)),
        ([("rems_met", MORNING, {"requirement": "prescriber_certified", "met": True}), ("rems_met", MORNING, {"requirement": None, "met": False})], "rems_prescriber", Paper()),
        ([("rems_met", MORNING, {"requirement": "prescriber_certified", "met": False}), ("rems_met", MORNING, {"requirement": None, "met": True})], "rems_prescriber", Paper(held=False, until=DAY_1)),
    ],
)  # fmt: skip
def test_what_the_record_says(more, fact, value):
    assert getattr(known(*more), fact) == value


def test_an_answer_about_infection_is_good_for_as_long_as_a_decision():
    late = datetime.fromisoformat(at(4, 8))
    assert looked(V1, on=DAY_1 + timedelta(days=4), now=late).case.facts.infection_active is None


def test_a_forecast_is_good_for_as_long_as_a_decision():
    assert known(("setting_facts_noted", at(-3, 11), {"weather_expected": ["clear"]})).weather_expected == ()
    sunny = [("setting_facts_noted", at(-3, 10), {"weather_expected": ["clear"]})]
    unasked = [each for each in V1 if each[0] != "setting_facts_noted"]
    assert looked([*unasked, *sunny]).case.facts.weather_expected == ("clear",)
    storm = [("setting_facts_noted", at(-3, 9), {"weather_expected": ["clear"]})]
    assert looked([*unasked, *storm]).case.facts.weather_expected is None


def test_the_calendar_counts_only_while_its_day_is_the_planned_one():
    assert [each.step for each in known().doses] == ["step_up_1", "step_up_2", "first_treatment"]
    moved = known(on=DAY_1 + timedelta(days=1))
    assert [each.step for each in moved.doses] == ["step_up_1"]
    assert "doses" in {each.fact for each in looked(V1, on=DAY_1 + timedelta(days=1)).answer.missing}


def test_after_a_dose_the_ones_of_this_step_up_stand_before_the_next():
    facts = known(DOSE_1, **DAY_4)
    assert [(each.step, each.at) for each in facts.doses][:2] == [
        ("step_up_1", datetime.fromisoformat(at(1, 9))),
        ("step_up_2", datetime.fromisoformat(at(4, 9))),
    ]
    assert facts.last_dose == LastDose(given=True, step="step_up_1", on=DAY_1, schedule="weekly")
    assert facts.carried_rows == ()


def test_a_suspicion_that_nobody_graded_leaves_open_what_the_label_carries_over():
    fever = ("vitals_measured", at(2, 9), {"temperature_c": "38.6"})
    assert known(DOSE_1, fever, **DAY_4).carried_rows is None


def test_a_desk_that_knows_is_believed_before_an_answer_in_the_course():
    ended = Paper(held=True, until=DAY_1 - timedelta(days=1))
    facts = looked(V1, around=Around(site_name="River Clinic", site_level="1", level_paper=ended)).case.facts
    assert (facts.site.name, facts.site.level, facts.site.level_paper) == ("River Clinic", "1", ended)
    assert facts.site.hospital_agreement == Paper(held=True, no_end=True)


def test_the_dose_that_is_asked_about():
    zone = "America/Chicago"
    planned = course_of([*V1, ("dose_planned", MORNING, {"step": "step_up_1", "on": "2026-07-06"})])
    wanted = dose_wanted(planned, "step_up_2", None, eve())
    assert wanted is not None and (wanted.step, wanted.on, wanted.zone) == ("step_up_1", DAY_1, zone)
    unplanned = dose_wanted(course_of(V1), "step_up_1", DAY_1 - timedelta(days=9), eve())
    assert unplanned is not None and unplanned.on == DAY_1 - timedelta(days=1)
    assert dose_wanted(course_of(V1), None, None, eve()) is None


def test_of_a_plan_whose_step_nobody_wrote_the_day_counts():
    planned = course_of([*V1, ("dose_planned", MORNING, {"step": None, "on": "2026-07-20"})])
    wanted = dose_wanted(planned, "step_up_1", DAY_1, eve())
    assert wanted is not None and (wanted.step, wanted.on) == ("step_up_1", date(2026, 7, 20))
    assert dose_wanted(planned, None, None, eve()) is None


@pytest.mark.parametrize(("on", "open_"), [("2026-07-06", False), ("2026-07-07", True)])
def test_a_dose_of_an_unknown_hour_that_was_written_before_the_day_of_a_plan_was_another(on, open_):
    """It was written down on 6 July, the day of the first plan."""
    dose = ("dose_given", at(1, 9), {"step": "step_up_1", "started_at": None})
    history = course_of([*V1, dose, ("dose_planned", at(1, 10), {"step": "step_up_2", "on": on})])
    assert (open_plan(history, given_doses(history)) is not None) is open_


@pytest.mark.parametrize(("known_", "given"), [(True, False), (None, None), (False, None)])
def test_whether_anything_was_given_before_is_known_or_not(known_, given):
    again = ("course_started", at(-6, 9), {"intent": "step_up", "prior_doses_known": known_})
    assert known(again).last_dose.given is given


# --- a step-up that begins once more, and one whose end nobody knows ------------------------------------------------------------

RESTART = {"step": "step_up_1", "on": DAY_1 + timedelta(days=80), "now": datetime.fromisoformat(at(80, 9))}
GIVEN_TO_PREVENT = {"agent": "tocilizumab", "purpose": "prophylaxis"}


@pytest.mark.parametrize(
    ("more", "planned"),
    [
        ([], None),
        ([("medicine_given", at(1, 8), GIVEN_TO_PREVENT)], None),
        ([("medicine_given", at(79, 8), GIVEN_TO_PREVENT)], True),
        ([("setting_facts_noted", at(79, 8), {"tocilizumab_planned": False})], False),
    ],
)
def test_tocilizumab_before_an_earlier_step_up_says_nothing_of_this_one(more, planned):
    assert known(DOSE_1, *more, **RESTART).tocilizumab_planned is planned


def test_tocilizumab_before_the_first_dose_of_this_step_up_counts_for_the_second():
    assert known(DOSE_1, **DAY_4).tocilizumab_planned is True


WAITED = {"step": "step_up_2", "now": datetime.fromisoformat(at(8, 9))}


@pytest.mark.parametrize(
    ("on", "months", "met"),
    [
        (date(2026, 8, 3), {7: 20}, None),  # nobody wrote down August, in which the dose is
        (date(2026, 8, 3), {7: 20, 8: 75}, False),
        (date(2026, 7, 15), {7: 20, 8: 75}, None),  # without a day of the first treatment dose it may be in August
        (date(2026, 7, 15), dict.fromkeys(range(1, 13), 20), True),  # whenever it is
    ],
)
def test_the_way_is_judged_for_the_day_of_a_dose_that_waited_and_for_all_that_may_follow(on, months, met):
    worst = [{"months": [month], "minutes": minutes} for month, minutes in months.items()]
    way = ("travel_noted", MORNING, {"worst": worst})
    assert travel_evidence(looked([*V1, DOSE_1, way], on=on, **WAITED)).met is met


@pytest.mark.parametrize(("weather", "state"), [(None, "not_known"), ("snow", "clear")])
def test_a_plan_of_the_season_counts_for_all_that_may_follow(weather, state):
    plan = [{"words": "suspended", "months": [11], **({"weather": weather} if weather else {})}]
    told = [*V1, DOSE_1, ("setting_facts_noted", at(8, 8), {"suspensions": plan, "weather_expected": []})]
    lines = looked(told, on=date(2026, 7, 15), **WAITED).answer.lines
    assert next(each.state for each in lines if each.rule == "IP-11") == state


# --- the gate ---------------------------------------------------------------------------------------------------------------


def decided(what: str | None = "OUTPATIENT", **changes: Any) -> tuple[str, str, dict[str, Any]]:
    body = {"recommendation": what, "step": "step_up_1", "on": DAY_1.isoformat(), "valid_until": at(1, 23), **changes}
    return ("setting_decided", MORNING, body)


NO_CAREGIVER = ("caregivers_rostered", MORNING, {"hours": []})


@pytest.mark.parametrize(
    ("more", "met", "says"),
    [
        ([], None, "no setting is decided for step-up dose 1 on Mon 6 Jul 2026"),
        ([decided()], True, "outpatient decided for step-up dose 1"),
        ([decided("INPATIENT")], True, "inpatient decided"),
        ([decided("DEFER")], False, "defer decided"),
        ([decided(None)], None, "not known"),
        ([decided(valid_until=None)], None, "until when, is not known"),
        ([decided(valid_until=at(0, 10))], None, "that ended"),
        ([decided(step="step_up_2")], None, "no setting is decided"),
        ([decided(on="2026-07-05")], None, "no setting is decided"),
        ([decided(), NO_CAREGIVER], None, "the rules recommend inpatient"),
        ([decided("INPATIENT"), NO_CAREGIVER], True, "inpatient decided"),
        ([decided("INPATIENT"), ("vitals_measured", MORNING, {"temperature_c": "38.5"})], None, "the rules recommend defer"),
        ([decided(), ("setting_facts_noted", MORNING, {"ecog": None})], None, "something is missing"),
        ([decided(), ("setting_facts_noted", MORNING, {"consent": False})], False, "the patient has not consented"),
        ([decided("INPATIENT"), ("setting_facts_noted", MORNING, {"consent": None})], None, "consent: not known"),
    ],
)  # fmt: skip
def test_the_decision_on_the_gate(more, met, says):
    line = setting_evidence(looked([*V1, *more]))
    assert line.met is met
    assert says in line.because
    assert line.owner == "prescriber"


def test_a_decision_is_over_by_its_date_and_after_the_dose_that_it_was_for():
    line = setting_evidence(looked([*V1, decided()]))
    assert line.until == datetime.fromisoformat(at(1, 23))
    assert line.at(datetime.fromisoformat(at(1, 23))).met is False
    again = decided(step="step_up_2", on=(DAY_1 + timedelta(days=3)).isoformat(), valid_until=at(4, 23))
    line = setting_evidence(looked([*V1, again, DOSE_1], **DAY_4))
    assert line.met is None and "no setting is decided" in line.because


@pytest.mark.parametrize(
    ("own", "in_force", "answer"),
    [(None, 8, "INPATIENT"), (None, None, "INPATIENT"), (10, 8, "INPATIENT"), (8, 14, "INPATIENT"), (8, 8, "OUTPATIENT"), (8, None, "OUTPATIENT")],
)  # fmt: skip
def test_a_policy_that_names_no_span_asks_for_the_caregiver_as_long_as_the_rules(own, in_force, answer):
    """Ten days, whatever a newer policy asks for: a course that nobody moved loses no day."""
    until_day_10 = {"hours": [{"who": "caregiver_1", "from_at": at(1, 8), "until_at": at(10, 20)}]}
    policy = load_policy()
    policy = replace(policy, watch=replace(policy.watch, caregiver_until_day=own))
    told = [*V1, ("caregivers_rostered", at(0, 9), until_day_10)]
    assert looked(told, around=Around(caregiver_until_day=in_force), policy=policy).answer.recommendation == answer


def test_of_rival_corrections_the_one_further_from_leaving_hospital_counts():
    ids = [f"00000000-0000-0000-0000-0000000000f{number}" for number in (1, 2)]
    roster = next(each for each in V1 if each[0] == "caregivers_rostered")
    first = "00000000-0000-0000-0000-000000000f00"
    rivals = [
        ("caregivers_rostered", MORNING, {**roster[2], "id": ids[0], "supersedes": first}),
        ("caregivers_rostered", MORNING, {"hours": [], "id": ids[1], "supersedes": first}),
    ]
    told = [(kind, when, {**body, "id": first} if kind == "caregivers_rostered" else body) for kind, when, body in V1]
    assert looked([*told, rivals[0]]).answer.recommendation == "OUTPATIENT"
    assert looked([*told, *rivals]).answer.recommendation == "INPATIENT"


@pytest.mark.parametrize("said", [("INPATIENT", "OUTPATIENT"), ("OUTPATIENT", "INPATIENT"), ("INPATIENT", "DEFER")])
def test_of_rival_corrections_of_a_decision_none_is_in_force(said):
    first, *ids = [f"00000000-0000-0000-0000-0000000000f{number}" for number in range(3)]
    rivals = [decided(each, id=name, supersedes=first) for each, name in zip(said, ids, strict=True)]
    look = looked([*V1, NO_CAREGIVER, decided(id=first), *rivals])
    assert setting_evidence(look).met is None
    assert "not all of them hold the same decision" in setting_evidence(look).because
    assert caregiver_evidence(look).met is False
    same = looked(
        [*V1, NO_CAREGIVER, decided(id=first), *(decided("INPATIENT", id=name, supersedes=first) for name in ids)]
    )
    assert setting_evidence(same).met is True


@pytest.mark.parametrize(
    ("line", "more", "met", "says"),
    [
        (caregiver_evidence, [], True, "at every hour"),
        (caregiver_evidence, [NO_CAREGIVER], False, "nobody is there: Mon 6 Jul 2026 09:00 CDT"),
        (caregiver_evidence, [("caregivers_rostered", MORNING, {"hours": None})], None, "roster of caregivers"),
        (caregiver_evidence, [NO_CAREGIVER, decided("INPATIENT")], True, "in hospital: not asked"),
        (caregiver_evidence, [NO_CAREGIVER, decided("INPATIENT", valid_until=at(0, 10))], False, "nobody is there"),
        (caregiver_evidence, [NO_CAREGIVER, decided("HYBRID")], True, "in hospital: not asked"),
        (caregiver_evidence, [NO_CAREGIVER, decided("DEFER")], False, "nobody is there"),
        (travel_evidence, [], True, "within 60 min"),
        (travel_evidence, [("home_status", MORNING, {"travel_min_worst": 75})], False, "75 min in July"),
        (travel_evidence, [("travel_noted", MORNING, {"worst": None})], None, "not known: worst-case minutes"),
        (travel_evidence, [("travel_noted", MORNING, {"worst": [SEASONS[1]]})], None, "not known: worst-case minutes"),
        (travel_evidence, [("home_status", MORNING, {"travel_min_worst": 75}), decided("INPATIENT")], True, "in hospital"),
    ],
)  # fmt: skip
def test_caregiver_and_way_on_the_gate(line, more, met, says):
    look: SettingLook = looked([*V1, *more])
    found: Evidence = line(look)
    assert found.met is met
    assert says in found.because
    assert met or found.next_step


def test_a_line_that_is_met_because_of_hospital_ends_with_that_decision():
    look = looked([*V1, NO_CAREGIVER, decided("INPATIENT")])
    assert caregiver_evidence(look).until == datetime.fromisoformat(at(1, 23))
    assert caregiver_evidence(replace(look, decision=None)).met is False


@pytest.mark.parametrize(
    ("agent", "purpose", "planned"),
    [
        ("tocilizumab", "prophylaxis", True),
        ("tocilizumab-aazg", "prophylaxis", True),
        ("Actemra 400 mg IV", "prophylaxis", True),
        ("Tyenne", "prophylaxis", True),
        ("tocilizumab", "treatment", None),
        ("dexamethasone", "prophylaxis", None),
        (None, "prophylaxis", None),
    ],
)
def test_tocilizumab_that_was_given_to_prevent_answers_whether_it_is_planned_by_whatever_name(agent, purpose, planned):
    unasked = [
        (kind, when, {name: value for name, value in body.items() if name != "tocilizumab_planned"})
        for kind, when, body in V1
    ]
    given = ("medicine_given", MORNING, {"agent": agent, "purpose": purpose})
    assert looked([*unasked, given]).case.facts.tocilizumab_planned is planned
