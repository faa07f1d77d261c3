"""Bundles that are refused: each with one sentence that says what to do, and none with a name or a reading in it."""

import json
from typing import Any

import pytest

from handrail.fhir.bundle import MOST_BYTES, MOST_DEPTH, MOST_ENTRIES
from handrail.fhir.reading import FhirReadError, read_bundle
from tests.support.bundles import bundle, patient, read, weight


def said(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def nested(levels: int) -> bytes:
    return b'{"resourceType":"Bundle","type":"collection","x":' + b"[" * levels + b"]" * levels + b"}"


OTHER = patient(id="p2")
BROKEN: list[tuple[str, Any, str]] = [
    # what                        | file                                                    | the sentence says
    ("empty",                      b"",                                                      "empty"),
    ("blank",                      b" \n",                                                   "empty"),
    ("cut off",                    said(bundle())[:-9],                                      "not complete JSON"),
    ("no JSON at all",             b"weight 68 kg",                                          "not complete JSON"),
    ("XML",                        b'<Bundle xmlns="http://hl7.org/fhir"/>',                 "XML"),
    ("a web page",                 b"<!doctype html><html>sign in</html>",                   "XML or a web page"),
    ("another encoding",           json.dumps(bundle(), ensure_ascii=False).encode("utf-16"), "UTF-8"),
    ("a list",                     b"[]",                                                    "no FHIR resource"),
    ("a number",                   b"7",                                                     "no FHIR resource"),
    ("a Patient alone",            patient(),                                                "not a FHIR Bundle"),
    ("an error of the sender",     {"resourceType": "OperationOutcome"},                     "error report"),
    ("a history",                  {**bundle(), "type": "history"},                          "type of the bundle"),
    ("no type",                    {"resourceType": "Bundle"},                               "type of the bundle"),
    ("type of another type",       {**bundle(), "type": ["collection"]},                     "type of the bundle"),
    ("entries as an object",       {**bundle(), "entry": {}},                                "not a list"),
    ("no patient",                 {**bundle(), "entry": []},                                "names no patient"),
    ("two patients",               bundle(OTHER),                                            "several patients"),
    ("one resource, two versions", bundle(weight(68, id="w"), weight(86, id="w")),           "two versions"),
    ("a key twice",                b'{"resourceType":"Bundle","type":"a","type":"collection"}', "key twice"),
    ("a key twice, deep inside",   said(bundle(weight(68))).replace(b'"value": 68', b'"value": 68, "value": 86'), "key twice"),
    ("NaN",                        said(bundle(weight(float("nan")))),                       "number"),
    ("Infinity",                   said(bundle(weight(float("inf")))),                       "number"),
    ("a number without end",       said(bundle(weight(1))).replace(b": 1,", b": 1" + b"0" * 9000 + b","), "number"),
    ("an exponent without end",    said(bundle(weight(1))).replace(b": 1,", b": 1e99999999999999999999,"), "number"),
    ("nested too deeply",          nested(MOST_DEPTH + 1),                                   "nested deeper"),
    ("nested without end",         nested(200_000),                                          "nested deeper"),
    ("too many entries",           {**bundle(), "entry": [{}] * (MOST_ENTRIES + 1)},         "more than 5,000 entries"),
    ("too large",                  said(bundle()) + b" " * MOST_BYTES,                       "larger than 5 MB"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "file", "sentence"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_bundle_is_one_sentence(what, file, sentence):
    with pytest.raises(FhirReadError) as refused:
        read_bundle(said(file))
    message = refused.value.message
    assert sentence in message
    assert message.endswith(".") and "\n" not in message
    assert "1950" not in message and "68" not in message


def test_the_limits_themselves_are_allowed():
    body = said(bundle())
    assert read_bundle(body + b" " * (MOST_BYTES - len(body))).bundle_type == "collection"
    full = {**bundle(), "entry": [*bundle()["entry"], *[{"resource": {"resourceType": "Basic"}}] * (MOST_ENTRIES - 1)]}
    assert read_bundle(said(full)).resources["Patient"] == 1


@pytest.mark.parametrize("kind", ["transaction", "collection", "document", "searchset"])
def test_every_accepted_type_is_read(kind):
    assert read(weight(68), type=kind).bundle_type == kind


def test_the_same_resource_twice_is_one():
    found = read(weight(68, id="w"), weight(68, id="w"))
    assert len(found.weights_kg) == 1
