"""The signature of a sealed packet's document: made when the document first leaves, kept beside it, and checked whenever somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.document_keys import Checked, Verdict, check, known_keys, sign
from handrail.actions.errors import RefusedError
from handrail.actions.packets import KIND, Sealed, keep, rendering, unseal
from handrail.actions.recording import locked
from handrail.people import scope
from handrail.people.models import DocumentKey
from handrail.records.models import Document, PacketVersion

FORM: Final = "fhir_r4"
"""The form in which a version leaves for other systems."""
DOCUMENT: Final = f"{KIND}_{FORM}"
SIGNATURE: Final = f"{DOCUMENT}_jws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A document with its signature; None: the organisation has no key."""

    sealed: Sealed
    content: bytes
    signature: str | None


def signed(version_id: UUID, make: Callable[[Sealed], bytes], *, by: Actor, now: datetime | None = None) -> Signed:
    """The document of a version, and its signature, signed now when that was not done before; the look is logged.

    A signature whose key was withdrawn is followed by a new one.

    Raises:
        NotVisibleError: no such version for this actor; RefusedError: the stored content is not what was sealed, or the key cannot be
            decrypted.
    """
    now = now or clock.now()
    sealed, content = rendering(version_id, FORM, make, by=by, now=now)
    row = sealed.row
    with scope.acting_for(*by.organisations(now)):
        kept = _kept(row)
    if kept is None:
        made = sign(row.organisation_id, content, now=now)
        if made is None:
            return Signed(sealed=sealed, content=content, signature=None)
        kid, text = made
        with locked(row.course_id, by, now) as course:
            kept = _kept(row) or keep(course, text.encode(), kind=SIGNATURE, title=_title(row, kid), by=by, now=now)
    return Signed(sealed=sealed, content=content, signature=unseal(kept).decode())


def standing(row: PacketVersion) -> Checked | None:
    """What the kept signature says of the kept document now; None while nothing is signed. The caller has asked who may read it."""
    signature = _kept(row) or _any(row)
    document = Document.objects.filter(course_id=row.course_id, kind=DOCUMENT, title=str(row.pk)).first()
    if signature is None or document is None:
        return None
    try:
        content, text = unseal(document), unseal(signature).decode()
    except RefusedError as error:
        words = f"NOT GOOD: {error.message} Do not send it on; tell whoever runs this installation."
        return Checked(verdict=Verdict.CHANGED, words=words)
    return check(content, text, known_keys(row.organisation_id))


def has_key(organisation_id: UUID) -> bool:
    """Whether what leaves an organisation now is signed."""
    with scope.everything():
        return DocumentKey.objects.filter(organisation_id=organisation_id, ended_at=None).exists()


def _title(row: PacketVersion, kid: str) -> str:
    return f"{row.pk} {kid}"


def _kept(row: PacketVersion) -> Document | None:
    """The newest signature of a version whose key was not withdrawn."""
    with scope.everything():
        gone = set(
            DocumentKey.objects.filter(organisation_id=row.organisation_id, withdrawn_at__isnull=False).values_list(
                "kid", flat=True
            )
        )
    return next((each for each in _all(row) if each.title.rpartition(" ")[2] not in gone), None)


def _any(row: PacketVersion) -> Document | None:
    return next(iter(_all(row)), None)


def _all(row: PacketVersion) -> list[Document]:
    rows = Document.objects.filter(course_id=row.course_id, kind=SIGNATURE, title__startswith=f"{row.pk} ")
    return list(rows.order_by("-stored_at", "-id"))
