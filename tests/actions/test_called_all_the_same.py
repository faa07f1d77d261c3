"""A report from home calls somebody whatever else is wrong: with the record, with a date, or with the way in which a rota is kept."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.checkins import receipt_of
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.links import issue_checkin_link
from handrail.alerts.lines import senders
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people import scope
from handrail.people.models import Shift
from handrail.records.models import Course, Event
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_shift, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=5)
PHONE = "+15550100123"


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    """A patient watched at home after a dose."""
    found = World()
    given = dose("step_up_1", at=MONDAY_0900, mg="4.2")
    record_event(found.course.pk, given, by=found.actor("alice"), now=MONDAY_0900)
    return found


def reports(world: World):
    told = receive_checkin(world.course.pk, checkin(at=NOW, temperature_c="38.9"), by=world.actor("alice"), now=NOW)
    Watcher().look()
    return told


def paged() -> list[tuple[str, str]]:
    pages = Page.objects.filter(channel="on_screen", state="sent").order_by("created_at", "attempt")
    return [(page.alert.ladder, page.user.name) for page in pages.select_related("alert", "user")]


# --- the record -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("home_status", {"location": "home", "written_by_a_newer_version": True}),
        ("note_added", {"written_by_a_newer_version": True}),
    ],
    ids=["of what says who answers", "of anything else"],
)
def test_a_row_that_cannot_be_read_loses_no_report_and_somebody_is_called(world, kind, payload):
    """A version that was rolled back over night finds what the newer one wrote."""
    course = Course.objects.get(pk=world.course.pk)
    link = issue_checkin_link(course.pk, by=world.actor("alice"), lasts=timedelta(days=2), now=NOW).link
    Event.objects.create(
        id=uuid4(),
        organisation_id=course.organisation_id,
        course=course,
        kind=kind,
        payload=payload,
        occurred_at=MONDAY_0900,
        recorded_at=MONDAY_0900,
        zone=course.time_zone,
        role="staff",
        by="1",
    )
    told = reports(world)
    assert course.events.filter(kind="checkin_received", id=told.event.id).exists()
    assert paged() == [("AMBER", world.alice.on_call.name)]
    assert "The clinician on call is being called." in receipt_of(link, told.event.id, now=NOW).truth
    Watcher().look()
    course.refresh_from_db()
    assert course.look_again_at <= NOW + timedelta(minutes=5)


# --- a date -----------------------------------------------------------------------------------------------------------------


def test_an_end_that_is_dated_later_ends_nothing_before_its_time(world, time):
    ends = NOW + timedelta(hours=6)
    planned = event("course_ended", at=ends, because="completed")
    record_event(world.course.pk, planned, by=world.actor("alice", "oncologist"), now=NOW)
    assert Course.objects.get(pk=world.course.pk).ended_at is None
    with scope.everything():
        assert [each.course.pk for each in senders(PHONE)] == [world.course.pk]
    reports(world)
    assert paged() == [("RED-3", world.alice.on_call.name)]
    time.set(ends)
    Watcher().look()
    assert Course.objects.get(pk=world.course.pk).ended_at == ends


def test_the_end_of_a_course_is_no_answer_of_a_patient_who_is_silent(world, time):
    """Nothing came since the dose: whoever ends the course by then, the pages go on until somebody hears from the patient."""
    Watcher().look()
    assert {ladder for ladder, _ in paged()} == {"AMBER", "RED-3"}
    over = event("course_ended", at=NOW, because="another treatment", died=False)
    record_event(world.course.pk, over, by=world.actor("alice", "oncologist"), now=NOW)
    before = len(paged())
    time.set(NOW + timedelta(minutes=5))
    Watcher().look()
    assert len(paged()) > before, "nobody has it: the ladder goes on"
    open_ones = Alert.objects.filter(closed_at__isnull=True)
    assert {alert.ladder for alert in open_ones} == {"AMBER", "RED-3"}
    heard = event("contact_made", at=clock.now(), reached=True, outcome="staying_home", **{"with": "patient"})
    record_event(world.course.pk, heard, by=world.actor("alice"), now=clock.now())
    assert not open_ones.all().exists()


# --- the rota of a partner --------------------------------------------------------------------------------------------------


def bob_answers(world: World) -> None:
    accepted = {"to_party": str(world.bob.id), "accepted_by": str(world.bob.oncologist.pk)}
    moved = event("accountability_moved", at=NOW, **accepted)
    record_event(world.course.pk, moved, by=world.actor("alice", "oncologist"), now=NOW)
    Shift.objects.filter(organisation=world.bob.organisation).delete()
    make_shift(world.bob.organisation, "first_on_call", world.bob.on_call, site=world.bob.site)


def test_a_partner_with_one_site_is_called_on_the_rota_of_that_site(world):
    bob_answers(world)
    told = reports(world)
    assert paged() == [("RED-3", world.bob.on_call.name)]
    assert "The clinician on call is being called." in told.truth


def test_of_several_sites_of_a_partner_none_is_guessed_and_the_patient_is_told(world):
    bob_answers(world)
    make_site(world.bob.organisation)
    told = reports(world)
    assert paged() == []
    assert "NOBODY could be reached from here." in told.truth


def test_the_number_is_still_that_of_the_partner(world):
    """The number of a site is that of the site of the course, and of no other."""
    bob_answers(world)
    Shift.objects.all().delete()
    assert "555-0100" in reports(world).truth
