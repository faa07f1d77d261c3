"""A program of one's own that takes pages as signed JSON on the loopback, and checks what it is told to check."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message

from tests.support.factories import MONDAY_0900
from tests.support.listening import listening, posts_to

SECRET = "a secret of the tests"


@dataclass
class Receiver:
    """A program that takes pages: it refuses a wrong signature and an old timestamp, and counts a key once."""

    port: int
    now: int = int(MONDAY_0900.timestamp())
    secret: str = SECRET
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    pages: dict[str, dict[str, str]] = field(default_factory=dict)
    tries: int = 0
    raw: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/pager?team=1"

    def take(self, path: str, headers: Message, body: bytes) -> tuple[int, dict[str, str]]:
        self.tries += 1
        if self.answers:
            return self.answers.pop(0)
        stamp = headers["X-Handrail-Timestamp"]
        made = hmac.new(self.secret.encode(), f"v1:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(headers["X-Handrail-Signature"], f"v1={made}"):
            return 401, {}
        if abs(int(stamp) - self.now) > 300 * 60:
            return 400, {}
        if headers["Content-Type"] != "application/json" or path != "/pager?team=1":
            return 415, {}
        self.raw.append(body)
        self.pages.setdefault(headers["Idempotency-Key"], json.loads(body))
        return 204, {}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback."""
    with listening(posts_to(lambda path, headers, body: receiver.take(path, headers, body))) as port:
        receiver = Receiver(port)
        yield receiver
