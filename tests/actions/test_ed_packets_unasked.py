"""The packet for the emergency department goes by itself: when nobody answers, at once, once per visit, and what stops it."""

from datetime import timedelta

import pytest

from handrail import clock
from handrail.actions import ed_packets
from handrail.actions.care_places import end_place
from handrail.actions.ed_packets import (
    NO_DESTINATION,
    TROUBLE,
    UNSENT,
)
from handrail.actions.emergency import exchange_key, issue_card, open_page
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.truth import truth_about
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, EdPacket, Notice
from handrail.jobs.watcher import Watcher
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from tests.support.ed import named
from tests.support.ed_packets import NOW, later, mails, night_after_a_dose, packets, reports, send
from tests.support.factories import event

pytestmark = pytest.mark.django_db
ROW = emergency_data().packet


@pytest.fixture
def world(db):
    with night_after_a_dose() as world:
        yield world


def climbs(world, minutes: int) -> None:
    for _ in range(minutes // 5):
        later(world, minutes=5)


def test_nobody_answers_and_the_packet_goes_by_itself_once_per_visit(world, mail):
    named(world)
    reports(world, temperature_c="38.4")
    Watcher().look()
    climbs(world, 25)
    assert packets(world) == [] and mails(mail) == []
    climbs(world, 5)
    (packet,) = packets(world)
    assert (packet.because, packet.state) == ("nobody", "sent")
    notice = Notice.objects.get(to="ed")
    assert (notice.state, notice.channel, notice.sent_at) == ("sent", "email", packet.sent_at)
    assert packet.notice == notice
    climbs(world, 60)
    assert len(packets(world)) == len(mails(mail)) == 1, "the ladder went round, the packet did not"


def test_at_home_again_the_next_night_is_a_visit_of_its_own(world, mail):
    named(world)
    reports(world, temperature_c="38.4", symptoms=["seizure"], none_of_these=False)
    Watcher().look()
    home = event("home_status", at=clock.now() + timedelta(hours=1), location="home")
    world.time.advance(hours=2)
    record_event(world.course.pk, home, by=world.actor("alice"), now=clock.now())
    for alert in world.course.alerts.filter(closed_at__isnull=True):
        Alert.objects.filter(pk=alert.pk).update(closed_at=clock.now(), closed_because="over", next_page_at=None)
    reports(world, temperature_c="38.9", symptoms=["seizure"], none_of_these=False)
    Watcher().look()
    assert [each.because for each in packets(world)] == ["red", "red"] and len(mails(mail)) == 2


@pytest.mark.parametrize(("symptom", "goes"), [("seizure", True), ("confused", True), ("rash", False)])
def test_what_sends_the_patient_there_at_once_sends_the_packet_at_once(world, mail, symptom, goes):
    named(world)
    reports(world, temperature_c="36.8", symptoms=[symptom], none_of_these=False)
    reports(world, temperature_c="36.9", symptoms=[symptom], none_of_these=False)
    Watcher().look()
    assert [each.because for each in packets(world)] == (["red"] if goes else [])
    assert len(mails(mail)) == int(goes)


def test_a_patient_in_hospital_is_sent_nowhere(world, mail):
    named(world)
    there = event("home_status", at=NOW, location="hospital")
    record_event(world.course.pk, there, by=world.actor("alice"), now=NOW)
    reports(world, symptoms=["seizure"], none_of_these=False)
    assert packets(world) == []


def test_a_stay_that_was_withdrawn_holds_nothing_back(world, mail):
    named(world)
    there = event("home_status", at=NOW, location="hospital")
    record_event(world.course.pk, there, by=world.actor("alice"), now=NOW)
    taken_back = event("fact_withdrawn", at=NOW, supersedes=there["id"], reason="another patient")
    record_event(world.course.pk, taken_back, by=world.actor("alice"), now=NOW)
    reports(world, temperature_c="36.8", symptoms=["seizure"], none_of_these=False)
    assert [each.because for each in packets(world)] == ["red"]


def test_where_the_patient_is_not_known_holds_nothing_back(world, mail):
    named(world)
    for location in ("hospital", None):
        world.time.advance(seconds=1)
        where = event("home_status", at=clock.now(), location=location)
        record_event(world.course.pk, where, by=world.actor("alice"), now=clock.now())
    reports(world, temperature_c="36.8", symptoms=["seizure"], none_of_these=False)
    assert [each.because for each in packets(world)] == ["red"]


def test_a_packet_asked_for_by_a_clock_that_ran_ahead_stands_for_no_visit_of_today(world, mail):
    named(world)
    EdPacket.objects.filter(pk=send(world).pk).update(asked_at=NOW + timedelta(days=3))
    reports(world, temperature_c="36.8", symptoms=["seizure"], none_of_these=False)
    assert sorted(each.because for each in packets(world)) == ["by_hand", "red"]


def test_sent_there_by_phone_sends_the_packet(world, mail):
    named(world)
    reports(world, temperature_c="38.4")
    call = event("contact_made", at=NOW, reached=True, outcome="sent_to_ed", **{"with": "patient"})
    record_event(world.course.pk, call, by=world.actor("alice"), now=NOW)
    Watcher().look()
    assert [each.because for each in packets(world)] == ["sent_to_ed"] and len(mails(mail)) == 1


def test_without_a_department_the_record_says_so_and_calls_nobody_anew(world, mail):
    reports(world, symptoms=["seizure"], none_of_these=False)
    before = world.course.alerts.count()
    Watcher().look()
    (packet,) = packets(world)
    assert (packet.state, packet.why) == ("failed", NO_DESTINATION)
    assert world.course.alerts.count() == before
    assert world.course.events.get(kind="ed_packet_noted").payload["why"] == NO_DESTINATION
    named(world)
    send(world)
    Watcher().look()
    assert len(mails(mail)) == 1


def test_what_waited_too_long_is_not_sent(world, mail):
    named(world)
    send(world)
    later(world, seconds=ROW.visit.total_seconds() + 1)
    assert mails(mail) == [] and packets(world)[0].why == "it waited too long to be true"
    assert world.course.alerts.get(key=TROUBLE).what == UNSENT, "and somebody is told"


def test_asked_for_by_hand_and_the_department_is_gone_before_it_leaves(world, mail):
    place = named(world)
    send(world)
    end_place(place.pk, by=world.actor("alice", "director"))
    Watcher().look()
    assert packets(world)[0].why == NO_DESTINATION
    assert world.course.alerts.get(key=TROUBLE).because == NO_DESTINATION


def test_sent_there_by_phone_without_a_department_calls_somebody(world, mail):
    call = event("contact_made", at=NOW, reached=True, outcome="sent_to_ed", **{"with": "patient"})
    record_event(world.course.pk, call, by=world.actor("alice"), now=NOW)
    Watcher().look()
    assert world.course.alerts.get(key=TROUBLE).because == NO_DESTINATION


@pytest.mark.parametrize(("hours_ago", "goes"), [(24, True), (25, False)])
def test_a_call_of_long_ago_announces_nobody(world, mail, hours_ago, goes):
    named(world)
    world.time.advance(hours=hours_ago)
    call = event("contact_made", at=NOW, reached=True, outcome="sent_to_ed", **{"with": "patient"})
    record_event(world.course.pk, call, by=world.actor("alice"), now=clock.now())
    Watcher().look()
    assert [each.because for each in packets(world)] == (["sent_to_ed"] if goes else [])


def test_a_course_that_is_over_sends_nothing_by_hand(world, mail):
    named(world)
    Course.objects.filter(pk=world.course.pk).update(ended_at=NOW)
    with pytest.raises(RefusedError, match=r"NOT sent: this course is over\. Phone the department yourself"):
        send(world)
    assert packets(world) == []


def test_the_patient_is_told_of_the_last_department_and_of_who_opened_that_packet(world, mail):
    named(world)
    wallet = issue_card(world.course.pk, by=world.actor("alice"))
    reports(world, temperature_c="38.4")
    send(world)
    Watcher().look()
    world.time.advance(minutes=1)
    named(world, name="Other ED")
    send(world)
    Watcher().look()
    world.time.advance(minutes=1)
    first = packets(world)[0]
    assert open_page(exchange_key(first.card.key), first.card.code) is not None
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to Other ED: Tuesday, March 3, 2:15 AM CST. Nobody there has opened it yet: take your card with you."
    )
    world.time.advance(minutes=1)
    assert open_page(exchange_key(wallet.key), wallet.code) is not None
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to Other ED: Tuesday, March 3, 2:15 AM CST. Your emergency page was opened: Tuesday, March 3, 2:17 AM CST."
    )


def test_a_packet_that_cannot_be_made_stops_no_other(world, mail, monkeypatch):
    named(world)
    first, second = sorted([send(world), send(world)], key=lambda each: each.pk)
    made = ed_packets.make_card
    calls = []

    def breaks_once_a_look(*args, **kwargs):
        calls.append(1)
        return made(*args, **kwargs) if len(calls) % 2 == 0 else 1 / 0

    monkeypatch.setattr("handrail.actions.ed_packets.make_card", breaks_once_a_look)
    Watcher().look()
    assert {each.pk: each.state for each in packets(world)} == {first.pk: "waiting", second.pk: "sent"}
    monkeypatch.undo()
    later(world, minutes=1)
    assert [each.state for each in packets(world)] == ["sent", "sent"]


def test_a_packet_that_cannot_be_made_calls_somebody_to_phone_once(world, mail, monkeypatch):
    named(world)
    send(world)
    monkeypatch.setattr("handrail.actions.ed_packets.make_card", lambda *_, **__: 1 / 0)
    Watcher().look()
    later(world, minutes=1)
    (alert,) = world.course.alerts.filter(key=TROUBLE)
    assert (alert.what, alert.because) == (UNSENT, "it cannot be made ready, and is tried again")
    assert packets(world)[0].state == "waiting" and mails(mail) == []
    monkeypatch.undo()
    later(world, minutes=1)
    assert not world.course.alerts.filter(key=TROUBLE, closed_at__isnull=True).exists()


def test_a_packet_for_which_nobody_can_be_called_either_stops_no_watcher(world, mail, monkeypatch):
    named(world)
    send(world)
    for name in ("make_card", "call_on_call"):
        monkeypatch.setattr(f"handrail.actions.ed_packets.{name}", lambda *_, **__: 1 / 0)
    Watcher().look()
    assert packets(world)[0].state == "waiting"
    monkeypatch.undo()
    later(world, minutes=1)
    assert packets(world)[0].state == "sent"


def test_a_packet_that_nobody_hands_over_counts_as_behind(world):
    named(world)
    send(world)
    world.time.advance(seconds=5)
    with_it = heartbeat.behind(clock.now())
    EdPacket.objects.update(send_at=clock.now())
    assert with_it - heartbeat.behind(clock.now()) == 1
