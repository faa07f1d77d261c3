"""Patient, and its `$summary`: who somebody is and how the course stands now, for a system to which a person tied the course."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.client_scopes import FIND_PATIENT, READ_PATIENT
from handrail.actions.clients import Caller
from handrail.actions.reading_out import Person, Standing, find_person, read_person, read_standing
from handrail.fhir.answers import refused
from handrail.fhir.bundle import parse_object
from handrail.fhir.door import (
    READING,
    Refusal,
    base,
    form_of,
    patient_named,
    reader,
    refuse_unknown,
    searchset,
    tagged,
    token_of_identifier,
)
from handrail.fhir.handoff_document import document_of, written
from handrail.fhir.handoff_resources import Resource, patient
from handrail.fhir.record import FhirReadError
from handrail.fhir.values import objects, text
from handrail.rules.answer import plain

SUMMARY_PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
SUMMARY_VERSION: Final = "2.0.1"
PARAMETERS: Final = ("identifier", "profile")


@reader(READ_PATIENT)
def read(request: HttpRequest, caller: Caller, patient_id: str) -> HttpResponse:
    """One Patient."""
    refuse_unknown(request.GET, ())
    found = _resource(read_person(caller, patient_named(patient_id)))
    return tagged(request, found["meta"]["versionId"], lambda: written(found))


@csrf_exempt
def by_address(_request: HttpRequest) -> HttpResponse:
    """Nobody is looked for in an address, and nobody is registered here."""
    return refused(
        405,
        "not-supported",
        "Look for a Patient with POST Patient/_search and a form: an identifier stands in no address.",
    )


@reader(FIND_PATIENT, "POST")
def search(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The Patient that a system means by its identifier. By POST alone: an identifier of a patient stands in no address."""
    said = form_of(request)
    refuse_unknown([*request.GET, *said], ("identifier",))
    person = find_person(caller, *token_of_identifier(said.get("identifier", "")))
    found = [] if person is None else [(f"{base()}/Patient/{person.id}", _resource(person))]
    return searchset(found, {}, total=len(found))


@reader(READ_PATIENT, *READING, "POST")
def summary(request: HttpRequest, caller: Caller, patient_id: str) -> HttpResponse:
    """The course as it stands, as a document. Which of several is said by POST alone: an identifier stands in no address."""
    refuse_unknown(request.GET, PARAMETERS)
    if "identifier" in request.GET:
        words = "Send identifier with POST, in a Parameters resource: an identifier of a patient stands in no address."
        raise Refusal(400, "not-supported", words, "identifier")
    said = {**_parameters(request), **request.GET.dict()}
    _refuse_other_profiles(said.get("profile"))
    identifier = token_of_identifier(said["identifier"]) if "identifier" in said else None
    standing = read_standing(caller, patient_named(patient_id), identifier=identifier)
    return tagged(request, standing.tag, lambda: _document(standing))


def _resource(person: Person) -> Resource:
    found = {**patient({"who": plain(person.who)}), "id": str(person.id)}
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    return {**found, "meta": {"versionId": digest}}


def _document(standing: Standing) -> bytes:
    body = standing.packet.to_json()
    name = f"urn:handrail:summary:{standing.course_id}:{body['made_at']}:{standing.tag}"
    sha256 = standing.packet.sha256
    return written(document_of(body, version=str(uuid5(NAMESPACE_URL, name)), number=None, sha256=sha256))


def _parameters(request: HttpRequest) -> Mapping[str, str]:
    """What a POST says in a Parameters resource; an empty body says nothing.

    Raises:
        Refusal: another resource, or a parameter that is not here.
    """
    if request.method != "POST":
        return {}
    try:
        body = parse_object(request.body) if request.body else {"resourceType": "Parameters"}
    except (RequestDataTooBig, UnreadablePostError):
        raise Refusal(413, "too-costly", "Send the Parameters alone.") from None
    except FhirReadError as error:
        raise Refusal(400, "structure", error.message, error.path) from None
    if body.get("resourceType") != "Parameters":
        raise Refusal(400, "structure", "Send a Parameters resource, or no content.", "resourceType")
    said: dict[str, str] = {}
    for each in objects(body.get("parameter")):
        name, value = text(each.get("name")) or "", _value(each)
        refuse_unknown([name], PARAMETERS)
        if value is None or name in said:
            words = "Send identifier once as valueString (system|value), and profile once as valueCanonical."
            raise Refusal(400, "value", words, "Parameters.parameter")
        said[name] = value
    return said


def _value(parameter: Mapping[str, Any]) -> str | None:
    identifier = parameter.get("valueIdentifier")
    if isinstance(identifier, dict):
        return f"{text(identifier.get('system')) or ''}|{text(identifier.get('value')) or ''}"
    return next(
        (said for name in ("valueString", "valueCanonical", "valueUri") if (said := text(parameter.get(name)))), None
    )


def _refuse_other_profiles(profile: str | None) -> None:
    if profile is not None and profile not in (SUMMARY_PROFILE, f"{SUMMARY_PROFILE}|{SUMMARY_VERSION}"):
        words = f"There is one kind of summary: {SUMMARY_PROFILE}. Ask for that, or for none by name."
        raise Refusal(400, "not-supported", words, "profile")
