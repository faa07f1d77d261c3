"""A push message to a browser or phone that subscribed: encrypted for that device alone, and signed with the installation's own key.

Needs the extra `push`. The push service of the browser's maker carries it and cannot read it.
"""

import base64
import json
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from handrail import clock
from handrail.alerts import http
from handrail.alerts.channels import Message, Outcome, PermanentFailure, TemporaryFailure

WHO: Final = "the push service"
KNOWN_HOSTS: Final = (
    "fcm.googleapis.com",
    ".push.services.mozilla.com",
    ".push.apple.com",
    ".notify.windows.com",
)
"""The push services of the browsers; one that begins with a dot stands for every host below it."""
KEEP_SECONDS: Final = 3600
"""So long the service keeps it for a device that is off: a later one is of no use, the ladder has gone on."""
_SIGNED_FOR: Final = timedelta(hours=1)


class Push:
    """One push message to a device of the person."""

    name = "push"
    own_address = True
    carries_link = True

    def configured(self) -> bool:
        """Whether there is a key in `HANDRAIL_PUSH_KEY`, and the extra is installed."""
        return bool(getattr(settings, "HANDRAIL_PUSH_KEY", "")) and find_spec("pywebpush") is not None

    def send(self, message: Message) -> Outcome:
        """Encrypt, sign and hand it to the push service. 2xx is taken for delivered; there are no receipts."""
        found = subscription(message.to)
        if found is None:
            return PermanentFailure(why="there is no subscription that can be used")
        from pywebpush import WebPusher

        said = {"title": message.subject(), "text": message.text(), "link": message.link or message.base_url}
        try:
            body = WebPusher(found).encode(json.dumps(said).encode(), content_encoding="aes128gcm")["body"]
        except Exception as error:  # noqa: BLE001 (keys that are none: the library raises whatever it meets)
            return PermanentFailure(why=f"the subscription cannot be used ({type(error).__name__})")
        headers = {
            **_signed(found["endpoint"]),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEEP_SECONDS),
            "Urgency": "high",
            "Topic": message.idempotency_key[:32],
        }
        try:
            answer = http.post(found["endpoint"], body, headers)
        except http.NotSentError as error:
            return TemporaryFailure(why=f"{WHO} could not be reached ({error})")
        except http.NoAnswerError as error:
            return TemporaryFailure(why=f"{WHO} did not answer ({error}); it may have been sent")
        return http.outcome(answer, WHO)


def subscription(text: str) -> dict[str, Any] | None:
    """A subscription as the browser gives it; None for anything else, or for a service that is not on the list."""
    try:
        found = json.loads(text)
        keys = {name: found["keys"][name] for name in ("p256dh", "auth")}
        endpoint = found["endpoint"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(endpoint, str) or not all(isinstance(key, str) and len(key) < 200 for key in keys.values()):
        return None
    return {"endpoint": endpoint, "keys": keys} if _allowed(endpoint) else None


def _allowed(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    named = f"{host}:{port}" if port else host
    for each in (*KNOWN_HOSTS, *getattr(settings, "HANDRAIL_PUSH_HOSTS", ())):
        if named == each or (each.startswith(".") and named.endswith(each)):
            loopback = parts.scheme == "http" and host in ("127.0.0.1", "localhost")
            return (parts.scheme == "https" or loopback) and not parts.username
    return False


def public_key() -> str:
    """The installation's public key, as a browser wants it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = _key(settings.HANDRAIL_PUSH_KEY).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _signed(endpoint: str) -> dict[str, str]:
    """Who sends, signed for this service; by the machine's clock, which the service compares with its own."""
    parts = urlsplit(endpoint)
    claims = {
        "sub": f"mailto:{settings.DEFAULT_FROM_EMAIL}",
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((clock.SystemClock().now() + _SIGNED_FOR).timestamp()),
    }
    return dict(_key(settings.HANDRAIL_PUSH_KEY).sign(claims))


@lru_cache(maxsize=2)
def _key(text: str) -> Any:
    from py_vapid import Vapid02

    return Vapid02.from_string(text)


CHANNEL = Push()
