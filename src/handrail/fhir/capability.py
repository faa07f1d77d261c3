"""GET /fhir/metadata: what the FHIR door has, and nothing that it has not."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from handrail import __version__
from handrail.fhir.answers import answered, refused
from handrail.fhir.oauth import token_address

SINCE: Final = "2026-11-28"
"""The day of the last change of what is said here."""
SECURITY: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
SUMMARY_OPERATION: Final = "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"
EXPORT_OPERATION: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
OAUTH: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@csrf_exempt  # so that whoever does not ask with GET is told in a form that it can read
def metadata(request: HttpRequest) -> JsonResponse:
    """The CapabilityStatement; the same for everybody, without a token."""
    if request.method not in ("GET", "HEAD"):
        return refused(405, "not-supported", "Read this with GET.")
    return answered(capability())


def capability() -> dict[str, Any]:
    """The CapabilityStatement."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": SINCE,
        "kind": "instance",
        "software": {"name": "Handrail", "version": __version__},
        "implementation": {
            "description": "Takes vital signs of devices, reads out the courses tied to the client; no general FHIR server.",
            "url": f"{settings.HANDRAIL_BASE_URL}/fhir",
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "service": [{"coding": [{"system": SECURITY, "code": "SMART-on-FHIR"}]}],
                    "extension": [
                        {"url": OAUTH, "extension": [{"url": "token", "valueUri": token_address()}]},
                    ],
                    "description": "SMART Backend Services; for Bundle also a person who is signed in.",
                },
                "resource": [
                    {
                        "type": "Bundle",
                        "interaction": [{"code": "read"}],
                        "versioning": "no-version",
                        "documentation": "A sealed packet, signed: Bundle/{id}/$signature is the detached JWS over its bytes. "
                        "Provenance?patient={id} names each as its target.",
                    },
                    {
                        "type": "Patient",
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "versioning": "versioned",
                        "readHistory": False,
                        "searchParam": [
                            {
                                "name": "identifier",
                                "type": "token",
                                "documentation": "By POST to _search, as system|value.",
                            }
                        ],
                        "operation": [{"name": "summary", "definition": SUMMARY_OPERATION}],
                    },
                    _searched("AuditEvent", ("patient", "reference"), ("date", "date")),
                    _searched("Provenance", ("patient", "reference"), ("target", "reference"), ("recorded", "date")),
                    {
                        **_searched("Task", ("patient", "reference")),
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "documentation": "A hand-off; accepted when a named person accepted it in Handrail.",
                    },
                    {"type": "Observation", "interaction": [{"code": "create"}], "versioning": "no-version"},
                ],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "operation": [
                    {
                        "name": "export",
                        "definition": EXPORT_OPERATION,
                        "documentation": "Of the courses that are tied to the client, with the scope system/Export.r. "
                        "_type and _outputFormat are taken.",
                    }
                ],
            }
        ],
    }


def _searched(kind: str, *parameters: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "interaction": [{"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": type_} for name, type_ in parameters],
    }
