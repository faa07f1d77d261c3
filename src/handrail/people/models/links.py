"""Links for people without an account: random, for one purpose, stored hashed, expiring, revocable."""

import hashlib
import secrets
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow

TOKEN_BYTES: Final = 32


class LinkToken(OwnedRow):
    """One link. The token itself is shown once, when it is made; only its hash is kept."""

    reached_through = "course"

    class Purpose(models.TextChoices):
        """What the link opens, and nothing else."""

        CHECKIN = "checkin"
        ACKNOWLEDGE = "acknowledge"
        PACKET = "packet"
        EMERGENCY = "emergency"
        HANDOFF = "handoff"
        HEALTH_LINK = "health_link"

    token_hash = models.CharField(max_length=64, editable=False)
    purpose = models.CharField(max_length=12, choices=Purpose)
    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    """None only for a link that answers an alert about a site or an organisation."""
    alert = models.ForeignKey("alerts.Alert", on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    """What a link of the purpose `acknowledge` answers."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """As whom it answers."""
    holder = models.CharField(max_length=12, default="patient")
    """Who it was made for: patient, caregiver, staff or the receiver of a hand-off."""
    contact = models.ForeignKey("people.Contact", on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    """The caregiver whose own link it is; None of a link that is bound to nobody by name."""
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    issued_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    exchanged_at = models.DateTimeField(null=True, blank=True)
    """When it was last exchanged for a cookie."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "token_hash"], name="people_linktoken_hash"),
            models.CheckConstraint(
                condition=Q(purpose="acknowledge", alert__isnull=False, user__isnull=False)
                | (~Q(purpose="acknowledge") & Q(alert__isnull=True, user__isnull=True, course__isnull=False)),
                name="people_linktoken_opens",
            ),
            models.CheckConstraint(
                condition=Q(contact__isnull=True) | Q(purpose="checkin", holder="caregiver"),
                name="people_linktoken_of_a_caregiver",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["token_hash"], name="people_linktoken_find")]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"

    @classmethod
    def issue(cls, **fields: Any) -> tuple["LinkToken", str]:
        """A new link and its token, which is shown once."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        return cls.objects.create(token_hash=cls.hash_of(token), **fields), token

    @staticmethod
    def hash_of(token: str) -> str:
        """What is stored of a token. The token has 256 random bits, so a plain hash cannot be reversed."""
        return hashlib.sha256(token.encode()).hexdigest()
