"""What withholds the next dose whatever the schedule says, and that the delay clock keeps running meanwhile.

Each case is tried where the label's table alone would say give, repeat, continue and restart.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.terms import Action
from tests.support.courses import ELRA, TEC, Told, civil, instant, well

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"

# what the table alone says | the doses before | the morning of the visit
PLACES: dict[str, tuple[list[tuple[str, str]], str]] = {
    "give": ([(SUD1, "2026-03-02 09:00")], "2026-03-05 08:00"),
    "repeat": ([(SUD1, "2026-03-02 09:00"), (SUD2, "2026-03-05 09:00")], "2026-03-16 08:00"),
    "continue": ([(TD, "2026-03-02 09:00")], "2026-03-09 08:00"),
    "restart": ([(TD, "2026-03-02 09:00")], "2026-05-11 08:00"),
}


def morning(place: str, key: str = TEC, **normal: Any) -> tuple[Told, str]:
    """A course on the morning of a visit with everything known and normal; and the time an hour later."""
    doses, at = PLACES[place]
    told = Told(key, intent="continuation")
    for step, given in doses:
        told.dose(step, given)
    well(told, at, **normal)
    return told, hour_after(at)


def hour_after(at: str, minutes: int = 60) -> str:
    return str(civil(instant(at) + timedelta(minutes=minutes)))


@pytest.mark.parametrize("place", PLACES)
def test_everything_known_and_normal_gives(place: str):
    told, now = morning(place)
    answer = told.assess(now)
    assert (answer.next_dose.action.value, answer.next_dose.withheld) == (place, False)
    assert {item.missing for item in answer.cannot_say} <= {"amount", "dose_not_given.because"}


Tell = Callable[[Told, str], None]


def facts(kind: str, **fields: Any) -> Tell:
    return lambda told, at: (told.tell(kind, at, **fields), None)[1]


CRS_INPUTS: dict[str, Any] = {
    "fever_other": False,
    "episode_open": False,
    "masked": False,
    "premed_masking": False,
    "hypotension": False,
    "hypotension_other": False,
    "pressors": [],
    "o2": "none",
    "flow_l_per_min": "0",
    "hypoxia_other": False,
    "died_of_crs": False,
}
ICANS_INPUTS: dict[str, Any] = {
    "loc": "alert",
    "loc_other": False,
    "seizure": "none",
    "motor": False,
    "edema": "none",
    "icp_signs": False,
    "ich": False,
}


def checkin(**fields: Any) -> Tell:
    return facts("checkin_received", **{"temperature_c": "36.8", **fields})


WITHHELD: dict[str, tuple[Tell, str]] = {
    # known: hold
    "fever 38.0": (facts("vitals_measured", temperature_c="38.0"), "hold"),
    "fever at home": (checkin(temperature_c="38.6"), "hold"),
    "shaking chills": (checkin(symptoms=["shaking_chills"]), "hold"),
    "low oxygen": (facts("vitals_measured", temperature_c="36.8", spo2_percent=88), "hold"),
    "CRS grade 1": (facts("crs_assessed", **{**CRS_INPUTS, "tmax_c": "38.2"}), "hold"),
    "CRS by the clinician's own grade": (facts("crs_assessed", **CRS_INPUTS, tmax_c="36.8", clinician_grade=1), "hold"),
    "ICE score 9": (facts("ice_assessed", total_0_10=9), "hold"),
    "confused": (checkin(symptoms=["confused"]), "hold"),
    "home check wrong": (checkin(home_neuro={"year": "wrong"}), "hold"),
    "home check not done": (checkin(home_neuro={"year": "not_done"}), "hold"),
    "pneumonia": (facts("condition_noted", what="pneumonia", active=True), "hold"),
    "infection, no grade": (facts("condition_noted", what="infection", grade=None, active=True), "hold"),
    "cough": (checkin(symptoms=["cough"]), "hold"),
    "neurotoxicity": (facts("condition_noted", what="neurotoxicity", grade=1, active=True), "hold"),
    "a clinician holds the drug": (facts("hold_started", because="surgery"), "hold"),
    "a clinician holds the drug, reason not known": (facts("hold_started", because=None), "hold"),
    # not known: ask
    "temperature not known": (facts("vitals_measured", temperature_c=None), "ask"),
    "antipyretic taken": (checkin(antipyretic_last_6_h=True), "ask"),
    "antipyretic not known": (checkin(antipyretic_last_6_h=None), "ask"),
    "symptoms not known": (checkin(symptoms=None), "ask"),
    "home check not answered": (checkin(home_neuro=None), "ask"),
    "oxygen not known": (facts("vitals_measured", temperature_c="36.8", spo2_percent=None), "ask"),
    "CRS inputs not known": (facts("crs_assessed", tmax_c=None), "ask"),
    "own CRS grade not known": (facts("crs_assessed", **CRS_INPUTS, tmax_c="36.8", clinician_grade=None), "ask"),
    "ICE not known": (facts("ice_assessed", total_0_10=None), "ask"),
    "ICANS inputs not known": (facts("icans_assessed", **{**ICANS_INPUTS, "ice_event": None}), "ask"),
    "infection not known": (facts("condition_noted", what="infection", active=None), "ask"),
    "condition not known": (facts("condition_noted", what=None, active=True), "ask"),
    "neurotoxicity not known": (facts("condition_noted", what="neurotoxicity", active=None), "ask"),
    # a row of the label that nobody has verified may withhold, never permit
    "neutrophils 0.4": (facts("lab_resulted", code="anc", value="0.49", unit="10*9/L"), "ask"),
    "chest pain that nobody has dealt with": (
        facts("checkin_received", temperature_c="36.8", symptoms=["chest_pain"], antipyretic_last_6_h=False),
        "hold",
    ),
    "a racing pulse that nobody has dealt with": (
        facts("vitals_measured", temperature_c="36.8", pulse_per_min=140),
        "hold",
    ),
    "neutrophils 400": (facts("lab_resulted", code="anc", value="499", unit="/uL"), "ask"),
    "haemoglobin 7.9": (facts("lab_resulted", code="hemoglobin", value="79", unit="g/L"), "ask"),
    "platelets 24": (facts("lab_resulted", code="platelets", value="24", unit="10*3/uL"), "ask"),
    "neutrophils not known": (facts("lab_resulted", code="anc", value=None, unit="10*9/L"), "ask"),
    "neutrophils in another unit": (facts("lab_resulted", code="anc", value="2.1", unit="%"), "ask"),
    "a result nobody can name": (facts("lab_resulted", code=None, value="2.1", unit="10*9/L"), "ask"),
}


@pytest.mark.parametrize(("told_last", "action"), WITHHELD.values(), ids=list(WITHHELD))
def test_no_give_repeat_continue_or_restart_while(told_last: Tell, action: str):
    for place in PLACES:
        _withheld(place, told_last, action)


def _withheld(place: str, told_last: Tell, action: str) -> None:
    told, now = morning(place)
    without = told.assess(now).next_dose
    told_last(told, hour_after(now, -10))
    answer = told.assess(now)
    dose = answer.next_dose
    assert (dose.action.value, dose.withheld) == (action, True), place
    assert (dose.step, dose.amount, dose.confirm, dose.then) == (None, None, None, None)
    assert dose.would_be is not None and (dose.would_be.action, dose.would_be.step) == (without.action, without.step)
    assert dates(dose) == dates(without), "the dates stay, so that the delay can be seen"
    if action == "ask":
        assert answer.cannot_say


def dates(dose: Any) -> tuple[Any, ...]:
    return dose.earliest_on, dose.due_on, dose.give_by, dose.restart_if_after, dose.after_that, dose.row


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("vitals_measured", {"temperature_c": "37.9"}),
        ("checkin_received", {"temperature_c": "36.8", "symptoms": ["rash"], "antipyretic_last_6_h": False}),
        ("checkin_received", {"temperature_c": "36.8", "home_neuro": {"year": "right"}}),
        ("condition_noted", {"what": "hypogammaglobulinaemia", "active": True}),
        ("condition_noted", {"what": "pneumonia", "active": False}),
        ("lab_resulted", {"code": "anc", "value": "0.5", "unit": "10*9/L"}),
        ("lab_resulted", {"code": "hemoglobin", "value": "8", "unit": "g/dL"}),
        ("lab_resulted", {"code": "platelets", "value": "25", "unit": "10*9/L"}),
        ("lab_resulted", {"code": "creatinine", "value": None, "unit": "mg/dL"}),
        ("ice_assessed", {"total_0_10": 10}),
        ("hold_ended", {"because": "surgery over"}),
        ("note_added", {"text": "CRS grade 4, fever 40"}),
    ],
)
def test_what_does_not_withhold(kind: str, fields: dict[str, Any]):
    told, now = morning("give")
    told.tell(kind, hour_after(now, -10), **fields)
    assert told.assess(now).next_dose.action is Action.GIVE


# --- what must be known on the day --------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    # kinds that were never recorded | what is missing
    ("kinds", "missing"),
    [
        (("vitals_measured",), "temperature_c"),
        (("crs_assessed",), "crs"),
        (("ice_assessed", "icans_assessed"), "icans"),
        (("condition_noted",), "infection"),
    ],
)
def test_a_fact_that_was_never_recorded_is_missing_not_normal(place: str, kinds: tuple[str, ...], missing: str):
    told, now = morning(place)
    told.events = [event for event in told.events if event["kind"] not in kinds]
    answer = told.assess(now)
    assert (answer.next_dose.action, answer.next_dose.withheld) == (Action.ASK, True)
    assert missing in [item.missing for item in answer.cannot_say]


def test_facts_count_for_24_hours():
    told, now = morning("give")
    assert told.assess("2026-03-06 07:59").next_dose.action is Action.GIVE
    late = told.assess("2026-03-06 08:00")
    assert late.next_dose.action is Action.ASK
    assert {"temperature_c", "crs", "icans", "infection"} <= {item.missing for item in late.cannot_say}
    assert told.assess(now).look_again_at is not None


def test_before_the_first_dose_crs_and_icans_are_not_asked_for():
    told = Told()
    told.tell("vitals_measured", "2026-03-02 08:00", temperature_c="36.8")
    assert [m.missing for m in told.assess("2026-03-02 08:30").cannot_say if m.missing in ("crs", "icans")] == []
    told.tell("condition_noted", "2026-03-02 08:00", what="infection", active=False)
    assert told.assess("2026-03-02 08:30").next_dose.action is Action.GIVE


# --- what ends a hold ---------------------------------------------------------------------------------------------


def with_crs(grade_1_at: str = "2026-03-03 02:00") -> Told:
    told = Told(ELRA)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("crs_assessed", grade_1_at, **{**CRS_INPUTS, "tmax_c": "38.4"})
    return told


def test_a_graded_crs_ends_only_when_a_named_person_says_so():
    told = with_crs()
    well(told, "2026-03-05 08:00")
    assert told.assess("2026-03-05 09:00").next_dose.action is Action.HOLD, "grade 0 now is not yet 'resolved'"
    told.tell("toxicity_resolved", "2026-03-05 08:30", toxicity="crs", confirmed_by="physician-1")
    assert told.assess("2026-03-05 09:00").next_dose.action is Action.GIVE


@pytest.mark.parametrize(
    "fields",
    [
        {"toxicity": "icans", "confirmed_by": "physician-1"},
        {"toxicity": "crs", "confirmed_by": None},
        {"toxicity": "crs", "confirmed_by": "physician-1", "resolved_at": None},
        {"toxicity": "crs", "confirmed_by": "physician-1", "resolved_at": "2026-03-03T07:59:00Z"},
        {"toxicity": "crs", "confirmed_by": "physician-1", "resolved_at": "2026-03-06T08:00:00Z"},
        {"toxicity": None, "confirmed_by": "physician-1"},
    ],
)
def test_what_does_not_resolve_a_crs(fields: dict[str, Any]):
    told = with_crs()
    well(told, "2026-03-05 08:00")
    told.tell("toxicity_resolved", "2026-03-05 08:30", **fields)
    assert told.assess("2026-03-05 09:00").next_dose.action is Action.HOLD


def test_fever_after_the_resolution_opens_it_again():
    told = with_crs()
    told.tell("toxicity_resolved", "2026-03-04 20:00", toxicity="crs", confirmed_by="physician-1")
    told.tell("vitals_measured", "2026-03-05 06:00", temperature_c="38.1")
    told.tell("vitals_measured", "2026-03-05 07:00", temperature_c="36.9")
    answer = told.assess("2026-03-05 09:00")
    assert answer.toxicity.crs.open and answer.next_dose.action is Action.HOLD


def test_a_suspicion_ends_with_an_assessment_of_grade_0():
    told, now = morning("give", ELRA)
    told.tell("vitals_measured", "2026-03-05 08:10", temperature_c="38.1")
    told.tell("vitals_measured", "2026-03-05 08:30", temperature_c="36.9")
    assert told.assess(now).next_dose.action is Action.HOLD
    told.tell("crs_assessed", "2026-03-05 08:40", **{**CRS_INPUTS, "tmax_c": "36.9"})
    told.tell("ice_assessed", "2026-03-05 08:40", total_0_10=10)
    assert told.assess(now).next_dose.action is Action.ASK, "'no infection' was said before the fever"
    told.tell("condition_noted", "2026-03-05 08:45", what="infection", active=False)
    assert told.assess(now).next_dose.action is Action.GIVE


def test_the_clinicians_hold_ends_when_it_is_lifted():
    told, now = morning("give")
    told.tell("hold_started", "2026-03-05 08:10", because="surgery")
    told.tell("hold_ended", "2026-03-05 08:20")
    assert told.assess(now).next_dose.action is Action.GIVE
    told.tell("hold_started", "2026-03-05 08:30", because="again")
    assert told.assess(now).next_dose.action is Action.HOLD


def test_every_named_infection_has_to_end():
    told, now = morning("give")
    for minute, what, active in ((10, "pneumonia", True), (11, "zoster", True), (12, "pneumonia", False)):
        told.tell("condition_noted", f"2026-03-05 08:{minute}", what=what, active=active)
    assert told.assess(now).next_dose.action is Action.HOLD
    told.tell("condition_noted", "2026-03-05 08:20", what="infection", active=False)
    assert told.assess(now).next_dose.action is Action.GIVE


# --- the delay clock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", ["hold_started", "condition_noted"])
@pytest.mark.parametrize(
    # day after step-up dose 2 of teclistamab | what the table says under the hold
    ("day", "action", "step", "row"),
    [
        (1, "wait", FTD, "SUD2-EARLY"),
        (2, "give", FTD, "SUD2-WINDOW"),
        (4, "give", FTD, "SUD2-WINDOW"),
        (5, "give", FTD, "SUD2-EXTENDED"),
        (7, "give", FTD, "SUD2-EXTENDED"),
        (8, "repeat", SUD2, "R2"),
        (28, "repeat", SUD2, "R2"),
        (29, "restart", SUD1, "R3"),
        (400, "restart", SUD1, "R3"),
    ],
)
def test_the_delay_clock_keeps_running_during_a_hold(hold: str, day: int, action: str, step: str, row: str):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    told.dose(SUD2, "2026-03-05 09:00")
    fields = {"what": "pneumonia", "active": True} if hold == "condition_noted" else {"because": "surgery"}
    told.tell(hold, "2026-03-05 20:00", **fields)
    dose = told.assess(str(civil(instant("2026-03-05 09:00") + timedelta(days=day)))).next_dose
    assert (dose.action, dose.withheld, dose.row) == (Action.HOLD, True, row)
    assert dose.would_be is not None
    assert (dose.would_be.action and dose.would_be.action.value, dose.would_be.step) == (action, step)
    assert (str(dose.give_by), str(dose.restart_if_after)) == ("2026-03-12", "2026-04-02")


def test_after_the_hold_the_answer_is_that_of_the_day():
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    told.dose(SUD2, "2026-03-05 09:00")
    told.tell("hold_started", "2026-03-06 09:00", because="surgery")
    told.tell("hold_ended", "2026-03-16 07:00")
    well(told, "2026-03-16 08:00")
    dose = told.assess("2026-03-16 09:00").next_dose
    assert (dose.action, dose.step, dose.row) == (Action.REPEAT, SUD2, "R2")


def test_the_day_on_which_the_answer_under_the_hold_changes_is_looked_at():
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("hold_started", "2026-03-20 09:00", because="surgery")
    told.dose(SUD2, "2026-03-05 09:00")
    answer: Assessment = told.assess("2026-03-20 10:00")
    seen = answer.look_again_at
    while seen is not None and civil(seen) < "2026-04-03 00:00":
        seen = told.assess(str(civil(seen))).look_again_at
    assert civil(seen) == "2026-04-03 00:00"
