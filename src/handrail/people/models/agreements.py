"""Who answers for what between two organisations, or within one: versions, signatures, and what became of each version.

Nothing here is ever changed. A version is its content and the hash of it; whatever is altered is a new version that nobody has signed.
Both organisations see every row of their agreements, and nobody else does.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class Agreement(OwnedRow):
    """One version. `organisation` is the party that owns and proposes it, `partner` the other; none: a practice alone."""

    append_only = True
    reached_through = "agreement"

    partner = models.ForeignKey(
        "people.Organisation", on_delete=models.PROTECT, null=True, blank=True, related_name="agreements_with"
    )
    number = models.PositiveIntegerField()
    """Counts the versions of one pair."""
    document = models.JSONField()
    """`handrail-agreement/1`: parties, days, and who answers for each task at which hour."""
    sha256 = models.CharField(max_length=64)
    why = models.CharField(max_length=500, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "partner", "number"], name="people_agreement_number"),
            models.UniqueConstraint(
                fields=["organisation", "number"],
                condition=Q(partner__isnull=True),
                name="people_agreement_number_alone",
            ),
            models.CheckConstraint(
                condition=Q(partner__isnull=True) | ~Q(partner=F("organisation")), name="people_agreement_two"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class AgreementSignature(OwnedRow):
    """A named person of one of the parties signed the content that the hash names."""

    append_only = True
    reached_through = "agreement"

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="signatures")
    party = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16)
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "agreement", "party"], name="people_agreementsignature_once"
            ),
        ]

    def __str__(self) -> str:
        return f"signed {self.at:%Y-%m-%d}"


class AgreementStep(OwnedRow):
    """What became of a version: it was put in force, or ended (before it was in force: withdrawn)."""

    append_only = True
    reached_through = "agreement"

    class What(models.TextChoices):
        """The two things that can happen to a version, each once."""

        ACTIVATED = "activated"
        ENDED = "ended"

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="steps")
    what = models.CharField(max_length=10, choices=What)
    why = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "agreement", "what"], name="people_agreementstep_once"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d}"
