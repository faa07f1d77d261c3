"""Patient and caregiver say it back, each apart, before the first dose and again after it, after a reaction, and at a hand-off."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.curriculum import FOLDER
from handrail.rules.strict import ProtocolDataError
from handrail.rules.teachback import LINES, gate_evidence, load_teach_back, teach_back_from_toml
from tests.support.courses import Told, well
from tests.support.training import ALWAYS, say_back, taught
from tests.support.triage import graded

BEFORE, DOSE, AFTER = "2026-03-01 15:00", "2026-03-02 09:00", "2026-03-03 09:00"


def met(told: Told, at: str, who: Any = "patient") -> bool | None:
    return taught(told, at).of(who).met


def both(told: Told, at: str, **fields: Any) -> None:
    say_back(told, at, "patient", **fields)
    say_back(told, at, "caregiver", **fields)


def test_nothing_recorded_is_not_known_and_meets_nothing():
    found = taught(Told(), BEFORE)
    assert [each.met for each in found.people] == [None, None]
    assert {item.state for each in found.people for item in each.items} == {"not_known"}
    assert (found.since, found.because) == (None, "before the first dose")


def test_each_of_the_two_says_it_back_apart():
    told = Told()
    say_back(told, BEFORE, "caregiver")
    assert (met(told, BEFORE), met(told, BEFORE, "caregiver")) == (None, True)


@pytest.mark.parametrize(
    ("said", "answer"),
    [("passed", True), ("repeat", False), ("not_done", False)],
)
def test_one_item_that_is_not_passed_is_enough(said: str, answer: bool):
    told = Told()
    say_back(told, BEFORE, but={"fever_number": said})
    assert met(told, BEFORE) is answer


def test_an_item_that_nobody_asked_is_not_known():
    told = Told()
    told.tell("teach_back_done", BEFORE, who="patient", own_language=True, items=dict.fromkeys(ALWAYS[1:], "passed"))
    assert met(told, BEFORE) is None


def test_what_was_repeated_and_then_said_is_passed_and_counted():
    told = Told()
    say_back(told, BEFORE, but={"card": "repeat"})
    told.tell("teach_back_done", "2026-03-01 15:20", who="patient", own_language=True, items={"card": "passed"})
    card = next(item for item in taught(told, "2026-03-01 15:20").of("patient").items if item.id == "card")
    assert (card.state, card.repeats) == ("passed", 1)
    assert met(told, "2026-03-01 15:20") is True
    assert met(told, "2026-03-01 15:19") is False


def test_of_two_answers_of_one_instant_the_more_cautious_counts():
    told = Told()
    say_back(told, BEFORE)
    told.tell("teach_back_done", BEFORE, who="patient", own_language=True, items={"card": "repeat"})
    assert met(told, BEFORE) is False


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"own_language": False}, False),
        ({"own_language": None}, None),
        ({"who": None}, None),
        ({"items": None}, None),
    ],
)
def test_what_is_not_known_or_was_not_in_their_own_language_passes_nothing(fields: dict[str, Any], answer: bool | None):
    told = Told()
    say_back(told, BEFORE, **fields)
    assert met(told, BEFORE) is answer
    say_back(told, "2026-03-01 16:00")
    assert met(told, "2026-03-01 16:00") is True
    say_back(told, "2026-03-01 17:00", **fields)
    assert met(told, "2026-03-01 17:00") is answer, "the last word counts"


def test_a_repeat_of_nobody_in_particular_may_be_of_either():
    told = Told()
    both(told, BEFORE)
    told.tell("teach_back_done", "2026-03-01 16:00", who=None, own_language=True, items={"card": "repeat"})
    assert [met(told, "2026-03-01 16:00", who) for who in ("patient", "caregiver")] == [False, False]


# --- asked again ----------------------------------------------------------------------------------------------------------


def test_everything_is_asked_again_after_the_first_dose_and_not_after_the_second():
    told = Told()
    both(told, BEFORE)
    told.dose("step_up_1", DOSE)
    assert met(told, "2026-03-02 08:59") is True
    found = taught(told, DOSE)
    assert found.of("patient").met is None
    assert found.because == "after the first dose on Mon 2 Mar 2026, before the next"
    assert all(item.before for item in found.of("patient").items), "passed before, which does not count now"
    both(told, AFTER)
    told.dose("step_up_2", "2026-03-05 09:00")
    assert met(told, "2026-03-05 10:00") is True


def test_everything_is_asked_again_after_a_reaction():
    told = Told()
    told.dose("step_up_1", DOSE)
    both(told, "2026-03-02 10:00")
    graded(told, AFTER, tmax_c="38.6")
    found = taught(told, AFTER)
    assert found.of("patient").met is None
    assert found.because == "after CRS, last seen on Tue 3 Mar 2026"
    both(told, "2026-03-04 10:00")
    assert met(told, "2026-03-04 10:00") is True


def test_a_fever_that_nobody_has_graded_asks_again_and_an_assessment_of_nothing_does_not():
    told = Told()
    told.dose("step_up_1", DOSE)
    both(told, "2026-03-02 10:00")
    well(told, "2026-03-02 20:00")
    assert met(told, "2026-03-02 20:00") is True
    told.tell("vitals_measured", AFTER, temperature_c="38.4")
    assert met(told, AFTER) is None
    assert "what may have been CRS" in taught(told, AFTER).because


def test_everything_is_asked_again_when_another_team_takes_over():
    told = Told()
    both(told, BEFORE)
    told.tell("accountability_moved", "2026-03-01 18:00", to_party="clinic")
    assert met(told, "2026-03-01 17:59") is True
    assert met(told, "2026-03-01 18:00") is None


# --- medicines at home ------------------------------------------------------------------------------------------------------

AUTHORISED = {
    "agent": "dexamethasone",
    "medicine": "dexamethasone",
    "dose_mg": "16",
    "trigger": "fever",
    "allergy_checked": True,
    "interaction_checked": True,
    "teach_back_passed": True,
    "pack_at_hand": True,
    "valid_until": "2026-05-01",
    "pack_expires_on": "2026-12-01",
    "by": {"role": "oncologist"},
}


def test_the_rule_of_a_medicine_at_home_is_asked_only_of_whom_it_is_given():
    told = Told()
    both(told, BEFORE)
    told.tell("home_medicine_authorised", "2026-03-01 15:30", **AUTHORISED)
    found = taught(told, "2026-03-01 15:30").of("patient")
    assert [item.id for item in found.open] == ["dexamethasone"]
    told.tell(
        "teach_back_done", "2026-03-01 15:40", who="patient", own_language=True, items={"dexamethasone": "passed"}
    )
    assert met(told, "2026-03-01 15:40") is True


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"items": {"dexamethasone": "passed"}}, "usable"),
        ({"items": {"dexamethasone": "repeat"}}, "not_usable"),
        ({"items": {"dexamethasone": "not_done"}}, "usable"),
        ({"items": {"card": "repeat"}}, "usable"),
        ({"items": {"dexamethasone": "repeat"}, "who": "caregiver"}, "usable"),
        ({"items": {"dexamethasone": "repeat"}, "who": None}, "not_usable"),
        ({"items": None}, "not_known"),
        ({"items": {"dexamethasone": "passed"}, "own_language": False}, "not_usable"),
        ({"items": {"dexamethasone": "passed"}, "own_language": None}, "not_known"),
    ],
)
def test_a_medicine_whose_teach_back_has_to_be_repeated_may_not_be_used(fields: dict[str, Any], state: str):
    told = Told()
    told.tell("home_medicine_authorised", BEFORE, **AUTHORISED)
    told.tell("teach_back_done", "2026-03-01 16:00", **{"who": "patient", "own_language": True, **fields})
    assert [each.state for each in told.assess("2026-03-01 16:00").home_medicines] == [state]
    told.tell("home_medicine_authorised", "2026-03-01 17:00", **AUTHORISED)
    assert [each.state for each in told.assess("2026-03-01 17:00").home_medicines] == ["usable"], "authorised anew"


# --- the gate ------------------------------------------------------------------------------------------------------------------


def test_line_10_is_the_caregiver_and_line_12_the_patient():
    assert LINES == {10: "caregiver", 12: "patient"}
    told = Told()
    say_back(told, BEFORE, "caregiver")
    said = {line: gate_evidence(line, taught(told, BEFORE)) for line in LINES}
    assert (said[10].met, said[12].met) == (True, None)
    assert said[10].evidence == "teach-back of the caregiver, Sun 1 Mar 2026 15:00 CST"
    assert said[12].because == "teach-back of the patient, asked before the first dose: every item not recorded"
    assert said[12].next_step == "teach the patient, and record every item"
    with pytest.raises(KeyError):
        gate_evidence(11, taught(told, BEFORE))


def test_the_gate_names_what_is_to_be_repeated_and_what_was_not_done():
    told = Told()
    say_back(told, BEFORE, but={"card": "repeat", "how_far": "not_done"})
    assert gate_evidence(12, taught(told, BEFORE)).because == (
        "teach-back of the patient, asked before the first dose: to be repeated: card; not done: how far"
    )


def test_of_two_corrections_that_contradict_one_another_the_more_cautious_counts():
    told = Told()
    say_back(told, BEFORE)
    first = told.events[-1]["id"]
    say_back(told, BEFORE, supersedes=first, reason="a slip")
    say_back(told, BEFORE, supersedes=first, reason="another", but={"card": "repeat"})
    found = taught(told, "2026-03-01 16:00").of("patient")
    assert [item.id for item in found.open] == ["card"]
    assert found.met is False


# --- what the loader refuses -----------------------------------------------------------------------------------------------------

TEXT = (FOLDER / "teach-back-1.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("handrail-teach-back/1", "handrail-teach-back/2", "unknown_format"),
        ('source = ["HANDRAIL"]', "source = []", "missing_source"),
        ('id = "card"', 'id = "how_far"', "duplicate_id"),
        ('only_with = "antibiotic"', 'only_with = "aspirin"', "unknown_word"),
    ],
)
def test_items_that_make_no_sense_are_refused(before: str, after: str, code: str):
    with pytest.raises(ProtocolDataError) as refused:
        teach_back_from_toml(TEXT.replace(before, after, 1))
    assert refused.value.code == code


def test_a_list_on_which_nothing_is_asked_of_everybody_is_refused():
    head = TEXT[: TEXT.index("[[item]]")]
    row = '[[item]]\nid = "x"\nwords = "x"\nask = "x"\nonly_with = "antibiotic"\nsource = ["HANDRAIL"]\nstatus = "site-choice"\n'
    with pytest.raises(ProtocolDataError) as refused:
        teach_back_from_toml(head + row)
    assert refused.value.code == "missing_key"


def test_the_shipped_list_asks_what_the_programme_teaches():
    assert {row.id: row.only_with for row in load_teach_back().item if row.only_with} == {
        "dexamethasone": "dexamethasone",
        "antibiotic": "antibiotic",
    }
    assert len(ALWAYS) == 11
