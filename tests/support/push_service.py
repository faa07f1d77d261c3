"""A browser's push service on the loopback: it takes what the real ones take, and the device of the test reads what it was sent.

with push_service() as service:
    settings.HANDRAIL_PUSH_HOSTS = [service.host]
    service.subscription            # JSON, as a browser gives it
    service.messages                # decrypted, in order
"""

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.listening import listening, posts_to

LARGEST = 4096


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class PushService:
    """One device that subscribed with one application key."""

    port: int
    device: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))
    messages: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    application_key: str = ""
    """When it is set, only who signs with it may send."""
    tries: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def subscription(self) -> str:
        point = self.device.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": b64(point), "auth": b64(self.secret)}
        return json.dumps({"endpoint": f"http://{self.host}/push/device-1", "expirationTime": None, "keys": keys})

    def take(self, headers: Any, body: bytes) -> tuple[int, dict[str, str]]:
        self.tries += 1
        if self.answers:
            return self.answers.pop(0)
        if not self._signed(headers.get("Authorization", "")):
            return 403, {}
        if not headers.get("TTL", "").isdigit() or headers.get("Content-Encoding") != "aes128gcm":
            return 400, {}
        if len(headers.get("Topic", "")) > 32 or headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
            return 400, {}
        if len(body) > LARGEST:
            return 413, {}
        self.raw.append(body)
        read = http_ece.decrypt(body, private_key=self.device, auth_secret=self.secret, version="aes128gcm")
        self.messages.append(json.loads(read))
        return 201, {}

    def _signed(self, authorization: str) -> bool:
        """Voluntary application server identification: a token for this service, not over, signed with the key it names."""
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "vapid" or set(parts) != {"t", "k"} or self.application_key not in ("", parts["k"]):
            return False
        head, claims, signature = parts["t"].split(".")
        said = json.loads(unb64(claims))
        if said["aud"] != f"http://{self.host}" or not said["sub"].startswith("mailto:"):
            return False
        if not time.time() < said["exp"] < time.time() + 24 * 3600:
            return False
        raw = unb64(signature)
        der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        try:
            key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@contextmanager
def push_service() -> Iterator[PushService]:
    """A push service on a free port of the loopback."""
    with listening(posts_to(lambda path, headers, body: service.take(headers, body))) as port:
        service = PushService(port)
        yield service
