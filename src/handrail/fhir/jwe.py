"""The files of a SMART Health Link: encrypted with its key as compact JWE (`dir`, `A256GCM`).

Written exactly: with `cty`, never compressed, since readers in use fail on that.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey

CONTENT_TYPE: Final = "application/fhir+json"
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a file; a packet has some ten thousand."""
_KEY_BYTES: Final = 32


class UnusableKeyError(ValueError):
    """Not the key of such a file."""


class _Registry(JWERegistry):
    """The library's own limit is 64 kB, which a summary of one patient passes."""

    max_ciphertext_length = MOST_BYTES


def sealed_file(content: bytes, key: str) -> str:
    """The content, readable only with the key. The nonce is random each time: the same content never looks the same.

    Args:
        content: what is encrypted.
        key: 32 bytes in url-safe base64, as it stands in the link.

    Raises:
        UnusableKeyError: it is none.
    """
    protected = {"alg": "dir", "enc": "A256GCM", "cty": CONTENT_TYPE}
    return jwe.encrypt_compact(protected, content, key_of(key), registry=_Registry(algorithms=["dir", "A256GCM"]))


def key_of(key: str) -> OctKey:
    """The key of a file, as it stands in the link.

    Raises:
        UnusableKeyError: it is none.
    """
    try:
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UnusableKeyError("The key of such a file is 32 bytes in url-safe base64.")
    return OctKey.import_key(raw)
