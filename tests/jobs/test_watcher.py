"""The watcher on a clock that stands still: what is due is looked at, pages climb the ladder on time, one bad row stops no other."""

from datetime import datetime, timedelta

import pytest
from django.utils import translation

from handrail import clock
from handrail.actions import recording
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.truth import truth_about
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Notice, Page
from handrail.config.addresses import POSTGRES_SECONDS_TO_STAND_STILL
from handrail.jobs import watcher as watcher_module
from handrail.jobs.sending import Claim, write_next_page
from handrail.jobs.watcher import LEASE_SECONDS, LONGEST_SLEEP, POISON_PAUSE, Watcher
from handrail.people.models import Shift
from handrail.records.models import Course
from tests.drills.judging import RECOVERY_SECONDS
from tests.support.factories import MONDAY_0900, World, checkin, dose, fill_ladder, make_member, make_shift

pytestmark = pytest.mark.django_db
NOON = MONDAY_0900 + timedelta(hours=3)
"""The first check after the dose of Monday 9:00, in the patient's zone."""
FEVER_AT = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def world(time):
    """A course with a first step-up dose on Monday at 9:00, and three different people on the ladder."""
    world = World()
    world.on = fill_ladder(world.alice.organisation)
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    return world


def fever(world: World, time: clock.FrozenClock, at: datetime = FEVER_AT) -> Alert:
    """A check-in at 38.4 °C, and the RED-3 alert that it opens."""
    time.set(at)
    receive_checkin(world.course.pk, checkin(at=at, temperature_c="38.4"), by=world.actor("alice"), now=at)
    return Alert.objects.get(ladder="RED-3", closed_at__isnull=True)


def look(time: clock.FrozenClock, at: datetime, watcher: Watcher | None = None) -> None:
    time.set(at)
    (watcher or Watcher()).look()


def on_screen(alert: Alert) -> list[tuple[int, str, float]]:
    """The attempts of an alert: number, whom, and minutes since it opened."""
    pages = Page.objects.filter(alert=alert).exclude(channel="email").order_by("attempt")
    return [(page.attempt, page.who, (page.created_at - alert.opened_at).total_seconds() / 60) for page in pages]


# --- courses ------------------------------------------------------------------------------------------------------------


def test_a_course_is_looked_at_when_its_time_has_come_and_not_before(world, time):
    due = Course.objects.get().look_again_at
    look(time, due - timedelta(microseconds=1))
    assert Course.objects.get().assessed_at == MONDAY_0900
    look(time, due)
    course = Course.objects.get()
    assert course.assessed_at == due and course.look_again_at > due
    assert (course.claimed_by, course.lease_until) == ("", None)


@pytest.mark.parametrize(
    ("minutes", "stage", "ladders"),
    [
        (0, "due", []),
        (15, "reminded", []),
        (30, "called", []),
        (60, "paged", ["AMBER"]),
        (120, "welfare", ["AMBER", "RED-3"]),
    ],
)
def test_a_check_that_does_not_come_is_asked_for_and_then_paged(world, time, minutes, stage, ladders):
    watcher = Watcher()
    for past in (0, 15, 30, 60, 120):
        if past > minutes:
            break
        look(time, NOON + timedelta(minutes=past, seconds=-1), watcher)
        before = Course.objects.get().assessment["watch"]["overdue_stage"]
        look(time, NOON + timedelta(minutes=past), watcher)
    course = Course.objects.get()
    assert course.assessment["watch"]["overdue_stage"] == stage != before
    assert sorted(Alert.objects.values_list("ladder", flat=True)) == ladders
    assert set(Page.objects.filter(channel="on_screen").values_list("alert__ladder", flat=True)) == set(ladders)


def test_a_watcher_that_was_away_for_hours_catches_up_in_one_look(world, time):
    look(time, NOON + timedelta(hours=2))
    assert sorted(Alert.objects.values_list("ladder", flat=True)) == ["AMBER", "RED-3"]
    assert Page.objects.filter(channel="on_screen", created_at=NOON + timedelta(hours=2)).count() == 2


def test_a_check_in_ends_the_pages_of_the_missing_one(world, time):
    at = NOON + timedelta(hours=1)
    look(time, at)
    overdue = Alert.objects.get()
    later = at + timedelta(minutes=5)
    receive_checkin(world.course.pk, checkin(at=later), by=world.actor("alice"), now=later)
    look(time, at + timedelta(hours=1))
    overdue.refresh_from_db()
    assert overdue.closed_at == later and overdue.next_page_at is None
    assert len(on_screen(overdue)) == 1


# --- the ladder ---------------------------------------------------------------------------------------------------------

RED_3 = [
    (0, "first_on_call", 0),
    (1, "first_on_call", 5),
    (2, "second_on_call", 10),
    (3, "attending", 20),
    (4, "patient_to_ed", 30),
    (5, "first_on_call", 30),
    (6, "first_on_call", 35),
]
TIMES = sorted({minutes for _, _, minutes in RED_3})


def test_nobody_answers_and_the_ladder_is_climbed_on_time_and_then_again(world, time):
    alert, watcher = fever(world, time), Watcher()
    assert alert.ladder == "RED-3"
    for minutes in TIMES:
        due = FEVER_AT + timedelta(minutes=minutes)
        if minutes:
            look(time, due - timedelta(seconds=1), watcher)
            assert on_screen(alert) == [each for each in RED_3 if each[2] < minutes], "paged too early"
        look(time, due, watcher)
        look(time, due, watcher)
        assert on_screen(alert) == [each for each in RED_3 if each[2] <= minutes]
    pages = Page.objects.filter(alert=alert, channel="on_screen").order_by("attempt").values_list("user", flat=True)
    people = [who for _, who, _ in RED_3 if who in world.on]
    assert list(pages) == [world.on[who].pk for who in people]
    sent = world.course.events.filter(kind="page_sent").order_by("recorded_at")
    assert [event.payload["to_role"] for event in sent] == people


def test_after_half_an_hour_the_patient_is_told_and_what_can_be_sent_is_written(world, time):
    alert, watcher = fever(world, time), Watcher()
    for minutes in TIMES[:-2]:
        look(time, FEVER_AT + timedelta(minutes=minutes), watcher)
    look(time, FEVER_AT + timedelta(minutes=30, seconds=-1), watcher)
    assert truth_about(world.course, clock.now(), saved_at=FEVER_AT).endswith("is being called.")
    assert not Notice.objects.exists()

    at = FEVER_AT + timedelta(minutes=30)
    look(time, at, watcher)
    waiting = Notice.objects.filter(alert=alert, state="waiting", send_at=at, attempt=4)
    assert sorted(waiting.values_list("to", "told")) == [
        ("caregiver", "go_to_ed"),
        ("patient", "go_to_ed"),
    ]
    packet = Notice.objects.get(alert=alert, to="ed", told="packet", attempt=4, created_at=at)
    assert (packet.state, packet.why) == ("failed", "the plan of the patient names no emergency department")
    assert waiting.get(to="caregiver").contact == world.course.patient.contacts.get()
    told = world.course.events.get(kind="patient_told").payload
    assert told == {
        "alert": str(alert.pk),
        "key": alert.key,
        "ladder": "RED-3",
        "step": 4,
        "told": "go_to_ed",
        "because": "nobody_answered",
        "packet": True,
        "caregivers": 1,
    }
    heartbeat.beat("watcher", at)
    assert truth_about(world.course, at, saved_at=FEVER_AT) == (
        "Saved Monday, March 2, 11:00 AM CST. The team was called and NOBODY has answered yet. Do not wait. Go to the emergency department now. "
        "Do not drive yourself. Your programme's number: 555-0111."
    )
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=at + timedelta(minutes=1))
    later = at + timedelta(minutes=1)
    assert truth_about(world.course, later, saved_at=FEVER_AT) == (
        "Saved Monday, March 2, 11:00 AM CST. The team has it. You were told to go to the emergency department: go, unless they tell you otherwise."
    )
    with translation.override("es"):
        assert truth_about(world.course, later, saved_at=FEVER_AT) == (
            "Guardado: lunes, 2 de marzo, 11:00 AM CST. El equipo ya lo tiene. "
            "Se le dijo que fuera a la sala de emergencias: vaya, salvo que le digan otra cosa."
        )


def test_the_patient_is_told_again_each_round_and_the_packet_is_pushed_once(world, time):
    alert, watcher = fever(world, time), Watcher()
    for minutes in range(0, 61, 5):
        look(time, FEVER_AT + timedelta(minutes=minutes), watcher)
    told = Notice.objects.filter(alert=alert).order_by("created_at", "to")
    assert [(each.to, (each.created_at - FEVER_AT).total_seconds() / 60) for each in told] == [
        ("caregiver", 30),
        ("ed", 30),
        ("patient", 30),
        ("caregiver", 60),
        ("patient", 60),
    ]
    packets = world.course.events.filter(kind="patient_told").order_by("occurred_at").values_list("payload", flat=True)
    assert [payload["packet"] for payload in packets] == [True, False]


def test_an_emergency_sign_says_911(world, time):
    Shift.objects.all().delete()
    time.set(FEVER_AT)
    sent = checkin(at=FEVER_AT, symptoms=["chest_pain"])
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=FEVER_AT)
    look(time, FEVER_AT)
    assert Notice.objects.get(to="patient").told == "call_911"
    heartbeat.beat("watcher", FEVER_AT)
    said = truth_about(world.course, FEVER_AT, saved_at=FEVER_AT)
    assert (
        said
        == "Saved Monday, March 2, 11:00 AM CST. NOBODY could be reached from here. Call 911 now. Your programme's number: 555-0111."
    )


def test_i_have_it_stops_the_pages(world, time):
    alert = fever(world, time)
    look(time, FEVER_AT)
    acknowledge(alert.pk, by=world.actor("alice", "on_call"), now=FEVER_AT + timedelta(minutes=4))
    for minutes in (5, 10, 60):
        look(time, FEVER_AT + timedelta(minutes=minutes))
    alert.refresh_from_db()
    assert len(on_screen(alert)) == 1 and alert.is_open


def test_a_closed_alert_is_not_paged(world, time):
    alert = fever(world, time)
    look(time, FEVER_AT)
    Alert.objects.filter(pk=alert.pk).update(closed_at=FEVER_AT, closed_because="the reason is over", next_page_at=None)
    look(time, FEVER_AT + timedelta(hours=1))
    assert len(on_screen(alert)) == 1


def test_the_person_is_looked_up_when_the_page_goes_out(world, time):
    alert = fever(world, time)
    look(time, FEVER_AT)
    stand_in = make_member(world.alice.organisation, "on_call", "Synthetic Stand-in")
    begins = FEVER_AT + timedelta(minutes=3)
    make_shift(world.alice.organisation, "first_on_call", stand_in, starts_at=begins, is_override=True)
    look(time, FEVER_AT + timedelta(minutes=5))
    people = Page.objects.filter(alert=alert, channel="on_screen").order_by("attempt").values_list("user", flat=True)
    assert list(people) == [world.on["first_on_call"].pk, stand_in.pk]


def test_nobody_on_goes_on_to_the_next_at_once_and_is_seen(world, time):
    Shift.objects.filter(step="first_on_call").delete()
    alert = fever(world, time)
    look(time, FEVER_AT)
    assert on_screen(alert) == [(0, "first_on_call", 0), (1, "first_on_call", 0), (2, "second_on_call", 0)]
    states = Page.objects.filter(alert=alert).exclude(channel="email").order_by("attempt")
    assert list(states.values_list("state", flat=True)) == ["nobody_on", "nobody_on", "sent"]
    failed = world.course.events.filter(kind="page_failed", payload__why="nobody is on")
    assert [event.payload["to_role"] for event in failed] == ["first_on_call", "first_on_call"]


def test_nobody_on_anywhere_is_tried_again_and_does_not_spin(world, time):
    Shift.objects.all().delete()
    alert = fever(world, time)
    look(time, FEVER_AT)
    assert [(who, minutes) for _, who, minutes in on_screen(alert)] == [(who, 0) for _, who, _ in RED_3[:5]]
    told = world.course.events.get(kind="patient_told").payload
    assert (told["because"], told["packet"]) == ("nobody_on", True), "told at once, not after half an hour"
    make_shift(world.alice.organisation, "first_on_call", world.on["first_on_call"])
    look(time, FEVER_AT + timedelta(minutes=10))
    assert on_screen(alert)[5:] == [(5, "first_on_call", 10)]


def test_a_channel_that_is_not_set_up_says_so(world, time):
    alert = fever(world, time)
    look(time, FEVER_AT)
    assert Page.objects.get(alert=alert, channel="email").state == "not_configured"
    assert world.course.events.filter(kind="page_failed", payload__why="the channel is not configured").count() == 1


# --- lease and fence ----------------------------------------------------------------------------------------------------


def test_whoever_stands_still_holds_nothing_for_as_long_as_a_page_may_be_late():
    """What is left is for the next look, and for what that has to do first."""
    for held in (LEASE_SECONDS, POSTGRES_SECONDS_TO_STAND_STILL):
        assert held + LONGEST_SLEEP + 1 <= RECOVERY_SECONDS


def test_a_claimed_row_is_left_alone_until_its_lease_is_over(world, time):
    alert = fever(world, time)
    died, other = Watcher(), Watcher()
    assert died._claim_alert() is not None
    look(time, FEVER_AT + timedelta(seconds=LEASE_SECONDS, microseconds=-1), other)
    assert on_screen(alert) == []
    look(time, FEVER_AT + timedelta(seconds=LEASE_SECONDS), other)
    assert len(on_screen(alert)) == 1


def test_a_claimed_course_is_left_alone_until_its_lease_is_over(world, time):
    due = Course.objects.get().look_again_at
    time.set(due)
    died, other = Watcher(), Watcher()
    assert died._claim_course() is not None
    assert other._claim_course() is None
    look(time, due + timedelta(seconds=LEASE_SECONDS), other)
    assert Course.objects.get().assessed_at == due + timedelta(seconds=LEASE_SECONDS)


def test_a_watcher_that_wakes_after_its_lease_writes_nothing(world, time):
    alert = fever(world, time)
    asleep, other = Watcher(), Watcher()
    old = asleep._claim_alert()
    time.advance(seconds=LEASE_SECONDS)
    new = other._claim_alert()
    assert new.turn == old.turn + 1
    write_next_page(old)
    assert on_screen(alert) == []
    alert.refresh_from_db()
    assert (alert.claimed_by, alert.turn) == (other.name, new.turn), "the old claim gave away what it did not hold"
    write_next_page(new)
    assert len(on_screen(alert)) == 1


def test_the_same_name_with_an_old_turn_is_refused(world, time):
    alert = fever(world, time)
    watcher = Watcher()
    claim = watcher._claim_alert()
    write_next_page(Claim(id=claim.id, watcher=claim.watcher, turn=claim.turn - 1))
    assert on_screen(alert) == []


# --- one bad row --------------------------------------------------------------------------------------------------------


def test_an_alert_that_cannot_be_worked_on_stops_no_other(world, time):
    """Steps of a wrong form: the row is put aside for a minute, the others are paged, and it is tried again."""
    broken = fever(world, time)
    steps, alerts = broken.steps, Alert.objects
    alerts.filter(pk=broken.pk).update(steps=[{"who": "first_on_call"}])
    other = world.make_course()
    receive_checkin(other.pk, checkin(at=FEVER_AT, temperature_c="39"), by=world.actor("alice"), now=FEVER_AT)
    look(time, FEVER_AT)
    assert on_screen(broken) == []
    assert len(on_screen(alerts.get(course=other))) == 1
    alerts.filter(pk=broken.pk).update(steps=steps)
    look(time, FEVER_AT + POISON_PAUSE)
    assert len(on_screen(broken)) == 1


def test_a_course_that_cannot_be_looked_at_stops_no_other(world, time, caplog):
    """A product that is not known: this course cannot be judged, and somebody is called to look."""
    other = world.make_course()
    record_event(other.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    Course.objects.filter(pk=world.course.pk).update(product="no-such-product")
    look(time, NOON + timedelta(hours=1))
    assert Alert.objects.filter(course=other, ladder="AMBER").count() == 1
    called = Alert.objects.get(course=world.course)
    assert called.key == recording.CANNOT_ASSESS
    assert len(on_screen(called)) == 1


def test_a_course_whose_look_fails_is_put_aside_and_tried_again(world, time, monkeypatch, caplog):
    other = world.make_course()
    record_event(other.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    real, fails = watcher_module.reassess, {world.course.pk}

    def reassess(course_id, **more):
        if course_id in fails:
            raise RuntimeError("no such thing")
        return real(course_id, **more)

    monkeypatch.setattr(watcher_module, "reassess", reassess)
    at = NOON + timedelta(hours=1)
    look(time, at)
    assert list(Alert.objects.values_list("course", flat=True)) == [other.pk]
    assert "no such thing" not in caplog.text, "the words of an exception may hold a reading"
    assert Course.objects.get(pk=world.course.pk).look_again_at == at + POISON_PAUSE
    fails.clear()
    look(time, at + POISON_PAUSE)
    assert Alert.objects.filter(course=world.course).count() == 1
