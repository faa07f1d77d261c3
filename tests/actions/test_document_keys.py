"""The keys of an organisation for its documents: who makes and ends them, what each signed, and every way in which a signature is not good."""

import base64
import json
from datetime import timedelta

import pytest
from django.db import connection
from joserfc import jws
from joserfc.jwk import ECKey

from handrail import clock
from handrail.actions.document_keys import (
    Verdict,
    check,
    keys_of_set,
    known_keys,
    make_key,
    published,
    rotate_key,
    sign,
    withdraw_key,
)
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people.models import DocumentKey
from handrail.people.scope import everything
from tests.support.factories import World
from tests.support.packets import NOW

pytestmark = pytest.mark.django_db
CONTENT = '{"resourceType":"Bundle","note":"36.50 °C"}'.encode()


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.house, world.director = world.alice.organisation, world.actor("alice", "director")
        world.time = frozen
        yield world


@pytest.fixture
def key(world):
    return make_key(world.house, by=world.director)


def signature_of(world) -> str:
    return sign(world.house.pk, CONTENT, now=NOW)[1]


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [("alice", "nurse"), ("alice", "oncologist"), ("bob", "director")])
@pytest.mark.parametrize("act", ["make", "rotate", "withdraw"])
def test_only_a_director_of_the_organisation_makes_and_ends_its_keys(world, key, who, act):
    by = world.actor(*who)
    acts = {
        "make": lambda: make_key(world.house, by=by),
        "rotate": lambda: rotate_key(world.house, by=by),
        "withdraw": lambda: withdraw_key(world.house, key.kid, by=by),
    }
    with pytest.raises(NotAllowedError):
        acts[act]()
    with everything():
        assert DocumentKey.objects.get().ended_at is None


def test_only_the_public_half_is_published_and_the_private_half_is_no_text_of_the_row(world, key):
    (public,) = published(world.house.pk)["keys"]
    assert set(public) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (public["kid"], public["alg"], public["crv"]) == (key.kid, "ES384", "P-384")
    assert ECKey.import_key(public).thumbprint() == key.kid
    secret = json.loads(key.private)["d"]
    assert secret not in f"{key} {key!r} {json.dumps(key.public)}"
    assert published(world.bob.organisation.pk) == {"keys": []}


def test_a_second_key_is_only_made_by_rotating(world, key):
    with pytest.raises(RefusedError, match="rotate"):
        make_key(world.house, by=world.director)
    with pytest.raises(RefusedError, match="make one first"):
        rotate_key(world.bob.organisation, by=world.actor("bob", "director"))


def test_a_key_that_was_rotated_signs_no_more_and_what_it_signed_stays_good(world, key):
    before = signature_of(world)
    newer = rotate_key(world.house, by=world.director)
    after = signature_of(world)
    with everything():
        former = DocumentKey.objects.get(kid=key.kid)
    assert (former.private, former.ended_at, former.withdrawn_at) == ("", NOW, None)
    assert [each["kid"] for each in published(world.house.pk)["keys"]].count(key.kid) == 1
    found = [check(CONTENT, each, known_keys()) for each in (before, after)]
    assert [(each.verdict, each.kid) for each in found] == [(Verdict.GOOD, key.kid), (Verdict.GOOD, newer.kid)]


def test_a_key_that_was_withdrawn_vouches_for_nothing_and_is_published_no_more(world, key):
    signature = signature_of(world)
    world.time.advance(hours=2)
    withdraw_key(world.house, key.kid, by=world.director)
    assert published(world.house.pk) == {"keys": []} and sign(world.house.pk, CONTENT, now=NOW) is None
    found = check(CONTENT, signature, known_keys())
    assert found.verdict is Verdict.WITHDRAWN
    assert f"{world.house.name} withdrew the key {key.kid} on {NOW + timedelta(hours=2):%Y-%m-%d}" in found.words
    again = withdraw_key(world.house, key.kid, by=world.director)
    assert again.withdrawn_at == NOW + timedelta(hours=2), "the first instant counts"
    assert make_key(world.house, by=world.director).kid != key.kid, "then a new one may be made"
    with pytest.raises(NotVisibleError):
        withdraw_key(world.house, "never-made", by=world.director)


def stored(key) -> str:
    """The private half as it stands in the table."""
    with everything(), connection.cursor() as cursor:
        cursor.execute("SELECT private FROM people_documentkey WHERE kid = %s", [key.kid])
        return cursor.fetchone()[0]


def test_the_private_half_is_kept_encrypted_and_gone_from_the_table_with_the_key(world, key):
    assert stored(key).startswith("gAAAA") and json.loads(key.private)["d"] not in stored(key)
    newer = rotate_key(world.house, by=world.director)
    assert stored(key) == "" and stored(newer).startswith("gAAAA")
    withdraw_key(world.house, newer.kid, by=world.director)
    assert stored(newer) == ""


@pytest.mark.parametrize("ended", ["rotated", "withdrawn"])
def test_a_key_that_nobody_can_decrypt_any_more_is_published_and_checked_and_can_be_ended(world, key, ended):
    """Signing is all that the private half is for: who publishes, checks or ends a key does not open it."""
    signature = signature_of(world)
    with everything(), connection.cursor() as cursor:
        cursor.execute("UPDATE people_documentkey SET private = 'gAAAA'")
    with pytest.raises(RefusedError, match="handrail keys rotate"):
        signature_of(world)
    assert [each["kid"] for each in published(world.house.pk)["keys"]] == [key.kid]
    assert check(CONTENT, signature, known_keys()).verdict is Verdict.GOOD
    if ended == "rotated":
        assert rotate_key(world.house, by=world.director).kid != key.kid
    else:
        assert withdraw_key(world.house, key.kid, by=world.director).withdrawn_at == NOW
    assert stored(key) == ""


def test_an_organisation_without_a_key_signs_nothing(world, key):
    assert sign(world.bob.organisation.pk, CONTENT, now=NOW) is None


# --- signatures -------------------------------------------------------------------------------------------------------


def test_a_good_signature_says_who_and_when(world, key):
    found = check(CONTENT, signature_of(world), known_keys(world.house.pk))
    assert (found.verdict, found.kid, found.owner, found.at) == (Verdict.GOOD, key.kid, world.house.name, NOW)
    assert found.words.startswith(f"Good: not a byte has changed since {world.house.name} signed it")


def test_the_signature_is_detached_and_its_head_names_the_key_and_where_it_is_published(world, key):
    signature = signature_of(world)
    head, payload, _ = signature.split(".")
    assert payload == ""
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {
        "alg": "ES384",
        "kid": key.kid,
        "jku": f"http://127.0.0.1:8000/fhir/keys/{world.house.pk}/jwks.json",
        "iat": int(NOW.timestamp()),
    }


@pytest.mark.parametrize("size", [0, 1, 128_001, 1_000_000])
def test_a_document_may_be_larger_than_the_librarys_own_limit(world, key, size):
    content = b"x" * size
    _, signature = sign(world.house.pk, content, now=NOW)
    assert check(content, signature, known_keys()).verdict is Verdict.GOOD
    assert check(content + b"x", signature, known_keys()).verdict is Verdict.CHANGED


CHANGES = [
    (CONTENT + b"\n", "a line end at the end"),
    (CONTENT[:-1], "one byte less"),
    (CONTENT.replace(b"36.50", b"36.5"), "a digit that means nothing"),
    (CONTENT.replace(b"36.50", b"38.50"), "another temperature"),
    (json.dumps(json.loads(CONTENT)).encode(), "the same JSON written otherwise"),
    (b"", "nothing"),
]


@pytest.mark.parametrize("content", [row[0] for row in CHANGES], ids=[row[1] for row in CHANGES])
def test_one_byte_that_is_another_is_found(world, key, content):
    found = check(content, signature_of(world), known_keys())
    assert found.verdict is Verdict.CHANGED and found.words.startswith("NOT GOOD: the file is not the one")


def test_a_signature_with_the_name_of_our_key_made_with_another_is_found(world, key):
    other = ECKey.generate_key("P-384")
    header = {"alg": "ES384", "kid": key.kid, "iat": int(NOW.timestamp())}
    registry = jws.JWSRegistry(algorithms=["ES384"], strict_check_header=False)
    forged = jws.detach_content(jws.serialize_compact(header, CONTENT, other, registry=registry))
    assert check(CONTENT, forged, known_keys()).verdict is Verdict.CHANGED


def head(**said) -> str:
    body = {"alg": "ES384", "kid": "k", "iat": 0} | said
    return base64.urlsafe_b64encode(json.dumps({k: v for k, v in body.items() if v != "absent"}).encode()).decode()


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256"])
def test_another_algorithm_is_never_believed(world, key, alg):
    signature = f"{head(alg=alg, kid=key.kid)}..AAAA"
    assert check(CONTENT, signature, known_keys()).verdict is Verdict.CHANGED


def test_a_key_that_nobody_here_knows_is_said_and_not_guessed(world, key):
    signature = signature_of(world)
    found = check(CONTENT, signature, known_keys(world.bob.organisation.pk))
    assert found.verdict is Verdict.UNKNOWN_KEY
    assert found.words.startswith(f"CANNOT SAY: the key {key.kid} is not known here")


NO_SIGNATURES = [
    "",
    "..",
    "a.b.c",
    "a.b",
    "ä..ä",
    f"{head()}.eA.AAAA",
    f"{head(kid='absent')}..AAAA",
    f"{head(kid=7)}..AAAA",
    f"{head(kid='two words')}..AAAA",
    f"{head(kid='k' * 65)}..AAAA",
    f"{head(iat='absent')}..AAAA",
    f"{head(iat='today')}..AAAA",
    f"{head(iat=True)}..AAAA",
    f"{head(iat=10**20)}..AAAA",
    base64.urlsafe_b64encode(b"[" * 9000).decode() + "..AAAA",
]


@pytest.mark.parametrize("signature", NO_SIGNATURES)
def test_what_is_no_detached_signature_is_said(signature):
    found = check(CONTENT, signature, {})
    assert found.verdict is Verdict.UNREADABLE and found.words.startswith("CANNOT SAY")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys": [7]}', b'{"keys": [{}]}', b'{"keys": 7}', b"\xff"])
def test_what_is_no_set_of_keys_is_refused(text):
    with pytest.raises(RefusedError, match="JSON Web Key Set"):
        keys_of_set(text, "somebody")


SPOILT = [
    {"x": "AAAA"},
    {"kty": "one that is not there"},
    {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAA"},
    ECKey.generate_key("P-256").as_dict(private=False),
]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_key_that_cannot_be_used_makes_nothing_good_and_blames_no_file(world, key, spoilt):
    rows = [{**key.public, **spoilt, "kid": key.kid}]
    found = check(CONTENT, signature_of(world), keys_of_set(json.dumps({"keys": rows}).encode(), "somebody"))
    assert found.verdict is Verdict.UNKNOWN_KEY
    assert found.words.startswith(f"CANNOT SAY: what stands here as the key {key.kid}")
