"""The address of a sealed packet's document: who is answered what, always the same bytes, and refusals that say what to do."""

import base64
import hashlib
import json
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.access import grant_access
from handrail.actions.not_known import seal_looked
from handrail.fhir import views
from handrail.people.scope import everything
from handrail.records.models import Document, Look
from tests.support.documents import problems
from tests.support.factories import World, event, make_member
from tests.support.handoffs import LOOKED
from tests.support.once import made_once
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.version = seal_looked(world.course.pk, LOOKED, by=world.actor("alice"))
        return world


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def ask(world, who, version=None, method="get"):
    client = Client()
    if who is not None:
        client.force_login(who)
    return getattr(client, method)(reverse("fhir_bundle", args=[version or world.version.pk]))


WHO = [
    # who                                                             | answer | code of the refusal
    (lambda world: world.alice.nurse, 200, ""),
    (lambda world: world.bob.nurse, 200, ""),
    (lambda world: world.charlie.nurse, 404, "not-found"),
    (lambda world: make_member(world.alice.organisation, "viewer"), 403, "forbidden"),
    (lambda world: None, 401, "login"),
]


@pytest.mark.parametrize(("who", "status", "code"), WHO)
def test_who_is_answered_what(world, who, status, code):
    answer = ask(world, who(world))
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/fhir+json")
    assert answer["Cache-Control"] == "no-store"
    body = json.loads(answer.content)
    if code:
        assert body["resourceType"] == "OperationOutcome"
        assert (body["issue"][0]["code"], bool(body["issue"][0]["diagnostics"])) == (code, True)
        assert "Synthia" not in answer.content.decode()
    else:
        assert problems(body) == [] and body["id"] == str(world.version.pk)


def test_one_that_does_not_exist_and_one_that_is_not_yours_look_the_same(world):
    mine, none = ask(world, world.charlie.nurse), ask(world, world.charlie.nurse, uuid4())
    assert (mine.status_code, mine.content) == (none.status_code, none.content)


def test_the_bytes_are_kept_and_served_whatever_comes_later(world, monkeypatch):
    first = ask(world, world.alice.nurse)
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    monkeypatch.setattr(views, "written", lambda document: b"a later release writes it otherwise")
    with clock.use(clock.FrozenClock(NOW + timedelta(days=3))):
        again = ask(world, world.bob.nurse)
    assert again.content == first.content
    digest = hashlib.sha256(first.content).digest()
    assert first["Repr-Digest"] == again["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert first["ETag"] == f'"{digest.hex()}"'


def test_the_kept_bytes_are_encrypted_and_the_look_is_logged(world):
    ask(world, world.bob.nurse)
    with everything():
        kept = Document.objects.get(kind="packet_fhir_r4")
        assert b"Synthia" not in bytes(kept.sealed)
        assert Look.objects.get(user=world.bob.nurse).what == "packet version 1"


def test_somebody_whose_access_ended_is_a_stranger_again(world):
    charlie = world.charlie
    grant = grant_access(
        world.course.pk,
        charlie.organisation,
        purpose="handoff",
        by=world.actor("alice", "oncologist"),
        valid_until=NOW + timedelta(hours=1),
    )
    assert grant and ask(world, charlie.nurse).status_code == 200
    with clock.use(clock.FrozenClock(NOW + timedelta(hours=2))):
        assert ask(world, charlie.nurse).status_code == 404


def test_content_that_was_changed_is_refused_in_words(world):
    with everything():
        Document.objects.update(sha256="0" * 64)
    answer = ask(world, world.alice.nurse)
    assert answer.status_code == 409
    assert json.loads(answer.content)["issue"][0]["diagnostics"] == "The stored packet was changed."


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_it_is_only_read_and_whoever_sends_is_told_in_the_form_of_the_door(world, method, signed_in):
    client = Client(enforce_csrf_checks=True)
    if signed_in:
        client.force_login(world.alice.nurse)
    answer = getattr(client, method)(reverse("fhir_bundle", args=[world.version.pk]), "{}", content_type="text/plain")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Content-Type"].startswith("application/fhir+json")
    assert answer.json()["issue"][0]["code"] == "not-supported"
    with everything():
        assert not Look.objects.exists()


def test_the_head_of_a_document_is_answered_like_the_document(world):
    whole, head = ask(world, world.alice.nurse), ask(world, world.alice.nurse, method="head")
    assert (head.status_code, head["Repr-Digest"], head.content) == (200, whole["Repr-Digest"], b"")
