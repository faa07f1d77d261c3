"""T-19 through the pages: no mandatory field of a packet goes out empty, and what is not known is said to be."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import record_event
from handrail.people.models import Patient
from handrail.people.scope import everything
from handrail.records.models import Course, HandoffDoor
from handrail.rules.packet_data import packet_data
from tests.support.factories import World, event
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import KNOWN
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
NO = dict.fromkeys(KNOWN, "no")


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        world.shared = stepped_up_course(world)
        yield world


def fields_of(client: Client, address: str) -> dict[str, str]:
    """Every field of a page of a packet, by its key, as it is read there."""
    answer = client.get(address)
    assert answer.status_code == 200
    found = re.findall(r'<dd data-field="([^"]+)">(.*?)</dd>', answer.content.decode(), re.DOTALL)
    return {key: unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))).strip() for key, text in found}


def empty_in(course: Course, client: Client) -> set[str]:
    """The mandatory fields that the packet, as it stands, says nothing about."""
    told = fields_of(client, reverse("packet", args=[course.pk]))
    must = set(packet_data().must.fields)
    assert must - set(told) <= {"person.caregiver"}, "only that stands with the contacts once one is named there"
    return {key for key in must & set(told) if told[key].startswith("not known")}


def offer(world: World, **data: str) -> tuple[int, str, str]:
    """Send the form of the hand-off: the status, what is read then, and the names of the empty fields that the page would send."""
    sent = {"to": str(world.bob.id), "channel": "account", **NO, **data}
    answer = signed_in(world.alice.nurse).post(reverse("offer_handoff", args=[world.shared.pk]), sent)
    ticks = re.search(r'name="not_known" value="([^"]*)"', answer.content.decode())
    return answer.status_code, words(answer.content), ticks[1] if ticks else ""


def nothing_went(world: World) -> bool:
    with everything():
        offered = world.shared.events.filter(kind="handoff_offered").exists()
        return not (offered or world.shared.packets.exists() or HandoffDoor.objects.exists())


@pytest.mark.parametrize("channel", ["account", "link", "fax"])
def test_t19_with_an_empty_mandatory_field_nothing_is_sent_until_not_known_is_said_of_each(world, channel):
    """Removing `refuse_unsaid` from `handoffs.offer` makes it fail."""
    nurse = signed_in(world.alice.nurse)
    empty = empty_in(world.shared, nurse)
    assert {"laboratory.igg", "prophylaxis.pjp", "fever.ed"} <= empty
    to = {"channel": channel, "to": str(fax_practice().pk if channel == "fax" else world.bob.id)}
    status, page, named = offer(world, **to, step="check")
    assert status == 200
    assert set(named.split(",")) == empty, "every one of them stands beside the tick, and no other"
    for label in ("IgG", "Pneumocystis (PJP)", "Hepatitis B"):
        assert f"{label} : not known" in page
    assert f"Empty in the packet: {len(empty)} fields that the other side cannot do without" in page
    # pressed without the tick, or with one for less than is empty by now
    for said in ({}, {"not_known": ""}, {"not_known": ",".join(sorted(empty)[1:])}):
        status, page, _ = offer(world, **to, step="send", **said)
        assert status == 422
        assert "Fill these in, or say that they go out as not known." in page
        assert nothing_went(world)
    status, _, _ = offer(world, **to, step="send", not_known=named, id=str(uuid4()))
    assert status == (200 if channel == "link" else 302)
    with everything():
        assert world.shared.events.filter(kind="handoff_offered").count() == 1


def test_t19_what_the_receiver_reads_of_an_empty_field_is_not_known_and_no_field_is_blank(world):
    """Removing the else of `packet_field.html` makes it fail."""
    empty = empty_in(world.shared, signed_in(world.alice.nurse))
    said = {"not_known": ",".join(empty)}
    assert signed_in(world.alice.nurse).post(reverse("seal_packet", args=[world.shared.pk]), said).status_code == 302
    named = offer(world, step="check")[2]
    assert offer(world, step="send", not_known=named)[0] == 302
    receiver = signed_in(world.bob.oncologist)
    for address in (reverse("packet", args=[world.shared.pk]), reverse("packet_version", args=[world.shared.pk, 1])):
        told = fields_of(receiver, address)
        assert len(told) > 80
        assert not [key for key, text in told.items() if not text], "a blank is no answer"
        assert all(told[key].startswith("not known") for key in empty)


def test_t19_what_was_filled_in_meanwhile_is_asked_no_more(world):
    """Removing `each.words is None` from `not_known._unfilled` makes it fail."""
    before = set(offer(world, step="check")[2].split(","))
    with everything():
        Patient.objects.filter(pk=world.shared.patient_id).update(phone="")
    assert "person.phone" in offer(world, step="check")[2].split(",")
    with everything():
        Patient.objects.filter(pk=world.shared.patient_id).update(phone="+1 (555) 010-0123")
    by = world.actor("alice", "oncologist")
    fields = {"code": "igg", "value": "520", "unit": "mg/dL"}
    record_event(world.shared.pk, event("lab_resulted", at=NOW, **fields), by=by, now=NOW)
    assert set(offer(world, step="check")[2].split(",")) == before - {"laboratory.igg"}
