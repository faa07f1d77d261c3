"""The tables of alerts: what somebody must be told, the pages that tell them, and the watcher's sign of life."""

import secrets
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.alerts.delivery import Delivery, in_state
from handrail.alerts.ed_models import EdPacket
from handrail.alerts.texts_models import TextLine, TextReceived
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField

__all__ = [
    "Alert",
    "AlertEntry",
    "Dispatch",
    "EdPacket",
    "Heartbeat",
    "Notice",
    "Page",
    "TextLine",
    "TextReceived",
]

# No letters or digits that are mistaken for one another when read out on the phone.
_CODE_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 6

STAYS_HERE = ("on_screen", "patient_screen")
"""Channels of which nothing leaves the machine."""

PLACE = "place:"
"""How the key of an alert about a site or an organisation begins; the key of an alert about a course never does."""
REFERRAL = "referral"
"""After `PLACE`, the word for a referral: its id follows, then what the page is about."""
REMS_REPORT = "rems_report"
"""After `PLACE`, the word for a report that is owed to a REMS: site, course and assessment follow."""


def new_code() -> str:
    """A short random code that may leave in a page and says nothing about the patient."""
    return "".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH))


def _together(name: str, *fields: str) -> models.CheckConstraint:
    """All of the fields are set, or none."""
    none = Q(**{f"{field}__isnull": True for field in fields})
    every = Q(**{f"{field}__isnull": False for field in fields})
    return models.CheckConstraint(condition=none | every, name=name)


class Alert(OwnedRow):
    """One reason to call somebody, under a stable key. It stays open until the reason is over.

    `steps` are pinned from the policy when the alert opens: [{"who": "first_on_call", "wait_minutes": 5}, …]. People are
    looked up when a page goes out. An acknowledged alert stops paging (`next_page_at` is None) and stays open.

    Without a course it is about the site, or about the whole organisation where there is no site either: a gap in the rota.
    """

    reached_through = "course"

    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, null=True, blank=True, related_name="alerts")
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key = models.CharField(max_length=160)
    code = models.CharField(max_length=12, default=new_code)
    urgency = models.CharField(max_length=8)
    ladder = models.CharField(max_length=8)
    what = models.CharField(max_length=200)
    because = models.TextField(blank=True)
    steps = models.JSONField()
    opened_at = models.DateTimeField()
    reopened_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reopened_as")
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resume_at = models.DateTimeField(null=True, blank=True)
    """Until when "I have it" holds: put off, or handed over and not yet taken over. Then the ladder goes on."""
    handed_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who is asked to take it over; until then it stays with whoever has it."""
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=200, blank=True)

    next_page_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "course", "key"],
                condition=Q(closed_at__isnull=True),
                name="alerts_alert_one_open",
            ),
            models.UniqueConstraint(
                fields=["organisation", "key"],
                condition=Q(closed_at__isnull=True, course__isnull=True),
                name="alerts_alert_one_open_place",
            ),
            models.CheckConstraint(
                condition=Q(course__isnull=True, key__startswith=PLACE)
                | (Q(course__isnull=False) & ~Q(key__startswith=PLACE)),
                name="alerts_alert_about",
            ),
            models.UniqueConstraint(fields=["organisation", "code"], name="alerts_alert_code"),
            _together("alerts_alert_acknowledged", "acknowledged_by", "acknowledged_at"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(closed_because=""), name="alerts_alert_closed_why"
            ),
            models.CheckConstraint(
                condition=Q(next_page_at__isnull=True)
                | Q(acknowledged_at__isnull=True, closed_at__isnull=True)
                | Q(handed_to__isnull=False, closed_at__isnull=True),
                name="alerts_alert_quiet",
            ),
            models.CheckConstraint(
                condition=Q(resume_at__isnull=True) | Q(acknowledged_at__isnull=False, closed_at__isnull=True),
                name="alerts_alert_resumes",
            ),
            models.CheckConstraint(
                condition=Q(handed_to__isnull=True) | Q(resume_at__isnull=False), name="alerts_alert_handed_until"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_page_at"], name="alerts_alert_due", condition=Q(next_page_at__isnull=False)),
            models.Index(fields=["organisation", "closed_at", "urgency"], name="alerts_alert_open"),
        ]

    def __str__(self) -> str:
        return f"{self.ladder} {self.code}"

    @property
    def is_open(self) -> bool:
        """True until the reason is over."""
        return self.closed_at is None

    @property
    def site_words(self) -> str:
        """What stands for the site in whatever leaves: its code, or "all" where it is about a whole organisation."""
        if self.site is not None:
            return self.site.code
        return "all" if self.course_id is None else "not known"

    @property
    def referral_id(self) -> UUID | None:
        """The referral that it is about."""
        begins = f"{PLACE}{REFERRAL}:"
        return UUID(self.key.removeprefix(begins).partition(":")[0]) if self.key.startswith(begins) else None

    @property
    def report_course_id(self) -> UUID | None:
        """The course whose report to a REMS it asks for."""
        begins = f"{PLACE}{REMS_REPORT}:"
        return UUID(self.key.removeprefix(begins).split(":")[1]) if self.key.startswith(begins) else None

    @property
    def verb(self) -> str:
        """What a person has to be allowed, to say "I have it"."""
        return "answer_referral" if self.referral_id is not None else "acknowledge"


class Page(Delivery):
    """One attempt to tell one person through one channel about an alert."""

    reached_through = "course"

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="pages")
    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, null=True, blank=True, related_name="pages")
    """That of the alert; None for an alert about a site or an organisation."""
    step = models.PositiveSmallIntegerField()
    attempt = models.PositiveIntegerField()
    """Counts every page of the alert from 0; several channels of one attempt share it."""
    who = models.CharField(max_length=24)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="pages"
    )
    seen_at = models.DateTimeField(null=True, blank=True)
    next_way_at = models.DateTimeField(null=True, blank=True)
    """When the person's next contact point is tried, unless this page is known to have arrived by then."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "idempotency_key"], name="alerts_page_once"),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="alerts_page_sent_when"),
            in_state("alerts_page_waits", "sending", "send_at"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["alert", "attempt"], name="alerts_page_attempt"),
            models.Index(fields=["send_at"], name="alerts_page_due", condition=Q(send_at__isnull=False)),
            models.Index(fields=["next_way_at"], name="alerts_page_next", condition=Q(next_way_at__isnull=False)),
            models.Index(fields=["user", "seen_at"], name="alerts_page_user"),
            models.Index(
                fields=["alert"], name="alerts_page_left", condition=Q(state="sent") & ~Q(channel__in=STAYS_HERE)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.who} {self.channel} {self.state}"


class AlertEntry(OwnedRow):
    """What happened to an alert without a course, for good: the record of a course tells the same of its own alerts."""

    append_only = True

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=24)
    """`page_sent`, `page_failed`, `page_acknowledged` or `alert_closed`, as in the record of a course."""
    payload = models.JSONField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """None: Handrail itself."""

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["alert", "at"], name="alerts_entry_alert")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class Notice(OwnedRow):
    """Word that is to leave because nobody has answered: to the patient, to a caregiver, or the packet to the department.

    It waits (`send_at`) for a channel that reaches whom it is for; until one has sent it, no page says that it has gone.
    """

    reached_through = "course"

    class To(models.TextChoices):
        """For whom it is."""

        PATIENT = "patient"
        CAREGIVER = "caregiver"
        ED = "ed", "emergency department"

    class Told(models.TextChoices):
        """What it says. The words are those of the policy, in the language of whoever reads them."""

        CALL_911 = "call_911"
        GO_TO_ED = "go_to_ed"
        PACKET = "packet"

    class State(models.TextChoices):
        """How far it got."""

        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="notices")
    course = models.ForeignKey("records.Course", on_delete=models.PROTECT, related_name="notices")
    attempt = models.PositiveIntegerField()
    """The step of the ladder that wrote it, as `Page.attempt` counts them."""
    to = models.CharField(max_length=12, choices=To)
    contact = models.ForeignKey("people.Contact", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """The caregiver it is for."""
    told = models.CharField(max_length=12, choices=Told)
    idempotency_key = models.CharField(max_length=160)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    channel = models.CharField(max_length=24, blank=True)
    why = models.CharField(max_length=300, blank=True)
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    send_at = models.DateTimeField(null=True, blank=True)
    """When it is to be sent, or tried again; None once it is sent or given up."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "idempotency_key"], name="alerts_notice_once"),
            models.CheckConstraint(
                condition=Q(to="caregiver", contact__isnull=False) | (~Q(to="caregiver") & Q(contact__isnull=True)),
                name="alerts_notice_for_whom",
            ),
            in_state("alerts_notice_sent_when", "sent", "sent_at"),
            in_state("alerts_notice_waits", "waiting", "send_at"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["send_at"], name="alerts_notice_due", condition=Q(send_at__isnull=False)),
            models.Index(fields=["alert", "to"], name="alerts_notice_alert"),
        ]

    def __str__(self) -> str:
        return f"{self.to} {self.told} {self.state}"


class Dispatch(Delivery):
    """Something that a person is told and that is no page of an alert: a reminder, "go to the emergency department", a code.

    The watcher sends it like a page. The words are written when the notice is made, in the person's language; those that hold a
    secret (a code) are forgotten once they are sent.
    """

    reached_through = "course"

    class Whom(models.TextChoices):
        """Who is told."""

        PATIENT = "patient"
        CAREGIVER = "caregiver"
        STAFF = "staff"
        DEPARTMENT = "department", "emergency department"
        PRACTICE = "practice", "referring practice"

    course = models.ForeignKey(
        "records.Course", on_delete=models.PROTECT, null=True, blank=True, related_name="dispatches"
    )
    whom = models.CharField(max_length=12, choices=Whom)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, null=True, blank=True, related_name="dispatches")
    """The word of the ladder that this carries, if it does."""
    contact = models.ForeignKey("people.Contact", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """The caregiver; the patient is that of the course, and a member of staff that of the contact point."""
    ed_packet = models.ForeignKey(
        "alerts.EdPacket", on_delete=models.PROTECT, null=True, blank=True, related_name="dispatches"
    )
    """What it carries to an emergency department."""
    referral = models.ForeignKey(
        "people.Referral", on_delete=models.PROTECT, null=True, blank=True, related_name="dispatches"
    )
    """The referral about which a practice is told."""
    kind = models.CharField(max_length=40)
    words = EncryptedTextField(blank=True)
    language = models.CharField(max_length=10, default="en")
    forget = models.BooleanField(default=False)
    """The words hold a secret."""

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "idempotency_key"], name="alerts_dispatch_once"),
            in_state("alerts_dispatch_waits", "sending", "send_at"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["send_at"], name="alerts_dispatch_due", condition=Q(send_at__isnull=False)),
            models.Index(fields=["course", "created_at"], name="alerts_dispatch_course"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.state}"

    @property
    def address(self) -> str:
        """Where it goes, as it stands now; empty when there is nothing any more."""
        if self.whom == Dispatch.Whom.STAFF:
            return self.point.address if self.point is not None and self.point.removed_at is None else ""
        if self.whom == Dispatch.Whom.CAREGIVER:
            return self.contact.phone if self.contact is not None else ""
        if self.whom == Dispatch.Whom.PRACTICE:
            return self.referral.referrer_email if self.referral is not None else ""
        if self.whom == Dispatch.Whom.DEPARTMENT:
            place = self.ed_packet.place if self.ed_packet is not None else None
            found: str = getattr(place, self.channel, "") if self.channel in ("email", "webhook") else ""
            return found
        return self.course.patient.phone if self.course is not None else ""

    @property
    def secret(self) -> str:
        """What signs it, where the channel signs."""
        if self.point is not None:
            return self.point.secret
        place = self.ed_packet.place if self.ed_packet is not None else None
        return place.webhook_secret if place is not None else ""


class Heartbeat(models.Model):
    """A watcher's sign of life: when it last looked, and how much that was due it had not yet looked at."""

    watcher = models.CharField(max_length=80, primary_key=True)
    started_at = models.DateTimeField(default=clock.now)
    looked_at = models.DateTimeField()
    due_behind = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.watcher} {self.looked_at:%Y-%m-%d %H:%M:%S}"
