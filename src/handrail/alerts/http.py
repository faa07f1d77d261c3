"""One way of posting to a provider: no redirects, a limit on time and size, and an answer that tells what is known.

What is not sent for certain is told apart from what may have been: the first is tried again at once, the second perhaps after
a receipt has told more.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from handrail.alerts.channels import Delivered, Outcome, PermanentFailure, TemporaryFailure

SECONDS: Final = 5
"""How long a provider may be silent before the attempt counts as failed for now."""
SECONDS_IN_ALL: Final = 15
"""How long a provider may take that sends its answer a little at a time."""
LONGEST_ANSWER: Final = 64 * 1024
LONGEST_WAIT: Final = timedelta(minutes=5)
"""A provider that asks for more is asked again after so long."""
_LATER: Final = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `body` is at most `LONGEST_ANSWER` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSentError(Exception):
    """The request did not leave: no connection."""


class NoAnswerError(Exception):
    """The request left, or a part of it, and nobody knows what became of it."""


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post to an http or https address and read the answer.

    Raises:
        NotSentError, NoAnswerError: with the name of what went wrong, and nothing of the address.
    """
    connection = _connection(address)
    try:
        connection.connect()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotSentError(type(error).__name__) from None
    parts = urlsplit(address)
    limit = threading.Timer(SECONDS_IN_ALL, _cut, [connection])
    limit.start()
    try:
        connection.request(
            "POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, dict(headers)
        )
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswerError(type(error).__name__) from None
    finally:
        limit.cancel()
        connection.close()


def _connection(address: str) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NotSentError(type(error).__name__) from None
    if not host or parts.scheme not in ("http", "https"):
        raise NotSentError("no http address")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=SECONDS)


def _cut(connection: http.client.HTTPConnection) -> None:
    """End a connection under the reader that waits for it."""
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(2)


def outcome(answer: Answer, who: str, *, detail: str = "", reference: str = "", receipts: bool = False) -> Outcome:
    """What an answer means for a page. `who` names the provider in words, `detail` holds nothing of the message."""
    said = f"{answer.status}{', ' + detail if detail else ''}"
    if 200 <= answer.status < 300:
        return Delivered(reference=reference, receipts=receipts)
    if answer.status in _LATER or answer.status >= 500:
        return TemporaryFailure(why=f"{who} asked to wait ({said})", retry_after=_retry_after(answer))
    return PermanentFailure(why=f"{who} refused ({said})")


def _retry_after(answer: Answer) -> timedelta | None:
    """The wait that a server asks for, in seconds or as an instant beside its own date."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:6]), LONGEST_WAIT.total_seconds()))
        return wait
    with contextlib.suppress(ValueError, TypeError):
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("date", ""))
        return min(max(wait, timedelta()), LONGEST_WAIT)
    return None
