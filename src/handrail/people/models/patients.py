"""Who a patient is: names, birth date, phones and record numbers live only here, encrypted, and are found by keyed hash."""

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import (
    EncryptedTextField,
    keyed_hash,
    keyed_hashes,
    normal_identifier,
    normal_phone,
)


class TemperatureUnit(models.TextChoices):
    """The unit a person reads and types."""

    CELSIUS = "C"
    FAHRENHEIT = "F"


class PatientManager(models.Manager["Patient"]):
    """Look-ups by keyed hash."""

    def with_phone(self, phone: str) -> models.QuerySet["Patient"]:
        """Every patient with this phone: two may share one."""
        return self.filter(phone_hash__in=keyed_hashes(normal_phone(phone), purpose="phone"))

    def with_mrn(self, mrn: str) -> models.QuerySet["Patient"]:
        """Every patient with this record number."""
        return self.filter(mrn_hash__in=keyed_hashes(normal_identifier(mrn), purpose="mrn"))


class Patient(OwnedRow):
    """A person who is treated. `birth_date` is kept as the text of an ISO date, because encryption knows only text."""

    reached_through = "patient"

    given_name = EncryptedTextField(blank=True)
    family_name = EncryptedTextField(blank=True)
    birth_date_text = EncryptedTextField(blank=True)
    phone = EncryptedTextField(blank=True)
    phone_hash = models.CharField(max_length=64, blank=True, editable=False)
    mrn = EncryptedTextField(blank=True)
    mrn_system = models.CharField(max_length=200, blank=True)
    mrn_hash = models.CharField(max_length=64, blank=True, editable=False)
    sex = models.CharField(max_length=16, blank=True)
    language = models.CharField(max_length=10, default="en")
    temperature_unit = models.CharField(max_length=1, choices=TemperatureUnit, default=TemperatureUnit.FAHRENHEIT)
    clock_24h = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    synthetic = models.BooleanField(default=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="patient"
    )
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[PatientManager] = PatientManager()

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "phone_hash"], name="people_patient_phone"),
            models.Index(fields=["organisation", "mrn_hash"], name="people_patient_mrn"),
        ]

    def __str__(self) -> str:
        return f"patient {self.pk}"  # never the name: this text reaches logs

    @property
    def name(self) -> str:
        """The name for the screen, or "name not known"."""
        return self.name_of(self.given_name, self.family_name)

    @staticmethod
    def name_of(given_name: str, family_name: str) -> str:
        """The same, for whoever reads nothing but the two."""
        return " ".join(part for part in (given_name, family_name) if part) or "name not known"

    @property
    def birth_date(self) -> date | None:
        """The birth date, None when it is not known to the day (a record may name a month or a year only)."""
        return date.fromisoformat(self.birth_date_text) if len(self.birth_date_text) == len("1950-04-05") else None

    @birth_date.setter
    def birth_date(self, day: date | None) -> None:
        self.birth_date_text = day.isoformat() if day else ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.phone_hash = keyed_hash(normal_phone(self.phone), purpose="phone")
        self.mrn_hash = keyed_hash(normal_identifier(self.mrn), purpose="mrn")
        super().save(*args, **kwargs)


class Contact(OwnedRow):
    """A caregiver or relative of a patient, first to be called first."""

    reached_through = "patient"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="contacts")
    name = EncryptedTextField()
    relationship = models.CharField(max_length=60, blank=True)
    phone = EncryptedTextField(blank=True)
    phone_hash = models.CharField(max_length=64, blank=True, editable=False)
    email = EncryptedTextField(blank=True)
    is_caregiver = models.BooleanField(default=True)
    language = models.CharField(max_length=10, default="en")
    order = models.PositiveSmallIntegerField(default=1)

    class Meta(OwnedRow.Meta):
        ordering: ClassVar[list[str]] = ["order", "id"]

    def __str__(self) -> str:
        return f"contact {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.phone_hash = keyed_hash(normal_phone(self.phone), purpose="phone")
        super().save(*args, **kwargs)
