"""What the CapabilityStatement says is what the addresses do."""

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.fhir.validators.judge import Judge
from tests.support.clients import registered, token_of
from tests.support.factories import World

BEHIND = {
    # address                                   | what the statement says of it
    "fhir/Observation": ("Observation", "create"),
    "fhir/Bundle/<uuid:version_id>": ("Bundle", "read"),
    "fhir/Patient/<str:patient_id>": ("Patient", "read"),
    "fhir/AuditEvent": ("AuditEvent", "search-type"),
    "fhir/Provenance": ("Provenance", "search-type"),
    "fhir/Task": ("Task", "search-type"),
    "fhir/Task/<str:task_id>": ("Task", "read"),
    "fhir/Patient/_search": ("Patient", "search-type"),
    "fhir/Patient/<str:patient_id>/$summary": ("Patient", "$summary"),
}
SYSTEM_LEVEL = {"fhir/$export": "export"}
ABOUT = {"fhir/metadata", "fhir/token", "fhir/.well-known/smart-configuration", "fhir", "fhir/Patient"}
"""What is about the door, takes many at once, or says how else to ask."""
BESIDE = {
    "fhir/Bundle/<uuid:version_id>/$signature",
    "fhir/keys/<uuid:organisation_id>/jwks.json",
    "fhir/export/<str:job_id>",
    "fhir/export/<str:job_id>/<str:file_id>",
}
"""What is no FHIR: a signature and the keys to check it with, the statement says in words where the first is; and how an export goes on."""


def said():
    return Client().get("/fhir/metadata").json()


def test_it_says_exactly_what_the_addresses_have():
    patterns = [str(each.pattern) for door in get_resolver().url_patterns for each in getattr(door, "url_patterns", [])]
    here = {each for each in patterns if each.startswith("fhir")}
    assert here == set(BEHIND) | set(SYSTEM_LEVEL) | ABOUT | BESIDE
    rest = said()["rest"][0]
    told = {(row["type"], each["code"]) for row in rest["resource"] for each in row["interaction"]}
    told |= {(row["type"], f"${each['name']}") for row in rest["resource"] for each in row.get("operation", [])}
    assert told == set(BEHIND.values())
    assert {each["code"] for each in rest["interaction"]} == {"transaction", "batch"}
    assert [each["name"] for each in rest["operation"]] == list(SYSTEM_LEVEL.values())


SEARCHED = {
    # resource                                  | what may be asked for, as the view says when it is asked for something else
    "AuditEvent": {"patient", "date"},
    "Provenance": {"patient", "target", "recorded"},
    "Patient": {"identifier"},
    "Task": {"patient"},
}


def test_the_parameters_that_it_names_are_those_that_are_taken(db):
    rows = said()["rest"][0]["resource"]
    told = {row["type"]: {each["name"] for each in row.get("searchParam", [])} for row in rows}
    assert {kind: names for kind, names in told.items() if names} == SEARCHED
    client = registered(World(), scopes=[f"system/{kind}.s" for kind in SEARCHED])
    for kind, names in SEARCHED.items():
        headers = {"Authorization": f"Bearer {token_of(client, f'system/{kind}.s')}"}
        ask = Client().post if kind == "Patient" else Client().get
        where = f"/fhir/{kind}/_search" if kind == "Patient" else f"/fhir/{kind}"
        answer = ask(where, {"no-such": "1"}, headers=headers)
        words = answer.json()["issue"][0]["diagnostics"]
        listed = words.removeprefix("The parameters here are ").split(";")[0].split(", ")
        assert {each for each in listed if not each.startswith("_")} == names


def test_it_is_read_without_a_token_and_only_read():
    answer = Client().get("/fhir/metadata")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/fhir+json")
    for path in ("metadata", ".well-known/smart-configuration"):
        posted = Client(enforce_csrf_checks=True).post(f"/fhir/{path}")
        assert (posted.status_code, "html" in posted["Content-Type"]) == (405, False)


@pytest.mark.slow
def test_it_is_r4_to_two_validators(judge: Judge):
    assert judge([("metadata", said())]) == {"metadata": []}
