"""Where one of two facts is enough, and where both must be there: calls, who answers, medicines at home, what a message says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handrail.rules.answering import standing_of, who_answers
from handrail.rules.contact import stay_lacks
from handrail.rules.doses import given_doses
from handrail.rules.home_medicines import home_medicines
from handrail.rules.policy import load_policy
from handrail.rules.responsibility import FOLDER as TEMPLATES
from handrail.rules.responsibility import template_from_toml
from handrail.rules.strict import ProtocolDataError
from handrail.rules.texting import TextRead
from handrail.rules.upcoming import upcoming
from tests.support.agreements import context, document
from tests.support.courses import Told, instant
from tests.support.reactions import crs

POLICY = load_policy()
assert POLICY.contact is not None
MAY_STAY = replace(POLICY, contact=replace(POLICY.contact, admission="grade_1_may_stay"))
DOSED, CALL = "2026-03-02 09:00", "2026-03-03 12:00"


def dosed(**fields: Any) -> Told:
    told = Told()
    told.dose("step_up_1", DOSED, **fields)
    return told


# --- staying at home ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the caregiver is there from, until | nobody is known to stay until the check at 14:00
    ("hours", "lacks"),
    [
        (("08:00", "20:00"), False),
        (("08:00", "14:00"), False),
        (("08:00", "13:59"), True),
        (("12:01", "20:00"), True),
        (("08:00", None), True),  # asked, and not known
        (("08:00", ...), True),  # nobody asked until when
        ((..., "20:00"), True),
    ],
)
def test_a_caregiver_stays_from_the_call_until_the_next_check(hours: tuple[Any, Any], lacks: bool):
    told = dosed()
    named = zip(("caregiver_from", "caregiver_until"), hours, strict=True)
    said = {name: hour and instant(f"2026-03-03 {hour}").isoformat() for name, hour in named if hour is not ...}
    told.tell("home_status", "2026-03-03 07:00", **said)
    told.tell(
        "contact_made",
        CALL,
        reached=True,
        outcome="staying_home",
        next_check_at=instant("2026-03-03 14:00").isoformat(),
        **{"with": "patient"},
    )
    history = told.history()
    found = stay_lacks(history, MAY_STAY, history.of("contact_made")[-1], instant("2026-03-03 11:00"))
    assert ("caregiver" in [name for name, _ in found]) is lacks


@pytest.mark.parametrize(
    # after the call that agreed the next check for 14:00 | the agreement stands
    ("later", "stands"),
    [
        (None, True),
        ({"reached": True, "outcome": "none"}, True),  # another call that decided nothing
        ({"reached": False, "outcome": "staying_home"}, True),  # nobody was reached
        ({"reached": True, "outcome": "staying_home"}, False),  # decided anew, without a next check
    ],
)
def test_the_last_call_that_reached_the_patient_and_decided_to_stay_is_the_one_that_counts(
    later: dict[str, Any] | None, stands: bool
):
    told = dosed()
    crs(told, "2026-03-03 11:00", 1)
    check = instant("2026-03-03 14:00").isoformat()
    who = {"with": "patient"}
    told.tell("contact_made", CALL, reached=True, outcome="staying_home", next_check_at=check, **who)
    if later is not None:
        told.tell("contact_made", "2026-03-03 12:10", **later, **who)
    answer = told.assess("2026-03-03 12:20", policy=MAY_STAY)
    (said,) = [each for each in answer.findings if "the patient is not known to be in hospital" in each.what]
    assert ("no next check is agreed" in said.because) is not stands


# --- who answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # task | who answers, by role
    ("task", "role"),
    [
        ("inpatient_care", "Admitting service, Haematology"),
        ("emergency_after_ed", "ED physician"),  # the service admits; it does not run the department
        ("maintenance_doses", "Hub specialist"),  # a party without an admitting service
    ],
)
def test_the_admitting_service_is_named_for_the_inpatient_alone(task: str, role: str):
    now = instant(CALL)
    standing = standing_of(dosed().history(), now, urgent=False, window_ends=None)
    answer = who_answers(standing, context(agreement=document()), now, task)
    assert answer is not None and answer.role == role


@pytest.mark.parametrize(
    # partners of the programme | why the owner answers
    ("partners", "because"),
    [(False, "Hub is responsible"), (True, "Hub and Prairie have no agreement now: Hub answers for everything")],
)
def test_why_the_responsible_one_answers_for_everything(partners: bool, because: str):
    known = context(agreement=None)
    if not partners:
        known["accountability"]["partners"] = []
    now = instant(CALL)
    answer = who_answers(standing_of(dosed().history(), now, urgent=False, window_ends=None), known, now)
    assert answer is not None and answer.because == because


def test_a_task_without_a_source_is_refused_and_the_shipped_file_is_not():
    text = (TEMPLATES / "hub_and_community.toml").read_text()
    assert template_from_toml(text).task
    line = next(line for line in text.splitlines() if line.startswith("source = ["))
    with pytest.raises(ProtocolDataError) as refused:
        template_from_toml(text.replace(line, "source = []", 1))
    assert refused.value.code == "unknown_source"


# --- the dose that comes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "first"), [(False, True), (True, False)])
def test_only_the_dose_before_which_none_was_given_is_the_first(given: bool, first: bool):
    told = dosed() if given else Told()
    told.tell("dose_planned", "2026-03-03 09:00", step="step_up_2" if given else "step_up_1", on="2026-03-05")
    history = told.history()
    answer = upcoming(history, given_doses(history), told.assess(CALL).next_dose, instant(CALL))
    assert answer.dose is not None and answer.dose.first is first


# --- medicines at home --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # taken at home | named in the finding
    ("agent", "named"),
    [("ibuprofen", "ibuprofen was taken"), (None, "a medicine that nobody named was taken")],
)
def test_what_was_taken_without_an_authorisation_is_named(agent: str | None, named: str):
    told = dosed()
    told.tell("medicine_given", "2026-03-03 02:00", agent=agent, purpose="home")
    found = home_medicines(told.history(), POLICY, instant("2026-03-03 03:00"))
    assert any(each.what.startswith(named) for each in found.findings)


def test_what_hides_a_fever_is_named_as_it_was_recorded():
    row = next(row for row in POLICY.masking if row.also)
    told = dosed()
    told.tell("medicine_given", "2026-03-03 02:00", agent=row.also[0], purpose="home")
    (hiding,) = home_medicines(told.history(), POLICY, instant("2026-03-03 03:00")).masking
    assert (hiding.agent, hiding.row) == (row.also[0], f"masking.{row.id}")


# --- what a message says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # one thing in a message is a check
    ("read", "check"),
    [
        (TextRead(temperature="36.8"), True),
        (TextRead(symptoms=("rash",)), True),
        (TextRead(none_of_these=True), True),
        (TextRead(), False),
        (TextRead(unwell=True), False),
    ],
)
def test_a_message_with_one_thing_in_it_is_recorded(read: TextRead, check: bool):
    assert read.says_anything is check
