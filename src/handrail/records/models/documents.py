"""Documents: uploads and printed sheets, encrypted at rest, only ever served as attachments."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class Document(OwnedRow):
    """One file. `content_type` is what the content is, not what its name says; `sha256` is that of the clear content."""

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="documents")
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=40, default="other")
    content_type = models.CharField(max_length=60)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    sealed = models.BinaryField(editable=False)
    """The encrypted content; `actions.open_document` opens it."""
    stored_at = models.DateTimeField(default=clock.now)
    stored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "course", "sha256"], name="records_document_once"),
        ]

    def __str__(self) -> str:
        return f"document {self.pk}"
