"""What is sent to an emergency department: a link to the emergency page, over one channel after another until one has taken it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.alerts.delivery import in_state
from handrail.people.owned import OwnedRow


class EdPacket(OwnedRow):
    """One packet for the emergency department of a patient's plan, from the instant at which somebody or the ladder asked for it.

    What leaves holds no fact about the patient: they stand behind the link of `card` and a code that does not travel with it.
    """

    reached_through = "course"

    class Because(models.TextChoices):
        """Why it is sent."""

        BY_HAND = "by_hand", "somebody on call sent it"
        RED = "red", "what was reported sends the patient there at once"
        NOBODY = "nobody", "nobody answered, and the patient was told to go"
        SENT_TO_ED = "sent_to_ed", "the patient was sent there by phone"

    class State(models.TextChoices):
        """How far it got."""

        WAITING = "waiting"
        AWAY = "away", "handed to a channel"
        FAX = "fax", "waits for somebody to fax it"
        SENT = "sent"
        FAILED = "failed"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="ed_packets")
    because = models.CharField(max_length=12, choices=Because)
    place = models.ForeignKey("people.CarePlace", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """Where to: the destination of the plan when it left."""
    card = models.OneToOneField(
        "people.EmergencyCard", on_delete=models.PROTECT, null=True, blank=True, related_name="ed_packet"
    )
    alert = models.ForeignKey("alerts.Alert", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    notice = models.ForeignKey("alerts.Notice", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """The word of the ladder that it carries, if it does."""
    idempotency_key = models.CharField(max_length=160)
    asked_at = models.DateTimeField(default=clock.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """None: Handrail itself."""
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    channel = models.CharField(max_length=24, blank=True)
    """The last one that was tried."""
    why = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    faxed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    send_at = models.DateTimeField(null=True, blank=True)
    """When a watcher makes it ready; None once it has."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "idempotency_key"], name="alerts_edpacket_once"),
            in_state("alerts_edpacket_waits", "waiting", "send_at"),
            in_state("alerts_edpacket_sent_when", "sent", "sent_at"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["send_at"], name="alerts_edpacket_due", condition=Q(send_at__isnull=False)),
            models.Index(fields=["course", "asked_at"], name="alerts_edpacket_course"),
        ]

    def __str__(self) -> str:
        return f"packet {self.pk} {self.state}"
