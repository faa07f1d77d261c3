"""REMS requirements before the next dose: what blocks, what warns, and when nothing is asked.

X35 to X38 are the worked cases. A requirement that nobody recorded is not met; a programme that ended says who confirmed it.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from handrail.rules.answer import Assessment, Finding
from handrail.rules.policy import FOLDER, Policy, load_policy
from handrail.rules.protocol import Protocol, catalogue, load
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Action, Status
from tests.support.courses import ELRA, TEC, TEC_OLD, Told, well

SUD1, SUD2 = "step_up_1", "step_up_2"
CERTIFIED, COUNSELLED, CARD = "prescriber_certified", "counselling", "wallet_card"
ALL = (CERTIFIED, COUNSELLED, CARD)
VISIT = "2026-03-02 09:00"


def candidate(key: str = TEC, *, without: str | None = None, **changed: Any) -> Told:
    """A synthetic course before its first dose, with every requirement met but one."""
    told = Told(key, facts={"sex": "male"})
    for requirement in ALL:
        if requirement != without:
            body = {"met": True, **changed.get(requirement, {})}
            told.tell("rems_met", "2026-02-27 10:00", requirement=requirement, **body)
    well(told, "2026-03-02 08:30")
    return told


def rems(answer: Assessment) -> list[Finding]:
    return [finding for finding in answer.findings if finding.rule == "rems"]


def said(answer: Assessment) -> list[tuple[str, str]]:
    """(urgency, owner) of every finding about the REMS."""
    return sorted((finding.urgency.value, finding.owner) for finding in rems(answer))


# --- one requirement at a time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [TEC, TEC_OLD, ELRA])
@pytest.mark.parametrize(
    # case | not recorded | finding
    ("case", "without", "wanted"),
    [
        ("X35", CERTIFIED, [("now", "pharmacist")]),
        ("X37", CARD, [("today", "prescriber")]),
        ("X37", COUNSELLED, [("today", "prescriber")]),
        ("all met", None, []),
    ],
)
def test_x35_x37_a_requirement_that_nobody_recorded(case: str, key: str, without: str | None, wanted: list):
    answer = candidate(key, without=without).assess(VISIT)
    assert said(answer) == wanted, case
    for finding in rems(answer):
        assert finding.source is not None
        assert ("on the gate" in finding.because) == (finding.urgency == "now")


def test_x35_says_how_a_prescriber_certifies_and_that_the_wording_was_not_read():
    [finding] = rems(candidate(without=CERTIFIED).assess(VISIT))
    assert "knowledge assessment" in finding.what and "enrolling" in finding.what
    assert finding.what.endswith("(a row not verified)")


@pytest.mark.parametrize(
    # what is recorded of the certification | findings on Mon 2 March
    ("recorded", "open_"),
    [
        ({"met": True, "valid_until": "2026-03-02"}, False),  # the last day
        ({"met": True, "valid_until": "2026-03-01"}, True),  # the day after
        ({"met": True}, False),  # for one dispensing
        ({"met": True, "valid_until": None}, True),  # asked, not known
        ({"met": False}, True),
        ({"met": None}, True),
        ({}, True),
    ],
)
def test_x35_on_the_day_of_the_dose(recorded: dict[str, Any], open_: bool):
    told = candidate(without=CERTIFIED)
    told.tell("rems_met", "2026-02-27 11:00", requirement=CERTIFIED, **recorded)
    assert [f.urgency for f in rems(told.assess(VISIT))] == (["now"] if open_ else [])


@pytest.mark.parametrize(("until", "open_"), [("2026-03-06", False), ("2026-03-05", True)])
def test_x35_counts_the_planned_day_and_not_today(until: str, open_: bool):
    told = candidate(**{CERTIFIED: {"valid_until": until}})
    told.tell("dose_planned", "2026-03-01 09:00", step=SUD1, on="2026-03-06", setting="inpatient")
    assert bool(rems(told.assess(VISIT))) == open_


@pytest.mark.parametrize(
    # until | recorded again after the first dose | open before the second
    ("until", "again", "open_"),
    [(None, False, True), (None, True, False), ("2026-12-31", False, False)],
)
def test_x35_without_an_end_it_holds_for_one_dispensing(until: str | None, again: bool, open_: bool):
    told = candidate(**{CERTIFIED: {"valid_until": until} if until else {}})
    told.dose(SUD1, VISIT)
    if again:
        told.tell("rems_met", "2026-03-04 09:00", requirement=CERTIFIED, met=True)
    assert [f.urgency for f in rems(told.assess("2026-03-05 09:00"))] == (["now"] if open_ else [])


def test_the_latest_word_counts():
    told = candidate()
    told.tell("rems_met", "2026-03-01 09:00", requirement=CARD, met=False)
    [finding] = rems(told.assess(VISIT))
    assert finding.because == "it is recorded as not met"


@pytest.mark.parametrize(
    # recorded before | requirement and answer of the later word | open for the card
    ("before", "later", "because"),
    [
        (True, {"requirement": None, "met": False}, "what was recorded last names no requirement"),
        (True, {"requirement": None, "met": None}, "what was recorded last names no requirement"),
        (True, {"requirement": None, "met": True}, "what was recorded last names no requirement"),
        (False, {"requirement": None, "met": True}, "it is recorded as not met"),
        (True, {"requirement": COUNSELLED, "met": True}, None),
    ],
)
def test_a_later_word_without_its_requirement_may_have_been_about_any(before: bool, later: dict, because: str | None):
    told = candidate(**{CARD: {"met": before}})
    told.tell("rems_met", "2026-03-01 09:00", **later)
    found = {finding.what: finding.because for finding in rems(told.assess(VISIT))}
    assert next((found[what] for what in found if "fills in the patient wallet card" in what), None) == because


def test_a_card_that_was_handed_over_stays():
    told = candidate(**{CERTIFIED: {"valid_until": "2027-01-01"}})
    told.dose(SUD1, VISIT)
    assert not rems(told.assess("2026-03-05 09:00"))


# --- where there is no REMS, and where it ended ---------------------------------------------------------------------


def without_rems(key: str = TEC) -> Protocol:
    return replace(load(key), rems=())


def test_x36_a_protocol_without_rems_rows_asks_nothing():
    told = Told(TEC, facts={"sex": "male"})
    well(told, "2026-03-02 08:30")
    assert len(rems(told.assess(VISIT))) == len(ALL)
    assert not rems(told.assess(VISIT, protocol=without_rems()))


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("X36", "elranatamab/EU/2024"),
        ("X36", "linvoseltamab/EU/2025"),
        ("X36", "talquetamab/EU/2025-09/mono"),
        ("X36", "teclistamab/EU/2022/mono"),
    ],
)
def test_x36_a_european_course_is_asked_nothing(case: str, key: str):
    told = Told(key, facts={"sex": "male"})
    well(told, "2026-03-02 08:30")
    assert not rems(told.assess(VISIT)), case


def test_x36_rems_rows_stand_only_in_protocols_of_the_united_states():
    with_rows = {protocol.product.jurisdiction for protocol in catalogue() if protocol.rems}
    assert with_rows == {"US"}


def ended(on: date, key: str = TEC) -> Protocol:
    protocol = load(key)
    rows = [
        replace(row, in_force_to=on, confirmed_by="lead pharmacist", confirmed_on=date(2026, 2, 20))
        for row in protocol.rems
    ]
    return replace(protocol, rems=tuple(rows))


@pytest.mark.parametrize(
    # case | last day in force | findings on Mon 2 March
    ("case", "last_day", "wanted"),
    [
        ("X38", date(2026, 3, 1), [("routine", "pharmacist")]),
        ("-", date(2026, 3, 2), [("now", "pharmacist"), ("today", "prescriber"), ("today", "prescriber")]),
    ],
)
def test_x38_after_its_end_nothing_is_checked_and_the_confirmation_is_shown(case: str, last_day: date, wanted: list):
    told = Told(TEC, facts={"sex": "male"})
    well(told, "2026-03-02 08:30")
    answer = told.assess(VISIT, protocol=ended(last_day))
    assert said(answer) == wanted, case
    if len(wanted) == 1:
        [finding] = rems(answer)
        assert finding.what == "The REMS ended on Sun 1 Mar 2026: its requirements are not checked"
        assert finding.because == "confirmed by lead pharmacist on Fri 20 Feb 2026"


def test_x38_the_answer_says_when_to_look_again():
    told = candidate(**{CERTIFIED: {"valid_until": "2026-03-02"}})
    answer = told.assess(VISIT)
    assert answer.look_again_at is not None
    assert answer.look_again_at.isoformat() <= "2026-03-03T06:00:00+00:00"  # midnight in Chicago


def test_before_it_begins_nothing_is_asked():
    rows = [replace(row, in_force_from=date(2026, 3, 3)) for row in load(TEC).rems]
    told = Told(TEC, facts={"sex": "male"})
    well(told, "2026-03-02 08:30")
    protocol = replace(load(TEC), rems=tuple(rows))
    assert not rems(told.assess(VISIT, protocol=protocol))
    assert len(rems(told.assess("2026-03-03 09:00", protocol=protocol))) == len(ALL)


# --- the site's own choice -----------------------------------------------------------------------------------------


def site(requirement: str, effect: str) -> Policy:
    document = tomllib.loads((FOLDER / "default-1.toml").read_text())
    choice = {"requirement": requirement, "effect": effect, "source": ["HANDRAIL"], "status": "site-choice"}
    return load_policy(document | {"rems": [choice]})


def test_x37_a_site_may_make_the_wallet_card_block():
    told = candidate(without=CARD)
    assert said(told.assess(VISIT)) == [("today", "prescriber")]
    assert said(told.assess(VISIT, policy=site(CARD, "block"))) == [("now", "prescriber")]


def test_a_site_never_loosens_a_requirement():
    with pytest.raises(ProtocolDataError) as refused:
        site(CERTIFIED, "warn")
    assert refused.value.path == "policy.rems"


# --- when it speaks, and what it never does ------------------------------------------------------------------------


@pytest.mark.parametrize(
    # at | speaks | why
    ("at", "speaks"),
    [
        ("2026-03-09 09:00", True),  # 7 days before the day of the next dose
        ("2026-03-08 23:59", False),
    ],
)
def test_it_speaks_from_7_days_before_the_day_of_the_dose(at: str, speaks: bool):
    told = Told(TEC, schedule="every_2_weeks", facts={"sex": "male"}, intent="continuation")
    told.dose("treatment", "2026-03-02 09:00", schedule="every_2_weeks")
    answer = told.assess(at)
    assert answer.next_dose.due_on == date(2026, 3, 16)
    assert bool(rems(answer)) == speaks


def test_a_planned_dose_is_the_next_thing_whenever_it_is():
    told = Told(TEC, schedule="every_2_weeks", facts={"sex": "male"}, intent="continuation")
    told.dose("treatment", "2026-03-02 09:00", schedule="every_2_weeks")
    told.tell("dose_planned", "2026-03-03 09:00", step="treatment", on="2026-03-16")
    assert rems(told.assess("2026-03-04 09:00"))
    told.tell("dose_not_given", "2026-03-04 10:00", step="treatment", because="logistics")
    assert not rems(told.assess("2026-03-04 11:00"))


def test_it_is_quiet_after_the_end_of_the_course():
    told = candidate(without=CERTIFIED)
    told.tell("course_ended", "2026-03-01 09:00", because="another treatment", died=False)
    assert not rems(told.assess(VISIT))


def test_it_never_changes_the_next_dose():
    told = Told(TEC, facts={"sex": "male"})
    well(told, "2026-03-02 08:30")
    nothing, whole = told.assess(VISIT), candidate().assess(VISIT)
    assert len(rems(nothing)) == len(ALL) and not rems(whole)
    assert nothing.next_dose.action is Action.GIVE
    assert nothing.next_dose == whole.next_dose


PROGRAMMES = ("teclistamab", "talquetamab", "elranatamab", "linvoseltamab")
"""Products with a REMS in the United States; nobody else's label has one."""


@pytest.mark.parametrize("protocol", catalogue(), ids=lambda protocol: protocol.key)
def test_no_other_product_asks_for_a_programme(protocol: Protocol):
    asks = protocol.product.jurisdiction == "US" and protocol.product.product in PROGRAMMES
    assert bool(protocol.rems) is asks


IN_A_PROGRAMME = [p for p in catalogue() if p.product.jurisdiction == "US" and p.product.product in PROGRAMMES]


@pytest.mark.parametrize("protocol", IN_A_PROGRAMME, ids=lambda protocol: protocol.key)
def test_every_product_of_a_programme_has_the_three_requirements(protocol: Protocol):
    rows = {row.requirement: row for row in protocol.rems}
    assert set(rows) == set(ALL)
    assert rows[CERTIFIED].effect == "block" and rows[CERTIFIED].before == "every_dose"
    assert all(rows[name].before == "first_dose" for name in (COUNSELLED, CARD))
    assert all(row.in_force_to is None for row in protocol.rems), "no evidence was found that a programme ended"
    assert rows[CERTIFIED].status is Status.UNVERIFIED


@pytest.mark.parametrize(
    # the certification was recorded again | it stands for the next dose
    ("recorded", "stands"),
    [("2026-03-02 09:01", True), ("2026-03-02 09:00", False), ("2026-03-02 08:59", False)],
)
def test_a_certification_without_an_end_is_for_one_dose_also_when_recorded_with_it(recorded: str, stands: bool):
    told = candidate(without=CERTIFIED)
    told.tell("rems_met", recorded, requirement=CERTIFIED, met=True)
    told.dose(SUD1, VISIT)
    well(told, "2026-03-05 08:30")
    answer = told.assess("2026-03-05 09:00")
    assert (said(answer) == []) is stands
    assert all("before the last dose" in finding.because for finding in rems(answer))
