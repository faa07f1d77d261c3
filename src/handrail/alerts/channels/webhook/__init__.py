"""A page as signed JSON to a program of one's own: a hospital's pager gateway, a chat.

    POST <address>
    Content-Type: application/json
    X-Handrail-Timestamp: 1772463600
    X-Handrail-Signature: v1=<hex HMAC-SHA256 of "v1:" + timestamp + ":" + body, keyed with the secret of the contact point>
    Idempotency-Key: <the same when one page is sent again>

A receiver compares the signature, refuses a timestamp that is old, and drops a key that it has seen.
"""

import hashlib
import hmac
import json
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from handrail.alerts import http
from handrail.alerts.channels import Message, Outcome, PermanentFailure, TemporaryFailure

WHO: Final = "the webhook"


class Webhook:
    """One post to an address that the installation allows."""

    name = "webhook"
    own_address = True
    carries_link = True

    def configured(self) -> bool:
        """Whether any host is named in `HANDRAIL_WEBHOOK_HOSTS`."""
        return bool(getattr(settings, "HANDRAIL_WEBHOOK_HOSTS", ()))

    def send(self, message: Message) -> Outcome:
        """Post the page. 2xx is taken for delivered; there are no receipts."""
        if not allowed(message.to):
            return PermanentFailure(why="the address is not on the list of this installation")
        body = json.dumps(_said(message), separators=(",", ":"), sort_keys=True).encode()
        stamp = str(int(message.at.timestamp())) if message.at else "0"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Handrail",
            "Idempotency-Key": message.idempotency_key,
            "X-Handrail-Timestamp": stamp,
            "X-Handrail-Signature": f"v1={signature(message.secret, stamp, body)}",
        }
        try:
            answer = http.post(message.to, body, headers)
        except http.NotSentError as error:
            return TemporaryFailure(why=f"{WHO} could not be reached ({error})")
        except http.NoAnswerError as error:
            return TemporaryFailure(why=f"{WHO} did not answer ({error}); it may have been sent")
        return http.outcome(answer, WHO)


def _said(message: Message) -> dict[str, str]:
    if message.words:
        said = {"format": "handrail-page/1", "text": message.words}
        return (
            {**said, "urgency": message.urgency, "site": message.site, "link": message.link} if message.link else said
        )
    return {
        "format": "handrail-page/1",
        "urgency": message.urgency,
        "site": message.site,
        "code": message.code,
        "text": message.text(),
        "answer": message.link,
    }


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a body sent at a second of the clock, in hexadecimal."""
    return hmac.new(secret.encode(), b"v1:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def allowed(address: str) -> bool:
    """Whether a page may go to an address: a host of the list, and https outside this machine's own loopback."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    hosts = getattr(settings, "HANDRAIL_WEBHOOK_HOSTS", ())
    named = (f"{host}:{port}" if port else host) in hosts
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "localhost"))
    return named and safe and not parts.username and not parts.fragment


CHANNEL = Webhook()
