"""Whose list of pages is open on a screen right now."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail.people.owned import OwnedRow


class Presence(OwnedRow):
    """When a screen of this person last asked for their pages: one row a person and organisation, written over.

    It is no record of work: only the latest time stands, and it is of no use after a minute.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    looked_at = models.DateTimeField()

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "user"], name="people_presence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.looked_at:%Y-%m-%d %H:%M:%S}"
