"""How far something that leaves the machine got: the columns that a page and a dispatch share."""

from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow


def in_state(name: str, state: str, field: str) -> models.CheckConstraint:
    """The field is set in that state, and in no other."""
    inside, outside = Q(**{"state": state, f"{field}__isnull": False}), Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(condition=inside | (~Q(state=state) & outside), name=name)


class Delivery(OwnedRow):
    """One attempt to tell one person something through one channel."""

    class State(models.TextChoices):
        """How far the attempt got."""

        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        NOT_CONFIGURED = "not_configured"
        NOBODY_ON = "nobody_on"
        NOT_REACHED = "not_reached"
        """In an inbox that nobody has open, of somebody who has no other way."""

    class Trouble(models.TextChoices):
        """What kind of failure."""

        NONE = "", "none"
        TEMPORARY = "temporary"
        PERMANENT = "permanent"

    channel = models.CharField(max_length=24, blank=True)
    point = models.ForeignKey("people.ContactPoint", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """The address of the person's own; None for the screen and for the address that the person signs in with."""
    idempotency_key = models.CharField(max_length=160)
    state = models.CharField(max_length=16, choices=State, default=State.SENDING)
    trouble = models.CharField(max_length=12, choices=Trouble, blank=True, default=Trouble.NONE)
    why = models.CharField(max_length=300, blank=True)
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    provider_id = models.CharField(max_length=64, blank=True)
    """The name that the provider gave it, once it took it."""
    receipt = models.CharField(max_length=16, blank=True)
    """The furthest that the provider has told: see `handrail.rules.receipts`."""
    receipt_at = models.DateTimeField(null=True, blank=True)

    send_at = models.DateTimeField(null=True, blank=True)
    """When it is to be sent, or tried again; None once it is sent or given up."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        abstract = True
