"""The decision of a call: recorded as it was, and never "stays at home" against the policy without a signed reason."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail.actions.actor import person
from handrail.actions.contacts import Call, hand_back, record_call
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert
from tests.support.factories import MONDAY_0900, World, checkin, event, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=13)
"""22:00 by the patient's clock."""
LATER = NOW + timedelta(minutes=5)
STAYS = Call(with_="patient", reached=True, outcome="staying_home", next_check_at=LATER + timedelta(hours=2))


@pytest.fixture
def world():
    return World()


def reported(world: World, **fields) -> None:
    receive_checkin(world.course.pk, checkin(at=NOW, **fields), by=world.actor("alice"), now=NOW)


def kinds(world: World) -> list[str]:
    wanted = ("contact_made", "departure_signed", "handed_back")
    return sorted(world.course.events.filter(kind__in=wanted).values_list("kind", flat=True))


def test_a_call_that_moves_the_patient_on_closes_the_page_and_opens_its_own_clock(world):
    reported(world, temperature_c="38.4")
    call = Call(with_="patient", reached=True, outcome="coming_in")
    done = record_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice", "on_call"), now=LATER)
    assert done.assessment.triage.ladder is None
    assert not Alert.objects.filter(key__startswith="report:", closed_at__isnull=True).exists()
    by = [task.by for task in done.assessment.tasks if "comes in" in task.what]
    assert by == [LATER + timedelta(hours=1)]


@pytest.mark.parametrize("symptom", ["fainted", "confused"])
@pytest.mark.parametrize("reason", ["", "wishes so"])
def test_after_red_1_or_red_2_nobody_decides_that_the_patient_stays(world, symptom, reason):
    reported(world, symptoms=[symptom])
    call = Call(with_="patient", reached=True, outcome="staying_home", reason=reason)
    with pytest.raises(RefusedError) as refused:
        record_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice", "on_call"), now=LATER)
    assert refused.value.code == "never_at_home"
    assert kinds(world) == []
    assert Alert.objects.get(closed_at__isnull=True).key.startswith("report:")


def test_after_a_fever_it_takes_a_reason_which_is_signed_and_counted(world):
    reported(world, temperature_c="38.4")
    with pytest.raises(RefusedError) as refused:
        record_call(world.course.pk, STAYS, event_id=uuid4(), by=world.actor("alice", "on_call"), now=LATER)
    assert (refused.value.code, refused.value.path) == ("departure_needed", "reason")
    assert "admits everybody" in refused.value.message and kinds(world) == []

    call = Call(**{name: getattr(STAYS, name) for name in STAYS.__slots__} | {"reason": "seen by video"})
    record_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice", "on_call"), now=LATER)
    assert kinds(world) == ["contact_made", "departure_signed"]
    signed = world.course.events.get(kind="departure_signed").payload
    assert (signed["rule"], signed["approver"], signed["done"]) == (
        "staying_home",
        world.alice.on_call.name,
        "stays at home",
    )
    assert world.course.events.get(kind="departure_signed").reason == "seen by video"
    assert not Alert.objects.filter(closed_at__isnull=True).exists()


def test_a_nurse_records_the_call_and_does_not_sign_the_departure(world):
    reported(world, temperature_c="38.4")
    call = Call(with_="patient", reached=True, outcome="staying_home", reason="looks well")
    with pytest.raises(NotAllowedError):
        record_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice", "nurse"), now=LATER)
    assert kinds(world) == []


def test_what_was_done_is_recorded_all_the_same_and_pages(world):
    """The record is never blocked: the plain form keeps what was decided, and somebody is called to decide anew."""
    reported(world, temperature_c="38.4")
    done = event("contact_made", at=LATER, reached=True, outcome="staying_home", **{"with": "patient"})
    record_event(world.course.pk, done, by=world.actor("alice"), now=LATER)
    assert kinds(world) == ["contact_made"]
    assert Alert.objects.filter(key=f"staying_home:{done['id']}", closed_at__isnull=True).count() == 1


def test_with_a_rash_the_patient_stays_without_a_signature(world):
    reported(world, symptoms=["rash"])
    record_call(world.course.pk, STAYS, event_id=uuid4(), by=world.actor("alice", "nurse"), now=LATER)
    assert kinds(world) == ["contact_made"]
    assert not Alert.objects.filter(closed_at__isnull=True).exists()


def test_the_call_of_the_night_is_handed_back_in_the_morning(world):
    call = uuid4()
    reported(world, temperature_c="38.4")
    came = Call(with_="patient", reached=True, outcome="coming_in")
    done = record_call(world.course.pk, came, event_id=call, by=world.actor("alice", "on_call"), now=LATER)
    assert [task.who for task in done.assessment.tasks if "hand back" in task.what] == ["nurse"]
    morning = NOW + timedelta(hours=11)
    with pytest.raises(RefusedError):
        hand_back(world.course.pk, call, "  ", event_id=uuid4(), by=world.actor("alice", "nurse"), now=morning)
    said = "fever of 38.4 at 22:00, came in"
    done = hand_back(world.course.pk, call, said, event_id=uuid4(), by=world.actor("alice", "nurse"), now=morning)
    assert [task.what for task in done.assessment.tasks if "hand back" in task.what] == []
    viewer = person(make_member(world.alice.organisation, "viewer"))
    with pytest.raises(NotAllowedError):
        hand_back(world.course.pk, call, said, event_id=uuid4(), by=viewer, now=morning)
