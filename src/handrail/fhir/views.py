"""What the FHIR door serves: a sealed packet as a document, to somebody who is signed in and may read it."""

from __future__ import annotations

import base64
import hashlib
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.actor import person
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError
from handrail.actions.packets import Sealed, rendering
from handrail.fhir.answers import FHIR_JSON, refused
from handrail.fhir.door import READING
from handrail.fhir.handoff_document import document_of, written
from handrail.people.models import User

FORM: Final = "fhir_r4"


@csrf_exempt  # nothing is changed here, and whoever asks otherwise is told in a form that it can read
def bundle(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """The document of a sealed version, always the same bytes, with their digest (`Repr-Digest`, RFC 9530)."""
    if request.method not in READING:
        response: HttpResponse = refused(405, "not-supported", "A sealed Bundle is never changed: ask for it with GET.")
        response["Allow"] = ", ".join(READING)
        return response
    if not isinstance(request.user, User):
        return refused(401, "login", "Sign in first, then ask again.")
    try:
        _, content = rendering(version_id, FORM, document_bytes, by=person(request.user))
    except NotVisibleError:
        return refused(404, "not-found", "There is no such Bundle: look at the sealed versions of the packet.")
    except NotAllowedError:
        return refused(403, "forbidden", "Your role does not allow that here: ask somebody who treats the patient.")
    except ActionError as error:
        return refused(409, "exception", error.message)
    digest = hashlib.sha256(content)
    response = HttpResponse(content, content_type=f"{FHIR_JSON}; fhirVersion=4.0")
    response["Content-Disposition"] = f'attachment; filename="packet-{version_id}.json"'
    response["ETag"] = f'"{digest.hexdigest()}"'
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    response["Cache-Control"] = "no-store"
    return response


def document_bytes(sealed: Sealed) -> bytes:
    """A sealed version as a document; kept, so that it is written once."""
    row = sealed.row
    return written(document_of(sealed.body, version=str(row.pk), number=row.number, sha256=row.sha256))
