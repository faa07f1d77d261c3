"""Referrals to a programme: the public door, who was referred by whom, and what was done about it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from handrail import clock
from handrail.people.owned import OwnedRow
from handrail.people.secrets import EncryptedTextField, keyed_hash, keyed_hashes, normal_phone


class ReferralDoor(OwnedRow):
    """The public address at which an organisation takes referrals. Its code is printed anywhere; it names no patient."""

    clinical = False

    code = models.SlugField(max_length=40, unique=True)
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """Where referred patients are seen; its code is what leaves in a mail."""
    fax = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(closed_at__isnull=True), name="people_referral_door_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"door {self.code}"


class Referral(OwnedRow):
    """One patient whom a practice refers, as it was typed in. What a person types and who it is about is encrypted.

    Nothing of it is altered: what is done about it are entries. `key` is the secret of the practice's link, kept encrypted because a form
    that is sent twice is answered with the same link; whoever has only the database opens nothing.
    """

    class Way(models.TextChoices):
        """How it came."""

        FORM = "form", "web form"
        FAX = "fax", "fax or phone, typed in here"

    code = models.CharField(max_length=12)
    """What is said on the phone and stands in a mail."""
    way = models.CharField(max_length=8, choices=Way, default=Way.FORM)
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    received_at = models.DateTimeField(default=clock.now)
    typed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who typed in a fax; None: the practice did it itself."""

    practice = EncryptedTextField()
    referrer = EncryptedTextField(blank=True)
    referrer_phone = EncryptedTextField(blank=True)
    referrer_email = EncryptedTextField(blank=True)
    given_name = EncryptedTextField(blank=True)
    family_name = EncryptedTextField(blank=True)
    birth_date_text = EncryptedTextField(blank=True)
    phone = EncryptedTextField(blank=True)
    phone_hash = models.CharField(max_length=64, blank=True, editable=False)
    person_hash = models.CharField(max_length=64, blank=True, editable=False)
    """Of family name and birth date, so that two that look alike are shown side by side; nothing is joined by it."""
    told = EncryptedTextField()
    """What the practice said of the disease and the circumstances, as JSON."""
    urgency = models.CharField(max_length=8, blank=True)
    """`urgent`, `routine`, or empty: not known."""
    synthetic = models.BooleanField(default=False)

    key = EncryptedTextField()
    token_hash = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField()
    tries_left = models.PositiveSmallIntegerField()
    """Wrong codes that may still be typed behind the link."""
    written_in = models.CharField(max_length=2, default="en")
    """The language of the form that the practice sent; its mails are written in it."""

    look_again_at = models.DateTimeField(default=clock.now, null=True, blank=True)
    """When a watcher looks at it again: whom to page because nobody has read it, or a clock has run out. None: never."""
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "code"], name="people_referral_code"),
            models.UniqueConstraint(fields=["organisation", "token_hash"], name="people_referral_token"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "received_at"], name="people_referral_when"),
            models.Index(fields=["token_hash"], name="people_referral_find"),
            models.Index(
                fields=["look_again_at"], name="people_referral_due", condition=Q(look_again_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"referral {self.pk}"  # never who: this text reaches logs

    @property
    def name(self) -> str:
        """The patient's name for the screen."""
        return " ".join(part for part in (self.given_name, self.family_name) if part) or "name not known"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.phone_hash = keyed_hash(normal_phone(self.phone), purpose="phone")
        self.person_hash = keyed_hash(self._person(), purpose="referred")
        super().save(*args, **kwargs)

    def looks_like(self) -> Q:
        """What finds others with the same phone, or with the same family name and birth date."""
        phones = keyed_hashes(normal_phone(self.phone), purpose="phone")
        persons = keyed_hashes(self._person(), purpose="referred")
        return Q(phone_hash__in=phones) | Q(person_hash__in=persons)

    def _person(self) -> str:
        known = self.family_name.strip() and self.birth_date_text
        return f"{' '.join(self.family_name.casefold().split())}|{self.birth_date_text}" if known else ""


class ReferralEntry(OwnedRow):
    """One thing that was done about a referral: by whom, when, and what. Append-only."""

    append_only = True

    class Kind(models.TextChoices):
        """What was done."""

        CLAIMED = "claimed", "read and taken on"
        ACKNOWLEDGED = "acknowledged", "acknowledged to the practice"
        QUERIED = "queried", "asked the practice"
        ANSWERED = "answered", "the practice answered"
        COMPLETE = "complete", "said to be complete"
        CONTACT_PLANNED = "contact_planned", "first contact planned"
        CONTACTED = "contacted", "tried to reach the patient"
        DECIDED = "decided", "decided"
        TOLD = "told", "sent to the practice"
        MAINTENANCE = "maintenance", "maintenance site"
        SAME_AS = "same_as", "may be the same person"
        COURSE_STARTED = "course_started", "course started"
        CLOSED = "closed", "closed"
        SET_ASIDE = "set_aside", "set aside: no referral, or a second one"

    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="entries")
    course = models.ForeignKey(
        "records.Course", on_delete=models.PROTECT, null=True, blank=True, related_name="referral_entries"
    )
    """The course that was started from it."""
    number = models.PositiveIntegerField()
    """Counts the entries of a referral from 1."""
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField()
    """When it happened."""
    recorded_at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """None: the practice, behind its link."""
    role = models.CharField(max_length=16, blank=True)
    payload = models.JSONField(default=dict)

    class Meta(OwnedRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *OwnedRow.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "referral", "number"], name="people_referral_entry_number"),
            models.CheckConstraint(
                condition=Q(kind="course_started", course__isnull=False)
                | (~Q(kind="course_started") & Q(course__isnull=True)),
                name="people_referral_entry_course",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class ReferralLook(OwnedRow):
    """Somebody saw a referral. Append-only, as the looks at a course are."""

    append_only = True

    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="looks")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """None: the practice, behind its link and its code."""
    at = models.DateTimeField(default=clock.now)
    what = models.CharField(max_length=80)
    """The page, by its name."""

    class Meta(OwnedRow.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organisation", "referral", "at"], name="people_referrallook_when")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M}"
