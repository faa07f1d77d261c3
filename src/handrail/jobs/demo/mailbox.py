"""The demonstration's mail server: takes every mail, keeps it as a file, and sends nothing on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """A mail server on this machine alone. `received` is called with (count, to, subject) for every mail, one at a time."""

    def __init__(self, folder: Path, port: int, received: Callable[[int, str, str], None] | None = None) -> None:
        self.folder = folder
        self.port = port
        self._received = received
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.count = len(list(folder.glob("*.eml")))

    def start(self) -> None:
        """Listen, in a thread."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._controller is not None:
            self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """One mail has come: it is on disk before the sender hears that it was taken."""
        await asyncio.get_running_loop().run_in_executor(None, self._keep, envelope)
        return "250 kept"

    def _keep(self, envelope: Envelope) -> None:
        content: Any = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        with self._lock:
            self.count += 1
            (self.folder / f"{self.count:04d}.eml").write_bytes(data)
            if self._received is not None:
                subject = str(message_from_bytes(data, policy=default).get("Subject", ""))
                self._received(self.count, ", ".join(envelope.rcpt_tos), subject)
