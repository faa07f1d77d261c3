"""Storing and opening documents."""

import hashlib
from datetime import datetime
from uuid import UUID

from django.conf import settings

from handrail import clock
from handrail.actions.access import _insert_look
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.recording import locked
from handrail.people.secrets import decrypt, encrypt
from handrail.records.content import sniff
from handrail.records.models import Document


def store_document(
    course_id: UUID,
    content: bytes,
    *,
    title: str,
    by: Actor,
    kind: str = "other",
    now: datetime | None = None,
) -> Document:
    """Keep a file with a course, encrypted. The same content again is the same document.

    Raises:
        RefusedError: empty, too large, or neither PDF, PNG, JPEG nor plain text (told from the content, not the name).
    """
    now = now or clock.now()
    if not content:
        raise RefusedError("The file is empty.", code="empty_file")
    if len(content) > settings.HANDRAIL_DOCUMENT_BYTES:
        megabytes = settings.HANDRAIL_DOCUMENT_BYTES // 2**20
        raise RefusedError(f"The file is larger than {megabytes} MB.", code="too_large")
    content_type = sniff(content)
    if content_type is None:
        raise RefusedError("Only PDF, PNG, JPEG and plain text files are kept.", code="unknown_type")
    with locked(course_id, by, now) as course:
        by.role_for("store_document", course, now)
        sha256 = hashlib.sha256(content).hexdigest()
        former = course.documents.filter(sha256=sha256).first()
        if former is not None:
            return former
        return Document.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            title=title.strip()[:200] or "document",
            kind=kind,
            content_type=content_type,
            size_bytes=len(content),
            sha256=sha256,
            sealed=encrypt(content),
            stored_at=now,
            stored_by=by.user,
        )


def open_document(
    course_id: UUID, document_id: UUID, *, by: Actor, now: datetime | None = None
) -> tuple[Document, bytes]:
    """A document and its content, for somebody who may; the look is logged. Serve it as an attachment only.

    Raises:
        NotVisibleError: the course has no such document. RefusedError: the stored content is not what was stored.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("open_document", course, now)
        document = course.documents.filter(pk=document_id).first()
        if document is None:
            raise NotVisibleError("There is no such document.")
        content = decrypt(bytes(document.sealed))
        if hashlib.sha256(content).hexdigest() != document.sha256:
            raise RefusedError("The stored document was changed.", code="document_changed")
        link = by.link.pk if by.link else None
        _insert_look(course, "open_document", "membership", now, user=by.user, link=link)
        return document, content
