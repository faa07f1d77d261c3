"""Where a patient is seen outside the appointments: the emergency departments that plans name, and which one a patient's plan names."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.models.organisations import Site
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
