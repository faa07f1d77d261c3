"""Where a patient is seen outside the appointments: places with their hours, and which emergency department a patient's plan names."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.models.organisations import Site, Step
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class CarePlace(OwnedRow):
    """A place that an organisation sends patients to, with its address, its number, and how a packet reaches it.

    Never altered: what changes is a new place, and the former ends, so that what was sent stays sent to where it was.
    """

    clinical = False

    class Kind(models.TextChoices):
        """What it is."""

        ED = "ed", "emergency department"
        URGENT_CARE = "urgent_care", "urgent care"
        CLINIC = "clinic", "clinic"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.ED)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """None: for every site of the organisation."""
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=200, blank=True)
    number = models.CharField(max_length=40)
    """Whom staff and patients call there; of an emergency department, its transfer line."""
    email = EncryptedTextField(blank=True)
    webhook = EncryptedTextField(blank=True)
    webhook_secret = EncryptedTextField(blank=True)
    """Signs what goes to the webhook; shown to whoever manages the place."""
    fax = models.CharField(max_length=40, blank=True)
    made_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"  # neither an address nor a secret reaches a log


class EmergencyDestination(OwnedRow):
    """Which emergency department the plan of a patient names, from an instant on; None for none any more. The last one counts."""

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="emergency_destinations")
    place = models.ForeignKey(CarePlace, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    chosen_at = models.DateTimeField(default=clock.now)
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "chosen_at"], name="people_destination_course")
        ]

    def __str__(self) -> str:
        return f"destination {self.pk}"


class PlaceHours(OwnedRow):
    """The weekly hours of a place, from when they are written down on; the last ones count. A place without any: not known, never open."""

    clinical = False
    append_only = True

    place = models.ForeignKey(CarePlace, on_delete=models.PROTECT, related_name="hours")
    zone = models.CharField(max_length=64)
    """IANA name: the clock on the wall of the place."""
    week = models.JSONField()
    """Seven texts, Monday first, as `handrail.rules.doors.hours_from` reads them; an empty one is not known."""
    holiday = models.CharField(max_length=120, blank=True)
    """What holds on a holiday of the rota: such a text, or `as_usual`."""
    duty = models.CharField(max_length=16, choices=Step, blank=True)
    """Open only while somebody is on the rota as this; empty: the hours alone decide."""
    set_at = models.DateTimeField(default=clock.now)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "place", "set_at"], name="people_place_hours")
        ]

    def __str__(self) -> str:
        return f"hours {self.pk}"


class PlaceDay(OwnedRow):
    """The hours of a place on one day, which win over the week and over a holiday; of one day, the last word counts."""

    clinical = False
    append_only = True

    place = models.ForeignKey(CarePlace, on_delete=models.PROTECT, related_name="days")
    on = models.DateField()
    hours = models.CharField(max_length=120, blank=True)
    """As on a weekday, or `as_usual`: the week holds, also on a holiday. Empty: not known."""
    taken_back = models.BooleanField(default=False)
    """That day is like any other again: the week holds, or what holds on a holiday."""
    why = models.CharField(max_length=80, blank=True)
    set_at = models.DateTimeField(default=clock.now)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "place", "on"], name="people_place_day")
        ]

    def __str__(self) -> str:
        return f"day {self.pk}"
