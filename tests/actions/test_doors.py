"""The hours of places: who writes them down, that the last word counts, and which doors a patient is told of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handrail import clock
from handrail.actions.care_places import PlaceDraft, add_place, end_place
from handrail.actions.doors import HoursDraft, days_apart, door_of, doors_of, set_day, set_hours, take_day_back
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people.models import CarePlace, Holiday, PlaceDay, PlaceHours, Shift
from handrail.people.scope import everything
from handrail.rules.doors import AS_USUAL, DoorState
from tests.support.doors import ALWAYS, WEEKDAYS, door, open_week
from tests.support.ed import make_place, named
from tests.support.factories import MONDAY_0900, World, make_site

pytestmark = pytest.mark.django_db
OPEN, CLOSED, NOT_KNOWN = DoorState.OPEN, DoorState.CLOSED, DoorState.NOT_KNOWN
TUESDAY = date(2026, 3, 3)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield World()


def chief(world: World) -> Any:
    return world.actor("alice", "director")


def state(place: CarePlace, at: datetime) -> DoorState:
    return door_of(place, at).now.state


def test_a_place_without_hours_is_not_known_and_with_hours_it_is_open(world):
    place = door(world, "clinic", "Hub clinic")
    assert (state(place, MONDAY_0900), door_of(place, MONDAY_0900).written_at) == (NOT_KNOWN, None)
    open_week(world, place, WEEKDAYS)
    found = door_of(place, MONDAY_0900)
    assert (found.now.state, found.written_at) == (OPEN, MONDAY_0900)
    assert state(place, MONDAY_0900 + timedelta(hours=12)) is CLOSED


def test_the_last_hours_count_also_by_a_clock_that_was_set_back(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS)
    open_week(world, place, ("closed",) * 7, now=MONDAY_0900 - timedelta(days=1))
    assert state(place, MONDAY_0900) is CLOSED
    with everything():
        assert PlaceHours.objects.filter(place=place).count() == 2


def test_one_day_wins_until_it_is_taken_back(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS)
    tuesday = MONDAY_0900 + timedelta(days=1)
    assert state(place, tuesday) is OPEN
    set_day(place.pk, on=TUESDAY, hours="closed", why="water", by=chief(world))
    assert state(place, tuesday) is CLOSED
    assert [(on, day.hours, day.why) for on, day in days_apart(place).items()] == [(TUESDAY, "closed", "water")]
    set_day(place.pk, on=TUESDAY, hours="", by=chief(world))
    assert state(place, tuesday) is NOT_KNOWN
    take_day_back(place.pk, on=TUESDAY, by=chief(world))
    assert state(place, tuesday) is OPEN and days_apart(place) == {}
    with pytest.raises(NotVisibleError):
        take_day_back(place.pk, on=TUESDAY, by=chief(world))
    with everything():
        assert PlaceDay.objects.filter(place=place).count() == 3


def test_a_holiday_of_the_rota_changes_the_hours(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS, holiday="")
    tuesday = MONDAY_0900 + timedelta(days=1)
    with everything():
        holiday = Holiday.objects.create(organisation=world.alice.organisation, on=TUESDAY, name="Test day")
    assert state(place, tuesday) is NOT_KNOWN
    open_week(world, place, WEEKDAYS, holiday="closed")
    assert state(place, tuesday) is CLOSED
    set_day(place.pk, on=TUESDAY, hours=AS_USUAL, by=chief(world))
    assert state(place, tuesday) is OPEN
    take_day_back(place.pk, on=TUESDAY, by=chief(world))
    open_week(world, place, WEEKDAYS, holiday=AS_USUAL)
    assert state(place, tuesday) is OPEN
    open_week(world, place, WEEKDAYS, holiday="closed")
    with everything():
        other = make_site(world.alice.organisation, code="other")
        Holiday.objects.filter(pk=holiday.pk).update(site=other)
    assert state(place, tuesday) is CLOSED, "of every site: one of them may be closed"
    here = door(world, "clinic", "Own clinic", site=world.alice.site.pk)
    open_week(world, here, WEEKDAYS)
    assert state(here, tuesday) is OPEN, "a holiday of another site says nothing"


def test_a_door_that_follows_the_rota_is_open_while_somebody_is_on(world):
    place = door(world, "clinic", "Hub clinic", site=world.alice.site.pk)
    open_week(world, place, WEEKDAYS, duty="nurse")
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation, step="nurse").delete()
    found = door_of(place, MONDAY_0900).now
    assert (found.state, found.nobody_on, found.opens_at) == (CLOSED, True, None)
    with everything():
        Shift.objects.create(
            organisation=world.alice.organisation,
            site=world.alice.site,
            step="nurse",
            user=world.alice.nurse,
            starts_at=MONDAY_0900 - timedelta(minutes=5),
            ends_at=MONDAY_0900 + timedelta(minutes=30),
        )
    found = door_of(place, MONDAY_0900).now
    assert (found.state, found.until) == (OPEN, MONDAY_0900 + timedelta(minutes=30))


def test_the_doors_of_a_patient(world):
    def doors(*, only_ed: bool = False) -> list[str]:
        return [each.place.name for each in doors_of(world.course, MONDAY_0900, only_ed=only_ed)]

    with everything():
        assert doors() == []
    make_place(world, name="Other ED")  # of the organisation, and not of the plan: never guessed
    named(world)
    door(world, "urgent_care", "Evening care")
    door(world, "clinic", "Hub clinic", site=world.alice.site.pk)
    gone = door(world, "clinic", "Gone clinic")
    end_place(gone.pk, by=chief(world))
    with everything():
        other = make_site(world.alice.organisation, code="other")
    door(world, "clinic", "Far clinic", site=other.pk)
    with everything():
        assert doors() == ["Hub clinic", "Evening care", "County ED"]
        assert doors(only_ed=True) == ["County ED"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"zone": "Mars/Olympus"}, "zone"),
    ({"zone": ""}, "zone"),
    ({"week": ("8 to 5", *WEEKDAYS[1:])}, "day_0"),
    ({"week": (*WEEKDAYS[:6], "08:00-08:00")}, "day_6"),
    ({"week": WEEKDAYS[:6]}, "day_0"),
    ({"holiday": "perhaps"}, "holiday"),
    ({"duty": "director"}, "duty"),
    ({"week": (", ".join(f"{hour:02d}:00-{hour:02d}:30" for hour in range(12)), *WEEKDAYS[1:])}, "day_0"),
]


@pytest.mark.parametrize(("wrong", "path"), REFUSED)
def test_hours_that_cannot_be_read_are_refused_and_nothing_is_kept(world, wrong, path):
    place = door(world, "clinic", "Hub clinic")
    draft = HoursDraft(**{"zone": "UTC", "week": WEEKDAYS, "holiday": "closed", **wrong})
    with pytest.raises(RefusedError) as error:
        set_hours(place.pk, draft, by=chief(world))
    assert error.value.path == path
    with everything():
        assert not PlaceHours.objects.exists()


def test_a_day_that_is_over_or_cannot_be_read_is_refused(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS)
    for on, hours, path in ((date(2026, 3, 1), "closed", "on"), (TUESDAY, "noon", "hours")):
        with pytest.raises(RefusedError) as error:
            set_day(place.pk, on=on, hours=hours, by=chief(world))
        assert error.value.path == path
    set_day(place.pk, on=date(2026, 3, 2), hours="closed", by=chief(world))


def test_only_whoever_manages_the_place_writes_its_hours(world):
    place = door(world, "clinic", "Hub clinic")
    draft = HoursDraft(zone="UTC", week=WEEKDAYS)
    verbs = (
        lambda by: set_hours(place.pk, draft, by=by),
        lambda by: set_day(place.pk, on=TUESDAY, hours="closed", by=by),
        lambda by: take_day_back(place.pk, on=TUESDAY, by=by),
    )
    for verb in verbs:
        with pytest.raises(NotAllowedError):
            verb(world.actor("alice", "nurse"))
        with pytest.raises(NotVisibleError):
            verb(world.actor("charlie", "director"))
    end_place(place.pk, by=chief(world))
    with pytest.raises(NotVisibleError):
        set_hours(place.pk, draft, by=chief(world))


def test_a_zone_that_is_gone_makes_the_hours_not_known(world):
    place = door(world, "clinic", "Hub clinic")
    with everything():
        PlaceHours.objects.create(
            organisation=place.organisation, place=place, zone="Gone/Zone", week=list(ALWAYS), holiday=AS_USUAL
        )
    assert state(place, datetime(2026, 3, 3, 12, tzinfo=UTC)) is NOT_KNOWN


@pytest.mark.parametrize(("fields", "path"), [({"kind": "pharmacy"}, "kind"), ({"address": " "}, "address")])
def test_a_door_has_a_kind_and_an_address(world, fields, path):
    draft = PlaceDraft(**{"name": "A", "number": "1", "address": "1 Street", "kind": "clinic", **fields})
    with pytest.raises(RefusedError) as error:
        add_place(world.alice.id, draft, by=chief(world))
    assert error.value.path == path
