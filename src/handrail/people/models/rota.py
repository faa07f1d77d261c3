"""The rota beyond single shifts: repeating plans, holidays, swaps, what each step asks of a person, and who changed what."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.models.organisations import Shift, Site, Step
from handrail.people.owned import OwnedRow


class ShiftPlan(OwnedRow):
    """A repeating pattern by civil time in the site's zone. Its shifts are made some weeks ahead, and may be changed one by one."""

    clinical = False

    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """None: for every site of the organisation, in the organisation's zone."""
    step = models.CharField(max_length=16, choices=Step)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    weekdays = models.JSONField(default=list)
    """0 is Monday. Empty in a plan for holidays."""
    on_holidays = models.BooleanField(default=False)
    """True: on holidays only. A weekly plan makes no shift that begins on a holiday."""
    every_weeks = models.PositiveSmallIntegerField(default=1)
    """2: every second week, counted from the week of `first_day`."""
    starts = models.TimeField()
    ends = models.TimeField()
    """At or before `starts`: on the next day."""
    first_day = models.DateField()
    last_day = models.DateField(null=True, blank=True)
    planned_until = models.DateField(null=True, blank=True)
    """The last day for which shifts were made; one that was taken off since is not made again."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")), name="people_plan_days"
            ),
            models.CheckConstraint(condition=Q(every_weeks__gte=1), name="people_plan_weeks"),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.starts:%H:%M}-{self.ends:%H:%M}"


class Holiday(OwnedRow):
    """A day on which weekly plans make no shift: it has a plan of its own, or it is a gap until somebody fills it."""

    clinical = False

    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    on = models.DateField()
    name = models.CharField(max_length=80)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "on", "site"], name="people_holiday_site"),
            models.UniqueConstraint(
                fields=["organisation", "on"], condition=Q(site__isnull=True), name="people_holiday_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.name}"


class Swap(OwnedRow):
    """One person asks another to take a shift. Until the other accepts, nothing changes."""

    clinical = False

    class Answer(models.TextChoices):
        """What became of it."""

        OPEN = "", "waits for an answer"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    to_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    answer = models.CharField(max_length=12, choices=Answer, blank=True, default=Answer.OPEN)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "shift"], condition=Q(answer=""), name="people_swap_one_open"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True) | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="people_swap_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shift_id} {self.answer or 'open'}"


class RotaStep(OwnedRow):
    """What an organisation, or one site of it, asks of a step of the ladder, instead of the shipped default."""

    clinical = False

    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    step = models.CharField(max_length=16, choices=Step)
    must_be_filled = models.BooleanField()
    certificate = models.CharField(max_length=64, blank=True)
    """The kind of certificate that whoever is placed must hold for the whole shift; empty: none is asked."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "step", "site"], name="people_rotastep_site"),
            models.UniqueConstraint(
                fields=["organisation", "step"], condition=Q(site__isnull=True), name="people_rotastep_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.certificate}"


class RotaEntry(OwnedRow):
    """Who changed the rota, when and how; for good."""

    append_only = True

    kind = models.CharField(max_length=24)
    payload = models.JSONField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "at"], name="people_rotaentry_at")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
