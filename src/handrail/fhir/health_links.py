"""The doors of a SMART Health Link (1.0.0): the manifest, and a file that was not embedded.

Whoever asks is told the same of a link that is over and of one that never was. Readers are pages on other servers, so that both doors
answer to any origin; neither takes anything from a cookie. No token reaches a log.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.actor import through_link
from handrail.actions.document_signatures import signed
from handrail.actions.health_links import Opened, Unreadable, Wait, Wrong, ask, fetch, file_address
from handrail.fhir.answers import answered
from handrail.fhir.jwe import CONTENT_TYPE, sealed_file
from handrail.fhir.views import JOSE, document_bytes
from handrail.people.models import HealthLink
from handrail.records.models import PacketVersion

JSON: Final = "application/json"
FHIR_VERSION: Final = "4.0.1"
MOST_BYTES: Final = 16 * 1024
"""Of a request: it holds a name, a passcode and a number."""
NOTHING: Final = "This link opens nothing. Call the number that stands beside it."


@csrf_exempt  # nothing is taken from a cookie: what counts is the address, and the passcode
def manifest(request: HttpRequest, address: str) -> HttpResponse:
    """What is behind a link: one file, embedded where the reader takes it, else with the address at which it is fetched."""
    if request.method == "OPTIONS":
        return _preflight("POST")
    if request.method != "POST":
        return for_any_origin(_error(405, "method", "Ask for the manifest with POST.", allow="POST, OPTIONS"))
    said = _said(request)
    if isinstance(said, str):
        return for_any_origin(_error(400, "invalid_request", said))
    recipient, passcode, most = said
    found = ask(address, recipient=recipient, passcode=passcode, read=_read)
    if isinstance(found, Wrong):
        return for_any_origin(answered({"remainingAttempts": found.remaining}, 401, content_type=JSON))
    if not isinstance(found, Opened):
        return _not_opened(found)
    sealed = sealed_file(found.content, found.link.key)
    file = {
        "contentType": CONTENT_TYPE,
        "fhirVersion": FHIR_VERSION,
        "lastUpdated": found.version.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": "can-change",
    }
    if most is not None and len(sealed) > most:
        file["location"] = file_address(found.file_token)
    else:
        file["embedded"] = sealed
    return for_any_origin(answered({"files": [file]}, content_type=JSON))


@csrf_exempt
def file(request: HttpRequest, token: str) -> HttpResponse:
    """The file whose address a manifest gave out, for an hour at most."""
    if request.method == "OPTIONS":
        return _preflight("GET")
    if request.method != "GET":
        return for_any_origin(_error(405, "method", "Fetch the file with GET.", allow="GET, OPTIONS"))
    found = fetch(token, read=_read)
    if not isinstance(found, Opened):
        return _not_opened(found)
    response = HttpResponse(sealed_file(found.content, found.link.key), content_type=JOSE)
    response["Cache-Control"] = "no-store"
    return for_any_origin(response)


def _said(request: HttpRequest) -> tuple[str, str, int | None] | str:
    """Recipient, passcode and the longest file that may be embedded; or the sentence that says what is wrong."""
    try:
        if len(request.body) > MOST_BYTES:
            return "Send a request of the usual size."
        said = json.loads(request.body)
    except RequestDataTooBig:
        return "Send a request of the usual size."
    except (ValueError, RecursionError):
        return "Send JSON."
    if not isinstance(said, dict):
        return "Send a JSON object."
    recipient, passcode, most = said.get("recipient"), said.get("passcode"), said.get("embeddedLengthMax")
    if not isinstance(recipient, str) or not recipient.strip():
        return "Say who is asking: recipient is missing. It is shown to the care team."
    if not isinstance(passcode, str):  # a number, or nothing
        passcode = str(passcode) if isinstance(passcode, int) and not isinstance(passcode, bool) else ""
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 0):
        return "embeddedLengthMax is a whole number of characters."
    return recipient, passcode, most


def _read(link: HealthLink, version: PacketVersion) -> bytes:
    return signed(version.pk, document_bytes, by=through_link(link.link)).content


def _not_opened(found: Unreadable | Wait | None) -> HttpResponse:
    if isinstance(found, Unreadable):
        return for_any_origin(
            _error(503, "unavailable", "The packet cannot be read now. Call the number that stands beside the link.")
        )
    if isinstance(found, Wait):
        response = _error(429, "too_many_requests", f"Ask again in {found.seconds} s.")
        response["Retry-After"] = str(found.seconds)
        return for_any_origin(response)
    return for_any_origin(_error(404, "not_found", NOTHING))


def _error(status: int, code: str, words: str, *, allow: str = "") -> HttpResponse:
    response = answered({"error": code, "error_description": words}, status, content_type=JSON)
    if allow:
        response["Allow"] = allow
    return response


def _preflight(method: str) -> HttpResponse:
    response = for_any_origin(HttpResponse(status=204))
    response["Access-Control-Allow-Methods"] = f"{method}, OPTIONS"
    response["Access-Control-Allow-Headers"] = "content-type"
    response["Access-Control-Max-Age"] = "600"
    response["Cache-Control"] = "no-store"
    return response


def for_any_origin(response: HttpResponse) -> HttpResponse:
    """Readable by a page of any server."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = "Retry-After"
    response["Referrer-Policy"] = "no-referrer"
    return response
