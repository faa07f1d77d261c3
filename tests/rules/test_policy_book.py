"""The book of a policy holds every row of the file with every number, and every row that a finding names."""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.policy import FOLDER, load_policy
from handrail.rules.policy_book import policy_rows, shipped_policies
from handrail.rules.protocol import load
from tests.support.courses import Told

FILES = [pytest.param(file, id=file.stem) for file in FOLDER.glob("*.toml")]


def sourced(value: Any) -> Iterator[dict[str, Any]]:
    """Every table of a document that names a source."""
    if isinstance(value, dict):
        if "source" in value:
            yield value
        for item in value.values():
            yield from sourced(item)
    elif isinstance(value, list):
        for item in value:
            yield from sourced(item)


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_there_once_with_every_value(file: Any):
    document = tomllib.loads(file.read_text(), parse_float=Decimal)
    rows = list(policy_rows(document))
    raw = list(sourced({key: value for key, value in document.items() if key != "sources"}))
    assert len(rows) == len(raw) == len({row.id for row in rows}) > 30
    said = {" ".join(row.words.split()) for row in rows}
    for table in raw:
        values = [
            str(value) for value in table.values() if isinstance(value, (str, int, Decimal)) and value is not True
        ]
        assert any(all(value in words for value in values if value != table["status"]) for words in said), table


def test_steps_of_a_ladder_are_said():
    _, rows = shipped_policies()["default"]
    (ladder,) = [row for row in rows if row.id == "ladder.RED-1"]
    policy = load_policy("default")
    for step in next(row for name, row in policy.ladders.items() if name.value == "RED-1").steps:
        assert f"wait minutes {step.wait_minutes}" in ladder.words


def test_a_table_without_a_source_is_no_row():
    assert [
        row.id for row in policy_rows({"a": {"b": 1}, "c": {"d": 2, "source": ["X"], "status": "site-choice"}})
    ] == ["c"]


def test_two_rows_of_one_name_have_ids_of_their_own():
    row = {"reading": "spo2_percent", "below": "90", "source": ["X"], "status": "sourced"}
    assert [each.id for each in policy_rows({"reading": [row, row]})] == [
        "reading.spo2_percent",
        "reading.spo2_percent.2",
    ]


def test_every_row_that_a_finding_names_is_in_the_book():
    _, rows = shipped_policies()["default"]
    known = {row.id for row in rows}
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.tell("checkin_received", "2026-03-02 20:00", temperature_c="38.4", antipyretic_last_6_h=False)
    named = {
        finding.source.row
        for at in ("2026-03-02 20:01", "2026-03-03 09:30")
        for finding in told.assess(at).findings
        if finding.source is not None
    }
    label = {row.id for row in load(told.assess("2026-03-02 20:01").protocol_key).rows()}
    assert {"triage", "watch.phase.risk_window"} <= named <= known | label
