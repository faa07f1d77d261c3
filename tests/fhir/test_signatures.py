"""The signature of a sealed packet's document: who is given it, that it fits the bytes that were served, and that others can check it."""

import base64
import hashlib
import json
from copy import deepcopy
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from django.db import connection
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import document_signatures
from handrail.actions.document_keys import make_key, rotate_key, sign, withdraw_key
from handrail.actions.document_signatures import standing
from handrail.actions.not_known import seal_looked
from handrail.actions.packets import last_opened
from handrail.people.scope import everything
from handrail.records.models import Document, Look
from tests.support.factories import World, make_member
from tests.support.handoffs import LOOKED
from tests.support.health_links import linked, manifest
from tests.support.once import made_once
from tests.support.packets import NOW, told

pytestmark = pytest.mark.django_db


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.version = seal_looked(world.course.pk, LOOKED, by=world.actor("alice"))
        world.house, world.director = world.alice.organisation, world.actor("alice", "director")
        return world


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = deepcopy(the_world)
        world.time = frozen
        yield world


def ask(world, name="fhir_signature", who=None, version=None, method="get"):
    client = Client(enforce_csrf_checks=True)
    if who is not False:
        client.force_login(who or world.alice.nurse)
    return getattr(client, method)(reverse(name, args=[version or world.version.pk]))


def keys_of(world):
    return Client().get(reverse("fhir_keys", args=[world.house.pk]))


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def checked_by_hand(content: bytes, signature: str, keys: list[dict]) -> None:
    """The steps of RFC 7515, with no part of ours: raises when they do not fit."""
    head, _, said = signature.split(".")
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    (row,) = [each for each in keys if each["kid"] == kid]
    public = ec.EllipticCurvePublicNumbers(number(row["x"]), number(row["y"]), ec.SECP384R1()).public_key()
    raw = base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))
    assert len(raw) == 96
    pair = encode_dss_signature(int.from_bytes(raw[:48]), int.from_bytes(raw[48:]))
    signing_input = f"{head}.".encode() + base64.urlsafe_b64encode(content).rstrip(b"=")
    public.verify(pair, signing_input, ec.ECDSA(SHA384()))


def test_what_is_served_is_signed_and_whoever_fetched_the_keys_can_check_it(world):
    make_key(world.house, by=world.director)
    document, answer, keys = ask(world, "fhir_bundle"), ask(world), keys_of(world)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jose")
    assert (keys.status_code, keys["Content-Type"]) == (200, "application/jwk-set+json")
    assert f"packet-{world.version.pk}.json.jws" in answer["Content-Disposition"]
    checked_by_hand(document.content, answer.content.decode(), keys.json()["keys"])
    assert standing(world.version).words.startswith("Good")


def test_the_same_signature_is_served_to_everybody_however_often_they_ask(world):
    make_key(world.house, by=world.director)
    first = ask(world, who=world.bob.nurse)
    rotate_key(world.house, by=world.director)
    world.time.advance(days=2)
    assert ask(world).content == first.content
    assert ask(world, method="head")["Content-Type"] == "application/jose"
    with everything():
        assert Document.objects.filter(kind="packet_fhir_r4_jws").count() == 1
        assert Look.objects.filter(user=world.bob.nurse, what="packet version 1").count() == 1


def test_two_who_fetch_it_first_at_the_same_time_are_given_one_signature(world, monkeypatch):
    """The second is served wholly between the moment at which the first finds no signature and the one at which it keeps its own."""
    make_key(world.house, by=world.director)
    ask(world, "fhir_bundle")
    with everything():
        Document.objects.filter(kind="packet_fhir_r4_jws").delete()
    between = []

    def sign_late(*args, **named):
        monkeypatch.setattr(document_signatures, "sign", sign)
        between.append(ask(world, who=world.bob.nurse).content)
        return sign(*args, **named)

    monkeypatch.setattr(document_signatures, "sign", sign_late)
    first = ask(world).content
    assert [first] == between
    with everything():
        assert Document.objects.filter(kind="packet_fhir_r4_jws").count() == 1


def test_without_a_key_nothing_is_signed_and_the_door_says_what_to_do(world):
    answer = ask(world)
    assert answer.status_code == 404 and "handrail keys make" in answer.json()["issue"][0]["diagnostics"]
    assert standing(world.version) is None and keys_of(world).json() == {"keys": []}
    make_key(world.house, by=world.director)
    assert ask(world).status_code == 200, "what was sealed before is signed when it is asked for"


def test_a_document_whose_key_was_withdrawn_is_signed_again_when_there_is_a_new_one(world):
    key = make_key(world.house, by=world.director)
    first = ask(world).content
    withdraw_key(world.house, key.kid, by=world.director)
    assert standing(world.version).words.startswith("NOT GOOD")
    assert ask(world).status_code == 404
    newer = make_key(world.house, by=world.director)
    world.time.advance(minutes=1)
    again = ask(world)
    assert again.status_code == 200 and again.content != first
    assert standing(world.version).kid == newer.kid and standing(world.version).words.startswith("Good")


def test_opening_a_health_link_signs_what_leaves(world):
    make_key(world.house, by=world.director)
    assert manifest(linked(world)).status_code == 200
    assert standing(world.version).words.startswith("Good")


CHANGED = [("sha256", "0" * 64, "was changed."), ("sealed", b"gAAAA", "cannot be decrypted.")]


@pytest.mark.parametrize(("field", "value", "words"), CHANGED)
@pytest.mark.parametrize("which", ["packet_fhir_r4", "packet_fhir_r4_jws"])
def test_stored_bytes_that_were_changed_are_found(world, which, field, value, words):
    make_key(world.house, by=world.director)
    ask(world)
    with everything():
        Document.objects.filter(kind=which).update(**{field: value})
    assert standing(world.version).words.startswith(f"NOT GOOD: The stored packet {words}")
    assert ask(world).status_code == 409


def test_stored_bytes_that_were_changed_with_their_digest_are_found_too(world):
    """Whoever can write into the database and has its key can hide a change from a digest, and not from the signature."""
    from handrail.people.secrets import decrypt, encrypt

    make_key(world.house, by=world.director)
    ask(world)
    with everything():
        row = Document.objects.get(kind="packet_fhir_r4")
        changed = decrypt(bytes(row.sealed)).replace(b"final", b"amend")
        digest = hashlib.sha256(changed).hexdigest()
        Document.objects.filter(pk=row.pk).update(sealed=encrypt(changed), sha256=digest)
    assert standing(world.version).words.startswith("NOT GOOD: the file is not the one that was signed")


def test_a_key_that_cannot_be_decrypted_lets_nothing_leave_unsigned_and_says_what_to_do(world):
    make_key(world.house, by=world.director)
    with everything(), connection.cursor() as cursor:
        cursor.execute("UPDATE people_documentkey SET private = 'gAAAA'")
    answer = ask(world, "fhir_bundle")
    assert answer.status_code == 409 and "handrail keys rotate" in answer.json()["issue"][0]["diagnostics"]
    assert manifest(linked(world)).status_code == 503
    rotate_key(world.house, by=world.director)
    assert ask(world).status_code == 200


@pytest.mark.parametrize("name", ["fhir_bundle", "fhir_signature"])
def test_who_was_refused_has_looked_at_nothing(world, name):
    """A version that somebody is said to have opened is the one that the next page compares with."""
    if name == "fhir_bundle":
        make_key(world.house, by=world.director)
        ask(world, name, who=world.bob.nurse)
        with everything():
            Document.objects.filter(kind="packet_fhir_r4").update(sha256="0" * 64)
    assert ask(world, name).status_code == (409 if name == "fhir_bundle" else 404)
    with everything():
        assert not Look.objects.filter(user=world.alice.nurse).exists()
        assert last_opened(world.course, by=world.actor("alice")) is None


WHO = [
    (lambda world: world.bob.nurse, 200),
    (lambda world: world.charlie.nurse, 404),
    (lambda world: make_member(world.house, "viewer"), 403),
    (lambda world: False, 401),
]


@pytest.mark.parametrize(("who", "status"), WHO)
def test_who_is_given_the_signature(world, who, status):
    make_key(world.house, by=world.director)
    answer = ask(world, who=who(world))
    assert (answer.status_code, answer["Cache-Control"]) == (status, "no-store")
    if status != 200:
        assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("name", ["fhir_signature", "fhir_keys"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_both_are_only_read(world, name, method):
    answer = ask(world, name, method=method)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_an_organisation_that_is_not_here_looks_like_one_without_a_key(world):
    never = Client().get(reverse("fhir_keys", args=[uuid4()]))
    assert (never.status_code, never.content) == (200, keys_of(world).content)


def test_the_page_of_a_version_says_what_is_true_about_its_signature(world):
    client = Client()
    client.force_login(world.alice.nurse)

    def page() -> str:
        return client.get(reverse("packet_version", args=[world.course.pk, 1])).content.decode()

    assert "NOT signed: the organisation has no key" in page()
    make_key(world.house, by=world.director)
    assert "Not signed yet" in page() and "Signature file" not in page()
    ask(world)
    assert "Good: not a byte has changed since" in page() and "Signature file" in page()
    with everything():
        Document.objects.filter(kind="packet_fhir_r4").update(sha256="0" * 64)
    assert '<p class="care now" role="alert">Signature of the FHIR file: <span class="digest">NOT GOOD' in page()
