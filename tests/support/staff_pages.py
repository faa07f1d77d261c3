"""A page as a person of the staff opens it and reads it."""

from __future__ import annotations

import re
from html import unescape

from django.http import HttpResponse
from django.test import Client

from handrail.people.models import User


def signed_in(user: User) -> Client:
    """A client that this person signed in with."""
    client = Client()
    client.force_login(user)
    return client


def words(page: bytes | HttpResponse) -> str:
    """What a reader reads, in one line."""
    sent = page if isinstance(page, bytes) else page.content
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", sent.decode())).split())
