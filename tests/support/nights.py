"""A fever in the night at a site whose house sits in another zone."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from handrail import clock
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.models import Organisation
from handrail.people.scope import everything
from tests.support.factories import World, checkin, dose

NEW_YORK = "America/New_York"
LATE = datetime(2026, 3, 3, 5, 40, tzinfo=UTC)
"""Monday 2 March 2026, 23:40 in Chicago; in New York it is Tuesday already."""


def fever_at(at: datetime, **fields) -> SimpleNamespace:
    """A course of a site in Chicago whose house sits in New York, and the page about a fever that is reported at that instant."""
    with clock.use(clock.FrozenClock(at)):
        world = World()
        with everything():
            Organisation.objects.filter(pk=world.alice.id).update(time_zone=NEW_YORK)
        course = world.make_course(now=at - timedelta(hours=20), **fields)
        given = dose("step_up_1", mg="4.8", at=at - timedelta(hours=16))
        record_event(course.pk, given, by=world.actor("alice"), now=at - timedelta(hours=16))
        receive_checkin(course.pk, checkin(at=at, temperature_c="38.4"), by=world.actor("alice"), now=at)
        with everything():
            Watcher().look()
            alert = Alert.objects.get(course=course, ladder="RED-3")
    return SimpleNamespace(world=world, course=course, alert=alert)
