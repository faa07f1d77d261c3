"""`grade crs|icans --lines`: one line out for each line in, whatever the line."""

import json
from typing import Any

import pytest

from handrail.cli.grade import run
from handrail.rules.terms import UnusableInput
from tests.support.grading import CRS_NAMES, ICANS_NAMES, NORMAL


def one(kind: str, line: str) -> dict[str, Any]:
    (answer,) = run(kind, [line])
    assert "\n" not in answer
    result: dict[str, Any] = json.loads(answer)
    return result


def case(**changes: Any) -> str:
    return json.dumps({"id": "a", "in": {**NORMAL, **changes}})


def test_the_answer_has_the_keys_of_the_contract():
    assert one("crs", case(tmax_c=38.5)) == {
        "id": "a",
        "grade": 1,
        "suspected": False,
        "flags": [],
        "because": "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; no oxygen given.",
        "cannot_say": [],
    }


@pytest.mark.parametrize(("kind", "names"), [("crs", CRS_NAMES), ("icans", ICANS_NAMES)])
def test_an_absent_fact_is_not_known(kind, names):
    answer = one(kind, '{"id": 7, "in": {}}')
    assert (answer["id"], answer["grade"], answer["suspected"]) == (7, None, False)
    assert [item["missing"] for item in answer["cannot_say"]] == list(names)
    assert one(kind, json.dumps({"id": 7, "in": dict.fromkeys(NORMAL)})) == answer


def test_numbers_are_kept_to_the_digit_as_numbers_and_as_texts():
    assert one("crs", case(tmax_c=37.99))["grade"] == 0
    assert one("crs", case(tmax_c="37.99999999999999999999"))["grade"] == 0
    assert one("crs", case(tmax_c=77).replace("77", "37.99999999999999999999"))["grade"] == 0
    assert one("icans", case(ice="9"))["grade"] == one("icans", case(ice=9.0))["grade"] == 1


def test_the_flow_has_two_names():
    facts = {**NORMAL, "tmax_c": 38.5, "o2": "nasal_cannula"}
    del facts["flow"]
    assert one("crs", json.dumps({"id": "a", "in": {**facts, "flow_l_per_min": 7}}))["grade"] == 3
    assert one("crs", json.dumps({"id": "a", "in": {**facts, "flow_l_per_min": 7, "flow": 7.0}}))["grade"] == 3
    answer = one("crs", json.dumps({"id": "a", "in": {**facts, "flow_l_per_min": 7, "flow": 2}}))
    assert answer["error"]["code"] == "contradiction"


def test_facts_of_the_other_grade_are_not_read():
    assert one("crs", case(ice=99, loc="sleepy"))["grade"] == 0
    assert one("icans", case(o2="snorkel", tmax_c="hot"))["grade"] == 0


@pytest.mark.parametrize(
    # line | id | code | path
    ("line", "name", "code", "path"),
    [
        ("", None, "not_json", ""),
        ("{", None, "not_json", ""),
        ("[" * 100_000, None, "not_json", ""),
        ('{"id": "a", "in": {"tmax_c": NaN}}', None, "not_json", ""),
        ("[]", None, "wrong_type", ""),
        ('{"in": {}}', None, "missing_key", "id"),
        ('{"id": true, "in": {}}', None, "missing_key", "id"),
        ('{"id": "a"}', "a", "missing_key", "in"),
        ('{"id": "a", "in": []}', "a", "wrong_type", "in"),
        ('{"id": "a", "in": {}, "at": 1}', "a", "unknown_key", "at"),
        ('{"id": "a", "in": {"temp": 38}}', "a", "unknown_key", "in.temp"),
        ('{"id": "a", "in": {"tmax_c": 36.8, "tmax_c": 39}}', None, "duplicate_key", ""),
        (case(tmax_c="hot"), "a", "wrong_type", "in.tmax_c"),
        (case(tmax_c="Infinity"), "a", "wrong_type", "in.tmax_c"),
        (case(tmax_c=True), "a", "wrong_type", "in.tmax_c"),
        (case(masked="no"), "a", "wrong_type", "in.masked"),
        (case(masked=0), "a", "wrong_type", "in.masked"),
        (case(pressors="norepinephrine"), "a", "wrong_type", "in.pressors"),
        (case(pressors=[1]), "a", "wrong_type", "in.pressors"),
        (case(o2="snorkel"), "a", "unknown_word", "in.o2"),
        (case(o2=2), "a", "wrong_type", "in.o2"),
        (case(flow=-1), "a", "out_of_range", "in.flow"),
    ],
)
def test_an_unusable_line_says_so_in_one_sentence(line, name, code, path):
    answer = one("crs", line)
    assert (answer["id"], answer["error"]["code"], answer["error"]["path"]) == (name, code, path)
    assert answer["error"]["message"].endswith(".")
    assert set(answer) == {"id", "error"}


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        (case(ice=11), "out_of_range", "in.ice"),
        (case(ice=-1), "out_of_range", "in.ice"),
        (case(ice=8.5), "wrong_type", "in.ice"),
        (case(ice=True), "wrong_type", "in.ice"),
        (case(loc="sleepy"), "unknown_word", "in.loc"),
        (case(seizure="long"), "unknown_word", "in.seizure"),
        (case(motor="no"), "wrong_type", "in.motor"),
    ],
)
def test_an_unusable_line_of_icans(line, code, path):
    answer = one("icans", line)
    assert (answer["error"]["code"], answer["error"]["path"]) == (code, path)


def test_the_others_go_on_in_the_same_order():
    lines = [case(tmax_c=38), "oops", case(tmax_c=384), case(o2="x"), case()]
    answers = [json.loads(line) for line in run("crs", lines)]
    assert [answer.get("grade", "error") for answer in answers] == [1, "error", None, "error", 0]


def test_answers_come_as_lines_come():
    def endless():
        while True:
            yield case()

    answers = run("crs", endless())
    assert json.loads(next(answers)) == json.loads(next(answers))


def test_another_kind_is_refused_before_any_line():
    with pytest.raises(UnusableInput):
        run("hlh", [])


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1e-999999"])
@pytest.mark.parametrize(("kind", "fact"), [("crs", "flow"), ("crs", "tmax_c"), ("icans", "ice")])
def test_a_number_that_would_take_minutes_to_write_out_is_refused(kind, fact, number):
    answer = one(kind, case(**{fact: number}))
    assert (answer["error"]["code"], answer["error"]["path"]) == ("out_of_range", f"in.{fact}")
