"""What the FHIR door serves: a sealed packet as a document and its signature, to whoever may read it, and to everybody the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.actor import Actor, person, system
from handrail.actions.client_scopes import READ_BUNDLE
from handrail.actions.document_keys import published
from handrail.actions.document_signatures import Signed, signed
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError
from handrail.actions.not_known import CODE, hold_back
from handrail.actions.packets import Sealed
from handrail.fhir.answers import answered, refused
from handrail.fhir.door import (
    FHIR_R4,
    READING,
    Refusal,
    caller_with,
    exact,
    refuse_other_forms,
    refuse_unknown,
    shows_token,
)
from handrail.fhir.handoff_document import document_of, written
from handrail.people.models import User

UNSAID: Final = (
    "Fields are empty in this version that no receiving side can do without, and nobody has said that they go out as not known. "
    "Say so on the page of the version, then fetch the file. In an emergency send the packet for the emergency department: "
    "nobody is asked for that."
)
JOSE: Final = "application/jose"
JWK_SET: Final = "application/jwk-set+json"
NOT_SIGNED: Final = (
    "This Bundle is not signed: the organisation has no key. A director makes one with `handrail keys make`."
)
NOT_HERE: Final = (
    "There is no such Bundle for you: a person finds the sealed versions on the page of the packet, a system with "
    "GET Provenance?patient=<id of the Patient>."
)


@csrf_exempt  # nothing is changed here, and whoever asks otherwise is told in a form that it can read
def bundle(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The document of a sealed version, always the same bytes."""
    found = _read(request, version_id, _document, as_json=True)
    if isinstance(found, HttpResponse):
        return found
    return exact(request, found, FHIR_R4, f"packet-{version_id}.json")


@csrf_exempt
def signature(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The signature of that document: a detached JWS over its exact bytes."""
    found = _read(request, version_id, _signature)
    if isinstance(found, HttpResponse):
        return found
    return exact(request, found, JOSE, f"packet-{version_id}.json.jws")


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


def _document(found: Signed) -> bytes:
    return found.content


def _signature(found: Signed) -> bytes:
    if found.signature is None:
        raise Refusal(404, "not-found", NOT_SIGNED)
    return found.signature.encode()


def _read(
    request: HttpRequest, version_id: UUID, part: Callable[[Signed], bytes], *, as_json: bool = False
) -> bytes | HttpResponse:
    """The document, or its signature, for whoever may read it, or what they are told instead."""
    if request.method not in READING:
        return _only_read("A sealed Bundle is never changed: ask for it with GET.")
    try:
        by = _asker(request)
        refuse_unknown(request.GET, ())
        if as_json:
            refuse_other_forms(request)
        if as_json:
            hold_back(version_id, by=by)
        with transaction.atomic():  # nobody has looked at what they were refused: the look is taken back with the rest
            return part(signed(version_id, document_bytes, by=by))
    except Refusal as refusal:
        return refusal.response()
    except NotVisibleError:
        return refused(404, "not-found", NOT_HERE)
    except NotAllowedError:
        return refused(403, "forbidden", "Your role does not allow that here: ask somebody who treats the patient.")
    except ActionError as error:
        words = UNSAID if error.code == CODE else error.message
        return refused(409, "exception", words)


def _asker(request: HttpRequest) -> Actor:
    """A system by the token that it shows, whoever else is signed in; else who is signed in.

    Raises:
        Refusal: nobody who is known here, or a token that is not for this.
    """
    if shows_token(request):
        return system(caller_with(request, READ_BUNDLE).client)
    if isinstance(request.user, User):
        return person(request.user)
    raise Refusal(401, "login", "Sign in first, or show a token from /fhir/token, then ask again.")


def _only_read(words: str) -> HttpResponse:
    response = refused(405, "not-supported", words)
    response["Allow"] = ", ".join(READING)
    return response
