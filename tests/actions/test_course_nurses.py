"""A patient's nurse and deputy: only who works here and is trained is named, and a name is judged anew each time it is shown."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.course_nurses import candidates, name_nurses, nurses_of
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event, withdraw_event
from handrail.actions.looked_after import looked_after
from handrail.people.models import Certificate, Membership, User
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, event, make_member, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=1)


@pytest.fixture(autouse=True)
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world():
    world = World()
    with everything():
        world.ana = make_member(world.alice.organisation, "nurse", "Ana Nurse")
        world.ben = make_member(world.alice.organisation, "nurse", "Ben Nurse")
    return world


def name(world, nurse=None, deputy=None, *, by=None, now=None, key=None):
    ids = {"nurse": nurse.pk if nurse else None, "deputy": deputy.pk if deputy else None}
    return name_nurses(world.course.pk, **ids, event_id=key or uuid4(), by=by or world.actor("alice"), now=now)


def shown(world, at=NOW):
    with everything():
        found = nurses_of(world.course, at)
    return [(each.user.name if each.user else "", each.trouble) for each in (found.nurse, found.deputy)]


def test_before_anybody_is_named_that_is_said(world):
    assert shown(world) == [("", "nobody is named"), ("", "nobody is named")]
    with everything():
        assert nurses_of(world.course, NOW).ever is False
        after = looked_after(world.course, NOW)
    assert (after.nurse, after.deputy, after.lacks_nurse) == ("", "", False)


def test_the_latest_word_counts_as_a_whole(world):
    name(world, world.ana, world.ben)
    assert shown(world) == [("Ana Nurse", ""), ("Ben Nurse", "")]
    clock_later = NOW + timedelta(minutes=1)
    name(world, world.ben, now=clock_later)
    assert shown(world, clock_later) == [("Ben Nurse", ""), ("", "nobody is named")]
    assert shown(world) == [("Ana Nurse", ""), ("Ben Nurse", "")], "as it was then"


def test_sent_twice_it_is_said_once_and_another_word_under_its_id_is_refused(world):
    key = uuid4()
    once = name(world, world.ana, world.ben, key=key)
    again = name(world, world.ana, world.ben, key=key, now=NOW + timedelta(seconds=3))
    assert again.again and again.event.occurred_at == once.event.occurred_at == NOW
    with pytest.raises(ConflictError):
        name(world, world.ben, key=key)
    assert shown(world) == [("Ana Nurse", ""), ("Ben Nurse", "")]


def test_what_was_withdrawn_was_never_said(world):
    name(world, world.ana, world.ben)
    later = NOW + timedelta(minutes=1)
    wrong = name(world, world.ben, now=later)
    withdraw_event(world.course.pk, wrong.event.id, reason="wrong patient", by=world.actor("alice"), now=later)
    assert shown(world, later) == [("Ana Nurse", ""), ("Ben Nurse", "")]


def test_who_may_name_and_who_can_be_named(world):
    with pytest.raises(NotVisibleError):
        name(world, world.ana, by=world.actor("charlie"))
    with pytest.raises(NotAllowedError):
        name(world, world.ana, by=world.actor("bob"))
    name(world, world.ana, by=world.actor("alice", "director"))
    with everything():
        elsewhere = make_member(
            world.alice.organisation, "nurse", "Else Where", site=make_site(world.alice.organisation)
        )
        untrained = make_member(world.alice.organisation, "nurse", "Un Trained", trained=False)
        found = {each.user.name: each.trouble for each in candidates(world.course, NOW)}
    assert found["Ana Nurse"] == "" and "Else Where" not in found and "Alice Oncologist" not in found
    assert "has no current training" in found["Un Trained"]
    for who in (world.bob.nurse, world.alice.oncologist, elsewhere, untrained):
        for fields in ({"nurse": who}, {"nurse": world.ana, "deputy": who}):
            with pytest.raises(RefusedError) as refused:
                name(world, **fields)
            assert refused.value.code == "not_fit"
    with pytest.raises(RefusedError) as refused:
        name(world, world.ana, world.ana)
    assert refused.value.code == "same_person"
    assert shown(world) == [("Ana Nurse", ""), ("", "nobody is named")]


def test_a_course_that_is_over_is_not_named_for(world):
    ended = event("course_ended", at=MONDAY_0900, because="other", died=False)
    record_event(world.course.pk, ended, by=world.actor("alice", "oncologist"))
    with pytest.raises(RefusedError) as refused:
        name(world, world.ana)
    assert refused.value.code == "course_over"


@pytest.mark.parametrize("how", ["left", "inactive", "untrained"])
def test_a_leaver_and_an_expired_certificate_are_gaps(world, how):
    name(world, world.ana, world.ben)
    with everything():
        if how == "left":
            Membership.objects.filter(user=world.ana).update(valid_until=NOW)
        elif how == "inactive":
            User.objects.filter(pk=world.ana.pk).update(is_active=False)
        else:
            Certificate.objects.filter(user=world.ana).update(valid_until=(NOW - timedelta(days=1)).date())
    [nurse, deputy] = shown(world)
    wanted = (
        "has no current training (on call ladder): it ended" if how == "untrained" else "does not work here as a nurse"
    )
    assert nurse[0] == "Ana Nurse" and wanted in nurse[1]
    assert deputy == ("Ben Nurse", "")
    with everything():
        after = looked_after(world.course, NOW)
        assert (after.nurse, after.deputy, after.lacks_nurse) == ("", "Ben Nurse", False)
        Membership.objects.filter(user=world.ben).update(valid_until=NOW)
        after = looked_after(world.course, NOW)
    assert (after.nurse, after.deputy, after.lacks_nurse) == ("", "", True)


@pytest.mark.parametrize(
    "who", [str(uuid4()), "a nurse of another installation"], ids=["an identifier", "words of its own"]
)
def test_somebody_whom_nobody_here_knows_is_no_nurse(world, who):
    """Also where a course from elsewhere says it in a way of its own: its page, and that of its alerts, is still there."""
    data = {"id": str(uuid4()), "kind": "nurses_named", "at": NOW.isoformat(), "nurse": who, "deputy": None}
    record_event(world.course.pk, data, by=world.actor("alice"))
    assert shown(world) == [("", "nobody is named"), ("", "nobody is named")]
