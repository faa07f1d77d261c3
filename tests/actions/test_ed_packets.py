"""The packet for the emergency department: sent by hand and by itself, over one channel after another, and when it was opened."""

import re
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.care_places import PlaceDraft, add_place, end_place
from handrail.actions.ed_packets import (
    TROUBLE,
    choose_destination,
    fax_sheet,
    fax_went,
    send_packet,
)
from handrail.actions.emergency import exchange_key, issue_card, open_page
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.truth import truth_about
from handrail.alerts.ed_packets import destination
from handrail.alerts.models import Dispatch
from handrail.jobs.watcher import Watcher
from handrail.people.models import EmergencyCard
from handrail.rules.emergency import emergency_data
from tests.support.ed import FAX, MAIL, make_place, named
from tests.support.ed_packets import NOW, later, mails, night_after_a_dose, packets, reports, send, told
from tests.support.factories import make_member
from tests.support.mail import free_port, mail_server, use_port
from tests.support.receiver import receiving

pytestmark = pytest.mark.django_db
ROW = emergency_data().packet


@pytest.fixture
def world(db):
    with night_after_a_dose() as world:
        yield world


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
        "Sent to County ED: Tuesday, March 3, 2:14 AM CST. Nobody there has opened it yet: take your card with you."
    )
    world.time.advance(minutes=6)
    code = packet.card.code if code_of == "the link" else wallet.code
    assert open_page(exchange_key(packet.card.key), code, who="County ED") is not None
    assert told(world)[-1] == ("opened", "")
    assert world.course.events.filter(kind="ed_packet_noted").last().payload["packet"] == str(packet.pk)
    assert world.course.alerts.filter(key="shell:emergency_opened", closed_at__isnull=True).exists()
    assert truth_about(world.course, clock.now(), saved_at=NOW).endswith(
        "Sent to County ED: Tuesday, March 3, 2:14 AM CST. Your emergency page was opened: Tuesday, March 3, 2:21 AM CST."
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
