"""`handrail protocols export` and `grid`: every shipped revision in forms that need none of this code, and a schema that fits."""

import csv
import io
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handrail.cli import main
from handrail.rules.protocol import TABLES, catalogue, load
from handrail.rules.schema import schema_of
from tests.support.courses import ELRA, TEC

pytestmark = pytest.mark.slow

SCHEMA = Draft202012Validator(schema_of("protocol"))
KEYS = [protocol.key for protocol in catalogue()]


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["protocols", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("key", KEYS)
def test_the_document_of_every_revision_fits_the_published_schema(capsys: pytest.CaptureFixture[str], key: str):
    document = json.loads(printed(capsys, "export", key, "--as", "json"))
    assert list(SCHEMA.iter_errors(document)) == []
    assert document["key"] == key and document["format"] == "handrail-protocol-export/1"
    protocol = load(key)
    for table in TABLES:
        assert [row["id"] for row in document[table]] == [row.id for row in getattr(protocol, table)]
        assert [row["status"] for row in document[table]] == [row.status.value for row in getattr(protocol, table)]
    for row in document["gap"]:
        assert set(row["source"]) <= set(document["sources"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("gap", 0, "status"), "certain"),
        (("gap", 0, "from_day"), "0"),
        (("gap", 0, "source"), "S21"),
        (("gap", 0, "colour"), "blue"),
        (("product", "revision"), None),
        (("step", 0, "mg"), 12.5),
        (("sources",), []),
        (("format",), "handrail-protocol-export/2"),
    ],
    ids=str,
)
def test_a_spoilt_document_does_not_fit(capsys: pytest.CaptureFixture[str], path: tuple[Any, ...], value: Any):
    document = json.loads(printed(capsys, "export", ELRA))
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not SCHEMA.is_valid(document)


def test_a_document_with_a_table_less_does_not_fit(capsys: pytest.CaptureFixture[str]):
    document = json.loads(printed(capsys, "export", ELRA))
    for name in TABLES:
        assert not SCHEMA.is_valid({key: value for key, value in document.items() if key != name}), name


def test_amounts_keep_their_digits(capsys: pytest.CaptureFixture[str]):
    document = json.loads(printed(capsys, "export", TEC))
    assert {row["mg_per_kg"] for row in document["step"]} == {"0.06", "0.3", "1.5"}


def test_the_bundle_of_a_revision_is_printed(capsys: pytest.CaptureFixture[str]):
    bundle = json.loads(printed(capsys, "export", TEC, "--as", "fhir"))
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds[:2] == ["PlanDefinition", "Library"] and set(kinds[2:]) == {"ActivityDefinition"}


def test_the_grid_of_one_revision_and_of_all(capsys: pytest.CaptureFixture[str]):
    one = printed(capsys, "grid", TEC)
    everything = printed(capsys, "grid")
    rows = list(csv.DictReader(io.StringIO(everything)))
    assert {row["protocol"] for row in rows} == set(KEYS)
    assert everything.count("protocol,schedule") == 1
    assert set(one.splitlines()) <= set(everything.splitlines())
    (day_29,) = [
        row
        for row in csv.DictReader(io.StringIO(one))
        if row["last_dose"] == "treatment"
        and row["schedule"] == "weekly"
        and int(row["from_day"]) <= 29 <= int(row["to_day"])
    ]
    assert (day_29["row"], day_29["action"], day_29["step"], day_29["status"]) == (
        "R5",
        "restart",
        "step_up_2",
        "secondary",
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export",), "Name one protocol to export"),
        (("export", TEC, ELRA), "Name one protocol to export"),
        (("export", "nothing/US/2020-01"), "There is no protocol"),
        (("grid", TEC, ELRA), "Name one protocol to grid"),
        (("grid", "nothing/US/2020-01"), "There is no protocol"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
):
    assert main(["protocols", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, sentence in err, err.count("\n")) == ("", True, 1)
