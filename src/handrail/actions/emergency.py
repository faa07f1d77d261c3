"""The emergency card: printed, handed over, revoked; and the page behind it, which its code opens for an emergency department.

Scanning the card shows nothing of the patient: a phone that previews an address is nobody who looks. The right code is a look that is
written down; it calls the clinician on call at once, and again when that call is closed, and tells the patient once while an opening
lasts (by text message only where they agreed). Wrong codes are counted in the transaction that tries them, for the whole life of the card.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.core import signing
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.links import cookie_for, link_id_of_cookie
from handrail.actions.recording import locked, write_shell_event
from handrail.actions.truth import number_to_call
from handrail.actions.words_times import home_time
from handrail.alerts import ledger
from handrail.alerts.dispatches import tell_at_home
from handrail.alerts.ledger import Wanted
from handrail.alerts.lines import may_be_texted
from handrail.alerts.models import EdPacket, new_code
from handrail.people import scope
from handrail.people.models import EmergencyCard, EmergencyOpening, LinkToken, Step
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder

PURPOSE: Final = LinkToken.Purpose.EMERGENCY.value
COOKIE: Final = "handrail_emergency"
OPEN_COOKIE: Final = "handrail_emergency_open"
OPENED: Final = f"{ledger.SHELL}emergency_opened"
LOCKED: Final = f"{ledger.SHELL}emergency_locked"
LOOK: Final = "emergency_page"
SCANNED: Final = "emergency_card"
_SALT: Final = "handrail.emergency.opening"
_LONGEST_WHO: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class CardShown:
    """A card with what is printed on it. `address` holds the key."""

    card: EmergencyCard
    address_key: str
    code: str

    def __repr__(self) -> str:
        return f"CardShown({self.card!r})"


# --- the card ---------------------------------------------------------------------------------------------------------


def issue_card(course_id: UUID, *, by: Actor, now: datetime | None = None) -> EmergencyCard:
    """Make a new card. Those before it go on opening the page until this one is in the patient's hand.

    Raises:
        RefusedError: the course is over.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        if course.ended_at is not None:
            raise RefusedError("This course is over.", code="course_ended")
        return make_card(course, EmergencyCard.Kind.WALLET, by, now)


def make_card(course: Course, kind: str, by: Actor, now: datetime, *, lasts: timedelta | None = None) -> EmergencyCard:
    """A new card of a kind. The caller holds the course, and has asked who may."""
    row = emergency_data().card
    link, key = LinkToken.issue(
        organisation_id=course.organisation_id,
        purpose=PURPOSE,
        course=course,
        holder="patient" if kind == EmergencyCard.Kind.WALLET else "ed",
        issued_by=by.user,
        issued_at=now,
        expires_at=now + (lasts or row.lasts),
    )
    return EmergencyCard.objects.create(
        organisation_id=course.organisation_id,
        course=course,
        link=link,
        kind=kind,
        key=key,
        code=new_code(),
        tries_left=row.tries,
    )


def hand_over_card(course_id: UUID, card_id: UUID, *, by: Actor, now: datetime | None = None) -> EmergencyCard:
    """The patient has this card in hand: from now on the wallet cards before it open nothing.

    Raises:
        NotVisibleError: no such card. RefusedError: it is no wallet card, or opens nothing itself (any more).
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        card = _card_of(course, card_id)
        if card.kind != EmergencyCard.Kind.WALLET:
            raise RefusedError("Only a wallet card is handed to the patient.", code="not_a_wallet_card")
        if not opens_page(card, now):
            raise RefusedError("This card opens nothing any more: print a new one.", code="card_over")
        if card.handed_over_at is None and by.user is not None:
            card.handed_over_at, card.handed_over_by = now, by.user
            card.save(update_fields=["handed_over_at", "handed_over_by"])
            former = LinkToken.objects.filter(
                emergency_card__course=course,
                emergency_card__kind=EmergencyCard.Kind.WALLET,
                issued_at__lte=card.link.issued_at,
                revoked_at__isnull=True,
            )
            former.exclude(pk=card.link_id).update(revoked_at=now)
        return card


def revoke_card(course_id: UUID, card_id: UUID, *, by: Actor, now: datetime | None = None) -> EmergencyCard:
    """A card is lost, or in the wrong hands: it opens nothing from now on, and a page that it opened is closed.

    Raises:
        NotVisibleError: no such card.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("revoke_link", course, now)
        card = _card_of(course, card_id)
        if card.link.revoked_at is None:
            card.link.revoked_at = now
            card.link.save(update_fields=["revoked_at"])
        return card


def show_card(card: EmergencyCard) -> CardShown:
    """What is printed on a card."""
    return CardShown(card=card, address_key=card.key, code=card.code)


def card_in_force(course: Course, now: datetime) -> EmergencyCard | None:
    """The card that the patient's phone shows: the last one handed over, else the newest that still opens the page."""
    cards = EmergencyCard.objects.select_related("link").filter(
        course=course,
        kind=EmergencyCard.Kind.WALLET,
        link__revoked_at__isnull=True,
        link__expires_at__gt=now,
        tries_left__gt=0,
    )
    return (
        cards.filter(handed_over_at__isnull=False).order_by("-link__issued_at").first()
        or cards.order_by("-link__issued_at").first()
    )


def _card_of(course: Course, card_id: UUID) -> EmergencyCard:
    card = EmergencyCard.objects.select_related("link").filter(course=course, pk=card_id).first()
    if card is None:
        raise NotVisibleError("There is no such card.")
    return card


def opens_page(card: EmergencyCard, now: datetime) -> bool:
    """Whether the right code of this card opens the page: in force, and not locked by wrong ones."""
    return _in_force(card, now) and card.tries_left > 0


def _in_force(card: EmergencyCard, now: datetime) -> bool:
    return card.link.revoked_at is None and card.link.expires_at > now


# --- the page ---------------------------------------------------------------------------------------------------------


def exchange_key(key: str) -> str:
    """The cookie for what was scanned. One look-up and no write, whether or not there is such a card: nobody learns which."""
    with scope.everything():
        links = LinkToken.objects.filter(token_hash=LinkToken.hash_of(key), purpose=PURPOSE)
        link_id = links.values_list("pk", flat=True).first() or uuid4()
    return cookie_for(link_id, PURPOSE)


def number_on_card(cookie: str, *, now: datetime | None = None) -> str:
    """The number to call behind a scanned card that is good; empty for everything else."""
    now = now or clock.now()
    link_id = link_id_of_cookie(cookie, PURPOSE) if cookie else None
    with scope.everything():
        card = _behind(link_id)
        if card is None or not _in_force(card, now):
            return ""
        number = number_to_call(card.course, now)
    log_look(card.course, SCANNED, link=card.link, now=now)
    return number


def open_page(
    cookie: str, code: str, *, who: str = "", now: datetime | None = None
) -> tuple[EmergencyOpening, str] | None:
    """Try a code: the opening and its signed cookie, or None for a wrong code and for a card that opens nothing, alike."""
    now = now or clock.now()
    link_id = link_id_of_cookie(cookie, PURPOSE) if cookie else None
    typed = "".join(code.upper().split())
    with transaction.atomic(), scope.everything():
        found = _behind(link_id)
        if found is None:
            return None
        # The course first, then the card: always in this order, so that no two wait for one another.
        course = Course.objects.select_for_update(no_key=True).get(pk=found.course_id)
        card = EmergencyCard.objects.select_for_update(of=("self",)).select_related("link").get(pk=found.pk)
        if not opens_page(card, now):
            return None
        if not _is_right(typed, card, course, now):
            card.tries_left -= 1
            card.save(update_fields=["tries_left"])
            if card.tries_left == 0:
                call_on_call(
                    course, LOCKED, "The emergency card is locked: print a new one", "too many wrong codes", now
                )
            return None
        opening = _open(course, card, who, now)
    return opening, signing.dumps(str(opening.pk), salt=_SALT)


def _is_right(typed: str, card: EmergencyCard, course: Course, now: datetime) -> bool:
    """The code of the card; behind a link that was sent, also that of the card which the patient carries."""
    wallet = card_in_force(course, now) if card.kind == EmergencyCard.Kind.SENT else None
    right = hmac.compare_digest(typed.encode(), card.code.encode())
    return (wallet is not None and hmac.compare_digest(typed.encode(), wallet.code.encode())) or right


def _open(course: Course, card: EmergencyCard, who: str, now: datetime) -> EmergencyOpening:
    told = EmergencyOpening.objects.filter(course=course, told=True, until__gt=now).exists()
    called = course.alerts.filter(key=OPENED, closed_at__isnull=True).exists()
    opening = EmergencyOpening.objects.create(
        organisation_id=course.organisation_id,
        course=course,
        card=card,
        at=now,
        until=now + emergency_data().card.session,
        who=" ".join(who.replace("\x00", "").split())[:_LONGEST_WHO],
        told=not told,
    )
    log_look(course, LOOK, link=card.link, now=now)
    packet = EdPacket.objects.filter(card=card).values_list("pk", flat=True).first()
    payload = {"packet": str(packet) if packet is not None else None, "what": "opened"}
    write_shell_event(course, "ed_packet_noted", payload, now)
    if not (told and called):
        call_on_call(
            course, OPENED, "An emergency department has opened the emergency page", "the right code was typed", now
        )
    if not told:
        _tell_patient(course, opening, now)
    return opening


def opening_of(cookie: str, *, now: datetime | None = None, looks: bool = True) -> EmergencyOpening | None:
    """The opening behind a cookie while it lasts; None when its card was revoked since. Every look is written down.

    `looks`: False for an answer that shows nothing of the patient.
    """
    now = now or clock.now()
    try:
        opening_id = UUID(signing.loads(cookie, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    with scope.everything():
        related = ("card__link", "course__organisation", "course__site", "course__patient")
        opening = EmergencyOpening.objects.select_related(*related).filter(pk=opening_id, until__gt=now).first()
    if opening is None or not _in_force(opening.card, now):
        return None
    if looks:
        log_look(opening.course, LOOK, link=opening.card.link, now=now)
    return opening


def _behind(link_id: UUID | None) -> EmergencyCard | None:
    related = ("link", "course__organisation", "course__site")
    return EmergencyCard.objects.select_related(*related).filter(link_id=link_id, link__purpose=PURPOSE).first()


def call_on_call(course: Course, key: str, what: str, because: str, now: datetime) -> None:
    """Call the clinician on call, in a word of its own; one that is open already is not opened twice."""
    former = course.alerts.filter(key=key, closed_at__isnull=True).first()
    if former is not None:
        ledger.close(former, "it happened again", now)
    first = load_policy().ladders[Ladder.AMBER].steps[0]
    steps = tuple(replace(first, who=each.value) for each in (Step.FIRST_ON_CALL, Step.SECOND_ON_CALL))
    ledger.open_alert(
        course,
        Wanted(
            key=key,
            urgency=Ladder.AMBER.urgency.value,
            ladder=Ladder.AMBER.value,
            what=what,
            because=because,
            steps=steps,
        ),
        now,
    )


def _tell_patient(course: Course, opening: EmergencyOpening, now: datetime) -> None:
    """By text message, where the patient agreed to them; the phone's own page shows it in any case."""
    patient = course.patient
    if not patient.phone or not may_be_texted(course.organisation_id, patient.phone):
        return
    with translation.override(patient.language[:2]):
        at = home_time(now, course.time_zone, clock_24h=patient.clock_24h)
        words = _("Handrail: your emergency page was opened: %(time)s. Not you, and not a hospital? Call your team.")
        tell_at_home(
            course,
            "emergency_opened",
            words % {"time": at},
            key=f"emergency_opened:{opening.pk}",
            now=now,
            language=patient.language,
        )
