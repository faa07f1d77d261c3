"""What became of the packets for the emergency department, in words that are true, and where the next one would go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from handrail.actions.emergency import opens_page
from handrail.alerts import ed_packets
from handrail.alerts.models import EdPacket
from handrail.people.models import CarePlace, EmergencyCard, EmergencyOpening
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from handrail.web.words import local_time

SHOWN: Final = 5
_READ_OUT: Final = frozenset({"send_ed_packet", "acknowledge"})
"""Who may read the code out on the phone: nobody else sees it."""
BY_WORDS: Final = {"email": "by e-mail", "webhook": "by webhook", "fax": "by fax"}


def packet_context(course: Course, now: datetime, verbs: frozenset[str] | set[str]) -> dict[str, Any]:
    """The part of a page about the packet: where it goes, what was sent, and whether anybody has opened the emergency page."""
    place = ed_packets.destination(course)
    reads_out = not _READ_OUT.isdisjoint(verbs)
    rows = course.ed_packets.select_related("place", "card__link", "asked_by", "faxed_by").order_by("-asked_at", "-id")
    packets = list(rows[:SHOWN])
    openings = _openings(course, packets)
    return {
        "ed_place": _place(place) if place is not None else None,
        "ed_rows": [_row(each, place, openings, now, reads_out=reads_out) for each in packets],
        "ed_key": str(_key(course, packets)),
        "may_send_packet": "send_ed_packet" in verbs and course.ended_at is None,
        "may_choose_ed": "choose_ed" in verbs and course.ended_at is None,
    }


def _key(course: Course, packets: list[EdPacket]) -> UUID:
    """Of the form, as long as nothing else was sent: a button pressed twice, also on a page that was renewed, sends once."""
    return uuid5(course.pk, str(packets[0].pk) if packets else "first")


def _place(place: CarePlace) -> dict[str, Any]:
    ways = [words for name, words in BY_WORDS.items() if getattr(place, name)]
    return {
        "id": str(place.pk),
        "name": place.name,
        "address": place.address,
        "number": place.number,
        "ways": ", then ".join(ways),
    }


def _openings(course: Course, packets: list[EdPacket]) -> list[EmergencyOpening]:
    """The openings since the oldest of these packets, oldest first."""
    if not packets:
        return []
    later = course.emergency_openings.filter(at__gte=packets[-1].asked_at)
    return list(later.select_related("card").order_by("at", "id"))


def _row(
    packet: EdPacket, plan: CarePlace | None, openings: list[EmergencyOpening], now: datetime, *, reads_out: bool
) -> dict[str, Any]:
    zone, to_phone = packet.course.time_zone, packet.place or plan
    opened = opened_words(packet, openings, zone)
    # What is still being sent after that time has not arrived either: nobody waits for it.
    late = not opened and now - (packet.sent_at or packet.asked_at) >= emergency_data().packet.unopened
    opens = packet.card is not None and opens_page(packet.card, now)
    return {
        "id": str(packet.pk),
        "at": local_time(packet.asked_at, zone),
        "state": state_words(packet, zone),
        "opened": opened or ("not yet opened" if packet.state == EdPacket.State.SENT else ""),
        "tone": "good" if opened else "now" if packet.state in _NOT_SENT or late else "soon",
        "phone_it": late or packet.state in _NOT_SENT,
        "to": packet.place.name if packet.place is not None else "",
        "number": to_phone.number if to_phone is not None else "",
        "because": _because(packet),
        "code": packet.card.code if packet.card is not None and opens and reads_out else "",
        "over": packet.card is not None and not opens,
        "fax": packet.place.fax if packet.place is not None and opens else "",
        "fax_waits": packet.state == EdPacket.State.FAX,
    }


_NOT_SENT: Final = (EdPacket.State.FAILED, EdPacket.State.FAX)


def state_words(packet: EdPacket, zone: str) -> str:
    """How far a packet got: `sent 02:13 by e-mail`."""
    by = BY_WORDS.get(packet.channel, "")
    if packet.state == EdPacket.State.SENT and packet.sent_at is not None:
        return f"sent {local_time(packet.sent_at, zone)} {by}".strip()
    if packet.state == EdPacket.State.FAX:
        return "NOT sent yet: print the fax sheet and fax it"
    if packet.state == EdPacket.State.FAILED:
        return f"NOT sent: {packet.why}"
    return f"being sent {by}".strip()


def opened_words(packet: EdPacket, openings: list[EmergencyOpening], zone: str) -> str:
    """`opened 02:20`, by whom as they say, and how: by the link that was sent, or by the patient's own card.

    The link of another packet is another department's, and says nothing about this one.
    """
    later = [each for each in openings if each.at >= packet.asked_at]
    by_link = next((each for each in later if each.card_id == packet.card_id), None)
    first = by_link or next((each for each in later if each.card.kind == EmergencyCard.Kind.WALLET), None)
    if first is None:
        return ""
    who = f" by “{first.who}”" if first.who else ""
    return f"opened {local_time(first.at, zone)}{who}{'' if by_link else ' with the patient’s card'}"


def _because(packet: EdPacket) -> str:
    if packet.because == EdPacket.Because.BY_HAND and packet.asked_by is not None:
        return f"{packet.asked_by.name} sent it"
    return EdPacket.Because(packet.because).label
