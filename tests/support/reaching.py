"""A fever at the hub, and a clinician on call whose phones stand in the programme: what the tests of the channels share."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import ContactPoint, Shift, User
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, checkin, dose, make_member, make_shift

FEVER_AT = MONDAY_0900 + timedelta(hours=2)
BASE = "https://handrail.example.org"


@dataclass
class Night:
    """The world, its fever, the people on call, and a watcher that looks when it is told to."""

    world: World
    time: Any
    on_call: User
    second: User
    watcher: Watcher

    @property
    def alert(self) -> Alert:
        return Alert.objects.order_by("opened_at").get(course=self.world.course, closed_at__isnull=True)

    def after(self, seconds: float) -> None:
        """Move the clock on, a second at a time as a watcher would see it, and look."""
        for _ in range(max(1, int(seconds))):
            self.time.advance(seconds=min(1, seconds))
            self.watcher.look()

    def page(self, channel: str = "sms", attempt: int = 0) -> Page:
        return Page.objects.get(channel=channel, attempt=attempt)


def make_point(user: User, channel: str = "sms", address: str = "+15550100199", **fields: Any) -> ContactPoint:
    defaults = {"verified_at": MONDAY_0900, "order": ContactPoint.objects.filter(user=user).count() + 1}
    return ContactPoint.objects.create(user=user, channel=channel, address=address, **{**defaults, **fields})


def make_night(time: Any, *, celsius: str = "38.4") -> Night:
    """A temperature of Monday 11:00; two people on the ladder. `celsius` below the fever limit opens nothing."""
    world = World()
    Shift.objects.exclude(step="nurse").delete()
    people = [make_member(world.alice.organisation, "on_call", f"Synthetic {name}") for name in ("First", "Second")]
    for step, user in zip(("first_on_call", "second_on_call", "attending"), (*people, people[1]), strict=True):
        make_shift(world.alice.organisation, step, user)
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    time.set(FEVER_AT)
    sent = checkin(at=FEVER_AT, temperature_c=celsius)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=FEVER_AT)
    return Night(world, time, people[0], people[1], Watcher())


def secrets_of(night: Night) -> list[str]:
    """What must stand in no message and no log line: names, numbers, the reading, the drug."""
    with everything():
        patient = night.world.course.patient
    named = [patient.given_name, patient.family_name, patient.phone, patient.mrn, "38.4", "teclistamab", "fever"]
    return [*named, night.on_call.name]
