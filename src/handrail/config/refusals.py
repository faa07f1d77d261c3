"""What a machine is answered where there is no such address, or where Handrail itself failed: in the one shape of its door."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from handrail.api.errors import ApiError
from handrail.fhir import answers

NOWHERE = "There is no such address: /fhir/metadata says what is there."
FAILED = "Handrail failed; nothing was kept. Send it again, and tell the clinic when it goes on."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Named in the URLconf: 404."""
    if _is_of(request, "fhir"):
        return answers.refused(404, "not-found", NOWHERE)
    if _is_of(request, "shl") and request.path != "/shl/view":
        nothing = {"error": "not_found", "error_description": "This link opens nothing (any more)."}
        return answers.answered(nothing, 404, content_type="application/json")
    if _is_of(request, "api"):
        return ApiError(404, "not_found", "There is no such address.").response(request)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """Named in the URLconf: 500. What happened stands in the log."""
    if _is_of(request, "fhir"):
        response: HttpResponse = answers.answered(answers.issue("fatal", "exception", FAILED), 500)
        response._has_been_logged = False  # type: ignore[attr-defined]  # Django writes a fault of ours into the log
        return response
    if _is_of(request, "api"):
        return ApiError(500, "failed", FAILED).response(request)
    return defaults.server_error(request)


def _is_of(request: HttpRequest, door: str) -> bool:
    return request.path == f"/{door}" or request.path.startswith(f"/{door}/")
