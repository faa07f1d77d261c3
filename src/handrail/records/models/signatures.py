"""Which protocol files an organisation has signed: without a signature no live course starts on a protocol.

A signing set is one reading of a protocol file, row by row. Its entries and its signatures are append-only: the newest entry of a
row counts, and a signature counts as long as nothing was entered after it. `ProtocolSignature` is what comes of a set that both
people have signed.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class SigningSet(OwnedRow):
    """One reading of one protocol file by one organisation. A higher number supersedes a lower one of the same protocol."""

    append_only = True

    protocol_key = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    """The file that is read: when it changes, the set can no longer be signed."""
    number = models.PositiveIntegerField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "protocol_key", "number"], name="records_signingset_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_key} set {self.number}"


class SigningEntry(OwnedRow):
    """What was decided about one row, by whom; a later entry for the same row stands in its place."""

    append_only = True

    class Decision(models.TextChoices):
        """Confirmed with a citation, or left: the answer stays `ask`."""

        CONFIRMED = "confirmed"
        LEFT = "left"

    signing_set = models.ForeignKey(SigningSet, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField()
    """Counts the entries of the set: their order, whatever the clock says."""
    row_id = models.CharField(max_length=80)
    row_sha256 = models.CharField(max_length=64)
    decision = models.CharField(max_length=10, choices=Decision)
    citation = models.CharField(max_length=500, blank=True)
    in_force_to = models.DateField(null=True, blank=True)
    """The last day of a REMS requirement that was confirmed as ended."""
    carried_from = models.PositiveIntegerField(null=True, blank=True)
    """The number of the earlier set whose decision this is, about a row that still says the same."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "signing_set", "number"], name="records_signingentry_number"
            ),
            models.CheckConstraint(
                condition=~Q(decision="confirmed") | ~Q(citation=""), name="records_signingentry_has_its_citation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row_id} {self.decision}"


class SigningMark(OwnedRow):
    """A person signed a set as it stood: `digest` names its content and its last entry, so that any change ends the signature."""

    append_only = True

    class Part(models.TextChoices):
        """As what a person signs."""

        PHARMACIST = "pharmacist", "pharmacist"
        MEDICAL_LEAD = "medical_lead", "medical lead"

    signing_set = models.ForeignKey(SigningSet, on_delete=models.PROTECT, related_name="marks")
    part = models.CharField(max_length=12, choices=Part)
    digest = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "signing_set", "part", "digest"], name="records_signingmark_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part} {self.at:%Y-%m-%d}"


class ProtocolSignature(OwnedRow):
    """A pharmacist and a medical lead, two people, signed one protocol file, named by its hash.

    `document` is the overlay that its courses carry. It can be worked out again from the entries of the set, which nobody can change.
    """

    signing_set = models.ForeignKey(
        SigningSet, on_delete=models.PROTECT, null=True, blank=True, related_name="signatures"
    )
    protocol_key = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    document = models.JSONField(null=True, blank=True)
    pharmacist = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    medical_lead = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "protocol_key"],
                condition=Q(revoked_at__isnull=True),
                name="records_signature_once",
            ),
            models.UniqueConstraint(fields=["organisation", "signing_set"], name="records_signature_one_per_set"),
            models.CheckConstraint(condition=~Q(pharmacist=F("medical_lead")), name="records_signature_two_people"),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_key} {self.signed_at:%Y-%m-%d}"
