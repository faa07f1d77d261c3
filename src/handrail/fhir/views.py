"""What the FHIR door serves: a sealed packet as a document and its signature, to somebody who may read it, and to everybody the keys."""

from __future__ import annotations

import base64
import hashlib
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.actor import person
from handrail.actions.document_keys import published
from handrail.actions.document_signatures import Signed, signed
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError
from handrail.actions.packets import Sealed
from handrail.fhir.answers import FHIR_JSON, answered, refused
from handrail.fhir.door import READING
from handrail.fhir.handoff_document import document_of, written
from handrail.people.models import User

JOSE: Final = "application/jose"
JWK_SET: Final = "application/jwk-set+json"
NOT_SIGNED: Final = (
    "This Bundle is not signed: the organisation has no key. A director makes one with `handrail keys make`."
)


@csrf_exempt  # nothing is changed here, and whoever asks otherwise is told in a form that it can read
def bundle(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The document of a sealed version, always the same bytes, with their digest (`Repr-Digest`, RFC 9530)."""
    found = _read(request, version_id)
    if isinstance(found, HttpResponse):
        return found
    digest = hashlib.sha256(found.content)
    response = HttpResponse(found.content, content_type=f"{FHIR_JSON}; fhirVersion=4.0")
    response["Content-Disposition"] = f'attachment; filename="packet-{version_id}.json"'
    response["ETag"] = f'"{digest.hexdigest()}"'
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt
def signature(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The signature of that document: a detached JWS over its exact bytes."""
    found = _read(request, version_id)
    if isinstance(found, HttpResponse):
        return found
    if found.signature is None:
        return refused(404, "not-found", NOT_SIGNED)
    response = HttpResponse(found.signature, content_type=JOSE)
    response["Content-Disposition"] = f'attachment; filename="packet-{version_id}.json.jws"'
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt
def keys(request: HttpRequest, organisation_id: UUID) -> HttpResponse:
    """The public keys of an organisation, for whoever checks a signature; none for an organisation that is not here."""
    if request.method not in READING:
        return _only_read("Read the keys with GET.")
    return answered(published(organisation_id), content_type=JWK_SET)


def document_bytes(sealed: Sealed) -> bytes:
    """A sealed version as a document; kept, so that it is written once."""
    row = sealed.row
    return written(document_of(sealed.body, version=str(row.pk), number=row.number, sha256=row.sha256))


def _read(request: HttpRequest, version_id: UUID) -> Signed | HttpResponse:
    """The document with its signature for somebody who is signed in and may read it, or what they are told instead."""
    if request.method not in READING:
        return _only_read("A sealed Bundle is never changed: ask for it with GET.")
    if not isinstance(request.user, User):
        return refused(401, "login", "Sign in first, then ask again.")
    try:
        return signed(version_id, document_bytes, by=person(request.user))
    except NotVisibleError:
        return refused(404, "not-found", "There is no such Bundle: look at the sealed versions of the packet.")
    except NotAllowedError:
        return refused(403, "forbidden", "Your role does not allow that here: ask somebody who treats the patient.")
    except ActionError as error:
        return refused(409, "exception", error.message)


def _only_read(words: str) -> HttpResponse:
    response = refused(405, "not-supported", words)
    response["Allow"] = ", ".join(READING)
    return response
