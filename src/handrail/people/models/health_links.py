"""The links to a sealed packet (SMART Health Links), and every request that was made of one."""

from typing import ClassVar

from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField

LABEL_LENGTH = 80
"""The longest label that the specification bears."""


class HealthLink(OwnedRow):
    """An address, a key and mostly a passcode, with which somebody without an account reads the newest sealed packet of one course.

    The token of the link is found by its hash. Address, key and passcode are kept encrypted, because the link is shown and printed
    again: whoever has only the database opens nothing.
    """

    reached_through = "course"

    class Purpose(models.TextChoices):
        """Why it was made."""

        HANDOFF = "handoff", "the practice that takes the patient over"
        EMERGENCY = "emergency", "an emergency department"
        CONSULT = "consult", "a second opinion"
        PATIENT = "patient", "the patient, to keep and to show"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="health_links")
    link = models.OneToOneField("people.LinkToken", on_delete=models.PROTECT, related_name="health_link")
    address = EncryptedTextField()
    """The part of the address that is random."""
    key = EncryptedTextField()
    """With it every file of the link is encrypted, later versions too; each with a nonce of its own."""
    passcode = EncryptedTextField(blank=True)
    tries_left = models.PositiveSmallIntegerField()
    """Wrong passcodes that may still be sent in the whole life of the link."""
    label = models.CharField(max_length=LABEL_LENGTH)
    purpose = models.CharField(max_length=12, choices=Purpose)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course"], name="people_healthlink_course")
        ]

    def __str__(self) -> str:
        return f"health link {self.pk}"  # neither its address nor its key reaches a log


class HealthLinkRequest(OwnedRow):
    """Somebody asked for what is behind a link. Append-only."""

    append_only = True
    reached_through = "course"

    class Outcome(models.TextChoices):
        """What they were answered."""

        OPENED = "opened", "opened the packet"
        FETCHED = "fetched", "fetched the file of the packet"
        NO_PASSCODE = "no_passcode", "was asked for the passcode"
        WRONG = "wrong", "sent a wrong passcode"
        OVER = "over", "got nothing: the link is over"
        UNREADABLE = "unreadable", "got NOTHING: the packet could not be read"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="health_link_requests")
    health_link = models.ForeignKey(HealthLink, on_delete=models.PROTECT, related_name="requests")
    at = models.DateTimeField(default=clock.now)
    recipient = models.CharField(max_length=80, blank=True)
    """Who they said they are: shown as said, never trusted."""
    outcome = models.CharField(max_length=12, choices=Outcome)
    version = models.PositiveIntegerField(null=True, blank=True)
    """Which sealed version it was."""

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "health_link", "at"], name="people_healthlink_asked")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.at:%Y-%m-%d %H:%M}"
