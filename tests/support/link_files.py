"""The file of a health link as a tolerant reader opens it: `cty` and `kid` may be there or not, and it may be compressed."""

from __future__ import annotations

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry

from handrail.fhir.jwe import MOST_BYTES, key_of


class UnreadableFileError(ValueError):
    """Not a file that this key opens, or one too large."""


class _Registry(JWERegistry):
    """The library's own limit is 64 kB, which a summary of one patient passes."""

    max_ciphertext_length = MOST_BYTES


def read_file(sealed: str, key: str) -> bytes:
    """What a file holds, whoever wrote it.

    Raises:
        UnreadableFileError: not such a file, another key, changed on the way, or too large; UnusableKeyError: no key.
    """
    registry = _Registry(algorithms=["dir", "A256GCM", "DEF"], strict_check_header=False)
    opened_with = key_of(key)
    try:
        found = jwe.decrypt_compact(sealed.strip(), opened_with, registry=registry)
    except (JoseError, ValueError) as error:
        raise UnreadableFileError("This is not a file that the key opens.") from error
    return found.plaintext or b""
