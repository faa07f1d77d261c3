"""What a site says it can take, what was decided about a start beside that, and who waits: append-only, nothing is altered."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.models.sites import SiteRecord
from handrail.people.owned import OwnedRow


class SiteNumber(SiteRecord):
    """One number of a site from a day on, as `handrail.rules.capacity_data.NUMBERS` names it. NULL is "asked, not known"."""

    what = models.CharField(max_length=20)
    number = models.PositiveSmallIntegerField(null=True)
    from_on = models.DateField()

    class Meta(SiteRecord.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "what", "at"], name="people_sitenumber_last")
        ]

    def __str__(self) -> str:
        return f"{self.what} from {self.from_on}"


class StartDecision(SiteRecord):
    """A person lets a start go on beside the count of a site: over what is not covered, or over what nobody has counted."""

    class Kind(models.TextChoices):
        """Over what."""

        OVERRIDE = "override", "over what is not covered"
        NOT_COUNTED = "not_counted", "over what is not known"

    course = models.UUIDField()
    """The course, of whichever organisation plans it there."""
    on = models.DateField()
    """The day of the first dose; for another day it says nothing."""
    kind = models.CharField(max_length=12, choices=Kind)
    reason = models.CharField(max_length=300)
    against = models.TextField()
    """What stood against the start, as it was shown to whoever decided."""

    class Meta(SiteRecord.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "course", "on"], name="people_startdecision_of")
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.on}"


class WaitEntry(OwnedRow):
    """Somebody is put on the list of those who wait for a start, with the cause, or is taken off it with a reason."""

    append_only = True
    reached_through = "course"

    class Cause(models.TextChoices):
        """Why a patient is not started."""

        CAPACITY = "capacity", "no capacity at the site"
        CAREGIVER = "caregiver", "no caregiver"
        TRAVEL = "travel", "travel or lodging"
        PAYER = "payer", "the payer"
        REMS = "rems", "REMS"
        OTHER = "other", "another cause"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="waits")
    cause = models.CharField(max_length=12, choices=Cause, blank=True)
    """Empty: taken off the list."""
    wanted_on = models.DateField(null=True, blank=True)
    """The day that was wanted for the first dose; NULL: not known."""
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16)
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(cause="") | ~Q(reason=""), name="people_waitentry_why"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "at"], name="people_waitentry_of")
        ]

    def __str__(self) -> str:
        return f"waits for {self.cause}" if self.cause else "waits no more"
