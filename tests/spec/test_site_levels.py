"""The level of a site as tables: what it has shown, what it may do, and what separates it from the next level.

A site that has shown everything and holds a signed level 4 is written out in `tests/support/sites.py`; each row says what differs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from handrail.rules.setting_facts import LEVELS
from handrail.rules.setting_rules import FOLDER
from handrail.rules.site_levels import SiteFacts, load_site_levels, site_levels_from_toml
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput
from tests.support.sites import (
    TAL,
    TEC,
    TODAY,
    everything,
    excepted,
    granted,
    level_of,
    shown,
    site,
    telling,
    without,
)

DAY = timedelta(days=1)
TEXT = (FOLDER / "levels-1.toml").read_text(encoding="utf-8")

CHECKLIST = [
    # item | from level | shown for each product | days that it counts | owner
    ("SITE-01", "1", False, 365, "director"), ("SITE-02", "1", True, 365, "site_manager"), ("SITE-03", "1", True, 365, "pharmacist"),
    ("SITE-04", "1", True, 365, "authorised_representative"), ("SITE-05", "1", False, 365, "site_manager"), ("SITE-06", "1", False, 365, "director"),
    ("SITE-07", "1", False, 90, "site_manager"), ("SITE-08", "3", False, 365, "site_manager"), ("SITE-09", "3", False, 365, "director"),
    ("SITE-10", "3", False, 365, "director"), ("SITE-11", "3", False, 1, "pharmacist"), ("SITE-12", "3", False, 92, "pharmacist"),
    ("SITE-13", "3", False, 1, "site_manager"), ("SITE-14", "3", False, 30, "site_manager"), ("SITE-15", "4", False, 365, "site_manager"),
    ("SITE-16", "3", False, 365, "site_manager"), ("SITE-17", "1", False, 90, "site_manager"), ("SITE-18", "1", False, 90, "site_manager"),
    ("SITE-19", "1", False, 365, "nurse"), ("SITE-20", "3", False, 365, "nurse"), ("SITE-21", "1", True, 365, "pharmacist"),
    ("SITE-22", "1", True, 365, "authorisation"), ("SITE-23", "3", True, 182, "nurse"), ("SITE-24", "1", False, 365, "director"),
    ("SITE-25", "1", False, 365, "director"), ("SITE-26", "4", False, 365, "nurse"), ("SITE-27", "1", False, 31, "director"),
    ("SITE-28", "3", False, 365, "site_manager"), ("SITE-29", "1", True, 365, "site_manager"), ("SITE-30", "1", False, 365, "pharmacist"),
    ("SITE-31", "2", True, 365, "nurse"), ("SITE-32", "2", True, 365, "prescriber"), ("SITE-33", "H", False, 31, "director"),
    ("SITE-34", "H", False, 365, "director"), ("SITE-35", "H", False, 92, "director"),
]  # fmt: skip


def test_the_checklist():
    rows = [(row.id, row.from_level, row.per_product, row.valid_days, row.owner) for row in load_site_levels().item]
    assert rows == CHECKLIST


@pytest.mark.parametrize(("item", "from_level", "per_product", "days", "owner"), CHECKLIST, ids=[row[0] for row in CHECKLIST])  # fmt: skip
def test_each_item_holds_a_site_below_its_level_until_it_is_shown_and_again_when_it_has_ended(
    item, from_level, per_product, days, owner
):
    below = LEVELS[LEVELS.index(from_level) - 1]
    whole = site("H")
    answer = level_of(without(whole, item))
    assert (level_of(whole).level, answer.level, answer.next_level) == ("H", below, from_level)
    (line,) = answer.separates
    assert (line.item, line.state, line.owner, line.because) == (item, "not_known", owner, "nothing is recorded")
    assert line.next_step and line.evidence and line.criterion
    last = shown(item, TEC if per_product else None, checked_on=TODAY - timedelta(days=days))
    assert level_of(telling(whole, last)).level == "H"
    ended = replace(last, checked_on=TODAY - timedelta(days=days + 1))
    answer = level_of(telling(whole, ended))
    assert (answer.level, answer.separates[0].state) == (below, "ended")


MAY = [
    # level signed | maintenance | of a complicated patient | hybrid step-up | step-up in hospital | step-up outside hospital
    ("0", False, False, False, False, False),
    ("1", True, False, False, False, False),
    ("2", True, True, False, False, False),
    ("3", True, True, True, True, False),
    ("4", True, True, True, True, True),
    ("H", True, True, True, True, True),
]


@pytest.mark.parametrize(("level", "maintenance", "complicated", "hybrid", "in_hospital", "whole"), MAY)
def test_what_a_site_may_do_at_a_level(level, maintenance, complicated, hybrid, in_hospital, whole):
    answer, may = level_of(site(level)), [maintenance, complicated, hybrid, in_hospital, whole]
    assert answer.level == level
    assert [phase.allowed for phase in answer.phases] == may
    assert [phase.lacking for phase in answer.phases] == [() if each else ("level_signed",) for each in may]


def test_a_satellite_of_level_1_accepts_maintenance_and_refuses_a_step_up_with_what_it_lacks():
    answer = level_of(without(site("1"), "SITE-16", "SITE-31"))
    phases = {phase.phase: phase for phase in answer.phases}
    assert phases["maintenance"].allowed and phases["maintenance"].lacking == ()
    assert not phases["hybrid_step_up"].allowed
    assert phases["hybrid_step_up"].lacking == ("SITE-16", "SITE-31", "level_signed")


def test_three_items_separate_a_site_from_the_next_level_each_with_its_owner_and_step():
    answer = level_of(without(site("2"), "SITE-09", "SITE-14", "SITE-16", "SITE-26", "SITE-35"))
    assert (answer.level, answer.next_level) == ("2", "3")
    assert [(line.item, line.owner) for line in answer.separates] == [
        ("SITE-09", "director"),
        ("SITE-14", "site_manager"),
        ("SITE-16", "site_manager"),
    ]
    assert answer.separates[0].next_step == "show it, with id of the agreement"


@pytest.mark.parametrize("item", ["SITE-08", "SITE-14", "SITE-16"])
def test_a_site_without_a_bed_or_daily_assessment_is_not_at_level_3(item):
    assert level_of(telling(site("4"), shown(item, met=False))).level == "2"


def test_a_site_without_a_champion_only_refers():
    assert level_of(without(site("4"), "SITE-01")).level == "0"


def test_a_site_without_a_technician_sees_the_support_of_the_hub():
    answer = level_of(telling(site("1"), shown("SITE-30", met=False)))
    (line,) = answer.separates
    assert (line.state, line.next_step) == (
        "not_met",
        "ask the hub's pharmacy to verify preparation from there until a technician is found",
    )


def test_a_site_of_which_nothing_is_recorded_is_a_list_of_work_in_which_everything_has_an_owner():
    answer = level_of(SiteFacts(name="New Clinic"))
    assert (answer.level, answer.words, answer.next_level, answer.until) == ("0", "refers only", "1", None)
    assert len(answer.separates) == 17
    assert all(line.owner and line.next_step for line in answer.separates)
    assert [phase.allowed for phase in answer.phases] == [False] * 5


def test_another_product_is_another_level():
    both = site("4")
    assert level_of(both, TAL).level == "0"
    half = replace(both, granted=(granted("4"), granted("4", TAL)))
    answer = level_of(half, TAL)
    assert answer.level == "0"
    per_product = [row[0] for row in CHECKLIST if row[2] and row[1] == "1"]
    assert [line.item for line in answer.separates] == per_product
    whole = replace(half, shown=(*both.shown, *(each for each in everything(TAL) if each.product == TAL)))
    assert level_of(whole, TAL).level == "4"


def test_an_item_of_the_site_may_also_be_shown_for_one_product():
    known = telling(site("4"), shown("SITE-05", TEC))
    assert level_of(known).level == "4"
    assert level_of(telling(site("4"), shown("SITE-05", TAL))).level == "0"


STATES = [
    # what is recorded of SITE-05 | how it stands | in words
    ([{}], "shown", "shown on Mon 6 Jul 2026, holds until Tue 6 Jul 2027"),
    ([{"met": False}], "not_met", "not met when it was checked on Mon 6 Jul 2026"),
    ([{"met": None}], "not_known", "on Mon 6 Jul 2026 it was not known whether it is met"),
    ([{"evidence": None}], "not_known", "on Mon 6 Jul 2026 no evidence was kept"),
    ([{"evidence": ""}], "not_known", "on Mon 6 Jul 2026 no evidence was kept"),
    ([{"checked_on": None}], "not_known", "nobody has recorded when it was checked"),
    ([{"checked_on": None, "met": False}], "not_met", "nobody has recorded when it was checked"),
    ([{"no_end": None}], "not_known", "whether the evidence of Mon 6 Jul 2026 ends, and when"),
    ([{"no_end": False}], "not_known", "whether the evidence of Mon 6 Jul 2026 ends, and when"),
    ([{"checked_on": TODAY + DAY}], "not_known", "nothing is recorded"),  # tomorrow
    ([{"no_end": None, "until": TODAY}], "shown", "shown on Mon 6 Jul 2026, holds until Mon 6 Jul 2026"),
    ([{"no_end": None, "until": TODAY - DAY}], "ended", "it held until Sun 5 Jul 2026"),
    ([{"no_end": None, "until": date(2030, 1, 1)}], "shown", "shown on Mon 6 Jul 2026, holds until Tue 6 Jul 2027"),
    ([{"checked_on": TODAY - DAY}, {"met": False}], "not_met", "not met when it was checked on Mon 6 Jul 2026"),
    ([{"met": False}, {"checked_on": TODAY - DAY}], "not_met", "not met when it was checked on Mon 6 Jul 2026"),
    ([{"checked_on": TODAY - DAY, "met": False}, {}], "shown", "shown on Mon 6 Jul 2026, holds until Tue 6 Jul 2027"),
    ([{}, {"met": False}], "not_met", "not met when it was checked on Mon 6 Jul 2026"),  # two words of one day
    ([{}, {"met": None}], "not_known", "on Mon 6 Jul 2026 it was not known whether it is met"),
    ([{}, {"checked_on": None}], "not_known", "nobody has recorded when it was checked"),
    ([{"checked_on": None}, {"checked_on": None, "met": False}], "not_met", "nobody has recorded when it was checked"),
    ([{}, {"evidence": None}], "not_known", "on Mon 6 Jul 2026 no evidence was kept"),
    ([{}, {"no_end": None}], "not_known", "whether the evidence of Mon 6 Jul 2026 ends, and when"),
    ([], "not_known", "nothing is recorded"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "state", "words"), STATES)
def test_how_an_item_stands(told, state, words):
    known = without(site("4"), "SITE-05")
    known = replace(known, shown=(*known.shown, *(shown("SITE-05", **changes) for changes in told)))
    answer = level_of(known)
    line = next(line for line in answer.lines if line.item == "SITE-05")
    assert (line.state, line.because) == (state, words)
    assert (line.next_step is None) == (state == "shown")
    assert answer.level == ("4" if state == "shown" else "0")


# --- exceptions of a director ----------------------------------------------------------------------------------------------------

EXCEPTIONS = [
    # the exception | holds today
    ({}, True),
    ({"until_on": TODAY}, True),
    ({"from_on": TODAY - DAY, "until_on": TODAY - DAY}, False),
    ({"from_on": TODAY + DAY}, False),
    ({"role": "nurse"}, False),
    ({"reason": " "}, False),
    ({"by": " "}, False),
    ({"item": "SITE-08"}, False),
    ({"product": TEC}, True),
    ({"product": TAL}, False),
]


@pytest.mark.parametrize(("changes", "holds"), EXCEPTIONS)
def test_a_director_excepts_an_item_until_a_day_and_with_a_reason(changes, holds):
    known = replace(without(site("4"), "SITE-16"), excepted=(excepted(**{"item": "SITE-16", **changes}),))
    answer = level_of(known)
    assert answer.level == ("4" if holds else "2")
    line = next(line for line in answer.lines if line.item == "SITE-16")
    assert line.state == ("excepted" if holds else "not_known")
    if holds:
        assert line.because.startswith("excepted until ") and line.because.endswith("by the director: moved house")
        assert line.next_step is None


@pytest.mark.parametrize(("item", "product"), [("SITE-01", None), ("SITE-04", TEC)])
def test_the_champion_and_the_rems_are_never_excepted(item, product):
    known = without(site("4"), item)
    assert level_of(replace(known, excepted=(excepted(item, product=product),))).level == "0"


def test_an_item_of_each_product_is_excepted_for_that_product():
    known = without(site("4"), "SITE-23")
    assert level_of(replace(known, excepted=(excepted("SITE-23"),))).level == "2"
    assert level_of(replace(known, excepted=(excepted("SITE-23", product=TEC),))).level == "4"


def test_of_two_exceptions_the_longer_counts_and_what_is_shown_needs_none():
    long = excepted("SITE-16", until_on=TODAY + 20 * DAY, reason="builders")
    known = replace(without(site("4"), "SITE-16"), excepted=(excepted("SITE-16"), long))
    line = next(line for line in level_of(known).lines if line.item == "SITE-16")
    assert (line.until, "builders" in line.because) == (TODAY + 20 * DAY, True)
    shown_too = replace(site("4"), excepted=(long,))
    assert next(line for line in level_of(shown_too).lines if line.item == "SITE-16").state == "shown"


# --- the signed level ---------------------------------------------------------------------------------------------------------------

GRANTS = [
    # signed levels | level today
    ([granted("4")], "4"),
    ([], "0"),
    ([granted("4", until_on=TODAY)], "4"),
    ([granted("4", until_on=TODAY - DAY)], "0"),
    ([granted("4", from_on=TODAY)], "4"),
    ([granted("4", from_on=TODAY + DAY)], "0"),
    ([granted("4", role="nurse")], "0"),
    ([granted("4", by=" ")], "0"),
    ([granted("4", product=TAL)], "0"),
    ([granted("4"), granted("2", from_on=TODAY - DAY)], "2"),  # taken back a little
    ([granted("2"), granted("4", from_on=TODAY - DAY)], "4"),
    ([granted("4"), granted("3")], "3"),  # of two of one day the lower
    ([granted("3"), granted("4")], "3"),
    (
        [granted("4"), granted("2", from_on=TODAY - 9 * DAY, until_on=TODAY - DAY)],
        "0",
    ),  # one that ended brings none back
    ([granted("0")], "0"),
]


@pytest.mark.parametrize(("signed", "level"), GRANTS)
def test_the_level_that_a_director_signed(signed, level):
    answer = level_of(site("4", granted=tuple(signed)))
    assert answer.level == level
    assert answer.words == {row.id: row.words for row in load_site_levels().level}[level]


def test_the_level_that_is_signed_is_said_though_the_items_do_not_reach_it():
    answer = level_of(without(site("4"), "SITE-16"))
    assert (answer.granted, answer.level) == ("4", "2")
    assert [(each.id, each.met) for each in answer.promotion] == [
        ("patients", True),
        ("events", True),
        ("level_signed", True),
    ]


UNTIL = [
    # level | what ends first
    ("1", [], TODAY + 31 * DAY),  # the monthly review
    ("4", [], TODAY + DAY),  # stock and rota of each day
    ("1", [shown("SITE-05", no_end=None, until=TODAY + 3 * DAY)], TODAY + 3 * DAY),
    ("0", [], None),
]


@pytest.mark.parametrize(("level", "told", "until"), UNTIL)
def test_until_when_a_level_holds_if_nothing_is_recorded(level, told, until):
    known = telling(site(level), *told)
    answer = level_of(known)
    assert answer.until == until
    if until is not None:
        assert level_of(known, on=until).level == level
        assert level_of(known, on=until + DAY).level != level


def test_the_signature_may_end_first():
    assert level_of(site("4", granted=(granted("4", until_on=TODAY),))).until == TODAY


# --- promotion -----------------------------------------------------------------------------------------------------------------------

PROMOTION = [
    # patients at the level | events not reviewed | what a director sees
    (5, 0, [True, True]),
    (4, 0, [False, True]),
    (6, 1, [True, False]),
    (None, None, [None, None]),
]


@pytest.mark.parametrize(("patients", "events", "met"), PROMOTION)
def test_what_a_director_looks_at_before_signing_the_next_level(patients, events, met):
    answer = level_of(site("2", patients_at_level=patients, serious_events_not_reviewed=events))
    assert answer.separates == ()
    assert [(each.id, each.met) for each in answer.promotion] == [
        ("patients", met[0]),
        ("events", met[1]),
        ("level_signed", False),
    ]
    said = "not known" if patients is None else str(patients)
    assert answer.promotion[0].because == f"patients at this level: {said}; 5 are needed"
    events_said = "not known" if events is None else str(events)
    assert answer.promotion[1].because == f"serious events that nobody reviewed: {events_said}"
    assert answer.promotion[2].because == "a director of the hub signs level 3"


def test_the_first_level_asks_for_no_patients_and_a_hub_has_no_next_one():
    first = level_of(SiteFacts(name="New Clinic"))
    assert [each.id for each in first.promotion] == ["events", "level_signed"]
    top = level_of(site("H"))
    assert (top.next_level, top.separates, top.promotion) == (None, (), ())


# --- a practice without a hub --------------------------------------------------------------------------------------------------------

ALONE = ["SITE-06", "SITE-17", "SITE-18", "SITE-25", "SITE-27", "SITE-30", "SITE-31"]


def test_a_practice_by_itself_shows_its_own_instead_of_the_hubs():
    answer = level_of(site("4", has_hub=False))
    assert answer.level == "4"
    assert [line.item for line in answer.lines if line.from_level != "H" and "hub" in line.criterion] == []
    assert answer.promotion[-1].because == "the practice's own director signs level H"
    with_hub = {line.item: line.criterion for line in level_of(site("4")).lines}
    assert [line.item for line in answer.lines if line.criterion != with_hub[line.item]] == ALONE


# --- what is refused -----------------------------------------------------------------------------------------------------------------

REFUSED = [
    (site(shown=(shown("SITE-99"),)), "unknown_word", "SITE-99"),
    (site(excepted=(excepted("SITE-98"),)), "unknown_word", "SITE-98"),
    (site(excepted=(excepted("SITE-16", until_on=TODAY - DAY),)), "wrong_order", "excepted.SITE-16"),
    (site(granted=(granted("4", from_on=TODAY, until_on=TODAY - DAY),)), "wrong_order", "granted"),
    (site(shown=(shown("SITE-05", until=TODAY, no_end=True),)), "contradiction", "shown.SITE-05"),
]


@pytest.mark.parametrize(("facts", "code", "path"), REFUSED)
def test_facts_that_contradict_themselves_are_refused(facts, code, path):
    with pytest.raises(UnusableInput) as refused:
        level_of(facts)
    assert (refused.value.code, refused.value.path) == (code, path)


def test_spans_of_one_day_are_spans():
    known = site(
        excepted=(excepted("SITE-16", until_on=TODAY),), granted=(granted("4", from_on=TODAY, until_on=TODAY),)
    )
    assert level_of(known).level == "4"


BAD_DATA = [
    ('format = "handrail-levels/1"', 'format = "handrail-levels/2"', "unknown_format", "format"),
    ('[[level]]\nid = "0"', '[[level]]\nid = "1"', "wrong_order", "level"),
    ('id = "SITE-02"', 'id = "SITE-01"', "duplicate_id", "SITE-01"),
    ("valid_days = 90", "valid_days = 0", "bad_number", "SITE-07.valid_days"),
    ('from_level = "1"\ncriterion = "a physician', 'from_level = "0"\ncriterion = "a physician', "wrong_order", "SITE-01.from_level"),
    ("patients_at_level = 5 ", "patients_at_level = 0 ", "bad_number", "promotion.patients_at_level"),
    ('source = ["REMS"]', 'source = ["NOBODY"]', "missing_source", "SITE-04.source"),
    ('source = ["REMS"]', "source = []", "missing_source", "SITE-04.source"),
    ("valid_days = 90", "valid_days = 90\ncolour = 1", "unknown_key", "item[6].colour"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "code", "place"), BAD_DATA)
def test_a_file_of_levels_that_cannot_be_right_is_refused(before, after, code, place):
    assert before in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        site_levels_from_toml(TEXT.replace(before, after, 1))
    assert (refused.value.code, refused.value.path) == (code, place)


def test_a_day_and_a_patient_are_the_least():
    assert site_levels_from_toml(TEXT.replace("valid_days = 90", "valid_days = 1").replace("patients_at_level = 5 ", "patients_at_level = 1 "))  # fmt: skip
