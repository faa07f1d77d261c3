"""`handrail replay` tells a course in words: every fact when it became known, every change of the answer with its reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from handrail.cli import main
from handrail.cli.replay import story
from handrail.rules.coursefile import course_from_json, read_course
from handrail.rules.events import KINDS
from handrail.rules.terms import UnusableInput
from tests.support.courses import ELRA, TEC, Told, instant, well

ROOT = Path(__file__).resolve().parents[2]
FEVER_NIGHT = ROOT / "tests/scenarios/fever_night.json"
SAMPLES = [json.loads(path.read_text()) for path in (ROOT / "tests/records/samples").glob("*.json")]


def lines(told: Told, until: str | None = None) -> list[str]:
    return list(story(told.course(), None if until is None else instant(until)))


def index(told: list[str], start: str) -> int:
    """Where a line begins like this, arrows and indents aside."""
    found = [n for n, line in enumerate(told) if line.removeprefix("      -> ").startswith(start)]
    assert found, f"no line {start!r} in:\n" + "\n".join(told)
    return found[0]


def in_order(told: list[str], *starts: str) -> None:
    """These lines stand in the story, one after the other; other lines may stand between."""
    rest = told
    for start in starts:
        rest = rest[index(rest, start) + 1 :]


# --- the fever night ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fever_night() -> list[str]:
    return list(story(read_course(FEVER_NIGHT.read_bytes())))


def test_the_fever_night_is_a_synthetic_course_in_the_zone_of_the_patient(fever_night: list[str]):
    assert fever_night[0].startswith("Synthetic course 0f3c1a52")
    assert fever_night[0].endswith("Times in America/Chicago.")


def test_fever_at_night_becomes_a_page_that_somebody_answers(fever_night: list[str]):
    in_order(
        fever_night,
        "Tue 3 Mar 2026",
        "next dose: give step-up dose 1, 12 mg",
        "10:00 dose given: step-up dose 1; 12 mg",
        "next dose: wait for step-up dose 2, earliest Thu 5 Mar 2026",
        "Wed 4 Mar 2026",
        "02:14 check-in: 38.4 °C (typed 101.1 °F); shaking chills",
        "now, for the clinician on call: temperature 38.4 °C is 38.0 °C or more",
        "page wanted, RED-3: fever in the window",
        "the patient calls and comes in",
        "CRS suspected, not graded",
        "next dose: hold",
        "02:14 page sent: RED-3 to the first on call by e-mail (fever in the window)",
        "02:19 page not delivered: to the first on call: the mail server did not answer",
        "02:24 page sent: RED-3 to the second on call",
        "02:26 page acknowledged: the clinician on call has it",
        "02:31 call: patient reached; comes in",
        "page no longer wanted, RED-3: fever in the window",
        "02:31 alert closed",
        "home checks pause",
        "CRS grade 1, open",
        "home checks run again",
        "11:00 resolved: CRS",
        "CRS grade 0",
        "next dose: give step-up dose 2, 32 mg",
        "The record ends here.",
    )


def test_silence_shows(fever_night: list[str]):
    in_order(
        fever_night,
        "20:15 no new fact",
        "check-in: overdue, the patient is reminded (due Tue 3 Mar 2026 at 20:00)",
        "20:30 no new fact",
        "check-in: overdue, the nurse calls the patient and the caregiver",
        "20:34 call: caregiver reached; stays home",
        "check-in no longer overdue",
    )


def test_an_acknowledgement_does_not_stop_the_clinical_clock(fever_night: list[str]):
    in_order(
        fever_night,
        "03:14 no new fact",
        "now, for the clinician on call: CRS grade and ICE score have not been recorded",
        "page wanted, RED-3: CRS grade and ICE score not recorded",
        "03:14 page sent",
        "03:15 page acknowledged",
        "no longer now: CRS grade and ICE score",
    )


def test_a_fact_told_late_stands_where_it_became_known(fever_night: list[str]):
    assert "03:55 ICE score: 10 of 10 [clinician on call] (happened at 03:20)" in fever_night


def test_the_command_prints_the_same_story(fever_night: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(FEVER_NIGHT)]) == 0
    assert capsys.readouterr().out.splitlines() == fever_night


def test_pages_change_no_answer(fever_night: list[str]):
    body = json.loads(FEVER_NIGHT.read_text())
    shell = ("page_sent", "page_acknowledged", "page_failed", "alert_closed")
    body["events"] = [event for event in body["events"] if event["kind"] not in shell]
    bare = list(story(course_from_json(body)))
    assert bare == [line for line in fever_night if not re.match(r"\d\d:\d\d (page |alert closed)", line)]


# --- other courses -------------------------------------------------------------------------------------------------------


def test_nobody_answers_until_the_welfare_check():
    told = Told(TEC)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", dose_mg_per_kg="0.06")
    in_order(
        lines(told, until="2026-01-05 14:00"),
        "12:15 no new fact",
        "check-in: overdue, the patient is reminded",
        "12:30 no new fact",
        "check-in: overdue, the nurse calls",
        "13:00 no new fact",
        "soon, for the clinician on call: Check-in overdue",
        "page wanted, AMBER: check-in overdue",
        "14:00 no new fact",
        "now, for the clinician on call: Check-in overdue",
        "page wanted, RED-3: no answer: welfare check",
        "Told until Mon 5 Jan 2026 at 14:00.",
    )


def test_an_open_end_is_said_and_not_followed():
    told = Told(TEC)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", dose_mg_per_kg="0.06")
    last = lines(told)[-1]
    assert last == "The record ends here. Without a new fact the answer changes next on Mon 5 Jan 2026 at 12:00."


def test_until_ends_even_where_time_never_stops_changing_the_answer():
    told = Told(TEC)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", dose_mg_per_kg="0.06")
    years = lines(told, until="2036-01-05 10:00")
    assert years[-1].startswith("Told until Sat 5 Jan 2036 at 10:00.")


def test_until_leaves_out_what_was_learned_later():
    told = Told(TEC)
    well(told, "2026-01-05 08:00")
    told.tell("weight_measured", "2026-01-05 07:00", weight_kg="71", recorded_at="2026-01-06 09:00")
    assert not any("71.0 kg" in line for line in lines(told, until="2026-01-06 08:59"))
    assert "09:00 weight: 71.0 kg (happened on Mon 5 Jan 2026 at 07:00)" in lines(told, until="2026-01-06 09:00")
    assert lines(told, until="2025-01-01 09:00")[1:] == ["Nothing is on record."]


def test_the_wrong_amount_is_a_finding_and_the_next_dose_a_question():
    told = Told(ELRA)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", dose_mg="16")
    story_ = lines(told)
    after = story_[index(story_, "10:00 dose given") :]
    in_order(after, "now, for the")
    in_order(after, "next dose: ask the prescriber")


def test_a_correction_and_its_reason_are_told():
    told = Told(ELRA)
    well(told, "2026-01-05 08:00")
    wrong = told.dose("step_up_1", "2026-01-05 10:00", dose_mg="16")
    told.dose(
        "step_up_1",
        "2026-01-05 10:00",
        dose_mg="12",
        supersedes=wrong,
        reason="typed wrongly",
        recorded_at="2026-01-05 10:20",
    )
    story_ = lines(told)
    corrected = story_[index(story_, "10:20 dose given: step-up dose 1; 12 mg (reason: typed wrongly)")]
    assert corrected.endswith("[corrects an earlier entry] (happened at 10:00)")
    in_order(story_, "10:20 dose given", "no longer now")
    in_order(story_, "10:20 dose given", "next dose: wait for step-up dose 2")


def test_the_letters_of_the_zone_stand_on_a_night_on_which_the_clocks_change():
    told = Told(TEC)
    told.tell("weight_measured", "2026-11-01T01:30:00-05:00", weight_kg="70")
    told.tell("weight_measured", "2026-11-01T01:30:00-06:00", weight_kg="71")
    told.tell("weight_measured", "2026-11-02 01:30", weight_kg="72")
    story_ = lines(told)
    assert "01:30 CDT weight: 70.0 kg" in story_
    assert "01:30 CST weight: 71.0 kg" in story_
    assert "01:30 weight: 72.0 kg" in story_


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told(kind: str):
    sample = next(body for body in SAMPLES if body["kind"] == kind)
    told = Told(TEC)
    event = {**sample, "supersedes": None} | ({"sha256": None} if kind == "policy_changed" else {})
    told.events.append(event)
    at = re.compile(r"^\d\d:\d\d ")
    facts = [line for line in lines(told) if at.match(line) and " no new fact" not in line]
    assert len(facts) == 2, facts


def test_a_course_without_events_says_so():
    told = Told(TEC)
    told.events.clear()
    assert lines(told)[1:] == ["Nothing is on record."]


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({"product": "examplamab", "protocol_key": None}, {}),
        ({"protocol_key": "teclistamab/US/1999-01/mono"}, {}),
        ({}, {"kind": "protocol_changed", "protocol_key": "teclistamab/US/1999-01/mono"}),
        ({}, {"kind": "policy_changed", "policy_id": "nowhere-1"}),
        ({}, {"kind": "dose_planned", "step": "step_up_3"}),
        ({}, {"kind": "weight_measured", "weight_kg": "7"}),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_used_is_refused_before_the_first_line(changes: dict[str, Any], event: dict[str, Any]):
    told = Told(TEC)
    told.header |= changes
    if event:
        told.tell(event.pop("kind"), "2026-01-05 09:00", **event)
    with pytest.raises(UnusableInput):
        next(story(told.course()))


@pytest.mark.parametrize("until", ["2026-03-04T03:00:00", "tomorrow"])
def test_until_needs_an_instant_with_its_offset(until: str, capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(FEVER_NIGHT), "--until", until]) == 2
    written = capsys.readouterr()
    assert written.out == "" and written.err.count("\n") == 1
