"""What a checker must show: pregnancy, hepatitis B, live vaccines, vials, early discharge, tocilizumab.

X07, X18, X39 to X41 and TRI13 are the worked cases; X32 and X33, a longer interval: `test_longer_intervals.py`. WARN is a
finding `today`, BLOCK a finding `now` on the gate, what is due is `routine`. None of them changes the next dose, but for a dose
made from other vials: it differs from the protocol.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.answer import Assessment, Finding
from handrail.rules.protocol import load
from handrail.rules.telling import sentence
from handrail.rules.terms import Action
from tests.support.courses import ELRA, TEC, TEC_COMBO, TEC_OLD, Told, well

ELRA_OLD = "elranatamab/US/2023-08"
SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
VISIT = "2026-03-02 09:00"


def found(answer: Assessment, rule: str, word: str = "") -> list[Finding]:
    """The findings of a rule that contain a word."""
    return [finding for finding in answer.findings if finding.rule == rule and word in finding.what]


def candidate(key: str = TEC, sex: str | None = "male") -> Told:
    """A synthetic course before its first dose."""
    told = Told(key, facts={"sex": sex} if sex else {})
    well(told, "2026-03-02 08:30")
    return told


# --- X41: pregnancy -------------------------------------------------------------------------------------------------

NEGATIVE = ("lab_resulted", {"code": "pregnancy_test", "result": "negative"})
POSITIVE = ("lab_resulted", {"code": "pregnancy_test", "result": "positive"})
UNCLEAR = ("lab_resulted", {"code": "pregnancy_test", "result": "indeterminate"})
FORGOTTEN = ("lab_resulted", {"code": "pregnancy_test", "result": None})
RULED_OUT = ("condition_noted", {"what": "pregnancy", "active": False})
PREGNANT = ("condition_noted", {"what": "pregnancy", "active": True})
OTHER_VALUE = ("lab_resulted", {"code": "hbsag", "result": "positive"})
OTHER_NEGATIVE = ("lab_resulted", {"code": "hbsag", "result": "negative"})
OTHER_CONDITION = ("condition_noted", {"what": "diabetes", "active": True})
CANNOT = ("condition_noted", {"what": "childbearing_potential", "active": False})
CAN = ("condition_noted", {"what": "childbearing potential", "active": True})
MAYBE = ("condition_noted", {"what": "childbearing_potential", "active": None})


@pytest.mark.parametrize("key", [ELRA, ELRA_OLD, TEC, TEC_OLD, TEC_COMBO])
@pytest.mark.parametrize(
    # case | sex | recorded | urgency
    ("case", "sex", "recorded", "urgency"),
    [
        ("X41", "female", [CAN], "now"),
        ("X41", "female", [], "now"),
        ("verified", "female", [CAN, NEGATIVE], None),
        ("verified", "female", [RULED_OUT], None),
        ("documented", "female", [CANNOT], None),
        ("not known", "female", [MAYBE], "now"),
        ("unclear", "female", [NEGATIVE, UNCLEAR], "now"),
        ("forgotten", "female", [NEGATIVE, FORGOTTEN], "now"),
        ("pregnant", "female", [NEGATIVE, POSITIVE], "now"),
        ("pregnant", "female", [CANNOT, PREGNANT], "now"),
        ("pregnant", None, [POSITIVE], "now"),
        ("something else", "female", [NEGATIVE, OTHER_VALUE], None),
        ("something else", "female", [OTHER_NEGATIVE], "now"),
        ("something else", "female", [NEGATIVE, OTHER_CONDITION], None),
        ("sex not known", None, [], "today"),
        ("sex not known", None, [CAN], "now"),
        ("sex not known", None, [CANNOT], None),
        ("sex not known", None, [NEGATIVE], None),
        ("sex not known", "unknown", [], "today"),
        ("male", "male", [], None),
    ],
)
def test_x41_pregnancy_is_ruled_out_before_the_start(
    case: str, sex: str | None, recorded: list, urgency: str | None, key: str
):
    told = candidate(key, sex)
    for hour, (kind, body) in enumerate(recorded, start=10):
        told.tell(kind, f"2026-02-27 {hour}:00", **body)
    findings = found(told.assess(VISIT), "checks", "regnan")
    assert [f.urgency for f in findings] == ([urgency] if urgency else []), case
    if urgency == "now":
        assert findings[0].because.startswith("on the gate: ")
        assert findings[0].owner == "prescriber" and findings[0].source is not None


def test_x41_a_test_from_before_the_course_does_not_count():
    told = candidate(ELRA, "female")
    told.tell(NEGATIVE[0], "2025-11-03 10:00", source="import", **NEGATIVE[1])
    assert found(told.assess(VISIT), "checks", "Pregnancy status is not verified")


@pytest.mark.parametrize(
    # signed departure | urgency
    ("signed", "urgency"),
    [
        ({"rule": "pregnancy", "reason": "hysterectomy in 2019", "approver": "lead"}, "routine"),
        ({"rule": "pregnancy", "reason": "hysterectomy in 2019"}, "now"),  # by nobody
        ({"rule": "pregnancy", "approver": "lead"}, "now"),  # for no reason
        ({"rule": "setting", "reason": "agreed", "approver": "lead"}, "now"),
    ],
)
def test_x41_blocks_until_it_is_documented_by_a_named_person(signed: dict[str, Any], urgency: str):
    told = candidate(ELRA, "female")
    told.tell("departure_signed", "2026-02-27 12:00", **signed)
    [finding] = found(told.assess(VISIT), "checks", "Pregnancy")
    assert finding.urgency == urgency
    assert ("documented by lead: hysterectomy" in finding.because) == (urgency == "routine")


def test_x41_never_changes_the_next_dose():
    before, after = (candidate(ELRA, sex).assess(VISIT) for sex in ("female", "male"))
    assert before.next_dose == after.next_dose and before.next_dose.action is Action.GIVE


# --- X40: hepatitis B -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [TEC, TEC_OLD, TEC_COMBO])
@pytest.mark.parametrize(
    # case | HBsAg | anti-HBc (... never tested, None asked and not known) | what is shown
    ("case", "hbsag", "anti_hbc", "shown"),
    [
        ("X40", "negative", "positive", "anti-HBc positive"),
        ("surface antigen", "positive", "negative", "HBsAg positive"),
        ("both", "positive", "positive", "HBsAg positive, anti-HBc positive"),
        ("not known", "negative", None, "anti-HBc not known"),
        ("negative", "negative", "negative", None),
        ("never tested", ..., ..., None),
    ],
)
def test_x40_positive_serology_is_watched_for_reactivation(case: str, hbsag: Any, anti_hbc: Any, shown: Any, key: str):
    told = candidate(key)
    for code, result in (("hbsag", hbsag), ("anti_hbc", anti_hbc)):
        if result is not ...:
            told.tell("lab_resulted", "2026-02-27 10:00", code=code, result=result)
    findings = found(told.assess(VISIT), "checks", "hepatitis B")
    assert [f.what for f in findings] == ([f"Watch for hepatitis B reactivation: {shown}"] if shown else []), case
    for finding in findings:
        assert finding.urgency == "today"
        assert "at least 6 months after" in finding.because and "European text" in finding.because


def test_x40_a_signed_plan_leaves_a_routine_finding():
    told = candidate()
    told.tell("lab_resulted", "2026-02-27 10:00", code="anti_hbc", result="positive")
    told.tell(
        "departure_signed", "2026-02-27 12:00", rule="hepatitis_b", reason="entecavir, DNA monthly", approver="lead"
    )
    [finding] = found(told.assess(VISIT), "checks", "hepatitis B")
    assert finding.urgency == "routine"


def test_elranatamab_has_no_such_row():
    told = candidate(ELRA)
    told.tell("lab_resulted", "2026-02-27 10:00", code="anti_hbc", result="positive")
    assert not found(told.assess(VISIT), "checks", "hepatitis B")


# --- X39: live vaccines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [TEC, ELRA])
@pytest.mark.parametrize(
    # case | day of the vaccine | live | warned, with step-up dose 1 planned for Mon 30 March
    ("case", "on", "live", "warned"),
    [
        ("X39", "2026-03-09", True, True),  # 3 weeks before
        ("4 weeks less a day", "2026-03-03", True, True),
        ("4 weeks", "2026-03-02", True, False),
        ("after the start", "2026-04-06", True, True),
        ("not known whether live", "2026-03-09", None, True),
        ("never asked whether live", "2026-03-09", ..., True),
        ("not live", "2026-03-09", False, False),
        ("day not known", None, True, False),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_x39_no_live_vaccine_within_4_weeks_of_the_start(
    case: str, on: str | None, live: Any, warned: bool, given: bool, key: str
):
    told = candidate(key)
    body = {"vaccine": "yellow fever", "on": on, "given": given} | ({} if live is ... else {"live": live})
    told.tell("vaccine_noted", "2026-03-01 10:00", **body)
    told.tell("dose_planned", "2026-03-01 11:00", step=SUD1, on="2026-03-30", setting="inpatient")
    findings = found(told.assess(VISIT), "checks", "yellow fever")
    assert [f.urgency for f in findings] == (["today"] if warned else []), case
    for finding in findings:
        assert ("given on" in finding.what) == given
        assert "4 weeks" in finding.because


@pytest.mark.parametrize(
    # vaccine | warned
    ("on", "warned"),
    [("2026-03-06", False), ("2026-03-07", True)],
)
def test_x39_a_plan_whose_day_has_passed_is_for_today_at_the_earliest(on: str, warned: bool):
    """Planned for 30 March and not given by 3 April: four weeks are counted back from 3 April."""
    told = candidate(TEC)
    told.tell("vaccine_noted", "2026-03-01 10:00", vaccine="yellow fever", on=on, given=True, live=True)
    told.tell("dose_planned", "2026-03-01 11:00", step=SUD1, on="2026-03-30", setting="inpatient")
    assert bool(found(told.assess("2026-04-03 09:00"), "checks", "yellow fever")) is warned


def test_x39_the_answer_changes_when_four_weeks_have_passed():
    told = candidate()
    told.tell("vaccine_noted", "2026-02-10 10:00", vaccine="yellow fever", live=True, on="2026-02-10", given=True)
    assert found(told.assess("2026-03-09 23:59"), "checks", "yellow fever")
    assert not found(told.assess("2026-03-10 00:00"), "checks", "yellow fever")


def test_a_protocol_without_warnings_checks_nothing():
    told = candidate(ELRA, "female")
    assert found(told.assess(VISIT), "checks")
    assert not found(told.assess(VISIT, protocol=replace(load(ELRA), warning=())), "checks")


# --- X07: the vials of a dose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # case | product | step | vials in mg/mL | what differs
    ("case", "key", "step", "vials", "differs"),
    [
        ("X07", TEC, FTD, ["90", "10"], "vials of different concentrations"),
        ("X07", TEC, FTD, ["10", "90", "90"], "vials of different concentrations"),
        ("one strength", TEC, SUD1, ["10"], None),
        ("two vials of one strength", TEC, SUD1, ["10", "10.0"], None),
        ("the other strength", TEC, SUD1, ["90"], "step-up dose 1 is made from vials of 10 mg/mL"),
        ("the other strength", TEC, FTD, ["10"], "first treatment dose is made from vials of 90 mg/mL"),
        ("no such vial", TEC, SUD1, ["50"], "no vial of 50 mg/mL"),
        ("not known", TEC, SUD1, None, "the vials were asked and are not known"),
        ("never asked", TEC, SUD1, ..., None),
        ("both vials have 40 mg/mL", ELRA, SUD1, ["40", "40"], None),
    ],
)
def test_x07_a_dose_made_from_other_vials_differs_from_the_protocol(
    case: str, key: str, step: str, vials: Any, differs: str | None
):
    told = candidate(key)
    steps = [SUD1, SUD2, FTD]
    for number, given in enumerate(steps[: steps.index(step) + 1]):
        body: dict[str, Any] = {"strengths_mg_per_ml": vials} if given == step and vials is not ... else {}
        told.dose(given, f"2026-03-0{2 + 3 * number} 09:00", **body)
    answer = told.assess("2026-03-09 09:00")
    different = found(answer, "nextdose", "differs from the protocol")
    assert len(different) == (1 if differs else 0), case
    assert all(differs in f.what for f in different if differs)
    mixed = found(answer, "amount")
    assert bool(mixed) == (case == "X07")
    if differs:
        assert answer.next_dose.action is Action.ASK
        assert all(f.urgency == "now" for f in (*different, *mixed))
    for finding in mixed:
        assert finding.owner == "pharmacist" and finding.source is not None


def test_x07_a_signed_departure_answers_it():
    told = candidate()
    told.dose(SUD1, VISIT)
    told.dose(SUD2, "2026-03-05 09:00")
    given = told.dose(FTD, "2026-03-08 09:00", strengths_mg_per_ml=["90", "10"])
    told.tell(
        "departure_signed", "2026-03-08 10:00", rule=f"dose_given:{given}", reason="shortage", approver="oncologist"
    )
    answer = told.assess("2026-03-08 11:00")
    assert not found(answer, "amount") and not found(answer, "nextdose", "differs")


def test_x07_the_timeline_names_the_vials():
    told = candidate()
    told.dose(FTD, VISIT, strengths_mg_per_ml=["90", "10"])
    told.dose(FTD, VISIT, strengths_mg_per_ml=None)
    words = [sentence(event) for event in told.course().events if event.kind == "dose_given"]
    assert words == [
        "dose given: first treatment dose; from vials of 90 and 10 mg/mL",
        "dose given: first treatment dose; vials not known",
    ]


# --- X18: leaving hospital early ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # case | product | step | hours after the dose | hours asked for, when that is more
    ("case", "key", "step", "minutes", "asked"),
    [
        ("X18", ELRA, SUD2, 20 * 60, 24),
        ("X18", ELRA, SUD2, 24 * 60, None),
        ("a minute early", ELRA, SUD2, 24 * 60 - 6, 24),
        ("step-up dose 1", ELRA, SUD1, 47 * 60, 48),
        ("step-up dose 1", ELRA, SUD1, 48 * 60, None),
        ("step-up dose 2", TEC, SUD2, 24 * 60, 48),
        ("no stay is asked for", ELRA, FTD, 60, None),
        ("near the hospital, not in it", TEC, FTD, 60, None),
    ],
)
@pytest.mark.parametrize("place", ["home", "lodging"])
def test_x18_discharge_before_the_hours_of_the_label(
    case: str, key: str, step: str, minutes: int, asked: int | None, place: str
):
    told = candidate(key)
    steps = [SUD1, SUD2, FTD]
    days = ["2026-03-02", "2026-03-05", "2026-03-09"]
    for given, day in zip(steps[: steps.index(step) + 1], days, strict=False):
        told.tell("home_status", f"{day} 07:00", location="hospital")
        told.dose(given, f"{day} 09:00")
    day = int(days[steps.index(step)][-2:])
    hour, minute = divmod(9 * 60 + minutes, 60)
    told.tell("home_status", f"2026-03-{day + hour // 24:02} {hour % 24:02}:{minute:02}", location=place)
    for at in (f"2026-03-{day + hour // 24:02} {hour % 24:02}:{minute:02}", f"2026-03-{day + 3:02} 09:00"):
        findings = found(told.assess(at), "schedule", "Watched for")
        assert [f.urgency for f in findings] == (["today"] if asked else []), (case, at)
        assert all(f"asks for {asked} h" in f.what and f.owner == "prescriber" for f in findings)


@pytest.mark.parametrize(
    # where the patient was before | signed departure | warned
    ("before", "signed", "warned"),
    [
        ("hospital", False, True),
        ("ed", False, True),
        ("home", False, False),
        (None, False, False),
        ("hospital", True, False),
    ],
)
def test_x18_is_about_leaving_hospital_without_a_signed_departure(before: str | None, signed: bool, warned: bool):
    told = candidate(ELRA)
    if before is not None:
        told.tell("home_status", "2026-03-02 07:00", location=before)
    told.dose(SUD1, VISIT)
    told.tell("home_status", "2026-03-02 20:00", location="home")
    if signed:
        told.tell("departure_signed", "2026-03-02 19:00", rule="setting", reason="agreed", approver="lead")
    assert bool(found(told.assess("2026-03-02 21:00"), "schedule", "Watched for")) == warned


# --- TRI13: tocilizumab above the cap -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # case | agent | mg | warned
    ("case", "agent", "mg", "warned"),
    [
        ("TRI13", "tocilizumab", "896", True),
        ("the cap", "tocilizumab", "800", False),
        ("just above", "Tocilizumab", "800.1", True),
        ("not known", "tocilizumab", None, False),
        ("another medicine", "acetaminophen", "1000", False),
    ],
)
def test_tri13_more_than_800_mg_of_tocilizumab_is_warned_about(case: str, agent: str, mg: str | None, warned: bool):
    told = candidate()
    told.tell("weight_measured", "2026-03-01 09:00", weight_kg="112")
    told.dose(SUD1, VISIT)
    told.tell("medicine_given", "2026-03-02 20:00", agent=agent, dose_mg=mg, purpose="treatment")
    findings = found(told.assess("2026-03-02 21:00"), "management", "at most 800 mg")
    assert [f.urgency for f in findings] == (["today"] if warned else []), case
    assert all(Decimal(mg or 0) > 800 and f.owner == "prescriber" and f.source is not None for f in findings)


def test_tri13_is_said_until_the_next_dose():
    told = candidate()
    told.dose(SUD1, VISIT)
    told.tell("medicine_given", "2026-03-02 20:00", agent="tocilizumab", dose_mg="896", purpose="treatment")
    assert found(told.assess("2026-03-05 08:00"), "management", "at most")
    told.dose(SUD2, "2026-03-05 09:00")
    assert not found(told.assess("2026-03-05 10:00"), "management", "at most")
