"""The versions of a packet that were sealed: what one site told another about a course, kept as it was told."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from handrail import clock
from handrail.people.owned import OwnedRow


class PacketVersion(OwnedRow):
    """One sealed version. Its content is a document of the course, encrypted; here stands only which one, and its digest.

    `sha256` is the digest of what the packet says (`rules.packet_parts.Packet.sha256`): the same facts sealed again are this version.
    """

    append_only = True
    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="packets")
    number = models.PositiveIntegerField()
    """Counts the versions of a course, from 1."""
    sha256 = models.CharField(max_length=64)
    content = models.ForeignKey("records.Document", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "course", "number"], name="records_packetversion_number"),
        ]

    def __str__(self) -> str:
        return f"packet version {self.number}"
