"""What the three addresses of an export take and answer, for the document of every door."""

from __future__ import annotations

from typing import Any, Final

from handrail.actions.client_scopes import EXPORT
from handrail.fhir.answers import FHIR_JSON
from handrail.fhir.bulk import TROUBLE, TYPES
from handrail.fhir.bulk_door import FHIR_NDJSON, NDJSON, RESPOND_ASYNC

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
_SAID: Final = {
    400: "A parameter that is not here (none is passed over), or the header Prefer is missing.",
    401: "The token opens nothing (any more).",
    403: "The token lacks the scope.",
    404: "There is no such export or file for you (any more).",
    406: "Another form than those that there are.",
    429: "One that was asked for before is not at its end: Retry-After says when to come again.",
    500: "It failed, and nothing of it was kept.",
}


def exports() -> dict[str, dict[str, Schema]]:
    """The operations of each address, by its name and method."""
    return {
        "fhir_export": {"get": _begin()},
        "fhir_export_status": {"get": _status(), "delete": _delete()},
        "fhir_export_file": {"get": _file()},
    }


def _begin() -> Schema:
    prefer = {"name": "Prefer", "in": "header", "required": True, "schema": {"const": RESPOND_ASYNC, **TEXT}}
    types = {"type": "array", "minItems": 1, "items": {"enum": list(TYPES)}}
    wanted = {"name": "_type", "in": "query", "style": "form", "explode": False, "schema": types}
    lines = {"name": "_outputFormat", "in": "query", "schema": {"enum": [FHIR_NDJSON, NDJSON, "ndjson"]}}
    accepted = _outcome("It is asked for: Content-Location says where it is watched.", "Content-Location")
    busy = _outcome(_SAID[429], "Retry-After")
    return {
        "summary": "Everything of the courses that are tied to the system, as FHIR Bulk Data",
        "security": [{"backend": [EXPORT]}],
        "parameters": [prefer, wanted, lines],
        "responses": {"202": accepted, **_outcomes(400, 401, 403, 406), "429": busy},
    }


def _status() -> Schema:
    whole = {"description": "The manifest.", "content": {"application/json": {"schema": _ref("ExportManifest")}}}
    return {
        "summary": "How far an export is, then its manifest",
        "security": [{"backend": [EXPORT]}],
        "responses": {
            "200": {**whole, **_headers("Expires")},
            "202": {"description": "It is not at its end.", **_headers("X-Progress", "Retry-After")},
            **_outcomes(400, 401, 403, 404, 406, 500),
        },
    }


def _delete() -> Schema:
    erased = _outcome("It is ended, and what it wrote is erased.")
    return {
        "summary": "End an export, and erase what it wrote",
        "security": [{"backend": [EXPORT]}],
        "responses": {"202": erased, **_outcomes(400, 401, 403, 404, 406)},
    }


def _file() -> Schema:
    lines = {each: {"schema": TEXT} for each in (FHIR_NDJSON, NDJSON)}
    return {
        "summary": "One file of an export; each download is a look at every course in it",
        "security": [{"backend": [EXPORT]}],
        "responses": {
            "200": {"description": "Lines of JSON.", "content": lines, **_headers("ETag", "Repr-Digest")},
            "304": {"description": "You have it already."},
            **_outcomes(400, 401, 403, 404, 406),
        },
    }


def _outcomes(*statuses: int) -> Schema:
    return {str(status): _outcome(_SAID[status]) for status in statuses}


def _outcome(words: str, *headers: str) -> Schema:
    content = {FHIR_JSON: {"schema": _ref("OperationOutcome")}}
    return {"description": words, "content": content, **(_headers(*headers) if headers else {})}


def _headers(*names: str) -> Schema:
    return {"headers": {name: {"schema": TEXT, "required": True} for name in names}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _rows(**more: Schema) -> Schema:
    fields = {**more, "url": {"type": "string", "format": "uri"}, "count": NUMBER}
    return {"type": "array", "items": {"type": "object", "required": list(fields), "properties": fields}}


EXPORT_MANIFEST: Final[Schema] = {
    "type": "object",
    "required": ["transactionTime", "request", "requiresAccessToken", "output", "deleted", "error", "extension"],
    "properties": {
        "transactionTime": {"type": "string", "format": "date-time"},
        "request": TEXT,
        "requiresAccessToken": {"const": True},
        "output": _rows(type={"enum": list(TYPES)}),
        "deleted": {"type": "array", "maxItems": 0},
        "error": _rows(type={"const": TROUBLE}),
        "extension": {"type": "object", "properties": {"files": _rows(what=TEXT)}},
    },
}
