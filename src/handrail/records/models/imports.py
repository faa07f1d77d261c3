"""Documents of other systems that came into a course, and what people decided about them."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class ImportBatch(OwnedRow):
    """One document that somebody brought. Its bytes are a document of the course, encrypted; `sha256` is their digest.

    `sender` is the organisation that the document names as its own, empty when it names none. Nothing of it counts by being here.
    """

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="imports")
    content = models.ForeignKey("records.Document", on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    sender = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "course", "sha256"], name="records_importbatch_once"),
        ]

    def __str__(self) -> str:
        return f"import {self.pk}"


class ImportDecision(OwnedRow):
    """What a person decided about a document: facts recorded from it (their ids), or dismissed with a reason.

    `differs` names what the document and the course say differently about the person (names of fields, never values) when somebody
    said that it is the same person; `reason` says why then, or why it was dismissed.
    """

    append_only = True
    reached_through = "course"

    class Kind(models.TextChoices):
        """What was decided."""

        APPLIED = "applied"
        DISMISSED = "dismissed"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="import_decisions")
    batch = models.ForeignKey(ImportBatch, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=9, choices=Kind)
    events = models.JSONField(default=list)
    differs = models.JSONField(default=list)
    reason = models.CharField(max_length=500, blank=True)
    decided_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(kind="applied") | ~models.Q(reason=""), name="records_importdecision_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
