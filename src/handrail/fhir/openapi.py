"""What the FHIR door takes and answers, by the name of each address: written from the code tables and limits that the door uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from handrail.actions.client_scopes import (
    EXPORT,
    FIND_AUDIT,
    FIND_PATIENT,
    FIND_PROVENANCE,
    FIND_TASK,
    READ_BUNDLE,
    READ_PATIENT,
    READ_TASK,
    SCOPES,
    SEND,
)
from handrail.actions.clients import ALGORITHMS, LONGEST_TEXT
from handrail.fhir.answers import FHIR_JSON
from handrail.fhir.codes import LOINC, UCUM
from handrail.fhir.device_codes import PANEL, DeviceRow, device_codes
from handrail.fhir.device_readings import STATUSES, WEIGHT
from handrail.fhir.health_links import FHIR_VERSION
from handrail.fhir.jwe import CONTENT_TYPE as LINK_FILE
from handrail.fhir.oauth import ASSERTION_TYPE
from handrail.fhir.observations import CONTENT_TYPES, MOST_OBSERVATIONS, TYPES
from handrail.fhir.openapi_exports import EXPORT_MANIFEST, exports
from handrail.fhir.patients import SUMMARY_PROFILE
from handrail.fhir.search_dates import PREFIXES
from handrail.fhir.traces import MOST
from handrail.fhir.views import JOSE, JWK_SET

Operations = dict[str, dict[str, Any]]
Schema = dict[str, Any]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
TEXT: Final[Schema] = {"type": "string"}
WORD: Final[Schema] = {"type": "string", "pattern": r"^[ -~]*[!-~][ -~]*$", "maxLength": 300}
INSTANT: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$",
}


def operations() -> dict[str, Operations]:
    """The operations of each address, by its name and method."""
    return {
        "fhir_smart": {"get": _read("What a system must know before it signs", _body("SmartConfiguration", JSON))},
        "fhir_metadata": {"get": _read("What the FHIR door has", _body("CapabilityStatement", FHIR_JSON))},
        "fhir_token": {"post": _token()},
        "fhir_observation": {"post": _create()},
        "fhir_bundle_in": {"post": _bundle_in()},
        "fhir_bundle": {"get": _bundle_out()},
        "fhir_signature": {"get": _signature()},
        "fhir_keys": {"get": _keys()},
        "fhir_patients": {"get": _no_search_by_address()},
        "fhir_find_patient": {"post": _find_patient()},
        "fhir_patient": {"get": _read_out("Who a patient is", READ_PATIENT, "Patient", tagged=True)},
        "fhir_summary": {
            "get": _read_out(
                "The course as it stands, as a document", READ_PATIENT, "Document", _OF_SUMMARY, tagged=True
            ),
            "post": {
                **_read_out("The same", READ_PATIENT, "Document", _OF_SUMMARY, tagged=True, sent=True),
                "requestBody": {"content": {each: {"schema": _ref("Parameters")} for each in CONTENT_TYPES}},
            },
        },
        **exports(),
        "health_link_manifest": {"post": _manifest()},
        "health_link_file": {"get": _link_file()},
        "fhir_audit": {
            "get": _read_out(
                "Who looked at a patient", FIND_AUDIT, "Found", _query("patient", required=True), *_paged("date")
            )
        },
        "fhir_provenance": {
            "get": _read_out(
                "Where documents and facts of a patient come from",
                FIND_PROVENANCE,
                "Found",
                _query("patient"),
                _query("target"),
                *_paged("recorded"),
            )
        },
        "fhir_tasks": {
            "get": _read_out("The hand-offs of a patient", FIND_TASK, "Found", _query("patient", required=True))
        },
        "fhir_task": {"get": _read_out("How far a hand-off has come", READ_TASK, "Task")},
    }


def schemas() -> dict[str, Schema]:
    """The schemas that the operations refer to."""
    return {
        "OperationOutcome": _OUTCOME,
        "OAuthError": _object({"error": TEXT, "error_description": TEXT}),
        "Token": _object(
            {
                "access_token": TEXT,
                "token_type": {"const": "bearer"},
                "expires_in": {"type": "integer", "minimum": 1},
                "scope": TEXT,
            }
        ),
        "TokenRequest": _object(
            {
                "grant_type": {"const": "client_credentials"},
                "client_assertion_type": {"const": ASSERTION_TYPE},
                "client_assertion": {
                    **TEXT,
                    "maxLength": LONGEST_TEXT,
                    "description": f"A JWT ({' or '.join(ALGORITHMS)}).",
                },
                "scope": {**TEXT, "description": f"Of: {' '.join(SCOPES)}, with spaces between them."},
            }
        ),
        "SmartConfiguration": {
            "type": "object",
            "required": ["token_endpoint", "scopes_supported", "capabilities"],
            "properties": {
                "token_endpoint": {"type": "string", "format": "uri"},
                "scopes_supported": {"type": "array", "items": {"enum": list(SCOPES)}},
                "capabilities": {"type": "array", "items": TEXT},
            },
        },
        "CapabilityStatement": _resource("CapabilityStatement", ["status", "kind", "fhirVersion", "format", "rest"]),
        "Manifest": _object(
            {
                "files": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["contentType", "fhirVersion", "lastUpdated", "status"],
                        "properties": {
                            "contentType": {"const": LINK_FILE},
                            "fhirVersion": {"const": FHIR_VERSION},
                            "lastUpdated": INSTANT,
                            "status": {"const": "can-change"},
                            "embedded": TEXT,
                            "location": {"type": "string", "format": "uri"},
                        },
                        "oneOf": [{"required": ["embedded"]}, {"required": ["location"]}],
                    },
                }
            }
        ),
        "ManifestRequest": {
            "type": "object",
            "required": ["recipient"],
            "properties": {
                "recipient": WORD,
                "passcode": TEXT,
                "embeddedLengthMax": {"type": "integer", "minimum": 0},
            },
        },
        "ExportManifest": EXPORT_MANIFEST,
        "RemainingAttempts": _object({"remainingAttempts": {"type": "integer", "minimum": 0}}),
        "Patient": _resource("Patient", ["id", "meta", "name"]),
        "Task": _resource("Task", ["id", "status", "intent", "for", "authoredOn", "lastModified"]),
        "Found": _resource("Bundle", ["type"], type={"const": "searchset"}),
        "Parameters": _resource("Parameters", []),
        "FindPatient": _object(
            {"identifier": {"type": "string", "pattern": r"^[^|]*[^|\s][^|]*\|.*\S.*$", "maxLength": 600}}
        ),
        "Keys": _object(
            {"keys": {"type": "array", "items": _object(dict.fromkeys(("kty", "crv", "x", "y", "kid", "alg"), TEXT))}}
        ),
        "Document": _resource("Bundle", ["type", "entry"], type={"const": "document"}),
        "Observation": {"oneOf": [_observation(row) for row in device_codes().reading]},
        "Bundle": _resource(
            "Bundle",
            ["type", "entry"],
            type={"enum": list(TYPES)},
            entry={
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_OBSERVATIONS,
                "items": _object(
                    {
                        "request": _object({"method": {"const": "POST"}, "url": {"const": "Observation"}}),
                        "resource": _ref("Observation"),
                    }
                ),
            },
        ),
        "BundleAnswer": _resource(
            "Bundle",
            ["type", "entry"],
            type={"enum": [f"{kind}-response" for kind in TYPES]},
            entry={"type": "array", "minItems": 1, "items": _object({"response": _ENTRY_ANSWER})},
        ),
    }


def security() -> dict[str, Any]:
    """How a system, or somebody who is signed in, shows who they are."""
    return {
        "backend": {
            "type": "oauth2",
            "description": "SMART Backend Services: the client signs, no secret is shared.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/fhir/token",
                    "scopes": {each: _OTHER_SCOPES.get(each, "read") for each in SCOPES},
                }
            },
        },
        "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Somebody who is signed in."},
    }


# --- operations -------------------------------------------------------------------------------------------------------


def _read(summary: str, answer: Schema) -> Schema:
    return {"summary": summary, "security": [], "responses": {"200": answer}}


def _token() -> Schema:
    errors = {
        "400": "A form that cannot be used, or a scope that the client has not.",
        "401": "Not believed, for whatever reason.",
    }
    return {
        "summary": "A token for minutes, for a request signed with a registered key",
        "security": [],
        "requestBody": {"required": True, "content": {FORM: {"schema": _ref("TokenRequest")}}},
        "responses": {
            "200": _body("Token", JSON, "The token, shown once."),
            **{status: _body("OAuthError", JSON, words) for status, words in errors.items()},
        },
    }


def _create() -> Schema:
    taken = _body("OperationOutcome", FHIR_JSON, "What became of it, in the words that a person at home would read.")
    located = {**taken, "headers": {"Location": {"schema": TEXT, "required": True}}}
    return {
        "summary": "One reading of a device",
        "security": [{"backend": [SEND]}],
        "requestBody": _sent("Observation"),
        "responses": {
            "200": {**located, "description": "This Observation was here already."},
            "201": located,
            **_outcomes(400, 401, 403, 409, 413, 415, 422),
        },
    }


def _bundle_in() -> Schema:
    return {
        "summary": "Many readings: a transaction is kept whole or not at all, in a batch each stands for itself",
        "security": [{"backend": [SEND]}],
        "requestBody": _sent("Bundle"),
        "responses": {
            "200": _body("BundleAnswer", FHIR_JSON, "What became of each, in their order."),
            **_outcomes(400, 401, 403, 409, 413, 415, 422),
        },
    }


def _bundle_out() -> Schema:
    return {
        "summary": "A sealed packet as a FHIR document, always the same bytes",
        "security": _SEALED_READERS,
        "responses": {
            "200": _exact(_body("Document", FHIR_JSON, "The document; its digest stands in ETag and Repr-Digest.")),
            **_SAME,
            **_outcomes(400, 401, 403, 404, 406, 409),
        },
    }


def _signature() -> Schema:
    taken = {
        "description": "A detached JWS (RFC 7515, appendix F) over the bytes.",
        "content": {JOSE: {"schema": TEXT}},
    }
    return {
        "summary": "The signature of that document, over its exact bytes",
        "security": _SEALED_READERS,
        "responses": {"200": _exact(taken), **_SAME, **_outcomes(400, 401, 403, 404, 409)},
    }


def _exact(answer: Schema) -> Schema:
    return {**answer, "headers": {name: {"schema": TEXT, "required": True} for name in ("ETag", "Repr-Digest")}}


def _keys() -> Schema:
    found = _read("The public keys of an organisation, to check its signatures", _body("Keys", JWK_SET))
    return {**found, "responses": {**found["responses"], **_outcomes(404)}}


def _manifest() -> Schema:
    return {
        "summary": "What is behind a SMART Health Link",
        "security": [],
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref("ManifestRequest")}}},
        "responses": {
            "200": _body("Manifest", JSON),
            "401": _body("RemainingAttempts", JSON, "The passcode is missing or wrong."),
            **_link_errors("400", "404", "429", "503"),
        },
    }


def _link_file() -> Schema:
    taken = {"description": "The file, encrypted with the key of the link.", "content": {JOSE: {"schema": TEXT}}}
    return {
        "summary": "The file of a health link that was not embedded",
        "security": [],
        "responses": {"200": taken, **_link_errors("404", "429", "503")},
    }


def _link_errors(*statuses: str) -> Schema:
    words = {
        "400": "No JSON, or nobody who asks.",
        "404": "It opens nothing, or nothing any more.",
        "429": "Asked too often: Retry-After says when to come again.",
        "503": "What was kept is not what was sealed.",
    }
    return {status: _body("OAuthError", JSON, words[status]) for status in statuses}


def _no_search_by_address() -> Schema:
    words = "Nobody is looked for in an address: POST to _search."
    return {"summary": words, "security": [], "responses": {"405": _body("OperationOutcome", FHIR_JSON, words)}}


def _find_patient() -> Schema:
    return {
        "summary": "The patient that a system means by its identifier, or none",
        "security": [{"backend": [FIND_PATIENT]}],
        "requestBody": {"required": True, "content": {FORM: {"schema": _ref("FindPatient")}}},
        "responses": {"200": _body("Found", FHIR_JSON), **_outcomes(400, 401, 403, 406)},
    }


def _read_out(
    summary: str, scope: str, answer: str, *parameters: Schema, tagged: bool = False, sent: bool = False
) -> Schema:
    """A read that is a look. `tagged`: with an ETag, and 304 for who has it; `sent`: with a body that may be too large."""
    found: Schema = {"summary": summary, "security": [{"backend": [scope]}]}
    if parameters:
        found["parameters"] = list(parameters)
    taken = _body(answer, FHIR_JSON)
    if tagged:
        taken["headers"] = {"ETag": {"schema": TEXT, "required": True}}
    same = _SAME if tagged else {}
    more = (413,) if sent else ()
    return {**found, "responses": {"200": taken, **same, **_outcomes(400, 401, 403, 404, 406, 409, *more)}}


def _query(name: str, *, required: bool = False, **schema: Any) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": {**TEXT, **schema}}


def _paged(date: str) -> list[Schema]:
    prefix = f"^({'|'.join(PREFIXES)})?\\d{{4}}"
    dates = {"type": "array", "items": {**TEXT, "pattern": prefix}}
    return [
        {"name": date, "in": "query", "schema": dates},
        {"name": "_count", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST}},
        _query("_behind"),
    ]


_OTHER_SCOPES: Final = {SEND: "send vital signs of devices", EXPORT: "take out all courses that are tied, at once"}
_SEALED_READERS: Final[list[dict[str, list[str]]]] = [{"backend": [READ_BUNDLE]}, {"session": []}]
_SAME: Final[Schema] = {"304": {"description": "Everything that is said is the same."}}
_OF_SUMMARY: Final = _query("profile", enum=[SUMMARY_PROFILE])
_SAID: Final = {
    400: "No JSON, or not what this address takes.",
    401: "Nobody who is known here.",
    403: "Not with this scope or role.",
    404: "There is no such thing for you.",
    406: "Another form than JSON is asked for.",
    409: "The identifier was used before with another content, several courses are meant, or the content cannot be vouched for.",
    413: "Too large: send less at once.",
    415: "Another form than JSON.",
    422: "What was sent cannot be used; `expression` names the place. Nothing was kept.",
}


def _outcomes(*statuses: int) -> Schema:
    return {str(status): _body("OperationOutcome", FHIR_JSON, _SAID[status]) for status in statuses}


def _body(name: str, content_type: str, words: str = "As the schema says.") -> Schema:
    return {"description": words, "content": {content_type: {"schema": _ref(name)}}}


def _sent(name: str) -> Schema:
    return {"required": True, "content": {each: {"schema": _ref(name)} for each in CONTENT_TYPES}}


# --- schemas ----------------------------------------------------------------------------------------------------------


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(fields: dict[str, Schema]) -> Schema:
    return {"type": "object", "required": list(fields), "properties": fields}


def _resource(kind: str, required: Iterable[str], **fields: Schema) -> Schema:
    properties = {"resourceType": {"const": kind}, **fields}
    return {"type": "object", "required": ["resourceType", *required], "properties": properties}


def _observation(row: DeviceRow) -> Schema:
    """One kind of reading. What is wrong with a value is no error here: it is kept, marked, and said."""
    fields: dict[str, Schema] = {
        "status": {"enum": list(STATUSES)},
        "subject": _object({"identifier": _object({"system": WORD, "value": WORD})}),
        "effectiveDateTime": INSTANT,
        "code": _code(row.loinc),
    }
    optional = {"identifier": {"type": "array", "maxItems": 1, "items": _object({"system": WORD, "value": WORD})}}
    if row.id == PANEL:
        parts = [_object(_value(each)) for each in device_codes().reading if each.id not in (PANEL, WEIGHT)]
        fields["component"] = {"type": "array", "minItems": 1, "maxItems": len(parts), "items": {"oneOf": parts}}
    else:
        fields |= _value(row)
    return {"title": f"Observation: {row.id}", **_resource("Observation", fields, **fields, **optional)}


def _value(row: DeviceRow) -> dict[str, Schema]:
    quantity = _object({"value": {"type": "number"}, "system": {"const": UCUM}, "code": {"enum": list(row.units)}})
    return {"code": _code(row.loinc), "valueQuantity": quantity}


def _code(codes: Iterable[str]) -> Schema:
    coding = _object({"system": {"const": LOINC}, "code": {"enum": list(codes)}})
    return _object({"coding": {"type": "array", "minItems": 1, "maxItems": 1, "items": coding}})


_OUTCOME: Final = _resource(
    "OperationOutcome",
    ["issue"],
    issue={
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["severity", "code", "diagnostics"],
            "properties": {
                "severity": {"enum": ["error", "warning", "information"]},
                "code": TEXT,
                "diagnostics": {**TEXT, "minLength": 1},
                "expression": {"type": "array", "items": TEXT},
            },
        },
    },
)
_ENTRY_ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["status", "outcome"],
    "properties": {
        "status": {"type": "string", "pattern": r"^\d{3}$"},
        "location": TEXT,
        "outcome": _ref("OperationOutcome"),
    },
}
