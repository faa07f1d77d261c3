"""The tables of text messages with people at home: which numbers may be texted, and every message that came."""

from typing import ClassVar

from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class TextLine(OwnedRow):
    """One phone number of an organisation's patients or caregivers: whether its owner agreed to text messages, or has said STOP."""

    phone_hash = models.CharField(max_length=64)
    agreed_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    """Since when its owner wants none; START takes it back."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "phone_hash"], name="alerts_textline_once"),
        ]

    def __str__(self) -> str:
        return f"text line {self.pk}"

    @property
    def may_be_texted(self) -> bool:
        """Agreed, and not stopped."""
        return self.agreed_at is not None and self.stopped_at is None


class TextReceived(OwnedRow):
    """A text message as it came, whatever became of it. One from a phone that several patients share stands at each of them."""

    reached_through = "course"

    class Outcome(models.TextChoices):
        """What became of it."""

        RECORDED = "recorded", "recorded as a check"
        ASKED_AGAIN = "asked_again", "not believable: kept, asked again"
        SHARED = "shared", "from a phone that several patients share: kept, asked again"
        NOT_UNDERSTOOD = "not_understood", "not understood: the nurse is called"
        UNWELL = "unwell", "says unwell: the nurse is called"
        STOPPED = "stopped", "STOP: no more text messages"
        STARTED = "started", "START: text messages again"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="texts")
    provider_id = models.CharField(max_length=64)
    body = EncryptedTextField(blank=True)
    answer = EncryptedTextField(blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome)
    event_id = models.UUIDField(null=True, blank=True)
    received_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "course", "provider_id"], name="alerts_textreceived_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["course", "received_at"], name="alerts_text_course"),
            models.Index(fields=["provider_id"], name="alerts_text_provider"),
        ]

    def __str__(self) -> str:
        return f"text {self.outcome} {self.pk}"
