"""Beside the facts of a stay in hospital: who has the patient there, by name and number."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class StayPerson(OwnedRow):
    """Somebody at the hospital, without an account. Events name this row; name and number stand only here, encrypted."""

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="stay_people")
    name = EncryptedTextField(blank=True)
    role = models.CharField(max_length=60, blank=True)
    phone = EncryptedTextField(blank=True)
    at = models.DateTimeField(default=clock.now)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course"], name="records_stayperson_course")
        ]

    def __str__(self) -> str:
        return f"person {self.pk}"  # never the name: this text reaches logs
