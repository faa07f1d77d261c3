"""The OpenAPI document: every address of a door and no other, sound, and in docs/reference as the code gives it."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator

from handrail.actions.clients import SCOPES
from handrail.api import openapi as api
from handrail.config import openapi
from handrail.config.openapi import NotDescribedError, document
from handrail.fhir import openapi as fhir
from handrail.fhir.device_codes import device_codes

ROOT = Path(__file__).resolve().parents[2]
PAGES_FOR_MACHINES = {"/healthz", "/metrics"}
PAGES = {"/shl/view"}
"""For people, below an address of a door."""


def routes(patterns=None, before="/"):
    """Every address of the programme, as the document writes it."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern))
        if hasattr(each, "url_patterns"):
            yield from routes(each.url_patterns, route)
        else:
            yield route


def test_every_address_for_machines_is_described_and_every_description_is_an_address():
    machines = {each for each in routes() if re.match(r"/(api|fhir|shl)(/|$)", each)}
    assert set(document()["paths"]) == (machines - PAGES) | PAGES_FOR_MACHINES


def test_the_document_in_the_reference_is_the_one_that_the_code_gives():
    there = json.loads((ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8"))
    assert there == json.loads(json.dumps(document())), "run `python tools/reference.py` and read what changed"


def test_what_it_refers_to_is_there_and_every_schema_is_one():
    whole = document()
    schemas = whole["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(whole)):
        assert name in schemas
    for each in schemas.values():
        Draft202012Validator.check_schema(each)
    for path in whole["paths"].values():
        for operation in [each for name, each in path.items() if name != "parameters"]:
            for asked in operation["security"]:
                assert set(asked) <= set(whole["components"]["securitySchemes"])
    names = [
        each["operationId"] for path in whole["paths"].values() for key, each in path.items() if key != "parameters"
    ]
    assert len(names) == len(set(names))


def test_the_definitions_are_those_of_the_doors():
    whole = document()["components"]
    readings = whole["schemas"]["Observation"]["oneOf"]
    assert [each["title"] for each in readings] == [f"Observation: {row.id}" for row in device_codes().reading]
    assert set(whole["securitySchemes"]["backend"]["flows"]["clientCredentials"]["scopes"]) == set(SCOPES)
    assert set(whole["schemas"]["CheckIn"]["properties"]) >= {"for", "temperature", "home_neuro"}


@pytest.mark.parametrize("room", [api, fhir])
def test_an_address_without_a_description_stops_the_document(monkeypatch, room):
    described = room.operations()
    described.pop(next(iter(described)))
    monkeypatch.setattr(room, "operations", lambda: described)
    with pytest.raises(NotDescribedError, match="Describe each address"):
        document()


def test_a_description_without_an_address_stops_it_too(monkeypatch):
    described = {**api.operations(), "no_such_door": {}}
    monkeypatch.setattr(api, "operations", lambda: described)
    with pytest.raises(NotDescribedError, match="no_such_door"):
        document()


def test_the_names_of_addresses_are_read_from_the_urlconf():
    assert openapi.addresses("handrail.fhir.urls")["fhir_bundle"] == "fhir/Bundle/<uuid:version_id>"


@pytest.mark.parametrize("path", ["/fhir/Bundle/none", "/fhir/NoSuchThing", "/fhir/Observation/"])
def test_where_nothing_is_a_system_is_answered_in_the_shape_of_the_door(path):
    answer = Client().get(path)
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


def test_what_no_address_of_a_health_link_can_be_is_answered_as_one_that_opens_nothing():
    answer = Client().get("/shl/file/%0A")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_and_so_is_a_phone():
    answer = Client().get("/api/nothing")
    assert (answer.status_code, set(answer.json()["error"])) == (404, {"code", "message", "path"})
    assert Client().get("/no-such-page")["Content-Type"].startswith("text/html")


def test_a_failure_behind_a_health_link_is_read_by_a_page_of_any_server_and_says_to_call(monkeypatch, caplog):
    from handrail.fhir import health_links

    def fails(*_, **__):
        raise RuntimeError("planted")

    monkeypatch.setattr(health_links, "ask", fails)
    client = Client(raise_request_exception=False)
    answer = client.post("/shl/" + "a" * 43, {"recipient": "Mercy ED"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (500, "failed")
    assert "call the number" in answer.json()["error_description"] and "planted" not in answer.content.decode()
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert len(caplog.records) == 1, "a fault of ours stands in the log"
    assert Client().get("/shl/file/%0A")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("path", "key"), [("/fhir/metadata", "resourceType"), ("/api/checkins", "error")])
def test_a_failure_of_ours_has_the_shape_of_the_door_too_and_is_logged(monkeypatch, caplog, path, key):
    from handrail.api import checkins
    from handrail.fhir import capability

    def fails(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(capability, "capability", fails)
    monkeypatch.setattr(checkins, "_taken", fails)
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == 500
    assert key in answer.json()
    assert "planted" not in answer.content.decode()
    assert [each.getMessage() for each in caplog.records] == [f"Internal Server Error: {path}"]
