"""Beside the facts of a hand-off: the doors for a receiver without an account, and who came through one, by name."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField


class HandoffDoor(OwnedRow):
    """One way for a receiver without an account: a link with a short code, or a fax sheet whose codes are read back by phone.

    `handoff` is the id of the offer. The codes are kept so that the sheet can be printed again; a door with too many wrong tries is shut.
    """

    reached_through = "course"

    class Kind(models.TextChoices):
        """How the receiver gets in."""

        LINK = "link"
        FAX = "fax"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="handoff_doors")
    handoff = models.UUIDField()
    kind = models.CharField(max_length=4, choices=Kind)
    link = models.ForeignKey("people.LinkToken", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    read_code = EncryptedTextField()
    accept_code = EncryptedTextField(blank=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind="link", link__isnull=False) | Q(kind="fax", link__isnull=True),
                name="records_handoffdoor_link",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "handoff"], name="records_door_handoff")
        ]

    def __str__(self) -> str:
        return f"{self.kind} door {self.pk}"


class HandoffPerson(OwnedRow):
    """Who read or accepted without an account. Events name this row; the name stands only here, encrypted."""

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="handoff_people")
    handoff = models.UUIDField()
    of_organisation = models.ForeignKey("people.Organisation", on_delete=models.PROTECT, related_name="+")
    door = models.ForeignKey(HandoffDoor, on_delete=models.PROTECT, related_name="people")
    name = EncryptedTextField()
    role = models.CharField(max_length=60)
    at = models.DateTimeField(default=clock.now)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who typed it in, having heard it by phone; None: the person wrote it."""

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "course", "handoff"], name="records_handoffperson_who")
        ]

    def __str__(self) -> str:
        return f"person {self.pk}"  # never the name: this text reaches logs
