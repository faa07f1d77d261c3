"""A course of treatment: its pinned protocol and policy, and a cached answer that is only an index."""

from typing import ClassVar

from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class Course(OwnedRow):
    """One product, one attempt at initiation, one patient.

    `assessment`, `assessed_at`, `look_again_at` and `quiet_until` are recomputed from the events at any time; a nightly job compares.
    The watcher claims a course with `claimed_by`, `lease_until` and `turn` (the fence).
    """

    reached_through = "course"

    class Intent(models.TextChoices):
        """Why the course starts."""

        STEP_UP = "step_up"
        CONTINUATION = "continuation"

    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT, related_name="courses")
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT, null=True, blank=True, related_name="courses")
    product = models.CharField(max_length=40)
    jurisdiction = models.CharField(max_length=8)
    protocol_key = models.CharField(max_length=80)
    schedule = models.CharField(max_length=24, blank=True)
    policy_id = models.CharField(max_length=80)
    policy_version = models.CharField(max_length=24)
    policy_sha256 = models.CharField(max_length=64)
    policy_document = models.JSONField(null=True, blank=True)
    """The whole policy, when it is a site's own and not one that ships with Handrail."""
    overlays = models.JSONField(default=list, blank=True)
    time_zone = models.CharField(max_length=64)
    facts = models.JSONField(default=dict, blank=True)
    """What is known of the person without identity: birth_year, sex, ecog_0_4, lines_prior, language."""
    context = models.JSONField(null=True, blank=True)
    synthetic = models.BooleanField(default=False)
    intent = models.CharField(max_length=12, choices=Intent, default=Intent.STEP_UP)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    assessment = models.JSONField(null=True, blank=True)
    assessed_at = models.DateTimeField(null=True, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    """Until when the stored answer asks nobody for anything (`rules/quiet`); null: somebody is asked, or it is not known."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["look_again_at"], name="records_course_look"),
            models.Index(fields=["organisation", "patient"], name="records_course_patient"),
        ]

    def __str__(self) -> str:
        return f"course {self.pk}"
