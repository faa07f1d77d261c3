"""The providers in a storm: the mail server refuses and stalls; the phone provider loses its answers and the receipts it owes, too."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from tests.support.mail import MailServer
from tests.support.twilio import ACCOUNT, SENDER, TOKEN, PhoneProvider, Taken, Trouble

TROUBLES: Final[dict[str, Trouble]] = {
    "500": Trouble(500),
    "503": Trouble(503, retry_after="1"),
    "429": Trouble(429, retry_after="2"),
    "stalled": Trouble(seconds=7),  # longer than the channel waits
    "no answer": Trouble(taken=True),  # it takes the message, and nobody hears of it but by the receipt
}
LOST_RECEIPT: Final = "lost receipt"
BADLY: Final = (*TROUBLES, "500", "503", LOST_RECEIPT, LOST_RECEIPT, LOST_RECEIPT)


@dataclass(slots=True)
class BadMail(MailServer):
    """A mail server with bad moments, handed out one by one."""

    trouble: SimpleQueue[str] = field(default_factory=SimpleQueue)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 (aiosmtpd names it)
        try:
            what = self.trouble.get_nowait()
        except Empty:
            what = ""
        if what == "stalled":
            await asyncio.sleep(7)  # longer than the channel waits
        if what.isdigit():
            return f"{what} not now"
        envelope.mail_from = address
        return "250 OK"


class Door:
    """Posts a form through the first door that answers, as `signed_post` asks its client to."""

    def __init__(self, doors: Sequence[str]) -> None:
        self.doors = doors

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether a door took it."""
        return any(self._through(door, path, form, headers) for door in self.doors)

    @staticmethod
    def _through(door: str, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        request = urllib.request.Request(f"{door}{path}", data=urlencode(form).encode(), headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status < 300)
        except (urllib.error.URLError, OSError):
            return False


class BadProvider:
    """What goes wrong next at the provider, and the thread that posts its receipts."""

    def __init__(self, phone: PhoneProvider, doors: Sequence[str], over: threading.Event) -> None:
        self.phone = phone
        self.door = Door(doors)
        self.over = over
        self.lost: SimpleQueue[str] = SimpleQueue()
        self.told: Counter[bool] = Counter()
        self.thread = threading.Thread(target=self._receipts)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach this provider and to be reached by it."""
        return {
            "HANDRAIL_PHONE_URL": f"http://{ACCOUNT}:{TOKEN}@127.0.0.1:{self.phone.port}",
            "HANDRAIL_PHONE_FROM": SENDER,
            "HANDRAIL_BASE_URL": self.door.doors[0],
        }

    def trouble(self, what: str) -> bool:
        """Hand out one trouble; False while those handed out before have not come."""
        if what == LOST_RECEIPT:
            if self.lost.qsize() > 5:
                return False
            self.lost.put(what)
            return True
        with self.phone.lock:
            if len(self.phone.next_answers) > 5:
                return False
            self.phone.next_answers.append(TROUBLES[what])
        return True

    def _receipts(self) -> None:
        """Tell what became of every message and call, in order; one that no door takes is lost."""
        done = 0
        while not self.over.is_set():
            with self.phone.lock:
                new = self.phone.taken[done:]
            for taken in new:
                done += 1
                try:
                    self.lost.get_nowait()
                except Empty:
                    self.told[self._tell(taken)] += 1
            time.sleep(0.1)

    def _tell(self, taken: Taken) -> bool:
        word = "delivered" if taken.kind == "Messages" else "completed"
        return bool(self.phone.receipt(taken, word, self.door))

    def rows(self) -> Counter[str]:
        """How often each row of the programme was taken, by the address at which its receipt was asked for."""
        with self.phone.lock:
            return Counter(urlsplit(each.form["StatusCallback"]).path.rsplit("/", 1)[1] for each in self.phone.taken)


__all__ = ["BADLY", "BadProvider"]
