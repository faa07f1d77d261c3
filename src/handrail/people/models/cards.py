"""The emergency card of a patient, its code, and who opened the page behind it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class EmergencyCard(OwnedRow):
    """An address and a code that open the emergency page of one course, until a day, or until revoked.

    The link finds it by the hash of its key. The key and the code are kept encrypted too, because the patient's phone and a second
    print show the same card: whoever has only the database opens nothing.
    """

    reached_through = "course"

    class Kind(models.TextChoices):
        """Where it went."""

        WALLET = "wallet", "card of the patient"
        SENT = "sent", "sent to an emergency department"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="emergency_cards")
    link = models.OneToOneField("people.LinkToken", on_delete=models.PROTECT, related_name="emergency_card")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.WALLET)
    key = EncryptedTextField()
    code = EncryptedTextField()
    tries_left = models.PositiveSmallIntegerField()
    """Wrong codes that may still be typed in the whole life of the card."""
    handed_over_at = models.DateTimeField(null=True, blank=True)
    """When the patient had it in hand: from then on the cards before it open nothing."""
    handed_over_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(handed_over_at__isnull=True, handed_over_by__isnull=True)
                | Q(handed_over_at__isnull=False, handed_over_by__isnull=False),
                name="people_card_handed_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} card {self.pk}"  # neither its key nor its code reaches a log


class EmergencyOpening(OwnedRow):
    """Somebody typed the right code: from then until `until` this browser sees the patient's facts. Append-only."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="emergency_openings")
    card = models.ForeignKey(EmergencyCard, on_delete=models.PROTECT, related_name="openings")
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField()
    who = models.CharField(max_length=80, blank=True)
    """What they said of themselves: shown as said, never trusted."""
    told = models.BooleanField(default=True)
    """False: the clinician on call had been told of an opening of this course that was still open."""

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "at"], name="people_opening_course")
        ]

    def __str__(self) -> str:
        return f"opened {self.at:%Y-%m-%d %H:%M}"
