"""The provider of text messages and calls: an HTTP interface like Twilio's, for which several providers and gateways exist.

Requests are forms with basic sign-in; what the provider tells us later comes as forms signed with the same token
(`X-Twilio-Signature`). The names of the fields are the interface's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings

from handrail.alerts import http
from handrail.alerts.channels import Outcome, PermanentFailure, TemporaryFailure
from handrail.people.secrets import normal_phone

WHO: Final = "the phone provider"
STOPPED: Final = 21610
"""The code for a number whose owner has answered STOP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the provider is, and who we are there."""

    base: str
    account: str
    token: str
    sender: str

    def __repr__(self) -> str:
        return "Provider()"  # the token never reaches a log


def provider() -> Provider | None:
    """The provider of this installation, None where none is set up."""
    chosen: Mapping[str, str] = getattr(settings, "HANDRAIL_PHONE", None) or {}
    return Provider(**chosen) if chosen else None


def dialled(number: str) -> str:
    """A number as the provider takes it: with its country. One of ten digits has that of a North American sender."""
    plain, chosen = normal_phone(number), provider()
    if plain.startswith("+") or chosen is None or not chosen.sender.startswith("+1"):
        return plain
    return f"+{plain}" if len(plain) == 11 and plain.startswith("1") else f"+1{plain}" if len(plain) == 10 else plain


def create(what: str, form: Mapping[str, str | Sequence[str]]) -> Outcome:
    """Create a message or a call (`Messages`, `Calls`). Never raises."""
    chosen = provider()
    if chosen is None:
        return PermanentFailure(why="no phone provider is set up")
    address = f"{chosen.base}/2010-04-01/Accounts/{chosen.account}/{what}.json"
    secret = base64.b64encode(f"{chosen.account}:{chosen.token}".encode()).decode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"}
    to = dialled(str(form.get("To", "")))
    body = urlencode({"From": chosen.sender, **form, "To": to}, doseq=True).encode()
    try:
        answer = http.post(address, body, headers)
    except http.NotSentError as error:
        return TemporaryFailure(why=f"{WHO} could not be reached ({error})")
    except http.NoAnswerError as error:
        return TemporaryFailure(why=f"{WHO} did not answer ({error}); it may have been sent")
    said = _json(answer.body)
    code = said.get("code")
    detail = str(code) if isinstance(code, int) else ""
    reference = said.get("sid")
    if 200 <= answer.status < 300 and not isinstance(reference, str):
        return TemporaryFailure(why=f"{WHO} gave an answer that cannot be read; it may have been sent")
    return http.outcome(answer, WHO, detail=detail, reference=str(reference or "")[:64], receipts=True)


def heard_by(answered_by: str) -> str:
    """What took a call, as the provider's detection says it (`AnsweredBy`), in the words of receipts; empty: it does not know."""
    if answered_by == "human":
        return "human"
    return "machine" if answered_by.startswith("machine") or answered_by == "fax" else ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def signature(address: str, form: Mapping[str, Sequence[str]], token: str) -> str:
    """The signature of a form that the provider posts to an address: HMAC-SHA1 over the address and the sorted fields."""
    text = address + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_signed(address: str, form: Mapping[str, Sequence[str]], given: str) -> bool:
    """Whether a form came from the provider of this installation."""
    chosen = provider()
    return chosen is not None and hmac.compare_digest(signature(address, form, chosen.token).encode(), given.encode())
