"""The file of a health link: written exactly, and read from whoever wrote it."""

import base64
import json
import secrets

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from handrail.fhir.jwe import MOST_BYTES, UnusableKeyError, sealed_file
from tests.support.link_files import UnreadableFileError, read_file

KEY = "rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"
CONTENT = json.dumps({"resourceType": "Bundle", "note": "ä" * 100}).encode()


def raw(key: str = KEY) -> bytes:
    return base64.urlsafe_b64decode(key + "=")


def by_another(content: bytes, **header) -> str:
    """A file as another program writes it, with the header that it likes."""
    protected = {"alg": "dir", "enc": "A256GCM", **header}
    return jwe.encrypt_compact(protected, content, OctKey.import_key(raw()), algorithms=["dir", "A256GCM", "DEF"])


def test_what_is_sealed_is_read_again_by_its_key_alone():
    sealed = sealed_file(CONTENT, KEY)
    assert read_file(sealed, KEY) == CONTENT
    with pytest.raises(UnreadableFileError):
        read_file(sealed, secrets.token_urlsafe(32))


@pytest.mark.parametrize("size", [0, 1, 65_536, 70_000, 1_000_000])
def test_a_summary_may_be_larger_than_the_librarys_own_limit(size: int):
    content = secrets.token_bytes(size)
    assert read_file(sealed_file(content, KEY), KEY) == content


@pytest.mark.parametrize(
    "header",
    [{}, {"kid": "of-the-writer"}, {"cty": "application/fhir+json;fhirVersion=4.0.1"}, {"zip": "DEF"}],
)
def test_what_others_write_is_read(header: dict):
    assert read_file(by_another(CONTENT, **header), KEY) == CONTENT


def test_a_file_that_swells_is_refused():
    with pytest.raises(UnreadableFileError):
        read_file(by_another(b"0" * (251 * 1024), zip="DEF"), KEY)


def spoilt(part: int) -> str:
    parts = sealed_file(CONTENT, KEY).split(".")
    if parts[part]:
        parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    return ".".join(parts)


@pytest.mark.parametrize("part", [0, 2, 3, 4])
def test_a_file_that_was_changed_on_the_way_is_refused(part: int):
    with pytest.raises(UnreadableFileError):
        read_file(spoilt(part), KEY)


@pytest.mark.parametrize(
    "sealed",
    ["", "a", "....", "a.b.c.d.e", '{"ciphertext": "x"}', "ä.b.c.d.e", "e30..AAAA.AAAA.AAAA"],
)
def test_what_is_no_file_is_refused(sealed: str):
    with pytest.raises(UnreadableFileError):
        read_file(sealed, KEY)


def test_a_file_that_is_too_large_is_refused():
    with pytest.raises(UnreadableFileError):
        read_file(sealed_file(CONTENT, KEY) + "A" * (MOST_BYTES * 2), KEY)


@pytest.mark.parametrize("key", ["", "short", KEY[:-1], KEY + KEY, "ä" * 43, "!" * 43])
def test_what_is_no_key_is_refused(key: str):
    for used in (lambda: sealed_file(CONTENT, key), lambda: read_file(sealed_file(CONTENT, KEY), key)):
        with pytest.raises(UnusableKeyError, match="32 bytes"):
            used()


def test_the_file_of_another_algorithm_is_refused():
    sealed = jwe.encrypt_compact(
        {"alg": "A256KW", "enc": "A256GCM"}, CONTENT, OctKey.import_key(raw()), algorithms=["A256KW", "A256GCM"]
    )
    with pytest.raises(UnreadableFileError):
        read_file(sealed, KEY)
