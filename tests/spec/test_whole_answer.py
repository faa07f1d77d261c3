"""What the assessment adds to the single rules: the state, the latest values, whom it calls, and the more cautious of two readings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.answering import EMERGENCY, TASKS
from handrail.rules.assess import assess
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.terms import Action, Status
from tests.support.agreements import CLINIC, HUB, context, document
from tests.support.courses import TEC, Told, civil, instant, well
from tests.support.reactions import crs, icans, resolved

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"


def treated(key: str = TEC, doses: int = 4) -> Told:
    """A course with this many doses; the last of four is of 16 March."""
    told = Told(key)
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), (TD, "16"))[:doses]:
        told.dose(step, f"2026-03-{day} 09:00")
    return told


def fever(told: Told, at: str, **fields: Any) -> str:
    return told.tell(
        "checkin_received", at, **{"temperature_c": "38.4", "symptoms": [], "caregiver_present": True, **fields}
    )


# --- state and latest values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # days after the dose of 16 March on which everything is normal | state
    ("at", "state"),
    [("2026-04-13 09:00", (17, "MAINTENANCE")), ("2026-04-14 09:00", (21, "INTERRUPTED"))],
)
def test_a_step_up_that_begins_again_is_a_state_of_its_own(at: str, state: tuple[int, str]):
    told = treated()
    well(told, f"{at[:10]} 08:00")
    answer = told.assess(at)
    assert (answer.state.number, answer.state.name) == state
    assert (answer.next_dose.action is Action.RESTART) is (state[0] == 21)


def test_a_return_that_is_offered_is_state_20():
    told = treated()
    told.tell("handoff_offered", "2026-03-18 09:00", from_party=CLINIC, to_party=HUB, returns=True, urgent=False)
    state = told.assess("2026-03-18 09:00").state
    assert (state.number, state.name) == (20, "RETURNED")


def test_the_latest_value_is_the_latest_that_is_known():
    told = treated(doses=1)
    assert told.assess("2026-03-02 09:00").watch.last_temperature_c is not None
    bare = Told(TEC)
    for at, temperature in (("2026-03-02 07:00", "36.6"), ("2026-03-02 07:30", None)):
        bare.tell("vitals_measured", at, temperature_c=temperature)
    for at, total in (("2026-03-02 07:00", 9), ("2026-03-02 07:30", None)):
        bare.tell("ice_assessed", at, total_0_10=total)
    watch = bare.assess("2026-03-02 08:00").watch
    assert (str(watch.last_temperature_c), civil(watch.last_temperature_at)) == ("36.6", "2026-03-02 07:00")
    assert (watch.last_ice_0_10, civil(watch.last_ice_at)) == (9, "2026-03-02 07:00")
    assert (watch.last_dose_step, watch.last_dose_at) == (None, None)


@pytest.mark.parametrize("at", ["2026-03-02 12:00", "2026-03-02 12:30", "2026-03-02 13:30", "2026-03-03 00:00"])
def test_what_is_looked_at_again_lies_ahead(at: str):
    """The check of noon is due, then called about, at these very minutes."""
    again = treated(doses=1).assess(at).look_again_at
    assert again is not None and again > instant(at)


# --- whom it calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # a fever is open; the course ended; the patient died | pages
    ("ended", "died", "calls"),
    [(False, None, True), (True, False, True), (True, None, True), (True, True, False)],
)
def test_nobody_is_called_about_a_patient_who_has_died(ended: bool, died: bool | None, calls: bool):
    told = treated()
    fever(told, "2026-03-17 09:00")
    if ended:
        told.tell("course_ended", "2026-03-17 09:05", because="other", died=died)
    assert bool(told.assess("2026-03-17 09:30").pages) is calls


@pytest.mark.parametrize(
    # what is reported | the task that a call falls under goes to
    ("fields", "who"),
    [({"temperature_c": "38.4"}, CLINIC), ({"temperature_c": "36.8", "symptoms": ["rash"]}, HUB), (None, HUB)],
)
def test_only_an_urgent_report_is_an_emergency(fields: dict[str, Any] | None, who: str):
    """In this agreement the community answers for emergencies, and the hub for everything else."""
    community, hub = ({"party": "community"},), ({"party": "hub"},)
    tasks = {task: community if task == EMERGENCY else hub for task in TASKS}
    told = treated()
    if fields is not None:
        fever(told, "2026-03-19 09:00", **fields)
    known = context(agreement=document(zone=told.zone, tasks=tasks))
    answer = assess(load(TEC), load_policy(), told.history(), instant("2026-03-19 09:01"), context=known)
    assert answer.accountable == who


@pytest.mark.parametrize(("known", "asked"), [(True, False), (False, True)])
def test_a_dose_that_nobody_can_say_is_a_task_of_the_prescriber(known: bool, asked: bool):
    told = treated(doses=2)
    if known:
        well(told, "2026-03-09 08:00")
    answer = told.assess("2026-03-09 09:00")
    assert (answer.next_dose.action is Action.ASK) is asked
    assert bool([task for task in answer.tasks if task.what.startswith("decide the next dose")]) is asked


# --- what the answer rests on -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the row's status | who signed it | an action that gives | said
    ("status", "signed", "gives", "said"),
    [
        ("secondary", None, True, True),
        ("secondary", "Synthetic Centre", True, False),
        ("secondary", None, False, False),
    ],
)
def test_an_answer_that_rests_on_a_row_nobody_read_in_the_label_says_so(
    status: str, signed: str | None, gives: bool, said: bool
):
    """Step-up dose 1 of 2 March is repeated or begun again from 10 March on: row R1."""
    protocol = load(TEC)
    told = treated(doses=1)
    if gives:
        well(told, "2026-03-10 08:00")
    answer = told.assess("2026-03-10 09:00", protocol=_with_row(protocol, "R1", status, signed))
    assert answer.next_dose.action.gives is gives
    found = [finding for finding in answer.findings if "was not read in the label itself" in finding.what]
    assert bool(found) is said
    if said:
        assert "row R1" in found[0].what


def test_an_answer_that_rests_on_a_row_of_the_label_itself_says_nothing():
    told = treated("elranatamab/US/2023-08", doses=1)
    well(told, "2026-03-05 08:00")
    answer = told.assess("2026-03-05 09:00")
    assert (answer.next_dose.action, answer.next_dose.status) == (Action.GIVE, Status.SOURCED)
    assert not [finding for finding in answer.findings if "was not read in the label itself" in finding.what]


def _with_row(protocol: Any, row_id: str, status: str, signed: str | None) -> Any:
    word = type(protocol.row(row_id).status)(status)
    rows = tuple(replace(row, status=word, signed_by=signed) if row.id == row_id else row for row in protocol.gap)
    return replace(protocol, gap=rows)


@pytest.mark.parametrize(
    # the course file names the revision | a later fact does | said
    ("named", "later", "said"),
    [(True, False, False), (False, True, False), (False, False, True), (True, True, False)],
)
def test_a_course_without_a_pinned_revision_says_so(named: bool, later: bool, said: bool):
    told = Told(TEC)
    if not named:
        told.header["protocol_key"] = None
    if later:
        told.tell("protocol_changed", "2026-02-01 09:00", protocol_key=TEC)
    answer = told.assess("2026-03-02 09:00")
    assert any("No protocol is pinned" in finding.what for finding in answer.findings) is said


# --- a departure, an interval, a stay -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    # a departure is signed: about, reason, approver | at home against the label is said
    ("rule", "reason", "approver", "said"),
    [
        ("setting", "a reason", "somebody", False),
        ("amount", "a reason", "somebody", True),
        ("setting", None, "somebody", True),
        ("setting", "a reason", None, True),
    ],
)
def test_only_a_whole_departure_about_the_setting_allows_home(
    rule: str, reason: str | None, approver: str | None, said: bool
):
    told = treated(doses=1)
    told.tell("home_status", "2026-03-02 10:00", location="home")
    told.tell("departure_signed", "2026-03-02 10:00", rule=rule, reason=reason, approver=approver)
    found = [f for f in told.assess("2026-03-02 12:00").findings if f.what.startswith("At home, while this label")]
    assert bool(found) is said


@pytest.mark.parametrize("schedule", [None, "weekly"])
def test_a_first_choice_of_an_interval_is_judged_from_the_first_schedule_of_the_label(schedule: str | None):
    told = Told(TEC, schedule=schedule)
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09")):
        told.dose(step, f"2026-03-{day} 09:00")
    told.tell("schedule_changed", "2026-03-12 09:00", schedule="every_2_weeks", response="PR")
    what = [f.what for f in told.assess("2026-03-12 10:00").findings if f.rule == "schedule"]
    assert any(words.startswith("Every 2 weeks is not yet") for words in what)


@pytest.mark.parametrize(
    # minutes in hospital after the dose | hours that are said
    ("left", "hours"),
    [
        ("2026-03-03 09:00", "24.0"),
        ("2026-03-03 09:04", "24.1"),
        ("2026-03-03 09:20", "24.3"),
        ("2026-03-04 08:00", "47.0"),
    ],
)
def test_the_hours_in_hospital_are_said_to_a_tenth(left: str, hours: str):
    told = Told(TEC)
    told.tell("home_status", "2026-03-02 07:00", location="hospital")
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("home_status", left, location="home")
    (found,) = [f.what for f in told.assess(left).findings if f.what.startswith("Watched for")]
    assert found.startswith(f"Watched for {hours} h")


# --- two corrections of one fact ----------------------------------------------------------------------------------


def rivals(told: Told, kind: str, at: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    first = told.tell(kind, at, **one)
    for fields in (one, other):
        told.tell(kind, at, supersedes=first, reason="corrected", **fields)


@pytest.mark.parametrize("turned", [False, True])
def test_two_readings_that_give_different_doses_are_asked_about(turned: bool):
    """Was it step-up dose 1 or step-up dose 2? Both readings would give a dose, and not the same one."""
    told = Told(TEC)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, "2026-03-02 09:00")
    steps = [{"step": SUD1}, {"step": SUD2}]
    rivals(told, "dose_given", "2026-03-05 09:00", *(steps[::-1] if turned else steps))
    well(told, "2026-03-09 08:00")
    dose = told.assess("2026-03-09 09:00").next_dose
    assert (dose.action, dose.withheld, dose.step, dose.amount) == (Action.ASK, True, None, None)


def readings(told: Told, at: str, *, turned: bool, one: Any, other: Any) -> Assessment:
    """Two corrections of one note; in the second reading something else was told."""
    both = [one, other]
    rivals(told, *(("crs_assessed", at, *(both[::-1] if turned else both))))
    return told.assess(at)


CRS_INPUTS = {
    "fever_other": False, "masked": False, "premed_masking": False, "hypotension": False, "hypotension_other": False,
    "pressors": [], "o2": "none", "flow_l_per_min": "0", "hypoxia_other": False, "died_of_crs": False,
}  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    # the two readings | open, grade
    ("one", "other", "said"),
    [
        ({"tmax_c": "38.4"}, {"tmax_c": "38.4", "hypotension": True}, (True, 2)),  # the higher grade
        ({"tmax_c": "36.8"}, {"tmax_c": "38.4"}, (True, 1)),  # open before absent
        ({"tmax_c": "36.8"}, {"tmax_c": None}, (None, None)),  # not known before absent
        ({"tmax_c": "38.4"}, {"tmax_c": None}, (True, 1)),  # open before not known
        ({"tmax_c": "38.4", "hypotension": True}, {"tmax_c": "38.4", "hypotension": None}, (True, 2)),
    ],
)
def test_the_worse_of_two_readings_of_a_toxicity_stands(
    one: dict[str, Any], other: dict[str, Any], said: tuple[bool | None, int | None], turned: bool
):
    told = treated(doses=1)
    answer = readings(told, "2026-03-03 09:00", turned=turned, one={**CRS_INPUTS, **one}, other={**CRS_INPUTS, **other})
    state = answer.toxicity.crs
    assert (state.open, state.grade) == said


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_readings_the_one_whose_check_is_overdue_and_the_earlier_look_stand(turned: bool):
    told = treated(doses=1)
    heard, silent = {"reached": True, "with": "patient"}, {"reached": False, "with": "patient"}
    both = [heard, silent]
    rivals(told, "contact_made", "2026-03-02 12:20", *(both[::-1] if turned else both))
    answer = told.assess("2026-03-02 12:45")
    assert answer.watch.overdue_since == instant("2026-03-02 12:00")
    alone = {}
    for name, fields in (("heard", heard), ("silent", silent)):
        one = treated(doses=1)
        one.tell("contact_made", "2026-03-02 12:20", **fields)
        alone[name] = one.assess("2026-03-02 12:45")
    looks = [each.look_again_at for each in alone.values() if each.look_again_at is not None]
    assert alone["heard"].watch.overdue_since is None and len(looks) == 2
    assert answer.look_again_at == min(looks)


def test_a_grade_of_icans_is_no_grade_of_crs():
    told = treated(doses=1)
    icans(told, "2026-03-03 09:00", 2)
    crs(told, "2026-03-03 09:00", 1)
    toxicity = told.assess("2026-03-03 09:00").toxicity
    assert (toxicity.crs.grade, toxicity.icans.grade, toxicity.crs.basis) == (1, 2, "assessed")
    assert (toxicity.crs.scale, toxicity.icans.scale, toxicity.infection.scale) == (
        "astct-2019",
        "astct-2019",
        "clinical",
    )
    resolved(told, "crs", "2026-03-03 10:00")
    over = told.assess("2026-03-03 10:00").toxicity
    assert (over.crs.scale, over.crs.open, over.infection.scale, over.infection.open) == (
        "astct-2019",
        False,
        "clinical",
        False,
    )
    bare = Told(TEC).assess("2026-03-03 10:00").toxicity
    assert {(each.scale, each.basis, each.open) for each in (bare.crs, bare.icans)} == {("astct-2019", "none", None)}
    assert bare.infection.scale == "clinical"


@pytest.mark.parametrize("turned", [False, True])
def test_suspected_comes_before_a_reading_of_which_nothing_is_known(turned: bool):
    told = treated(doses=1)
    both = [{"temperature_c": "38.4", "symptoms": []}, {"temperature_c": None, "symptoms": []}]
    rivals(told, "checkin_received", "2026-03-03 09:00", *(both[::-1] if turned else both))
    state = told.assess("2026-03-03 09:30").toxicity.crs
    assert (state.open, state.suspected) == (True, True)
