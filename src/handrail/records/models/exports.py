"""Who took everything that an organisation owns out of Handrail, and when."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class Export(OwnedRow):
    """One export of a whole organisation. It stands from the moment at which it begins, so that one that was cut off is seen too.

    The looks at the courses stand in their own log (`Look`); here stand also the patients who have no course.
    """

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When everything was written, just before the folder got its name; None: it runs, or it was cut off before that."""
    patients = models.PositiveIntegerField(default=0)
    courses = models.PositiveIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "asked_at"], name="records_export_asked")
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"
