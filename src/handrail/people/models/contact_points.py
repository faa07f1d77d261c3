"""How a member of staff is reached away from the screen: phones, further mail addresses, devices.

A contact point belongs to a person, who may work for several organisations, and not to an organisation: like the person it has
no owner among them. Pages go only to one that is verified.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.secrets import EncryptedTextField, keyed_hash, normal_phone


class PointChannel(models.TextChoices):
    """The channels that need an address of the person's own, as the folders of `handrail.alerts.channels` are named."""

    SMS = "sms", "text message"
    VOICE = "voice", "phone call"
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook"
    PUSH = "push", "push message"


class ContactPointManager(models.Manager["ContactPoint"]):
    """Look-ups."""

    def standing(self) -> models.QuerySet["ContactPoint"]:
        """Those not taken away, in the order in which they are tried."""
        return self.filter(removed_at__isnull=True).order_by("order", "created_at", "id")


class ContactPoint(models.Model):
    """One address of one person. Taken away it stays, because pages name it; its address is then forgotten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="contact_points")
    channel = models.CharField(max_length=12, choices=PointChannel)
    address = EncryptedTextField(blank=True)
    address_hash = models.CharField(max_length=64, blank=True, editable=False)
    secret = EncryptedTextField(blank=True)
    """Signs what goes to a webhook; shown to its owner."""
    label = models.CharField(max_length=40, blank=True)
    order = models.PositiveSmallIntegerField(default=1)
    red_only = models.BooleanField(default=False)
    """Quiet for everything that is not RED. Nothing makes it quiet for RED."""
    created_at = models.DateTimeField(default=clock.now)
    verified_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    code_hash = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar[ContactPointManager] = ContactPointManager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "channel", "address_hash"],
                condition=Q(removed_at__isnull=True),
                name="people_contactpoint_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "order"], name="people_contactpoint_user"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.pk}"  # never the address: this text reaches logs

    def save(self, *args: Any, **kwargs: Any) -> None:
        plain = normal_phone(self.address) if self.channel in PHONES else self.address.strip()
        self.address_hash = keyed_hash(plain, purpose="contact point")
        super().save(*args, **kwargs)

    @property
    def shown(self) -> str:
        """The address as its owner recognises it and nobody else could use it."""
        if self.channel == PointChannel.PUSH:
            return "to a browser"
        return f"…{self.address[-4:]}" if len(self.address) > 6 else "…"


PHONES = (PointChannel.SMS, PointChannel.VOICE)
"""Channels whose address is a phone number."""
