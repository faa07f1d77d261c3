"""What a machine is answered where there is no such address, or where Handrail itself failed: in the one shape of its door."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from handrail.api.errors import ApiError
from handrail.fhir import answers
from handrail.fhir.health_links import JSON, NOTHING, for_any_origin

NOWHERE = "There is no such address: /fhir/metadata says what is there."
FAILED = "Handrail failed; nothing was kept. Send it again, and tell the clinic when it goes on."
FAILED_LINK = "Handrail failed, and gave nothing out. Ask again, or call the number that stands beside the link."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Named in the URLconf: 404."""
    if _is_of(request, "fhir"):
        return answers.refused(404, "not-found", NOWHERE)
    if _is_health_link(request):
        return _for_reader("not_found", NOTHING, 404)
    if _is_of(request, "api"):
        return ApiError(404, "not_found", "There is no such address.").response(request)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """Named in the URLconf: 500. What happened stands in the log."""
    if _is_of(request, "fhir"):
        return answers.answered(answers.issue("fatal", "exception", FAILED), 500, ours=True)
    if _is_health_link(request):
        return _for_reader("failed", FAILED_LINK, 500, ours=True)
    if _is_of(request, "api"):
        return ApiError(500, "failed", FAILED).response(request)
    return defaults.server_error(request)


def _is_health_link(request: HttpRequest) -> bool:
    """Whether a reader asks, and not somebody who reads the page of our own viewer."""
    return _is_of(request, "shl") and request.path != "/shl/view"


def _for_reader(code: str, words: str, status: int, *, ours: bool = False) -> HttpResponse:
    said = {"error": code, "error_description": words}
    return for_any_origin(answers.answered(said, status, content_type=JSON, ours=ours))


def _is_of(request: HttpRequest, door: str) -> bool:
    return request.path == f"/{door}" or request.path.startswith(f"/{door}/")
