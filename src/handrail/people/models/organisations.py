"""Organisations, their sites, who works there in which role, their certificates and the rota."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handrail import clock
from handrail.people.owned import OwnedRow


class Role(models.TextChoices):
    """What a person is at an organisation."""

    ONCOLOGIST = "oncologist"
    PHARMACIST = "pharmacist"
    NURSE = "nurse"
    ON_CALL = "on_call", "on-call clinician"
    APP = "app", "advanced practice provider"
    COORDINATOR = "coordinator"
    SITE_MANAGER = "site_manager", "site manager"
    DIRECTOR = "director", "programme director"
    VIEWER = "viewer"


class Step(models.TextChoices):
    """The words of a ladder for whom to page; the rota says who that is at an instant."""

    FIRST_ON_CALL = "first_on_call", "first on call"
    SECOND_ON_CALL = "second_on_call", "second on call"
    ATTENDING = "attending", "attending"
    NURSE = "nurse", "nurse on call"
    SITE_MANAGER = "site_manager", "site manager"
    DIRECTOR = "director", "programme director"
    INTAKE = "intake", "owner of intake"


class Organisation(models.Model):
    """A hub, a community practice, …: whoever owns rows. Demonstration or live, for good."""

    class Mode(models.TextChoices):
        """Synthetic patients or real ones; never both."""

        DEMO = "demo"
        LIVE = "live"

    class Kind(models.TextChoices):
        """Its part in the programme."""

        HUB = "hub", "myeloma centre"
        COMMUNITY = "community", "community practice"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.HUB)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.DEMO)
    time_zone = models.CharField(max_length=64, default="UTC")
    call_number = models.CharField(max_length=40, blank=True)
    """The number that patients and colleagues call day and night."""
    require_second_factor = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class Site(OwnedRow):
    """A place that gives doses or watches patients. Its code is what may leave in a page."""

    clinical = False

    name = models.CharField(max_length=200)
    code = models.SlugField(max_length=24)
    time_zone = models.CharField(max_length=64)
    call_number = models.CharField(max_length=40, blank=True)

    rota_look_at = models.DateTimeField(default=clock.now, null=True, blank=True)
    """When a watcher looks at its rota again: for gaps, and to make the next shifts of its plans. None: never."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "code"], name="people_site_code"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["rota_look_at"], name="people_site_due", condition=Q(rota_look_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.name


def _dates_in_order(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")), name=name)


class Membership(OwnedRow):
    """A person has a role at an organisation (at one site, or everywhere) from an instant on, perhaps until another."""

    clinical = False

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=16, choices=Role)
    valid_from = models.DateTimeField(default=clock.now)
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            _dates_in_order("people_membership_dates"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["user", "valid_from"], name="people_member_user")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Certificate(OwnedRow):
    """A person's training or certification, of a kind, current between two dates."""

    clinical = False

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="certificates")
    kind = models.CharField(max_length=64)
    """For example `rems:teclistamab`, `ice_assessment`, `chemo_biotherapy`."""
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    reference = models.CharField(max_length=120, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "user", "kind", "valid_from"], name="people_certificate_once"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="people_certificate_dates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"


class Shift(OwnedRow):
    """A person answers as one step of the ladder between two instants. An override wins over the plan."""

    clinical = False

    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """None: for every site of the organisation."""
    step = models.CharField(max_length=16, choices=Step)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_override = models.BooleanField(default=False)
    plan = models.ForeignKey(
        "people.ShiftPlan", on_delete=models.SET_NULL, null=True, blank=True, related_name="shifts"
    )
    """The repeating plan that made it; None: put on by hand."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="people_shift_times"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "step", "starts_at"], name="people_shift_who")
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.starts_at:%Y-%m-%d %H:%M}"
