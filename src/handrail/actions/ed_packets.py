"""The packet for the emergency department: a link to the emergency page, sent to the department that the plan of the patient names.

What leaves says how urgent it is, which site asks and whom to call; of the patient it says nothing. The link opens the emergency page;
the patient's facts need a code that travels another way: it stands on the patient's card, and the clinician on call reads it out. It goes
by e-mail, else by webhook, else a sheet waits for somebody to fax it; "opened" counts from the right code on, never from delivery.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor, service
from handrail.actions.emergency import call_on_call, make_card
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.recording import locked, note_closed, write_shell_event
from handrail.actions.truth import number_to_call
from handrail.alerts import ed_packets, ledger
from handrail.alerts.channels import URGENCY_WORDS, channel_named
from handrail.alerts.models import Alert, Dispatch, EdPacket, Notice
from handrail.alerts.places import emergency_link
from handrail.alerts.wake import wake
from handrail.people.models import CarePlace, EmergencyCard, EmergencyDestination
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from handrail.rules.terms import Urgency

CHANNELS: Final = ("email", "webhook")
"""In this order, each when the one before has failed; then the fax, which a person sends."""
TROUBLE: Final = "shell:emergency_packet"
NO_DESTINATION: Final = "the plan of the patient names no emergency department"
NO_WAY: Final = "the department has no e-mail, webhook or fax that this installation can use"
FAX_WAITS: Final = "a fax sheet waits: somebody must send it"
TOO_LATE: Final = "it waited too long to be true"
NOT_MADE: Final = "it cannot be made ready, and is tried again"
UNSENT: Final = "The packet did not reach the emergency department: phone it"
_PAGED: Final = (EdPacket.Because.RED, EdPacket.Because.NOBODY)
"""Asked for by a page that is open: whoever it calls reads there that nothing can be sent."""


def choose_destination(
    course_id: UUID, place_id: UUID | None, *, by: Actor, now: datetime | None = None
) -> CarePlace | None:
    """Name the emergency department of a patient's plan; None for none any more.

    Raises:
        RefusedError: no such place of this organisation, or one that is no more.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("choose_ed", course, now)
        place = None
        if place_id is not None:
            standing = CarePlace.objects.filter(organisation_id=course.organisation_id, ended_at__isnull=True)
            place = standing.filter(pk=place_id, kind=CarePlace.Kind.ED).first()
            if place is None:
                raise RefusedError("There is no such emergency department.", code="no_such_place", path="place")
        EmergencyDestination.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            place=place,
            chosen_at=_after_the_last(course, now),
            chosen_by=by.user,
        )
        return place


def _after_the_last(course: Course, now: datetime) -> datetime:
    """The last choice counts, also by a clock that was set back, and of two at one instant the later one."""
    last = course.emergency_destinations.order_by("-chosen_at").values_list("chosen_at", flat=True).first()
    return now if last is None or last < now else last + timedelta(microseconds=1)


def send_packet(
    course_id: UUID, *, key: UUID, by: Actor, alert_id: UUID | None = None, now: datetime | None = None
) -> EdPacket:
    """Send the packet to the department of the patient's plan, now. The same key again is the same packet.

    Args:
        key: of the form, so that a button that is pressed twice sends once.
        alert_id: the page from which it is sent.

    Raises:
        RefusedError: the course is over, or the plan names no emergency department; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("send_ed_packet", course, now)
        if course.ended_at is not None:
            raise RefusedError("NOT sent: this course is over. Phone the department yourself.", code="course_ended")
        if ed_packets.destination(course) is None:
            raise RefusedError(
                "NOT sent: the plan of this patient names no emergency department. Phone the department yourself.",
                code="no_destination",
            )
        alert = course.alerts.filter(pk=alert_id).first() if alert_id is not None else None
        return ed_packets.ask(course, EdPacket.Because.BY_HAND, now, key=f"by_hand:{key}", alert=alert, by=by.user)


def fax_went(course_id: UUID, packet_id: UUID, *, by: Actor, now: datetime | None = None) -> EdPacket:
    """Somebody has faxed the sheet, and the machine said that it went through.

    Raises:
        NotVisibleError: there is no such packet; RefusedError: it does not wait for a fax.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("send_ed_packet", course, now)
        packet = _of(course, packet_id)
        if packet.state == EdPacket.State.SENT:
            return packet
        if packet.state != EdPacket.State.FAX:
            raise RefusedError("This packet does not wait for a fax.", code="not_a_fax")
        packet.faxed_by = by.user
        _went(packet, "fax", "faxed", now, by=by)
        return packet


def fax_sheet(course_id: UUID, packet_id: UUID, *, by: Actor, now: datetime | None = None) -> EdPacket:
    """A packet whose sheet may be printed: its link still opens the page.

    Raises:
        NotVisibleError: there is no such packet, or its link is over.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("send_ed_packet", course, now)
        packet = _of(course, packet_id)
        link = packet.card.link if packet.card is not None else None
        if link is None or link.revoked_at is not None or link.expires_at <= now:
            raise NotVisibleError("There is no such packet.")
        return packet


def _of(course: Course, packet_id: UUID) -> EdPacket:
    related = ("place", "card__link")
    rows = EdPacket.objects.select_for_update(of=("self",)).select_related(*related).filter(course=course)
    packet = rows.filter(pk=packet_id).first()
    if packet is None:
        raise NotVisibleError("There is no such packet.")
    return packet


# --- for the watcher ----------------------------------------------------------------------------------------------------


def next_waiting(now: datetime) -> UUID | None:
    """The packet that has waited for longest to be made ready; None when none waits."""
    rows = EdPacket.objects.filter(ed_packets.waiting(now)).order_by("send_at", "id")
    return rows.values_list("pk", flat=True).first()


def hand_over(packet_id: UUID, now: datetime) -> bool:
    """Make a packet ready and hand it to the first channel; False when somebody else does. One transaction and no claim."""
    with transaction.atomic():
        rows = EdPacket.objects.filter(ed_packets.waiting(now), pk=packet_id)
        packet = rows.select_for_update(of=("self",), skip_locked=True).select_related("course__site").first()
        if packet is None:
            return False
        course = packet.course
        packet.place, packet.send_at = ed_packets.destination(course), None
        if now - packet.asked_at > emergency_data().packet.visit:
            _failed(packet, TOO_LATE, now)
            call_on_call(course, TROUBLE, UNSENT, TOO_LATE, now)
        elif packet.place is None:
            _failed(packet, NO_DESTINATION, now)
            if packet.because not in _PAGED:
                call_on_call(course, TROUBLE, UNSENT, NO_DESTINATION, now)
        else:
            lasts = emergency_data().packet.lasts
            packet.card = make_card(course, EmergencyCard.Kind.SENT, service("packet"), now, lasts=lasts)
            packet.state = EdPacket.State.AWAY
            packet.save()  # what goes out refers to it
            _next_channel(packet, now)
    return True


def put_off(packet_id: UUID, until: datetime, now: datetime) -> None:
    """A packet that could not be made ready is tried again later, and it alone; whoever is on call is asked to phone meanwhile."""
    EdPacket.objects.filter(pk=packet_id, state=EdPacket.State.WAITING).update(send_at=until)
    with transaction.atomic():
        course = EdPacket.objects.select_related("course__site").get(pk=packet_id).course
        if not course.alerts.filter(key=TROUBLE, closed_at__isnull=True).exists():
            call_on_call(course, TROUBLE, UNSENT, NOT_MADE, now)


def carried(dispatch: Dispatch, now: datetime) -> None:
    """What became of one channel: the packet has gone, or goes on to the next one. The caller holds the transaction."""
    if dispatch.ed_packet_id is None:
        return
    rows = EdPacket.objects.select_for_update(of=("self",)).select_related("course__site", "place", "card")
    packet = rows.get(pk=dispatch.ed_packet_id)
    if packet.state != EdPacket.State.AWAY or packet.channel != dispatch.channel:
        return
    if dispatch.state == Dispatch.State.SENT:
        _went(packet, dispatch.channel, "sent", now)
    elif dispatch.state == Dispatch.State.FAILED:
        packet.why = dispatch.why
        _next_channel(packet, now)


def _next_channel(packet: EdPacket, now: datetime) -> None:
    assert packet.place is not None
    tried = set(packet.dispatches.values_list("channel", flat=True))
    for name in CHANNELS:
        channel = channel_named(name)
        if name not in tried and getattr(packet.place, name) and channel is not None and channel.configured():
            packet.state, packet.channel = EdPacket.State.AWAY, name
            packet.save()
            _dispatch(packet, name, now)
            return
    if packet.place.fax:
        packet.state, packet.channel = EdPacket.State.FAX, "fax"
        packet.save()
        _note(packet, "not_sent", now, why=FAX_WAITS)
        _settle_notice(packet, Notice.State.FAILED, FAX_WAITS, now)
        call_on_call(packet.course, TROUBLE, "Fax the packet to the emergency department, or phone it", FAX_WAITS, now)
        return
    _failed(packet, packet.why or NO_WAY, now)
    call_on_call(packet.course, TROUBLE, UNSENT, packet.why, now)


def _dispatch(packet: EdPacket, channel: str, now: datetime) -> None:
    wake()
    course = packet.course
    Dispatch.objects.create(
        organisation_id=packet.organisation_id,
        course=course,
        whom=Dispatch.Whom.DEPARTMENT,
        ed_packet=packet,
        notice=packet.notice,
        kind="ed_packet",
        channel=channel,
        words=words_of(packet, now),
        forget=True,  # they hold the link
        idempotency_key=f"ed_packet:{packet.pk}:{channel}",
        created_at=now,
        send_at=now,
    )


def words_of(packet: EdPacket, now: datetime) -> str:
    """The whole message: no name, no reading, no drug."""
    assert packet.card is not None
    course = packet.course
    return emergency_data().packet.words.format(
        urgency=URGENCY_WORDS[Urgency.NOW.value],
        site=course.site.code if course.site is not None else "unknown",
        link=emergency_link(packet.card.key),
        number=number_to_call(course, now) or f"the number on {settings.HANDRAIL_BASE_URL}/e/",
    )


def _went(packet: EdPacket, channel: str, what: str, now: datetime, *, by: Actor | None = None) -> None:
    packet.state, packet.channel, packet.sent_at, packet.why = EdPacket.State.SENT, channel, now, ""
    packet.save()
    _note(packet, what, now, by=by)
    _settle_notice(packet, Notice.State.SENT, "", now)
    for alert in Alert.objects.filter(course=packet.course, key=TROUBLE, closed_at__isnull=True):
        note_closed(packet.course, ledger.close(alert, "the packet has gone", now), now)


def _failed(packet: EdPacket, why: str, now: datetime) -> None:
    packet.state, packet.why = EdPacket.State.FAILED, why
    packet.save()
    _note(packet, "not_sent", now, why=why)
    _settle_notice(packet, Notice.State.FAILED, why, now)


def _settle_notice(packet: EdPacket, state: str, why: str, now: datetime) -> None:
    if packet.notice_id is None:
        return
    sent = state == Notice.State.SENT
    Notice.objects.filter(pk=packet.notice_id).update(
        state=state, why=why, channel=packet.channel, sent_at=now if sent else None, send_at=None
    )


def _note(packet: EdPacket, what: str, now: datetime, *, why: str = "", by: Actor | None = None) -> None:
    payload: dict[str, Any] = {
        "packet": str(packet.pk),
        "what": what,
        "because": packet.because,
        "channel": packet.channel or None,
        "department": packet.place.name if packet.place is not None else None,
        "why": why or None,
    }
    write_shell_event(packet.course, "ed_packet_noted", payload, now, by=by)
