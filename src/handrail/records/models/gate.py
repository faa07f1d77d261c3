"""Who signed that a line of the gate may stay open for one dose: two rows, by two persons, kept for good."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.records.models.course import Course


class GateSignature(OwnedRow):
    """One signature under one open line. The first is the prescriber's; the second names the first, and only then does it count."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="gate_signatures")
    line = models.CharField(max_length=24)
    """The id of the line in the file of the gate."""
    dose = models.CharField(max_length=48)
    """Which dose it is for: its day and its step, as `handrail.actions.gate_signatures.dose_key` writes them."""
    state = models.CharField(max_length=12)
    """What the line said when this was signed: red or not known. Of another state it counts for nothing."""
    because = models.TextField()
    """What was open, in the words that the signer saw."""
    reason = models.CharField(max_length=500)
    first = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="seconds")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=24)
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "first"], condition=Q(first__isnull=False), name="records_gatesignature_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "at"], name="records_gate_course"),
            models.Index(fields=["organisation", "at"], name="records_gate_month"),
        ]

    def __str__(self) -> str:
        return f"signature under {self.line}"
