"""The course file: what is refused, in one sentence with a code and a place; what is kept; and the way out and back."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest

from handrail.rules.coursefile import CourseFileError, course_from_json, course_to_json, read_course
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge
from tests.support.courses import ELRA, Told, instant

NOW = instant("2026-03-20 09:00")
START, DOSE, CHECK, PLAN, WEIGHT = range(5)


def usable() -> dict[str, Any]:
    """A course file with one event of each kind that the cases below spoil."""
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("checkin_received", "2026-03-02 12:00", temperature_c="36.8", symptoms=[], home_neuro={"year": "right"})
    told.tell("dose_planned", "2026-03-02 13:00", step="step_up_2", on="2026-03-05", setting="outpatient")
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    return deepcopy(told.file())


def refusal(text: str | bytes) -> UnusableInput:
    with pytest.raises(UnusableInput) as caught:
        judge(read_course(text), NOW)
    return caught.value


def is_one_sentence(message: str) -> bool:
    return message.endswith(".") and "\n" not in message and message.count(". ") == 0


def test_the_file_that_the_cases_spoil_is_usable():
    assert judge(read_course(json.dumps(usable())), NOW).answer.next_dose.action


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("", "not_json", ""),
        ("{", "not_json", ""),
        ("oops", "not_json", ""),
        (b"\xff\xfe\x00", "not_json", ""),
        ("[" * 100_000, "not_json", ""),
        ('{"format": NaN}', "not_json", ""),
        ("[]", "wrong_type", ""),
        ("null", "wrong_type", ""),
        ("{}", "unknown_format", "format"),
        ('{"format": "handrail-course/2"}', "unknown_format", "format"),
        ('{"format": "handrail-course/1"}', "missing_key", "id"),
    ],
)
def test_an_unreadable_file(text: str | bytes, code: str, path: str):
    error = refusal(text)
    assert (error.code, error.path) == (code, path)
    assert is_one_sentence(error.message)


ABSENT = object()


@pytest.mark.parametrize(
    # key of the file   | value                     | code             | path
    ("key", "value", "code", "path"),
    [
        ("product", "elranatamab", "other_product", "protocol_key"),
        ("product", ABSENT, "missing_key", "product"),
        ("product", 7, "wrong_type", "product"),
        ("jurisdiction", "EU", "other_jurisdiction", "protocol_key"),
        ("protocol_key", "teclistamab/US/1999-01/mono", "unknown_protocol", "protocol_key"),
        ("protocol_key", ELRA, "other_product", "protocol_key"),
        ("time_zone", "America/Springfield", "unknown_zone", "time_zone"),
        ("time_zone", "../../etc/passwd", "unknown_zone", "time_zone"),
        ("time_zone", "", "unknown_zone", "time_zone"),
        ("time_zone", ABSENT, "missing_key", "time_zone"),
        ("id", "course-7", "not_a_uuid", "id"),
        ("schedule", "every_4_weeks", "unknown_schedule", "schedule"),
        ("policy", "another", "unknown_policy", "policy.id"),
        ("policy", {"id": "default", "sha256": "0" * 64}, "other_policy", "policy.sha256"),
        ("policy", 3, "unknown_policy", "policy"),
        ("events", ABSENT, "wrong_type", "events"),
        ("events", {}, "wrong_type", "events"),
        ("events", [7], "wrong_type", "events[0]"),
        ("synthetic", "yes", "wrong_type", "synthetic"),
        ("facts", {"name": "Synthia"}, "unknown_key", "facts.name"),
        ("facts", {"birth_year": "1950"}, "wrong_type", "facts.birth_year"),
        ("patient", "Synthia", "unknown_key", "patient"),
        ("overlays", "none", "wrong_type", "overlays"),
    ],
)
def test_a_header_that_cannot_be_used(key: str, value: Any, code: str, path: str):
    file = usable()
    if value is ABSENT:
        del file[key]
    else:
        file[key] = value
    error = refusal(json.dumps(file))
    assert (error.code, error.path) == (code, path)
    assert is_one_sentence(error.message)


@pytest.mark.parametrize(
    ("product", "jurisdiction", "path"),
    [("tecvayli", "US", "product"), ("", "US", "product"), ("teclistamab", "FR", "jurisdiction")],
)
def test_a_product_or_country_without_a_protocol(product: str, jurisdiction: str, path: str):
    error = refusal(json.dumps({**usable(), "protocol_key": None, "product": product, "jurisdiction": jurisdiction}))
    assert error.code == f"unknown_{path}" and error.path == path
    assert is_one_sentence(error.message)


@pytest.mark.parametrize(
    # event | key             | value                     | code             | path
    ("number", "key", "value", "code", "path"),
    [
        (DOSE, "at", "2026-03-02T09:00:00", "naive_time", "events[1].at"),
        (DOSE, "at", "yesterday", "not_a_time", "events[1].at"),
        (DOSE, "at", "2026-02-30T09:00:00Z", "not_a_time", "events[1].at"),
        (DOSE, "at", "0001-01-01T00:00:00+14:00", "not_a_time", "events[1].at"),
        (DOSE, "at", ABSENT, "missing_key", "events[1].at"),
        (DOSE, "at", 1772463600, "wrong_type", "events[1].at"),
        (DOSE, "recorded_at", "2026-03-02T09:00:00", "naive_time", "events[1].recorded_at"),
        (DOSE, "started_at", "2026-03-02 09:00", "naive_time", "events[1].started_at"),
        (DOSE, "at", "2025-12-31T09:00:00Z", "before_course", "events[1].at"),
        (DOSE, "id", ABSENT, "missing_key", "events[1].id"),
        (DOSE, "id", "7", "not_a_uuid", "events[1].id"),
        (DOSE, "kind", "dose_taken", "unknown_kind", "events[1].kind"),
        (DOSE, "kind", ABSENT, "unknown_kind", "events[1].kind"),
        (DOSE, "kind", ["dose_given"], "unknown_kind", "events[1].kind"),
        (DOSE, "version", 2, "unknown_version", "events[1].version"),
        (DOSE, "zone", "Chicago", "unknown_zone", "events[1].zone"),
        (DOSE, "source", "rumour", "unknown_word", "events[1].source"),
        (DOSE, "dose", "4", "unknown_key", "events[1].dose"),
        (DOSE, "step", "step_up_9", "unknown_word", "events[1].step"),
        (DOSE, "dose_mg", "four", "wrong_type", "events[1].dose_mg"),
        (DOSE, "dose_mg", "NaN", "wrong_type", "events[1].dose_mg"),
        (DOSE, "dose_mg", True, "wrong_type", "events[1].dose_mg"),
        (DOSE, "by", {"id": "u1"}, "missing_key", "events[1].by.role"),
        (DOSE, "by", {"role": "nurse", "name": "Synthia"}, "unknown_key", "events[1].by.name"),
        (DOSE, "supersedes", "x", "not_a_uuid", "events[1].supersedes"),
        pytest.param(DOSE, "supersedes", str(UUID(int=2)), "circular_correction", "events", id="supersedes itself"),
        (CHECK, "temperature_c", "384", "implausible", "events[2].temperature_c"),
        (CHECK, "temperature_c", "29.9", "implausible", "events[2].temperature_c"),
        (CHECK, "symptoms", "cough", "wrong_type", "events[2].symptoms"),
        (CHECK, "symptoms", [""], "empty", "events[2].symptoms[0]"),
        (CHECK, "symptoms", [7], "wrong_type", "events[2].symptoms[0]"),
        (CHECK, "home_neuro", {"year": "maybe"}, "unknown_word", "events[2].home_neuro.year"),
        (CHECK, "none_of_these", "yes", "wrong_type", "events[2].none_of_these"),
        (PLAN, "step", "step_up_3", "unknown_step", "events[3].step"),
        (PLAN, "on", "5 March", "not_a_date", "events[3].on"),
        (WEIGHT, "weight_kg", "7", "implausible", "events[4].weight_kg"),
        (WEIGHT, "weight_kg", "250.1", "implausible", "events[4].weight_kg"),
        (START, "kind", "note_added", "unknown_key", "events[0].intent"),
    ],
)
def test_an_event_that_cannot_be_used(number: int, key: str, value: Any, code: str, path: str):
    file = usable()
    if value is ABSENT:
        del file["events"][number][key]
    else:
        file["events"][number][key] = value
    error = refusal(json.dumps(file))
    assert (error.code, error.path) == (code, path)
    assert is_one_sentence(error.message)
    assert str(value) not in error.message or key in ("zone", "kind"), "a sentence never repeats what may be a reading"


def test_a_course_that_never_started():
    file = usable()
    del file["events"][START]
    assert (refusal(json.dumps(file)).code, refusal(json.dumps(file)).path) == ("no_start", "events")


def test_one_id_with_two_contents():
    file = usable()
    file["events"].append({**file["events"][DOSE], "step": "step_up_2"})
    error = refusal(json.dumps(file))
    assert error.code == "duplicate_id" and file["events"][DOSE]["id"] in error.message
    assert is_one_sentence(error.message)


def test_one_key_twice_in_an_object_is_refused():
    text = json.dumps(usable()).replace('"temperature_c": "36.8"', '"temperature_c": "39.4", "temperature_c": "36.8"')
    assert refusal(text).code == "duplicate_key"


def test_the_same_fact_twice_is_harmless():
    file = usable()
    once = judge(course_from_json(deepcopy(file)), NOW).answer
    file["events"].append(deepcopy(file["events"][DOSE]))
    assert judge(course_from_json(file), NOW).answer == once


# --- kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "key", "value"),
    [(CHECK, "temperature_c", "384"), (WEIGHT, "weight_kg", "7")],
)
def test_an_implausible_reading_that_is_marked_is_kept_and_satisfies_no_rule(number: int, key: str, value: str):
    file = usable()
    file["events"][number] |= {key: value, "implausible": [key]}
    course = read_course(json.dumps(file))
    answer = judge(course, NOW).answer
    assert f"{file['events'][number]['kind']}.{key}" in [item.missing for item in answer.cannot_say]
    assert course_to_json(course)["events"][number][key] == value


def test_a_dose_really_given_is_recorded_whatever_the_label_says():
    file = usable()
    file["events"][DOSE]["step"] = "step_up_3"
    answer = judge(read_course(json.dumps(file)), NOW).answer
    assert answer.next_dose.action.value == "ask"
    assert [f.urgency.value for f in answer.findings if "differs from the protocol" in f.what] == ["now"]


def test_an_imported_event_may_come_before_the_course():
    file = usable()
    file["events"][WEIGHT] |= {"at": "2025-11-01T09:00:00Z", "source": "import"}
    assert judge(read_course(json.dumps(file)), NOW).answer


def test_keys_under_x_are_kept_and_not_read():
    file = usable()
    plain = judge(read_course(json.dumps(file)), NOW).answer
    file["x_from"] = {"system": "synthetic", "temperature_c": "41"}
    file["events"][CHECK] |= {"x_temperature_c": "41", "x_note": [1, 2]}
    course = read_course(json.dumps(file))
    out = course_to_json(course)
    assert judge(course, NOW).answer == plain
    assert out["x_from"] == file["x_from"]
    assert (out["events"][CHECK]["x_temperature_c"], out["events"][CHECK]["x_note"]) == ("41", [1, 2])


def test_asked_and_not_known_differs_from_never_asked_on_the_way_out_too():
    file = usable()
    file["events"][CHECK] |= {"antipyretic_last_6_h": None}
    out = course_to_json(read_course(json.dumps(file)))["events"][CHECK]
    assert out["antipyretic_last_6_h"] is None and "caregiver_present" not in out


def test_decimals_are_kept_to_the_digit_as_texts_and_as_numbers():
    file = usable()
    file["events"][CHECK]["temperature_c"] = "37.10"
    assert course_to_json(read_course(json.dumps(file)))["events"][CHECK]["temperature_c"] == "37.10"
    text = json.dumps(file).replace('"37.10"', "37.10")
    assert course_to_json(read_course(text))["events"][CHECK]["temperature_c"] == "37.10"


# --- out and back -------------------------------------------------------------------------------------------------


def full() -> dict[str, Any]:
    """Everything a file may hold, in the form in which it is written out."""
    file = usable()
    file |= {
        "policy": {"id": "default", "sha256": None},
        "overlays": [],
        "facts": {"birth_year": 1950, "sex": "female", "ecog_0_4": 1, "language": "es"},
        "context": {"distance": "far"},
        "x_note": "synthetic",
    }
    for number, event in enumerate(file["events"]):
        event |= {
            "version": 1,
            "zone": "America/Denver",
            "by": {"role": "nurse", "id": f"u{number}"},
            "source": "staff",
        }
        event |= {"at": f"2026-03-02T16:0{number}:00Z", "recorded_at": f"2026-03-02T17:0{number}:00Z", "site": "hub"}
    file["events"].append(
        {
            **file["events"][CHECK],
            "id": "00000000-0000-0000-0000-0000000000aa",
            "supersedes": file["events"][CHECK]["id"],
            "reason": "typo",
            "temperature_c": None,
            "home_neuro": {"year": "right", "writing": "not_done"},
        }
    )
    return file


def test_a_course_comes_back_as_it_was_written():
    file = full()
    assert course_to_json(course_from_json(deepcopy(file))) == file
    assert course_from_json(course_to_json(course_from_json(deepcopy(file)))) == course_from_json(file)


def test_the_answer_is_the_same_after_the_way_out_and_back():
    file = usable()
    course = course_from_json(deepcopy(file))
    again = read_course(json.dumps(course_to_json(course)))
    assert judge(again, NOW).answer == judge(course, NOW).answer


def test_errors_of_the_reader_are_one_kind():
    assert issubclass(CourseFileError, UnusableInput)
