"""A phone provider on the loopback that refuses what the real one refuses, and stalls, limits and loses when a test asks for it.

with phone_provider() as phone:
    settings.HANDRAIL_PHONE = phone.settings
    phone.next_answers.append(Trouble(429, retry_after="30"))
    phone.messages                          # every message taken, in order
    phone.receipt(phone.messages[0], "delivered", client)   # posts the signed receipt to the application

The signature is written here a second time, from the interface's own description, and not taken from the code under test.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from tests.support.listening import listening

ACCOUNT = "AC" + "0" * 32
TOKEN = "synthetic-token-of-the-tests"
SENDER = "+15550100000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message or a call that the provider took. `at` is the monotonic second."""

    sid: str
    kind: str
    form: dict[str, str]
    at: float

    @property
    def to(self) -> str:
        return self.form["To"]

    @property
    def body(self) -> str:
        return self.form.get("Body", "") or self.form.get("Twiml", "")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the provider does with the next request instead of taking it."""

    status: int = 0
    code: int = 0
    retry_after: str = ""
    seconds: float = 0
    """So long it says nothing, then goes on (a status) or hangs up (no status)."""
    taken: bool = False
    """It takes the message and loses its own answer: nobody knows what became of it."""


@dataclass(slots=True)
class PhoneProvider:
    """What was taken, how often somebody tried, and what goes wrong next."""

    port: int
    taken: list[Taken] = field(default_factory=list)
    tries: list[float] = field(default_factory=list)
    next_answers: list[Trouble] = field(default_factory=list)
    always: Trouble | None = None
    number: int = 0
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def settings(self) -> dict[str, str]:
        """`HANDRAIL_PHONE` of the settings."""
        base = f"http://127.0.0.1:{self.port}"
        return {"base": base, "account": ACCOUNT, "token": TOKEN, "sender": SENDER}

    @property
    def messages(self) -> list[Taken]:
        return [each for each in self.taken if each.kind == "Messages"]

    @property
    def calls(self) -> list[Taken]:
        return [each for each in self.taken if each.kind == "Calls"]

    def receipt(self, taken: Taken, word: str, client: Any, **more: str) -> Any:
        """Post a receipt to the application, signed."""
        kind = "Message" if taken.kind == "Messages" else "Call"
        form = {"AccountSid": ACCOUNT, "From": SENDER, "To": taken.to, f"{kind}Sid": taken.sid, f"{kind}Status": word}
        return signed_post(client, taken.form["StatusCallback"], {**form, **more})

    def detects(self, call: Taken, answered_by: str, client: Any) -> Any:
        """Its detection of answering machines has an answer: posts the signed word, which holds no status, to the application."""
        assert call.form.get("MachineDetection") == "Enable", "it was not asked who answers"
        form = {
            "AccountSid": ACCOUNT,
            "CallSid": call.sid,
            "AnsweredBy": answered_by,
            "MachineDetectionDuration": "2100",
        }
        return signed_post(client, call.form["AsyncAmdStatusCallback"], form)

    def presses(self, call: Taken, key: str, client: Any, *, sid: str = "") -> Any:
        """Somebody presses a key while the call reads: what the application answers to the provider."""
        gather = ElementTree.fromstring(call.form["Twiml"]).find("Gather")
        assert gather is not None, "the call takes no key"
        form = {"AccountSid": ACCOUNT, "CallSid": sid or call.sid, "To": call.to, "Digits": key}
        return signed_post(client, gather.attrib["action"], form)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        """The answer of the interface: status, body, headers."""
        with self.lock:
            trouble = self.next_answers.pop(0) if self.next_answers else self.always
        if trouble is not None and trouble.seconds:
            self.stop.wait(trouble.seconds)
        if trouble is not None and trouble.status:
            extra = {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
            said = {"code": trouble.code or 20000 + trouble.status, "status": trouble.status, "message": "synthetic"}
            return trouble.status, said, extra
        refused = refuse(method, path, headers, body)
        if refused is not None:
            status, code = refused
            return status, {"code": code, "message": "synthetic", "status": status}, {}
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        kind = urlsplit(path).path.rsplit("/", 1)[1].removesuffix(".json")
        with self.lock:
            self.number += 1
            sid = f"{'SM' if kind == 'Messages' else 'CA'}{self.number:032x}"
            self.taken.append(Taken(sid=sid, kind=kind, form=form, at=time.monotonic()))
        if trouble is not None and trouble.taken:
            return 0, {}, {}
        return 201, {"sid": sid, "status": "queued", "account_sid": ACCOUNT, "to": form["To"], "from": form["From"]}, {}


def refuse(method: str, path: str, headers: Any, body: bytes) -> tuple[int, int] | None:
    """Status and code with which the real interface refuses a request; None for one that it takes."""
    given = headers.get("Authorization", "")
    if given != "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
        return 401, 20003
    parts = urlsplit(path).path.split("/")
    if method != "POST" or parts[:4] != ["", "2010-04-01", "Accounts", ACCOUNT] or len(parts) != 5:
        return 404, 20404
    if parts[4] not in ("Messages.json", "Calls.json"):
        return 404, 20404
    if headers.get("Content-Type", "").split(";")[0] != "application/x-www-form-urlencoded":
        return 400, 21604
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not form.get("To", [""])[0]:
        return 400, 21604 if parts[4] == "Messages.json" else 21201
    if not form.get("From", [""])[0]:
        return 400, 21603 if parts[4] == "Messages.json" else 21213
    if form["From"][0] != SENDER:
        return 400, 21606
    number = form["To"][0]
    if not number.startswith("+") or not number[1:].isdigit() or not 8 <= len(number) <= 16:
        return 400, 21211
    if parts[4] == "Messages.json":
        text = form.get("Body", [""])[0]
        if not text:
            return 400, 21602
        if len(text) > 1600:
            return 400, 21617
    else:
        script = form.get("Twiml", [""])[0]
        if not script and not form.get("Url", [""])[0]:
            return 400, 21205
        if len(script) > 4000 or not well_formed(script):
            return 400, 12100
        if not set(form.get("StatusCallbackEvent", [])) <= {"initiated", "ringing", "answered", "completed"}:
            return 400, 21626
        if form.get("MachineDetection", ["Enable"])[0] not in ("Enable", "DetectMessageEnd"):
            return 400, 20001
        if not form.get("AsyncAmdStatusCallback", ["http"])[0].startswith("http"):
            return 400, 21609
    if not form.get("StatusCallback", ["http"])[0].startswith("http"):
        return 400, 21609
    return None


def well_formed(script: str) -> bool:
    """Whether a script is markup that the provider can follow."""
    try:
        return ElementTree.fromstring(script).tag == "Response"
    except ElementTree.ParseError:
        return False


def signed(address: str, form: dict[str, str], token: str = TOKEN) -> str:
    """`X-Twilio-Signature` of a form posted to an address."""
    text = address
    for name in sorted(form):
        text += name + form[name]
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def signed_post(client: Any, address: str, form: dict[str, str], *, token: str = TOKEN) -> Any:
    """Post a form to the application as the provider does: to the whole address, signed."""
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return client.post(path, form, headers={"X-Twilio-Signature": signed(address, form, token)})


@contextmanager
def phone_provider() -> Iterator[PhoneProvider]:
    """A phone provider on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.handle_any("POST")

        def do_GET(self) -> None:
            self.handle_any("GET")

        def handle_any(self, method: str) -> None:
            with phone.lock:
                phone.tries.append(time.monotonic())
                phone.busy += 1
                phone.most_busy = max(phone.most_busy, phone.busy)
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, said, extra = phone.answer(method, self.path, self.headers, body)
            finally:
                with phone.lock:
                    phone.busy -= 1
            if not status:
                self.close_connection = True
                return
            text = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **extra}.items():
                self.send_header(name, value)
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked is gone, or waits no longer
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with listening(Handler, daemon_threads=True) as port:
        phone = PhoneProvider(port=port)
        try:
            yield phone
        finally:
            phone.stop.set()
