"""An organisation's own policy: what was proposed, and what came into force.

Both tables are append-only. The adopted proposal with the highest number is in force; a newer one takes its place.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class PolicyProposal(OwnedRow):
    """A whole policy that a medical lead proposes, compared with the shipped one that it was made from."""

    append_only = True

    number = models.PositiveIntegerField()
    base_sha256 = models.CharField(max_length=64)
    """The shipped policy: when that changes, the proposal is compared anew."""
    sha256 = models.CharField(max_length=64)
    document = models.JSONField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "number"], name="records_policyproposal_number"),
        ]

    def __str__(self) -> str:
        return f"policy version {self.number}"


class PolicyAdoption(OwnedRow):
    """The proposal came into force. What departs from the shipped policy is approved by another person than the one who proposed it."""

    append_only = True

    proposal = models.ForeignKey(PolicyProposal, on_delete=models.PROTECT, related_name="adoptions")
    sha256 = models.CharField(max_length=64)
    """Of the document as the person saw it."""
    departures = models.PositiveIntegerField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "proposal"], name="records_policyadoption_once"),
            models.CheckConstraint(
                condition=Q(departures=0) | ~Q(by=F("proposed_by")), name="records_policyadoption_two_people"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.proposal} {self.at:%Y-%m-%d}"
