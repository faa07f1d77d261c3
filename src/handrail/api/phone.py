"""What the phone provider tells us, as signed forms: receipts of messages and calls, the key that was pressed in a call,
and the text messages of people at home.

Nothing is believed without the provider's signature over this very address and these very fields, and what is not signed is answered
the same whatever it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from uuid import UUID
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from handrail.actions.calls import answer_call
from handrail.actions.receipts import note_receipt
from handrail.actions.texts import receive_text
from handrail.alerts import phone
from handrail.rules.receipts import further

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]
LARGEST: Final = 20_000


def from_provider(view: View[Rest]) -> View[Rest]:
    """An address for the phone provider alone."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        address = f"{settings.HANDRAIL_BASE_URL}{request.get_full_path()}"
        given = request.headers.get("X-Twilio-Signature", "")
        if len(request.body) > LARGEST or not phone.is_signed(address, dict(request.POST.lists()), given):
            response = HttpResponse(status=403)
            response._has_been_logged = True  # type: ignore[attr-defined]  # strangers fill no log
            return response
        return view(request, *args, **kwargs)

    return csrf_exempt(require_POST(inner))  # type: ignore[return-value]


@from_provider
def receipt(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """How far a message or a call got. What is told about a row that is not here is taken and forgotten."""
    form = request.POST
    told = form.get("MessageStatus", "") or form.get("CallStatus", "")
    note_receipt(
        row_id,
        word=further(told, phone.heard_by(form.get("AnsweredBy", ""))),
        provider_id=form.get("MessageSid", "") or form.get("CallSid", ""),
        detail=form.get("ErrorCode", ""),
    )
    return HttpResponse(status=204)


@from_provider
def answer(request: HttpRequest, page_id: UUID) -> HttpResponse:
    """The key that was pressed in the call that read a page aloud, and what the call says then."""
    form = request.POST
    said = answer_call(page_id, form.get("Digits", ""), call=form.get("CallSid", ""))
    return _says(said.words)


def _says(words: str) -> HttpResponse:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response><Say>{escape(words)}</Say></Response>'
    return HttpResponse(body, content_type="text/xml; charset=utf-8")


@from_provider
def text(request: HttpRequest) -> HttpResponse:
    """A text message from somebody at home, and what is answered."""
    form = request.POST
    answered = receive_text(
        provider_id=form.get("MessageSid", "")[:64],
        sender=form.get("From", "")[:20],
        body=form.get("Body", ""),
        provider_stops=bool(form.get("OptOutType")),
    )
    said = f"<Message>{escape(answered.words)}</Message>" if answered.words else ""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>'
    return HttpResponse(body, content_type="text/xml; charset=utf-8")
