"""POST Observation, and a Bundle of them: what a device measured, recorded by the verb that records a check-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.client_scopes import SEND
from handrail.actions.clients import Caller, course_behind, record_reading, record_readings
from handrail.actions.errors import ActionError, ConflictError
from handrail.actions.recording import Recorded
from handrail.fhir.answers import FHIR_JSON, answered, issue
from handrail.fhir.bundle import parse_object
from handrail.fhir.device_readings import DeviceReading, read_observation
from handrail.fhir.door import Refusal, caller_with
from handrail.fhir.record import FhirReadError

MOST_OBSERVATIONS: Final = 200
TYPES: Final = ("transaction", "batch")
CONTENT_TYPES: Final = (FHIR_JSON, "application/json")


@csrf_exempt  # nothing is taken from a cookie: what counts is the token
def create(request: HttpRequest) -> JsonResponse:
    """One Observation: 201 with what became of it, 200 when it was here already."""
    try:
        caller, body = _asked(request)
        recorded = _take(body, caller)
    except Refusal as refusal:
        return refusal.response()
    answer = answered(_said(recorded), 200 if recorded.again else 201)
    answer["Location"] = f"/fhir/Observation/{recorded.event.id}"
    return answer


@csrf_exempt  # nothing is taken from a cookie: what counts is the token
def bundle(request: HttpRequest) -> JsonResponse:
    """A transaction (all or nothing) or a batch (each for itself) of Observations."""
    try:
        caller, body = _asked(request)
        kind, resources = _resources(body)
        entries = _all(resources, caller) if kind == "transaction" else [_one(each, caller) for each in resources]
    except Refusal as refusal:
        return refusal.response()
    return answered({"resourceType": "Bundle", "type": f"{kind}-response", "entry": entries})


def _asked(request: HttpRequest) -> tuple[Caller, Mapping[str, Any]]:
    """Who asks, and the resource that was sent."""
    if request.method != "POST":
        raise Refusal(
            405, "not-supported", "Send this with POST; no Observation is read here, the summary holds the last ones."
        )
    caller = caller_with(request, SEND)
    if request.content_type not in CONTENT_TYPES:
        raise Refusal(415, "not-supported", f"Send {FHIR_JSON}.")
    try:
        return caller, parse_object(request.body)
    except (RequestDataTooBig, UnreadablePostError):
        raise Refusal(413, "too-costly", "Send fewer Observations at once.") from None
    except FhirReadError as error:
        raise Refusal(400, "structure", error.message, error.path) from None


def _resources(body: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    kind, raw = body.get("type"), body.get("entry")
    if body.get("resourceType") != "Bundle" or kind not in TYPES:
        raise Refusal(400, "structure", "Send a Bundle of type transaction or batch.", "Bundle.type")
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_OBSERVATIONS:
        words = f"A Bundle holds 1 to {MOST_OBSERVATIONS} entries: send the rest in another one."
        raise Refusal(400, "structure", words, "Bundle.entry")
    found: list[Mapping[str, Any]] = []
    for number, entry in enumerate(raw):
        asked = entry.get("request") if isinstance(entry, dict) else None
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(asked, dict) or (asked.get("method"), asked.get("url")) != ("POST", "Observation"):
            words = "Every entry has the request POST Observation."
            raise Refusal(400, "structure", words, f"Bundle.entry[{number}].request")
        if not isinstance(resource, dict):
            raise Refusal(400, "structure", "The entry has no resource.", f"Bundle.entry[{number}].resource")
        found.append(resource)
    return str(kind), found


def _all(resources: list[Mapping[str, Any]], caller: Caller) -> list[dict[str, Any]]:
    """A transaction: everything of one course is recorded together and judged once; the courses one after the other, by their ids."""
    read: dict[UUID, list[tuple[int, Mapping[str, Any]]]] = {}
    behind: dict[tuple[str, str], UUID] = {}
    for number, resource in enumerate(resources):
        with _of_entry(number):
            reading = _read(resource, caller)
            course_id = behind.get(reading.subject) or _course(reading, caller)
            behind[reading.subject] = course_id
            read.setdefault(course_id, []).append((number, reading.event))
    found: dict[int, Recorded] = {}
    with transaction.atomic():
        for course_id in sorted(read):
            numbers = [number for number, _ in read[course_id]]
            try:
                recorded = record_readings(caller, course_id, [event for _, event in read[course_id]])
            except ActionError as error:
                with _of_entry(numbers[error.fact or 0]):
                    raise _refusal(error) from None
            found |= dict(zip(numbers, recorded, strict=True))
    return [_entry(found[number]) for number in range(len(resources))]


@contextmanager
def _of_entry(number: int) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        words = f"{refusal.words} Nothing of the Bundle was kept."
        path = f"Bundle.entry[{number}].resource" + (f" {refusal.path}" if refusal.path else "")
        raise Refusal(refusal.status, refusal.code, words, path) from None


def _one(resource: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    try:
        return _entry(_take(resource, caller))
    except Refusal as refusal:
        return {"response": {"status": str(refusal.status), "outcome": refusal.outcome}}


def _entry(recorded: Recorded) -> dict[str, Any]:
    location = f"Observation/{recorded.event.id}"
    status = "200" if recorded.again else "201"
    return {"response": {"status": status, "location": location, "outcome": _said(recorded)}}


def _take(resource: Mapping[str, Any], caller: Caller) -> Recorded:
    reading = _read(resource, caller)
    try:
        return record_reading(caller, _course(reading, caller), reading.event)
    except ActionError as error:
        raise _refusal(error) from None


def _read(resource: Mapping[str, Any], caller: Caller) -> DeviceReading:
    try:
        return read_observation(resource, caller.client.pk)
    except FhirReadError as error:
        raise Refusal(422, "invalid", error.message, error.path) from None


def _course(reading: DeviceReading, caller: Caller) -> UUID:
    course_id = course_behind(caller.client, *reading.subject)
    if course_id is None:
        words = "That identifier means no patient here: ask the clinic to enter it for the course."
        raise Refusal(422, "not-found", words, "Observation.subject.identifier")
    return course_id


def _refusal(error: ActionError) -> Refusal:
    if isinstance(error, ConflictError):
        words = "This identifier was sent before with another content; nothing was changed. Correct the reading in Handrail itself."
        return Refusal(409, "duplicate", words, "Observation.identifier")
    return Refusal(422, "business-rule", error.message, error.path)


def _said(recorded: Recorded) -> dict[str, Any]:
    """What became of it, in the words that a person at home would read. A value that was not believed is named by its field."""
    marked = recorded.event.payload.get("implausible") or []
    words = str(recorded.truth)
    if marked:
        return issue("warning", "value", f"Kept and not believed: {', '.join(marked)}. Measure again. {words}")
    return issue("information", "informational", words)
