"""The files of a SMART Health Link: encrypted with its key as compact JWE (`dir`, `A256GCM`), and read again.

Written exactly: with `cty`, never compressed, since readers in use fail on that. Read tolerantly: `cty` and `kid` may be there or not,
and a compressed file is taken as long as it does not swell beyond the library's 250 kB.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey

CONTENT_TYPE: Final = "application/fhir+json"
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a file; a packet has some ten thousand."""
_KEY_BYTES: Final = 32


class UnreadableFileError(ValueError):
    """Not a file that this key opens, or one too large."""


class _Registry(JWERegistry):
    """The library's own limit is 64 kB, which a summary of one patient passes."""

    max_ciphertext_length = MOST_BYTES


def sealed_file(content: bytes, key: str) -> str:
    """The content, readable only with the key. The nonce is random each time: the same content never looks the same.

    Args:
        content: what is encrypted.
        key: 32 bytes in url-safe base64, as it stands in the link.
    """
    protected = {"alg": "dir", "enc": "A256GCM", "cty": CONTENT_TYPE}
    return jwe.encrypt_compact(protected, content, _key(key), registry=_Registry(algorithms=["dir", "A256GCM"]))


def read_file(sealed: str, key: str) -> bytes:
    """What a file holds, whoever wrote it.

    Raises:
        UnreadableFileError: not such a file, another key, changed on the way, or too large.
    """
    registry = _Registry(algorithms=["dir", "A256GCM", "DEF"], strict_check_header=False)
    opened_with = _key(key)
    try:
        found = jwe.decrypt_compact(sealed.strip(), opened_with, registry=registry)
    except (JoseError, ValueError) as error:
        raise UnreadableFileError("This is not a file that the key opens.") from error
    return found.plaintext or b""


def _key(key: str) -> OctKey:
    try:
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UnreadableFileError("The key of such a file is 32 bytes in url-safe base64.")
    return OctKey.import_key(raw)
