"""What the REMS desk keeps: papers of sites and people, modes, the dispense record of each dose, reports, and what was done to get there.

Nothing here is ever changed: a correction is a new row that supersedes, with a reason.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.models.organisations import Site
from handrail.people.owned import OwnedRow


class Written(OwnedRow):
    """A row that somebody wrote at an instant, for good."""

    append_only = True

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(OwnedRow.Meta):
        abstract = True


class RemsRecord(Written):
    """One paper: a certificate of a prescriber, a setting or a dispenser, a representative or a deputy of a site, or a training."""

    class Kind(models.TextChoices):
        """What it shows."""

        PRESCRIBER = "prescriber", "certificate of a prescriber"
        SETTING = "setting", "certificate of the setting"
        DISPENSER = "dispenser", "certificate of the dispenser"
        REPRESENTATIVE = "representative", "authorised representative"
        DEPUTY = "deputy", "deputy of the representative"
        TRAINING = "training", "training record"

    kind = models.CharField(max_length=16, choices=Kind)
    programme = models.CharField(max_length=40)
    """The id of the REMS in `protocols/rems/`."""
    product = models.CharField(max_length=40, blank=True)
    """Empty: for every product of the programme."""
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="rems_records"
    )
    from_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    no_end = models.BooleanField(default=False)
    """True: it does not run out. False without `until`: nobody wrote down its end, which is then not known."""
    reference = models.CharField(max_length=120, blank=True)
    version = models.CharField(max_length=60, blank=True)
    """Of the training material."""
    licence = models.CharField(max_length=24, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    withdrawn = models.BooleanField(default=False)
    """The one it supersedes was a mistake and never counted."""
    reason = models.CharField(max_length=300, blank=True)

    class Meta(Written.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Written.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "supersedes"], name="people_remsrecord_once"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("from_on"), no_end=False),
                name="people_remsrecord_days",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "programme"], name="people_remsrecord_of")
        ]

    def __str__(self) -> str:
        return f"{self.programme} {self.kind}"


class RemsMode(Written):
    """Who gets the codes of a site from an instant on: the central team, the site, or the centre in its hours and the site otherwise."""

    class Mode(models.TextChoices):
        """The three ways."""

        CENTRAL = "central", "central: the centre, day and night"
        LOCAL = "local", "local: the site, day and night"
        HYBRID = "hybrid", "hybrid: the centre in its hours, the site otherwise"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=8, choices=Mode)
    from_at = models.DateTimeField()
    central = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    local = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    week = models.JSONField(default=list)
    """Seven texts, Monday first, as `handrail.rules.doors.hours_from` reads them: the hours of the centre."""

    class Meta(Written.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "site", "from_at"], name="people_remsmode_of")
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.from_at:%Y-%m-%d}"


class RemsDispense(Written):
    """The dispense record of one dose: whether the prescriber was checked, and the code or confirmation of the programme."""

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="rems_dispenses")
    on = models.DateField()
    """The civil date of the dose where it is given."""
    product = models.CharField(max_length=40)
    prescriber = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    checked = models.BooleanField(null=True, blank=True)
    """Whether the prescriber's certification was confirmed; null: not known."""
    code = models.CharField(max_length=80, blank=True)
    how = models.CharField(max_length=12, blank=True)
    obtained_at = models.DateTimeField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta(Written.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Written.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "supersedes"], name="people_remsdispense_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "on"], name="people_remsdispense_of")
        ]

    def __str__(self) -> str:
        return f"dispense record {self.pk}"


class RemsReport(Written):
    """A serious reaction was reported, or somebody decided that none is owed."""

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="rems_reports")
    event = models.UUIDField()
    """The assessment that opened the task."""
    toxicity = models.CharField(max_length=8)
    owed = models.BooleanField()
    """False: decided that it is not serious, for the reason given."""
    to = models.CharField(max_length=12, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    reference = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta(Written.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course"], name="people_remsreport_of")
        ]

    def __str__(self) -> str:
        return f"report {self.pk}"


class RemsAct(Written):
    """What was done on the way to a certified site: a set-up begun, a task ticked, a prescriber reminded."""

    class What(models.TextChoices):
        """The three."""

        BEGUN = "begun"
        DONE = "done"
        REMINDED = "reminded"

    what = models.CharField(max_length=8, choices=What)
    programme = models.CharField(max_length=40)
    product = models.CharField(max_length=40, blank=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    task = models.CharField(max_length=40, blank=True)

    class Meta(Written.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "programme", "product"], name="people_remsact_of")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.task}"
