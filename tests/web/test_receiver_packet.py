"""The packet behind the link of a hand-off: who gets to it, which version, what is logged, and when it ends."""

import pytest
from django.test import Client

from handrail import clock
from handrail.actions import handoff_doors, handoffs, packets
from handrail.actions.facts import record_event
from handrail.actions.handoff_doors import OPEN_FOR, Who
from handrail.actions.links import issue_checkin_link
from handrail.actions.packets import seal
from handrail.people.scope import everything
from handrail.records.models import Document
from handrail.rules.terms import UnusableInput
from handrail.web.pdf import PdfUnavailable
from handrail.web.receiver import views
from tests.support.factories import World, dose, event
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.web.test_handoffs import SECRETS, follow, offered, over, plain, stage, typed, words

pytestmark = pytest.mark.django_db
PAGES = ("/h/packet", "/h/packet/a4.pdf", "/h/packet/letter.pdf")


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        world.shared = stepped_up_course(world)
        world.practice = fax_practice()
        world.loop = offered(world, world.practice)
        world.made = handoff_doors.make_link(world.shared.pk, world.loop, by=world.actor("alice"), now=NOW)
        yield world


def looks(world) -> list[str]:
    """What was looked at through the link, the first first."""
    with everything():
        rows = world.shared.looks.filter(link=world.made.door.link_id).order_by("at", "id")
        return list(rows.values_list("what", flat=True))


def tell(world, fact) -> None:
    record_event(world.shared.pk, fact, by=world.actor("alice", "oncologist"), now=clock.now())


# --- what it is -------------------------------------------------------------------------------------------------------


def test_the_link_seals_the_packet_and_one_more_link_seals_no_second_version(world):
    with everything():
        assert list(world.shared.packets.values_list("number", flat=True)) == [1]
    handoff_doors.make_link(world.shared.pk, world.loop, by=world.actor("alice"), now=NOW)
    with everything():
        assert list(world.shared.packets.values_list("number", flat=True)) == [1]


def test_behind_the_code_it_is_read_and_printed_and_every_opening_is_a_look_of_the_link(world, client):
    typed(client, world.made)
    assert "The packet: everything you have to know" in words(client.get("/h/"))
    before = looks(world)
    world.time.advance(minutes=1)  # of one instant nobody knows which look was the first
    shown = words(client.get("/h/packet"))
    for wanted in ("Sealed version 1", "Synthia Example", "teclistamab", "1950-04-05", "Changed since version 1"):
        assert wanted in shown
    for paper in ("a4", "letter"):
        answer = client.get(f"/h/packet/{paper}.pdf")
        assert answer.headers["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF")
        assert answer.headers["Content-Disposition"].endswith(f'-version-1-{paper}.pdf"')
        assert answer.headers["Cache-Control"] == "no-store"
    assert looks(world)[len(before) :] == ["packet version 1"] * 3
    assert stage(world) == "delivered", "opening the packet is no reading by a named person"


def test_the_usual_paper_of_the_country_stands_first(world, client):
    answer = typed(client, world.made).get("/h/packet").content.decode()
    assert answer.index("letter.pdf") < answer.index("a4.pdf")


def test_what_changed_since_it_was_sealed_is_said_and_the_newest_version_is_read(world, client):
    typed(client, world.made)
    world.time.advance(minutes=5)
    tell(world, event("lab_resulted", at=clock.now(), code="anc", value="0.4", unit="10*9/L"))
    old = words(client.get("/h/packet"))
    assert (
        "Sealed version 1" in old and "0.4" in old.split("Changed since version 1")[1].split("Before anything else")[0]
    )
    world.time.advance(minutes=1)
    seal(world.shared.pk, by=world.actor("alice"), now=clock.now())
    new = words(client.get("/h/packet"))
    assert "Sealed version 2" in new and "Changed since version 2 (0) Nothing." in new
    assert looks(world)[-2:] == ["packet version 1", "packet version 2"]


# --- who gets to it -----------------------------------------------------------------------------------------------------


def test_without_the_code_it_leads_to_the_code_and_says_nothing(world, client):
    follow(client, world.made.token)
    for address in PAGES:
        answer = client.get(address)
        assert (answer.status_code, answer.url) == (302, "/h/") and answer.headers["Cache-Control"] == "no-store"
    assert looks(world) == []


@pytest.mark.parametrize("how", ["revoked", "replaced", "expired", "shut by wrong codes"])
def test_a_link_that_is_over_opens_no_packet_although_its_code_was_typed(world, client, how):
    typed(client, world.made)
    before = looks(world)
    over(world, world.loop, world.made, how)
    for address in PAGES:
        found, never = client.get(address), Client().get(address)
        assert (found.status_code, plain(found)) == (never.status_code, plain(never)) == (410, plain(never))
        assert not [each for each in SECRETS if each in plain(found)]
    assert looks(world) == before


def test_a_link_of_another_kind_opens_no_packet(world, client):
    client.get(f"/c/{issue_checkin_link(world.shared.pk, by=world.actor('alice')).token}")
    assert client.get("/h/packet").status_code == 410


def test_after_a_working_day_the_code_is_asked_for_again(world, client):
    typed(client, world.made)
    world.time.advance(seconds=OPEN_FOR.total_seconds())
    assert client.get("/h/packet").url == "/h/"


def test_it_ends_with_the_hand_off(world, client):
    typed(client, world.made)
    handoff_doors.accept_through(world.made.door, Who("Synthetic Oncologist", "oncologist"), now=clock.now())
    assert client.get("/h/packet").status_code == 200, "whoever has taken the patient over still needs it"
    world.time.advance(days=5)
    tell(world, dose("treatment", mg="120", at=clock.now()))
    typed(client, world.made)
    assert client.get("/h/packet").status_code == 200
    handoffs.close(world.shared.pk, world.loop, by=world.actor("alice"), now=clock.now())
    assert [client.get(address).status_code for address in PAGES] == [410] * 3


def test_there_is_no_other_paper_and_nothing_to_send_there(world, client):
    typed(client, world.made)
    assert client.get("/h/packet/a3.pdf").status_code == 410
    assert client.post("/h/packet", {"what": "accept"}).status_code == 405


# --- when something is wrong ----------------------------------------------------------------------------------------------


def test_a_course_that_cannot_be_judged_gets_a_link_and_its_page_says_to_call(world, client, monkeypatch):
    world.shared = stepped_up_course(world)
    loop = offered(world, world.practice)

    def cannot(*_args, **_named):
        raise UnusableInput("no_row", "no row says so")

    monkeypatch.setattr(packets, "assess", cannot)
    made = handoff_doors.make_link(world.shared.pk, loop, by=world.actor("alice"), now=NOW)
    with everything():
        assert world.shared.packets.count() == 0
    follow(client, made.token)
    client.post("/h/", {"code": made.door.read_code})
    said = words(client.get("/h/packet"), 409)
    assert "No packet was sealed. Call the number" in said and "Synthia" not in said


def test_a_changed_content_is_not_shown(world, client):
    typed(client, world.made)
    with everything():
        row = world.shared.packets.get()
        Document.objects.filter(pk=row.content_id).update(sha256="0" * 64)
    said = words(client.get("/h/packet"), 409)
    assert "No packet The stored packet was changed. Call the number" in said and "Synthia" not in said


def test_where_no_pdf_can_be_made_the_page_is_there_to_be_printed(world, client, monkeypatch):
    def no_pdf(*_args, **_named):
        raise PdfUnavailable("This installation cannot make PDFs. Print the page instead.")

    monkeypatch.setattr(views, "printed", no_pdf)
    said = words(typed(client, world.made).get("/h/packet/a4.pdf"))
    assert "Print the page instead." in said and "Sealed version 1" in said


def test_the_page_asks_no_other_server(world, client):
    answer = typed(client, world.made).get("/h/packet")
    assert "http" not in answer.content.decode().split("<body")[1]
    assert answer.headers["Referrer-Policy"] == "same-origin"
