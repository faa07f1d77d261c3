"""The published schemas say what the reader takes and what the answer is: no more, no less, no copy that grows old."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handrail.cli import main
from handrail.rules.coursefile import CourseFileError, course_from_json, course_to_json
from handrail.rules.events import KINDS
from handrail.rules.schema import schema_of
from handrail.rules.terms import UnusableInput
from tests.support.courses import ELRA, TEC, TEC_COMBO, Told, well

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = {path.stem: json.loads(path.read_text()) for path in (ROOT / "tests/records/samples").glob("*.json")}
COURSE = Draft202012Validator(schema_of("course"))
ASSESSMENT = Draft202012Validator(schema_of("assessment"))


def file_with(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A synthetic course file of these events."""
    return {**Told().header, "events": list(events), **changes}


def reader_takes(document: dict[str, Any]) -> bool:
    try:
        course_from_json(document)
    except CourseFileError:
        return False
    return True


def both_take(document: dict[str, Any]) -> list[bool]:
    """What the reader says, and what the schema says."""
    return [reader_takes(document), COURSE.is_valid(document)]


@pytest.mark.parametrize("what", ["course", "assessment"])
def test_the_schema_is_one(what: str):
    Draft202012Validator.check_schema(schema_of(what))


@pytest.mark.parametrize("what", ["course", "assessment"])
def test_the_published_file_is_what_the_command_prints(what: str, capsys: pytest.CaptureFixture[str]):
    assert main(["schema", what]) == 0
    assert (ROOT / f"docs/reference/{what}.schema.json").read_text() == capsys.readouterr().out


def test_no_other_schema():
    with pytest.raises(UnusableInput, match="course, assessment"):
        schema_of("events")


# --- the course file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_frozen_sample_is_valid(name: str):
    assert both_take(file_with(SAMPLES[name])) == [True, True]


def test_a_course_written_out_is_valid():
    told = Told(overlays=[], facts={"birth_year": 1950, "ecog_0_4": None}, x_note={"kept": [1]})
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", by={"role": "nurse", "id": None}, site="synthetic-site", x_lot="kept")
    told.tell("checkin_received", "2026-01-05 22:00", temperature_c="38.4", symptoms=["chills"], source="patient")
    written = course_to_json(told.course())
    assert list(COURSE.iter_errors(written)) == []
    assert list(COURSE.iter_errors(told.file())) == []


@pytest.mark.parametrize("kind", KINDS)
def test_asked_and_not_known_is_valid_in_every_field(kind: str):
    empty = {"id": "00000000-0000-0000-0000-000000000001", "kind": kind, "at": "2026-01-05T10:00:00Z"}
    envelope = ("recorded_at", "by", "source", "site", "zone", "supersedes", "reason")
    names = [*schema_of("course")["$defs"][kind]["properties"], *envelope]
    nulls = {name: None for name in names if name not in ("id", "kind", "at", "version")}
    assert both_take(file_with(empty)) == [True, True]
    assert both_take(file_with({**empty, **nulls})) == [True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_key_is_refused_in_every_kind(kind: str):
    sample = next(body for body in SAMPLES.values() if body["kind"] == kind)
    assert both_take(file_with({**sample, "temperature": "38.4"})) == [False, False]
    assert both_take(file_with({**sample, "x_temperature": "38.4"})) == [True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_type_is_refused_in_every_field(kind: str):
    sample = next(body for body in SAMPLES.values() if body["kind"] == kind)
    for name in schema_of("course")["$defs"][kind]["properties"]:
        assert both_take(file_with({**sample, name: {"planted": ["x"]}})) == [False, False], name


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"format": "handrail-course/2"},
        {"id": None},
        {"id": "course-1"},
        {"product": None},
        {"product": 7},
        {"jurisdiction": None},
        {"time_zone": None},
        {"protocol_key": 7},
        {"synthetic": "yes"},
        {"overlays": {}},
        {"facts": []},
        {"events": None},
        {"events": {}},
        {"facts": {"name": "nobody"}},
        {"facts": {"birth_year": "1950"}},
        {"facts": {"ecog_0_4": True}},
    ],
    ids=str,
)
def test_a_spoilt_header_is_refused_by_both(changes: dict[str, Any]):
    assert both_take(file_with()) == [True, True]
    assert both_take(file_with(**changes)) == [False, False]
    absent = {key: value for key, value in file_with().items() if changes.get(key, "") is not None}
    assert both_take(absent) == [None not in changes.values()] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "17"},
        {"kind": "temperature_measured"},
        {"version": 2},
        {"version": None},
        {"at": None},
        {"at": "2026-01-05T10:00:00"},
        {"at": "yesterday"},
        {"recorded_at": "2026-01-05T10:00:00"},
        {"by": "nurse"},
        {"by": {"id": "n1"}},
        {"by": {"role": None}},
        {"by": {"role": "nurse", "name": "nobody"}},
        {"source": "letter"},
        {"supersedes": "the one before"},
        {"temperature_c": "warm"},
        {"temperature_c": True},
        {"antipyretic_last_6_h": "no"},
        {"unit_as_typed": "K"},
        {"symptoms": "chills"},
        {"symptoms": [" "]},
        {"symptoms": [None]},
        {"home_neuro": ["right"]},
        {"home_neuro": {"year": "maybe"}},
        {"home_neuro": {"year": None}},
        {"spo2_percent": 97.5},
        {"written_at": "2026-01-05"},
        {"implausible": [7]},
    ],
    ids=str,
)
def test_a_spoilt_event_is_refused_by_both(changes: dict[str, Any]):
    sample = SAMPLES["checkin_received.1"]
    assert both_take(file_with({**sample, **changes})) == [False, False]


@pytest.mark.parametrize("zone", ["", "Mars/Olympus"])
def test_only_the_reader_knows_which_zones_exist(zone: str):
    assert both_take(file_with({**SAMPLES["checkin_received.1"], "zone": zone})) == [False, True]


def test_the_version_of_a_policy_is_a_text_and_the_version_of_its_kind_a_number():
    event = {"id": "00000000-0000-0000-0000-000000000001", "kind": "policy_changed", "at": "2026-01-05T10:00:00Z"}
    for version in (1, "2", None):
        assert both_take(file_with({**event, "version": version})) == [True, True], version
    for version in (2, True, ["2"]):
        assert not COURSE.is_valid(file_with({**event, "version": version})), version


# --- the answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [TEC, TEC_COMBO, ELRA])
@pytest.mark.parametrize("at", ["2026-01-04 09:00", "2026-01-05 12:00", "2026-01-06 03:30", "2026-01-20 09:00"])
def test_every_answer_is_valid(key: str, at: str):
    told = Told(key)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00")
    told.tell("checkin_received", "2026-01-06 02:14", temperature_c="38.4", antipyretic_last_6_h=None)
    told.tell("accountability_moved", "2026-01-06 03:00", to_party="hub", accepted_by="oncologist")
    assert list(ASSESSMENT.iter_errors(told.assess(at).to_json())) == []


@pytest.mark.parametrize(
    "path",
    [(), ("next_dose",), ("next_dose", "source"), ("toxicity", "crs"), ("watch",), ("policy",), ("findings", 0)],
    ids=str,
)
def test_an_answer_with_a_key_too_many_or_too_few_is_refused(path: tuple[Any, ...]):
    told = Told()
    well(told, "2026-01-05 08:00")
    body = told.assess("2026-01-05 09:00").to_json()
    if path == ("findings", 0):
        told.tell("checkin_received", "2026-01-05 09:00", temperature_c="39.4")
        body = told.assess("2026-01-05 09:01").to_json()
    place = body
    for name in path:
        place = place[name]
    assert ASSESSMENT.is_valid(body)
    place["planted"] = 1
    assert not ASSESSMENT.is_valid(body)
    del place["planted"]
    place.popitem()
    assert not ASSESSMENT.is_valid(body)


@pytest.mark.parametrize(
    ("name", "value"),
    [("action", "proceed"), ("due_on", "05/01/2026"), ("withheld", None), ("flags", None), ("status", "certain")],
)
def test_a_next_dose_of_other_words_is_refused(name: str, value: Any):
    body = Told().assess("2026-01-05 09:00").to_json()
    body["next_dose"][name] = value
    assert not ASSESSMENT.is_valid(body)
