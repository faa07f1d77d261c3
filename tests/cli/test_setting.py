"""`handrail setting --lines`: one line out for each line in, whatever the line, as the published schemas say."""

from __future__ import annotations

import io
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handrail.cli import main
from handrail.cli.setting import run
from handrail.rules.schema import schema_of
from tests.spec.test_setting import V
from tests.support.settings import DAY_1, LABEL, at, changed, unremarkable

ANSWER = Draft202012Validator(schema_of("setting"))
LINE = Draft202012Validator(schema_of("setting-line"))


def line(name: Any = "a", **changes: Any) -> dict[str, Any]:
    return {"id": name, "at": at(0, 10), "protocol_key": LABEL, "in": changed(unremarkable(), **changes)}


def one(body: Any) -> dict[str, Any]:
    (answer,) = run([body if isinstance(body, str) else json.dumps(body)])
    assert "\n" not in answer
    found: dict[str, Any] = json.loads(answer)
    return found


VECTORS = Path(__file__).parents[1] / "spec" / "vectors" / "settings.jsonl"


def vector(case: str, first: date | None, changes: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of cases as a line."""
    first = first or DAY_1
    facts = changed(unremarkable(first), **changes)
    facts = {name: value for name, value in facts.items() if value is not None}
    return {"id": case, "at": at(0, 10, first), "protocol_key": LABEL, "in": facts}


CONTRACT = [
    "recommendation", "confidence", "blocking", "inpatient_reasons", "considerations", "missing", "label_requirement",
    "payer_requirement", "conflicts", "valid_until", "protocol_version",
]  # fmt: skip


def test_the_answer_has_the_keys_of_the_contract():
    answer = one(line())
    assert set(CONTRACT) <= set(answer)
    assert (answer["id"], answer["format"]) == ("a", "handrail-setting-answer/1")
    assert (answer["recommendation"], answer["confidence"]) == ("OUTPATIENT", "complete")
    assert answer["valid_until"] == "2026-07-06T05:00:00Z"
    assert answer["label_requirement"]["source"]["row"] == "MON-1"


CASES: list[dict[str, Any]] = [
    {},
    {"ecog": None},
    {"temperature_c": 38.1},
    {"caregivers": []},
    {"site__level": "1", "other_sites": [{"name": "Hub", "level": "H", "level_paper": {"held": True, "no_end": True}}]},
    {"payer": {"inpatient_steps": ["step_up_1"], "waiver": {"held": False}}},
    {"last_dose": {"given": True, "step": "step_up_1", "on": "2026-05-01", "schedule": "weekly"}},
    {"needs_interpreter": True, "interpreter_at_all_hours": False},
]


@pytest.mark.parametrize("changes", CASES)
def test_line_and_answer_are_as_the_schemas_say(changes: dict[str, Any]):
    body = line(**changes)
    LINE.validate(body)
    ANSWER.validate(one(body))


def test_a_fact_that_is_null_or_absent_is_not_known():
    absent = line()
    del absent["in"]["ecog"]
    assert one(absent) == one(line(ecog=None))
    assert one(absent)["missing"] == [
        {"fact": "ecog", "missing": "ECOG", "rules": ["IP-5", "C-ECOG"], "owner": "prescriber"}
    ]


def test_without_a_label_nothing_leaves_hospital():
    body = line()
    del body["protocol_key"]
    assert one(body)["recommendation"] is None


BAD: list[tuple[Any, str, str]] = [
    ("no json", "not_json", ""),
    ("[]", "wrong_type", ""),
    ({"id": "a", "at": at(0), "in": {}, "more": 1}, "unknown_key", "more"),
    ({"id": "a", "in": unremarkable()}, "missing_key", "at"),
    ({"id": "a", "at": at(0)}, "missing_key", "in"),
    ({"id": "a", "at": "2026-07-05T10:00:00", "in": unremarkable()}, "naive_time", "at"),
    ({"id": "a", "at": at(0), "in": []}, "wrong_type", "in"),
    ({"id": "a", "at": at(0), "in": {}}, "missing_key", "in"),
    ({"id": "a", "at": at(0), "protocol_key": 3, "in": unremarkable()}, "wrong_type", "protocol_key"),
    ({"id": "a", "at": at(0), "protocol_key": "x", "in": unremarkable()}, "unknown_protocol", "protocol_key"),
    (line(race="any"), "unknown_key", "in.race"),
    (line(ecog="1"), "wrong_type", "in.ecog"),
    (line(consent=1), "wrong_type", "in.consent"),
    (line(ecog=None, site={"level": "4"}), "missing_key", "in.site"),
    (line(site__level="5"), "unknown_word", "in.site.level"),
    (line(site__color="red"), "unknown_key", "in.site.color"),
    (line(travel={"worst": [{"months": ["July"], "minutes": 20}]}), "wrong_type", "in.travel.worst[0].months[0]"),
    (line(caregivers=[{"who": "p", "from_at": at(1)}]), "missing_key", "in.caregivers[0]"),
    (line(caregivers=[{"who": "p", "from_at": "soon", "until_at": at(1)}]), "not_a_time", "in.caregivers[0].from_at"),
    (line(doses={}), "wrong_type", "in.doses"),
    (line(step="step_up_3"), "missing_key", "in.step"),
    (line(weather_expected=["snow", "Snow"]), "unknown_word", "in.weather_expected[1]"),
    (line(weather_expected=["blizzard"]), "unknown_word", "in.weather_expected[0]"),
    (
        line(travel={"worst": [{"months": [7], "minutes": 20, "weather": "Snow"}]}),
        "unknown_word",
        "in.travel.worst[0].weather",
    ),
    (
        line(site__suspensions=[{"words": "w", "months": [7], "weather": "SNOW"}]),
        "unknown_word",
        "in.site.suspensions[0].weather",
    ),
    (line(screening={"hepatitis_b": "fine"}), "unknown_word", "in.screening.hepatitis_b"),
]


@pytest.mark.parametrize(("body", "code", "path"), BAD)
def test_a_line_that_cannot_be_used_says_why_and_the_others_go_on(body: Any, code: str, path: str):
    text = body if isinstance(body, str) else json.dumps(body)
    bad, good = (json.loads(answer) for answer in run([text, json.dumps(line("b"))]))
    assert (bad["error"]["code"], bad["error"]["path"]) == (code, path)
    assert good["recommendation"] == "OUTPATIENT"


def test_a_word_for_weather_that_is_none_of_the_vocabulary_is_told_which_there_are():
    message = one(line(weather_expected=["Snow"]))["error"]["message"]
    assert message == "The value is one of: clear, rain, storm, flood, fog, ice, snow, heat."


def test_the_command_answers_line_by_line_and_exits_0(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    lines = [json.dumps(line(1)), "{", json.dumps(line(2, temperature_c="38.0"))]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    assert main(["setting", "--lines"]) == 0
    first, second, third = (json.loads(answer) for answer in capsys.readouterr().out.splitlines())
    assert (first["id"], first["recommendation"]) == (1, "OUTPATIENT")
    assert second["error"]["code"] == "not_json"
    assert (third["id"], third["recommendation"]) == (2, "DEFER")


def test_the_cases_v1_to_v13_as_lines_are_answered_as_their_table_says():
    lines = VECTORS.read_text().splitlines()
    assert [json.loads(each) for each in lines] == [vector(*row[:3]) for row in V]
    answers = [json.loads(answer) for answer in run(lines)]
    assert [answer["recommendation"] for answer in answers] == [row[3] for row in V]
    for each, answer in zip(lines, answers, strict=True):
        LINE.validate(json.loads(each))
        ANSWER.validate(answer)
