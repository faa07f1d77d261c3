"""What the doors for machines answer: JSON that nobody keeps, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import JsonResponse

FHIR_JSON: Final = "application/fhir+json"


def answered(
    body: Mapping[str, Any], status: int = 200, *, content_type: str = FHIR_JSON, ours: bool = False
) -> JsonResponse:
    """An answer to a machine. Refusals fill no log: they go to the sender. `ours`: a fault of ours, which Django writes into the log."""
    response = JsonResponse(dict(body), status=status, content_type=content_type)
    response["Cache-Control"] = "no-store"
    response._has_been_logged = not ours  # type: ignore[attr-defined]  # Django logs every refusal otherwise
    return response


def issue(severity: str, code: str, words: str, path: str = "") -> dict[str, Any]:
    """An OperationOutcome of one sentence."""
    row: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": words}
    if path:
        row["expression"] = [path]
    return {"resourceType": "OperationOutcome", "issue": [row]}


def refused(status: int, code: str, words: str, path: str = "") -> JsonResponse:
    """A refusal that says what to do."""
    return answered(issue("error", code, words, path), status)
