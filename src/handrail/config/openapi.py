"""One OpenAPI 3.1 document of every door for machines: the addresses of the URLconf, and what the room of each says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from django.urls import URLPattern

from handrail import __version__
from handrail.api import openapi as api
from handrail.fhir import openapi as fhir
from handrail.web import openapi as web

DOORS: Final = {"handrail.api.urls": api, "handrail.fhir.urls": fhir}
"""Every address of these is for machines."""
AMONG_PAGES: Final = {"handrail.web.urls": web}
"""Of these only what the room names."""
_PART: Final = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
_KINDS: Final[dict[str, dict[str, Any]]] = {
    "uuid": {"type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    "int": {"type": "integer", "minimum": 0},
    "str": {"type": "string", "pattern": "^[^/]+$"},
    "path": {"type": "string", "pattern": "^.+$"},
}


class NotDescribedError(LookupError):
    """An address without a description, or a description without an address."""


def document() -> dict[str, Any]:
    """The document.

    Raises:
        NotDescribedError: an address of a door and its description do not go together.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Handrail",
            "version": __version__,
            "description": "Every door for machines. Errors: OperationOutcome under /fhir, `{error: {code, message, path}}` under /api.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(_paths())),
        "components": {
            "schemas": dict(sorted({**api.schemas(), **fhir.schemas()}.items())),
            "securitySchemes": {**api.security(), **fhir.security(), **web.security()},
        },
    }


def addresses(urls: str) -> dict[str, str]:
    """The route of each address of a URLconf, by its name: `fhir/Bundle/<uuid:version_id>`."""
    patterns = import_module(urls).urlpatterns
    return {each.name: str(each.pattern) for each in patterns if isinstance(each, URLPattern) and each.name}


def _paths() -> Iterator[tuple[str, dict[str, Any]]]:
    for urls, room in {**DOORS, **AMONG_PAGES}.items():
        described, there = room.operations(), addresses(urls)
        missing = set(there) - set(described) if urls in DOORS else set()
        if missing or set(described) - set(there):
            names = ", ".join(sorted(missing | (set(described) - set(there))))
            raise NotDescribedError(
                f"Describe each address of {urls} in the openapi.py of its room, and no other: {names}."
            )
        for name, operations in described.items():
            yield _path(name, there[name], operations)


def _path(name: str, route: str, operations: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    parameters = [
        {"name": part["name"], "in": "path", "required": True, "schema": _KINDS[part["kind"] or "str"]}
        for part in _PART.finditer(route)
    ]
    found = {method: {"operationId": f"{name}_{method}", **said} for method, said in operations.items()}
    return "/" + _PART.sub(r"{\g<name>}", route), {**({"parameters": parameters} if parameters else {}), **found}
