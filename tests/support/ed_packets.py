"""The packet for the emergency department in the night after a dose: sent, reported, and what the record says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from handrail import clock
from handrail.actions.ed_packets import send_packet
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import EdPacket
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from tests.support.ed import MAIL
from tests.support.factories import MONDAY_0900, World, checkin, dose
from tests.support.mail import MailServer

NOW = MONDAY_0900 + timedelta(hours=17, minutes=14)
"""At night, 17 hours after the first dose."""


@contextmanager
def night_after_a_dose() -> Iterator[World]:
    """A world whose patient was given the first dose on Monday morning; `world.time` is its clock, which stands at `NOW`."""
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        given = dose("step_up_1", at=MONDAY_0900, mg="4.2")
        record_event(world.course.pk, given, by=world.actor("alice"), now=MONDAY_0900)
        frozen.set(NOW)
        world.time = frozen
        yield world


def mails(mail: MailServer) -> list[str]:
    """What arrived at the department."""
    return [each.body for each in mail.arrived if each.to == (MAIL,)]


def send(world: World, **more: Any) -> EdPacket:
    return send_packet(world.course.pk, key=more.pop("key", uuid4()), by=world.actor("alice"), **more)


def reports(world: World, **fields: Any) -> None:
    at = clock.now()
    receive_checkin(world.course.pk, checkin(at=at, **fields), by=world.actor("alice"), now=at)


def packets(world: World) -> list[EdPacket]:
    with everything():
        return list(EdPacket.objects.filter(course=world.course).order_by("asked_at", "id"))


def later(world: World, **span: float) -> None:
    world.time.advance(**span)
    Watcher().look()


def told(world: World) -> list[tuple[str, str]]:
    """What the record says about the packet: what, and by which channel."""
    rows = world.course.events.filter(kind="ed_packet_noted").order_by("recorded_at")
    return [(row.payload["what"], row.payload.get("channel", "")) for row in rows]
