"""The one shape of an error: `{"error": {"code", "message", "path"}}`. No message repeats a value that was sent."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, JsonResponse
from pydantic import ValidationError

from handrail.actions.errors import ActionError, ConflictError, NotAllowedError, NotVisibleError, TooManyError

_STATUS: Final = ((ConflictError, 409), (NotAllowedError, 403), (NotVisibleError, 404), (TooManyError, 429))


class ApiError(Exception):
    """A request that was not done."""

    def __init__(self, status: int, code: str, message: str, path: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.path = status, code, message, path

    def response(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002
        """The answer."""
        body = {"error": {"code": self.code, "message": self.message, "path": self.path}}
        return JsonResponse(body, status=self.status)


def from_action(error: ActionError) -> ApiError:
    """What a verb refused."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
    return ApiError(status, error.code, error.message, error.path)


def from_validation(error: ValidationError) -> ApiError:
    """The first field that cannot be used. The sentence is pydantic's own, without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    return ApiError(422, first["type"], first["msg"], path)
