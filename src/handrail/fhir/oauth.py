"""How a system gets a token: SMART Backend Services, the client signs and no secret is shared."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.client_scopes import SCOPES
from handrail.actions.clients import ALGORITHMS, TOKEN_LASTS, ClientError, grant_token
from handrail.actions.errors import RefusedError
from handrail.fhir.answers import answered

JSON: Final = "application/json"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def token_address() -> str:
    """Where tokens are given, and the audience of a signed request."""
    return f"{settings.HANDRAIL_BASE_URL}/fhir/token"


@csrf_exempt  # so that whoever does not ask with GET is told in a form that it can read
def configuration(request: HttpRequest) -> JsonResponse:
    """What a client must know before it signs."""
    if request.method not in ("GET", "HEAD"):
        return _error(405, "invalid_request", "Read this with GET.")
    body = {
        "token_endpoint": token_address(),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
    return answered(body, content_type=JSON)


@csrf_exempt  # nothing is taken from a cookie: what counts is the signature
def token(request: HttpRequest) -> JsonResponse:
    """A token for minutes, for a request signed with a registered key."""
    if request.method != "POST":
        return _error(405, "invalid_request", "Ask for a token with POST.")
    try:
        form = request.POST
        said = {
            name: form.get(name, "") for name in ("grant_type", "client_assertion_type", "client_assertion", "scope")
        }
    except (BadRequest, RequestDataTooBig):
        return _error(400, "invalid_request", "Send a form of the usual size.")
    if said["grant_type"] != "client_credentials":
        return _error(400, "unsupported_grant_type", "The grant_type is client_credentials.")
    if said["client_assertion_type"] != ASSERTION_TYPE:
        return _error(400, "invalid_request", f"The client_assertion_type is {ASSERTION_TYPE}.")
    try:
        granted = grant_token(said["client_assertion"], said["scope"], audience=token_address())
    except ClientError as error:
        return _error(401, "invalid_client", error.message)
    except RefusedError as error:
        return _error(400, "invalid_scope", error.message)
    body = {
        "access_token": granted.token,
        "token_type": "bearer",
        "expires_in": int(TOKEN_LASTS.total_seconds()),
        "scope": " ".join(granted.scopes),
    }
    return answered(body, content_type=JSON)


def _error(status: int, code: str, words: str) -> JsonResponse:
    return answered({"error": code, "error_description": words}, status, content_type=JSON)
