"""T-19 through every exit: who looked at what leaves as not known is kept and read on both sides, and an emergency waits for no form."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from handrail import clock
from handrail.actions.errors import RefusedError
from handrail.actions.facts import correct_event, record_event, withdraw_event
from handrail.people.models import HealthLink, Patient
from handrail.people.scope import everything
from handrail.records.models import Event, HandoffDoor
from handrail.rules.packet_data import packet_data
from tests.support.clients import registered, tied, token_of
from tests.support.ed import FAX, named
from tests.support.factories import World
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import KNOWN
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
NO = dict.fromkeys(KNOWN, "no")
LINK = {"label": "Treatment packet", "days": "14", "with_passcode": "yes"}
UNSAID = "Fill these in, or say that they go out as not known."
BY_ALICE = "Alice Nurse, nurse looked Wed 11 Mar 09:00 CDT"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        world.shared = stepped_up_course(world)
        world.desk = signed_in(world.alice.nurse)
        yield world


def post(world, name: str, *args, client: Client | None = None, **data):
    return (client or world.desk).post(reverse(name, args=[world.shared.pk, *args]), data)


def page(world, name: str, *args, client: Client | None = None):
    return (client or world.desk).get(reverse(name, args=[world.shared.pk, *args]))


def read(answer) -> str:
    return unescape(words(answer.content))


def ticked(answer) -> str:
    """The keys that the tick of a page would send; empty: it asks nothing."""
    found = re.search(r'name="not_known" value="([^"]*)"', answer.content.decode())
    return found[1] if found else ""


def said(world) -> list[Event]:
    with everything():
        return list(world.shared.events.filter(kind="not_known_said").order_by("recorded_at", "id"))


def versions(world) -> int:
    with everything():
        return world.shared.packets.count()


def offered(world, **to):
    """Offered as the page asks it: the keys that stood beside the tick, the hand-off, and the answer."""
    form = {"to": str(world.bob.id), "channel": "account", **NO, **to}
    keys = ticked(post(world, "offer_handoff", **form, step="check"))
    answer = post(world, "offer_handoff", **form, step="send", not_known=keys, id=str(uuid4()))
    with everything():
        return keys, world.shared.events.get(kind="handoff_offered").id, answer


def sealed_in_haste(world) -> None:
    assert post(world, "seal_packet", emergency="yes").status_code == 302


# --- the word is kept -------------------------------------------------------------------------------------------------


def test_t19_who_looked_is_kept_with_the_offer_and_both_sides_read_it(world):
    """Removing `facts.append` from `handoffs.offer` makes it fail."""
    keys, handoff, answer = offered(world)
    assert answer.status_code == 302
    (word,) = said(world)
    assert set(word.payload["fields"]) == set(keys.split(",")) and word.payload["handoff"] == str(handoff)
    assert (word.by, word.role, word.recorded_at) == (str(world.alice.nurse.pk), "nurse", NOW)
    for client in (world.desk, signed_in(world.bob.oncologist)):
        shown = read(page(world, "handoff", handoff, client=client))
        assert f"{BY_ALICE} and said so of:" in shown
        for label in word.payload["labels"]:
            assert label in shown.partition("said so of:")[2]
    assert "leaves as not known" in read(page(world, "course"))


def test_t19_what_was_said_is_never_taken_back_or_written_by_another_way(world):
    """Removing the kind from `facts.NEVER_CHANGED` makes it fail."""
    offered(world)
    (word,) = said(world)
    by = world.actor("alice", "oncologist")
    with pytest.raises(RefusedError, match="cannot be corrected or withdrawn"):
        withdraw_event(world.shared.pk, word.id, reason="it was another", by=by, now=NOW)
    again = {**word.payload, "id": str(uuid4()), "kind": word.kind, "at": NOW.isoformat()}
    with pytest.raises(RefusedError, match="cannot be corrected or withdrawn"):
        correct_event(world.shared.pk, word.id, again, reason="it was another", by=by, now=NOW)
    with pytest.raises(RefusedError, match="a page of its own"):
        record_event(world.shared.pk, again, by=by, now=NOW)


def test_t19_behind_the_link_on_its_paper_and_on_the_fax_sheet_stands_who_looked(world, client):
    keys, handoff, answer = offered(world, to=str(fax_practice().pk), channel="link")
    labels = list(said(world)[0].payload["labels"])
    with everything():
        door = HandoffDoor.objects.get()
    client.get(re.search(r"/h/[\w-]{20,}", answer.content.decode())[0])
    assert client.post("/h/", {"code": door.read_code}).status_code == 302
    shown = read(client.get("/h/"))
    assert f"{labels[-1]}. {BY_ALICE}" in shown
    assert f"Goes out as not known: {', '.join(labels)}. {BY_ALICE}" in read(client.get("/h/packet")).replace(" .", ".")
    paper = client.get("/h/packet/letter.pdf")
    assert BY_ALICE.replace(" ", "") in _text(paper)
    assert keys and post(world, "handoff_step", handoff, "sheet").status_code == 302
    assert f"{labels[-1]}. {BY_ALICE}" in read(page(world, "handoff_fax", handoff))


def _text(answer) -> str:
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    return re.sub(r"\s", "", "".join(each.extract_text() for each in PdfReader(io.BytesIO(answer.content)).pages))


def test_t19_a_link_made_anew_asks_for_what_became_empty_since_the_offer(world):
    """Removing `refuse_unsaid` from `handoff_doors.make_link` makes it fail."""
    _, handoff, answer = offered(world, channel="link")
    assert answer.status_code == 200
    with everything():
        Patient.objects.filter(pk=world.shared.patient_id).update(phone="")
    refused = post(world, "handoff_step", handoff, "link")
    assert refused.status_code == 422 and UNSAID in read(refused)
    assert ticked(refused) == "person.phone", "what was said with the offer is asked no more"
    with everything():
        assert HandoffDoor.objects.count() == 1
    assert post(world, "handoff_step", handoff, "link", not_known="person.phone").status_code == 200
    assert [each.payload["fields"] for each in said(world)][1:] == [["person.phone"]]
    assert read(page(world, "handoff", handoff)).count(BY_ALICE) == 2
    assert versions(world) == 2 and not ticked(page(world, "packet_version", 2)), "what the link sealed was looked at"


# --- sealing, paper and file ------------------------------------------------------------------------------------------


def test_t19_a_version_is_sealed_by_whoever_looked_and_in_an_emergency_at_once(world):
    """Removing `refuse_unsaid` from `not_known.say_of` makes it fail."""
    asked = page(world, "packet")
    keys = ticked(asked)
    assert set(keys.split(",")) <= set(packet_data().must.fields) and "laboratory.igg" in keys
    for short in ({}, {"not_known": ",".join(keys.split(",")[1:])}):
        refused = post(world, "seal_packet", **short)
        assert refused.status_code == 422 and UNSAID in read(refused)
        assert versions(world) == 0 and not said(world)
    sealed_in_haste(world)
    assert versions(world) == 1 and not said(world)
    assert "Nobody has said that they looked" in read(page(world, "packet_version", 1))
    assert post(world, "seal_packet", not_known=keys).status_code == 302
    assert versions(world) == 1, "the same facts are the same version"
    (word,) = said(world)
    with everything():
        assert word.payload["packet"] == str(world.shared.packets.get().pk)
    shown = read(page(world, "packet_version", 1))
    assert BY_ALICE in shown and "Nobody has said" not in shown


def test_t19_a_person_takes_the_paper_and_the_file_along_after_the_word(world):
    """Removing `hold_back` from `fhir.views._read`, or `refuse_unsaid` from `views_packet.packet_pdf`, makes it fail."""
    sealed_in_haste(world)
    with everything():
        version = world.shared.packets.get().pk
    file = reverse("fhir_bundle", args=[version])
    shown = page(world, "packet_version", 1).content.decode()
    assert file not in shown and ".pdf" not in shown and reverse("ed_packet", args=[world.shared.pk]) in shown
    paper = page(world, "packet_pdf", 1, "letter")
    assert paper.status_code == 422 and UNSAID in read(paper)
    held = world.desk.get(file)
    assert held.status_code == 409
    assert "nobody has said that they go out as not known" in held.json()["issue"][0]["diagnostics"]
    with everything():
        assert not world.shared.looks.filter(what__startswith="fhir").exists()
        assert not world.shared.documents.filter(kind="packet_fhir_r4").exists(), "nothing was written out"
    keys = ticked(paper)
    short = post(world, "say_not_known", 1, not_known=keys.partition(",")[2])
    assert short.status_code == 422 and not said(world)
    assert post(world, "say_not_known", 1, not_known=keys).status_code == 302
    assert post(world, "say_not_known", 1, not_known=keys).status_code == 302
    assert len(said(world)) == 1, "said once"
    assert BY_ALICE.replace(" ", "") in _text(page(world, "packet_pdf", 1, "letter"))
    assert world.desk.get(file).status_code == 200


def test_t19_whoever_only_reads_what_was_shared_with_them_is_not_asked(world):
    """Returning True from `not_known.asked` for everybody makes it fail."""
    sealed_in_haste(world)
    world.time.advance(minutes=1)  # what is said of a later hand-off says nothing of this version
    offered(world)
    receiver = signed_in(world.bob.oncologist)
    with everything():
        version = world.shared.packets.get().pk
    assert not ticked(page(world, "packet_version", 1, client=receiver))
    assert receiver.get(reverse("fhir_bundle", args=[version])).status_code == 200
    assert page(world, "packet_pdf", 1, "letter", client=receiver).status_code == 200
    keys = ",".join(packet_data().must.fields)
    assert post(world, "say_not_known", 1, client=receiver, not_known=keys).status_code == 403
    assert len(said(world)) == 1, "the word with the offer"


# --- health links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["handoff", "consult", "patient"])
def test_t19_a_planned_health_link_asks_the_same(world, purpose):
    """Removing `say_of` from `health_links.make_link` makes it fail."""
    sealed_in_haste(world)
    keys = ticked(page(world, "new_health_link"))
    refused = post(world, "new_health_link", **LINK, purpose=purpose)
    assert refused.status_code == 422 and UNSAID in read(refused) and ticked(refused) == keys
    with everything():
        assert not HealthLink.objects.exists()
    assert post(world, "new_health_link", **LINK, purpose=purpose, not_known=keys).status_code == 302
    assert set(said(world)[0].payload["fields"]) == set(keys.split(","))
    assert not ticked(page(world, "new_health_link")), "it was said of this version"


def test_t19_nothing_for_an_emergency_department_waits_for_the_word(world):
    """Asking for the purpose `emergency` too makes it fail."""
    sealed_in_haste(world)
    assert post(world, "new_health_link", **LINK, purpose="emergency").status_code == 302
    world._course = world.shared
    named(world, email="", fax=FAX)
    assert post(world, "send_ed_packet", key=str(uuid4())).status_code == 302
    with everything():
        assert world.shared.ed_packets.count() == 1
        assert HealthLink.objects.count() == 1
    assert not said(world)


# --- systems ----------------------------------------------------------------------------------------------------------


def test_t19_a_system_is_never_held_up_and_reads_what_is_not_known_as_data(world):
    """Removing `_empty` from `handoff_document`, or `_not_known` from `fhir.tasks.task`, makes it fail."""
    keys, handoff, _ = offered(world)
    sealed_in_haste(world)
    with everything():
        version = world.shared.packets.get().pk
    scopes = ["system/Bundle.r", "system/Task.r"]
    client = registered(world, scopes=scopes)
    tied(world, client, course=world.shared)
    bearer = {"Authorization": f"Bearer {token_of(client, ' '.join(scopes))}"}
    answer = Client().get(f"/fhir/Bundle/{version}", headers=bearer)
    assert answer.status_code == 200
    composition = json.loads(answer.content)["entry"][0]["resource"]
    found = [each for each in composition["extension"] if each["url"] == "urn:handrail:extension:not-known"]
    told = [
        {part["url"]: part.get("valueCode", part.get("valueString")) for part in each["extension"]} for each in found
    ]
    assert {each["field"] for each in told} == set(keys.split(","))
    assert {"IgG", "Hepatitis B"} <= {each["label"] for each in told}
    task = Client().get(f"/fhir/Task/{handoff}", headers=bearer).json()
    assert {each["valueCodeableConcept"]["coding"][0]["code"] for each in task["input"]} == set(keys.split(","))
    (note,) = task["note"]
    assert note["authorReference"]["display"] == world.alice.nurse.name and note["time"] == NOW.isoformat()
