"""A call about a patient in hospital that nobody made pages by itself, whoever is asleep, and goes on until somebody there was reached."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.stays import Admission, HubCall, Named, make_hub_call, note_admission
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, fill_ladder

pytestmark = pytest.mark.django_db
ADMITTED = MONDAY_0900 + timedelta(hours=1)
"""10:00 on Monday by the patient's clock; the first call is due at 14:00 and missed at 15:00."""
MISSED = ADMITTED + timedelta(hours=5)


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(ADMITTED)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    """A patient in hospital, and somebody on each step of the ladder."""
    world = World()
    fill_ladder(world.alice.organisation)
    note_admission(
        world.course.pk,
        Admission(place="County Hospital", admitted_at=ADMITTED),
        event_id=uuid4(),
        by=world.actor("alice"),
        now=ADMITTED,
    )
    return world


def calls() -> list[str]:
    """Whom the open alerts about the call have paged, in order."""
    pages = Page.objects.filter(alert__key__startswith="inpatient:").exclude(channel="email")
    return list(pages.order_by("created_at", "attempt").values_list("who", flat=True))


def test_a_missed_call_pages_and_climbs_the_ladder_until_somebody_was_reached(world, time):
    watcher = Watcher()
    for at in (MISSED - timedelta(hours=1), MISSED - timedelta(microseconds=1)):
        time.set(at)
        watcher.look()
        assert calls() == []
    for minutes, called in ((0, 1), (15, 2), (30, 3), (45, 4)):
        time.set(MISSED + timedelta(minutes=minutes))
        watcher.look()
        assert len(calls()) == called
    assert calls() == ["first_on_call", "second_on_call", "attending", "first_on_call"]
    alert = Alert.objects.get(key="inpatient:hub_call:2026-03-02")
    assert (alert.ladder, alert.closed_at) == ("AMBER", None)
    later = MISSED + timedelta(minutes=50)
    time.set(later)
    call = HubCall(reached=True, whom=Named(role="hospitalist"), outcome="no fever since noon")
    make_hub_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice"), now=later)
    time.set(later + timedelta(hours=2))
    watcher.look()
    alert.refresh_from_db()
    assert alert.closed_at == later and len(calls()) == 4


def test_the_next_day_pages_anew_although_somebody_had_the_page_of_the_first(world, time):
    watcher = Watcher()
    time.set(MISSED)
    watcher.look()
    first = Alert.objects.get(key="inpatient:hub_call:2026-03-02")
    first.acknowledged_at, first.acknowledged_by, first.next_page_at = MISSED, world.alice.on_call, None
    first.save()
    tuesday = MISSED + timedelta(hours=20)  # 11:00: that of 10:00 is missed
    time.set(tuesday - timedelta(microseconds=1))
    watcher.look()
    assert len(calls()) == 1
    time.set(tuesday)
    watcher.look()
    again = Alert.objects.get(key="inpatient:hub_call:2026-03-03")
    assert again.closed_at is None and len(calls()) == 2
    first.refresh_from_db()
    assert first.closed_at is None, "a missed call never closes by itself"
    assert Course.objects.get().look_again_at > tuesday
