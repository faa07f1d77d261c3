"""A medicine kept at home: when it may be used, when the patient is told of it, and what it hides."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.home_medicines import to_take
from handrail.rules.policy import load_policy
from handrail.rules.terms import Disposition
from tests.support.courses import Told, civil, instant, well

RULE = "home_medicines"
GIVEN = "2026-03-02 10:00"
NIGHT = "2026-03-03 02:14"
LATER = "2026-03-03 02:20"
DOCTOR = {"role": "oncologist"}
ALL_WELL: dict[str, Any] = {
    "agent": "dexamethasone",
    "medicine": "dexamethasone",
    "dose_mg": "20",
    "route": "oral",
    "trigger": "fever",
    "allergy_checked": True,
    "interaction_checked": True,
    "teach_back_passed": True,
    "valid_until": "2026-03-31",
    "pack_at_hand": True,
    "pack_expires_on": "2027-01-31",
}
RIGHT = dict.fromkeys(("year", "month", "city", "sentence"), "right")
FEVER: dict[str, Any] = {
    "temperature_c": "38.4",
    "symptoms": [],
    "none_of_these": True,
    "home_neuro": RIGHT,
    "antipyretic_last_6_h": False,
    "caregiver_present": True,
}


def at_home(by: dict[str, Any] | None = DOCTOR, **changes: Any) -> Told:
    """Dosed at ten with a medicine authorised the day before; `...` leaves a key out (never asked)."""
    told = Told()
    body = {name: value for name, value in (ALL_WELL | changes).items() if value is not ...}
    told.tell("home_medicine_authorised", "2026-03-01 09:00", **body, **({"by": by} if by else {}))
    well(told, "2026-03-02 09:30")
    told.tell("dose_given", GIVEN, step="step_up_1", dose_mg="4.2")
    return told


def state(told: Told, at: str = LATER) -> tuple[str, str]:
    answer = told.assess(at)
    (only,) = answer.home_medicines
    return only.state, only.because


def taken(told: Told, at: str = LATER, disposition: Disposition = Disposition.CALL_AND_COME_IN) -> str | None:
    """The medicine, or medicines, that the patient is told of after the latest check-in."""
    history = told.history()
    report = history.last("checkin_received")
    assert report is not None
    found = to_take(history, load_policy(), report, disposition, instant(at))
    return ", ".join(f"{each.medicine} {each.dose_mg} mg" for each in found) or None


def test_with_everything_known_it_may_be_used():
    told = at_home()
    assert state(told)[0] == "usable"
    (only,) = told.assess(LATER).home_medicines
    assert (only.agent, only.dose_mg, only.trigger, only.taken_at) == ("dexamethasone", Decimal(20), "fever", None)
    assert [f for f in told.assess(LATER).findings if f.rule == RULE] == []


CONDITIONS = [
    # what is different            | state        | the reason names
    ({"allergy_checked": False}, "not_usable", "no allergy check"),
    ({"allergy_checked": None}, "not_known", "allergy checked"),
    ({"allergy_checked": ...}, "not_known", "allergy checked"),
    ({"interaction_checked": False}, "not_usable", "no interaction check"),
    ({"interaction_checked": ...}, "not_known", "interaction checked"),
    ({"teach_back_passed": False}, "not_usable", "teach-back was not passed"),
    ({"teach_back_passed": None}, "not_known", "teach back passed"),
    ({"dose_mg": None}, "not_known", "dose mg"),
    ({"medicine": ...}, "not_known", "medicine"),
    ({"trigger": None}, "not_known", "trigger"),
    ({"pack_at_hand": False}, "not_usable", "the pack is not at hand"),
    ({"pack_at_hand": None}, "not_known", "pack at hand"),
    ({"valid_until": "2026-03-02"}, "not_usable", "the authorisation ran out on Mon 2 Mar 2026"),
    ({"valid_until": "2026-03-03"}, "usable", ""),
    ({"valid_until": None}, "not_known", "valid until"),
    ({"pack_expires_on": "2026-03-02"}, "not_usable", "the pack ran out on Mon 2 Mar 2026"),
    ({"pack_expires_on": "2026-03-03"}, "usable", ""),
    ({"pack_expires_on": ...}, "not_known", "pack expires on"),
    ({"by": {"role": "nurse"}}, "not_usable", "nobody who prescribes"),
    ({"by": {"role": "pharmacist"}}, "not_usable", "nobody who prescribes"),
    ({"by": {"role": "app"}}, "usable", ""),
    ({"by": {"role": "on_call"}}, "usable", ""),
    ({"by": None}, "not_usable", "nobody who prescribes"),
]


@pytest.mark.parametrize(("changes", "wanted", "because"), CONDITIONS)
def test_each_condition_alone_keeps_it_from_being_used(changes: dict[str, Any], wanted: str, because: str):
    told = at_home(**changes)
    told.tell("checkin_received", NIGHT, **FEVER)
    said, why = state(told)
    assert said == wanted
    assert because in why
    assert (taken(told) is not None) == (wanted == "usable")
    findings = [f for f in told.assess(LATER).findings if f.rule == RULE]
    assert bool(findings) == (wanted != "usable")


def test_the_last_day_counts_until_midnight_where_the_patient_is():
    told = at_home(valid_until="2026-03-03")
    assert state(told, "2026-03-03 23:59")[0] == "usable"
    assert state(told, "2026-03-04 00:00")[0] == "not_usable"
    assert civil(told.assess("2026-03-03 23:30").look_again_at) == "2026-03-04 00:00"


PACK = [
    # told after the authorisation                                              | state
    (("checkin_received", {"medicine_pack_at_hand": False}), "not_usable"),
    (("checkin_received", {"medicine_pack_at_hand": None}), "not_known"),
    (("checkin_received", {"medicine_pack_at_hand": True}), "usable"),
    (("checkin_received", {"temperature_c": "36.8"}), "usable"),
    (("home_status", {"home_medicines_at_hand": []}), "not_usable"),
    (("home_status", {"home_medicines_at_hand": ["dexamethasone"]}), "usable"),
    (("home_status", {"home_medicines_at_hand": None}), "not_known"),
    (("home_status", {"location": "home"}), "usable"),
    (("home_medicine_stopped", {"agent": "antipyretic"}), "usable"),
]


@pytest.mark.parametrize(("fact", "wanted"), PACK)
def test_what_was_said_last_about_the_pack_counts(fact: tuple[str, dict[str, Any]], wanted: str):
    told = at_home()
    told.tell(fact[0], "2026-03-02 20:00", **fact[1])
    assert state(told)[0] == wanted


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ("fever", "at fever"),
        ("fever_and_nobody_reached", "at fever when no clinician can be reached"),
        ("told_by_clinician", "only when a clinician says so"),
    ],
)
def test_when_it_may_be_taken_is_said(trigger: str, words: str):
    found, because = state(at_home(trigger=trigger))
    assert (found, because.endswith(f", {words}")) == ("usable", True)


@pytest.mark.parametrize("agent", ["dexamethasone", None])
def test_what_was_ended_is_there_no_more_and_a_stop_of_nobody_knows_what_ends_all(agent: str | None):
    told = at_home()
    told.tell("home_medicine_stopped", "2026-03-02 20:00", agent=agent, because="step-up is complete")
    told.tell("checkin_received", NIGHT, **FEVER)
    assert told.assess(LATER).home_medicines == ()
    assert taken(told) is None
    told.tell("home_medicine_authorised", "2026-03-03 02:16", by=DOCTOR, **ALL_WELL)
    assert taken(told) == "dexamethasone 20 mg"


TOLD = [
    # what is different in the report                     | the patient is told
    ({}, "dexamethasone 20 mg"),
    ({"temperature_c": "38.0"}, "dexamethasone 20 mg"),
    ({"temperature_c": "37.9"}, None),
    ({"temperature_c": None}, None),
    ({"temperature_c": ...}, None),
    ({"home_neuro": RIGHT | {"city": "wrong"}}, None),
    ({"home_neuro": RIGHT | {"sentence": "not_done"}}, None),
    ({"home_neuro": {"year": "right"}}, None),
    ({"home_neuro": None}, None),
    ({"home_neuro": ...}, None),
    ({"symptoms": ["confused"], "none_of_these": False}, None),
    ({"symptoms": ["bad_headache"], "none_of_these": False}, None),
    ({"symptoms": ["shaking_chills"], "none_of_these": False}, "dexamethasone 20 mg"),
    ({"symptoms": ..., "none_of_these": ...}, None),
    ({"symptoms": ..., "none_of_these": True}, "dexamethasone 20 mg"),
]


@pytest.mark.parametrize(("changes", "wanted"), TOLD)
def test_the_patient_is_told_only_after_temperature_and_the_confusion_check(
    changes: dict[str, Any], wanted: str | None
):
    told = at_home()
    report = {name: value for name, value in (FEVER | changes).items() if value is not ...}
    told.tell("checkin_received", NIGHT, **report)
    assert taken(told) == wanted


@pytest.mark.parametrize("trigger", ["fever_and_nobody_reached", "told_by_clinician"])
def test_another_trigger_is_not_told_by_itself(trigger: str):
    told = at_home(trigger=trigger)
    told.tell("checkin_received", NIGHT, **FEVER)
    assert state(told)[0] == "usable"
    assert taken(told) is None


STAND_BY: dict[str, Any] = {
    "agent": "antibiotic",
    "medicine": "Levofloxacin",
    "dose_mg": "750",
    "trigger": "fever_and_nobody_reached",
}


@pytest.mark.parametrize(
    # what is different                  | the patient is told
    ("changes", "wanted"),
    [
        ({}, "Levofloxacin 750 mg"),
        ({"trigger": "fever"}, "Levofloxacin 750 mg"),
        ({"trigger": "fever_or_neurological_change"}, "Levofloxacin 750 mg"),
        ({"trigger": "told_by_clinician"}, None),
        ({"trigger": None}, None),
        ({"teach_back_passed": False}, None),
        ({"teach_back_passed": None}, None),
        ({"allergy_checked": None}, None),
        ({"agent": "antipyretic"}, None),
    ],
)
def test_a_stand_by_antibiotic_is_told_as_it_was_authorised(changes: dict[str, Any], wanted: str | None):
    told = at_home(**STAND_BY | changes)
    told.tell("checkin_received", NIGHT, **FEVER)
    assert taken(told) == wanted


def test_of_two_medicines_dexamethasone_is_told_first():
    told = at_home(**STAND_BY)
    told.tell("home_medicine_authorised", "2026-03-01 09:00", by=DOCTOR, **ALL_WELL)
    told.tell("checkin_received", NIGHT, **FEVER)
    assert taken(told) == "dexamethasone 20 mg, Levofloxacin 750 mg"


@pytest.mark.parametrize(("agent", "seen"), [("levofloxacin", True), (" Levofloxacin", True), ("antibiotic", True), ("amoxicillin", False)])  # fmt: skip
def test_a_stand_by_antibiotic_that_was_taken_is_known_by_the_name_on_the_pack(agent: str, seen: bool):
    told = at_home(**STAND_BY)
    told.tell("medicine_given", "2026-03-03 02:16", agent=agent, dose_mg="750", purpose="home")
    told.tell("checkin_received", "2026-03-03 02:18", **FEVER)
    (only,) = told.assess(LATER).home_medicines
    assert (only.taken_at is not None, taken(told) is None) == (seen, seen)


def test_whoever_goes_to_the_emergency_department_is_told_nothing_else():
    told = at_home()
    told.tell("checkin_received", NIGHT, **FEVER)
    assert taken(told, disposition=Disposition.ED_NOW) is None


@pytest.mark.parametrize("agent", ["dexamethasone", "Dexamethasone", None])
@pytest.mark.parametrize("purpose", ["home", None])
def test_once_taken_it_is_not_told_again(agent: str | None, purpose: str | None):
    """Also where nobody knows what was taken, or why."""
    told = at_home()
    told.tell("medicine_given", "2026-03-03 02:16", agent=agent, dose_mg="20", purpose=purpose)
    told.tell("checkin_received", "2026-03-03 02:18", **FEVER)
    assert taken(told) is None
    (only,) = told.assess(LATER).home_medicines
    assert civil(only.taken_at) == "2026-03-03 02:16"


@pytest.mark.parametrize(
    # what was taken | when
    ("agent", "at"),
    [("acetaminophen", "2026-03-03 02:16"), ("dexamethasone", "2026-03-01 08:59")],
)
def test_another_medicine_and_one_taken_before_the_authorisation_leave_it_to_take(agent: str, at: str):
    told = at_home()
    told.tell("medicine_given", at, agent=agent, dose_mg="20", purpose="home")
    told.tell("checkin_received", "2026-03-03 02:18", **FEVER)
    assert taken(told) == "dexamethasone 20 mg"
    (only,) = told.assess(LATER).home_medicines
    assert only.taken_at is None


def test_what_was_taken_in_the_minute_of_the_authorisation_is_taken():
    told = at_home()
    told.tell("medicine_given", "2026-03-01 09:00", agent="dexamethasone", dose_mg="20", purpose="home")
    (only,) = told.assess(LATER).home_medicines
    assert civil(only.taken_at) == "2026-03-01 09:00"


# --- what was taken hides a fever -------------------------------------------------------------------------------------

HIDES = [
    # agent           | hours before | may hide
    ("dexamethasone", 35, True),
    ("dexamethasone", 36, False),
    ("prednisone", 1, True),
    ("acetaminophen", 5, True),
    ("acetaminophen", 6, False),
    ("Paracetamol", 1, True),
    ("loratadine", 1, False),
]


@pytest.mark.parametrize(("agent", "hours", "hides"), HIDES)
def test_a_normal_temperature_after_it_is_asked_again_before_a_dose(agent: str, hours: int, hides: bool):
    told = at_home()
    before = instant("2026-03-04 09:00") - timedelta(hours=hours)
    told.tell("medicine_given", before.isoformat(), agent=agent, purpose="home")
    well(told, "2026-03-04 09:00")
    answer = told.assess("2026-03-04 09:10")
    said = "may hide a fever" in answer.next_dose.because
    assert said == hides
    if hides:
        assert answer.next_dose.action.value == "ask"


def test_what_nobody_can_name_counts_as_what_hides_longest():
    told = at_home()
    told.tell("medicine_given", "2026-03-02 20:00", agent=None, purpose="home")
    well(told, "2026-03-04 09:00")
    assert (
        "a medicine that nobody named, taken at home, may hide a fever"
        in told.assess("2026-03-04 09:10").next_dose.because
    )


def test_whoever_looks_sees_until_when_a_fever_may_be_hidden():
    told = at_home()
    told.tell("medicine_given", "2026-03-03 01:50", agent="dexamethasone", dose_mg="20", purpose="home")
    answer = told.assess(LATER)
    assert [(each.agent, civil(each.until)) for each in answer.masking] == [("dexamethasone", "2026-03-04 13:50")]
    assert any(f.rule == RULE and "may be hidden until" in f.what for f in answer.findings)
    assert told.assess("2026-03-04 13:49").masking != ()
    assert told.assess("2026-03-04 13:50").masking == ()


def test_tocilizumab_before_the_first_dose_is_said_to_hide_fever_for_two_weeks():
    told = at_home()
    told.tell("medicine_given", "2026-03-02 09:00", agent="tocilizumab", dose_mg="560", purpose="prophylaxis")
    (only,) = told.assess(LATER).masking
    assert not only.at_home
    assert [f for f in told.assess(LATER).findings if f.rule == RULE and "hidden" in f.what] == []
    assert (only.agent, civil(only.until), only.row) == ("tocilizumab", "2026-03-16 10:00", "masking.tocilizumab")


def test_what_was_taken_without_an_authorisation_is_a_finding():
    told = Told()
    told.tell("medicine_given", NIGHT, agent="dexamethasone", dose_mg="20", purpose="home")
    assert [f.owner for f in told.assess(LATER).findings if "without an authorisation" in f.what] == ["on_call"]
    told = at_home(agent="antipyretic", medicine="acetaminophen", dose_mg="650")
    told.tell("medicine_given", NIGHT, agent="acetaminophen", dose_mg="650", purpose="home")
    assert [f for f in told.assess(LATER).findings if "without an authorisation" in f.what] == []
