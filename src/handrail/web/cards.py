"""What an emergency card shows: its QR code, the short code, the number to call, the medicine, and when it was printed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final

import segno
from django.conf import settings
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from handrail.actions.doors import doors_of
from handrail.actions.emergency import card_in_force, show_card
from handrail.actions.truth import number_to_call
from handrail.actions.words_doors import door_words
from handrail.alerts.places import emergency_link
from handrail.people.models import EmergencyCard, Organisation
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from handrail.rules.terms import say_instant, zone_named
from handrail.web.words import local_time

OPENINGS_SHOWN: Final = 10
LOOKED_AHEAD_DAYS: Final = 7
HOURS_LOOKED_AT: Final = (time(2), time(12))
"""A night and a day: a card is read at another hour than it was printed, and numbers may change with the hour."""
QUIET_ZONE: Final = 4
"""Modules of white around a code, as its standard asks."""


def qr_image(text: str) -> str:
    """A QR code as an image that stands in the page itself; correction level M."""
    return segno.make(text, error="m", micro=False).svg_data_uri(
        scale=4, border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True
    )


def qr_inline(text: str) -> SafeString:
    """The same as part of a page, for paper: what makes PDFs fetches nothing, not even from the page itself."""
    made = segno.make(text, error="m", micro=False)
    return mark_safe(made.svg_inline(scale=4, border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True))  # noqa: S308 (squares, and not a word)


def numbers_to_call(course: Course, now: datetime) -> list[str]:
    """Every number that is the one to call at some hour of the coming week, the one of now first. One of them is answered at every hour."""
    zone = zone_named(course.time_zone)
    today = now.astimezone(zone).date()
    hours = [
        datetime.combine(today + timedelta(days=day), hour, zone)
        for day in range(LOOKED_AHEAD_DAYS + 1)
        for hour in HOURS_LOOKED_AT
    ]
    found = [number_to_call(course, at) for at in (now, *(each for each in hours if each > now))]
    return list(dict.fromkeys(number for number in found if number))


def face(course: Course, card: EmergencyCard, now: datetime, *, names: bool) -> dict[str, Any]:
    """The two faces of a card."""
    shown = show_card(card)
    return {
        "drug": course.product,
        "who": course.patient.name if names else "",
        "synthetic": course.synthetic or course.organisation.mode == Organisation.Mode.DEMO,
        "general": emergency_data().general,
        "numbers": numbers_to_call(course, now),
        "qr": qr_image(emergency_link(shown.address_key)),
        "code": shown.code,
        "printed": say_instant(now, course.time_zone),
        "until": say_instant(card.link.expires_at, course.time_zone),
    }


def doors_on_paper(course: Course, now: datetime) -> dict[str, Any]:
    """The doors with their hours, in the patient's language: paper says nothing of "now"."""
    spoken = {code for code, _name in settings.LANGUAGES}
    language = next((code for code in (course.patient.language[:2],) if code in spoken), str(settings.LANGUAGE_CODE))
    clock_24h = course.patient.clock_24h
    with translation.override(language):
        doors = [door_words(each, now, course.time_zone, clock_24h=clock_24h) for each in doors_of(course, now)]
    return {"paper_doors": doors, "paper_language": language}


def card_on_phone(course: Course, now: datetime) -> dict[str, Any]:
    """What the patient's phone shows: the card that opens the page, if there is one, and who opened it."""
    card = card_in_force(course, now)
    openings = course.emergency_openings.order_by("-at", "-id")[:OPENINGS_SHOWN]
    return {
        "general": emergency_data().general,
        "card": face(course, card, now, names=True) if card is not None else None,
        "openings": [{"at": local_time(each.at, course.time_zone), "who": each.who} for each in openings],
    }
