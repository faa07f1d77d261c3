"""A page as a person of the staff opens it and reads it."""

from __future__ import annotations

import re

from django.test import Client

from handrail.people.models import User


def signed_in(user: User) -> Client:
    """A client that this person signed in with."""
    client = Client()
    client.force_login(user)
    return client


def words(page: bytes) -> str:
    """What a reader reads, in one line."""
    text = re.sub(r"<[^>]+>", " ", page.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'"))
