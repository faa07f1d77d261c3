"""Identities and documents are encrypted at rest; a keyed hash finds them again without reading them.

The keys stand in `settings.HANDRAIL_FIELD_KEYS`: the first one writes, all of them read. To rotate: put a new key first, run
`handrail rotate-keys`, then take the old key away.
"""

import base64
import hashlib
import hmac
import re
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models


class UndecryptableError(ValueError):
    """None of the keys opens this value: a key is missing from HANDRAIL_FIELD_KEYS, or the value was changed."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except (ValueError, TypeError):
        raise ImproperlyConfigured(
            "HANDRAIL_FIELD_KEYS are Fernet keys: 32 random bytes each, in url-safe base64."
        ) from None


def _keys() -> tuple[str, ...]:
    return tuple(settings.HANDRAIL_FIELD_KEYS)


def encrypt(data: bytes) -> bytes:
    """The data, readable only with one of the keys."""
    return _box(_keys()).encrypt(data)


def decrypt(data: bytes) -> bytes:
    """What was encrypted.

    Raises:
        UndecryptableError: no key fits.
    """
    try:
        return _box(_keys()).decrypt(data)
    except InvalidToken:
        raise UndecryptableError("A stored value cannot be decrypted with the keys in HANDRAIL_FIELD_KEYS.") from None


def rotate(data: bytes) -> bytes:
    """The same data under the first key."""
    try:
        return _box(_keys()).rotate(data)
    except InvalidToken:
        raise UndecryptableError("A stored value cannot be decrypted with the keys in HANDRAIL_FIELD_KEYS.") from None


def normal_phone(number: str) -> str:
    """Digits only, a leading + kept: `(555) 010-0199` and `555 010 0199` are one number."""
    digits = re.sub(r"\D", "", number)
    return f"+{digits}" if number.strip().startswith("+") else digits


def normal_identifier(identifier: str) -> str:
    """Without spaces and case: how people copy a record number differs."""
    return re.sub(r"\s", "", identifier).upper()


def keyed_hash(value: str, *, purpose: str) -> str:
    """A look-up hash under the newest key; '' for ''. The same value has another hash for another purpose."""
    return _hash(_keys()[0], value, purpose) if value else ""


def keyed_hashes(value: str, *, purpose: str) -> list[str]:
    """The hashes under every key, for look-ups while keys are being rotated."""
    return [_hash(key, value, purpose) for key in _keys()] if value else []


def _hash(key: str, value: str, purpose: str) -> str:
    secret = hashlib.sha256(b"handrail look-up hash:" + base64.urlsafe_b64decode(key)).digest()
    return hmac.new(secret, f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.TextField):
    """Text that the database holds encrypted. It can be read and written, not searched; '' stays ''."""

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(str(text).encode()).decode() if text else text

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:  # noqa: ARG002
        return decrypt(value.encode()).decode() if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted and cannot be searched; look up its keyed hash.")
        return super().get_lookup(lookup_name)
