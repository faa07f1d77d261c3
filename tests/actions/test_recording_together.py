"""Facts that come together are judged once and come to the same as one after the other; one that cannot be used leaves nothing."""

import copy
import json
import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail import clock
from handrail.actions import recording
from handrail.actions.actor import service
from handrail.actions.answering import acknowledge
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event, record_events
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from handrail.records.models import Course, Event
from tests.support.factories import MONDAY_0900, World, checkin, dose, event

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = MONDAY_0900 + timedelta(hours=27)
GIVEN_DOSE = dose("step_up_1", mg="4.8", at=GIVEN)
DEVICE = service("thermometer")


def vitals(minutes, **readings):
    return event("vitals_measured", at=NOW - timedelta(minutes=minutes), **readings)


def fever(minutes=10, celsius="38.9"):
    return vitals(minutes, temperature_c=celsius)


def calm(minutes=5):
    return vitals(minutes, temperature_c="36.6")


def a_world():
    world = World()
    record_event(world.course.pk, GIVEN_DOSE, by=world.actor("alice"), now=GIVEN)
    return world


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield a_world()


BUNDLES = {
    "calm": lambda: [calm(9), calm(6), calm(3)],
    "a fever, then calm": lambda: [fever(10), calm(5)],
    "calm, then a fever": lambda: [calm(10), fever(5)],
    "a fever that came after what is later": lambda: [calm(5), fever(10)],
    "two fevers": lambda: [fever(10), fever(5, "39.4")],
    "two fevers, the later first": lambda: [fever(5, "39.4"), fever(10)],
    "one that is not believed among others": lambda: [fever(10, "370"), calm(6), fever(3)],
    "warm, then calm": lambda: [fever(10, "37.8"), calm(5)],
    "low saturation and a fall of pressure": lambda: [vitals(9, spo2_percent=86), vitals(8, systolic_mmhg=82), calm(2)],
    "weights": lambda: [event("weight_measured", at=NOW - timedelta(minutes=n), weight_kg=f"7{n}") for n in (3, 2, 1)],
    "one twice": lambda: (one := fever(10)) and [one, calm(5), copy.deepcopy(one)],
    "one alone": lambda: [fever()],
}


def ended_up(world):
    """Everything that stands after it, but for ids that differ between two houses."""
    with everything():
        course = Course.objects.get(pk=world.course.pk)
        alerts = course.alerts.filter(closed_at__isnull=True).order_by("key")
        rows = course.events.exclude(source="").exclude(kind="course_started").order_by("occurred_at", "kind", "id")
        return {
            "alerts": [(each.key, each.urgency, each.ladder, each.what, each.acknowledged_at) for each in alerts],
            "events": [(str(row.id), row.kind, row.payload) for row in rows if row.kind != "dose_given"],
            "assessment": without_names(world, course.assessment),
            "look_again_at": course.look_again_at,
            "ended_at": course.ended_at,
        }


def without_names(world, answer):
    """The answer without what is the house's own."""
    own = [str(world.course.pk), *(str(house.id) for house in (world.alice, world.bob))]
    own += [house.organisation.name for house in (world.alice, world.bob)] + [world.alice.site.code]
    text = json.dumps(answer, sort_keys=True)
    for name in own:
        text = text.replace(name, "·")
    return json.loads(text)


def both_ways(facts, before=()):
    found = []
    for together in (False, True):
        world = a_world()
        for fact in before:
            record_event(world.course.pk, fact, by=DEVICE, now=NOW - timedelta(minutes=1))
        if before:
            with everything():
                for alert in Alert.objects.filter(course=world.course, closed_at__isnull=True):
                    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=NOW - timedelta(seconds=30))
        if together:
            said = record_events(world.course.pk, facts, by=DEVICE, now=NOW)
        else:
            said = [record_event(world.course.pk, fact, by=DEVICE, now=NOW) for fact in facts]
        found.append((ended_up(world), [(each.event.id, each.again) for each in said], said[-1].truth))
    return found


@pytest.mark.parametrize("name", BUNDLES)
def test_together_comes_to_the_same_as_one_after_the_other(db, name):
    with clock.use(clock.FrozenClock(NOW)):
        one_by_one, together = both_ways(BUNDLES[name]())
    assert together == one_by_one


@pytest.mark.parametrize("name", ["a fever, then calm", "two fevers", "warm, then calm"])
def test_the_same_holds_where_somebody_has_an_earlier_fever(db, name):
    with clock.use(clock.FrozenClock(NOW)):
        one_by_one, together = both_ways(BUNDLES[name](), before=[fever(40, "38.3")])
    assert together == one_by_one


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_the_same_holds_for_what_nobody_thought_of(db, seed):
    dice = random.Random(seed)

    def reading():
        minutes = dice.randrange(1, 600)
        return dice.choice(
            [
                lambda: fever(minutes, f"{dice.uniform(35.5, 41):.1f}"),
                lambda: vitals(minutes, spo2_percent=dice.randrange(82, 100)),
                lambda: vitals(minutes, systolic_mmhg=dice.randrange(75, 150), pulse_per_min=dice.randrange(50, 140)),
                lambda: event(
                    "weight_measured", at=NOW - timedelta(minutes=minutes), weight_kg=f"{dice.uniform(60, 80):.1f}"
                ),
            ]
        )()

    facts = [reading() for _ in range(dice.randrange(2, 9))]
    before = [reading() for _ in range(dice.randrange(0, 3))]
    with clock.use(clock.FrozenClock(NOW)):
        one_by_one, together = both_ways(facts, before)
    assert together == one_by_one


def test_the_rules_judge_once(world, monkeypatch):
    judged = []
    real = recording.assess

    def counted(*words, **more):
        judged.append(len(words[2].recorded))
        return real(*words, **more)

    monkeypatch.setattr(recording, "assess", counted)
    record_events(world.course.pk, [fever(10 + number) for number in range(9)], by=DEVICE, now=NOW)
    assert len(judged) == 1, "with all of them in the record"


def test_each_further_fact_asks_the_database_only_for_itself(world):
    counts = []
    for size in (2, 22):
        facts = [calm(5 + number) for number in range(size)]
        with CaptureQueriesContext(connection) as asked:
            record_events(world.course.pk, facts, by=DEVICE, now=NOW)
        counts.append(len(asked))
    assert (counts[1] - counts[0]) / 20 <= 2, "whether it is there, and that it is"


def test_repeats_change_nothing_and_are_answered_like_the_first_time(world):
    facts = [fever(10), calm(5)]
    first = record_events(world.course.pk, facts, by=DEVICE, now=NOW)
    with everything():
        before = (Event.objects.count(), Alert.objects.count(), Course.objects.get(pk=world.course.pk).assessed_at)
    again = record_events(world.course.pk, facts, by=DEVICE, now=NOW + timedelta(minutes=1))
    with everything():
        after = (Event.objects.count(), Alert.objects.count(), Course.objects.get(pk=world.course.pk).assessed_at)
    assert after == before
    assert [each.again for each in first + again] == [False, False, True, True]
    assert [each.event.id for each in again] == [each.event.id for each in first]


def circle():
    """Two corrections of each other: either is good, both cannot be judged."""
    one, other = calm(10), calm(5)
    return [
        one | {"supersedes": other["id"], "reason": "typed wrong"},
        other | {"supersedes": one["id"], "reason": "typed wrong"},
    ]


REFUSED = {
    # what is the matter                        | the facts                                          | which
    "no such kind": (lambda: [calm(), event("nonsense", at=NOW), fever()], 1),
    "a kind of the shell": (lambda: [calm(), calm(), event("page_sent", at=NOW)], 2),
    "a field that is none": (lambda: [vitals(3, colour="blue"), fever()], 0),
    "before the course": (lambda: [fever(), vitals(60 * 24 * 400, temperature_c="36.6")], 1),
    "a circle": (lambda: [calm(3), *circle()], 2),
    "a circle with a repeat": (lambda: (two := circle()) and [two[0], copy.deepcopy(two[0]), two[1]], 2),
    "another content": (lambda: (one := fever()) and [one, calm(), one | {"temperature_c": "36.6"}], 2),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_that_cannot_be_used_is_named_and_nothing_is_kept(world, name):
    make, which = REFUSED[name]
    with everything():
        before = (Event.objects.count(), Alert.objects.count())
    kind = ConflictError if name == "another content" else RefusedError
    with pytest.raises(kind) as caught:
        record_events(world.course.pk, make(), by=DEVICE, now=NOW)
    assert caught.value.fact == which
    with everything():
        assert (Event.objects.count(), Alert.objects.count()) == before


def test_who_may_not_record_one_of_them_records_none(world):
    facts = [event("note_added", at=NOW, text="synthetic"), event("hold_started", at=NOW, reason="synthetic")]
    with pytest.raises(NotAllowedError) as caught:
        record_events(world.course.pk, facts, by=world.actor("alice"), now=NOW)
    assert caught.value.fact == 1
    with pytest.raises(NotVisibleError):
        record_events(world.course.pk, facts, by=world.actor("charlie"), now=NOW)
    with everything():
        assert not Event.objects.filter(kind__in=("note_added", "hold_started")).exists()


def test_a_course_that_could_not_be_judged_before_keeps_all_of_them_and_somebody_is_called(world):
    with everything():
        Course.objects.filter(pk=world.course.pk).update(policy_document={"id": "no-such", "sha256": "0"})
    said = record_events(world.course.pk, [fever(10), calm(5)], by=DEVICE, now=NOW)
    assert [each.assessment for each in said] == [None, None]
    with everything():
        assert Event.objects.filter(kind="vitals_measured").count() == 2
        assert Alert.objects.filter(key=recording.CANNOT_ASSESS, closed_at__isnull=True).count() == 1


def test_a_report_among_them_says_who_is_called(world):
    said = record_events(world.course.pk, [calm(20), checkin(at=NOW, temperature_c="39.1")], by=DEVICE, now=NOW)
    assert said[0].truth == said[1].truth
    assert "is being called" in said[1].truth
