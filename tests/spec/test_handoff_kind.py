"""Simple or complicated: every reason, and that a missing fact is never simple."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.handoff_kind import must_return
from handrail.rules.policy import load_policy
from tests.support.courses import Told, instant, well
from tests.support.handoffs import KNOWN, OFFERED, latest, offered, stepped_up
from tests.support.reactions import crs as crs_of
from tests.support.reactions import icans as icans_of
from tests.support.triage import graded


def kind_of(told: Told, at: str = OFFERED, **fields: Any) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    told, _ = offered(told, at, **fields)
    found = latest(told.assess(at))
    return found.kind, found.because, found.missing


def test_simple_when_everything_is_known_and_nothing_was_found():
    assert kind_of(stepped_up()) == ("simple", (), ())


def crs(told: Told, day: str, oxygen: str = "none", flow: str = "0") -> None:
    graded(told, f"{day} 12:00", tmax_c="38.6", o2=oxygen, flow_l_per_min=flow)
    told.tell(
        "toxicity_resolved", f"{day} 20:00", toxicity="crs", resolved_at=f"{day}T19:00:00-06:00", confirmed_by="a"
    )


def one_crs(told: Told) -> None:
    crs(told, "2026-03-03")


def two_crs(told: Told) -> None:
    crs(told, "2026-03-03")
    crs(told, "2026-03-06")


def worse_crs(told: Told) -> None:
    crs(told, "2026-03-03", "nasal_cannula", "2")


def worse_then_milder_crs(told: Told) -> None:
    worse_crs(told)
    crs(told, "2026-03-06")


def worse_then_milder_icans(told: Told) -> None:
    for day, score in (("2026-03-03", 4), ("2026-03-06", 8)):
        icans(told, f"{day} 12:00", score)
        told.tell(
            "toxicity_resolved", f"{day} 20:00", toxicity="icans", resolved_at=f"{day}T19:00:00-06:00", confirmed_by="a"
        )


def icans(told: Told, at: str = "2026-03-03 12:00", points: int = 8) -> None:
    score = told.tell("ice_assessed", at, total_0_10=points)
    body = {"loc": "alert", "loc_other": False, "seizure": "none", "motor": False, "edema": "none"}
    told.tell("icans_assessed", at, ice_event=score, icp_signs=False, ich=False, **body)


def tells(kind: str, at: str = "2026-03-10 09:00", **fields: Any) -> Any:
    return lambda told: told.tell(kind, at, **fields)


@pytest.mark.parametrize(
    # what happened | the template | one of its reasons
    ("happens", "kind", "words"),
    [
        (one_crs, "simple", None),
        (two_crs, "complicated", "recurrent CRS: 2 episodes"),
        (worse_crs, "complicated", "CRS of grade 2"),
        (worse_then_milder_crs, "complicated", "CRS of grade 2"),
        (icans, "complicated", "ICANS of grade 1"),
        (worse_then_milder_icans, "complicated", "ICANS of grade 2"),
        (tells("hold_started", because="fever"), "complicated", "the drug was withheld"),
        (tells("dose_not_given", step="treatment", because="other"), "complicated", "a planned dose was not given"),
        (tells("departure_signed", rule="setting", reason="r", approver="a"), "complicated", "a departure from the label or the protocol is signed"),
        (tells("condition_noted", "2026-03-11 08:30", what="zoster", active=True), "complicated", "an infection is active"),
        (tells("condition_noted", what="zoster", active=True), "complicated", "an infection since the first dose"),
        (tells("condition_noted", "2026-02-27 09:00", what="zoster", active=True), "simple", None),  # over before it
        (tells("condition_noted", "2026-03-11 08:30", what="zoster", active=None), "not_known", "whether there is an infection"),
        (tells("condition_noted", what="neutropenia", grade=3, active=True), "complicated", "neutropenia of grade 3"),
        (tells("condition_noted", what="neutropenia", grade=2, active=True), "simple", None),
        (tells("condition_noted", what="neutropenia", active=True), "not_known", "the grade of the neutropenia"),
        (tells("condition_noted", what="kidney_injury", active=True), "complicated", "kidney injury is active"),
        (tells("condition_noted", what="kidney_injury", active=False), "simple", None),
        (tells("condition_noted", what="kidney_injury", active=None), "not_known", "whether kidney injury is active"),
        (tells("medicine_given", "2026-03-03 13:00", agent="tocilizumab", purpose="treatment"), "complicated", "tocilizumab is still active"),
        (tells("medicine_given", "2026-02-24 09:00", agent="tocilizumab", purpose="treatment"), "simple", None),  # two weeks
        (tells("medicine_given", "2026-03-10 09:00", agent="dexamethasone", purpose="treatment"), "complicated", "dexamethasone is still active"),
        (tells("medicine_given", "2026-03-10 09:00", agent="dexamethasone", purpose="premedication"), "simple", None),
        (tells("medicine_given", agent=None, purpose="treatment"), "not_known", "which medicine was given"),
        (tells("medicine_given", purpose="treatment"), "simple", None),  # nobody was asked which
    ],
)  # fmt: skip
def test_each_reason(happens, kind, words):
    told = stepped_up()
    happens(told)
    found, because, missing = kind_of(told)
    assert found == kind, (because, missing)
    if words is not None:
        assert words in (because if kind == "complicated" else missing)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(("value", "kind"), [(True, "complicated"), (None, "not_known")])
def test_what_only_a_person_knows(name, value, kind):
    assert kind_of(stepped_up(), **{name: value})[0] == kind


@pytest.mark.parametrize("name", KNOWN)
def test_what_nobody_was_asked_is_not_known(name):
    told = stepped_up()
    body = {"from_party": "hub", "to_party": "clinic", **{key: False for key in KNOWN if key != name}}
    told.tell("handoff_offered", OFFERED, **body)
    assert latest(told.assess(OFFERED)).kind == "not_known"


@pytest.mark.parametrize(
    ("anc", "kind", "words"),
    [
        ("1.0", "simple", ""),
        ("0.99", "complicated", "neutrophils 0.99 x 10^9/L: a cytopenia of grade 3 or more"),
        (None, "not_known", "the neutrophil count of the last 14 days"),
    ],
)
def test_the_neutrophils(anc, kind, words):
    found, because, missing = kind_of(stepped_up(anc=anc))
    assert (found, "".join((*because, *missing))) == (kind, words)


def test_a_count_that_is_learned_later_counts_and_time_alone_changes_nothing():
    told, _ = offered(stepped_up(anc=None))
    assert latest(told.assess("2026-03-12 09:00")).kind == "not_known"
    told.tell("lab_resulted", "2026-03-12 10:00", code="anc", value="2.0", unit="10*9/L")
    for at in ("2026-03-12 10:00", "2026-04-20 10:00"):
        assert latest(told.assess(at)).kind == "simple"


def test_a_watched_dose_after_which_nobody_assessed_is_not_known():
    found, because, missing = kind_of(stepped_up(assessed=False))
    assert (found, because) == ("not_known", ())
    assert "CRS after first treatment dose: nobody has recorded an assessment" in missing
    assert "ICANS after first treatment dose: nobody has recorded an assessment" in missing


def test_a_step_up_that_was_repeated_or_is_not_complete():
    told = Told()
    for step, day in (("step_up_1", "2026-03-02"), ("step_up_1", "2026-03-05")):
        well(told, f"{day} 08:00")
        told.dose(step, f"{day} 09:00")
    because = kind_of(told)[1]
    assert "a step-up dose was repeated, or the step-up started again" in because
    assert "the step-up is not complete" in because


@pytest.mark.parametrize(
    # the hand-off is offered at | what happened before | why it is complicated
    ("at", "happened", "words"),
    [
        ("2026-03-18 09:00", None, None),  # day 9 after the first treatment dose: the next one is given as planned
        ("2026-05-20 09:00", None, "the next dose is not as planned: "),  # day 72: the step-up starts again
        ("2026-03-18 09:00", "2026-03-18 08:30", "the next dose is withheld: "),
    ],
)
def test_a_next_dose_that_is_not_as_planned_makes_it_complicated(at: str, happened: str | None, words: str | None):
    told = stepped_up()
    well(told, f"{at[:10]} 08:00")
    told.tell("lab_resulted", f"{at[:10]} 08:00", code="anc", value="2.1", unit="10*9/L")
    if happened is not None:
        told.tell("condition_noted", happened, what="zoster", active=True)
    kind, because, _ = kind_of(told, at)
    assert kind == ("simple" if words is None else "complicated")
    assert words is None or any(reason.startswith(words) for reason in because)


# --- what the facts themselves show as a reason to return -------------------------------------------------------------


def reasons(told: Told, at: str) -> list[str]:
    history, policy = told.history(), load_policy()
    doses = given_doses(history)
    dose = told.assess(at).next_dose
    return [row.id for row in must_return(history, episodes(history, doses, policy), dose, policy)]


def at_grade(tell: Any, grade: int) -> Any:
    return lambda told: tell(told, "2026-03-17 12:00", grade)


def infection(grade: int | None) -> Any:
    return tells("condition_noted", "2026-03-17 12:00", what="infection", active=True, grade=grade)


def anc(value: str, at: str = "2026-03-17 12:00") -> Any:
    return tells("lab_resulted", at, code="anc", value=value, unit="10*9/L")


def place(location: str) -> Any:
    return tells("home_status", "2026-03-17 13:00", location=location)


@pytest.mark.parametrize(
    # what happened after the first treatment dose | reasons to return
    ("happens", "found"),
    [
        ([], []),
        ([at_grade(crs_of, 1)], []),
        ([at_grade(crs_of, 2)], ["crs"]),
        ([at_grade(crs_of, 3)], ["crs"]),
        ([at_grade(crs_of, 2), place("home")], ["crs"]),
        ([at_grade(crs_of, 2), place("hospital")], []),  # the unit that has the patient decides
        ([at_grade(icans_of, 1)], ["icans"]),
        ([at_grade(icans_of, 1), place("ed")], []),
        ([infection(2)], []),
        ([infection(3)], ["infection"]),
        ([infection(None)], []),
        ([anc("0.5")], []),
        ([anc("0.49")], ["neutrophils"]),
        ([anc("0.4", "2026-03-16 12:00"), anc("0.6")], []),
        ([tells("response_assessed", "2026-03-17 12:00", response="PD")], ["progression"]),
        ([tells("response_assessed", "2026-03-17 12:00", response="SD")], []),
    ],
)
def test_a_reason_to_return_begins_at_its_limit(happens: list[Any], found: list[str]):
    told = stepped_up()
    for each in happens:
        each(told)
    assert reasons(told, "2026-03-17 14:00") == found


@pytest.mark.parametrize(
    # days after the weekly dose of 9 March | reasons to return
    ("at", "found"),
    [("2026-04-06 14:00", []), ("2026-04-07 14:00", ["restart"]), ("2026-05-05 14:00", ["restart"])],
)
def test_a_step_up_that_begins_again_is_a_reason_to_return(at: str, found: list[str]):
    """Teclistamab weekly: from day 29 on it begins again at step-up dose 2, from day 57 on at step-up dose 1."""
    told = stepped_up()
    well(told, f"{at[:10]} 08:00")
    assert reasons(told, at) == found


# --- the minute of a dose ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # assessed, beside the first treatment dose at 09:00 on 9 March | nobody has assessed after it
    ("at", "missing"),
    [("2026-03-09 09:00", True), ("2026-03-09 09:01", False)],
)
def test_an_assessment_at_the_minute_of_the_dose_says_nothing_of_what_followed(at: str, missing: bool):
    told = stepped_up(assessed=False)
    well(told, at)
    said = kind_of(told)[2]
    assert ("CRS after first treatment dose: nobody has recorded an assessment" in said) is missing


@pytest.mark.parametrize(
    # when the first treatment dose of 09:00 on 9 March began | an assessment at noon is one after it
    ("started", "missing"),
    [("2026-03-09 09:00", False), ("2026-03-09 12:01", True), (None, True)],
)
def test_a_dose_charted_in_the_evening_counts_from_when_it_began(started: str | None, missing: bool):
    told = Told()
    began = instant(started).isoformat() if started else None
    told.dose("first_treatment", "2026-03-09 20:00", started_at=began)
    well(told, "2026-03-09 12:00")
    said = kind_of(told)[2]
    assert ("CRS after first treatment dose: nobody has recorded an assessment" in said) is missing


@pytest.mark.parametrize(
    # assessed, beside step-up dose 2 at 09:00 on 5 March | nobody has assessed after step-up dose 1
    ("at", "missing"),
    [("2026-03-05 09:00", False), ("2026-03-05 09:01", True)],
)
def test_an_assessment_at_the_minute_of_the_next_dose_still_speaks_of_the_one_before(at: str, missing: bool):
    told = Told()
    for step, day in (("step_up_1", "2026-03-02"), ("step_up_2", "2026-03-05")):
        told.dose(step, f"{day} 09:00")
    well(told, at)
    said = kind_of(told)[2]
    assert ("CRS after step-up dose 1: nobody has recorded an assessment" in said) is missing


@pytest.mark.parametrize(
    # tocilizumab for CRS, offered on 11 March at 09:00 | still active: it hides fever for two weeks
    ("given", "active"),
    [("2026-02-25 08:00", False), ("2026-02-25 08:01", True)],
)
def test_tocilizumab_is_active_for_336_hours_and_the_clocks_went_forward_in_between(given: str, active: bool):
    told = stepped_up()
    told.tell("medicine_given", given, agent="tocilizumab", purpose="treatment")
    assert ("tocilizumab is still active" in kind_of(told)[1]) is active
