"""The packet for the emergency department: sent by hand and by itself, over one channel after another, and when it was opened."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions import ed_packets
from handrail.actions.care_places import PlaceDraft, add_place, end_place
from handrail.actions.ed_packets import (
    NO_DESTINATION,
    TROUBLE,
    UNSENT,
    choose_destination,
    fax_sheet,
    fax_went,
    send_packet,
)
from handrail.actions.emergency import exchange_key, issue_card, open_page
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.truth import truth_about
from handrail.alerts import heartbeat
from handrail.alerts.ed_packets import destination
from handrail.alerts.models import Alert, Dispatch, EdPacket, Notice
from handrail.jobs.watcher import Watcher
from handrail.people.models import EmergencyCard
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.emergency import emergency_data
from tests.alerts.test_email import use_port
from tests.alerts.test_webhook import receiving
from tests.support.ed import FAX, MAIL, make_place, named
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_member
from tests.support.mail import free_port, mail_server

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17, minutes=14)
ROW = emergency_data().packet


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        given = dose("step_up_1", at=MONDAY_0900, mg="4.2")
        record_event(world.course.pk, given, by=world.actor("alice"), now=MONDAY_0900)
        frozen.set(NOW)
        world.time = frozen
        yield world


@pytest.fixture
def mail(settings):
    with mail_server() as server:
        use_port(settings, server.port)
        yield server


def mails(mail) -> list[str]:
    """What arrived at the department."""
    return [each.body for each in mail.arrived if each.to == (MAIL,)]


def send(world, **more) -> EdPacket:
    return send_packet(world.course.pk, key=more.pop("key", uuid4()), by=world.actor("alice"), **more)


def reports(world, **fields) -> None:
    at = clock.now()
    receive_checkin(world.course.pk, checkin(at=at, **fields), by=world.actor("alice"), now=at)


def packets(world) -> list[EdPacket]:
    with everything():
        return list(EdPacket.objects.filter(course=world.course).order_by("asked_at", "id"))


def later(world, **span) -> None:
    world.time.advance(**span)
    Watcher().look()


def told(world) -> list[tuple[str, str]]:
    """What the record says about the packet: what, and by which channel."""
    rows = world.course.events.filter(kind="ed_packet_noted").order_by("recorded_at")
    return [(row.payload["what"], row.payload.get("channel", "")) for row in rows]


# --- by hand --------------------------------------------------------------------------------------------------------------


def test_what_is_sent_says_how_urgent_and_which_site_and_nothing_of_the_patient(world, mail):
    named(world)
    send(world)
    Watcher().look()
    (body,) = mails(mail)
    (packet,) = packets(world)
    assert packet.state == "sent" and packet.sent_at == NOW
    assert told(world) == [("sent", "email")]
    site, link = world.course.site.code, f"https://handrail.example.org/e/{packet.card.key}"
    (taken,) = [each for each in mail.arrived if each.to == (MAIL,)]
    assert taken.message["Subject"] == f"Handrail: CALL NOW, site {site}"
    assert body == (
        f"Handrail: CALL NOW. Site {site}. A patient of ours is sent to your emergency department. What to do: {link} "
        "The code for the patient's facts is on the patient's card; without the card call 555-0111."
    )
    assert packet.card.code not in taken.raw.decode()
    assert not re.search(r"Synthia|teclistamab|38|step", body.replace(link, "").replace(site, ""))
    assert Dispatch.objects.get(ed_packet=packet).words == "", "the link is forgotten once it is sent"


def test_a_button_pressed_twice_sends_once(world, mail):
    named(world)
    key = uuid4()
    assert send(world, key=key) == send(world, key=key)
    Watcher().look()
    assert len(mails(mail)) == 1


@pytest.mark.parametrize("code_of", ["the link", "the wallet card"])
def test_the_link_and_a_code_open_the_page_and_everybody_is_told(world, mail, code_of):
    named(world)
    wallet = issue_card(world.course.pk, by=world.actor("alice"))
    reports(world, temperature_c="38.4")
    send(world)
    Watcher().look()
    (packet,) = packets(world)
    world.time.advance(minutes=1)
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to County ED at 02:14. Nobody there has opened it yet: take your card with you."
    )
    world.time.advance(minutes=6)
    code = packet.card.code if code_of == "the link" else wallet.code
    assert open_page(exchange_key(packet.card.key), code, who="County ED") is not None
    assert told(world)[-1] == ("opened", "")
    assert world.course.events.filter(kind="ed_packet_noted").last().payload["packet"] == str(packet.pk)
    assert world.course.alerts.filter(key="shell:emergency_opened", closed_at__isnull=True).exists()
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to County ED at 02:14. Your emergency page was opened at 02:21."
    )


def test_the_code_of_a_wallet_card_that_is_over_opens_no_link(world, mail):
    named(world)
    wallet = issue_card(world.course.pk, by=world.actor("alice"))
    wallet.link.revoked_at = NOW
    wallet.link.save()
    send(world)
    Watcher().look()
    (packet,) = packets(world)
    assert open_page(exchange_key(packet.card.key), wallet.code) is None
    packet.card.refresh_from_db()
    assert packet.card.tries_left == emergency_data().card.tries - 1


def test_a_sent_link_is_no_card_of_the_patient_and_ends_sooner(world, mail):
    named(world)
    send(world)
    Watcher().look()
    card = EmergencyCard.objects.get()
    assert card.kind == "sent" and card.link.expires_at == NOW + ROW.lasts
    world.time.advance(seconds=ROW.lasts.total_seconds())
    assert open_page(exchange_key(card.key), card.code) is None


def test_without_a_department_nothing_is_sent_and_it_is_said_what_to_do(world, mail):
    with pytest.raises(RefusedError, match=r"names no emergency department\. Phone the department yourself"):
        send(world)
    assert packets(world) == []


# --- the next channel ------------------------------------------------------------------------------------------------------


def test_a_mail_that_is_refused_goes_on_by_webhook(world, mail, settings):
    mail.answers["RCPT"] = "550 no such department"
    with receiving() as receiver:
        receiver.now = int(NOW.timestamp())
        settings.HANDRAIL_WEBHOOK_HOSTS = (f"127.0.0.1:{receiver.port}",)
        named(world, webhook=receiver.address, webhook_secret=receiver.secret)
        send(world)
        Watcher().look()
        ((_, said),) = receiver.pages.items()
    (packet,) = packets(world)
    assert (packet.state, packet.channel, packet.why) == ("sent", "webhook", "")
    assert said["urgency"] == "now" and said["site"] == world.course.site.code
    assert said["link"].endswith(packet.card.key) and said["link"] in said["text"]
    assert "Synthia" not in str(said) and packet.card.code not in str(said)
    assert told(world) == [("sent", "webhook")]


def test_without_another_way_a_fax_sheet_waits_and_somebody_is_called(world, mail):
    mail.answers["RCPT"] = "550 no such department"
    named(world, fax=FAX)
    send(world)
    Watcher().look()
    (packet,) = packets(world)
    assert (packet.state, packet.channel) == ("fax", "fax")
    assert told(world) == [("not_sent", "fax")], "a sheet that waits is not sent"
    assert world.course.alerts.filter(key=TROUBLE, closed_at__isnull=True).exists()
    assert fax_sheet(world.course.pk, packet.pk, by=world.actor("alice")).card == packet.card
    world.time.advance(minutes=3)
    fax_went(world.course.pk, packet.pk, by=world.actor("alice"))
    fax_went(world.course.pk, packet.pk, by=world.actor("alice"))
    (packet,) = packets(world)
    assert (packet.state, packet.faxed_by) == ("sent", world.alice.nurse)
    assert told(world) == [("not_sent", "fax"), ("faxed", "fax")]
    assert not world.course.alerts.filter(key=TROUBLE, closed_at__isnull=True).exists()


def test_nothing_at_all_arrived_and_somebody_is_called_to_phone(world, mail):
    mail.answers["RCPT"] = "550 no such department"
    named(world)
    send(world)
    Watcher().look()
    (packet,) = packets(world)
    assert (packet.state, packet.why) == ("failed", "the mail server refused (550)")
    (alert,) = world.course.alerts.filter(key=TROUBLE)
    assert alert.what == "The packet did not reach the emergency department: phone it"
    with pytest.raises(RefusedError, match="does not wait for a fax"):
        fax_went(world.course.pk, packet.pk, by=world.actor("alice"))


def test_a_server_that_is_down_is_tried_again(world, settings):
    use_port(settings, free_port())
    named(world)
    send(world)
    Watcher().look()
    assert packets(world)[0].state == "away"
    with mail_server() as server:
        use_port(settings, server.port)
        later(world, seconds=40)
        assert packets(world)[0].state == "sent" and len(mails(server)) == 1


# --- by itself -------------------------------------------------------------------------------------------------------------


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
        "Sent to Other ED at 02:15. Nobody there has opened it yet: take your card with you."
    )
    world.time.advance(minutes=1)
    assert open_page(exchange_key(wallet.key), wallet.code) is not None
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to Other ED at 02:15. Your emergency page was opened at 02:17."
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


# --- the plan --------------------------------------------------------------------------------------------------------------


def test_the_last_choice_counts_and_a_place_out_of_use_is_named_no_more(world):
    place, other = named(world), make_place(world, name="Other ED")
    assert destination(world.course) == place
    choose_destination(world.course.pk, other.pk, by=world.actor("alice"))
    assert destination(world.course) == other
    end_place(other.pk, by=world.actor("alice", "director"))
    assert destination(world.course) is None
    with pytest.raises(RefusedError, match="no such emergency department"):
        choose_destination(world.course.pk, other.pk, by=world.actor("alice"))
    choose_destination(world.course.pk, place.pk, by=world.actor("alice"))
    choose_destination(world.course.pk, None, by=world.actor("alice"))
    assert destination(world.course) is None


def test_who_may(world):
    place = make_place(world)
    viewer = make_member(world.alice.organisation, "viewer")
    from handrail.actions.actor import person

    with pytest.raises(NotAllowedError):
        choose_destination(world.course.pk, place.pk, by=person(viewer))
    with pytest.raises(NotVisibleError):
        choose_destination(world.course.pk, place.pk, by=world.actor("charlie"))
    with pytest.raises(NotVisibleError):
        send_packet(world.course.pk, key=uuid4(), by=world.actor("charlie"))
    with pytest.raises(NotVisibleError):
        end_place(place.pk, by=world.actor("charlie", "director"))
    with pytest.raises(NotAllowedError):
        end_place(place.pk, by=world.actor("alice", "nurse"))


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ({"name": " "}, "name"),
        ({"number": ""}, "number"),
        ({"email": "nobody"}, "email"),
        ({"webhook": "https://elsewhere.example.org/x"}, "webhook"),
        ({"name": "x" * 121}, "name"),
        ({"address": "a\nb"}, "address"),
        ({"site": uuid4()}, "site"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused(world, typed, path):
    draft = PlaceDraft(**{"name": "County ED", "number": "555-0199", **typed})
    with pytest.raises(RefusedError) as refused:
        add_place(world.alice.id, draft, by=world.actor("alice", "director"))
    assert refused.value.path == path


def test_a_place_with_a_webhook_gets_a_secret_of_its_own(world, settings):
    settings.HANDRAIL_WEBHOOK_HOSTS = ("ed.example.org",)
    draft = PlaceDraft(name="County ED", number="555-0199", webhook="https://ed.example.org/x")
    place = add_place(world.alice.id, draft, by=world.actor("alice", "director"))
    assert len(place.webhook_secret) == 43 and place.webhook_secret not in repr(place)
