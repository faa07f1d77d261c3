"""A mail transport that ends in the phones of a test: the e-mail channel is the real one, the wire is not.

Named in the settings as `tests.support.fake_smtp.EmailBackend`, so that the channel takes it for a mail server.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

BACKEND = "tests.support.fake_smtp.EmailBackend"

taken: list[EmailMessage] = []
"""Every message that was taken, in order."""
trouble: list[Callable[[EmailMessage], None]] = []
"""Asked before a message is taken; what one of them raises is what the provider did instead."""


class EmailBackend(BaseEmailBackend):
    """Takes every message at once, unless a test makes trouble."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        for message in email_messages:
            for make in trouble:
                make(message)
            taken.append(message)
        return len(email_messages)
