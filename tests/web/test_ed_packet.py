"""The packet on the screens of staff: where it would go, what became of it, the fax sheet, and the departments."""

import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from handrail import clock
from handrail.actions.emergency import exchange_key, open_page
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.ed_packets import destination
from handrail.alerts.models import Alert, EdPacket
from handrail.jobs.watcher import Watcher
from handrail.people.models import CarePlace, Role
from handrail.people.permissions import VERBS
from handrail.people.scope import everything
from handrail.rules.emergency import emergency_data
from handrail.web import pdf
from tests.support.ed import FAX, make_place, named
from tests.support.factories import MONDAY_0900, World, checkin, dose, make_member
from tests.support.mail import mail_server, use_port

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=16, minutes=13)
"""02:13 by the patient's clock."""
ASKS_AGAIN = {"X-Handrail-Background": "1"}
"""What the page sends that asks again by itself."""


@pytest.fixture
def world(db, settings):
    with clock.use(clock.FrozenClock(NOW)) as frozen, mail_server() as server:
        use_port(settings, server.port)
        world = World()
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
        fever = checkin(at=NOW, temperature_c="38.4")
        receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
        world.time, world.mail = frozen, server
        yield world


def alert_of(world) -> Alert:
    with everything():
        return Alert.objects.get(course=world.course, key__startswith="report:")


def words(answer, status: int = 200) -> str:
    """What a person reads, on one line."""
    assert answer.status_code == status
    main = answer.content.decode().partition("<main")[2] or answer.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def part(client: Client, world, who: str = "on_call") -> str:
    """The part about the packet, as the page asks for it again."""
    client.force_login(getattr(world.alice, who))
    return words(client.get(reverse("ed_packet", args=[world.course.pk]), headers=ASKS_AGAIN))


def press(client: Client, world, **more):
    client.force_login(world.alice.on_call)
    data = {"key": str(uuid4()), "page": str(alert_of(world).pk), **more}
    return client.post(reverse("send_ed_packet", args=[world.course.pk]), data)


def packet_of(world) -> EdPacket:
    with everything():
        return EdPacket.objects.select_related("card").get(course=world.course)


def test_sent_not_yet_opened_then_opened(world, client):
    named(world)
    client.force_login(world.alice.on_call)
    whole = words(client.get(reverse("page", args=[alert_of(world).pk])))
    assert "County ED , 1 Example Street · transfer line 555-0199 · reached by e-mail" in whole
    assert "Nothing was sent so far." in whole and "Which ED County ED 555-0199" in whole
    answer = press(client, world)
    assert answer.status_code == 302 and answer.url == f"{reverse('page', args=[alert_of(world).pk])}#ed-packet"
    assert "being sent" in part(client, world) and "not yet opened" not in part(client, world)
    Watcher().look()
    assert "sent Tue 3 Mar 02:13 CST by e-mail, not yet opened" in part(client, world)
    packet = packet_of(world)
    assert f"Code to read out when they ask: {packet.card.code}" in part(client, world)
    world.time.advance(minutes=7)
    assert open_page(exchange_key(packet.card.key), packet.card.code, who="County ED") is not None
    assert "sent Tue 3 Mar 02:13 CST by e-mail, opened Tue 3 Mar 02:20 CST by “County ED”" in part(client, world)


def test_opened_with_the_patients_own_card_is_said_so(world, client):
    from handrail.actions.emergency import issue_card

    named(world)
    card = issue_card(world.course.pk, by=world.actor("alice"))
    press(client, world)
    Watcher().look()
    world.time.advance(minutes=7)
    assert open_page(exchange_key(card.key), card.code) is not None
    assert "sent Tue 3 Mar 02:13 CST by e-mail, opened Tue 3 Mar 02:20 CST with the patient’s card" in part(
        client, world
    )


def test_opened_by_the_link_of_another_packet_is_not_opened(world, client):
    named(world)
    press(client, world)
    Watcher().look()
    world.time.advance(minutes=1)
    named(world, name="Other ED")
    press(client, world)
    Watcher().look()
    with everything():
        _, other = EdPacket.objects.select_related("card").order_by("asked_at")
    world.time.advance(minutes=1)
    assert open_page(exchange_key(other.card.key), other.card.code) is not None
    shown = part(client, world)
    assert (
        "sent Tue 3 Mar 02:14 CST by e-mail, opened Tue 3 Mar 02:15 CST" in shown
        and "with the patient’s card" not in shown
    )
    assert "sent Tue 3 Mar 02:13 CST by e-mail, not yet opened" in shown


def test_a_link_that_is_over_is_said_so_and_its_code_is_read_out_no_more(world, client):
    named(world, fax=FAX)
    press(client, world)
    Watcher().look()
    card = packet_of(world).card
    card.link.revoked_at = NOW
    card.link.save()
    shown = part(client, world)
    assert "Its link opens nothing any more: send the packet again." in shown
    assert card.code not in shown and "Fax sheet" not in shown


def test_the_link_of_a_packet_is_never_printed_as_a_card(world, client):
    named(world)
    press(client, world)
    Watcher().look()
    card = packet_of(world).card
    client.force_login(world.alice.nurse)
    address = reverse("card", args=[world.course.pk, card.pk])
    shown = client.get(reverse("cards", args=[world.course.pk]))
    assert "the link of a packet; its code is read out" in words(shown)
    assert f'href="{address}"' not in shown.content.decode() and client.get(address).status_code == 404


def test_what_is_being_sent_for_too_long_says_phone(world, client):
    named(world)
    press(client, world)
    world.time.advance(minutes=emergency_data().packet.unopened_minutes - 1)
    assert "Phone the department" not in part(client, world)
    world.time.advance(minutes=1)
    shown = part(client, world)
    assert "being sent" in shown and "Phone the department: 555-0199" in shown


def test_the_part_opened_as_an_address_of_its_own_leads_to_its_page(world, client):
    named(world)
    client.force_login(world.alice.on_call)
    address, alert = reverse("ed_packet", args=[world.course.pk]), alert_of(world)
    assert client.get(f"{address}?page={alert.pk}").url == f"{reverse('page', args=[alert.pk])}#ed-packet"
    for page in ("", "?page=x", f"?page={uuid4()}"):
        answer = client.get(address + page, follow=True)
        assert answer.redirect_chain == [(f"{reverse('cards', args=[world.course.pk])}#ed-packet", 302)]
        assert 'id="ed-packet"' in answer.content.decode() and "<main" in answer.content.decode()


def test_without_a_page_it_is_sent_from_the_cards_and_the_answer_stands_there(world, client):
    named(world)
    client.force_login(world.alice.nurse)
    cards = reverse("cards", args=[world.course.pk])
    assert "Send packet to County ED" in words(client.get(cards))
    answer = client.post(reverse("send_ed_packet", args=[world.course.pk]), {"key": str(uuid4())})
    assert answer.url == f"{cards}#ed-packet"
    shown = words(client.get(cards))
    assert "Below stands whether it was sent" in shown and "being sent" in shown


@pytest.mark.parametrize(("minutes", "phone"), [(-1, False), (0, True)])
def test_not_opened_for_too_long_says_phone(world, client, minutes, phone):
    named(world)
    press(client, world)
    Watcher().look()
    world.time.advance(minutes=emergency_data().packet.unopened_minutes + minutes)
    assert ("Phone the department: 555-0199" in part(client, world)) is phone


def test_without_a_department_the_page_says_what_to_do(world, client):
    client.force_login(world.alice.on_call)
    shown = words(client.get(reverse("page", args=[alert_of(world).pk])))
    assert "The plan of this patient names no emergency department: nothing can be sent." in shown
    assert "Phone the department that the patient goes to, and read the sheet for the ED out." in shown
    assert "Send packet" not in shown
    client.post(reverse("send_ed_packet", args=[world.course.pk]))
    assert "NOT sent: the plan of this patient names no emergency department. Phone" in words(
        client.get(reverse("course", args=[world.course.pk]))
    )


def test_the_timeline_tells_it(world, client):
    named(world)
    press(client, world)
    Watcher().look()
    packet = packet_of(world)
    open_page(exchange_key(packet.card.key), packet.card.code)
    client.force_login(world.alice.on_call)
    shown = words(client.get(reverse("course", args=[world.course.pk])))
    assert "sent to County ED by e-mail; sent by hand" in shown
    assert "the emergency page was opened" in shown


def test_a_viewer_sends_nothing_and_sees_no_code(world, client):
    named(world)
    press(client, world)
    Watcher().look()
    viewer = make_member(world.alice.organisation, "viewer")
    client.force_login(viewer)
    code = packet_of(world).card.code
    assert client.get(reverse("ed_packet", args=[world.course.pk])).status_code == 403
    cards = words(client.get(reverse("cards", args=[world.course.pk])))
    assert "Packet for the emergency department" in cards and code not in cards
    client.force_login(world.alice.nurse)
    assert code in words(client.get(reverse("cards", args=[world.course.pk])))
    client.force_login(viewer)
    assert client.post(reverse("send_ed_packet", args=[world.course.pk])).status_code == 403
    assert client.get(reverse("ed_fax", args=[world.course.pk, packet_of(world).pk])).status_code == 403


def test_who_reads_the_code_out_may_open_the_sheet_and_send_it():
    assert VERBS["send_ed_packet"] <= VERBS["acknowledge"] | {Role.COORDINATOR}


# --- by fax ---------------------------------------------------------------------------------------------------------------


def faxing(world, client) -> EdPacket:
    named(world, email="", fax=FAX)
    press(client, world)
    Watcher().look()
    return packet_of(world)


def test_the_fax_sheet_names_nobody_and_holds_no_code(world, client):
    packet = faxing(world, client)
    assert "NOT sent yet: print the fax sheet and fax it" in part(client, world)
    shown = client.get(reverse("ed_fax", args=[world.course.pk, packet.pk])).content.decode()
    sheet = shown.partition("<article")[2].partition("</article>")[0]
    assert f"fax {FAX}" in sheet and "CALL NOW" in sheet and "Call now: <strong>555-0111</strong>" in sheet
    assert packet.card.key in sheet and packet.card.code not in sheet
    assert "Synthia" not in sheet and "teclistamab" not in sheet


def test_the_fax_sheet_as_pdf_is_one_page(world, client):
    packet = faxing(world, client)
    answer = client.get(reverse("ed_fax", args=[world.course.pk, packet.pk]), {"as": "pdf"})
    assert answer.headers["Content-Type"] == "application/pdf"
    (sheet,) = PdfReader(io.BytesIO(answer.content)).pages
    said = " ".join(sheet.extract_text().split())
    assert "CALL NOW: a patient of ours is sent to your emergency department" in said and "555-0111" in said
    assert "Synthia" not in said and "teclistamab" not in said and packet.card.code not in said


def test_where_no_pdf_can_be_made_the_page_is_printed(world, client, monkeypatch):
    packet = faxing(world, client)

    def none(*_, **__):
        raise pdf.PdfUnavailable(pdf.NO_PDF)

    monkeypatch.setattr("handrail.web.views_ed_packet.pdf_of", none)
    shown = words(client.get(reverse("ed_fax", args=[world.course.pk, packet.pk]), {"as": "pdf"}))
    assert "cannot make PDFs" in shown and "CALL NOW" in shown


def test_it_went_through_is_written_down_and_is_no_reading(world, client):
    packet = faxing(world, client)
    address = reverse("ed_fax_sent", args=[world.course.pk, packet.pk])
    shown = words(client.post(address, follow=True))
    assert "says nothing about anybody reading it: phone them" in shown
    assert "sent Tue 3 Mar 02:13 CST by fax, not yet opened" in shown
    assert client.get(address).status_code == 302, "a reload writes nothing"


# --- the departments --------------------------------------------------------------------------------------------------------


def test_a_manager_adds_a_department_and_a_nurse_names_it_in_the_plan(world, client):
    client.force_login(world.alice.director)
    typed = {"kind": "ed", "name": "County ED", "number": "555-0199", "email": "ed@county.example.org", "fax": FAX}
    assert client.post(reverse("places"), typed).status_code == 302
    place = CarePlace.objects.get()
    listed = words(client.get(reverse("places")))
    assert f"555-0199 e-mail, then fax {FAX}" in listed
    client.force_login(world.alice.nurse)
    assert "Add a place" not in words(client.get(reverse("places")))
    client.post(reverse("choose_ed", args=[world.course.pk]), {"place": str(place.pk)})
    assert destination(world.course) == place
    cards = words(client.get(reverse("cards", args=[world.course.pk])))
    assert "Emergency department of the plan County ED" in cards
    client.force_login(world.alice.director)
    assert client.post(reverse("end_place", args=[place.pk])).status_code == 302
    assert "No packet can be sent: whoever is on call has to phone." in words(client.get(reverse("places")))
    assert "None is named: no packet can be sent" in words(client.get(reverse("cards", args=[world.course.pk])))


def test_what_is_wrong_with_a_department_is_said_and_what_was_typed_is_kept(world, client):
    client.force_login(world.alice.director)
    typed = {"kind": "ed", "name": "County ED", "number": "555-0199", "email": "nobody"}
    shown = client.post(reverse("places"), typed)
    assert "That is no e-mail address." in words(shown, 422)
    assert 'value="County ED"' in shown.content.decode() and not CarePlace.objects.exists()


@pytest.mark.parametrize(
    "place", ["", "x", "00000000-0000-4000-8000-000000000000"], ids=["none", "a word", "a place that is nowhere"]
)
def test_a_choice_that_is_none_changes_nothing(world, client, place):
    standing = named(world)
    client.force_login(world.alice.nurse)
    client.post(reverse("choose_ed", args=[world.course.pk]), {"place": place})
    assert destination(world.course) == standing


def test_another_organisations_department_is_no_choice(world, client):
    with everything():
        foreign = CarePlace.objects.create(organisation=world.bob.organisation, name="Bob's ED", number="555-0177")
    make_place(world)
    client.force_login(world.alice.nurse)
    assert "Bob" not in words(client.get(reverse("cards", args=[world.course.pk])))
    client.post(reverse("choose_ed", args=[world.course.pk]), {"place": str(foreign.pk)})
    assert destination(world.course) is None


def test_the_button_of_a_page_that_stood_open_sends_once(world, client):
    named(world)
    client.force_login(world.alice.on_call)
    shown = client.get(reverse("page", args=[alert_of(world).pk])).content.decode()
    (key,) = set(re.findall(r'name="key" value="([^"]+)"', shown))
    again = client.get(reverse("ed_packet", args=[world.course.pk]), headers=ASKS_AGAIN).content.decode()
    assert re.findall(r'name="key" value="([^"]+)"', again) == [key]
    press(client, world, key=key)
    press(client, world, key=key)
    with everything():
        assert EdPacket.objects.count() == 1
