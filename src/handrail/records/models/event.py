"""Events: what happened, append-only. The database refuses to change or delete a row."""

import uuid
from typing import ClassVar

from django.db import models

from handrail import clock
from handrail.people.owned import OwnedModel


class Event(OwnedModel):
    """One fact of a course, in the words of the course file.

    The sender makes the id; it is unique within the organisation, so that events can later be kept in one partition per
    organisation. `payload` holds the fields of the kind in wire form: null for "asked, not known", keys under `x_` kept.
    """

    ORDER: ClassVar[tuple[str, ...]] = ("occurred_at", "recorded_at", "id")
    """In which order facts are read: as they happened, those of one minute as they were written down. The rules read them so too."""
    NEWEST_FIRST: ClassVar[tuple[str, ...]] = ("-occurred_at", "-recorded_at", "-id")

    append_only = True
    reached_through = "course"

    pk = models.CompositePrimaryKey("organisation_id", "id")
    id = models.UUIDField(default=uuid.uuid4, editable=False)
    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField(default=1)
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)
    zone = models.CharField(max_length=64)
    site = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=24, blank=True)
    by = models.CharField(max_length=64, blank=True)
    """The id of who wrote it: a user's or a link's, never a name."""
    on_behalf_of = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=12, blank=True)
    supersedes = models.UUIDField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "occurred_at"], name="records_event_timeline"),
            models.Index(
                fields=["organisation", "supersedes"],
                name="records_event_corrections",
                condition=models.Q(supersedes__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
