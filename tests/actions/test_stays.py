"""The verbs of a stay in hospital: what they record, what they refuse, and where names and numbers stand."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from handrail.actions.actor import Actor
from handrail.actions.answering import acknowledge
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.stays import (
    Admission,
    DayPlan,
    HubCall,
    Named,
    make_hub_call,
    note_admission,
    note_discharge,
    write_plan,
)
from handrail.alerts.models import Alert
from handrail.records.models import StayPerson
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=13)
"""22:00 by the patient's clock."""
DOCTOR = Named(role="hospitalist", name="Synthetic Hospitalist", phone="+15550100177")
SECRETS = ("Synthetic Hospitalist", "15550100177", "Synthetic Hematologist")
IN_HOSPITAL = Admission(place="County Hospital", service="medicine", hospitalist=DOCTOR, admitted_at=NOW)
MISSED = NOW + timedelta(hours=5)
"""The first call is due after four hours; an hour later it is missed."""


@pytest.fixture
def world():
    return World()


def admitted(world: World) -> None:
    note_admission(world.course.pk, IN_HOSPITAL, event_id=uuid4(), by=world.actor("alice"), now=NOW)


def kinds(world: World) -> list[str]:
    stay = ("admission_noted", "admission_plan_written", "hub_call_made", "discharge_noted", "home_status")
    return list(
        world.course.events.filter(kind__in=stay).order_by("recorded_at", "kind").values_list("kind", flat=True)
    )


def test_an_admission_pauses_the_home_clocks_and_starts_the_calls(world):
    done = note_admission(world.course.pk, IN_HOSPITAL, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    assert kinds(world) == ["admission_noted", "home_status"]
    assert world.course.events.get(kind="home_status").site == "County Hospital"
    assert done.assessment is not None
    assert [task.by for task in done.assessment.tasks if "in hospital" in task.what] == [NOW + timedelta(hours=4)]


def test_names_and_numbers_stand_encrypted_beside_the_events(world):
    admitted(world)
    plan = DayPlan(
        for_day=NOW.date(), lines=("watch", " "), decides=Named(role="hematologist", name="Synthetic Hematologist")
    )
    write_plan(world.course.pk, plan, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    call = HubCall(reached=True, whom=DOCTOR, outcome="stays")
    make_hub_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    written = json.dumps([[e.payload, e.site, e.reason] for e in world.course.events.all()])
    assert not [each for each in SECRETS if each in written or each in repr(DOCTOR)]
    person = StayPerson.objects.get(pk=world.course.events.get(kind="admission_noted").payload["hospitalist"])
    assert (person.name, person.role, person.phone) == ("Synthetic Hospitalist", "hospitalist", "+15550100177")
    assert person.entered_by == world.alice.nurse and "Synthetic" not in str(person)
    decided = world.course.events.get(kind="admission_plan_written").payload
    assert decided["lines"] == ["watch"] and decided["decides_role"] == "hematologist"
    assert StayPerson.objects.get(pk=decided["decides_person"]).name == "Synthetic Hematologist"


def test_sent_twice_is_written_once(world):
    event_id = uuid4()
    for _ in range(2):
        note_admission(world.course.pk, IN_HOSPITAL, event_id=event_id, by=world.actor("alice"), now=NOW)
    assert kinds(world) == ["admission_noted", "home_status"] and StayPerson.objects.count() == 1


def test_a_plan_that_names_nobody_says_that_it_is_not_known(world):
    admitted(world)
    plan = DayPlan(for_day=NOW.date(), lines=("watch",))
    done = write_plan(world.course.pk, plan, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    assert done.assessment is not None
    assert "admission_plan_written.decides_role" in {each.missing for each in done.assessment.cannot_say}
    assert [f.what for f in done.assessment.findings if f.rule == "inpatient"] == [
        "Who decides the next dose of a patient in hospital is not known"
    ]


def test_a_missed_call_pages_until_one_reaches_somebody(world):
    admitted(world)
    assert not Alert.objects.filter(key__startswith="inpatient:").exists()
    nobody = HubCall(reached=False, outcome="no answer at the ward")
    make_hub_call(world.course.pk, nobody, event_id=uuid4(), by=world.actor("alice"), now=MISSED)
    assert Alert.objects.get(key__startswith="inpatient:").closed_at is None
    later = MISSED + timedelta(minutes=5)
    reached = HubCall(reached=True, whom=Named(role="hospitalist"), outcome="no fever, stays")
    make_hub_call(world.course.pk, reached, event_id=uuid4(), by=world.actor("alice"), now=later)
    assert Alert.objects.get(key__startswith="inpatient:").closed_at == later


@pytest.mark.parametrize(("reached", "waits"), [(False, False), (True, True)])
def test_a_call_that_reached_nobody_lets_the_page_go_on_that_somebody_had(world, reached, waits):
    admitted(world)
    nobody = HubCall(reached=False)
    make_hub_call(world.course.pk, nobody, event_id=uuid4(), by=world.actor("alice"), now=MISSED)
    alert = Alert.objects.get(key__startswith="inpatient:")
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=MISSED)
    other = world.course.alerts.create(
        organisation=world.course.organisation,
        key="report:AMBER:x",
        ladder="AMBER",
        urgency="soon",
        steps=[],
        opened_at=NOW,
        acknowledged_at=NOW,
        acknowledged_by=world.alice.nurse,
    )
    later = MISSED + timedelta(minutes=5)
    call = HubCall(reached=reached, whom=Named(role="nurse"), outcome="stays")
    make_hub_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice"), now=later)
    alert.refresh_from_db()
    assert (alert.acknowledged_at is not None, alert.closed_at is not None) == (waits, reached)
    assert alert.next_page_at == (None if reached else later)
    other.refresh_from_db()
    assert other.acknowledged_at == NOW, "it is about something else"


@pytest.mark.parametrize(("to", "home"), [("home", "home"), ("lodging", "lodging"), ("facility", None)])
def test_a_discharge_ends_the_calls_and_says_where_the_patient_is(world, to, home):
    admitted(world)
    done = note_discharge(world.course.pk, MISSED, to, event_id=uuid4(), by=world.actor("alice"), now=MISSED)
    assert done.assessment is not None and not [p for p in done.assessment.pages if p.key.startswith("inpatient:")]
    places = [e.payload["location"] for e in world.course.events.filter(kind="home_status").order_by("occurred_at")]
    assert places == ["hospital", home] if home else ["hospital"]


FUTURE = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("verb", "what", "path"),
    [
        (note_admission, Admission(place=" ", admitted_at=NOW), "place"),
        (note_admission, Admission(place="County Hospital", admitted_at=FUTURE), "admitted_at"),
        (write_plan, DayPlan(for_day=NOW.date(), lines=("", " ")), "lines"),
        (make_hub_call, HubCall(reached=True, outcome="stays"), "role"),
        (make_hub_call, HubCall(reached=True, whom=DOCTOR, outcome=" "), "outcome"),
        (make_hub_call, HubCall(reached=False, next_call_at=NOW), "next_call_at"),
    ],
)
def test_what_is_refused_writes_nothing(world, verb, what, path):
    with pytest.raises(RefusedError) as refused:
        verb(world.course.pk, what, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    assert refused.value.path == path
    assert kinds(world) == [] and not StayPerson.objects.exists()


@pytest.mark.parametrize(("at", "to", "path"), [(FUTURE, "home", "discharged_at"), (NOW, "ed", "event.to")])
def test_a_discharge_that_is_none_is_refused(world, at, to, path):
    with pytest.raises(RefusedError) as refused:
        note_discharge(world.course.pk, at, to, event_id=uuid4(), by=world.actor("alice"), now=NOW)
    assert refused.value.path == path
    assert kinds(world) == []


@pytest.mark.parametrize(
    ("house", "who", "error"),
    [("charlie", "nurse", NotVisibleError), ("alice", "director", NotAllowedError)],
)
def test_a_stranger_and_a_role_that_may_not_write_nothing(world, house, who, error):
    by: Actor = world.actor(house, who)
    call = HubCall(reached=True, whom=DOCTOR, outcome="stays")
    with pytest.raises(error):
        make_hub_call(world.course.pk, call, event_id=uuid4(), by=by, now=NOW)
    assert kinds(world) == [] and not StayPerson.objects.exists()
