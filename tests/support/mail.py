"""A real mail server that the tests can read, and that refuses, stalls or goes away when a test asks for it.

with mail_server() as mail:
    mail.address                          # smtp://127.0.0.1:40125, for HANDRAIL_EMAIL_URL
    mail.answers["RCPT"] = "450 4.2.0 come back later"
    mail.arrived                          # every message taken, in order
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as the server took it. `at` is the monotonic second of its arrival."""

    to: tuple[str, ...]
    raw: bytes
    at: float

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def body(self) -> str:
        return self.message.get_content().strip()


@dataclass(slots=True)
class MailServer:
    """What arrived, how often somebody tried, and what the server answers instead of taking a message."""

    port: int
    arrived: list[Mail] = field(default_factory=list)
    tries: list[float] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """`MAIL`, `RCPT` or `DATA` → the line that the server answers from now on."""

    @property
    def address(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, count: int, *, seconds: float = 10) -> list[Mail]:
        """The messages, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.arrived) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.arrived) >= count, f"{len(self.arrived)} of {count} messages after {seconds} s"
        return list(self.arrived)

    # --- what aiosmtpd calls --------------------------------------------------------------------------------------------

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        self.tries.append(time.monotonic())
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.arrived.append(Mail(to=tuple(envelope.rcpt_tos), raw=envelope.content, at=time.monotonic()))
        return "250 OK"


@contextmanager
def mail_server(kind: type[MailServer] = MailServer) -> Iterator[MailServer]:
    """A mail server on a free port of the loopback."""
    server = kind(port=free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that takes connections and says nothing; yields its port."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        taken: list[socket.socket] = []

        def accept() -> None:
            while not done.is_set():
                try:
                    taken.append(listener.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()
            for connection in taken:
                connection.close()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def use_port(settings: Any, port: int) -> None:
    """Let the application send its mail to that port of the loopback."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.HANDRAIL_EMAIL_CONFIGURED = True
    settings.HANDRAIL_BASE_URL = "https://handrail.example.org"
