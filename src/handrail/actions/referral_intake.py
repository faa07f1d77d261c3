"""Referrals taken in: at a public door without an account, or typed in here from a fax. What was typed is never altered."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError, TooManyError
from handrail.alerts.channels import channel_named
from handrail.alerts.dispatches import SIGN, tell_practice
from handrail.alerts.models import new_code
from handrail.alerts.wake import wake
from handrail.people import permissions, scope
from handrail.people.models import LinkToken, Organisation, Referral, ReferralDoor, Site, User
from handrail.people.models.links import TOKEN_BYTES
from handrail.rules.referral import REFRACTORY, Intake, referral_data

HOUR: Final = timedelta(hours=1)
RECEIVED: Final = "referral_received"
LONGEST: Final = 200
ONE_LINE: Final = f"At most {LONGEST} readable signs on one line."
MOST_LINES: Final = 50
MOST_MINUTES: Final = 2 * 24 * 60
"""More of these is a slip of the pen: earlier lines of therapy, minutes of the way to us."""
URGENCY_WORDS: Final = {
    "urgent": gettext_lazy("urgent"),
    "routine": gettext_lazy("routine"),
    "": gettext_lazy("not known, handled as urgent"),
}
RECEIVED_WORDS: Final = gettext_lazy("A referral was received")
RESERVED: Final = ("status", "sent", "link")
"""Words of the addresses beside those of the doors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a practice types of itself and of the patient."""

    practice: str
    intake: Intake
    referrer: str = ""
    referrer_phone: str = ""
    referrer_email: str = ""
    given_name: str = ""
    family_name: str = ""
    birth_date_text: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return "Draft(…)"  # identity never reaches a log

    def columns(self) -> dict[str, str]:
        """What is kept, each as text."""
        intake = {name: value for name, value in asdict(self.intake).items() if value not in (None, "", {})}
        texts = {name: str(getattr(self, name)).strip() for name in TEXTS}
        return {**texts, "told": json.dumps(intake, ensure_ascii=False, sort_keys=True)}


TEXTS: Final = (
    "practice",
    "referrer",
    "referrer_phone",
    "referrer_email",
    "given_name",
    "family_name",
    "birth_date_text",
    "phone",
)


def intake_of(referral: Referral) -> Intake:
    """What the practice said."""
    return intake_from(referral.told)


def intake_from(told: str) -> Intake:
    """The same from the text that is kept."""
    return Intake(**json.loads(told))


# --- the door ---------------------------------------------------------------------------------------------------------


def open_door(
    organisation_id: UUID, code: str, *, by: Actor, site: UUID | None = None, fax: str = "", now: datetime | None = None
) -> ReferralDoor:
    """Open the public address of an organisation; an earlier one is closed.

    Raises:
        NotAllowedError: the role may not; RefusedError: the code cannot be used, or another organisation has it.
    """
    now = now or clock.now()
    user = by.user
    may = user is not None and permissions.may(user, "open_referral_door", None, now, organisation_id=organisation_id)
    if user is None or not may:
        raise NotAllowedError("Your role does not allow that here.")
    code = code.strip().lower()
    if not 3 <= len(code) <= 40 or not all(sign.isascii() and (sign.isalnum() or sign == "-") for sign in code):
        raise RefusedError("The address is 3 to 40 letters, digits or dashes.", code="not_a_code", path="code")
    if code in RESERVED:
        raise RefusedError("That word has another meaning here: choose another.", code="taken", path="code")
    if len(fax.strip()) > 40:
        raise RefusedError("At most 40 signs.", code="too_long", path="fax")
    with transaction.atomic(), scope.acting_for(organisation_id):
        Organisation.objects.select_for_update().get(pk=organisation_id)
        former = ReferralDoor.objects.filter(code=code).first()
        if former is not None and former.organisation_id != organisation_id:
            raise RefusedError("That address is taken: choose another.", code="taken", path="code")
        place = Site.objects.filter(organisation_id=organisation_id, pk=site).first() if site else None
        if site is not None and place is None:
            raise RefusedError("There is no such site.", code="no_such_site", path="site")
        own = ReferralDoor.objects.filter(organisation_id=organisation_id, closed_at__isnull=True)
        own.exclude(code=code).update(closed_at=now)
        door = former or ReferralDoor(organisation_id=organisation_id, code=code, opened_by=user, opened_at=now)
        door.site, door.fax, door.closed_at = place, fax.strip(), None
        door.save()
        return door


def door_named(code: str) -> ReferralDoor | None:
    """The door in use at a public address; None for every other word."""
    found = ReferralDoor.objects.select_related("organisation", "site")
    return found.filter(code=code.lower(), closed_at__isnull=True).first()


# --- taken in ---------------------------------------------------------------------------------------------------------


def receive(
    code: str, draft: Draft, *, referral_id: UUID, written_in: str = "en", now: datetime | None = None
) -> Referral:
    """Take a referral in from the public form. The same form sent twice is one referral.

    Args:
        written_in: the language of the form, in which the practice is answered.

    Raises:
        NotVisibleError: there is no such door; RefusedError: something typed cannot be used; ConflictError: this form was sent before
            with another content; TooManyError: more came in an hour than any programme gets.
    """
    now = now or clock.now()
    door = door_named(code)
    if door is None:
        raise NotVisibleError("Nobody takes referrals at this address.")
    _check(draft)
    with transaction.atomic(), scope.acting_for(door.organisation_id):
        ReferralDoor.objects.select_for_update().get(
            pk=door.pk
        )  # forms that come at once are counted one after another
        former = _sent_before(referral_id, draft, door.organisation_id)
        if former is not None:
            return former
        lately = Referral.objects.filter(organisation_id=door.organisation_id, received_at__gt=now - HOUR)
        if lately.count() >= referral_data().form.most_per_hour:
            raise TooManyError("Too many referrals came within an hour: nothing was sent.")
        referral = _insert(door.organisation, door.site, draft, referral_id, now, written_in=written_in)
        mail(referral, RECEIVED, RECEIVED_WORDS, now)
        return referral


def type_in(
    organisation_id: UUID,
    draft: Draft,
    *,
    by: Actor,
    referral_id: UUID,
    received_at: datetime | None = None,
    now: datetime | None = None,
) -> Referral:
    """Type in what came by fax or phone, by whoever works on referrals. `received_at`: when it came; its clocks start then."""
    now = now or clock.now()
    came = received_at or now
    user = by.user
    if user is None or not permissions.may(user, "work_referral", None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    _check(draft)
    if came > now:
        raise RefusedError("That has not happened yet.", code="in_the_future", path="received_at")
    with transaction.atomic(), scope.acting_for(organisation_id):
        former = _sent_before(referral_id, draft, organisation_id)
        if former is not None:
            return former
        door = ReferralDoor.objects.filter(organisation_id=organisation_id, closed_at__isnull=True).first()
        organisation = Organisation.objects.select_for_update().get(pk=organisation_id)
        referral = _insert(
            organisation, door.site if door is not None else None, draft, referral_id, came, typed_by=user
        )
        mail(referral, RECEIVED, RECEIVED_WORDS, now)
        return referral


def _sent_before(referral_id: UUID, draft: Draft, organisation_id: UUID) -> Referral | None:
    with scope.everything():
        former = Referral.objects.filter(pk=referral_id).first()
    if former is None:
        return None
    same = all(getattr(former, name) == value for name, value in draft.columns().items())
    if not same or former.organisation_id != organisation_id:
        raise ConflictError("This form was sent already. For another patient open a new form.")
    return former


def _insert(
    organisation: Organisation,
    site: Site | None,
    draft: Draft,
    referral_id: UUID,
    now: datetime,
    *,
    typed_by: User | None = None,
    written_in: str = "en",
) -> Referral:
    row = referral_data().form
    token = secrets.token_urlsafe(TOKEN_BYTES)
    wake()  # whoever reads what comes is paged with the commit
    return Referral.objects.create(
        id=referral_id,
        organisation=organisation,
        code=new_code(),
        way=Referral.Way.FORM if typed_by is None else Referral.Way.FAX,
        site=site,
        received_at=now,
        typed_by=typed_by,
        urgency=draft.intake.urgency or "",
        synthetic=organisation.mode == Organisation.Mode.DEMO,
        key=token,
        token_hash=LinkToken.hash_of(token),
        expires_at=now + timedelta(days=row.link_lasts_days),
        tries_left=row.tries,
        written_in=written_in,
        look_again_at=now,
        **draft.columns(),
    )


def _check(draft: Draft) -> None:
    if not draft.practice.strip():
        raise RefusedError("Which practice refers?", code="missing_key", path="practice")
    if not draft.referrer_phone.strip() and not draft.referrer_email.strip():
        raise RefusedError("We need a phone number or an e-mail to answer.", code="missing_key", path="referrer_phone")
    if not any((draft.family_name.strip(), draft.given_name.strip(), draft.phone.strip())):
        raise RefusedError(
            "A name or a phone: else nobody can find the patient.", code="missing_key", path="family_name"
        )
    for name in TEXTS:
        text = getattr(draft, name)
        if len(text) > LONGEST or not text.isprintable():
            raise RefusedError(ONE_LINE, code="too_long", path=name)
    for name in ("diagnosis", "insurer", "language"):
        said = getattr(draft.intake, name) or ""
        if len(said) > LONGEST or not said.isprintable():
            raise RefusedError(ONE_LINE, code="too_long", path=name)
    for name, most in (("lines", MOST_LINES), ("distance_minutes", MOST_MINUTES)):
        number = getattr(draft.intake, name)
        if number is not None and not 0 <= number <= most:
            raise RefusedError("This number cannot be right: please look again.", code="out_of_range", path=name)
    if draft.intake.refractory not in (None, *REFRACTORY):
        raise RefusedError("Choose one of the answers.", code="unknown_word", path="refractory")
    if draft.referrer_email.strip():
        try:
            validate_email(draft.referrer_email.strip())
        except ValidationError:
            raise RefusedError("That is no e-mail address.", code="no_address", path="referrer_email") from None


def mail(referral: Referral, kind: str, what: Promise, now: datetime, *, key: str = "") -> None:
    """Tell the practice by mail, in the language of its form: what happened, urgency, site and code; nothing of the patient."""
    channel = channel_named("email")
    if not referral.referrer_email or channel is None or not channel.configured():
        return
    with translation.override(referral.written_in):
        words = _(
            "%(sign)s: %(what)s. Urgency: %(urgency)s. Site: %(site)s. Code: %(code)s. "
            "The link that you were given shows how far it got."
        ) % {
            "sign": SIGN,
            "what": what,
            "urgency": URGENCY_WORDS[referral.urgency],
            "site": referral.site.code if referral.site is not None else _("not known"),
            "code": referral.code,
        }
    tell_practice(referral, kind, words, key=f"{kind}:{key or referral.pk}", now=now)
