"""Who asks at the FHIR door, for what, and in which form; and the refusals that say what to do instead."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.http import parse_etags
from django.views.decorators.csrf import csrf_exempt

from handrail.actions.client_scopes import allows
from handrail.actions.clients import Caller, caller_of
from handrail.actions.errors import ActionError, NotVisibleError
from handrail.fhir.answers import FHIR_JSON, answered, issue, refused

READING: Final = ("GET", "HEAD")
FHIR_R4: Final = f"{FHIR_JSON}; fhirVersion=4.0"
JSON_FORMS: Final = (FHIR_JSON, "application/json", "json", "text/json")
ANY_FORM: Final = ("*/*", "application/*")
NOT_HERE: Final = (
    "There is no such Patient for this client: ask the clinic to tie your identifier of the patient to the course, then look for it "
    "with POST Patient/_search."
)


class Refusal(Exception):
    """What a request, or one resource of it, is answered."""

    def __init__(self, status: int, code: str, words: str, path: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.words, self.path = status, code, words, path

    @property
    def outcome(self) -> dict[str, Any]:
        """As OperationOutcome."""
        return issue("error", self.code, self.words, self.path)

    def response(self) -> JsonResponse:
        """As answer."""
        answer = refused(self.status, self.code, self.words, self.path)
        if self.status == 401:
            answer["WWW-Authenticate"] = "Bearer"
        return answer


def shows_token(request: HttpRequest) -> bool:
    """Whether whoever asks wants to be known by a token, and not by a session."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer"


def caller_with(request: HttpRequest, wanted: str) -> Caller:
    """Who shows a token that holds a scope.

    Raises:
        Refusal: the token opens nothing (any more), or not this.
    """
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    caller = caller_of(token.strip()) if scheme.lower() == "bearer" and token else None
    if caller is None:
        raise Refusal(401, "login", "The token opens nothing (any more): ask /fhir/token for a new one.")
    if not allows(caller.scopes, wanted):
        raise Refusal(403, "forbidden", f"The token lacks the scope {wanted}.")
    return caller


def reader(
    wanted: str, *methods: str, forms: Sequence[str] = JSON_FORMS
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that reads something out to a system: `view(request, caller, …)`. It is given JSON, or is told what to do.

    Args:
        wanted: the scope that the token must hold.
        methods: how it may be asked; GET and HEAD unless said otherwise.
        forms: in which it can be answered, the first of which a refusal names.
    """
    how = methods or READING

    def around(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in how:
                    raise Refusal(405, "not-supported", f"Ask for this with {' or '.join(how)}.")
                caller = caller_with(request, wanted)
                refuse_other_forms(request, forms)
                return view(request, caller, *args, **kwargs)
            except Refusal as refusal:
                return refusal.response()
            except NotVisibleError:
                return refused(404, "not-found", NOT_HERE)
            except ActionError as error:
                return refused(409, "exception", error.message, error.path)

        return csrf_exempt(asked)  # nothing is taken from a cookie: what counts is the token

    return around


def refuse_other_forms(request: HttpRequest, forms: Sequence[str] = JSON_FORMS) -> None:
    """Refuse whoever takes none of the forms that there are.

    Raises:
        Refusal: 406, with the form that there is.
    """
    taken = request.headers.get("Accept", "*/*").split(",")
    by_format = request.GET.get("_format")
    kinds = [by_format] if by_format is not None else taken
    plain = [each.partition(";")[0].strip().lower() for each in kinds]
    if not any(each in (*forms, *ANY_FORM) for each in plain):
        raise Refusal(406, "not-supported", f"There is only {forms[0]}: ask for that.")


def patient_named(text: str) -> UUID:
    """The id of a patient, as it stands in an address or behind `patient=`.

    Raises:
        NotVisibleError: it can be none.
    """
    try:
        return UUID(text.removeprefix("Patient/"))
    except ValueError:
        raise NotVisibleError("There is no such patient.") from None


def form_of(request: HttpRequest) -> Mapping[str, str]:
    """The parameters that were posted as a form.

    Raises:
        Refusal: they are too many, or none that can be read.
    """
    try:
        return request.POST.dict()
    except (BadRequest, RequestDataTooBig, UnreadablePostError):
        raise Refusal(400, "structure", "Send a form of the usual size.") from None


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a parameter that would be passed over: the answer would be about something else than was asked.

    Raises:
        Refusal: 400, with the parameters that there are.
    """
    taken = (*known, "_format")
    for name in names:
        if name not in taken:
            raise Refusal(400, "not-supported", f"The parameters here are {', '.join(taken)}; leave out the others.")


def token_of_identifier(text: str) -> tuple[str, str]:
    """An identifier sent as `system|value`.

    Raises:
        Refusal: half of it is missing.
    """
    system, bar, value = text.partition("|")
    if not (bar and system.strip() and value.strip()):
        words = "Send the identifier as system|value, as the clinic entered it; half of it names nobody."
        raise Refusal(400, "value", words, "identifier")
    return system, value


def tagged(request: HttpRequest, tag: str, write: Callable[[], bytes]) -> HttpResponse:
    """An answer with a weak ETag, or 304 without content for who has it already.

    Weak: the bytes hold the instant at which they were written, what they say is the same.
    """
    return _unless_had(request, f'W/"{tag}"', lambda: HttpResponse(write(), content_type=FHIR_R4))


def exact(request: HttpRequest, content: bytes, content_type: str, name: str) -> HttpResponse:
    """Bytes that are kept, as a file, with a strong ETag and their digest (`Repr-Digest`, RFC 9530); 304 for who has them already."""
    digest = hashlib.sha256(content)
    response = _unless_had(request, f'"{digest.hexdigest()}"', lambda: HttpResponse(content, content_type=content_type))
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _unless_had(request: HttpRequest, etag: str, made: Callable[[], HttpResponse]) -> HttpResponse:
    """Compared as `If-None-Match` is: what stands between may have made a strong tag weak."""
    opaque = etag.removeprefix("W/")
    had = (each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", "")))
    if opaque in had:
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = made()
    response["ETag"] = etag
    response["Cache-Control"] = "no-store"
    return response


def base() -> str:
    """The address of the door."""
    return f"{settings.HANDRAIL_BASE_URL}/fhir"


def searchset(
    entries: Iterable[tuple[str, Mapping[str, Any]]], links: Mapping[str, str], total: int | None = None
) -> JsonResponse:
    """A Bundle of what was found: (fullUrl, resource). `total` None: not counted."""
    body: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        body["total"] = total
    if links:
        body["link"] = [{"relation": name, "url": url} for name, url in links.items()]
    found = [{"fullUrl": url, "resource": each, "search": {"mode": "match"}} for url, each in entries]
    if found:
        body["entry"] = found
    return answered(body)
