"""Asking for the packet to the emergency department: the row is written in the transaction of whoever decides, and sent by the watcher.

By itself it is sent once per visit: the ladder goes round again, other reports follow, and the department is not sent one link after
another. A visit lasts from the packet on until the patient is at home again, and not longer than the emergency file says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import Q

from handrail.alerts.models import Alert, EdPacket, Notice
from handrail.alerts.wake import wake
from handrail.people.models import CarePlace, User
from handrail.records.models import Course, Event
from handrail.rules.emergency import emergency_data
from handrail.rules.history import History
from handrail.rules.terms import Ladder
from handrail.rules.watch import IN_CARE

AT_HOME: Final = ("home", "lodging")
REPORT: Final = "report:"
"""How the keys of pages about what was reported begin."""


def destination(course: Course) -> CarePlace | None:
    """The emergency department that the plan of a patient names; None: nobody has chosen one, or that place is no more."""
    last = course.emergency_destinations.select_related("place").order_by("-chosen_at", "-id").first()
    place = last.place if last is not None else None
    return place if place is not None and place.ended_at is None else None


def of_this_visit(course: Course, now: datetime) -> EdPacket | None:
    """The packet that stands for the visit of now; None when none does. One that could not be sent stands for nothing."""
    oldest = now - emergency_data().packet.visit
    # One that was asked for by a clock that ran ahead says nothing about today: twice is better than never.
    asked = course.ed_packets.filter(asked_at__gt=oldest, asked_at__lte=now)
    last = asked.exclude(state=EdPacket.State.FAILED).order_by("-asked_at", "-id").first()
    if last is None:
        return None
    home = course.events.filter(kind="home_status", payload__location__in=AT_HOME, occurred_at__gt=last.asked_at)
    return None if home.exists() else last


def in_care(history: History) -> bool:
    """Whether the last word of where the patient is that stands says: in a hospital or an emergency department."""
    located = [event for event in history.of("home_status") if event.body.location or "location" in event.nulls]
    return bool(located) and located[-1].body.location in IN_CARE


def ask(
    course: Course,
    because: str,
    now: datetime,
    *,
    key: str,
    alert: Alert | None = None,
    notice: Notice | None = None,
    by: User | None = None,
) -> EdPacket:
    """Write down that a packet is to leave. The same key again: the same packet. The caller holds the transaction."""
    wake()
    packet, _ = EdPacket.objects.get_or_create(
        organisation_id=course.organisation_id,
        idempotency_key=key,
        defaults={
            "course": course,
            "because": because,
            "alert": alert,
            "notice": notice,
            "asked_at": now,
            "asked_by": by,
            "send_at": now,
        },
    )
    return packet


def ask_for_red(course: Course, opened: tuple[Alert, ...], history: History, now: datetime) -> EdPacket | None:
    """A report from home sends the patient to the emergency department at once: so goes the packet, once per visit."""
    ladders = emergency_data().packet.push_ladders
    red = [alert for alert in opened if alert.key.startswith(REPORT) and Ladder(alert.ladder) in ladders]
    if not red or of_this_visit(course, now) is not None or in_care(history):
        return None
    return ask(course, EdPacket.Because.RED, now, key=f"red:{red[0].pk}", alert=red[0])


def ask_for_sent(course: Course, call: Event, now: datetime) -> EdPacket | None:
    """Somebody told the patient by phone to go there; a call of long ago, written down or imported today, announces nobody."""
    if now - call.occurred_at > emergency_data().packet.visit or of_this_visit(course, now) is not None:
        return None
    return ask(course, EdPacket.Because.SENT_TO_ED, now, key=f"call:{call.pk}")


def waiting(now: datetime) -> Q:
    """What a watcher makes ready."""
    return Q(state=EdPacket.State.WAITING, send_at__lte=now)
