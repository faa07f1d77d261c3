"""Facts that are there, that were asked and are not known, and that were never asked: none of them is taken for another."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.contact import stay_lacks
from handrail.rules.daily import daily
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.handoff import CALL
from handrail.rules.handoff_kind import must_return
from handrail.rules.holds import holds
from handrail.rules.home_medicines import home_medicines
from handrail.rules.interval import interval
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.protocol import load
from handrail.rules.terms import Action
from handrail.rules.upcoming import upcoming
from tests.support.agreements import CLINIC
from tests.support.courses import ELRA, TEC, Told, civil, instant, well
from tests.support.handoffs import OFFERED, asked_for, latest, offered, stepped_up
from tests.support.reactions import crs

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
POLICY = load_policy()
Fact = tuple[str, dict[str, Any]]


def treated(key: str = TEC, doses: int = 4, **header: Any) -> Told:
    told = Told(key, **header)
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), (TD, "16"))[:doses]:
        told.dose(step, f"2026-03-{day} 09:00")
    return told


# --- what withholds the next dose ---------------------------------------------------------------------------------

WARM: Fact = ("vitals_measured", {"temperature_c": "38.4"})
ASKED: Fact = ("checkin_received", {"temperature_c": None, "symptoms": []})
NOT_ASKED: Fact = ("checkin_received", {"symptoms": []})
COOL: Fact = ("vitals_measured", {"temperature_c": "36.8"})
HELD: Fact = ("hold_started", {"because": "surgery"})


@pytest.mark.parametrize(
    # one after the other | what is withheld and why, known reasons first
    ("facts", "found"),
    [
        ([WARM], [("hold", "fever")]),
        ([WARM, NOT_ASKED], [("hold", "fever")]),  # a check without a temperature takes no fever back
        ([WARM, ASKED], [("ask", "temperature")]),
        ([WARM, ASKED, COOL], []),
        ([ASKED, HELD], [("hold", "clinician"), ("ask", "temperature")]),
        ([HELD, ASKED], [("hold", "clinician"), ("ask", "temperature")]),
    ],
)
def test_what_withholds(facts: list[Fact], found: list[tuple[str, str]]):
    told = Told(TEC)
    for number, (kind, fields) in enumerate(facts):
        told.tell(kind, f"2026-03-02 08:0{number}", **fields)
    history = told.history()
    said = holds(history, episodes(history, (), POLICY), POLICY, load(TEC))
    assert [(hold.action.value, hold.what) for hold in said] == found


@pytest.mark.parametrize(
    # authorised: agent, medicine | taken at home | without an authorisation
    ("agent", "medicine", "taken", "unauthorised"),
    [
        ("dexamethasone", None, "dexamethasone", False),
        ("dexamethasone", None, "prednisone", False),  # another steroid
        (None, "ibuprofen", "ibuprofen", False),
        (None, " Ibuprofen ", "ibuprofen", False),
        (None, "ibuprofen", "naproxen", True),
        (None, None, "ibuprofen", True),
        ("dexamethasone", "dexamethasone", "ibuprofen", True),
    ],
)
def test_what_was_taken_was_authorised_by_its_kind_or_its_name(
    agent: str | None, medicine: str | None, taken: str, unauthorised: bool
):
    told = treated()
    told.tell("home_medicine_authorised", "2026-03-16 10:00", agent=agent, medicine=medicine, dose_mg="20")
    told.tell("medicine_given", "2026-03-17 02:00", agent=taken, dose_mg="20", purpose="home")
    found = home_medicines(told.history(), POLICY, instant("2026-03-17 03:00"))
    assert any("without an authorisation" in each.what for each in found.findings) is unauthorised


# --- the next dose ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # why the dose was late, said since the last one | the reason is asked for
    ("because", "asked"),
    [("adverse_reaction", False), ("logistics", False), (None, True)],
)
def test_a_restart_whose_reason_is_not_known_asks_for_it(because: str | None, asked: bool):
    told = treated()
    if because is not None:
        told.tell("dose_not_given", "2026-03-23 09:00", step=TD, because=because)
    well(told, "2026-04-20 08:00")
    answer = told.assess("2026-04-20 09:00")
    assert answer.next_dose.action is Action.RESTART
    assert ("dose_not_given.because" in [each.missing for each in answer.cannot_say]) is asked


@pytest.mark.parametrize(
    # written with the last dose | visit | what is said; the row of the table in force is the one that is looked up
    ("schedule", "visit", "action"),
    [
        (None, "2026-04-20", Action.RESTART),
        ("weekly", "2026-04-20", Action.RESTART),
        ("every_8_weeks", "2026-04-20", Action.ASK),  # this label has none: it differs from the protocol
        ("every_2_weeks", "2026-04-20", Action.ASK),
    ],
)
def test_a_schedule_that_the_label_does_not_have_is_not_looked_up(schedule: str | None, visit: str, action: Action):
    told = treated(doses=3)
    told.dose(TD, "2026-03-16 09:00", **({"schedule": schedule} if schedule else {}))
    well(told, f"{visit} 08:00")
    dose = told.assess(f"{visit} 09:00").next_dose
    assert (dose.action, dose.row) == (action, "R5")


@pytest.mark.parametrize(
    # moved to another revision or policy | asked in vain
    ("kind", "name", "value", "asked"),
    [
        ("protocol_changed", "protocol_key", TEC, False),
        ("protocol_changed", "protocol_key", None, True),
        ("policy_changed", "policy_id", "default", False),
        ("policy_changed", "policy_id", None, True),
    ],
)
def test_a_course_that_was_moved_nobody_knows_where_is_asked_about(
    kind: str, name: str, value: str | None, asked: bool
):
    told = treated(doses=1)
    told.tell(kind, "2026-03-03 09:00", **{name: value})
    well(told, "2026-03-05 08:00")
    dose = told.assess("2026-03-05 09:00").next_dose
    assert ("which one is not known" in dose.because) is asked
    if value is not None:
        told.tell(kind, "2026-03-04 09:00", **{name: None})
        assert "which one is not known" in told.assess("2026-03-05 09:00").next_dose.because
        told.tell(kind, "2026-03-04 10:00", **{name: value})  # known again: the latest word counts
        assert "which one is not known" not in told.assess("2026-03-05 09:00").next_dose.because


# --- hand-offs ----------------------------------------------------------------------------------------------------


def report(told: Told, at: str) -> None:
    told.tell("checkin_received", at, temperature_c="38.4", symptoms=["confused"])


@pytest.mark.parametrize(
    # what happened before the offer of 11 March at 09:00 | grades that are not known
    ("happens", "missing"),
    [
        ([report], {"CRS", "ICANS"}),  # suspected, and nobody has graded it
        ([report, lambda told, at: well(told, "2026-03-11 08:50")], set()),  # assessed: it was none
        ([lambda told, at: crs(told, at, 1)], set()),  # open and graded
    ],
)
def test_a_grade_that_nobody_knows_is_missing_only_while_it_is_open(happens: list[Any], missing: set[str]):
    told = stepped_up()
    for each in happens:
        each(told, "2026-03-11 08:40")
    told, _ = offered(told)
    said = latest(told.assess(OFFERED)).missing
    assert {name for name in ("CRS", "ICANS") if f"the grade of an episode of {name}" in said} == missing


def test_a_dose_of_an_unknown_step_is_asked_about_by_its_name():
    told = Told()
    told.dose(None, "2026-03-02 09:00")
    told, _ = offered(told)
    said = latest(told.assess(OFFERED)).missing
    assert "CRS after a dose of an unknown step: nobody has recorded an assessment" in said


@pytest.mark.parametrize("cleared", [True, False])
def test_a_restart_is_a_reason_to_return_also_while_the_dose_is_withheld(cleared: bool):
    told = stepped_up()
    if cleared:
        well(told, "2026-04-07 08:00")
    history = told.history()
    doses = given_doses(history)
    dose = told.assess("2026-04-07 14:00").next_dose
    assert (dose.action is Action.RESTART) is cleared
    found = must_return(history, episodes(history, doses, POLICY), dose, POLICY)
    assert [row.id for row in found] == ["restart"]


def test_until_somebody_has_read_it_and_until_somebody_accepts_it_there_is_a_time():
    told, loop = offered()
    waits = latest(told.assess(OFFERED))
    assert (civil(waits.read_due), civil(waits.accept_due)) == ("2026-03-12 09:00", "2026-03-16 09:00")
    told.tell("handoff_read", "2026-03-11 10:00", handoff=loop, reader="somebody", how="link")
    read = latest(told.assess("2026-03-11 10:00"))
    assert (read.read_due, civil(read.accept_due)) == (None, "2026-03-16 09:00")


@pytest.mark.parametrize(("to", "lacks"), [(CLINIC, False), (None, True)])
def test_an_offer_to_nobody_is_said(to: str | None, lacks: bool):
    told, _ = offered(to_party=to)
    assert ("handoff_offered.to_party" in [each.missing for each in told.assess(OFFERED).cannot_say]) is lacks


def test_only_the_call_of_the_doctors_is_a_task_of_the_prescriber_with_a_time():
    told = stepped_up()
    told.tell("hold_started", "2026-03-10 09:00", because="diarrhoea")
    told.tell("hold_ended", "2026-03-10 12:00", because="over")
    told, _ = offered(told)
    answer = told.assess(OFFERED)
    who = {task.what: (task.who, civil(task.by)) for task in answer.tasks if task.what in asked_for(answer)}
    assert who[CALL] == ("prescriber", "2026-03-13 09:00")
    assert who["plan the next visits together: 2 still to be planned"] == ("coordinator", None)


# --- calls, days --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # said of the caregiver, one after the other, before the call at 12:00 | nobody is known to stay
    ("said", "lacks"),
    [
        ([{"caregiver_present": True}], False),
        ([{"caregiver_present": False}], True),
        ([{"caregiver_present": True}, {"caregiver_present": None}], True),
        ([{"caregiver_present": True}, {}], False),  # not asked again
        ([{}], True),
    ],
)
def test_the_latest_word_on_the_caregiver(said: list[dict[str, Any]], lacks: bool):
    body = shipped_document()
    body["contact"]["admission"] = "grade_1_may_stay"
    told = treated()
    for number, fields in enumerate(said):
        told.tell("checkin_received", f"2026-03-17 11:0{number}", temperature_c="36.8", symptoms=[], **fields)
    told.tell("contact_made", "2026-03-17 12:00", reached=True, outcome="staying_home", **{"with": "patient"})
    history = told.history()
    call = history.of("contact_made")[-1]
    found = stay_lacks(history, policy_from_document(body, "0" * 64), call, instant("2026-03-17 11:00"))
    assert ("caregiver" in [name for name, _ in found]) is lacks


@pytest.mark.parametrize(
    # the patient is in hospital under a unit; then said, the next day | that unit assesses
    ("then", "state"),
    [(None, "in_care"), ({}, "in_care"), ({"location": None}, "open"), ({"location": "home"}, "open")],
)
def test_a_place_that_was_asked_and_is_not_known_is_no_hospital(then: dict[str, Any] | None, state: str):
    told = treated(doses=1)
    told.tell("home_status", "2026-03-02 10:00", location="hospital", site="unit-7")
    if then is not None:
        told.tell("home_status", "2026-03-03 08:00", **then)
    assert told.assess("2026-03-03 09:00").daily[1].state == state


@pytest.mark.parametrize(
    # the step of the dose | its days are asked about
    ("step", "asked"),
    [(SUD1, True), (FTD, True), (TD, False), (None, True)],
)
def test_the_days_after_a_dose_of_an_unknown_step_are_asked_about(step: str | None, asked: bool):
    told = Told()
    told.dose(step, "2026-03-02 09:00")
    history = told.history()
    found = daily(history, given_doses(history), POLICY, instant("2026-03-02 10:00"))
    assert bool(found.days) is asked
    assert all(at is not None for at in found.changes_at)


# --- a longer interval --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # told after half a year of weekly elranatamab | what is said of every two weeks
    ("facts", "words"),
    [
        ([], "may be due: the response is not known"),
        ([("response_assessed", {"response": "PR"})], "is due"),
        ([("response_assessed", {"response": "PR"}), ("response_assessed", {"response": None})], "may be due"),
        ([("response_assessed", {"response": "PR"}), ("response_assessed", {})], "is due"),
        ([("response_assessed", {"response": "SD"})], None),
        ([("response_assessed", {"response": "PR"}), ("schedule_changed", {"schedule": None})], None),
        ([("response_assessed", {"response": "PR"}), ("schedule_changed", {"response": "PR"})], "is due"),
    ],
)
def test_what_is_said_of_the_response_and_of_the_interval(facts: list[Fact], words: str | None):
    told = Told(ELRA)
    for step, day in ((SUD1, "2026-01-05"), (SUD2, "2026-01-08"), (FTD, "2026-01-12"), (TD, "2026-07-06")):
        told.dose(step, f"{day} 09:00")
    for number, (kind, fields) in enumerate(facts):
        told.tell(kind, f"2026-02-0{1 + number} 09:00", **fields)
    well(told, "2026-07-13 08:00")
    answer = told.assess("2026-07-13 09:00")
    history = told.history()
    doses = given_doses(history)
    coming = upcoming(history, doses, answer.next_dose, instant("2026-07-13 09:00")).dose
    found = interval(load(ELRA), history, doses, answer.next_dose, coming).findings
    assert len(found) == (0 if words is None else 1)
    for finding in found:
        assert words is not None and words in finding.what
        assert "first dose on Mon 5 Jan 2026 (4 doses since)" in finding.because


@pytest.mark.parametrize(
    # label | interval in force, since | the days on which a condition of a longer one becomes true
    ("key", "schedule", "since", "days"),
    [
        ("elranatamab/US/2023-08", "weekly", None, ["2026-05-01", "2026-06-22"]),  # 2 months of response; 24 weeks
        (ELRA, "every_2_weeks", "2026-06-22", ["2026-12-07"]),  # 24 weeks on it
    ],
)
def test_the_days_on_which_a_longer_interval_comes_into_question(
    key: str, schedule: str, since: str | None, days: list[str]
):
    told = Told(key)
    for step, day in ((SUD1, "2026-01-05"), (SUD2, "2026-01-08"), (FTD, "2026-01-12"), (TD, "2026-07-06")):
        told.dose(step, f"{day} 09:00")
    told.tell("response_assessed", "2026-03-01 09:00", response="PR")
    if since is not None:
        told.tell("schedule_changed", f"{since} 09:00", schedule=schedule)
    well(told, "2026-07-13 08:00")
    answer = told.assess("2026-07-13 09:00")
    history = told.history()
    doses = given_doses(history)
    coming = upcoming(history, doses, answer.next_dose, instant("2026-07-13 09:00")).dose
    found = interval(load(key), history, doses, answer.next_dose, coming)
    assert [civil(at) for at in found.changes_at] == [f"{day} 00:00" for day in days]


@pytest.mark.parametrize(
    # the fever, beside the last count that was high enough at 08:00; cool since, and the count low again | withheld
    ("fever", "withheld"),
    [("2026-03-02 07:59", False), ("2026-03-02 08:00", True), ("2026-03-02 08:01", True)],
)
def test_a_fever_of_the_minute_of_the_last_good_count_belongs_to_the_low_ones_after_it(fever: str, withheld: bool):
    key = "talquetamab/US/2023-08/mono"
    told = Told(key)
    told.tell("lab_resulted", "2026-03-02 08:00", code="anc", value="1.2", unit="10*9/L")
    told.tell("vitals_measured", fever, temperature_c="38.4")
    told.tell("vitals_measured", "2026-03-02 08:05", temperature_c="36.8")
    told.tell("lab_resulted", "2026-03-02 08:10", code="anc", value="0.8", unit="10*9/L")
    history = told.history()
    found = holds(history, episodes(history, (), POLICY), POLICY, load(key))
    assert any("febrile neutropenia" in hold.because for hold in found) is withheld
