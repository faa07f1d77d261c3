"""What the CapabilityStatement says is what the addresses do."""

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.fhir.validators.judge import Judge

BEHIND = {
    # address                                   | what the statement says of it
    "fhir/Observation": ("Observation", "create"),
    "fhir/Bundle/<uuid:version_id>": ("Bundle", "read"),
}
ABOUT = {"fhir/metadata", "fhir/token", "fhir/.well-known/smart-configuration", "fhir"}


def said():
    return Client().get("/fhir/metadata").json()


def test_it_says_exactly_what_the_addresses_have():
    patterns = [str(each.pattern) for door in get_resolver().url_patterns for each in getattr(door, "url_patterns", [])]
    here = {each for each in patterns if each.startswith("fhir")}
    assert here == set(BEHIND) | ABOUT
    rest = said()["rest"][0]
    told = {(row["type"], each["code"]) for row in rest["resource"] for each in row["interaction"]}
    assert told == set(BEHIND.values())
    assert {each["code"] for each in rest["interaction"]} == {"transaction", "batch"}


def test_it_is_read_without_a_token_and_only_read():
    answer = Client().get("/fhir/metadata")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/fhir+json")
    assert Client().post("/fhir/metadata").status_code == 405


@pytest.mark.slow
def test_it_is_r4_to_two_validators(judge: Judge):
    assert judge([("metadata", said())]) == {"metadata": []}
