"""Which protocol files an organisation has signed: without a signature no live course starts on a protocol."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class ProtocolSignature(OwnedRow):
    """A pharmacist and a medical lead, two people, signed one protocol file, named by its hash."""

    clinical = False

    protocol_key = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    pharmacist = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    medical_lead = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "protocol_key", "sha256"],
                condition=Q(revoked_at__isnull=True),
                name="records_signature_once",
            ),
            models.CheckConstraint(condition=~Q(pharmacist=F("medical_lead")), name="records_signature_two_people"),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_key} {self.signed_at:%Y-%m-%d}"
