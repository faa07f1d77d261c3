"""May a dose be booked at a site, and what the gate hears: as tables over a site that has shown everything (`tests/support/sites.py`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handrail.rules.handoff_kind import HandoffKind
from handrail.rules.setting_rules import FOLDER
from handrail.rules.site_booking import booking, gate_evidence, maintenance_evidence, phase_of, why_not_yet
from handrail.rules.site_levels import SiteFacts, load_site_levels, site_levels_from_toml
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput, day_start
from tests.support.sites import TEC, TODAY, excepted, granted, level_of, shown, site, telling, without

DAY = timedelta(days=1)
ZONE = "America/Chicago"
LEVELS = load_site_levels()

PHASES = [
    # step | setting | phase
    ("treatment", "outpatient", "maintenance"), ("treatment", None, "maintenance"), ("treatment", "inpatient", "maintenance"),
    ("step_up_1", "outpatient", "step_up"), ("step_up_1", "hybrid", "hybrid_step_up"), ("step_up_2", "inpatient", "inpatient_step_up"),
    ("first_treatment", "outpatient", "step_up"), ("step_up_3", None, "step_up"), (None, None, "step_up"), (None, "outpatient", "step_up"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "setting", "phase"), PHASES)
def test_the_phase_of_a_dose_and_what_is_not_known_asks_for_the_most(step, setting, phase):
    assert phase_of(step, setting) == phase


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("simple", "maintenance"), ("complicated", "complicated_maintenance"), ("not_known", "maintenance")],
)
def test_maintenance_of_a_complicated_patient_is_a_phase_of_its_own(kind, phase):
    assert phase_of("treatment", "outpatient", kind) == phase
    assert phase_of("step_up_1", "outpatient", kind) == "step_up", "a step-up is asked for the most whoever it is"


SIMPLE = HandoffKind(kind="simple")
COMPLICATED = HandoffKind(kind="complicated", because=("CRS of grade 2",))
NOBODY_KNOWS = HandoffKind(kind="not_known", missing=("ICANS after step-up dose 2", "an infection"))
PATIENTS = [
    # level of the site | patient | met | what is said
    ("1", SIMPLE, True, "maintenance needs level 1"), ("1", COMPLICATED, False, "; complicated: CRS of grade 2"),
    ("1", NOBODY_KNOWS, None, "whether this one is complicated is not known: ICANS after step-up dose 2; an infection"),
    ("2", SIMPLE, True, "maintenance needs level 1"), ("2", COMPLICATED, True, "complicated patient needs level 2"),
    ("2", NOBODY_KNOWS, True, "complicated patient needs level 2"),
    ("0", SIMPLE, None, "nothing is recorded"), ("0", NOBODY_KNOWS, None, "maintenance needs level 1"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "patient", "met", "said"), PATIENTS)
def test_the_gate_asks_a_site_of_uncomplicated_patients_who_the_patient_is(level, patient, met, said):
    facts = site(level) if level != "0" else SiteFacts(name="New Clinic")
    answer = maintenance_evidence(facts, LEVELS, TEC, patient, TODAY, zone=ZONE)
    assert answer.met is met
    assert said in answer.because and facts.name in answer.because
    assert (answer.next_step is None) is (met is True)


BOOKED = [
    # what the site is | phase | days ahead | allowed
    (site("1"), "maintenance", 0, True), (site("1"), "maintenance", 7, True), (site("1"), "hybrid_step_up", 0, False),
    (site("1"), "complicated_maintenance", 0, False), (site("2"), "complicated_maintenance", 7, True),
    (site("2"), "inpatient_step_up", 0, False), (site("3"), "inpatient_step_up", 7, True),
    (site("3"), "hybrid_step_up", 7, True), (site("3"), "step_up", 7, False), (site("4"), "step_up", 7, True),
    # a count of stock is of its day: a week ahead the last one counts, and one that is old already does not
    (telling(site("4"), shown("SITE-11", checked_on=TODAY - DAY)), "step_up", 7, True),
    (telling(site("4"), shown("SITE-11", checked_on=TODAY - 2 * DAY)), "step_up", 7, False),
    (telling(site("4"), shown("SITE-11", met=False)), "step_up", 7, False),
    # what ends by its own paper ends, however often it is checked
    (telling(site("4"), shown("SITE-12", no_end=None, until=TODAY + 6 * DAY)), "step_up", 7, False),
    (telling(site("4"), shown("SITE-12", no_end=None, until=TODAY + 7 * DAY)), "step_up", 7, True),
    (telling(site("4"), shown("SITE-16", no_end=None, until=TODAY + 6 * DAY)), "step_up", 7, False),
    # what is checked once a year is not renewed by a booking
    (telling(site("4"), shown("SITE-16", checked_on=TODAY - 360 * DAY)), "step_up", 7, False),
    (telling(site("4"), shown("SITE-16", checked_on=TODAY - 358 * DAY)), "step_up", 7, True),
    # the signature and an exception end on their day
    (replace(site("4"), granted=(granted("4", until_on=TODAY + 6 * DAY),)), "step_up", 7, False),
    (replace(site("4"), granted=(granted("4", until_on=TODAY + 7 * DAY),)), "step_up", 7, True),
    (replace(without(site("4"), "SITE-16"), excepted=(excepted("SITE-16", until_on=TODAY + 6 * DAY),)), "step_up", 7, False),
    (replace(without(site("4"), "SITE-16"), excepted=(excepted("SITE-16", until_on=TODAY + 7 * DAY),)), "step_up", 7, True),
    (SiteFacts(name="New Clinic"), "maintenance", 0, False),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "phase", "ahead", "allowed"), BOOKED)
def test_a_booking_rests_on_the_day_of_the_dose_and_on_the_last_check(facts, phase, ahead, allowed):
    answer = booking(facts, LEVELS, TEC, phase, today=TODAY, on=TODAY + ahead * DAY)
    assert answer.allowed is allowed
    assert bool(answer.lacking) is not allowed


def test_a_refusal_says_the_level_the_phase_and_the_first_items_that_are_lacking():
    facts = without(site("2"), "SITE-08", "SITE-09", "SITE-14", "SITE-16")
    answer = booking(facts, LEVELS, TEC, "hybrid_step_up", today=TODAY, on=TODAY)
    assert answer.because == (
        "on Mon 6 Jul 2026 it is at level 2 (maintenance of complicated patients too, longer intervals, a restart at a later step as "
        "agreed); hybrid step-up needs level 3: no director has signed it for that day; SITE-08 nothing is recorded; "
        "SITE-09 nothing is recorded, and 2 more"
    )


GATE = [
    # what the site is | phase | met | owner
    (site("4"), "step_up", True, "site_manager"),
    (telling(site("4"), shown("SITE-16", met=False)), "step_up", False, "site_manager"),
    (telling(site("4"), shown("SITE-16", checked_on=TODAY - 366 * DAY)), "step_up", False, "site_manager"),
    (without(site("4"), "SITE-11"), "step_up", None, "pharmacist"),
    (site("1"), "step_up", False, "director"),
    (replace(site("4"), granted=()), "step_up", None, "director"),
    (SiteFacts(name="New Clinic"), "maintenance", None, "director"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "phase", "met", "owner"), GATE)
def test_the_gate_hears_met_not_met_or_not_known_each_with_owner_and_step(facts, phase, met, owner):
    answer = gate_evidence(facts, LEVELS, TEC, phase, TODAY, zone=ZONE)
    assert (answer.met, answer.owner) == (met, owner)
    assert (answer.next_step is None) is (met is True)
    assert facts.name in answer.because


def test_the_gate_asks_on_the_day_itself_and_says_until_when():
    met = gate_evidence(site("4"), LEVELS, TEC, "step_up", TODAY, zone=ZONE)
    assert met.until == day_start(TODAY + 2 * DAY, ZONE)  # SITE-11 and SITE-13: checked today, they count tomorrow
    assert gate_evidence(site("4"), LEVELS, TEC, "step_up", TODAY + 7 * DAY, zone=ZONE).met is False


# --- the licence ---------------------------------------------------------------------------------------------------------------------

LICENCES = [
    ("hospital_outpatient", (), "the hospital's director of pharmacy"),
    ("state_pharmacy", ("LIC-01",), "the pharmacist in charge, named on the pharmacy's licence"),
    ("physician_practice", ("LIC-02", "LIC-03"), "the physician under whose licence it is prepared, by name"),
]


@pytest.mark.parametrize(("licence", "items", "dispenser"), LICENCES)
def test_the_type_of_licence_adds_its_items_and_says_who_answers_for_dispensing(licence, items, dispenser):
    answer = level_of(telling(site("4"), shown("SITE-05", licence=licence)))
    assert answer.licence == licence
    assert tuple(line.item for line in answer.lines if line.item.startswith("LIC-")) == items
    assert answer.level == ("4" if not items else "0")
    assert next(row.dispenser for row in LEVELS.licence if row.id == licence) == dispenser
    shows_them = telling(site("4"), shown("SITE-05", licence=licence), *(shown(item) for item in items))
    assert level_of(shows_them).level == "4"


NO_LICENCE = [
    (shown("SITE-05", licence=None),),
    (shown("SITE-05"), shown("SITE-05", licence="physician_practice")),
    (shown("SITE-05"), shown("SITE-05", licence="hospital_outpatient", checked_on=None)),
    (),
]


@pytest.mark.parametrize("told", NO_LICENCE)
def test_without_a_known_type_of_licence_no_level_holds_and_nobody_excepts_it(told):
    known = without(site("4"), "SITE-05")
    facts = replace(known, shown=(*known.shown, *told), excepted=(excepted("SITE-05"),))
    answer = level_of(facts)
    assert (answer.licence, answer.level) == (None, "0")
    assert [line.state for line in answer.lines if line.item == "SITE-05"] == ["not_known"]


def test_the_licence_that_was_recorded_last_counts_and_its_paper_may_be_excepted():
    older = shown("SITE-05", licence="physician_practice", checked_on=TODAY - 9 * DAY)
    known = without(site("4"), "SITE-05")
    facts = replace(known, shown=(*known.shown, older, shown("SITE-05")))
    assert (level_of(facts).licence, level_of(facts).level) == ("hospital_outpatient", "4")
    ended = replace(known, shown=(*known.shown, shown("SITE-05", checked_on=TODAY - 366 * DAY)))
    assert level_of(ended).level == "0"
    assert level_of(replace(ended, excepted=(excepted("SITE-05"),))).level == "4"


def test_a_licence_that_nobody_knows_is_refused_in_facts_and_in_data():
    with pytest.raises(UnusableInput) as refused:
        level_of(telling(site("4"), shown("SITE-05", licence="a friend's")))
    assert refused.value.path == "shown.SITE-05"
    text = (FOLDER / "levels-1.toml").read_text(encoding="utf-8")
    with pytest.raises(ProtocolDataError) as bad:
        site_levels_from_toml(text.replace('licence = "state_pharmacy"', 'licence = "drugstore"', 1))
    assert bad.value.path == "LIC-01.licence"


def test_what_separates_is_counted_in_words():
    assert why_not_yet(level_of(without(site("2"), "SITE-09", "SITE-14", "SITE-16"))) == (
        "These 3 items separate you from level 3."
    )
    assert why_not_yet(level_of(without(site("2"), "SITE-09"))) == "This item separates you from level 3."
    assert why_not_yet(level_of(site("2"))).endswith("what is left is a director's signature.")
    assert why_not_yet(level_of(site("H"))) == "There is no higher level."
