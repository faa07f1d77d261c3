"""The keys with which an organisation signs the documents that leave it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class DocumentKey(OwnedRow):
    """A pair of keys of one organisation, one in force at a time.

    The public half of a former one stays, so that what it signed can still be checked.
    """

    kid = models.CharField(max_length=64)
    """Its thumbprint (RFC 7638)."""
    public = models.JSONField()
    """A JSON Web Key, published."""
    private = EncryptedTextField(blank=True)
    """As a JSON Web Key, kept encrypted; '' from the moment at which the key signs no more."""
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    """From then on it signs nothing."""
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    """Somebody else may have had it: from then on nothing that it signed is vouched for, whenever that was."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "kid"], name="people_documentkey_kid"),
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(ended_at__isnull=True), name="people_documentkey_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"document key {self.kid}"
