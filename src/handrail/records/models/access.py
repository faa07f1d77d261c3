"""Who else reaches a course, and who looked at one."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class CourseAccessManager(models.Manager["CourseAccess"]):
    """Grants by date."""

    def valid(self, now: datetime) -> models.QuerySet["CourseAccess"]:
        """The grants in force at `now`."""
        return self.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=now), valid_from__lte=now, revoked_at__isnull=True
        )


class CourseAccess(OwnedRow):
    """Another organisation (or one person of it) reaches a course for a purpose, between two instants.

    `organisation` is the owner of the course, who gives; `to_organisation` receives.
    """

    class Purpose(models.TextChoices):
        """Why; it decides what may be done (`people.permissions`)."""

        CO_MANAGEMENT = "co_management"
        HANDOFF = "handoff"
        CONSULT = "consult"
        EMERGENCY = "emergency"
        BREAK_GLASS = "break_glass"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="accesses")
    to_organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="accesses")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="accesses"
    )
    """None: everybody of the organisation, by their roles there."""
    purpose = models.CharField(max_length=16, choices=Purpose)
    valid_from = models.DateTimeField(default=clock.now)
    valid_until = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[CourseAccessManager] = CourseAccessManager()

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")), name="records_access_dates"
            ),
            models.CheckConstraint(
                condition=~Q(purpose="break_glass") | (Q(person__isnull=False) & Q(valid_until__isnull=False)),
                name="records_access_break_glass",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["course", "to_organisation"], name="records_access_course")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class Look(OwnedRow):
    """Somebody saw a record. Append-only, like events: together they are the audit."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="looks")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    link = models.UUIDField(null=True, blank=True)
    """The link that was used when nobody was signed in."""
    client = models.ForeignKey(
        "people.ServiceClient", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The system that read, when no person did."""
    at = models.DateTimeField(default=clock.now)
    what = models.CharField(max_length=80)
    """The page or route, by its name."""
    through = models.CharField(max_length=16, default="membership")
    """membership, the purpose of a grant, break_glass, link or client."""
    reason = models.TextField(blank=True)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "at"], name="records_look_course")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M}"
