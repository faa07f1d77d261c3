"""POST /api/checkins: the check-in as JSON, for the page on the phone and for a programme's own app.

GET /api/checkins?id=… tells what became of a check: one that was sent while nobody looked, and while something urgent is open
again and again (`ask_again_after`, in seconds).

Who may: the holder of a check-in link, by the cookie that the link was exchanged for, or by the token itself as
`Authorization: Bearer <token>`. The id is made by the sender: the same check again gives the same answer with status 200.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from handrail.actions.access import log_look
from handrail.actions.checkin_answers import Answers
from handrail.actions.checkins import (
    COOKIE,
    LANGUAGE_COOKIE,
    PURPOSE,
    Receipt,
    Sheet,
    language_for,
    number_behind,
    receipt_of,
    receive,
    sheet_for,
    tag_of,
)
from handrail.actions.errors import ActionError, TooManyError
from handrail.actions.links import exchange_link, link_of_cookie
from handrail.api.errors import ApiError, from_action, from_validation
from handrail.people.models import LinkToken

_CALL: Final = gettext_lazy("Call %(number)s.")
LARGEST: Final = 20_000
BACKGROUND: Final = "HTTP_X_HANDRAIL_BACKGROUND"
Judgement = Literal["right", "wrong", "not_done"]
Symptom = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Reading = Annotated[int, Field(ge=0, le=9999, strict=True)]


class Neuro(BaseModel):
    """The confusion check. A question that is left out counts as `not_done`."""

    model_config = ConfigDict(extra="forbid")

    year: Judgement | None = None
    month: Judgement | None = None
    city: Judgement | None = None
    sentence: Judgement | None = None


class CheckIn(BaseModel):
    """What is sent. The temperature stays as it was typed; Handrail reads it by its unit."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: UUID
    for_: str | None = Field(default=None, alias="for", max_length=40)
    """The tag of the form, which names its course: a check that was written for another course is refused."""
    temperature: str = Field(default="", max_length=20, pattern=r"^[^\x00]*$")
    unit: Literal["F", "C", ""] = ""
    antipyretic: Literal["yes", "no", "not_sure", ""] = ""
    symptoms: list[Symptom] = Field(default_factory=list, max_length=40)
    none_of_these: bool = Field(default=False, strict=True)
    home_neuro: Neuro = Field(default_factory=Neuro)
    judged_by: Literal["caregiver", "patient", ""] = ""
    caregiver_present: Annotated[bool, Field(strict=True)] | None = None
    systolic_mmhg: Reading | None = None
    pulse_per_min: Reading | None = None
    spo2_percent: Reading | None = None
    medicine_pack_at_hand: Annotated[bool, Field(strict=True)] | None = None
    alarm: bool = Field(default=False, strict=True)
    """Raised as an alarm: only the signs and the temperature are read, and nothing is asked once more."""
    written_at: AwareDatetime | None = None
    waited_seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """How long the phone held the check; it wins over `written_at`, because clocks of phones are wrong."""
    sure: bool = Field(default=False, strict=True)
    """True: nothing is asked once more; what was answered is kept as it is."""

    def answers(self) -> Answers:
        """The answers."""
        vitals = {
            "systolic_mmhg": self.systolic_mmhg,
            "pulse_per_min": self.pulse_per_min,
            "spo2_percent": self.spo2_percent,
        }
        return Answers(
            id=self.id,
            temperature=self.temperature.strip(),
            unit=self.unit,
            antipyretic=self.antipyretic,
            symptoms=tuple(dict.fromkeys(self.symptoms)),
            none_of_these=self.none_of_these,
            home_neuro=self.home_neuro.model_dump(exclude_none=True),
            judged_by=self.judged_by,
            caregiver_present=self.caregiver_present,
            vitals={name: value for name, value in vitals.items() if value is not None},
            medicine_pack_at_hand=self.medicine_pack_at_hand,
            alarm=self.alarm,
        )


@csrf_exempt  # another site's form cannot send JSON, and a script of another origin is refused below
def receive_one(request: HttpRequest) -> HttpResponse:
    """Take one check, or tell what became of one."""
    response: HttpResponse
    try:
        response = _taken(request)
    except ApiError as error:
        response = error.response(request)
        response._has_been_logged = True  # type: ignore[attr-defined]  # an answer to the sender, not a fault of ours
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _taken(request: HttpRequest) -> JsonResponse:
    if request.method not in ("GET", "POST"):
        raise ApiError(405, "method_not_allowed", _("Send a check with POST."))
    if request.method == "POST" and request.content_type != "application/json":
        raise ApiError(415, "not_json", _("A check is sent as application/json."))
    _refuse_other_sites(request)
    link = _link(request)
    if link is None:
        number = number_behind(cookie=request.COOKIES.get(COOKIE, ""))
        message = _("This link does not open a check-in any more: ask your team for a new one.")
        if number:
            message = f"{message} {_CALL % {'number': number}}"
        raise ApiError(401, "link_over", message)
    sheet = sheet_for(link)
    with translation.override(language_for(sheet, request.COOKIES.get(LANGUAGE_COOKIE, ""))):
        receipt = _received(request, sheet) if request.method == "POST" else _known(request, link)
    if request.method == "POST" or BACKGROUND not in request.META:
        log_look(sheet.course, "api_checkins", link=link)  # the same page that asks again is one look
    return JsonResponse(receipt.to_json(), status=200 if receipt.again else 201)


def _received(request: HttpRequest, sheet: Sheet) -> Receipt:
    check = _read(request)
    if check.for_ is not None and check.for_ != tag_of(sheet.link):
        message = _("This check was written with another link. Open that link again, or write a new check.")
        raise ApiError(409, "other_link", message, "for")
    answers = check.answers()
    if not check.sure:
        for doubt in answers.doubts(sheet.policy)[:1]:
            raise ApiError(422, f"ask.{doubt.code}", doubt.message, doubt.field)
    waited = None if check.waited_seconds is None else timedelta(seconds=min(check.waited_seconds, 10**8))
    try:
        return receive(sheet, answers, written_at=check.written_at, waited=waited)
    except TooManyError as error:
        number = sheet.call
        message = f"{error.message} {_CALL % {'number': number}}" if number else error.message
        raise ApiError(429, error.code, message) from error
    except ActionError as error:
        raise from_action(error) from error


def _known(request: HttpRequest, link: LinkToken) -> Receipt:
    try:
        return receipt_of(link, UUID(request.GET.get("id", "")))
    except ValueError as error:
        raise ApiError(422, "uuid_parsing", _("Name the check by its id."), "id") from error
    except ActionError as error:
        raise from_action(error) from error


def _read(request: HttpRequest) -> CheckIn:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > LARGEST:
        raise ApiError(413, "too_large", _("A check is smaller than that."))
    try:
        return CheckIn.model_validate_json(request.body)
    except ValidationError as error:
        raise from_validation(error) from error


def _refuse_other_sites(request: HttpRequest) -> None:
    origin = request.META.get("HTTP_ORIGIN")
    site = request.META.get("HTTP_SEC_FETCH_SITE", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and urlsplit(origin).netloc != request.get_host()):
        raise ApiError(403, "other_site", _("A check is sent from Handrail's own page."))


def _link(request: HttpRequest) -> LinkToken | None:
    scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        found = exchange_link(token.strip(), PURPOSE)
        return found[0] if found else None
    cookie = request.COOKIES.get(COOKIE, "")
    return link_of_cookie(cookie, PURPOSE) if cookie else None
