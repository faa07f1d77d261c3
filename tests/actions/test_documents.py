"""Documents: what is kept, how, and who opens it."""

import pytest
from django.db import connection

from handrail.actions.actor import person
from handrail.actions.documents import open_document, store_document
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.records.content import sniff
from handrail.records.models import Document, Look
from tests.support.factories import World, make_member

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\nsynthetic"


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n0000", "image/png"),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        ("température 38,4\n".encode(), "text/plain"),
        (b"<!DOCTYPE html><script>1</script>", None),
        (b"\xef\xbb\xbf  <HTML>", None),
        (b"<svg onload='x'>", None),
        (b"<?xml version='1.0'?>", None),
        (b"PK\x03\x04 zip", None),
        (b"MZ\x90\x00 program", None),
        (b"GIF89a\x01\x00", None),
        (b"\xff\xfe\x00text", None),
    ],
)
def test_a_file_is_what_its_content_says(content, media_type):
    assert sniff(content) == media_type


def test_a_document_is_sealed_in_the_database_and_opens_again(world):
    document = store_document(world.course.pk, PDF, title="letter", by=world.actor("alice"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM records_document")
        assert b"synthetic" not in bytes(cursor.fetchone()[0])
    found, content = open_document(world.course.pk, document.pk, by=world.actor("bob"))
    assert (content, found.content_type, found.size_bytes) == (PDF, "application/pdf", len(PDF))
    look = Look.objects.get()
    assert (look.user, look.what) == (world.bob.nurse, "open_document")


def test_the_same_content_is_the_same_document(world):
    first = store_document(world.course.pk, PDF, title="letter", by=world.actor("alice"))
    assert store_document(world.course.pk, PDF, title="again", by=world.actor("alice")) == first


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b"x" * 101, "too_large"), (b"MZ\x00", "unknown_type")]
)
def test_what_is_not_kept(world, settings, content, code):
    settings.HANDRAIL_DOCUMENT_BYTES = 100
    with pytest.raises(RefusedError) as refused:
        store_document(world.course.pk, content, title="x", by=world.actor("alice"))
    assert refused.value.code == code
    assert not Document.objects.exists()


def test_who_may_store_and_open(world):
    document = store_document(world.course.pk, PDF, title="letter", by=world.actor("alice"))
    with pytest.raises(NotVisibleError):
        open_document(world.course.pk, document.pk, by=world.actor("charlie"))
    with pytest.raises(NotVisibleError):
        store_document(world.course.pk, PDF, title="x", by=world.actor("charlie"))
    with pytest.raises(NotAllowedError):
        open_document(world.course.pk, document.pk, by=person(make_member(world.alice.organisation, "viewer")))
    with pytest.raises(NotVisibleError):
        open_document(world.make_course().pk, document.pk, by=world.actor("alice"))


def test_a_document_that_was_changed_is_not_served(world):
    document = store_document(world.course.pk, PDF, title="letter", by=world.actor("alice"))
    other = store_document(world.course.pk, PDF + b"2", title="letter", by=world.actor("alice"))
    Document.objects.filter(pk=document.pk).update(sealed=other.sealed)
    with pytest.raises(RefusedError) as refused:
        open_document(world.course.pk, document.pk, by=world.actor("alice"))
    assert refused.value.code == "document_changed"
