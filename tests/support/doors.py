"""Places of Alice's organisation with their hours."""

from datetime import datetime
from typing import Any

from handrail.actions.care_places import PlaceDraft, add_place
from handrail.actions.doors import HoursDraft, set_hours
from handrail.people.models import CarePlace
from tests.support.factories import World

WEEKDAYS = (*["08:00-17:00"] * 5, "closed", "closed")
ALWAYS = ("00:00-24:00",) * 7


def door(world: World, kind: str, name: str, **fields: Any) -> CarePlace:
    """A place that patients are told of; nobody has written its hours down."""
    draft = PlaceDraft(kind=kind, name=name, **{"number": "555-0188", "address": "2 Example Street", **fields})
    return add_place(world.alice.id, draft, by=world.actor("alice", "director"))


def open_week(
    world: World,
    place: CarePlace,
    week: tuple[str, ...],
    *,
    holiday: str = "closed",
    duty: str = "",
    zone: str = "UTC",
    now: datetime | None = None,
) -> None:
    """Write its hours down, by the clock of that zone."""
    draft = HoursDraft(zone=zone, week=week, holiday=holiday, duty=duty)
    set_hours(place.pk, draft, by=world.actor("alice", "director"), now=now)
