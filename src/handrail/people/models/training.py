"""The registry of training: versions that came out, what somebody passed or signed, and mock drills. Rows are added, never changed."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.models.organisations import Site
from handrail.people.owned import OwnedRow


class TrainingVersion(OwnedRow):
    """A version of a module, or of a document to read and sign, that an organisation brought out."""

    append_only = True

    class What(models.TextChoices):
        """What it is a version of."""

        MODULE = "module"
        DOCUMENT = "document"

    what = models.CharField(max_length=8, choices=What)
    subject = models.CharField(max_length=64)
    """The id of a module of the curriculum, or the short name of a document."""
    product = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=24)
    title = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    on = models.DateField()
    only_from = models.DateField()
    """From that day on no older version counts."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "what", "subject", "product", "version"], name="people_trainingversion_once"
            ),
            models.CheckConstraint(
                condition=models.Q(only_from__gte=models.F("on")), name="people_trainingversion_days"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.version}"


class TrainingRecord(OwnedRow):
    """A module that somebody passed, or a document that somebody read and signed; one that was wrong is taken back by another row."""

    append_only = True

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=8, choices=TrainingVersion.What)
    subject = models.CharField(max_length=64)
    product = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=24)
    on = models.DateField()
    assessor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who saw that it was passed; None: a document is signed by oneself."""
    reference = models.CharField(max_length=120, blank=True)
    takes_back = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="taken_back_by"
    )
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "user"], name="people_trainingrecord_who")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.subject} {self.version}"


class MockDrill(OwnedRow):
    """A mock drill of a reaction: minutes from its start to each milestone; None is not known. Taken back by another row."""

    append_only = True

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24)
    product = models.CharField(max_length=40, blank=True)
    on = models.DateField()
    scenario = models.CharField(max_length=200, blank=True)
    first_recogniser = models.CharField(max_length=80, blank=True)
    """A role, not a name."""
    minutes = models.JSONField(default=dict)
    """By milestone, as decimal text: those of the limits, and vitals, antibiotics, transfer."""
    correct_grade = models.BooleanField(null=True, blank=True)
    deviations = models.CharField(max_length=400, blank=True)
    action = models.CharField(max_length=400, blank=True)
    action_owner = models.CharField(max_length=80, blank=True)
    takes_back = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="taken_back_by"
    )
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "on"], name="people_mockdrill_site")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.on}"
