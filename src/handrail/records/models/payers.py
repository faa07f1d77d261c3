"""What is asked of payers for a course, entry by entry, and the papers of the access desk. Nothing here is ever changed or deleted."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class PayerRequest(OwnedRow):
    """One request: what is asked of which payer for a course. Where it stands follows from its entries alone."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="payer_requests")
    drug = models.CharField(max_length=40)
    """A product of the protocols, or `tocilizumab`."""
    product = models.CharField(max_length=40, blank=True)
    """The tocilizumab product that is asked for; empty: not chosen, or another drug."""
    payer = models.CharField(max_length=120)
    limit = models.CharField(max_length=40, blank=True)
    """The name of the rule that binds the payer; empty: not known."""
    internal = models.BooleanField(null=True, blank=True)
    """The organisation's own billing team clears it first; None: not known, which counts as yes."""
    urgency = models.CharField(max_length=12, blank=True)
    setting = models.CharField(max_length=12, blank=True)
    supply = models.CharField(max_length=24, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course"], name="records_payerrequest_course"),
            models.Index(fields=["organisation", "payer", "drug"], name="records_payerrequest_payer"),
        ]

    def __str__(self) -> str:
        return f"request {self.pk}"


class PayerEntry(OwnedRow):
    """One line of a request: what happened, when, and who wrote it down. `payload` holds what its kind says."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(PayerRequest, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=24)
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=24)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "request", "occurred_at"], name="records_payerentry_request")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class AccessPaper(OwnedRow):
    """A paper of the organisation with its days: a policy card, an interchange protocol, a guideline edition, a count of rescue doses.

    Of two papers of one kind, key and first day the later one counts; one with `counts` False takes the earlier back.
    """

    append_only = True

    class Kind(models.TextChoices):
        """What it is."""

        CARD = "card", "policy card"
        INTERCHANGE = "interchange", "interchange protocol"
        GUIDELINE = "guideline", "guideline edition"
        STOCK = "stock", "rescue doses counted"

    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=200)
    """What of its kind it is about: payer and drug of a card, the name of a guideline, the code of a site."""
    payload = models.JSONField(default=dict)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)
    counts = models.BooleanField(default=True)
    recorded_at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(until__isnull=True) | models.Q(until__gte=models.F("since")),
                name="records_accesspaper_days",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "kind", "key"], name="records_accesspaper_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
