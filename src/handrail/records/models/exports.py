"""Who took records out of Handrail: a person everything that an organisation owns, or a system the courses that were tied to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow


class Export(OwnedRow):
    """One export of a whole organisation. It stands from the moment at which it begins, so that one that was cut off is seen too.

    The looks at the courses stand in their own log (`Look`); here stand also the patients who have no course.
    """

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When everything was written, just before the folder got its name; None: it runs, or it was cut off before that."""
    patients = models.PositiveIntegerField(default=0)
    courses = models.PositiveIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "asked_at"], name="records_export_asked")
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"


class ExportJob(OwnedRow):
    """An export that a system asked for at the FHIR door: which courses, and how far it is. The row stays when its files are gone.

    Watchers take it course by course: `turn` is the fence, so that of two who hold it one writes.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        WHOLE = "whole"
        FAILED = "failed"
        DELETED = "deleted"
        """By the system, by its time, or because a tie or the system was ended."""

    client = models.ForeignKey("people.ServiceClient", on_delete=models.PROTECT, related_name="export_jobs")
    asked_at = models.DateTimeField(default=clock.now)
    request = models.TextField()
    """The address that was asked for, as the manifest repeats it."""
    types = models.JSONField(default=list)
    """The types that were asked for; empty: everything."""
    courses = models.JSONField(default=list)
    """The ids of the courses that were tied when it was asked for, in their order."""
    done = models.PositiveIntegerField(default=0)
    """So many of them are written."""
    counted = models.JSONField(default=dict)
    """Patients, events by kind, how many of those FHIR has too, and at the end what the log had."""
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    """Why it failed."""
    next_at = models.DateTimeField(null=True, blank=True)
    """When a watcher has something to do: the next course, or at the end to take the files away."""
    tries = models.PositiveSmallIntegerField(default=0)
    """How often the course whose turn it is was begun."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When it was whole, had failed or was taken away."""
    expires_at = models.DateTimeField()

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "client"],
                condition=Q(state__in=["waiting", "running"]),
                name="records_exportjob_one_open",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["next_at"], name="records_exportjob_due")]

    def __str__(self) -> str:
        return f"export job {self.pk}"


class ExportFile(OwnedRow):
    """One file of such an export: whole lines of one type, a megabyte at the most, encrypted at rest and gone when it is deleted."""

    job = models.ForeignKey(ExportJob, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=40)
    """A type of FHIR, or `events` or `courses`."""
    number = models.PositiveIntegerField()
    """Of the files of its kind, from 1 on."""
    lines = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    """Of the clear content."""
    courses = models.JSONField(default=list)
    """Whose lines it holds: each download is a look at every one of them."""
    sealed = models.BinaryField(editable=False)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "job", "kind", "number"], name="records_exportfile_number"),
        ]

    def __str__(self) -> str:
        return f"export file {self.pk}"
